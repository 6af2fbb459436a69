"""MMLU in the registry: lm-eval's own 57 tasks, `MMLU_SHOTS=0` (default) or 5."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eval.bench_data import SOURCES, absent, bench_folder, find, hub_answers, identity
from eval.benchmarks import Benchmark, Source, micro
from eval.tasks.mmlu.local_copy import REVISION, default_copy, load_tasks, read_rows
from records.errors import UserError

HUB = "cais/mmlu"
SUBJECTS = tuple(
    """abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics
    econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology
    high_school_chemistry high_school_computer_science high_school_european_history high_school_geography
    high_school_government_and_politics high_school_macroeconomics high_school_mathematics high_school_microeconomics
    high_school_physics high_school_psychology high_school_statistics high_school_us_history high_school_world_history
    human_aging human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing
    medical_genetics miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory
    professional_accounting professional_law professional_medicine professional_psychology public_relations
    security_studies sociology us_foreign_policy virology world_religions""".split()
)
TASKS = tuple(f"mmlu_{subject}" for subject in SUBJECTS)


def shots() -> int:
    """`$MMLU_SHOTS`. Raises UserError unless it is 0 or 5."""
    value = os.environ.get("MMLU_SHOTS", "0")
    if value not in ("0", "5"):
        raise UserError(f"MMLU_SHOTS={value}: MMLU is asked with 0 or 5 examples; set MMLU_SHOTS=0 or MMLU_SHOTS=5")
    return int(value)


def load_mmlu(names: Sequence[str]) -> dict[str, Any]:
    """lm-eval's own tasks of these names, on the copy of `BENCH_DATA` where it is set."""
    build = Path(os.environ.get("BUILD") or "build")
    return load_tasks(shots(), default_copy(build.resolve()), [name.removeprefix("mmlu_") for name in names])


def _source() -> Source:
    version = f"{shots()}-shot"
    packed = find("mmlu", "mmlu.zip")
    return Source("MMLU", version, identity([packed]) if packed else f"hub:{HUB}@{REVISION}")


@cache
def _counts() -> Mapping[str, int]:
    packed = find("mmlu", "mmlu.zip")
    if packed:
        return {subject: len(splits["test"]) for subject, splits in read_rows(packed).items()}
    from datasets import load_dataset

    return {subject: len(load_dataset(HUB, subject, split="test", revision=REVISION)) for subject in SUBJECTS}


def _ids(task: str) -> tuple[str, ...]:
    subject = task.removeprefix("mmlu_")
    return tuple(f"{subject}_{number}" for number in range(_counts()[subject]))


def _missing() -> Mapping[str, str]:
    if find("mmlu", "mmlu.zip") or (bench_folder() is None and hub_answers()):
        return {}
    problem = absent("mmlu", ["mmlu.zip"])
    assert SOURCES["mmlu"].hub is None
    reason = f"not scored: missing {problem}; or leave BENCH_DATA unset and be online: lm-eval reads {HUB} from the Hub"
    return dict.fromkeys(TASKS, reason)


BENCHMARKS = [
    Benchmark(
        name="mmlu",
        title="MMLU",
        suites={"mmlu": TASKS},
        source=_source,
        ids=_ids,
        weights=micro(TASKS),
        rule="share of all questions right by log-likelihood (lm-eval's group mmlu, weighed by size)",
        missing=_missing,
        needs_likelihood=True,
        hub_dataset=HUB,
        scored_by=("eval/tasks/mmlu/*.py",),
    )
]
