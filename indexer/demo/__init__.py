"""The demo: a simulated cluster, and the real program on it."""
