//! Capture files as hostile as they come: read in one piece and octet by octet, the frames are the same, and nothing panics.
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

fuzz_target!(|octets: &[u8]| {
    let whole = Capture::from_reader(Cursor::new(octets.to_vec()), "fuzz");
    let dripping = Capture::from_reader(Dripping(Cursor::new(octets.to_vec())), "fuzz");
    let (mut whole, mut dripping) = match (whole, dripping) {
        (Ok(whole), Ok(dripping)) => (whole, dripping),
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            assert!(!one.to_string().contains(char::is_control), "{one:?}");
            return;
        }
        (one, other) => panic!("{one:?} in one piece, {other:?} in many"),
    };
    for _ in 0..MOST_FRAMES {
        match (whole.next(), dripping.next()) {
            (Some(one), Some(other)) => {
                check(&one);
                assert_eq!(one, other);
            }
            (None, None) => {
                assert_eq!(whole.warning(), dripping.warning());
                assert_eq!(whole.skipped(), dripping.skipped());
                assert_eq!(whole.records(), dripping.records());
                return;
            }
            (one, other) => panic!("{one:?} in one piece, {other:?} in many"),
        }
    }
});
