"""`python -m shared.client.evaluate FOLDER`: how well a running system retrieves."""

try:
    from shared.client.evaluate.command import main
except ModuleNotFoundError as missing:  # 110 MB that `make run` does not need
    raise SystemExit(
        f"The package '{missing.name}' is not installed. `make eval` installs what this command "
        "needs and shows its help."
    ) from None

raise SystemExit(main())
