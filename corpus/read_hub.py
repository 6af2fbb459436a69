"""Rows from datasets of the Hugging Face Hub, where a recipe asks for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.chunks import MOST_CHUNKS, chunks_of
from corpus.drops import CountingStep
from corpus.foreign_calls import BadRow
from corpus.hub_files import HubFiles
from corpus.hub_formats_dialogues import Formatted
from corpus.hub_formats_files import records_of
from corpus.hub_recipe import asked_entries
from corpus.hub_registry import UNSTATED, HubEntry
from corpus.licences import consented, is_allowed
from corpus.plain_text import texts_in
from corpus.quality import has_control_tokens, text_problem
from corpus.rows import Row, ordered_json
from records.calls import render_chat
from records.files import stable_hash
from records.recipe_corpus import SourcesRecipe

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LONGEST = 32_000
"""Characters of a dialogue; those of the Hub list more tools than our own."""


class HubReader(CountingStep):
    """Reads one dataset from its beginning until `limit` records are kept; one datatrove task reads one dataset.

    Its counts carry the commit that was read: `hub <name> at <commit>`.
    """

    type = "📖 - READER"
    name = "hub"

    def __init__(
        self,
        entry: HubEntry,
        control_tokens: tuple[str, ...],
        folder: Path,
        limit: int | None,
        licence: str = "",
        also: frozenset[str] = frozenset(),
    ) -> None:
        """Args: the dataset; special tokens no text may spell; the step's folder; the most records kept (null: all);
        the licence of a dataset that states none, as the recipe gives it; licences let in beside the permissive ones.
        """
        super().__init__(folder / "drops")
        self.entry = entry
        self.control_tokens = control_tokens
        self.limit = limit
        self.licence = licence or entry.license
        self.also = also

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield what came before, then the rows. Raises UserError as HubFiles does."""
        yield from data or ()
        files = HubFiles(self.entry, whole=self.limit is None)
        for name in files.names:
            if self._enough():
                break
            with files.opened(name) as stream:
                for number, record in enumerate(records_of(name, stream, self.entry.columns)):
                    yield from (row.document() for row in self._rows(files.commit, name, number, record))
                    if self._enough():
                        break
        self.write_counts(rank, f"hub {self.entry.name} at {files.commit}")

    def _enough(self) -> bool:
        return self.limit is not None and self.kept >= self.limit

    def _rows(self, commit: str, file: str, number: int, record: dict[str, Any] | BadRow) -> list[Row]:
        """The rows of a record; none where it is dropped."""
        where = f"hub/{self.entry.name}/{file}"
        try:
            if isinstance(record, BadRow):
                raise record
            formatted = self.entry.formatter(record)
            licence = self._licence(formatted)
            texts = list(self._texts(formatted))
        except BadRow as reason:
            self.drop(str(reason), f"{where}#{number}")
            return []
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            self.drop("malformed_record", f"{where}#{number}")
            return []
        self.keep()
        seen = {"name": self.name, "dataset": self.entry.repo, "commit": commit, "file": file, "record": formatted.id}
        group = f"{where}/{_group(formatted, number)}"
        return [
            self._row(f"{group}/{number}.{part}", text, formatted, licence, seen) for part, text in enumerate(texts)
        ]

    def _licence(self, formatted: Formatted) -> str:
        """The licence of a record. Raises BadRow: no_licence, licence_not_allowed.

        That of the dataset was accepted in the recipe if it is not a permissive one.
        """
        found = self.licence if formatted.license is None else formatted.license
        if found in ("", UNSTATED):
            raise BadRow("no_licence")
        if formatted.license is not None and not is_allowed(found, self.also):
            raise BadRow("licence_not_allowed")
        return found

    def _texts(self, formatted: Formatted) -> Iterator[str]:
        """The texts of the rows of a record, one unless a page is cut. Raises BadRow."""
        spoken = "\n".join(texts_in([formatted.messages, formatted.tools, formatted.text]))
        if has_control_tokens(spoken, self.control_tokens):
            raise BadRow("control_token")
        if formatted.messages is not None:
            text = render_chat(formatted.messages, formatted.tools)
            if len(text) > LONGEST:
                raise BadRow("too_long")
            yield text
        elif self.entry.config == "text":
            chunks = [part for part in chunks_of(formatted.text)[:MOST_CHUNKS] if not text_problem(part)]
            if not chunks:
                raise BadRow("not_prose")
            yield from chunks
        else:
            yield formatted.text

    def _row(self, identifier: str, text: str, formatted: Formatted, licence: str, seen: dict[str, Any]) -> Row:
        names = (self.entry.attribution, formatted.attribution)
        return Row(
            id=identifier,
            config=self.entry.config,
            text=text,
            source=self.entry.repo,
            license=licence,
            attribution="; ".join(name for name in names if name),
            url=formatted.url or self.entry.url,
            kind=f"hub_{self.entry.name}",
            messages=None if formatted.messages is None else ordered_json(formatted.messages),
            tools=ordered_json(formatted.tools) if formatted.tools else None,
            provenance={"reader": seen},
        )


def _group(formatted: Formatted, number: int) -> str:
    """What ids of records about the same tools share before their last part, where `group_of` cuts."""
    names = sorted(tool["function"]["name"] for tool in formatted.tools or ())
    return f"{stable_hash(ordered_json(names)):016x}" if names else str(number)


def hub_readers(
    sources: SourcesRecipe, control_tokens: tuple[str, ...], folder: Path, commits: Mapping[str, str]
) -> list[HubReader]:
    """A reader of every dataset that a recipe asks for, in the order of their names.

    `commits`: by name, the commit that is read in place of an entry's revision.

    Raises:
        UserError: as asked_entries does.
    """
    also = consented(sources.attribution_licences)
    asked = asked_entries(sources.hub, sources.hub_allow, sources.hub_licences, also)
    found = []
    for entry in sorted(asked, key=lambda entry: entry.name):
        pinned = dataclasses.replace(entry, revision=commits.get(entry.name, entry.revision))
        licence = sources.hub_licences.get(entry.name, "")
        found.append(HubReader(pinned, control_tokens, folder, sources.hub[entry.name], licence, also))
    return found
