"""Where spikes are kept and go: input, delay rings, router, recorder."""
