//! Connections: what a forward open says, kept until the messages, inputs and outputs that it opened come by
//! (CIP Volume 1, 3-5.5).
//!
//! The request names the path, the response both identifiers. What the target gets (O→T) comes from the originator's
//! address, what it produces (T→O) from its own, to whom it may concern.

use crate::reader::Reader;
use crate::sink::{Label, Memo, Role, Scope, Sink};

use super::cip::{DH_PLUS, PCCC};
use super::mix;
use super::path::{self, Target};

/// What a connection is known by at both ends: serial number, vendor and serial number of its originator.
#[derive(Clone, Copy)]
pub(super) struct Triad(pub(super) [u8; 8]);

impl Triad {
    const fn key(self) -> u64 {
        mix(u64::from_le_bytes(self.0), 0x5472_6961)
    }
}

/// Key of what is known of a connection by its identifier, apart for each direction.
const fn connection_key(identifier: u32, produced_by: Role) -> u64 {
    let direction = match produced_by {
        Role::Client => 0x4f54,
        Role::Server => 0x544f,
    };
    mix(identifier as u64, direction)
}

/// Transport class 0 or 1 sends input and output, 2 and 3 messages.
const fn is_cyclic(transport: u8) -> bool {
    transport & 0x0f < 2
}

/// A connection is asked for; its target will answer.
pub(super) fn asked(triad: Triad, transport: u8, path: &[u8], sink: &mut dyn Sink) {
    let mut memo = Octets::new();
    memo.push(&[transport]);
    memo.push(path);
    sink.remember(Scope::Receiver, triad.key(), memo.get());
}

/// Both identifiers are known now. Under the triad they are kept to be forgotten when the connection is closed.
pub(super) fn opened(consumed: u32, produced: u32, triad: Triad, sink: &mut dyn Sink) {
    let Some(memo) = sink.recall(Scope::Sender, triad.key()) else { return };
    let Some((transport, path)) = memo.octets().split_first() else { return };
    if is_cyclic(*transport) {
        let [to_target, to_originator] = path::connection_points(path);
        let input_output = |role, point| InputOutput::octets(role, path, point);
        sink.remember(Scope::Receiver, connection_key(consumed, Role::Client), input_output(Role::Client, to_target).get());
        sink.remember(Scope::Sender, connection_key(produced, Role::Server), input_output(Role::Server, to_originator).get());
    } else {
        let (route, object) = path::split_route(path);
        let class = Target::of(object).class.and_then(|class| u16::try_from(class).ok()).unwrap_or(0);
        let mut memo = Octets::new();
        memo.push(&mix(consumed.into(), produced.into()).to_le_bytes());
        memo.push(&class.to_le_bytes());
        memo.push(route);
        sink.remember(Scope::Flow, connection_key(consumed, Role::Client), memo.get());
        sink.remember(Scope::Flow, connection_key(produced, Role::Server), memo.get());
        if matches!(u32::from(class), PCCC | DH_PLUS) {
            // No bit at the front says who sends what these carry.
            sink.remember(Scope::Flow, connection_key(produced, Role::Client), memo.get());
        }
    }
    let mut memo = Octets::new();
    memo.push(&[*transport]);
    memo.push(&consumed.to_le_bytes());
    memo.push(&produced.to_le_bytes());
    sink.remember(Scope::Sender, triad.key(), memo.get());
}

pub(super) fn closed(triad: Triad, sink: &mut dyn Sink) {
    let memo = sink.recall(Scope::Sender, triad.key());
    sink.forget(Scope::Sender, triad.key());
    let Some(memo) = memo else { return };
    let mut reader = Reader::new(memo.octets());
    let (Ok(transport), Ok(consumed), Ok(produced)) = (reader.u8(), reader.u32_le(), reader.u32_le()) else { return };
    let (consumed, produced) = (connection_key(consumed, Role::Client), connection_key(produced, Role::Server));
    if is_cyclic(transport) {
        sink.forget(Scope::Receiver, consumed);
        sink.forget(Scope::Sender, produced);
    } else {
        sink.forget(Scope::Flow, consumed);
        sink.forget(Scope::Flow, produced);
    }
}

/// What is known of an explicit connection.
pub(super) struct Connection {
    memo: Memo,
}

impl Connection {
    /// By the identifier under which `sender` sends; some targets (cpppo) answer under the originator's.
    pub(super) fn recall(identifier: u32, sender: Role, sink: &dyn Sink) -> Option<Self> {
        let of = |role| sink.recall(Scope::Flow, connection_key(identifier, role));
        of(sender).or_else(|| of(sender.other())).map(|memo| Self { memo })
    }

    /// The same for both directions.
    pub(super) fn pair(&self) -> u64 {
        self.memo.octets().first_chunk().map_or(0, |pair| u64::from_le_bytes(*pair))
    }

    /// Class of the object that it was opened to, 0 where none was named.
    pub(super) fn class(&self) -> u32 {
        match *self.memo.octets() {
            [_, _, _, _, _, _, _, _, low, high, ..] => u16::from_le_bytes([low, high]).into(),
            _ => 0,
        }
    }

    pub(super) fn unit(&self) -> Label<'_> {
        path::unit(self.memo.octets().get(10..).unwrap_or_default())
    }
}

/// What is known of a connection that carries input or output: who produces, along which route, at which connection point.
pub(super) struct InputOutput {
    memo: Memo,
}

impl InputOutput {
    fn octets(role: Role, path: &[u8], point: Option<(u32, u32)>) -> Octets {
        let (route, object) = path::split_route(path);
        let route = if route.len() > 16 { &[] } else { route };
        let mut octets = Octets::new();
        octets.push(&[u8::from(role == Role::Client), u8::try_from(route.len()).unwrap_or(0)]);
        octets.push(route);
        match point {
            Some((class, point)) => {
                octets.push(&[0x22, 0]);
                octets.push(&class.to_le_bytes());
                octets.push(&[0x2e, 0]);
                octets.push(&point.to_le_bytes());
            }
            None => octets.push(object),
        }
        octets
    }

    /// By the identifier that stands in the packet at hand.
    pub(super) fn recall(identifier: u32, sink: &dyn Sink) -> Option<Self> {
        let of = |role| sink.recall(Scope::Sender, connection_key(identifier, role));
        of(Role::Client).or_else(|| of(Role::Server)).map(|memo| Self { memo })
    }

    /// Which end sends it: the originator of the connection asks, its target serves.
    pub(super) fn sender(&self) -> Role {
        if self.memo.octets().first() == Some(&1) { Role::Client } else { Role::Server }
    }

    /// Route and object.
    pub(super) fn labels(&self) -> (Label<'_>, Label<'_>) {
        let mut reader = Reader::new(self.memo.octets());
        let length = reader.take().map_or(0, |[_, length]| length);
        let route = reader.up_to(length.into());
        (path::unit(route), path::object(reader.rest()))
    }
}

/// Octets of a memo, put together on the stack.
struct Octets {
    octets: [u8; Memo::LONGEST],
    length: usize,
}

impl Octets {
    const fn new() -> Self {
        Self { octets: [0; Memo::LONGEST], length: 0 }
    }

    fn push(&mut self, more: &[u8]) {
        for (to, from) in self.octets.iter_mut().skip(self.length).zip(more) {
            *to = *from;
            self.length = self.length.saturating_add(1);
        }
    }

    fn get(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}
