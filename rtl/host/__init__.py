"""The way to the host: serial line, frames, registers, memories."""
