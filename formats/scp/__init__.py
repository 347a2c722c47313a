"""SCP-ECG records (EN 1064): checksummed sections of coded samples."""
