"""What is uploaded: complete, pinned, described."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from huggingface_hub import metadata_load

from spaces.assembly import ROOT

SOURCE = ROOT / "spaces" / "function_calling"


def test_vendored_files_are_the_records_of_this_checkout(space: Path) -> None:
    for name in ("calls.py", "chat_template.jinja"):
        assert (space / name).read_bytes() == (ROOT / "records" / name).read_bytes()
        assert not (SOURCE / name).exists(), "vendored by publishing, never committed twice"


def test_the_space_imports_only_itself_and_its_requirements(space: Path) -> None:
    own = {file.stem for file in space.glob("*.py")}
    pinned = {line.split("==")[0] for line in (space / "requirements.txt").read_text().split()}
    allowed = own | pinned | {"yaml"} | set(sys.stdlib_module_names)
    for file in space.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= allowed, file.name


def test_the_pins_are_exact_and_those_of_this_checkout(space: Path) -> None:
    for line in (space / "requirements.txt").read_text().split():
        name, pin = line.split("==")
        assert version(name).split("+")[0] == pin


def test_the_front_matter_has_what_the_hub_reads() -> None:
    card = metadata_load(SOURCE / "README.md")
    assert card is not None
    assert card["sdk"] == "gradio" and card["sdk_version"] == version("gradio")
    assert card["python_version"] == "3.11" and card["license"] == "apache-2.0"
    assert (SOURCE / card["app_file"]).is_file()
    assert card["title"] and card["emoji"] and card["models"] and card["datasets"] and card["tags"]
    assert {card["colorFrom"], card["colorTo"]} <= set("red yellow green blue indigo purple pink gray".split())
    assert card["pinned"] is False and len(card["short_description"]) <= 60


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("models: [owner/model]", "owner/model"),
        ("models: [bare]", None),
        ("title: x", None),
    ],
)
def test_the_default_model_is_the_one_of_the_front_matter(
    space: Path, tmp_path: Path, models: str, expected: str | None
) -> None:
    from app import default_model

    readme = tmp_path / "README.md"
    readme.write_text(f"---\n{models}\n---\n")
    assert default_model(readme) == expected
