"""Functions of permissively licensed Python distributions and of the standard library as APIs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from corpus.api import Api
from corpus.distributions import Distribution, usable_distributions
from corpus.python_classes import methods_of
from corpus.python_exports import Exports, Module, module_of
from corpus.python_functions import Function, functions_of
from corpus.quality import GENERATED, LONGEST_SOURCE, has_control_tokens, path_problem
from corpus.read_apis import ApiStep
from corpus.read_text import cpython
from corpus.rows import ordered_json
from records.files import stable_hash

NOT_LIBRARY = re.compile(
    r"(?:site-packages|dist-packages|test|idlelib|lib2to3|turtledemo|ensurepip|distutils|pydoc_data|config-.*|_.*)/|_|antigravity|this\."
)
"""Beginnings of files in the standard library's folder that are no part of what it offers."""
NOISE = re.compile(r"(?:^|/)build/lib/|^[^/]+/src/|(?:^|/)scripts/")
"""Files of a wheel that nobody imports by their path: copies of a build, trees behind a public façade, scripts."""
EXCEPTION = re.compile(r"[A-Z]\w*(?:Error|Exception|Warning)")
SPOKEN = frozenset(("string", "integer", "number", "boolean"))


class PythonReader(ApiStep):
    """One documentation row a function, distributions in turn.

    Functions whose required parameters are all text, numbers, switches or lists of them come first: a capped reader
    takes others only where these do not fill it.
    """

    name = "python functions"
    package = "python"

    def __init__(
        self,
        control_tokens: tuple[str, ...],
        folder: Path,
        limit: int | None,
        seed: int,
        paths: Sequence[str] | None = None,
        wheels: Sequence[str] = (),
        *,
        methods: bool = False,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        """Args: as for ApiStep, and

        paths: folders searched for distributions in place of `sys.path`; the standard library is left out then.
        wheels: searched after them.
        methods: constructors and methods of public classes too.
        part: `(k, n)` reads the distributions whose hash is k modulo n, so that n tasks read them all, even where
            one is installed while they run.
        """
        super().__init__(folder, limit, seed)
        self.control_tokens = control_tokens
        self.paths, self.wheels = paths, wheels
        self.methods = methods
        self.part = part

    def apis(self) -> Iterator[Api]:
        """All functions, at most `limit`, each once."""
        usable, left_out = usable_distributions(self.paths, self.wheels)
        first, parts = self.part
        if first == 0:
            for reason, names in left_out.items():
                for name in names:
                    self.drop(reason, name)
        sources = [*usable, *([standard_library()] if self.paths is None else [])]
        places = sorted(((stable_hash(f"{self.seed}/{source.name}"), source) for source in sources), key=itemgetter(0))
        others: list[Api] = []
        for api in in_turn([self._of(source) for place, source in places if place % parts == first]):
            if self.limit is not None and self.kept >= self.limit:
                return
            if is_simple(api):
                self.keep()
                yield api
            else:
                others.append(api)
        for api in others[: None if self.limit is None else self.limit - self.kept]:
            self.keep()
            yield api

    def _of(self, source: Distribution) -> Iterator[Api]:
        modules = dict(self._modules(source))
        packages = {module: file for module, file in modules.items() if file.endswith("/__init__.py")}
        exports, seen = Exports(packages, source.read), set()
        inherited: set[tuple[str, str, str]] = set()
        for module in sorted(modules, key=lambda item: stable_hash(f"{self.seed}/{source.name}/{modules[item]}")):
            where = f"{source.name}/{modules[module]}"
            for name, function in self._functions(source, modules[module], module):
                top, _, method = name.partition(".")
                public = exports.public_name(module, top)
                public = f"{public}.{method}" if public and method else public
                if isinstance(function, str):
                    self.drop(function, f"{where}:{name}")
                elif public is None:
                    self.drop("internal", f"{where}:{name}")
                elif public in seen:
                    self.drop("duplicate_id", f"{where}:{name}")
                elif self.methods and not method and EXCEPTION.fullmatch(top):
                    self.drop("exception", f"{where}:{name}")
                elif self.methods and not method and "self_" in function.parameters["properties"]:
                    self.drop("data_model", f"{where}:{name}")
                elif method and (told := _told(method, function)) in inherited:
                    self.drop("repeated", f"{where}:{name}")
                else:
                    seen.add(public)
                    if method:
                        inherited.add(told)
                    api = api_of(source, public, function)
                    if has_control_tokens(_all_text(api), self.control_tokens):
                        self.drop("control_token", f"{where}:{name}")
                    else:
                        yield api

    def _modules(self, source: Distribution) -> Iterator[tuple[Module, str]]:
        for file in source.files:
            module = module_of(file)
            if module is None:
                continue
            if problem := path_problem(file) or ("not_imported" if self.methods and NOISE.search(file) else None):
                self.drop(problem, f"{source.name}/{file}")
            elif not module[0].startswith("_"):
                yield module, file

    def _functions(self, source: Distribution, file: str, module: Module) -> Iterator[tuple[str, Function | str]]:
        where = f"{source.name}/{file}"
        try:
            if source.size(file) > LONGEST_SOURCE:
                self.drop("too_long", where)
                return
            text = source.read(file)
            if GENERATED.search(text[:1500]):
                self.drop("generated", where)
            else:
                yield from functions_of(text, ".".join(module), Path(file))
                if self.methods:
                    yield from methods_of(text, ".".join(module), Path(file))
        except UnicodeDecodeError:
            self.drop("not_utf8", where)
        except OSError:
            self.drop("unreadable", where)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.drop("not_python", where)


def _told(method: str, function: Function) -> tuple[str, str, str]:
    """What makes a method the same as another one of its distribution."""
    return method.removesuffix("_async"), function.description, ordered_json(function.parameters)


def in_turn(sources: Sequence[Iterator[Api]]) -> Iterator[Api]:
    """One API of every source, then a second of every source, and so on; nothing is read before its turn."""
    left = list(sources)
    while left:
        for source in tuple(left):
            api = next(source, None)
            if api is None:
                left.remove(source)
            else:
                yield api


def api_of(source: Distribution, name: str, function: Function) -> Api:
    """The Api of a function under its public name."""
    top = name.split(".", 1)[0]
    return Api(
        id=f"{source.name}/{top}/{name}",
        provider=source.name,
        service=top,
        version=source.version,
        name=name,
        description=function.description,
        parameters=function.parameters,
        source=source.name,
        license=source.license,
        url=source.url,
        returns=function.returns,
        attribution=source.attribution,
    )


def _all_text(api: Api) -> str:
    return f"{api.description}\n{ordered_json(api.parameters)}\n{ordered_json(api.returns)}"


def is_simple(api: Api) -> bool:
    """Whether every required parameter is text, a number, a switch, a choice or a list of these, and one at all is."""
    properties = api.parameters["properties"]
    required = [properties[name] for name in api.parameters.get("required", [])]
    return all(map(_speakable, required)) and any(map(_speakable, properties.values()))


def _speakable(schema: dict[str, object]) -> bool:
    inner = schema.get("items", {}) if schema.get("type") == "array" else schema
    return isinstance(inner, dict) and ("enum" in inner or inner.get("type") in SPOKEN)


def standard_library() -> Distribution:
    """The running Python's own modules, as files of the source `cpython`."""
    python = cpython()
    root = Path(str(python.root))
    found = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.py"))
    files = tuple(file for file in found if not NOT_LIBRARY.match(file))
    return dataclasses.replace(python, files=files, url="https://docs.python.org/3/library/")
