"""What a long recording shows: beats, episodes, rates, variability and ST, from arrays alone."""
