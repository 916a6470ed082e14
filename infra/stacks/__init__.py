"""The stacks, one file each, and the parts that they are put together from."""
