"""From floating point to integers, and what that changed."""
