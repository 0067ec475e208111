//! The frames that came last, in memory of a fixed size: what came before something was noticed.
//!
//! ```text
//! oldest                          newest
//! ┌───────┬───────┬─   ─┬───────┬───────┐
//! │ full  │ full  │  …  │ full  │ ▒▒    │  when the last is full, the first is emptied and becomes the last
//! └───────┴───────┴─   ─┴───────┴───────┘
//! ```
//!
//! A part is full when it has no more room, or when it holds a sixteenth of the longest time: so nothing is kept for longer than
//! that and one part more, while there is traffic.

use std::collections::VecDeque;

use crate::pick::{Pick, Picked, Wanted};
use crate::source::{Frame, LinkType};

/// So many parts: one of them is what is lost at once.
const PARTS: usize = 1 << 4;
/// Before the octets of each frame: time, length on the wire, octets kept, link type, interface.
const HEADER: usize = 20;
/// The longest frame of a capture, with its header.
const LONGEST: usize = (1 << 18) + HEADER;

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Octets of memory; 0: nothing is kept.
    pub octets: usize,
    /// Nanoseconds.
    pub age: i64,
}

impl Limits {
    /// The share of one of so many workers.
    #[must_use]
    pub fn shared_by(self, workers: usize) -> Self {
        Self { octets: self.octets.checked_div(workers).unwrap_or(self.octets), ..self }
    }
}

/// The frames that came last.
pub struct Recent {
    parts: VecDeque<Part>,
    /// How long one part may be added to, nanoseconds.
    turn: i64,
}

impl Recent {
    /// Nothing yet; the memory is set aside.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let count = if limits.octets == 0 { 0 } else { PARTS };
        // No part is too small for any frame, so the least that can be kept is four mebibytes.
        let size = (limits.octets / PARTS).max(LONGEST);
        let parts = (0..count).map(|_| Part { octets: Vec::with_capacity(size), began: 0, least: i64::MAX, most: i64::MIN }).collect();
        Self { parts, turn: limits.age >> 4 }
    }

    /// Keep this frame, too.
    #[inline]
    pub fn add(&mut self, frame: &Frame<'_>) {
        let Some(newest) = self.parts.back_mut() else { return };
        if newest.has_room(frame.octets.len()) && !newest.is_over(frame.time, self.turn) {
            return newest.push(frame);
        }
        self.parts.rotate_left(1);
        if let Some(oldest) = self.parts.back_mut() {
            oldest.clear();
            oldest.push(frame);
        }
    }

    /// Those that are asked for.
    #[must_use]
    pub fn pick(&self, wanted: Vec<Wanted>) -> Vec<Vec<Picked>> {
        let mut pick = Pick::new(wanted);
        let (since, until) = pick.span();
        self.each(since, until, |frame| pick.frame(frame));
        pick.found()
    }

    /// All that have a time within these bounds, in the order in which they came.
    pub fn each(&self, since: i64, until: i64, mut take: impl FnMut(&Frame<'_>)) {
        for part in self.parts.iter().filter(|part| part.least <= until && part.most >= since) {
            let mut rest = part.octets.as_slice();
            while let Some((frame, next)) = read(rest) {
                if (since..=until).contains(&frame.time) {
                    take(&frame);
                }
                rest = next;
            }
        }
    }
}

/// A piece of the memory.
struct Part {
    octets: Vec<u8>,
    /// Time of the first frame, and the least and the most of all.
    began: i64,
    least: i64,
    most: i64,
}

impl Part {
    #[inline]
    fn has_room(&self, length: usize) -> bool {
        self.octets.capacity().saturating_sub(self.octets.len()) >= length.saturating_add(HEADER)
    }

    /// Only forward: the clocks of two cards may be far apart.
    #[inline]
    fn is_over(&self, time: i64, turn: i64) -> bool {
        !self.octets.is_empty() && time.saturating_sub(self.began) > turn
    }

    fn clear(&mut self) {
        self.octets.clear();
        (self.least, self.most) = (i64::MAX, i64::MIN);
    }

