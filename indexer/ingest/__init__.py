"""The loops that move pages from a source into the store."""
