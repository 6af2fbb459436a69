"""Front matter of cards: what the Hub's pages, its viewer and its search need, checked before anything goes out.

Sources: the Hub's documentation of dataset cards, model cards and the Spaces configuration reference.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from hub.plan import CARD, Plan, PlannedRepo
from records.errors import UserError

COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SDKS = ("gradio", "docker", "static")
SHORT_DESCRIPTION = 60
LICENCES = frozenset(
    "apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc mpl-2.0 lgpl lgpl-2.1 lgpl-3.0 gpl gpl-2.0"
    " gpl-3.0 agpl-3.0 cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0"
    " cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0"
    " cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 odc-by odbl pddl unlicense zlib wtfpl"
    " artistic-2.0 bsl-1.0 afl-3.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 ecl-2.0 ms-pl ncsa ofl-1.1 osl-3.0 postgresql"
    " openrail bigscience-openrail-m creativeml-openrail-m bigcode-openrail-m llama2 llama3 llama3.1 llama3.2 llama3.3"
    " llama4 gemma deepfloyd-if-license apple-amlr intel-research c-uda lgpl-lr gfdl etalab-2.0 other".split()
)
SIZES = re.compile(
    r"n<1K|1K<n<10K|10K<n<100K|100K<n<1M|1M<n<10M|10M<n<100M|100M<n<1B|1B<n<10B|10B<n<100B|100B<n<1T|n>1T"
)
NEEDED = {
    "dataset": (
        "license language pretty_name size_categories task_categories tags annotations_creators language_creators"
        " source_datasets configs dataset_info"
    ).split(),
    "model": "license language library_name pipeline_tag base_model datasets tags".split(),
    "space": "title emoji colorFrom colorTo sdk app_file short_description models datasets license".split(),
}
LISTS = frozenset(
    "language size_categories task_categories task_ids tags annotations_creators language_creators source_datasets"
    " configs models datasets".split()
)


def check_cards(plan: Plan) -> None:
    """Raises UserError that names repository and field."""
    for repo in plan.repos:
        card = next((file for file in repo.files if file.path == CARD), None)
        if card is None:
            raise UserError(f"{repo.id} has no card: {CARD} is not among its files")
        for problem in problems(repo, read_front_matter(card.source)):
            raise UserError(f"{card.source}, the card of {repo.kind} {repo.id}: {problem}")


def read_front_matter(card: Path) -> dict[str, Any]:
    """The YAML head of a card. Raises UserError when there is none, or it is no mapping."""
    return split_card(card)[0]


def split_card(card: Path) -> tuple[dict[str, Any], str]:
    """(front matter, body) of a card. Raises UserError when there is no front matter, or it is no mapping."""
    parts = card.read_text(encoding="utf-8").split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise UserError(f"{card} has no front matter between --- lines")
    try:
        values = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise UserError(f"{card}: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{card}: the front matter is no mapping")
    return values, parts[2].lstrip("\n")


def problems(repo: PlannedRepo, values: dict[str, Any]) -> list[str]:
    """What is wrong with a card's front matter, in words."""
    found = [f"{name} is missing" for name in NEEDED[repo.kind] if values.get(name) in (None, "", [])]
    found += [f"{name} must be a list" for name in sorted(LISTS & values.keys()) if not _is_list(values[name])]
    if "license" in values and values["license"] not in LICENCES:
        found.append(
            f"license {values['license']!r} is none that the Hub knows; write other, license_name, license_link"
        )
    if values.get("license") == "other" and not (values.get("license_name") and values.get("license_link")):
        found.append("license: other needs license_name and license_link")
    found += [f"tag {tag!r} must be text" for tag in values.get("tags") or () if not isinstance(tag, str)]
    for kind, check in (("dataset", _dataset), ("space", _space)):
        if repo.kind == kind and not found:
            found += check(values, {file.path for file in repo.files})
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and bool(value))


def _dataset(values: dict[str, Any], paths: set[str]) -> list[str]:
    found = [
        f"size {size!r} is none that the Hub knows" for size in values["size_categories"] if not SIZES.fullmatch(size)
    ]
    names = [config.get("config_name") for config in values["configs"]]
    found += [f"configs names {name!r} twice" for name in sorted(set(names)) if names.count(name) > 1]
    for config in values["configs"]:
        for row in config.get("data_files", []):
            pattern = re.escape(row["path"]).replace(r"\*", "[^/]*")
            if not any(re.fullmatch(pattern, path) for path in paths):
                found.append(f"config {config.get('config_name')}: no file fits {row['path']}")
    info = values["dataset_info"]
    described = {row.get("config_name") for row in (info if isinstance(info, list) else [info])}
    found += [f"dataset_info lacks config {name}" for name in names if name not in described]
    if values.get("license_link") and values["license"] == "other" and "://" not in values["license_link"]:
        link = values["license_link"]
        if not any(path == link or path.startswith(f"{link}/") for path in paths):
            found.append(f"license_link {link} is no file of the repository")
    return found


def _space(values: dict[str, Any], paths: set[str]) -> list[str]:
    found = [
        f"{name} must be one of {', '.join(COLOURS)}"
        for name in ("colorFrom", "colorTo")
        if values[name] not in COLOURS
    ]
    if values["sdk"] not in SDKS:
        found.append(f"sdk must be one of {', '.join(SDKS)}")
    if values["sdk"] == "gradio" and not re.fullmatch(r"\d+\.\d+\.\d+", str(values.get("sdk_version"))):
        found.append("sdk_version must be a version of gradio, such as 6.31.0")
    if len(values["short_description"]) > SHORT_DESCRIPTION:
        found.append(f"short_description is longer than {SHORT_DESCRIPTION} characters")
    if values["app_file"] not in paths:
        found.append(f"app_file {values['app_file']} is no file of the Space")
    if not isinstance(values.get("python_version", ""), str):
        found.append("python_version must be text in quotes: YAML reads 3.10 as 3.1")
    if any(character.isascii() for character in values["emoji"]):
        found.append("emoji must be an emoji")
    return found
