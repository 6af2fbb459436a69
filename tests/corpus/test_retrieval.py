"""Retrieval: prototypes, student and cascade, the index on disk, quotas; each against numpy or a made truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from corpus.cascade import CascadeSettings, cascade, pairs_asked, recall_of, scores_asked
from corpus.embed import DIMENSION, embed, load_model, model_folder, model_identity
from corpus.prototypes import prototypes_of
from corpus.quotas import within_quotas
from corpus.retrieval_map import two_axes
from corpus.retrieval_study import bm25, floating_operations, recall_at_shares, share_needed
from corpus.retrieve import best_prototype
from corpus.student import Student, inverse_document_frequency, token_counts, weighted
from corpus.vector_index import VectorIndex, build_index
from records.errors import UserError

MODEL: dict[str, Any] = {"name": "made", "sha256": "a" * 64, "dimension": 16, "tokens": 64, "precision": "float32"}


def unit(rng: np.random.Generator, *shape: int) -> Any:
    vectors = rng.normal(size=shape).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_shards_are_searched_as_one_and_equal_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    seeds, chunks = unit(rng, 5, 16), unit(rng, 90, 16)
    ids = [f"c{number:02}" for number in range(90)]
    build_index(tmp_path / "index", ids, chunks, MODEL, rows=40)
    index = VectorIndex(tmp_path / "index", MODEL)
    assert [shard["rows"] for shard in index.shards] == [40, 40, 10]
    found = index.search(seeds, 7)
    exact = seeds @ chunks.T
    for number, neighbours in enumerate(found):
        assert {name for name, _ in neighbours} == {ids[row] for row in np.argsort(-exact[number])[:7]}
    best = best_prototype(found, [f"s{n}" for n in range(5)], [0, 0, 1, 1, 2])
    for name, hit in best.items():
        looked_at = [s for s in range(5) if name in dict(found[s])]
        assert hit["score"] == pytest.approx(max(exact[s, int(name[1:])] for s in looked_at), abs=6e-4)
        assert hit["topic"] == [0, 0, 1, 1, 2][int(hit["seed"][1:])]


def test_a_shard_is_mapped_not_read(tmp_path: Path) -> None:
    build_index(tmp_path / "index", [str(n) for n in range(2000)], unit(np.random.default_rng(1), 2000, 16), MODEL)
    index = VectorIndex(tmp_path / "index", MODEL)
    shard = index.opened(index.shards[0])
    maps = Path("/proc/self/maps").read_text()
    assert str(tmp_path / "index/00000.faiss") in maps and shard.ntotal == 2000


@pytest.mark.parametrize(("key", "value"), [("name", "other"), ("sha256", "b" * 64), ("dimension", 32), ("tokens", 9)])
def test_an_index_of_another_model_is_refused(tmp_path: Path, key: str, value: object) -> None:
    build_index(tmp_path / "index", ["a"], unit(np.random.default_rng(1), 1, 16), MODEL)
    with pytest.raises(UserError, match=f"another model.*{key}"):
        VectorIndex(tmp_path / "index", {**MODEL, key: value})


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    folder, vectors = tmp_path / "index", unit(np.random.default_rng(1), 3, 16)
    with pytest.raises(UserError, match="holds no whole index"):
        VectorIndex(folder, MODEL)
    build_index(folder, ["a", "b", "c"], vectors, MODEL)
    with pytest.raises(UserError, match="width 8"):
        VectorIndex(folder, MODEL).search(vectors[:, :8], 2)
    (folder / "00000.faiss").write_bytes(b"no index at all")
    with pytest.raises(UserError, match=r"00000\.faiss is no faiss index"):
        VectorIndex(folder, MODEL).search(vectors, 2)
    build_index(tmp_path / "wide", ["a", "b", "c"], unit(np.random.default_rng(1), 3, 32), {**MODEL, "dimension": 32})
    (folder / "00000.faiss").write_bytes((tmp_path / "wide/00000.faiss").read_bytes())
    with pytest.raises(UserError, match="width 32"):
        VectorIndex(folder, MODEL).search(vectors, 2)
    (folder / "ids.json").write_text(json.dumps(["a"]))
    with pytest.raises(UserError, match="another number"):
        VectorIndex(folder, MODEL)


def test_prototypes_are_seeds_one_near_every_cluster() -> None:
    rng = np.random.default_rng(3)
    centres = unit(rng, 6, 32)
    vectors = np.repeat(centres, 50, axis=0) + 0.05 * rng.normal(size=(300, 32)).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = prototypes_of(vectors, 18, 3, seed=1)
    assert {int(row) // 50 for row in found.rows} == {0, 1, 2, 3, 4, 5}, "every made cluster"
    assert found.cohesion > 0.9 and len(found.topics) == len(found.rows) <= 18 and set(found.topics) <= {0, 1, 2}
    few = prototypes_of(vectors[:4], 6, 3, seed=1)
    assert few.rows.tolist() == [0, 1, 2, 3] and few.cohesion == pytest.approx(1, abs=1e-3)


def test_quotas_hold_the_largest_topic_and_keep_its_best() -> None:
    sizes = {0: 60, 1: 20, 2: 15, 3: 5}
    hits = {
        f"{topic}-{n:02}": {"seed": "s", "score": round(0.9 - n / 100, 2), "topic": topic}
        for topic, size in sizes.items()
        for n in range(size)
    }
    kept, figures = within_quotas(hits, 0.5)
    counts = [sum(hit["topic"] == topic for hit in kept.values()) for topic in sizes]
    assert figures["largest_share_before"] == 0.6 and figures["largest_share_after"] == 0.5
    assert counts == [40, 20, 15, 5] and figures["over_quota"] == 20
    assert {name for name in kept if name.startswith("0-")} == {f"0-{n:02}" for n in range(40)}
    assert within_quotas({}, 0.5)[0] == {}
    assert len(within_quotas(hits, 1.0)[0]) == 100
    assert within_quotas(hits, 0.01)[1]["largest_share_after"] <= 0.5, "few topics: twice an even part"


def made_world(texts: int) -> tuple[Any, Any, Any]:
    """Word counts, and vectors that follow from them up to a little noise; some texts are about the prototypes."""
    rng = np.random.default_rng(8)
    meaning = unit(rng, 300, 24)
    topic = rng.integers(0, 30, size=texts)
    rows = [np.concatenate([rng.integers(0, 300, 6), topic[n] * 10 + rng.integers(0, 10, 12)]) for n in range(texts)]
    counts = sparse.csr_matrix(
        (np.ones(18 * texts, "float32"), (np.repeat(np.arange(texts), 18), np.concatenate(rows))), (texts, 300)
    )
    vectors = counts @ meaning + 0.1 * rng.normal(size=(texts, 24))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    return weighted(counts, inverse_document_frequency(counts)), vectors, topic


def test_the_cascade_finds_what_exact_search_finds_with_less_work() -> None:
    words, vectors, topic = made_world(4000)
    prototypes = vectors[np.flatnonzero(topic == 3)[:12]]
    asked: list[str] = []

    def vectors_of(name: str, rows: Any) -> Any:
        asked.append(name)
        assert not set(rows) & embedded, "nothing is embedded twice"
        embedded.update(rows)
        return vectors[rows]

    embedded: set[int] = set()
    settings = CascadeSettings(neighbours=120, min_score=0.4, sample=600, recall=0.95, rounds=1, checked=800)
    order = np.random.default_rng(1).permutation(4000)
    found = cascade(words, order, (words[:20], vectors[:20]), prototypes, settings, vectors_of)
    assert asked == ["sample", "round-0", "survivors", "checked"]
    assert embedded - set(found.rows) <= set(order[600:1400]), "what is checked is embedded too, and not found by that"
    assert np.array_equal(found.vectors, vectors[found.rows]) and (np.diff(found.rows) > 0).all()
    cosines = prototypes @ vectors.T
    exact = np.concatenate([near[cosines[p, near] >= 0.4] for p, near in enumerate(np.argsort(-cosines)[:, :120])])
    assert np.isin(exact, found.rows).mean() >= 0.95
    assert found.report["work_saved"] == pytest.approx(4000 / len(found.rows), abs=0.01)
    assert found.report["work_saved"] > 2 and found.report["checked"] == 800
    pairs = exact[np.isin(exact, order[600:1400])]
    told = float(np.isin(pairs, found.rows).mean())
    assert found.report["recall"] == pytest.approx(told, abs=0.01), "as exact search over everything counts these texts"
    assert len(pairs) == pytest.approx(found.report["checked_pairs"], rel=0.05)


def test_a_sample_of_everything_is_exact() -> None:
    words, vectors, _ = made_world(50)
    settings = CascadeSettings(neighbours=5, min_score=0.1, sample=400, recall=0.95, rounds=2, checked=10)
    found = cascade(
        words, np.arange(50), (words[:5], vectors[:5]), vectors[:3], settings, lambda _, rows: vectors[rows]
    )
    assert found.rows.tolist() == list(range(50)) and found.report["work_saved"] == 1


def test_scores_asked_are_those_of_the_last_neighbour() -> None:
    rng = np.random.default_rng(3)
    texts, prototypes = unit(rng, 60, 16), unit(rng, 4, 16)
    last = np.sort(prototypes @ texts.T, axis=1)[:, -5]
    assert scores_asked(texts, prototypes, 5, 0.4) == pytest.approx(np.maximum(last, 0.4), abs=6e-4)
    assert scores_asked(texts[:4], prototypes, 5, 0.4).tolist() == pytest.approx([0.4] * 4)
    near = {row for p in prototypes @ texts.T for row in np.argsort(-p)[:5]}
    assert set(pairs_asked(texts, prototypes, scores_asked(texts, prototypes, 5, -1.0)).tolist()) >= near


def test_operations_are_those_that_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import BertConfig, BertModel

    shapes = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 12}
    config = BertConfig(vocab_size=30, attn_implementation="eager", **shapes)
    model = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(input_ids=torch.ones(2, 32, dtype=torch.long))
    assert floating_operations([32, 32]) == counter.get_total_flops()


def test_recall_counts_pairs_and_errs_by_texts() -> None:
    found = recall_of(np.array([0, 0, 0, 2]), np.array([True, True, False]))
    assert found == {"pairs": 4, "texts": 2, "recall": 0.75, "stderr": round((0.75 * 0.25 / 2) ** 0.5, 4)}
    assert recall_of(np.zeros(0, dtype=int), np.array([True]))["recall"] is None


def test_the_student_is_ridge_regression() -> None:
    from sklearn.linear_model import Ridge

    words, vectors, _ = made_world(200)
    student = Student(words, vectors)
    mean = vectors.mean(axis=0)
    known = Ridge(alpha=0.3, fit_intercept=False).fit(words.toarray(), vectors - mean).predict(words.toarray()) + mean
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    least = np.linspace(0, 0.3, 7)
    wanted = (known @ vectors[:7].T - least).max(axis=1)
    assert student.best_margins(words, vectors[:7], least) == pytest.approx(wanted, abs=1e-3)


def test_embeddings_do_not_depend_on_workers_and_resume(tmp_path: Path) -> None:
    texts = [(f"t{n}", f"List the {n} boxes on the shelf. " * (1 + n % 7)) for n in range(70)]
    one = embed(texts, tmp_path / "one", 32, 1)
    assert one.shape == (70, DIMENSION) and np.linalg.norm(one, axis=1) == pytest.approx(1, abs=1e-5)
    model = load_model(str(model_folder()), 32, "float32")
    known = model.encode([text for _, text in texts], normalize_embeddings=True, show_progress_bar=False)
    assert (one * known).sum(axis=1).min() > 0.999, "the model as sentence-transformers runs it"
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "one/vectors").iterdir()}
    assert np.array_equal(embed(texts, tmp_path / "one", 32, 2), one)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "one/vectors").iterdir()} == before, "not done twice"
    assert model_identity(32)["dimension"] == DIMENSION


def test_words_are_the_tokens_that_the_model_reads() -> None:
    counts = token_counts(["boxes boxes on shelves", "", "word " * 500], model_folder(), 64)
    assert counts.sum(axis=1).ravel().tolist()[0] == [4, 0, 62] and counts.max() == 62


def test_recall_and_share_of_a_first_stage() -> None:
    scores, pairs = np.array([0.9, 0.1, 0.8, 0.7, 0.2, 0.3, 0.4, 0.5, 0.6, 0.0]), np.array([0, 0, 2, 7])
    assert recall_at_shares(scores, pairs)["0.1"] == 0.5 and recall_at_shares(scores, pairs)["0.5"] == 1
    assert share_needed(scores, pairs, 0.75) == 0.2 and share_needed(scores, pairs, 1.0) == 0.5


def test_bm25_against_its_formula() -> None:
    texts, queries = (
        sparse.csr_matrix([[2, 0, 1], [0, 3, 0]], dtype="float32"),
        sparse.csr_matrix([[1.0, 1, 0], [0, 0, 1]]),
    )
    idf = np.array([0.5, 1.5, 2.0], dtype="float32")

    def part(count: int, length: int) -> float:
        return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 3))

    wanted = [max(0.5 * part(2, 3), 2.0 * part(1, 3)), 1.5 * part(3, 3)]
    assert bm25(texts, queries, idf) == pytest.approx(wanted, rel=1e-5)


def test_axes_of_the_map_are_the_principal_ones() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(500, 6)) * np.array([1, 9, 2, 5, 1, 1])
    mean, axes = two_axes(vectors)
    assert np.abs(axes[1, 0]) > 0.95 and np.abs(axes[3, 1]) > 0.95 and mean == pytest.approx(vectors.mean(axis=0))
    assert axes.max(axis=0).min() > 0.95, "each axis points where it is largest"
