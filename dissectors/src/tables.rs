//! Everything that is known so far: the rows of the five observations, each table capped.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use crate::activity::{Activity, Minute, Minutes};
use crate::decode::{Address, Link, Mac};
use crate::flow::{Flow, Pending, Side};
use crate::mirror::Stations;
use crate::observations::{
    Anomaly, Conversation, ConversationKey, Endpoint, EndpointKey, Ends, Fact, Operation, ResponseTime, Span, Text, Traffic, Transport,
    bounded,
};
use crate::scan::{ARP_SCAN_WITHIN, Askers};
use crate::sink::{Label, Memo, Role};
use crate::table::{Hashes, Place, Row, Table};
use crate::timing::Histograms;
use crate::transactions::Transactions;

/// How much of each kind is kept at the most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Exchanges between two addresses and ports.
    pub flows: usize,
    /// Rows of endpoints.
    pub endpoints: usize,
    /// Rows of conversations.
    pub conversations: usize,
    /// Rows of operations.
    pub operations: usize,
    /// Rows of operations of one conversation; what goes beyond is one row for each function.
    pub operations_per_conversation: usize,
    /// Octets of units and objects of operations, all together.
    pub label_octets: usize,
    /// Rows of facts.
    pub facts: usize,
    /// Octets of the values of facts, all together.
    pub fact_octets: usize,
    /// Values of one key that an endpoint says in one protocol.
    pub values_per_fact: usize,
    /// Rows of anomalies.
    pub anomalies: usize,
    /// Requests of one flow that wait for a response.
    pub pending_per_flow: usize,
    /// Requests of all flows that wait for a response.
    pub pending: usize,
    /// Memories of dissectors, those of addresses and those of flows each.
    pub memories: usize,
    /// Octets kept for messages that are not whole yet.
    pub reassembly_octets: usize,
    /// Octets kept for IP datagrams of which fragments are missing.
    pub fragment_octets: usize,
    /// An operation that comes again after a longer silence begins a new episode; no less than a minute.
    pub quiet_seconds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Fewer than conversations: a flow that ends must find its conversation still there.
            flows: 32_768,
            endpoints: 65_536,
            conversations: 65_536,
            operations: 131_072,
            operations_per_conversation: 1_024,
            label_octets: 16 << 20,
            facts: 131_072,
            fact_octets: 16 << 20,
            values_per_fact: 64,
            anomalies: 32_768,
            pending_per_flow: 64,
            pending: 65_536,
            memories: 16_384,
            reassembly_octets: 32 << 20,
            fragment_octets: 16 << 20,
            quiet_seconds: 3_600,
        }
    }
}

impl Limits {
    /// The caps of one of so many workers: together they keep no more than one would. What is no size of a table stays.
    #[must_use]
    pub fn shared_by(mut self, workers: usize) -> Self {
        const KEPT: [&str; 4] = ["operations_per_conversation", "values_per_fact", "pending_per_flow", "quiet_seconds"];
        for (_, limit) in self.each().into_iter().filter(|(name, _)| !KEPT.contains(name)) {
            *limit = limit.checked_div(workers).unwrap_or(*limit).max(1);
        }
        self
    }

    /// All limits with their names, to change.
    pub const fn each(&mut self) -> [(&'static str, &mut usize); 16] {
        // A new limit that is not here does not compile.
        let Self {
            flows,
            endpoints,
            conversations,
            operations,
            operations_per_conversation,
            label_octets,
            facts,
            fact_octets,
            values_per_fact,
            anomalies,
            pending_per_flow,
            pending,
            memories,
            reassembly_octets,
            fragment_octets,
            quiet_seconds,
        } = self;
        [
            ("flows", flows),
            ("endpoints", endpoints),
            ("conversations", conversations),
            ("operations", operations),
            ("operations_per_conversation", operations_per_conversation),
            ("label_octets", label_octets),
            ("facts", facts),
            ("fact_octets", fact_octets),
            ("values_per_fact", values_per_fact),
            ("anomalies", anomalies),
            ("pending_per_flow", pending_per_flow),
            ("pending", pending),
            ("memories", memories),
            ("reassembly_octets", reassembly_octets),
            ("fragment_octets", fragment_octets),
            ("quiet_seconds", quiet_seconds),
        ]
    }
}

/// A memory that belongs to an address.
pub struct Remembered {
    address: Address,
    key: u64,
    memo: Memo,
    last: i64,
}

impl Row for Remembered {
    fn last(&self) -> i64 {
        self.last
    }
}

/// Messages of a protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages {
    /// Requests and responses.
    pub messages: u64,
    /// Messages that could not be read to their end.
    pub malformed: u64,
}

