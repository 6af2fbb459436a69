"""Small sources made here: service models, discovery documents, distributions."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest


def string(words: str = "") -> dict[str, Any]:
    """A reference to the String shape."""
    return {"shape": "String", **({"documentation": f"<p>{words}</p>"} if words else {})}


BOXES = {
    "metadata": {"uid": "boxes-2020-01-01"},
    "operations": {
        "PutBox": {
            "name": "PutBox",
            "input": {"shape": "PutBoxRequest"},
            "output": {"shape": "Box"},
            "errors": [{"shape": "BoxExists"}],
            "documentation": "<p>Puts a <b>box</b> &amp; its lid on the shelf.</p>",
        },
        "ListBoxes": {"input": {"shape": "Nothing"}, "documentation": "<p>Lists all the boxes.</p>"},
        "DropBox": {
            "name": "DropBox", "deprecated": True, "input": {"shape": "PutBoxRequest"},
            "documentation": "<p>Drops the box from the shelf.</p>",
        },
        "MoveBox": {"name": "MoveBox", "input": {"shape": "Gone"}, "documentation": "<p>Moves a box over there.</p>"},
        "GetBox": {"name": "GetBox", "input": {"shape": "PutBoxRequest"}, "documentation": "<p>Gets.</p>"},
    },
    "shapes": {
        "String": {"type": "string"},
        "Size": {"type": "integer", "min": 1, "max": 9},
        "Colour": {"type": "string", "enum": ["red", "blue"]},
        "Nothing": {"type": "structure", "members": {}},
        "BoxList": {"type": "list", "member": {"shape": "Box"}},
        "Box": {
            "type": "structure",
            "members": {"Label": string("The label."), "Inside": {"shape": "BoxList"}},
        },
        "PutBoxRequest": {
            "type": "structure",
            "required": ["Label"],
            "members": {
                "Label": string("The label on the box."),
                "Size": {"shape": "Size"},
                "Colour": {"shape": "Colour"},
                "When": {"shape": "Time"},
                "Box": {"shape": "Box"},
            },
        },
        "Time": {"type": "timestamp"},
        "BoxExists": {"type": "structure", "members": {}},
    },
}  # fmt: skip
BOX_EXAMPLES = {
    "version": "1.0",
    "examples": {
        "PutBox": [
            {
                "input": {"Label": "toys", "Size": 3},
                "output": {"Label": "toys"},
                "description": "The following example puts a box of toys on the shelf.",
                "title": "To put a box",
            },
            {"input": {"Weight": 3}, "output": {}, "description": "Puts a heavy box on the shelf, again."},
        ]
    },
}


@pytest.fixture
def botocore_wheel(tmp_path: Path) -> Path:
    """A wheel with two versions of `boxes`, and services that are not JSON, not gzip, and not models."""
    file = tmp_path / "botocore.whl"
    old = {**BOXES, "operations": {"OldBox": BOXES["operations"]["PutBox"]}}
    with zipfile.ZipFile(file, "w") as archive:
        place = "botocore/data/{}/{}/service-2.json.gz"
        archive.writestr(place.format("boxes", "2020-01-01"), gzip.compress(json.dumps(BOXES).encode()))
        archive.writestr(place.format("boxes", "2012-01-01"), gzip.compress(json.dumps(old).encode()))
        archive.writestr(place.format("broken", "2020-01-01"), gzip.compress(b"{not json"))
        archive.writestr(place.format("plain", "2020-01-01"), b"{}")
        archive.writestr(place.format("other", "2020-01-01"), gzip.compress(b'{"operations": []}'))
        archive.writestr("botocore/data/boxes/2020-01-01/examples-1.json", json.dumps(BOX_EXAMPLES))
    return file


@pytest.fixture
def google_wheel(tmp_path: Path) -> Path:
    """A wheel with v1, v2 and v3beta of `shelves`, a part of `admin`, and a file that is not JSON."""
    folder = "googleapiclient/discovery_cache/documents/"
    node = {
        "id": "Node",
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The name."},
            "size": {"type": "integer", "format": "int32", "minimum": "1"},
            "etag": {"type": "string", "readOnly": True},
            "next": {"$ref": "Node"},
        },
    }
    methods = {
        "insert": {
            "id": "shelves.nodes.insert",
            "description": "Inserts a node into the shelf.",
            "parameters": {
                "shelfId": {"type": "string", "required": True, "location": "path", "description": "The shelf."},
                "tags": {"type": "string", "repeated": True, "location": "query"},
            },
            "request": {"$ref": "Node"},
            "response": {"$ref": "Node"},
        },
        "lost": {"id": "shelves.nodes.lost", "description": "Refers to nothing at all.", "request": {"$ref": "No"}},
    }

    def document(version: str) -> str:
        body = {"kind": "discovery#restDescription", "name": "shelves", "version": version, "schemas": {"Node": node}}
        return json.dumps({**body, "resources": {"nodes": {"methods": methods}}})

    file = tmp_path / "google.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for version in ("v1", "v2", "v3beta"):
            archive.writestr(f"{folder}shelves.{version}.json", document(version))
        archive.writestr(f"{folder}admin.directory_v1.json", document("directory_v1"))
        archive.writestr(f"{folder}broken.v1.json", "{")
        archive.writestr(f"{folder}index.json", "{}")
    return file


def add_distribution(folder: Path, name: str, metadata: str, files: dict[str, str | bytes]) -> None:
    """Install a made-up distribution into a folder as pip would leave it."""
    info = f"{name}-1.0.dist-info"
    written = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}", **files}
    for file, text in written.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    record = "".join(f"{file},,\n" for file in [*written, f"{info}/RECORD"])
    (folder / info / "RECORD").write_text(record)


GOOD_CODE = '''"""Counts words."""


def count(texts: list[str]) -> dict[str, int]:
    """Return how often each word occurs in all of the texts together, in no particular order of words at all."""
    counts = {}
    for text in texts:
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
    if not counts:
        raise ValueError("no words")
    return dict(sorted(counts.items()))
'''
README = "# Counter\n\n" + "\n\n".join(
    f"Paragraph {n} says in plain words how to count the words of a text with this package, and why one would." * 2
    for n in range(40)
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of distributions: MIT, GPL, unknown licence, and a BSD one settled by its licence text."""
    folder = tmp_path / "site"
    add_distribution(
        folder, "counter", f"License-Expression: MIT\n\n{README}",
        {
            "counter/__init__.py": GOOD_CODE,
            "counter/table.py": "TABLE = [\n" + "    1234567, 2345678,\n" * 60 + "]\n",
            "counter/made.py": "# Generated by a tool. Do not edit.\n" + GOOD_CODE,
            "counter/latin.py": GOOD_CODE.encode() + b"# \xe9\n",
            "counter/turns.py": GOOD_CODE + "MARK = '<|im_start|>'\n",
            "counter/_vendor/other.py": GOOD_CODE,
            "counter/tests/test_count.py": GOOD_CODE,
            "counter-1.0.dist-info/LICENSE": "MIT License\n\nCopyright (c) 2020 Ada Count\n\nPermission is hereby ...",
        },
    )  # fmt: skip
    add_distribution(folder, "copyleft", "License: GPL-3.0-or-later\n\n", {"copyleft/__init__.py": GOOD_CODE})
    add_distribution(folder, "silent", "Summary: says nothing\n\n", {"silent/__init__.py": GOOD_CODE})
    two = "Redistribution and use in source and binary forms, with or without modification, are permitted"
    add_distribution(
        folder, "free", "Classifier: License :: OSI Approved :: BSD License\n\n",
        {"free/__init__.py": GOOD_CODE, "free-1.0.dist-info/LICENSE.txt": two},
    )  # fmt: skip
    return folder
