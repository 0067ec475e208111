//! Mutations that keep a capture a capture: its frames are changed, doubled, dropped, moved and cut, and the lengths in their
//! IPv4 and UDP headers follow, so that what is new reaches the dissectors.

use dissectors::source::{Capture, LinkType};
use libfuzzer_sys::fuzzer_mutate;

/// Where the choice of limits stands: in the time zone of the pcap header, which readers ignore.
pub const CHOICE: usize = 8;
/// Octets of the pcap file header.
const FILE_HEADER: usize = 24;
/// Octets before each frame.
const RECORD_HEADER: usize = 16;
/// Where mutations begin: the frame, IPv4, its payload, UDP payload, TCP payload, each with the usual headers before.
const STARTS: [usize; 5] = [0, 14, 34, 42, 54];
/// Octets that a mutation may add to a frame.
const MOST_ADDED: usize = 64;

struct Frame {
    octets: Vec<u8>,
    wire_length: u32,
    time: i64,
    link: LinkType,
}

fn read(file: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(mut capture) = Capture::from_reader(std::io::Cursor::new(file.to_vec()), "mutator") else { return frames };
    while let Some(frame) = capture.next() {
        frames.push(Frame { octets: frame.octets.to_vec(), wire_length: frame.wire_length, time: frame.time, link: frame.link });
    }
    frames
}

/// Write the frames that fit, as pcap with nanoseconds; returns how many octets it took.
fn write(frames: &[Frame], choice: u8, into: &mut [u8]) -> usize {
    let Some(first) = frames.first() else { return 0 };
    let mut file = Vec::with_capacity(FILE_HEADER);
    for field in [0xa1b2_3c4d_u32, 0x0004_0002, u32::from(choice), 0, 0x0004_0000, u32::from(first.link.0)] {
        file.extend_from_slice(&field.to_le_bytes());
    }
    for frame in frames.iter().filter(|frame| frame.link == first.link) {
        if file.len() + RECORD_HEADER + frame.octets.len() > into.len() {
            break;
        }
        let time = frame.time.max(0);
        let seconds = u32::try_from(time / 1_000_000_000).unwrap_or(u32::MAX);
        let rest = u32::try_from(time % 1_000_000_000).unwrap_or(0);
        let captured = u32::try_from(frame.octets.len()).unwrap_or(0);
        for field in [seconds, rest, captured, frame.wire_length.max(captured)] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(&frame.octets);
    }
    let Some(room) = into.get_mut(..file.len()) else { return 0 };
    room.copy_from_slice(&file);
    file.len()
}

/// A small generator: the fuzzer's seed decides all.
struct Dice(u32);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % most.max(1)
    }
}

/// Change the capture in the first `size` of `octets`; returns its new size.
pub fn mutate(octets: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut dice = Dice(seed | 1);
    let file = octets.get(..size).unwrap_or_default();
    let mut choice = file.get(CHOICE).copied().unwrap_or(0);
    let mut frames = read(file);
    if frames.is_empty() || dice.below(8) == 0 {
        return fuzzer_mutate(octets, size, most);
    }
    for _ in 0..=dice.below(3) {
        let at = dice.below(frames.len());
        match dice.below(10) {
            0 if frames.len() > 1 => drop(frames.remove(at)),
            1 => {
                let frame = &frames[at];
                let copy = Frame { octets: frame.octets.clone(), ..*frame };
                frames.insert(dice.below(frames.len() + 1), copy);
            }
            2 => {
                let other = dice.below(frames.len());
                frames.swap(at, other);
            }
            3 => {
                let kept = dice.below(frames[at].octets.len());
                frames[at].octets.truncate(kept);
            }
            4 => {
                let step = 1_i64 << dice.below(40);
                frames[at].time = frames[at].time.saturating_add(step);
            }
            5 => choice ^= 1 << dice.below(8),
            _ => change(&mut frames[at], &mut dice),
        }
    }
    let room = most.min(octets.len());
    write(&frames, choice, &mut octets[..room])
}

/// Change what lies behind one of the headers.
fn change(frame: &mut Frame, dice: &mut Dice) {
    let start = STARTS[dice.below(STARTS.len())].min(frame.octets.len());
    let mut rest = frame.octets.split_off(start);
    let length = rest.len();
    rest.resize(length + MOST_ADDED, 0);
    let most = rest.len();
    let length = fuzzer_mutate(&mut rest, length, most);
    rest.truncate(length);
    frame.octets.extend_from_slice(&rest);
    frame.wire_length = u32::try_from(frame.octets.len()).unwrap_or(u32::MAX);
    if dice.below(16) > 0 {
        correct_lengths(frame);
    }
}

fn correct_lengths(frame: &mut Frame) {
    let internet = match frame.octets.get(12..14) {
        Some([0x08, 0x00]) if frame.link == LinkType::ETHERNET => 14,
        _ => return,
    };
    let Ok(total) = u16::try_from(frame.octets.len() - internet) else { return };
    let Some(header) = frame.octets.get_mut(internet..) else { return };
    if let [version, _, high, low, ..] = header
        && *version == 0x45
    {
        [*high, *low] = total.to_be_bytes();
    }
    if header.get(9) == Some(&17)
        && let Some(length) = header.get_mut(24..26)
    {
        length.copy_from_slice(&total.saturating_sub(20).to_be_bytes());
    }
}

/// Frames of one capture, then frames of another.
pub fn cross(one: &[u8], other: &[u8], into: &mut [u8], seed: u32) -> usize {
    let mut dice = Dice(seed | 1);
    let choice = one.get(CHOICE).copied().unwrap_or(0);
    let (mut frames, mut others) = (read(one), read(other));
    let from = dice.below(others.len());
    let at = dice.below(frames.len() + 1);
    let most = dice.below(16) + 1;
    frames.splice(at..at, others.drain(from..).take(most));
    write(&frames, choice, into)
}
