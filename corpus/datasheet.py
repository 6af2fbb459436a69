"""The datasheet, in the form of Gebru et al., "Datasheets for Datasets" (arXiv:1803.09010)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.filter_words import in_full
from corpus.manifest import sources_of_apis
from corpus.rows import BENCHMARK_DERIVED, CONFIGS
from corpus.tables import (
    config_table,
    drop_table,
    licence_table,
    mix_table,
    rights_words,
    source_table,
    stream_words,
    table,
)
from records.recipe import Recipe

BODY = """# Datasheet of {name} (recipe {recipe})

After Gebru et al., *Datasheets for Datasets*. Every figure is measured by the run that made this corpus.

## Motivation

**For what purpose was the dataset created?** To continue the pre-training of language models so that they call
functions well, and to fine-tune them for it, with every row traceable to a source that may be passed on. It follows
the recipe of Hephaestus-Forge (agent {target_agent}, code {target_code}, text {target_text} of the tokens).

**Who created it, and who paid for it?** The Hephaestus project; the run needed one machine without an accelerator.

## Composition

**What do the instances represent?** Documents and dialogues:

{configs}

**How many instances are there?** {rows:,} rows, {tokens:,} tokens, {apis:,} distinct APIs: operations,
functions and methods ({by_source}).

**Is it a sample?** Yes, where the recipe caps a source: {caps}. Samples are taken by a hash of names, services and
distributions in turn.

**What data does each instance consist of?** Text, or messages and tools as JSON with their text, and columns for
source, licence, attribution, address, kind, APIs, tokens and provenance.

**Is there a label?** The config `labels` has some, each with the rule it comes from: weak ones (API documentation is
agent-relevant, text far from every API seed general), pages whose origin says what they are, and a model's where one
was asked. Crawled pages whose texts may not be passed on are listed by address in `reports/filter_pages.jsonl`, if any.

{filter_labels}

**Is information missing?** Parameters nested deeper than four levels are left out of API schemas; long descriptions
are cut at a sentence.

**Are relationships between instances explicit?** `api_ids` ties rows about the same operation together. `stage2` and
most `labels` are copies of rows of other configs.

**Are there recommended splits?** `train` and `validation`, by a hash of the row's id ({validation:.1%} held out).

**Are there errors or redundancies?** Near duplicates below the MinHash threshold remain. Call examples share tools
by design. What was removed:

{drops}

{similarity}

**Is it self-contained?** Yes. Addresses name where a row comes from; nothing is fetched from them.

**Does it contain confidential or personal data?** It is published documentation and code. E-mail addresses, public IP
addresses, keys and tokens were looked for in the texts, messages and tools of {looked_at:,} rows and gave way to
stand-ins in {rows_changed:,} of them; addresses under domains for examples stay, and so do attributions and notices, as
their licences ask. Names of persons were not looked for.

{replaced}

## Collection process

**How were the data acquired?** Read from package archives and installed distributions, none of whose code was
imported or run. Licence by `METADATA` of each distribution; only permissive ones are used.

{sources}

**Over what time?** The versions in the table; nothing newer or older is mixed in.

**Were individuals notified, did they consent?** The sources are published under licences that permit this use.

## Preprocessing, cleaning, labelling

Retrieval: {seeds:,} seeds embedded ({model}, {precision}) and taken together to {prototypes:,} prototypes, seeds
themselves; {candidates:,} chunks of text looked at, the {neighbours} nearest of each prototype at a cosine of at least
{min_score} retrieved: {retrieved:,} chunks, near {seeds_hit:,} different seeds. Best scores: {scores}.

{cascade}

![Seeds, what was retrieved and what was not](figures/retrieval_map.png)

{crawls}

Filter: {filter_name}, trained {filter_trained}. Names become their kind, a token counts once a page, and tokens
of fewer than eight sites are not looked at, so that it learns subjects and not sites. Threshold {threshold}
({threshold_rule}). On pages whose origin is known:

{filter_known}

It fails on sites unlike those it learned from; the most pages told wrong are of {worst_sites}. Manuals that prose makes
up, command-line references and other languages than English are often told wrong; `reports/filter.json` has every site.

![Precision over recall](figures/filter_pr.png)

On the labels of this corpus that were held out (weak ones, and pages of pydoc; their classes come from different
sources and in our own forms, so they do not say how well a filter decides about pages):

{filter_held_out}

{filter_kept} {annotator}

Decontamination: {n_grams:,} word {n_gram}-grams and fingerprints of questions and answers ({checked}), {checked_rows:,}
rows compared, {leaks:,} removed; the written shards were searched again. Case, punctuation,
blanks and the order of JSON keys hide nothing.
{too_short:,} questions and answers were too short to search for (fewer than eight words) or hold little but numbers.
Not compared: {unchecked}.

