"""Tests of one file each; they mirror `indexer/`."""
