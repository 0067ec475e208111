//! One direction of a TCP connection put in order, with bounded memory.
//!
//! The usual segment, the one that is due, costs one comparison and is never copied. A segment that comes early is
//! held until the missing octets come, or until it is plain that the capture does not have them: the receiver has
//! acknowledged them, or too much or too old is held.

/// Segments held in one direction at the most.
const MOST_HELD: usize = 64;
/// Octets held in one direction at the most.
const MOST_HELD_OCTETS: usize = 256 * 1024;
/// How long any gap may stay open, nanoseconds: the first retransmission timeouts of TCP lie below this.
const PATIENCE: i64 = 3_000_000_000;
/// How long octets that the receiver has acknowledged may still come: mirrors swap packets, but not by more than this.
const OVERTAKEN: i64 = 1_000_000_000;
/// What a held segment costs beside its octets.
const HELD_OVERHEAD: usize = size_of::<Held>();
/// A jump of the sequence number over more than this is another connection, not a gap.
const FARTHEST: i32 = 1 << 24;

/// A segment that came early.
#[derive(Clone, Debug)]
pub struct Held {
    /// Number of its first octet.
    pub sequence: u32,
    /// Its payload as captured.
    pub octets: Vec<u8>,
    /// Its length on the wire.
    pub length: usize,
    /// When it came, nanoseconds since the epoch.
    pub time: i64,
}

/// What to do with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass on its payload from this octet.
    Deliver(usize),
    /// All of it was seen before.
    Seen,
    /// It came early: hold it.
    Early,
    /// It fills a gap that was given up already: what it holds stands by itself.
    Late,
    /// The numbering has nothing to do with what was seen so far.
    Elsewhere,
}

/// What has been seen of one direction.
#[derive(Clone, Debug, Default)]
#[repr(C)] // what every segment touches lies together
pub struct Stream {
    /// Number of the octet that is due.
    next: u32,
    started: bool,
    /// After a gap: look for the next message.
    pub searching: bool,
    /// A FIN was seen.
    pub finished: bool,
    /// What the other side has acknowledged of this direction.
    acknowledged: Option<u32>,
    /// Front of a message whose rest has not come yet.
    pub partial: Vec<u8>,
    held: Vec<Held>,
    /// Since when it has acknowledged octets that were not seen.
    overtaken: Option<i64>,
    held_octets: usize,
    /// The gap given up last: its first octet and the one after it.
    skipped: Option<(u32, u32)>,
}

impl Stream {
    /// A SYN: the next octet has the number after it. True where this begins another connection.
    pub fn begin(&mut self, sequence: u32) -> bool {
        let next = sequence.wrapping_add(1);
        if self.started && self.next == next {
            return false;
        }
        let another = self.started;
        *self = Self { started: true, next, ..Self::default() };
        another
    }

    /// True where the direction has data or a SYN behind it.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// True where a SYN with this number would begin another connection than the one under way.
    #[must_use]
    pub const fn is_another(&self, sequence: u32) -> bool {
        self.started && self.next.wrapping_sub(sequence.wrapping_add(1)).cast_signed().unsigned_abs() > 0 && !self.holds(sequence)
    }

    /// True where the SYN's number lies just before octets already seen: a SYN sent again.
    const fn holds(&self, sequence: u32) -> bool {
        let back = self.next.wrapping_sub(sequence).cast_signed();
        back > 0 && back < 1 << 16
    }

    /// Judge a segment with payload. A segment to be delivered moves the stream on by its whole length.
    #[inline]
    pub fn offer(&mut self, sequence: u32, length: usize) -> Verdict {
        let length = length & 0xffff_ffff;
        #[expect(clippy::cast_possible_truncation, reason = "masked to 32 bits on the line above")]
        let end = sequence.wrapping_add(length as u32);
        if !self.started {
            self.started = true;
            self.next = end;
            return Verdict::Deliver(0);
        }
        let ahead = sequence.wrapping_sub(self.next).cast_signed();
        if ahead == 0 {
            self.next = end;
            self.overtaken = None;
            return Verdict::Deliver(0);
        }
        if !(-FARTHEST..FARTHEST).contains(&ahead) {
            return Verdict::Elsewhere;
        }
        if ahead > 0 {
            return Verdict::Early;
        }
        if end.wrapping_sub(self.next).cast_signed() <= 0 {
            return if self.fills_skipped(sequence, end) { Verdict::Late } else { Verdict::Seen };
        }
        let seen = ahead.unsigned_abs();
        self.next = end;
        Verdict::Deliver(seen as usize)
    }

