"""Python sources of an SDK's wheel, read out of the zip file, and the functions in them, parsed and never run."""

from __future__ import annotations

import ast
import re
import warnings
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

from corpus.bounded_files import BROKEN, zip_member
from corpus.read_apis import MalformedDocument

LARGEST_SOURCE = 32 << 20
"""Most bytes of a source file; the largest that is known has 6 MB."""
_FUNCTION = re.compile(r"^(?: {4})?(?:async )?def (\w+)\(", re.M)
_DECORATORS = re.compile(r"(?:\n *@[^\n]*)+\s*\Z")
_DOCSTRING = re.compile(r"r?(\"{3}|\'{3})(?:[^\\]|\\.)*?\1", re.S)
_SIGNATURE_END = re.compile(r"\)(?: *->[^\n]*?)? *:[^\n]*\n", re.S)


class SdkWheel:
    """The files of one wheel."""

    def __init__(self, path: Path) -> None:
        """`path`: the zip file."""
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """The open wheel; each process opens its own."""
        return zipfile.ZipFile(self.path)

    @cached_property
    def files(self) -> dict[str, zipfile.ZipInfo]:
        """The entries by name; the last of equal names counts, as for zipfile."""
        return {item.filename: item for item in self.archive.infolist()}

    @cached_property
    def version(self) -> str:
        """Version in the wheel's file name."""
        parts = self.path.name.split("-")
        return parts[1] if len(parts) > 2 else ""

    def text(self, name: str) -> str:
        """A source file. Raises MalformedDocument: missing_file, too_large, zip_bomb, corrupt_file or bad_encoding."""
        try:
            item = self.files[name]
        except KeyError:
            raise MalformedDocument("missing_file") from None
        except BROKEN:
            raise MalformedDocument("corrupt_archive") from None
        try:
            return zip_member(self.archive, item).read(LARGEST_SOURCE).decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise MalformedDocument("bad_encoding") from None


def function_sources(source: str) -> dict[str, str]:
    """Source of every function at the top and of every method, by name; the first of equal names."""
    starts = [*_FUNCTION.finditer(source)]
    ends = [*(found.start() for found in starts[1:]), len(source)]
    found: dict[str, str] = {}
    for start, end in zip(starts, ends, strict=False):
        found.setdefault(start[1], _DECORATORS.sub("\n", source[start.start() : end]))
    return found


def parsed_function(source: str, *, whole: bool = False) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """A function of `function_sources`, with no more of its body than the docstring unless `whole`.

    Raises:
        ValueError: it does not parse.
    """
    if not whole and (end := _SIGNATURE_END.search(source)):
        text = _DOCSTRING.search(source, end.end())
        # The body is most of the text and says nothing about the function.
        source = source[: text.end()] if text and not source[end.end() : text.start()].strip() else source[: end.end()]
        source += "\n        ..."
    node = tree_of(f"class _:\n{source}" if source.startswith(" ") else source).body[0]
    node = node.body[0] if isinstance(node, ast.ClassDef) else node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise ValueError("no function")
    return node


def tree_of(source: str) -> ast.Module:
    """Syntax tree. Raises ValueError: it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("not_python") from None


def docstring_of(node: ast.AsyncFunctionDef | ast.FunctionDef | ast.ClassDef) -> str:
    """The docstring with its indentation evened, or an empty text."""
    return ast.get_docstring(node) or ""
