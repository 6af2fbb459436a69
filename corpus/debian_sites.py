"""More documentation packages of Debian, for the filter's labels: many packages with a few pages of each.

A filter that learns from few packages learns these packages; so there are about a hundred, apart from the fourteen of
`debian_pages`, which test it. A package is on a side by what it documents, judged by its name and description before
any filter saw it; only guitarix-doc was moved afterwards, because its pages are Doxygen's of the program's source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from corpus.debian_pages import Page, pages_of
from records.assets import assets_folder
from records.files import stable_hash

API_SIDE = tuple(
    """allegro5-doc cppreference-doc-en-html erlang-doc ffmpeg-doc fltk1.3-doc gnustep-base-doc guitarix-doc junit4-doc
    libboost1.81-doc libcairo2-doc libcommons-lang3-java-doc libeigen3-doc libgcrypt20-doc libghc-aeson-doc
    libglib2.0-doc libgtk-3-doc libhdf5-doc libjson-glib-doc libpango1.0-doc libpoppler-glib-doc
    libpostgresql-jdbc-java-doc libpqxx-doc libservlet-api-java-doc libsfml-doc libsoup2.4-doc libstdc++-12-doc
    libtiff-doc libxml2-doc lua5.1-doc mpich-doc nim-doc octave-doc openjdk-17-doc php-twig-doc python-celery-doc
    python-click-doc python-cryptography-doc python-digitalocean-doc python-discord-doc python-elasticsearch-doc
    python-flask-doc python-gitlab-doc python-jinja2-doc python-jira-doc python-kafka-doc python-ldap-doc
    python-openstacksdk-doc python-peewee-doc python-psycopg2-doc python-requests-doc python-tornado-doc
    python-tweepy-doc python-werkzeug-doc python-xarray-doc python3-stem-doc r-doc-html rust-doc sbcl-doc scala-doc
    swi-prolog-doc twisted-doc wx3.2-doc xapian-doc""".split()
)
"""References of libraries, languages and services: Sphinx, Doxygen, gtk-doc, javadoc, rustdoc, Haddock and others."""
OTHER = tuple(
    """abs-guide aptitude-doc-en aptitude-doc-fr bacula-doc borgbackup-doc cfi-en copyq-doc crossfire-doc
    debian-edu-doc-en debian-faq debian-history debian-kernel-handbook debmake-doc denemo-doc doublecmd-help-en
    doublecmd-help-ru enigma-doc exim4-doc-html focalinux-html fwbuilder-doc geeqie-common gnugo gnumed-doc gpsbabel-doc
    grisbi-common harden-doc homebank-data httrack-doc hugin-data installation-guide-amd64 keepass2-doc kicad-doc-en
    lifelines-doc lilypond-doc-html linuxcnc-doc-en live-manual-html maint-guide mh-book mplayer-doc ne-doc ntpsec-doc
    nut-doc openshot-qt-doc planets png-definitive-guide rasmol-doc scid-data shorewall-doc solfege-doc survex
    texstudio-doc therion-doc tuxpaint-data user-mode-linux-doc wireshark-doc xboard xfig-doc xsane-common yoshimi-doc
    zim zoneminder-doc""".split()
)
"""Manuals for users of programs, administration, books, games, policy, history."""
PAGES = 150
"""Most pages of a package, by a hash of their addresses."""
LONGEST = 2_000_000
"""Bytes of a page that is packed."""


def sites_file() -> Path:
    """Where this crawl lies, whether it is there or not."""
    return assets_folder() / "debian-sites.warc.gz"


def sampled_pages(packages: Iterable[Path]) -> Iterator[Page]:
    """At most PAGES pages of each package."""
    for package in packages:
        # Addresses first: the pages of one package can be a gigabyte, the sample of them never is.
        wanted = {page.url for page in _smallest(pages_of(package))}
        yield from (page for page in pages_of(package) if page.url in wanted)


def _smallest(pages: Iterable[Page]) -> list[Page]:
    light = (Page(page.package, page.path, b"") for page in pages if len(page.content) <= LONGEST)
    return sorted(light, key=lambda page: stable_hash(page.url))[:PAGES]
