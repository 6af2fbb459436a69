"""The dataset card, `README.md`."""

from __future__ import annotations

from typing import Any

import yaml

from corpus.filter_words import in_short, limits
from corpus.manifest import sources_of_apis
from corpus.rows import CONFIGS, SPLITS
from corpus.tables import config_table, licence_table, mix_table, rights_words, source_table, stream_words
from records.recipe import Recipe

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))

BODY = """# Hephaestus-Forge ({recipe})

A corpus that teaches language models to call functions, in the manner of Hephaestus-Forge: API documentation, recorded
calls, text retrieved near them, code and general text for continual pre-training, and call examples for fine-tuning.
Everything in it was read from packages of public registries, under licences that allow passing it on.

{apis:,} distinct APIs (operations, functions, methods) · {rows:,} rows · {tokens:,} tokens ({tokenizer} tokenizer)

## What is in it

{configs}

Every row of every config has the columns `text`, `messages` and `tools` (JSON, null in plain text), `id`, `source`,
`license` (SPDX), `attribution`, `url`, `kind`, `api_ids`, `tokens`, `provenance` (JSON: step → why the row is here).

## How to load it

```python
import json
from datasets import load_dataset

docs = load_dataset("{repository}", "api_docs", split="train")
calls = load_dataset("{repository}", "ift", split="train")
messages, tools = json.loads(calls[0]["messages"]), json.loads(calls[0]["tools"])
```

`{repository}` is the repository on a Hub, or the folder that holds this file. A build folder has the same rows
tokenised for training beside it, in `tokens/` (not published), as datatrove writes them: `.ds` (uint16 ids),
`.ds.index` (uint64 document ends), `.ds.loss` (where loss counts: the answers).

## The training stream

Shards hold each row once; training reads the configs as often as this says, so that the groups have their shares.

{mix}

{stream}

![Shares of the training stream](figures/mix.png)

## Sources and licences

{licences}

{rights}

The licence and notice texts of every source are in `LICENSES/`; each row names its own licence and attribution.

{sources}

![Tokens by source](figures/tokens_by_source.png)

![Tokens by licence](figures/tokens_by_licence.png)

## How it was made

Retrieval looked at {candidates:,} text chunks, embedded {embedded:,} of them and {seeds:,} API seeds with
all-MiniLM-L6-v2, and found {retrieved:,} chunks near a seed;
a filter ({filter_short})
kept {kept:,} of them as `web`.
Exact duplicates and MinHash near duplicates were removed over all configs. Rows that share {n_gram} to 13 words in
a row with a question or an answer of {checked} were removed ({leaks:,} rows); not compared:
{unchecked}. `datasheet.md`
has the measured figures of every step, `reports/` the data behind them, `manifest.json` a hash of every file.

![Length of rows](figures/lengths.png)

![Seeds, what was retrieved and what was not, on the main axes of the seeds](figures/retrieval_map.png)

## Limits

{filter_limits}
The text is technical English; the API seeds come from {api_sources}. Recorded responses are the services' documented
examples, not live traffic. Requests of the call examples are written by rules from API schemas, not by people.
"""


def card(recipe: Recipe, manifest: dict[str, Any], reports: dict[str, Any]) -> str:
    """The card: YAML front matter that the Hub reads, then Markdown."""
    front = yaml.safe_dump(front_matter(recipe, manifest), sort_keys=False, allow_unicode=True)
    configs = manifest["configs"].values()
    filtered, decontaminated = reports["filter"], reports["decontamination"]
    return f"---\n{front}---\n\n" + BODY.format(
        recipe=recipe.name,
        repository=manifest["name"],
        apis=manifest["apis"]["distinct"],
        api_sources=sources_of_apis(manifest),
        rows=sum(config["documents"] for config in configs),
        tokens=sum(config["tokens"] for config in configs),
        tokenizer=manifest["tokenizer"]["name"],
        configs=config_table(manifest),
        mix=mix_table(manifest),
        stream=stream_words(manifest),
        licences=licence_table(manifest),
        rights=rights_words(manifest),
        sources=source_table(manifest),
        seeds=reports["retrieval"]["seeds"],
        candidates=reports["retrieval"]["candidates"],
        embedded=reports["retrieval"]["cascade"]["embedded"],
        retrieved=reports["retrieval"]["retrieved"],
        filter_short=in_short(filtered),
        filter_limits=limits(filtered),
        kept=filtered["applied"]["kept"],
        n_gram=decontaminated["n_gram"],
        checked=", ".join(manifest["decontamination"]["checked"]) or "no benchmark",
        unchecked=", ".join(manifest["decontamination"]["unchecked"]) or "none",
        leaks=sum(count for found in decontaminated["dropped"].values() for count in found.values()),
    )


def front_matter(recipe: Recipe, manifest: dict[str, Any]) -> dict[str, Any]:
    """What the Hub shows and what `load_dataset` reads."""
    rows = sum(config["documents"] for config in manifest["configs"].values())
    return {
        "license": "other",
        "license_name": "permissive-per-row",
        "license_link": "LICENSES",
        "language": ["en", "code"],
        "pretty_name": f"Hephaestus-Forge ({recipe.name})",
        "size_categories": [next((name for bound, name in SIZES if rows < bound), "10M<n<100M")],
        "task_categories": ["text-generation"],
        "tags": ["function-calling", "tool-use", "agents", "api-documentation", "code", "continual-pretraining"],
        "configs": [_config(name) for name in CONFIGS if manifest["configs"][name]["documents"]],
        "dataset_info": [_info(name, manifest) for name in CONFIGS if manifest["configs"][name]["documents"]],
    }


def _config(name: str) -> dict[str, Any]:
    files = [{"split": split, "path": f"data/{name}/{split}-*.parquet"} for split in SPLITS]
    return {"config_name": name, "data_files": files, **({"default": True} if name == "api_docs" else {})}


def _info(name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Rows and bytes of a config's files.

    `load_dataset` compares them with what it reads, and keeps its copy of a folder by them: without, it would
    return the rows of an older corpus that lay in a folder of the same name.
    """
    splits, total = [], 0
    for split in SPLITS:
        files = [file for file in manifest["files"] if file["path"].startswith(f"data/{name}/{split}-")]
        size = sum(file["bytes"] for file in files)
        splits.append({"name": split, "num_bytes": size, "num_examples": sum(file["rows"] for file in files)})
        total += size
    return {"config_name": name, "splits": splits, "download_size": total, "dataset_size": total}
