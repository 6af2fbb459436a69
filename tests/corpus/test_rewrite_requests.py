"""Requests rewritten by an endpoint: a server on loopback that rewrites well, badly, or breaks off."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from corpus.call_examples import call_examples
from corpus.call_rows import call_row, write_calls
from corpus.datasheet import _variety
from corpus.rewrite_requests import clean, is_chosen, rewrite_rows, why_not
from corpus.rows import read_documents, write_documents
from corpus.steps import Work
from records.calls import render_chat
from records.errors import UserError
from records.recipe import load_recipe
from records.recipe_corpus import CallsRecipe, RewriteRecipe
from records.typed import build
from tests.corpus.heard import is_heard, leaves
from tests.corpus.test_call_examples import APIS

DIGITS = re.compile(r"\d+")


class Endpoint:
    """Rewrites by putting words before; of every third request the figures are lost. `limit` answers, then 500."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.limit = 10**9
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ok = self.path == "/v1/chat/completions" and len(endpoint.bodies) < endpoint.limit
                if ok:
                    endpoint.bodies.append(body)
                    endpoint.keys.add(self.headers.get("Authorization"))
                reply = json.dumps(endpoint.reply(body)).encode() if ok else b"it broke"
                self.send_response(200 if ok else 404)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def reply(self, body: dict[str, Any]) -> dict[str, Any]:
        request = body["messages"][-1]["content"]
        text = f'"Kindly see to this for me: {request}"'
        if len(request) % 3 == 0:
            text = DIGITS.sub("many", text)
        return {"choices": [{"message": {"role": "assistant", "content": text}}]}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    folder = tmp_path / "drafts"
    folder.mkdir()
    by_id = {api.id: dataclasses.replace(api, attribution="somebody") for api in APIS}
    rows = [call_row(example, by_id).document() for example in call_examples(APIS, CallsRecipe(300), seed=3)]
    write_documents(folder / "00000.jsonl", rows[:200])
    write_documents(folder / "00001.jsonl", rows[200:])
    return folder


def rewrite(endpoint: Endpoint, drafts: Path, name: str = "rows", share: float = 0.5) -> dict[str, Any]:
    recipe = RewriteRecipe(endpoint.address, "writer", share=share, workers=4)
    return rewrite_rows(recipe, drafts, drafts.parent / name, drafts.parent / "rewrites.jsonl")


def test_only_rewrites_that_say_every_value_are_kept(
    endpoint: Endpoint, drafts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    report = rewrite(endpoint, drafts)
    before = list(read_documents(*sorted(drafts.glob("*"))))
    after = list(read_documents(*sorted((drafts.parent / "rows").glob("*"))))
    assert [row.id for row in after] == [row.id for row in before] and 110 < report["asked"] < 190
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old.text != new.text]
    assert len(changed) == report["kept"] > 60 and endpoint.keys == {"Bearer secret"}
    for old, new in changed:
        messages, tools = json.loads(new.metadata["messages"]), json.loads(new.metadata["tools"])
        request = messages[0]["content"]
        assert request.startswith("Kindly see to this for me: ")
        assert messages[1:] == json.loads(old.metadata["messages"])[1:]
        assert new.text == render_chat(messages, tools) and new.metadata["provenance"]["rewriting"]["model"] == "writer"
        for call in messages[1].get("tool_calls", ()):
            assert all(is_heard(value, request) for value in leaves(call["function"]["arguments"]))
    lost = report["dropped"]
    assert lost["value_lost"]["count"] > 10 and set(lost) <= {"value_lost", "figures_changed"}
    assert report["kept"] + sum(found["count"] for found in lost.values()) == report["asked"]
    assert "many" in lost["value_lost"]["example"]


def test_an_interrupted_run_goes_on_and_a_second_asks_nothing(endpoint: Endpoint, drafts: Path) -> None:
    endpoint.limit = 40
    with pytest.raises(UserError, match=r"answered 404: it broke; check calls\.rewrite"):
        rewrite(endpoint, drafts)
    with (drafts.parent / "rewrites.jsonl").open("a") as answers:
        answers.write('{"key": "half a li')
    endpoint.limit = 10**9
    report = rewrite(endpoint, drafts)
    assert len(endpoint.bodies) == len({body["messages"][-1]["content"] for body in endpoint.bodies})
    assert len(endpoint.bodies) <= report["asked"]
    asked = len(endpoint.bodies)
    again = rewrite(endpoint, drafts, "again")
    assert len(endpoint.bodies) == asked and again == report
    for file in (drafts.parent / "rows").glob("*"):
        assert file.read_bytes() == (drafts.parent / "again" / file.name).read_bytes()


