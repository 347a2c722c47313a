"""EDF, EDF+, BDF and BDF+: a header of text, then records of all signals' samples."""
