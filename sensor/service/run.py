"""The service: takes up what is captured, concludes, saves, lets it be delivered and measured, until it is told to end."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from signal import SIGHUP, SIGINT, SIGTERM
from typing import TYPE_CHECKING, Protocol

from structlog.typing import FilteringBoundLogger

from sensor import words
from sensor.baseline.file import parse, to_text
from sensor.baseline.model import Baseline
from sensor.baseline.phase import advance, is_learning
from sensor.capture import Batch, Interface
from sensor.conclusions import Conclusions
from sensor.conduits.model import Site
from sensor.conduits.site import load_site
from sensor.errors import OtoscopeError, SiteError
from sensor.evidence.folder import Folder
from sensor.evidence.taker import FrameSource, Taker
from sensor.exports.run import delivering
from sensor.knowledge import Knowledge
from sensor.metrics import Durations, Sources, address_of, serving, shown, with_database
from sensor.observations import Observations
from sensor.service.notify import Notifier
from sensor.settings import Settings
from sensor.stopping import heeding
from sensor.store import Run, Store

if TYPE_CHECKING:
    from sensor.transactions import TransactionLog

_SHARE = 0.2
"""Of the time concluding may take, at the most: a large plant is concluded upon less often."""
LOCKED_SECONDS = 10.0
"""So long another process may keep the database from us, at each step; systemd's watchdog hears of us between the steps."""
_HOURLY = 3600.0
_MINUTELY = 60.0


class Source(FrameSource, Protocol):
    """Where batches come from: one each second, also when nothing was captured, until `stop`."""

    def __iter__(self) -> Iterator[Batch]:
        """The batches."""

    def stop(self) -> None:
        """The next batch is the last."""

    @property
    def interfaces(self) -> list[Interface]:
        """How the interfaces are now."""


