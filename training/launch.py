"""Launch scripts written from a recipe: one torchrun a stage, over srun on a cluster."""

from __future__ import annotations

import shlex
from pathlib import Path

from records.errors import UserError
from records.files import replacing
from records.recipe import Recipe, build_folder
from records.recipe_training import ClusterRecipe
from training.preflight import check_parallel, world_size
from training.shape import shape_limits, shape_of
from training.stages import Stage, stages

HEAD = """#!/usr/bin/env bash
# Written by `python -m training --recipe {recipe} --launch {kind}`. Run it in the checkout, after `make setup` and
# `make corpus RECIPE={recipe}`. A stage that is made ends at once, a killed one goes on from its last checkpoint:
# submit the same script again until all is made.
"""


def write_launch(recipe: Recipe, name: str, kind: str) -> Path:
    """Write `build/<recipe>/launch_<kind>.sh`.

    Args:
        recipe: the recipe; its `training.cluster` says how large a node is.
        name: how the recipe was named on the command line.
        kind: `slurm` or `torchrun` (one machine, or one of several that start it with the same NODES, RANK and HOST).

    Raises:
        UserError: a topology does not fit the model, or does not fill whole nodes.
    """
    cluster = recipe.training.cluster or ClusterRecipe()
    limits = shape_limits(shape_of(recipe))
    for stage in stages(recipe):
        check_parallel(stage.parallel, limits, f"{stage.title}: parallel")
        _nodes(stage, cluster)
    lines = _slurm(recipe, name, cluster) if kind == "slurm" else _torchrun(recipe, name, cluster)
    path = build_folder(recipe) / f"launch_{kind}.sh"
    with replacing(path) as partial:
        partial.write_text(HEAD.format(recipe=name, kind=kind) + "\n".join(lines) + "\n", encoding="utf-8")
        partial.chmod(0o755)
    return path


def _nodes(stage: Stage, cluster: ClusterRecipe) -> tuple[int, int]:
    """Nodes, and processes on each."""
    world, size = world_size(stage.parallel), cluster.gpus_per_node
    if world > size and world % size:
        raise UserError(
            f"{stage.title} wants dp × tp × pp = {world} GPUs, which does not divide into nodes of {size}; "
            "change its parallel, or training.cluster.gpus_per_node"
        )
    if stage.parallel.tp > size:
        raise UserError(f"{stage.title}: tp {stage.parallel.tp} reaches over a node of {size} GPUs; lower it")
    return max(1, world // size), min(world, size)


def _slurm(recipe: Recipe, name: str, cluster: ClusterRecipe) -> list[str]:
    nodes = max(_nodes(stage, cluster)[0] for stage in stages(recipe))
    asked = {
        "job-name": f"train-{recipe.name}",
        "nodes": nodes,
        "ntasks-per-node": 1,
        "gpus-per-node": cluster.gpus_per_node,
        "time": f"{cluster.hours_a_job}:00:00",
        "partition": cluster.partition,
        "account": cluster.account,
        "signal": "TERM@120",
    }
    head = [f"#SBATCH --{key}={value}" for key, value in asked.items() if value is not None]
    lines = [*head, "set -euo pipefail", "export CUDA_DEVICE_MAX_CONNECTIONS=1"]
    lines += [
        'host=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "port=$((SLURM_JOB_ID % 20000 + 20000))",
    ]
    base = f".venv/bin/python -m training.stage --recipe {shlex.quote(name)} --stage base"
    lines += [f"srun --nodes=1 --ntasks=1 {base}"]
    for stage in stages(recipe):
        used, processes = _nodes(stage, cluster)
        lines += [
            f"srun --nodes={used} --ntasks={used} --ntasks-per-node=1 .venv/bin/python -m torch.distributed.run \\",
            f"  --nnodes={used} --nproc-per-node={processes} --rdzv-backend=c10d \\",
            f'  --rdzv-id=$SLURM_JOB_ID-{stage.key} --rdzv-endpoint="$host:$port" \\',
            f"  -m training.stage --recipe {shlex.quote(name)} --stage {stage.key}",
        ]
    return lines


def _torchrun(recipe: Recipe, name: str, cluster: ClusterRecipe) -> list[str]:
    lines = ["set -euo pipefail", "export CUDA_DEVICE_MAX_CONNECTIONS=1"]
    lines += [
        f'[ "${{RANK:-0}}" != 0 ] || .venv/bin/python -m training.stage --recipe {shlex.quote(name)} --stage base'
    ]
    for stage in stages(recipe):
        used, processes = _nodes(stage, cluster)
        where = (
            "--standalone"
            if used == 1
            else f'--nnodes={used} --node-rank="${{RANK:?}}" --master-addr="${{HOST:?}}" --master-port=29500'
        )
        skip = "" if used == 1 else f'[ "$RANK" -ge {used} ] || '
        lines += [
            f"{skip}.venv/bin/python -m torch.distributed.run {where} --nproc-per-node={processes} \\",
            f"  -m training.stage --recipe {shlex.quote(name)} --stage {stage.key}",
        ]
    return lines