/// What an operation is found by.
#[derive(Clone, Copy)]
pub struct OperationKey<'a> {
    /// Name of the protocol.
    pub protocol: &'static str,
    /// The protocol's function code.
    pub function: u32,
    /// Its sub-function.
    pub subfunction: Option<u32>,
    /// Address inside the server.
    pub unit: Label<'a>,
    /// What is touched.
    pub object: Label<'a>,
}

/// Packets and octets of a part of the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// Octets of those on the wire.
    pub octets: u64,
}

impl Amount {
    const fn join(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }

    const fn add(&mut self, traffic: &Ends<Traffic>) {
        self.packets = self.packets.saturating_add(traffic.client.packets).saturating_add(traffic.server.packets);
        self.octets = self.octets.saturating_add(traffic.client.octets).saturating_add(traffic.server.octets);
    }
}

/// What the traffic consists of, packets that came twice left out.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// By VLAN, 0 for none.
    pub vlans: BTreeMap<u16, Amount>,
    /// By what is spoken; where that is not known, by what carries it.
    pub families: BTreeMap<&'static str, Amount>,
}

impl Shares {
    /// With the traffic that somebody else has seen.
    pub fn join(&mut self, other: &Self) {
        for (vlan, amount) in &other.vlans {
            self.vlans.entry(*vlan).or_default().join(*amount);
        }
        for (family, amount) in &other.families {
            self.families.entry(family).or_default().join(*amount);
        }
    }

    fn add(&mut self, row: &Conversation) {
        let family = if row.key.protocol.is_empty() { row.key.transport.name() } else { row.key.protocol };
        self.families.entry(family).or_default().add(&row.traffic);
        self.vlans.entry(row.key.vlan).or_default().add(&row.traffic);
    }
}

/// Connections that a flow has begun belong to its conversation from now on. Packets are counted in the flow for good, the only
/// one of its conversation: added up at other times they would come to something else.
fn count_minutes(row: &mut Conversation, flow: &mut Flow) {
    if flow.key.transport().has_connections() {
        row.minutes.join(&core::mem::take(&mut flow.minutes));
    } else {
        row.minutes.raise(flow.minutes.most());
    }
}

fn find_memory(memories: &Table<Remembered>, hashes: &Hashes, address: Address, key: u64) -> Option<Place> {
    memories.find(hashes.of((address, key)), |row| row.address == address && row.key == key)
}

/// The object of what goes beyond the rows of one conversation.
pub const MORE: Label<'static> = Label { octets: b"\0more", render: |_, out| out.push_str("(more objects)") };
/// Rows for what goes beyond, for each conversation.
const MOST_MORE: usize = 256;

