//! What a mirror port does to traffic: the same packet twice, one station only, bursts.
//!
//! A mirror of what comes in and what goes out delivers each packet twice; one of both sides of a router does so with
//! other MAC addresses, another TTL and another VLAN. What stays the same is told by a signature over addresses, ports,
//! identification, sequence numbers, lengths and the transport's checksum.

use crate::decode::Mac;

/// Rows of the window, a power of two.
const BUCKETS: usize = 2048;
/// Packets in a row.
const WAYS: usize = 4;
/// For a packet that is counted in no flow.
pub const NO_FLOW: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    signature: u64,
    /// In units of 1,024 nanoseconds, modulo 2^32: 73 minutes.
    time: u32,
    flow: u32,
}

#[derive(Clone, Copy)]
#[repr(align(64))] // one cache line
struct Bucket([Entry; WAYS]);

/// The packets seen last: 8,192 of them, whatever an attacker sends. A packet is forgotten when four newer ones have
/// taken its row; with a thousand packets between a packet and its copy that happens to one in a hundred, with a hundred
/// to none.
pub struct Window(Box<[Bucket]>);

impl Default for Window {
    fn default() -> Self {
        let nothing = Entry { signature: 0, time: 0, flow: NO_FLOW };
        Self(vec![Bucket([nothing; WAYS]); BUCKETS].into_boxed_slice())
    }
}

impl Window {
    #[inline]
    fn bucket(&mut self, row: Row) -> Option<&mut [Entry; WAYS]> {
        self.0.get_mut(row.0).map(|bucket| &mut bucket.0)
    }

    /// Take a packet in. The flow that it was counted in, where it came within that time before.
    #[inline]
    pub fn again(&mut self, Signature { row, number, within }: Signature, time: i64) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only differences count")]
        let time = (time >> 10) as u32;
        let signature = number | 1;
        let entries = self.bucket(row)?;
        if let Some(entry) = entries.iter().find(|entry| entry.signature == signature) {
            let apart = time.wrapping_sub(entry.time).cast_signed().unsigned_abs();
            if apart <= within.0 {
                return Some(entry.flow);
            }
        }
        let [first, second, third, _] = *entries;
        *entries = [Entry { signature, time, flow: NO_FLOW }, first, second, third];
        None
    }

    /// The packet taken in last in that row is counted in that flow.
    #[inline]
    pub fn counts_in(&mut self, row: Row, flow: u32) {
        if let Some([first, ..]) = self.bucket(row) {
            first.flow = flow;
        }
    }
}

/// By what a packet and its copies are known.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Where it is kept.
    pub row: Row,
    /// Different for different packets, and seeded, so that nobody can make two that are alike.
    pub number: u64,
    /// How far apart the copies may be.
    pub within: Within,
}

/// A row of the window. It depends on the packet alone, on no seed: the same capture gives the same answer.
#[derive(Clone, Copy, Debug)]
pub struct Row(usize);

impl Row {
    /// The row for packets with that number, which should differ from packet to packet.
    #[inline]
    #[must_use]
    pub const fn of(number: u64) -> Self {
        Self((number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize)
    }

    /// The row for packets with that content: cyclic protocols count at one of its ends.
    #[must_use]
    pub fn of_content(octets: &[u8]) -> Self {
        let end = |octets: Option<&[u8; 8]>| octets.map_or(0, |octets| u64::from_le_bytes(*octets));
        Self::of(end(octets.first_chunk()) ^ end(octets.last_chunk()).rotate_left(29) ^ (octets.len() as u64) << 17)
    }
}

/// How far apart two copies of a packet may be.
#[derive(Clone, Copy, Debug)]
pub struct Within(u32);

impl Within {
    /// Two datagrams of one sender with the same identification are the same one: half a second.
    pub const IDENTIFIED: Self = Self(488_281);
    /// Frames without IP, which cyclic protocols repeat within milliseconds: half a millisecond.
    pub const FRAME: Self = Self(488);
    /// Without an identification, or where a device may well say the same twice: 5 milliseconds.
    pub const ALIKE: Self = Self(4_883);
}

/// Whether all unicast frames are of one station: then the port mirrors nothing, or one port only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stations {
    /// No unicast frame with MAC addresses yet.
    #[default]
    None,
    /// All frames so far are between these two.
    Two(Mac, Mac),
    /// All frames so far are from or to this one.
    One(Mac),
    /// There is no such station.
    Many,
}

impl Stations {
    /// Unicast frames go from one to the other.
    pub fn add(&mut self, source: Mac, destination: Mac) {
        if source == Mac::NONE || destination == Mac::NONE || source.is_group() || destination.is_group() {
            return;
        }
        let has = |mac: Mac| mac == source || mac == destination;
        *self = match *self {
            Self::None => Self::Two(source, destination),
            Self::Two(one, other) => match (has(one), has(other)) {
                (true, true) => Self::Two(one, other),
                (true, false) => Self::One(one),
                (false, true) => Self::One(other),
                (false, false) => Self::Many,
            },
            Self::One(one) if has(one) => Self::One(one),
            Self::One(_) | Self::Many => Self::Many,
        };
    }

