//! Interfaces instead of files: threads that read rings, each into an engine of its own, and one that keeps the interfaces.
//!
//! ```text
//! interface ─► fanout ─┬► ring ─► worker: engine ─┐
//!                      └► ring ─► worker: engine ─┴► union ─► changes, when asked
//! ```
//!
//! A worker has a ring on each of the interfaces, so that both legs of a tap meet in one engine. Where it has several, frames
//! are taken in the order of their time stamps.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::changes::Changes;
use crate::engine::Engine;
use crate::pick::{Picked, Wanted};
use crate::recent::{self, Recent};
use crate::source::Frame;
use crate::source::ring::{self, Interface, RETIRE_MILLISECONDS, Ring};
use crate::tables::Limits;
use crate::transactions::Taken;
use crate::union::Union;

/// Frames between two looks at orders: a few milliseconds.
const FRAMES: usize = 16_384;
/// The longest sleep of a worker, which is how long it may take to hear an order.
const SLEEP_MILLISECONDS: u16 = 50;
/// Between two looks at the interfaces.
const LOOK: Duration = Duration::from_millis(200);
/// Between two looks whether the last block of a ring that receives no more is handed over, and how long that is waited for.
const SETTLED: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(1);
/// A frame may lie this long in one ring while a later one is in another already.
const HOLD: i64 = 3 * RETIRE_MILLISECONDS as i64 * 1_000_000;

/// What is listened to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of the interfaces.
    pub names: Vec<String>,
    /// Threads that share the frames of each interface.
    pub workers: u16,
    /// Caps of all workers together.
    pub limits: Limits,
    /// Frames that came last, of all workers together.
    pub recent: recent::Limits,
    /// How a ring is read.
    pub ring: ring::Settings,
    /// An interface that is not there yet is waited for.
    pub patient: bool,
    /// Every operation is kept as a row of its own as well, until [`Listener::take_transactions`] is called.
    pub transactions: bool,
}

/// How an interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// There is none of that name.
    #[default]
    Missing,
    /// It is switched off.
    Off,
    /// It is switched on, and its other end is not.
    NoLink,
    /// It is there and cannot be read.
    Failed,
    /// It is read.
    Capturing,
}

impl Condition {
    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Off => "off",
            Self::NoLink => "no_link",
            Self::Failed => "failed",
            Self::Capturing => "capturing",
        }
    }
}

/// An interface as it is now, and what was counted on it since the start.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// The name that was asked for.
    pub name: String,
    /// Its name now, where it is there.
    pub named: Option<String>,
    /// How it is.
    pub condition: Condition,
    /// Why it cannot be read, or not as was wished.
    pub trouble: Option<String>,
    /// How often it was opened.
    pub opened: u64,
    /// Its frames have the card's own time stamps.
    pub hardware_time: bool,
    /// What was counted.
    pub counted: Counted,
}

/// What was counted on an interface since the start, of one worker or all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Frames that passed the filter, those without room among them.
    pub packets: u64,
    /// Frames for which the ring had no room.
    pub dropped: u64,
    /// Times that the ring was found full.
    pub full: u64,
    /// The most of the ring that waited to be read since the last time, in thousandths.
    pub fill: u64,
    /// VLAN tags put back that the kernel had taken off.
    pub tags: u64,
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.full = self.full.saturating_add(other.full);
        self.fill = self.fill.max(other.fill);
        self.tags = self.tags.saturating_add(other.tags);
    }

    fn of(ring: &mut Ring) -> Self {
        let counts = ring.counts();
        Self { packets: counts.packets, dropped: counts.dropped, full: counts.full, fill: 0, tags: ring.tags() }
    }
}

/// The interfaces that are listened to, for whoever asks.
#[derive(Clone)]
pub struct Ports(Arc<Mutex<Vec<Port>>>);

