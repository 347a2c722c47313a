"""The house itself: its layers, its style, its scripts, its documents."""
