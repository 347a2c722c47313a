"""Bulk embeddings on a Ray cluster: `python -m bulk.ray`."""
