//! The captures in `pcaps/`, mistreated: segments cut anywhere, frames cut anywhere, octets changed.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a panic in a test is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dissectors::decode::{self, Decoded};
use dissectors::engine::Engine;
use dissectors::source::{Capture, Frame, LinkType};
use dissectors::tables::Limits;

/// A frame that a test owns.
#[derive(Clone)]
struct Owned {
    octets: Vec<u8>,
    wire_length: u32,
    time: i64,
    link: LinkType,
}

/// The captures of `pcaps/`; `OTOSCOPE_CAPTURES` names another folder, of which all are taken that are not too large to be
/// cut at every octet.
fn captures() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("OTOSCOPE_CAPTURES") {
        return found_in(Path::new(&folder));
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng"));
    paths.retain(|path| path.file_stem().is_some_and(|stem| stem != "demo"));
    paths.sort();
    assert!(paths.len() >= 5, "captures are missing");
    paths
}

fn found_in(folder: &Path) -> Vec<PathBuf> {
    const LARGEST: u64 = 250_000;
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            paths.extend(found_in(&entry.path()));
        } else if entry.metadata().unwrap().len() <= LARGEST && Capture::open(&entry.path()).is_ok() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths
}

fn frames(path: &Path) -> Vec<Owned> {
    let mut capture = Capture::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next() {
        frames.push(Owned { octets: frame.octets.to_vec(), wire_length: frame.wire_length, time: frame.time, link: frame.link });
    }
    frames
}

fn run(frames: &[Owned]) -> Engine {
    let mut engine = Engine::new(Limits::default());
    for frame in frames {
        engine.frame(&Frame { octets: &frame.octets, wire_length: frame.wire_length, time: frame.time, link: frame.link, interface: 0 });
    }
    engine.finish();
    engine
}

/// Of captures that are not ours, those that are not damaged already: where the next message begins after one that lies
/// about its length is a matter of where segments begin.
fn is_sound(engine: &Engine) -> bool {
    if std::env::var_os("OTOSCOPE_CAPTURES").is_none() {
        return true;
    }
    let is_whole = engine.tables.all_messages().values().all(|messages| messages.malformed == 0);
    is_whole && engine.counters.lost_segments == 0 && engine.counters.truncated_frames == 0
}

type Operations = BTreeMap<(String, u32, Option<u32>, String, String), (u64, u64, u64)>;

/// What was asked and answered, over all conversations.
fn operations(engine: &Engine) -> Operations {
    let mut all = Operations::new();
    for row in engine.tables.operations.rows() {
        let key = (row.protocol.to_owned(), row.function, row.subfunction, row.unit.label().to_text(), row.object.label().to_text());
        let sum = all.entry(key).or_default();
        *sum = (sum.0 + row.requests, sum.1 + row.responses, sum.2 + row.errors);
    }
    all
}

/// Where the TCP payload lies in an Ethernet frame with plain IPv4; `None` for all other frames.
fn payload_of(frame: &Owned) -> Option<std::ops::Range<usize>> {
    let Decoded::Ip(_, ip) = decode::decode(frame.link, &frame.octets) else { return None };
    if frame.link != LinkType::ETHERNET || ip.protocol != decode::TCP || ip.fragment.is_some() || frame.octets[12..14] != [8, 0] {
        return None;
    }
    let segment = decode::tcp(ip.payload, ip.length)?;
    let start = segment.payload.as_ptr() as usize - frame.octets.as_ptr() as usize;
    let whole = segment.payload.len() == segment.length && frame.octets.len() == frame.wire_length as usize;
    (whole && segment.length > 0).then(|| start..start + segment.length)
}

/// The frame with only a part of its payload.
fn part_of(frame: &Owned, payload: &std::ops::Range<usize>, part: std::ops::Range<usize>) -> Owned {
    let mut octets = frame.octets[..payload.start].to_vec();
    let transport = 14 + usize::from(octets[14] & 0xf) * 4;
    let sequence = u32::from_be_bytes(octets[transport + 4..transport + 8].try_into().unwrap());
    let sequence = sequence.wrapping_add(u32::try_from(part.start - payload.start).unwrap());
    octets[transport + 4..transport + 8].copy_from_slice(&sequence.to_be_bytes());
    octets.extend_from_slice(&frame.octets[part.clone()]);
    let total = u16::try_from(octets.len() - 14).unwrap();
    octets[16..18].copy_from_slice(&total.to_be_bytes());
    // Another datagram: with the same identification it would be a frame that the mirror delivered twice.
    octets[18] ^= u8::try_from(part.start & 0xff).unwrap();
    if part.end < payload.end {
        octets[transport + 13] &= !1; // the FIN belongs to the last part
    }
    Owned { wire_length: u32::try_from(octets.len()).unwrap(), octets, ..*frame }
}

