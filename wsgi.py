"""The web application and command line as Flask and gunicorn find them."""

from config import Config
from tracker.app import create_app

app = create_app(Config.from_env())