class Service:
    """The appliance. `run` is its whole life."""

    def __init__(
        self, settings: Settings, source: Source, notifier: Notifier, log: FilteringBoundLogger, record: "TransactionLog | None" = None
    ) -> None:
        self._record = record
        self._settings = settings
        self._source = source
        self._notifier = notifier
        self._log = log
        self._site = load_site(settings.site.file) if settings.site.file else Site()
        self._observations = Observations()
        self._batches = Durations()
        self._known: Knowledge | None = None
        self._baseline: Baseline | None = None
        self._taker: Taker | None = None
        self._conclusions = Conclusions(self._site)
        self._learning = False
        self._reload = False
        self._conditions: dict[str, tuple[str, str | None]] = {}
        series = f"live {settings.identity().id} "
        self._run = Run(f"{series}{time.time_ns()}", series=series)

    def run(self) -> None:
        """Until SIGTERM, SIGINT, or the end of the source. Raises StoreError and ListenError where it cannot begin."""
        with ExitStack() as running:
            running.enter_context(heeding({SIGTERM: self._source.stop, SIGINT: self._source.stop, SIGHUP: self._ask_to_reload}))
            store = running.enter_context(Store.open(self._settings.store.database, timeout=LOCKED_SECONDS))
            if self._settings.exports:
                running.enter_context(delivering(self._settings, store.outbox, self._say_of))
            if self._settings.metrics.listen:
                address, port = address_of(self._settings.metrics.listen)
                running.enter_context(serving(with_database(self._sources(), store), address, port))
                self._log.info("metrics are served", at=f"http://{shown(address, port)}/metrics")
            self._taker = self._taker_into(store)
            self._take_up(_kept(store))
            try:
                self._go(store)
            finally:
                self._notifier.stopping()
                self._end(store)

    def _taker_into(self, store: Store) -> Taker | None:
        """What takes evidence, where the settings want that."""
        kept = self._settings.evidence
        if not kept.ring_mebibytes:
            return None
        place = kept.place(self._settings.store.database)
        return Taker(kept, Folder(place, kept, store.open_alerts), self._source, self._log)

    def _go(self, store: Store) -> None:
        work = _Work(self, store)
        self._notifier.ready()
        self._log.info("listening", on=", ".join(self._settings.capture.interfaces), database=self._settings.store.database)
        for batch in self._source:
            with self._batches.measured():
                self._observations.add(batch)
            if self._reload:
                self._reload = False
                self._read_site()
            self._look_at_interfaces()
            work.do()
            self._notifier.alive()

    def _end(self, store: Store) -> None:
        """All that is known is kept, also where the capture has failed."""
        self.conclude()
        self.save(store)
        if self._taker is not None:
            self.note_alerts(store)
            self._taker.finish()
        self.learn(store)
        self._log.info("ended", packets=self._observations.statistics.packets if self._observations.statistics else 0)

    def conclude(self) -> None:
        """What follows from all that was observed. Where keeping it up to date fails, it is concluded from nothing; that must not fail."""
        self._notifier.alive()
        try:
            self._known = self._conclusions.update(self._observations)
        except Exception as error:  # noqa: BLE001  a mistake of ours costs time, not the plant's only signal
            self._log.error("a mistake in Otoscope, please report it: concluding begins anew", reason=repr(error))
            self._conclusions = Conclusions(self._site, self._baseline)
            self._known = self._conclusions.update(self._observations)
        if (seen := self._observations.statistics) is not None:
            alerts = len(self._known.alerts)
            self._notifier.status(
                f"{seen.packets:,} packets, {words.count(len(self._known.assets), 'asset')}, {words.count(alerts, 'alert')}"
            )

    def save(self, store: Store) -> None:
        """Keep it; what cannot be kept now is kept with the next save."""
        self._notifier.alive()
        if self._known is not None:
            with self._failing("cannot save"):
                store.save(self._known, self._run)

    def note_alerts(self, store: Store) -> None:
        """Evidence of those that are new is to be taken."""
        if self._taker is not None and self._known is not None:
            self._taker.note(self._known.alerts, store.alert_ids)

    def take_evidence(self) -> None:
        """The part of it that is due."""
        if self._taker is not None:
            self._taker.take()

    def learn(self, store: Store) -> None:
        """Let the baseline grow while it learns, and take up what people have accepted meanwhile."""
        self._notifier.alive()
        if self._known is None:
            return
        days = self._settings.site.learning_days
        with self._failing("cannot keep the baseline"):
            kept = _kept(store)
            # Once more when it is over: what came since the last look until then is usual, too.
            if self._learning or (kept is None and days):
                new = advance(kept, self._known, days)
                if new != kept:
                    store.accept_baseline(to_text(new).encode(), "learned", "otoscope")
                kept = new
            self._take_up(kept)

    def _take_up(self, baseline: Baseline | None) -> None:
        """Conclude by a baseline from now on; while it still learns nothing is new."""
        now = self._known.statistics.last if self._known and self._known.statistics else None
        self._learning = baseline is not None and is_learning(baseline, now or time.time_ns())
        self._rest_on(self._site, None if self._learning else baseline)

    def retain(self, store: Store) -> None:
        """Drop what is too old."""
        with self._failing("cannot drop what is old"):
            kept = self._settings.store
            dropped = store.retain(days=kept.retain_days, megabytes=kept.retain_megabytes, meanwhile=self._notifier.alive).dropped
            if dropped:
                self._log.info("dropped what is old", **dropped)
        if self._taker is not None:
            self._taker.tidy()

    def _rest_on(self, site: Site, baseline: Baseline | None) -> None:
        """Conclude from now on by this site file and baseline: all anew where they are others than before."""
        if (site, baseline) != (self._site, self._baseline):
            self._site, self._baseline = site, baseline
            self._conclusions = Conclusions(site, baseline)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OtoscopeError as error:
            self._log.error(what, reason=str(error))
            self._notifier.status(f"{what}: {error}")

    def _look_at_interfaces(self) -> None:
        """Say when one has changed: the mirror may be unplugged."""
        for interface in self._source.interfaces:
            now = (interface.condition, interface.trouble)
            if self._conditions.get(interface.name) != now:
                self._conditions[interface.name] = now
                say = self._log.info if now == ("capturing", None) else self._log.warning
                say("interface is " + interface.condition.replace("_", " "), interface=interface.name, trouble=interface.trouble)

    def _ask_to_reload(self) -> None:
        self._reload = True

    def _read_site(self) -> None:
        """Read the site file anew; one that is wrong changes nothing."""
        self._notifier.reloading()
        try:
            self._rest_on(load_site(self._settings.site.file) if self._settings.site.file else Site(), self._baseline)
            self._log.info("the site file holds from now on", file=self._settings.site.file)
        except SiteError as error:
            self._log.error("the site file is wrong: the one before still holds", reason=str(error))
        self._notifier.ready()

    def _sources(self) -> Sources:
        return Sources(
            knowledge=lambda: self._known,
            statistics=lambda: self._observations.statistics,
            interfaces=lambda: self._source.interfaces,
            batches=self._batches,
            transactions=lambda: (self._record.written, self._record.lost) if self._record else None,
            evidence=lambda: self._taker.counted if self._taker else None,
        )

    def _say_of(self, destination: str, text: str) -> None:
        self._log.warning("a destination fails", destination=destination, reason=text)


class _Work:
    """What is done again and again, each in its time."""

    def __init__(self, service: Service, store: Store) -> None:
        self._service = service
        self._store = store
        now = time.monotonic()
        self._due = {"conclude": now, "learn": now + _MINUTELY, "retain": now + _MINUTELY}

    def do(self) -> None:
        """One thing that is due, the rarest first: frames wait meanwhile."""
        self._service.take_evidence()
        if self._is_due("retain"):
            self._service.retain(self._store)
            self._due["retain"] = time.monotonic() + _HOURLY
        elif self._is_due("learn"):
            self._service.learn(self._store)
            self._due["learn"] = time.monotonic() + _HOURLY
        elif self._is_due("conclude"):
            began = time.monotonic()
            self._service.conclude()
            self._service.save(self._store)
            self._service.note_alerts(self._store)
            self._due["conclude"] = time.monotonic() + (time.monotonic() - began) * (1 / _SHARE - 1)

    def _is_due(self, what: str) -> bool:
        return time.monotonic() >= self._due[what]


def _kept(store: Store) -> Baseline | None:
    content = store.baseline()
    return None if content is None else parse(content.decode(), "the database's baseline")
