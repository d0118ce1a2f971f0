"""The OpenAPI 3.1 document, made of the same definitions that serve the routes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer import __version__
from indexer.http.asked import DEFAULT_ROWS, KEY, MOST_CURSOR_CHARS, TEXT, filters_of, is_key
from indexer.http.catalogue import Column, Relation
from indexer.http.tables import PROTOCOLS, TABLES, Table
from indexer.http.trouble import CODES

_Schema = dict[str, Any]
_OF_KIND: Mapping[str, _Schema] = {
    "text": {"type": "string"},
    "int2": {"type": "integer", "format": "int32"},
    "int4": {"type": "integer", "format": "int32"},
    "int8": {"type": "integer", "format": "int64"},
    "numeric": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "bool": {"type": "boolean"},
    "timestamptz": {"type": "string", "format": "date-time", "pattern": "Z$"},
    "date": {"type": "string", "format": "date"},
    "bytea": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    "_text": {"type": "array", "items": {"type": "string"}},
}
_DESCRIPTION = """Trades, swaps, liquidity, liquidations, funding and TVL of Drift, GMX-Solana and Jupiter Perps.

Decimals are strings with every digit; unknown is null, never 0; times are UTC. Rows come newest first, or oldest first
with `order=asc`. `next` of an answer is the `cursor` of the page behind it; null: there is none. Errors have a `code`
that stays."""


def document(relations: Mapping[str, Relation], most_rows: int) -> _Schema:
    """`relations`: the tables that the database has. A table of the API that it lacks is left out."""
    served = {name: relations[name] for name in TABLES if name in relations}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "perps-indexer",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/api/v1/": _path("index", "Which tables there are.", "Index"),
            **{f"/api/v1/{name}": _table_path(TABLES[name], relation, most_rows) for name, relation in served.items()},
            "/health": _path("health", "Whether the server is alive; nothing is asked for it.", "Health", ()),
            "/ready": _ready(),
            "/status": _path("status", "How far each protocol is, what it lacks, how endpoints fare.", "Status"),
            "/metrics": _metrics(),
        },
        "components": {
            "schemas": {
                **{name: _row(relation) for name, relation in served.items()},
                **_FIXED,
                **({"ProtocolStatus": _protocol(served["status"])} if "status" in served else {}),
            },
            "responses": {
                str(status): _response("Why there is no answer.", "Error") for status in sorted(set(CODES.values()))
            },
        },
    }


def _path(name: str, says: str, schema: str, errors: tuple[int, ...] = (503,)) -> _Schema:
    answers = {"200": _response(says, schema), **_errors(400, 403, *errors)}
    return {"get": {"operationId": name, "summary": says, "responses": answers}}


def _table_path(table: Table, relation: Relation, most_rows: int) -> _Schema:
    page = {
        "type": "object",
        "properties": {
            "table": {"const": table.name},
            "rows": {"type": "array", "maxItems": most_rows, "items": _ref(table.name)},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page; null: this is the last."},
        },
        "required": ["table", "rows", "next"],
        "additionalProperties": False,
    }
    answer = {"description": relation.says, "content": {"application/json": {"schema": page}}}
    return {
        "get": {
            "operationId": table.name,
            "summary": relation.says,
            "tags": ["tables"],
            "parameters": [*_paging(most_rows), *(_times(table) if table.time else []), *_filters(relation)],
            "responses": {"200": answer, **_errors(400, 403, 503)},
        }
    }


def _paging(most_rows: int) -> list[_Schema]:
    return [
        _parameter(
            "limit",
            "Rows of a page.",
            {"type": "integer", "minimum": 1, "maximum": most_rows, "default": min(DEFAULT_ROWS, most_rows)},
        ),
        _parameter("order", "Newest first, or oldest first.", {"enum": ["desc", "asc"], "default": "desc"}),
        _parameter(
            "cursor",
            "`next` of the page before, for the same table and order.",
            {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MOST_CURSOR_CHARS},
        ),
    ]


def _times(table: Table) -> list[_Schema]:
    moment = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    return [
        _parameter("from", f"Rows whose {table.time} is at this time or later.", moment),
        _parameter("to", f"Rows whose {table.time} is before this time.", moment),
    ]


def _filters(relation: Relation) -> list[_Schema]:
    return [
        _parameter(one.name, f"Only rows with this value. {one.means}", _filter(one, relation))
        for one in filters_of(relation)
    ]


def _filter(column: Column, relation: Relation) -> _Schema:
    if column.kind == "bool":
        return {"type": "boolean"}
    if column.name == "protocol":
        return {"enum": list(PROTOCOLS)}
    return {"type": "string", "pattern": f"^{KEY if is_key(column, relation) else TEXT}$"}


def _row(relation: Relation) -> _Schema:
    shown = relation.shown
    return {
        "type": "object",
        "description": relation.says,
        "properties": {column.name: _nullable(column) for column in shown},
        "required": [column.name for column in shown],
        "additionalProperties": False,
    }


def _protocol(status: Relation) -> _Schema:
    """A row of perps.status, and how long ago a daemon was heard."""
    row = _row(status)
    heard = {"type": ["integer", "null"], "description": "Seconds since a daemon saw the head; NULL: none ever did."}
    return {
        **row,
        "properties": {**row["properties"], "heard_s_ago": heard},
        "required": [*row["required"], "heard_s_ago"],
    }


def _nullable(column: Column) -> _Schema:
    schema = dict(_OF_KIND[column.kind])
    return {**schema, "type": [schema["type"], "null"], "description": column.means}


def _parameter(name: str, says: str, schema: _Schema) -> _Schema:
    return {"name": name, "in": "query", "description": says, "schema": schema}


def _response(says: str, schema: str) -> _Schema:
    return {"description": says, "content": {"application/json": {"schema": _ref(schema)}}}


def _errors(*statuses: int) -> _Schema:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _ref(schema: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _ready() -> _Schema:
    answers = {
        "200": _response("Caught up, and the aggregates are fresh.", "Readiness"),
        "503": _response("What is lacking.", "Readiness"),
        **_errors(400, 403),
    }
    return {"get": {"operationId": "ready", "summary": "Whether answers are up to date.", "responses": answers}}


def _metrics() -> _Schema:
    text = {"schema": {"type": "string"}}
    answers = {
        "200": {
            "description": "Metrics as Prometheus reads them.",
            "content": {"text/plain": text, "application/openmetrics-text": text},
        },
        **_errors(400, 403),
    }
    return {"get": {"operationId": "metrics", "summary": "Metrics for Prometheus.", "responses": answers}}


def _object(**properties: _Schema) -> _Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: _Schema = {"type": "string"}
_FIXED: dict[str, _Schema] = {
    "Error": _object(error=_object(code={"enum": sorted(CODES)}, message=_TEXT, remedy={"type": ["string", "null"]})),
    "Index": _object(
        tables={"type": "array", "items": _object(name=_TEXT, path=_TEXT, description=_TEXT)}, openapi=_TEXT
    ),
    "Health": _object(alive={"const": True}, version=_TEXT),
    "Readiness": _object(
        ready={"type": "boolean"},
        lacking={
            "type": "array",
            "items": _object(
                code=_TEXT, subject={"type": ["string", "null"]}, message=_TEXT, remedy={"type": ["string", "null"]}
            ),
        },
    ),
    "Status": _object(
        protocols={"type": "array", "items": _ref("ProtocolStatus")},
        providers={"type": "array", "items": _ref("providers")},
        ready={"type": "boolean"},
        fed={"type": "boolean", "description": "Whether a daemon feeds this server."},
    ),
}
