"""Tests of the rule books; bytes are made by the tests' own encoder unless a capture is named."""
