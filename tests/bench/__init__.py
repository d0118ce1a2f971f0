"""The benchmark: our decoders and our log parse against anchorpy, turn by turn. `make bench` runs it."""
