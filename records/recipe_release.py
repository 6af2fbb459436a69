"""The `release` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    allow_unchecked: tuple[str, ...] = ()
    """Benchmarks that the corpus may go out uncompared with, `all` for any; the cards name them."""
    model_prefix: str = ""
    """Put before the models' names on the Hub where a base model's licence asks for it, for example Llama-3-."""
    collection: str | None = None
    """Title of the collection; None takes the dataset's name."""
    space_hardware: str | None = None
    """Hardware that the Space asks for, for example cpu-upgrade; None leaves it as it is."""
    space_variables: dict[str, str] = field(default_factory=dict)
    """Public variables of the Space. Secrets do not belong into a recipe: set them on the Hub."""
    accept_secrets: tuple[str, ...] = ()
    """Fingerprints of strings that look like secrets and are none, as `make publish` prints them."""

    def __post_init__(self) -> None:
        for name in (self.dataset, self.space, self.version):
            if not name or "/" in name or name.strip() != name:
                raise ValueError(f"{name!r} is no repository name or tag; leave out the owner (REPO=… sets it)")
        if "/" in self.model_prefix or self.model_prefix.strip() != self.model_prefix:
            raise ValueError(f"model_prefix {self.model_prefix!r} must be the beginning of a name, without owner")
