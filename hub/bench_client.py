"""`python -m hub.bench_client`: transfers through the real client, timed in a process that has imported it already.

Reads one JSON command a line (`{"do": "upload" | "download" | "commits", …}`) and answers with one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Carry out commands until standard input ends."""
    from huggingface_hub import HfApi

    api = HfApi()
    for line in sys.stdin:
        command = json.loads(line)
        started = time.perf_counter()
        extra = {"upload": _upload, "download": _download, "commits": _commits}[command["do"]](api, command)
        print(json.dumps({"seconds": time.perf_counter() - started, **extra}), flush=True)


def _upload(api: Any, command: dict[str, Any]) -> dict[str, Any]:
    file = Path(command["file"])
    api.upload_file(path_or_fileobj=file, path_in_repo=file.name, repo_id=command["repo"])
    return {}


def _download(api: Any, command: dict[str, Any]) -> dict[str, Any]:
    path = api.hf_hub_download(command["repo"], command["file"], cache_dir=command["cache"])
    return {"path": str(path)}


def _commits(api: Any, command: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import CommitOperationAdd

    for number in range(command["count"]):
        operation = CommitOperationAdd(f"{command['folder']}/{number}.txt", f"{number}\n".encode())
        api.create_commit(command["repo"], [operation], commit_message=f"commit {number}")
    return {}


if __name__ == "__main__":
    main()
