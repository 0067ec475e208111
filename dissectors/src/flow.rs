//! One exchange between two addresses and ports: what was seen of each direction, who is the client, and which
//! protocol is spoken.

use core::hash::{Hash, Hasher};
use std::collections::VecDeque;

use crate::activity::Minutes;
use crate::decode::{Address, Link, Mac};
use crate::observations::{Span, Text, Traffic, Transport};
use crate::protocols::{Kind, Likeness, PORTS, PROTOCOLS, Protocol};
use crate::sink::{Evidence, Memo, Role};
use crate::stream::Stream;
use crate::table::{Hashes, Place, Row};
use crate::transactions::Ticket;

/// The two sides of a flow, in the order of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one with the lower address and port.
    Low,
    /// The other one.
    High,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// One value for each side.
#[derive(Clone, Debug, Default)]
pub struct Pair<T> {
    low: T,
    high: T,
}

impl<T> Pair<T> {
    /// The value of a side.
    #[inline]
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    /// The value of a side, to change.
    #[inline]
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        }
    }
}

/// What tells flows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    low: Address,
    high: Address,
    /// Ports, transport and VLAN: `low port | high port | VLAN | transport`.
    rest: u64,
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low.0);
        state.write_u128(self.high.0);
        state.write_u64(self.rest);
    }
}

impl FlowKey {
    /// The key of what goes from `source` to `destination`, and the side of the sender.
    #[inline]
    #[must_use]
    pub fn new(source: (Address, u16), destination: (Address, u16), transport: Transport, vlan: u16) -> (Self, Side) {
        let (low, high, side) = if source <= destination { (source, destination, Side::Low) } else { (destination, source, Side::High) };
        let kind = match transport {
            Transport::Tcp => 0,
            Transport::Udp => 1,
            Transport::Icmp => 2,
            Transport::Ip => 3,
            Transport::Ethernet => 4,
        };
        let rest = u64::from(low.1) << 48 | u64::from(high.1) << 32 | u64::from(vlan) << 16 | kind;
        (Self { low: low.0, high: high.0, rest }, side)
    }

    /// Address and port of a side.
    #[must_use]
    pub const fn end(&self, side: Side) -> (Address, u16) {
        match side {
            Side::Low => (self.low, (self.rest >> 48) as u16),
            Side::High => (self.high, (self.rest >> 32 & 0xffff) as u16),
        }
    }

    /// The key of what goes between two IPv4 addresses with ports, each given as `address << 16 | port`.
    #[inline]
    #[must_use]
    pub const fn v4(source: u64, destination: u64, vlan: u16) -> (Self, Side) {
        let is_low = source <= destination;
        let (low, high) = if is_low { (source, destination) } else { (destination, source) };
        let rest = (low & 0xffff) << 48 | (high & 0xffff) << 32 | (vlan as u64) << 16;
        (Self { low: Address::of_v4(low >> 16), high: Address::of_v4(high >> 16), rest }, if is_low { Side::Low } else { Side::High })
    }

    /// The hash of the key without its VLAN: both sides of a router hash alike, and a copy of a packet is found whatever
    /// its tag.
    #[inline]
    #[must_use]
    pub fn hash_with(&self, hashes: &Hashes) -> u64 {
        let ([low, low_rest], [high, high_rest]) = (self.low.halves(), self.high.halves());
        let hash = hashes.of_words([low, high, self.rest & !0xffff_0000]);
        // Only IPv6 has more.
        if low_rest | high_rest == 0 { hash } else { hashes.of_words([hash, low_rest, high_rest]) }
    }

    /// True where only the VLAN differs.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        Self { rest: self.rest & !0xffff_0000, ..*self } == Self { rest: other.rest & !0xffff_0000, ..*other }
    }

    /// VLAN identifier, 0 for none.
    #[must_use]
    pub const fn vlan(&self) -> u16 {
        (self.rest >> 16 & 0xffff) as u16
    }

    /// How it is carried.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        match self.rest & 0xffff {
            0 => Transport::Tcp,
            1 => Transport::Udp,
            2 => Transport::Icmp,
            3 => Transport::Ip,
            _ => Transport::Ethernet,
        }
    }
}

