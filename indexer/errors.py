"""Errors: what a person must fix. What the chain got wrong is never one of these, but a failure row.

    PerpsIndexerError
    ├── InputError           a file or an argument does not fit
    ├── ConfigError          a setting is unknown or has an impossible value
    ├── StoreUnavailable     the database cannot be reached or refuses us; may pass
    ├── SchemaError          the database and this program are not of the same making
    └── ClusterMismatch      the database, a file or an endpoint belongs to another Solana cluster

The text of each is one line for people, with coordinates, and never holds a credential. The command
line prints it, with its remedy, and exits with `EXIT_CODE`; a traceback means a bug.
"""

EXIT_CODE = 2


class PerpsIndexerError(Exception):
    """`place`: the file, key or address it is about. `remedy`: what to do, as an imperative."""

    def __init__(self, message: str, *, place: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class InputError(PerpsIndexerError):
    """A file or an argument does not fit: no JSON, another shape, empty, too large, no valid SQL."""


class ConfigError(PerpsIndexerError):
    """A setting is unknown or has an impossible value."""


class StoreUnavailable(PerpsIndexerError):
    """The database cannot be reached or refuses the connection. May pass: a loop may try again."""


class SchemaError(PerpsIndexerError):
    """Database and program do not fit: an edited migration, a newer ledger, an unsupported server."""


class ClusterMismatch(PerpsIndexerError):
    """Data of one Solana cluster must never enter the ledger of another."""
