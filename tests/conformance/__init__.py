"""JavaScript clients that nobody here wrote, against the simulated nodes and portal: `make conformance`."""
