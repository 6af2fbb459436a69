"""`python -m hub`: publish a release (plan, apply, verify) to the embedded Hub, to huggingface.co, or to an address."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.inputs import Inputs, dataset_files, find_inputs, listed_hashes, model_files, model_names, space_files
from hub.lease import only_run
from hub.plan import Plan
from hub.target import Connection, Target, connect, store_identity, target_from_environment
from records.errors import UserError, run_command
from records.files import read_json, remove, require_space, sha256_file, write_json
from records.gallery_choice import which
from records.marks import fingerprint, is_done, set_done
from records.recipe import ROOT, Recipe, build_folder, command_parser, load_recipe

PART = Path(__file__).resolve().parent
PLANNING = ("cards", "dataset_card", "eval_results", "inputs", "plan", "base_licences")
RELEASE_DATA = ROOT / "records" / "release_data.py"


@dataclass(frozen=True)
class Job:
    """One publication: what, where to, and how."""

    recipe: Recipe
    inputs: Inputs
    target: Target
    release: Path
    skip_space: str | None
    """Why verifying starts no Space; None starts it."""

    @property
    def artefacts(self) -> Path:
        """The recipe's build folder."""
        return self.release.parent

    @property
    def private(self) -> bool:
        """Whether repositories stay private. The embedded Hub's are open to this machine."""
        return self.recipe.release.private and not self.target.is_local


def main(argv: Sequence[str]) -> int:
    """Publish the recipe's artefacts.

    Environment: HUB (local, hf or an address), REPO (owner), PORT, HF_TOKEN; PLAN (only, reviewed); SPACE=skip;
    TAKE_OVER=1 and OVERWRITE=1, as the errors that name them say.
    """
    parser = command_parser("hub", "Publish dataset, models and Space, and read them back.")
    parser.add_argument("--plan-only", action="store_true", help="write plan.jsonl and the cards, and stop (PLAN=only)")
    parser.add_argument(
        "--reviewed", action="store_true", help="carry out the plan.jsonl that is there (PLAN=reviewed)"
    )
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    mode = _mode(options.plan_only, options.reviewed)
    planning = mode == "only" and bool(os.environ.get("REPO"))  # the owner is known, so no token is asked whose it is
    target = target_from_environment(reading=planning)
    release = build_folder(recipe) / "release"
    if options.dry_run:
        return _dry_run(recipe, target)
    job = Job(recipe, find_inputs(recipe), target, release, _skip_space())
    with only_run(release) as publisher:
        return _run_job(job, mode, publisher)


def _mode(plan_only: bool, reviewed: bool) -> str:
    asked = os.environ.get("PLAN") or ""
    if asked not in ("", "only", "reviewed"):
        raise UserError(f"PLAN={asked} is unknown; use PLAN=only (plan and stop) or PLAN=reviewed (apply that plan)")
    return "only" if plan_only else "reviewed" if reviewed else asked or "all"


def _skip_space() -> str | None:
    asked = os.environ.get("SPACE") or ""
    if asked not in ("", "skip", "start"):
        raise UserError(f"SPACE={asked} is unknown; use SPACE=skip to verify without starting the Space")
    return "SPACE=skip" if asked == "skip" else None


def _run_job(job: Job, mode: str, publisher: str) -> int:
    target, release, mark = job.target, job.release, job.release / ".done.json"
    if mode == "all" and target.is_local and is_done(mark, _fingerprint(job, target.owner or "local")):
        return _report(release, target, "already published; nothing to do")
    size = _size(job.inputs)
    require_space(release, size * (2 if target.is_local else 1) + (1 << 28))
    if mode == "only" and (target.owner or target.is_local):
        plan = _plan(job, target.owner or "local")
        return _planned(plan, release)
    with connect(target, release / ".client") as hub:
        if mode == "only":
            return _planned(_plan(job, hub.owner), release)
        if mode == "all" and not target.is_local and is_done(mark, _fingerprint(job, hub.owner)):
            return _report(release, target, "already published; nothing to do")
        _publish(job, mode, hub, publisher)
        set_done(mark, _fingerprint(job, hub.owner))
    return _report(release, target, "published and read back")


def _plan(job: Job, owner: str) -> Plan:
    """Render the cards, make the plan, check it, and write it down."""
    from hub.cards import render_cards
    from hub.plan import make_plan, write_plan

    remove(job.release / "cards")
    render_cards(job.inputs, job.recipe.release, owner, job.release / "cards")
    plan = make_plan(job.inputs, job.release / "cards", job.recipe.release, owner, job.private)
    print(f"space: {which(job.inputs.gallery)}")
    _check(job, plan)
    write_plan(plan, job.release / "plan.jsonl", job.artefacts)
    return plan


def _check(job: Job, plan: Plan) -> None:
    from hub.base_licences import check_duties
    from hub.card_fields import check_cards
    from hub.limits import check_limits
    from hub.secret_scan import check_secrets

    release = job.recipe.release
    check_limits(plan)
    check_cards(plan)
    check_duties(plan, job.inputs.models[0].license, release.base_model)
    check_secrets(plan, release.accept_secrets)