{compared}

{spans}

Kinds of rows in `ift`:

{kinds}

How varied their requests are, measured on the finished rows (a skeleton is a request without its values and without
the words of its tools):

{variety}

**Was the raw data saved?** The sources are pinned by version; the same command makes the same bytes again.

**Is the software available?** It is part of the same release (`python -m corpus --recipe {recipe}`).

## Uses

**What has it been used for?** The three stages of the models of this release.

{mix}

{stream}

Rows made from tasks of public benchmarks are not in that stream: they stand in the config `benchmark_derived`, which a
recipe must ask for. Here it has {benchmark_derived:,} rows.

**What else could it be used for?** Retrieval over API documentation; research on data mixes; tests of tool-calling
programs.

**What should it not be used for?** To claim scores on benchmarks it was not compared with; to learn facts about
services that change: the documentation is of the versions named above.

## Distribution

**How is it distributed?** Parquet and tokenised shards in a dataset repository, with notices.

**Under which licence?** Each row under its source's; notices in `LICENSES/`.

{licences}

{rights}

## Maintenance

**Who maintains it, and how can they be reached?** The project's issue tracker.

**Will it be updated?** A new version is a new tag; older ones stay. `manifest.json` names every file by hash.

**Can others extend it?** A source is one reader; a recipe says how much of it is taken.
"""


def datasheet(recipe: Recipe, manifest: dict[str, Any], reports: dict[str, Any]) -> str:
    """The datasheet as Markdown, all figures from manifest and reports."""
    configs, mix = manifest["configs"], manifest["mix"]
    return BODY.format(
        name=manifest["name"],
        recipe=recipe.name,
        **{f"target_{group}": f"{share:.0%}" for group, share in mix["target"].items()},
        configs=config_table(manifest),
        rows=sum(configs[config]["documents"] for config in CONFIGS),
        tokens=sum(configs[config]["tokens"] for config in CONFIGS),
        apis=manifest["apis"]["distinct"],
        by_source=sources_of_apis(manifest),
        caps=caps_in_words(manifest["recipe"]["sources"]),
        validation=recipe.corpus.validation_share,
        drops=drop_table(reports),
        similarity=_similarity(reports["dedup"]["compared"]),
        sources=source_table(manifest),
        licences=licence_table(manifest),
        rights=rights_words(manifest),
        mix=mix_table(manifest),
        stream=stream_words(manifest),
        benchmark_derived=configs[BENCHMARK_DERIVED]["documents"],
        **_privacy(reports["privacy"]),
        **_retrieval(reports["retrieval"]),
        **in_full(reports["filter"]),
        **_decontamination(reports["decontamination"]),
        kinds=table(("kind", "rows"), sorted(reports["calls"]["kinds"].items())),
        variety=table(("measure", "value"), _variety(reports["calls"])),
    )


def caps_in_words(sources: Mapping[str, Any]) -> str:
    """What a recipe takes of each source, those it leaves out not named."""
    parts = []
    for name, cap in sources.items():
        if cap is None:
            parts.append(f"{name} all")
        elif isinstance(cap, Mapping):
            parts += [f"{name} {item} {'all' if most is None else most}" for item, most in cap.items() if most != 0]
        elif isinstance(cap, list | tuple):
            listed = [item for item in cap if isinstance(item, Mapping)]
            most_of = [(item["path"], item.get("apis", item.get("rows"))) for item in listed]
            parts += [f"{name} {path} {'all' if most is None else most}" for path, most in most_of]
        elif cap:
            parts.append(f"{name} {cap}")
    return ", ".join(parts)


def _similarity(found: dict[str, Any]) -> str:
    if not found["removed"]:
        return "No near duplicate was removed."
    return (
        f"MinHash finds near duplicates by chance, so the {found['compared']:,} rows that it put into clusters were"
        f" compared exactly. {found['removed']:,} were removed because they share at least {found['least_alike']:.0%}"
        f" of their word n-grams (Jaccard index) with a row that stays, half at least {found['p50']:.0%}; the other"
        f" {found['stay']:,} stay."
    )


def _variety(report: dict[str, Any]) -> list[tuple[str, str]]:
    names = (
        "distinct_apis", "distinct_tools", "skeletons", "requests_repeated", "numbers_said_in_words",
        "dates_said_in_other_forms",
    )  # fmt: skip
    most = report["most_frequent_skeleton"]
    counts = report["argument_values_said"]
    said = ", ".join(f"{counts[place]:,}" for place in ("in_request", "in_dialogue", "nowhere"))
    types = ", ".join(f"{name} {count:,}" for name, count in report["argument_types"].items())
    return [
        *((name.replace("_", " "), f"{report[name]:,}") for name in names),
        ("share of the most frequent skeleton", f"{most['share']:.2%} (`{most['skeleton']}`)"),
        ("arguments by type", types),
        ("argument values said in the request, later in the dialogue, nowhere", said),
        ("requests that a model rewrote", _rewriting(report["rewriting"])),
    ]


def _rewriting(report: dict[str, Any] | None) -> str:
    if report is None:
        return "none"
    lost = ", ".join(f"{found['count']:,} {reason.replace('_', ' ')}" for reason, found in report["dropped"].items())
    return f"{report['kept']:,} of {report['asked']:,}, by {report['model']}; not used: {lost or 'none'}"


def _recall(cascade: dict[str, Any]) -> str:
    if not cascade["checked"]:
        return "100 %: all were embedded"
    texts = f"{cascade['checked']:,} chunks that settled nothing"
    if cascade["recall"] is None:
        return f"not known: none of {texts} is near a prototype"
    return f"{cascade['recall']:.1%} ± {cascade['recall_stderr']:.1%}, on {texts}"


def _privacy(report: dict[str, Any]) -> dict[str, Any]:
    rows = [(kind.replace("_", " "), f["count"], sum(f["rows"].values())) for kind, f in report["replaced"].items()]
    shown = table(("kind", "replaced", "in rows"), rows) if rows else "Nothing was replaced."
    return {"looked_at": report["rows"], "rows_changed": report["rows_changed"], "replaced": shown}


def _retrieval(report: dict[str, Any]) -> dict[str, Any]:
    names = ("seeds", "candidates", "model", "precision", "neighbours", "min_score", "retrieved")
    scores = ", ".join(f"{name} {score}" for name, score in report["scores"].items()) or "none"
    cascade, quotas = report["cascade"], report["quotas"]
    rows = [
        ("candidates embedded", f"{cascade['embedded']:,}"),
        ("embedding work saved by the first stage", f"{cascade['work_saved']:.1f} ×"),
        (f"recall@k against exact search (asked: {cascade['recall_asked']:.0%})", _recall(cascade)),
        (f"largest of {quotas['topics']} topics before quotas", f"{quotas['largest_share_before']:.1%}"),
        ("the same after them", f"{quotas['largest_share_after']:.1%}"),
        *((f"not retrieved: {reason.replace('_', ' ')}", f"{count:,}") for reason, count in report["dropped"].items()),
    ]
    return {
        **{name: report[name] for name in names},
        "prototypes": report["prototypes"]["count"],
        "seeds_hit": report["seeds_with_a_hit"],
        "scores": scores,
        "cascade": table(("measure", "value"), rows),
        "crawls": _crawls(report["crawls"]),
    }


def _crawls(crawls: dict[str, Any]) -> str:
    if not crawls:
        return "No crawl was among the candidates."
    head = ("crawl", "licence", "may enter shards", "pages", "chunks", "retrieved", "left out")
    rows = [
        (
            name, found["license"], "yes" if found["may_enter"] else "no", found["pages"], found["chunks"],
            found["retrieved"], ", ".join(f"{reason} {f['count']:,}" for reason, f in found["dropped"].items()),
        )
        for name, found in crawls.items()
    ]  # fmt: skip
    return "Crawls among the candidates; pages that may not enter shards only measure:\n\n" + table(head, rows)


def _compared(report: dict[str, Any]) -> list[tuple[str, str, int, int, str]]:
    rows = []
    for name, source in report["sources"].items():
        by = "fingerprints" if source["kind"] == "fingerprints" else "text"
        spans = report["matches"].get(name, {}).get("spans", 0)
        rows.append((name, by, spans, sum(report["dropped"].get(name, {}).values()), f"`{source['sha256'][:12]}`"))
    return rows


def _decontamination(report: dict[str, Any]) -> dict[str, Any]:
    head = ("row removed", "config", "item", "part", "words in common")
    spans = [
        (f"`{s['row']}`", s["config"], f"{s['benchmark']} {s['item']}", s["part"], s["words"]) for s in report["spans"]
    ]
    shown = table(head, spans) if spans else "No row was removed."
    return {
        "n_grams": report["n_grams_indexed"],
        "n_gram": report["n_gram"],
        "checked": ", ".join(report["benchmarks"]["checked"]) or "no benchmark",
        "unchecked": ", ".join(report["benchmarks"]["unchecked"]) or "none",
        "checked_rows": report["rows_checked"],
        "leaks": sum(count for found in report["dropped"].values() for count in found.values()),
        "too_short": report["items_too_short"],
        "spans": shown,
        "compared": table(("benchmark", "by", "spans found", "rows removed", "sha256"), _compared(report)),
    }
