"""Constructors and methods of the public classes of a Python source file, parsed and never run.

Only the outline is parsed, as for functions.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import griffe

from corpus.python_functions import STYLES, TYPING, Function, documented


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
    """Heads and docstrings of public classes, of their constructors and of their documented public methods."""
    # As the parser counts lines: a form feed ends none.
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for cls in ast.parse(source).body:
        if isinstance(cls, ast.ClassDef) and not cls.name.startswith("_"):
            yield from _head(lines, cls)
            for node in cls.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_public(node):
                    yield from _head(lines, node)


def _is_public(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return node.name == "__init__" or (not node.name.startswith("_") and ast.get_docstring(node) is not None)


def _head(lines: Sequence[str], node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The lines of a definition up to the end of its docstring, and a body."""
    body = node.body[0]
    start, first = (
        min([item.lineno, *(d.lineno for d in getattr(item, "decorator_list", []))]) for item in (node, body)
    )
    indent = lines[body.lineno - 1].encode()[: body.col_offset].decode()
    if indent.strip():  # all on one line
        return list(lines[start - 1 : body.end_lineno])
    end = body.end_lineno if ast.get_docstring(node, clean=False) is not None else first - 1
    return [*lines[start - 1 : end], f"{indent}..."]


def _constructor(cls: griffe.Class, init: griffe.Function) -> Function | str:
    """What the class says about itself, with the parameters wherever they are documented."""
    said, more = (part.docstring.value if part.docstring else "" for part in (cls, init))
    if not any(pattern.search(said) for _, pattern in STYLES) and any(pattern.search(more) for _, pattern in STYLES):
        said = f"{said}\n\n{more}" if said else more
    init.docstring = griffe.Docstring(said, parent=init)
    init.returns = None
    found = documented(init)
    return found if isinstance(found, str) else dataclasses.replace(found, name=cls.name, returns={})
