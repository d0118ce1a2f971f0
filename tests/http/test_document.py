"""The OpenAPI document is what is served: made-up requests get the answers that it tells of, down to each column.

schemathesis makes requests of the document, some that fit it and some that do not, and holds every answer against it:
status, type, and a schema that allows no other column and no other kind of value. A few here; `make api` asks many.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from indexer.http.tables import TABLES
from tests.http.answers import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

EACH = int(os.environ.get("API_REQUESTS", "2"))  # Requests of each path, as many that fit as that do not.
FEW = ("trades", "volume_daily", "gaps")  # Tables asked where EACH is small: they differ in kind.


async def document(client: Client) -> dict[str, Any]:
    return dict((await client.get("/api/v1/openapi.json")).json)


async def test_every_row_is_as_the_document_says_and_every_column_is_told(client: Client) -> None:
    told = await document(client)
    for name in TABLES:
        schema = {
            **told["paths"][f"/api/v1/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        }
        page = (await client.get(f"/api/v1/{name}?limit=200")).json
        jsonschema_rs.Draft202012Validator({**schema, "components": told["components"]}).validate(page)
        columns = told["components"]["schemas"][name]["properties"]
        assert all(column["description"] for column in columns.values()), name
        assert not any(column["type"][0] == "number" for column in columns.values()), "money is never a float"


async def test_status_readiness_and_errors_are_as_the_document_says(client: Client) -> None:
    told = await document(client)
    for path in ("/api/v1/", "/health", "/ready", "/status", "/api/v1/trades?limit=0"):
        answer = await client.get(path)
        operation = told["paths"][path.partition("?")[0]]["get"]
        said = operation["responses"][str(answer.status)]
        if "$ref" in said:
            said = told["components"]["responses"][said["$ref"].rpartition("/")[2]]
        schema = said["content"]["application/json"]["schema"]
        jsonschema_rs.Draft202012Validator({**schema, "components": told["components"]}).validate(answer.json)


async def test_made_up_requests_get_the_answers_that_are_told(client: Client) -> None:
    told = await document(client)
    paths = [f"/api/v1/{name}" for name in TABLES if EACH > 10 or name in FEW]
    paths += ["/api/v1/", "/health", "/ready", "/status", "/metrics"]
    chosen = {**told, "paths": {path: told["paths"][path] for path in paths}}
    counted = await asyncio.to_thread(_ask, chosen, client.address.rstrip("/"))
    assert counted["200"] > 0
    assert counted["400"] > 0
    assert set(counted) <= {"200", "400", "405", "503"}, counted


def _ask(told: dict[str, Any], address: str) -> dict[str, int]:
    """How many answers of each status came."""
    schema = schemathesis.openapi.from_dict(told)
    counted: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        _ask_one(operation, schemathesis.GenerationMode.POSITIVE, address, counted)
        if told["paths"][operation.path]["get"].get("parameters"):  # Else there is nothing that could not fit.
            _ask_one(operation, schemathesis.GenerationMode.NEGATIVE, address, counted)
    return counted


def _ask_one(operation: Any, mode: Any, address: str, counted: dict[str, int]) -> None:
    @hypothesis.settings(max_examples=EACH, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=address)
        # Which text is a cursor, no schema tells.
        excluded = [positive_data_acceptance] if "cursor" in (case.query or {}) else []
        if operation.path == "/ready":
            excluded.append(not_a_server_error)  # 503 is what it says of a ledger like this one.
        case.validate_response(response, excluded_checks=excluded)
        counted[str(response.status_code)] = counted.get(str(response.status_code), 0) + 1

    ask()
