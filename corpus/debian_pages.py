"""A crawl of pages whose origin is known: the documentation packages of Debian, as a WARC file.

`python -m corpus.debian_pages` (`make crawl`) downloads the packages with apt-get, where that is, and writes
`$ASSETS/debian-pages.warc.gz` and, from the packages of debian_sites.py, `$ASSETS/debian-sites.warc.gz`; where it is
not, pages of pydoc alone. Most of these texts are under copyleft or of no single licence, so they measure the
filter and enter no shard.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from records.assets import assets_folder
from records.errors import UserError, run_command
from records.files import replacing

API_SIDE = (
    "python3.11-doc", "postgresql-doc-15", "git-doc", "nodejs-doc", "apache2-doc", "sqlite3-doc", "python-django-doc",
    "python-sqlalchemy-doc",
)  # fmt: skip
"""Packages of reference documentation: functions, statements, commands, directives."""
OTHER = (
    "anarchism", "libreoffice-help-en-us", "debian-handbook", "debian-policy", "developers-reference",
    "debian-reference-en",
)  # fmt: skip
"""Packages about something else: politics, office programs, administration, policy; the handbook in 26 languages."""
HTML = (".html", ".htm", ".xhtml")
DATE = "2023-06-10T00:00:00Z"
"""Debian 12's first release: the same packages give the same bytes whenever they are packed."""


@dataclass(frozen=True)
class Page:
    """One HTML file of a package."""

    package: str
    path: str
    content: bytes

    @property
    def url(self) -> str:
        """An address that names package and file; `.invalid` is never resolved (RFC 2606)."""
        return f"https://{self.package}.debian.invalid/{self.path}"


def warc_file() -> Path:
    """Where the crawl lies, whether it is there or not."""
    return assets_folder() / "debian-pages.warc.gz"


def is_api_side(url: str) -> bool:
    """Whether a page of the crawl comes from a package of reference documentation."""
    return url.split("/")[2].removesuffix(".debian.invalid") in API_SIDE


def fetch_packages(folder: Path, names: Sequence[str] = (*API_SIDE, *OTHER)) -> list[Path]:
    """Download the packages that are not there yet; their files, in the order of the names.

    Raises:
        UserError: there is no apt-get or dpkg-deb, or a package cannot be had.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise UserError(f"{program} is not here; the crawl of Debian's documentation needs Debian or Ubuntu")
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name in names:
        if not list(folder.glob(f"{name}_*.deb")):
            done = subprocess.run(["apt-get", "download", "-qq", name], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                raise UserError(
                    f"package {name} could not be downloaded ({why[0]}); run `apt-get update` and try again"
                )
        found.append(min(folder.glob(f"{name}_*.deb")))
    return found


def pages_of(package: Path) -> Iterator[Page]:
    """The HTML files of a package, in the order that it holds them."""
    name = package.name.split("_")[0]
    return (Page(name, path, content) for path, content in files_of(package, HTML))


def files_of(package: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files of a package that end so; read as a stream, nothing is unpacked.

    Raises:
        UserError: the package is damaged, or there is no dpkg-deb.
    """
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=pipe, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise UserError(f"dpkg-deb is not here; {package} can be read on Debian or Ubuntu alone") from None
    with process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() and member.name.endswith(endings) else None
                    if stream is not None:
                        yield member.name.removeprefix("./"), stream.read()
        except tarfile.TarError:
            raise UserError(f"{package} is damaged; remove it and run the same command again") from None


def write_warc(pages: Iterator[Page], file: Path) -> int:
    """Write pages as WARC responses, each compressed by itself; the number of pages. Equal pages give equal bytes."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    count = 0
    with replacing(file) as partial, partial.open("wb") as stream:
        writer = WARCWriter(stream, gzip=True)
        for count, page in enumerate(pages, 1):
            kind = "application/xhtml+xml" if page.path.endswith(".xhtml") else "text/html"
            http = StatusAndHeaders("200 OK", [("Content-Type", kind)], protocol="HTTP/1.1")
            named = {"WARC-Date": DATE, "WARC-Record-ID": f"<urn:page:{count}>"}
            body = io.BytesIO(page.content)
            writer.write_record(
                writer.create_warc_record(
                    page.url, "response", payload=body, http_headers=http, warc_headers_dict=named
                )
            )
    return count


def main(argv: Sequence[str]) -> int:
    """Write both crawls, unless they are there. Raises UserError when the packages cannot be had."""
    from corpus import debian_sites
    from corpus.pydoc_pages import pydoc_file, pydoc_pages

    if not pydoc_file().exists():
        print(f"crawl: {write_warc(pydoc_pages(), pydoc_file()):,} pages of pydoc in {pydoc_file()}")
    if shutil.which("apt-get") is None and not warc_file().exists():
        print("crawl: apt-get is not here, so there is no crawl of Debian's documentation")
        return 0
    if warc_file().exists():
        print(f"crawl: {warc_file()} is there; remove it to make it again")
    else:
        packages = fetch_packages(assets_folder() / "debian")
        count = write_warc((page for package in packages for page in pages_of(package)), warc_file())
        print(f"crawl: {count:,} pages of {len(packages)} packages in {warc_file()}")
    if (sites := debian_sites.sites_file()).exists():
        print(f"crawl: {sites} is there; remove it to make it again")
    else:
        packages = fetch_packages(assets_folder() / "debian", (*debian_sites.API_SIDE, *debian_sites.OTHER))
        count = write_warc(debian_sites.sampled_pages(packages), sites)
        print(f"crawl: {count:,} pages of {len(packages)} more packages in {sites}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
