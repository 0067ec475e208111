//! Frames in, observations out.

use std::collections::{BTreeMap, HashMap};

use crate::decode::{self, Address, Decoded, Ip, Link, Tcp};
use crate::delivery::Delivery;
use crate::flow::{Flow, FlowKey, Handshake, Side};
use crate::fragments::Fragments;
use crate::mirror::{Rate, Row, Signature, Window, Within};
use crate::observations::{Span, Transport};
use crate::source::{Frame, LinkType};
use crate::stream::Verdict;
use crate::table::{Place, Table};
use crate::tables::{Limits, Tables};
use crate::transactions::{Taken, Transactions};
use crate::tunnel::{self, Carried};

/// Kinds of malformed headers that are told apart, a guard only: the decoder knows fewer.
const MOST_KINDS: usize = 64;
/// Tunnels within tunnels that are opened; what is deeper is a conversation like any other.
const DEEPEST_TUNNEL: u8 = 4;

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
    /// The busiest second.
    pub rate: Rate,
    /// Frames delivered twice.
    pub duplicates: u64,
    /// Packets that came through a tunnel, by its kind.
    pub tunnels: BTreeMap<&'static str, u64>,
    /// TCP segments, those that came twice not counted.
    pub tcp_segments: u64,
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
            rate: Rate::default(),
            duplicates: 0,
            tunnels: BTreeMap::new(),
            tcp_segments: 0,
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

