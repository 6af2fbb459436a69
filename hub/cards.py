"""Cards rendered from records: what a model page says is what its record says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hub.inputs import Inputs, ModelInput
from records.errors import UserError
from records.files import write_text
from records.recipe_release import ReleaseRecipe

WHAT_IT_IS = {
    "stage1": "The base model after continued pre-training on the whole mix of API documents, code and text (stage I).",
    "stage2": "Stage I, pre-trained further on the agent data alone with a decaying rate (stage II).",
    "ift": "A small language model that answers a request and a list of tools with function calls. It went through"
    " continued pre-training (stages I and II) and fine-tuning on call examples (stage III).",
    "control": "The control of the experiment: the base model fine-tuned on the same call examples, with the same"
    " settings and tokens, but without stages I and II. The difference to our model is what pre-training adds.",
}
PARENT = {"stage1": "base", "stage2": "stage1", "ift": "stage2", "control": "base"}


def render_cards(inputs: Inputs, release: ReleaseRecipe, owner: str, folder: Path) -> None:
    """Write `<model>.md` for each published model and `space.md`."""
    for model in inputs.models:
        write_text(folder / f"{model.name}.md", model_card(inputs, model, release, owner))
    write_text(folder / "space.md", space_card(inputs, release, owner))


def model_card(inputs: Inputs, model: ModelInput, release: ReleaseRecipe, owner: str) -> str:
    """README.md of one model."""
    matter: dict[str, Any] = {
        "license": model.license,
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": _parent_id(inputs, model, release, owner),
        "base_model_relation": "finetune",
        "datasets": [f"{owner}/{release.dataset}"],
        "tags": ["function-calling", "tool-use", "agent", "llama"],
    }
    if model.scores:
        matter["model-index"] = [{"name": model.name, "results": _index_results(model)}]
    parts = [
        f"# {model.name}",
        WHAT_IT_IS[model.stage],
        _facts(inputs, model, release, owner),
        _use(model, owner),
        "## Training\n\n" + _training(model),
        "## Scores\n\n" + _scores(inputs),
        "## Limits\n\n" + _limits(inputs, release),
    ]
    return front_matter(matter) + "\n\n".join(parts) + "\n"


def front_matter(values: dict[str, Any]) -> str:
    """A card's YAML head, keys in the given order."""
    head = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{head}---\n\n"


def _parent_id(inputs: Inputs, model: ModelInput, release: ReleaseRecipe, owner: str) -> str:
    parent = PARENT[model.stage]
    return release.base_model if parent == "base" else f"{owner}/{inputs.model(parent).name}"


def _index_results(model: ModelInput) -> list[dict[str, Any]]:
    rows = []
    for task, score in sorted(model.scores.items()):
        name = f"accuracy of {score['n']} questions"
        metric = {"type": "accuracy", "name": name, "value": round(float(score["score"]), 4)}
        rows.append(
            {
                "task": {"type": "text-generation", "name": "Function calling"},
                "dataset": {"type": task, "name": task, "config": task, "split": "test", "args": {"n": score["n"]}},
                "metrics": [metric],
            }
        )
    return rows


def _facts(inputs: Inputs, model: ModelInput, release: ReleaseRecipe, owner: str) -> str:
    base = inputs.base.record
    origin = f"{base.get('name')}: {base['note']}" if base.get("note") else f"{base.get('name')}"
    rows = [
        ("Version", release.version),
        ("Stage", model.stage),
        ("Starts from", _parent_id(inputs, model, release, owner)),
        ("Base weights", f"{origin} ({base.get('source')} {base.get('version')})"),
        ("Data", f"{owner}/{release.dataset}, manifest sha256 `{inputs.manifest_sha256[:16]}…`"),
        ("Tokens trained on", f"{model.record['tokens']:,} in {model.record['steps']:,} steps"),
        ("Licence", str(model.record["license"])),
    ]
    return _table(("", ""), rows)


def _use(model: ModelInput, owner: str) -> str:
    code = f"""import json
from transformers import AutoModelForCausalLM, AutoTokenizer

name = "{owner}/{model.name}"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name)
"""
    if model.stage in ("stage1", "stage2"):
        return (
            "## Use\n\nA pre-trained model: it continues text, and needs fine-tuning before it calls functions.\n\n"
            f"```python\n{code}```"
        )
    call = """tools = [{"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
messages = [{"role": "user", "content": "What is the weather in Paris?"}]
inputs = tokenizer.apply_chat_template(
    messages, tools=tools, add_generation_prompt=True, return_dict=True, return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens=128, do_sample=False)[0, inputs["input_ids"].shape[1]:]
print(json.loads(tokenizer.decode(answer, skip_special_tokens=True)))
"""
    return (
        "## Use\n\nThe answer is a JSON list of calls, or words when no function fits. Check it against the tool's"
        f" schema before running anything.\n\n```python\n{code}\n{call}```"
    )


