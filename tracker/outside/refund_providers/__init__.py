"""How money is asked for: one file per payment provider, all of the same shape."""
