"""Spaces and cards on the embedded Hub through the real client: runtime, secrets, variables, checks of front matter."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from hub.local.card_check import check_card, front_matter
from tests.hub.processes import Server
from tests.hub.test_server import api, request  # noqa: F401

MATTER = "---\ntitle: Demo\nemoji: 🔨\nsdk: gradio\nsdk_version: 6.31.0\napp_file: app.py\n---\n"


def test_a_space_from_creation_to_pause(api: HfApi, server: Server) -> None:  # noqa: F811
    api.create_repo(
        "local/demo",
        repo_type="space",
        space_sdk="gradio",
        space_hardware="t4-small",  # type: ignore[arg-type]
        space_secrets=[{"key": "TOKEN", "value": "hf_very_secret"}],
        space_variables=[{"key": "MODEL", "value": "local/m", "description": "which"}],
    )
    runtime = api.get_space_runtime("local/demo")
    assert (runtime.stage, runtime.hardware, runtime.requested_hardware) == ("CONFIG_ERROR", None, "t4-small")
    api.upload_file(path_or_fileobj=MATTER.encode(), path_in_repo="README.md", repo_id="local/demo", repo_type="space")
    assert api.get_space_runtime("local/demo").stage == "NO_APP_FILE"
    api.upload_file(path_or_fileobj=b"x = 1\n", path_in_repo="app.py", repo_id="local/demo", repo_type="space")
    assert api.get_space_runtime("local/demo").stage == "STOPPED"
    assert api.pause_space("local/demo").stage == "PAUSED"
    assert api.restart_space("local/demo").stage == "STOPPED"
    assert api.request_space_hardware("local/demo", "l4x1", sleep_time=60).requested_hardware == "l4x1"  # type: ignore[arg-type]
    assert api.set_space_sleep_time("local/demo", 3600).sleep_time == 3600
    assert api.space_info("local/demo").runtime.stage == "STOPPED"  # type: ignore[union-attr]
    assert "cpu-basic" in [one.name for one in api.list_spaces_hardware()]
    with pytest.raises(BadRequestError):
        api.request_space_hardware("local/demo", "h9000")  # type: ignore[arg-type]
    assert {key: one.value for key, one in api.get_space_variables("local/demo").items()} == {"MODEL": "local/m"}
    api.add_space_variable("local/demo", "SIZE", "3")
    assert set(api.delete_space_variable("local/demo", "MODEL")) == {"SIZE"}
    api.add_space_secret("local/demo", "KEY", "hf_other_secret", description="for reading")
    assert set(api.get_space_secrets("local/demo")) == {"TOKEN", "KEY"}
    _, _, body = request(server, "GET", "/api/spaces/local/demo/secrets", authorization=f"Bearer {server.token}")
    assert b"secret" not in body and json.loads(body)["KEY"]["description"] == "for reading"
    assert b"very_secret" not in b"".join(file.read_bytes() for file in server.store.glob("hub.sqlite*"))
    with pytest.raises(BadRequestError, match="Collision"):
        api.add_space_secret("local/demo", "SIZE", "x")
    with pytest.raises(BadRequestError):
        api.add_space_variable("local/demo", "1 BAD", "x")
    api.delete_space_secret("local/demo", "KEY")
    with pytest.raises(HfHubHTTPError):
        api.delete_space_secret("local/demo", "KEY")
    with pytest.raises(HfHubHTTPError) as refused:
        HfApi(endpoint=server.url, token=False).get_space_secrets("local/demo")
    assert refused.value.response.status_code == 401
    with pytest.raises(RepositoryNotFoundError):
        api.get_space_runtime("local/absent")


@pytest.mark.parametrize(
    ("kind", "lines", "says"),
    [
        ("model", "license: my-own", '"license" must be one of'),
        ("model", "language: English", '"language" with value "English" is not valid'),
        ("model", "tags: x", '"tags" must be an array'),
        ("model", "base_model: a b", '"base_model" with value "a b" is not valid'),
        ("model", "model-index: 3", '"model-index" must be an array'),
        (
            "model",
            "model-index:\n- name: m\n  results:\n  - task: {}",
            '"model-index[0].results[0].task.type" is required',
        ),
        ("dataset", "configs:\n- data_files: x", '"configs[0].config_name" is required'),
        ("space", "sdk: cobol", '"sdk" must be one of'),
        ("space", "sdk: static\ncolorFrom: mauve", '"colorFrom" must be one of'),
        ("space", f"sdk: static\nshort_description: {'x' * 61}", "less than or equal to 60"),
        ("model", "a: [", "not valid YAML"),
        ("model", "- a", "must be a mapping"),
    ],
)
def test_cards_are_checked_as_the_hub_does(kind: str, lines: str, says: str, api: HfApi) -> None:  # noqa: F811
    with pytest.raises(ValueError) as refused:
        api._validate_yaml(f"---\n{lines}\n---\ntext", repo_type=kind)
    assert says in str(refused.value)


def test_good_cards_and_warnings(api: HfApi) -> None:  # noqa: F811
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        api._validate_yaml("---\nlicense: mit\nlanguage: [en, code]\npipeline_tag: text-generation\n---\n")
        api._validate_yaml("---\nlicense: [mit, apache-2.0]\nsize_categories: [1K<n<10K]\n---\n", repo_type="dataset")
        api._validate_yaml(MATTER, repo_type="space")
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        api._validate_yaml("# no front matter")
    with pytest.warns(UserWarning, match='"time-travel" is not in the official list'):
        api._validate_yaml("---\npipeline_tag: time-travel\n---\n")
    with pytest.raises(ValueError, match='"license" must be one of'):  # before anything is uploaded
        api.create_repo("local/badcard")
        api.upload_file(path_or_fileobj=b"---\nlicense: x\n---\n", path_in_repo="README.md", repo_id="local/badcard")


def test_this_checkouts_spaces_pass() -> None:
    for card in Path(__file__).resolve().parents[2].glob("spaces/*/README.md"):
        assert check_card(card.read_text(), "space")[0] == []


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "lines",
    [
        BOMB,
        "a: &a [*a]",
        "a: " + "[" * 2000,
        "a: " + "9" * 5000,
        "a: 2026-99-99",
        "? [a, b]\n: c",
        "a: !!python/object/apply:os.system [ls]",
        "a: " + "x" * 200_000,
        "m: &m {a: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [{', '.join(['*m'] * 50)}]}}\n" for n in range(500)),
    ],
    ids=range(9),
)
def test_front_matter_that_would_fill_the_memory_is_refused(lines: str) -> None:
    with pytest.raises(ValueError):
        front_matter(f"---\n{lines}\n---\n")


def test_front_matter_becomes_json() -> None:
    card = front_matter('---\na: .nan\nb: 2026-11-24\nc: "\\ud800"\nd: !!set {x, y}\n1: 2\n---\n')
    assert json.loads(json.dumps(card, allow_nan=False, ensure_ascii=False).encode())["1"] == 2
