"""Cards rendered from records: what a page says is what its record says. The texts lie in `templates/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.base_licences import duties
from hub.card_fields import split_card
from hub.dataset_card import dataset_card
from hub.eval_results import EVAL_RESULTS, eval_results, index_results
from hub.inputs import Inputs, ModelInput
from records.files import write_text
from records.recipe import ROOT
from records.recipe_release import ReleaseRecipe
from records.release_data import write_release
from records.space_folder import shows_release

TEMPLATES = Path(__file__).resolve().parent / "templates"
PARENT = {"stage1": "base", "stage2": "stage1", "ift": "stage2", "control": "base"} | {
    "broad": "base",
    "broad-ift": "broad",
}
CALLING = ("ift", "control", "broad-ift")
MAIN_SOURCES = 3


def render_cards(inputs: Inputs, release: ReleaseRecipe, owner: str, folder: Path) -> None:
    """Write one folder a repository, `<kind>-<name>/`, with its README.md and what else is made of records."""
    names = Names(inputs, release, owner)
    place = folder / f"dataset-{release.dataset}"
    write_text(place / "README.md", dataset_card(inputs, names.common, _template))
    for model in inputs.models:
        place = folder / f"model-{release.model_prefix}{model.name}"
        write_text(place / "README.md", model_card(inputs, model, names))
        for name, text in eval_results(model).items():
            write_text(place / EVAL_RESULTS / name, text)
        asked = duties(model.license, release.base_model)
        if asked is not None and asked.notice_file:
            write_text(place / "NOTICE", asked.notice_file)
    place = folder / f"space-{release.space}"
    write_text(place / "README.md", space_card(inputs, names))
    if shows_release(inputs.space):
        write_release(inputs.build, place, [model.name for model in (inputs.base, *inputs.models)])


class Names:
    """Ids of a release's repositories, and what every template may say."""

    def __init__(self, inputs: Inputs, release: ReleaseRecipe, owner: str) -> None:
        self.release = release
        self.owner = owner
        self.dataset = f"{owner}/{release.dataset}"
        self.space = f"{owner}/{release.space}"
        self.models = {model.stage: self.model(model) for model in inputs.models}
        self.common: dict[str, Any] = {
            "owner": owner,
            "dataset": self.dataset,
            "space": self.space,
            "models": self.models,
            "version": release.version,
            "citation": yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8")),
        }

    def model(self, model: ModelInput) -> str:
        """Id of a model's repository."""
        return f"{self.owner}/{self.release.model_prefix}{model.name}"

    def parent(self, model: ModelInput) -> str:
        """Id of what a model was trained from."""
        parent = PARENT[model.kind]
        return self.release.base_model if parent == "base" else self.models[parent]


def _template(name: str, values: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML
    )
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(name).render(values)


def front_matter(values: dict[str, Any]) -> str:
    """A card's YAML head, keys in the given order."""
    head = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{head}---\n\n"


def model_card(inputs: Inputs, model: ModelInput, names: Names) -> str:
    """README.md of one model."""
    release = names.release
    asked = duties(model.license, release.base_model)
    matter: dict[str, Any] = {
        "license": model.license,
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": names.parent(model),
        "base_model_relation": "finetune",
        "datasets": [names.dataset],
        "tags": ["function-calling", "tool-use", "agent", str(model.config.get("model_type") or "transformers")],
    }
    if model.scores:
        matter["model-index"] = [{"name": names.model(model).partition("/")[2], "results": index_results(model)}]
    values = {
        **names.common,
        **{"model": model, "name": names.model(model), "record": model.record, "parent": names.parent(model)},
        **{"base": inputs.base.record, "base_model": release.base_model, "manifest_sha256": inputs.manifest_sha256},
        **{"calls": model.kind in CALLING, "notice": asked.notice if asked else None},
        **{"losses": _losses(model.record), "settings": _settings(model.record), "recipe": inputs.recipe_name},
        "has_loss_figure": (model.folder / "figures" / "loss.png").is_file(),
        "has_score_figure": bool(model.scores) and inputs.score_figure is not None,
        "sources": main_sources(inputs.manifest),
        "decontamination": {
            key: ", ".join(map(str, inputs.manifest.get("decontamination", {}).get(key) or ())) or "none"
            for key in ("checked", "unchecked")
        },
        **_scores(inputs),
    }
    return front_matter(matter) + _template("model_card.md.j2", values)


