"""The corpus line: its steps in order."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from corpus.steps import Step, Work


def line() -> tuple[Step, ...]:
    """All steps, in the order they run."""
    return (
        _step("tokenizer", "take the base model's tokenizer", "corpus.tokenizer:save_tokenizer", "tokenizer"),
        _step("sources", "read APIs, recorded examples, code, documentation", "corpus.sources:read_sources", "sources"),
        _step("calls", "write call examples from API schemas", "corpus.call_rows:write_calls", "calls"),
        _step("retrieval", "embed, and find text near the API seeds", "corpus.retrieve:retrieve", "retrieval"),
        _step("filter", "decide which of the retrieved is about APIs", "corpus.classify:classify", "filter"),
        _step("privacy", "replace addresses, keys and tokens", "corpus.privacy:replace_personal_data"),
        _step("dedup", "remove exact and near duplicates", "corpus.dedup:deduplicate", "dedup"),
        _step("decontamination", "remove what benchmarks ask", "corpus.decontaminate:decontaminate", "decontamination"),
        _step("arrange", "split, order, choose the stage II set", "corpus.arrange:arrange", "validation_share", "mix"),
        _step("tokens", "tokenise for training", "corpus.tokenise:tokenise"),
        _step("mix", "weigh the groups of the training stream", "corpus.mix:mix", "mix"),
        _step("shards", "write Parquet, look for leaks once more", "corpus.shards:write_shards", "decontamination"),
        _step("assemble", "write manifest, card, datasheet, figures, notices", "corpus.assemble:assemble"),
    )


def _step(name: str, purpose: str, place: str, *keys: str) -> Step:
    """A step whose module is imported when it runs: looking at marks must not wait for datatrove."""
    module, function = place.split(":")

    def run(work: Work, folder: Path) -> None:
        getattr(import_module(module), function)(work, folder)

    return Step(name, purpose, keys, run)
