"""`python -m hub.check`: verify somebody's release with nothing but a Hub's address (`make verify REPO=…`)."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.target import connect, target_from_environment
from records.errors import UserError, run_command
from records.files import require_space, write_json
from records.recipe import ROOT

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hub.verify import Expected

KINDS = ("dataset", "model", "space")


def main(argv: Sequence[str]) -> int:
    """Download, compare, load and run what an owner, or one repository, has published.

    Environment: REPO (owner or owner/name), HUB (local, hf or an address), SPACE=skip.

    Raises:
        UserError: nothing of that name, or something is missing, differs, does not load or does not answer.
    """
    parser = argparse.ArgumentParser(prog="python -m hub.check", description="Verify a published release.")
    parser.add_argument("--repo", default=os.environ.get("REPO"), help="owner, or owner/name")
    parser.add_argument("--kind", choices=KINDS, help="kind of repository (default: whatever has the name)")
    parser.add_argument("--revision", help="tag to verify (default: the newest v… tag)")
    parser.add_argument("--output", type=Path, help="where receipt.json goes (default: build/verify/<repository>)")
    options = parser.parse_args(argv)
    owner, _, name = (options.repo or "").partition("/")
    if not owner or "/" in name:
        raise UserError("name what to verify: `make verify REPO=owner` or `make verify REPO=owner/name`")
    target = target_from_environment(reading=True, owner=owner)
    skip_space = "SPACE=skip" if os.environ.get("SPACE") == "skip" else None
    folder = options.output or _folder(options.repo)
    require_space(folder, 1 << 28)
    with (
        tempfile.TemporaryDirectory(prefix="verify-", dir=_existing(folder)) as home,
        connect(target, Path(home), reading=True) as hub,
    ):
        receipt = _verify(hub.endpoint, hub.token, owner, name, options.kind, options.revision, skip_space)
    write_json(folder / "receipt.json", receipt)
    for repo in receipt["repos"]:
        print(f"  {repo['type']:8} {repo['id']:44} {repo['tag']:10} {repo['revision'][:10]}")
    verified = receipt["verified"]
    print(f"verified · {verified['files']} files, {verified['bytes'] / 1e6:,.1f} MB: {folder / 'receipt.json'}")
    for space, what in verified["space"].items():
        print(f"  space {space}: {what}")
    return 0


def _folder(repo: str) -> Path:
    build = Path(os.environ.get("BUILD") or ROOT / "build").resolve()
    return build / "verify" / repo.replace("/", "--")


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _verify(
    endpoint: str, token: str, owner: str, name: str, kind: str | None, revision: str | None, skip_space: str | None
) -> dict[str, Any]:
    from huggingface_hub import HfApi

    from hub.remote import hub_errors
    from hub.verify import verify_release

    api = HfApi(endpoint=endpoint, token=token or False)
    with hub_errors(f"looking for {owner}/{name}".rstrip("/")):
        wanted = _find(api, owner, name, kind, revision)
    verified = verify_release(wanted, api, skip_space)
    with hub_errors("looking at the revisions"):
        repos = [{"type": one.kind, "id": one.id, "tag": one.revision, "revision": _sha(api, one)} for one in wanted]
    return {"schema": 2, "hub": endpoint, "repos": repos, "verified": verified}


def _sha(api: HfApi, repo: Expected) -> str:
    return str(api.repo_info(repo.id, repo_type=repo.kind, revision=repo.revision).sha)


def _find(api: HfApi, owner: str, name: str, kind: str | None, revision: str | None) -> list[Expected]:
    """Repositories with a release: all of an owner's, or every kind of one name."""
    from hub.verify import Expected

    kinds = [kind] if kind else list(KINDS)
    if name:
        found = [(one, f"{owner}/{name}") for one in kinds if api.repo_exists(f"{owner}/{name}", repo_type=one)]
    else:
        lists: dict[str, Any] = {"dataset": api.list_datasets, "model": api.list_models, "space": api.list_spaces}
        found = [(one, repo.id) for one in kinds for repo in lists[one](author=owner)]
    if not found:
        raise UserError(f"{api.endpoint} shows no repository {owner}/{name or '…'}; a private one needs HF_TOKEN")
    wanted = []
    for one, repo in found:
        tag = revision or _newest(api, one, repo)
        if tag is not None:
            wanted.append(Expected(one, repo, tag, None))
        elif name:
            raise UserError(f"{one} {repo} has no release: no tag v…; name a revision by --revision")
    if not wanted:
        raise UserError(f"none of the {len(found)} repositories of {owner} has a release (a tag v…)")
    return wanted


def _newest(api: HfApi, kind: str, repo: str) -> str | None:
    tags = [ref.name for ref in api.list_repo_refs(repo, repo_type=kind).tags if re.match(r"v\d", ref.name)]
    return max(tags, key=_order, default=None)


def _order(tag: str) -> tuple[list[int], bool, str]:
    """v0.10.0 after v0.9.0, and v1.0.0 after v1.0.0-rc1."""
    version, _, rest = tag.removeprefix("v").partition("-")
    return [int(part) for part in re.findall(r"\d+", version)], not rest, rest


if __name__ == "__main__":
    sys.exit(run_command(main))
