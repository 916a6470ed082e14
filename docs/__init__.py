"""Pages for readers; `python -m docs.generate` writes those that follow from the code."""
