"""NIR graphs: import, export, and what each framework means by them."""
