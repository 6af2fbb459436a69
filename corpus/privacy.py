"""Step `privacy`: e-mail and IP addresses, keys and tokens in rows give way to stand-ins, and are counted."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers.jsonl import JsonlReader

from corpus.executor import jsonl_writer, run_blocks
from corpus.rows import jsonl_files, ordered_json, read_documents, with_reason, write_documents
from corpus.steps import Work, write_report
from records.calls import render_chat
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import Document, DocumentsPipeline

SHARDS = 4
"""Tasks; the order of the rows that come out depends on it, so it is fixed."""
_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_])?@"
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24})\b"
)
_STAND_IN_DOMAIN = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost)$|(?:^|\.)(?:example|test|domain|email|mail|company|acme|mycompany|foo|bar|host|xyz)"
    r"\.(?:com|org|net|edu|co|io)$",
    re.I,
)
"""Domains that are reserved for examples (RFC 2606), and the ones that documentation makes up."""
_NOT_A_PERSON = frozenset({"git", "hg", "svn"})
"""`git@host` is how a repository is addressed."""
_IPV4 = re.compile(r"(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.-]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|:(?:[0-9A-Fa-f]{1,4}:?){0,5})(?![\w:])")
_SECRETS = {
    "private_key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]{20,8000}?-----END [A-Z ]*PRIVATE KEY-----",
    "aws_key": r"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}\b",
    "github_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b",
    "gitlab_token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "hugging_face_token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "openai_key": r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}",
    "google_key": r"\bAIza[0-9A-Za-z_-]{35}(?![\w-])",
    "slack_token": r"\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{10,}",
    "stripe_key": r"\b[rs]k_live_[A-Za-z0-9]{20,}\b",
    "npm_token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "json_web_token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}
_SECRET = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _SECRETS.items()))


def without_personal_data(text: str, counts: Counter[str]) -> str:
    """The text with stand-ins. Equal addresses get equal ones, so a request and its call still agree.

    Addresses under domains for examples, addresses of no public network and keys that call themselves examples stay.

    Args:
        text: any text.
        counts: receives one for each replacement, by kind.
    """

    def counted(kind: str, stand_in: str) -> str:
        counts[kind] += 1
        return stand_in

    def secret(match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        return counted(kind, f"<{kind.upper()}>")

    def email(match: re.Match[str]) -> str:
        address, domain = match[0], match[1]
        if _STAND_IN_DOMAIN.search(domain) or address.split("@")[0].lower() in _NOT_A_PERSON:
            return address
        return counted("email", f"user{stable_hash(address.lower()) % 100_000}@example.com")

    def ip(match: re.Match[str]) -> str:
        return counted("ip_address", _stand_in_for(match[0])) if _is_public(match[0]) else match[0]

    if "@" in text:
        text = _EMAIL.sub(email, text)
    text = _IPV4.sub(ip, text)
    if "::" in text or text.count(":") > 6:
        text = _IPV6.sub(ip, text)
    return _SECRET.sub(secret, text)


def _is_public(text: str) -> bool:
    """Whether it is the address of a machine on the internet, and not a version or a section's number."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 4 and all(int(part) < 10 for part in text.split(".")):
        return False
    return address.is_global and not address.is_multicast


def _stand_in_for(address: str) -> str:
    """An address of the blocks that are reserved for documentation (RFC 5737, RFC 3849)."""
    number = 1 + stable_hash(address.lower()) % 254
    return f"192.0.2.{number}" if "." in address else f"2001:db8::{number:x}"


class ReplacePersonalData(PipelineStep):
    """Rewrites text, messages and tools of a row alike; licences' attributions, in a column of their own, stay."""

    type = "🕶 - FORMAT"
    name = "personal data"

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Pass every document on; one that was changed says so in its provenance."""
        for row in data or ():
            counts: Counter[str] = Counter()
            replace_in(row, counts)
            yield with_reason(row, "privacy", dict(sorted(counts.items()))) if counts else row


def replace_in(row: Document, counts: Counter[str]) -> None:
    """Rewrite a row in place. Messages and tools render to its text again afterwards, as they did before."""
    messages, tools = row.metadata.get("messages"), row.metadata.get("tools")
    if messages is None:
        row.text = without_personal_data(row.text, counts)
        return

    def replaced(text: str) -> str:
        return without_personal_data(text, counts)

    said = _in_texts(json.loads(messages), replaced)
    offered = _in_texts(json.loads(tools), replaced) if tools else None
    if counts:
        row.metadata["messages"] = ordered_json(said)
        row.metadata["tools"] = ordered_json(offered) if tools else tools
        row.text = render_chat(said, offered)


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_texts(part, change) for part in value]
    if isinstance(value, dict):
        return {key: _in_texts(part, change) for key, part in value.items()}
    return value


def replace_personal_data(work: Work, folder: Path) -> None:
    """Write `rows/*.jsonl`: all rows of `filter` and `calls`, rewritten; and a report of what was replaced."""
    filtered = work.step("filter")
    sources = [filtered / "rows.jsonl", *jsonl_files(work.step("calls") / "rows"), filtered / "labels.jsonl"]
    rows = list(read_documents(*sources))
    for shard in range(SHARDS):
        write_documents(folder / "in" / f"{shard:05d}.jsonl", rows[shard::SHARDS])
    reader = JsonlReader(str(folder / "in"), compression=None, add_file_path=False)
    pipeline = [reader, ReplacePersonalData(), jsonl_writer(folder / "rows")]
    run_blocks("privacy", pipeline, folder, SHARDS, work.workers)
    write_report(folder, report_on(folder / "rows"))


def report_on(folder: Path) -> dict[str, Any]:
    """Rows looked at, and by kind of data: replacements, rows by config, and one row's id (never what stood there)."""
    replaced: dict[str, dict[str, Any]] = {}
    looked_at = changed = 0
    for row in read_documents(*jsonl_files(folder)):
        looked_at += 1
        found = row.metadata["provenance"].get("privacy", {})
        changed += bool(found)
        for kind, count in found.items():
            into = replaced.setdefault(kind, {"count": 0, "rows": {}, "example": row.id})
            into["count"] += count
            into["rows"][row.metadata["config"]] = into["rows"].get(row.metadata["config"], 0) + 1
    return {"rows": looked_at, "rows_changed": changed, "replaced": dict(sorted(replaced.items()))}
