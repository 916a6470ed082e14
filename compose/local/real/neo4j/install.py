"""Fetches Neo4j Community as the jars that its own server consists of."""

from pathlib import Path

from compose.local.real.installing import install_once, maven, require_hash

VERSION = "5.26.30"
_POM = Path(__file__).with_name("pom.xml")
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_HASH = "d9937183ae3679f8a8b2ef5ee43073da314d539767d62d389f2e41270c71975b"


def install() -> Path:
    """The folder of its jars; raises LocalError."""
    return install_once(f"neo4j-{VERSION}", _POM, _lay_out) / "lib"


def _lay_out(home: Path) -> None:
    jars = home / "lib"
    maven(_POM, _GOAL, "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
    require_hash(f"Neo4j {VERSION}", jars.glob("*.jar"), _HASH)
