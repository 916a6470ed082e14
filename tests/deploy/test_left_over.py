"""What a killed run left behind is not counted as a task of this one."""

import secrets

from compose.containers.images import DEBIAN_BASE
from compose.containers.podman import remove_containers, run


def test_containers_of_a_killed_run_are_removed_and_no_others() -> None:
    """Running ones and ended ones; where there are none, nothing happens."""
    left, kept = (f"ragops-test={secrets.token_hex(4)}" for _ in range(2))
    for label, command in ((left, "true"), (left, "sleep"), (kept, "sleep")):
        run("run", "--detach", "--label", label, DEBIAN_BASE, command, "600")

    def there(label: str) -> int:
        return len(run("ps", "--all", "--quiet", "--filter", f"label={label}").split())

    try:
        assert (there(left), there(kept)) == (2, 1)
        remove_containers(left)
        remove_containers(left)
        assert (there(left), there(kept)) == (0, 1)
    finally:
        remove_containers(kept)
