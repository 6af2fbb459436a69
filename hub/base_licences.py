"""What the licence of a base model demands of models made from it: their names, a notice, a file.

Sources: Meta Llama 3, 3.1, 3.2, 3.3 and 4 Community Licenses, 1.b.i; Gemma Terms of Use, 3.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.plan import Plan
from records.errors import UserError


@dataclass(frozen=True)
class BaseLicence:
    """Duties that go with a base model."""

    id: str
    """The Hub's id of the licence."""
    bases: str
    """Pattern of Hub ids of base models, matched where a record's licence does not say it."""
    name_start: str | None
    """What the name of a derived model must begin with."""
    notice: str | None
    """What its page must show."""
    notice_file: str | None
    """Text of the file NOTICE that goes with copies."""


_META = "is licensed under the {} Community License, Copyright © Meta Platforms, Inc. All Rights Reserved."
LICENCES = (
    BaseLicence(
        "llama3",
        r"(?i)meta-llama/(meta-)?llama-3-",
        "Llama 3",
        "Built with Meta Llama 3",
        "Meta Llama 3 " + _META.format("Meta Llama 3") + "\n",
    ),
    *(
        BaseLicence(
            f"llama{version}",
            rf"(?i)meta-llama/(meta-)?llama-{re.escape(version)}-",
            "Llama",
            "Built with Llama",
            f"Llama {version} " + _META.format(f"Llama {version}") + "\n",
        )
        for version in ("3.1", "3.2", "3.3", "4")
    ),
    BaseLicence(
        "gemma",
        r"(?i)google/gemma-",
        None,
        None,
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n",
    ),
)


def duties(licence: str, base_model: str) -> BaseLicence | None:
    """What models made from a base must do; None where its licence asks for no name or notice.

    Args:
        licence: the Hub's id of the models' licence.
        base_model: the Hub's id of the base.
    """
    named = next((one for one in LICENCES if re.match(one.bases, base_model)), None)
    return named or next((one for one in LICENCES if one.id == licence.lower()), None)


def check_duties(plan: Plan, licence: str, base_model: str) -> None:
    """Raise UserError where a model's name, card or files lack what the base's licence demands."""
    wanted = duties(licence, base_model)
    if wanted is None:
        return
    if licence.lower() != wanted.id:
        raise UserError(
            f"{base_model} is under {wanted.id}, and the models' records say {licence}; models made from it keep its"
            " licence: mend the base in the recipe and train again"
        )
    for repo in (repo for repo in plan.repos if repo.kind == "model"):
        name = repo.id.partition("/")[2]
        if wanted.name_start and not _starts(name, wanted.name_start):
            start = wanted.name_start.replace(" ", "-")
            raise UserError(
                f"{repo.id}: the licence of {base_model} wants names that begin with {wanted.name_start!r}; say"
                f" release.model_prefix: {start}- in the recipe"
            )
        card = next(file.source.read_text(encoding="utf-8") for file in repo.files if file.path == "README.md")
        if wanted.notice and wanted.notice not in card:
            raise UserError(f"{repo.id}: its card lacks {wanted.notice!r}, which the licence of {base_model} wants")
        if wanted.notice_file and not any(file.path == "NOTICE" for file in repo.files):
            raise UserError(f"{repo.id} lacks the file NOTICE, which the licence of {base_model} wants")


def _starts(name: str, wanted: str) -> bool:
    letters = re.sub(r"[^a-z0-9.]", "", name.lower())
    return letters.startswith(re.sub(r"[^a-z0-9.]", "", wanted.lower()))