    /// True where the octets lie in the gap given up last; they count as seen from then on.
    #[cold]
    fn fills_skipped(&mut self, sequence: u32, end: u32) -> bool {
        let Some((from, to)) = self.skipped else { return false };
        let inside = sequence.wrapping_sub(from).cast_signed() >= 0 && to.wrapping_sub(end).cast_signed() >= 0;
        if inside {
            self.skipped = (end != to).then_some((end, to));
        }
        inside
    }

    /// Begin again at this number, mid-stream.
    pub fn restart(&mut self, sequence: u32) {
        *self = Self { started: true, next: sequence, acknowledged: self.acknowledged, searching: true, ..Self::default() };
    }

    /// Keep a segment that came early. False where there is no more room: the gap must be given up first.
    pub fn hold(&mut self, sequence: u32, octets: &[u8], length: usize, time: i64) -> bool {
        if self.held.len() >= MOST_HELD || self.held_octets.saturating_add(octets.len()).saturating_add(HELD_OVERHEAD) > MOST_HELD_OCTETS {
            return false;
        }
        let next = self.next;
        let distance = |sequence: u32| sequence.wrapping_sub(next);
        let at = self.held.partition_point(|held| distance(held.sequence) <= distance(sequence));
        let before = at.checked_sub(1).and_then(|before| self.held.get(before));
        if before.is_some_and(|held| held.sequence == sequence && held.length >= length) {
            return true;
        }
        self.held_octets = self.held_octets.saturating_add(octets.len()).saturating_add(HELD_OVERHEAD);
        self.held.insert(at, Held { sequence, octets: octets.to_vec(), length, time });
        true
    }

    /// Octets held, with what keeping them costs, for the engine's budget.
    #[must_use]
    pub const fn held_octets(&self) -> usize {
        self.held_octets
    }

    /// True where segments are held.
    #[inline]
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// The other side has received all octets before this number. True where it has had octets for a while that were not
    /// seen: they are lost.
    #[inline]
    pub fn acknowledge(&mut self, number: u32, time: i64) -> bool {
        self.acknowledged = Some(number);
        // A FIN takes a number too, whether it was seen or not.
        if !self.started || number.wrapping_sub(self.next).cast_signed() <= 1 {
            return false;
        }
        self.overtaken(time)
    }

    #[cold]
    fn overtaken(&mut self, time: i64) -> bool {
        self.overtaken.get_or_insert(time);
        self.held.is_empty() && self.is_overtaken(time)
    }

    /// True where the receiver has had octets for a while that were not seen.
    #[must_use]
    pub fn is_overtaken(&self, time: i64) -> bool {
        self.overtaken.is_some_and(|since| time.saturating_sub(since) > OVERTAKEN)
    }

    /// Octets that the receiver has acknowledged and that were not seen, where nothing is held that follows them.
    #[must_use]
    pub fn unseen(&self) -> u32 {
        let Some(number) = self.acknowledged.filter(|_| self.started && self.held.is_empty()) else { return 0 };
        let ahead = number.wrapping_sub(self.next).cast_signed();
        if (2..FARTHEST).contains(&ahead) { ahead.unsigned_abs() } else { 0 }
    }

    /// Give up the octets that the receiver has acknowledged and that were not seen. Returns how many those are.
    pub fn skip_unseen(&mut self) -> u32 {
        let unseen = self.unseen();
        let next = self.next.wrapping_add(unseen);
        self.skipped = Some((self.next, next));
        self.next = next;
        self.overtaken = None;
        unseen
    }

    /// A held segment that is due now, or was overtaken, in order.
    pub fn take_due(&mut self) -> Option<Held> {
        let due = self.held.first()?.sequence.wrapping_sub(self.next).cast_signed() <= 0;
        due.then(|| self.take_first())
    }

