"""Long recordings: watched in pieces side by side, and reported."""
