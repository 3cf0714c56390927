"""The pictures of the studies, a file each; the studies themselves read as stories."""
