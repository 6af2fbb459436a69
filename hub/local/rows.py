"""`python -I rows.py FILE ROWS`: the first rows of a Parquet file as JSON, in a process of its own with little memory.

A file from anyone is read here: what makes the reader crash, hang or fill the memory ends this process, not the server.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY_BYTES = 3 << 30
CPU_SECONDS = 10
MAX_COLUMNS = 40
MAX_CELL = 500


def main(path: str, count: int) -> None:
    """Print `{columns: [[name, type]], rows: [[text or null]], total: number of rows}`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_memory_pool(pa.system_memory_pool())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names[:MAX_COLUMNS]
    batches = file.iter_batches(batch_size=count, columns=names, use_threads=False)
    batch = next(batches, None)
    rows = [] if batch is None else batch.slice(0, count).to_pylist()
    shown = [[_cell(row.get(name)) for name in names] for row in rows]
    columns = [[name[:100], str(file.schema_arrow.field(name).type)[:100]] for name in names]
    json.dump({"columns": columns, "rows": shown, "total": file.metadata.num_rows}, sys.stdout)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_CELL else text[:MAX_CELL] + "…"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
