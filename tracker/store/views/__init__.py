"""Reads that join several nouns, one file per face; each says how many statements it costs."""
