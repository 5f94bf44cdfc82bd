"""Damaged and made-up inputs: each is a typed error or a correct load, nothing else. ``python -m tests.fuzz --inputs 20000 --seed 1``."""
