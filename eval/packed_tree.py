"""Texts as a tree of segments, so that what several texts begin with is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WORTH = 16
"""Fewest tokens that a branching saves: below, a segment of its own costs more than reading it again."""


@dataclass(frozen=True)
class Segment:
    """Tokens that follow those of `parent`; the first segments have none."""

    parent: int | None
    """Index of a segment that comes earlier."""
    start: int
    """Place of the first token in every text that runs through here."""
    ids: list[int]
    """Token ids, at least one."""

    @property
    def end(self) -> int:
        """Place behind the last token."""
        return self.start + len(self.ids)


@dataclass(frozen=True)
class Tree:
    """Segments, parents first, and which one each text ends in."""

    segments: list[Segment]
    ends: list[int]
    """By text: the segment whose last token is the text's last."""

    @property
    def tokens(self) -> int:
        """Tokens that are read."""
        return sum(len(segment.ids) for segment in self.segments)

    def path(self, text: int) -> list[int]:
        """Segments of a text, from its beginning."""
        place: int | None = self.ends[text]
        path = []
        while place is not None:
            path.append(place)
            place = self.segments[place].parent
        return path[::-1]


def make_tree(texts: Sequence[Sequence[int]], known: Sequence[int] = (), step: int = 1) -> Tree:
    """The tree of token sequences, none empty. It depends on the set of texts; their order only orders `ends`.

    Args:
        known: for each text how many of its first tokens need not be read; its first segment starts behind them. Texts
            share segments only where as many are known of both.
        step: texts branch at multiples of this place alone.
    """
    order = sorted(range(len(texts)), key=lambda n: tuple(texts[n]))
    segments: list[Segment] = []
    ends = [0] * len(texts)
    stack: list[tuple[int | None, int, list[int]]] = [(None, 0, order)]
    if known:
        alike: dict[tuple[int, ...], list[int]] = {}
        for n in order:
            alike.setdefault(tuple(texts[n][: known[n]]), []).append(n)
        stack = [(None, len(begin), members) for begin, members in alike.items()]
    while stack:
        parent, start, members = stack.pop()
        for common, group in _branches(texts, members, start, step):
            segments.append(Segment(parent, start, list(texts[group[0]][start:common])))
            place = len(segments) - 1
            going = [n for n in group if len(texts[n]) > common]
            for n in group:
                ends[n] = place
            if going:
                stack.append((place, common, going))
    return Tree(segments, ends)


def _branches(
    texts: Sequence[Sequence[int]], members: list[int], start: int, step: int
) -> Iterator[tuple[int, list[int]]]:
    """Sorted texts that agree up to `start`, in groups worth one segment, with the place where each segment ends."""
    first = 0
    while first < len(members):
        last, common = first, len(texts[members[first]])
        while last + 1 < len(members):
            shared = _common(texts[members[first]], texts[members[last + 1]], start, common)
            if shared < max(common, len(texts[members[last + 1]])):
                shared = max(start, shared // step * step)
            if shared < len(texts[members[last + 1]]) and (shared - start) < WORTH:
                break
            if shared == start:
                break
            last, common = last + 1, shared
        yield common, members[first : last + 1]
        first = last + 1


def _common(one: Sequence[int], other: Sequence[int], start: int, limit: int) -> int:
    for place in range(start, min(limit, len(other))):
        if one[place] != other[place]:
            return place
    return min(limit, len(other))