/// Every segment cut into pieces of that many octets, the first piece shorter by `shift`.
fn resegmented(frames: &[Owned], size: usize, shift: usize) -> Vec<Owned> {
    let mut all = Vec::new();
    for frame in frames {
        let Some(payload) = payload_of(frame) else {
            all.push(frame.clone());
            continue;
        };
        let mut start = payload.start;
        let mut end = (payload.start + size - shift).min(payload.end);
        while start < payload.end {
            all.push(part_of(frame, &payload, start..end));
            (start, end) = (end, (end + size).min(payload.end));
        }
    }
    all
}

#[test]
fn streams_cut_anywhere_say_the_same() {
    for path in captures() {
        let frames = frames(&path);
        let whole = run(&frames);
        if !is_sound(&whole) {
            continue;
        }
        let expected = operations(&whole);
        let longest = frames.iter().filter_map(payload_of).map(|payload| payload.len()).max().unwrap_or(0);
        for cut in 1..longest {
            // One cut after `cut` octets in every segment: over all cuts, every segment is cut at every octet.
            let found = operations(&run(&resegmented(&frames, 1 << 16, (1 << 16) - cut)));
            assert_eq!(found, expected, "{} with segments cut after {cut} octets", path.display());
        }
        for size in [1, 2, 3, 7] {
            let found = operations(&run(&resegmented(&frames, size, 0)));
            assert_eq!(found, expected, "{} in segments of {size} octets", path.display());
        }
    }
}

#[test]
fn frames_cut_anywhere_never_say_more_and_never_panic() {
    for path in captures() {
        let frames = frames(&path);
        let whole = run(&frames);
        if !is_sound(&whole) {
            continue;
        }
        let expected = operations(&whole);
        let longest = frames.iter().map(|frame| frame.octets.len()).max().unwrap_or(0);
        for length in 0..longest {
            let mut cut = frames.clone();
            for frame in &mut cut {
                frame.octets.truncate(length);
            }
            let found = operations(&run(&cut));
            let count = |all: &Operations| all.values().map(|(requests, responses, _)| requests + responses).sum::<u64>();
            assert!(count(&found) <= count(&expected), "{} cut to {length} octets", path.display());
        }
    }
}

#[test]
fn changed_octets_never_panic_and_tables_stay_bounded() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let limits = Limits { flows: 64, endpoints: 64, conversations: 32, operations: 256, facts: 64, anomalies: 64, ..Limits::default() };
    for path in captures() {
        let frames = frames(&path);
        let mut engine = Engine::new(limits);
        for _ in 0..20 {
            for frame in &frames {
                let mut octets = frame.octets.clone();
                for _ in 0..=random() % 4 {
                    let at = usize::try_from(random()).unwrap() % octets.len().max(1);
                    if let Some(octet) = octets.get_mut(at) {
                        *octet = random().to_le_bytes()[0];
                    }
                }
                let frame = Frame { octets: &octets, wire_length: frame.wire_length, time: frame.time, link: frame.link, interface: 0 };
                engine.frame(&frame);
            }
        }
        engine.finish();
        let tables = &engine.tables;
        assert!(tables.endpoints.len() <= limits.endpoints && tables.conversations.len() <= limits.conversations);
        assert!(
            tables.operations.len() <= limits.operations
                && tables.facts.len() <= limits.facts
                && tables.anomalies.len() <= limits.anomalies
        );
    }
}

/// A loss takes the messages it hit and no others: with one frame in the middle missing, all other requests are
/// still there.
#[test]
fn a_lost_segment_costs_only_its_own_messages() {
    for path in captures() {
        let frames = frames(&path);
        let requests = |engine: &Engine| engine.tables.operations.rows().map(|row| row.requests + row.responses).sum::<u64>();
        let expected = requests(&run(&frames));
        let segments: Vec<_> = (0..frames.len()).filter(|at| payload_of(&frames[*at]).is_some()).collect();
        for lost in segments.iter().skip(8).step_by(5) {
            let mut rest = frames.clone();
            rest.remove(*lost);
            // What one segment can hit: the messages in it (8 octets and more), the end of one and the front of another.
            let most = payload_of(&frames[*lost]).map_or(0, |payload| payload.len() as u64 / 8 + 2);
            let found = requests(&run(&rest));
            assert!(found + most >= expected, "{} without frame {lost}: {found} of {expected}", path.display());
        }
    }
}

/// The short way to decode and the long one say the same of every frame that the short one takes.
#[test]
fn usual_frames_are_decoded_alike_by_both_ways() {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut usual = 0;
    for path in captures() {
        for mut frame in frames(&path).into_iter().filter(|frame| frame.link == LinkType::ETHERNET) {
            for _ in 0..40 {
                usual += u32::from(is_usual_and_alike(&frame.octets));
                let front = frame.octets.len().min(70);
                if let Some(octet) = frame.octets.get_mut(usize::try_from(random()).unwrap() % front.max(1)) {
                    *octet ^= 1 << (random() % 8);
                }
                if random() % 16 == 0 {
                    let length = frame.octets.len();
                    frame.octets.truncate(usize::try_from(random()).unwrap() % length.max(1));
                }
            }
        }
    }
    assert!(usual > 1000, "{usual}");
}