    /// What has no room is cut: an empty part has room for any frame of a ring.
    #[inline]
    fn push(&mut self, frame: &Frame<'_>) {
        let room = self.octets.capacity().saturating_sub(self.octets.len()).saturating_sub(HEADER);
        let octets = frame.octets.get(..room).unwrap_or(frame.octets);
        if self.octets.is_empty() {
            self.began = frame.time;
        }
        (self.least, self.most) = (self.least.min(frame.time), self.most.max(frame.time));
        let [t0, t1, t2, t3, t4, t5, t6, t7] = frame.time.to_ne_bytes();
        let [w0, w1, w2, w3] = frame.wire_length.to_ne_bytes();
        let [l0, l1, l2, l3] = u32::try_from(octets.len()).unwrap_or(u32::MAX).to_ne_bytes();
        let [k0, k1] = frame.link.0.to_ne_bytes();
        let [i0, i1] = u16::try_from(frame.interface).unwrap_or(u16::MAX).to_ne_bytes();
        let header: [u8; HEADER] = [t0, t1, t2, t3, t4, t5, t6, t7, w0, w1, w2, w3, l0, l1, l2, l3, k0, k1, i0, i1];
        self.octets.extend_from_slice(&header);
        self.octets.extend_from_slice(octets);
    }
}

/// The frame at the front, and what follows it.
fn read(octets: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (time, rest) = octets.split_first_chunk::<8>()?;
    let (wire, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let ([k0, k1, i0, i1], rest) = rest.split_first_chunk::<4>()?;
    let (octets, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
    let frame = Frame {
        octets,
        wire_length: u32::from_ne_bytes(*wire),
        time: i64::from_ne_bytes(*time),
        link: LinkType(u16::from_ne_bytes([*k0, *k1])),
        interface: u32::from(u16::from_ne_bytes([*i0, *i1])),
    };
    Some((frame, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const MINUTE: Limits = Limits { octets: 1, age: 60 * SECOND };

    fn frame(octets: &[u8], time: i64) -> Frame<'_> {
        Frame { octets, wire_length: u32::try_from(octets.len()).unwrap() + 7, time, link: LinkType::ETHERNET, interface: 3 }
    }

    fn times(recent: &Recent) -> Vec<i64> {
        let mut times = vec![];
        recent.each(i64::MIN, i64::MAX, |frame| times.push(frame.time));
        times
    }

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let mut recent = Recent::new(MINUTE);
        let long = vec![7; 1 << 18];
        let given = [frame(b"", 5), frame(b"one", i64::MIN), frame(&long, i64::MAX)];
        for frame in &given {
            recent.add(frame);
        }
        let mut place = 0;
        recent.each(i64::MIN, i64::MAX, |frame| {
            assert_eq!(*frame, given[place]);
            place += 1;
        });
        assert_eq!(place, 3);
    }

    #[test]
    fn the_oldest_make_room_and_the_memory_stays_as_it_is() {
        let mut recent = Recent::new(Limits { octets: 16 << 20, ..MINUTE });
        let size = |recent: &Recent| recent.parts.iter().map(|part| part.octets.capacity()).sum::<usize>();
        let before = size(&recent);
        (0..100_000).for_each(|time| recent.add(&frame(&[1; 1000], time)));
        assert_eq!(size(&recent), before);
        let kept = times(&recent);
        assert_eq!(kept, (100_000 - i64::try_from(kept.len()).unwrap()..100_000).collect::<Vec<_>>());
        assert!(((15 << 20) / 1020..=(16 << 20) / 1020).contains(&kept.len()));
    }

    #[test]
    fn nothing_is_kept_for_longer_than_it_may() {
        let mut recent = Recent::new(MINUTE);
        (0..1000).for_each(|second| recent.add(&frame(b"tick", second * SECOND)));
        let kept = times(&recent);
        assert!(kept[0] >= (1000 - 65) * SECOND && kept[0] <= (1000 - 55) * SECOND, "{}", kept[0]);
    }

    #[test]
    fn clocks_far_apart_cost_one_part_at_the_most() {
        let mut recent = Recent::new(MINUTE);
        (0..1000).for_each(|second| recent.add(&frame(b"tick", if second % 2 == 0 { second } else { second + 1000 * SECOND })));
        assert_eq!(times(&recent).len(), 1000);
    }

    #[test]
    fn only_what_is_within_the_time_is_given() {
        let mut recent = Recent::new(MINUTE);
        (0..100).for_each(|time| recent.add(&frame(b"tick", time)));
        let mut given = vec![];
        recent.each(10, 12, |frame| given.push(frame.time));
        assert_eq!(given, [10, 11, 12]);
    }

    #[test]
    fn a_frame_longer_than_any_is_cut_and_switched_off_nothing_is_kept() {
        let mut recent = Recent::new(MINUTE);
        recent.add(&frame(&vec![1; 1 << 20], 0));
        recent.each(i64::MIN, i64::MAX, |frame| assert_eq!((frame.octets.len(), frame.wire_length), (1 << 18, (1 << 20) + 7)));
        assert_eq!(times(&recent), [0]);
        let mut off = Recent::new(Limits::default());
        off.add(&frame(b"tick", 0));
        assert!(times(&off).is_empty());
    }
}