/// What one side has sent.
#[derive(Clone, Debug)]
#[repr(C)] // what every frame touches lies together
pub struct Half {
    /// MAC addresses and VLAN of its last frame.
    pub link: Link,
    /// Times since then.
    pub span: Span,
    /// Counters since they were last added to the conversation.
    pub traffic: Traffic,
    /// TCP only.
    pub stream: Stream,
    /// Messages looked at, where only those at the front of the stream say something.
    pub looked_at: u8,
    /// Routers that the first frame over this link had passed, where that is known.
    pub hops: Option<u8>,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            link: Link { source: Mac::NONE, destination: Mac::NONE, vlan: 0 },
            traffic: Traffic::default(),
            span: Span::NEVER,
            looked_at: 0,
            hops: None,
            stream: Stream::default(),
        }
    }
}

/// Payloads that are looked at before a flow is said to speak nothing known.
const TRIES: u8 = 6;
/// Octets that are put together before what they are must be plain.
const ENOUGH_TO_RECOGNISE: usize = 512;
/// A payload shorter than this is not judged yet, unless it is the whole message of a service on its own port (IEC 104): no
/// message of the protocols that control a plant is shorter.
const TOO_SHORT_TO_RECOGNISE: usize = 7;

/// Which protocol a flow speaks.
#[derive(Clone, Copy)]
pub enum Recognition {
    /// Not plain yet; payloads looked at so far.
    Undecided(u8),
    /// This one.
    Known(&'static Protocol),
    /// None that is known.
    Unknown,
}

/// What the look at a payload came to.
#[derive(Clone, Copy)]
pub enum Look {
    /// It is this.
    Is(&'static Protocol),
    /// More octets may tell.
    More,
    /// It is nothing known.
    Nothing,
}

/// What is believed about who is the client, and on what grounds.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// What the messages say: positive where they make the low side the client.
    evidence: i16,
    /// What the TCP handshake and the ports say, in the same way.
    base: i16,
    /// The client, all told.
    client: Side,
    /// A message itself has said it.
    pub confirmed: bool,
}

/// What a handshake weighs: protocol first, SYN second, port third.
const SYN_WEIGHT: i16 = 4;
/// What messages weigh at the most, so that a flow that turns out to be the other way round is turned.
const MOST_EVIDENCE: i16 = 16;
/// What the known port of a protocol weighs.
const PORT_WEIGHT: i16 = 2;

const fn signed(side: Side, weight: i16) -> i16 {
    match side {
        Side::Low => weight,
        Side::High => weight.saturating_neg(),
    }
}

impl Roles {
    /// Begin with a guess that anything outweighs.
    #[must_use]
    pub const fn guess(client: Side) -> Self {
        Self { evidence: 0, base: 0, client, confirmed: false }
    }

    fn weigh(&mut self) {
        match self.evidence.saturating_add(self.base) {
            1.. => self.client = Side::Low,
            ..=-1 => self.client = Side::High,
            0 => {}
        }
    }

    /// The side that asks.
    #[inline]
    #[must_use]
    pub const fn client(&self) -> Side {
        self.client
    }

    /// The role of a side.
    #[inline]
    #[must_use]
    pub fn of(&self, side: Side) -> Role {
        if side == self.client { Role::Client } else { Role::Server }
    }

    /// A handshake says that this side is the client.
    pub fn syn(&mut self, client: Side) {
        self.base = signed(client, SYN_WEIGHT).saturating_add(self.base.clamp(-PORT_WEIGHT, PORT_WEIGHT));
        self.weigh();
    }

    /// The known port of a protocol says so.
    pub fn port(&mut self, client: Side) {
        self.base = self.base.saturating_add(signed(client, PORT_WEIGHT));
        self.weigh();
    }

    /// True where one more message by this side, as the client, or by the other, as the server, changes nothing.
    #[inline]
    #[must_use]
    pub fn is_settled(&self, client: Side) -> bool {
        self.evidence == signed(client, MOST_EVIDENCE) && self.client == client && self.confirmed
    }

