"""Answers that are given again, and computations that many askers share."""
