"""How much of what was retrieved one topic of the seeds may be."""

from __future__ import annotations

from collections import Counter
from typing import Any

Hits = dict[str, dict[str, Any]]
"""Chunk id → `{seed, score, topic}`."""


def within_quotas(hits: Hits, share: float) -> tuple[Hits, dict[str, Any]]:
    """The hits without what the largest topics have beyond their share, those of the highest scores kept.

    Args:
        hits: what was retrieved.
        share: most of what is kept that one topic may be. No topic is held to less than twice an even part, or few
            topics would leave nothing.

    Returns:
        The hits that stay, by id, and figures: topics, and the share of the largest before and after.
    """
    counts = Counter(hit["topic"] for hit in hits.values())
    cap = _cap(list(counts.values()), max(share, 2 / len(counts))) if counts else 0
    taken: Counter[int] = Counter()
    kept: Hits = {}
    for name, hit in sorted(hits.items(), key=lambda pair: (-pair[1]["score"], pair[0])):
        if taken[hit["topic"]] < cap:
            taken[hit["topic"]] += 1
            kept[name] = hit
    figures = {
        "topics": len(counts),
        "most_of_a_topic": cap,
        "largest_share_before": _largest(counts),
        "largest_share_after": _largest(taken),
        "over_quota": len(hits) - len(kept),
    }
    return dict(sorted(kept.items())), figures


def _cap(sizes: list[int], share: float) -> int:
    """The largest number of hits of one topic that is within the share of all that are kept then."""
    for cap in range(max(sizes), 1, -1):
        if cap <= share * sum(min(size, cap) for size in sizes):
            return cap
    return 1


def _largest(counts: Counter[int]) -> float:
    return round(max(counts.values()) / counts.total(), 4) if counts else 0.0
