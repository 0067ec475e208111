//! From payload to messages: recognise the protocol, cut the stream into messages, find the way back after a gap.

use core::cell::Cell;

use crate::context::Context;
use crate::decode::Tcp;
use crate::facts;
use crate::flow::{Flow, Handshake, Look, Recognition, Side};
use crate::observations::Transport;
use crate::protocols::{Kind, Likeness, Protocol};
use crate::sink::{Label, Sink as _};
use crate::stream::Stream;
use crate::tables::Tables;

/// The shortest message of any protocol here (TPKT with the shortest COTP), octets.
const SHORTEST_MESSAGE: usize = 7;
/// The longest message of any protocol here (EtherNet/IP: 24 octets and a 16-bit length), octets.
const LONGEST_MESSAGE: usize = 24 + 0xffff;
/// Octets kept while the next message is looked for, so that it is found however the segments cut it.
const KEPT_IN_SEARCH: usize = 320;
/// A buffer that held more than this is given back once it is empty, octets.
const KEPT_CAPACITY: usize = 2048;

/// A payload on its way to the dissector.
pub struct Delivery<'a> {
    /// All rows.
    pub tables: &'a mut Tables,
    /// The flow it is part of.
    pub flow: &'a mut Flow,
    /// Which side sent it.
    pub side: Side,
    /// When.
    pub time: i64,
}

