"""What a command lacks to run."""


class MissingGroup(Exception):
    """The dependency group `training` is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "This needs the packages of the dependency group 'training'. Install them with: "
            "uv pip install --group training -c requirements.lock"
        )
