"""Card text against the records: every number that a card shows is one of a record, as a record has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from hub.cards import render_cards
from hub.inputs import Inputs, find_inputs
from records.recipe import Recipe, load_recipe
from tests.hub.builds import make_build

NUMBER = re.compile(r"(?<![\w./-])[+-]?\d[\d,]*(?:\.\d+)?(?![\w/]|\.\d)")
CODE = re.compile(r"```.*?```|`[0-9a-f]{16}…`|\]\([^)]*\)", re.S)
OURS = frozenset("16 2025 6041 6068".split())  # of the templates themselves: the paper's year and pages


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Recipe, Inputs, Path]]:
    """(recipe, inputs, rendered cards)."""
    build, file = make_build(tmp_path_factory.mktemp("cards"))
    recipe = load_recipe(str(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(build))
        inputs = find_inputs(recipe)
    render_cards(inputs, recipe.release, "me", build / "cards")
    yield recipe, inputs, build / "cards"


HASH = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


def numbers_of(value: Any) -> Iterator[float]:
    """Every number in a record, also those inside of its texts; the digits of a hash are no number."""
    if isinstance(value, bool) or value is None or (isinstance(value, str) and HASH.fullmatch(value)):
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from (
            float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", value) if found.strip(",")
        )
    else:
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers_of(item)


def unfounded(text: str, records: list[Any]) -> list[str]:
    """Numbers of a text that are neither in the records nor a percentage or difference of two scores in them."""
    known = set(numbers_of(records))
    shares = {value for value in known if -1 <= value <= 1}
    known |= {100 * value for value in shares}
    known |= {100 * (one - other) for one, other in product(shares, repeat=2)}
    found = []
    for shown in NUMBER.findall(CODE.sub(" ", text)):
        plain = shown.replace(",", "")
        places = len(plain.partition(".")[2])
        if plain.lstrip("+") not in OURS and not any(f"{value:.{places}f}" == plain.lstrip("+") for value in known):
            found.append(shown)
    return found


def records_of(inputs: Inputs) -> list[Any]:
    models = [inputs.base, *inputs.models]
    return [inputs.manifest, [model.record for model in models], [model.results for model in models], "v0.1.0"]


def test_every_number_of_a_model_card_is_in_a_record(made: tuple[Recipe, Inputs, Path]) -> None:
    _, inputs, cards = made
    for card in sorted(cards.glob("model-*/README.md")):
        text = ModelCard(card.read_text()).text
        assert len(NUMBER.findall(CODE.sub(" ", text))) > 8
        assert unfounded(text, records_of(inputs)) == [], card
        ids = [name for name in re.findall(r"me/[\w-]+", text)]
        assert {"me/forge-tiny", "me/demo-tiny"} <= set(ids)


def test_a_number_that_no_record_has_is_noticed(made: tuple[Recipe, Inputs, Path]) -> None:
    _, inputs, cards = made
    text = (cards / "model-hephaestus-1m-ift" / "README.md").read_text()
    for old, new in (("4.500", "4.400"), ("70.0 %", "71.0 %"), ("2,048", "2,049"), ("-40.0 points", "-41.0 points")):
        assert old in text
        assert unfounded(ModelCard(text.replace(old, new)).text, records_of(inputs)) == [new.split()[0]]


def test_cards_follow_their_records(made: tuple[Recipe, Inputs, Path], tmp_path: Path) -> None:
    """Another record gives another card, and nothing of the old figure stays."""
    recipe, inputs, _ = made
    models = tuple(
        replace(model, record={**model.record, "tokens": 777_216, "loss": {"heldout": 1.125}})
        for model in inputs.models
    )
    render_cards(replace(inputs, models=models), recipe.release, "me", tmp_path)
    text = (tmp_path / "model-hephaestus-1m-ift" / "README.md").read_text()
    assert "777,216" in text and "| held out | 1.125 |" in text and "4.500" not in text and "2,048" not in text


def test_dataset_card_has_what_the_viewer_needs(made: tuple[Recipe, Inputs, Path]) -> None:
    _, inputs, cards = made
    text = (cards / "dataset-forge-tiny" / "README.md").read_text()
    values = yaml.safe_load(text.split("---\n")[1])
    (docs,) = [info for info in values["dataset_info"] if info["config_name"] == "api_docs"]
    columns = [{"name": name, "dtype": "string"} for name in ("text", "license", "source")]
    assert docs["features"] == [*columns, {"name": "api_ids", "list": "string"}]
    assert [(split["name"], split["num_examples"]) for split in docs["splits"]] == [("train", 7), ("validation", 2)]
    sizes = sum(file.stat().st_size for file in (inputs.corpus / "data" / "api_docs").iterdir())
    assert docs["download_size"] == sizes
    assert {"annotations_creators", "language_creators", "source_datasets", "task_ids"} <= values.keys()
    assert "## Datasheet of tiny\n\n### Motivation" in text and 'load_dataset("me/forge-tiny", "api_docs")' in text
    for name in ("me/hephaestus-1m-ift", "me/tinybase-ift", "me/demo-tiny"):
        assert name in text
    assert text.count("@misc{forge-tiny,") == text.count("@inproceedings{hephaestus2025,") == 1
    entry = text.split("```bibtex\n")[1].split("```")[0]
    assert entry.count("{") == entry.count("}") and "booktitle = {Proceedings of NAACL 2025}" in entry


def test_eval_results_are_read_by_the_client(made: tuple[Recipe, Inputs, Path]) -> None:
    _, _, cards = made
    file = cards / "model-hephaestus-1m-ift" / ".eval_results" / "bfcl.yaml"
    (entry,) = parse_eval_result_entries(yaml.safe_load(file.read_text()))
    assert (entry.dataset_id, entry.task_id) == ("gorilla-llm/Berkeley-Function-Calling-Leaderboard", "simple_python")
    assert entry.value == 30.0 and "10 questions" in str(entry.notes)
    assert not (cards / "model-hephaestus-1m-stage1" / ".eval_results").exists()  # it was not scored


def test_what_evaluation_wrote_goes_first(made: tuple[Recipe, Inputs, Path], tmp_path: Path) -> None:
    recipe, inputs, _ = made
    evaluated = inputs.model("ift").evaluated
    (evaluated / ".eval_results").mkdir()
    try:
        (evaluated / ".eval_results" / "bfcl_v2.yaml").write_text("- {dataset: {id: a/b, task_id: c}, value: 12.5}\n")
        row = {
            "task": {"type": "t"},
            "dataset": {"type": "bfcl_v2", "name": "x"},
            "metrics": [{"type": "a", "value": 1}],
        }
        (evaluated / "model_index.yaml").write_text(yaml.safe_dump([{"name": "local", "results": [row]}]))
        render_cards(inputs, recipe.release, "me", tmp_path)
    finally:
        for file in (evaluated / ".eval_results" / "bfcl_v2.yaml", evaluated / "model_index.yaml"):
            file.unlink()
        (evaluated / ".eval_results").rmdir()
    place = tmp_path / "model-hephaestus-1m-ift"
    assert [file.name for file in (place / ".eval_results").iterdir()] == ["bfcl_v2.yaml"]
    index = yaml.safe_load((place / "README.md").read_text().split("---\n")[1])["model-index"]
    assert index == [{"name": "hephaestus-1m-ift", "results": [row]}]


def test_a_llama_3_base_brings_its_notice(made: tuple[Recipe, Inputs, Path], tmp_path: Path) -> None:
    recipe, inputs, _ = made
    release = replace(recipe.release, base_model="meta-llama/Meta-Llama-3-8B", model_prefix="Llama-3-")
    models = tuple(replace(model, record={**model.record, "license": "llama3"}) for model in inputs.models)
    render_cards(replace(inputs, models=models), release, "me", tmp_path)
    place = tmp_path / "model-Llama-3-hephaestus-1m-ift"
    assert "**Built with Meta Llama 3**" in (place / "README.md").read_text()
    assert "Meta Llama 3 Community License" in (place / "NOTICE").read_text()


def test_a_split_without_rows_is_left_out_of_the_card(made: tuple[Recipe, Inputs, Path], tmp_path: Path) -> None:
    recipe, inputs, _ = made
    (validation,) = (inputs.corpus / "data" / "code").glob("validation-*")
    away = validation.rename(inputs.corpus.parent / validation.name)
    try:
        render_cards(inputs, recipe.release, "me", tmp_path)
    finally:
        away.rename(validation)
    values = yaml.safe_load((tmp_path / "dataset-forge-tiny" / "README.md").read_text().split("---\n")[1])
    splits = {row["config_name"]: [file["split"] for file in row["data_files"]] for row in values["configs"]}
    assert splits == {"api_docs": ["train", "validation"], "code": ["train"]}
    (code,) = [info for info in values["dataset_info"] if info["config_name"] == "code"]
    assert [split["name"] for split in code["splits"]] == ["train"]


def test_further_seeds_and_the_unstaged_model_are_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, file = make_build(tmp_path, {"seeds": [1, 2, 3], "unstaged": True})
    monkeypatch.setenv("BUILD", str(build))
    recipe = load_recipe(str(file))
    inputs = find_inputs(recipe)
    further = [*(f"{name}-seed{seed}" for seed in (2, 3) for name in ("hephaestus-1m-ift", "tinybase-ift"))]
    further += ["hephaestus-1m-broad", "hephaestus-1m-broad-ift"]
    assert [model.name for model in inputs.models][4:] == further
    folder = tmp_path / "cards"
    render_cards(inputs, recipe.release, "me", folder)
    cards = {model.name: (folder / f"model-{model.name}" / "README.md").read_text() for model in inputs.models}
    scores = {model.stage: model.scores["bfcl_simple_python"]["score"] for model in inputs.models if model.scores}
    gaps = [100 * (scores[f"ift{seed}"] - scores[f"control{seed}"]) for seed in ("", "-seed2", "-seed3")]
    assert len({round(gap) for gap in gaps}) == 3, "the seeds differ, so the mean means something"
    line = f"bfcl_simple_python: {sum(gaps) / 3:+.1f} points on average over 3 seeds"
    for text in cards.values():
        assert line in text and f"({gaps[0]:+.1f}, {gaps[1]:+.1f}, {gaps[2]:+.1f})" in text
    second = cards["hephaestus-1m-ift-seed2"]
    assert "| Seed | 2: a repetition" in second and ModelCard(second).data.base_model == "me/hephaestus-1m-stage2"
    assert ModelCard(cards["hephaestus-1m-broad-ift"]).data.base_model == "me/hephaestus-1m-broad"
    assert "apply_chat_template" in cards["hephaestus-1m-broad-ift"] and "in one stage" in cards["hephaestus-1m-broad"]
    dataset = (folder / "dataset-forge-tiny" / "README.md").read_text()
    assert all(f"me/{name}" in dataset for name in further)
