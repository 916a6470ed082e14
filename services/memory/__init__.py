"""Keeps recent turns for seven days and hands out the context of the next one."""
