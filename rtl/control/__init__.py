"""What runs when: windows, program, passes, counters of populations."""
