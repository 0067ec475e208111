//! Frames in, observations out.

use std::collections::BTreeMap;

use crate::decode::{self, Address, Decoded, Ip, Link, Tcp};
use crate::delivery::Delivery;
use crate::flow::{Flow, FlowKey, Handshake, Side};
use crate::fragments::Fragments;
use crate::observations::{Span, Transport};
use crate::source::{Frame, LinkType};
use crate::stream::Verdict;
use crate::table::{Place, Table};
use crate::tables::{Limits, Tables};

/// Kinds of malformed headers that are told apart, a guard only: the decoder knows fewer.
const MOST_KINDS: usize = 64;
/// A frame that comes again within this time is the mirror's doing, nanoseconds.
const DUPLICATE_WITHIN: i64 = 500_000_000;
/// The same for datagrams, where a device may well say the same twice.
const DATAGRAM_DUPLICATE_WITHIN: i64 = 2_000_000;

/// Totals since the engine was made.
#[derive(Clone, Debug)]
pub struct Counters {
    /// Frames.
    pub packets: u64,
    /// Octets of those frames on the wire.
    pub octets: u64,
    /// Times of the frames.
    pub span: Span,
    /// Frames that the snap length cut.
    pub truncated_frames: u64,
    /// Frames delivered twice.
    pub duplicates: u64,
    /// Gaps in TCP streams that the capture does not hold.
    pub lost_segments: u64,
    /// Octets in those gaps.
    pub lost_octets: u64,
    /// TCP segments seen before.
    pub retransmissions: u64,
    /// TCP segments ahead of one that precedes them.
    pub out_of_order: u64,
    /// Fragments of IP datagrams.
    pub ip_fragments: u64,
    /// IP datagrams put together from those.
    pub ip_reassembled: u64,
    /// Frames whose headers lie or end early, by what was wrong.
    pub malformed: BTreeMap<&'static str, u64>,
    /// Frames of link types that are not decoded.
    pub skipped: BTreeMap<u16, u64>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            packets: 0,
            octets: 0,
            span: Span::NEVER,
            truncated_frames: 0,
            duplicates: 0,
            lost_segments: 0,
            lost_octets: 0,
            retransmissions: 0,
            out_of_order: 0,
            ip_fragments: 0,
            ip_reassembled: 0,
            malformed: BTreeMap::new(),
            skipped: BTreeMap::new(),
        }
    }
}

