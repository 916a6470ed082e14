"""A search: legs side by side, fusion, reranking, the graph, reasons."""
