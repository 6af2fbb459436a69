"""The gallery: made from the corpus's documents, its expected answers fit its tools, and its labels can be measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from records.errors import UserError
from records.files import write_text
from records.gallery_choice import CHOSEN, chosen_gallery, gallery_path, weights_print
from spaces import gallery
from spaces.__main__ import choose_examples
from spaces.assembly import add_gallery, assemble
from spaces.gallery_answers import Found, is_right

KINDS = {"single", "multiple", "parallel", "no tool fits", "a parameter is missing", "several steps"}


@pytest.fixture(scope="module")
def sets(space: Path) -> dict[str, Any]:
    from tool_sets import load_tool_sets

    found: dict[str, Any] = load_tool_sets()
    return found


@pytest.fixture(scope="module")
def chosen() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(gallery.CHOICES.read_text())
    return found


def offered(one: Any, candidate: dict[str, Any]) -> list[dict[str, Any]]:
    return [tool for tool in one.tools if tool["name"] == candidate.get("only", tool["name"])]


def test_the_gallery_is_what_its_choices_say(sets: dict[str, Any], chosen: list[dict[str, Any]]) -> None:
    assert [row["name"] for row in chosen] == list(sets)
    assert {"Cloud", "Calendar", "Data", "Shop", "Files"} <= {name for name, one in sets.items() if one.sources}
    for row in chosen:
        one = sets[row["name"]]
        known = [
            (kind, each["ask"], each["steps"], each.get("only"))
            for kind, some in row["candidates"].items()
            for each in some
        ]
        assert len({(ask, only, len(steps)) for _, ask, steps, only in known}) == len(known)
        for example in one.examples:
            assert (example.kind, example.request, example.steps, example.only) in known
        assert [source["api"] for source in one.sources.values()] == list(row.get("corpus", {}))
        assert {source["license"] for source in one.sources.values()} <= gallery.PERMISSIVE


def test_every_kind_is_shown_and_every_set_has_candidates_of_it(
    sets: dict[str, Any], chosen: list[dict[str, Any]]
) -> None:
    from tool_sets import measured

    assert {example.kind for one in sets.values() for example in one.examples} == KINDS
    for row in chosen:
        assert set(row["candidates"]) >= (KINDS - {"single"} if row["name"] == "Weather and units" else KINDS)
        assert min(len(some) for some in row["candidates"].values()) >= 3
    found = measured()
    assert found.of == sum(len(some) for row in chosen for some in row["candidates"].values())
    assert found.right == sum(right for right, _ in found.by_kind.values()) and set(found.by_kind) == KINDS
    for kind, (right, _) in found.by_kind.items():
        shown = [example for one in sets.values() for example in one.examples if example.kind == kind]
        assert all(example.right for example in shown) if right else [e.right for e in shown] == [False]


def test_right_answers_fit_the_tools_and_run_in_the_simulated_world(
    sets: dict[str, Any], chosen: list[dict[str, Any]]
) -> None:
    from documents import read_tools
    from simulation import World
    from validation import check_call

    for row in chosen:
        for kind, some in row["candidates"].items():
            for candidate in some:
                tools, world = read_tools(json.dumps(offered(sets[row["name"]], candidate))), World()
                calls = [call for step in candidate["steps"] for each in step for call in each.items()]
                assert bool(calls) == (kind not in ("no tool fits", "a parameter is missing")), candidate
                assert (len(tools) == 1) == (kind == "single")
                for name, arguments in calls:
                    assert check_call(name, arguments, tools)[0], candidate
                    result = json.dumps(world.run(name, arguments))
                if kind == "several steps":  # what the answer must say is in the last result
                    assert all(words in result for words in candidate.get("says", [])), (candidate, result)
                elif kind == "parallel":
                    assert len(calls) > 1


def test_every_tool_of_the_gallery_is_simulated_and_refuses_odd_arguments(sets: dict[str, Any]) -> None:
    from simulation import TOOLS, World

    assert set(TOOLS) == {tool["name"] for one in sets.values() for tool in one.tools}
    for name in TOOLS:
        for odd in ({}, {"n": 10**9}, {"x": [1], "y": []}, {"file_id": "none"}, {"a": 2, "p": 10**9}):
            result = World().run(name, odd)
            assert isinstance(json.dumps(result), str)


def test_what_the_data_tools_compute_is_what_their_libraries_compute(space: Path) -> None:
    from scipy.spatial import minkowski_distance
    from scipy.special import factorial
    from simulation import World
    from sympy.ntheory import is_quad_residue

    world = World()
    assert world.run("factorial", {"n": 9}) == {"result": factorial(9)}
    near = pytest.approx(minkowski_distance([1, 2, 3], [4, 6, 1], 3), abs=1e-6)
    assert world.run("minkowski_distance", {"x": [1, 2, 3], "y": [4, 6, 1], "p": 3}) == {"result": near}
    for a in range(12):
        assert world.run("is_quad_residue", {"a": a, "p": 11}) == {"result": is_quad_residue(a, 11)}


def test_answers_are_right_step_by_step_and_must_say_the_result(sets: dict[str, Any], canned: Any) -> None:
    tools = sets["Data"].tools
    steps = {"ask": "The factorial of 5?", "steps": [[{"factorial": {"n": 5}}], []], "says": ["120"]}
    canned.text, canned.then = '[{"name": "factorial", "arguments": {"n": 5}}]', "It is 120.0."
    assert is_right(canned, tools, steps)
    canned.then = "It is 24."
    assert not is_right(canned, tools, steps)
    canned.then = canned.text  # the same call over and over
    assert not is_right(canned, tools, steps)
    canned.text = '[{"name": "factorial", "arguments": {"n": 4}}]'
    assert not is_right(canned, tools, {**steps, "steps": [[{"factorial": {"n": 5}}]]})
    two = [{"factorial": {"n": 5}}, {"factorial": {"n": 4}}]
    canned.text = json.dumps([{"name": "factorial", "arguments": {"n": n}} for n in (4, 5)])
    assert is_right(canned, tools, {"ask": "x", "steps": [two]}), "in any order"
    assert not is_right(canned, tools, {"ask": "x", "steps": [[two[0]]]})
    canned.text = "None of the functions can do that. " * 60
    assert not is_right(canned, tools, {"ask": "x", "steps": [[]]}), "it goes on for too long"


def test_a_set_shows_its_first_right_candidate_of_each_kind() -> None:
    def found(name: str, kind: str, ask: str, right: bool, **more: str) -> Found:
        return Found(name, kind, {"ask": ask, "steps": [[]], **more}, right)

    sets = [{"name": name, "tools": [], "sources": {}, "candidates": {}} for name in ("A", "B")]
    answers = [
        found("A", "single", "a1", False, only="f"), found("A", "single", "a2", True, only="f"),
        found("A", "single", "a3", True), found("A", "parallel", "a4", False), found("A", "parallel", "a5", False),
        found("B", "single", "b1", False), found("B", "parallel", "b2", False), found("B", "no", "b3", True),
    ]  # fmt: skip
    made = gallery.gallery(sets, answers, {"model": "m", "weights_sha256": "0"})
    shown = [[(e["request"], e["right"], e.get("only")) for e in row["examples"]] for row in made["sets"]]
    assert shown == [[("a2", True, "f"), ("a4", False, None)], [("b3", True, None)]]
    assert made["measured"] == {
        "model": "m", "weights_sha256": "0", "right": 3, "of": 8,
        "by_kind": {"single": [2, 4], "parallel": [0, 3], "no": [1, 1]},
    }  # fmt: skip


def test_a_choice_is_shown_with_its_own_weights_alone(tmp_path: Path, sets: dict[str, Any]) -> None:
    model, build, place = tmp_path / "model", tmp_path / "build", tmp_path / "space"
    model.mkdir()
    assert chosen_gallery(build, model) is None, "no weights"
    (model / "model.safetensors").write_bytes(b"weights")
    assemble("function_calling", place)
    assert "committed" in add_gallery(build, model, place) and not (place / CHOSEN).exists()
    measured = {"model": "m", "weights_sha256": weights_print(model), "right": 3, "of": 8, "by_kind": {}}
    own = gallery_path(build, weights_print(model))
    write_text(own, json.dumps({"measured": measured, "sets": []}))
    assert "m, which gets 3 of 8 right" in add_gallery(build, model, place)
    assert (place / CHOSEN).read_bytes() == own.read_bytes()
    (model / "model.safetensors").write_bytes(b"others")
    assert chosen_gallery(build, model) is None


def write_document(build: Path) -> None:
    """A corpus with one API document."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = {"QueueName": {"type": "string", "description": "(Required) The `name`. Longer."}, "Other": {}}
    told: dict[str, Any] = {"name": "sqs.get_queue_url", "description": "The `API` returns a URL. It is\nuseful."}
    told["parameters"] = {"type": "object", "properties": schema, "required": ["QueueName", "Other"]}
    row = {"text": f"AWS function:\n\n{json.dumps(told)}\n", "kind": "schema", "license": "MIT"}
    folder = build / "corpus" / "data" / "api_docs"
    folder.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist([{**row, "api_ids": ["a/b"]}]), folder / "train-0.parquet")


