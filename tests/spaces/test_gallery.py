"""The gallery: made from the corpus's documents, its expected answers fit its tools, and its labels can be measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from records.errors import UserError
from spaces import gallery

KINDS = {"single", "multiple", "parallel", "no tool fits", "a parameter is missing", "several steps"}


@pytest.fixture(scope="module")
def sets(space: Path) -> dict[str, Any]:
    from tool_sets import load_tool_sets

    found: dict[str, Any] = load_tool_sets()
    return found


def test_the_gallery_is_what_its_choices_say(sets: dict[str, Any]) -> None:
    chosen = yaml.safe_load(gallery.CHOICES.read_text())
    assert [row["name"] for row in chosen] == list(sets)
    assert {"Cloud", "Calendar", "Data", "Shop", "Files"} <= {name for name, one in sets.items() if one.sources}
    for row in chosen:
        one = sets[row["name"]]
        assert [(e["request"], e["kind"], e["steps"]) for e in row["examples"]] == [
            (e.request, e.kind, e.steps) for e in one.examples
        ]
        assert [source["api"] for source in one.sources.values()] == list(row.get("corpus", {}))
        assert {source["license"] for source in one.sources.values()} <= gallery.PERMISSIVE


def test_every_kind_is_shown_and_most_examples_are_right(sets: dict[str, Any]) -> None:
    examples = [example for one in sets.values() for example in one.examples]
    assert {example.kind for example in examples} == KINDS
    assert sum(example.right for example in examples) > len(examples) / 2
    assert len({example.request for example in examples}) == len(examples)


def test_right_answers_fit_the_tools_and_run_in_the_simulated_world(sets: dict[str, Any]) -> None:
    from documents import read_tools
    from simulation import World
    from validation import check_call

    for one in sets.values():
        tools, world = read_tools(one.text), World()
        for example in one.examples:
            calls = [call for step in example.steps for each in step for call in each.items()]
            assert bool(calls) == (example.kind not in ("no tool fits", "a parameter is missing")), example.request
            for name, arguments in calls:
                valid, reason = check_call(name, arguments, tools)
                assert valid, reason
                assert "error" not in world.run(name, arguments), example.request


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


def test_labels_are_measured_step_by_step(sets: dict[str, Any], canned: Any) -> None:
    steps = next(example for example in sets["Data"].examples if example.runs)
    example = {"request": steps.request, "steps": steps.steps}
    canned.text = '[{"name": "factorial", "arguments": {"n": 5}}]'
    assert gallery.written(canned, sets["Data"].tools, example) == steps.steps
    canned.then = canned.text  # the same call over and over
    assert gallery.written(canned, sets["Data"].tools, example) is None
    canned.text = '[{"name": "factorial", "arguments": {"n": 4}}]'
    assert gallery.written(canned, sets["Data"].tools, {**example, "steps": [[]]}) == [[{"factorial": {"n": 4}}]]


def test_a_document_becomes_a_function_as_call_examples_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = {"QueueName": {"type": "string", "description": "(Required) The `name`. Longer."}, "Other": {}}
    told = {"name": "sqs.get_queue_url", "description": "The `API` returns a URL. It is\nuseful."}
    told["parameters"] = {"type": "object", "properties": schema, "required": ["QueueName", "Other"]}  # type: ignore[assignment]
    row = {"text": f"AWS function:\n\n{json.dumps(told)}\n", "kind": "schema", "license": "MIT"}
    folder = tmp_path / "data" / "api_docs"
    folder.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist([{**row, "api_ids": ["a/b"]}]), folder / "train-0.parquet")
    choices = tmp_path / "gallery.yaml"
    choices.write_text("- {name: One, corpus: {a/b: [QueueName]}, examples: []}\n")
    monkeypatch.setattr(gallery, "CHOICES", choices)
    (made,) = gallery.tool_sets(tmp_path)
    parameters = {"queue_name": {"type": "string", "description": "The name."}}
    assert made["tools"] == [
        {
            "name": "get_queue_url",
            "description": "The API returns a URL.",
            "parameters": {"type": "object", "properties": parameters, "required": ["queue_name"]},
        }
    ]
    assert made["sources"] == {"get_queue_url": {"api": "a/b", "license": "MIT"}}
    choices.write_text("- {name: One, corpus: {a/c: [QueueName]}, examples: []}\n")
    with pytest.raises(UserError, match="a/c: the corpus"):
        gallery.tool_sets(tmp_path)
