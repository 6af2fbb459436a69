"""The name under which a package offers a function, from the imports of its `__init__` files, parsed and never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator

Module = tuple[str, ...]
FARTHEST = 6
"""Most imports that are followed from one package to the next."""


def module_of(file: str) -> Module | None:
    """`pack/part/__init__.py` → `("pack", "part")`; None for what cannot be imported by that path."""
    parts = tuple(file.removesuffix(".py").removesuffix("/__init__").split("/"))
    return parts if file.endswith(".py") and all(part.isidentifier() for part in parts) else None


class Exports:
    """Public names in the packages of one distribution."""

    def __init__(self, files: dict[Module, str], read: Callable[[str], str]) -> None:
        """Args: the `__init__` file of every package, and what gives the text of a file."""
        self.files = files
        self.read = read
        self.imports: dict[Module, dict[str, list[Module]]] = {}

    def public_name(self, module: Module, function: str) -> str | None:
        """The shortest dotted path a caller may import the function by; None when it is internal."""
        for length in range(1, len(module)):
            package = module[:length]
            if not _private(package) and self._leads(package, function, module, FARTHEST):
                return ".".join((*package, function))
        return None if _private(module) else ".".join((*module, function))

    def _leads(self, package: Module, name: str, module: Module, steps: int) -> bool:
        """Whether `package` imports `name` from `module`, itself or by way of other packages."""
        found = self._imported(package)
        origins = [*found.get(name, []), *found.get("*", [])]
        return module in origins or (
            steps > 0
            and any(self._leads(origin, name, module, steps - 1) for origin in origins if origin in self.files)
        )

    def _imported(self, package: Module) -> dict[str, list[Module]]:
        if package not in self.imports:
            self.imports[package] = {}
            if package in self.files:
                for name, origin in self._from_imports(package):
                    self.imports[package].setdefault(name, []).append(origin)
        return self.imports[package]

    def _from_imports(self, package: Module) -> Iterator[tuple[str, Module]]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self.read(self.files[package]))
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                origin = (*above, *(node.module.split(".") if node.module else ()))
                # A function under another name is another name's documentation.
                yield from ((item.name, origin) for item in node.names if item.asname in (None, item.name))


def _private(module: Module) -> bool:
    return any(part.startswith("_") for part in module)
