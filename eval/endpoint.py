"""An lm-eval model behind an OpenAI-compatible endpoint, with its answers kept on disk one by one.

`http://host:port/v1#name` asks `chat/completions` with the question's messages and native `tools`, so the server's own
chat template and call parser are part of what is scored. `http://host:port/v1/completions#name` sends the rendered
prompt of this project. (lm-eval's `local-chat-completions` passes no tools, its `local-completions` keeps no answers.)
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import requests
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from eval.answers import AnswerFile, Prompt, answer_all
from eval.progress import answer_bar
from records.calls import Call, format_calls
from records.errors import UserError

WORKERS = 8
"""Questions under way at once."""
SECONDS = 600
RETRIES = Retry(total=5, backoff_factor=1.0, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)
CONTEXT_WORDS = ("context", "too long", "maximum length", "max_tokens")
MOST_NAME = 64


class EndpointLM(LM):  # type: ignore[misc]
    """Greedy answers of a server.

    Args:
        place: address and model name, see the module.
        answers: JSON lines that keep the answers; None keeps none.
        identity: what tells this model's answers from another's in that file.
        label: the model's name in the progress bar.
        constrained: not offered here.

    Raises:
        UserError: constrained decoding is asked for.
    """

    def __init__(
        self, place: str, answers: Path | None = None, identity: str = "", label: str = "", constrained: bool = False
    ) -> None:
        super().__init__()
        if constrained:
            raise UserError("an endpoint decodes by itself: constrained decoding needs a model folder or a Hub id")
        address, _, self.model = place.partition("#")
        self.native = not address.rstrip("/").endswith("/completions") or address.endswith("/chat/completions")
        base = re.sub(r"/(chat/)?completions/?$", "", address).rstrip("/")
        self.url = f"{base}/{'chat/completions' if self.native else 'completions'}"
        self.store, self.label = AnswerFile(answers), label
        way = "native tools" if self.native else "rendered prompt"
        self.decoding = {"model": identity, "backend": f"endpoint, {way}", "compute_type": "the server's"}
        self.session = requests.Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=RETRIES, pool_maxsize=WORKERS))
        if key := os.environ.get("OPENAI_API_KEY"):
            self.session.headers["Authorization"] = f"Bearer {key}"

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Answers in the order of the requests; calls come back in this project's call format."""
        prompts = [_prompt(request) for request in requests]
        asked = {
            (prompt.text, prompt.max_new_tokens): request for prompt, request in zip(prompts, requests, strict=True)
        }

        def answer(batch: list[Prompt]) -> list[str]:
            return [self._ask(asked[prompt.text, prompt.max_new_tokens]) for prompt in batch]

        with answer_bar(len(prompts), self.label, disable_tqdm) as bar:
            return answer_all(
                prompts,
                batch_size=1,
                length_spread=1.0,
                workers=WORKERS,
                decoding=self.decoding,
                store=self.store,
                generate=answer,
                on_batch=bar.update,
            )

    def _ask(self, request: Instance) -> str:
        text, settings = request.args
        body: dict[str, Any] = {"model": self.model, "max_tokens": int(settings["max_gen_toks"]), "temperature": 0}
        names: dict[str, str] = {}
        if self.native:
            doc = request.doc or {}
            tools = json.loads(doc.get("tools") or "[]")
            names = short_names(tools)
            body["messages"] = chat_messages(json.loads(doc["messages"]), names) if doc.get("messages") else _user(text)
            if tools:
                body["tools"] = [_named(tool, names) for tool in tools]
        else:
            body |= {"prompt": text, "stop": list(settings.get("until") or [])}
        reply = self._post(body)
        if reply is None:
            return ""
        try:
            choice = reply["choices"][0]
            return read_message(choice["message"], names) if self.native else str(choice["text"])
        except (KeyError, IndexError, TypeError, AttributeError):
            raise UserError(f"{self.url} did not answer in OpenAI's form: {json.dumps(reply)[:200]}") from None

    def _post(self, body: dict[str, Any]) -> Any:
        """The server's JSON; None where the question does not fit into its context."""
        try:
            answer = self.session.post(self.url, json=body, timeout=SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            told = " ".join(str(error).split())[:200]
            raise UserError(f"{self.url} does not answer ({told}); start the server and run the same command") from None
        if answer.status_code in (400, 413) and any(word in answer.text.lower() for word in CONTEXT_WORDS):
            return None
        if answer.status_code != 200:
            hint = (
                "set OPENAI_API_KEY" if answer.status_code in (401, 403) else "check the address and the model's name"
            )
            raise UserError(f"{self.url} answered {answer.status_code}: {answer.text[:200]}; {hint}")
        try:
            return answer.json()
        except ValueError:
            raise UserError(f"{self.url} did not answer with JSON: {answer.text[:200]}") from None

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Not offered. Raises UserError."""
        raise UserError("an endpoint gives no log-likelihoods; leave out benchmarks such as mmlu, or give a folder")

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Not offered. Raises UserError."""
        raise UserError("an endpoint gives no log-likelihoods; leave out benchmarks such as mmlu, or give a folder")


def _prompt(request: Instance) -> Prompt:
    text, settings = request.args
    return Prompt(text, 1 + len(text) // 4, int(settings["max_gen_toks"]))


def _user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def short_names(tools: list[dict[str, Any]]) -> dict[str, str]:
    """Name of each function → the name that OpenAI's interface allows (letters, digits, `_`, `-`, at most 64)."""
    names: dict[str, str] = {}
    for tool in tools:
        name = tool["function"]["name"]
        short = re.sub(r"[^\w-]", "_", name, flags=re.ASCII)[:MOST_NAME]
        while short in names.values() and name not in names:
            short = (
                f"{short[: MOST_NAME - 1]}_" if len(short) < MOST_NAME else f"{short[: MOST_NAME - 4]}{len(names):04}"
            )
        names.setdefault(name, short)
    return names


def _named(tool: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    function = tool["function"]
    return {"type": "function", "function": {**function, "name": names[function["name"]]}}


def chat_messages(messages: list[dict[str, Any]], names: dict[str, str]) -> list[dict[str, Any]]:
    """Messages as OpenAI's interface has them: calls with ids and arguments as text, results that name their call."""
    told: list[dict[str, Any]] = []
    waiting: list[str] = []
    for place, message in enumerate(messages):
        if message.get("tool_calls"):
            calls = []
            waiting = [f"call_{place}_{number}" for number in range(len(message["tool_calls"]))]
            for key, call in zip(waiting, message["tool_calls"], strict=True):
                name, arguments = call["function"]["name"], json.dumps(call["function"]["arguments"])
                named = {"name": names.get(name, name), "arguments": arguments}
                calls.append({"id": key, "type": "function", "function": named})
            told.append({"role": "assistant", "content": None, "tool_calls": calls})
        elif message["role"] == "tool" and waiting:
            told.append({"role": "tool", "tool_call_id": waiting.pop(0), "content": message["content"]})
        else:
            told.append({"role": message["role"], "content": message["content"]})
    return told


def read_message(message: dict[str, Any], names: dict[str, str]) -> str:
    """The answer as text in this project's call format; arguments that are no JSON stay as they are, and are wrong."""
    calls = message.get("tool_calls")
    if not calls:
        return str(message.get("content") or "")
    back = {short: name for name, short in names.items()}
    read = []
    for call in calls:
        name, arguments = call["function"]["name"], call["function"].get("arguments") or "{}"
        try:
            value = json.loads(arguments) if isinstance(arguments, str) else arguments
        except (ValueError, RecursionError):
            return f'[{{"name": {json.dumps(name)}, "arguments": {arguments}'
        read.append(Call(back.get(str(name), str(name)), value))
    return format_calls(read)
