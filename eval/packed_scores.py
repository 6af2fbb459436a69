"""Log-likelihoods of continuations: every token of a batch is read once, however many requests begin alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from eval.packed_llama import PackedLlama
from eval.packed_tree import Segment, make_tree

BATCH_TOKENS = 16_384
"""Tokens of the texts of a batch that may be read, those that they share counted once."""
LOGIT_ROWS = 256
"""Positions whose logits are held at once, 4 bytes times the vocabulary each."""


@dataclass(frozen=True)
class Scored:
    """Tokens whose likelihood is asked for, and what stands before them."""

    context: tuple[int, ...]
    """At least one token."""
    continuation: tuple[int, ...]


def make_score_batches(asked: Sequence[Scored], batch_size: int) -> list[list[int]]:
    """Indices in batches of texts that begin alike; they depend on the texts, not on their order."""
    order = sorted(range(len(asked)), key=lambda n: (asked[n].context, asked[n].continuation))
    batches: list[list[int]] = []
    tokens = 0
    before: tuple[int, ...] = ()
    for number in order:
        text = asked[number].context + asked[number].continuation
        new = len(text) - _shared(before, text)
        if not batches or len(batches[-1]) >= batch_size or tokens + new > BATCH_TOKENS:
            batches.append([])
            tokens, new = 0, len(text)
        batches[-1].append(number)
        tokens, before = tokens + new, text
    return batches


@torch.inference_mode()
def score(model: PackedLlama, asked: Sequence[Scored]) -> list[tuple[float, bool]]:
    """For each: natural log-likelihood of the continuation, and whether greedy decoding would write it.

    As lm-eval's hf model: of a text longer than the model's positions the end counts.
    """
    kept = [_cut(one, model.limit) for one in asked]
    texts = sorted({text for text, _ in kept})
    tree = make_tree(texts)
    paths = {text: tree.path(number) for number, text in enumerate(texts)}
    wanted: list[set[int]] = [set() for _ in tree.segments]
    for text, targets in kept:
        for place in range(len(text) - len(targets), len(text)):
            wanted[_segment(tree.segments, paths[text], place)].add(place)
    places = [sorted(one) for one in wanted]
    states = model.read(tree, places)
    where = {(n, place): row for n, rows_of in _numbered(places) for place, row in rows_of.items()}
    flat = torch.cat(states)
    targets_at: dict[int, set[int]] = {}
    rows: list[list[tuple[int, int]]] = []
    for text, targets in kept:
        mine = []
        for place, target in zip(range(len(text) - len(targets), len(text)), targets, strict=True):
            row = where[_segment(tree.segments, paths[text], place), place]
            targets_at.setdefault(row, set()).add(target)
            mine.append((row, target))
        rows.append(mine)
    found = _look_up(model, flat, targets_at)
    return [(sum(found[key][0] for key in mine), all(found[key][1] for key in mine)) for mine in rows]


def _numbered(places: list[list[int]]) -> list[tuple[int, dict[int, int]]]:
    """By segment: rows of its wanted places when all states lie in one tensor."""
    made, first = [], 0
    for number, some in enumerate(places):
        made.append((number, {place: first + n for n, place in enumerate(some)}))
        first += len(some)
    return made


def _look_up(
    model: PackedLlama, states: torch.Tensor, targets: dict[int, set[int]]
) -> dict[tuple[int, int], tuple[float, bool]]:
    found = {}
    for first in range(0, len(states), LOGIT_ROWS):
        logits = model.scores(states[first : first + LOGIT_ROWS]).log_softmax(-1)
        best = logits.argmax(-1).tolist()
        for row in range(first, min(first + LOGIT_ROWS, len(states))):
            for target in targets.get(row, ()):
                value = float(logits[row - first, target])
                found[row, target] = (value, best[row - first] == target)
    return found


def _cut(one: Scored, limit: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is read, and the tokens asked for: each stands one behind the place that foretells it."""
    text = (one.context + one.continuation)[-(limit + 1) :][:-1]
    return text, one.continuation[-len(text) :] if one.continuation else ()


def _segment(segments: Sequence[Segment], path: list[int], place: int) -> int:
    return next(n for n in path if segments[n].start <= place < segments[n].end)


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
