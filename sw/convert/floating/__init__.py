"""Networks in floating point: what an import gives, how it is evaluated and checked."""
