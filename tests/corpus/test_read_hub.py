"""Datasets of the Hub read from the embedded one, over the real client."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants, errors

from corpus.assemble import rights_marks
from corpus.call_examples import group_of
from corpus.drops import read_counts
from corpus.hub_commits import known_commits, resolve_commits
from corpus.hub_files import HubFiles, hub_errors
from corpus.hub_recipe import asked_entries
from corpus.hub_registry import ENTRIES, UNSTATED, HubEntry
from corpus.licences import consented, is_allowed
from corpus.notices import declared_notices
from corpus.read_hub import HubReader, hub_readers
from corpus.tables import rights_words
from records.calls import render_chat
from records.errors import UserError
from records.recipe import load_recipe
from records.recipe_corpus import SourcesRecipe
from tests.corpus.conftest import GOOD_CODE
from tests.hub.processes import Server

CONTROL = ("<|im_start|>", "<|im_end|>")
TOOL = {"name": "f", "description": "Adds.", "parameters": {"x": {"type": "int", "description": "One."}}}
PAGE = "One may say a thing about functions, and then again another thing about the arguments they take. " * 5


@pytest.fixture(autouse=True)
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the client at the server, with a cache of its own."""
    for name, value in {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token, "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def stored(server: Server, name: str, files: dict[str, bytes]) -> HubEntry:
    """The entry of `name`, in a repository of the embedded Hub that holds these files."""
    api = HfApi(endpoint=server.url, token=server.token)
    repo = api.create_repo(f"local/{name}-{len(api_names(api))}", repo_type="dataset").repo_id
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo, operations, commit_message="add", repo_type="dataset")
    return dataclasses.replace(ENTRIES[name], repo=repo, revision="main")


def api_names(api: HfApi) -> list[str]:
    return [item.id for item in api.list_datasets()]


def xlam_record(number: int, value: Any) -> dict[str, Any]:
    answers = [{"name": "f", "arguments": {"x": value}}]
    return {"id": number, "query": f"Add {value}.", "answers": json.dumps(answers), "tools": json.dumps([TOOL])}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), held, row_group_size=2)
    return held.getvalue()


def read(
    entry: HubEntry, folder: Path, limit: int | None = None, licence: str = ""
) -> tuple[list[Any], dict[str, Any]]:
    """Rows and counts of a run."""
    rows = list(HubReader(entry, CONTROL, folder, limit, licence).run())
    return rows, read_counts(folder / "drops")


def test_calls_become_rows_with_the_commit_they_were_read_at(server: Server, tmp_path: Path) -> None:
    records = [xlam_record(0, 1), xlam_record(1, "one"), xlam_record(2, 3), {"id": 3}]
    records.append({**xlam_record(4, 5), "query": "Say <|im_end|>."})
    entry = stored(server, "xlam", {"xlam_function_calling_60k.json": json.dumps(records).encode()})
    rows, counts = read(entry, tmp_path)
    commit = HfApi(endpoint=server.url, token=server.token).dataset_info(entry.repo).sha
    ((name, found),) = counts.items()
    assert name == f"hub xlam at {commit}" and found["kept"] == 2
    assert {reason: drop["count"] for reason, drop in found["dropped"].items()} == {
        "arguments_break_schema": 1, "bad_tools": 1, "control_token": 1,
    }  # fmt: skip
    row = rows[1].metadata
    assert [item.id.rsplit("/", 1)[1] for item in rows] == ["0.0", "2.0"]
    assert len({group_of(item.id) for item in rows}) == 1  # the same tools: held out together
    assert row["provenance"]["reader"]["commit"] == commit
    assert (row["config"], row["license"], row["source"]) == ("ift", "CC-BY-4.0", entry.repo)
    assert rows[1].text == render_chat(json.loads(row["messages"]), json.loads(row["tools"]))


