//! The sink of the engine: pairs requests with responses and counts them where they belong.

use core::cell::Cell;
use core::fmt;
use std::collections::VecDeque;

use crate::decode::{Address, Mac};
use crate::error::{Error, Result};
use crate::flow::{Assembly, Flow, Pending, Side};
use crate::observations::{EndpointKey, Operation, Text, Transport};
use crate::protocols::{Gist, Kind, Protocol};
use crate::sink::{Evidence, Label, Matched, Memo, Part, Request, Response, Role, Scope, Sink, Subject, Whole};
use crate::table::Place;
use crate::tables::{MORE, OperationKey, Tables};
use crate::transactions::{Message, Ticket};

/// Messages of one flow that may be under way in parts at once.
const MOST_ASSEMBLIES: usize = 8;
/// The largest message put together from parts, octets.
const LARGEST_ASSEMBLY: usize = 1 << 16;
/// Memories of one flow.
const MOST_MEMORIES: usize = 32;
/// Room for so many requests is kept when none waits.
const KEPT_PENDING: usize = 8;
/// Requests older than this will not be answered, nanoseconds.
const PATIENCE: i64 = 60_000_000_000;

/// What surrounds the message at hand.
pub struct Context<'a> {
    /// All rows.
    pub tables: &'a mut Tables,
    /// The flow it is part of.
    pub flow: &'a mut Flow,
    /// Which side sent it.
    pub side: Side,
    /// When.
    pub time: i64,
    /// Calls of the dissector so far, those that only weigh who is the client left out.
    pub said: Cell<u32>,
    /// The operation whose request was answered last, and the gist of that request where it was accepted.
    pub answered: Option<(Place, u64)>,
    /// Length of the message at hand.
    pub octets: usize,
}

