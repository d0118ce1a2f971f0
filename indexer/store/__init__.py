"""Where rows go: PostgreSQL, and its twin in memory."""
