"""Licences of the rows that go out: each one named, and none of the words for "unknown"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from records.errors import UserError

UNKNOWN = frozenset({"", "unknown", "noassertion", "none", "other", "unlicensed", "proprietary"})


def is_known(licence: object) -> bool:
    """Whether this names a licence."""
    return isinstance(licence, str) and licence.strip().lower() not in UNKNOWN


def check_row_licences(corpus: Path) -> None:
    """Read the `license` column of every table.

    Raises:
        UserError: a table has no such column, or rows without a known licence; file and first row are named.
    """
    for file in sorted((corpus / "data").glob("*/*.parquet")):
        column = _column(file)
        bad = {value for value in column.unique().to_pylist() if not is_known(value)}
        if bad:
            values = column.to_pylist()
            row = next(number for number, value in enumerate(values) if value in bad)
            count = sum(value in bad for value in values)
            raise UserError(f"{file}: {count} rows have no known licence, row {row} the first ({values[row]!r})")


def _column(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            if "license" not in table.schema_arrow.names:
                raise UserError(f"{file} has no column license; run `make corpus` again")
            return table.read(columns=["license"]).column("license")
    except pa.ArrowException as error:
        raise UserError(
            f"{file} differs from what its record says: it is no table ({error}); run `make corpus` again"
        ) from None
