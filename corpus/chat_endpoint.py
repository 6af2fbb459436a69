"""A model behind an OpenAI-compatible endpoint, whose answers are kept on disk one by one."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from records.errors import UserError
from records.files import canonical_json, sha256_json

SECONDS = 300
RETRIES = Retry(total=5, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)
MOST_TOKENS = 400
TEMPERATURE = 0.7
CONNECTIONS = 64


class ChatEndpoint:
    """Asks `chat/completions`; the same question is asked once, also over runs. The key is `$OPENAI_API_KEY`."""

    def __init__(self, address: str, model: str, answers: Path, asked_by: str = "calls.rewrite") -> None:
        """Args: address that ends in /v1, the model's name there, the JSON lines that keep the answers, and the key of
        the recipe that errors name."""
        self.asked_by = asked_by
        self.url = f"{address.rstrip('/').removesuffix('/chat/completions')}/chat/completions"
        self.model = model
        self.answers = answers
        self.known = _read(answers)
        self.lock = threading.Lock()
        self.session = requests.Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=RETRIES, pool_maxsize=CONNECTIONS))
        if key := os.environ.get("OPENAI_API_KEY"):
            self.session.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> ChatEndpoint:
        self.answers.parent.mkdir(parents=True, exist_ok=True)
        # What was kept is written anew: a killed run may have left half a line, which the next would be joined to.
        lines = "".join(canonical_json({"key": key, "answer": text}) + "\n" for key, text in self.known.items())
        self.answers.write_text(lines, encoding="utf-8")
        self.file: IO[str] = self.answers.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.session.close()

    def ask(self, instruction: str, request: str) -> str:
        """The model's answer, kept before it is given.

        Raises:
            UserError: no answer after some tries, or none in OpenAI's form.
        """
        key = sha256_json([self.model, instruction, request])
        if key not in self.known:
            answer = self._post(instruction, request, int(key[:7], 16))
            with self.lock:
                self.known[key] = answer
                self.file.write(canonical_json({"key": key, "answer": answer}) + "\n")
                self.file.flush()
        return self.known[key]

    def _post(self, instruction: str, request: str, seed: int) -> str:
        messages = [{"role": "system", "content": instruction}, {"role": "user", "content": request}]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "max_tokens": MOST_TOKENS}
        body |= {"temperature": TEMPERATURE, "seed": seed}
        try:
            reply = self.session.post(self.url, json=body, timeout=SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            told = " ".join(str(error).split())[:200]
            raise UserError(f"{self.url} does not answer ({told}); start it, then the same command goes on") from None
        if reply.status_code != 200:
            hint = "set OPENAI_API_KEY" if reply.status_code in (401, 403) else f"check {self.asked_by} of the recipe"
            raise UserError(f"{self.url} answered {reply.status_code}: {reply.text[:200]}; {hint}")
        try:
            return str(reply.json()["choices"][0]["message"]["content"] or "")
        except (ValueError, KeyError, IndexError, TypeError):
            raise UserError(f"{self.url} did not answer in OpenAI's form: {reply.text[:200]}") from None


def _read(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            item = json.loads(line)
            found[item["key"]] = item["answer"]
        except (ValueError, KeyError, TypeError):
            continue
    return found
