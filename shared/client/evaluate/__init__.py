"""Measures the retrieval of a running system with a data set of queries and judgements."""
