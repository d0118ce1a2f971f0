"""Logs: JSON in UTC when nobody watches, and no credential in any of them."""

import io
import json
import logging

import pytest
import structlog

from indexer import log
from indexer.config import LogSettings
from indexer.redaction import redacted

SECRETS = [
    ("postgresql://user:hunter2@host:5432/db", "host:5432/db"),
    ("postgresql://user:hun/ter2@2@host/db", "host/db"),
    ("postgresql://user@host/db?sslmode=require&password=hunter2", "sslmode=require"),
    ("https://rpc.example.com/?api-key=hunter2&x=1", "rpc.example.com"),
    ("https://rpc.example.com/v2/hunter2aA0123456789b/", "rpc.example.com/v2/"),
    ("wss://rpc.example.com/?token=hunter2", "wss://rpc.example.com"),
    ("wss://rpc.example.com/hunter2aA0123456789b: not opened", ": not opened"),
    ("(see https://rpc.example.com/v2/hunter2aA0123456789b).", "rpc.example.com/v2/"),
    ("https://hunter2@rpc.example.com/x", "rpc.example.com/x"),
    ("connect with PGPASSWORD=hunter2 psql", "psql"),
    ("tried https://a.example/?apikey=hunter2 and then postgres://u:hunter2@b/c", "@b/c"),
]


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configured(form: str = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    log.configure(LogSettings.model_validate({"level": level, "format": form}), stream)
    return stream


@pytest.mark.parametrize(("text", "stays"), SECRETS)
def test_a_credential_is_hidden_and_the_rest_stays(text: str, stays: str):
    assert "hunter2" not in redacted(text)
    assert stays in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.mainnet-beta.solana.com",
        "postgresql://127.0.0.1:5432/perps",
        "postgresql://user@host/db",
        "unknown token: WSOL",
        "layout_mismatch: Fill at 5xk/9/3: 24 bytes, the IDL needs 33",
        "slot 254170887 at 10:00:00, mail a@b.example",
    ],
)
def test_text_without_a_credential_stays_as_it_is(text: str):
    assert redacted(text) == text


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(("text", "_stays"), SECRETS)
def test_no_log_line_has_a_credential(form: str, text: str, _stays: str):
    stream = configured(form)
    structlog.get_logger().info(text, url=text, nested={"urls": [text]}, error=ValueError(text), password="hunter2")
    logging.getLogger("library").warning("failed: %s", text)
    try:
        int(text)  # Its error quotes the text.
    except ValueError:
        structlog.get_logger().exception("broke")
        logging.getLogger("library").exception("broke")
    assert stream.getvalue().count("broke") >= 2
    assert "hunter2" not in stream.getvalue()


def test_json_lines_have_event_level_fields_and_a_utc_time():
    stream = configured()
    structlog.get_logger().info("page_written", stream="drift", slot=365_000_123)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["slot"]) == ("page_written", "info", 365_000_123)
    assert line["timestamp"].endswith("Z")


def test_lines_below_the_level_are_dropped():
    stream = configured(level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


def test_auto_is_json_where_nobody_watches():
    stream = configured("auto")
    structlog.get_logger().info("page_written")
    assert json.loads(stream.getvalue())["event"] == "page_written"


def test_tries_to_connect_that_the_store_tells_of_are_not_told_twice():
    stream = configured()
    logging.getLogger("asyncpg.pool").warning("Failed to restore the pool connection floor; retrying")
    logging.getLogger("other").warning("told")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["told"]
