"""One small file per carrier: how to ask it, and how to read its answer as events."""
