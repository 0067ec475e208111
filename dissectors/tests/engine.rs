//! What a user relies on of the engine, on frames made here: Modbus over TCP, the plainest of the protocols.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a panic in a test is a failed test")]

use dissectors::engine::Engine;
use dissectors::observations::{Conversation, Operation};
use dissectors::source::{Frame, LinkType};
use dissectors::tables::Limits;

const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 50_000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 502);
const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;
const RST: u8 = 4;

/// An Ethernet frame with a TCP segment.
fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, to.0[3], 2, 0, 0, 0, 0, from.0[3], 8, 0];
    let total = u16::try_from(40 + payload.len()).unwrap();
    frame.extend([0x45, 0]);
    frame.extend(total.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    frame.extend(from.0);
    frame.extend(to.0);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend(sequence.to_be_bytes());
    frame.extend(acknowledgement.to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    while frame.len() < 60 {
        frame.push(0xaa); // padding is no payload
    }
    frame
}

/// A Modbus/TCP message.
fn message(transaction: u16, pdu: &[u8]) -> Vec<u8> {
    let mut octets = transaction.to_be_bytes().to_vec();
    octets.extend([0, 0]);
    octets.extend(u16::try_from(pdu.len() + 1).unwrap().to_be_bytes());
    octets.push(1);
    octets.extend(pdu);
    octets
}

fn read(transaction: u16, address: u16) -> Vec<u8> {
    let [a, b] = address.to_be_bytes();
    message(transaction, &[3, a, b, 0, 2])
}

fn answer(transaction: u16) -> Vec<u8> {
    message(transaction, &[3, 4, 0, 1, 0, 2])
}

struct Wire {
    engine: Engine,
    time: i64,
    sequence: [u32; 2],
    ends: [([u8; 4], u16); 2],
}

impl Wire {
    fn new(client: ([u8; 4], u16), server: ([u8; 4], u16)) -> Self {
        Self { engine: Engine::new(Limits::default()), time: 1_700_000_000_000_000_000, sequence: [1000, 9000], ends: [client, server] }
    }

    fn frame(&mut self, octets: &[u8]) {
        self.time += 1_000_000;
        let wire_length = u32::try_from(octets.len()).unwrap();
        self.engine.frame(&Frame { octets, wire_length, time: self.time, link: LinkType::ETHERNET, interface: 0 });
    }

    /// End 0 is the client, end 1 the server.
    fn send(&mut self, end: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let frame = self.made(end, flags, payload);
        self.frame(&frame);
        frame
    }

    /// A segment that moves the numbering on but is not seen yet.
    fn made(&mut self, end: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let frame = segment(self.ends[end], self.ends[1 - end], self.sequence[end], self.sequence[1 - end], flags, payload);
        let length = u32::try_from(payload.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        self.sequence[end] = self.sequence[end].wrapping_add(length);
        frame
    }

    fn handshake(&mut self) {
        self.send(0, SYN, &[]);
        self.send(1, SYN | ACK, &[]);
        self.send(0, ACK, &[]);
    }

    fn finish(mut self) -> Engine {
        self.engine.finish();
        self.engine
    }
}

fn totals(engine: &Engine) -> (u64, u64, u64, u64) {
    let sum = |of: fn(&Operation) -> u64| engine.tables.operations.rows().map(of).sum();
    (sum(|row| row.requests), sum(|row| row.responses), sum(|row| row.errors), sum(|row| row.unanswered))
}

fn only_conversation(engine: &Engine) -> &Conversation {
    let rows: Vec<_> = engine.tables.conversations.rows().collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0]
}

fn port_of_server(engine: &Engine) -> u16 {
    only_conversation(engine).key.port
}

#[test]
fn a_request_is_paired_with_its_response_and_timed() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    wire.send(0, ACK, &read(1, 0));
    wire.send(1, ACK, &answer(1));
    wire.send(0, ACK, &read(2, 0));
    wire.send(1, ACK, &message(2, &[0x83, 2]));
    wire.send(0, ACK, &read(3, 0));
    let engine = wire.finish();
    assert_eq!(totals(&engine), (3, 2, 1, 1));
    let row = engine.tables.operations.rows().next().unwrap();
    assert_eq!((row.unit.label().to_text(), row.object.label().to_text()), ("1".into(), "HR 40001-40002".into()));
    assert_eq!(row.statuses, vec![(2, 1)]);
    assert_eq!((row.response_time.least, row.response_time.count), (1_000_000, 2));
    let conversation = only_conversation(&engine);
    assert_eq!((conversation.traffic.client.packets, conversation.traffic.server.packets), (5, 3));
    assert_eq!((conversation.connections, conversation.refused, conversation.round_trip), (1, 0, Some(2_000_000)));
}

