"""`python -m hub`: publish a release (plan, apply, verify) to the embedded Hub or to huggingface.co."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.inputs import Inputs, dataset_files, find_inputs, listed_hashes, model_files, model_names, space_files
from hub.target import Connection, Target, connect, store_identity, target_from_environment
from records.errors import UserError, run_command
from records.files import read_json, remove, require_space, sha256_file, write_json
from records.marks import fingerprint, is_done, set_done
from records.recipe import Recipe, build_folder, command_parser, load_recipe

PART = Path(__file__).resolve().parent


def main(argv: Sequence[str]) -> int:
    """Publish the recipe's artefacts. Environment: HUB (local, hf), REPO (owner), PORT, HF_TOKEN."""
    options = command_parser("hub", "Publish dataset, models and Space, and read them back.").parse_args(argv)
    recipe = load_recipe(options.recipe)
    target = target_from_environment()
    release = build_folder(recipe) / "release"
    if options.dry_run:
        return _dry_run(recipe, target)
    inputs = find_inputs(recipe)
    mark = release / ".done.json"
    if target.is_local and is_done(mark, _fingerprint(recipe, inputs, target, target.owner or "local")):
        return _report(release, target, "already published; nothing to do")
    size = _size(inputs)
    require_space(release, size * (2 if target.is_local else 1) + (1 << 28))
    with connect(target, release / ".client") as hub:
        if not target.is_local and is_done(mark, _fingerprint(recipe, inputs, target, hub.owner)):
            return _report(release, target, "already published; nothing to do")
        _publish(recipe, inputs, target, hub, release)
        set_done(mark, _fingerprint(recipe, inputs, target, hub.owner))
    return _report(release, target, "published and read back")


def _publish(recipe: Recipe, inputs: Inputs, target: Target, hub: Connection, release: Path) -> None:
    from huggingface_hub import HfApi

    from hub.apply import apply_plan
    from hub.cards import render_cards
    from hub.plan import make_plan, write_plan
    from hub.receipt import receipt
    from hub.verify import verify_release

    times = [time.time()]
    remove(release / ".client")
    remove(release / "cards")
    render_cards(inputs, recipe.release, hub.owner, release / "cards")
    private = recipe.release.private and not target.is_local
    plan = make_plan(inputs, release / "cards", recipe.release, hub.owner, private)
    write_plan(plan, release / "plan.jsonl")
    api = HfApi(endpoint=hub.endpoint, token=hub.token)
    times.append(time.time())
    sent = apply_plan(plan, api, may_move_tags=target.is_local)
    times.append(time.time())
    verified = verify_release(plan, inputs, api)
    times.append(time.time())
    place = "local" if target.is_local else hub.endpoint
    write_json(release / "receipt.json", receipt(plan, inputs, place, verified, api))
    write_json(release / "run.json", _run(hub, times, sent))
    remove(release / ".client")


def _run(hub: Connection, times: list[float], sent: int) -> dict[str, Any]:
    steps = zip(("plan", "apply", "verify"), times, times[1:], strict=False)
    seconds = {name: round(end - start, 2) for name, start, end in steps}
    return {"endpoint": hub.endpoint, "started": round(times[0]), "seconds": seconds, "bytes_sent": sent}


def _fingerprint(recipe: Recipe, inputs: Inputs, target: Target, owner: str) -> str:
    from hub.receipt import links, small_inputs

    listed = listed_hashes(inputs)
    files = {f"dataset/{name}": file for name, file in dataset_files(inputs).items()}
    for model in inputs.models:
        files |= {f"{model.name}/{name}": file for name, file in model_files(model).items()}
    files |= {f"space/{name}": file for name, file in space_files(inputs.space).items()}
    return fingerprint(
        release=repr(recipe.release),
        hub=[target.hub, owner, store_identity() if target.is_local else None],
        links=links(inputs),
        unlisted=small_inputs({name: file for name, file in files.items() if file not in listed}),
        # Listed files are too large to hash each time; one that was removed or cut short is noticed.
        sizes={name: file.stat().st_size for name, file in files.items()},
        code=[sha256_file(PART / name) for name in ("cards.py", "inputs.py", "plan.py")],
    )


def _all_files(inputs: Inputs) -> list[Path]:
    groups = [dataset_files(inputs), *map(model_files, inputs.models), space_files(inputs.space)]
    return [file for group in groups for file in group.values()]


def _size(inputs: Inputs) -> int:
    return sum(file.stat().st_size for file in _all_files(inputs))


def _dry_run(recipe: Recipe, target: Target) -> int:
    place = "the embedded Hub (build/hub)" if target.is_local else "https://huggingface.co"
    names = [("dataset", recipe.release.dataset), *(("model", name) for name in model_names(recipe).values())]
    print(f"publish {recipe.release.version} of recipe {recipe.name} to {place}")
    print("steps: plan (hash, render cards) · apply (upload, commit, tag) · verify (download, load, compare)")
    for kind, name in [*names, ("space", recipe.release.space)]:
        print(f"  {kind:8} {target.owner or 'local' if target.is_local else target.owner or '<token user>'}/{name}")
    try:
        size = _size(find_inputs(recipe))
        print(
            f"inputs: all there, {size / 1e6:,.0f} MB; disk: {2 * size / 1e6:,.0f} MB; about {10 + size / 40e6:.0f} s"
        )
    except UserError as missing:
        print(f"inputs: not ready: {missing}")
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
