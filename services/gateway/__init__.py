"""The one service that speaks HTTP: documents in, searches and cited answers out."""
