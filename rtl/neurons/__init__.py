"""The neuron update: micro-operations and the lanes that execute them."""
