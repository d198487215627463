"""The web application and command line as Flask and gunicorn find them."""

import sys

from config import Config, SettingsError
from tracker import cli
from tracker.app import create_app

try:
    app = create_app(Config.from_env())
except SettingsError as error:
    print(error, file=sys.stderr)  # noqa: T201 - the one sentence that a wrong setting gets
    raise SystemExit(2) from None
cli.register(app)
