"""Long recordings, read a stretch at a time: a Holter of two days never is in memory as a whole."""
