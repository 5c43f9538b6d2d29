"""Moments as the API writes them."""

from datetime import datetime


def timestamp(moment: datetime) -> str:
    """An aware UTC moment in whole seconds: ``2026-11-23T09:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
