"""The web application and command line as Flask and gunicorn find them."""

import sys

import click

from config import Config, SettingsError
from tracker import cli
from tracker.app import create_app

try:
    app = create_app(Config.from_env())
except SettingsError as error:
    print(error, file=sys.stderr)  # noqa: T201 - the one sentence that a wrong setting gets
    # A command ends with 2; a worker that ends with 3 is one that gunicorn does not start again and again.
    raise SystemExit(2 if click.get_current_context(silent=True) else 3) from None
cli.register(app)
