"""Pure: one file per protocol. They never import each other."""