def test_an_endpoint_that_is_not_there_is_named(drafts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.chat_endpoint.RETRIES", 0)
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9/v1/chat/completions does not answer .* goes on"):
        rewrite_rows(RewriteRecipe("http://127.0.0.1:9/v1", "x"), drafts, drafts.parent / "r", drafts.parent / "a")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"), ("Make crate 'a b' of forty.", "unchanged"), ("Sure! Crate 'a b' of 40", "preamble"),
        ("Crate 'a b' of 40 with put_box", "names_a_function"), ("Crate 'a b' of 41", "value_lost"), 
        ("Crate b of 40", "value_lost"),
        ("I'm sorry, I am unable to make box 'a b' of 40", "answered"), ("It should be 'a b' of 40.", "task_lost"),
        ("Crate a b of 40 " + "please " * 60, "too_long"), ("I need a crate 'a b', 40 litres", None),
    ],
)  # fmt: skip
def test_reasons(text: str, reason: str | None) -> None:
    calls = [{"function": {"name": "put_box", "arguments": {"name": "a b", "size": 40}}}]
    messages = [{"role": "user", "content": "Make crate 'a b' of forty."}, {"role": "assistant", "tool_calls": calls}]
    assert why_not(text, messages, [{"function": {"name": "put_box"}}]) == reason


def test_a_question_is_asked_about_no_new_figure() -> None:
    messages = [{"role": "user", "content": "Make a box in room 7."}, {"role": "assistant", "content": "Which size?"}]
    assert why_not("In room 7, a box of 40", messages, []) == "figures_changed"
    assert why_not("A box for room 7, please", messages, []) is None


def test_quotes_around_all_of_an_answer_go() -> None:
    assert clean('"Make\n a "box""', "Make box") == 'Make a "box"' and clean("'a' and 'b'", "'b', 'a'") == "'a' and 'b'"


def test_dialogues_are_left_as_they_are(drafts: Path) -> None:
    row = next(read_documents(drafts / "00000.jsonl"))
    assert is_chosen(row, 1.0)
    row.metadata["messages"] = json.dumps([{"role": "user", "content": "x"}] * 4)
    assert not is_chosen(row, 1.0)


def test_the_step_rewrites_and_reports_and_is_measured_on_what_it_wrote(endpoint: Endpoint, tmp_path: Path) -> None:
    recipe = load_recipe("smoke")
    calls = CallsRecipe(40, rewrite=RewriteRecipe(endpoint.address, "writer", share=1.0, workers=2))
    corpus = dataclasses.replace(recipe.corpus, calls=calls, workers=1)
    work = Work(dataclasses.replace(recipe, corpus=corpus), tmp_path / "work", tmp_path / "out")
    lines = [json.dumps(dataclasses.asdict(dataclasses.replace(api, attribution="somebody"))) for api in APIS]
    work.step("calls").mkdir(parents=True)
    (work.folder / "apis.jsonl").write_text("\n".join(lines) + "\n")
    write_calls(work, work.step("calls"))
    report = json.loads((work.step("calls") / "report.json").read_text())
    rewriting = report["rewriting"]
    assert rewriting["asked"] == report["examples"] == 40 and rewriting["kept"] >= 20
    assert report["argument_values_said"]["nowhere"] == 0
    rows = list(read_documents(*sorted((work.step("calls") / "rows").glob("*"))))
    assert sum("rewriting" in row.metadata["provenance"] for row in rows) == rewriting["kept"]
    assert (
        f"{rewriting['kept']:,} of 40, by writer; not used: " in dict(_variety(report))["requests that a model rewrote"]
    )
    asked = len(endpoint.bodies)
    shutil.rmtree(work.step("calls"))
    work.step("calls").mkdir()
    write_calls(work, work.step("calls"))
    assert len(endpoint.bodies) == asked, "answers outlive the step's folder"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"endpoint": "localhost:80/v1"}, "starts with http"),
        ({"share": 0.0}, "above 0"),
        ({"workers": 0}, "at least 1"),
    ],
)
def test_a_wrong_recipe_is_refused_before_any_work(values: dict[str, Any], said: str) -> None:
    written = {"endpoint": "http://127.0.0.1:1/v1", "model": "m", **values}
    with pytest.raises(UserError, match=f"made.yaml: calls.*{said}"):
        build(CallsRecipe, {"examples": 8, "rewrite": written}, "made.yaml", "calls")
