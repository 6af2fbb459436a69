"""`python -m hub.bench`: the real client on the embedded Hub, beside a static server that copies the same bytes."""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from records.errors import UserError, run_command
from records.files import require_space, sha256_file, write_json
from records.recipe import ROOT

OUTPUT = ROOT / "results" / "bench_hub.json"
LIBRARIES = ("huggingface_hub", "hf-xet", "starlette", "uvicorn", "uvloop", "httptools")
PIECE_BYTES = 1 << 20


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m hub.bench", description="Measure the embedded Hub.")
    parser.add_argument("--megabytes", type=int, default=256, help="size of the files that are sent (10^6 bytes)")
    parser.add_argument("--repeats", type=int, default=5, help="transfers of each kind, of which the median counts")
    parser.add_argument("--commits", type=int, default=100, help="commits of one small file, one after the other")
    parser.add_argument("--large-megabytes", type=int, default=5000, help="size of the file for the memory figures")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if min(options.megabytes, options.repeats, options.commits, options.large_megabytes) < 1:
        raise UserError("--megabytes, --repeats, --commits and --large-megabytes take numbers from 1 on")
    needed = (4 * options.megabytes * options.repeats + 2 * options.large_megabytes) * 10**6
    require_space(Path(tempfile.gettempdir()), needed)
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder, Bench(Path(folder)) as bench:
        runs = bench.transfers(options.megabytes * 10**6, options.repeats)
        commits = bench.commits(options.commits)
        memory = bench.large_file(options.large_megabytes * 10**6)
    record = record_of(options.megabytes, runs, commits, memory)
    write_json(options.output, record)
    shown = ", ".join(f"{name} {value:g}" for name, value in record["ratios"].items())
    print(
        f"hub: {shown}, {commits['commits_per_second']:g} commits/s, {memory['peak_megabytes']:g} MB while serving "
        f"{options.large_megabytes / 1000:g} GB; written to {options.output}"
    )
    return 0


def record_of(megabytes: int, runs: dict[str, list[float]], commits: Any, memory: Any) -> dict[str, Any]:
    """The record: machine, versions, seconds of every run, rates of the median run, ratios of rounds.

    A ratio is the median over the rounds of static seconds by the client's seconds: 1 is as fast as copying.
    """

    def ratio(kind: str, plain: str) -> float:
        pairs = zip(runs[plain], runs[kind], strict=True)
        return round(statistics.median(static / client for static, client in pairs), 3)

    return {
        "schema": 1,
        "part": "hub",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "system": platform.system()},
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in LIBRARIES},
        "megabytes": megabytes,
        "seconds": {name: [round(one, 4) for one in found] for name, found in runs.items()},
        "megabytes_per_second": {name: round(megabytes / statistics.median(found), 1) for name, found in runs.items()},
        "commits": commits,
        "large_file": memory,
        "ratios": {
            "upload_ratio_to_static": ratio("upload_lfs", "static_put"),
            "upload_xet_ratio_to_static": ratio("upload_xet", "static_put"),
            "download_ratio_to_static": ratio("download", "static_get"),
        },
    }


