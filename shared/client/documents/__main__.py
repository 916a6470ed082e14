"""`python -m shared.client.documents VERB`: what becomes of many documents."""

try:
    from shared.client.documents.command import main
except ModuleNotFoundError as missing:  # what `make run` does not need
    raise SystemExit(
        f"The package '{missing.name}' is not installed. `make eval` installs what this command "
        "needs."
    ) from None

raise SystemExit(main())