def test_a_document_becomes_a_function_as_call_examples_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_document(tmp_path)
    choices = tmp_path / "gallery.yaml"
    choices.write_text("- {name: One, corpus: {a/b: [QueueName]}, candidates: {}}\n")
    monkeypatch.setattr(gallery, "CHOICES", choices)
    (made,) = gallery.tool_sets(tmp_path / "corpus")
    parameters = {"queue_name": {"type": "string", "description": "The name."}}
    assert made["tools"] == [
        {
            "name": "get_queue_url",
            "description": "The API returns a URL.",
            "parameters": {"type": "object", "properties": parameters, "required": ["queue_name"]},
        }
    ]
    assert made["sources"] == {"get_queue_url": {"api": "a/b", "license": "MIT"}}
    choices.write_text("- {name: One, corpus: {a/c: [QueueName]}, candidates: {}}\n")
    with pytest.raises(UserError, match="a/c: the corpus"):
        gallery.tool_sets(tmp_path / "corpus")


def test_make_demo_chooses_examples_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    model, asked = tmp_path / "model", []
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")

    def choose(argv: list[str]) -> int:
        asked.append(argv)
        if len(asked) == 1:
            raise UserError("the corpus holds no such document")
        measured = {"model": "m", "weights_sha256": weights_print(model), "right": 3, "of": 8, "by_kind": {}}
        write_text(gallery_path(tmp_path / "smoke", weights_print(model)), json.dumps({"measured": measured}))
        return 0

    monkeypatch.setattr(gallery, "main", choose)
    choose_examples("smoke", model)
    assert "no examples were chosen: the corpus holds no such document" in capsys.readouterr().out
    choose_examples("smoke", model)
    choose_examples("smoke", model)
    assert asked == [["--recipe", "smoke"]] * 2


