"""CPU time of the measurements of a recording: step by step, and of two trees in turn."""
