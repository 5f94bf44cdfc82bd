"""Files shipped with the package: the demo network."""
