"""Git object ids, and which files count as large."""

from __future__ import annotations

import codecs
import fnmatch
import hashlib

LARGE_PATTERNS = (
    *("*.safetensors", "*.parquet", "*.bin", "*.onnx", "*.gguf", "*.npy", "*.npz", "*.zip", "*.gz", "*.zst"),
    *("*.png", "*.jpg", "*.arrow", "*.pt", "*.pth"),
)
REGULAR_LIMIT_BYTES = 1 << 20


def git_oid(content: bytes) -> str:
    """Git's id of a blob with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """The LFS pointer file that git would hold in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def is_large(path: str, size: int, sample: bytes) -> bool:
    """Whether a file is stored as a large file: by name, by size, or because its first bytes are no text."""
    if size == 0:
        return False
    name = path.rpartition("/")[2]
    if size >= REGULAR_LIMIT_BYTES or any(fnmatch.fnmatchcase(name, pattern) for pattern in LARGE_PATTERNS):
        return True
    try:
        # The sample may end inside a character, which an incremental decoder forgives.
        return "\0" in codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return True
