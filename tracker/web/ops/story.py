"""The story of an incident as one list, newest first: what was done and said, each with whose word it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tracker.domain.events import ExceptionCode, Source, Stage
from tracker.domain.incidents import Cause, Desired, Kind, Outcome
from tracker.domain.promises import Action, DueSource, Party
from tracker.store.incidents import Contact, SaidBy, TaskKind, Timeline
from tracker.store.shipments import EventRow
from tracker.store.views.ops.case import Case
from tracker.web.customer.sayings import DEPOT_SAID, SCANS, TROUBLES
from tracker.web.db import tools
from tracker.web.depot.page import said as answered
from tracker.web.language import gettext as _
from tracker.web.language import money, noted, when
from tracker.web.ops import sayings
from tracker.web.ops.retold import retold

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One line: when, whose word, what, the details below it, and its tone (bad, good, ours or plain)."""

    at: datetime
    voice: str
    text: str
    details: tuple[str, ...] = ()
    tone: str = "plain"


PLAIN: Final = {
    "reappeared": (noted("The parcel was scanned after its refund"), "bad"),
    "promise_nudged": (noted("Reminded before the due time"), "ours"),
    "promise_asked": (noted("The customer was asked whether it happened"), "ours"),
    "followup_asked": (noted("The customer was asked whether all is well"), "ours"),
    "refund_approved": (noted("Refund approved"), "ours"),
    "refund_sending": (noted("Refund sent"), "ours"),
    "refund_pending": (noted("The payment service has accepted the refund"), "plain"),
    "refund_succeeded": (noted("The refund is paid"), "good"),
    "refund_succeeded_externally": (noted("The refund is paid, as a person found out"), "good"),
    "refund_failed": (noted("The refund failed"), "bad"),
    "refund_unknown": (noted("What became of the refund is not known yet"), "bad"),
    "refund_needs_person": (noted("A person must find out what became of the refund"), "bad"),
    "refund_cancelled": (noted("Refund cancelled"), "plain"),
    "refund_stopped": (noted("The refund was stopped for a person to decide"), "bad"),
}
"""Entries that always say the same, with their tone."""
WORDS: Final = {
    "kept": (noted("Kept: %(who)s, %(what)s"), "good"),
    "kept_late": (noted("Kept late: %(who)s, %(what)s"), "good"),
    "broken": (noted("Broken: %(who)s, %(what)s"), "bad"),
    "unconfirmed": (noted("Unconfirmed: %(who)s, %(what)s"), "bad"),
    "disputed": (noted("Disputed: %(who)s, %(what)s"), "bad"),
    "void": (noted("Withdrawn: %(who)s, %(what)s"), "plain"),
    "acknowledged": (noted("Acknowledged: %(who)s, %(what)s"), "good"),
}
_MILD: Final = frozenset({ExceptionCode.NONE, ExceptionCode.UNMAPPED})
_GOOD: Final = frozenset({Stage.DELIVERED, Stage.AT_PICKUP_POINT, Stage.OUT_FOR_DELIVERY})


def story(case: Case) -> list[Line]:
    """Every line, newest first."""
    contacts = {contact.id: (contact, name) for contact, name in case.contacts}
    ours = [_entry(entry, contacts) for entry in case.story]
    return sorted([*ours, *_scans(case)], key=lambda line: line.at, reverse=True)


def _entry(entry: Timeline, contacts: Mapping[int, tuple[Contact, str | None]]) -> Line:
    known = contacts.get(entry.body.get("contact", 0)) if entry.kind == "contact" else None
    if known is not None:
        return _contact(entry, *known)
    text, tone = _told(entry.kind, entry.body)
    reasons = (entry.body.get(name) for name in ("evidence", "why", "reason", "detail"))
    details = tuple(retold(str(reason)) for reason in reasons if reason)
    return Line(entry.at, _(sayings.VOICES[entry.said_by]), text, details, tone)


def _contact(entry: Timeline, contact: Contact, name: str | None) -> Line:
    channel = _(sayings.CHANNELS.get(contact.channel, contact.channel))
    text = _("%(channel)s with %(person)s", channel=channel, person=contact.person) if contact.person else channel
    reference = _("Reference %(reference)s", reference=contact.reference) if contact.reference else ""
    details = tuple(filter(None, (contact.reason, contact.outcome, reference)))
    return Line(entry.at, name or _(sayings.VOICES[SaidBy.STAFF]), text, details, "ours")


def _told(kind: str, body: Body) -> tuple[str, str]:
    if kind in PLAIN:
        return _(PLAIN[kind][0]), PLAIN[kind][1]
    if kind.startswith("promise_") and kind.removeprefix("promise_") in WORDS:
        message, tone = WORDS[kind.removeprefix("promise_")]
        return _(message, who=_who(body), what=what(body)), tone
    if kind in _TELL:
        return _TELL[kind](body)
    return kind.replace("_", " "), "plain"


def _who(body: Body) -> str:
    return _(sayings.PARTIES[Party(body["performer"])])


def what(body: Body) -> str:
    """What is owed, told from a timeline's entry."""
    return deed(Action(body["action"]), Party(body.get("beneficiary", Party.CUSTOMER)))


