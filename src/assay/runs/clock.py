"""The one spelling of a moment: ISO-8601, UTC, milliseconds."""

from datetime import UTC, datetime


def now() -> str:
    """This moment, for example ``2030-01-31T09:05:00.125Z``; later moments sort later."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(first: str, last: str) -> float:
    """Seconds from one such text to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
