"""Where weights come from: bundles, the manifest, downloads, safe import, conversion, verification.

Nothing is imported here: neither torch nor huggingface_hub may cost a process that only reads a bundle.json.
"""
