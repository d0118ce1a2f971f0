"""Settings: the shipped defaults, then a file of the user's, then the environment; the last one wins.

An unknown key is an error that names the key and where it stands: a mistyped setting must not be
silently without effect. Secrets never show in the text of settings or errors.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from indexer.errors import ConfigError
from indexer.redaction import redacted
from indexer.resources import checkout, resource

PREFIX = "PERPS_"
# Short names people know, and the keys they stand for. The last of equal keys wins.
SHORT_NAMES = {
    "DATABASE_URL": ("database", "url"),
    "PERPS_DATA_DIR": ("data", "dir"),
    "SOLANA_RPC_URL": ("endpoints", "rpc"),
    "SOLANA_WS_URL": ("endpoints", "websocket"),
}
LISTS = ("SOLANA_RPC_URL", "SOLANA_WS_URL")  # Several are separated by commas.
FROM_FILE = "_FILE"  # DATABASE_URL_FILE names a file that holds what DATABASE_URL would.

Layer = tuple[str, dict[str, Any]]  # Where it stands, and the settings read there.


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DatabaseSettings(_Section):
    """`url` None: the embedded server. `connect_timeout_s` in seconds.

    `pooled`: a pooler stands before the server that may give each transaction another session.
    """

    url: SecretStr | None = None
    pool_min: int = Field(ge=0, le=1000)
    pool_max: int = Field(ge=1, le=1000)
    connect_timeout_s: float = Field(gt=0, le=3600)
    pooled: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "DatabaseSettings":
        if self.pool_min > self.pool_max:
            raise ValueError(f"pool_min {self.pool_min} is above pool_max {self.pool_max}")
        return self


class DataSettings(_Section):
    """`dir` None: the default place, see `folder`."""

    dir: Path | None = None

    @property
    def folder(self) -> Path:
        """The data folder, absolute. Existing or not."""
        return (self.dir or default_data_folder()).expanduser().absolute()


class ClusterSettings(_Section):
    """`genesis_hash` in base58, 32 to 44 characters."""

    name: str = Field(min_length=1)
    genesis_hash: str = Field(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$")


class ReplaySettings(_Section):
    """Sizes in bytes, pages in transactions."""

    max_file_bytes: int = Field(ge=1)
    max_decompressed_bytes: int = Field(ge=1)
    max_document_bytes: int = Field(ge=1)
    page_transactions: int = Field(ge=1, le=100_000)


Strategy = Literal["signatures", "blocks", "portal"]


class EndpointSettings(_Section):
    """Who is asked. URLs may hold keys. Rates in requests a second, times in seconds, sizes in bytes."""

    rpc: tuple[SecretStr, ...]
    websocket: tuple[SecretStr, ...] = ()
    portal: SecretStr | None = None
    max_supported_transaction_version: int = Field(ge=0, le=255)
    timeout_s: float = Field(gt=0, le=600)
    max_response_bytes: int = Field(ge=1_000_000)
    first_rate: float = Field(gt=0, le=100_000)
    max_rate: float = Field(gt=0, le=100_000)
    in_flight: int = Field(ge=1, le=10_000)
    batch: int = Field(ge=1, le=1000)
    portal_rate: float = Field(gt=0, le=100_000)
    silence_s: float = Field(gt=0, le=3600)
    max_message_bytes: int = Field(ge=1_000_000)

    @field_validator("rpc", "websocket")
    @classmethod
    def _addresses(cls, urls: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        wanted = ("http", "https") if info.field_name == "rpc" else ("ws", "wss")
        for url in urls:
            _require_address(url.get_secret_value(), wanted)
        if info.field_name == "rpc" and not urls:
            raise ValueError("names no endpoint")
        return urls

    @field_validator("portal", mode="before")
    @classmethod
    def _no_portal(cls, url: object) -> object:
        return None if url in ("", "none") else url

    @field_validator("portal")
    @classmethod
    def _portal_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            _require_address(url.get_secret_value(), ("http", "https"))
        return url

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        return tuple(url.get_secret_value() for url in self.rpc)

    @property
    def websocket_urls(self) -> tuple[str, ...]:
        """As configured; else where nodes and vendors serve WebSockets: the RPC's own address, a node's port + 1."""
        if self.websocket:
            return tuple(url.get_secret_value() for url in self.websocket)
        return tuple(_websocket_of(url) for url in self.rpc_urls)


def _require_address(url: str, schemes: Sequence[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"no URL of the form {schemes[-1]}://host...")


def _websocket_of(url: str) -> str:
    """As Solana's own clients derive it."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    if parts.port is None:
        return urlunsplit(parts._replace(scheme=scheme))
    user, at, host = parts.netloc.rpartition("@")
    place = f"{user}{at}{host.rpartition(':')[0]}:{parts.port + 1}"
    return urlunsplit(parts._replace(scheme=scheme, netloc=place))