impl Ports {
    /// As they are now, with what was counted until the last time that anything was told.
    #[must_use]
    pub fn all(&self) -> Vec<Port> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Port>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker has to tell.
struct Told {
    changes: Changes,
    ports: Vec<Counted>,
    transactions: Option<Taken>,
}

enum Order {
    /// Read this ring as well.
    Add(Ring),
    /// The interface of that number is gone: read what its ring still holds.
    Remove(u32),
    /// Tell what is new.
    Tell(Sender<Told>),
    /// Look for these among the frames that came last.
    Pick(Vec<Wanted>, Sender<Vec<Vec<Picked>>>),
    /// The same for the last time, with everything decided that is still open.
    Stop(Sender<Told>),
}

/// Interfaces that are being listened to. Nothing is ever sent.
pub struct Listener {
    workers: Vec<(Sender<Order>, JoinHandle<Recent>)>,
    /// What workers kept that have been stopped.
    kept: Vec<Recent>,
    keeper: Option<(Sender<()>, JoinHandle<()>)>,
    ports: Ports,
    union: Union,
    transactions: Vec<Taken>,
}

impl Listener {
    /// Begin to listen.
    ///
    /// # Errors
    /// Where an interface cannot be read and that will not pass by itself, with its name; without patience, where there is none.
    pub fn start(settings: Settings) -> Result<Self, String> {
        let mut workers = Vec::new();
        let count = usize::from(settings.workers.max(1));
        for number in 0..count {
            let (sender, orders) = mpsc::channel();
            let mut engine = Engine::new(settings.limits.shared_by(count));
            if settings.transactions {
                engine.record_transactions();
            }
            let worker = Worker {
                intake: Intake { engine, recent: Recent::new(settings.recent.shared_by(count)) },
                rings: Vec::new(),
                ports: vec![Port::default().counted; settings.names.len()],
                orders,
            };
            let thread = thread::Builder::new().name(format!("listen-{number}")).spawn(move || worker.run());
            workers.push((sender, thread.map_err(|error| error.to_string())?));
        }
        let ports = settings.names.iter().map(|name| Port { name: name.clone(), ..Port::default() }).collect();
        let ports = Ports(Arc::new(Mutex::new(ports)));
        let union = Union::new(settings.limits.quiet_seconds);
        let mut keeper = Keeper {
            known: vec![None; settings.names.len()],
            orders: workers.iter().map(|(sender, _)| sender.clone()).collect(),
            ports: ports.clone(),
            settings,
        };
        let mut listener = Self { workers, kept: Vec::new(), keeper: None, ports, union, transactions: Vec::new() };
        keeper.look_first().inspect_err(|_| drop(listener.stop()))?;
        let (sender, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("listen-keeper".to_owned()).spawn(move || keeper.run(&stopped));
        listener.keeper = Some((sender, thread.map_err(|error| error.to_string())?));
        Ok(listener)
    }

    /// What is new or has changed since the last call.
    ///
    /// # Errors
    /// Where a worker is there no more: it has come upon a fault of its own, or all has been stopped.
    pub fn tell(&mut self) -> Result<Changes, String> {
        self.ask(Order::Tell)
    }

    /// Frames that are asked for, among those that came last: for each of `wanted` those of one worker after those of another.
    /// Also once stopped.
    ///
    /// # Errors
    /// As for [`Listener::tell`].
    pub fn pick(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Picked>>, String> {
        let mut found = vec![vec![]; wanted.len()];
        let stopped = self.kept.iter().map(|recent| recent.pick(wanted.to_vec())).collect();
        for of_worker in [stopped, self.each(|sender| Order::Pick(wanted.to_vec(), sender))?].concat() {
            found.iter_mut().zip(of_worker).for_each(|(all, some)| all.extend(some));
        }
        Ok(found)
    }

    /// Listen no more; what was received until now is told.
    ///
    /// # Errors
    /// As for [`Listener::tell`].
    pub fn stop(&mut self) -> Result<Changes, String> {
        if let Some((sender, thread)) = self.keeper.take() {
            drop(sender);
            drop(thread.join());
        }
        let changes = self.ask(Order::Stop);
        for (sender, thread) in self.workers.drain(..) {
            drop(sender);
            self.kept.extend(thread.join());
        }
        changes
    }

    /// Operations that were over when something was told last, of each worker.
    pub fn take_transactions(&mut self) -> Vec<Taken> {
        core::mem::take(&mut self.transactions)
    }

    /// The interfaces.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports.clone()
    }

    fn ask(&mut self, order: fn(Sender<Told>) -> Order) -> Result<Changes, String> {
        let told = self.each(order)?;
        self.count(&told);
        let (mut all, mut transactions) = (Vec::new(), Vec::new());
        for one in told {
            all.push(one.changes);
            transactions.extend(one.transactions);
        }
        self.transactions = transactions;
        match (all.pop(), all.is_empty()) {
            (None, _) => Err("not listening any more".to_owned()),
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                all.push(last);
                Ok(self.union.merge(all))
            }
        }
    }

