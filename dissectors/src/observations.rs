//! What comes out of the engine: the five kinds of rows, cumulative since they were first seen.

use crate::activity::{Activity, Episode, Minute, Minutes, SoFar};
use crate::decode::{Address, Mac};
use crate::sink::{Label, Role};
use crate::table::{Place, Row};
use crate::timing::Histograms;

/// One value for each end of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends<T> {
    /// Of the client, or from client to server.
    pub client: T,
    /// Of the server, or from server to client.
    pub server: T,
}

impl<T> Ends<T> {
    /// The value of one end.
    pub const fn of(&mut self, role: Role) -> &mut T {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    /// The ends the other way round.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { client: self.server, server: self.client }
    }
}

/// How a conversation is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP or ICMPv6.
    Icmp,
    /// Another protocol directly over IP; the port is its IANA number.
    Ip,
    /// No IP; the port is the `EtherType`.
    Ethernet,
}

impl Transport {
    /// It has ports, and with them connections to count.
    #[must_use]
    pub const fn has_connections(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Ip => "ip",
            Self::Ethernet => "ethernet",
        }
    }
}

/// First and last time of something, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it was first seen.
    pub first: i64,
    /// When it was last seen.
    pub last: i64,
}

impl Span {
    /// Seen once.
    #[must_use]
    pub const fn at(time: i64) -> Self {
        Self { first: time, last: time }
    }

    /// Nothing seen yet: any other span swallows it.
    pub const NEVER: Self = Self { first: i64::MAX, last: i64::MIN };

    /// Seen at this time as well; captures may be out of order.
    #[inline]
    pub fn add(&mut self, time: i64) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// Seen over the other span as well.
    pub fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// What tells endpoints apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointKey {
    /// MAC address.
    pub mac: Mac,
    /// IP address.
    pub ip: Address,
    /// VLAN identifier, 0 for none.
    pub vlan: u16,
}

/// Something with an address that sent frames.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// A number of its own.
    pub id: u64,
    /// Which one.
    pub key: EndpointKey,
    /// When.
    pub span: Span,
    /// Frames sent.
    pub packets: u64,
    /// Octets of those frames on the wire.
    pub octets: u64,
    /// The fewest routers that a packet of its has passed, none where it has no IP.
    pub hops: Option<u8>,
}

impl Endpoint {
    /// Count what another row of the same key counted.
    pub fn join(&mut self, other: &Self) {
        self.span.join(other.span);
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
        self.hops = self.hops.into_iter().chain(other.hops).min();
    }
}

impl Row for Endpoint {
    fn last(&self) -> i64 {
        self.span.last
    }

    fn id(&self) -> u64 {
        self.id
    }
}

/// What tells conversations apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    /// Who asks: its IP address, or its MAC address where there is no IP.
    pub client: Address,
    /// Who serves.
    pub server: Address,
    /// How.
    pub transport: Transport,
    /// The server's port.
    pub port: u16,
    /// VLAN identifier, 0 for none.
    pub vlan: u16,
    /// Name of the protocol recognised, empty for none.
    pub protocol: &'static str,
}

impl ConversationKey {
    /// The conversation with its ends the other way round, served on `port`.
    #[must_use]
    pub const fn swapped(self, port: u16) -> Self {
        Self { client: self.server, server: self.client, port, ..self }
    }
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)] // what every frame counts comes first
pub struct Traffic {
    /// Frames.
    pub packets: u64,
    /// Octets of those frames on the wire.
    pub octets: u64,
    /// Segments whose octets had all been seen before.
    pub retransmissions: u64,
    /// Segments that came before one that precedes them.
    pub out_of_order: u64,
    /// Gaps in the stream that the capture does not hold.
    pub lost_segments: u64,
    /// Octets in those gaps.
    pub lost_octets: u64,
    /// Frames that the mirror delivered twice.
    pub duplicates: u64,
}

