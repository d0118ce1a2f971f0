"""Logs: events with fields, past tense, on standard error; standard output belongs to results.

Time is UTC. No credential gets out: every string of an event passes `redacted`, also inside lists
and mappings, also from exceptions and from the loggers of libraries.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from indexer.config import LogSettings
from indexer.redaction import HIDDEN, is_secret_name, redacted


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging to `stream` (standard error)."""
    stream = stream or sys.stderr
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings, stream)],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    logging.getLogger("httpx").setLevel(max(logging.WARNING, logging.getLogger().level))  # A line for every request.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # A traceback for every try, while the store tells of it.
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: no value of the event holds a credential afterwards."""
    return {key: HIDDEN if is_secret_name(str(key)) else _redacted_value(value) for key, value in event.items()}


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # Text before redaction: a traceback quotes URLs.
    ]


def _rendering(settings: LogSettings, stream: TextIO) -> list[Processor]:
    console = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    if not console:
        return [redact_event, structlog.processors.JSONRenderer(default=str)]
    return [redact_event, structlog.dev.ConsoleRenderer(colors=stream.isatty())]


def _redacted_value(value: Any) -> Any:
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return redacted(value)
        case Mapping():
            return {key: _redacted_value(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted_value(inner) for inner in value]
    return redacted(str(value))
