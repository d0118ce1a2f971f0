"""What is served over HTTP: pages, a JSON API, metrics and the state of the indexer. Reads, and never writes."""
