"""Requests of call examples in the words of a model behind an endpoint, kept where no value is lost."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.chat_endpoint import ChatEndpoint
from corpus.executor import progress
from corpus.rows import jsonl_files, ordered_json, read_documents, with_reason
from corpus.spoken_forms import not_said
from records.calls import render_chat
from records.files import canonical_json, remove, replacing, stable_hash
from records.recipe_corpus import RewriteRecipe

if TYPE_CHECKING:
    from datatrove.data import Document

INSTRUCTION = (
    "Rewrite the user's request in other words, as a person would type it. Ask for exactly the same, say every value "
    "that it says, add none, and do not answer it. Write the rewritten request alone, on one line."
)
BATCH = 256
"""Rows held at once; their requests are asked for together."""
LONGEST_GROWTH, ROOM = 2, 120
"""A rewrite has at most so many times the characters of the request, and so many more."""
PREAMBLE = re.compile(r"(?:sure|certainly|of course|here(?:'s| is)|rewritten|request:)\b", re.I)
ANSWERED = re.compile(
    r"\bI(?:'m| am) (?:sorry|unable|not able|ready to|happy to|not sure)\b|\bI (?:can't|cannot|can not)\b|\bas an AI\b",
    re.I,
)
"""What a model says that answers the request in place of rewriting it."""
WORD = re.compile(r"[a-z]{4,}")
STEM = 5
"""Letters that two forms of one word share."""
FUNCTION_NAME = re.compile(r"[_.]")


@dataclass
class Rewriting:
    """What became of the requests."""

    model: str
    asked: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Counts, with one example under each reason."""
        dropped = {
            reason: {"count": count, "example": self.examples[reason]} for reason, count in sorted(self.dropped.items())
        }
        return {"model": self.model, "asked": self.asked, "kept": self.kept, "dropped": dropped}


def rewrite_rows(recipe: RewriteRecipe, drafts: Path, rows: Path, answers: Path) -> dict[str, Any]:
    """Write the rows of folder `drafts` to folder `rows`, a share of their requests rewritten; give the report.

    What the endpoint answers is appended to `answers` at once, so an interrupted run asks for the rest alone, and a
    corpus that is built again asks for nothing. A row whose rewrite is refused stays as it was.

    Raises:
        UserError: the endpoint does not answer, or not in OpenAI's form.
    """
    outcome = Rewriting(recipe.model)
    remove(rows)
    rows.mkdir(parents=True)
    files = jsonl_files(drafts)
    with ChatEndpoint(recipe.endpoint, recipe.model, answers) as endpoint, progress("rewriting", "requests") as bar:
        for file in files:
            with replacing(rows / file.name) as partial, partial.open("w", encoding="utf-8") as out:
                documents = read_documents(file)
                while batch := list(itertools.islice(documents, BATCH)):
                    for row in _rewritten(batch, recipe, endpoint, outcome):
                        line = {"id": row.id, "metadata": row.metadata, "text": row.text}
                        out.write(canonical_json(line) + "\n")
                    bar.update(outcome.asked - bar.n)
    return outcome.report()


def _rewritten(
    batch: Sequence[Document], recipe: RewriteRecipe, endpoint: ChatEndpoint, outcome: Rewriting
) -> list[Document]:
    chosen = {number: row for number, row in enumerate(batch) if is_chosen(row, recipe.share)}
    requests = [_messages(row)[0]["content"] for row in chosen.values()]
    with ThreadPoolExecutor(recipe.workers) as pool:
        replies = list(pool.map(lambda request: endpoint.ask(INSTRUCTION, request), requests))
    done = list(batch)
    for (number, row), reply in zip(chosen.items(), replies, strict=True):
        outcome.asked += 1
        messages = _messages(row)
        text = clean(reply, messages[0]["content"])
        if reason := why_not(text, messages, json.loads(row.metadata["tools"])):
            outcome.dropped[reason] += 1
            outcome.examples.setdefault(reason, f"{row.id}: {text[:200]}")
            continue
        outcome.kept += 1
        done[number] = with_request(row, text, recipe.model)
    return done


def is_chosen(row: Document, share: float) -> bool:
    """Whether a row is one of those asked for: one request and one answer, drawn by the row's id alone."""
    drawn: bool = stable_hash(f"rewrite/{row.id}") % 10_000 < share * 10_000
    return drawn and len(_messages(row)) == 2


def clean(reply: str, request: str) -> str:
    """An answer on one line, without quotes around all of it that the request does not have."""
    text = " ".join(reply.split())
    quoted = len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`"
    return text[1:-1] if quoted and not (request[:1] == request[-1:] == text[0]) else text


def why_not(text: str, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> str | None:
    """Why a rewrite cannot stand for a request, or None.

    Every value of the calls must be said, and some word of what is to be done. Where the answer is a refusal or a
    question, no value says what was asked, so there the figures must be those of the request: a number more could be
    the one whose absence is asked about.
    """
    request, answer = messages[0]["content"], messages[1]
    arguments = [call["function"]["arguments"] for call in answer.get("tool_calls") or ()]
    names = [tool["function"]["name"] for tool in tools]
    if not text:
        return "empty"
    if text == request:
        return "unchanged"
    if len(text) > LONGEST_GROWTH * len(request) + ROOM:
        return "too_long"
    if PREAMBLE.match(text):
        return "preamble"
    if ANSWERED.search(text) and not ANSWERED.search(request):
        return "answered"
    if any(FUNCTION_NAME.search(name) and name in text and name not in request for name in names):
        return "names_a_function"
    if not_said(arguments, text):
        return "value_lost"
    if not arguments and _figures(text) != _figures(request):
        return "figures_changed"
    if not _same_task(request, text, arguments):
        return "task_lost"
    return None


def _same_task(request: str, text: str, arguments: Sequence[Any]) -> bool:
    """Whether a rewrite has a word in common with the request that is in no value; words of four letters and more."""

    def stems(words: str) -> set[str]:
        return {word[:STEM] for word in WORD.findall(words.lower())}

    asked = stems(request) - stems(json.dumps(arguments))
    return not asked or bool(asked & stems(text))


def with_request(row: Document, text: str, model: str) -> Document:
    """The row with another request."""
    messages = [{**_messages(row)[0], "content": text}, *_messages(row)[1:]]
    row.text = render_chat(messages, json.loads(row.metadata["tools"]))
    row.metadata["messages"] = ordered_json(messages)
    return with_reason(row, "rewriting", {"model": model})


def _messages(row: Document) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(row.metadata["messages"])
    return found


def _figures(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))