#[test]
fn how_long_answers_took_is_counted_by_protocol() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    for (transaction, waits) in [(1, 0), (2, 3), (3, 3), (4, 20_000)] {
        wire.send(0, ACK, &read(transaction, 0));
        wire.time += waits * 1_000_000;
        wire.send(1, ACK, &answer(transaction));
    }
    wire.send(0, ACK, &read(5, 0));
    let engine = wire.finish();
    let told: Vec<_> = engine.tables.response_times.answered().collect();
    assert_eq!(told.len(), 1);
    let (protocol, histogram) = told[0];
    let counts: Vec<_> = histogram.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!((*protocol, counts), ("modbus", vec![(Some(1_000_000), 1), (Some(5_000_000), 2), (None, 1)]));
    assert_eq!(histogram.sum, 20_010_000_000);
    assert_eq!(engine.counters.tcp_segments, 3 + 9);
}

#[test]
fn an_odd_port_and_a_capture_begun_mid_stream_make_no_difference() {
    let mut wire = Wire::new(([10, 0, 0, 9], 1025), ([10, 0, 0, 2], 40_000));
    for transaction in 0..4 {
        wire.send(1, ACK, &answer(transaction)); // the first answers a request before the capture
        wire.send(0, ACK, &read(transaction + 1, 7));
    }
    let engine = wire.finish();
    assert_eq!(port_of_server(&engine), 40_000);
    assert_eq!(totals(&engine), (4, 4, 0, 1));
}

#[test]
fn the_message_outweighs_the_port() {
    // The client uses port 502 itself; what it says shows who asks.
    let mut wire = Wire::new(([10, 0, 0, 9], 502), ([10, 0, 0, 2], 40_000));
    for transaction in 0..8 {
        wire.send(0, ACK, &read(transaction, 7));
        wire.send(1, ACK, &answer(transaction));
    }
    let engine = wire.finish();
    assert_eq!(port_of_server(&engine), 40_000);
    assert_eq!((totals(&engine).0, totals(&engine).1), (8, 8));
}

#[test]
fn another_protocol_on_the_port_is_reported() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    wire.send(0, ACK, b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n");
    wire.send(1, ACK, b"HTTP/1.1 200 OK\r\n\r\n");
    wire.send(0, FIN | ACK, &[]);
    wire.send(1, FIN | ACK, &[]);
    let engine = wire.finish();
    let anomalies: Vec<_> = engine.tables.anomalies.rows().map(|row| (row.kind, row.detail.as_str())).collect();
    assert_eq!(anomalies, vec![("unexpected_protocol", "not modbus on its port but http")]);
    assert_eq!(totals(&engine), (0, 0, 0, 0));
}

#[test]
fn order_duplicates_and_retransmissions_change_no_count() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    let first = wire.made(0, ACK, &read(1, 0));
    let second = wire.made(0, ACK, &read(2, 10));
    wire.frame(&second);
    wire.frame(&first);
    wire.time += 300_000_000; // no sender tries again sooner
    wire.frame(&first);
    wire.send(1, ACK, &[answer(1), answer(2)].concat());
    let engine = wire.finish();
    assert_eq!(totals(&engine), (2, 2, 0, 0));
    assert_eq!((engine.counters.out_of_order, engine.counters.retransmissions, engine.counters.lost_segments), (1, 1, 0));
}

