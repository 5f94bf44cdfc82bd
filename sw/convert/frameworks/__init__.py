"""One importer for each framework, from its own objects or files."""
