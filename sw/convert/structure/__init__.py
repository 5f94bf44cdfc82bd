"""What a chain of operators is for the hardware: a convolution, pooling, an identity, or weights between all neurons."""