impl Context<'_> {
    /// Dissect one message; `whole` is false where the snap length has cut its end off.
    #[inline]
    pub fn dissect(&mut self, protocol: &'static Protocol, message: &[u8], whole: bool) {
        self.octets = message.len();
        match (protocol.dissect)(message, self) {
            Ok(()) => {}
            Err(_) if protocol.kind == Kind::Service => {}
            Err(_) if !whole => self.tables.cut_messages = self.tables.cut_messages.saturating_add(1),
            Err(error) => self.malformed(protocol, error),
        }
    }

    /// A message could not be read to its end.
    #[cold]
    pub fn malformed(&mut self, protocol: &'static Protocol, error: Error) {
        if let Some(messages) = self.tables.count(self.flow.spoken) {
            messages.malformed = messages.malformed.saturating_add(1);
        }
        match error {
            Error::Truncated { .. } => self.anomaly(protocol.name, "truncated", format_args!("message ends before its last field")),
            Error::Malformed(what) => self.anomaly(protocol.name, "malformed", format_args!("{what}")),
        }
    }

    /// A request was superseded, forgotten or timed out.
    fn expire(&mut self) {
        let limit = self.tables.limits.pending_per_flow;
        let (time, pending) = (self.time, &mut self.flow.pending);
        while let Some(oldest) = pending.front().copied() {
            let is_full = pending.len() >= limit.max(1) || self.tables.pending >= self.tables.limits.pending;
            if !is_full && time.saturating_sub(oldest.time) <= PATIENCE {
                break;
            }
            self.tables.unanswered(&oldest);
            self.tables.pending = self.tables.pending.saturating_sub(1);
            self.tables.evicted_pending = self.tables.evicted_pending.saturating_add(u64::from(is_full));
            pending.pop_front();
        }
    }

    fn refine(&mut self, protocol: &'static str) {
        let crate::flow::Recognition::Known(row) = self.flow.recognition else { return };
        if self.flow.spoken != protocol && row.carries.contains(&protocol) {
            self.flow.spoken = protocol;
            self.tables.turn(self.flow);
        }
    }

    #[inline]
    fn operation(
        &mut self,
        protocol: &'static str,
        function: u32,
        subfunction: Option<u32>,
        unit: Option<Label<'_>>,
        object: Label<'_>,
    ) -> Option<Place> {
        let conversation = self.tables.conversation(self.flow, self.time)?;
        let unit = unit_of(unit.as_ref(), self.flow.unit.as_ref());
        let key = OperationKey { protocol, function, subfunction, unit, object };
        if object.octets.is_empty() {
            // It comes with every message, or seldom: what follows it does not depend on it.
            let place = self.tables.operation(conversation, &key, None, self.flow.last_envelope, self.time);
            self.flow.last_envelope = place;
            return place;
        }
        let place = self.tables.operation(conversation, &key, self.flow.last_operation, self.flow.next_operation, self.time);
        self.flow.last_operation = place;
        self.flow.next_operation = place.and_then(|place| self.tables.operations.get(place)?.successor);
        place
    }

    /// Count a message that has a gist: as what an earlier one said, or dissected. False where it has none.
    #[inline]
    pub fn count(&mut self, protocol: &'static Protocol, message: &[u8]) -> bool {
        let Some(gist) = (protocol.gist)(message, &self.tables.hashes, &*self) else { return false };
        self.octets = message.len();
        let is_repeated = if gist.asks { self.repeat_request(&gist) } else { self.repeat_response(&gist) };
        if !is_repeated {
            self.learn(protocol, message, &gist);
        }
        true
    }

    #[inline]
    fn repeat_request(&mut self, gist: &Gist) -> bool {
        let Some(place) = self.flow.next_operation.filter(|_| self.flow.roles.is_settled(self.side)) else { return false };
        let Some(row) = self.tables.operations.get(place) else { return false };
        let is_same = row.request_gist == gist.key
            && Some(row.conversation) == self.flow.conversation
            && !self.flow.halves.of(self.side).link.destination.is_group();
        if !is_same {
            return false;
        }
        let (context, successor) = (row.request_context, row.successor);
        if let Some(transaction) = gist.envelope {
            let Some(envelope) = row.request_envelope.filter(|envelope| self.tables.operations.get(*envelope).is_some()) else {
                return false;
            };
            self.ask_again(envelope, transaction, 0, gist);
            self.flow.last_envelope = Some(envelope);
        }
        self.ask_again(place, Some(gist.transaction), context, gist);
        (self.flow.last_operation, self.flow.next_operation) = (Some(place), successor);
        true
    }

    /// One more request of an operation.
    #[inline]
    fn ask_again(&mut self, place: Place, transaction: Option<u64>, context: u64, gist: &Gist) {
        let Some(row) = self.tables.operations.touch(place) else { return };
        row.ask(self.time, self.tables.limits.quiet_seconds);
        let matched = Matched { function: row.function, subfunction: row.subfunction, context };
        let (protocol, side, time) = (row.protocol, self.side, self.time);
        let ticket = self.record_request(place, None, transaction.is_some());
        let Some(transaction) = transaction else { return };
        self.wait(Pending { protocol, transaction, side, operation: place, time, gist: gist.key, matched, ticket });
    }

    #[inline]
    fn repeat_response(&mut self, gist: &Gist) -> bool {
        let asker = self.side.other();
        let newest = self.flow.pending.back().filter(|pending| pending.transaction == gist.transaction && pending.side == asker);
        let Some(pending) = newest.filter(|pending| pending.gist != 0 && self.flow.roles.is_settled(asker)).copied() else { return false };
        let Some(row) = self.tables.operations.get(pending.operation) else { return false };
        if row.response_gist != gist.key || row.request_gist != pending.gist {
            return false;
        }
        if let Some(transaction) = gist.envelope {
            let Some(place) = row.request_envelope else { return false };
            let before = self.flow.pending.len().checked_sub(2).and_then(|at| self.flow.pending.get(at)).copied();
            let waits = |envelope: &Pending| {
                Some(envelope.transaction) == transaction && envelope.operation == place && envelope.gist == pending.gist
            };
            let envelope = before.filter(waits);
            if transaction.is_some() && envelope.is_none() || self.tables.operations.get(place).is_none() {
                return false;
            }
            self.accept_again(place, envelope.as_ref());
            self.flow.last_envelope = Some(place);
            if envelope.is_some() {
                self.flow.pending.pop_back();
                self.waited();
            }
        }
        self.accept_again(pending.operation, Some(&pending));
        self.flow.pending.pop_back();
        self.waited();
        true
    }

    /// One more response that accepts, to a request where it answers one.
    #[inline]
    fn accept_again(&mut self, place: Place, request: Option<&Pending>) {
        let Some(row) = self.tables.operations.touch(place) else { return };
        row.respond(None, self.time, self.tables.limits.quiet_seconds);
        if let Some(request) = request {
            row.took(u64::try_from(self.time.saturating_sub(request.time)).unwrap_or(0), &mut self.tables.response_times);
        }
        match request {
            Some(request) => self.record_response(request, None, false),
            None => self.record_unasked(place, None, None),
        }
    }

    /// Record a request of an operation, where somebody asks for that; `named` are the unit and object of this one.
    #[inline]
    fn record_request(&mut self, place: Place, named: Named<'_>, waits: bool) -> Ticket {
        if self.tables.transactions.is_none() { 0 } else { self.recorded(place, named, Said::Asked(waits)) }
    }

    /// The same of a response that nobody asked for.
    #[inline]
    fn record_unasked(&mut self, place: Place, named: Named<'_>, status: Option<u32>) {
        if self.tables.transactions.is_some() {
            self.recorded(place, named, Said::Unasked(status));
        }
    }

    #[inline(never)]
    fn recorded(&mut self, place: Place, named: Named<'_>, said: Said) -> Ticket {
        let Tables { transactions, operations, .. } = &mut *self.tables;
        let (Some(transactions), Some(row)) = (transactions, operations.get(place)) else { return 0 };
        if transactions.refuse() {
            return 0;
        }
        let operation = transactions.operation(row, instead(row, named, self.flow.unit.as_ref()));
        let message = Message { time: self.time, octets: self.octets };
        match said {
            Said::Asked(waits) => return transactions.ask(self.flow, operation, message, waits),
            Said::Unasked(status) => transactions.unasked(self.flow, operation, status.map(|status| (row.protocol, status)), message),
        }
        0
    }

    /// Record that a request is answered.
    #[inline]
    fn record_response(&mut self, request: &Pending, status: Option<u32>, more: bool) {
        if let Some(transactions) = &mut self.tables.transactions {
            let status = status.map(|status| (request.protocol, status));
            transactions.answer(request.ticket, status, Message { time: self.time, octets: self.octets }, more);
        }
    }

    /// Dissect a message with a gist. Where it says no more than the gist stands for, the next one like it need not be dissected.
    #[inline(never)]
    pub fn learn(&mut self, protocol: &'static Protocol, message: &[u8], gist: &Gist) {
        self.said.set(0);
        self.answered = None;
        let waiting = self.flow.pending.len();
        self.dissect(protocol, message, true);
        let envelope = if gist.envelope.is_some() { self.flow.last_envelope } else { None };
        let stands_for = if gist.envelope.is_some() { 2 } else { 1 };
        if self.said.get() != stands_for || envelope.is_none() && gist.envelope.is_some() {
            return;
        }
        if gist.asks {
            self.learn_request(gist, waiting, envelope);
        } else if let Some((place, request)) = self.answered
            && let Some(row) = self.tables.operations.get_mut(place)
            && row.request_gist == request
            && row.request_envelope == envelope
            && request != 0
        {
            row.response_gist = gist.key;
        }
    }

    fn learn_request(&mut self, gist: &Gist, waiting: usize, envelope: Option<Place>) {
        let asked = if matches!(gist.envelope, Some(Some(_))) { 2 } else { 1 };
        if self.flow.pending.len() != waiting.saturating_add(asked) {
            return;
        }
        let Some(newest) = self.flow.pending.back().copied() else { return };
        let before = self.flow.pending.iter_mut().rev().take(asked);
        let Some(row) = self.tables.operations.get_mut(newest.operation) else { return };
        if envelope == Some(newest.operation) || newest.transaction != gist.transaction {
            return;
        }
        // What is recorded of each is its own object, which only the message has.
        if self.tables.transactions.is_some() && row.object.is(&MORE) {
            return;
        }
        if row.request_gist != gist.key {
            (row.request_gist, row.response_gist) = (gist.key, 0);
        }
        (row.request_context, row.request_envelope) = (newest.matched.context, envelope);
        for pending in before {
            pending.gist = gist.key;
        }
    }

    /// A request waits for its response.
    #[inline]
    fn wait(&mut self, pending: Pending) {
        if !self.flow.pending.is_empty() {
            self.expire();
        }
        if self.tables.pending >= self.tables.limits.pending {
            self.tables.evicted_pending = self.tables.evicted_pending.saturating_add(1);
            if let Some(transactions) = &mut self.tables.transactions {
                transactions.give_up(pending.ticket);
            }
            return;
        }
        self.tables.pending = self.tables.pending.saturating_add(1);
        self.flow.pending.push_back(pending);
    }

    /// A request waits no more.
    #[inline]
    fn waited(&mut self) {
        self.tables.pending = self.tables.pending.saturating_sub(1);
        if self.flow.pending.is_empty() && self.flow.pending.capacity() > KEPT_PENDING {
            self.flow.pending = VecDeque::new();
        }
    }

    /// A dissector has said something that a gist does not stand for.
    #[inline]
    fn speak(&self, times: u32) {
        self.said.set(self.said.get().saturating_add(times));
    }

    fn addresses(&self, side: Side) -> Subject {
        let (address, mac) = (self.flow.key.end(side).0, self.flow.halves.of(side).link.source);
        match (self.flow.key.transport(), u64::try_from(address.0)) {
            (Transport::Ethernet, Ok(address)) => Subject::mac(Mac(address)),
            _ => Subject { mac, ip: address },
        }
    }

    fn address(&self, scope: Scope) -> Option<Address> {
        match scope {
            Scope::Flow => None,
            Scope::Sender => Some(self.flow.key.end(self.side).0),
            Scope::Receiver => Some(self.flow.key.end(self.side.other()).0),
            Scope::Of(address) => Some(address),
        }
    }
}

