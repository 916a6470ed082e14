"""PDF: letters with their places, and the blocks of a page made of them."""
