"""What the studies compute beside EM and the posterior; the studies themselves read as stories."""
