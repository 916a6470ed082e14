"""`python -m shared.client.answers SET`: how well a running system answers."""

try:
    from shared.client.answers.command import main
except ModuleNotFoundError as missing:
    raise SystemExit(
        f"The package '{missing.name}' is not installed. `make eval-answers` installs what this"
        " command needs and shows its help."
    ) from None

raise SystemExit(main())
