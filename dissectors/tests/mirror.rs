//! What real mirror ports do to a plant's packets, and that it changes no count: copies, both sides of a router, tunnels,
//! losses.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a panic in a test is a failed test")]

use dissectors::decode::Mac;
use dissectors::engine::Engine;
use dissectors::mirror::Stations;
use dissectors::source::{Frame, LinkType};
use dissectors::tables::Limits;

const CLIENT: ([u8; 4], u16) = ([10, 0, 1, 5], 50_000);
const SERVER: ([u8; 4], u16) = ([10, 0, 2, 9], 502);
const MICROSECOND: i64 = 1_000;

/// One packet of a TCP connection, as the network layer has it.
#[derive(Clone)]
struct Packet(Vec<u8>);

impl Packet {
    fn tcp(ends: [([u8; 4], u16); 2], identification: u16, numbers: (u32, u32), flags: u8, payload: &[u8]) -> Self {
        let mut octets = vec![0x45, 0];
        octets.extend(u16::try_from(40 + payload.len()).unwrap().to_be_bytes());
        octets.extend(identification.to_be_bytes());
        octets.extend([0x40, 0, 64, 6, 0, 0]);
        octets.extend(ends[0].0);
        octets.extend(ends[1].0);
        octets.extend(ends[0].1.to_be_bytes());
        octets.extend(ends[1].1.to_be_bytes());
        octets.extend(numbers.0.to_be_bytes());
        octets.extend(numbers.1.to_be_bytes());
        octets.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        octets.extend(payload);
        Self(octets)
    }

    /// As it lies on one side of a router.
    fn on(&self, macs: (u8, u8), vlan: u16, hops: u8) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, macs.1, 2, 0, 0, 0, 0, macs.0];
        if vlan > 0 {
            frame.extend([0x81, 0]);
            frame.extend(vlan.to_be_bytes());
        }
        frame.extend([8, 0]);
        frame.extend(&self.0);
        let header = frame.len() - self.0.len();
        frame[header + 8] -= hops;
        frame
    }
}

/// A poll: handshake, then that many reads with their answers. True for packets of the client.
fn poll(reads: u16) -> Vec<(bool, Packet)> {
    let (to, back) = ([CLIENT, SERVER], [SERVER, CLIENT]);
    let mut packets = vec![
        (true, Packet::tcp(to, 1, (999, 0), 2, &[])),
        (false, Packet::tcp(back, 0, (4999, 1000), 18, &[])),
        (true, Packet::tcp(to, 2, (1000, 5000), 16, &[])),
    ];
    let (mut sent, mut answered) = (1000, 5000);
    for number in 0..reads {
        let [high, low] = number.to_be_bytes();
        let request = [high, low, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];
        packets.push((true, Packet::tcp(to, 100 + number, (sent, answered), 24, &request)));
        sent += 12;
        let response = [high, low, 0, 0, 0, 5, 1, 3, 2, 0, 7];
        packets.push((false, Packet::tcp(back, 200 + number, (answered, sent), 24, &response)));
        answered += 11;
    }
    packets
}

#[derive(Default)]
struct Capture {
    frames: Vec<(Vec<u8>, i64)>,
    time: i64,
}

impl Capture {
    fn add(&mut self, frame: Vec<u8>, after: i64) {
        self.time += after;
        self.frames.push((frame, self.time));
    }

    fn run(&self) -> Engine {
        let mut engine = Engine::new(Limits::default());
        for (octets, time) in &self.frames {
            let wire_length = u32::try_from(octets.len()).unwrap();
            let time = 1_700_000_000_000_000_000 + time;
            engine.frame(&Frame { octets, wire_length, time, link: LinkType::ETHERNET, interface: 0 });
        }
        engine.finish();
        engine
    }
}