    /// The answers of all workers.
    fn each<T>(&self, order: impl Fn(Sender<T>) -> Order) -> Result<Vec<T>, String> {
        let fault = |_| "a thread that reads frames has ended".to_owned();
        let mut answers = Vec::new();
        for (worker, _) in &self.workers {
            let (sender, answer) = mpsc::channel();
            worker.send(order(sender)).map_err(|_| fault(mpsc::RecvError))?;
            answers.push(answer);
        }
        answers.into_iter().map(|answer| answer.recv().map_err(fault)).collect()
    }

    fn count(&self, told: &[Told]) {
        let mut ports = self.ports.lock();
        for (number, port) in ports.iter_mut().enumerate() {
            port.counted = Counted::default();
            for counted in told.iter().filter_map(|one| one.ports.get(number)) {
                port.counted.add(counted);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !self.workers.is_empty() {
            drop(self.stop());
        }
    }
}

/// Where frames go.
struct Intake {
    engine: Engine,
    recent: Recent,
}

impl Intake {
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        self.recent.add(frame);
        self.engine.frame(frame);
    }
}

/// A thread that reads rings into an engine.
struct Worker {
    intake: Intake,
    rings: Vec<Ring>,
    /// What was counted on each interface, by its number: on rings that are closed, and how full the open ones were.
    ports: Vec<Counted>,
    orders: Receiver<Order>,
}

/// What there is to do after rings were read.
enum Next {
    /// More to read.
    Read,
    /// Nothing before the kernel says so.
    Sleep,
    /// Frames that are too young to know whether they are next.
    Hold,
}

impl Worker {
    fn run(mut self) -> Recent {
        loop {
            // With nothing to read there is nothing to do but to wait for the next order.
            let order =
                if self.rings.is_empty() { self.orders.recv().map_err(|_| TryRecvError::Disconnected) } else { self.orders.try_recv() };
            match order {
                Ok(order) => {
                    if self.obey(order) {
                        continue;
                    }
                    return self.intake.recent;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return self.intake.recent,
            }
            match self.read() {
                Next::Read => {}
                Next::Sleep => ring::wait(&self.rings, SLEEP_MILLISECONDS.into()),
                Next::Hold => thread::sleep(Duration::from_millis(SLEEP_MILLISECONDS.into())),
            }
        }
    }

    /// False where that was the last order.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Add(ring) => self.rings.push(ring),
            Order::Remove(number) => self.drain(|ring| ring.number() == number),
            Order::Tell(answer) => drop(answer.send(self.tell())),
            Order::Pick(wanted, answer) => drop(answer.send(self.intake.recent.pick(wanted))),
            Order::Stop(answer) => {
                self.drain(|_| true);
                self.intake.engine.finish();
                drop(answer.send(self.tell()));
                return false;
            }
        }
        true
    }

    fn tell(&mut self) -> Told {
        let mut ports = self.ports.clone();
        for ring in &mut self.rings {
            if let Some(port) = ports.get_mut(ring.number() as usize) {
                port.add(&Counted::of(ring));
            }
        }
        for port in &mut self.ports {
            port.fill = 0;
        }
        Told { changes: self.intake.engine.tell(), ports, transactions: self.intake.engine.take_transactions() }
    }

