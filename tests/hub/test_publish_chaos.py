"""Releases under kill -9 and a misbehaving network: whole in the end, and nothing else is left."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session
from huggingface_hub.hf_api import RepoFile

from hub.apply import Manners, _hold_all, apply_plan
from hub.lease import Publisher, acquire, holder, release_lease
from hub.patience import Patience
from hub.plan import Plan, PlannedCollection, PlannedFile, PlannedRepo
from hub.remote import Remote
from records.errors import UserError
from records.files import sha256_file
from tests.hub.chaos import Faults, KillableServer, Proxy, forks, publish

REQUESTS = 105
"""About as many as one undisturbed publication of `make_plan` makes."""


@dataclass
class Bench:
    """A server, a proxy in front of it, and a folder for files."""

    server: KillableServer
    proxy: Proxy
    folder: Path

    @property
    def api(self) -> HfApi:
        """Straight to the server."""
        return HfApi(endpoint=f"http://127.0.0.1:{self.server.port}", token=self.server.token)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("chaos")
    server, proxy = KillableServer(folder), Proxy()
    proxy.port = server.port
    yield Bench(server, proxy, folder)
    proxy.close()
    server.kill()


def make_plan(folder: Path, name: str, text: str = "", version: str = "v0.1.0") -> Plan:
    """Three repositories; the dataset needs three commits on the branch."""
    repos = []
    for kind, count in (("dataset", 9), ("model", 3), ("space", 2)):
        files = []
        for number in range(count):
            large = number == 0 and kind != "space"
            path = f"data/{number}.parquet" if large else f"text/{number}.txt"
            source = folder / name / kind / path.replace("/", "-")
            source.parent.mkdir(parents=True, exist_ok=True)
            content = random.Random(f"{name}{text}{kind}{number}").randbytes(40_000 if large else 40)
            source.write_bytes(content if large else content.hex().encode())
            files.append(PlannedFile(path, source, source.stat().st_size, sha256_file(source)))
        repos.append(PlannedRepo(kind, f"local/{name}-{kind}", False, tuple(files), version))
    items = tuple((repo.kind, repo.id) for repo in repos)
    return Plan(tuple(repos), PlannedCollection("local", name, "Made by a test.", False, items))


def assert_whole(api: HfApi, plan: Plan) -> None:
    """Tag and main hold the plan in one commit, everyone may read, and there is no other ref."""
    close_session()  # its idle connections end at a server that was killed since
    for repo in plan.repos:
        info = api.repo_info(repo.id, repo_type=repo.kind)
        refs = api.list_repo_refs(repo.id, repo_type=repo.kind)
        assert not info.private
        assert [branch.name for branch in refs.branches] == ["main"]
        assert [(tag.name, tag.target_commit) for tag in refs.tags] == [(repo.tag, info.sha)]
        titles = [commit.title for commit in api.list_repo_commits(repo.id, repo_type=repo.kind)]
        assert titles == [f"Release {repo.tag}", "initial commit"]
        listed = api.list_repo_tree(repo.id, recursive=True, repo_type=repo.kind)
        sizes = {item.path: item.size for item in listed if isinstance(item, RepoFile)}
        assert sizes.pop(".gitattributes") and sizes == {file.path: file.bytes for file in repo.files}
        for file in repo.files[:2]:
            got = api.hf_hub_download(repo.id, file.path, repo_type=repo.kind, revision=repo.tag)
            assert sha256_file(Path(got)) == file.sha256

    if plan.collection is not None:
        (shown,) = [one for one in api.list_collections(owner="local") if one.title == plan.collection.title]
        assert {(item.item_type, item.item_id) for item in shown.items} == set(plan.collection.items)


def storm(bench: Bench, number: int, totals: dict[str, int]) -> None:
    """One release: killed up to three times at random requests, faults all along, the server killed now and then."""
    source = random.Random(f"storm {number}")
    plan = make_plan(bench.folder, f"run{number}")
    for turn in range(8):
        kills = turn < 3
        process: Any = forks().Process(
            target=publish, args=(bench.proxy.url, bench.server.token, plan, f"publisher{number}"), daemon=True
        )
        at, whom = source.randrange(1, REQUESTS), source.choice(("publisher", "publisher", "server"))

        def kill(process: Any = process, whom: str = whom) -> None:
            totals[whom] = totals.get(whom, 0) + 1
            if whom == "publisher":
                os.kill(process.pid, signal.SIGKILL)
            else:
                bench.server.restart()

        bench.proxy.faults = Faults(source.randrange(1 << 30), 0.06, at if kills else None, kill)
        process.start()
        process.join(120)
        assert process.exitcode is not None, f"run {number} hangs"
        bench.proxy.wait_until_idle()
        for fault, count in bench.proxy.faults.injected.items():
            totals[fault] = totals.get(fault, 0) + count
        if process.exitcode == 0:
            break
        assert process.exitcode in (-signal.SIGKILL, 2)
        totals["turns that failed"] = totals.get("turns that failed", 0) + (process.exitcode == 2)
    assert process.exitcode == 0, f"run {number} did not end"
    assert_whole(bench.api, plan)
    repos = {*(repo.id for kind in ("datasets", "models", "spaces") for repo in getattr(bench.api, f"list_{kind}")())}
    assert {name for name in repos if name.startswith(f"local/run{number}-")} == {repo.id for repo in plan.repos}


def test_ten_storms(bench: Bench) -> None:
    totals: dict[str, int] = {}
    for number in range(10):
        storm(bench, number, totals)
    assert totals["publisher"] and totals["server"], totals


@pytest.mark.slow
def test_hundred_storms(bench: Bench) -> None:
    totals: dict[str, int] = {}
    for number in range(100, 200):
        storm(bench, number, totals)
    print(json.dumps(totals))
    assert totals["publisher"] >= 50 and totals["server"] >= 20, totals


def test_two_publishers_at_once(bench: Bench) -> None:
    """Different content under one version, and a repository that only one of them has: one wins whole, one stops."""
    for round_number in range(3):
        name = f"pair{round_number}"
        plans = {who: make_plan(bench.folder / who, name, who) for who in ("first", "second")}
        alone = make_plan(bench.folder / "second", f"a-{name}-alone", "second").repos[0]
        plans["second"] = Plan((*plans["second"].repos, alone))
        bench.proxy.faults = Faults(round_number, 0.0)
        answers = forks().SimpleQueue()
        processes = [
            forks().Process(target=publish, args=(bench.proxy.url, bench.server.token, plan, who, answers))
            for who, plan in plans.items()
        ]
        for process in processes:
            process.start()
        said = dict(answers.get() for _ in processes)
        for process in processes:
            process.join(60)
        winners = [who for who, words in said.items() if words == "done"]
        assert len(winners) == 1, said
        (loser,) = said.keys() - set(winners)
        assert "is being published by" in said[loser] or "with other content" in said[loser], said
        assert_whole(bench.api, plans[winners[0]])
        # What only the loser has is not left behind half made.
        assert bench.api.repo_exists(alone.id, repo_type="dataset") == (winners == ["second"])


class Paused(Patience):
    """Before its call number `at` something else happens."""

    def __init__(self, at: int, happens: Callable[[], Any]) -> None:
        super().__init__()
        self.at, self.happens = at, happens

    def call(self, action: Any, doing: str) -> Any:
        self.at -= 1
        if self.at == 0:
            self.happens()
        return super().call(action, doing)


def hold_both(api: HfApi, plans: dict[str, Plan], at: int, pause: int) -> dict[str, str]:
    """`second` starts before request `at` of `first`, and waits before its own request `pause` until that has ended."""
    said = {}
    stopped, go_on = threading.Event(), threading.Event()

    def hold(who: str, patience: Patience) -> None:
        remotes = [Remote(api, repo, patience) for repo in plans[who].repos]
        try:
            _hold_all(remotes, Publisher(who, plans[who].content_hash()), Manners())
            said[who] = "holds"
        except UserError as error:
            said[who] = str(error)

    def wait() -> None:
        stopped.set()
        go_on.wait(60)

    def hold_second() -> None:
        hold("second", Paused(pause, wait))
        stopped.set()

    def start_second() -> None:
        second.start()
        stopped.wait(60)

    second = threading.Thread(target=hold_second)
    hold("first", Paused(at, start_second))
    go_on.set()
    second.join(60)
    return said


def test_two_publishers_at_every_request(bench: Bench) -> None:
    """Wherever the one comes between two requests of the other: one holds both repositories, and one is refused."""
    outcomes = set()
    for at, pause in itertools.product(range(1, 13), repeat=2):
        made = {who: make_plan(bench.folder / who, f"step{at}x{pause}", who) for who in ("first", "second")}
        plans = {who: Plan(plan.repos[1:], None) for who, plan in made.items()}
        said = hold_both(bench.api, plans, at, pause)
        (winner,) = [who for who, words in said.items() if words == "holds"]
        (loser,) = plans.keys() - {winner}
        assert "is being published by" in said[loser], (at, pause, said)
        for repo in plans[winner].repos:
            held = holder(Remote(bench.api, repo, Patience()))
            assert held is not None and held[0].startswith(f"publisher: {winner}\n"), (at, pause, said)
        outcomes.add(winner)
    assert outcomes == {"first", "second"}


def test_a_replaced_publisher_leaves_its_successor_alone(bench: Bench) -> None:
    remote = Remote(bench.api, make_plan(bench.folder, "replaced").repos[1], Patience())
    remote.create()
    old, new = Publisher("old", "1"), Publisher("new", "1")
    acquire(remote, old, take_over=False)
    acquire(remote, new, take_over=True)
    release_lease(remote, old)
    held = holder(remote)
    assert held is not None and held[0] == new.mark
    release_lease(remote, new)
    assert holder(remote) is None


def test_a_dead_publisher_is_replaced_only_on_demand(bench: Bench) -> None:
    plan = make_plan(bench.folder, "dead")
    process: Any = forks().Process(target=publish, args=(bench.proxy.url, bench.server.token, plan, "dead"))
    bench.proxy.faults = Faults(1, 0.0, 45, lambda: os.kill(process.pid, signal.SIGKILL))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    for repo in plan.repos:
        if bench.api.repo_exists(repo.id, repo_type=repo.kind):
            assert not bench.api.list_repo_refs(repo.id, repo_type=repo.kind).tags
            assert bench.api.list_repo_files(repo.id, repo_type=repo.kind) == [".gitattributes"]
    with pytest.raises(UserError, match=r"is being published by dead .*TAKE_OVER=1"):
        apply_plan(plan, bench.api, "heir", Manners(patience=Patience(tries=2)))
    apply_plan(plan, bench.api, "heir", Manners(take_over=True))
    assert_whole(bench.api, plan)


def test_a_changed_head(bench: Bench) -> None:
    """Main moves between staging and release: harmless changes are taken along, a stranger's stop the release."""
    from hub import apply as module

    plan = make_plan(bench.folder, "moved")
    model = plan.repos[1]
    planned = model.files[1]
    stage = module._stage

    def upload(path: str, content: bytes) -> None:
        bench.api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=model.id, repo_type="model")

    def and_then(path: str, content: bytes) -> Any:
        def staged(remote: Any, *rest: Any) -> int:
            sent = stage(remote, *rest)
            if remote.planned == model:
                upload(path, content)
            return sent

        return staged

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_stage", and_then("README.md", b"by hand"))
        with pytest.raises(UserError, match=r"changes that no release made: README.md .*OVERWRITE=1"):
            apply_plan(plan, bench.api, "me")
    assert bench.api.list_repo_refs(model.id).tags == []
    bench.api.delete_file("README.md", model.id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_stage", and_then(planned.path, planned.source.read_bytes()))
        apply_plan(plan, bench.api, "me")
    assert bench.api.list_repo_refs(model.id).tags[0].name == "v0.1.0"
    assert len(bench.api.list_repo_files(model.id, revision="v0.1.0")) == len(model.files) + 1


def test_waits_as_long_as_the_hub_says(bench: Bench) -> None:
    """429 with RateLimit t=1: no request comes again before the second is over."""
    calls: list[float] = []
    lock = threading.Lock()

    class Once:
        def next(self) -> tuple[str | None, str | None]:
            import time

            with lock:
                calls.append(time.monotonic())
                return ("429" if len(calls) == 1 else None), None

    bench.proxy.faults = Once()  # type: ignore[assignment]
    patience = Patience(first_wait=0.01)
    api = HfApi(endpoint=bench.proxy.url, token=bench.server.token)
    patience.call(lambda: api.whoami(), "asking")
    assert len(calls) == 2 and calls[1] - calls[0] >= 1.0  # t=0, and one second because the header is in whole ones
    assert patience.waited >= 1.0
