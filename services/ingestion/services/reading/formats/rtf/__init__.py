"""RTF: what its head defines, and its text."""
