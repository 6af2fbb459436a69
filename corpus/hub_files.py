"""Files of one dataset on the Hub at one commit: from the cache, as a download, or as a stream that may stop early."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from corpus.hub_registry import HubEntry
from records.errors import UserError


def endpoint() -> str | None:
    """The Hub that HF_ENDPOINT names now; None is the client's own."""
    return os.environ.get("HF_ENDPOINT") or None


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE asks for the cache alone."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")


class HubFiles:
    """The files of an entry that its patterns name, at the commit that its revision names now.

    HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE count as they do for the client.
    """

    def __init__(self, entry: HubEntry, whole: bool) -> None:
        """Find commit and files. `whole`: all will be read to their ends, so they are downloaded into the cache first.

        Raises:
            UserError: no such repository or commit, closed to this account, the Hub cannot be reached, offline and not
                in the cache, or no file as the entry says.
        """
        self.entry = entry
        self.folder: Path | None = None
        """Where the files lie; None where they are streams."""
        with hub_errors(entry):
            self.commit, listed = self._in_cache() if whole or is_offline() else self._on_hub()
        self.names = [name for pattern in entry.files for name in sorted(listed) if fnmatchcase(name, pattern)]
        if not self.names:
            raise UserError(
                f"{entry.repo} at {self.commit[:12]} holds no {' or '.join(entry.files)}: the repository has changed; "
                f"see {entry.url}/tree/{self.commit}"
            )

    def _on_hub(self) -> tuple[str, list[str]]:
        from huggingface_hub import HfApi

        info = HfApi(endpoint=endpoint()).dataset_info(self.entry.repo, revision=self.entry.revision)
        return str(info.sha), [item.rfilename for item in info.siblings or ()]

    def _in_cache(self) -> tuple[str, list[str]]:
        from huggingface_hub import snapshot_download

        where = snapshot_download(
            self.entry.repo,
            repo_type="dataset",
            revision=self.entry.revision,
            allow_patterns=list(self.entry.files),
            local_files_only=is_offline(),
            endpoint=endpoint(),
        )
        self.folder = Path(where)
        found = (file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file())
        return self.folder.name, list(found)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of a file, seekable. Raises UserError as the constructor does, and where a file is gone."""
        with hub_errors(self.entry), (self.folder / name).open("rb") if self.folder else self._stream(name) as stream:
            yield stream

    def _stream(self, name: str) -> IO[bytes]:
        from huggingface_hub import HfFileSystem

        system = HfFileSystem(endpoint=endpoint(), skip_instance_cache=True)
        stream: IO[bytes] = system.open(f"datasets/{self.entry.repo}@{self.commit}/{name}", "rb")
        return stream


@contextlib.contextmanager
def hub_errors(entry: HubEntry) -> Iterator[None]:
    """Turn what the client raises into words about the dataset and what to do."""
    import httpx2
    from huggingface_hub import errors

    name = f"dataset {entry.repo} (corpus.sources.hub.{entry.name})"
    try:
        yield
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        raise UserError(
            f"{name} at {entry.revision} is not in the cache and the Hub was not asked or did not answer: "
            "unset HF_HUB_OFFLINE, check the network, or set the cap to 0"
        ) from None
    except errors.GatedRepoError:
        raise UserError(
            f"{name} is gated: accept its terms at {entry.url} with your account and set HF_TOKEN to a token of it"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{name} has no commit {entry.revision} any more: its history was rewritten") from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{name} {_absent(entry)}") from None
    except errors.EntryNotFoundError as error:
        raise UserError(f"{name} has changed: {_first_line(error)}") from None
    except errors.HfHubHTTPError as error:
        raise UserError(f"the Hub refused {name}: {_first_line(error)}") from None
    except (httpx2.HTTPError, ConnectionError, TimeoutError, FileNotFoundError) as error:
        problem = _first_line(error)
        raise UserError(f"lost the Hub while reading {name} ({problem}); run the same command again") from None


def _absent(entry: HubEntry) -> str:
    """The Hub says the same of what is not there and of what it hides from strangers."""
    from huggingface_hub import get_token

    if get_token():
        return f"does not exist, or the account of your token may not see it; see {entry.url}"
    return f"does not exist, or is not public and there is no token: set HF_TOKEN; see {entry.url}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
