"""`python -m compose.containers.images`: the images of services and compose (`make images`).

Docker builds them where it runs, on the base that services/Dockerfile names. Elsewhere buildah
does, on a base made of Debian packages, so that no image registry is needed.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import REPOSITORY
from contracts.topology import SERVICES

# What compose.yaml has beside the services.
COMPOSE = "compose"
IMAGES = (*SERVICES, COMPOSE)
DEBIAN_BASE = "localhost/ragops-base:bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_NEEDED = ("buildah", "mmdebstrap")
_CERTIFICATES = "/etc/ssl/certs"


def image(name: str, tag: str = "dev") -> str:
    return f"localhost/ragops-{name.replace('_', '-')}:{tag}"


def build(
    names: Sequence[str] = IMAGES,
    base: str | None = None,
    rds_ca_url: str = "",
    docker: bool | None = None,
    commit: str | None = None,
    tag: str = "dev",
) -> None:
    """Raises LocalError, which says what is missing or where the build's own words stand.

    `docker` None: where it runs. `commit` None: the files as they lie here.
    """
    builder = _builder(_succeeds("docker", "info") if docker is None else docker)
    if base is None and builder[0] == "buildah":
        base = debian_base()
    options, rds = _times(builder, commit), ["--build-arg", f"RDS_CA_URL={rds_ca_url}"]
    if base is not None:
        options += ["--build-arg", f"BASE={base}"]
    with _source(commit) as source:
        options += ["--build-arg", f"LOCKED={_locked(source)}"]
        for name in names:
            print(f"Building {image(name, tag)}", flush=True)
            file = "compose/Dockerfile" if name == COMPOSE else "services/Dockerfile"
            own = [] if name == COMPOSE else [*rds, "--build-arg", f"SERVICE={name}"]
            _run(*builder, *options, *own, "--tag", image(name, tag), "-f", file, ".", cwd=source)


def debian_base() -> str:
    """Stands in for the python image: Debian's own Python, called `python` too. Made once."""
    if _succeeds("buildah", "inspect", "--type", "image", DEBIAN_BASE):
        return DEBIAN_BASE
    print(f"Making {DEBIAN_BASE} of Debian packages", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder) / "root.tar")
        link = 'ln -s python3 "$1/usr/bin/python"'
        packages = ["--quiet", "--variant=minbase", f"--include={_PACKAGES}"]
        _run("mmdebstrap", *packages, f"--customize-hook={link}", "bookworm", root)
        box = _run("buildah", "from", "scratch").strip()
        _run("buildah", "add", "-q", box, root, "/")
        _run("buildah", "commit", "-q", "--rm", box, DEBIAN_BASE)
    return DEBIAN_BASE


def _builder(docker: bool) -> tuple[str, ...]:
    if docker:
        return ("docker", "build", "--quiet")
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        raise LocalError(
            f"Neither Docker runs here nor is there {' and '.join(missing)}. Start Docker, or on "
            "Debian: apt-get install buildah mmdebstrap"
        )
    # The build runs as this machine does: its certificates reach a package index of its own.
    lent = ("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro")
    return ("buildah", "bud", "--quiet", "--isolation", "chroot", "--layers", *lent)


@contextmanager
def _source(commit: str | None) -> Iterator[Path]:
    """The folder to build."""
    if commit is None:
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory() as folder:
        packed, source = Path(folder) / "commit.tar", Path(folder) / "commit"
        source.mkdir()
        _run("git", "archive", "--output", str(packed), commit)
        _run("tar", "--extract", "--file", str(packed), "--directory", str(source))
        yield source


def _locked(source: Path) -> str:
    """Changes with what the packages are made of.

    buildah takes a layer again although a file that was mounted into its step has changed.
    """
    groups = tomllib.loads((source / "pyproject.toml").read_text())["dependency-groups"]
    lock = (source / "requirements.lock").read_bytes()
    return hashlib.sha256(json.dumps(groups).encode() + lock).hexdigest()[:16]


def _times(builder: tuple[str, ...], commit: str | None) -> list[str]:
    """Files and image bear the commit's time: the same commit gives the same layers."""
    committed = _run("git", "log", "-1", "--format=%ct", commit or "HEAD").strip()
    if builder[0] == "buildah":
        return ["--timestamp", committed]
    return ["--build-arg", f"SOURCE_DATE_EPOCH={committed}"]


def _succeeds(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True).returncode == 0


def _run(*command: str, cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise LocalError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m compose.containers.images", description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(IMAGES)}")
    parser.add_argument("--base", help="image to build on, such as one by its digest")
    parser.add_argument(
        "--rds-ca-url", default="", help="where to fetch the authorities of RDS; default: nowhere"
    )
    parser.add_argument(
        "--without-docker",
        action="store_true",
        help="build for podman, also where Docker runs (the rehearsal of a deploy wants it)",
    )
    parser.add_argument("--commit", help="build this commit instead of the files that lie here")
    parser.add_argument("--tag", default="dev", help="default: %(default)s")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(IMAGES):
        parser.error(f"there is no image {', '.join(sorted(unknown))}")
    try:
        docker = False if given.without_docker else None
        names = given.names or IMAGES
        build(names, given.base, given.rds_ca_url, docker, given.commit, given.tag)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