    /// Another flow of the same conversation has found out.
    pub fn settle(&mut self, client: Side) {
        self.evidence = signed(client, 8);
        self.weigh();
    }

    /// A message says that this side is the client. True where that changes the belief.
    #[inline]
    pub fn message(&mut self, client: Side, evidence: Evidence) -> bool {
        // As sure as it gets: nothing that the handshake or the port says weighs as much.
        if self.is_settled(client) {
            return false;
        }
        self.weigh_message(client, evidence)
    }

    fn weigh_message(&mut self, client: Side, evidence: Evidence) -> bool {
        let weight = match evidence {
            Evidence::Likely => 1,
            Evidence::Certain => 8,
        };
        let before = self.client;
        self.evidence = self.evidence.saturating_add(signed(client, weight)).clamp(-MOST_EVIDENCE, MOST_EVIDENCE);
        self.weigh();
        self.confirmed |= self.client == client;
        self.client != before
    }
}

/// A request that waits for its response.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// Which protocol's.
    pub protocol: &'static str,
    /// What the response will carry.
    pub transaction: u64,
    /// Who sent it.
    pub side: Side,
    /// Where it was counted.
    pub operation: Place,
    /// When it was sent.
    pub time: i64,
    /// Its gist, 0 for none.
    pub gist: u64,
    /// For the dissector of the response.
    pub matched: crate::sink::Matched,
    /// What it is recorded under, 0 where it is not.
    pub ticket: Ticket,
}

/// A message of which some parts have come.
#[derive(Clone, Debug)]
pub struct Assembly {
    /// Whose.
    pub side: Side,
    /// Which.
    pub channel: u64,
    /// Number of the last part.
    pub sequence: u8,
    /// What has come.
    pub octets: Vec<u8>,
}

/// Progress of a TCP handshake, for the round-trip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Not seen.
    Unseen,
    /// A SYN at that time.
    Asked(i64),
    /// It was answered; the time of the SYN.
    Answered(i64),
    /// Complete.
    Done,
}

/// One exchange.
#[repr(C)] // what every frame touches lies together
pub struct Flow {
    /// Which one.
    pub key: FlowKey,
    /// When it was last seen.
    pub last: i64,
    /// Who asks.
    pub roles: Roles,
    /// What each side has sent.
    pub halves: Pair<Half>,
    /// What is spoken.
    pub recognition: Recognition,
    /// Requests without a response yet, oldest first.
    pub pending: VecDeque<Pending>,
    /// What followed that the last time.
    pub next_operation: Option<Place>,
    /// What it asked last.
    pub last_operation: Option<Place>,
    /// The row that all this is counted in; none before it is plain what is spoken.
    pub conversation: Option<Place>,
    /// Name of it, refined by what the messages turn out to be.
    pub spoken: &'static str,
    /// What it asked last that touches no object, as envelopes do.
    pub last_envelope: Option<Place>,
    /// What the engine has in its account for the buffers of this flow, octets.
    pub accounted: usize,
    /// What is kept for messages that are not whole yet may have changed.
    pub has_buffered: bool,
    /// Payload was seen on the connection under way.
    pub has_data: bool,
    /// The connection under way has ended.
    pub closed: bool,
    /// That name rests on the server's port alone.
    pub by_port: bool,
    /// Of the connection under way.
    pub handshake: Handshake,
    /// Connections since the counters were last added up.
    pub connections: u64,
    /// Of those, ended without any data.
    pub refused: u64,
    /// Smallest round-trip time.
    pub round_trip: Option<i64>,
    /// Messages of which parts have come.
    pub assemblies: Vec<Assembly>,
    /// What dissectors asked to keep for this flow.
    pub memory: Vec<(u64, Memo)>,
    /// Unit of the messages that name none.
    pub unit: Option<Text>,
    /// Octets at the front of the first payload, for people.
    pub first_octets: [u8; 8],
    /// When its first frame came.
    pub began: i64,
    /// When the connection under way began.
    pub connected: i64,
    /// Connections begun, or packets where there are no connections, since they were last added up.
    pub minutes: Minutes,
}

