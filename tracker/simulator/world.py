"""A world in simulated time: parcels, carriers, people and the tracker itself, driven by one heap in one thread."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tracker.jobs import JOBS, Job
from tracker.simulator import due
from tracker.simulator.bank import Bank
from tracker.simulator.chance import Chance
from tracker.simulator.clockwork import Clockwork, rounded_up
from tracker.simulator.crashes import Crash, Fuse, WorldStore
from tracker.simulator.mailbox import Mailbox
from tracker.simulator.people import crowd
from tracker.simulator.people.letters import Letter
from tracker.simulator.places import OFFICES, Office
from tracker.simulator.scene import Scene
from tracker.simulator.setting import depot_lines, staff, tools_for
from tracker.simulator.truth import Book, Parcel
from tracker.simulator.wire import dhl, refunds, seur
from tracker.simulator.wire.faults import Faulty
from tracker.simulator.wire.line import InProcess
from tracker.steps import Tools, intake
from tracker.store import depots
from tracker.store.audit import Actor, ActorKind

INTAKE: Final = Actor(ActorKind.CLI, "shop", "import")
MINUTE: Final = timedelta(minutes=1)
ROUNDS: Final = 50
"""More rounds than this within one tick mean that the jobs never come to rest."""


class Restless(Exception):
    """The jobs find work for ever in one and the same instant."""


class World:
    """Everything there is.

    `grid` is how far apart the tracker's ticks are, `poll_grid` how far apart its polls: in long worlds parcels are
    asked about in fewer, larger rounds than a scheduler would make, which changes nothing but the time it takes.
    """

    def __init__(
        self, url: str, start: datetime, *, seed: int = 0, grid: timedelta = MINUTE, poll_grid: timedelta = MINUTE
    ) -> None:
        """A world without parcels on the database at `url`, which must be empty."""
        self.url = url
        self._grids = grid, poll_grid
        self.clockwork = Clockwork(start)
        self.chance = Chance(seed)
        self.book = Book()
        self.fuse = Fuse()
        self.mailbox = Mailbox(self.fuse)
        self.provider = refunds.Provider(self.clockwork)
        stream = self.chance.of("lines")
        self.seur = Faulty(seur.Seur(self.book, self.clockwork), "ref", self.clockwork, stream)
        self.dhl = Faulty(dhl.Dhl(self.book, self.clockwork), "trackingNumber", self.clockwork, stream)
        self.line = InProcess({seur.HOST: self.seur, dhl.HOST: self.dhl, refunds.HOST: self.provider}, self.fuse)
        self.scene = Scene(self.clockwork, self.chance, self.book, self._tools())
        self.bank = Bank(self.scene, self.provider)
        self.mailbox.scene = self.scene
        self.mailbox.deliver = self._deliver
        self.letters: list[Letter] = []
        self.read: Callable[[Letter], None] = lambda letter: crowd.read(self.scene, self.fates, letter)
        self.checks: list[Callable[[World], None]] = []
        self.watchers: list[Callable[[Letter], None]] = []
        self.fates: crowd.Fates = {}
        self.crash_rate = 0.0
        self._crashed = False
        self.mail_faults = 0
        self.ticks = 0
        self._ran: dict[str, datetime] = {}

    @property
    def now(self) -> datetime:
        """The simulated instant."""
        return self.clockwork()

    def settle(self, offices: tuple[Office, ...] = OFFICES) -> None:
        """Found the depots, by the import that the merchant would use, and hire somebody who reads alarms."""
        with self.scene.tools.store.begin() as session:
            intake.import_depots(session, depot_lines(offices))
            for office in offices:
                depot = depots.by_code(session, office.carrier, office.code)
                if depot is not None and office.proved:
                    depot.confirmed_at = self.now
            session.add(staff(self.now))

    def sell(self, parcel: Parcel) -> None:
        """The merchant sells something: the parcel is registered when it was made."""
        self.book.add(parcel)
        self.scene.readers[parcel.email] = parcel
        self.clockwork.at(parcel.created_at, lambda: self._register(parcel))

    def silent_for(self, carrier: str) -> timedelta:
        """For how long the carrier has not answered at all."""
        line = self.seur if carrier == "seur" else self.dhl
        begun = [start for start, end in line.outages if start <= self.now < end]
        return self.now - min(begun) if begun else timedelta(0)

    def line_was_down(self, parcel: Parcel, since: datetime) -> bool:
        """Whether the tracker cannot know yet what the carrier's feed has shown since then."""
        line = self.seur if parcel.carrier == "seur" else self.dhl
        return line.clean.get(parcel.number, since) <= since

    def run(self, until: datetime) -> None:
        """Let the world live until then."""
        while True:
            tick = self._next_tick()
            when = min(at for at in (tick, self.clockwork.next_at(), until) if at is not None)
            if when >= until:
                self.clockwork.advance(until)
                return
            if self.clockwork.advance(when) or when == tick:
                self.tick()

    def tick(self) -> None:
        """Let the tracker do all that is due, unless it crashes half-way; then check that the world is in order."""
        self.ticks += 1
        stream = self.chance.of("crashes")
        if self.crash_rate and stream.random() < self.crash_rate:
            self.fuse.light(stream.randint(1, 12))
        try:
            self.work()
        except Crash:
            self._restart()
        finally:
            self.fuse.put_out()
        for check in self.checks:
            check(self)

    def work(self) -> None:
        """Run the jobs until nothing is due."""
        for _ in range(ROUNDS):
            names = due.jobs(self.scene.tools.store, self.now)
            if rounded_up(self.now, self._grids[1]) != self.now and not self._crashed:
                names -= {"poll"}
            if not sum(self._run(job) for job in JOBS if job.name in names or self._has_turn(job)):
                self._crashed = False
                return
        raise Restless(f"the jobs did not come to rest at {self.now.isoformat()}")

    def _has_turn(self, job: Job) -> bool:
        """Whether a job without rows of its own has waited for as long as it asks to."""
        return job.name not in due.ROWS and (job.name not in self._ran or self.now >= self._ran[job.name] + job.every)

    def _run(self, job: Job) -> int:
        self._ran[job.name] = self.now
        return job.run(self.scene.tools, self.now).done

    def _next_tick(self) -> datetime | None:
        """The first instants on the two grids at which a row is awake, or the next ones where some are by now."""
        wakes = zip(due.next_at(self.scene.tools.store), self._grids, strict=True)
        later = self.now + timedelta(microseconds=1)
        return min((rounded_up(max(at, later), grid) for at, grid in wakes if at is not None), default=None)

    def _tools(self) -> Tools:
        return tools_for(WorldStore(self.url, self.clockwork, self.fuse), self.line, self.mailbox)

    def _restart(self) -> None:
        """The process is gone; two minutes later another begins from the database, with what was left undone."""
        self._crashed = True
        self.clockwork.at(self.now + 2 * MINUTE, lambda: None)
        self.scene.tools.store.close()
        self.scene.tools = self._tools()

    def _register(self, parcel: Parcel) -> None:
        new = intake.NewShipment(
            carrier=parcel.carrier,
            number=parcel.number,
            postcode=parcel.postcode,
            country=parcel.country,
            order_number=parcel.order,
            paid_minor=parcel.amount_minor,
            customer_name=parcel.customer,
            customer_email=parcel.email,
            customer_phone=parcel.phone,
            customer_locale=parcel.locale,
            weight_g=parcel.weight_g,
            promised_at=parcel.promised_at,
            marketplace_eta=parcel.marketplace_eta,
        )
        with self.scene.tools.store.begin() as session:
            intake.register(session, self.scene.tools, self.now, new, INTAKE)

    def _deliver(self, letter: Letter) -> None:
        self.letters.append(letter)
        for watch in self.watchers:
            watch(letter)
        self.read(letter)
