"""AgentBench's task servers: episodes against a made-up controller on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from eval.multi_turn import run_episodes
from eval.tasks.agentbench.servers import Controller, ServerEpisode
from records.errors import UserError


class FakeController(BaseHTTPRequestHandler):
    """Two samples that want the word `open` within three answers, by the API of src/server/task_controller.py."""

    sessions: ClassVar[dict] = {}
    cancelled: ClassVar[list] = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        known = self.path == "/api/get_indices?name=hh-fake"
        self.reply(200 if known else 400, [0, 1] if known else {"detail": "no task"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/start_sample":
            session = len(self.sessions) + 1
            history = [{"role": "user", "content": "Open it."}, {"role": "agent", "content": "OK"}]
            history.append({"role": "user", "content": f"Box {body['index']}"})
            self.sessions[session] = {"index": body["index"], "status": "running", "result": None, "history": history}
            return self.reply(200, {"session_id": session, "output": self.sessions[session]})
        if self.path == "/api/interact":
            output = self.sessions[body["session_id"]]
            said = body["agent_response"]
            if said["status"] != "normal":
                output |= {"status": said["status"], "result": {"result": False}}
            else:
                output["history"] += [{"role": "agent", "content": said["content"]}]
                if said["content"] == "open":
                    output |= {"status": "completed", "result": {"result": True}}
                elif len(output["history"]) > 7:
                    output |= {"status": "task limit reached", "result": {"result": False}}
                else:
                    output["history"] += [{"role": "user", "content": "Nothing happens."}]
            return self.reply(200, {"session_id": body["session_id"], "output": output})
        if self.path == "/api/cancel":
            self.cancelled.append(body["session_id"])
            return self.reply(200, {})
        right = sum(bool(row["result"] and row["result"]["result"]) for row in body["results"])
        return self.reply(200, {"success_rate": right / len(body["results"])})

    def reply(self, code, value):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def address():
    FakeController.sessions, FakeController.cancelled = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeController)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()


class Model:
    def __init__(self, answer):
        self.answer = answer

    def generate_until(self, requests):
        return [self.answer(request.args[0]) for request in requests]


def test_episodes_advance_together_and_the_server_scores(address):
    controller = Controller(address, "hh-fake")
    episodes = [ServerEpisode(controller, index) for index in controller.indices()]
    model = Model(lambda prompt: "open" if "Box 1" in prompt and "Nothing" in prompt else "wait \ud800")
    found = run_episodes(model, episodes, [{}, {}])
    assert [one["reason"] for one in found] == ["task_limit_reached", "completed"]
    assert "Box 0" in json.dumps(found[0]["output"]["history"])
    assert controller.overall([one["output"] for one in found]) == {"success_rate": 0.5}


def test_the_server_is_told_of_an_early_end(address):
    controller = Controller(address, "hh-fake")
    full, endless = ServerEpisode(controller, 0), ServerEpisode(controller, 1)
    full.end("context_overflow")
    endless.end("endless")
    assert full.step() is None and full.transcript()["output"]["status"] == "agent context limit"
    assert endless.step() is None and FakeController.cancelled == [2]


def test_errors_name_address_and_task(address):
    with pytest.raises(UserError, match=r"answered 400 for task none"):
        Controller(address, "none").indices()
    with pytest.raises(UserError, match=r"start AgentBench's controller"):
        Controller("http://127.0.0.1:9/api", "hh-fake", seconds=2).indices()
