"""Calls to a Hub that may be busy or out of reach for a while: tried again, waiting as long as the Hub says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class Patience:
    """How often and how long to try."""

    tries: int = 9
    """Attempts of one call before it fails."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubled from attempt to attempt, with jitter."""
    longest_wait: float = 60.0
    """Seconds that such a wait may last; one that the Hub asks for by its headers may last longer."""
    longest_told: float = 3900.0
    """Seconds that the Hub may ask for: its commit quota is counted by the hour."""
    waited: float = field(default=0.0, init=False)
    """Seconds waited so far."""

    def call(self, action: Callable[[], T], doing: str) -> T:
        """The result of `action`, which must be safe to repeat.

        Raises:
            HfHubHTTPError, httpx2.HTTPError: it was refused, or still failed at the last attempt.
        """
        for attempt in range(1, self.tries + 1):
            try:
                return action()
            except Exception as error:
                seconds = self._wait(error, attempt)
                if attempt == self.tries or seconds is None:
                    raise
                if seconds >= 10:
                    tqdm.write(f"the Hub is busy or out of reach while {doing}; trying again in {seconds:.0f} s")
                time.sleep(seconds)
                self.waited += seconds
        raise AssertionError("not reached")

    def _wait(self, error: BaseException, attempt: int) -> float | None:
        """Seconds until the next attempt, None where another attempt would not help."""
        failure = transient(error)
        if failure is None:
            return None
        told = told_wait(getattr(failure, "response", None))
        if told is not None:
            return told if told <= self.longest_told else None
        longest = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        return float(longest * (0.5 + random.random() / 2))


def transient(error: BaseException) -> BaseException | None:
    """The failure behind an error if it may pass by itself: a busy Hub, a dropped connection. None otherwise."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    seen: BaseException | None = error
    while seen is not None:  # the client wraps what happens to an upload in an error of its own
        if isinstance(seen, HfHubHTTPError):
            return seen if seen.response is not None and seen.response.status_code in BUSY else None
        if isinstance(seen, httpx2.TransportError | ConnectionError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def told_wait(response: Any) -> float | None:
    """Seconds that a refusal asks to wait by `RateLimit` (IETF draft, t=…) or `Retry-After`; None without them."""
    from huggingface_hub.utils._http import parse_ratelimit_headers

    if response is None:
        return None
    limit = parse_ratelimit_headers(response.headers) if response.status_code == 429 else None
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0  # the header is in whole seconds
    after = str(response.headers.get("retry-after", "")).strip()
    return float(after) + 1.0 if after.isascii() and after.isdigit() else None
