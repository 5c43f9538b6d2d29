"""Moments as the API writes them."""

from datetime import datetime


def timestamp(moment: datetime) -> str:
    """An aware UTC moment in whole seconds: ``2026-11-23T09:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text: str) -> datetime | None:
    """An aware moment of RFC 3339; None for what is none, or says no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
