"""`flask users`: who may open the console."""

import sys

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from tracker.cli.errors import Mistake, told
from tracker.outside import passwords
from tracker.steps import intake
from tracker.store import links
from tracker.store.people import Role, User
from tracker.web.db import now, tools

SHORTEST, LONGEST = 12, 1024
"""Characters and bytes of a password (OWASP ASVS 5.0, 6.2)."""

users = AppGroup("users", help="The merchant's staff.")


@users.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice([str(role) for role in Role]), help="The first user is admin, others agent.")
@click.option("--name", default="", help="How colleagues know them.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of stdin.")
def add(email: str, role: str | None, name: str, password_stdin: bool) -> None:
    """Let EMAIL into the console; without --password-stdin a password is made and printed this once."""
    with told():
        address = intake.email("EMAIL", email.strip()).lower()
        password = _given() if password_stdin else links.password()
        with tools().store.begin() as session:
            if session.scalars(sa.select(User).where(User.email == address)).first() is not None:
                raise Mistake(f"{address} is in already")
            first = session.scalars(sa.select(User.id).limit(1)).first() is None
            role = role or ("admin" if first else "agent")
            session.add(
                User(
                    email=address,
                    name=name.strip()[:120],
                    password_hash=passwords.hashed(password),
                    role=Role(role),
                    locale=tools().locale,
                    session_token=links.password(),
                    made_at=now(),
                )
            )
    click.echo(f"{address} may come in as {role}." if password_stdin else password)
    if not password_stdin:
        click.echo(f"{address} may come in as {role}; this password is shown only now.", err=True)


def _given() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST or len(password.encode(errors="replace")) > LONGEST:
        raise Mistake(f"A password has {SHORTEST} characters or more, and at most {LONGEST} bytes")
    return password