impl Delivery<'_> {
    fn stream(&mut self) -> &mut Stream {
        &mut self.flow.halves.of_mut(self.side).stream
    }

    #[inline]
    fn context(&mut self) -> Context<'_> {
        Context { tables: self.tables, flow: self.flow, side: self.side, time: self.time, said: Cell::new(0), answered: None, octets: 0 }
    }

    /// Octets of a TCP stream, in order. `cut`: the snap length cut off what follows them.
    #[inline]
    pub fn segment(&mut self, octets: &[u8], cut: bool) {
        match self.flow.recognition {
            Recognition::Known(protocol) => {
                let stream = &self.flow.halves.of(self.side).stream;
                let is_new = stream.partial.is_empty();
                let is_plain = is_new && !stream.searching && !cut && protocol.first_messages == 0;
                // Nearly every segment is one whole message, and most of those say what others have said before.
                if is_plain && self.context().count(protocol, octets) {
                    return;
                }
                if is_plain && matches!((protocol.frame)(octets), Ok(Some(length)) if length == octets.len() && length > 0) {
                    self.context().dissect(protocol, octets, true);
                } else if is_new {
                    self.consume(protocol, octets, cut);
                } else {
                    self.join(protocol, octets, cut);
                }
            }
            Recognition::Undecided(_) => self.recognise(octets, cut),
            Recognition::Unknown => {}
        }
    }

    /// Dissect all whole messages; keep the front of one that is not.
    #[inline(never)]
    fn consume(&mut self, protocol: &'static Protocol, octets: &[u8], cut: bool) {
        let used = self.messages(protocol, octets, cut, true);
        let rest = octets.get(used..).unwrap_or_default();
        if cut {
            // The stream goes on after octets that the capture does not have.
            self.stream().searching = true;
        } else if !rest.is_empty() {
            self.stream().partial.extend_from_slice(rest);
            self.flow.has_buffered = true;
        }
    }

    /// Octets that go on where the stream's buffer ends.
    #[cold]
    fn join(&mut self, protocol: &'static Protocol, octets: &[u8], cut: bool) {
        if protocol.first_messages > 0 && self.has_said_enough(protocol) {
            self.stream().partial = Vec::new();
            return;
        }
        self.flow.has_buffered = true;
        let mut buffer = core::mem::take(&mut self.stream().partial);
        if self.stream().searching && find_message(protocol, octets, true) == Some(0) {
            return self.consume(protocol, octets, cut);
        }
        buffer.extend_from_slice(octets);
        let used = self.messages(protocol, &buffer, cut, false);
        if cut {
            self.stream().searching = true;
            return;
        }
        buffer.drain(..used.min(buffer.len()));
        if buffer.is_empty() && buffer.capacity() > KEPT_CAPACITY {
            buffer = Vec::new();
        }
        self.stream().partial = buffer;
    }

    /// Dissect the messages at the front of `octets`; returns how many octets are done with. `fresh`: a segment or
    /// datagram begins there.
    #[inline(never)]
    fn messages(&mut self, protocol: &'static Protocol, octets: &[u8], cut: bool, fresh: bool) -> usize {
        if protocol.is_only_named {
            return octets.len();
        }
        let mut used = 0_usize;
        while let Some(rest) = octets.get(used..).filter(|rest| !rest.is_empty()) {
            if protocol.first_messages > 0 && self.has_said_enough(protocol) {
                return octets.len();
            }
            if protocol.is_by_segment {
                self.stream().searching = false;
            }
            if self.flow.halves.of(self.side).stream.searching {
                let Some(skipped) = find_message(protocol, rest, fresh && used == 0) else {
                    return octets.len().saturating_sub(KEPT_IN_SEARCH).max(used);
                };
                self.stream().searching = false;
                used = used.saturating_add(skipped);
                continue;
            }
            match (protocol.frame)(rest) {
                Ok(Some(length @ 1..=LONGEST_MESSAGE)) => {
                    if let Some(message) = rest.get(..length) {
                        self.context().dissect(protocol, message, true);
                        let half = self.flow.halves.of_mut(self.side);
                        half.looked_at = half.looked_at.saturating_add(protocol.first_messages.min(1));
                        used = used.saturating_add(length);
                        continue;
                    }
                    if cut {
                        self.context().dissect(protocol, rest, false);
                    }
                    return used;
                }
                Ok(None) if rest.len() > LONGEST_MESSAGE => {
                    self.lost_sync(protocol, crate::error::Error::Malformed("message without an end"));
                }
                Ok(None) => {
                    if cut {
                        self.context().dissect(protocol, rest, false);
                    }
                    return used;
                }
                Ok(Some(_)) => self.lost_sync(protocol, crate::error::Error::Malformed("message with an impossible length")),
                Err(error) => self.lost_sync(protocol, error),
            }
            used = used.saturating_add(1);
        }
        used
    }

    /// True where this direction of the stream has nothing new to say.
    const fn has_said_enough(&self, protocol: &Protocol) -> bool {
        self.flow.halves.of(self.side).looked_at >= protocol.first_messages
    }

    #[cold]
    fn lost_sync(&mut self, protocol: &'static Protocol, error: crate::error::Error) {
        self.stream().searching = true;
        if protocol.kind == Kind::Service {
            return;
        }
        self.context().malformed(protocol, error);
    }

    /// Octets are missing here: what was begun is lost, and the next message must be found.
    pub fn gap(&mut self) {
        let stream = self.stream();
        stream.partial = Vec::new();
        stream.searching = true;
        let side = self.side;
        self.flow.assemblies.retain(|assembly| assembly.side != side);
    }

    /// Octets that fill a gap which the stream has passed over: only whole messages in them count.
    #[cold]
    pub fn island(&mut self, octets: &[u8], cut: bool) {
        let Recognition::Known(protocol) = self.flow.recognition else { return };
        let searching = core::mem::replace(&mut self.stream().searching, true);
        self.messages(protocol, octets, cut, true);
        self.stream().searching = searching;
    }

    /// Octets of a stream of which it is not known yet what it is.
    #[cold]
    fn recognise(&mut self, octets: &[u8], cut: bool) {
        if self.flow.first_octets == [0; 8] {
            for (to, from) in self.flow.first_octets.iter_mut().zip(octets) {
                *to = *from;
            }
        }
        self.flow.has_buffered = true;
        let mut buffer = core::mem::take(&mut self.stream().partial);
        let held = buffer.len();
        buffer.extend_from_slice(octets);
        let look = match self.flow.look(&buffer) {
            // A stream that began mid-message may begin again with this segment.
            Look::More | Look::Nothing if held > 0 => match self.flow.look(octets) {
                Look::Is(protocol) => {
                    buffer.drain(..held);
                    Look::Is(protocol)
                }
                _ => self.flow.look(&buffer),
            },
            look => look,
        };
        match look {
            Look::Is(protocol) => {
                self.known(protocol);
                self.consume(protocol, &buffer, cut);
            }
            // What is put together is bounded: this is no try yet.
            Look::More if !cut => self.stream().partial = buffer,
            Look::More | Look::Nothing => self.try_less(),
        }
    }

    fn try_less(&mut self) {
        if self.flow.give_up() {
            self.unknown();
        }
    }

    /// The protocol is found; what the other side had said before may be read now.
    fn known(&mut self, protocol: &'static Protocol) {
        self.flow.recognition = Recognition::Known(protocol);
        self.flow.spoken = protocol.name;
        self.flow.by_port = false;
        self.tables.conversation(self.flow, self.time);
        self.tables.turn(self.flow);
        if protocol.kind == Kind::Service
            && let Some(expected) = self.flow.expected().filter(|expected| expected.kind == Kind::Control)
            && let Some(conversation) = self.tables.conversation(self.flow, self.time)
        {
            let detail = format_args!("not {} on its port but {}", expected.name, protocol.name);
            self.tables.anomaly(conversation, expected.name, "unexpected_protocol", detail, self.time);
        }
        let side = self.side;
        self.side = side.other();
        let waiting = core::mem::take(&mut self.stream().partial);
        if !waiting.is_empty() {
            self.stream().searching = true;
            self.consume(protocol, &waiting, false);
        }
        self.side = side;
    }

    /// Nothing known is spoken; where the port had promised something, that is worth telling.
    fn unknown(&mut self) {
        self.flow.recognition = Recognition::Unknown;
        for side in [Side::Low, Side::High] {
            self.flow.halves.of_mut(side).stream.partial = Vec::new();
        }
        let begins = self.flow.first_octets;
        self.name_by_port();
        self.tables.conversation(self.flow, self.time);
        if begins == [0; 8] {
            return;
        }
        let Some(expected) = self.flow.expected().filter(|expected| expected.kind == Kind::Control) else { return };
        let Some(conversation) = self.tables.conversation(self.flow, self.time) else { return };
        let [a, b, c, d, ..] = begins;
        let text = crate::text::clean(&begins);
        let detail = format_args!("not {} on its port: begins {a:02x} {b:02x} {c:02x} {d:02x} ({text})", expected.name);
        self.tables.anomaly(conversation, expected.name, "unexpected_protocol", detail, self.time);
    }

    /// What is spoken could not be told by its content: the port says what it usually is, unless the content speaks
    /// against it.
    fn name_by_port(&mut self) {
        let begun = self.flow.key.transport() != Transport::Tcp || self.flow.handshake != Handshake::Unseen;
        let expected = self.flow.expected().filter(|expected| match expected.kind {
            _ if self.flow.first_octets == [0; 8] => true,
            Kind::Service => !begun,
            Kind::Control => false,
        });
        let Some(name) = expected.map(|expected| expected.name).or_else(|| self.flow.usual()) else { return };
        self.flow.spoken = name;
        self.flow.by_port = true;
        self.tables.turn(self.flow);
    }

    /// What a handshake tells of the sender's operating system.
    pub fn stack(&mut self, segment: &Tcp<'_>, time_to_live: u8) {
        let text = crate::stack::describe(segment, time_to_live);
        let unit = Some(Label::NONE);
        self.context().fact("tcp", unit, facts::TCP_STACK, text.as_bytes());
    }

    /// One datagram.
    #[inline]
    pub fn datagram(&mut self, octets: &[u8], cut: bool) {
        match self.flow.recognition {
            Recognition::Known(protocol) => self.datagram_messages(protocol, octets, cut),
            Recognition::Unknown if !self.flow.is_mixed() => {}
            Recognition::Unknown | Recognition::Undecided(_) if octets.is_empty() => {}
            Recognition::Unknown | Recognition::Undecided(_) => match self.flow.look(octets) {
                Look::Is(protocol) => {
                    self.known(protocol);
                    self.datagram_messages(protocol, octets, cut);
                }
                Look::More | Look::Nothing => {
                    for (to, from) in self.flow.first_octets.iter_mut().zip(octets) {
                        *to = *from;
                    }
                    self.try_less();
                }
            },
        }
    }

    #[inline]
    fn datagram_messages(&mut self, protocol: &'static Protocol, octets: &[u8], cut: bool) {
        self.stream().searching = false;
        self.flow.halves.of_mut(self.side).looked_at = 0;
        let used = self.messages(protocol, octets, cut, true);
        // A datagram holds whole messages: what is left of it is the front of one that lies about its length.
        let lost = self.stream().searching;
        if let Some(rest) = octets.get(used..).filter(|rest| !rest.is_empty() && !cut && !lost) {
            self.context().dissect(protocol, rest, true);
        }
    }

    /// The connection under way has ended: nothing that waits will come.
    pub fn disconnect(&mut self) {
        if !self.flow.has_data {
            self.flow.refused = self.flow.refused.saturating_add(1).min(self.flow.connections);
        }
        self.flow.closed = true;
        self.tables.unanswered_all(self.flow);
        self.flow.assemblies = Vec::new();
        for side in [Side::Low, Side::High] {
            self.flow.halves.of_mut(side).stream.partial = Vec::new();
        }
        if matches!(self.flow.recognition, Recognition::Undecided(_)) && self.flow.has_data {
            self.unknown();
        }
        // Now and not when it is added up next: the conversation's minutes are counted in the order of time.
        self.tables.conversation(self.flow, self.time);
    }

    /// A SYN of another connection between the same ports.
    pub fn reconnect(&mut self) {
        self.disconnect();
        if self.flow.conversation.is_some() {
            self.tables.fold(self.flow);
        }
        self.tables.forget_flow(self.flow);
        let flow = &mut *self.flow;
        for side in [Side::Low, Side::High] {
            let half = flow.halves.of_mut(side);
            half.stream = Stream::default();
            half.looked_at = 0;
        }
        flow.connections = flow.connections.saturating_add(1);
        flow.connected = self.time;
        flow.minutes.add(self.time);
        if let Some(row) = flow.conversation.and_then(|place| self.tables.conversations.touch(place)) {
            row.minutes.join(&core::mem::take(&mut flow.minutes));
        }
        flow.handshake = Handshake::Unseen;
        flow.has_data = false;
        flow.closed = false;
        flow.unit = None;
        (flow.last_operation, flow.next_operation, flow.last_envelope) = (None, None, None);
        flow.first_octets = [0; 8];
        if matches!(flow.recognition, Recognition::Unknown) {
            flow.recognition = Recognition::Undecided(0);
        }
    }

    /// No more frames of this flow.
    pub fn close(&mut self) {
        if matches!(self.flow.recognition, Recognition::Undecided(_)) {
            let complete = self.flow.handshake != Handshake::Unseen;
            if complete && self.flow.has_data {
                self.unknown();
            } else {
                self.flow.recognition = Recognition::Unknown;
                self.name_by_port();
            }
        }
        self.tables.unanswered_all(self.flow);
        self.tables.forget_flow(self.flow);
    }
}

/// Where the next message begins: by the protocol's own marks. The front of a segment (`fresh`) is taken where a
/// message may begin there; further in, the message must also end where the octets end or where the next begins,
/// unless its marks are sure by themselves.
fn find_message(protocol: &Protocol, octets: &[u8], fresh: bool) -> Option<usize> {
    (0..octets.len()).find(|start| {
        let Some(rest) = octets.get(*start..) else { return false };
        let likeness = (protocol.probe)(rest);
        if likeness == Likeness::No {
            return false;
        }
        let Ok(length) = (protocol.frame)(rest) else { return false };
        if likeness == Likeness::Sure || (fresh && *start == 0 && rest.len() >= SHORTEST_MESSAGE) {
            return true;
        }
        let Some(after) = length.and_then(|length| rest.get(length..)) else { return false };
        after.is_empty() || (protocol.probe)(after) != Likeness::No
    })
}
