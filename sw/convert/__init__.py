"""Networks from other frameworks: import, evaluation in floating point, quantisation, fidelity, export."""
