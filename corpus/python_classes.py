"""Constructors and methods of the public classes of a Python source file, parsed and never run.

Only the outline is parsed, as for functions.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import griffe

from corpus.python_functions import STYLES, TYPING, Function, documented

_CLASS_OUTLINE = re.compile(
    r"""
    (?P<head>^class[ ]\w+(?:\((?:[^()\n]|\n(?=[ \t)\n])|\([^()\n]*\))*\))?:[ \t]*(?:\#[^\n]*)?\n
      (?:\s+[rRuU]?(?P<class_quotes>\"\"\"|\'\'\')(?:(?!(?P=class_quotes))(?:\\.|[^\\]))*(?P=class_quotes))?)
    | (?:^[ ]{4}@[^\n]*\n(?:[ ]{4}[ )][^\n]*\n)*)*         # decorators
      ^[ ]{4}(?:async[ ])?def[ ](?:[a-zA-Z]\w*|__init__)
      \((?:[^\n]|\n(?=[ \t)\n]))*?\)\s*(?:->[^:]*)?:[ \t]*(?:\#[^\n]*)?\n
      (?:\s+[rRuU]?(?P<quotes>\"\"\"|\'\'\')(?:(?!(?P=quotes))(?:\\.|[^\\]))*(?P=quotes))?
    | ^[^\s\#)\]}@][^\n]*$                                   # whatever ends the class before it
    """,
    re.M | re.X | re.S,
)
_END_OF_CLASS = "def _():\n    ..."


def methods_of(source: str, module: str, file: Path) -> Iterator[tuple[str, Function | str]]:
    """Yield `(name, function)`, or `(name, why not)`, for constructors (`Class`) and public methods (`Class.method`).

    Raises:
        SyntaxError, ValueError, RecursionError: the source does not parse.
    """
    if not re.search(r"^class [A-Za-z]", source, re.M):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outline = TYPING + "\n".join(_class_outline(source))
        tree = griffe.visit(module, file, outline, extensions=griffe.Extensions())
    for name, cls in tree.members.items():
        if not isinstance(cls, griffe.Class) or name.startswith("_"):
            continue
        for member in cls.members.values():
            if not isinstance(member, griffe.Function) or (member.name.startswith("_") and member.name != "__init__"):
                continue
            made = member.name == "__init__"
            try:
                yield (name, _constructor(cls, member)) if made else (f"{name}.{member.name}", documented(member))
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                yield f"{name}.{member.name}", "malformed_function"


def _class_outline(source: str) -> Iterator[str]:
    """Heads and docstrings of classes and of what is defined in them."""
    inside = False
    for found in _CLASS_OUTLINE.finditer(source):
        part = found[0]
        if found["head"]:
            found_indent = re.search(r"\n( +)", part)
            indent = found_indent[1] if found_indent else "    "
            # Where classes are indented otherwise, what stands at four blanks is not their methods.
            inside = indent == "    "
            yield f"{part}\n{indent}..."
        elif part.startswith("    "):
            yield from [f"{part}\n        ..."] if inside else []
        elif inside:
            inside = False
            yield _END_OF_CLASS


def _constructor(cls: griffe.Class, init: griffe.Function) -> Function | str:
    """What the class says about itself, with the parameters wherever they are documented."""
    said, more = (part.docstring.value if part.docstring else "" for part in (cls, init))
    if not any(pattern.search(said) for _, pattern in STYLES) and any(pattern.search(more) for _, pattern in STYLES):
        said = f"{said}\n\n{more}" if said else more
    init.docstring = griffe.Docstring(said, parent=init)
    init.returns = None
    found = documented(init)
    return found if isinstance(found, str) else dataclasses.replace(found, name=cls.name, returns={})