    /// Close rings and read what they still hold, in the order of time with the others as long as that does not take too long:
    /// those may receive more than can be read.
    fn drain(&mut self, is_meant: impl Fn(&Ring) -> bool) {
        for ring in self.rings.iter().filter(|ring| is_meant(ring)) {
            drop(ring.close()); // An interface that is gone has nothing more to deliver either way.
        }
        self.note_fill();
        let began = Instant::now();
        while self.rings.iter_mut().any(|ring| is_meant(ring) && !ring.is_read()) && began.elapsed() < PATIENCE {
            // What is not handed over yet may be earlier than what is.
            let is_whole = self.rings.iter_mut().all(|ring| !is_meant(ring) || ring.is_handed_over());
            let until = if is_whole { i64::MAX } else { nanoseconds_now().saturating_sub(HOLD) };
            if merge(&mut self.rings, &mut self.intake, until) == 0 {
                thread::sleep(SETTLED);
            }
        }
        let (closed, open) = core::mem::take(&mut self.rings).into_iter().partition(|ring| is_meant(ring));
        self.rings = open;
        let closed: Vec<Ring> = closed;
        for mut ring in closed {
            while let Some(frame) = ring.next() {
                self.intake.frame(&frame);
            }
            if let Some(port) = self.ports.get_mut(ring.number() as usize) {
                port.add(&Counted::of(&mut ring));
            }
        }
    }

    fn read(&mut self) -> Next {
        self.note_fill();
        let [ring] = self.rings.as_mut_slice() else { return self.read_several() };
        read(ring, &mut self.intake)
    }

    fn read_several(&mut self) -> Next {
        if self.rings.iter().any(Ring::has_hardware_time) {
            return self.read_of_several_clocks();
        }
        let now = nanoseconds_now();
        match merge(&mut self.rings, &mut self.intake, now.saturating_sub(HOLD)) {
            FRAMES => Next::Read,
            _ if self.rings.iter_mut().any(|ring| ring.time().is_some()) => {
                // Stamps of a time to come are of a clock that was set back: there is no waiting for them.
                let is_ahead = |ring: &mut Ring| ring.time().is_some_and(|time| time > now.saturating_add(HOLD));
                if self.rings.iter_mut().any(is_ahead) {
                    merge(&mut self.rings, &mut self.intake, i64::MAX);
                }
                Next::Hold
            }
            _ => Next::Sleep,
        }
    }

    /// Cards have clocks of their own. Where one is ahead of the others there are always earlier frames than its ring's, which
    /// must not overflow for that.
    fn read_of_several_clocks(&mut self) -> Next {
        let is_half_full = |ring: &&mut Ring| {
            let (waiting, all) = ring.fill();
            waiting.saturating_mul(2) > all
        };
        if let Some(ring) = self.rings.iter_mut().find(is_half_full) {
            read(ring, &mut self.intake);
            return Next::Read;
        }
        match merge(&mut self.rings, &mut self.intake, i64::MAX) {
            0 => Next::Sleep,
            _ => Next::Read,
        }
    }

    fn note_fill(&mut self) {
        for ring in &self.rings {
            let (waiting, all) = ring.fill();
            let thousandths = waiting.saturating_mul(1000).checked_div(all).unwrap_or(0) as u64;
            if let Some(port) = self.ports.get_mut(ring.number() as usize) {
                port.fill = port.fill.max(thousandths);
            }
        }
    }
}

fn nanoseconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

/// Read frames of a ring.
fn read(ring: &mut Ring, intake: &mut Intake) -> Next {
    intake.engine.begin_source(ring.number());
    for _ in 0..FRAMES {
        let Some(frame) = ring.next() else { return Next::Sleep };
        intake.frame(&frame);
    }
    Next::Read
}

/// Read frames of all rings up to that time, in the order of their time stamps; how many.
fn merge(rings: &mut [Ring], intake: &mut Intake, until: i64) -> usize {
    for count in 0..FRAMES {
        let next = rings.iter_mut().filter_map(|ring| ring.time().map(|time| (time, ring))).min_by_key(|(time, _)| *time);
        let Some((_, ring)) = next.filter(|(time, _)| *time <= until) else { return count };
        intake.engine.begin_source(ring.number());
        if let Some(frame) = ring.next() {
            intake.frame(&frame);
        }
    }
    FRAMES
}

/// Looks after the interfaces: opens those that are there, and closes those that are gone.
struct Keeper {
    settings: Settings,
    /// The interface that is read for each name.
    known: Vec<Option<Interface>>,
    orders: Vec<Sender<Order>>,
    ports: Ports,
}

impl Keeper {
    fn run(mut self, stopped: &Receiver<()>) {
        while matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
            for number in 0..self.known.len() {
                drop(self.look(number)); // The port says what is wrong; it is tried again.
            }
        }
    }

