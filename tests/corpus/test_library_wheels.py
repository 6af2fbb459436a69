"""Distributions in wheels: read packed, with their licences; classes as APIs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from corpus.distributions import usable_distributions
from corpus.python_classes import methods_of
from corpus.read_code import CodeReader
from corpus.read_python import PythonReader
from corpus.read_text import TextReader
from tests.corpus.conftest import GOOD_CODE, README, add_distribution

CLASSES = '''"""Boxes."""
import abc


def helper(a):
    class Inner:
        def hidden(self, a: int):
            """Hides what is in the box."""


class Box(abc.ABC):
    """A box that keeps things dry.

    Args:
        size (int): Litres that it holds.
        colour: One of the colours, for example red.
    """

    shelf = {"a": 1,
    }

    def __init__(self, size, colour="red"):
        self.size = size

    @property
    def full(self):
        """Whether the box is full of things."""

    @classmethod
    def made_of(
        cls,
        wood: str,
    ) -> "Box":
        """Make a box of wood.

        :param wood: Kind of wood.
        """

    def put(self, thing: str, times: int = 1) -> bool:
        """Put a thing into the box, perhaps several times."""
        def inner(a: int):
            """Counts the things in the box."""

    def _secret(self, a: int):
        """Nobody may call this one."""

    def empty(self):
        """Take everything out of the box."""


class _Hidden:
    """A class for this module alone."""

    def __init__(self, a: int):
        """Make one of them, please."""


VALUE = 1


def after(a: int):
    """Runs after all the classes."""
'''


@pytest.fixture
def wheel(site: Path, tmp_path: Path) -> str:
    """The distribution `counter` of `site`, and a module of classes, as a wheel."""
    folder = tmp_path / "packed"
    add_distribution(folder, "boxes", f"License-Expression: MIT\n\n{README}", {
        "boxes/__init__.py": "from boxes._made import Box\n",
        "boxes/_made.py": CLASSES,
        "boxes/count.py": GOOD_CODE,
        "boxes-1.0.dist-info/licenses/LICENSE": "MIT License\n\nCopyright (c) 2021 Box Makers\n",
    })  # fmt: skip
    file = tmp_path / "boxes-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.rglob("*")):
            if part.is_file():
                archive.write(part, part.relative_to(folder).as_posix())
    return str(file)


def test_classes_give_constructors_and_public_methods() -> None:
    found = dict(methods_of(CLASSES, "boxes._made", Path("boxes/_made.py")))
    assert list(found) == ["Box", "Box.made_of", "Box.put", "Box.empty"]
    assert found["Box.empty"] == "no_parameters"
    box = found["Box"]
    assert not isinstance(box, str) and box.description == "A box that keeps things dry."
    assert box.parameters["required"] == ["size"] and box.parameters["properties"]["size"]["type"] == "integer"
    assert box.parameters["properties"]["colour"]["default"] == "red"
    put = found["Box.put"]
    assert not isinstance(put, str) and set(put.parameters["properties"]) == {"thing", "times"}


def test_what_is_said_in_init_counts_too() -> None:
    said = 'class Lid:\n    """Closes a box for good."""\n    def __init__(self, size):\n        """\n        Args:\n            size (int): Its width.\n        """\n'  # noqa: E501
    lid = dict(methods_of(said, "lids", Path("lids.py")))["Lid"]
    assert not isinstance(lid, str) and lid.description == "Closes a box for good."
    assert lid.parameters["properties"]["size"] == {"type": "integer", "description": "Its width."}


def test_a_wheel_is_read_like_an_installed_distribution(wheel: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    apis = list(PythonReader((), work, None, 1, [], [wheel], methods=True).apis())
    assert {api.name for api in apis} == {"boxes.Box", "boxes.Box.made_of", "boxes.Box.put", "boxes.count.count"}
    assert all(api.license == "MIT" and api.attribution == "Copyright (c) 2021 Box Makers (boxes)" for api in apis)
    assert {api.name for api in PythonReader((), work, None, 1, [], [wheel]).apis()} == {"boxes.count.count"}
    code = list(CodeReader((), work, None, 1, [], [wheel]).run())
    assert {row.id for row in code} == {"boxes/boxes/_made.py", "boxes/boxes/count.py"}
    assert any(row.id.startswith("boxes/README") for row in TextReader((), work, None, 1, [], [wheel]).run())


def test_an_installed_distribution_comes_before_its_wheel(wheel: str, tmp_path: Path) -> None:
    add_distribution(tmp_path / "new", "boxes", "License-Expression: 0BSD\n\n", {"boxes/__init__.py": GOOD_CODE})
    usable, _ = usable_distributions([str(tmp_path / "new")], [wheel])
    assert [(item.name, item.license) for item in usable] == [("boxes", "0BSD")]


def test_parts_together_are_the_whole(site: Path, wheel: str, tmp_path: Path) -> None:
    def names(part: tuple[int, int]) -> list[str]:
        return [api.id for api in PythonReader((), tmp_path, None, 1, [str(site)], [wheel], part=part).apis()]

    parts = [names((number, 3)) for number in range(3)]
    assert sorted(name for part in parts for name in part) == sorted(names((0, 1)))
    assert len([part for part in parts if part]) > 1
    # One more installed between two tasks moves no other from task to task.
    add_distribution(site, "aardvark", "License-Expression: MIT\n\n", {"aardvark/__init__.py": GOOD_CODE})
    assert all(set(names((number, 3))) >= set(part) for number, part in enumerate(parts))


def test_a_damaged_file_in_a_wheel_is_counted(wheel: str, tmp_path: Path) -> None:
    content = bytearray(Path(wheel).read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        start = archive.getinfo("boxes/count.py").header_offset + 30 + len("boxes/count.py")
    content[start + 5 : start + 40] = b"\xff" * 35
    Path(wheel).write_bytes(content)
    block = CodeReader((), tmp_path / "work", None, 1, [], [wheel])
    assert [row.id for row in block.run()] == ["boxes/boxes/_made.py"]
    assert block.dropped["unreadable"]["example"] == "boxes/boxes/count.py"


def test_classes_are_found_however_they_are_laid_out() -> None:
    said = "Put a thing into the box."
    two = f'class Box:\n  """Keeps things dry."""\n\n  def put(self, thing: str):\n    """{said}"""\n'
    line = f'class Lid:\n    def __init__(self, a: int): self.a = a\n    def put(self, thing: str): "{said}"\n'
    value = 'TEXT = """\nif it stands at the margin\n"""'
    under = f'class Bin:\n    {value}\n    def put(self, thing: str):\n        """{said}"""\n'
    for name, source in {"Box": two, "Lid": line, "Bin": under}.items():
        found = dict(methods_of(source, "boxes", Path("boxes.py")))
        put = found[f"{name}.put"]
        assert not isinstance(put, str) and put.description == said


NOISY = """
class Base:
    def fit(self, samples: int):
        \"\"\"Fit the model to some samples.\"\"\"

