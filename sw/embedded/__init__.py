"""For hosts without Python: a driver in C99 and program images for it."""
