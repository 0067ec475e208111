//! Capture files as hostile as they come: read in one piece and in small ones, the frames and the warnings are the same, and
//! nothing panics. Of compressed files only the latter holds: how far damaged data can be undone depends on the pieces.
#![no_main]

use std::io::{Cursor, Read};

use dissectors::source::{Capture, Frame};
use libfuzzer_sys::fuzz_target;

/// Frames after which a decompressed flood is enough.
const MOST_FRAMES: usize = 4_096;

/// A reader that gives a few octets at a time, as a pipe may.
struct Dripping(Cursor<Vec<u8>>);

impl Read for Dripping {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let few = (self.0.position() % 7 + 1) as usize;
        let most = few.min(into.len());
        self.0.read(into.get_mut(..most).unwrap_or_default())
    }
}

fn check(frame: &Frame<'_>) {
    assert!(frame.octets.len() <= frame.wire_length as usize, "{} of {} octets", frame.octets.len(), frame.wire_length);
    assert!(frame.octets.len() <= 16 << 20);
    assert!(!frame.link.to_string().is_empty());
}

/// Gzip (RFC 1952, 2.3.1) or Zstandard (RFC 8878, 3.1).
fn is_compressed(octets: &[u8]) -> bool {
    matches!(octets, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Read to the end.
fn walk(capture: &mut Capture) {
    for _ in 0..MOST_FRAMES {
        let Some(frame) = capture.next() else { return };
        check(&frame);
    }
}

/// Read both to the end, frame by frame.
fn walk_together(whole: &mut Capture, dripping: &mut Capture) {
    for _ in 0..MOST_FRAMES {
        match (whole.next(), dripping.next()) {
            (Some(one), Some(other)) => {
                check(&one);
                assert_eq!(one, other);
            }
            (None, None) => break,
            (one, other) => panic!("{one:?} in one piece, {other:?} in many"),
        }
    }
    assert_eq!(whole.warning(), dripping.warning());
    assert_eq!(whole.skipped(), dripping.skipped());
    assert_eq!(whole.records(), dripping.records());
}

fuzz_target!(|octets: &[u8]| {
    let whole = Capture::from_reader(Cursor::new(octets.to_vec()), "fuzz");
    let dripping = Capture::from_reader(Dripping(Cursor::new(octets.to_vec())), "fuzz");
    match (whole, dripping) {
        (whole, dripping) if is_compressed(octets) => {
            for mut capture in [whole, dripping].into_iter().flatten() {
                walk(&mut capture);
            }
        }
        (Ok(mut whole), Ok(mut dripping)) => walk_together(&mut whole, &mut dripping),
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            assert!(!one.to_string().contains(char::is_control), "{one:?}");
        }
        (one, other) => panic!("{one:?} in one piece, {other:?} in many"),
    }
});
