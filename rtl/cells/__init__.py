"""What engines are made of: memories, adders, counters, state machines; the family of chips."""