/// Requests and responses, packets of the conversations, conversations, duplicates.
fn summary(engine: &Engine) -> (u64, u64, u64, usize, u64) {
    let operations: Vec<_> = engine.tables.operations.rows().collect();
    let conversations: Vec<_> = engine.tables.conversations.rows().collect();
    let packets = conversations.iter().map(|row| row.traffic.client.packets + row.traffic.server.packets).sum();
    let (requests, responses) = operations.iter().fold((0, 0), |sum, row| (sum.0 + row.requests, sum.1 + row.responses));
    (requests, responses, packets, conversations.len(), engine.counters.duplicates)
}

fn endpoints(engine: &Engine) -> Vec<(u64, u16)> {
    let mut rows: Vec<_> = engine.tables.endpoints.rows().map(|row| (row.key.mac.0 & 0xff, row.key.vlan)).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn what_comes_in_and_goes_out_counts_once() {
    let mut capture = Capture::default();
    for (by_client, packet) in poll(50) {
        let macs = if by_client { (5, 9) } else { (9, 5) };
        capture.add(packet.on(macs, 0, 0), 2_000 * MICROSECOND);
        capture.add(packet.on(macs, 0, 0), 8 * MICROSECOND);
    }
    assert_eq!(summary(&capture.run()), (50, 50, 103, 1, 103));
}

#[test]
fn both_sides_of_a_router_are_one_conversation_and_each_end_keeps_its_own_side() {
    // The client's VLAN is 10, the server's 20; the router's MAC addresses are 1 and 2. The copy of the ingress comes first.
    let mut capture = Capture::default();
    for (by_client, packet) in poll(50) {
        let (first, second) = if by_client {
            (packet.on((5, 1), 10, 0), packet.on((2, 9), 20, 1))
        } else {
            (packet.on((9, 2), 20, 0), packet.on((1, 5), 10, 1))
        };
        capture.add(first, 2_000 * MICROSECOND);
        capture.add(second, 30 * MICROSECOND);
    }
    let engine = capture.run();
    assert_eq!(summary(&engine), (50, 50, 103, 1, 103));
    assert_eq!(endpoints(&engine), vec![(5, 10), (9, 20)]);
    let row = engine.tables.conversations.rows().next().unwrap();
    assert_eq!((row.traffic.client.duplicates, row.traffic.server.duplicates), (52, 51));
    assert_eq!(row.key.vlan, 10);
}

#[test]
fn the_same_addresses_in_two_vlans_are_two_conversations() {
    let mut capture = Capture::default();
    for (by_client, packet) in poll(20) {
        let macs = if by_client { (5, 9) } else { (9, 5) };
        let mut twin = packet.clone();
        twin.0[5] ^= 0x80; // its own identification: another device
        twin.0[4] ^= 0x10;
        capture.add(packet.on(macs, 10, 0), 2_000 * MICROSECOND);
        capture.add(twin.on(macs, 20, 0), 900 * MICROSECOND);
    }
    assert_eq!(summary(&capture.run()), (40, 40, 86, 2, 0));
}

#[test]
fn a_retransmission_is_none_of_the_mirrors_doing() {
    let mut capture = Capture::default();
    for (number, (by_client, packet)) in poll(10).into_iter().enumerate() {
        let macs = if by_client { (5, 9) } else { (9, 5) };
        capture.add(packet.on(macs, 0, 0), 2_000 * MICROSECOND);
        if number == 7 {
            let mut again = packet.clone();
            again.0[5] = 250; // sent again is another datagram
            capture.add(again.on(macs, 0, 0), 1_000 * MICROSECOND);
        }
    }
    let engine = capture.run();
    assert_eq!(summary(&engine), (10, 10, 24, 1, 0));
    assert_eq!(engine.counters.retransmissions, 1);
}

#[test]
fn checksums_that_nobody_filled_in_make_no_copies_of_different_segments() {
    let mut capture = Capture::default();
    for value in 0..20_u8 {
        let request = [0, 1, 0, 0, 0, 6, 1, 6, 0, 1, 0, value];
        let packet = Packet::tcp([CLIENT, SERVER], 0, (1000, 5000), 24, &request);
        capture.add(packet.on((5, 9), 0, 0), 100 * MICROSECOND);
    }
    assert_eq!(capture.run().counters.duplicates, 0);
}

#[test]
fn frames_of_a_cyclic_protocol_are_no_copies() {
    let mut ethercat = vec![0xff; 6];
    ethercat.extend([2, 0, 0, 0, 0, 5, 0x88, 0xa4, 0x0e, 0x10, 7, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 0, 0]);
    ethercat.resize(60, 0);
    let mut capture = Capture::default();
    for _ in 0..10 {
        capture.add(ethercat.clone(), 1_000 * MICROSECOND);
        capture.add(ethercat.clone(), 5 * MICROSECOND);
    }
    assert_eq!(capture.run().counters.duplicates, 10);
}

#[test]
fn octets_that_only_the_receiver_saw_are_lost_in_their_conversation_and_in_total() {
    let mut capture = Capture::default();
    // Every tenth request is lost to the mirror, and so is all that the client sends after the last answer.
    for (number, (by_client, packet)) in poll(40).into_iter().enumerate() {
        let macs = if by_client { (5, 9) } else { (9, 5) };
        if !(by_client && number > 3 && number % 10 == 3) {
            capture.add(packet.on(macs, 0, 0), 20_000 * MICROSECOND);
        }
    }
    let acknowledged = Packet::tcp([SERVER, CLIENT], 999, (5440, 1480 + 24), 16, &[]);
    capture.add(acknowledged.on((9, 5), 0, 0), 20_000 * MICROSECOND);
    let engine = capture.run();
    assert_eq!(summary(&engine).0, 40 - 7);
    assert_eq!((engine.counters.lost_segments, engine.counters.lost_octets), (8, 7 * 12 + 24));
    let row = engine.tables.conversations.rows().next().unwrap();
    assert_eq!((row.traffic.client.lost_segments, row.traffic.client.lost_octets), (8, 7 * 12 + 24));
    assert_eq!(row.traffic.server.lost_segments, 0);
}

#[test]
fn one_direction_alone_is_no_loss() {
    let mut capture = Capture::default();
    for (by_client, packet) in poll(40) {
        if by_client {
            capture.add(packet.on((5, 9), 0, 0), 500_000 * MICROSECOND);
        }
    }
    let engine = capture.run();
    assert_eq!(engine.counters.lost_segments, 0);
    let row = engine.tables.conversations.rows().next().unwrap();
    assert_eq!((row.traffic.client.packets, row.traffic.server.packets), (42, 0));
}

/// A tunnel's headers before the frame: outer Ethernet, IPv4, and what the test gives.
fn outer(protocol: u8, header: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut octets = vec![2, 0, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0, 0xaa, 8, 0, 0x45, 0];
    octets.extend(u16::try_from(20 + header.len() + frame.len()).unwrap().to_be_bytes());
    octets.extend([0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    octets.extend(header);
    octets.extend(frame);
    octets
}

fn udp(port: u16, header: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xc0, 0x00];
    octets.extend(port.to_be_bytes());
    octets.extend(u16::try_from(8 + header.len() + frame.len()).unwrap().to_be_bytes());
    octets.extend([0, 0]);
    octets.extend(header);
    outer(17, &octets, frame)
}

#[test]
fn remote_mirrors_are_opened_and_are_no_assets() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let tunnels: [(&str, u16, Wrap); 10] = [
        ("gre", 0, |frame| outer(47, &[0, 0, 0x65, 0x58], frame)),
        ("gre", 0, |frame| outer(47, &[0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9], frame)),
        ("erspan_1", 0, |frame| outer(47, &[0, 0, 0x88, 0xbe], frame)),
        ("erspan_2", 7, |frame| outer(47, &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 3, 0, 0, 0, 0], frame)),
        ("erspan_3", 7, |frame| outer(47, &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 3, 1, 2, 3, 4, 0, 0, 0, 0], frame)),
        ("erspan_3", 7, |frame| {
            let mut header = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 3, 1, 2, 3, 4, 0, 0, 0, 1];
            header.extend([0; 8]);
            outer(47, &header, frame)
        }),
        ("vxlan", 0, |frame| udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0], frame)),
        ("geneve", 0, |frame| udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 42, 0, 0xff, 0xff, 1, 0], frame)),
        ("hp_erm", 7, |frame| udp(7932, &[1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 7, 0x80], frame)),
        ("tzsp", 0, |frame| udp(37008, &[1, 0, 0, 1, 10, 1, 0xc4, 1], frame)),
    ];
    for (name, vlan, wrap) in tunnels {
        let mut capture = Capture::default();
        for (by_client, packet) in poll(5) {
            let macs = if by_client { (5, 9) } else { (9, 5) };
            capture.add(wrap(&packet.on(macs, 0, 0)), 2_000 * MICROSECOND);
        }
        let engine = capture.run();
        assert_eq!(summary(&engine), (5, 5, 13, 1, 0), "{name}");
        assert_eq!(endpoints(&engine), vec![(5, vlan), (9, vlan)], "{name}");
        assert_eq!(engine.counters.tunnels.iter().collect::<Vec<_>>(), vec![(&name, &13)]);
        assert_eq!(engine.tables.stations, Stations::Two(Mac(0x0200_0000_0005), Mac(0x0200_0000_0009)), "{name}");
        // Cut anywhere: less is said, nothing breaks.
        for length in 0..capture.frames[4].0.len() {
            let mut cut = Capture::default();
            cut.add(capture.frames[4].0[..length].to_vec(), 0);
            cut.run();
        }
    }
}

