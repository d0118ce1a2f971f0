"""Settings: the last layer wins, a wrong key is named with its place, a secret never shows."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from indexer import config
from indexer.config import Settings, load
from indexer.errors import ConfigError
from indexer.resources import resource

URL = "postgresql://user:hunter2@host:5432/db"


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def test_the_defaults_stand_without_any_environment():
    settings = load(environment={})
    assert settings.cluster.genesis_hash == "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
    assert settings.database.url is None


def test_a_file_wins_over_defaults_and_the_environment_over_the_file(tmp_path: Path):
    file = write(tmp_path, "[replay]\npage_transactions = 7\nmax_document_bytes = 9\n")
    settings = load(file, {"PERPS_REPLAY__PAGE_TRANSACTIONS": "8"})
    assert (settings.replay.page_transactions, settings.replay.max_document_bytes) == (8, 9)


def test_perps_config_names_the_file_and_the_option_wins(tmp_path: Path):
    file = write(tmp_path, '[log]\nlevel = "error"\n')
    assert load(environment={"PERPS_CONFIG": str(file)}).log.level == "error"
    other = tmp_path / "other.toml"
    other.write_text('[log]\nlevel = "debug"\n')
    assert load(other, {"PERPS_CONFIG": str(file)}).log.level == "debug"


def test_database_url_wins_over_every_other_layer(tmp_path: Path):
    file = write(tmp_path, '[database]\nurl = "postgresql://file/x"\n')
    settings = load(file, {"DATABASE_URL": URL, "PERPS_DATABASE__URL": "postgresql://other/x"})
    assert settings.database.url is not None
    assert settings.database.url.get_secret_value() == URL


def test_perps_data_dir_moves_the_data():
    assert load(environment={"PERPS_DATA_DIR": "/elsewhere"}).data.folder == Path("/elsewhere")


def test_without_a_checkout_data_go_to_the_users_data_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(config, "checkout", lambda: None)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/u/data")
    assert load(environment={}).data.folder == Path("/home/u/data/perps-indexer")


@pytest.mark.parametrize("text", ["[replay]\npages = 1\n", "[repaly]\npage_transactions = 1\n", "pages = 1\n"])
def test_an_unknown_key_is_named_with_its_file(tmp_path: Path, text: str):
    file = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r"mine\.toml: unknown setting (replay\.pages|repaly|pages)"):
        load(file, {})


def test_an_unknown_variable_is_named():
    with pytest.raises(ConfigError, match=r"PERPS_LOG__LEVL: unknown setting log\.levl"):
        load(environment={"PERPS_LOG__LEVL": "debug"})


@pytest.mark.parametrize("name", ["PERPS_LOG_LEVEL", "PERPS_DATADIR", "PERPS_DATABASE_URL_FILE"])
def test_a_variable_that_lacks_the_two_underscores_is_named(name: str):
    with pytest.raises(ConfigError, match=f"{name}: no setting is read from this variable"):
        load(environment={name: "x"})


def test_variables_of_others_are_nobody_s_settings():
    load(environment={"PERPS_SHARED": "/x", "PERPS_CONFIG": "", "PERPS_LOGO": "x", "HOME": "/x"})


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("PERPS_REPLAY__PAGE_TRANSACTIONS", "many", "replay.page_transactions"),
        ("PERPS_REPLAY__MAX_DOCUMENT_BYTES", "0", "replay.max_document_bytes"),
        ("PERPS_CLUSTER__GENESIS_HASH", "0OIl", "cluster.genesis_hash"),
        ("PERPS_LOG__FORMAT", "xml", "log.format"),
        ("PERPS_DATABASE__POOL_MIN", "99", "database"),
    ],
)
def test_an_impossible_value_is_named_with_its_key_and_place(name: str, text: str, key: str):
    with pytest.raises(ConfigError, match=f"{name}: setting {key}: "):
        load(environment={name: text})


def test_a_file_that_is_missing_or_no_toml_is_one_line(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot read the settings"):
        load(tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match=r"mine\.toml: no valid TOML"):
        load(write(tmp_path, "[log\n"), {})
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"mine\.toml: no valid TOML"):
        load(tmp_path / "mine.toml", {})


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does(tmp_path: Path):
    (tmp_path / "mine.toml").write_bytes(b'\xef\xbb\xbf[log]\r\nlevel = "error"\r\n')
    assert load(tmp_path / "mine.toml", {}).log.level == "error"


def test_no_text_of_the_settings_has_the_password():
    settings = load(environment={"DATABASE_URL": URL})
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_every_setting_stands_in_the_default_file():
    """Those without a default value stand there as a comment."""
    text = resource("config/default.toml").read_text()
    shown = tomllib.loads(re.sub(r"^# (?=(url|dir|start_slot) =)", "", text, flags=re.MULTILINE))
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        assert set(shown[name]) == set(section.model_fields)
    assert set(shown) == set(Settings.model_fields)


def test_endpoints_are_named_in_one_variable_and_websockets_follow_from_them():
    settings = load(environment={"SOLANA_RPC_URL": "https://a.example/?api-key=sesame, http://127.0.0.1:8899"})
    assert settings.endpoints.rpc_urls == ("https://a.example/?api-key=sesame", "http://127.0.0.1:8899")
    assert settings.endpoints.websocket_urls == ("wss://a.example/?api-key=sesame", "ws://127.0.0.1:8900")
    assert "sesame" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("url", ["ftp://a.example/sesame", "a.example/sesame", "https:///sesame", ""])
def test_an_endpoint_that_is_no_url_is_refused_without_being_told(url: str):
    with pytest.raises(ConfigError) as refused:
        load(environment={"PERPS_ENDPOINTS__RPC": json.dumps([url])})
    assert "endpoints.rpc" in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "keys", "value"),
    [
        ("DATABASE_URL_FILE", f"{URL}\n", "database.url", URL),
        ("PERPS_DATABASE__URL_FILE", f"\ufeff{URL}\r\n", "database.url", URL),
        ("SOLANA_RPC_URL_FILE", "https://a/, https://b/\n", "endpoints.rpc_urls", ("https://a/", "https://b/")),
        ("SOLANA_WS_URL_FILE", "wss://a.example/", "endpoints.websocket_urls", ("wss://a.example/",)),
        ("PERPS_ENDPOINTS__PORTAL_FILE", "https://p.example/\n", "endpoints.portal", "https://p.example/"),
        ("PERPS_REPLAY__PAGE_TRANSACTIONS_FILE", "7\n", "replay.page_transactions", 7),
    ],
)  # fmt: skip
def test_a_variable_may_name_a_file_that_holds_its_value(
    tmp_path: Path, name: str, text: str, keys: str, value: object
):
    (tmp_path / "secret").write_text(text, encoding="utf-8")
    found: Any = load(environment={name: str(tmp_path / "secret")})
    for key in keys.split("."):
        found = getattr(found, key)
    assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b" \n", "is empty"), (b"\xff\xfehunter2", "no text in UTF-8")],
)
def test_a_file_without_a_usable_value_is_named_and_not_quoted(tmp_path: Path, content: bytes | None, message: str):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=f"DATABASE_URL_FILE: .*{message}") as refused:
        load(environment={"DATABASE_URL_FILE": str(tmp_path / "secret")})
    assert "hunter2" not in str(refused.value)


def test_a_variable_and_its_file_together_are_refused(tmp_path: Path):
    (tmp_path / "secret").write_text("hunter2")
    with pytest.raises(ConfigError, match="DATABASE_URL_FILE: DATABASE_URL is set too"):
        load(environment={"DATABASE_URL": URL, "DATABASE_URL_FILE": str(tmp_path / "secret")})


def test_an_empty_variable_beside_a_file_is_none(tmp_path: Path):
    """As docker compose passes variables that nobody set."""
    (tmp_path / "secret").write_text("debug")
    assert (
        load(environment={"PERPS_LOG__LEVEL": "", "PERPS_LOG__LEVEL_FILE": str(tmp_path / "secret")}).log.level
        == "debug"
    )
    assert load(environment={"DATABASE_URL_FILE": ""}).database.url is None


def test_files_that_others_name_are_not_read():
    load(environment={"POSTGRES_PASSWORD_FILE": "/nonexistent", "SSL_CERT_FILE": "/nonexistent"})


def test_the_portal_can_be_left_out():
    assert load(environment={"PERPS_ENDPOINTS__PORTAL": "none"}).endpoints.portal is None


def test_one_stream_may_be_settled_in_other_ways():
    settings = load(environment={"PERPS_STRATEGY__BY_STREAM": '{"drift": {"recent": ["blocks"], "deep": ["portal"]}}'})
    assert settings.strategy.ways("drift").recent == ("blocks",)
    assert settings.strategy.ways("gmx_solana").recent == ("signatures", "blocks")