impl Row for Flow {
    fn last(&self) -> i64 {
        self.last
    }
}

impl Flow {
    /// A flow whose first frame is sent by `sender`.
    #[must_use]
    pub fn new(key: FlowKey, sender: Side, time: i64) -> Self {
        let mut roles = Roles::guess(guess_client(&key, sender));
        if let Some(client) = client_by_port(&key, |protocol, port| protocol.ports(key.transport()).contains(&port)) {
            roles.port(client);
        }
        let mut minutes = Minutes::default();
        if key.transport().has_connections() {
            minutes.add(time);
        }
        Self {
            key,
            halves: Pair::default(),
            roles,
            recognition: Recognition::Undecided(0),
            spoken: "",
            by_port: false,
            conversation: None,
            last_operation: None,
            last_envelope: None,
            next_operation: None,
            connections: 1,
            refused: 0,
            round_trip: None,
            handshake: Handshake::Unseen,
            has_data: false,
            closed: false,
            last: time,
            pending: VecDeque::new(),
            assemblies: Vec::new(),
            memory: Vec::new(),
            unit: None,
            first_octets: [0; 8],
            began: time,
            connected: time,
            minutes,
            has_buffered: false,
            accounted: 0,
        }
    }

    /// Address and port of the end in that role.
    #[must_use]
    pub fn end(&self, role: Role) -> (Address, u16) {
        let client = self.roles.client();
        self.key.end(if role == Role::Client { client } else { client.other() })
    }

    /// Octets that this flow keeps for messages that are not whole yet.
    #[inline]
    #[must_use]
    pub fn buffered(&self) -> usize {
        let of = |half: &Half| half.stream.partial.capacity().saturating_add(half.stream.held_octets());
        let assemblies = self.assemblies.iter().fold(0_usize, |sum, assembly| sum.saturating_add(assembly.octets.capacity()));
        of(self.halves.of(Side::Low)).saturating_add(of(self.halves.of(Side::High))).saturating_add(assemblies)
    }

    /// Forget what is kept for messages that are not whole yet.
    pub fn drop_buffers(&mut self) {
        for side in [Side::Low, Side::High] {
            let stream = &mut self.halves.of_mut(side).stream;
            stream.partial = Vec::new();
            stream.searching = true;
            while stream.is_waiting() {
                stream.skip_gap();
                let Some(held) = stream.take_due() else { break };
                stream.offer(held.sequence, held.length);
            }
        }
        self.assemblies = Vec::new();
    }

