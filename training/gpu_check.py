"""`python -m training.gpu_check`: the adapter on a GPU, against plain transformers on the same batches.

Written for the first machine with a GPU; it has not run on one yet, and the records it writes say what it found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from records.errors import UserError, run_command
from records.files import write_json
from records.recipe import ROOT

OUTPUT = ROOT / "results" / "gpu_check.json"
MOST_DIFFERENCE = 1e-3
"""Nats between the losses of both, in fp32: their kernels add in other orders."""


def main(argv: Sequence[str]) -> int:
    """Train a few steps of both loops on the GPU, compare the losses, and write the record.

    Raises:
        UserError: there is no GPU, or the losses differ.
    """
    parser = argparse.ArgumentParser(prog="python -m training.gpu_check", description="The adapter on a GPU.")
    parser.add_argument("--shape", default="135m", choices=("135m", "tiny"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--rehearse", action="store_true", help="go through it on the CPU, with a tiny shape")
    options = parser.parse_args(argv)
    import torch

    if options.rehearse:
        options.shape, options.steps = "tiny", min(options.steps, 3)
    elif not torch.cuda.is_available():
        raise UserError(
            "there is no GPU that torch sees here, so nothing was checked; on one, install a CUDA build of the pinned "
            "torch and run `make gpu-check` again"
        )
    from training.bench import bench

    record = bench(options.shape, options.steps)
    worst = {
        data: max(abs(a - b) for a, b in zip(run["losses"]["adapter"], run["losses"]["plain"], strict=True))
        for data, run in record["runs"].items()
        if run["dtype"] == "float32"  # bfloat16 rounds both in its own way
    }
    write_json(options.output, record | {"part": "gpu_check", "largest_loss_difference": worst})
    if max(worst.values()) > MOST_DIFFERENCE:
        raise UserError(f"losses of adapter and plain loop differ by {worst} nats; {options.output} has every step")
    print(f"training: losses agree within {max(worst.values()):.1e} nats on {record['machine']['device']}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
