"""Talks to the world: HTTP, mail, words, calendars; knows nothing of shipments."""