    fn take_first(&mut self) -> Held {
        let held = self.held.remove(0);
        self.held_octets = self.held_octets.saturating_sub(held.octets.len()).saturating_sub(HELD_OVERHEAD);
        held
    }

    /// True where the missing octets will not come any more, or may come but must not be waited for: once the
    /// receiver has acknowledged them it acts on what is held, and its answer must find the question counted.
    #[must_use]
    pub fn is_overdue(&self, time: i64) -> bool {
        let Some(first) = self.held.first() else { return false };
        let oldest = self.held.iter().map(|held| held.time).min().unwrap_or(time);
        let waited = time.saturating_sub(oldest);
        let received = self.acknowledged.is_some_and(|number| number.wrapping_sub(first.sequence).cast_signed() >= 0);
        received || waited > PATIENCE
    }

    /// Give up the octets before the first held segment. Returns how many those are.
    pub fn skip_gap(&mut self) -> u32 {
        let Some(first) = self.held.first() else { return 0 };
        let missing = first.sequence.wrapping_sub(self.next);
        self.skipped = Some((self.next, first.sequence));
        self.next = first.sequence;
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_put_in_order_across_the_wrap_of_the_numbering() {
        let mut stream = Stream::default();
        stream.begin(u32::MAX - 3);
        assert_eq!(stream.offer(u32::MAX - 2, 5), Verdict::Deliver(0));
        assert_eq!(stream.offer(4, 2), Verdict::Early);
        assert!(stream.hold(4, b"ef", 2, 1));
        assert_eq!(stream.take_due().map(|held| held.octets), None);
        assert_eq!(stream.offer(1, 4), Verdict::Deliver(1));
        let held = stream.take_due().unwrap();
        assert_eq!((stream.offer(held.sequence, held.length), held.octets), (Verdict::Deliver(1), b"ef".to_vec()));
        assert_eq!(stream.offer(1, 4), Verdict::Seen);
        assert_eq!(stream.offer(1 << 30, 4), Verdict::Elsewhere);
    }

    #[test]
    fn a_gap_is_given_up_when_the_receiver_has_it_but_not_before() {
        let mut stream = Stream::default();
        assert_eq!(stream.offer(100, 10), Verdict::Deliver(0));
        assert!(stream.hold(120, b"x", 1, 0));
        stream.acknowledge(119, 0);
        assert!(!stream.is_overdue(PATIENCE));
        assert!(stream.is_overdue(PATIENCE + 1));
        stream.acknowledge(121, 0);
        assert!(stream.is_overdue(0));
        assert_eq!(stream.skip_gap(), 10);
        assert_eq!(stream.offer(120, 1), Verdict::Deliver(0));
        assert_eq!(stream.offer(110, 6), Verdict::Late);
        assert_eq!(stream.offer(110, 6), Verdict::Seen);
        assert_eq!(stream.offer(116, 4), Verdict::Late);
    }

    #[test]
    fn octets_acknowledged_and_never_seen_are_lost_after_a_while() {
        let mut stream = Stream::default();
        assert_eq!(stream.offer(100, 10), Verdict::Deliver(0));
        assert!(!stream.acknowledge(111, OVERTAKEN * 9), "a FIN takes a number too");
        assert!(!stream.acknowledge(130, 0), "it may be that the mirror has swapped two packets");
        assert!(!stream.acknowledge(130, OVERTAKEN));
        assert!(stream.acknowledge(130, OVERTAKEN + 1));
        assert_eq!(stream.skip_unseen(), 20);
        assert_eq!(stream.offer(130, 1), Verdict::Deliver(0));
        assert_eq!(stream.unseen(), 0);
        stream.acknowledge(131 + (1 << 25), 0);
        assert_eq!(stream.unseen(), 0, "nonsense");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut stream = Stream::default();
        stream.offer(0, 1);
        let held = (0..1000_u32).filter(|n| stream.hold(n * 10 + 10, b"abc", 3, 0)).count();
        assert_eq!(held, MOST_HELD);
    }
}
