"""The page filter: what it sees, its scores against scikit-learn and by hand, labels, and a model asked for some."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from corpus.annotate import annotate, label_of
from corpus.classify import AGENT, GENERAL, weak_labels
from corpus.distil_filter import distilled, spread, teacher_scores
from corpus.filter_scores import best_threshold, by_site, curve, measured, write_failures
from corpus.known_pages import KnownPage
from corpus.page_features import tokens_of
from corpus.page_filter import PageFilter, committed_filter
from corpus.page_models import Weights, common_tokens, lines_of, train_weights
from corpus.pydoc_pages import module_names, pydoc_pages
from corpus.rows import Row
from records.errors import UserError
from records.recipe_corpus import AnnotatorRecipe


def page(package: str, number: int, text: str = "", about: bool | None = None) -> KnownPage:
    side = package == "git-doc" if about is None else about
    return KnownPage(f"https://{package}.debian.invalid/{number}.html", text, side, "training")


def test_names_become_their_kind_and_count_once() -> None:
    found = tokens_of("read_csv(path) calls setName and os.path twice: read_csv(x), MAX_SIZE, --force, the the.")
    words = [token for token in found if not token.startswith(("_d", "_l"))]
    assert "the" in words and words.count("the") == 1 and "read_csv" not in words and "setname" not in words
    assert {"_call_", "_camel_", "_constant_", "_option_"} <= set(words)
    assert "_dotted_" in found and sum(token.startswith("_dcall") for token in found) == 1


@pytest.mark.parametrize("text", ["", "\n\n", "\0", "日本語の文書", "x" * 5000, "((((" * 900])
def test_any_text_has_tokens(text: str) -> None:
    assert tokens_of(text) and all(token.split() == [token] for token in tokens_of(text))


def test_scores_against_scikit_learn() -> None:
    scored = [(page("git-doc" if n % 3 else "anarchism", n), (n * 7919 % 100) / 100) for n in range(200)]
    for threshold in (0.2, 0.5, 0.9):
        found = measured(scored, threshold)
        truth, said = [p.about_apis for p, _ in scored], [s >= threshold for _, s in scored]
        precision, recall, f1, _ = precision_recall_fscore_support(truth, said, average="binary", zero_division=0)
        assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1), abs=1e-4)
    assert len(curve(scored)) == 49


def test_threshold_sites_and_failures(tmp_path: Path) -> None:
    names = [("git-doc", 0.9), ("git-doc", 0.4), ("anarchism", 0.35), ("anarchism", 0.1)]
    scored = [(page(name, number), score) for number, (name, score) in enumerate(names)]
    assert best_threshold(scored) == 0.36
    assert measured(scored, 0.36)["f1"] == 1 and measured(scored, 0.5)["recall"] == 0.5
    assert by_site(scored, 0.5) == {"anarchism": {"n": 2, "right": 1.0}, "git-doc": {"n": 2, "right": 0.5}}
    assert write_failures(tmp_path / "f.jsonl", scored, 0.05) == 2
    first = json.loads((tmp_path / "f.jsonl").read_text().split("\n")[0])
    assert first["score"] == 0.35 and first["truth"] == "general", "the surest mistake comes first"


def test_weights_learn_sides_and_not_sites(tmp_path: Path) -> None:
    pages = []
    for site in range(20):
        words = "function returns value" if site % 2 else "chapter garden evening"
        pages += [page(f"site{site}", n, f"{words} site{site}name only{site}word", bool(site % 2)) for n in range(3)]
    common = common_tokens(pages)
    assert "function" in common and not any("site" in token for token in common)
    model = train_weights(pages)
    assert model.score(tokens_of("a function returns")) > 0.5 > model.score(tokens_of("a garden in the evening"))
    by_hand = Weights(0.5, {"a": 2.0, "b": -1.0}).score(["a", "b", "unknown"])
    assert by_hand == round(1 / (1 + math.exp(-(0.5 + 1.0 / math.sqrt(2)))), 3)
    model.save(tmp_path / "w.json")
    assert Weights.load(tmp_path / "w.json") == model
    (tmp_path / "w.json").write_text("[]")
    for file in ("w.json", "none.json"):
        with pytest.raises(UserError, match="make tune-filter"):
            Weights.load(tmp_path / file)
    assert lines_of(pages[:3], common)[0].startswith("__label__general ") and len(lines_of(pages[:3], common)) == 24


def test_the_committed_filter_is_the_one_that_was_measured() -> None:
    known = committed_filter()
    scores = known.about["scores"]
    assert scores["same_site"]["f1"] >= 0.95 and scores["fourteen"]["n"] > 9000
    assert sum(found["n"] for found in scores["fourteen"]["by_site"].values()) == scores["fourteen"]["n"]
    reference = (
        "class Socket(family, type)\n\nsend(data, flags=0)\n    Send data to the socket. Returns the number sent.\n"
    )
    story = "In the evening they walked down to the river, and the old man told them of the winter of his youth. "
    assert known.model.score(tokens_of(reference * 5)) > known.threshold > known.model.score(tokens_of(story * 8))


def test_pydoc_pages_are_the_same_each_time_and_say_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2hunter2")
    monkeypatch.setattr(
        "corpus.pydoc_pages.module_names", lambda most=None: ["os", "json", "difflib", "cgi", "nothing"]
    )
    one, two = (list(pydoc_pages()) for _ in range(2))
    assert one == two and {"os.html", "json.html", "difflib.html"} <= {found.path for found in one}
    text = "".join(found.content.decode() for found in one)
    assert "hunter2" not in text and "0x7" not in text and str(Path.home()) not in text
    monkeypatch.undo()
    assert module_names(9) == sorted(module_names(9)) and set(module_names(9)) < set(module_names())


def text_row(name: str, config: str, text: str = "words") -> Any:
    return Row(name, config, text, "made", "MIT", "", "", "kind").document()


def test_weak_labels_are_drawn_by_hash_and_far_text_first() -> None:
    rows = [text_row(f"a{n}", "api_docs") for n in range(30)] + [text_row(f"t{n}", "text") for n in range(30)]
    hits, candidates = {f"t{n}" for n in range(5)}, {f"t{n}" for n in range(10)}
    found = weak_labels(iter(rows), hits, candidates, 8, seed=3)
    assert [row.kind for row in found] == [AGENT] * 8 + [GENERAL] * 8
    general = [row.id.removeprefix("label/") for row in found if row.kind == GENERAL]
    assert set(general[:5]) == {f"t{n}" for n in range(5, 10)} and not set(general) & set(hits)
    assert found == weak_labels(reversed(rows), hits, candidates, 8, seed=3), "whatever the order of the rows"
    assert len(weak_labels(rows, hits, candidates, 1000, seed=3)) == 50 and not weak_labels(
        rows, hits, set(), 0, seed=3
    )


class Annotator:
    """Says API of texts with `call` in them, something unclear of texts with `hm`; breaks after `limit` answers."""

    def __init__(self) -> None:
        self.asked, self.limit = 0, 10**9
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked += 1
                text = body["messages"][-1]["content"]
                said = "It depends." if "hm" in text else "`API`." if "call" in text else "other"
                reply = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
                self.send_response(200 if server.asked <= server.limit else 404)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def annotator() -> Iterator[Annotator]:
    server = Annotator()
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_a_model_labels_a_sample_and_a_second_run_asks_for_the_rest(annotator: Annotator, tmp_path: Path) -> None:
    texts = ["call it", "a garden", "hm", "call the garden"]
    rows = [text_row(f"r{n}", "text", f"{texts[n % 4]} number {n}") for n in range(40)]
    known = PageFilter("weights", Weights(-1.0, {"call": 5.0}), 0.5, {})
    recipe = AnnotatorRecipe(annotator.address, "judge", rows=20, workers=1)
    annotator.limit = 7
    with pytest.raises(UserError, match=r"answered 404.*corpus\.filter\.annotator"):
        annotate(recipe, rows, tmp_path / "answers.jsonl", 1, known, 0.5)
    annotator.limit, before = 10**9, annotator.asked
    labels, report = annotate(recipe, rows, tmp_path / "answers.jsonl", 1, known, 0.5)
    assert 0 < annotator.asked - before < 20 and report["asked"] == 20
    again = annotator.asked
    assert annotate(recipe, reversed(rows), tmp_path / "answers.jsonl", 1, known, 0.5) == (labels, report)
    assert annotator.asked == again, "nothing is asked twice"
    assert report["dropped"]["unclear_answer"]["count"] == 20 - len(labels) > 0
    assert all((row.kind == AGENT) == ("call" in row.text) for row in labels) and report["filter_beside_it"]["f1"] == 1
    assert labels[0].config == "labels" and labels[0].provenance["label"]["model"] == "judge"


def test_only_one_word_is_a_label() -> None:
    assert [label_of(reply) for reply in ("API", " other.\n", "**API**", "API, I think", "", "yes")] == [
        AGENT, GENERAL, AGENT, None, None, None,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="http"):
        AnnotatorRecipe("localhost", "judge")


def test_the_teacher_against_sums_by_hand_and_the_student_after_it() -> None:
    rng = np.random.default_rng(5)
    vectors, references = (rng.normal(size=(n, 12)) for n in (30, 16))
    vectors, references = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (vectors, references))
    about = [bool(n % 2) for n in range(16)]
    found = teacher_scores(vectors, references, about)
    for number in range(30):
        near = {side: sorted((vectors[number] @ references[r] for r in range(16) if about[r] is side), reverse=True)[:5]
                for side in (True, False)}  # fmt: skip
        gap = sum(near[True]) / 5 - sum(near[False]) / 5
        assert found[number] == pytest.approx(1 / (1 + math.exp(-20 * gap)))
    words = ("function returns value", "chapter garden evening")
    pages = [page(f"site{n % 20}", n, words[n % 2], bool(n % 2)) for n in range(60)]
    assert len({one.site for one in spread(pages, 20, "x")}) == 20, "sites in turn"
    student = distilled(pages, [0.2 if p.about_apis else 0.9 for p in pages], 10.0)
    # It learns what the teacher says, which here is the contrary of the truth.
    assert student.score(tokens_of(words[1])) < 0.5 < student.score(tokens_of(words[0]))
