"""AgentBench OS: the sandbox of a task, the authors' rules, and what a model may try."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from eval.multi_turn import run_episodes
from eval.tasks.agentbench import os_episode, os_questions
from eval.tasks.agentbench.os_episode import MAX_ROUNDS, ShellEpisode, read_action
from eval.tasks.agentbench.os_machine import Machine, MachineGone, Ran, require_machine
from eval.tasks.agentbench.os_questions import Question, left_out, questions
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
needs_data = pytest.mark.skipif(not (REAL / "agentbench").is_dir(), reason=f"{REAL}/agentbench is absent")


def _why_not() -> str | None:
    try:
        require_machine()
    except UserError as error:
        return str(error)
    return None


pytestmark = pytest.mark.skipif(_why_not() is not None, reason=str(_why_not()))


def clear() -> None:
    os_questions._read.cache_clear()
    os_questions.by_id.cache_clear()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Five made-up tasks in the authors' form: two have their scripts."""
    data, scripts = (tmp_path / "agentbench" / "os_interaction" / part for part in ("data", "scripts"))
    (data / "1").mkdir(parents=True)
    (scripts / "1" / "check").mkdir(parents=True)
    (scripts / "1" / "check" / "same.py").write_text("from sys import argv\nexit(int(argv[1]) != int(argv[2]))")
    check = [None, {"language": "python", "file": "check/same.py"}]
    rows = [
        {
            "description": "How many lines has /root/x?",
            "create": {"init": {"code": "seq 7 > /root/x"}},
            "evaluation": {"check": check, "example": {"code": "wc -l < /root/x"}},
        },
        {"description": "What is $v?", "start": "v=blue", "evaluation": {"match": "blue"}},
        {"description": "Gone.", "evaluation": {"check": {"file": "check/gone.sh"}}},
        {"description": "Root.", "create": {"init": "useradd jack"}, "evaluation": {"match": "x"}},
    ]
    (data / "1" / "made.json").write_text(json.dumps(rows))
    (data / "2").mkdir()
    regex = {"description": "Say a digit.", "evaluation": {"match": {"regex": "^[0-9]$", "strip": False}}}
    (data / "2" / "one.json").write_text(json.dumps(regex))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    clear()
    yield data
    clear()


def bash(code: str) -> str:
    return f"Think: I look.\n\nAct: bash\n\n```bash\n{code}\n```"


def play(question: Question, *answers: str) -> ShellEpisode:
    episode = ShellEpisode(question)
    for answer in answers:
        if episode.step() is None:
            break
        episode.take(answer)
    if episode.reason is None:
        episode.end("test_over")
    return episode


def test_tasks_are_read_and_those_that_cannot_be_asked_are_counted(made):
    assert [q.id for q in questions()] == ["std-001-made-00000", "std-001-made-00001", "std-002-one-00000"]
    scripts, root = "scripts of the authors (os_interaction/scripts)", "true root in the sandbox"
    assert left_out() == {scripts: 1, root: 1}
    (made / "1" / "made.json").write_text('[{"description": 3}]')
    clear()
    with pytest.raises(UserError, match=r"made.json, task 0: no task of AgentBench OS"):
        questions()


def test_answers_are_judged_by_match_and_by_the_authors_scripts(made):
    lines, variable, digit = questions()
    assert play(lines, bash("wc -l /root/x"), "Act: answer(7)").reason == "right"
    assert play(lines, "Act: answer(8)").reason == "check_failed"
    assert play(lines, "Act: answer(seven)").reason == "check_failed"
    assert play(lines, "Act: finish").reason == "check_failed"
    episode = play(variable, bash("echo $v"), "Act: answer( blue )")
    assert episode.reason == "right" and episode.messages[-2]["content"] == "The output of the OS:\n\nblue\n"
    assert play(variable, "Act: answer(red)").reason == "wrong_answer"
    assert play(digit, "Act: answer(3)").reason == "right"
    assert {play(digit, answer).reason for answer in ("Act: answer(33)", "Act: finish")} == {"wrong_answer"}
    assert play(digit, "words").reason == "invalid_action"
    assert play(digit, *[bash(f"echo {n}") for n in range(20)]).reason == "round_limit"


