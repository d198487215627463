"""The rules: pure functions and tables over plain values; no clock, no chance, no I/O, no framework."""
