"""Markdown tables that the card and the datasheet share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

ABOUT = {
    "api_docs": "reference of one API operation, in one of five forms",
    "trajectories": "request, calls and recorded responses of real or simulated APIs",
    "web": "documentation text near the API seeds that passed the filter",
    "code": "Python source files",
    "text": "documentation text: READMEs, documents, docstrings, language reference",
    "stage2": "copies of the trajectories and of the richest API references, for stage II",
    "ift": "call examples written from API schemas, for fine-tuning",
    "benchmark_derived": "calls of public benchmarks' tasks, replayed; never in the training stream",
    "labels": "texts labelled agent-relevant or general, each with the rule of its label; validation: held out",
}
"""What a row of each config is."""


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; numbers get thousands separators and stand right."""
    rows = [list(row) for row in rows]
    numeric = [bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(head))]
    lines = [_line(head), _line("---:" if right else "---" for right in numeric)]
    return "\n".join([*lines, *(_line(_shown(cell) for cell in row) for row in rows)])


def config_table(manifest: dict[str, Any]) -> str:
    """Rows and tokens of every config."""
    rows = [
        (f"`{name}`", ABOUT[name], config["documents"], config["train_tokens"], config["validation_tokens"])
        for name, config in manifest["configs"].items()
        if config["documents"]
    ]
    return table(("config", "a row is", "rows", "tokens, train", "tokens, validation"), rows)


def source_table(manifest: dict[str, Any]) -> str:
    """Source, version, licence, documents, APIs and tokens."""
    ordered = sorted(manifest["sources"], key=lambda source: (-source["tokens"], source["name"]))
    rows = [(_linked(s), s["version"], s["license"], s["documents"], s["apis"], s["tokens"]) for s in ordered]
    return table(("source", "version", "licence (SPDX)", "rows", "APIs", "tokens"), rows)


def licence_table(manifest: dict[str, Any]) -> str:
    """Tokens by licence."""
    totals: dict[str, list[int]] = {}
    for source in manifest["sources"]:
        into = totals.setdefault(source["license"], [0, 0, 0])
        for place, value in enumerate((1, source["documents"], source["tokens"])):
            into[place] += value
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1][2], pair[0]))
    return table(("licence (SPDX)", "sources", "rows", "tokens"), [(name, *values) for name, values in ordered])


def rights_words(manifest: dict[str, Any]) -> str:
    """Which sources ask for more than notices, and what follows."""
    said = []
    for mark, follows in (
        (
            "attribution",
            "ask for credit and a statement of changes; `LICENSES/` gives both, and whoever passes rows on must too",
        ),
        ("restricted", "ask for more, which this recipe accepts for its own use; a release cannot hold them"),
    ):
        names = [source["name"] for source in manifest["sources"] if source.get(mark)]
        if names:
            said.append(f"{', '.join(names)} {follows}.")
    return " ".join(said) or "No source asks for more than notices."


def mix_table(manifest: dict[str, Any]) -> str:
    """Target and actual share of each group, and the epochs of its configs."""
    mix = manifest["mix"]
    rows = []
    for group, configs in manifest["groups"].items():
        epochs = ", ".join(f"`{config}` {mix['epochs'][config]:.2f}" for config in configs)
        rows.append((group, f"{mix['target'][group]:.1%}", f"{mix['actual'][group]:.1%}", epochs))
    return table(("group", "target", "actual", "times each config is read"), rows)


def stream_words(manifest: dict[str, Any]) -> str:
    """How long the training stream is, and which group keeps it from being longer."""
    mix, groups = manifest["mix"], manifest["groups"]
    epochs = {group: max(mix["epochs"][config] for config in configs) for group, configs in groups.items()}
    said = f"The stream has {mix['stream_tokens']:,} tokens."
    most = max(epochs, key=lambda group: epochs[group])
    if epochs[most] < manifest["recipe"]["mix"]["max_epochs"]:
        return f"{said} The most plentiful group is read once, the scarcest, {most}, {epochs[most]:.2f} times."
    least = min((group for group in epochs if epochs[group] > 0), key=lambda group: epochs[group])
    return (
        f"{said} {most.capitalize()} is what limits it: all of it is read {epochs[most]:.0f} times, the most the recipe"
        f" allows, and of {least}, to keep the shares, {epochs[least]:.0%} of the tokens once."
    )


def drop_table(reports: dict[str, Any]) -> str:
    """Every named reason for which something was left out, with its count and an example."""
    rows = []
    for reader, counts in reports["sources"]["readers"].items():
        rows += [(reader, reason, f["count"], _code(f["example"])) for reason, f in counts["dropped"].items()]
    for reason, by_config in reports["dedup"]["dropped"].items():
        rows += [(f"dedup of {c}", reason, f["count"], _code(f["example"])) for c, f in by_config.items()]
    for benchmark, by_config in reports["decontamination"]["dropped"].items():
        rows += [(f"decontamination of {c}", benchmark, count, "") for c, count in by_config.items()]
    return table(("step", "reason", "count", "example"), rows)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _linked(source: dict[str, Any]) -> str:
    return f"[{source['name']}]({source['url']})" if source["url"].startswith("https://") else source["name"]


def _shown(cell: Any) -> str:
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell).replace("|", "\\|").replace("\n", " ")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
