"""Keys and values kept over the steps of conversations: the same to the last bit, bounded, and no answer changes."""

from __future__ import annotations

import json
import random
import shutil

import pytest
import torch
from lm_eval.api.instance import Instance

from eval.multi_turn import run_episodes
from eval.packed import PackedLM
from eval.packed_attention import BLOCK
from eval.packed_generation import _read, generate
from eval.packed_llama import PackedLlama
from eval.packed_memory import Memory
from eval.packed_tree import make_tree
from eval.tasks.bfcl.multi_turn_entries import entries
from eval.tasks.bfcl.multi_turn_episode import BfclEpisode
from tests.eval.test_multi_turn import gold_turns, script
from tests.eval.test_packed import vnni

KINDS = ["float32", pytest.param("int8", marks=pytest.mark.skipif(not vnni(), reason="this CPU has no AVX-512 VNNI"))]


@pytest.fixture(scope="module")
def long_model(three_models, tmp_path_factory):
    """The tiny model with room for a conversation of BFCL."""
    folder = shutil.copytree(three_models / "base", tmp_path_factory.mktemp("long") / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8192}))
    return folder


def conversation_prompts(numbers) -> list[list[str]]:
    """By step: what models with the gold calls are asked in real conversations."""
    chosen = [entries("multi_turn_base")[n] for n in numbers]
    seen: list[list[str]] = []

    class Seen(BfclEpisode):
        def step(self):
            found = super().step()
            if found:
                mine.append(found.prompt)
            return found

    for entry in chosen:
        mine: list[str] = []
        episode = Seen(entry)
        for answer in script(gold_turns(entry)):
            episode.step()
            episode.take(answer)
        seen.append(mine)
    return [[mine[step] for mine in seen if step < len(mine)] for step in range(max(map(len, seen)))]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_kept_is_what_is_read(three_models, kind):
    """Keys, values and last states are equal to the last bit, however much of the texts was known."""
    chance = random.Random(6)
    stem = [chance.randrange(9, 400) for _ in range(3 * BLOCK + 20)]
    texts = [stem[:length] + [chance.randrange(9, 400) for _ in range(more)] for length, more in ((308, 40), (200, 7))]
    texts += [stem[: 2 * BLOCK], stem + stem]
    model = PackedLlama(three_models / "base", kind)
    expected, states = _read(model, texts, 4, Memory(0))
    for first in ([], [stem[:100]], [texts[0]], [texts[3], texts[1]], texts):
        memory = Memory(10**9)
        if first:
            _read(model, first, 4, memory)
        before = memory.hits
        cache, found = _read(model, texts, 4, memory)
        assert (memory.hits > before) == bool(first)
        assert torch.equal(found, states)
        for row, text in enumerate(texts):
            for ours, theirs in zip([*cache.keys, *cache.values], [*expected.keys, *expected.values], strict=True):
                assert torch.equal(ours[row, :, : len(text)], theirs[row, :, : len(text)])


def test_the_oldest_blocks_go_first_and_none_before_what_continues_it(three_models):
    model = PackedLlama(three_models / "base")
    chance = random.Random(2)
    stem = [chance.randrange(9, 400) for _ in range(2 * BLOCK)]
    memory = Memory(10**9)
    _read(model, [stem], 1, memory)
    size = memory.bytes // 2
    memory = Memory(6 * size)
    for _ in range(12):
        text = stem + [chance.randrange(9, 400) for _ in range(chance.randrange(2 * BLOCK))]
        _read(model, [text], 1, memory)
        assert memory.bytes <= memory.most_bytes
        assert len(memory.find([*stem, 1])) == 2, "what all use stays"
        kept = {number for number, _ in memory._blocks.values()} | {0}
        assert all(before in kept for before, _ in memory._blocks)
    assert memory.bytes > 4 * size


def test_trees_cut_at_whole_blocks_hold_every_text():
    chance = random.Random(4)
    stems = [[chance.randrange(9, 400) for _ in range(700)] for _ in range(2)]
    texts = [chance.choice(stems)[: chance.randrange(1, 700)] + [7] * chance.randrange(200) for _ in range(40)]
    texts += texts[:3]
    known = [chance.randrange((len(text) - 1) // BLOCK + 1) * BLOCK for text in texts]
    tree = make_tree(texts, known, BLOCK)
    for number, text in enumerate(texts):
        path = [tree.segments[n] for n in tree.path(number)]
        assert [token for segment in path for token in segment.ids] == text[known[number] :]
        assert path[0].start == known[number] and all(segment.start % BLOCK == 0 for segment in path)
    assert tree.tokens < sum(map(len, texts)) - sum(known)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_to_real_conversations_are_those_without_memory(long_model, tokenizer, kind):
    model, memory = PackedLlama(long_model, kind), Memory(10**9)
    tokens = 0
    for prompts in conversation_prompts([0, 3, 60]):
        ids = [tokenizer.encode(prompt) for prompt in prompts]
        tokens += sum(map(len, ids))
        found = generate(model, ids, 6, lambda row, made: False, memory=memory)
        assert found == generate(model, ids, 6, lambda row, made: False, memory=Memory(0))
        if kind == "float32":
            assert found == generate(model, ids, 6, lambda row, made: False)
    assert memory.hits > 0.6 * tokens


def test_conversations_go_on_after_a_kill_as_without_one(long_model, tmp_path):
    """Killed after any batch: the memory is gone, and the same answers come."""
    chosen = [entries("multi_turn_base")[n] for n in (0, 3)]
    settings = [{"until": ["<|im_end|>"], "max_gen_toks": 5}] * 2

    def run(store):
        lm = PackedLM(long_model, 1, answers=store, identity="tiny")
        return run_episodes(lm, [BfclEpisode(entry) for entry in chosen], settings), lm

    whole = tmp_path / "whole.jsonl"
    expected, lm = run(whole)
    assert lm.memory.hits > 0
    lines = whole.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 6
    for cut in (2, len(lines) - 2):
        part = tmp_path / f"cut{cut}.jsonl"
        part.write_bytes(b"".join(lines[:cut]) + lines[cut][:20])
        assert run(part)[0] == expected
        assert set(part.read_bytes().splitlines()[-1:]) <= set(whole.read_bytes().splitlines())


def test_only_conversations_are_kept(three_models):
    lm = PackedLM(three_models / "base", 2)
    asked = {"until": ["<|im_end|>"], "max_gen_toks": 3}

    def ask(doc, text):
        lm.generate_until([Instance("generate_until", doc, (text, asked), 0)], disable_tqdm=True)
        return lm.memory.bytes

    assert ask({}, "word " * 300) == 0
    assert ask({"conversation": True}, "more " * 300) > 0
