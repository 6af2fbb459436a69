"""Safetensors of a transformers folder, one file or many, opened so that damage is found before work begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from records.errors import UserError
from records.files import read_json

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class Weights:
    """Open files by the tensors they hold."""

    folder: Path
    files: Mapping[str, Any]

    def get(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """A tensor. Raises UserError when it is missing or of another shape than the model's config says."""
        self.check(name, shape)
        tensor: torch.Tensor = self.files[name].get_tensor(name)
        return tensor

    def check(self, name: str, shape: tuple[int, ...]) -> None:
        """Raise UserError when a weight is missing or of another shape than the model's config says."""
        if name not in self.files:
            raise UserError(f"{self.folder} lacks the weight {name}; fetch or convert the model again")
        found = tuple(self.files[name].get_slice(name).get_shape())
        if found != shape:
            raise UserError(f"{self.folder}: {name} is {found} and config.json says {shape}; they are not of one model")


@contextmanager
def open_weights(folder: Path) -> Iterator[Weights]:
    """Open all weights of a transformers folder.

    Raises:
        UserError: there are none, they are pickled, or a file is damaged.
    """
    with ExitStack() as stack:
        found: dict[str, Any] = {}
        for file in _weight_files(folder):
            try:
                opened = stack.enter_context(safe_open(file, "pt"))
            except (SafetensorError, OSError) as error:
                raise UserError(f"{file} is damaged or missing ({error}); fetch or convert the model again") from None
            found |= dict.fromkeys(opened.keys(), opened)
        yield Weights(folder, found)


def _weight_files(folder: Path) -> list[Path]:
    if (folder / INDEX).is_file():
        index = read_json(folder / INDEX, made_by="the download")
        return [folder / name for name in sorted(set(index.get("weight_map", {}).values()))]
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    pickled = [file.name for kind in PICKLED for file in folder.glob(kind)]
    if pickled:
        raise UserError(
            f"{folder} has its weights pickled only ({pickled[0]}), and opening a pickle runs what it says; use a "
            "revision with safetensors, or save the model anew with save_pretrained"
        )
    raise UserError(f"{folder} holds no model.safetensors; name a transformers folder or a Hub id")
