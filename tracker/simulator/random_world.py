"""A random world from one seed: parcels sold over some weeks, fates by their rates, faults where they are wanted."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tracker.simulator import checks
from tracker.simulator.chance import between
from tracker.simulator.journeys import RATES, Fate, Rates, draw, plan
from tracker.simulator.people import agents
from tracker.simulator.places import ABROAD, TOWNS
from tracker.simulator.truth import Parcel
from tracker.simulator.world import World

START: Final = datetime(2026, 10, 19, 6, tzinfo=UTC)
"""A Monday before a change of the clocks (25 October) and a national holiday (1 November, a Sunday; 9 November in
Madrid), so that every run crosses them."""
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
TAIL: Final = 5
"""Days before the end at which nothing is sold any more, so that stories come to an end."""
GRID: Final = timedelta(minutes=5)
POLL_GRID: Final = timedelta(hours=1)
FAULTY_ANSWERS: Final = 0.03
CRASHES: Final = 0.08
NAMES: Final = ("Ana", "Luis", "Marta", "Jorge", "Inés", "Pablo", "Rocío", "Iker", "Nuria", "Xoán")


def random_world(
    url: str,
    *,
    seed: int,
    parcels: int,
    days: int,
    faults: bool,
    start: datetime = START,
    tail: int = TAIL,
    rates: Rates = RATES,
) -> World:
    """A world with its parcels, people and checks, ready to run for `days` days.

    Nothing is sold in the last `tail` days; `rates` says how often each fate falls.
    """
    world = World(url, start, seed=seed, grid=GRID, poll_grid=POLL_GRID)
    checks.watch(world)
    world.settle()
    stream = world.chance.of("sales")
    for number in range(1, parcels + 1):
        when = start + between(stream, timedelta(0), max(days - tail, 1) * DAY)
        world.sell(new_parcel(world, number, when, rates))
    _mornings(world, days)
    if faults:
        _spoil(world, days)
    return world


def new_parcel(world: World, number: int, when: datetime, rates: Rates = RATES) -> Parcel:
    """The `number`-th parcel of a world, sold at `when`, with its fate and its journey."""
    stream = world.chance.of("parcels")
    abroad = stream.random() < 0.1
    town = stream.choice(ABROAD if abroad else TOWNS)
    carrier = "dhl_unified" if abroad or stream.random() < 0.1 else "seur"
    parcel = Parcel(
        carrier=carrier,
        number=f"{'00340434' if carrier == 'dhl_unified' else 'P'}{world.chance.seed % 1000:03}{number:06}",
        order=f"A-{number:06}",
        postcode=town.postcode,
        town=town.name,
        country=town.country,
        depot=town.depot,
        amount_minor=stream.randint(800, 30_000),
        weight_g=stream.randint(200, 30_000),
        customer=f"{stream.choice(NAMES)} {number}",
        email=f"customer{number}@mail.example",
        phone=f"+34600{number:06}",
        locale="en" if abroad else "es",
        created_at=when,
        promised_at=when + stream.randint(3, 8) * DAY if stream.random() < 0.3 else None,
        twin=stream.random() < 0.05,
    )
    world.fates[parcel.number] = fate = draw(world.chance.of("fates"), rates)
    if carrier == "dhl_unified" and fate is Fate.LOST:
        world.fates[parcel.number] = fate = Fate.VANISHED
    plan(parcel, fate, world.chance.of("journeys"))
    return parcel


def _mornings(world: World, days: int) -> None:
    """Every working morning an agent goes through the queue."""
    for day in range(days):
        morning = world.now + day * DAY + 3 * HOUR
        if morning.weekday() < 5:
            world.clockwork.at(morning, lambda: agents.morning(world.scene))


def _spoil(world: World, days: int) -> None:
    """Bad lines, outages of some hours, crashes, a bank and a mail server with a will of their own."""
    stream = world.chance.of("faults")
    for line in (world.seur, world.dhl):
        line.rate = FAULTY_ANSWERS
        for _ in range(max(days // 10, 1)):
            begin = world.now + between(stream, DAY, max(days - 1, 2) * DAY)
            line.outages.append((begin, begin + between(stream, HOUR, 30 * HOUR)))
    world.crash_rate = CRASHES
    world.bank.trouble = 0.4
    for day in range(days):
        when = world.now + day * DAY + between(stream, timedelta(0), DAY)
        world.clockwork.at(when, lambda: _break_something(world))


def _break_something(world: World) -> None:
    """The next refund or the next letter meets a broken line."""
    stream = world.chance.of("faults")
    side = stream.choice(("before", "after"))
    if stream.random() < 0.5:
        world.provider.lines_to_break.append(side)
    else:
        world.mailbox.faults.append(side)
        world.mail_faults += 1
