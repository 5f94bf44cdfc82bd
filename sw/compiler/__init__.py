"""Compiler: network to program for one gateware configuration."""
