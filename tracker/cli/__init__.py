"""The command line: one file per noun, each a group or command of Flask's own `flask`."""

from importlib import import_module
from importlib.util import find_spec
from typing import Final

from flask import Flask

NOUNS: Final = (
    "carriers",
    "shipments",
    "depots",
    "incidents",
    "policy",
    "users",
    "apikeys",
    "work",
    "simulate",
    "demo",
)


def register(app: Flask) -> None:
    """Give the application its commands."""
    for noun in NOUNS:
        if find_spec(f"{__name__}.{noun}") is not None:
            app.cli.add_command(getattr(import_module(f"{__name__}.{noun}"), noun))