    /// With what others have seen.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, known) | (known, Self::None) => known,
            (mut known, Self::Two(one, other)) | (Self::Two(one, other), mut known) => {
                known.add(one, other);
                known
            }
            (Self::One(one), Self::One(other)) if one == other => self,
            _ => Self::Many,
        }
    }
}

/// A second of the epoch, with its packets and octets.
pub type Second = (i64, u64, u64);

/// Seconds that are remembered beside the one under way.
const SECONDS: usize = 16;

/// The busiest second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// The second under way, of the epoch.
    second: i64,
    packets: u64,
    octets: u64,
    /// The seconds before it, the last one first.
    before: [Second; SECONDS],
    /// Packets in the busiest second so far.
    pub most_packets: u64,
    /// Octets in the busiest second so far.
    pub most_octets: u64,
}

impl Rate {
    /// One more packet.
    #[inline]
    pub fn add(&mut self, time: i64, octets: u32) {
        const SECOND: i64 = 1_000_000_000;
        let since = time.wrapping_sub(self.second);
        if !(0..SECOND).contains(&since) {
            self.turn(time.saturating_sub(time.rem_euclid(SECOND)));
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u64::from(octets));
    }

    #[cold]
    fn turn(&mut self, second: i64) {
        let so_far = self.so_far();
        self.before.copy_within(..SECONDS.saturating_sub(1), 1);
        self.before[0] = (self.second, self.packets, self.octets);
        *self = Self { second, packets: 0, octets: 0, before: self.before, ..so_far };
    }

    /// The last seconds that had packets, the one under way first.
    pub fn seconds(&self) -> impl Iterator<Item = Second> {
        [(self.second, self.packets, self.octets)].into_iter().chain(self.before).filter(|(_, packets, _)| *packets > 0)
    }

    /// What others have seen as well: `together` is the busiest of the seconds that both have counted, added up.
    pub fn join(&mut self, other: &Self, together: (u64, u64)) {
        let (mine, theirs) = (self.so_far(), other.so_far());
        self.most_packets = mine.most_packets.max(theirs.most_packets).max(together.0);
        self.most_octets = mine.most_octets.max(theirs.most_octets).max(together.1);
    }

    /// With the second under way.
    #[must_use]
    pub fn so_far(&self) -> Self {
        let (most_packets, most_octets) = (self.most_packets.max(self.packets), self.most_octets.max(self.octets));
        Self { most_packets, most_octets, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(number: u64, within: Within) -> Signature {
        Signature { row: Row::of(number), number, within }
    }

    #[test]
    fn a_copy_is_found_within_its_time_and_names_the_flow() {
        let mut window = Window::default();
        let (alike, identified) = (signature(7, Within::ALIKE), signature(7, Within::IDENTIFIED));
        assert_eq!(window.again(alike, 0), None);
        window.counts_in(alike.row, 3);
        assert_eq!(window.again(alike, 4_000_000), Some(3));
        assert_eq!(window.again(alike, 6_000_000), None, "too late: the device says the same again");
        assert_eq!(window.again(identified, 400_000_000), Some(NO_FLOW));
    }

    #[test]
    fn a_thousand_packets_in_between_are_no_matter() {
        let mut window = Window::default();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let signatures: Vec<_> = (0..20_000).map(|_| random()).collect();
        let found = (0..20_000).filter(|number| {
            window.again(signature(signatures[*number], Within::ALIKE), 0);
            *number >= 1000 && window.again(signature(signatures[number - 1000], Within::ALIKE), 0).is_some()
        });
        let found = found.count();
        assert!(found > 18_700, "{found}");
    }

    #[test]
    fn one_station_is_told_from_many() {
        let mut stations = Stations::default();
        stations.add(Mac(1), Mac::BROADCAST);
        assert_eq!(stations, Stations::None);
        stations.add(Mac(1), Mac(2));
        stations.add(Mac(2), Mac(1));
        assert_eq!(stations, Stations::Two(Mac(1), Mac(2)));
        stations.add(Mac(2), Mac(3));
        assert_eq!(stations, Stations::One(Mac(2)));
        stations.add(Mac(1), Mac(3));
        assert_eq!(stations, Stations::Many);
    }

    #[test]
    fn what_workers_saw_of_stations_is_one() {
        let (two, other, one) = (Stations::Two(Mac(1), Mac(2)), Stations::Two(Mac(2), Mac(3)), Stations::One(Mac(2)));
        assert_eq!(Stations::None.joined(two), two);
        assert_eq!(two.joined(two), two);
        assert_eq!(two.joined(other), one);
        assert_eq!(one.joined(other), one);
        assert_eq!(two.joined(Stations::One(Mac(3))), Stations::Many);
        assert_eq!(one.joined(Stations::One(Mac(1))), Stations::Many);
    }

    #[test]
    fn the_busiest_second_counts() {
        let mut rate = Rate::default();
        for time in [1_000_000_000, 1_900_000_000, 2_000_000_000, 2_100_000_000, 2_999_999_999, 3_000_000_000] {
            rate.add(time, 60);
        }
        assert_eq!((rate.so_far().most_packets, rate.so_far().most_octets), (3, 180));
    }
}