const fn increase(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// What is known of the frame at hand beside its octets.
#[derive(Clone, Copy)]
struct Arrival {
    time: i64,
    wire_length: u32,
}

/// The fast path.
pub struct Engine {
    flows: Table<Flow>,
    fragments: Fragments,
    /// All rows.
    pub tables: Tables,
    /// Totals.
    pub counters: Counters,
    /// Octets kept for messages that are not whole yet, all flows together.
    buffered: usize,
}

impl Engine {
    /// An engine that keeps no more than the limits say.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            flows: Table::new(limits.flows),
            fragments: Fragments::default(),
            tables: Tables::new(limits),
            counters: Counters::default(),
            buffered: 0,
        }
    }

    /// Flows and datagrams given up for want of room so far.
    #[must_use]
    pub const fn evicted(&self) -> (u64, u64) {
        (self.flows.evicted(), self.fragments.evicted())
    }

    /// Flows under way, and the octets that they keep for messages that are not whole yet.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let buffered = self.flows.rows().fold(0, |sum: usize, flow| sum.saturating_add(flow.buffered()));
        (self.flows.len(), buffered)
    }

    /// Take one frame in.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let counters = &mut self.counters;
        increase(&mut counters.packets);
        counters.octets = counters.octets.saturating_add(u64::from(frame.wire_length));
        counters.span.add(frame.time);
        if (frame.octets.len() as u64) < u64::from(frame.wire_length) {
            increase(&mut counters.truncated_frames);
        }
        let arrival = Arrival { time: frame.time, wire_length: frame.wire_length };
        match decode::decode(frame.link, frame.octets) {
            Decoded::Ip(link, ip) => match ip.fragment {
                None => self.ip(&link, &ip, arrival),
                Some(fragment) => self.fragment(&link, &ip, fragment, arrival),
            },
            Decoded::Other(link, ether_type, payload) => {
                let cut = (frame.octets.len() as u64) < u64::from(frame.wire_length);
                self.other(&link, ether_type, payload, cut, arrival);
            }
            Decoded::Unsupported => self.skip(frame.link),
            Decoded::Malformed(what) => self.malformed(what),
        }
    }

    #[cold]
    fn skip(&mut self, link: LinkType) {
        increase(self.counters.skipped.entry(link.0).or_default());
    }

    #[cold]
    fn malformed(&mut self, what: &'static str) {
        if self.counters.malformed.len() < MOST_KINDS {
            increase(self.counters.malformed.entry(what).or_default());
        }
    }

    #[cold]
    fn fragment(&mut self, link: &Link, ip: &Ip<'_>, fragment: decode::Fragment, arrival: Arrival) {
        increase(&mut self.counters.ip_fragments);
        let Some(whole) = self.fragments.add(ip, fragment, link.vlan, arrival.time) else { return };
        increase(&mut self.counters.ip_reassembled);
        self.ip(link, &Ip { fragment: None, payload: &whole, length: whole.len(), ..*ip }, arrival);
    }

    fn other(&mut self, link: &Link, ether_type: u16, payload: &[u8], cut: bool, arrival: Arrival) {
        let (source, destination) = (Address(u128::from(link.source.0)), Address(u128::from(link.destination.0)));
        let (key, side) = FlowKey::new((source, ether_type), (destination, ether_type), Transport::Ethernet, link.vlan);
        let Some(flow) = self.flow(key, side, arrival.time).and_then(|place| self.flows.touch(place)) else { return };
        Self::count(&mut self.tables, flow, side, link, arrival);
        Delivery { tables: &mut self.tables, flow, side, time: arrival.time }.datagram(payload, cut);
        Self::balance(&mut self.buffered, &mut self.tables, flow);
    }

    #[inline]
    fn ip(&mut self, link: &Link, ip: &Ip<'_>, arrival: Arrival) {
        match ip.protocol {
            decode::TCP => match decode::tcp(ip.payload, ip.length) {
                Some(segment) => self.tcp(link, ip, &segment, arrival),
                None => self.malformed("TCP header cut off or with a wrong length"),
            },
            decode::UDP => match decode::udp(ip.payload, ip.length) {
                Some(datagram) => self.udp(link, ip, &datagram, arrival),
                None => self.malformed("UDP header cut off or with a wrong length"),
            },
            protocol => self.plain(link, ip, protocol, arrival),
        }
    }

    fn plain(&mut self, link: &Link, ip: &Ip<'_>, protocol: u8, arrival: Arrival) {
        let transport = if matches!(protocol, decode::ICMP | decode::ICMP_V6) { Transport::Icmp } else { Transport::Ip };
        let port = u16::from(protocol);
        let (key, side) = FlowKey::new((ip.source, port), (ip.destination, port), transport, link.vlan);
        self.plain_frame(key, side, link, arrival);
    }

    /// What carries no recognisable payload is only counted.
    fn plain_frame(&mut self, key: FlowKey, side: Side, link: &Link, arrival: Arrival) {
        let place = self.flow(key, side, arrival.time);
        let Some(flow) = place.and_then(|place| self.flows.touch(place)) else { return };
        flow.recognition = crate::flow::Recognition::Unknown;
        Self::count(&mut self.tables, flow, side, link, arrival);
    }

    /// The flow of that key, found or begun.
    #[inline]
    fn flow(&mut self, key: FlowKey, sender: Side, time: i64) -> Option<Place> {
        let hash = self.tables.hashes.of(key);
        match self.flows.find(hash, |flow| flow.key == key) {
            Some(place) => Some(place),
            None => self.new_flow(key, hash, sender, time),
        }
    }

    #[cold]
    fn new_flow(&mut self, key: FlowKey, hash: u64, sender: Side, time: i64) -> Option<Place> {
        if self.flows.is_full() {
            let stalest = self.flows.stalest()?;
            self.close(stalest);
            self.flows.evict(stalest);
        }
        self.flows.insert(hash, Flow::new(key, sender, time))
    }

    /// Count a frame of a flow.
    #[inline]
    fn count(tables: &mut Tables, flow: &mut Flow, side: Side, link: &Link, arrival: Arrival) {
        flow.last = arrival.time;
        let half = flow.halves.of_mut(side);
        if half.mac != link.source {
            let moved = half.traffic.packets > 0 && flow.conversation.is_some();
            if moved {
                tables.fold(flow);
            }
            flow.halves.of_mut(side).mac = link.source;
        }
        let half = flow.halves.of_mut(side);
        half.to_group = link.destination.is_group();
        half.traffic.packets = half.traffic.packets.saturating_add(1);
        half.traffic.octets = half.traffic.octets.saturating_add(u64::from(arrival.wire_length));
        half.span.add(arrival.time);
    }

    #[inline]
    fn udp(&mut self, link: &Link, ip: &Ip<'_>, datagram: &decode::Udp<'_>, arrival: Arrival) {
        let ends = ((ip.source, datagram.source), (ip.destination, datagram.destination));
        let (key, side) = FlowKey::new(ends.0, ends.1, Transport::Udp, link.vlan);
        let Some(place) = self.flow(key, side, arrival.time) else { return };
        let Some(flow) = self.flows.touch(place) else { return };
        if ip.identification != 0 {
            let front = datagram.payload.get(..64).unwrap_or(datagram.payload);
            let signature = self.tables.hashes.of((ip.identification, datagram.length, front)) | 1;
            if flow.is_duplicate(side, signature, DATAGRAM_DUPLICATE_WITHIN, arrival.time) {
                increase(&mut self.counters.duplicates);
                return;
            }
        }
        Self::count(&mut self.tables, flow, side, link, arrival);
        let cut = datagram.payload.len() < datagram.length;
        Delivery { tables: &mut self.tables, flow, side, time: arrival.time }.datagram(datagram.payload, cut);
        Self::balance(&mut self.buffered, &mut self.tables, flow);
    }

    #[inline]
    fn tcp(&mut self, link: &Link, ip: &Ip<'_>, segment: &Tcp<'_>, arrival: Arrival) {
        let ends = ((ip.source, segment.source), (ip.destination, segment.destination));
        let (key, side) = FlowKey::new(ends.0, ends.1, Transport::Tcp, link.vlan);
        let Some(place) = self.flow(key, side, arrival.time) else { return };
        let Some(flow) = self.flows.touch(place) else { return };
        if ip.identification != 0 {
            let signature = signature(ip.identification, segment);
            if flow.is_duplicate(side, signature, DUPLICATE_WITHIN, arrival.time) {
                increase(&mut self.counters.duplicates);
                return;
            }
        }
        Self::count(&mut self.tables, flow, side, link, arrival);
        let mut delivery = Delivery { tables: &mut self.tables, flow, side, time: arrival.time };
        if segment.has(Tcp::SYN) && segment.flags & (Tcp::FIN | Tcp::RST) == 0 {
            handshake(&mut delivery, segment);
        } else {
            if segment.has(Tcp::ACK) {
                acknowledge(&mut delivery, segment, &mut self.counters);
            }
            if segment.length > 0 {
                payload(&mut delivery, segment, &mut self.counters);
            }
        }
        if segment.flags & (Tcp::FIN | Tcp::RST) != 0 {
            end(&mut delivery, segment, &mut self.counters);
        }
        Self::balance(&mut self.buffered, &mut self.tables, flow);
    }

    /// Keep the account of what flows buffer; a flow that would go over the budget loses its buffers.
    #[inline]
    fn balance(buffered: &mut usize, tables: &mut Tables, flow: &mut Flow) {
        let now = flow.buffered();
        let before = core::mem::replace(&mut flow.accounted, now);
        if now == before {
            return;
        }
        *buffered = buffered.saturating_sub(before).saturating_add(now);
        if *buffered > tables.limits.reassembly_octets && now > 0 {
            flow.drop_buffers();
            tables.dropped_buffers = tables.dropped_buffers.saturating_add(1);
            *buffered = buffered.saturating_sub(core::mem::take(&mut flow.accounted));
        }
    }

    /// Decide what is still open in a flow and add up what it has counted.
    fn close(&mut self, place: Place) {
        let Some(flow) = self.flows.get_mut(place) else { return };
        let before = core::mem::take(&mut flow.accounted);
        let (side, time) = (Side::Low, flow.last);
        let mut delivery = Delivery { tables: &mut self.tables, flow, side, time };
        for side in [Side::Low, Side::High] {
            delivery.side = side;
            flush(&mut delivery, &mut self.counters);
        }
        delivery.close();
        delivery.tables.fold(delivery.flow);
        delivery.tables.leave(delivery.flow);
        self.buffered = self.buffered.saturating_sub(before);
    }

    /// Add up what has been counted since the last time. Flows of which it is not plain yet what they speak
    /// are left out.
    pub fn fold(&mut self) {
        for place in self.flows.take_changed() {
            let Some(flow) = self.flows.get_mut(place) else { continue };
            if matches!(flow.recognition, crate::flow::Recognition::Undecided(_)) && !flow.closed {
                continue;
            }
            self.tables.fold(flow);
        }
    }

    /// No more frames: decide what is still open.
    pub fn finish(&mut self) {
        for place in self.flows.places() {
            self.close(place);
            self.flows.remove(place);
        }
    }
}

