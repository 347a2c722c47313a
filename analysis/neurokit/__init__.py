"""The parts of an answer that NeuroKit2 gives: `measurements` by its methods, and `hrv`."""
