"""The golden model: every spike and membrane of a network, bit for bit."""
