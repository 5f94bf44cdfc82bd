"""Kinds of projections: how each becomes passes and weight words. A new kind is a file here and a line in ``chosen.py``."""
