"""Errors of the local system; their text is what the person at the terminal reads."""


class LocalError(Exception):
    """Something the person can act on; the text says what to do."""


class PortInUse(LocalError):
    """A port we were told to use is taken."""


class AlreadyRunning(LocalError):
    """Another run owns this state folder."""


class PartFailed(LocalError):
    """A process did not come up, or came down too often."""
