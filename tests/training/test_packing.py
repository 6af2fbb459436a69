"""Plans and micro batches against brute force on the documents themselves."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from records.errors import UserError
from training.data import Reader
from training.examples import pack_whole
from training.packing import Plan, pack_stream, row_of
from training.shards import Shard, open_shard

LENGTH = 32


def shard_of(documents: list[list[int]], config: str = "text", loss: list[int] | None = None) -> Shard:
    tokens = np.asarray([token for document in documents for token in document], np.uint16)
    ends = np.cumsum([len(document) for document in documents]).astype(np.int64)
    return Shard(config, tokens, ends, None if loss is None else np.asarray(loss, np.uint8))


def numbered(count: int, size: int, first: int = 1) -> list[list[int]]:
    """Documents in which every token has its own id, so that each target can be looked up."""
    ids = iter(range(first, first + count * size))
    return [[next(ids) for _ in range(size)] for _ in range(count)]


def rows(plan: Plan) -> list[tuple[np.ndarray, ...]]:
    found = (row_of(plan, number) for number in range(len(plan.sequences)))
    return [(row.input_ids, row.positions, row.label_ids, row.label_mask) for row in found]


def test_stream_targets_are_the_next_token_of_the_same_document() -> None:
    documents = numbered(20, 23) + numbered(3, 75, first=1000)
    following = {a: b for document in documents for a, b in pairwise(document)}
    plan = pack_stream([shard_of(documents)], [1.0], LENGTH, 20, seed=3)
    counted = 0
    for ids, positions, labels, mask in rows(plan):
        for place in range(LENGTH):
            token = int(ids[place])
            assert mask[place] == (token in following), "exactly the last token of a document has no target"
            if mask[place]:
                assert labels[place] == following[token]
                counted += 1
            if place and positions[place]:
                assert following[int(ids[place - 1])] == token, "a position that goes on belongs to the same document"
    assert counted > 500


def test_stream_leaves_no_gap_and_reads_an_epoch_before_it_repeats() -> None:
    documents = numbered(16, LENGTH)
    plan = pack_stream([shard_of(documents)], [1.0], LENGTH, 32, seed=3)
    times = Counter(int(token) for ids, *_ in rows(plan) for token in ids)
    assert set(times) == {token for document in documents for token in document}
    assert set(times.values()) == {2}
    assert plan.padding == 0


def test_stream_follows_the_weights() -> None:
    shards = [shard_of(numbered(40, 37, 1 + 2000 * n), f"c{n}") for n in range(3)]
    weights = [0.5, 0.3, 0.2]
    plan = pack_stream(shards, weights, LENGTH, 100, seed=0)
    share = Counter(int(token) // 2000 for ids, *_ in rows(plan) for token in ids)
    for number, weight in enumerate(weights):
        assert share[number] / (100 * LENGTH) == pytest.approx(weight, abs=2 * LENGTH / (100 * LENGTH))


def test_seed_decides_the_plan_and_nothing_else_does() -> None:
    shard = shard_of(numbered(30, 20))
    first, again, other = (pack_stream([shard], [1.0], LENGTH, 8, seed) for seed in (5, 5, 6))
    assert first.sequences == again.sequences
    assert first.sequences != other.sequences


def test_whole_examples_stay_whole_and_only_answers_count() -> None:
    rng = np.random.default_rng(0)
    sizes = [int(size) for size in rng.integers(6, 25, 60)]
    ids = iter(range(1, 5000))
    documents = [[next(ids) for _ in range(size)] for size in sizes]
    answer = {token for document in documents for token in document[-4:-1]}  # the last token is the newline after it
    loss = [int(token in answer) for document in documents for token in document]
    plan = pack_whole(shard_of(documents, "ift", loss), LENGTH, 12, seed=1)
    starts = {document[0]: document for document in documents}
    for input_ids, positions, labels, mask in rows(plan):
        used = [place for place in range(LENGTH) if positions[place] == 0 and int(input_ids[place]) in starts]
        for place in used:
            document = starts[int(input_ids[place])]
            kept = len(document) - 2
            assert list(input_ids[place : place + kept]) == document[:kept], "an example is never split"
            assert list(positions[place : place + kept]) == list(range(kept))
        assert {int(label) for label in labels[mask]} == {
            token for place in used for token in starts[int(input_ids[place])][-4:-1]
        }
    assert plan.padding < 0.1


def test_examples_with_the_same_first_turn_hold_it_once() -> None:
    end = 3
    tools = [[10 + n] * (4 + n) + [end] for n in range(3)]
    asked = [(n % 3, [100 + n, 200 + n, 300 + n, 400 + n, end]) for n in range(30)]
    documents = [tools[group] + turns for group, turns in asked]
    loss = [
        int(token >= 300 or place == len(document) - 1)
        for document in documents
        for place, token in enumerate(document)
    ]
    plan = pack_whole(shard_of(documents, "ift", loss), LENGTH, 8, seed=1)
    targets = Counter()
    for ids, positions, labels, mask in rows(plan):
        tool: list[int] = []
        for place in range(LENGTH):
            if positions[place] == 0:
                tool = tools[int(ids[place]) - 10] if 10 <= ids[place] < 13 else []
                assert list(ids[place : place + len(tool)]) == tool
            elif positions[place] != positions[place - 1] + 1:
                assert positions[place] == len(tool) and 100 <= ids[place] < 130, "a branch begins behind the tools"
                assert tools[(int(ids[place]) - 100) % 3] == tool, "of its own example"
        targets.update(int(label) for label in labels[mask])
    assert all(targets[300 + n] == targets[400 + n] for n in range(30)), "answers are whole"
    repeated = sum(len(tools[group]) + 4 for group, _ in asked) / 30
    assert targets[end] > 8 * LENGTH / repeated, "more examples than fit without sharing"


def test_examples_that_cannot_be_used_are_counted_by_reason() -> None:
    documents = [[1, 2, 3, 4], [5] * 50, [6, 7, 8, 9]]
    loss = [0, 0, 1, 0] + [1] * 50 + [0, 0, 0, 0]
    plan = pack_whole(shard_of(documents, "ift", loss), LENGTH, 2, seed=1)
    assert plan.dropped == {"longer_than_sequence": 1, "no_answer": 1}
    with pytest.raises(UserError, match="no example of ift fits"):
        pack_whole(shard_of([[5] * 50], "ift", [1] * 50), LENGTH, 2, seed=1)


def test_iterator_is_a_pure_function_of_the_step() -> None:
    plan = pack_stream([shard_of(numbered(60, 20))], [1.0], LENGTH, 24, seed=5)
    reader = Reader(plan, micro_batch_size=2, accumulation=3)
    stream = reader.from_step(0)
    batches = [next(stream) for _ in range(12)]
    resumed = reader.from_step(2)
    for batch in batches[6:]:
        other = next(resumed)
        assert all(torch.equal(batch[name], other[name]) for name in batch)


def test_data_parallel_ranks_share_a_step_without_overlap() -> None:
    plan = pack_stream([shard_of(numbered(60, 20))], [1.0], LENGTH, 8, seed=5)
    alone = Reader(plan, micro_batch_size=4, accumulation=1).micro_batch(1, 0)["input_ids"]
    both = [Reader(plan, 2, 1, dp=2, dp_rank=rank).micro_batch(1, 0)["input_ids"] for rank in (0, 1)]
    assert torch.equal(alone, torch.cat(both))


def test_shards_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    with pytest.raises(UserError, match=r"train\.ds is missing; run `make corpus`"):
        open_shard(tmp_path, "text", "train", with_loss=False)
    np.arange(10, dtype=np.uint16).tofile(tmp_path / "text" / "train.ds")
    np.asarray([4, 9], np.uint64).tofile(tmp_path / "text" / "train.ds.index")
    with pytest.raises(UserError, match="holds 10 tokens"):
        open_shard(tmp_path, "text", "train", with_loss=False)
