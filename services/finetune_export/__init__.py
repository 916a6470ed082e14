"""The perpetual archive of turns, from which training sets are drawn."""
