"""Networks that are Python objects: followed while they run, turned into a float network, compared with it."""
