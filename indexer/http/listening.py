"""The socket that is listened on: one, opened before anything is served on it."""

from __future__ import annotations

import errno
import os
import socket

from indexer.config import HttpSettings
from indexer.errors import ConfigError

_WAITING = 128  # Connections that the system keeps until they are taken.


def listen(settings: HttpSettings) -> socket.socket:
    """A socket at the address of the settings. Raises ConfigError where that is not ours to take."""
    place = f"{settings.host}:{settings.port}"
    try:
        family, *_, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_WAITING)
    except OSError as error:
        number = error.errno if error.errno in errno.errorcode else None
        reason = os.strerror(number) if number else error.strerror or str(error)
        raise ConfigError(f"cannot listen: {reason}", place=place, remedy=_remedy(number)) from None


def _remedy(number: int | None) -> str:
    if number == errno.EADDRINUSE:
        return "set another [http] port (PERPS_HTTP__PORT), or end the program that listens there"
    return "set [http] host and port (PERPS_HTTP__HOST, PERPS_HTTP__PORT) to an address of this machine"
