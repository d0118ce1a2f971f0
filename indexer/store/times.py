"""Times on the wire: microseconds since the year 2000, where we have Unix seconds."""

_POSTGRES_EPOCH_S = 946_684_800  # 2000-01-01
_MICROSECONDS = 1_000_000


def microseconds(seconds: int) -> int:
    return (seconds - _POSTGRES_EPOCH_S) * _MICROSECONDS


def seconds(microseconds: int) -> int:
    """Rounded down."""
    return microseconds // _MICROSECONDS + _POSTGRES_EPOCH_S
