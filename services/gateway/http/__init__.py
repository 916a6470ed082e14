"""The gateway's HTTP machinery, below its controllers."""
