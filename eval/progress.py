"""The progress bar of answering, and quiet libraries."""

from __future__ import annotations

import functools
import logging
import os
import warnings
from typing import Any


def answer_bar(total: int, label: str, hidden: bool = False) -> Any:
    """A bar that counts answered questions of the model `label`."""
    from tqdm import tqdm

    return tqdm(total=total, desc=f"eval · {label}", unit="questions", disable=hidden, dynamic_ncols=True)


def quiet_libraries() -> None:
    """Hide what lm-eval, transformers and datasets log, unless VERBOSE=1."""
    if os.environ.get("VERBOSE") == "1":
        return
    import datasets
    import lm_eval.api.task
    import transformers

    for name in ("lm_eval", "datasets", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    lm_eval.api.task.tqdm = functools.partial(lm_eval.api.task.tqdm, disable=True)  # one for each task's requests
    warnings.filterwarnings("ignore", module="transformers|lm_eval|torch")