/// A number that two different segments of one direction hardly share.
fn signature(identification: u32, segment: &Tcp<'_>) -> u64 {
    let numbers = u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgement);
    let rest = u64::from(identification) << 24 | (segment.length as u64) << 8 | u64::from(segment.flags);
    numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ rest.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) | 1
}

/// A SYN or its answer: begins a connection, and says who is the client.
#[cold]
fn handshake(delivery: &mut Delivery<'_>, segment: &Tcp<'_>) {
    let answers = segment.has(Tcp::ACK);
    let side = delivery.side;
    if !answers && delivery.flow.halves.of(side).stream.is_another(segment.sequence) {
        delivery.reconnect();
    }
    let flow = &mut *delivery.flow;
    let before = flow.roles.client();
    flow.roles.syn(if answers { side.other() } else { side });
    flow.handshake = match (answers, flow.handshake) {
        (false, _) => Handshake::Asked(delivery.time),
        (true, Handshake::Asked(time)) => Handshake::Answered(time),
        (true, handshake) => handshake,
    };
    flow.halves.of_mut(side).stream.begin(segment.sequence);
    if flow.roles.client() != before {
        delivery.tables.turn(delivery.flow);
    }
}

#[inline]
fn acknowledge(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, counters: &mut Counters) {
    if let Handshake::Answered(asked) = delivery.flow.handshake
        && delivery.flow.roles.client() == delivery.side
    {
        let time = delivery.time.saturating_sub(asked).max(0);
        delivery.flow.round_trip = Some(delivery.flow.round_trip.map_or(time, |known| known.min(time)));
        delivery.flow.handshake = Handshake::Done;
    }
    let other = delivery.side.other();
    let stream = &mut delivery.flow.halves.of_mut(other).stream;
    stream.acknowledge(segment.acknowledgement);
    if stream.is_waiting() {
        let side = core::mem::replace(&mut delivery.side, other);
        release(delivery, counters);
        delivery.side = side;
    }
}

