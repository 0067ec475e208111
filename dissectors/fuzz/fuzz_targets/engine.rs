//! Frames as hostile as they come, through the whole engine: nothing panics, tables keep to their limits, texts are clean.
//!
//! The input is a capture file of any format that the sensor opens, so the captures of `pcaps/` are seeds as they are. The
//! ninth octet, which no reader of pcap looks at, chooses how little the engine may keep.
#![no_main]

mod frames;

use dissectors::engine::Engine;
use dissectors::observations::{Fact, Operation};
use dissectors::pick;
use dissectors::sink::Label;
use dissectors::source::Capture;
use dissectors::table::{Row, Table};
use dissectors::tables::Limits;
use dissectors::text::{LONGEST, clean};
use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target};

/// What one octet of a label may become when it is written, characters.
const CHARACTERS_AN_OCTET: usize = 16;
/// Octets of the label of a row for what goes beyond.
const MORE: usize = 8;
/// Frames after which what has changed is taken, as the sensor does.
const BATCH: usize = 16;

fuzz_target!(|octets: &[u8]| {
    let Ok(mut capture) = Capture::from_reader(std::io::Cursor::new(octets.to_vec()), "fuzz") else { return };
    let limits = limits(octets.get(frames::CHOICE).copied().unwrap_or(0));
    let mut engine = Engine::new(limits);
    let mut count = 0_usize;
    while let Some(frame) = capture.next() {
        engine.frame(&frame);
        let _ = pick::route(frame.link, frame.octets);
        count += 1;
        if count % BATCH == 0 {
            engine.fold();
            take_changed(&mut engine);
            check(&engine, &limits);
        }
    }
    engine.finish();
    engine.fold();
    take_changed(&mut engine);
    check(&engine, &limits);
    assert_eq!(engine.held(), (0, 0), "flows are left when all is over");
    let tables = &engine.tables;
    assert_eq!((tables.pending, tables.flow_memories), (0, 0), "the account of what flows keep is wrong");
});

fuzz_mutator!(|octets: &mut [u8], size: usize, most: usize, seed: u32| { frames::mutate(octets, size, most, seed) });
fuzz_crossover!(|one: &[u8], other: &[u8], into: &mut [u8], seed: u32| { frames::cross(one, other, into, seed) });

/// Few or many rows, as the choice says.
fn limits(choice: u8) -> Limits {
    let few = |bit: u8, many: usize| if choice & 1 << bit == 0 { many } else { usize::from(bit) % 3 + 1 };
    let usual = Limits::default();
    Limits {
        flows: few(0, usual.flows),
        endpoints: few(1, usual.endpoints),
        conversations: few(2, usual.conversations),
        operations: few(3, usual.operations),
        operations_per_conversation: few(4, usual.operations_per_conversation),
        label_octets: few(4, usual.label_octets) * 64,
        facts: few(5, usual.facts),
        fact_octets: few(5, usual.fact_octets) * 512,
        values_per_fact: few(5, usual.values_per_fact),
        anomalies: few(5, usual.anomalies),
        pending_per_flow: few(6, usual.pending_per_flow),
        pending: few(6, usual.pending),
        memories: few(6, usual.memories),
        reassembly_octets: if choice & 1 << 7 == 0 { usual.reassembly_octets } else { 2_048 },
        fragment_octets: if choice & 1 << 7 == 0 { usual.fragment_octets } else { 2_048 },
        quiet_seconds: if choice & 1 << 3 == 0 { usual.quiet_seconds } else { 60 },
    }
}

/// What a batch for Python takes.
fn take_changed(engine: &mut Engine) {
    let tables = &mut engine.tables;
    tables.endpoints.tell();
    tables.conversations.tell();
    tables.operations.tell();
    tables.facts.tell();
    tables.anomalies.tell();
}

fn check(engine: &Engine, limits: &Limits) {
    let (flows, buffered) = engine.held();
    assert!(flows <= limits.flows, "{flows} flows");
    assert!(buffered <= limits.reassembly_octets, "{buffered} octets kept");
    let tables = &engine.tables;
    assert!(tables.pending <= limits.pending.max(1), "{} requests wait", tables.pending);
    assert!(tables.flow_memories <= limits.memories, "{} memories", tables.flow_memories);
    let said: usize = tables.facts.rows().map(Fact::octets).sum();
    assert!(said <= limits.fact_octets.max(2 * LONGEST * 4), "{said} octets of facts");
    let labels: usize = tables.operations.rows().map(Operation::label_octets).sum();
    let more = tables.operations.len() * MORE;
    assert!(labels <= limits.label_octets + more, "{labels} octets of labels");
    within(&tables.endpoints, limits.endpoints);
    within(&tables.conversations, limits.conversations);
    within(&tables.operations, limits.operations);
    within(&tables.facts, limits.facts);
    within(&tables.anomalies, limits.anomalies);
    for row in tables.operations.rows() {
        written(&row.unit.label());
        written(&row.object.label());
    }
    for row in tables.facts.rows() {
        cleaned(&row.value);
        plain(&row.unit);
        assert!(!row.value.is_empty(), "a fact {} without a value", row.key);
    }
    for row in tables.anomalies.rows() {
        cleaned(&row.detail);
    }
    drop(tables.all_messages());
}

fn within<R: Row>(table: &Table<R>, most: usize) {
    assert!(table.len() <= most, "{} rows where {most} are the most", table.len());
}

fn written(label: &Label<'_>) {
    let text = label.to_text();
    plain(&text);
    assert!(text.chars().count() <= Label::LONGEST * CHARACTERS_AN_OCTET, "{} characters", text.chars().count());
}

fn plain(text: &str) {
    assert!(!text.contains(char::is_control), "control characters in {text:?}");
}

fn cleaned(text: &str) {
    assert!(text.chars().count() <= LONGEST, "{} characters", text.chars().count());
    assert_eq!(clean(text.as_bytes()), text);
}