class Bench:
    """Both servers and a client with and without Xet, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()

    def __enter__(self) -> Bench:
        enter = self._stack.enter_context
        (self._folder / "static").mkdir()
        command = ["hub.bench_static", str(self._folder / "static")]
        self._static = enter(_process(command, {})).url
        hub = enter(_process(["hub.local", "--port", "0"], {"BUILD": str(self._folder), "USERS": "", "ORGS": ""}))
        self._hub, self._server = hub.url, hub.process.pid
        names = {"HF_ENDPOINT": hub.url, "HF_TOKEN": (self._folder / "hub" / "token").read_text()}
        names |= {"HF_HOME": str(self._folder / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        names |= {"HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
        self._clients = {
            way: enter(_process(["hub.bench_client"], {**names, "HF_HUB_DISABLE_XET": off}, talks=True))
            for way, off in (("lfs", "1"), ("xet", "0"))
        }
        self._api = {"Authorization": f"Bearer {names['HF_TOKEN']}", "Content-Type": "application/json"}
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def transfers(self, size: int, repeats: int) -> dict[str, list[float]]:
        """Seconds of each kind of transfer. A round has each kind once, with bytes that no round before had.

        One round more than asked for comes first and does not count: connections are opened and code is loaded in it.
        """
        kinds = ("static_put", "upload_lfs", "upload_xet", "static_get", "download")
        runs: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(repeats + 1):
            print(f"hub: round {number} of {repeats}", file=sys.stderr)
            found = self._round(number, size)
            for kind in kinds if number else ():
                runs[kind].append(found[kind])
        return runs

    def _round(self, number: int, size: int) -> dict[str, float]:
        files = {way: self._file(f"{way}{number}.bin", size) for way in ("static", "lfs", "xet")}
        found = {"static_put": self._put(files["static"])}
        for way in ("lfs", "xet") if number % 2 else ("xet", "lfs"):
            repo = f"local/{way}{number}"
            self._create(repo)
            found[f"upload_{way}"] = self._ask(way, do="upload", repo=repo, file=str(files[way]))["seconds"]
        found["static_get"] = self._get(files["static"])
        cache = self._folder / f"cache{number}"
        got = self._ask("lfs", do="download", repo=f"local/lfs{number}", file=files["lfs"].name, cache=str(cache))
        found["download"] = got["seconds"]
        if sha256_file(Path(got["path"])) != sha256_file(files["lfs"]):
            raise UserError("a file came back with other bytes; the embedded Hub has a fault")
        shutil.rmtree(cache)
        for file in files.values():
            file.unlink()
        return found

    def _file(self, name: str, size: int) -> Path:
        """A file of random bytes, in the page cache and on the disk, so that reading and writing back cost nobody."""
        path = self._folder / name
        with path.open("wb") as stream:
            for start in range(0, size, PIECE_BYTES):
                stream.write(os.urandom(min(PIECE_BYTES, size - start)))
            os.fsync(stream.fileno())
        return path

    def _connection(self, url: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(url).netloc, timeout=600, blocksize=PIECE_BYTES)

    def _put(self, file: Path) -> float:
        started = time.perf_counter()
        connection = self._connection(self._static)
        with file.open("rb") as stream:
            connection.request("PUT", f"/{file.name}", stream, {"Content-Length": str(file.stat().st_size)})
        connection.getresponse().read()
        connection.close()
        return time.perf_counter() - started

    def _get(self, file: Path) -> float:
        started = time.perf_counter()
        connection = self._connection(self._static)
        connection.request("GET", f"/{file.name}")
        copy = self._folder / "copy.bin"
        with copy.open("wb") as stream:
            shutil.copyfileobj(connection.getresponse(), stream, PIECE_BYTES)
        connection.close()
        seconds = time.perf_counter() - started
        copy.unlink()
        return seconds

    def _create(self, repo: str) -> None:
        owner, name = repo.split("/")
        connection = self._connection(self._hub)
        body = json.dumps({"organization": owner, "name": name})
        connection.request("POST", "/api/repos/create", body, self._api)
        connection.getresponse().read()
        connection.close()

    def _ask(self, way: str, **command: Any) -> dict[str, Any]:
        return self._clients[way].ask(command)

    def commits(self, count: int) -> dict[str, Any]:
        """Commits of one small file each through the client, one after the other."""
        self._create("local/commits")
        self._ask("lfs", do="commits", repo="local/commits", folder="first", count=3)
        seconds = self._ask("lfs", do="commits", repo="local/commits", folder="then", count=count)["seconds"]
        return {"count": count, "seconds": round(seconds, 3), "commits_per_second": round(count / seconds, 1)}

    def large_file(self, size: int) -> dict[str, Any]:
        """The server's memory while a large file goes in and out: 10^6 bytes of resident memory at most."""
        file = self._folder / "large.bin"
        with file.open("wb") as stream:
            stream.truncate(size)  # sparse: the content is zeros
        self._create("local/large")
        before = _reset_peak(self._server)
        sent = self._ask("lfs", do="upload", repo="local/large", file=str(file))["seconds"]
        receiving = _peak(self._server)
        _reset_peak(self._server)
        started = time.perf_counter()
        connection = self._connection(self._hub)
        connection.request("GET", "/local/large/resolve/main/large.bin")
        answer, count = connection.getresponse(), 0
        while piece := answer.read(PIECE_BYTES):
            count += len(piece)
        if count != size:
            raise UserError(f"{count} bytes of {size} came back; the embedded Hub has a fault")
        serving = _peak(self._server)
        return {
            **{"megabytes": size // 10**6, "upload_seconds": round(sent, 2)},
            "download_seconds": round(time.perf_counter() - started, 2),
            **{"idle_megabytes": before, "receiving_peak_megabytes": receiving, "peak_megabytes": serving},
        }


class Child:
    """A process that said its address, or that answers commands."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command and wait for the answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise UserError(f"the client ended while it was doing {command['do']}; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _process(module: list[str], names: dict[str, str], talks: bool = False) -> Iterator[Child]:
    command = [sys.executable, "-m", *module]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **names}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        line = "" if talks else process.stdout.readline()
        if not talks and not line:
            raise UserError(f"{' '.join(command)} did not start; its error is above")
        yield Child(process, line.split()[-1] if line else "")
    finally:
        process.kill()
        process.communicate()


def _status(pid: int, key: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":"))
    return round(kilobytes * 1024 / 1e6, 1)


def _reset_peak(pid: int) -> float:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # from now on VmHWM is the peak since this moment
    return _status(pid, "VmRSS")


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM")


if __name__ == "__main__":
    sys.exit(run_command(main))