def main_sources(manifest: dict[str, Any]) -> str:
    """The sources that most APIs come from."""
    counts = manifest.get("apis", {}).get("by_source", {})
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAIN_SOURCES]
    return ", ".join(f"{name} ({count:,})" for name, count in most)


def _losses(record: dict[str, Any]) -> list[tuple[str, str]]:
    loss = record.get("loss") or {}
    names = {"first": "first step", "last": "last step", "heldout_before": "held out, before", "heldout": "held out"}
    return [(name, f"{loss[key]:.3f}") for key, name in names.items() if isinstance(loss.get(key), int | float)]


def _settings(record: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(name, f"`{value}`") for name, value in sorted((record.get("hyperparameters") or {}).items())]
    parallel = record.get("parallel") or {}
    if parallel:
        found.append(("parallel", ", ".join(f"{name}={size}" for name, size in sorted(parallel.items()))))
    return found


def _scores(inputs: Inputs) -> dict[str, Any]:
    shown = [inputs.base, inputs.model("control"), inputs.model("ift")]
    tasks = sorted({task for model in shown for task in model.scores})
    rows = [(task, *(_score(model.scores.get(task)) for model in shown)) for task in tasks]
    differences = [*_differences(inputs, tasks), *_over_seeds(inputs, tasks)]
    return {"score_rows": rows, "differences": differences, "further_rows": _further(inputs, tasks)}


def _further(inputs: Inputs, tasks: list[str]) -> list[tuple[str, str, str]]:
    """Model, task and score of what is neither base, control nor ours of the first seed."""
    further = [model for model in inputs.models if model.kind in CALLING and model.stage not in ("ift", "control")]
    return [
        (model.name, task, _score(model.scores[task])) for model in further for task in tasks if task in model.scores
    ]


def _over_seeds(inputs: Inputs, tasks: list[str]) -> list[str]:
    """The mean difference to the control where several seeds of both were scored, with what each seed shows."""
    by_key = {model.stage: model.scores for model in inputs.models}
    pairs = [
        (scores, by_key[key.replace("ift", "control", 1)])
        for key, scores in by_key.items()
        if key.partition("-seed")[0] == "ift"
    ]
    notes = []
    for task in tasks:
        gaps = [
            100 * (float(ours[task]["score"]) - float(control[task]["score"]))
            for ours, control in pairs
            if task in ours and task in control
        ]
        if len(gaps) > 1:
            each = ", ".join(f"{gap:+.1f}" for gap in gaps)
            notes.append(f"{task}: {sum(gaps) / len(gaps):+.1f} points on average over {len(gaps)} seeds ({each})")
    return notes


def _score(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    error = f" ± {100 * float(row['stderr']):.1f}" if isinstance(row.get("stderr"), int | float) else ""
    return f"{100 * float(row['score']):.1f} %{error} (n={row['n']})"


def _differences(inputs: Inputs, tasks: list[str]) -> list[str]:
    ours, control = inputs.model("ift").scores, inputs.model("control").scores
    notes = []
    for task in tasks:
        if task in ours and task in control:
            gap = float(ours[task]["score"]) - float(control[task]["score"])
            errors = [float(row.get("stderr") or 0) for row in (ours[task], control[task])]
            error = (errors[0] ** 2 + errors[1] ** 2) ** 0.5
            clear = "more" if abs(gap) > 2 * error else "no more"
            notes.append(f"{task}: {100 * gap:+.1f} points against the control, {clear} than two standard errors")
    return notes


def space_card(inputs: Inputs, names: Names) -> str:
    """README.md of the Space, its `models` and `datasets` naming the release's repositories.

    Raises:
        UserError: the Space's README.md has no front matter.
    """
    values, body = split_card(inputs.space / "README.md")
    values |= {"models": [names.models["ift"]], "datasets": [names.dataset]}
    return front_matter(values) + body.rstrip("\n") + "\n\n" + _template("space_end.md.j2", names.common)
