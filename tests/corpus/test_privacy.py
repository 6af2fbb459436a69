"""Personal data and secrets: what is replaced, what stays, and that a row's parts still agree."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from corpus.privacy import replace_in, replace_personal_data, without_personal_data
from corpus.rows import Row, jsonl_files, ordered_json, read_documents, write_documents
from corpus.steps import Work
from records.calls import Call, calls_message, render_chat
from records.recipe import load_recipe

# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "aws_key": "AKIA" + "QJ7D2K4M8N1P5R3T",
    "github_token": "ghp_" + "a1B2c3D4e5F6" * 3,
    "gitlab_token": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "hugging_face_token": "hf_" + "aBcDeFgHiJ" * 4,
    "openai_key": "sk-proj-" + "a1B2c3D4" * 5,
    "google_key": "AIza" + "Sy1234567" * 3 + "abcdefgh",
    "slack_token": "xoxb-" + "123456789012-abcdefghijkl",
    "stripe_key": "sk_live_" + "a1B2c3D4e5F6g7H8i9J0",
    "npm_token": "npm_" + "a1B2c3D4e5F6" * 3,
    "json_web_token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "private_key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMII" + "ab12" * 9 + "\n-----END RSA " + "PRIVATE KEY-----",
    "email": "ada.count+lists@counters.co.uk",
    "ip_address": "81.2.69.142",
}  # fmt: skip


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("frame", ["Use {} now.", '{{"key": "{}"}}', "key={}", "({})", "{}\n", "see <{}>, please"])
def test_planted_data_go(kind: str, frame: str) -> None:
    counts: Counter[str] = Counter()
    text = without_personal_data(frame.format(SECRETS[kind]), counts)
    assert SECRETS[kind] not in text and counts == {kind: 1}
    assert without_personal_data(text, counts) == text and counts.total() == 1, "stand-ins stay what they are"


@pytest.mark.parametrize(
    "text",
    [
        "write to user@example.com or jane@mail.example.org",
        "git@github.com:ada/counter.git",
        "listen on 127.0.0.1, 10.0.0.7, 192.168.1.1 or 0.0.0.0",
        "version 1.2.3.4 of section 4.2.3.1, release 2024.11.24.1",
        "AKIAIOSFODNN7EXAMPLE is nobody's key",
        "@decorator and a@b, x @ y, foo@v1.2.3",
        "a time of 12:30:45 and std::vector<int>::iterator",
        "2001:db8::1 is for documents and fe80::1 is a neighbour",
        "sk-learn and hf_hub_download",
        "the hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    counts: Counter[str] = Counter()
    assert without_personal_data(text, counts) == text and not counts


def test_public_addresses_of_both_versions_go() -> None:
    counts: Counter[str] = Counter()
    text = without_personal_data("from 81.2.69.142 and 2a00:1450:4001:81b::200e to 81.2.69.142", counts)
    assert counts == {"ip_address": 3} and text.count("192.0.2.") == 2 and "2001:db8::" in text
    first, last = text.split()[1], text.split()[-1]
    assert first == last, "equal addresses get equal stand-ins"


def dialogue() -> Row:
    messages = [
        {"role": "user", "content": "Mail ada@counters.co.uk from 81.2.69.142."},
        calls_message([Call("mail.send", {"to": "ada@counters.co.uk", "via": ["81.2.69.142"]})]),
        {"role": "tool", "content": '{"sent": "ada@counters.co.uk"}'},
    ]
    description = "Sends mail. Ask bob@counters.co.uk."
    parameters = {"type": "object", "properties": {"to": {"type": "string"}}}
    tools = [
        {"type": "function", "function": {"name": "mail.send", "description": description, "parameters": parameters}}
    ]
    text = render_chat(messages, tools)
    return Row("d", "ift", text, "made", "MIT", "ada@counters.co.uk", "", "single", (), ordered_json(messages),
               ordered_json(tools))  # fmt: skip


def test_request_call_and_tools_still_agree() -> None:
    row, counts = dialogue().document(), Counter[str]()
    replace_in(row, counts)
    messages, tools = json.loads(row.metadata["messages"]), json.loads(row.metadata["tools"])
    assert render_chat(messages, tools) == row.text and "counters.co.uk" not in row.text
    arguments = messages[1]["tool_calls"][0]["function"]["arguments"]
    assert arguments["to"] in messages[0]["content"] and arguments["via"][0] in messages[0]["content"]
    assert row.metadata["attribution"] == "ada@counters.co.uk" and counts == {"email": 4, "ip_address": 2}


def test_the_step_reports_kinds_and_never_values(tmp_path: Path) -> None:
    recipe = load_recipe("smoke")
    corpus = dataclasses.replace(recipe.corpus, workers=1)
    work = Work(dataclasses.replace(recipe, corpus=corpus), tmp_path / "work", tmp_path / "out")
    clean = Row("clean", "text", "nothing of note", "made", "MIT", "", "", "x")
    write_documents(work.step("filter") / "rows.jsonl", [clean.document()])
    write_documents(work.step("filter") / "labels.jsonl", [])
    write_documents(work.step("calls") / "rows" / "00000.jsonl", [dialogue().document()])
    replace_personal_data(work, work.step("privacy"))
    rows = {row.id: row for row in read_documents(*jsonl_files(work.step("privacy") / "rows"))}
    assert rows["clean"].text == "nothing of note" and "privacy" not in rows["clean"].metadata["provenance"]
    assert rows["d"].metadata["provenance"]["privacy"] == {"email": 4, "ip_address": 2}
    report = (work.step("privacy") / "report.json").read_text()
    assert json.loads(report)["replaced"]["email"] == {"count": 4, "rows": {"ift": 1}, "example": "d"}
    assert json.loads(report)["rows_changed"] == 1 and "counters" not in report
