"""Python functions as APIs, read from made-up source files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from corpus.api import Api
from corpus.plain_text import plain_restructured_text
from corpus.python_exports import Exports, module_of
from corpus.python_functions import Function, functions_of
from corpus.python_types import type_schema
from corpus.read_apis import attribution_of
from corpus.read_python import PythonReader, is_simple, standard_library
from corpus.render_api import FORMS, render
from tests.corpus.conftest import add_distribution

CONTROL = ("<|im_start|>",)
NUMBERS = {"type": "array", "items": {"type": "number"}}
GRID = {"type": "array", "items": NUMBERS}
TEXTS = {"type": "array", "items": {"type": "string"}}

NUMPY = '''
def trim_mean(a, cut=0.1, method="sort", *, axis=0, exact=False, limits=None, best=math.inf, **options):
    """
    Return the mean of a list after
    leaving out the ends.

    It is like :func:`~pack.mean`, see ``mean``.

    Parameters
    ----------
    a : array_like, shape (n,)
        The data.
    cut : float, optional
        Share that is left out.
    method : {'sort', 'select'}, default 'sort'
        How.
    axis, best : int or None
        The axis.
    exact: bool, default=False

    Returns
    -------
    mean : float
        The trimmed mean.

    Examples
    --------
    >>> trim_mean([1])
    """
'''
GOOGLE = '''
def rescale(image, sizes=(1, 2), mode="near", scale: "int | None" = None):
    """Rescale an image to one of several sizes.

    Args:
        image (`list[list[float]]`): The rows of
            the image.
        sizes (sequence of int, *optional*, defaults to (1, 2)): Sizes to take.
        mode (Literal["near", "far"]):
            What to take.

    Returns:
        str: Where it is.
    """
'''
SPHINX = '''
async def distance(left, right, cost=1, swap=False):
    """Count the edits between two strings, e.g.::

        distance("a", "b")

    :param left, right: The strings.
    :type left: str
    :type right: str
    :param int cost: Cost of an edit,
        at least one.
    :param swap: Whether to swap.
    :type swap: bool
    :return: How many.
    :rtype: float
    """
'''
PLAIN = '''
def repeat(cls, words: list[str], times: int, apart: typing.Literal["a", "b"] = "a", *args: int) -> str:
    """Repeat all the words."""
'''
LEFT_OUT = '''
def _hidden(a: int):
    """Adds up the numbers."""
def brief(a: int):
    """Adds."""
def bare(a, b=2):
    """Adds up the numbers."""
def none():
    """Adds up no numbers."""
def old(a: int):
    """Adds up the numbers.

    .. deprecated:: 1.2
    """
@deprecated("gone")
def older(a: int):
    """Adds up the numbers."""
def made(a: int):
    """Adds %(what)s to the numbers."""
class Adder:
    def add(self, a: int):
        """Adds up the numbers."""
'''


def read(source: str) -> dict[str, Function | str]:
    return dict(functions_of(source, "pack", Path("pack.py")))


def only(source: str) -> Function:
    (function,) = read(source).values()
    assert isinstance(function, Function)
    Draft202012Validator.check_schema(function.parameters)
    return function


def test_numpydoc() -> None:
    function = only(NUMPY)
    assert function.description == (
        "Return the mean of a list after leaving out the ends.\nIt is like mean, see `mean`."
    )
    parts = function.parameters["properties"]
    assert list(parts) == ["a", "cut", "method", "axis", "exact", "limits", "best"], "no **options"
    assert function.parameters["required"] == ["a"]
    assert parts["a"] == {**NUMBERS, "description": "The data."}
    assert parts["cut"] == {"type": "number", "description": "Share that is left out.", "default": 0.1}
    assert parts["method"]["enum"] == ["sort", "select"] and parts["method"]["default"] == "sort"
    assert parts["axis"] == {"type": "integer", "description": "The axis.", "default": 0}
    assert parts["exact"] == {"type": "boolean", "default": False}
    assert parts["limits"] == {} and "default" not in parts["best"]
    assert function.returns == {"type": "number", "description": "The trimmed mean."}


def test_google() -> None:
    function = only(GOOGLE)
    parts = function.parameters["properties"]
    assert function.description == "Rescale an image to one of several sizes."
    assert parts["image"] == {**GRID, "description": "The rows of the image."}
    assert parts["sizes"] == {
        "type": "array", "items": {"type": "integer"}, "description": "Sizes to take.", "default": [1, 2],
    }  # fmt: skip
    assert parts["mode"]["enum"] == ["near", "far"] and parts["mode"]["description"] == "What to take."
    assert parts["scale"] == {"type": "integer"}, "from the annotation; no default null"
    assert function.returns == {"type": "string", "description": "Where it is."}


def test_sphinx() -> None:
    function = only(SPHINX)
    parts = function.parameters["properties"]
    assert function.description == "Count the edits between two strings, e.g."
    assert parts["left"] == parts["right"] == {"type": "string", "description": "The strings."}
    assert parts["cost"] == {"type": "integer", "description": "Cost of an edit, at least one.", "default": 1}
    assert parts["swap"] == {"type": "boolean", "description": "Whether to swap.", "default": False}
    assert function.returns == {"type": "number", "description": "How many."}


def test_annotations_alone() -> None:
    function = only(PLAIN)
    choice = {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert function.parameters["properties"] == {"words": TEXTS, "times": {"type": "integer"}, "apart": choice}
    assert function.parameters["required"] == ["words", "times"] and function.returns == {"type": "string"}


def test_what_is_no_api_is_named() -> None:
    assert read(LEFT_OUT) == {
        "brief": "no_description", "bare": "undocumented_parameters", "none": "no_parameters", "old": "deprecated",
        "older": "deprecated", "made": "template",
    }  # fmt: skip
    assert read("__all__ = ['other']\n" + PLAIN) == {"repeat": "not_exported"}
    assert isinstance(read("__all__ = [n for n in dir() if n[0] != '_']\n" + PLAIN)["repeat"], Function)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("int", {"type": "integer"}),
        ("float, optional", {"type": "number"}),
        ("`bool`, *optional*, defaults to `False`", {"type": "boolean"}),
        (":class:`str`", {"type": "string"}),
        ("int or None", {"type": "integer"}),
        ("Optional[Union[int, float]]", {"type": "number"}),
        ("positive int", {"type": "integer", "minimum": 1}),
        ("array_like", NUMBERS),
        ("1-D array_like of floats", NUMBERS),
        ("ndarray of shape (n,)", NUMBERS),
        ("array-like of shape (n_samples,) or (n_samples, n_outputs)", NUMBERS),
        ("{array-like, sparse matrix} of shape (n_samples, n_features)", GRID),
        ("(M, N) ndarray", GRID),
        ("np.ndarray", NUMBERS),
        ("list of float", NUMBERS),
        ("sequence of str", TEXTS),
        ("list(str)", TEXTS),
        ("List[List[float]]", GRID),
        ("tuple of (float, float)", NUMBERS),
        ("tuple[float, ...]", NUMBERS),
        ("(float, str)", {}),
        ("boolean array", {"type": "array", "items": {"type": "boolean"}}),
        ("{'a', 'b'}", {"type": "string", "enum": ["a", "b"]}),
        ("str, {'a', 'b', None}, default='a'", {"type": "string", "enum": ["a", "b"]}),
        ("'a' or 'b'", {"type": "string", "enum": ["a", "b"]}),
        ("{0, 1, 'index'}", {"enum": [0, 1, "index"]}),
        ("dict[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("float or array_like", {"type": "number"}),
        ("str or path-like", {"type": "string"}),
        ("int, RandomState instance or None", {"type": "integer"}),
        ("bool or str", {}),
        ("callable", {}),
        ("T", {}),
        ("", {}),
    ],
)
def test_types_in_words(text: str, schema: dict) -> None:
    assert type_schema(text) == schema


@pytest.fixture
def library(tmp_path: Path) -> list[str]:
    """Two MIT distributions, one of them with much that cannot be read, and one under the GPL."""
    folder = tmp_path / "site"
    add_distribution(
        folder, "stats", "License: MIT\n\n",
        {
            "stats/__init__.py": "from ._mean import trim_mean\nfrom .text import *\n",
            "stats/_mean.py": NUMPY + PLAIN,
            "stats/text/__init__.py": "from .edits import distance\n",
            "stats/text/edits.py": SPHINX,
            "stats/copies.py": "raise SystemExit('imported')\n" + PLAIN + LEFT_OUT,
            "stats/graphs.py": 'def order(graph):\n    """Order the nodes now.\n\n    :param graph: Nodes.\n    """\n',
            "stats/broken.py": 'def add(a: int, =):\n    """Adds up the numbers."""\n',
            "stats/latin.py": b'def add(a: int):\n    """Adds \xe9 to numbers."""\n',
            "stats/turn.py": 'def add(a: int):\n    """Adds <|im_start|> to numbers."""\n',
            "stats/tests/test_it.py": PLAIN,
            "stats/_vendor/other.py": PLAIN,
            "stats-1.0.dist-info/LICENSE": "MIT License\n\nCopyright (c) 2020 Ada Mean\n",
        },
    )  # fmt: skip
    add_distribution(folder, "images", "License-Expression: ISC\n\n", {"images.py": GOOGLE + PLAIN})
    add_distribution(folder, "copyleft", "License: GPL-3.0-or-later\n\n", {"copyleft.py": PLAIN})
    return [str(folder)]


def reader(library: list[str], folder: Path, limit: int | None = None) -> PythonReader:
    return PythonReader(CONTROL, folder, limit, 1, library)


def test_distributions_become_apis(library: list[str], tmp_path: Path) -> None:
    block = reader(library, tmp_path / "work")
    rows = {row.id: row.metadata for row in block.run()}
    assert set(rows) == {
        "stats/stats/stats.trim_mean", "stats/stats/stats.distance", "stats/stats/stats.copies.repeat",
        "stats/stats/stats.graphs.order", "images/images/images.rescale", "images/images/images.repeat",
    }  # fmt: skip
    assert {reason: found["count"] for reason, found in block.dropped.items()} == {
        "license_not_allowed": 1, "test_file": 1, "vendored": 1, "not_python": 1, "not_utf8": 1, "control_token": 1,
        "internal": 1, "no_description": 1, "undocumented_parameters": 1, "no_parameters": 1, "deprecated": 2,
        "template": 1,
    }  # fmt: skip
    assert block.dropped["not_python"]["example"] == "stats/stats/broken.py"
    row = rows["stats/stats/stats.trim_mean"]
    assert row["license"] == "MIT" and row["attribution"] == "Copyright (c) 2020 Ada Mean (stats)"
    apis = [Api(**json.loads(line)) for line in (tmp_path / "work/apis/00000.jsonl").read_text().splitlines()]
    api = next(api for api in apis if api.name == "stats.distance")
    assert (api.provider, api.service, api.version, api.source) == ("stats", "stats", "1.0", "stats")
    assert attribution_of(api) == row["attribution"]
    assert [is_simple(api) for api in apis] == [True] * 4 + [False] * 2, "what takes more than plain values comes last"
    assert {api.name for api in apis[4:]} == {"stats.graphs.order", "images.rescale"}, "a graph, and rows of numbers"


def test_a_cap_takes_distributions_in_turn_and_repeats(library: list[str], tmp_path: Path) -> None:
    runs = [[api.id for api in reader(library, tmp_path / str(n), 2).apis()] for n in range(2)]
    assert runs[0] == runs[1] and {name.split("/")[0] for name in runs[0]} == {"stats", "images"}
    whole = [[api.id for api in reader(library, tmp_path / f"all{n}").apis()] for n in range(2)]
    assert whole[0] == whole[1] and whole[0][:2] == runs[0]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_well(library: list[str], tmp_path: Path, form: str) -> None:
    api = next(api for api in reader(library, tmp_path / "work").apis() if api.name == "stats.trim_mean")
    text = render(api, form)
    assert "trim" in text and "method" in text and "Share that is left out." in text
    assert form != "signature" or ("cut: float = 0.1," in text and ") -> float:" in text)
    assert form != "markdown" or ("Python library stats (version 1.0)" in text and "number: The trimmed mean." in text)


def test_public_names_follow_imports() -> None:
    texts = {
        "p/__init__.py": "from .a import *\nfrom p._c import f as g, h\n",
        "p/a/__init__.py": "from ._b import f\n",
        "p/bad/__init__.py": "from (",
    }
    exports = Exports({module_of(file): file for file in texts}, texts.__getitem__)
    assert exports.public_name(("p", "a", "_b"), "f") == "p.f"
    assert exports.public_name(("p", "a", "_b"), "other") is None
    assert exports.public_name(("p", "_c"), "h") == "p.h" and exports.public_name(("p", "_c"), "f") is None
    assert exports.public_name(("p", "bad", "x"), "f") == "p.bad.x.f"
    assert module_of("p/a-b.py") is None and module_of("p/a.txt") is None


def test_docstring_markup_becomes_plain_text() -> None:
    markup = (
        "Give `x` to :meth:`~a.b.C.run` now.\n\n.. note::\n   Not\n   this.\n\n- one\n\nIt is\n\n.. math:: x\n\nend"
    )
    assert plain_restructured_text(markup) == "Give `x` to run now."
    assert plain_restructured_text("One\nline.\n\n* a\n  b\n* c") == "One line.\n* a b\n* c"


def test_the_standard_library_is_a_source_without_its_tests() -> None:
    library = standard_library()
    assert library.name == "cpython" and {"ipaddress.py", "json/__init__.py"} <= set(library.files)
    assert not any(file.startswith(("test/", "site-packages/", "idlelib/", "_")) for file in library.files)
