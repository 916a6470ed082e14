"""Lays out OpenSearch and its k-NN plugin from five files of Maven Central."""

import re
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.real.installing import install_once, maven

VERSION = "3.6.0"
_POM = Path(__file__).with_name("pom.xml")
# In full: the short prefix costs look-ups of newer versions.
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
# File → (SHA-256, folder it goes to). Central serves no checksum for some of them.
_FILES = {
    f"opensearch-{VERSION}.zip": (
        "a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286",
        ".",
    ),
    f"opensearch-knn-{VERSION}.0.zip": (
        "ac392ca28a39b3bf290648a422ef30cb149dda2963a9d7feb26060e932341c9a",
        f"opensearch-{VERSION}/plugins/opensearch-knn",
    ),
    f"neural-search-{VERSION}.0.zip": (
        "6ef1b206e79391e2e36268e32dc34d27fd8b8a59a8eb0a7393c97d53b038e433",
        f"opensearch-{VERSION}/plugins/opensearch-neural-search",
    ),
    "icu/icu4j-77.1.jar": (
        "b3640b9f416a4411fd33c59abbeea8fd57d024c23e1819bf9673220a97499fe3",
        "icu",
    ),
    "icu/icu4j-localespi-77.1.jar": (
        "77d0da4f10c6158174cc3dafbb51356031a09e0fcaaf0432330afb4fb552cac9",
        "icu",
    ),
}
# What a search node has no use for (k-NN does need lang-painless and transport-grpc).
_SKIPPED = re.compile(r"/modules/(ingest-geoip|opensearch-dashboards)/|/lib/tools/|[.](exe|bat)$")


def install() -> Path:
    """The folder that holds `opensearch-VERSION/` and `icu/`; raises LocalError."""
    return install_once(f"opensearch-{VERSION}", _POM, _lay_out)


def _lay_out(home: Path) -> None:
    fetched = home / "fetched"
    maven(_POM, f"-Ddl={fetched}", _GOAL)
    for name, (wanted, folder) in _FILES.items():
        _check(fetched / name, wanted)
        _place(fetched / name, home / folder)
    shutil.rmtree(fetched)


def _check(file: Path, wanted: str) -> None:
    found = sha256(file.read_bytes()).hexdigest()
    if found != wanted:
        raise LocalError(f"{file.name} is not what was pinned: its SHA-256 is {found}")


def _place(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".jar":
        shutil.copy(file, folder)
        return
    with zipfile.ZipFile(file) as archive:
        wanted = [name for name in archive.namelist() if not _SKIPPED.search(name)]
        archive.extractall(folder, wanted)
