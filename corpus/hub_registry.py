"""Datasets of the Hugging Face Hub that a recipe can ask for: what they hold, under what terms, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corpus.hub_formats_agents import agent_flan, agent_instruct, sharegpt, toolbench
from corpus.hub_formats_calls import apigen_mt, glaive, hermes, toolace, toucan, xlam
from corpus.hub_formats_dialogues import Formatted
from corpus.hub_formats_plain import source_file, web_page

Formatter = Callable[[dict[str, Any]], Formatted]
UNSTATED = "NOASSERTION"
"""SPDX for a licence that nobody states."""
MAIN = "main"
HUB = "https://huggingface.co/datasets/"


@dataclass(frozen=True)
class HubEntry:
    """One dataset. Off unless a recipe gives it a cap; what `terms` says must be accepted in the recipe by name."""

    name: str
    """Key in the recipe."""
    repo: str
    revision: str
    """Commit that the format was looked up at, or `main`: a run records the commit that this named then."""
    files: tuple[str, ...]
    """Patterns of the files read, in order."""
    license: str
    """SPDX expression of the records, UNSTATED where nobody gives one."""
    attribution: str
    config: str
    formatter: Formatter
    source: str
    """Where the record format is documented."""
    verified: bool = True
    """Whether that source shows all of the format that the formatter reads."""
    gated: bool = False
    non_commercial: bool = False
    terms: str = ""
    """Why it is off unless accepted; empty where the licence asks for notices alone."""
    columns: tuple[str, ...] = ()
    """Of Parquet files, the columns read."""
    unreadable: str = ""
    """Why this reader cannot read it; empty where it can."""

    @property
    def url(self) -> str:
        """Page of the dataset."""
        return HUB + self.repo


_STACK = "the terms of use of The Stack must be accepted on its page: original licences hold, removals are followed"
_STACK_COLUMNS = ("content", "max_stars_repo_name", "max_stars_repo_path", "max_stars_repo_licenses")
_WEB_COLUMNS = ("text", "id", "url")
_ODC = "ODC-By 1.0 covers the collection; the pages stay under their authors' rights and Common Crawl's terms of use"
ENTRIES: dict[str, HubEntry] = {
    entry.name: entry
    for entry in (
        HubEntry(
            "toolace", "Team-ACE/ToolACE", "6bda777c88d21e5a204703c1ee45597a8fa4f734", ("data.json",),
            "Apache-2.0", "ACE Team (ToolACE, arXiv:2409.00920)", "ift", toolace,
            "https://huggingface.co/datasets/Team-ACE/ToolACE (columns, licence); minpeter's converter of system, calls"
            " and results to OpenAI messages",
        ),
        HubEntry(
            "xlam", "Salesforce/xlam-function-calling-60k", "26d14ebfe18b1f7b524bd39b404b50af5dc97866",
            ("xlam_function_calling_60k.json",), "CC-BY-4.0",
            "Salesforce AI Research (APIGen, xlam-function-calling-60k, arXiv:2406.18518)", "ift", xlam,
            "https://huggingface.co/datasets/Salesforce/xlam-function-calling-60k (README: query, tools, answers)",
            gated=True, terms="gated, and CC-BY-4.0 asks more than notices: credit, and a statement of changes",
        ),
        HubEntry(
            "apigen_mt", "Salesforce/APIGen-MT-5k", "abc4a517d67c541f85f6470cbd8fd3186b36830e", ("apigen-mt_5k.json",),
            "CC-BY-NC-4.0", "Salesforce AI Research (APIGen-MT, arXiv:2504.03601)", "trajectories", apigen_mt,
            "https://huggingface.co/datasets/Salesforce/APIGen-MT-5k (README: ShareGPT form, system, tools)",
            gated=True, non_commercial=True,
            terms="gated and non-commercial; made with GPT-4o in the airline and retail domains of tau-bench",
        ),
        HubEntry(
            "hermes", "NousResearch/hermes-function-calling-v1", "8f025148382537ba84cd325e1834b706e1461692",
            ("func-calling-singleturn.json", "func-calling.json"), "Apache-2.0",
            "Nous Research, interstellarninja, Teknium (hermes-function-calling-v1)", "ift", hermes,
            "https://huggingface.co/datasets/NousResearch/hermes-function-calling-v1 (README: Dataset Structure)",
        ),
        HubEntry(
            "glaive", "glaiveai/glaive-function-calling-v2", "e7f4b6456019f5d8bcb991ef0dd67d8ff23221ac",
            ("glaive-function-calling-v2.json",), "Apache-2.0", "Glaive AI (glaive-function-calling-v2)", "ift", glaive,
            "https://huggingface.co/datasets/glaiveai/glaive-function-calling (README: turns) and converters that show"
            " records of v2 with arguments in single quotes",
        ),
        HubEntry(
            "toucan", "Agent-Ark/Toucan-1.5M", "0df3cf37f2abefb380370cfb02eabea2a35ae782", ("SFT/train-*.parquet",),
            "Apache-2.0", "TheAgentArk (Toucan-1.5M, arXiv:2510.01179)", "trajectories", toucan,
            "https://huggingface.co/datasets/Agent-Ark/Toucan-1.5M (README) and a converter of the SFT files to"
            " messages with tool use (roles, a call as a Python literal, tools in the OpenAI shape)",
            columns=("uuid", "messages", "tools"),
        ),
        HubEntry(
            "agent_flan", "internlm/Agent-FLAN", "8b25999e795a58b264fcb51e8746edb2faee9161",
            ("data/agent_instruct_react.jsonl", "data/toolbench_react_10p.jsonl"), "Apache-2.0",
            "InternLM (Agent-FLAN, arXiv:2403.12881)", "trajectories", agent_flan,
            "https://huggingface.co/datasets/internlm/Agent-FLAN (README: conversation, id); how actions are written"
            " inside is known from an adapter's tests alone",
            verified=False,
            terms="built from AgentInstruct, which states no licence, and ToolBench, made with ChatGPT",
        ),
        HubEntry(
            "agentinstruct", "zai-org/AgentInstruct", MAIN,
            tuple(f"data/{part}-*.parquet" for part in ("os", "db", "alfworld", "webshop", "kg", "mind2web")),
            UNSTATED, "Knowledge Engineering Group, Tsinghua University (AgentInstruct, arXiv:2310.12823)",
            "trajectories", agent_instruct,
            "https://huggingface.co/datasets/zai-org/AgentInstruct (README: conversations of from, loss, value; id)",
            terms="states no licence (its discussion 5 asks for one), and its tasks are those of AgentBench",
            columns=("conversations", "id"),
        ),
        HubEntry(
            "toolbench", "tuandunghcmut/toolbench-v1", MAIN, ("data/train-*.parquet",), "Apache-2.0",
            "OpenBMB (ToolBench, arXiv:2307.16789)", "trajectories", toolbench,
            "github.com/OpenBMB/ToolBench: data/toolllama/processed_answer/G1_demo_DFS_woFilter_w2.json and"
            " preprocess/preprocess_toolllama_data.py",
            terms="a copy by a third party; the makers' README named CC-BY-NC-4.0 before Apache-2.0 and says research"
            " and education only; made with ChatGPT from RapidAPI's descriptions",
            non_commercial=True, columns=("id", "conversations"),
        ),
        HubEntry(
            "sharegpt", "anon8231489123/ShareGPT_Vicuna_unfiltered", "192ab2185289094fc556ec8ce5ce1e8e587154ca",
            ("ShareGPT_V3_unfiltered_cleaned_split.json",), "Apache-2.0", "ShareGPT users, anon8231489123", "ift",
            sharegpt,
            "github.com/jiangkuaixue123/benchmark: ais_bench/benchmark/configs/datasets/sharegpt/README_en.md (shown)",
            terms="the card says Apache-2.0 for conversations whose writers licensed nothing and whose answers are"
            " ChatGPT's; they may hold personal data",
        ),
        HubEntry(
            "the_stack_dedup", "bigcode/the-stack-dedup", "17cad72c886a2858e08d4c349a00d6466f54df63",
            ("data/python/*.parquet",), UNSTATED, "BigCode (The Stack, arXiv:2211.15533)", "code", source_file,
            "https://huggingface.co/datasets/bigcode/the-stack-dedup (README: Data Fields)",
            gated=True, terms=_STACK, columns=("hexsha", "max_stars_repo_head_hexsha", *_STACK_COLUMNS),
        ),
        HubEntry(
            "starcoderdata", "bigcode/starcoderdata", "9fc30b578cedaec69e47302df72cf00feed7c8c4",
            ("python/*.parquet",), UNSTATED, "BigCode (StarCoderData, arXiv:2305.06161)", "code", source_file,
            "https://huggingface.co/datasets/bigcode/starcoderdata (README shows the folders, not the columns)",
            verified=False, gated=True, terms=_STACK + "; its records name no licence, so each is left out",
            columns=("id", *_STACK_COLUMNS),
        ),
        HubEntry(
            "the_stack_v2", "bigcode/the-stack-v2", MAIN, (), UNSTATED, "BigCode (The Stack v2, arXiv:2402.19173)",
            "code", source_file, "https://huggingface.co/datasets/bigcode/the-stack-v2 (README)",
            gated=True, terms=_STACK,
            unreadable="it holds ids of files (blob_id, license_type, detected_licenses), whose contents lie in"
            " Software Heritage's S3 storage and need an agreement with it; use the_stack_dedup",
        ),
        HubEntry(
            "fineweb", "HuggingFaceFW/fineweb", "9bb295ddab0e05d785b879661af7260fed5140fc", ("sample/10BT/*.parquet",),
            "ODC-By-1.0", "Hugging Face (FineWeb, arXiv:2406.17557), from Common Crawl", "text", web_page,
            "https://huggingface.co/datasets/HuggingFaceFW/fineweb (README: Data Fields)",
            terms=_ODC, columns=_WEB_COLUMNS,
        ),
        HubEntry(
            "fineweb_edu", "HuggingFaceFW/fineweb-edu", "87f09149ef4734204d70ed1d046ddc9ca3f2b8f9",
            ("sample/10BT/*.parquet",), "ODC-By-1.0",
            "Hugging Face (FineWeb-Edu, arXiv:2406.17557), from Common Crawl", "text", web_page,
            "https://huggingface.co/datasets/HuggingFaceFW/fineweb-edu (README) and copies of its samples that keep"
            " the columns", terms=_ODC, columns=_WEB_COLUMNS,
        ),
    )
}  # fmt: skip