def test_a_cap_stops_the_reading_and_a_whole_dataset_is_kept_for_reading_offline(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [
        {"text": f"Page {n}. {PAGE}", "id": f"<{n}>", "url": f"https://a.example/{n}", "dump": "d"} for n in range(9)
    ]
    files = {f"sample/10BT/00{part}_00000.parquet": parquet(pages[part * 5 :][:5]) for part in range(2)}
    entry = stored(server, "fineweb", {**files, "data/other.parquet": b"not Parquet"})
    rows, _ = read(entry, tmp_path / "capped", 3)
    assert [row.metadata["url"] for row in rows] == [f"https://a.example/{n}" for n in range(3)]
    assert rows[0].metadata["messages"] is None and rows[0].metadata["license"] == "ODC-By-1.0"
    assert not list(tmp_path.glob("cache/**/*.parquet"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=r"not in the cache.*HF_HUB_OFFLINE"):
        read(entry, tmp_path / "offline")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    whole, _ = read(entry, tmp_path / "whole")
    assert len(whole) == 9
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again, _ = read(entry, tmp_path / "again")
    assert [row.id for row in again] == [row.id for row in whole]
    assert again[0].metadata["provenance"] == whole[0].metadata["provenance"]


def test_source_files_under_other_licences_are_counted(server: Server, tmp_path: Path) -> None:
    shared = {"content": GOOD_CODE, "max_stars_repo_name": "ada/count", "max_stars_repo_path": "count.py"}
    licences: list[list[str]] = [["MIT"], ["GPL-3.0"], ["MIT", "GPL-3.0"], [], ["Apache-2.0"]]
    rows = [{**shared, "hexsha": str(n), "max_stars_repo_licenses": named} for n, named in enumerate(licences)]
    entry = stored(server, "the_stack_dedup", {"data/python/a.parquet": parquet(rows)})
    found, counts = read(entry, tmp_path)
    assert [row.metadata["license"] for row in found] == ["MIT", "Apache-2.0"]
    assert found[0].metadata["attribution"].endswith("; the authors of github.com/ada/count")
    dropped = next(iter(counts.values()))["dropped"]
    assert {reason: drop["count"] for reason, drop in dropped.items()} == {"licence_not_allowed": 2, "no_licence": 1}


def test_records_without_a_licence_need_one_from_the_recipe(server: Server, tmp_path: Path) -> None:
    turns = [{"from": role, "value": role, "loss": False} for role in ("human", "gpt")]
    files = {"data/os-00000-of-00001-a.parquet": parquet([{"conversations": turns, "id": "os_0"}])}
    entry = stored(server, "agentinstruct", files)
    assert read(entry, tmp_path / "silent")[0] == []
    assert [row.metadata["license"] for row in read(entry, tmp_path / "given", licence="MIT")[0]] == ["MIT"]


def test_errors_say_what_to_do(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = dataclasses.replace(ENTRIES["glaive"], repo="local/no-such")
    with pytest.raises(UserError, match=r"local/no-such.*hub\.glaive.*the account of your token"):
        HubFiles(gone, whole=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(UserError, match="there is no token: set HF_TOKEN"):
        HubFiles(gone, whole=False)
    entry = stored(server, "glaive", {"renamed.json": b"[]"})
    with pytest.raises(UserError, match=r"holds no glaive-function-calling-v2\.json: the repository has changed"):
        HubFiles(entry, whole=False)
    with pytest.raises(UserError, match="its history was rewritten"):
        HubFiles(dataclasses.replace(entry, revision="f" * 40), whole=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="lost the Hub while reading"):
        HubFiles(entry, whole=False)
    with pytest.raises(UserError, match=r"is gated: accept its terms at https://.*local/glaive"), hub_errors(entry):
        raise errors.GatedRepoError("no", response=httpx2.Response(403, request=httpx2.Request("GET", server.url)))


@pytest.mark.parametrize(
    ("caps", "accepted", "licences", "said"),
    [
        ({"toolase": 1}, (), {}, "unknown dataset toolase; did you mean toolace?"),
        ({"toolace": -1}, (), {}, "toolace is -1"),
        ({"xlam": 5}, (), {}, "gated.*CC-BY-4.0.*add xlam to corpus.sources.hub_allow"),
        ({"the_stack_v2": 5}, ("the_stack_v2",), {}, "cannot be read.*blob_id"),
        ({}, ("xlum",), {}, "did you mean xlam?"),
        ({}, (), {"toolace": "MIT"}, "states Apache-2.0 itself"),
        ({}, (), {"agentinstruct": "GPL-3.0-only"}, "does not allow passing on"),
    ],
)
def test_a_recipe_is_checked_before_any_work(caps: Any, accepted: Any, licences: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        asked_entries(caps, accepted, licences, frozenset())


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    sources = sources_with(hub={"toolace": 0, "xlam": None, "glaive": 7}, hub_allow=("xlam",))
    readers = hub_readers(sources, CONTROL, tmp_path, {"xlam": "c" * 40})
    assert [(reader.entry.name, reader.limit) for reader in readers] == [("glaive", 7), ("xlam", None)]
    assert [reader.entry.revision for reader in readers] == [ENTRIES["glaive"].revision, "c" * 40]


def sources_with(**keys: Any) -> SourcesRecipe:
    return dataclasses.replace(load_recipe("smoke").corpus.sources, **keys)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
def test_every_entry_that_asks_more_than_notices_states_its_terms(entry: HubEntry) -> None:
    if entry.gated or entry.non_commercial or not is_allowed(entry.license):
        assert entry.terms
    assert entry.source and entry.attribution and (entry.files or entry.unreadable)
    assert entry.license == UNSTATED or "-" in entry.license
    assert entry.revision == "main" or len(bytes.fromhex(entry.revision)) == 20


def test_an_entry_at_main_is_pinned_before_any_work_and_read_anew_when_it_moves(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = stored(server, "xlam", {"xlam_function_calling_60k.json": json.dumps([xlam_record(0, 1)]).encode()})
    monkeypatch.setitem(ENTRIES, "xlam", entry)
    sources = sources_with(hub={"xlam": None, "toolace": 3}, hub_allow=("xlam",))
    first = resolve_commits(sources, tmp_path)
    api = HfApi(endpoint=server.url, token=server.token)
    assert first == {"xlam": api.dataset_info(entry.repo).sha, "toolace": ENTRIES["toolace"].revision}
    content = json.dumps([xlam_record(0, 1), xlam_record(1, 2)]).encode()
    api.upload_file(
        path_or_fileobj=content, path_in_repo="xlam_function_calling_60k.json", repo_id=entry.repo, repo_type="dataset"
    )
    (_, reader) = hub_readers(sources, CONTROL, tmp_path, known_commits(tmp_path))
    assert len(list(reader.run())) == 1, "the commit that was pinned is read, though main has moved"
    second = resolve_commits(sources, tmp_path)
    assert second["xlam"] != first["xlam"] and known_commits(tmp_path) == second
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert resolve_commits(sources, tmp_path) == second
    assert f"going on with commit {second['xlam'][:12]}" in capsys.readouterr().err
    with pytest.raises(UserError, match="lost the Hub"):
        resolve_commits(sources, tmp_path / "elsewhere")


def test_consent_lets_attribution_licences_in_and_nothing_else() -> None:
    given = {"agentinstruct": "CC-BY-4.0"}
    with pytest.raises(UserError, match="does not allow passing on"):
        asked_entries({}, (), given, consented(False))
    assert asked_entries({}, (), given, consented(True)) == []
    for closed in ("CC-BY-NC-4.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "GPL-3.0-only"):
        with pytest.raises(UserError, match="does not allow passing on"):
            asked_entries({}, (), {"agentinstruct": closed}, consented(True))


@pytest.mark.parametrize(
    ("name", "licences", "consent", "marks"),
    [
        ("a", ["MIT"], True, {}), ("a", ["MIT", "CC-BY-4.0"], True, {"attribution": True}),
        ("a", ["MIT", "CC-BY-4.0"], False, {"restricted": True}), ("a", ["CC-BY-NC-4.0"], True, {"restricted": True}),
        ("a", ["MIT OR CC-BY-SA-4.0"], False, {}), ("a", ["MIT AND ODC-By-1.0"], True, {"attribution": True}),
        ("a", ["GPL-2.0-only"], True, {"restricted": True}),
        ("tuandunghcmut/toolbench-v1", ["Apache-2.0"], True, {"restricted": True}),
    ],
)  # fmt: skip
def test_sources_are_marked_by_what_their_licences_ask(name: str, licences: Any, consent: bool, marks: Any) -> None:
    assert rights_marks(name, {licence: {"them"} for licence in licences}, consented(consent)) == marks


def test_notices_of_attribution_hold_credit_address_and_changes() -> None:
    text = declared_notices({"CC-BY-4.0": {"Somebody (their dataset)"}, "MIT": {"Another"}})
    assert "Somebody (their dataset)" in text and "creativecommons.org/licenses/by/4.0/legalcode" in text
    assert "Changes: " in text and "Changes: " not in declared_notices({"MIT": {"Another"}})


def test_what_the_datasheet_says_of_rights() -> None:
    sources = [{"name": "free"}, {"name": "owed", "attribution": True}, {"name": "shut", "restricted": True}]
    said = rights_words({"sources": sources})
    assert "owed ask for credit" in said and "shut ask for more" in said and "free" not in said
    assert rights_words({"sources": sources[:1]}) == "No source asks for more than notices."