    /// The protocol whose port the server's port is, if any.
    #[must_use]
    pub fn expected(&self) -> Option<&'static Protocol> {
        let (_, port) = self.end(Role::Server);
        PROTOCOLS.iter().find(|protocol| protocol.ports(self.key.transport()).contains(&port)).copied()
    }

    /// What is usually spoken on the server's port, of what cannot be told by its content.
    #[must_use]
    pub fn usual(&self) -> Option<&'static str> {
        let (transport, (_, port)) = (self.key.transport(), self.end(Role::Server));
        PORTS.iter().find(|row| row.0 == transport && row.1 == port).map(|row| row.2)
    }

    /// What the octets at the front of a payload are: by content on any port, by content and port where the
    /// content alone does not say.
    #[must_use]
    pub fn look(&self, octets: &[u8]) -> Look {
        let transport = self.key.transport();
        let (low, high) = (self.key.end(Side::Low).1, self.key.end(Side::High).1);
        if octets.len() < TOO_SHORT_TO_RECOGNISE && transport == Transport::Tcp {
            let is_it = |protocol: &&Protocol| {
                let expected = protocol.tcp_ports.iter().any(|port| *port == low || *port == high);
                protocol.kind == Kind::Service && expected && (protocol.probe)(octets) == Likeness::Sure
            };
            return PROTOCOLS.iter().copied().find(is_it).map_or(Look::More, Look::Is);
        }
        // Sure on its own port, sure on any, possible on its own port.
        let (mut sure, mut possible) = (None, None);
        for protocol in PROTOCOLS.iter().copied() {
            let numbers = protocol.ports(transport);
            let expected = numbers.iter().any(|port| *port == low || *port == high);
            let ruled_out = match transport {
                Transport::Tcp => protocol.tcp_ports.is_empty() && protocol.kind == Kind::Service,
                Transport::Udp => numbers.is_empty(),
                _ => !expected,
            };
            if ruled_out {
                continue;
            }
            match (protocol.probe)(octets) {
                Likeness::Sure if expected => return Look::Is(protocol),
                Likeness::Sure if sure.is_none() => sure = Some(protocol),
                Likeness::Possible if expected && possible.is_none() => possible = Some(protocol),
                Likeness::Sure | Likeness::Possible | Likeness::No => {}
            }
        }
        match sure.or(possible) {
            Some(protocol) => Look::Is(protocol),
            None if octets.len() < ENOUGH_TO_RECOGNISE && transport == Transport::Tcp => Look::More,
            None => Look::Nothing,
        }
    }

    /// Frames with LLC share one flow whatever they carry: what the next one is cannot be told by those before it.
    #[inline]
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.key.transport() == Transport::Ethernet && self.key.end(Side::Low).1 == 0
    }

    /// Count a payload that said nothing. True where that was the last try.
    pub fn give_up(&mut self) -> bool {
        if let Recognition::Undecided(tries) = &mut self.recognition {
            *tries = tries.saturating_add(1);
            return *tries >= TRIES;
        }
        false
    }
}

/// The client, where exactly one side has a known port.
fn client_by_port(key: &FlowKey, known: impl Fn(&Protocol, u16) -> bool) -> Option<Side> {
    let is_known = |side| PROTOCOLS.iter().any(|protocol| known(protocol, key.end(side).1));
    match (is_known(Side::Low), is_known(Side::High)) {
        (true, false) => Some(Side::High),
        (false, true) => Some(Side::Low),
        _ => None,
    }
}

/// Registered ports of services that a plant's clients use, above the system range.
const SERVICE_PORTS: [u16; 14] = [1433, 1521, 1883, 2404, 3306, 3389, 4840, 5432, 5900, 5985, 5986, 8080, 8443, 8883];

/// Without any better grounds: the system port serves, then a registered one, then the lower one; of datagrams
/// between high ports, who spoke first asks.
fn guess_client(key: &FlowKey, sender: Side) -> Side {
    let (low, high) = (key.end(Side::Low).1, key.end(Side::High).1);
    let rank = |port: u16| match port {
        0..1024 => 0,
        port if SERVICE_PORTS.contains(&port) => 1,
        _ => 2,
    };
    match key.transport() {
        Transport::Tcp | Transport::Udp if rank(low) != rank(high) => {
            if rank(low) < rank(high) {
                Side::High
            } else {
                Side::Low
            }
        }
        Transport::Tcp if low != high => {
            if low < high {
                Side::High
            } else {
                Side::Low
            }
        }
        _ => sender,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_message_is_recognised_on_its_own_port_only() {
        let look = |port, octets: &[u8]| {
            let (key, side) = FlowKey::new((Address(1), 40_000), (Address(2), port), Transport::Tcp, 0);
            match Flow::new(key, side, 0).look(octets) {
                Look::Is(protocol) => protocol.name,
                Look::More => "more",
                Look::Nothing => "nothing",
            }
        };
        // STARTDT of IEC 104 is six octets long.
        assert_eq!(look(2404, b"\x68\x04\x07\0\0\0"), "iec104");
        assert_eq!(look(2404, b"\x68\x04\x07\0\0"), "more");
        assert_eq!(look(2405, b"\x68\x04\x07\0\0\0"), "more");
        assert_eq!(look(2405, b"\x68\x04\x07\0\0\0\x68\x04\x0b\0\0\0"), "iec104");
    }
}