impl Counters {
    /// With what another engine has counted; `busiest` is the most in a second that both have counted, added up.
    pub fn join(&mut self, other: &Self, busiest: (u64, u64)) {
        self.span.join(other.span);
        self.rate.join(&other.rate, busiest);
        for (mine, theirs) in [
            (&mut self.packets, other.packets),
            (&mut self.octets, other.octets),
            (&mut self.truncated_frames, other.truncated_frames),
            (&mut self.duplicates, other.duplicates),
            (&mut self.tcp_segments, other.tcp_segments),
            (&mut self.lost_segments, other.lost_segments),
            (&mut self.lost_octets, other.lost_octets),
            (&mut self.retransmissions, other.retransmissions),
            (&mut self.out_of_order, other.out_of_order),
            (&mut self.ip_fragments, other.ip_fragments),
            (&mut self.ip_reassembled, other.ip_reassembled),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in [(&mut self.tunnels, &other.tunnels), (&mut self.malformed, &other.malformed)] {
            for (name, count) in theirs {
                let mine = mine.entry(name).or_default();
                *mine = mine.saturating_add(*count);
            }
        }
        for (link, count) in &other.skipped {
            let mine = self.skipped.entry(*link).or_default();
            *mine = mine.saturating_add(*count);
        }
    }
}

const fn increase(counter: &mut u64) {
    *counter = counter.wrapping_add(1); // 2^64 packets take longer than the sensor will last
}

/// What is known of the frame at hand beside its octets.
#[derive(Clone, Copy)]
struct Arrival {
    time: i64,
    wire_length: u32,
    /// TTL or hop limit, 0 where there is no IP.
    time_to_live: u8,
    /// Tunnels that were opened to get at it.
    depth: u8,
}

/// The fast path.
pub struct Engine {
    flows: Table<Flow>,
    /// Flows that were seen under another VLAN as well: the same packets, from the other side of a router.
    aliases: HashMap<FlowKey, Place>,
    window: Window,
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
            aliases: HashMap::new(),
            window: Window::default(),
            fragments: Fragments::new(limits.fragment_octets),
            tables: Tables::new(limits),
            counters: Counters::default(),
            buffered: 0,
        }
    }

    /// From now on, keep every operation as a row of its own until [`Engine::take_transactions`] is called.
    pub fn record_transactions(&mut self) {
        self.tables.transactions = Some(Box::default());
    }

    /// Operations that are over since the last call.
    pub fn take_transactions(&mut self) -> Option<Taken> {
        self.tables.transactions.as_deref_mut().map(Transactions::take)
    }

    /// Number of the capture or interface that the next frames come from.
    pub const fn begin_source(&mut self, number: u32) {
        if let Some(transactions) = &mut self.tables.transactions {
            transactions.source = number;
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
        counters.octets = counters.octets.wrapping_add(u64::from(frame.wire_length));
        counters.span.add(frame.time);
        counters.rate.add(frame.time, frame.wire_length);
        if (frame.octets.len() as u64) < u64::from(frame.wire_length) {
            increase(&mut counters.truncated_frames);
        }
        let arrival = Arrival { time: frame.time, wire_length: frame.wire_length, time_to_live: 0, depth: 0 };
        if frame.link == LinkType::ETHERNET
            && let Some(usual) = decode::usual(frame.octets)
        {
            let (key, side) = FlowKey::v4(usual.source, usual.destination, usual.link.vlan);
            let arrival = Arrival { time_to_live: usual.time_to_live, ..arrival };
            return self.segment(key, side, &usual.link, u32::from(usual.identification), &usual.segment, arrival);
        }
        self.unusual(frame, arrival);
    }

    /// Everything but the usual segment of TCP.
    #[inline(never)]
    fn unusual(&mut self, frame: &Frame<'_>, arrival: Arrival) {
        match decode::decode(frame.link, frame.octets) {
            Decoded::Unsupported => self.skip(frame.link),
            decoded => self.decoded(&decoded, arrival),
        }
    }

    fn decoded(&mut self, decoded: &Decoded<'_>, arrival: Arrival) {
        match decoded {
            Decoded::Ip(link, ip) => match ip.fragment {
                None => self.ip(link, ip, arrival),
                Some(fragment) => self.fragment(link, ip, fragment, arrival),
            },
            Decoded::Other(link, ether_type, payload) => self.other(link, *ether_type, payload, arrival),
            Decoded::Unsupported => {}
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
        let place = (fragment.offset, fragment.more, ip.length);
        let number = self.tables.hashes.even((ip.source.0, ip.destination.0, ip.protocol, ip.identification, place));
        if self.window.again(Signature { row: Row::of_content(ip.payload), number, within: Within::IDENTIFIED }, arrival.time).is_some() {
            return increase(&mut self.counters.duplicates);
        }
        let Some(whole) = self.fragments.add(ip, fragment, link.vlan, arrival.time) else { return };
        increase(&mut self.counters.ip_reassembled);
        self.ip(link, &Ip { fragment: None, payload: &whole, length: whole.len(), ..*ip }, arrival);
    }

    /// A frame without IP.
    fn other(&mut self, link: &Link, ether_type: u16, payload: &[u8], arrival: Arrival) {
        let (source, destination) = (Address(u128::from(link.source.0)), Address(u128::from(link.destination.0)));
        let (key, side) = FlowKey::new((source, ether_type), (destination, ether_type), Transport::Ethernet, link.vlan);
        let number = self.tables.hashes.even((source.0, destination.0, ether_type, payload));
        let Some(place) = self.counted(
            key,
            key.hash_with(&self.tables.hashes),
            side,
            link,
            Signature { row: Row::of_content(payload), number, within: Within::FRAME },
            arrival,
        ) else {
            return;
        };
        let Some(flow) = self.flows.touch_at(place) else { return };
        flow.minutes.add(arrival.time);
        // What the snap length cut off is not known to be missing here: the header before it may be of any length.
        Delivery { tables: &mut self.tables, flow, side, time: arrival.time }.datagram(payload, false);
        Self::balance(&mut self.buffered, &mut self.tables, flow);
    }

    fn ip(&mut self, link: &Link, ip: &Ip<'_>, arrival: Arrival) {
        let arrival = Arrival { time_to_live: ip.time_to_live, ..arrival };
        match ip.protocol {
            decode::TCP => match decode::tcp(ip.payload, ip.length) {
                Some(segment) => self.tcp(link, ip, &segment, arrival),
                None => self.malformed("TCP header cut off or with a wrong length"),
            },
            decode::UDP => match decode::udp(ip.payload, ip.length) {
                Some(datagram) => match tunnel::udp(&datagram).filter(|_| arrival.depth < DEEPEST_TUNNEL) {
                    Some(carried) => self.carried(&carried, arrival),
                    None => self.udp(link, ip, &datagram, arrival),
                },
                None => self.malformed("UDP header cut off or with a wrong length"),
            },
            tunnel::GRE => match tunnel::gre(ip).filter(|_| arrival.depth < DEEPEST_TUNNEL) {
                Some(carried) => self.carried(&carried, arrival),
                None => self.plain(link, ip, tunnel::GRE, arrival),
            },
            protocol => self.plain(link, ip, protocol, arrival),
        }
    }

    /// What came through a tunnel counts as if it had come without.
    #[cold]
    fn carried(&mut self, carried: &Carried<'_>, arrival: Arrival) {
        increase(self.counters.tunnels.entry(carried.tunnel).or_default());
        let wire_length = u32::try_from(carried.octets.len()).unwrap_or(u32::MAX).min(arrival.wire_length);
        let depth = arrival.depth.saturating_add(1);
        self.decoded(&decode::carried(carried), Arrival { wire_length, time_to_live: 0, depth, ..arrival });
    }

    /// What has no ports is only counted.
    fn plain(&mut self, link: &Link, ip: &Ip<'_>, protocol: u8, arrival: Arrival) {
        let transport = if matches!(protocol, decode::ICMP | decode::ICMP_V6) { Transport::Icmp } else { Transport::Ip };
        let port = u16::from(protocol);
        let (key, side) = FlowKey::new((ip.source, port), (ip.destination, port), transport, link.vlan);
        let number = self.tables.hashes.even((ip.source.0, ip.destination.0, protocol, ip.identification, ip.length, ip.payload));
        let place = self.counted(
            key,
            key.hash_with(&self.tables.hashes),
            side,
            link,
            Signature { row: Row::of_content(ip.payload), number, within: Within::ALIKE },
            arrival,
        );
        if let Some(flow) = place.and_then(|place| self.flows.touch_at(place)) {
            flow.recognition = crate::flow::Recognition::Unknown;
            flow.minutes.add(arrival.time);
        }
    }

    fn udp(&mut self, link: &Link, ip: &Ip<'_>, datagram: &decode::Udp<'_>, arrival: Arrival) {
        let ends = ((ip.source, datagram.source), (ip.destination, datagram.destination));
        let (key, side) = FlowKey::new(ends.0, ends.1, Transport::Udp, link.vlan);
        let what = (ip.identification, datagram.checksum, datagram.length, datagram.payload);
        let hash = key.hash_with(&self.tables.hashes);
        let number = self.tables.hashes.even((hash, side == Side::Low, what));
        let Some(place) = self.counted(
            key,
            hash,
            side,
            link,
            Signature { row: Row::of_content(datagram.payload), number, within: Within::ALIKE },
            arrival,
        ) else {
            return;
        };
        let Some(flow) = self.flows.touch_at(place) else { return };
        let cut = datagram.payload.len() < datagram.length;
        Delivery { tables: &mut self.tables, flow, side, time: arrival.time }.datagram(datagram.payload, cut);
        Self::balance(&mut self.buffered, &mut self.tables, flow);
    }

    /// The flow that a frame belongs to, the frame counted; none where it is a copy of one that was counted before.
    #[inline]
    fn counted(&mut self, key: FlowKey, hash: u64, side: Side, link: &Link, signature: Signature, arrival: Arrival) -> Option<u32> {
        if let Some(flow) = self.window.again(signature, arrival.time) {
            self.duplicate(key, hash, side, flow);
            return None;
        }
        let index = match self.flows.index_of(hash, |flow| flow.key == key) {
            Some(index) => index,
            None => self.new_flow(key, hash, side, arrival.time)?.index(),
        };
        self.window.counts_in(signature.row, index);
        let flow = self.flows.touch_at(index)?;
        flow.last = arrival.time;
        if flow.halves.of(side).link != *link {
            Self::moved(&mut self.tables, flow, side, link, arrival.time_to_live);
        }
        let half = flow.halves.of_mut(side);
        half.traffic.packets = half.traffic.packets.wrapping_add(1);
        half.traffic.octets = half.traffic.octets.wrapping_add(u64::from(arrival.wire_length));
        half.span.add(arrival.time);
        Some(index)
    }

    /// A packet once more: it is counted where it was counted before, and if it came with another VLAN, from the other
    /// side of a router, then the exchange under that VLAN is this one.
    #[cold]
    fn duplicate(&mut self, key: FlowKey, hash: u64, side: Side, counted_in: u32) {
        increase(&mut self.counters.duplicates);
        let Some(place) = self.flows.place_of(counted_in) else { return };
        let Some(flow) = self.flows.touch(place).filter(|flow| flow.key.is_alike(&key)) else { return };
        let half = flow.halves.of_mut(side);
        half.traffic.duplicates = half.traffic.duplicates.saturating_add(1);
        if flow.key == key {
            return;
        }
        let (key_of_flow, began) = (flow.key, flow.began);
        match self.flows.find(hash, |flow| flow.key == key) {
            None => self.alias(key, place),
            // Both were taken for exchanges of their own: the older one stands.
            Some(other) if self.flows.get(other).is_some_and(|row| row.began <= began) => {
                self.close(place);
                self.flows.remove(place);
                self.alias(key_of_flow, other);
            }
            Some(other) => {
                self.close(other);
                self.flows.remove(other);
                self.alias(key, place);
            }
        }
    }

    fn alias(&mut self, key: FlowKey, place: Place) {
        if self.aliases.len() >= self.tables.limits.flows {
            self.aliases.clear();
        }
        self.aliases.insert(key, place);
    }

    #[cold]
    fn new_flow(&mut self, key: FlowKey, hash: u64, sender: Side, time: i64) -> Option<Place> {
        if let Some(place) = self.aliases.get(&key).copied() {
            if self.flows.get(place).is_some() {
                return Some(place);
            }
            self.aliases.remove(&key);
        }
        if self.flows.is_full() {
            let stalest = self.flows.stalest()?;
            self.close(stalest);
            self.flows.evict(stalest);
        }
        self.flows.insert(hash, Flow::new(key, sender, time))
    }

    /// One side of a flow is seen from or to other MAC addresses, or with another VLAN.
    #[cold]
    fn moved(tables: &mut Tables, flow: &mut Flow, side: Side, link: &Link, time_to_live: u8) {
        if flow.halves.of(side).traffic.packets > 0 && flow.conversation.is_some() {
            tables.fold(flow);
        }
        let half = flow.halves.of_mut(side);
        half.link = *link;
        // What is sent to a group may have been given few hops to live.
        half.hops = crate::stack::hops(time_to_live).filter(|_| !link.destination.is_group());
    }

    #[inline(never)]
    fn tcp(&mut self, link: &Link, ip: &Ip<'_>, segment: &Tcp<'_>, arrival: Arrival) {
        let ends = ((ip.source, segment.source), (ip.destination, segment.destination));
        let (key, side) = FlowKey::new(ends.0, ends.1, Transport::Tcp, link.vlan);
        self.segment(key, side, link, ip.identification, segment, arrival);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured: the usual segment is never written to memory")]
    fn segment(&mut self, key: FlowKey, side: Side, link: &Link, identification: u32, segment: &Tcp<'_>, arrival: Arrival) {
        let hash = key.hash_with(&self.tables.hashes);
        let signature = self.signature(identification, segment, hash, side);
        let Some(index) = self.counted(key, hash, side, link, signature, arrival) else { return };
        increase(&mut self.counters.tcp_segments);
        let Some(flow) = self.flows.touch_at(index) else { return };
        let mut delivery = Delivery { tables: &mut self.tables, flow, side, time: arrival.time };
        if segment.flags & (Tcp::SYN | Tcp::FIN | Tcp::RST) == 0 {
            if segment.has(Tcp::ACK) {
                acknowledge(&mut delivery, segment, &mut self.counters);
            }
            if segment.length > 0 {
                payload(&mut delivery, segment, &mut self.counters);
            }
        } else {
            self::control(&mut delivery, segment, &mut self.counters, arrival.time_to_live);
        }
        if flow.has_buffered || flow.accounted > 0 {
            Self::balance(&mut self.buffered, &mut self.tables, flow);
        }
    }

    /// A number that two different segments do not share. Seeded, so that nobody can make two that do.
    #[inline]
    fn signature(&self, identification: u32, segment: &Tcp<'_>, hash: u64, side: Side) -> Signature {
        let numbers = u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgement);
        let sums = u64::from(identification) << 32 | u64::from(segment.checksum) << 16 | u64::from(segment.window);
        let shape = (segment.length as u64) << 16 | u64::from(segment.flags) << 8 | u64::from(side == Side::Low);
        let within = if identification == 0 { Within::ALIKE } else { Within::IDENTIFIED };
        let hashes = &self.tables.hashes;
        // Checksums that the card was to fill in, or nobody, say nothing of the content.
        let content = match segment.payload.first_chunk::<8>() {
            _ if segment.checksum == 0 => hashes.of(segment.payload),
            Some(front) => u64::from_ne_bytes(*front),
            None => 0,
        };
        let number = hashes.of_words([hashes.of_words([hash ^ shape, numbers, sums]), content, 0]);
        let row = Row::of(numbers ^ u64::from(identification) << 16 ^ u64::from(segment.checksum));
        Signature { row, number, within }
    }

    /// Keep the account of what flows buffer; a flow that would go over the budget loses its buffers.
    #[inline(never)]
    fn balance(buffered: &mut usize, tables: &mut Tables, flow: &mut Flow) {
        flow.has_buffered = false;
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
        self.aliases.clear();
    }
}

/// A segment that begins or ends a connection.
#[inline(never)]
fn control(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, counters: &mut Counters, time_to_live: u8) {
    if segment.flags & (Tcp::SYN | Tcp::FIN | Tcp::RST) == Tcp::SYN {
        return handshake(delivery, segment, time_to_live);
    }
    if segment.has(Tcp::ACK) {
        acknowledge(delivery, segment, counters);
    }
    if segment.length > 0 {
        payload(delivery, segment, counters);
    }
    if segment.flags & (Tcp::FIN | Tcp::RST) != 0 {
        end(delivery, segment, counters);
    }
}

/// A SYN or its answer: begins a connection, and says who is the client.
#[cold]
fn handshake(delivery: &mut Delivery<'_>, segment: &Tcp<'_>, time_to_live: u8) {
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
    delivery.stack(segment, time_to_live);
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
    let is_lost = stream.acknowledge(segment.acknowledgement, delivery.time);
    if is_lost || stream.is_waiting() {
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
    delivery.flow.has_buffered = true;
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
    if !delivery.flow.halves.of(side).stream.is_waiting() && delivery.flow.halves.of(side).stream.is_overtaken(time) {
        give_up_unseen(delivery, counters);
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
    lost(delivery, counters, missing);
    // What follows the gap was in order: it is not counted as out of order.
    let (before, total) = (delivery.flow.halves.of(side).traffic.out_of_order, counters.out_of_order);
    drain(delivery, counters);
    delivery.flow.halves.of_mut(side).traffic.out_of_order = before;
    counters.out_of_order = total;
}

/// Octets are missing: count them, and look for the next message.
fn lost(delivery: &mut Delivery<'_>, counters: &mut Counters, missing: u64) {
    if missing == 0 {
        return;
    }
    let traffic = &mut delivery.flow.halves.of_mut(delivery.side).traffic;
    increase(&mut traffic.lost_segments);
    traffic.lost_octets = traffic.lost_octets.saturating_add(missing);
    increase(&mut counters.lost_segments);
    counters.lost_octets = counters.lost_octets.saturating_add(missing);
    delivery.gap();
}

/// The receiver has had octets that were not seen, and nothing that follows them was seen either.
#[cold]
fn give_up_unseen(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let missing = u64::from(delivery.flow.halves.of_mut(delivery.side).stream.skip_unseen());
    lost(delivery, counters, missing);
}

/// Give up all gaps of one direction.
fn flush(delivery: &mut Delivery<'_>, counters: &mut Counters) {
    let side = delivery.side;
    while delivery.flow.halves.of(side).stream.is_waiting() {
        give_up_gap(delivery, counters);
    }
    give_up_unseen(delivery, counters);
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
        for one in [side, side.other()] {
            delivery.side = one;
            give_up_unseen(delivery, counters);
        }
        delivery.side = side;
        delivery.disconnect();
    }
}
