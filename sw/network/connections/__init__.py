"""How projections connect. A kind is a file here and a line in ``named.py``."""
