//! IP datagrams put together from their fragments, with bounded memory (RFC 791 section 3.2, RFC 8200 section 4.5).

use crate::decode::{Address, Fragment, Ip};

/// Datagrams under way at the most; the oldest gives way.
const MOST_DATAGRAMS: usize = 256;
/// Fragments of one datagram at the most.
const MOST_PIECES: usize = 512;
/// The largest payload of a datagram, octets.
const LARGEST: usize = 65_535;
/// Octets that the fragments of one datagram may hold, overlapping ones counted: twice the largest datagram.
const MOST_OCTETS: usize = 2 * LARGEST;
/// How long fragments of one datagram may be apart, nanoseconds (RFC 8200: 60 s; plants are quicker).
const LIFETIME: i64 = 30_000_000_000;

#[derive(PartialEq, Eq)]
struct Key {
    source: Address,
    destination: Address,
    identification: u32,
    protocol: u8,
    vlan: u16,
}

struct Datagram {
    key: Key,
    pieces: Vec<(usize, Vec<u8>)>,
    /// Octets in those.
    held: usize,
    /// Octets in all, once the last fragment is there.
    length: Option<usize>,
    time: i64,
}

/// Datagrams under way.
pub struct Fragments {
    datagrams: Vec<Datagram>,
    /// Octets held, and how many may be.
    held: usize,
    most: usize,
    evicted: u64,
}

impl Fragments {
    /// None under way; the fragments of all together may hold that many octets.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { datagrams: Vec::new(), held: 0, most, evicted: 0 }
    }

    /// Datagrams given up before they were whole.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Take a fragment in. Returns the payload of the datagram where this makes it whole.
    pub fn add(&mut self, ip: &Ip<'_>, fragment: Fragment, vlan: u16, time: i64) -> Option<Vec<u8>> {
        let offset = fragment.offset as usize;
        let end = offset.checked_add(ip.payload.len()).filter(|end| *end <= LARGEST)?;
        // A fragment that the snap length cut leaves a hole that nothing will fill.
        if ip.payload.len() < ip.length || ip.payload.is_empty() {
            return None;
        }
        self.expire(time);
        let key = Key { source: ip.source, destination: ip.destination, identification: ip.identification, protocol: ip.protocol, vlan };
        // IPv6 names the transport protocol in the first fragment only for sure; the identification is enough.
        let at = self.datagrams.iter().position(|datagram| datagram.key == key).unwrap_or_else(|| {
            if self.datagrams.len() >= MOST_DATAGRAMS {
                self.evict(0);
            }
            self.datagrams.push(Datagram { key, pieces: Vec::new(), held: 0, length: None, time });
            self.datagrams.len().saturating_sub(1)
        });
        let datagram = self.datagrams.get_mut(at)?;
        datagram.time = time;
        if !fragment.more {
            datagram.length = Some(end);
        }
        if datagram.pieces.len() >= MOST_PIECES || datagram.held.saturating_add(ip.payload.len()) > MOST_OCTETS {
            self.evict(at);
            return None;
        }
        let place = datagram.pieces.partition_point(|(start, _)| *start < offset);
        if datagram.pieces.get(place).is_none_or(|(start, _)| *start != offset) {
            datagram.pieces.insert(place, (offset, ip.payload.to_vec()));
            datagram.held = datagram.held.saturating_add(ip.payload.len());
            self.held = self.held.saturating_add(ip.payload.len());
        }
        if let Some(whole) = datagram.put_together() {
            self.take(at);
            return Some(whole);
        }
        while self.held > self.most && !self.datagrams.is_empty() {
            self.evict(0);
        }
        None
    }

    fn take(&mut self, at: usize) {
        let datagram = self.datagrams.remove(at);
        self.held = self.held.saturating_sub(datagram.held);
    }

    fn evict(&mut self, at: usize) {
        self.take(at);
        self.evicted = self.evicted.saturating_add(1);
    }

    fn expire(&mut self, time: i64) {
        while let Some(stale) = self.datagrams.iter().position(|datagram| time.saturating_sub(datagram.time) >= LIFETIME) {
            self.evict(stale);
        }
    }
}

impl Datagram {
    /// The payload, if no octet is missing. Where fragments overlap the earlier octets stand.
    fn put_together(&self) -> Option<Vec<u8>> {
        let length = self.length?;
        let reaches = self
            .pieces
            .iter()
            .try_fold(0_usize, |reached, (start, octets)| (*start <= reached).then(|| reached.max(start.saturating_add(octets.len()))))?;
        if reaches < length {
            return None;
        }
        let mut whole = Vec::with_capacity(length);
        for (start, octets) in &self.pieces {
            let seen = whole.len().saturating_sub(*start);
            whole.extend_from_slice(octets.get(seen..).unwrap_or_default());
        }
        whole.truncate(length);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(payload: &[u8]) -> Ip<'_> {
        Ip {
            source: Address(1),
            destination: Address(2),
            protocol: 17,
            identification: 7,
            time_to_live: 64,
            fragment: None,
            payload,
            length: payload.len(),
        }
    }

    #[test]
    fn fragments_in_any_order_and_overlapping_make_the_datagram_once() {
        let mut fragments = Fragments::new(1 << 20);
        let fragment = |offset, more| Fragment { offset, more };
        assert_eq!(fragments.add(&piece(b"ijkl"), fragment(8, false), 0, 0), None);
        assert_eq!(fragments.add(&piece(b"ZZZZefghYY"), fragment(4, true), 1, 0), None, "another VLAN is another datagram");
        assert_eq!(fragments.add(&piece(b"efghXX"), fragment(4, true), 0, 1), None);
        assert_eq!(fragments.add(&piece(b"abcd"), fragment(0, true), 0, 2), Some(b"abcdefghXXkl".to_vec()));
        assert_eq!(fragments.datagrams.len(), 1);
        fragments.expire(LIFETIME * 2);
        assert_eq!((fragments.datagrams.len(), fragments.evicted()), (0, 1));
    }

    #[test]
    fn endless_fragments_are_bounded() {
        let mut fragments = Fragments::new(1 << 20);
        for number in 0..10_000_u32 {
            let mut ip = piece(b"12345678");
            ip.identification = number / 2;
            fragments.add(&ip, Fragment { offset: (number % 2) * 8, more: true }, 0, 0);
        }
        assert!(fragments.datagrams.len() <= MOST_DATAGRAMS);
        let mut same = piece(b"12345678");
        same.identification = 77_777;
        for number in 0..8_000_u32 {
            fragments.add(&same, Fragment { offset: number * 8, more: true }, 0, 0);
        }
        assert!(fragments.datagrams.iter().all(|datagram| datagram.pieces.len() <= MOST_PIECES));
        let long = vec![0; 32_000];
        for number in 0..10_000_u32 {
            let mut ip = piece(&long);
            ip.identification = number / 100;
            fragments.add(&ip, Fragment { offset: number % 100 * 8, more: true }, 0, 0);
            assert!(fragments.held <= 1 << 20);
        }
    }
}