#[inline]
fn payload(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, counters: &mut Counters) {
    let side = delivery.side;
    delivery.flow.has_data = true;
    let half = delivery.flow.halves.of_mut(side);
    match half.stream.offer(segment.sequence, segment.length) {
        Verdict::Deliver(from) => {
            let fresh = segment.payload.get(from..).unwrap_or_default();
            delivery.segment(fresh, segment.payload.len() < segment.length);
            if delivery.flow.halves.of(side).stream.is_waiting() {
                release(delivery, counters);
            }
        }
        Verdict::Seen => {
            // A keep-alive repeats the last octet, or none.
            if segment.length > 1 {
                increase(&mut half.traffic.retransmissions);
                increase(&mut counters.retransmissions);
            }
        }
        Verdict::Late => {
            increase(&mut half.traffic.out_of_order);
            increase(&mut counters.out_of_order);
            delivery.island(segment.payload, segment.payload.len() < segment.length);
        }
        Verdict::Early => early(delivery, segment, counters),
        Verdict::Elsewhere => {
            flush(delivery, counters);
            let half = delivery.flow.halves.of_mut(side);
            half.stream.restart(segment.sequence);
            half.stream.offer(segment.sequence, segment.length);
            delivery.segment(segment.payload, segment.payload.len() < segment.length);
        }
    }
}

