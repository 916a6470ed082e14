"""How the system is put together outside the cloud."""