def _training(model: ModelInput) -> str:
    record = model.record
    loss = record.get("loss") or {}
    names = {"first": "first step", "last": "last step", "heldout_before": "held out, before", "heldout": "held out"}
    losses = [(name, f"{loss[key]:.3f}") for key, name in names.items() if isinstance(loss.get(key), int | float)]
    settings = [(name, f"`{value}`") for name, value in sorted((record.get("hyperparameters") or {}).items())]
    parallel = record.get("parallel") or {}
    settings += (
        [("parallel", ", ".join(f"{name}={size}" for name, size in sorted(parallel.items())))] if parallel else []
    )
    parts = [_table(("loss", "value"), losses)] if losses else []
    if (model.folder / "figures" / "loss.png").is_file():
        parts.append("![Loss over tokens](figures/loss.png)")
    parts += [_table(("setting", "value"), settings)] if settings else []
    return "\n\n".join([*parts, "`record.json` holds the whole record: loss curve, settings, and hashes of the files."])


def _scores(inputs: Inputs) -> str:
    shown = [inputs.base, inputs.model("control"), inputs.model("ift")]
    tasks = sorted({task for model in shown for task in model.scores})
    rows = [(task, *(_score(model.scores.get(task)) for model in shown)) for task in tasks]
    head = ("task", "base", "control (stage III only)", "ours (stages I to III)")
    text = (
        "Share of questions answered with the right calls, ± one standard error, and the number of questions asked."
        " Fine-tuning alone can lift the base far, so ours is to be read against the control."
    )
    return f"{text}\n\n{_table(head, rows)}\n\n{_difference(inputs, tasks)}"


def _score(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    error = f" ± {100 * float(row['stderr']):.1f}" if isinstance(row.get("stderr"), int | float) else ""
    return f"{100 * float(row['score']):.1f} %{error} (n={row['n']})"


def _difference(inputs: Inputs, tasks: list[str]) -> str:
    ours, control = inputs.model("ift").scores, inputs.model("control").scores
    notes = []
    for task in tasks:
        if task in ours and task in control:
            gap = float(ours[task]["score"]) - float(control[task]["score"])
            errors = [float(row.get("stderr") or 0) for row in (ours[task], control[task])]
            error = (errors[0] ** 2 + errors[1] ** 2) ** 0.5
            clear = "more" if abs(gap) > 2 * error else "no more"
            notes.append(f"- {task}: {100 * gap:+.1f} points against the control, {clear} than two standard errors")
    return "\n".join(notes)


def _limits(inputs: Inputs, release: ReleaseRecipe) -> str:
    compared = inputs.manifest.get("decontamination", {})
    checked, unchecked = (", ".join(map(str, compared.get(key, []))) or "none" for key in ("checked", "unchecked"))
    base = inputs.base.record
    lines = [
        f"- Small budgets: recipe `{inputs.manifest.get('recipe') or inputs.build.name}`; scores move with it.",
        "- English requests; schemas mostly of AWS and Google APIs, which shape what it calls well.",
        "- It invents arguments and picks wrong functions: validate each call, and run nothing without a check.",
        f"- Training data was decontaminated against: {checked}. Not compared: {unchecked}.",
        f"- The base is `{release.base_model}`; weights: {base.get('note') or base.get('source')}.",
        "- No safety training of our own.",
    ]
    return "\n".join(lines)


def space_card(inputs: Inputs, release: ReleaseRecipe, owner: str) -> str:
    """README.md of the Space, its `models` and `datasets` naming the release's repositories.

    Raises:
        UserError: the Space's README.md has no front matter.
    """
    text = (inputs.space / "README.md").read_text(encoding="utf-8")
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise UserError(f"{inputs.space / 'README.md'} has no front matter between --- lines")
    try:
        values = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise UserError(f"{inputs.space / 'README.md'}: {' '.join(str(error).split())}") from None
    values |= {"models": [f"{owner}/{inputs.model('ift').name}"], "datasets": [f"{owner}/{release.dataset}"]}
    return front_matter(values) + parts[2].lstrip("\n")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
