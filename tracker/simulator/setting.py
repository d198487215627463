"""The merchant's settings in the world: accounts with the carriers, the refund provider, the depots' file."""

import csv
from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from typing import Final

from tracker.carriers.base import Account
from tracker.domain.refunds import Mode
from tracker.outside.http import Sender
from tracker.outside.mail import Mailer
from tracker.outside.refund_providers.webhook import Webhook
from tracker.outside.words import Words
from tracker.simulator.places import Office, address
from tracker.simulator.wire import dhl, refunds, seur
from tracker.steps import Tools
from tracker.store.base import Store
from tracker.store.people import Role, User

SECRET: Final = b"the secret key of a simulated world"
STAFF: Final = "ana@shop.example"
BASE_URL: Final = "http://tracker.example"
SEUR: Final[Mapping[str, str]] = {
    "CLIENT_ID": seur.CLIENT["client_id"],
    "CLIENT_SECRET": seur.CLIENT["client_secret"],
    "ACCOUNT": "12345-28",
}
DHL: Final[Mapping[str, str]] = {"API_KEY": dhl.API_KEY}
REFUNDS: Final = f"https://{refunds.HOST}/refunds"


def tools_for(store: Store, line: Sender, mailbox: Mailer) -> Tools:
    """The tracker's tools in the world: everything is real but the line and the post.  Refunds go out by themselves."""
    return Tools(
        store=store,
        http=line,
        mail=mailbox,
        words=Words(),
        accounts={
            "seur": Account("seur", f"https://{seur.HOST}", SEUR),
            "dhl_unified": Account("dhl_unified", f"https://{dhl.HOST}", DHL),
        },
        providers={"webhook": Webhook(line, REFUNDS, refunds.SECRET, REFUNDS)},
        refunds_mode=Mode.AUTO,
        secret=SECRET,
        base_url=BASE_URL,
        owner="world",
    )


def depot_lines(offices: tuple[Office, ...]) -> list[str]:
    """The CSV that the merchant imports."""
    out = StringIO()
    sheet = csv.writer(out)
    sheet.writerow(
        ("carrier", "code", "name", "hours", "timezone", "country", "region", "email", "manager_email", "postcodes")
    )
    for office in offices:
        row = (office.carrier, office.code, office.name, office.hours, office.timezone, office.country)
        prefixes = office.code if office.code.isdigit() else ""
        sheet.writerow((*row, office.region or "", address(office), address(office, manager=True), prefixes))
    return out.getvalue().splitlines(keepends=True)


def staff(now: datetime) -> User:
    """The member of staff to whom alarms are mailed; nobody can log in with this row."""
    return User(email=STAFF, name="Ana", password_hash="!", session_token="-", role=Role.LEAD, made_at=now)  # noqa: S106
