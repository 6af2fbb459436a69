"""Documentation of permissively licensed distributions: READMEs, documentation files, docstrings."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.chunks import MOST_CHUNKS, chunks_of
from corpus.distribution_reader import DistributionReader
from corpus.distributions import Distribution
from corpus.docstrings import reference_text
from corpus.drops import CountingStep
from corpus.quality import GENERATED, LONGEST_SOURCE, has_control_tokens, path_problem, text_problem
from corpus.rows import Row
from corpus.sampling import round_robin

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

README = "METADATA description"
DOCUMENTS = (".rst", ".md", ".txt")
NOT_PROSE = re.compile(
    r"requirements|licen[cs]e|copying|notice|authors|top_level|entry_points|sources|cmakelists", re.I
)
_MARKUP = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>\n]*>|!?\[!\[[^\n]*|!\[[^\]\n]*\]\([^)\n]*\)", re.S)
_BADGES = re.compile(r"^\s*(?:\.\. (?:image|\|)|:(?:target|alt|width|height|align):|\|[\w -]+\|(?:_)?\s*$).*$", re.M)


class TextReader(DistributionReader):
    """`text` rows: chunks of documents, distributions in turn, READMEs and documentation files before docstrings."""

    name = "documentation"

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows, then write the counts."""
        self.find_distributions()
        for name, file in self._candidates():
            if self.limit is not None and self.kept >= self.limit:
                break
            text = self._text(name, file)
            rows = list(self._rows(name, file, text)) if text else []
            if rows:
                self.keep()
                yield from (row.document() for row in rows)
        self.write_counts(rank, self.name)

    def _candidates(self) -> Iterator[tuple[str, str]]:
        """READMEs, then documentation files, then modules with docstrings."""
        documents: dict[str, list[str]] = {}
        modules: dict[str, list[str]] = {}
        for name, distribution in self.distributions.items():
            for file in distribution.files:
                if ".dist-info/" in file or file.startswith("..") or path_problem(file):
                    continue
                if file.endswith(DOCUMENTS) and not NOT_PROSE.search(Path(file).name):
                    documents.setdefault(name, []).append(file)
                elif file.endswith(".py"):
                    modules.setdefault(name, []).append(file)
        yield from ((name, README) for name in sorted(self.distributions))
        yield from round_robin(documents, self.seed)
        yield from round_robin(modules, self.seed)

    def _text(self, name: str, file: str) -> str | None:
        distribution, where = self.distributions[name], f"{name}/{file}"
        if file == README:
            return without_markup(distribution.readme)
        try:
            if distribution.size(file) > LONGEST_SOURCE:
                return self.refuse("too_long", where)
            source = distribution.read(file)
            if not file.endswith(".py"):
                return without_markup(source)
            if GENERATED.search(source[:1500]):
                return self.refuse("generated", where)
            return reference_text(source, file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        except UnicodeDecodeError:
            return self.refuse("not_utf8", where)
        except OSError:
            return self.refuse("unreadable", where)
        except (SyntaxError, ValueError, RecursionError):
            return self.refuse("not_python", where)

    def _rows(self, name: str, file: str, text: str) -> Iterator[Row]:
        kind = "readme" if file == README else "docstrings" if file.endswith(".py") else "document"
        distribution = self.distributions[name]
        for number, chunk in enumerate(chunks_of(text)):
            where = f"{name}/{file}#{number}"
            if number >= MOST_CHUNKS:
                self.drop("over_the_chunks_of_a_document", where)
            elif has_control_tokens(chunk, self.control_tokens):
                self.drop("control_token", where)
            elif problem := text_problem(chunk):
                self.drop(problem, where)
            else:
                yield text_row(distribution, where, kind, chunk, self.name)


def text_row(distribution: Distribution, where: str, kind: str, chunk: str, reader: str) -> Row:
    """The row of one chunk."""
    return Row(
        id=where.replace(README, "README"),
        config="text",
        text=chunk,
        source=distribution.name,
        license=distribution.license,
        attribution=distribution.attribution,
        url=distribution.url,
        kind=kind,
        provenance={"reader": {"name": reader, "version": distribution.version}},
    )


def without_markup(text: str) -> str:
    """A README without HTML tags, images and badges."""
    text = _BADGES.sub("", _MARKUP.sub("", text.replace("\r\n", "\n")))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class TopicsReader(CountingStep):
    """The language reference that Python's own `help()` shows, as `text` rows."""

    type = "📖 - READER"
    name = "python topics"

    def __init__(self, control_tokens: tuple[str, ...], folder: Path) -> None:
        """`folder` receives the counts."""
        super().__init__(folder / "drops")
        self.control_tokens = control_tokens

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the chunks of every topic; none where this Python carries no topics."""
        for topic, text in topics().items():
            for number, chunk in enumerate(chunks_of(text)[:MOST_CHUNKS]):
                where = f"cpython/topics/{topic}#{number}"
                if problem := text_problem(chunk):
                    self.drop(problem, where)
                elif has_control_tokens(chunk, self.control_tokens):
                    self.drop("control_token", where)
                else:
                    self.keep()
                    yield text_row(cpython(), where, "topic", chunk, self.name).document()
        self.write_counts(rank, self.name)


def cpython() -> Distribution:
    """The running Python as a source."""
    version = ".".join(map(str, sys.version_info[:3]))
    library = Path(sysconfig.get_path("stdlib"))
    names = ("LICENSE.txt",)
    return Distribution(
        name="cpython",
        version=version,
        license="PSF-2.0",
        attribution="Copyright (c) 2001 Python Software Foundation (cpython)",
        url="https://docs.python.org/3/reference/",
        root=library,
        files=names,
        readme="",
    )


def topics() -> dict[str, str]:
    """Topic → text of `pydoc_data/topics.py`, read as data; empty where it is absent."""
    try:
        tree = ast.parse((Path(sysconfig.get_path("stdlib")) / "pydoc_data" / "topics.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError):
        return {}
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    found = ast.literal_eval(values[0]) if values else {}
    return {str(name): str(text) for name, text in sorted(found.items())}
