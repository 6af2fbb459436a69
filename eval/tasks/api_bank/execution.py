"""Call accuracy by execution on the authors' own APIs, where `API_BANK_APIS` points to their folder `api-bank`.

Their `tool_manager.py` runs in a process of its own with that folder as working directory; only names and texts of
parameters go in, and each sample meets fresh databases, as `Evaluator.evaluate` makes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from eval.tasks.api_bank.samples import Sample
from eval.tasks.api_bank.scoring import MAX_ANSWER_CHARACTERS, Verdict, read_call
from records.errors import UserError

SECONDS = 120
"""Most that one call may take; the search of level 2 loads an encoder."""

_DRIVER = """
import json, sys
name, parameters, truth = json.load(sys.stdin)
sys.path.insert(0, ".")
from tool_manager import ToolManager
manager = ToolManager()
try:
    result = manager.api_call(name, **parameters)
except Exception as error:
    verdict = [False, "raised:" + type(error).__name__]
else:
    try:
        right = bool(manager.init_tool(name).check_api_call_correctness(result, truth))
        verdict = [right, "right" if right else "other_result"]
    except KeyError:
        verdict = [False, "other_result"]
sys.stdout.write("\\n" + json.dumps(verdict))
"""


def apis_folder() -> Path | None:
    """`$API_BANK_APIS`, or None. Raises UserError where it is set and holds no tool_manager.py."""
    name = os.environ.get("API_BANK_APIS")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not (folder / "tool_manager.py").is_file():
        raise UserError(
            f"API_BANK_APIS={name} holds no tool_manager.py; point it to folder api-bank of a clone of "
            "https://github.com/AlibabaResearch/DAMO-ConvAI"
        )
    return folder


def judge_execution(sample: Sample, answer: str, folder: Path) -> Verdict:
    """Run the call on the authors' APIs and let their own check compare the result."""
    call = read_call(answer) if len(answer) <= MAX_ANSWER_CHARACTERS else None
    if call is None:
        return Verdict(0.0, "no_call")
    if call[0] != sample.truth["api_name"]:
        return Verdict(0.0, "wrong_api")
    given = json.dumps([call[0], call[1], sample.truth["result"]])
    command = [sys.executable, "-c", _DRIVER]
    try:
        ran = subprocess.run(command, input=given, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Verdict(0.0, "timeout")
    if ran.returncode:
        raise UserError(f"the APIs of {folder} do not run: {ran.stderr.strip()[-300:]}")
    right, reason = json.loads(ran.stdout.splitlines()[-1])
    return Verdict(float(right), reason)