/// What is recorded of a message.
#[derive(Clone, Copy)]
enum Said {
    /// A request, and whether an answer is to come.
    Asked(bool),
    /// A response to nothing, with its status.
    Unasked(Option<u32>),
}

/// Unit and object that a message names.
type Named<'a> = Option<(Option<Label<'a>>, Label<'a>)>;

/// What a message names, where the row that it is counted in stands for several objects.
fn instead<'a>(row: &Operation, named: Named<'a>, of_flow: Option<&'a Text>) -> Option<(Label<'a>, Label<'a>)> {
    let (unit, object) = named.filter(|_| row.object.is(&MORE))?;
    Some((unit_of(unit.as_ref(), of_flow), object))
}

/// The unit that a message names, or the one that all messages of its flow are for.
#[inline]
fn unit_of<'a>(named: Option<&Label<'a>>, of_flow: Option<&'a Text>) -> Label<'a> {
    match (named, of_flow) {
        (Some(unit), _) => *unit,
        (None, Some(unit)) => unit.label(),
        (None, None) => Label::NONE,
    }
}

impl Sink for Context<'_> {
    #[inline]
    fn sender(&self) -> Role {
        self.flow.roles.of(self.side)
    }

    #[inline]
    fn sender_is(&mut self, role: Role, evidence: Evidence) -> Role {
        let client = if role == Role::Client { self.side } else { self.side.other() };
        if self.flow.roles.message(client, evidence) {
            self.tables.turn(self.flow);
        }
        self.sender()
    }

    /// The protocol of a flow may turn out to be what it carries (S7comm over COTP).
    #[inline]
    fn speaks(&mut self, protocol: &'static str) {
        if !core::ptr::eq(self.flow.spoken, protocol) {
            self.refine(protocol);
        }
    }

    fn set_unit(&mut self, unit: Label<'_>) {
        self.speak(2);
        // What was asked of another unit before is not what follows now.
        (self.flow.last_operation, self.flow.next_operation, self.flow.last_envelope) = (None, None, None);
        self.flow.unit = Some(Text::new(&unit));
    }

    #[inline]
    fn request(&mut self, request: &Request<'_>) {
        self.speak(1);
        self.speaks(request.protocol);
        let Some(place) = self.operation(request.protocol, request.function, request.subfunction, request.unit, request.object) else {
            return;
        };
        let Some(row) = self.tables.operations.touch(place) else { return };
        row.ask(self.time, self.tables.limits.quiet_seconds);
        // Whoever answers a broadcast does so from its own address, on another flow.
        let transaction = request.transaction.filter(|_| !self.flow.halves.of(self.side).link.destination.is_group());
        let ticket = self.record_request(place, Some((request.unit, request.object)), transaction.is_some());
        let Some(transaction) = transaction else { return };
        let matched = Matched { function: request.function, subfunction: request.subfunction, context: request.context };
        let (protocol, side, time) = (request.protocol, self.side, self.time);
        self.wait(Pending { protocol, transaction, side, operation: place, time, gist: 0, matched, ticket });
    }

    #[inline]
    fn response(&mut self, response: &Response<'_>) -> Option<Matched> {
        self.speak(1);
        self.speaks(response.protocol);
        let answers = |pending: &Pending| {
            response.transaction == Some(pending.transaction)
                && pending.side != self.side
                && (core::ptr::eq(pending.protocol, response.protocol) || pending.protocol == response.protocol)
        };
        // The newest first: clients use numbers again, some always the same, and an answer that the capture lacks must
        // not shift all that follow.
        let Some(at) = self.flow.pending.iter().rposition(answers) else {
            let place = self.operation(response.protocol, response.function, response.subfunction, response.unit, response.object)?;
            self.tables.operations.touch(place)?.respond(response.status, self.time, self.tables.limits.quiet_seconds);
            self.record_unasked(place, Some((response.unit, response.object)), response.status);
            return None;
        };
        let pending = if let Some(next) = response.next {
            // More is to come under another number: go on waiting, but the time is taken only once.
            let pending = self.flow.pending.get_mut(at)?;
            let before = *pending;
            pending.transaction = next;
            before
        } else {
            let pending = self.flow.pending.remove(at)?;
            self.waited();
            pending
        };
        self.answered = Some((pending.operation, if response.status.is_none() { pending.gist } else { 0 }));
        if let Some(row) = self.tables.operations.touch(pending.operation) {
            row.respond(response.status, self.time, self.tables.limits.quiet_seconds);
            row.took(u64::try_from(self.time.saturating_sub(pending.time)).unwrap_or(0), &mut self.tables.response_times);
        }
        self.record_response(&pending, response.status, response.next.is_some());
        Some(pending.matched)
    }

    fn fact(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: &[u8]) {
        self.speak(2);
        let value = crate::text::clean(value);
        let unit = unit_of(unit.as_ref(), self.flow.unit.as_ref());
        let Subject { mac, ip } = self.sender_addresses();
        let vlan = self.flow.halves.of(self.side).link.vlan;
        self.tables.fact(EndpointKey { mac, ip, vlan }, source, &unit, key, &value, self.time);
    }

    fn fact_about(&mut self, subject: Subject, source: &'static str, key: &'static str, value: &[u8]) {
        self.speak(2);
        let endpoint = EndpointKey { mac: subject.mac, ip: subject.ip, vlan: self.flow.halves.of(self.side).link.vlan };
        self.tables.fact(endpoint, source, &Label::NONE, key, &crate::text::clean(value), self.time);
    }

    fn sender_addresses(&self) -> Subject {
        self.addresses(self.side)
    }

    fn receiver_addresses(&self) -> Subject {
        self.addresses(self.side.other())
    }

    fn vlan(&self) -> u16 {
        self.flow.key.vlan()
    }

    fn time(&self) -> i64 {
        self.time
    }

    fn asks_for(&mut self, target: Address, there: u64) -> bool {
        self.speak(2);
        let asker = (self.sender_addresses().mac, self.flow.key.vlan());
        self.tables.asks_for(asker, target, there, self.time)
    }

    fn fact_text(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: fmt::Arguments<'_>) {
        self.fact(source, unit, key, value.to_string().as_bytes());
    }

    #[cold]
    fn anomaly(&mut self, protocol: &'static str, kind: &'static str, detail: fmt::Arguments<'_>) {
        self.speak(2);
        if let Some(conversation) = self.tables.conversation(self.flow, self.time) {
            self.tables.anomaly(conversation, protocol, kind, detail, self.time);
        }
    }

    fn assemble(&mut self, part: &Part<'_>, whole: Whole) -> Result<()> {
        self.speak(2);
        let at = self.flow.assemblies.iter().position(|assembly| assembly.side == self.side && assembly.channel == part.channel);
        if part.first {
            if let Some(at) = at {
                self.flow.assemblies.swap_remove(at);
            }
            if part.last {
                return whole(part.octets, part.context, self);
            }
            if self.flow.assemblies.len() >= MOST_ASSEMBLIES {
                self.flow.assemblies.remove(0);
                self.tables.dropped_buffers = self.tables.dropped_buffers.saturating_add(1);
            }
            let sequence = part.sequence.map_or(0, |(number, _)| number);
            self.flow.has_buffered = true;
            self.flow.assemblies.push(Assembly { side: self.side, channel: part.channel, sequence, octets: part.octets.to_vec() });
            return Ok(());
        }
        let Some(at) = at else { return Ok(()) };
        let Some(assembly) = self.flow.assemblies.get_mut(at) else { return Ok(()) };
        if let Some((number, modulus)) = part.sequence {
            if number == assembly.sequence {
                return Ok(()); // sent again
            }
            if number != assembly.sequence.wrapping_add(1).checked_rem(modulus).unwrap_or(0) {
                self.flow.assemblies.swap_remove(at);
                return Ok(());
            }
            assembly.sequence = number;
        }
        if assembly.octets.len().saturating_add(part.octets.len()) > LARGEST_ASSEMBLY {
            self.flow.assemblies.swap_remove(at);
            return Err(Error::Malformed("message of parts exceeds 65,536 octets"));
        }
        assembly.octets.extend_from_slice(part.octets);
        self.flow.has_buffered = true;
        if part.last {
            let assembly = self.flow.assemblies.swap_remove(at);
            self.octets = assembly.octets.len();
            return whole(&assembly.octets, part.context, self);
        }
        Ok(())
    }

    fn remember(&mut self, scope: Scope, key: u64, octets: &[u8]) {
        self.speak(2);
        let memo = Memo::new(octets);
        if let Some(address) = self.address(scope) {
            self.tables.remember(address, key, memo, self.time);
        } else if let Some((_, old)) = self.flow.memory.iter_mut().find(|(known, _)| *known == key) {
            *old = memo;
        } else {
            if self.flow.memory.len() >= MOST_MEMORIES {
                self.flow.memory.remove(0);
                self.tables.flow_memories = self.tables.flow_memories.saturating_sub(1);
            }
            if self.tables.flow_memories >= self.tables.limits.memories {
                self.tables.refuse_memory();
                return;
            }
            self.tables.flow_memories = self.tables.flow_memories.saturating_add(1);
            self.flow.memory.push((key, memo));
        }
    }

    fn recall(&self, scope: Scope, key: u64) -> Option<Memo> {
        match self.address(scope) {
            Some(address) => self.tables.recall(address, key),
            None => self.flow.memory.iter().find(|(known, _)| *known == key).map(|(_, memo)| *memo),
        }
    }

    fn forget(&mut self, scope: Scope, key: u64) {
        self.speak(2);
        if let Some(address) = self.address(scope) {
            return self.tables.forget(address, key);
        }
        let before = self.flow.memory.len();
        self.flow.memory.retain(|(known, _)| *known != key);
        let gone = before.saturating_sub(self.flow.memory.len());
        self.tables.flow_memories = self.tables.flow_memories.saturating_sub(gone);
    }
}
