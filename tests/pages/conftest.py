"""The ledger of `report.weeks`, and the pages over it."""

from tests.report.conftest import week_url

__all__ = ["week_url"]
