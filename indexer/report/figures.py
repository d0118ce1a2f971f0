"""A value as people read it: rounded to what matters, with thousands separators, and `unknown` where nobody knows.

For people alone: programs get every digit.
"""

from __future__ import annotations

from decimal import Decimal

from indexer.report.comparison import Value
from indexer.report.contents import Column

UNKNOWN = "unknown"
_WHOLE_FROM = 1000  # Dollars: cents do not matter there.
_SIGNIFICANT = 4  # Digits of a number too small for its usual decimals.
_LONGEST = 24  # Letters.
_DECIMALS = {"USD": 2, "ratio": 3, "%": 2, "bp": 2}


def figure(value: Value, column: Column) -> str:
    """One cell of a table, without its unit."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Decimal):
        return _decimal(value, column.unit)
    return f"{value:,}" if isinstance(value, int) else _shortened(str(value))


def headed(column: Column) -> str:
    """A column's name with its unit, where it has one to tell."""
    unit = {"price": "USD", "%": "%", "bp": "bp", "USD": "USD"}.get(column.unit)
    return f"{column.label}, {unit}" if unit else column.label


def is_number(column: Column) -> bool:
    return column.unit not in ("text", "date")


def _shortened(text: str) -> str:
    """A key that stands for a name; the whole of it is in what programs get."""
    return text if len(text) <= _LONGEST else f"{text[:8]}...{text[-8:]}"


def _decimal(value: Decimal, unit: str) -> str:
    if not value:
        return "0"
    shown = value.scaleb(2) if unit == "%" else value
    if unit == "price":
        return _significant(shown, 6)
    if unit == "USD" and abs(shown) >= _WHOLE_FROM:
        return f"{shown:,.0f}"
    decimals = _DECIMALS.get(unit, 2)
    if abs(shown) < Decimal(1).scaleb(1 - decimals):
        return _significant(shown, _SIGNIFICANT)
    return f"{shown:,.{decimals}f}"


def _significant(value: Decimal, digits: int) -> str:
    """So many digits at least, without an exponent; zeros at the end go."""
    decimals = max(0, digits - 1 - value.adjusted())
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
