"""WFDB records (PhysioNet): a text header and the signal files that it names."""
