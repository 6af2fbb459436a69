"""What is checked before the first byte goes out: limits, cards, base licences, secrets, licences of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hub.base_licences import check_duties, duties
from hub.card_fields import check_cards
from hub.limits import FILES_PER_FOLDER, check_limits
from hub.plan import Plan, PlannedFile, PlannedRepo
from hub.row_licences import check_row_licences
from hub.secret_scan import check_secrets, scan_file
from records.errors import UserError

NONE = "0" * 64
# Put together here, so that no scanner takes this file for a leak.
TOKEN = "hf_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0fRuL"
SECRETS = {
    "Hugging Face token": TOKEN,
    "AWS access key": "AKIA" + "QZ7XW3RT9PLMK2VB",
    "AWS secret key": "aws_secret_access_key = " + "wJ4lrXUtnF3MI7K8DENGbPxRfiCYzQ9vTs2HaLmN"[:40],
    "GitHub token": "ghp_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0fRuLq7",
    "Google API key": "AIza" + "SyB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0fRuL",
    "Slack token": "xoxb-" + "730192846571-aB3dE5gH7jK9mN1pQ2sT4vW6",
    "npm token": "npm_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0fRuLq7",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEAx7v9Qz3LkPz0mN8bVcXsWqErTyUiOpAsDfGh\n",
}
EXAMPLES = [
    "AKIAIOSFODNN7EXAMPLE",
    "hf_" + "x" * 34,
    "hf_hub_download_and_cache_the_whole_repository_at_once",
    "ghp_" + "0" * 36,
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "sk-learn-contrib-and-a-very-long-name-that-is-no-key-at-all",
]


def repo(
    kind: str = "model", name: str = "me/thing", paths: tuple[str, ...] = ("README.md",), size: int = 1
) -> PlannedRepo:
    files = tuple(PlannedFile(path, Path("/nowhere"), size, NONE) for path in paths)
    return PlannedRepo(kind, name, True, files, "v0.1.0")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (repo(name="me/a--b"), "no repository name"),
        (repo(name="me/" + "x" * 97), "no repository name"),
        (repo(name="me/thing.git"), "no repository name"),
        (replace(repo(), tag="0.1"), "release.version '0.1'"),
        (repo(paths=tuple(f"d/{number}" for number in range(FILES_PER_FOLDER))), "folder d would hold 10,000 files"),
        (repo(paths=tuple(f"{number % 9}/{number}" for number in range(1001))), "larger shards"),
        (repo(size=201 * 10**9), "201 GB"),
        (repo(paths=("a/../b",)), "no path that the Hub takes"),
        (repo(paths=("x" * 256,)), "no path that the Hub takes"),
        (repo(paths=(".gitattributes",)), "the Hub's own"),
    ],
)
def test_limits(bad: PlannedRepo, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_limits(Plan((bad,)))


def test_what_fits_passes_and_two_of_a_name_do_not() -> None:
    check_limits(Plan((repo(paths=("README.md", "data/a.parquet"), size=10**11), repo(kind="dataset"))))
    with pytest.raises(UserError, match="2 repositories"):
        check_limits(Plan((repo(), repo(name="me/Thing"))))


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("way", ["text", "table"])
def test_secrets_are_found_with_file_and_line(kind: str, way: str, tmp_path: Path) -> None:
    secret = SECRETS[kind]
    if way == "text":
        file, where = tmp_path / "notes.md", "notes.md, line 3"
        file.write_text(f"one\ntwo\nkey: {secret}\n")
    else:
        file, where = tmp_path / "a.parquet", "a.parquet, row 301, column text"
        rows = ["plain words"] * 301 + [f"see {secret}"] + ["more"] * 50
        pq.write_table(pa.table({"text": rows, "number": range(len(rows))}), file)
    (found,) = scan_file(file, file.name)
    assert found.kind == kind and found.where.endswith(where)
    plan = Plan((replace(repo(), files=(PlannedFile(file.name, file, 1, NONE),)),))
    with pytest.raises(UserError, match=f"{kind} .{found.fingerprint}") as refused:
        check_secrets(plan, ())
    assert secret not in str(refused.value)
    check_secrets(plan, (found.fingerprint,))


def test_documented_examples_are_no_secrets(tmp_path: Path) -> None:
    file = tmp_path / "docs.txt"
    file.write_text("\n".join(EXAMPLES))
    assert not list(scan_file(file, file.name))
    (tmp_path / "model.safetensors").write_text(TOKEN)
    assert not list(scan_file(tmp_path / "model.safetensors", "model.safetensors"))


def card(folder: Path, kind: str, **changes: object) -> Plan:
    values: dict[str, object] = {
        "dataset": {
            **{"license": "mit", "language": ["en"], "pretty_name": "x", "size_categories": ["n<1K"], "tags": ["a"]},
            **{
                "task_categories": ["text-generation"],
                "annotations_creators": ["found"],
                "language_creators": ["found"],
            },
            **{"source_datasets": ["original"], "dataset_info": [{"config_name": "a"}]},
            "configs": [{"config_name": "a", "data_files": [{"split": "train", "path": "data/a/train-*.parquet"}]}],
        },
        "space": {
            **{"title": "x", "emoji": "🔨", "colorFrom": "green", "colorTo": "gray", "sdk": "gradio", "license": "mit"},
            **{"sdk_version": "6.31.0", "app_file": "app.py", "short_description": "x", "models": ["a/b"]},
            "datasets": ["a/c"],
        },
        "model": {
            **{
                "license": "mit",
                "language": ["en"],
                "library_name": "transformers",
                "base_model": "a/b",
                "tags": ["a"],
            },
            **{"pipeline_tag": "text-generation", "datasets": ["a/c"]},
        },
    }[kind]
    head = {name: value for name, value in {**values, **changes}.items() if value is not None}  # type: ignore[dict-item]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(head, allow_unicode=True)}---\n\n# x\n")
    paths = {"dataset": "data/a/train-00000.parquet", "space": "app.py", "model": "model.safetensors"}
    files = [PlannedFile("README.md", folder / "README.md", 1, NONE), PlannedFile(paths[kind], folder / "x", 1, NONE)]
    return Plan((replace(repo(kind), files=tuple(files)),))


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("dataset", {"dataset_info": None}, "dataset_info is missing"),
        ("dataset", {"license": "my-own"}, "none that the Hub knows"),
        ("dataset", {"license": "other"}, "needs license_name"),
        ("dataset", {"size_categories": ["huge"]}, "size 'huge'"),
        ("dataset", {"dataset_info": [{"config_name": "b"}]}, "dataset_info lacks config a"),
        ("dataset", {"configs": [{"config_name": "a", "data_files": [{"path": "data/b/*"}]}]}, "no file fits data/b/"),
        ("space", {"colorTo": "mauve"}, "colorTo must be one of"),
        ("space", {"short_description": "x" * 61}, "longer than 60"),
        ("space", {"app_file": "main.py"}, "app_file main.py"),
        ("space", {"emoji": "hammer"}, "emoji"),
        ("space", {"sdk_version": 6.3}, "sdk_version"),
        ("model", {"base_model": None}, "base_model is missing"),
        ("model", {"tags": [1]}, "tag 1 must be text"),
        ("model", {"datasets": {"a": 1}}, "datasets must be a list"),
    ],
)
def test_card_fields(kind: str, changes: dict[str, object], words: str, tmp_path: Path) -> None:
    check_cards(card(tmp_path / "good", kind))
    with pytest.raises(UserError, match=words):
        check_cards(card(tmp_path / "bad", kind, **changes))


def licensed(folder: Path, name: str, text: str, notice: bool) -> Plan:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(text)
    paths = ["README.md", *(["NOTICE"] if notice else [])]
    return Plan((replace(repo(name=name), files=tuple(PlannedFile(p, folder / p, 1, NONE) for p in paths)),))


def test_names_that_a_base_licence_demands(tmp_path: Path) -> None:
    base = "meta-llama/Meta-Llama-3-8B"
    good = licensed(tmp_path / "a", "me/Llama-3-hephaestus-8b-ift", "# x\n\n**Built with Meta Llama 3**\n", True)
    check_duties(good, "llama3", base)
    for bad, words in (
        (licensed(tmp_path / "b", "me/hephaestus-8b-ift", "Built with Meta Llama 3", True), "model_prefix: Llama-3-"),
        (licensed(tmp_path / "c", "me/Llama-3-x", "made with it", True), "lacks 'Built with Meta Llama 3'"),
        (licensed(tmp_path / "d", "me/Llama-3-x", "Built with Meta Llama 3", False), "lacks the file NOTICE"),
    ):
        with pytest.raises(UserError, match=words):
            check_duties(bad, "llama3", base)
    with pytest.raises(UserError, match=r"records say apache-2.0"):
        check_duties(good, "apache-2.0", base)
    check_duties(licensed(tmp_path / "e", "me/hephaestus-135m-ift", "x", False), "apache-2.0", "HuggingFaceTB/SmolLM2")
    later, gemma = duties("llama3.1", "meta-llama/Llama-3.1-8B"), duties("gemma", "google/gemma-2-2b")
    assert later is not None and (later.name_start, later.notice) == ("Llama", "Built with Llama")
    assert gemma is not None and gemma.name_start is None and "Gemma Terms of Use" in str(gemma.notice_file)


def test_rows_need_a_licence(tmp_path: Path) -> None:
    file = tmp_path / "data" / "code" / "train-0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["a", "b"], "license": ["MIT", "Apache-2.0"]}), file)
    check_row_licences(tmp_path)
    pq.write_table(pa.table({"text": ["a", "b", "c"], "license": ["MIT", None, "unknown"]}), file)
    with pytest.raises(UserError, match=r"train-0.parquet: 2 rows have no known licence, row 1"):
        check_row_licences(tmp_path)
    pq.write_table(pa.table({"text": ["a"]}), file)
    with pytest.raises(UserError, match="no column license"):
        check_row_licences(tmp_path)
