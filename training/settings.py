"""nanotron's YAML for a stage, written from the recipe (0.4 takes a file only)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from records.files import write_text
from records.recipe import Recipe
from training.model_config import model_config
from training.schedule import stage_steps
from training.stages import Stage, workplace


def write_settings(recipe: Recipe, stage: Stage, work: Path, resume: Path | None) -> Path:
    """Write `nanotron.yaml` into the stage's working folder.

    Args:
        recipe: the recipe.
        stage: which stage of it.
        work: the stage's working folder; `init/` in it holds the starting weights.
        resume: checkpoint to go on from, None at the start.
    """
    path = work / "nanotron.yaml"
    write_text(path, yaml.safe_dump(_settings(recipe, stage, work, resume), sort_keys=False))
    return path


def _settings(recipe: Recipe, stage: Stage, work: Path, resume: Path | None) -> dict[str, Any]:
    values, parallel = stage.recipe, stage.parallel
    half = recipe.training.dtype != "float32"
    return {
        "general": {"project": "hephaestus", "run": stage.name, "seed": stage.seed, "ignore_sanity_checks": True},
        "checkpoints": {
            "checkpoints_path": str(work / "checkpoints"),
            "checkpoint_interval": values.checkpoint_every,
            "resume_checkpoint_path": str(resume) if resume else None,
            "checkpoints_path_is_shared_file_system": True,
        },
        "parallelism": {
            "dp": parallel.dp,
            "tp": parallel.tp,
            "pp": parallel.pp,
            "pp_engine": parallel.pp_engine,
            "tp_mode": parallel.tp_mode,
            "tp_linear_async_communication": parallel.tp_async,
        },
        "model": {
            "model_config": model_config(workplace(recipe).model(stage.parent)),
            "init_method": {"path": str(work / "init")},
            "dtype": recipe.training.dtype,
        },
        "tokenizer": {"tokenizer_name_or_path": None},
        "logging": {"log_level": "error", "log_level_replica": "error", "iteration_step_info_interval": 1},
        "tokens": {
            "sequence_length": values.sequence_length,
            "train_steps": stage_steps(values, parallel.dp),
            "micro_batch_size": values.micro_batch_size,
            "batch_accumulation_per_replica": values.accumulation,
        },
        "optimizer": {
            "zero_stage": int(parallel.zero1),
            "weight_decay": values.weight_decay,
            "clip_grad": values.clip_gradient,
            # In fp32 gradients are so already, and nanotron refuses.
            "accumulate_grad_in_fp32": half,
            "adam_eps": 1e-8,
            "adam_beta1": 0.9,
            "adam_beta2": 0.95,
            "torch_adam_is_fused": True,
            # Warm-up and decay are the trainer's own (training.schedule); nanotron's style must still be named.
            "learning_rate_scheduler": {"learning_rate": values.learning_rate, "lr_warmup_style": "linear"},
        },
    }
