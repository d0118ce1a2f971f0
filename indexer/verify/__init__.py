"""Evidence that protocols leave of their own completeness. Pure."""
