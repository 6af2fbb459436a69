"""Reading xorbs and shards: against bytes laid out by hand, and against damage."""

from __future__ import annotations

import contextlib
import random
import struct
from pathlib import Path

import lz4.frame
import pytest

from hub.local.errors import HubError
from hub.local.xet_format import Run, chunk_places, read_shard, unpack_chunk, unpack_run


def chunk(scheme: int, stored: bytes, size: int) -> bytes:
    return bytes([0]) + len(stored).to_bytes(3, "little") + bytes([scheme]) + size.to_bytes(3, "little") + stored


def grouped(data: bytes) -> bytes:
    """Byte grouping, one byte at a time."""
    return bytes(data[place] for lane in range(4) for place in range(lane, len(data), 4))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1000, 65_537])
def test_three_ways_of_storing_a_chunk(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert unpack_chunk(chunk(0, data, size)) == data
    assert unpack_chunk(chunk(1, lz4.frame.compress(data), size)) == data
    assert unpack_chunk(chunk(2, lz4.frame.compress(grouped(data)), size)) == data


def test_runs_of_a_xorb_with_and_without_footer(tmp_path: Path) -> None:
    parts = [b"aa", b"bbb", b"cccc"]
    body = b"".join(chunk(0, part, len(part)) for part in parts)
    for footer in (b"", b"XETBLOB\x01" + b"\x07" * 50):
        xorb = tmp_path / f"x{len(footer)}"
        xorb.write_bytes(body + footer)
        places = chunk_places(xorb)
        assert list(unpack_run(xorb, places, Run("x", 1, 3, 7))) == parts[1:]
        with pytest.raises(HubError):
            list(unpack_run(xorb, places, Run("x", 1, 4, 7)))


@pytest.mark.parametrize(
    "bad",
    [
        chunk(1, lz4.frame.compress(b"\0" * 1_000_000), 10),  # unpacks into more than it says
        chunk(1, lz4.frame.compress(b"ab"), 10),
        chunk(1, b"not lz4", 10),
        chunk(0, b"abc", 4),
        chunk(7, b"abc", 3),
        chunk(0, b"abc", 1 << 23),
        b"\x01" + chunk(0, b"abc", 3)[1:],
    ],
)
def test_damaged_chunks_are_refused(bad: bytes) -> None:
    with pytest.raises(HubError):
        unpack_chunk(bad)


def shard(verification: bool) -> bytes:
    flags = (1 << 30) | ((1 << 31) if verification else 0)
    xorb = bytes(range(32))
    file = struct.pack("<32sIIQ", b"f" * 32, flags, 2, 0)
    file += struct.pack("<32sIIII", xorb, 0, 10, 0, 3) + struct.pack("<32sIIII", xorb, 0, 20, 5, 6)
    file += (b"v" * 48) * (2 if verification else 0) + bytes(range(100, 132)) + b"\0" * 16
    return b"HFRepoMetaData\0".ljust(48, b"\0") + file + b"\xff" * 32 + b"\0" * 16


@pytest.mark.parametrize("verification", [False, True])
def test_shard(verification: bool) -> None:
    (file,) = read_shard(shard(verification))
    name = "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"
    assert file.runs == (Run(name, 0, 3, 10), Run(name, 5, 6, 20))
    assert file.sha256 is not None and file.sha256.startswith("6b6a696867666564")


def test_any_cut_or_changed_shard_is_read_or_refused() -> None:
    whole = shard(True)
    source = random.Random(1)
    for cut in range(len(whole)):
        with pytest.raises(HubError):
            read_shard(whole[:cut] if cut else b"")
    for _ in range(2000):
        changed = bytearray(whole)
        changed[source.randrange(48, len(whole))] = source.randrange(256)
        with contextlib.suppress(HubError):
            read_shard(bytes(changed))