def test_make_gallery_asks_and_keeps_its_choice_beside_the_model(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_document(tmp_path / "smoke")
    monkeypatch.setenv("BUILD", str(tmp_path))
    monkeypatch.setattr(gallery, "CHOICES", tmp_path / "gallery.yaml")
    gallery.CHOICES.write_text(
        "- name: One\n  corpus: {a/b: [QueueName]}\n  candidates:\n    single:\n"
        "      - {ask: Get it., steps: [[get_queue_url: {queue_name: a}]]}\n"
        "    no tool fits: [{ask: Get b., steps: [[]]}]\n"
    )
    before = gallery.OUTPUT.read_bytes()
    assert gallery.main(["--recipe", "smoke", "--model", str(tiny_model)]) == 0
    assert gallery.OUTPUT.read_bytes() == before, "only --keep changes the committed one"
    chosen = chosen_gallery(tmp_path / "smoke", tiny_model)
    assert chosen is not None
    made = json.loads(chosen.read_text())
    assert made["measured"]["of"] == 2 and made["measured"]["model"] == "tiny"
    assert [one["kind"] for one in made["sets"][0]["examples"]] == ["single", "no tool fits"]
    assert "of   1 right  single" in capsys.readouterr().out
    with pytest.raises(UserError, match="make train RECIPE=smoke"):
        gallery.main(["--recipe", "smoke", "--model", str(tmp_path / "none")])
