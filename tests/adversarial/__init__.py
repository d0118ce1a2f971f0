"""Transactions made to deceive: what the core must say about each, and changes of it that they must notice."""
