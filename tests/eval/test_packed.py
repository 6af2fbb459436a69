"""The packed backends against transformers and lm-eval's hf model: answers, log-likelihoods, masks, guesses, int8."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from eval import packed_generation
from eval.packed import PackedLM
from eval.packed_attention import attend_text, padded
from eval.packed_drafts import Drafts
from eval.packed_generation import generate
from eval.packed_linear import Float32Linear, linear_kind
from eval.packed_llama import PackedLlama
from eval.packed_scores import Scored, make_score_batches
from eval.packed_tree import make_tree
from records.errors import UserError

SHOTS = "The capital of France is Paris. The capital of Spain is Madrid. The capital of Italy is Rome.\n" * 3


def some_texts(count: int, seed: int = 5) -> list[list[int]]:
    """Texts that begin alike in several depths, some the same, some the beginning of others."""
    chance = random.Random(seed)
    stems = [[chance.randrange(9, 400) for _ in range(length)] for length in (40, 70, 25)]
    texts = []
    for _ in range(count):
        stem = stems[chance.randrange(3)][: chance.choice([1, 20, 70])]
        texts.append(stem + [chance.randrange(9, 400) for _ in range(chance.choice([0, 1, 30, 130]))])
    return texts


def hf_model(folder: Path):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def test_a_tree_holds_every_text_and_reads_less():
    texts = some_texts(60)
    tree = make_tree(texts)
    for number, text in enumerate(texts):
        path = [tree.segments[n] for n in tree.path(number)]
        assert [token for segment in path for token in segment.ids] == text
        assert [segment.start for segment in path] == [0, *(segment.end for segment in path[:-1])]
    assert tree.tokens < 0.8 * sum(map(len, texts))


@pytest.mark.parametrize("start", [0, 7, 100])
def test_attention_in_blocks_is_attention(start):
    torch.manual_seed(start)
    tokens, places = 130, padded(start + 130)
    queries, keys, values = torch.randn(6, tokens, 16), torch.randn(2, places, 16), torch.randn(2, places, 16)
    mask = torch.ones(tokens, start + tokens, dtype=torch.bool).tril(start)
    expected = torch.nn.functional.scaled_dot_product_attention(
        queries[None], keys[None, :, : start + tokens], values[None, :, : start + tokens], mask, enable_gqa=True
    )
    found = attend_text(queries * 16**-0.5, keys, values, start)
    assert torch.allclose(found, expected[0].transpose(0, 1).flatten(1), atol=1e-5)


def test_hidden_states_of_a_tree_are_those_of_each_text_alone(three_models):
    texts = some_texts(12)
    model, reference = PackedLlama(three_models / "base"), hf_model(three_models / "base")
    tree = make_tree(texts)
    places = [list(range(segment.start, segment.end)) for segment in tree.segments]
    with torch.inference_mode():
        states = model.read(tree, places)
        for number, text in enumerate(texts):
            logits = torch.cat([model.scores(states[n]) for n in tree.path(number)])
            assert torch.allclose(logits, reference(torch.tensor([text])).logits[0], atol=2e-4)


def answers_of_transformers(folder: Path, prompts: list[list[int]], most: int) -> list[list[int]]:
    model, made = hf_model(folder), []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            whole = model.generate(ids, max_new_tokens=most, do_sample=False, eos_token_id=[2, 11], pad_token_id=2)
        made.append(whole[0][len(prompt) :].tolist())
    return made


@pytest.mark.parametrize("budget", [0, 32, 200])
def test_guesses_change_no_answer(three_models, monkeypatch, budget):
    monkeypatch.setattr(packed_generation, "STEP_TOKENS", budget)
    prompts = [text * 2 for text in some_texts(9, seed=2) if text]
    found = generate(PackedLlama(three_models / "base"), prompts, 40, lambda row, ids: ids[-1] in (2, 11))
    assert found == answers_of_transformers(three_models / "base", prompts, 40)


def test_guesses_copy_what_followed_before():
    drafts = Drafts([[1, 2, 3, 4, 5, 1, 2], [9]])
    assert drafts.guess(0, 4) == [3, 4, 5, 1] and drafts.guess(1, 3) == []
    for token in (7, 8, 6, 5):
        drafts.add(1, token)
    for token in (7, 8, 6):
        drafts.add(0, token)
    assert drafts.guess(0, 1) == [5]


def test_masks_restrict_single_answers(three_models):
    prompts = [[*text, 20] for text in some_texts(4, seed=3)]
    model, seen = PackedLlama(three_models / "base"), []

    def even_up_to_six(ids):
        seen.append(len(ids))
        allowed = torch.zeros(len(model.embedding), dtype=torch.bool)
        if len(ids) < 6:
            allowed[100:200:2] = True
        return allowed

    free = generate(model, prompts, 10, lambda row, ids: False)
    found = generate(model, prompts, 10, lambda row, ids: False, [None, even_up_to_six, None, lambda ids: None])
    assert [found[n] for n in (0, 2, 3)] == [free[n] for n in (0, 2, 3)]
    assert seen == list(range(7)) and len(found[1]) == 6
    text = list(prompts[1])
    reference = hf_model(three_models / "base")
    for token in found[1]:
        with torch.inference_mode():
            assert token == 100 + 2 * int(reference(torch.tensor([text])).logits[0, -1, 100:200:2].argmax())
        text.append(token)


def requests(pairs):
    return [SimpleNamespace(args=pair) for pair in pairs]


def some_pairs() -> list[tuple[str, str]]:
    chance = random.Random(4)
    words = "river stone walks under seven bright lanterns and nobody counts them twice".split()
    pairs = []
    for _ in range(6):
        question = SHOTS + " ".join(chance.choices(words, k=chance.randrange(3, 40))) + "\nAnswer:"
        pairs += [(question, f" {choice}") for choice in "ABCD"]
    pairs += [("", "no context at all"), ("ends in spaces  ", "so they move"), ("long answer:", " ".join(words * 4))]
    return [pairs[n] for n in chance.sample(range(len(pairs)), len(pairs))]


def compare_with_hf(folder: Path, pairs, tolerance: float) -> PackedLM:
    from lm_eval.models.huggingface import HFLM

    reference = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=4)
    lm = PackedLM(folder, 4)
    expected = reference.loglikelihood(requests(pairs), disable_tqdm=True)
    found = lm.loglikelihood(requests(pairs), disable_tqdm=True)
    for (value, greedy), (hf_value, hf_greedy) in zip(found, expected, strict=True):
        assert abs(value - hf_value) < tolerance and greedy == hf_greedy
    texts = [(SHOTS,), ("a",), (" ".join(continuation for _, continuation in pairs),)]
    rolling = zip(
        lm.loglikelihood_rolling(requests(texts), disable_tqdm=True),
        reference.loglikelihood_rolling(requests(texts), disable_tqdm=True),
        strict=True,
    )
    assert all(abs(ours - theirs) < tolerance * max(1, abs(theirs) / 100) for ours, theirs in rolling)
    return lm


def test_log_likelihoods_are_those_of_lm_evals_hf_model(three_models):
    compare_with_hf(three_models / "base", some_pairs(), 1e-4)


@pytest.mark.slow
def test_log_likelihoods_of_the_135m_model_are_those_of_lm_evals_hf_model():
    root = Path(os.environ.get("BUILD") or Path(__file__).resolve().parents[2] / "build")
    folder = root / "local" / "models" / "base"
    if not (folder / "model.safetensors").is_file():
        pytest.skip("no 135M model: run `make train` first")
    compare_with_hf(folder, some_pairs(), 1e-4)


def test_log_likelihoods_on_disk_are_not_computed_again(three_models, tmp_path, monkeypatch):
    pairs = some_pairs()
    store = tmp_path / "answers.jsonl"
    expected = PackedLM(three_models / "base", 1, store).loglikelihood(requests(pairs))
    data = store.read_bytes()
    lines = data.count(b"\n")
    assert lines > 2
    from eval import packed

    asked = []
    monkeypatch.setattr(
        packed, "score", lambda model, some, real=packed.score: asked.append(len(some)) or real(model, some)
    )
    store.write_bytes(data[: data.index(b"\n") + 20])
    assert PackedLM(three_models / "base", 1, store).loglikelihood(requests(pairs)) == expected
    assert len(asked) == lines - 1
    assert PackedLM(three_models / "base", 1, store).loglikelihood(requests(pairs)) == expected
    assert len(asked) == lines - 1


def test_score_batches_hold_each_request_once_whatever_the_order():
    texts = some_texts(50, seed=8)
    asked = [Scored(tuple([1, *text]), (n % 5 + 3,)) for n, text in enumerate(texts)]
    batches = make_score_batches(asked, 7)
    assert sorted(n for batch in batches for n in batch) == list(range(50)) and max(map(len, batches)) <= 7
    shuffled = random.Random(2).sample(asked, 50)
    again = make_score_batches(shuffled, 7)
    assert [[asked[n] for n in batch] for batch in batches] == [[shuffled[n] for n in batch] for batch in again]


def vnni() -> bool:
    try:
        linear_kind("int8")
    except UserError:
        return False
    return True


@pytest.mark.skipif(not vnni(), reason="this CPU has no AVX-512 VNNI")
def test_int8_products_are_close_and_repeat(three_models):
    torch.manual_seed(3)
    weight, x, factor = torch.randn(96, 64), torch.randn(13, 64), torch.rand(13, 1) + 0.5
    exact, rounded = Float32Linear(weight), linear_kind("int8")(weight)
    expected = (factor * x) @ weight.T
    assert torch.allclose(exact(x, factor), expected, atol=1e-4)
    error = (rounded(x, factor) - expected).pow(2).mean().sqrt() / expected.pow(2).mean().sqrt()
    assert 1e-4 < error < 0.02
    assert torch.equal(rounded.order(x, factor).argsort(-1), rounded(x, factor).argsort(-1))
    lm = PackedLM(three_models / "base", compute_type="int8")
    assert lm.decoding["compute_type"] == "int8" and lm.decoding["backend"].startswith("packed-int8")
    prompts = [text for text in some_texts(5) if text]
    first = generate(lm.model, prompts, 12, lambda row, ids: False)
    assert first == generate(lm.model, prompts, 12, lambda row, ids: False)


def test_an_unknown_compute_type_is_refused():
    with pytest.raises(UserError, match="neither float32 nor int8"):
        linear_kind("int4")
