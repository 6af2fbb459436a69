"""Files of a folder, zip, wheel or tgz, or one file, in turn, with a bound on what each may unpack to."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.read_apis import MalformedDocument

LARGEST_FILE = 64 << 20
"""Most bytes a file may have."""
LARGEST_ARCHIVE = 4 << 30
"""Most bytes all files of an archive may have together."""
HIGHEST_RATIO = 200
"""Most bytes out of one compressed byte; JSON and Python sources reach about 40."""
ZIPS = (".zip", ".whl")
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError)
"""What zipfile, tarfile and gzip raise on damaged, encrypted or unknown input."""


@dataclass(frozen=True)
class BoundedFile:
    """A file that is read only when asked."""

    name: str
    """Path inside the folder or archive, with slashes."""
    size: int
    """Bytes it says it has."""
    read_at_most: Callable[[int], bytes]

    def read(self, largest: int = LARGEST_FILE) -> bytes:
        """The content. Raises MalformedDocument: too_large (said or found) or corrupt_file."""
        if self.size > largest:
            raise MalformedDocument("too_large")
        try:
            content = self.read_at_most(largest + 1)
        except BROKEN:
            raise MalformedDocument("corrupt_file") from None
        if len(content) > largest:
            raise MalformedDocument("too_large")
        return content


def json_problem(content: bytes) -> str:
    """Why bytes that are no JSON are none: `bad_encoding` (no UTF-8) or `bad_json`."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "bad_encoding"
    return "bad_json"


def bounded_files(source: Path) -> Iterator[BoundedFile]:
    """Yield the files of a folder (sorted), of an archive (in its order), or the file itself.

    A file of a tgz must be read before the next one is asked for.

    Raises:
        MalformedDocument: corrupt_archive or archive_too_large, after the files before that place; missing_source.
    """
    if source.is_dir():
        yield from _of_folder(source)
    elif not source.is_file():
        raise MalformedDocument("missing_source")
    elif source.name.endswith(ZIPS) and not zipfile.is_zipfile(source):
        raise MalformedDocument("corrupt_archive")
    elif zipfile.is_zipfile(source):
        yield from _of_zip(source)
    elif source.name.endswith((".tgz", ".tar.gz", ".tar")):
        yield from _of_tar(source)
    else:
        yield _plain(source, source.name)


def _plain(path: Path, name: str) -> BoundedFile:
    def read_at_most(count: int) -> bytes:
        with path.open("rb") as stream:
            return stream.read(count)

    return BoundedFile(name, path.stat().st_size, read_at_most)


def _of_folder(folder: Path) -> Iterator[BoundedFile]:
    for path in sorted(folder.rglob("*")):
        # A link may lead out of the folder, or round in a circle.
        if path.is_file() and not path.is_symlink():
            yield _plain(path, path.relative_to(folder).as_posix())


def _of_zip(source: Path) -> Iterator[BoundedFile]:
    try:
        archive = zipfile.ZipFile(source)
    except BROKEN:
        raise MalformedDocument("corrupt_archive") from None
    with archive:
        total = 0
        for item in archive.infolist():
            total += item.file_size
            if total > LARGEST_ARCHIVE:
                raise MalformedDocument("archive_too_large")
            if not item.is_dir():
                yield zip_member(archive, item)


def zip_member(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> BoundedFile:
    """One file of an open zip; reading raises MalformedDocument("zip_bomb") where it is packed too well."""

    def read_at_most(count: int) -> bytes:
        if item.file_size > HIGHEST_RATIO * max(item.compress_size, 1 << 10):
            raise MalformedDocument("zip_bomb")
        # zipfile hands out no more than the size the entry declares, and then compares the checksum.
        with archive.open(item) as stream:
            return stream.read(count)

    return BoundedFile(item.filename, item.file_size, read_at_most)


def _of_tar(source: Path) -> Iterator[BoundedFile]:
    total = 0
    try:
        with tarfile.open(source, "r|*") as archive:
            for item in archive:
                # Skipping unpacks too, so a large file counts before it is passed over.
                total += item.size
                if total > LARGEST_ARCHIVE:
                    raise MalformedDocument("archive_too_large")
                if item.isreg():
                    yield _tar_member(archive, item)
                # The list of members that tarfile keeps would grow without end.
                archive.members = []  # type: ignore[attr-defined]
    except (*BROKEN, gzip.BadGzipFile):
        raise MalformedDocument("corrupt_archive") from None


def _tar_member(archive: tarfile.TarFile, item: tarfile.TarInfo) -> BoundedFile:
    def read_at_most(count: int) -> bytes:
        stream = archive.extractfile(item)
        return stream.read(count) if stream else b""

    return BoundedFile(item.name, item.size, read_at_most)
