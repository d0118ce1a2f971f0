"""Pure: what Solana is, and what a record is. No I/O, no clock, no randomness."""
