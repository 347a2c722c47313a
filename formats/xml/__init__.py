"""Vendors' XML formats; `tree` parses XML safely for all of them."""