def deed(action: Action, beneficiary: Party) -> str:
    """What is owed, and to whom where that matters."""
    if action is Action.CALL and beneficiary is not Party.CUSTOMER:
        return _(sayings.CALL_US)
    return _(sayings.ACTIONS[action])


def _by(body: Body) -> str:
    return when(datetime.fromisoformat(body["due_at"]), tools().zone)


def _kind(body: Body) -> str:
    return _(sayings.KINDS[Kind(body["kind"])])


def _made(body: Body) -> tuple[str, str]:
    words = sayings.SOURCES[DueSource(body["due_source"])]
    message = _(
        "Owed: %(who)s, %(what)s until %(by)s (%(source)s)",
        who=_who(body),
        what=what(body),
        by=_by(body),
        source=_(words),
    )
    return message, "plain"


def _moved(body: Body) -> tuple[str, str]:
    return _("New date: %(who)s, %(what)s until %(by)s", who=_who(body), what=what(body), by=_by(body)), "plain"


def _cause(body: Body) -> tuple[str, str]:
    return _("The cause is known: %(cause)s", cause=_(sayings.CAUSES[Cause(body["cause"])])), "plain"


def _resolved(body: Body) -> tuple[str, str]:
    return _("Resolved: %(outcome)s", outcome=_(sayings.OUTCOMES[Outcome(body["outcome"])])), "good"


def _answered(body: Body) -> tuple[str, str]:
    return _("The depot answered: %(answer)s", answer=answered(dict(body), tools().zone)), "plain"


def _choice(body: Body) -> tuple[str, str]:
    until = when(datetime.fromisoformat(body["until"]), tools().zone)
    return _(
        "The customer chose: %(wish)s, %(until)s", wish=_(sayings.WISHES[Desired(body["desired"])]), until=until
    ), "plain"


def _well(body: Body) -> tuple[str, str]:
    text = _("The customer says that all is well") if body["well"] else _("The customer says that not all is well")
    stars = _(" (%(n)s of 5)", n=body["rating"]) if body.get("rating") else ""
    return text + stars, "good" if body["well"] else "bad"


def _mailed(body: Body) -> tuple[str, str]:
    to, topic = str(body["to"]).partition(":")[0], str(body["topic"])
    who, about = _(sayings.RECEIVERS.get(to, to)), _(sayings.TOPICS.get(topic, topic))
    return _("Mail to %(who)s: %(about)s", who=who, about=about), "ours"


def _requested(body: Body) -> tuple[str, str]:
    return _("Refund of %(amount)s asked for", amount=money(body["amount_minor"], body["currency"])), "ours"


def _reached(message: str) -> Callable[[Body], tuple[str, str]]:
    def told(body: Body) -> tuple[str, str]:
        words = sayings.RECEIVERS[body["to"]]
        return _(message, who=_(words)), "ours"

    return told


def _finished(body: Body) -> tuple[str, str]:
    words = sayings.TASKS[TaskKind(body["kind"])]
    return _("Done: %(task)s", task=_(words)), "ours"


_TELL: Final[Mapping[str, Callable[[Body], tuple[str, str]]]] = {
    "incident_opened": lambda body: (_("Incident opened: %(kind)s", kind=_kind(body)), "bad"),
    "incident_reopened": lambda body: (_("Opened again: %(kind)s", kind=_kind(body)), "bad"),
    "kind_moved": lambda body: (_("It is now: %(kind)s", kind=_kind(body)), "plain"),
    "finding": lambda body: (_("Reported again: %(kind)s", kind=_kind(body)), "plain"),
    "cause_known": _cause,
    "promise_made": _made,
    "promise_renegotiated": _moved,
    "depot_answered": _answered,
    "choice": _choice,
    "followup_answered": _well,
    "reminded": _reached(noted("Reminder to %(who)s")),
    "escalated": _reached(noted("Went higher up, to %(who)s")),
    "resolved": _resolved,
    "refund_requested": _requested,
    "notice_sent": _mailed,
    "task_done": _finished,
}  # fmt: skip
"""Entries with values in them."""


def _scans(case: Case) -> Iterator[Line]:
    """One line a scan; the same news of several pieces at the same time is told once."""
    seen = set()
    for event in case.scans:
        line = _scan(event)
        if line not in seen:
            seen.add(line)
            yield line


def _scan(event: EventRow) -> Line:
    if event.source is Source.DEPOT:
        bad = event.exception is not ExceptionCode.NONE
        return Line(event.occurred_at, _("Depot"), _(DEPOT_SAID[event.exception]), (), "bad" if bad else "good")
    if event.exception is not ExceptionCode.NONE:
        text, tone = TROUBLES[event.exception], "plain" if event.exception in _MILD else "bad"
    else:
        text, tone = SCANS[event.stage or Stage.UNKNOWN], "good" if event.stage in _GOOD else "plain"
    raw = " ".join(filter(None, (event.raw_code, event.raw_text)))
    return Line(event.occurred_at, _("Carrier"), _(text), tuple(filter(None, (event.location, raw))), tone)
