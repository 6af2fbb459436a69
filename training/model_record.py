"""What a finished stage says of itself: record.json (deterministic) and run.json (times, device), and its export."""

from __future__ import annotations

import dataclasses
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

from records.files import read_json, sha256_file
from records.recipe import Recipe
from training.export import export_model, loss_record, parent_link
from training.linear import onednn_is_faster
from training.schedule import step_tokens
from training.stages import MADE_BY, Stage, workplace
from training.tracking import gap

OPTIMIZER = {
    "optimizer": "AdamW",
    "betas": [0.9, 0.95],
    "eps": 1e-8,
    "weight_decay_on": "matrices but embeddings",
}


def run_record(trainer: Any, plans: Any, seconds: float, began: float, stage: Stage) -> dict[str, Any]:
    """run.json.

    Args:
        trainer: after its last step.
        plans: what it read.
        seconds: its steps took, held-out measurements among them.
        began: when the process began, seconds since the epoch.
        stage: which stage.
    """
    import torch

    steps = trainer.config.tokens.train_steps - trainer.start_iteration_step
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    on_gpu = torch.cuda.is_available()
    return {
        "seconds": round(time.time() - began, 1),
        "training_seconds": round(seconds, 1),
        "tokens_per_second": round(steps * step_tokens(stage.recipe, stage.parallel.dp) / seconds, 1),
        "resumed_from_step": trainer.start_iteration_step,
        "peak_memory_bytes": peak,
        "peak_gpu_memory_bytes": torch.cuda.max_memory_allocated() if on_gpu else None,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "float32_products": "oneDNN" if not on_gpu and onednn_is_faster() else "torch",
        "padding": round(plans.train.padding, 4),
        "dropped": dict(plans.train.dropped),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def export_stage(recipe: Recipe, stage: Stage, work: Path, trainer: Any, plans: Any, run: dict[str, Any]) -> None:
    """Write the stage's model folder from the weights in `work/final`."""
    paths, values = workplace(recipe), dataclasses.asdict(stage.recipe)
    steps = trainer.config.tokens.train_steps
    tokens = steps * step_tokens(stage.recipe, stage.parallel.dp)
    parent = paths.model(stage.parent)
    link = read_json(parent / "record.json", MADE_BY)
    del values["parallel"], values["keep_checkpoints"]
    record = {
        "name": stage.name,
        "stage": stage.kind,
        "base": parent_link(parent, link["name"]),
        "corpus": sha256_file(paths.manifest),
        "recipe": recipe.name,
        "license": link.get("license", "Apache-2.0"),
        "tokens": tokens,
        "loss_tokens": plans.loss_tokens(),
        "steps": steps,
        "loss": loss_record(trainer.losses, tokens, trainer.notes["heldout_before"], trainer.notes["heldout"]),
        "hyperparameters": {**values, "seed": stage.seed, "dtype": recipe.training.dtype, **OPTIMIZER},
        "parallel": dataclasses.asdict(stage.parallel),
    }
    if tracked := trainer.notes.get("tracked"):
        domains = sorted(tracked[0][1])
        record["tracked"] = {
            "domains": domains,
            "points": [[at, *(losses[domain] for domain in domains)] for at, losses in tracked],
            "gap": {domain: gap([losses[domain] for _, losses in tracked]) for domain in domains},
        }
    export_model(paths.model(stage.name), parent, work / "final", record, run, trainer.losses)
