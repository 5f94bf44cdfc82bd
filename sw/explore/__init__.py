"""The search for the accelerator that suits a network: candidates, what each would be, and those that nothing else beats."""
