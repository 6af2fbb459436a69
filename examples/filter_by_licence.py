"""Keep only rows under licences that you can use, and write them with their attributions."""

import argparse
import re
from collections import Counter
from pathlib import Path

from datasets import load_dataset


def fits(expression: str, wanted: set[str]) -> bool:
    """Whether an SPDX expression is acceptable: one of `A OR B`, all of `A AND B`, all names where both words occur."""
    names = set(re.split(r" (?:AND|OR) ", expression.replace("(", "").replace(")", "")))
    return bool(names & wanted) if " OR " in expression and " AND " not in expression else names <= wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo", help="for example local/hephaestus-forge-local")
    parser.add_argument("--config", default="code")
    parser.add_argument("--split", default="train")
    parser.add_argument("--keep", nargs="+", default=["MIT", "Apache-2.0"], help="SPDX names")
    parser.add_argument("--output", type=Path, help="a .parquet file to write")
    options = parser.parse_args()

    rows = load_dataset(options.repo, options.config, split=options.split)
    print("licences:", ", ".join(f"{name} {count}" for name, count in Counter(rows["license"]).most_common()))
    wanted = set(options.keep)
    kept = rows.filter(lambda row: fits(row["license"], wanted))
    print(f"kept {kept.num_rows} of {rows.num_rows} rows under {', '.join(sorted(wanted))}")
    if options.output:
        kept.to_parquet(str(options.output))
        if "attribution" in kept.column_names:
            notices = sorted({text for text in kept["attribution"] if text})
            options.output.with_suffix(".NOTICE.txt").write_text("\n\n".join(notices) + "\n", encoding="utf-8")
        print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
