"""Reports of recordings that were imported, not streamed."""