def _reviewed(job: Job) -> Plan:
    from hub.plan_file import check_sources, read_plan

    plan = read_plan(job.release / "plan.jsonl", job.artefacts)
    check_sources(plan)
    for repo in plan.repos:
        if job.private and not repo.private:
            raise UserError(
                f"{job.release / 'plan.jsonl'} makes {repo.id} public, and the recipe says private: plan anew for this"
                " Hub with PLAN=only, or say release.private: false"
            )
    _check(job, plan)
    return plan


def _publish(job: Job, mode: str, hub: Connection, publisher: str) -> None:
    from huggingface_hub import HfApi

    from hub.apply import Manners, apply_plan
    from hub.receipt import receipt
    from hub.verify import expected_of, verify_release

    times = [time.time()]
    remove(job.release / ".client")
    plan = _reviewed(job) if mode == "reviewed" else _plan(job, hub.owner)
    api = HfApi(endpoint=hub.endpoint, token=hub.token)
    times.append(time.time())
    manners = Manners(
        may_move_tags=job.target.is_local,
        take_over=os.environ.get("TAKE_OVER") == "1",
        overwrite=os.environ.get("OVERWRITE") == "1",
    )
    sent = apply_plan(plan, api, publisher, manners)
    times.append(time.time())
    verified = verify_release(expected_of(plan), api, job.skip_space)
    times.append(time.time())
    place = "local" if job.target.is_local else hub.endpoint
    content = receipt(plan, job.inputs, place, verified, api, sent["collection"])
    write_json(job.release / "receipt.json", content)
    write_json(job.release / "run.json", _run(hub, times, sent))
    remove(job.release / ".client")


def _run(hub: Connection, times: list[float], sent: dict[str, Any]) -> dict[str, Any]:
    steps = zip(("plan", "apply", "verify"), times, times[1:], strict=False)
    seconds = {name: round(end - start, 2) for name, start, end in steps}
    return {
        **{"endpoint": hub.endpoint, "started": round(times[0]), "seconds": seconds},
        **{"bytes_sent": sent["bytes"], "seconds_waited": sent["waited"]},
    }


def _fingerprint(job: Job, owner: str) -> str:
    from hub.receipt import links, small_inputs

    inputs, target = job.inputs, job.target
    listed = listed_hashes(inputs)
    files = {f"dataset/{name}": file for name, file in dataset_files(inputs).items()}
    for model in inputs.models:
        files |= {f"{model.name}/{name}": file for name, file in model_files(model).items()}
    files |= {f"space/{name}": file for name, file in space_files(inputs).items()}
    code = [*(PART / f"{name}.py" for name in PLANNING), *sorted((PART / "templates").iterdir()), RELEASE_DATA]
    return fingerprint(
        release=repr(job.recipe.release),
        hub=[target.hub, owner, store_identity() if target.is_local else None],
        links=links(inputs),
        unlisted=small_inputs({name: file for name, file in files.items() if file not in listed}),
        # Listed files are too large to hash each time; one that was removed or cut short is noticed.
        sizes={name: file.stat().st_size for name, file in files.items()},
        code=[sha256_file(file) for file in code],
        skip_space=job.skip_space,
    )


def _all_files(inputs: Inputs) -> list[Path]:
    groups = [dataset_files(inputs), *map(model_files, inputs.models), space_files(inputs)]
    return [file for group in groups for file in group.values()]


def _size(inputs: Inputs) -> int:
    return sum(file.stat().st_size for file in _all_files(inputs))


def _dry_run(recipe: Recipe, target: Target) -> int:
    release = recipe.release
    owner = target.owner or ("local" if target.is_local else "<token user>")
    models = [("model", release.model_prefix + name) for name in model_names(recipe).values()]
    print(f"publish {release.version} of recipe {recipe.name} to {target.place}")
    print("steps: plan (hash, render cards, check) · apply (branch, main, tag) · verify (download, load, run)")
    for kind, name in [("dataset", release.dataset), *models, ("space", release.space)]:
        print(f"  {kind:8} {owner}/{name}")
    try:
        size = _size(find_inputs(recipe))
        print(
            f"inputs: all there, {size / 1e6:,.0f} MB; disk: {2 * size / 1e6:,.0f} MB; about {30 + size / 40e6:.0f} s"
        )
    except UserError as missing:
        print(f"inputs: not ready: {missing}")
    return 0


def _planned(plan: Plan, release: Path) -> int:
    print(f"publish · planned {plan.version}: nothing was sent")
    for repo in plan.repos:
        seen = "private" if repo.private else "public"
        print(f"  {repo.kind:8} {repo.id:44} {len(repo.files):4} files {repo.bytes / 1e6:10.1f} MB  {seen}")
    print(f"  read {release / 'plan.jsonl'} and {release / 'cards'}; then `make publish PLAN=reviewed`")
    return 0


def _report(release: Path, target: Target, what: str) -> int:
    receipt = read_json(release / "receipt.json", "make publish")
    print(f"publish · {what}: {receipt['version']} on {receipt['hub']}")
    for repo in receipt["repos"]:
        line = f"{repo['type']:8} {repo['id']:44} {repo['files']:4} files {repo['bytes'] / 1e6:10.1f} MB"
        print(f"  {line}  {repo['revision'][:10]}")
    print(f"  receipt: {release / 'receipt.json'}")
    if target.is_local:
        print("  `make hub` serves it again")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
