"""For servers that refuse to run as root."""

import os
import pwd
import shutil

from compose.local.errors import LocalError


def as_ordinary_user(server: str) -> tuple[str, ...]:
    """What goes before the server's command: nothing, or for root a switch to `nobody`.

    `nobody` keeps root's way through folders that are closed to others.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalError(f"{server} does not run as root: run this as an ordinary user")
    group = str(pwd.getpwnam("nobody").pw_gid)
    user = ("--reuid", "nobody", "--regid", group, "--clear-groups")
    # The bit is for access(2), which forgets capabilities otherwise.
    way = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    return (setpriv, *user, *way, "--securebits", "+no_setuid_fixup")
