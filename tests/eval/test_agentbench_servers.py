"""AgentBench's task servers: episodes and the lm-eval task against a made-up controller on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from lm_eval.api.model import LM

from eval.benchmarks import TASKS, registry
from eval.multi_turn import run_episodes
from eval.tasks.agentbench.servers import Controller, ServerEpisode, served_indices
from records.errors import UserError


class FakeController(BaseHTTPRequestHandler):
    """Two samples that want the word `open` within three answers, by the API of src/server/task_controller.py."""

    sessions: ClassVar[dict] = {}
    cancelled: ClassVar[list] = []
    capacity: ClassVar[int] = 2
    name: ClassVar[str] = "alfworld-std"

    def log_message(self, *_):
        pass

    def do_GET(self):
        known = self.path == f"/api/get_indices?name={self.name}"
        self.reply(200 if known else 400, [0, 1, 2] if known else {"detail": "no task"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/start_sample":
            running = sum(one["status"] == "running" for one in self.sessions.values())
            if running >= self.capacity:
                return self.reply(406, {"detail": "Error: No workers available"})
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
            self.sessions[body["session_id"]]["status"] = "cancelled"
            return self.reply(200, {})
        right = sum(bool(row["result"] and row["result"]["result"]) for row in body["results"])
        self.reply(200, {"overall": {"success_rate": right / len(body["results"])}})

    def reply(self, code, value):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def address():
    FakeController.sessions, FakeController.cancelled, FakeController.capacity = {}, [], 2
    served_indices.cache_clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeController)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()


class Model:
    def __init__(self, answer):
        self.answer = answer
        self.sizes = []

    def generate_until(self, requests):
        self.sizes.append(len(requests))
        return [self.answer(request.args[0]) for request in requests]


class Opens(LM):
    """Opens every box at once."""

    def generate_until(self, requests, disable_tqdm=False):
        return ["open"] * len(requests)

    def loglikelihood(self, requests):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


def test_episodes_advance_together_and_the_server_scores(address):
    controller = Controller(address, "alfworld-std")
    episodes = [ServerEpisode(controller, index) for index in controller.indices()]
    model = Model(lambda prompt: "open" if "Box 1" in prompt and "Nothing" in prompt else "wait \ud800")
    found = run_episodes(model, episodes, [{}] * 3)
    assert [one["reason"] for one in found] == ["task_limit_reached", "completed", "task_limit_reached"]
    assert [one["right"] for one in found] == [0.0, 1.0, 0.0] and max(model.sizes) == 2, "two workers, three samples"
    assert "Box 0" in json.dumps(found[0]["output"]["history"])
    assert controller.score([one["output"] for one in found]) == pytest.approx(1 / 3)


def test_a_busy_server_is_waited_for_and_then_named(address, monkeypatch):
    monkeypatch.setattr("eval.multi_turn.WAIT_SECONDS", 0.01)
    FakeController.capacity = 0
    episode = ServerEpisode(Controller(address, "alfworld-std", seconds=0.05), 0)
    with pytest.raises(UserError, match=r"no worker of task alfworld-std became free"):
        run_episodes(Model(str), [episode], [{}])


def test_the_server_is_told_of_an_early_end(address):
    controller = Controller(address, "alfworld-std")
    full, endless = ServerEpisode(controller, 0), ServerEpisode(controller, 1)
    assert full.step() and endless.step()
    full.end("context_overflow")
    endless.end("endless")
    assert full.step() is None and full.transcript()["output"]["status"] == "agent context limit"
    assert endless.step() is None and FakeController.cancelled == [2] and endless.transcript()["right"] == 0


def test_the_lm_eval_task_asks_the_server(address, monkeypatch):
    """Through lm-eval's own `evaluate` and through the registry; the other environments are named as missing."""
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("AGENTBENCH_SERVER", address)
    loaded = TaskManager(include_path=str(TASKS), include_defaults=False).load(["agentbench_hh"])
    raw = evaluate(Opens(), task_dict=loaded, bootstrap_iters=1)
    assert raw["results"]["agentbench_hh"]["acc,none"] == 1.0
    assert raw["results"]["agentbench_hh"]["overall,none"] == pytest.approx(10 / 13.0 / 8)
    entry = registry()["agentbench"]
    missing = entry.missing()
    assert "agentbench_hh" not in missing and len(entry.ids("agentbench_hh")) == 3
    assert "answered 400 for task webshop-std" in missing["agentbench_ws"]
    monkeypatch.delenv("AGENTBENCH_SERVER")
    assert "set AGENTBENCH_SERVER=http" in entry.missing()["agentbench_hh"]


def test_metrics_that_are_not_there_are_named(address):
    with pytest.raises(UserError, match=r"the metrics of webshop-std lack reward"):
        Controller(address, "webshop-std").score([{"result": {"result": True}}])


def test_errors_name_address_and_task(address):
    with pytest.raises(UserError, match=r"answered 400 for task none"):
        Controller(address, "none").indices()
    with pytest.raises(UserError, match=r"start AgentBench's controller"):
        Controller("http://127.0.0.1:9/api", "alfworld-std", seconds=2).indices()