/// All rows.
pub struct Tables {
    /// Caps.
    pub limits: Limits,
    /// Seeded hash of this process.
    pub hashes: Hashes,
    /// Who is there.
    pub endpoints: Table<Endpoint>,
    /// Who talks to whom.
    pub conversations: Table<Conversation>,
    /// Who asks whom for what.
    pub operations: Table<Operation>,
    /// What they say of themselves.
    pub facts: Table<Fact>,
    /// What is wrong.
    pub anomalies: Table<Anomaly>,
    memories: Table<Remembered>,
    askers: Askers,
    /// Messages by the name of their protocol.
    pub messages: Vec<(&'static str, Messages)>,
    /// How long answers took.
    pub response_times: Histograms,
    /// Messages of which the snap length cut off a part.
    pub cut_messages: u64,
    /// Times that buffers of unfinished messages were given up for want of room.
    pub dropped_buffers: u64,
    /// Packets to a group of receivers and to all, so far.
    pub to_groups: u64,
    /// Of those, the ones to all.
    pub to_all: u64,
    /// Between which stations unicast frames go.
    pub stations: Stations,
    /// Requests that wait, all flows together.
    pub pending: usize,
    /// Requests forgotten for want of room.
    pub evicted_pending: u64,
    /// Memories that belong to flows.
    pub flow_memories: usize,
    /// Every operation as a row of its own, where somebody asks for it.
    pub transactions: Option<Box<Transactions>>,
    label_octets: usize,
    fact_octets: usize,
    /// Values of facts by the hash of what they are values of.
    values: HashMap<u64, u32>,
    /// Traffic of conversations that are gone.
    gone: Shares,
    last_id: u64,
    scratch: String,
}

impl Tables {
    /// Empty tables with those caps.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hashes: Hashes::default(),
            endpoints: Table::new(limits.endpoints),
            conversations: Table::new(limits.conversations),
            operations: Table::new(limits.operations),
            facts: Table::new(limits.facts),
            anomalies: Table::new(limits.anomalies),
            memories: Table::new(limits.memories),
            askers: Askers::default(),
            messages: Vec::new(),
            response_times: Histograms::default(),
            cut_messages: 0,
            dropped_buffers: 0,
            to_groups: 0,
            to_all: 0,
            stations: Stations::None,
            pending: 0,
            evicted_pending: 0,
            flow_memories: 0,
            transactions: None,
            label_octets: 0,
            fact_octets: 0,
            values: HashMap::new(),
            gone: Shares::default(),
            last_id: 0,
            scratch: String::new(),
        }
    }

    const fn new_id(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// The counters of a protocol for what its operations do not count: those that are gone, and what was malformed.
    #[cold]
    pub fn count(&mut self, protocol: &'static str) -> Option<&mut Messages> {
        let at = self.messages.iter().position(|(name, _)| core::ptr::eq(*name, protocol) || *name == protocol).unwrap_or_else(|| {
            self.messages.push((protocol, Messages::default()));
            self.messages.len().saturating_sub(1)
        });
        self.messages.get_mut(at).map(|(_, messages)| messages)
    }

    /// Messages by protocol: those of the operations that are there and of those that are gone.
    #[must_use]
    pub fn all_messages(&self) -> BTreeMap<&'static str, Messages> {
        let mut all: BTreeMap<&'static str, Messages> = self.messages.iter().copied().collect();
        for row in self.operations.rows() {
            let entry = all.entry(row.protocol).or_default();
            entry.messages = entry.messages.saturating_add(row.requests).saturating_add(row.responses);
        }
        all
    }

    /// What all traffic consists of.
    #[must_use]
    pub fn shares(&self) -> Shares {
        let mut shares = self.gone.clone();
        for row in self.conversations.rows() {
            shares.add(row);
        }
        shares
    }

    // Endpoints ------------------------------------------------------------------------------------------------

    fn endpoint(&mut self, key: EndpointKey, traffic: &Traffic, span: Span, hops: Option<u8>) {
        let hash = self.hashes.of(key);
        let place = self.endpoints.find(hash, |row| row.key == key).or_else(|| {
            if self.endpoints.is_full() {
                let stalest = self.endpoints.stalest()?;
                self.endpoints.evict(stalest);
            }
            let id = self.new_id();
            self.endpoints.insert(hash, Endpoint { id, key, span, packets: 0, octets: 0, hops: None })
        });
        let Some(row) = place.and_then(|place| self.endpoints.touch(place)) else { return };
        row.packets = row.packets.saturating_add(traffic.packets);
        row.octets = row.octets.saturating_add(traffic.octets);
        row.span.join(span);
        row.hops = row.hops.into_iter().chain(hops).min();
    }

    // Conversations --------------------------------------------------------------------------------------------

    fn key_of(flow: &Flow) -> ConversationKey {
        let ((client, _), (server, port)) = (flow.end(Role::Client), flow.end(Role::Server));
        ConversationKey { client, server, transport: flow.key.transport(), port, vlan: flow.key.vlan(), protocol: flow.spoken }
    }

    /// The conversation that a flow is counted in, found or begun.
    #[inline]
    pub fn conversation(&mut self, flow: &mut Flow, time: i64) -> Option<Place> {
        if let Some(place) = flow.conversation.filter(|place| self.conversations.get(*place).is_some()) {
            return Some(place);
        }
        flow.conversation = self.assign(flow, time);
        flow.conversation
    }

    fn assign(&mut self, flow: &mut Flow, time: i64) -> Option<Place> {
        let key = Self::key_of(flow);
        let place = self.find_conversation(&key).or_else(|| {
            // Another flow between the two may know better who is the client.
            let swapped = key.swapped(flow.end(Role::Client).1);
            let place = self.find_conversation(&swapped).filter(|_| !flow.roles.confirmed)?;
            self.conversations.get(place).filter(|row| row.confirmed)?;
            flow.roles.settle(flow.roles.client().other());
            Some(place)
        });
        let place = match place {
            Some(place) => place,
            None => self.new_conversation(key, flow.by_port, time)?,
        };
        let row = self.conversations.get_mut(place)?;
        count_minutes(row, flow);
        row.flows = row.flows.saturating_add(1);
        row.confirmed |= flow.roles.confirmed;
        row.by_port &= flow.by_port;
        Some(place)
    }

    fn find_conversation(&self, key: &ConversationKey) -> Option<Place> {
        self.conversations.find(self.hashes.of(key), |row| row.key == *key)
    }

    fn new_conversation(&mut self, key: ConversationKey, by_port: bool, time: i64) -> Option<Place> {
        if self.conversations.is_full() {
            let stalest = self.conversations.stalest()?;
            self.drop_operations(stalest);
            if let Some(row) = self.conversations.evict(stalest) {
                self.gone.add(&row);
            }
        }
        let row = Conversation {
            id: self.new_id(),
            key,
            macs: Ends { client: crate::decode::Mac::NONE, server: crate::decode::Mac::NONE },
            span: Span::at(time),
            traffic: Ends::default(),
            connections: 0,
            refused: 0,
            round_trip: None,
            minutes: Minutes::default(),
            confirmed: false,
            by_port,
            flows: 0,
            operations: None,
            operation_count: 0,
            has_anomalies: false,
        };
        let place = self.conversations.insert(self.hashes.of(key), row)?;
        self.conversations.touch(place);
        Some(place)
    }

    /// Add what a flow has counted since the last time to its conversation and endpoints.
    pub fn fold(&mut self, flow: &mut Flow) {
        let Some(mut place) = self.conversation(flow, flow.last) else { return };
        let client = flow.key.end(flow.roles.client()).0;
        let agrees = |row: &Conversation| row.key.client == client && row.key.port == flow.end(Role::Server).1;
        if !self.conversations.get(place).is_some_and(agrees) {
            // The row was turned round by another flow since.
            let Some(other) = self.move_on(flow) else { return };
            place = other;
        }
        for side in [Side::Low, Side::High] {
            let (address, _) = flow.key.end(side);
            let role = flow.roles.of(side);
            let half = flow.halves.of_mut(side);
            if half.traffic == Traffic::default() {
                continue;
            }
            let (traffic, span) = (core::mem::take(&mut half.traffic), core::mem::replace(&mut half.span, Span::NEVER));
            let Link { source: mac, destination, vlan } = half.link;
            if traffic.packets > 0 {
                let ip = if flow.key.transport() == Transport::Ethernet { Address::NONE } else { address };
                self.endpoint(EndpointKey { mac, ip, vlan }, &traffic, span, half.hops);
                self.stations.add(mac, destination);
                if destination.is_group() {
                    self.to_groups = self.to_groups.saturating_add(traffic.packets);
                }
                if destination == Mac::BROADCAST {
                    self.to_all = self.to_all.saturating_add(traffic.packets);
                }
            }
            let Some(row) = self.conversations.touch(place) else { return };
            row.traffic.of(role).add(&traffic);
            *row.macs.of(role) = mac;
            row.span.join(span);
        }
        let Some(row) = self.conversations.touch(place) else { return };
        row.connections = row.connections.saturating_add(core::mem::take(&mut flow.connections));
        row.refused = row.refused.saturating_add(core::mem::take(&mut flow.refused));
        row.round_trip = match (row.round_trip, flow.round_trip) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
        row.confirmed |= flow.roles.confirmed;
        count_minutes(row, flow);
    }

    /// A flow belongs to another conversation than the one it was counted in, and the connection under way with it.
    fn move_on(&mut self, flow: &mut Flow) -> Option<Place> {
        if let Some(row) = flow.conversation.and_then(|place| self.conversations.get_mut(place))
            && flow.key.transport().has_connections()
            && row.minutes.take_back(flow.connected)
        {
            flow.minutes.add(flow.connected);
        }
        self.leave(flow);
        self.conversation(flow, flow.last)
    }

    /// A flow is no longer counted in its conversation.
    pub fn leave(&mut self, flow: &mut Flow) {
        let Some(place) = flow.conversation.take() else { return };
        if let Some(row) = self.conversations.get_mut(place) {
            row.flows = row.flows.saturating_sub(1);
        }
    }

    /// The flow's roles or the name of its protocol have turned out to be others than its conversation says.
    pub fn turn(&mut self, flow: &mut Flow) {
        let Some(place) = flow.conversation else { return };
        let key = Self::key_of(flow);
        let Some(row) = self.conversations.get(place) else { return };
        if row.key == key {
            return;
        }
        let turned = row.key.client != key.client || row.key.port != key.port;
        // Others are counted here too, and know what they say.
        if row.flows > 1 && (row.confirmed || !turned) {
            self.move_on(flow);
            return;
        }
        if turned {
            if let Some(transactions) = &mut self.transactions {
                transactions.turn(flow);
            }
            self.pending = self.pending.saturating_sub(flow.pending.len());
            flow.pending.clear();
        }
        if let Some(target) = self.find_conversation(&key) {
            flow.conversation = Some(target);
            self.merge(place, target, turned);
            if let Some(row) = self.conversations.get_mut(target) {
                row.flows = row.flows.saturating_add(1);
                row.by_port &= flow.by_port;
            }
        } else {
            self.rename(place, key, turned);
            if let Some(row) = self.conversations.get_mut(place) {
                row.by_port = flow.by_port;
            }
        }
        if let Some(row) = flow.conversation.and_then(|place| self.conversations.touch(place)) {
            row.confirmed |= flow.roles.confirmed;
        }
    }

    fn rename(&mut self, place: Place, key: ConversationKey, turned: bool) {
        let hash = self.hashes.of(key);
        let Some(row) = self.conversations.touch(place) else { return };
        row.key = key;
        if turned {
            row.traffic = row.traffic.swapped();
            row.macs = row.macs.swapped();
        }
        let mut next = row.operations;
        self.conversations.rehash(place, hash);
        while let Some(at) = next.filter(|_| turned) {
            let Some(operation) = self.operations.touch(at) else { break };
            operation.turn();
            next = operation.next;
        }
    }

    fn merge(&mut self, from: Place, into: Place, turned: bool) {
        let Some(mut row) = self.conversations.remove(from) else { return };
        if row.has_anomalies {
            self.move_anomalies(from, into);
        }
        if turned {
            row.traffic = row.traffic.swapped();
        }
        let Some(target) = self.conversations.touch(into) else { return };
        target.traffic.client.add(&row.traffic.client);
        target.traffic.server.add(&row.traffic.server);
        target.span.join(row.span);
        target.connections = target.connections.saturating_add(row.connections);
        target.refused = target.refused.saturating_add(row.refused);
        target.minutes.join(&row.minutes);
        let mut next = row.operations;
        while let Some(mut operation) = next.and_then(|at| self.operations.remove(at)) {
            next = operation.next.take();
            self.label_octets = self.label_octets.saturating_sub(operation.label_octets());
            if turned {
                operation.turn();
            }
            let (unit, object) = (operation.unit.clone(), operation.object.clone());
            let key = OperationKey {
                protocol: operation.protocol,
                function: operation.function,
                subfunction: operation.subfunction,
                unit: unit.label(),
                object: object.label(),
            };
            if let Some(same) = self.operation(into, &key, None, None, operation.span.first).and_then(|at| self.operations.touch(at)) {
                same.join(&operation, self.limits.quiet_seconds);
            } else {
                self.count_gone(&operation);
            }
        }
    }

    /// What is wrong in one conversation is wrong in the one that it became a part of.
    #[cold]
    fn move_anomalies(&mut self, from: Place, into: Place) {
        for place in self.anomalies.places() {
            if self.anomalies.get(place).is_some_and(|row| row.conversation == from)
                && let Some(row) = self.anomalies.touch(place)
            {
                row.conversation = into;
            }
        }
        if let Some(row) = self.conversations.get_mut(into) {
            row.has_anomalies = true;
        }
    }

    // Operations -----------------------------------------------------------------------------------------------

    /// The row of an operation, found or begun; the row for all others where the conversation has too many.
    /// `previous` is what the same flow asked before, `expected` what followed that the last time: it is looked at first,
    /// which spares cyclic polls the hash.
    #[inline]
    pub fn operation(
        &mut self,
        conversation: Place,
        key: &OperationKey<'_>,
        previous: Option<Place>,
        expected: Option<Place>,
        time: i64,
    ) -> Option<Place> {
        let same = |row: &Operation| {
            row.conversation == conversation
                && row.function == key.function
                && row.subfunction == key.subfunction
                && row.unit.is(&key.unit)
                && row.object.is(&key.object)
                && (core::ptr::eq(row.protocol, key.protocol) || row.protocol == key.protocol)
        };
        if let Some(place) = expected.filter(|place| self.operations.get(*place).is_some_and(same)) {
            return Some(place);
        }
        let (unit, object) = (bounded(key.unit.octets), bounded(key.object.octets));
        let hash = self.hashes.of((conversation, key.function, key.subfunction, unit, object));
        let place = match self.operations.find(hash, same) {
            Some(place) => place,
            None => self.new_operation(conversation, key, hash, time)?,
        };
        if let Some(previous) = previous.and_then(|place| self.operations.get_mut(place)) {
            previous.successor = Some(place);
        }
        Some(place)
    }

    #[cold]
    fn new_operation(&mut self, conversation: Place, key: &OperationKey<'_>, hash: u64, time: i64) -> Option<Place> {
        let most = self.limits.operations_per_conversation;
        let count = self.conversations.get(conversation)?.operation_count;
        let is_more = key.object.octets == MORE.octets;
        let octets = bounded(key.unit.octets).len().saturating_add(bounded(key.object.octets).len());
        let crowded = self.label_octets.saturating_add(octets) > self.limits.label_octets;
        // Some room is kept for the rows of what goes beyond: what is asked is counted, whatever else.
        let full = self.operations.len() >= self.limits.operations.saturating_sub(self.limits.operations / 16);
        if !is_more && (count >= most || crowded || full) {
            self.operations.refuse();
            let more = OperationKey { subfunction: None, unit: Label::NONE, object: MORE, ..*key };
            return self.operation(conversation, &more, None, None, time);
        }
        if count >= most.saturating_add(MOST_MORE) {
            return None;
        }
        let row = Operation {
            id: self.new_id(),
            conversation,
            protocol: key.protocol,
            function: key.function,
            subfunction: key.subfunction,
            histogram: self.response_times.number_of(key.protocol),
            unit: Text::new(&key.unit),
            object: Text::new(&key.object),
            request_gist: 0,
            request_context: 0,
            request_envelope: None,
            response_gist: 0,
            requests: 0,
            responses: 0,
            errors: 0,
            unanswered: 0,
            statuses: Vec::new(),
            response_time: ResponseTime::NONE,
            minute: Minute::of(time),
            activity: Activity::default(),
            span: Span::at(time),
            next: self.conversations.get(conversation)?.operations,
            successor: None,
        };
        let place = self.operations.insert(hash, row)?;
        self.label_octets = self.label_octets.saturating_add(octets);
        let owner = self.conversations.get_mut(conversation)?;
        owner.operations = Some(place);
        owner.operation_count = owner.operation_count.saturating_add(1);
        Some(place)
    }

    fn drop_operations(&mut self, conversation: Place) {
        let mut next = self.conversations.get(conversation).and_then(|row| row.operations);
        while let Some(operation) = next.and_then(|at| self.operations.evict(at)) {
            next = operation.next;
            self.label_octets = self.label_octets.saturating_sub(operation.label_octets());
            self.count_gone(&operation);
        }
    }

    /// The messages of an operation that is gone still count.
    #[cold]
    fn count_gone(&mut self, operation: &Operation) {
        if let Some(gone) = self.count(operation.protocol) {
            gone.messages = gone.messages.saturating_add(operation.requests).saturating_add(operation.responses);
        }
    }

    /// The requests of a flow will not be answered any more.
    pub fn unanswered_all(&mut self, flow: &mut Flow) {
        let pending = core::mem::take(&mut flow.pending);
        self.pending = self.pending.saturating_sub(pending.len());
        for request in pending {
            self.unanswered(&request);
        }
    }

    /// What dissectors asked to keep for a flow is not needed any more.
    pub fn forget_flow(&mut self, flow: &mut Flow) {
        self.flow_memories = self.flow_memories.saturating_sub(core::mem::take(&mut flow.memory).len());
    }

    /// A request will not be answered any more.
    pub fn unanswered(&mut self, request: &Pending) {
        if let Some(row) = self.operations.touch(request.operation) {
            row.unanswered = row.unanswered.saturating_add(1);
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.close(request.ticket);
        }
    }

    // Facts and anomalies --------------------------------------------------------------------------------------

    /// A value that an endpoint says of itself; `value` is cleaned already.
    pub fn fact(&mut self, endpoint: EndpointKey, source: &'static str, unit: &Label<'_>, key: &'static str, value: &str, time: i64) {
        if value.is_empty() {
            return;
        }
        let mut unit_text = core::mem::take(&mut self.scratch);
        unit_text.clear();
        (unit.render)(bounded(unit.octets), &mut unit_text);
        let hash = self.hashes.of((endpoint, source, key, value, unit_text.as_str()));
        let same =
            |row: &Fact| row.endpoint == endpoint && row.key == key && row.value == value && row.source == source && row.unit == unit_text;
        let place = self.facts.find(hash, same).or_else(|| {
            let fact = Fact {
                id: self.new_id(),
                endpoint,
                unit: unit_text.clone(),
                key,
                value: value.to_owned(),
                source,
                span: Span::at(time),
                count: 0,
            };
            self.new_fact(hash, fact)
        });
        if let Some(row) = place.and_then(|place| self.facts.touch(place)) {
            row.count = row.count.saturating_add(1);
            row.span.add(time);
        }
        self.scratch = unit_text;
    }

    fn new_fact(&mut self, hash: u64, fact: Fact) -> Option<Place> {
        let group = self.group_of(&fact);
        let values = self.values.get(&group).copied().unwrap_or(0);
        if values as usize >= self.limits.values_per_fact {
            self.facts.refuse();
            return None;
        }
        let octets = fact.octets();
        while self.facts.is_full() || self.fact_octets.saturating_add(octets) > self.limits.fact_octets {
            let Some(gone) = self.facts.stalest().and_then(|stalest| self.facts.evict(stalest)) else {
                self.facts.refuse();
                return None;
            };
            self.fact_octets = self.fact_octets.saturating_sub(gone.octets());
            let group = self.group_of(&gone);
            match self.values.get_mut(&group) {
                Some(values) if *values > 1 => *values = values.saturating_sub(1),
                _ => drop(self.values.remove(&group)),
            }
        }
        self.fact_octets = self.fact_octets.saturating_add(octets);
        self.values.entry(group).and_modify(|values| *values = values.saturating_add(1)).or_insert(1);
        self.facts.insert(hash, fact)
    }

    /// What a fact is one of the values of.
    fn group_of(&self, fact: &Fact) -> u64 {
        self.hashes.of((fact.endpoint, fact.source, fact.key, fact.unit.as_str()))
    }

    /// A breach of the protocol in a conversation.
    pub fn anomaly(
        &mut self,
        conversation: Place,
        protocol: &'static str,
        kind: &'static str,
        detail: core::fmt::Arguments<'_>,
        time: i64,
    ) {
        let mut text = String::new();
        if write!(text, "{detail}").is_err() {
            text.clear();
        }
        let text = crate::text::clean(text.as_bytes());
        let hash = self.hashes.of((conversation, protocol, kind, text.as_str()));
        let same = |row: &Anomaly| row.conversation == conversation && row.kind == kind && row.detail == text && row.protocol == protocol;
        let place = self.anomalies.find(hash, same).or_else(|| {
            let row = Anomaly { id: self.new_id(), conversation, protocol, kind, detail: text.clone(), span: Span::at(time), count: 0 };
            if let Some(stalest) = self.anomalies.is_full().then(|| self.anomalies.stalest()).flatten() {
                self.anomalies.evict(stalest);
            }
            self.anomalies.insert(hash, row)
        });
        if let Some(row) = place.and_then(|place| self.anomalies.touch(place)) {
            row.count = row.count.saturating_add(1);
            row.span.add(time);
        }
        if let Some(row) = self.conversations.get_mut(conversation) {
            row.has_anomalies = true;
        }
    }

    /// Somebody asks where an address is, as [`crate::sink::Sink::asks_for`] has it.
    pub fn asks_for(&mut self, asker: (Mac, u16), target: Address, there: u64, time: i64) -> bool {
        let Self { askers, memories, hashes, .. } = self;
        let is_there = |address, asked: i64| {
            let kept = find_memory(memories, hashes, address, there).and_then(|place| memories.get(place));
            kept.is_some_and(|row| asked.saturating_sub(row.last) <= ARP_SCAN_WITHIN)
        };
        askers.ask(hashes, asker, target, time, is_there)
    }

    // Memories -------------------------------------------------------------------------------------------------

    fn find_memory(&self, address: Address, key: u64) -> Option<Place> {
        find_memory(&self.memories, &self.hashes, address, key)
    }

    /// Keep a memory for an address.
    pub fn remember(&mut self, address: Address, key: u64, memo: Memo, time: i64) {
        if let Some(row) = self.find_memory(address, key).and_then(|place| self.memories.get_mut(place)) {
            row.memo = memo;
            row.last = time;
            return;
        }
        if let Some(stalest) = self.memories.is_full().then(|| self.memories.stalest()).flatten() {
            self.memories.evict(stalest);
        }
        let hash = self.hashes.of((address, key));
        self.memories.insert(hash, Remembered { address, key, memo, last: time });
    }

    /// What is kept for an address.
    #[must_use]
    pub fn recall(&self, address: Address, key: u64) -> Option<Memo> {
        self.memories.get(self.find_memory(address, key)?).map(|row| row.memo)
    }

    /// Drop what is kept for an address.
    pub fn forget(&mut self, address: Address, key: u64) {
        if let Some(place) = self.find_memory(address, key) {
            self.memories.remove(place);
        }
    }

    /// Count a memory for which there is no room.
    pub const fn refuse_memory(&mut self) {
        self.memories.refuse();
    }

    /// Memories evicted so far.
    #[must_use]
    pub const fn evicted_memories(&self) -> u64 {
        self.memories.evicted()
    }
}
