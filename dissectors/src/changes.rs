//! What an engine has to tell: the rows that are new or have changed since the last time, and totals.

use std::collections::BTreeMap;

use crate::engine::{Counters, Engine};
use crate::mirror::Stations;
use crate::observations::{Anomaly, Conversation, Endpoint, Fact, Operation};
use crate::table::Place;
use crate::tables::{Messages, Shares, Tables};
use crate::timing::Histogram;

/// Rows that are new or have changed, and the numbers of those that are gone.
#[derive(Clone, Default)]
pub struct Changes {
    /// Who is there.
    pub endpoints: Vec<Endpoint>,
    /// Who talks to whom.
    pub conversations: Vec<Conversation>,
    /// Who asks whom for what, each with the number of its conversation.
    pub operations: Vec<(u64, Operation)>,
    /// What they say of themselves.
    pub facts: Vec<Fact>,
    /// What is wrong, each with the number of its conversation.
    pub anomalies: Vec<(u64, Anomaly)>,
    /// Rows that were told of before and are gone.
    pub removed: Vec<u64>,
    /// Totals since the engine was made.
    pub totals: Totals,
}

/// Totals since the engine was made.
#[derive(Clone, Default)]
pub struct Totals {
    /// What the engine counts.
    pub counters: Counters,
    /// Messages by protocol.
    pub messages: BTreeMap<&'static str, Messages>,
    /// What the traffic consists of.
    pub shares: Shares,
    /// Between which stations unicast frames go.
    pub stations: Stations,
    /// Packets to groups of receivers, all included.
    pub to_groups: u64,
    /// Packets to all.
    pub to_all: u64,
    /// How long answers took, by protocol.
    pub response_times: BTreeMap<&'static str, Histogram>,
    /// What there was no room for.
    pub refused: Refused,
}

/// What there was no room for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refused {
    /// Messages of which the snap length cut off a part.
    pub cut_messages: u64,
    /// Times that buffers of unfinished messages were given up.
    pub dropped_buffers: u64,
    /// Requests.
    pub pending: u64,
    /// Flows.
    pub flows: u64,
    /// Datagrams in fragments.
    pub datagrams: u64,
    /// Endpoints.
    pub endpoints: u64,
    /// Conversations.
    pub conversations: u64,
    /// Operations.
    pub operations: u64,
    /// Facts.
    pub facts: u64,
    /// Anomalies.
    pub anomalies: u64,
    /// Memories of dissectors.
    pub memories: u64,
}

impl Refused {
    const fn of(engine: &Engine) -> Self {
        let (tables, (flows, datagrams)) = (&engine.tables, engine.evicted());
        Self {
            cut_messages: tables.cut_messages,
            dropped_buffers: tables.dropped_buffers,
            pending: tables.evicted_pending,
            flows,
            datagrams,
            endpoints: tables.endpoints.evicted(),
            conversations: tables.conversations.evicted(),
            operations: tables.operations.evicted(),
            facts: tables.facts.evicted(),
            anomalies: tables.anomalies.evicted(),
            memories: tables.evicted_memories(),
        }
    }

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.cut_messages, other.cut_messages),
            (&mut self.dropped_buffers, other.dropped_buffers),
            (&mut self.pending, other.pending),
            (&mut self.flows, other.flows),
            (&mut self.datagrams, other.datagrams),
            (&mut self.endpoints, other.endpoints),
            (&mut self.conversations, other.conversations),
            (&mut self.operations, other.operations),
            (&mut self.facts, other.facts),
            (&mut self.anomalies, other.anomalies),
            (&mut self.memories, other.memories),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }
}

impl Totals {
    fn of(engine: &Engine) -> Self {
        let tables = &engine.tables;
        Self {
            counters: engine.counters.clone(),
            messages: tables.all_messages(),
            shares: tables.shares(),
            stations: tables.stations,
            to_groups: tables.to_groups,
            to_all: tables.to_all,
            response_times: tables.response_times.answered().copied().collect(),
            refused: Refused::of(engine),
        }
    }

    /// With what another engine has seen; the busiest second of both is for the caller to know.
    pub fn join(&mut self, other: &Self, busiest: (u64, u64)) {
        self.counters.join(&other.counters, busiest);
        for (protocol, messages) in &other.messages {
            let mine = self.messages.entry(protocol).or_default();
            mine.messages = mine.messages.saturating_add(messages.messages);
            mine.malformed = mine.malformed.saturating_add(messages.malformed);
        }
        self.shares.join(&other.shares);
        self.stations = self.stations.joined(other.stations);
        self.to_groups = self.to_groups.saturating_add(other.to_groups);
        self.to_all = self.to_all.saturating_add(other.to_all);
        for (protocol, histogram) in &other.response_times {
            self.response_times.entry(protocol).or_default().join(histogram);
        }
        self.refused.join(&other.refused);
    }
}

impl Engine {
    /// What is new or has changed since the last call.
    pub fn tell(&mut self) -> Changes {
        self.fold();
        let totals = Totals::of(self);
        let Tables { endpoints, conversations, operations, facts, anomalies, .. } = &mut self.tables;
        let mut removed = Vec::new();
        let mut told = |(changed, gone): (Vec<Place>, Vec<u64>)| {
            removed.extend(gone);
            changed
        };
        let changed =
            (told(endpoints.tell()), told(operations.tell()), told(facts.tell()), told(anomalies.tell()), told(conversations.tell()));
        let owner = |place: Place| conversations.get(place).map_or(0, |row| row.id);
        Changes {
            endpoints: changed.0.iter().filter_map(|place| endpoints.get(*place)).cloned().collect(),
            operations: changed
                .1
                .iter()
                .filter_map(|place| operations.get(*place))
                .map(|row| (owner(row.conversation), row.clone()))
                .collect(),
            facts: changed.2.iter().filter_map(|place| facts.get(*place)).cloned().collect(),
            anomalies: changed
                .3
                .iter()
                .filter_map(|place| anomalies.get(*place))
                .map(|row| (owner(row.conversation), row.clone()))
                .collect(),
            conversations: changed.4.iter().filter_map(|place| conversations.get(*place)).cloned().collect(),
            removed,
            totals,
        }
    }
}
