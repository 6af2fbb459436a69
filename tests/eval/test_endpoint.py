"""Evaluation of a model behind an OpenAI-compatible endpoint: a server of our own on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eval.__main__ import main
from eval.endpoint import EndpointLM, chat_messages, read_message, short_names
from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.questions import NON_LIVE, questions
from records.calls import Call, calls_message, format_calls
from records.errors import UserError, run_command


class Server:
    """Answers with gold calls where it knows the question, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict, str | None]] = []
        self.status = 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append((self.path, body, self.headers.get("Authorization")))
                reply = json.dumps(server.reply(self.path, body)).encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        every = [q for category in NON_LIVE for q in questions(category)]
        self.by_request = {q.messages[-1]["content"]: q for q in every}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def reply(self, path, body):
        if self.status != 200:
            return {"error": {"message": "no"}}
        if path.endswith("/chat/completions"):
            question = self.by_request[body["messages"][-1]["content"]]
            calls = [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": call.name.replace(".", "_"), "arguments": json.dumps(call.arguments)},
                }
                for call in gold_calls(question)
            ]
            message = {"role": "assistant", "content": None if calls else "No function fits.", "tool_calls": calls}
            return {"choices": [{"message": message}]}
        found = [q for request, q in self.by_request.items() if request in body["prompt"]]
        return {"choices": [{"text": format_calls(gold_calls(found[0])) if found[0].gold else "No."}]}


@pytest.fixture
def server():
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.mark.parametrize("way", ["", "/completions"])
def test_a_server_that_answers_gold_is_right(way, server, tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    place = f"{server.address}{way}#gold/model"
    assert main(["--recipe", str(tiny_recipe()), "--model", place]) == 0
    folder = tmp_path / "build" / "tiny" / "eval" / "gold--model"
    record = json.loads((folder / "results.json").read_text())["record"]
    assert all(task["score"] == 1.0 for task in record["tasks"].values())
    assert record["backend"] == ("endpoint, rendered prompt" if way else "endpoint, native tools")
    path, body, key = server.asked[0]
    assert path == ("/v1/completions" if way else "/v1/chat/completions") and key == "Bearer secret-key"
    assert body["model"] == "gold/model" and body["temperature"] == 0 and body["max_tokens"] == 8
    assert ("prompt" in body) == bool(way) and ("tools" in body) == (not way)
    assert "secret-key" not in "".join(p.read_text() for p in folder.rglob("*.json*"))
    count = len(server.asked)
    (folder / ".done.json").unlink()
    assert main(["--recipe", str(tiny_recipe()), "--model", place]) == 0
    assert len(server.asked) == count, "answers on disk are not asked for again"


def test_errors_of_a_server_are_named(server, tiny_recipe, capsys):
    server.status = 401
    command = ["--recipe", str(tiny_recipe()), "--model", f"{server.address}#m"]
    assert run_command(main, command) == 2 and "set OPENAI_API_KEY" in capsys.readouterr().err
    assert run_command(main, ["--recipe", command[1], "--model", server.address]) == 2
    assert "http://host:port/v1#model-name" in capsys.readouterr().err
    assert run_command(main, [*command, "--decoding", "constrained"]) == 2
    assert "constrained decoding needs a model folder" in capsys.readouterr().err


def test_a_question_beyond_the_context_is_an_empty_answer(server):
    from lm_eval.api.instance import Instance

    server.status = 400
    server.reply = lambda path, body: {"error": {"message": "maximum context length is 10 tokens"}}
    request = Instance("generate_until", {}, ("long", {"max_gen_toks": 4}), 0, ("t", 0, 1))
    assert EndpointLM(f"{server.address}#m").generate_until([request], disable_tqdm=True) == [""]
    with pytest.raises(UserError, match="no log-likelihoods"):
        EndpointLM(f"{server.address}#m").loglikelihood([request])


def test_names_and_messages_take_the_form_of_the_interface():
    tools = [{"function": {"name": name}} for name in ("a.b", "a_b", "x" * 80, "x" * 90)]
    names = short_names(tools)
    assert len(set(names.values())) == 4 and all(len(name) <= 64 for name in names.values())
    messages = [calls_message([Call("a.b", {"x": 1}), Call("a_b", {})]), {"role": "tool", "content": "1"}]
    told = chat_messages([*messages, {"role": "tool", "content": "2"}], names)
    assert [part["tool_call_id"] for part in told[1:]] == [call["id"] for call in told[0]["tool_calls"]]
    assert json.loads(told[0]["tool_calls"][0]["function"]["arguments"]) == {"x": 1}
    broken = {"tool_calls": [{"function": {"name": "a_b", "arguments": '{"x": '}}]}
    assert read_message(broken, names).startswith('[{"name": "a_b", "arguments": {"x": ')
    assert read_message({"content": None}, {}) == ""


def test_what_needs_likelihoods_is_not_scored_behind_an_endpoint(server, tiny_recipe, tmp_path, capsys):
    command = ["--recipe", str(tiny_recipe()), "--model", f"{server.address}#m", "--benchmarks", "bfcl_v1,mmlu"]
    assert main(command) == 0
    assert "not scored: missing log-likelihoods for MMLU" in capsys.readouterr().out
    assert "log-likelihoods for MMLU" in (tmp_path / "build" / "tiny" / "eval" / "m" / "report.md").read_text()