#[test]
fn a_gap_costs_only_the_message_it_hit() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    for transaction in 1..20 {
        let request = wire.made(0, ACK, &read(transaction, 0));
        if transaction != 5 {
            wire.frame(&request);
        }
        wire.send(1, ACK, &answer(transaction));
    }
    let engine = wire.finish();
    assert_eq!((totals(&engine).0, totals(&engine).1), (18, 19));
    assert_eq!((engine.counters.lost_segments, engine.counters.lost_octets), (1, 12));
}

#[test]
fn a_new_connection_between_the_same_ports_is_counted() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    wire.send(0, ACK, &read(1, 0));
    wire.sequence = [77_000_000, 88_000_000];
    wire.handshake();
    wire.send(0, ACK, &read(1, 0));
    wire.send(1, ACK, &answer(1));
    let engine = wire.finish();
    assert_eq!(only_conversation(&engine).connections, 2);
    assert_eq!(totals(&engine), (2, 1, 0, 1));
}

#[test]
fn a_fin_sent_twice_does_not_end_what_the_other_side_still_answers() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    wire.send(0, ACK, &read(1, 0));
    let fin = wire.send(0, FIN | ACK, &[]);
    wire.frame(&fin);
    wire.send(1, ACK, &answer(1));
    wire.send(1, FIN | ACK, &[]);
    assert_eq!(totals(&wire.finish()), (1, 1, 0, 0));
}

#[test]
fn a_refused_connection_is_counted_as_such() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.send(0, SYN, &[]);
    wire.send(1, 4 | ACK, &[]);
    let engine = wire.finish();
    let conversation = only_conversation(&engine);
    assert_eq!((conversation.connections, conversation.refused), (1, 1));
    assert_eq!((conversation.key.protocol, conversation.by_port), ("modbus", true), "all that is known is what the port is for");
}

#[test]
fn a_million_objects_stay_one_counted_row_beyond_the_cap() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.handshake();
    for number in 0..3000_u16 {
        wire.send(0, ACK, &read(number, number));
        wire.send(1, ACK, &answer(number));
    }
    let limit = Limits::default().operations_per_conversation;
    let engine = wire.finish();
    assert_eq!(engine.tables.operations.len(), limit + 1);
    assert_eq!(totals(&engine), (3000, 3000, 0, 0));
    let more = engine.tables.operations.rows().find(|row| row.object.label().to_text() == "(more objects)").unwrap();
    assert_eq!(more.requests, 3000 - limit as u64);
}

#[test]
fn a_flood_of_addresses_is_evicted_and_counted() {
    let limits = Limits { flows: 100, conversations: 100, endpoints: 100, ..Limits::default() };
    let mut engine = Engine::new(limits);
    for number in 0..5000_u16 {
        let [a, b] = number.to_be_bytes();
        let octets = segment(([10, 1, a, b], 4000), SERVER, 1, 0, SYN, &[]);
        engine.frame(&Frame { octets: &octets, wire_length: 60, time: i64::from(number), link: LinkType::ETHERNET, interface: 0 });
    }
    engine.finish();
    assert_eq!(engine.tables.conversations.len(), 100);
    assert_eq!(engine.tables.endpoints.len(), 100);
    assert_eq!(engine.evicted().0, 4900);
    assert_eq!(engine.tables.conversations.evicted(), 4900);
}

/// Cisco's trunking protocol and its discovery go to the same address: the one must not hide the other.
#[test]
fn frames_with_llc_are_told_apart_one_by_one() {
    let frame = |protocol: u8, body: &[u8]| {
        let mut frame = vec![1, 0, 0x0c, 0xcc, 0xcc, 0xcc, 2, 0, 0, 0, 0, 1, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, protocol];
        frame.extend(body);
        frame.resize(60, 0);
        frame
    };
    let mut wire = Wire::new(CLIENT, SERVER);
    for _ in 0..20 {
        wire.frame(&frame(4, &[1, 0, 1, 0, 5, 0]));
    }
    wire.frame(&frame(0, &[2, 180, 0, 0, 0, 1, 0, 7, b'n', b'e', b'w']));
    wire.frame(&frame(4, &[1, 0, 1, 0, 5, 0]));
    wire.engine.fold();
    let facts: Vec<_> = wire.engine.tables.facts.rows().map(|row| (row.source, row.key, row.value.as_str())).collect();
    assert_eq!(facts, [("cdp", "hostname", "new")]);
}

