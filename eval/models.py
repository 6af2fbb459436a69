"""Which models are evaluated: those of a recipe, a folder, a repository of the Hub, or an endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from records.errors import UserError
from records.files import read_json, sha256_file, sha256_json
from records.model_names import trained_models
from records.recipe import Recipe, build_folder

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
ENDPOINT = re.compile(r"(https?://[^#\s]+)#(\S+)")
ROLES = {"broad-ift": "broad", "control": "control", "ift": "ours"}
"""Kind of a fine-tuned model → who it is in the comparison."""
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Model:
    """A model and who it is in the comparison."""

    role: str
    """`base`, `control`, `ours` (`ours-seed2` of a further seed), `broad`, or the name of a model given by hand."""
    name: str
    """Names the results' folder."""
    place: str
    """Folder, or `http…/v1#model` of an endpoint."""
    sha256: str
    """Of record.json, or of the weights where a folder has no record. An endpoint's weights cannot be seen: of its
    address and model name."""
    label: str
    """What a report calls it."""

    @property
    def is_endpoint(self) -> bool:
        """Whether a server answers."""
        return ENDPOINT.fullmatch(self.place) is not None

    @property
    def folder(self) -> Path:
        """Where config.json and the weights lie."""
        assert not self.is_endpoint
        return Path(self.place)


def find_models(recipe: Recipe, given: list[str]) -> list[Model]:
    """The models to evaluate: `given`, or the base and every fine-tuned model of the recipe, control and ours last.

    Args:
        given: folders, Hub ids (`owner/name`, `owner/name@revision`) or endpoints (`http://host:port/v1#model-name`).

    Raises:
        UserError: a model is missing, or two have one name.
    """
    if given:
        models = [_given(place) for place in given]
        names = [model.name for model in models]
        if len(set(names)) < len(names):
            raise UserError(f"two models have one name ({', '.join(names)}); results are kept by name")
        return models
    models_folder = build_folder(recipe) / "models"
    remedy = f"run `make train RECIPE={recipe.name}` first"
    return [_from_folder(role, models_folder / name, remedy) for role, name in recipe_roles(recipe).items()]


def recipe_roles(recipe: Recipe) -> dict[str, str]:
    """Role → folder: base, further seeds and the model made without stages where there are any, control, ours."""
    found: dict[str, str] = {"base": "base"}
    last: dict[str, str] = {}
    for model in trained_models(recipe):
        if model.kind in ROLES:
            role = model.key.replace(model.kind, ROLES[model.kind], 1)
            (last if role in ("control", "ours") else found)[role] = model.name
    return found | {role: last[role] for role in ("control", "ours")}


def _given(place: str) -> Model:
    if endpoint := ENDPOINT.fullmatch(place):
        address, name = endpoint.groups()
        return Model(name, _file_name(name), place, sha256_json([address, name]), f"{name} at {address}")
    if place.startswith(("http://", "https://")):
        raise UserError(f"{place} names no model; write the endpoint as http://host:port/v1#model-name")
    folder = Path(place)
    if folder.exists() or not HUB_ID.fullmatch(place):
        return _from_folder(folder.resolve().name, folder.resolve(), "give a folder with config.json")
    found = _from_folder(_file_name(place), _download(place), "the repository holds no transformers model")
    return Model(found.role, _file_name(place), found.place, found.sha256, place)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "--", name)


def _download(place: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = place.partition("@")
    patterns = ["*.json", "*.jinja", "*.model", "*.txt", *WEIGHTS]
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{place} is no folder here and could not be fetched from the Hub ({' '.join(str(error).split())[:200]}); "
            "check the name, HF_TOKEN for gated models, HF_ENDPOINT and the network"
        ) from None


def _from_folder(role: str, folder: Path, remedy: str) -> Model:
    weights = sorted({file for pattern in WEIGHTS for file in folder.glob(pattern)})
    for needed in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / needed).is_file() and not (needed == "model.safetensors" and weights):
            raise UserError(f"no model at {folder}: {needed} is missing; {remedy}")
    record = folder / "record.json"
    if not record.is_file():
        whole = [[file.name, sha256_file(file)] for file in weights]
        digest = whole[0][1] if len(whole) == 1 else sha256_json(whole)
        return Model(role, folder.name, str(folder), digest, folder.name)
    values = read_json(record, "make train")
    label = str(values.get("name", folder.name))
    note = values.get("base", {}).get("note") if isinstance(values.get("base"), dict) else None
    note = values.get("note") or (note if values.get("stage") == "base" else None)
    return Model(role, folder.name, str(folder), sha256_file(record), f"{label} ({note})" if note else label)
