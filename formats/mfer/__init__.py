"""MFER files (ISO 22077): tagged definitions followed by frames of samples."""
