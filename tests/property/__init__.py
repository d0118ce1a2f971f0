"""What must hold of the core for any input at all."""