impl Traffic {
    /// Add another count.
    pub const fn add(&mut self, other: &Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
        self.retransmissions = self.retransmissions.saturating_add(other.retransmissions);
        self.out_of_order = self.out_of_order.saturating_add(other.out_of_order);
        self.lost_segments = self.lost_segments.saturating_add(other.lost_segments);
        self.lost_octets = self.lost_octets.saturating_add(other.lost_octets);
        self.duplicates = self.duplicates.saturating_add(other.duplicates);
    }
}

/// Who talks to whom.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// A number of its own.
    pub id: u64,
    /// Which one.
    pub key: ConversationKey,
    /// MAC addresses last seen.
    pub macs: Ends<Mac>,
    /// When.
    pub span: Span,
    /// Counters of each direction.
    pub traffic: Ends<Traffic>,
    /// TCP connections, or port pairs of other transports.
    pub connections: u64,
    /// Connections that ended before any data was sent.
    pub refused: u64,
    /// Smallest time between a SYN and the ACK of its answer, nanoseconds.
    pub round_trip: Option<i64>,
    /// Connections begun, or packets where there are no connections, by minutes.
    pub minutes: Minutes,
    /// A message itself has said who is the client.
    pub confirmed: bool,
    /// The name of its protocol rests on the server's port alone.
    pub by_port: bool,
    /// Flows that are counted here now.
    pub flows: u64,
    /// Its first operation; the others follow through [`Operation::next`].
    pub operations: Option<Place>,
    /// How many those are.
    pub operation_count: usize,
    /// It has anomalies.
    pub has_anomalies: bool,
}

impl Conversation {
    /// Count what another row of the same key counted. Which flows and operations are its own stays as it is.
    pub fn join(&mut self, other: &Self) {
        let is_later = other.span.last > self.span.last;
        for (mine, theirs) in [(&mut self.macs.client, other.macs.client), (&mut self.macs.server, other.macs.server)] {
            if theirs != Mac::NONE && (*mine == Mac::NONE || is_later) {
                *mine = theirs;
            }
        }
        self.traffic.client.add(&other.traffic.client);
        self.traffic.server.add(&other.traffic.server);
        self.span.join(other.span);
        self.connections = self.connections.saturating_add(other.connections);
        self.refused = self.refused.saturating_add(other.refused);
        self.round_trip = self.round_trip.into_iter().chain(other.round_trip).min();
        self.minutes.join(&other.minutes);
        self.confirmed |= other.confirmed;
        self.by_port &= other.by_port;
    }
}

impl Row for Conversation {
    fn last(&self) -> i64 {
        self.span.last
    }

    fn id(&self) -> u64 {
        self.id
    }
}

/// A [`Label`] that is kept.
#[derive(Clone)]
pub struct Text {
    octets: Kept,
    render: fn(&[u8], &mut String),
}

/// Octets of a label; those of most fit in the row itself, where comparing them costs no further cache line.
#[derive(Clone)]
enum Kept {
    Short(u8, [u8; Kept::SHORT]),
    Long(Box<[u8]>),
}

impl Kept {
    const SHORT: usize = 30;

    fn new(octets: &[u8]) -> Self {
        let mut short = [0; Self::SHORT];
        match (short.get_mut(..octets.len()), u8::try_from(octets.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(octets);
                Self::Short(length, short)
            }
            _ => Self::Long(octets.into()),
        }
    }

    #[inline]
    fn get(&self) -> &[u8] {
        match self {
            Self::Short(length, octets) => octets.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(octets) => octets,
        }
    }
}

impl Text {
    /// Keep a label.
    #[must_use]
    pub fn new(label: &Label<'_>) -> Self {
        Self { octets: Kept::new(bounded(label.octets)), render: label.render }
    }

    /// True where the label says the same.
    #[inline]
    #[must_use]
    pub fn is(&self, label: &Label<'_>) -> bool {
        are_equal(self.octets.get(), bounded(label.octets))
    }

    /// The octets that tell it from other labels of the same operation.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get()
    }

    /// The label again.
    #[must_use]
    pub fn label(&self) -> Label<'_> {
        Label { octets: self.octets.get(), render: self.render }
    }
}

