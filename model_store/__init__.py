"""Where weights come from: bundles, manifest, downloads, safe import, conversion, verification.

This file imports nothing: a process that only reads a bundle.json must not load torch or
huggingface_hub.
"""
