"""The reference text that a Python source file documents itself with, read from its syntax tree."""

from __future__ import annotations

import ast
import inspect
import warnings

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def reference_text(source: str, module: str) -> str:
    """Docstrings of a module and of its public classes and functions, each under its signature.

    Raises:
        SyntaxError, ValueError: the source does not parse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    parts = [f"{module}\n{'=' * len(module)}\n\n{text}"] if (text := _docstring(tree)) else []
    for node in tree.body:
        parts += _entries(node, "")
    return "\n\n".join(parts)


def _entries(node: ast.stmt, owner: str) -> list[str]:
    if not isinstance(node, Documented) or node.name.startswith("_"):
        return []
    name = f"{owner}{node.name}"
    text = _docstring(node)
    # One-liners say little more than the name.
    parts = [f"{_heading(node, name)}\n\n{text}"] if text and len(text) > 80 else []
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            parts += _entries(member, f"{name}.")
    return parts


def _heading(node: Documented, name: str) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {name}"
    return f"{name}({ast.unparse(node.args)})"


def _docstring(node: Documented | ast.Module) -> str:
    text = ast.get_docstring(node, clean=False)
    return inspect.cleandoc(text) if text else ""
