"""Tokens and keys in what is about to be published: every text file, and the text columns of every table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hub.plan import Plan
from records.errors import UserError

KINDS = {
    "Hugging Face token": r"\b(?:(?:hf_|api_org_)[A-Za-z0-9]{30,}|hf_local_[A-Za-z0-9_-]{30,})\b",
    "AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "AWS secret key": r"(?i:aws_?secret_?access_?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}\b",
    "Google API key": r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    "OpenAI or Anthropic key": r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{40,}\b",
    "Slack token": r"\bxox[baprs]-[0-9]{8,}-[A-Za-z0-9-]{20,}\b",
    "Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}\b",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-AgEI[A-Za-z0-9_-]{50,}\b",
    "private key": r"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s){1,8}[A-Za-z0-9+/=]{40,}",
}
ANY = re.compile("|".join(f"(?:{pattern})" for pattern in KINDS.values()))
EACH = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}
STARTS = re.compile(
    r"hf_|api_org_|AKIA|ASIA|(?i:aws_?secret)|gh[pousr]_|github_pat_|glpat-|AIza|sk-|xox|k_live_|npm_|pypi-|PRIVATE KEY"
)
"""What each of them begins with: most texts have none of it, and are done in one fast pass."""
PLACEHOLDER = re.compile(
    r"example|sample|placeholder|dummy|redacted|your[_-]?|x{6}|0{8}|1234567890|abcdef|\*{4}|\.\.\.", re.I
)
MOST_SHOWN = 5
BINARY = (".safetensors", ".bin", ".png", ".jpg", ".ds", ".index", ".onnx", ".npy", ".gz", ".zip", ".xml.bin")


@dataclass(frozen=True)
class Finding:
    """Something that looks like a secret."""

    kind: str
    where: str
    """File and line, or file, column and row."""
    fingerprint: str
    """First 12 hex digits of its sha256; the secret itself is never shown."""


def check_secrets(plan: Plan, accepted: tuple[str, ...]) -> None:
    """Scan everything that is read as text.

    Args:
        plan: the plan.
        accepted: fingerprints of strings that somebody looked at and found to be none.

    Raises:
        UserError: something that looks like a secret; file and line are named.
    """
    found: list[Finding] = []
    with tqdm(total=plan.bytes, desc="publish · secrets", unit="B", unit_scale=True) as bar:
        for repo in plan.repos:
            for file in repo.files:
                found += [one for one in scan_file(file.source, file.path) if one.fingerprint not in accepted]
                bar.update(file.bytes)
    if found:
        shown = "; ".join(f"{one.where}: {one.kind} ({one.fingerprint})" for one in found[:MOST_SHOWN])
        more = f"; and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
        raise UserError(
            f"{shown}{more}. Take them out; or, where one is no secret, put what is in brackets under"
            " release.accept_secrets of the recipe"
        )


def scan_file(source: Path, name: str) -> Iterator[Finding]:
    """Findings of one file. Files that are no text are left out by their ending or by a NUL byte at their start."""
    if name.endswith(".parquet"):
        yield from _scan_table(source)
    elif not name.endswith(BINARY):
        with source.open("rb") as stream:
            if b"\x00" in stream.read(4096):
                return
        text = source.read_text(encoding="utf-8", errors="replace")
        for kind, place, fingerprint in scan_text(text):
            yield Finding(kind, f"{source}, line {text.count(chr(10), 0, place) + 1}", fingerprint)


def _scan_table(source: Path) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    with pq.ParquetFile(source) as table:
        columns = [field.name for field in table.schema_arrow if _is_string(pa, field.type)]
        for batch in table.iter_batches(batch_size=256, columns=columns):
            for column in columns:
                values = batch.column(column).to_pylist()
                # Joined, so that the usual case, nothing at all, is one pass over many rows.
                if not STARTS.search("\n".join(value for value in values if value)):
                    continue
                for number, value in enumerate(values):
                    for kind, _, fingerprint in scan_text(value or ""):
                        yield Finding(kind, f"{source}, row {row + number}, column {column}", fingerprint)
            row += len(batch)


def _is_string(pa: object, kind: object) -> bool:
    types = pa.types  # type: ignore[attr-defined]
    return bool(types.is_string(kind) or types.is_large_string(kind))


def scan_text(text: str) -> Iterator[tuple[str, int, str]]:
    """(kind, position, fingerprint) of every string that looks like a secret and not like documentation's example."""
    if not STARTS.search(text):
        return
    for found in ANY.finditer(text):
        if not _is_placeholder(found.group()):
            kind = next(kind for kind, pattern in EACH.items() if pattern.match(text, found.start()))
            yield kind, found.start(), hashlib.sha256(found.group().encode()).hexdigest()[:12]


def _is_placeholder(secret: str) -> bool:
    """Whether it is an example by its words, or has too few different characters, or no digit, to be random."""
    body = re.sub(r"^-----[^-]*-----|^.*[:=]", "", secret)[-40:]
    return bool(PLACEHOLDER.search(secret)) or len(set(body)) < 10 or not re.search(r"\d", secret)
