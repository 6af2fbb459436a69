"""The web pages: cards without scripts, first rows of datasets, and what cannot be shown."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hub.local.markdown import card_html
from tests.hub.processes import Server
from tests.hub.test_server import api, repo, request  # noqa: F401

CARD = """---
license: mit
pretty_name: <img src=x onerror=alert(1)>
configs:
- config_name: calls
  data_files:
  - {split: train, path: data/calls/train-*.parquet}
  - {split: test, path: data/calls/test-*.parquet}
- config_name: broken
  data_files: [{split: train, path: data/broken.parquet}]
---
# A dataset

| a | b |
|---|---|
| <script>alert(1)</script> | [data](data/x.csv) |

[click](javascript:alert(1)) ![far](http://evil.example/x.png) ![near](figures/loss.png)
"""


@pytest.fixture(scope="module")
def dataset(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("rows")
    rows = {
        "text": ["<script>alert(1)</script>", "x" * 100_000, None] * 20,
        "n": list(range(60)),
        "deep": [{"a": [1]}] * 60,
    }
    pq.write_table(pa.table(rows), folder / "train.parquet")
    pq.write_table(pa.table({"text": ["only"]}), folder / "test.parquet")
    (folder / "broken.parquet").write_bytes(b"PAR1" + b"\xff" * 200 + b"PAR1")
    client = HfApi(endpoint=server.url, token=server.token)
    client.create_repo("local/rows", repo_type="dataset")
    files = [
        CommitOperationAdd("README.md", CARD.encode()),
        CommitOperationAdd("data/calls/train-00000-of-00001.parquet", folder / "train.parquet"),
        CommitOperationAdd("data/calls/test-00000-of-00001.parquet", folder / "test.parquet"),
        CommitOperationAdd("data/broken.parquet", folder / "broken.parquet"),
    ]
    client.create_commit("local/rows", files, commit_message="data", repo_type="dataset")
    return "local/rows"


def page(server: Server, path: str) -> tuple[int, str]:
    status, headers, body = request(server, "GET", path)
    if status == 200:
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    return status, body.decode()


def test_a_datasets_page(dataset: str, server: Server) -> None:
    status, text = page(server, f"/datasets/{dataset}")
    assert status == 200
    assert "<h1>A dataset</h1>" in text and "&lt;script&gt;" in text
    for bad in ("<script", 'href="javascript:', 'evil.example/x.png"', "<img src=x"):
        assert bad not in text
    assert f'href="/datasets/{dataset}/resolve/main/data/x.csv"' in text
    assert f'<img src="/datasets/{dataset}/resolve/main/figures/loss.png"' in text
    for config, split in (("calls", "train"), ("calls", "test"), ("broken", "train")):
        assert f'href="/datasets/{dataset}/viewer/{config}/{split}"' in text


def test_first_rows_are_few_short_and_escaped(dataset: str, server: Server) -> None:
    status, text = page(server, f"/datasets/{dataset}/viewer/calls/train")
    assert status == 200 and "10 of 60 rows" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "<script" not in text
    assert "<small>null</small>" in text and len(text) < 30_000
    assert "1 of 1 rows" in page(server, f"/datasets/{dataset}/viewer/calls/test")[1]


def test_files_that_cannot_be_read_do_no_harm(dataset: str, server: Server) -> None:
    status, text = page(server, f"/datasets/{dataset}/viewer/broken/train")
    assert status == 200 and "cannot be shown" in text
    assert page(server, f"/datasets/{dataset}/viewer/absent/train")[0] == 404
    assert page(server, "/datasets/local/absent/viewer/a/b")[0] == 404


def test_rows_of_gated_and_private_datasets_stay_inside(dataset: str, server: Server) -> None:
    client = HfApi(endpoint=server.url, token=server.token)
    client.update_repo_settings(dataset, gated="manual", repo_type="dataset")
    assert page(server, f"/datasets/{dataset}/viewer/calls/test")[0] == 401
    client.update_repo_settings(dataset, gated=False, private=True, repo_type="dataset")
    assert page(server, f"/datasets/{dataset}/viewer/calls/test")[0] == 404
    assert dataset not in page(server, "/")[1]
    client.update_repo_settings(dataset, private=False, repo_type="dataset")


@pytest.mark.parametrize("text", ["[" * 20_000, ">" * 5000, "*_" * 10_000, "`" * 20_000, "<" * 20_000, "- " * 5000])
def test_odd_markdown_is_rendered_or_shown_as_it_is(text: str) -> None:
    assert "<script" not in card_html(text, "local/x")


def test_large_and_undecodable_cards(api: HfApi, repo: str, server: Server, tmp_path: Path) -> None:  # noqa: F811
    for content in (b"\xff\xfe# bin \x00", b"# long\n" * 100_000, b"---\nno end"):
        rows = [CommitOperationAdd("README.md", content)]
        rows[0]._upload_mode = "regular"
        try:
            api.create_commit(repo, rows, commit_message="card")
        except ValueError:
            continue  # the client asked for the checks first
        assert page(server, f"/{repo}")[0] == 200