/// Labels are short: comparing eight octets at a time here is quicker than a call of `memcmp`.
#[inline]
fn are_equal(mut one: &[u8], mut other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    while let (Some((a, rest)), Some((b, other_rest))) = (one.split_first_chunk::<8>(), other.split_first_chunk::<8>()) {
        if u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b) {
            return false;
        }
        (one, other) = (rest, other_rest);
    }
    one.iter().zip(other).all(|(a, b)| a == b)
}

/// The octets of a label that count.
#[inline]
#[must_use]
pub fn bounded(octets: &[u8]) -> &[u8] {
    octets.get(..Label::LONGEST).unwrap_or(octets)
}

/// How long answers took, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseTime {
    /// The quickest.
    pub least: u64,
    /// The slowest.
    pub most: u64,
    /// All together.
    pub sum: u64,
    /// How many were measured.
    pub count: u64,
}

impl ResponseTime {
    /// Nothing measured.
    pub const NONE: Self = Self { least: u64::MAX, most: 0, sum: 0, count: 0 };

    /// One more answer.
    #[inline]
    pub fn add(&mut self, time: u64) {
        self.least = self.least.min(time);
        self.most = self.most.max(time);
        self.sum = self.sum.saturating_add(time);
        self.count = self.count.saturating_add(1);
    }

    fn join(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.sum = self.sum.saturating_add(other.sum);
        self.count = self.count.saturating_add(other.count);
    }
}

/// Different rejection codes that are counted for one operation.
pub const MOST_STATUSES: usize = 8;

/// What a client asked a server to do.
#[derive(Clone)]
#[repr(C)] // what every request and response touches lies together
pub struct Operation {
    /// Whose.
    pub conversation: Place,
    /// The protocol's function code.
    pub function: u32,
    /// Its sub-function.
    pub subfunction: Option<u32>,
    /// Number of the protocol's histogram.
    pub histogram: u32,
    /// Name of the protocol.
    pub protocol: &'static str,
    /// Gist of the request that was dissected last, 0 where it had none.
    pub request_gist: u64,
    /// Gist of the response that accepted such a request.
    pub response_gist: u64,
    /// What the same flow asked after this the last time: polls go in circles.
    pub successor: Option<Place>,
    /// The operation that such a request's envelope is.
    pub request_envelope: Option<Place>,
    /// What such a request hands to its response, as in [`crate::sink::Request`].
    pub request_context: u64,
    /// Requests seen.
    pub requests: u64,
    /// Responses seen.
    pub responses: u64,
    /// When.
    pub span: Span,
    /// When the minute at hand began.
    pub minute: Minute,
    /// How long answers took.
    pub response_time: ResponseTime,
    /// What was touched.
    pub object: Text,
    /// Address inside the server.
    pub unit: Text,
    /// Responses that reject.
    pub errors: u64,
    /// Requests that should have been answered and were not.
    pub unanswered: u64,
    /// How often each rejection code came, the first few.
    pub statuses: Vec<(u32, u64)>,
    /// The next operation of the same conversation.
    pub next: Option<Place>,
    /// A number of its own.
    pub id: u64,
    /// When, in more detail.
    pub activity: Activity,
}

impl Row for Operation {
    fn last(&self) -> i64 {
        self.span.last
    }

    fn id(&self) -> u64 {
        self.id
    }
}

impl Operation {
    /// Octets of its unit and object.
    #[must_use]
    pub fn label_octets(&self) -> usize {
        self.unit.octets.get().len().saturating_add(self.object.octets.get().len())
    }

    /// Something happens at that time; what lies further apart than `quiet_seconds` is two episodes.
    #[inline]
    fn happen(&mut self, time: i64, quiet_seconds: usize) {
        if !self.minute.holds(time) {
            self.begin_minute(time, quiet_seconds);
        }
        self.span.add(time);
    }

    #[cold]
    fn begin_minute(&mut self, time: i64, quiet_seconds: usize) {
        let so_far = self.so_far();
        self.activity.go_on(time, &so_far, quiet_seconds);
        self.minute = Minute::of(time);
    }

    const fn so_far(&self) -> SoFar {
        SoFar { requests: self.requests, errors: self.errors, first: self.span.first, last: self.span.last }
    }

