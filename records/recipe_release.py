"""The `release` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReleaseRecipe:
    """What `make publish` does."""

    dataset: str
    """Name of the dataset repository, without owner."""
    space: str
    """Name of the Space repository, without owner."""
    version: str
    """Tag of the release, for example v0.1.0."""
    private: bool = True
    """Whether repositories on huggingface.co are created private; the embedded Hub's are open to this machine."""
    base_model: str = "HuggingFaceTB/SmolLM2-135M-Instruct"
    """Hub id of the model that training starts from, as cards name it."""
    space_folder: str = "spaces/function_calling"
    """The Space to upload: a folder of the checkout, or an absolute path."""

    def __post_init__(self) -> None:
        for name in (self.dataset, self.space, self.version):
            if not name or "/" in name or name.strip() != name:
                raise ValueError(f"{name!r} is no repository name or tag; leave out the owner (REPO=… sets it)")
