"""Convert the bytes of an ECG file to an `EcgRecord`.

Each format is a module with a `FORMAT` (`parts.Format`). `registry.read` detects the format by the
content of the files.
"""