    /// Stretches of time between long silences.
    #[must_use]
    pub fn episodes(&self) -> Vec<Episode> {
        self.activity.episodes(&self.so_far())
    }

    /// The most requests and the most rejections in one minute.
    #[must_use]
    pub fn most_in_a_minute(&self) -> (u64, u64) {
        self.activity.most(&self.so_far())
    }

    /// What was taken for requests were responses.
    pub fn turn(&mut self) {
        let before = self.so_far();
        core::mem::swap(&mut self.requests, &mut self.responses);
        self.activity = self.activity.turned(&before, &self.so_far());
    }

    /// One more request.
    #[inline]
    pub fn ask(&mut self, time: i64, quiet_seconds: usize) {
        self.happen(time, quiet_seconds);
        self.requests = self.requests.saturating_add(1);
    }

    /// One more response.
    #[inline]
    pub fn respond(&mut self, status: Option<u32>, time: i64, quiet_seconds: usize) {
        self.happen(time, quiet_seconds);
        self.responses = self.responses.saturating_add(1);
        let Some(status) = status else { return };
        self.errors = self.errors.saturating_add(1);
        self.add_status(status, 1);
    }

    /// A response took that long after its request, nanoseconds.
    #[inline]
    pub fn took(&mut self, time: u64, response_times: &mut Histograms) {
        self.response_time.add(time);
        response_times.add(self.histogram, time);
    }

    fn add_status(&mut self, status: u32, times: u64) {
        if let Some((_, count)) = self.statuses.iter_mut().find(|(code, _)| *code == status) {
            *count = count.saturating_add(times);
        } else if self.statuses.len() < MOST_STATUSES {
            self.statuses.push((status, times));
        }
    }

    /// Count what another row of the same key counted.
    pub fn join(&mut self, other: &Self, quiet_seconds: usize) {
        let is_same = self.minute.cmp(&other.minute);
        self.activity = self.activity.joined(&self.so_far(), &other.activity, &other.so_far(), is_same, quiet_seconds);
        self.minute = self.minute.max(other.minute);
        self.requests = self.requests.saturating_add(other.requests);
        self.responses = self.responses.saturating_add(other.responses);
        self.errors = self.errors.saturating_add(other.errors);
        self.unanswered = self.unanswered.saturating_add(other.unanswered);
        for (code, count) in &other.statuses {
            self.add_status(*code, *count);
        }
        self.response_time.join(other.response_time);
        self.span.join(other.span);
    }
}

/// A piece of identity.
#[derive(Clone, Debug)]
pub struct Fact {
    /// A number of its own.
    pub id: u64,
    /// Who says it of itself.
    pub endpoint: EndpointKey,
    /// Which unit behind that address, empty for itself.
    pub unit: String,
    /// What is said, one of [`crate::facts`].
    pub key: &'static str,
    /// The value, cleaned.
    pub value: String,
    /// The protocol it was said in.
    pub source: &'static str,
    /// When.
    pub span: Span,
    /// How often.
    pub count: u64,
}

impl Row for Fact {
    fn last(&self) -> i64 {
        self.span.last
    }

    fn id(&self) -> u64 {
        self.id
    }
}

impl Fact {
    /// Count what another row of the same key counted.
    pub fn join(&mut self, other: &Self) {
        self.span.join(other.span);
        self.count = self.count.saturating_add(other.count);
    }

    /// Octets of its texts.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.unit.len().saturating_add(self.value.len())
    }
}

/// A breach of a protocol.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// A number of its own.
    pub id: u64,
    /// Where.
    pub conversation: Place,
    /// In which protocol.
    pub protocol: &'static str,
    /// What kind.
    pub kind: &'static str,
    /// What was wrong.
    pub detail: String,
    /// When.
    pub span: Span,
    /// How often.
    pub count: u64,
}

impl Row for Anomaly {
    fn last(&self) -> i64 {
        self.span.last
    }

    fn id(&self) -> u64 {
        self.id
    }
}

impl Anomaly {
    /// Count what another row of the same key counted.
    pub fn join(&mut self, other: &Self) {
        self.span.join(other.span);
        self.count = self.count.saturating_add(other.count);
    }
}