fn is_usual_and_alike(octets: &[u8]) -> bool {
    let Some(usual) = decode::usual(octets) else { return false };
    let decoded = decode::decode(LinkType::ETHERNET, octets);
    assert!(matches!(decoded, Decoded::Ip(..)), "{octets:02x?}");
    let Decoded::Ip(link, ip) = decoded else { return false };
    let segment = decode::tcp(ip.payload, ip.length).unwrap();
    let end = |address: u64| (decode::Address::of_v4(address >> 16), u16::try_from(address & 0xffff).unwrap());
    assert_eq!((usual.link, u32::from(usual.identification), usual.time_to_live), (link, ip.identification, ip.time_to_live));
    assert_eq!((end(usual.source), end(usual.destination)), ((ip.source, segment.source), (ip.destination, segment.destination)));
    assert_eq!(format!("{:?}", usual.segment), format!("{segment:?}"));
    assert!(ip.fragment.is_none() && ip.protocol == decode::TCP);
    true
}

/// All that can be said of the operations, facts and anomalies of a run.
fn everything(engine: &Engine) -> Vec<String> {
    let tables = &engine.tables;
    let operations = tables.operations.rows().map(|row| {
        let (unit, object) = (row.unit.label().to_text(), row.object.label().to_text());
        let counts = (row.requests, row.responses, row.errors, row.unanswered, &row.statuses);
        format!(
            "{} {} {:?} {unit:?} {object:?} {counts:?} {:?} {:?}",
            row.protocol, row.function, row.subfunction, row.span, row.response_time
        )
    });
    let facts = tables.facts.rows().map(|row| format!("{row:?}"));
    let anomalies = tables.anomalies.rows().map(|row| format!("{} {} {} {}", row.protocol, row.kind, row.detail, row.count));
    let mut all: Vec<_> = operations.chain(facts).chain(anomalies).collect();
    all.sort_unstable();
    all
}

/// Messages that are counted without being dissected count as if they had been: the same exchange many times over, with
/// losses and changed octets, says the same where each message is cut in two, so that none is taken for a repetition.
#[test]
fn what_repeats_counts_as_if_it_were_dissected() {
    let is_of_a_stack = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        ["modbus-", "s7comm-", "enip-", "dnp3-"].iter().any(|front| name.starts_with(front))
    };
    for path in captures().into_iter().filter(is_of_a_stack) {
        let once = frames(&path);
        let Some(length) = once.last().map(|last| last.time - once[0].time + 1_000_000_000) else { continue };
        for seed in 0..4_u64 {
            let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1);
            let mut random = move || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            let mut whole = Vec::new();
            for round in 0..6_i64 {
                for frame in &once {
                    let mut frame = frame.clone();
                    frame.time += round * length;
                    let Some(payload) = payload_of(&frame) else { continue };
                    let transport = 14 + usize::from(frame.octets[14] & 0xf) * 4;
                    frame.octets[transport + 13] = 0x18; // one endless connection
                    // Behind the length: where a message ends must not depend on how it is cut.
                    let body = payload.start + if payload.len() > 24 { 24 } else { 7 };
                    if body < payload.end && random() % 40 == 0 {
                        let at = body + usize::try_from(random()).unwrap() % (payload.end - body);
                        frame.octets[at] ^= 1 << (random() % 8);
                    }
                    if random() % 50 > 0 {
                        whole.push(frame);
                    }
                }
            }
            renumber(&mut whole);
            let cut = |frame: &Owned| {
                let payload = payload_of(frame).unwrap();
                let middle = payload.start + payload.len().div_ceil(2);
                let parts = [payload.start..middle, middle..payload.end];
                parts.into_iter().filter(|part| !part.is_empty()).map(move |part| part_of(frame, &payload, part)).collect::<Vec<_>>()
            };
            let parts: Vec<_> = whole.iter().flat_map(cut).collect();
            let (whole, parts) = (run(&whole), run(&parts));
            assert_eq!(everything(&whole), everything(&parts), "{} seed {seed}", path.display());
        }
    }
}

/// Give the segments of each direction sequence numbers without gaps, and each datagram an identification of its own.
fn renumber(frames: &mut [Owned]) {
    let mut next = BTreeMap::new();
    for (number, frame) in frames.iter_mut().enumerate() {
        let payload = payload_of(frame).unwrap();
        let transport = 14 + usize::from(frame.octets[14] & 0xf) * 4;
        let ends = [frame.octets[26..34].to_vec(), frame.octets[transport..transport + 4].to_vec()].concat();
        let sequence = next.entry(ends).or_insert(1_u32);
        frame.octets[transport + 4..transport + 8].copy_from_slice(&sequence.to_be_bytes());
        frame.octets[transport + 8..transport + 12].copy_from_slice(&[0; 4]);
        *sequence += u32::try_from(payload.len()).unwrap();
        let identification = u16::try_from(number % 60_000 + 1).unwrap() << 1 | 1;
        frame.octets[18..20].copy_from_slice(&identification.to_be_bytes());
    }
}
