"""How many groups: candidates side by side under several criteria."""
