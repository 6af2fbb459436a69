"""Reading a wheel as the zip file it is, against unpacking it and reading the files: the same code, side by side."""

from __future__ import annotations

import gzip
import statistics
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from corpus.bounded_files import bounded_files
from corpus.read_botocore import MODEL
from records.errors import UserError
from records.files import remove


def compare_unpacking(wheel: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Every run's seconds both ways, turn about, and the ratios of the medians.

    Both parse every service model of a botocore wheel. A run before the first, which does not count, brings the wheel
    into memory for both.

    Raises:
        UserError: the two ways did not read the same operations.
    """
    place = folder / "unpacked"
    operations, runs, bytes_unpacked = read_models(wheel), [], 0
    for _ in range(repeats):
        as_zip, found = _timed(lambda: read_models(wheel))
        unpacking, bytes_unpacked = _timed(lambda: unpack(wheel, place))
        reading, again = _timed(lambda: read_models(place))
        remove(place)
        if not operations == found == again:
            raise UserError(f"{wheel} gave {found} operations as a zip file and {again} unpacked")
        runs.append({"zip_seconds": as_zip, "unpack_seconds": unpacking, "read_unpacked_seconds": reading})
    median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    unpacked = median["unpack_seconds"] + median["read_unpacked_seconds"]
    return {
        "wheel": wheel.name,
        "operations": operations,
        "stored_bytes": wheel.stat().st_size,
        "unpacked_bytes": bytes_unpacked,
        "runs": runs,
        "median": median,
        "ratios": {
            "unpacked_time_over_zip": round(unpacked / median["zip_seconds"], 3),
            "unpacked_bytes_over_zip": round(bytes_unpacked / wheel.stat().st_size, 3),
        },
    }


def read_models(source: Path) -> int:
    """Parse every service model of a wheel or of its unpacked files; the number of operations in all of them."""
    operations = 0
    for file in bounded_files(source):
        if MODEL.fullmatch(file.name):
            operations += len(orjson.loads(gzip.decompress(file.read()))["operations"])
    return operations


def unpack(wheel: Path, folder: Path) -> int:
    """Unpack a wheel; bytes of the files it made."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        return sum(item.file_size for item in archive.infolist())


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    found = work()
    return round(time.perf_counter() - start, 4), found