    /// Look for the first time, when what is wrong is for the caller to hear.
    fn look_first(&mut self) -> Result<(), String> {
        for number in 0..self.known.len() {
            let name = self.settings.names.get(number).cloned().unwrap_or_default();
            match self.look(number) {
                Err(error) if !(self.settings.patient && is_missing(&error)) => return Err(format!("{name}: {}", in_words(&error))),
                _ => {}
            }
        }
        Ok(())
    }

    fn look(&mut self, number: usize) -> io::Result<()> {
        let Some(name) = self.settings.names.get(number) else { return Ok(()) };
        let known = self.known.get(number).cloned().flatten();
        let found = match &known {
            Some(interface) => Interface::numbered(interface.index),
            None => Interface::named(name),
        };
        match (found, known) {
            (Ok(interface), Some(_)) => {
                self.note(number, |port| port.condition = condition(&interface), Some(&interface));
                self.keep(number, Some(interface));
                Ok(())
            }
            (Ok(interface), None) if interface.up => self.open(number, interface),
            (Ok(interface), None) => {
                self.note(number, |port| port.condition = Condition::Off, Some(&interface));
                Ok(())
            }
            // That it cannot be looked at now, as where there are too many open files, says nothing of the interface.
            (Err(error), Some(_)) if !is_missing(&error) => Err(error),
            (Err(error), known) => {
                if known.is_some() {
                    let number = u32::try_from(number).unwrap_or(u32::MAX);
                    self.orders.iter().for_each(|orders| drop(orders.send(Order::Remove(number))));
                }
                self.keep(number, None);
                self.note(number, |port| port.condition = if is_missing(&error) { Condition::Missing } else { Condition::Failed }, None);
                Err(error)
            }
        }
    }

    fn open(&mut self, number: usize, interface: Interface) -> io::Result<()> {
        let hardware = self.settings.ring.hardware_time.then(|| ring::enable_hardware_time(&interface));
        let trouble = match &hardware {
            Some(Err(error)) => Some(format!("no time stamps of the card: {}", in_words(error))),
            _ => None,
        };
        let index = u32::try_from(number).unwrap_or(u32::MAX);
        let settings = ring::Settings { hardware_time: matches!(hardware, Some(Ok(()))), ..self.settings.ring.clone() };
        let hardware_time = settings.hardware_time;
        let opened = Ring::open(&interface, &settings, self.settings.workers, index).and_then(|rings| {
            // It may have gone, or been switched off and on, while its rings were made.
            Interface::numbered(interface.index).map(|_| rings)
        });
        match opened {
            Ok(rings) => {
                for (ring, orders) in rings.into_iter().zip(&self.orders) {
                    drop(orders.send(Order::Add(ring)));
                }
                let change = |port: &mut Port| {
                    port.condition = condition(&interface);
                    port.trouble = trouble;
                    port.opened = port.opened.saturating_add(1);
                    port.hardware_time = hardware_time;
                };
                self.note(number, change, Some(&interface));
                self.keep(number, Some(interface));
                Ok(())
            }
            Err(error) => {
                let change = |port: &mut Port| {
                    port.condition = Condition::Failed;
                    port.trouble = Some(in_words(&error));
                };
                self.note(number, change, Some(&interface));
                Err(error)
            }
        }
    }

    fn keep(&mut self, number: usize, interface: Option<Interface>) {
        if let Some(known) = self.known.get_mut(number) {
            *known = interface;
        }
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut Port), interface: Option<&Interface>) {
        let mut ports = self.ports.lock();
        if let Some(port) = ports.get_mut(number) {
            port.named = interface.map(|interface| interface.name.clone());
            change(port);
        }
    }
}

const fn condition(interface: &Interface) -> Condition {
    match (interface.up, interface.running) {
        (false, _) => Condition::Off,
        (true, false) => Condition::NoLink,
        (true, true) => Condition::Capturing,
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
}

/// An error of the operating system, with what to do where that is known.
fn in_words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO) => "no such interface".to_owned(),
        Some(libc::EPERM | libc::EACCES) => "not permitted: capturing needs root or the capability CAP_NET_RAW".to_owned(),
        Some(libc::ENOMEM) => "not enough memory for its ring".to_owned(),
        Some(libc::EINVAL) => "the kernel refuses the filter, or a setting".to_owned(),
        _ => error.to_string(),
    }
}
