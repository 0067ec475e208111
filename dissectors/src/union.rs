//! What several engines have to tell, as one would: rows of the same key become one row with a number of its own.
//!
//! Frames are shared out so that a conversation is in one engine (see [`crate::source::filter`]); an endpoint that talks to
//! many, and what it says of itself, is in several. Each engine's latest row is kept, and told is what they come to together.

use core::hash::Hash;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::changes::{Changes, Totals};
use crate::observations::{Anomaly, Conversation, ConversationKey, Endpoint, EndpointKey, Fact, Operation};

/// Seconds of which it is known what each engine has counted in them.
const SECONDS: usize = 64;

/// A row of an engine: which engine's, and its number there.
type Origin = (usize, u64);
/// What a fact is one of: who says it, of which unit, key, value, protocol.
type FactKey = (EndpointKey, String, &'static str, String, &'static str);
/// What an operation is one of: number of its conversation, protocol, function, sub-function, unit and object.
type OperationKey = (u64, &'static str, u32, Option<u32>, Box<[u8]>, Box<[u8]>);
/// What an anomaly is one of: number of its conversation, protocol, kind and detail.
type AnomalyKey = (u64, &'static str, &'static str, String);

/// A row that belongs to a conversation of the same engine.
#[derive(Clone)]
struct Owned<R> {
    owner: Origin,
    row: R,
}

/// The rows of all engines.
pub struct Union {
    endpoints: Parts<EndpointKey, Endpoint>,
    conversations: Parts<ConversationKey, Conversation>,
    operations: Parts<OperationKey, Owned<Operation>>,
    facts: Parts<FactKey, Fact>,
    anomalies: Parts<AnomalyKey, Owned<Anomaly>>,
    /// What each engine has counted in a second.
    seconds: BTreeMap<i64, HashMap<usize, (u64, u64)>>,
    numbers: Numbers,
    quiet_seconds: usize,
}

impl Union {
    /// No rows yet; episodes of operations are as far apart as in the engines.
    #[must_use]
    pub fn new(quiet_seconds: usize) -> Self {
        Self {
            endpoints: Parts::default(),
            conversations: Parts::default(),
            operations: Parts::default(),
            facts: Parts::default(),
            anomalies: Parts::default(),
            seconds: BTreeMap::new(),
            numbers: Numbers::default(),
            quiet_seconds,
        }
    }

    /// Take in what each engine has to tell, always in the same order; what they have to tell together.
    pub fn merge(&mut self, all: Vec<Changes>) -> Changes {
        let busiest = self.busiest(&all);
        let mut totals: Option<Totals> = None;
        for (engine, changes) in all.into_iter().enumerate() {
            match &mut totals {
                Some(totals) => totals.join(&changes.totals, busiest),
                None => totals = Some(changes.totals.clone()),
            }
            self.take(engine, changes);
        }
        let quiet_seconds = self.quiet_seconds;
        let endpoints = self.endpoints.tell(Endpoint::join);
        let conversations = self.conversations.tell(Conversation::join);
        let operations = self.operations.tell(|mine, theirs| mine.row.join(&theirs.row, quiet_seconds));
        let facts = self.facts.tell(Fact::join);
        let anomalies = self.anomalies.tell(|mine, theirs| mine.row.join(&theirs.row));
        Changes {
            endpoints: endpoints.into_iter().map(|(_, id, row)| Endpoint { id, ..row }).collect(),
            conversations: conversations.into_iter().map(|(_, id, row)| Conversation { id, ..row }).collect(),
            operations: operations.into_iter().map(|(key, id, part)| (key.0, Operation { id, ..part.row })).collect(),
            facts: facts.into_iter().map(|(_, id, row)| Fact { id, ..row }).collect(),
            anomalies: anomalies.into_iter().map(|(key, id, part)| (key.0, Anomaly { id, ..part.row })).collect(),
            removed: core::mem::take(&mut self.numbers.gone),
            totals: totals.unwrap_or_default(),
        }
    }

    fn take(&mut self, engine: usize, mut changes: Changes) {
        // Numbers rise with the first time that a row was seen, here as in the engine.
        changes.conversations.sort_unstable_by_key(|row| row.id);
        changes.operations.sort_unstable_by_key(|(_, row)| row.id);
        let numbers = &mut self.numbers;
        for number in changes.removed {
            let origin = (engine, number);
            self.endpoints.remove(origin, numbers);
            self.conversations.remove(origin, numbers);
            self.operations.remove(origin, numbers);
            self.facts.remove(origin, numbers);
            self.anomalies.remove(origin, numbers);
        }
        for row in changes.endpoints {
            self.endpoints.put((engine, row.id), row.key, row, numbers);
        }
        for row in changes.facts {
            let key = (row.endpoint, row.unit.clone(), row.key, row.value.clone(), row.source);
            self.facts.put((engine, row.id), key, row, numbers);
        }
        let mut moved = HashSet::new();
        for row in changes.conversations {
            let origin = (engine, row.id);
            if self.conversations.put(origin, row.key, row, numbers) {
                moved.insert(origin);
            }
        }
        for (owner, row) in changes.operations {
            self.put_operation((engine, row.id), Owned { owner: (engine, owner), row });
        }
        for (owner, row) in changes.anomalies {
            self.put_anomaly((engine, row.id), Owned { owner: (engine, owner), row });
        }
        if !moved.is_empty() {
            self.follow(&moved);
        }
    }

    /// Conversations have other numbers than before: what is theirs goes with them.
    #[cold]
    fn follow(&mut self, moved: &HashSet<Origin>) {
        for (origin, part) in self.operations.those(|part| moved.contains(&part.owner)) {
            self.put_operation(origin, part);
        }
        for (origin, part) in self.anomalies.those(|part| moved.contains(&part.owner)) {
            self.put_anomaly(origin, part);
        }
    }

    fn put_operation(&mut self, origin: Origin, part: Owned<Operation>) {
        let owner = self.conversations.number_of(part.owner);
        let row = &part.row;
        let key = (owner, row.protocol, row.function, row.subfunction, row.unit.octets().into(), row.object.octets().into());
        self.operations.put(origin, key, part, &mut self.numbers);
    }

    fn put_anomaly(&mut self, origin: Origin, part: Owned<Anomaly>) {
        let owner = self.conversations.number_of(part.owner);
        let key = (owner, part.row.protocol, part.row.kind, part.row.detail.clone());
        self.anomalies.put(origin, key, part, &mut self.numbers);
    }

    /// The most packets and the most octets in one of the last seconds, all engines together.
    fn busiest(&mut self, all: &[Changes]) -> (u64, u64) {
        for (engine, changes) in all.iter().enumerate() {
            for (second, packets, octets) in changes.totals.counters.rate.seconds() {
                self.seconds.entry(second).or_default().insert(engine, (packets, octets));
            }
        }
        while self.seconds.len() > SECONDS {
            self.seconds.pop_first();
        }
        let sum = |counts: &HashMap<usize, (u64, u64)>| {
            counts.values().fold((0_u64, 0_u64), |sum, count| (sum.0.saturating_add(count.0), sum.1.saturating_add(count.1)))
        };
        let most = self.seconds.values().map(sum).fold((0, 0), |most: (u64, u64), sum| (most.0.max(sum.0), most.1.max(sum.1)));
        self.numbers.busiest = (self.numbers.busiest.0.max(most.0), self.numbers.busiest.1.max(most.1));
        self.numbers.busiest
    }
}

/// Numbers of rows, and what is kept beside them.
#[derive(Default)]
struct Numbers {
    last: u64,
    /// Numbers of rows that are gone.
    gone: Vec<u64>,
    busiest: (u64, u64),
}

/// Rows of one kind: what each engine says of each key.
struct Parts<K, R> {
    entries: HashMap<K, Entry<R>>,
    keys: HashMap<Origin, K>,
    changed: HashSet<K>,
}

struct Entry<R> {
    number: u64,
    parts: Vec<(Origin, R)>,
    told: bool,
}

impl<K, R> Default for Parts<K, R> {
    fn default() -> Self {
        Self { entries: HashMap::new(), keys: HashMap::new(), changed: HashSet::new() }
    }
}

impl<K: Eq + Hash + Clone, R: Clone> Parts<K, R> {
    /// An engine's row is new or has changed; true where it belongs to another number than before.
    fn put(&mut self, origin: Origin, key: K, row: R, numbers: &mut Numbers) -> bool {
        let before = self.keys.get(&origin).map(|key| self.entries.get(key).map_or(0, |entry| entry.number));
        if before.is_some() && self.keys.get(&origin) != Some(&key) {
            self.rename(origin, &key, numbers);
        }
        let entry = self.entries.entry(key.clone()).or_insert_with(|| {
            numbers.last = numbers.last.wrapping_add(1);
            Entry { number: numbers.last, parts: Vec::new(), told: false }
        });
        match entry.parts.iter_mut().find(|(of, _)| *of == origin) {
            Some((_, known)) => *known = row,
            None => entry.parts.push((origin, row)),
        }
        let is_moved = before.is_some_and(|number| number != entry.number);
        self.keys.insert(origin, key.clone());
        self.changed.insert(key);
        is_moved
    }

    /// A row has another key: it keeps its number where nobody else has either key.
    fn rename(&mut self, origin: Origin, key: &K, numbers: &mut Numbers) {
        let is_alone = |entry: &Entry<R>| matches!(entry.parts.as_slice(), [(of, _)] if *of == origin);
        let old = self.keys.get(&origin).filter(|old| !self.entries.contains_key(key) && self.entries.get(*old).is_some_and(is_alone));
        match old.cloned().and_then(|old| self.entries.remove_entry(&old)) {
            Some((old, entry)) => {
                self.changed.remove(&old);
                self.entries.insert(key.clone(), entry);
            }
            None => self.remove(origin, numbers),
        }
    }

    /// An engine's row is gone.
    fn remove(&mut self, origin: Origin, numbers: &mut Numbers) {
        let Some(key) = self.keys.remove(&origin) else { return };
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.parts.retain(|(of, _)| *of != origin);
        if entry.parts.is_empty() {
            if entry.told {
                numbers.gone.push(entry.number);
            }
            self.entries.remove(&key);
            self.changed.remove(&key);
        } else {
            self.changed.insert(key);
        }
    }

    /// The number that an engine's row has here, 0 for none.
    fn number_of(&self, origin: Origin) -> u64 {
        self.keys.get(&origin).and_then(|key| self.entries.get(key)).map_or(0, |entry| entry.number)
    }

    /// The engines' rows for which `is_one` holds.
    fn those(&self, is_one: impl Fn(&R) -> bool) -> Vec<(Origin, R)> {
        self.entries.values().flat_map(|entry| &entry.parts).filter(|(_, row)| is_one(row)).cloned().collect()
    }

    /// What is new or has changed, each with its key and number, in the order of the numbers.
    fn tell(&mut self, join: impl Fn(&mut R, &R)) -> Vec<(K, u64, R)> {
        let mut told = Vec::with_capacity(self.changed.len());
        for key in self.changed.drain() {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.told = true;
            let Some(((_, first), rest)) = entry.parts.split_first() else { continue };
            let mut row = first.clone();
            for (_, other) in rest {
                join(&mut row, other);
            }
            told.push((key, entry.number, row));
        }
        told.sort_unstable_by_key(|(_, number, _)| *number);
        told
    }
}
