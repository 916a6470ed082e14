"""The whole system on one machine, without Docker: stores, emulator, model stand-in, services."""
