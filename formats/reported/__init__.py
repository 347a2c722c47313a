"""What a device reports in its file beside the samples: its measurements and its statements."""
