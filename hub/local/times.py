"""Moments as the Hub writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(seconds: float) -> str:
    """A moment in UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
