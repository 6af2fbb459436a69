"""Load one config of a dataset whole, and stream it without downloading it first."""

import argparse
import json
from itertools import islice

from datasets import get_dataset_config_names, load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo", help="for example local/hephaestus-forge-local")
    parser.add_argument("--config", default="api_docs")
    parser.add_argument("--split", default="train")
    parser.add_argument("--revision", help="a tag, for example v0.1.0 (default: the newest state)")
    options = parser.parse_args()

    print("configs:", ", ".join(get_dataset_config_names(options.repo, revision=options.revision)))

    rows = load_dataset(options.repo, options.config, split=options.split, revision=options.revision)
    print(f"loaded {rows.num_rows} rows with columns {', '.join(rows.column_names)}")

    # A stream reads shard after shard: for corpora that do not fit onto the disk.
    stream = load_dataset(options.repo, options.config, split=options.split, revision=options.revision, streaming=True)
    for row in islice(stream, 2):
        print(f"- {row['license']}: {row['text'][:80]!r}")
        # Dialogues hold messages and tools as JSON text; both are null where a row is plain text.
        if row.get("messages"):
            print(f"  {len(json.loads(row['messages']))} messages, {len(json.loads(row['tools'] or '[]'))} tools")


if __name__ == "__main__":
    main()