#[test]
fn segments_that_wait_are_in_the_account_of_what_is_kept() {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.engine = Engine::new(Limits { reassembly_octets: 4_096, ..Limits::default() });
    wire.handshake();
    wire.made(0, ACK, &read(1, 0)); // never seen
    for number in 0..40 {
        wire.send(0, ACK, &[7; 200]);
        assert!(wire.engine.held().1 <= 4_096, "after {number} segments");
    }
    assert!(wire.finish().tables.dropped_buffers > 0);
}

#[test]
fn a_poll_on_a_new_connection_is_not_taken_for_that_of_the_unit_before() {
    let octets =
        |text: &str| -> Vec<u8> { (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect() };
    let request = octets("0300001f02f080320100000000000e00000401120a10020040000184000000");
    let mut response = octets("0300005902f0803203000000000002004400000401ff040200");
    response.resize(89, 0);
    let mut wire = Wire::new(CLIENT, ([10, 0, 0, 2], 102));
    wire.handshake();
    wire.send(0, ACK, &octets("0300001611e00000000f00c1020100c2020102c0010a"));
    wire.send(1, ACK, &octets("0300001611d0000f000300c0010ac1020100c2020102"));
    for _ in 0..10 {
        wire.send(0, ACK, &request);
        wire.send(1, ACK, &response);
    }
    // The same ports again, and nothing that says which unit is asked.
    wire.sequence = [700_000, 800_000];
    wire.handshake();
    for _ in 0..10 {
        wire.send(0, ACK, &request);
        wire.send(1, ACK, &response);
    }
    let engine = wire.finish();
    let reads = engine.tables.operations.rows().filter(|row| row.protocol == "s7comm");
    let mut reads: Vec<_> = reads.map(|row| (row.unit.label().to_text(), row.requests, row.responses)).collect();
    reads.sort();
    assert_eq!(reads, [(String::new(), 10, 10), ("rack 0 slot 2".to_owned(), 10, 10)]);
}

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// The same request, so often at those times, the last one rejected; added up after every so many of them.
fn repeated(times: &[i64], added_up: usize) -> Engine {
    let mut wire = Wire::new(CLIENT, SERVER);
    wire.time = times[0] - SECOND;
    wire.handshake();
    for (number, time) in times.iter().enumerate() {
        let last = number + 1 == times.len();
        wire.time = *time;
        wire.send(0, ACK, &read(1, 0));
        wire.send(1, ACK, &if last { message(1, &[0x83, 2]) } else { answer(1) });
        if number % added_up == 0 {
            wire.engine.fold();
        }
    }
    wire.finish()
}

#[test]
fn an_operation_after_a_long_silence_is_another_episode() {
    let start = 1_700_000_040 * SECOND; // the beginning of a minute
    let times = [0, 2, 4, 58, 62, 3_000, 6_595, 6_596, 10_300].map(|seconds| start + seconds * SECOND);
    for added_up in 1..=times.len() {
        let engine = repeated(&times, added_up);
        let row = engine.tables.operations.rows().next().unwrap();
        let episodes: Vec<_> = row.episodes().iter().map(|one| (one.first - start, one.requests, one.errors)).collect();
        let began = |seconds: i64| seconds * SECOND + 1_000_000;
        assert_eq!(episodes, [(began(0), 8, 0), (began(10_300), 1, 1)], "{added_up}");
        assert_eq!(row.episodes()[1].last, row.span.last);
        assert_eq!(row.most_in_a_minute(), (4, 1), "{added_up}");
    }
}

#[test]
fn episodes_without_number_are_sixteen() {
    let times: Vec<i64> = (0..40).map(|number| 1_700_000_000 * SECOND + number * 2 * HOUR).collect();
    let engine = repeated(&times, 7);
    let episodes = engine.tables.operations.rows().next().unwrap().episodes();
    assert_eq!((episodes.len(), episodes[14].requests, episodes[15].requests, episodes[15].errors), (16, 1, 25, 1));
}

#[test]
fn the_busiest_minute_counts_connections() {
    let start = 1_700_000_040 * SECOND;
    for added_up in [1, 2, 5, 100] {
        let mut wire = Wire::new(CLIENT, SERVER);
        for number in 0..30_u16 {
            wire.time = start + i64::from(number * number) * SECOND / 4;
            // Of some ports one connection ends without an answer, and another follows.
            wire.ends[0].1 = 40_000 + number / 2;
            wire.sequence[0] += 5000;
            wire.handshake();
            if number % 3 == 0 {
                wire.send(0, ACK, &read(number, 0));
            }
            wire.send(1, RST | ACK, &[]);
            if number % added_up == 0 {
                wire.engine.fold();
            }
        }
        let engine = wire.finish();
        let row = only_conversation(&engine);
        assert_eq!((row.connections, row.minutes.most()), (30, 16), "{added_up}");
    }
}

fn anomalies(engine: &Engine) -> Vec<(&'static str, u64)> {
    let mut all: Vec<_> = engine.tables.anomalies.rows().map(|row| (row.kind, row.count)).collect();
    all.sort_unstable();
    all
}

#[test]
fn logins_are_read_behind_a_gap_and_only_at_the_front_of_a_connection() {
    let mut wire = Wire::new(CLIENT, ([10, 0, 0, 2], 21));
    wire.handshake();
    wire.send(1, ACK, b"220 FTP server ready\r\n");
    wire.sequence[0] += 9; // what the capture lacks
    wire.send(0, ACK, b"PASS s3cret\r\n");
    wire.send(1, ACK, b"530 Login incorrect\r\n");
    for _ in 0..100 {
        wire.send(0, ACK, b"PASS s3cret\r\n");
        wire.send(1, ACK, b"530 Login incorrect\r\n");
    }
    let told = anomalies(&wire.finish());
    assert_eq!(told, [("clear_text_credentials", 16), ("login_failed", 15)]);
}

/// An ARP message of one station about itself and another.
fn arp(operation: u8, from: u8, to: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([
        2, 0, 0, 0, 0, from, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, from, 10, 0, 0, from, 0, 0, 0, 0, 0, 0, 10, 0, 0, to,
    ]);
    frame.resize(60, 0);
    frame
}

#[test]
fn who_asks_again_for_stations_that_answer_scans_nothing() {
    let ask = |answer: bool| {
        let mut wire = Wire::new(CLIENT, SERVER);
        for round in 0..3 {
            for station in 10..210 {
                wire.frame(&arp(1, 1, station));
                // At first all answer, later every second time.
                if answer && (round == 0 || station % 2 == 0) {
                    wire.frame(&arp(2, station, 1));
                }
            }
            wire.time += 60 * SECOND;
        }
        anomalies(&wire.finish())
    };
    assert_eq!(ask(true), []);
    assert_eq!(ask(false), [("arp_scan", 15)]);
}

#[test]
fn the_busiest_minute_of_frames_without_ip_does_not_depend_on_when_they_are_added_up() {
    let start = 1_700_000_040 * SECOND;
    for added_up in [1, 3, 50, 1000] {
        let mut wire = Wire::new(CLIENT, SERVER);
        for number in 0..300_i64 {
            // One a second, then ever slower.
            wire.time = start + number * SECOND + (number / 100) * number * SECOND;
            wire.frame(&arp(1, 1, 2));
            if number % added_up == 0 {
                wire.engine.fold();
            }
        }
        let engine = wire.finish();
        assert_eq!(only_conversation(&engine).minutes.most(), 60, "{added_up}");
    }
}

#[test]
fn hops_are_told_by_what_is_left_of_the_time_to_live() {
    for (time_to_live, hops) in [(64, Some(0)), (63, Some(1)), (128, Some(0)), (125, Some(3)), (255, Some(0)), (1, None), (0, None)] {
        let mut wire = Wire::new(CLIENT, SERVER);
        let mut frame = wire.made(0, SYN, &[]);
        frame[22] = time_to_live;
        wire.frame(&frame);
        let engine = wire.finish();
        let told: Vec<_> = engine.tables.endpoints.rows().map(|row| row.hops).collect();
        assert_eq!(told, [hops], "{time_to_live}");
    }
}