#[test]
fn a_tag_inside_a_tunnel_outweighs_the_tunnels_own() {
    let mut capture = Capture::default();
    let frame = poll(0)[0].1.on((5, 9), 30, 0);
    capture.add(outer(47, &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 3, 0, 0, 0, 0], &frame), 0);
    assert_eq!(endpoints(&capture.run()), vec![(5, 30)]);
}

#[test]
fn tunnels_in_tunnels_end() {
    let mut frame = poll(0)[0].1.on((5, 9), 0, 0);
    for _ in 0..50 {
        frame = udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0], &frame);
    }
    let mut capture = Capture::default();
    capture.add(frame, 0);
    let engine = capture.run();
    assert_eq!(engine.counters.tunnels.get("vxlan"), Some(&4));
    assert_eq!(engine.tables.conversations.len(), 1);
}

#[test]
fn what_is_no_tunnel_on_a_tunnels_port_is_a_conversation() {
    let mut capture = Capture::default();
    capture.add(udp(4789, &[0, 1, 2, 3], b"hello, this is no frame"), 0);
    let engine = capture.run();
    assert_eq!((engine.counters.tunnels.len(), engine.tables.conversations.len()), (0, 1));
}

#[test]
fn groups_and_shares_are_counted() {
    let mut capture = Capture::default();
    for (by_client, packet) in poll(5) {
        let macs = if by_client { (5, 9) } else { (9, 5) };
        capture.add(packet.on(macs, 10, 0), 2_000 * MICROSECOND);
    }
    let mut arp = vec![0xff; 6];
    arp.extend([2, 0, 0, 0, 0, 5, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([0; 20]);
    capture.add(arp, 0);
    let mut lldp = vec![1, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 9, 0x88, 0xcc];
    lldp.extend([0; 20]);
    capture.add(lldp, 0);
    let engine = capture.run();
    assert_eq!((engine.tables.to_groups, engine.tables.to_all), (2, 1));
    let shares = engine.tables.shares();
    assert_eq!(shares.vlans.iter().map(|(vlan, amount)| (*vlan, amount.packets)).collect::<Vec<_>>(), vec![(0, 2), (10, 13)]);
    assert_eq!(shares.families.get("modbus").map(|amount| amount.packets), Some(13));
    assert_eq!(engine.counters.rate.so_far().most_packets, 15);
}