#[cold]
fn early(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, counters: &mut Counters) {
    let side = delivery.side;
    let time = delivery.time;
    // Room is made by giving gaps up; each turn lets go of at least one held segment.
    while !delivery.flow.halves.of_mut(side).stream.hold(segment.sequence, segment.payload, segment.length, time) {
        give_up_gap(delivery, counters);
        if !delivery.flow.halves.of(side).stream.is_waiting() {
            break;
        }
    }
    release(delivery, counters);
}

/// Pass on what is due, and give up gaps that will not be filled.
#[cold]
fn release(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let (side, time) = (delivery.side, delivery.time);
    drain(delivery, counters);
    while delivery.flow.halves.of(side).stream.is_overdue(time) {
        give_up_gap(delivery, counters);
    }
}

fn drain(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let (side, time) = (delivery.side, delivery.time);
    while let Some(held) = delivery.flow.halves.of_mut(side).stream.take_due() {
        let half = delivery.flow.halves.of_mut(side);
        let Verdict::Deliver(from) = half.stream.offer(held.sequence, held.length) else {
            increase(&mut half.traffic.retransmissions);
            increase(&mut counters.retransmissions);
            continue;
        };
        increase(&mut half.traffic.out_of_order);
        increase(&mut counters.out_of_order);
        delivery.time = held.time;
        delivery.segment(held.octets.get(from..).unwrap_or_default(), held.octets.len() < held.length);
    }
    delivery.time = time;
}

fn give_up_gap(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let side = delivery.side;
    let half = delivery.flow.halves.of_mut(side);
    let missing = u64::from(half.stream.skip_gap());
    if missing > 0 {
        increase(&mut half.traffic.lost_segments);
        half.traffic.lost_octets = half.traffic.lost_octets.saturating_add(missing);
        increase(&mut counters.lost_segments);
        counters.lost_octets = counters.lost_octets.saturating_add(missing);
        delivery.gap();
    }
    // What follows the gap was in order: it is not counted as out of order.
    let (before, total) = (delivery.flow.halves.of(side).traffic.out_of_order, counters.out_of_order);
    drain(delivery, counters);
    delivery.flow.halves.of_mut(side).traffic.out_of_order = before;
    counters.out_of_order = total;
}

/// Give up all gaps of one direction.
fn flush(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let side = delivery.side;
    while delivery.flow.halves.of(side).stream.is_waiting() {
        give_up_gap(delivery, counters);
    }
}

/// A FIN or RST: what the connection still holds is decided.
#[cold]
fn end(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, counters: &mut Counters) {
    if segment.has(Tcp::RST) {
        let side = delivery.side;
        for one in [side, side.other()] {
            delivery.side = one;
            flush(delivery, counters);
        }
        delivery.side = side;
        delivery.disconnect();
        return;
    }
    let side = delivery.side;
    delivery.flow.halves.of_mut(side).stream.finished = true;
    if delivery.flow.halves.of(side.other()).stream.finished {
        delivery.disconnect();
    }
}
