"""Where the benchmarks' own data lies: `BENCH_DATA=folder`, else the Hub where a data set there has the same files.

The layout of `BENCH_DATA` is `<benchmark>/<file>`, as `SOURCES` lists it. Nothing of it is copied into the repository.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from records.errors import UserError
from records.files import sha256_file, sha256_json


@dataclass(frozen=True)
class Source:
    """Where one benchmark's files come from."""

    folder: str
    """Below `BENCH_DATA`."""
    git: str
    """The authors' repository, and what of it goes where."""
    licence: str
    """SPDX."""
    hub: str | None = None
    """Data set of the Hub that holds the same files, if any."""
    revision: str = "main"
    """Revision on the Hub."""


SOURCES = {
    "mmlu": Source("mmlu", "https://github.com/hendrycks/test (mmlu.zip with data/{dev,val,test}/*.csv)", "MIT"),
    "api_bench": Source(
        "api_bench",
        "https://github.com/ShishirPatil/gorilla (data/apibench/*.json, data/api/*.jsonl)",
        "Apache-2.0",
        "gorilla-llm/APIBench",
    ),
    "api_bank": Source("api_bank", "https://github.com/AlibabaResearch/DAMO-ConvAI (folder api-bank)", "MIT"),
    "nexus": Source(
        "nexus", "https://github.com/nexusflowai/NexusRaven (raven/data/resources)", "CC-BY-NC-4.0, evaluation only"
    ),
    "agentbench": Source("agentbench", "https://github.com/THUDM/AgentBench (folder data)", "Apache-2.0"),
}


def origin(benchmark: str, files: Sequence[str]) -> str:
    """Where files come from, for a version: empty below `BENCH_DATA`, else the Hub's data set and revision.

    A revision that no commit is known of is `unverified`: the files may be others tomorrow (their sha256 says so).
    """
    source = SOURCES[benchmark]
    if source.hub is None or all(find(benchmark, file) for file in files):
        return ""
    told = "revision main, unverified" if source.revision == "main" else source.revision
    return f" from {source.hub} ({told})"


def bench_folder() -> Path | None:
    """`$BENCH_DATA`, or None where it is not set.

    Raises:
        UserError: it is set and no folder.
    """
    name = os.environ.get("BENCH_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UserError(f"BENCH_DATA={name} is not a folder; point it to a folder with {', '.join(SOURCES)} below it")
    return folder


def find(benchmark: str, file: str) -> Path | None:
    """A file or folder of a benchmark below `BENCH_DATA`, or None."""
    folder = bench_folder()
    path = folder / SOURCES[benchmark].folder / file if folder else None
    return path if path and path.exists() else None


def need(benchmark: str, file: str) -> Path:
    """A file or folder of a benchmark, from `BENCH_DATA` or else from the Hub.

    Raises:
        UserError: it is in neither; both ways are named.
    """
    path = find(benchmark, file)
    if path is None and SOURCES[benchmark].hub and bench_folder() is None:
        path = _from_hub(benchmark, file)
    if path is None:
        raise UserError(explain(benchmark, file))
    return path


def explain(benchmark: str, file: str) -> str:
    """What is missing, and every way to bring it."""
    source = SOURCES[benchmark]
    place = f"{bench_folder() or '$BENCH_DATA'}/{source.folder}/{file}"
    ways = [f"set BENCH_DATA to a folder that holds {source.folder}/{file}, taken from {source.git}"]
    if source.hub:
        hub = f"hf download {source.hub} --repo-type dataset --revision {source.revision} --local-dir <folder>"
        ways.append(f"or leave BENCH_DATA unset and be online, or run `{hub}/{source.folder}`")
    return f"{place} is missing: {'; '.join(ways)}"


def absent(benchmark: str, files: Sequence[str]) -> str | None:
    """None when every file is below `BENCH_DATA` or, where that is not set, on the Hub; else `explain` of the first."""
    source = SOURCES[benchmark]
    for file in files:
        there = find(benchmark, file) is not None
        if not there and not (source.hub and bench_folder() is None and _from_hub(benchmark, file)):
            return explain(benchmark, file)
    return None


@cache
def hub_answers() -> bool:
    """Whether a connection to the Hub can be made: its client would try for half a minute before it says no."""
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "TRUE", "YES", "ON"):
        return False
    address = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=5):
            return True
    except OSError:
        return False


@cache
def _from_hub(benchmark: str, file: str) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    source = SOURCES[benchmark]
    assert source.hub is not None
    try:
        found = hf_hub_download(
            source.hub, file, repo_type="dataset", revision=source.revision, local_files_only=not hub_answers()
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError):
        return None
    return Path(found)


def identity(paths: Sequence[Path]) -> str:
    """One sha256 over the names and bytes of files and of all files below folders: what a score was measured on."""
    return sha256_json([[name, digest] for path in paths for name, digest in _digests(path)])


@cache
def _digests(path: Path) -> tuple[tuple[str, str], ...]:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return tuple((file.relative_to(path.parent).as_posix(), sha256_file(file)) for file in files)