class Ways(_Section):
    """Strategies in order of preference: what one leaves missing is the next one's."""

    recent: tuple[Strategy, ...] = Field(min_length=1)
    deep: tuple[Strategy, ...] = Field(min_length=1)


class StrategySettings(Ways):
    """How slots are settled, by age. `recent_slots` behind the finalized head are recent, older ones are deep."""

    recent_slots: int = Field(ge=1)
    by_stream: dict[str, Ways] = {}
    lists: int = Field(ge=1, le=10)
    seam_slots: int = Field(ge=0)
    span_slots: int = Field(ge=1)
    prefetch: int = Field(ge=1, le=1000)

    def ways(self, stream: str) -> Ways:
        return self.by_stream.get(stream, self)


class RunSettings(_Section):
    """Times in seconds, `history_days` in days, queues in transactions. `protocols` empty: all.

    `snapshot_every_s` 0: never.
    """

    protocols: tuple[str, ...] = ()
    history_days: float = Field(ge=0, le=10_000)
    start_slot: int | None = Field(default=None, ge=0)
    settle_every_s: float = Field(gt=0, le=3600)
    poll_every_s: float = Field(gt=0, le=3600)
    observe_every_s: float = Field(gt=0, le=3600)
    snapshot_every_s: float = Field(ge=0, le=86_400)
    retry_unavailable_s: float = Field(gt=0)
    lease_s: float = Field(ge=5, le=86_400)
    hint_queue: int = Field(ge=1, le=1_000_000)
    fetches: int = Field(ge=1, le=1000)
    verify_every_s: float = Field(gt=0, le=86_400)


class WorkerSettings(_Section):
    """`lanes`: spans of each stream at once. `stalled_s` in seconds."""

    lanes: int = Field(ge=1, le=64)
    stalled_s: float = Field(ge=10, le=86_400)


class RetentionSettings(_Section):
    """Days that are kept behind the finalized head; 0: all. `ahead` in partitions."""

    raw_days: float = Field(ge=0, le=100_000)
    all_days: float = Field(ge=0, le=100_000)
    ahead: int = Field(ge=1, le=24)
    every_s: float = Field(ge=1, le=86_400)

    @model_validator(mode="after")
    def _ordered(self) -> "RetentionSettings":
        if self.raw_days and self.all_days and self.raw_days > self.all_days:
            raise ValueError(
                f"raw_days {self.raw_days:g} is above all_days {self.all_days:g}: raw bytes go with their rows"
            )
        return self


class AggregateSettings(_Section):
    """Seconds between runs when nothing waits; `marks`: buckets made again in one transaction. Then what numbers are
    computed with, kept in the ledger beside them: see `parameters`."""

    hours_s: float = Field(gt=0, le=3600)
    days_s: float = Field(gt=0, le=86_400)
    refresh_s: float = Field(gt=0, le=86_400)
    marks: int = Field(ge=1, le=100_000)
    price_max_age_s: int = Field(ge=3600, le=31_536_000)
    tvl_known_fraction: Decimal = Field(ge=0, le=1)
    ratio_days: int = Field(ge=1, le=7)
    wash_turnover: Decimal = Field(gt=0)
    wash_imbalance: Decimal = Field(ge=0, le=1)
    wash_positions: int = Field(ge=1)

    @property
    def parameters(self) -> dict[str, Decimal]:
        """By name, as in ledger.parameters."""
        names = [name for name in type(self).model_fields if name not in ("hours_s", "days_s", "refresh_s", "marks")]
        return {name: Decimal(getattr(self, name)) for name in names}


class HttpSettings(_Section):
    """What is served, to whom, and how much of it. `port` 0: any that is free. `hosts`: further names in Host."""

    enabled: bool
    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65_535)
    hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    pool_max: int = Field(ge=1, le=1000)
    statement_timeout_s: float = Field(gt=0, le=600)
    max_rows: int = Field(ge=1, le=100_000)
    max_requests: int = Field(ge=1, le=10_000)


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Settings(_Section):
    """All settings, made by `load`."""

    database: DatabaseSettings
    data: DataSettings
    cluster: ClusterSettings
    replay: ReplaySettings
    endpoints: EndpointSettings
    strategy: StrategySettings
    run: RunSettings
    worker: WorkerSettings
    retention: RetentionSettings
    aggregates: AggregateSettings
    http: HttpSettings
    log: LogSettings


