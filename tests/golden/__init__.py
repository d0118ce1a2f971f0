"""Expected rows for captures that lie outside the repository; skipped, saying so, where they are absent."""