class Line(Base):
    def fit(self, samples: int):
        \"\"\"Fit the model to some samples.\"\"\"

class BadLine(Base):
    def fit(self, samples: int):
        \"\"\"Fit the model to bad samples.\"\"\"

class FitError(Exception):
    \"\"\"Says that nothing could be fitted.\"\"\"
    def __init__(self, why: str):
        ...

class Client:
    def delete_line(self, name: str):
        \"\"\"Delete a line by its name.\"\"\"

    async def delete_line_async(self, name: str):
        \"\"\"Delete a line by its name.\"\"\"

class LineReply:
    \"\"\"What the service says of a line.\"\"\"
    def __init__(self_, name: str):
        ...
"""


def test_repetitions_exceptions_and_files_that_nobody_imports_are_counted(tmp_path: Path) -> None:
    source = {f"lines/{place}models.py": NOISY for place in ("", "src/", "scripts/", "build/lib/")}
    add_distribution(tmp_path / "site", "lines", "License-Expression: MIT\n\n", {"lines/__init__.py": "", **source})
    reader = PythonReader((), tmp_path / "work", None, 1, [str(tmp_path / "site")], methods=True)
    assert {api.description for api in reader.apis()} == {
        "Fit the model to some samples.",
        "Fit the model to bad samples.",
        "Delete a line by its name.",
    }
    counts = {reason: found["count"] for reason, found in reader.dropped.items()}
    assert counts.pop("not_imported") == 3
    assert (counts["repeated"], counts["exception"], counts["data_model"]) == (2, 1, 1)


def test_a_torn_wheel_is_counted(wheel: str, tmp_path: Path) -> None:
    torn = tmp_path / "torn-1.0-py3-none-any.whl"
    torn.write_bytes(Path(wheel).read_bytes()[:2000])
    usable, left_out = usable_distributions([], [wheel, str(torn)])
    assert [item.name for item in usable] == ["boxes"]
    assert left_out["corrupt_archive"] == [torn.name]