def load(config: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. `config`: a TOML file, else the one PERPS_CONFIG names. Raises ConfigError."""
    environment = os.environ if environment is None else environment
    named = config or (Path(environment["PERPS_CONFIG"]) if environment.get("PERPS_CONFIG") else None)
    files = [resource("config/default.toml"), *([named] if named else [])]
    layers = [*((str(file), _read(file)) for file in files), *_environment(_with_files(environment))]
    for place, layer in layers:
        for key in _unknown(layer, Settings):
            raise ConfigError(f"unknown setting {key}", place=place, remedy="see config/default.toml for all settings")
    return _checked(layers)


def handed_over(settings: Settings) -> bytes:
    """One line for another process of ours, secrets and all: by a pipe only, never to a file or a log."""
    return json.dumps(settings.model_dump(), default=_plain).encode() + b"\n"


def taken_over(line: bytes) -> Settings:
    """The settings of `handed_over`. Raises ConfigError."""
    try:
        return Settings.model_validate_json(line)
    except ValidationError as error:
        kinds = {found["type"] for found in error.errors(include_input=False, include_url=False)}
        raise ConfigError(f"no settings: {', '.join(sorted(kinds))}", place="standard input") from None


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def default_data_folder() -> Path:
    """`.data` in the checkout this program runs from, else the user's data folder."""
    if root := checkout():
        return root / ".data"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "perps-indexer"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read the settings: {error.strerror}", place=str(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"no valid TOML: {error}", place=str(file)) from None


def _with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """In the place of variables ending in _FILE what the files hold that they name: no secret in the environment."""
    given = dict(environment)
    for name in [name for name, path in environment.items() if path and name.endswith(FROM_FILE)]:
        meant = name.removesuffix(FROM_FILE)
        if meant in SHORT_NAMES or (meant.startswith(PREFIX) and "__" in meant):
            path = given.pop(name)
            if given.get(meant):
                raise ConfigError(f"{meant} is set too", place=name, remedy="set one of them")
            given[meant] = _secret(name, Path(path))
    return given


def _secret(name: str, file: Path) -> str:
    """The text of a file, without the line's end that editors add. No error tells what it holds."""
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", place=name) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no text in UTF-8", place=name) from None
    if not text:
        raise ConfigError(f"{file} is empty", place=name)
    return text


def _environment(environment: Mapping[str, str]) -> Iterator[Layer]:
    """One layer per variable, so that an error can name it."""
    for name, value in sorted(environment.items()):
        if wanted := _mistyped(name):
            raise ConfigError("no setting is read from this variable", place=name, remedy=f"write {wanted}")
        if name.startswith(PREFIX) and "__" in name and value:
            yield name, _nested(tuple(name.removeprefix(PREFIX).lower().split("__")), value)
    for name, keys in SHORT_NAMES.items():
        if environment.get(name):
            yield name, _nested(keys, _listed(environment[name]) if name in LISTS else environment[name])


def _mistyped(name: str) -> str | None:
    """The variable that was meant: a setting's letters, without the two underscores between section and key."""
    if not name.startswith(PREFIX) or "__" in name or name in SHORT_NAMES:
        return None
    letters = name.removeprefix(PREFIX).removesuffix(FROM_FILE).replace("_", "").lower()
    for section, field in Settings.model_fields.items():
        assert isinstance(field.annotation, type), "every section is a class"
        for key in getattr(field.annotation, "model_fields", ()):
            if letters == f"{section}{key}".replace("_", ""):
                return f"{PREFIX}{section}__{key}".upper()
    return None


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _nested(keys: tuple[str, ...], value: str | list[str]) -> dict[str, Any]:
    """{"a": {"b": value}} for keys a, b. A value like [..] or {..} is JSON: lists and tables in the environment."""
    inner: Any = value
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            inner = json.loads(value)
        except json.JSONDecodeError:
            inner = value  # Left to the check of its type, which names the key.
    for key in reversed(keys):
        inner = {key: inner}
    return dict(inner)


def _unknown(layer: Mapping[str, Any], section: type[BaseModel], path: str = "") -> Iterator[str]:
    for key, value in layer.items():
        field = section.model_fields.get(key)
        if field is None:
            yield path + key
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel) and isinstance(value, dict):
            yield from _unknown(value, field.annotation, f"{path}{key}.")


def _checked(layers: list[Layer]) -> Settings:
    merged: dict[str, Any] = {}
    for _, layer in layers:
        _merge(merged, layer)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        keys = tuple(str(key) for key in first["loc"])
        message = f"setting {'.'.join(keys)}: {_words(first)}"
        raise ConfigError(redacted(message), place=_place(layers, keys)) from None


def _words(error: Mapping[str, Any]) -> str:
    """What is wrong, without the names that only our source knows."""
    if error["type"] == "model_type":
        return "is a section of settings, not one value"
    if error["loc"] == ("cluster", "genesis_hash"):
        return "no hash in base58 (32 to 44 characters)"
    return str(error["msg"]).removeprefix("Value error, ")


def _merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def _place(layers: list[Layer], keys: tuple[str, ...]) -> str:
    """The last layer that holds `keys`: it is the one that counted."""
    return next((place for place, layer in reversed(layers) if _holds(layer, keys)), layers[0][0])


def _holds(layer: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(layer, dict) or key not in layer:
            return False
        layer = layer[key]
    return True
