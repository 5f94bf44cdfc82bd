"""Tests of the import from other frameworks."""
