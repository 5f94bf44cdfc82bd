"""Network description: populations and projections, their file format, and the result of a run."""
