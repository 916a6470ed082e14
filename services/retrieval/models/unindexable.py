"""What can never be indexed as it is, however often it is tried."""

from typing import ClassVar


class Unindexable(Exception):
    """`code` is stable; the words say what is wrong and what to do, and quote no document."""

    code: ClassVar[str]


class BadManifest(Unindexable):
    """The manifest does not hold what it should; reading it again will not help."""

    code = "bad_manifest"


class RefusedPassage(Unindexable):
    """The store does not take this passage, however often it is sent."""

    code = "refused_passage"
