"""`python -m records.keep`: copy the records of a finished run to results/<date>-<recipe>/, to be committed.

Manifest, records, results, samples and reports go along, weights and texts do not; samples lose the benchmark's prompts
and tools, which are found by question id.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from records.errors import UserError
from records.files import replacing, write_text
from records.recipe import ROOT, build_folder, command_parser, load_recipe

NOT_OURS = ("prompt", "tools", "messages", "question")
COPIED = (
    "models/*/record.json", "models/*/run.json", "eval/report.json", "eval/report.md", "eval/figures/scores.png",
    "eval/*/results.json", "eval/*/run.json", "training/report.*", "training/*.png",
)  # fmt: skip
RENAMED = {
    "corpus/manifest.json": "manifest.json",
    "corpus/run.json": "corpus-run.json",
    "release/receipt.json": "receipt.json",
}


def main(argv: Sequence[str]) -> int:
    """Copy, and say what is left to do by hand."""
    parser = command_parser("records.keep", "Copy the records of a run to results/.")
    parser.add_argument("--to", type=Path, help="folder to write (default: results/<date>-<recipe>)")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="further files of the run")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    build = build_folder(recipe)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    target = options.to or ROOT / "results" / f"{today}-{recipe.name}"
    if target.exists():
        raise UserError(f"{target} exists; remove it, or name another with --to")
    found = dict(records_of(build))
    if "manifest.json" not in found:
        raise UserError(f"{build / 'corpus' / 'manifest.json'} is missing; run `make corpus RECIPE={recipe.name}`")
    if options.dry_run:
        print("\n".join(f"{name} ← {file}" for name, file in found.items()))
        return 0
    with replacing(target) as partial:
        for name, file in [*found.items(), *((file.name, file) for file in options.more)]:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, partial / name)
        for samples in sorted(build.glob("eval/*/samples/*.jsonl")):
            write_text(partial / samples.relative_to(build), without_prompts(samples))
    print(f"records of {recipe.name} are in {target}; say in results/LOG.md what they show, and commit both")
    return 0


def records_of(build: Path) -> Iterator[tuple[str, Path]]:
    """Name in results/ → file of the build folder."""
    yield from ((name, build / place) for place, name in RENAMED.items() if (build / place).is_file())
    for pattern in COPIED:
        for file in sorted(build.glob(pattern)):
            if file.is_file():
                yield file.relative_to(build).as_posix(), file


def without_prompts(samples: Path) -> str:
    """The lines of a samples file without what the benchmark wrote."""
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    kept = [{key: value for key, value in row.items() if key not in NOT_OURS} for row in rows]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)


if __name__ == "__main__":
    from records.errors import run_command

    raise SystemExit(run_command(main))