def test_actions_are_read_as_the_authors_read_them():
    assert read_action("Act: bash\n```bash\nls\n```\n```bash\npwd\n```") == ("bash", "ls\n\npwd")
    assert read_action("Act: bash\nAct: answer((1) of 2)") == ("commit", "(1) of 2")
    assert read_action("Act: answer\nAct: finish\nAct: answer(") == ("commit", None)
    assert read_action("Act: answer()") == ("commit", "") and read_action("Act: look") == (None, None)
    assert read_action("Act: Bash\nno block") == ("bash", "")


def test_the_machine_lasts_from_command_to_command_and_holds_nothing_of_the_host(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    machine = Machine()
    try:
        assert machine.shell("x=5; cd /tmp; echo kept > a").output == ""
        assert machine.shell("echo $x; pwd; cat /tmp/a; exit_code() { return 3; }; exit_code").code == 3
        assert machine.shell("echo $x").output == "5\n"
        shown = machine.shell(f"whoami; cat {secret} /etc/shadow; grep CapBnd /proc/self/status; ls /proc/1 /home")
        assert shown.output.startswith("root\n") and "secret\n" not in shown.output
        assert "CapBnd:\t0000000000000000" in shown.output
        assert machine.shell("for f in /usr/made /etc/made /made /var/made /root/made; do echo 1 > $f; done").code == 0
        assert machine.shell("touch /usr/bin/made; kill -9 1; kill -9 $PPID").output.count("Read-only") == 1
        assert machine.shell("echo < /dev/tcp/127.0.0.1/22").code != 0
        started = time.monotonic()
        assert machine.shell("sleep 100").code is None and time.monotonic() - started < 8
        assert machine.shell("pwd").output == "/\n", "a fresh bash"
        assert machine.run("python", "import sys; print(sys.argv[1:])", ["a", "b c"]).output == "['a', 'b c']\n"
        assert machine.run("bash", 'echo "$2"; exit 4', ["1", "two"]) == Ran(4, "two\n")
        assert len(machine.shell("yes | head -c 5000000").output) <= 1 << 16
        full = machine.shell("for n in 1 2 3 4 5; do head -c 30000000 /dev/zero > /big$n || break; done; ls /big5")
        assert "No space left" in full.output
        assert not Path("/usr/made").exists()
        with contextlib.suppress(MachineGone):
            machine.shell(":(){ :|:& };:")
            machine.shell("echo " + "x" * 10)
    finally:
        machine.close()
    assert machine._process.poll() is not None


def test_more_tasks_than_machines_wait_for_one_another(made, monkeypatch):
    monkeypatch.setattr(os_episode, "_machines", threading.BoundedSemaphore(2))
    sizes = []

    class Answers:
        def generate_until(self, requests):
            sizes.append(len(requests))
            return ["Act: answer(blue)"] * len(requests)

    episodes = [ShellEpisode(questions()[1]) for _ in range(5)]
    found = run_episodes(Answers(), episodes, [{}] * 5)
    assert [one["reason"] for one in found] == ["right"] * 5 and max(sizes) == 2 and sum(sizes) == 5


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x" * 100_000,
        "[" * 5_000,
        "NaN",
        "\ud800",
        "\x00",
        bash("\x00\ud800"),
        bash("exec 0<&-; exit"),
        "Act: answer(\ud800)",
    ],
)
def test_malformed_answers_end_under_a_name(made, answer):
    episode = play(questions()[0], answer, "Act: answer(\udfff\x00)")
    found = json.loads(json.dumps(episode.transcript()))
    assert not found["right"] and found["reason"] in ("invalid_action", "too_long", "check_failed", "sandbox_ended")


@needs_data
def test_real_tasks_accept_the_authors_answers(monkeypatch):
    """The nine that need neither the authors' scripts nor root: their solutions pass, doing nothing does not."""
    monkeypatch.setenv("BENCH_DATA", str(REAL))
    clear()
    assert len(questions()) == 9 and sum(left_out().values()) == 135
    for question in questions():
        final = (
            question.match["answer"] if question.match else "/home/user1/os/linux/commands/MyPersonalComputer.config"
        )
        answers = [*([question.gold()] if question.gold() else []), f"Act: answer({final})"]
        assert play(question, *answers).reason == "right", question.id
        assert play(question, "Act: finish").reason in ("wrong_answer", "check_failed")
    clear()


def test_rounds_are_the_authors():
    assert MAX_ROUNDS == 8
