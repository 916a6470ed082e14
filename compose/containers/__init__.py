"""Images of the services, and what runs them where there is no Docker."""
