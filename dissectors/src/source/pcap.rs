//! The pcap file format (draft-ietf-opsawg-pcap, "PCAP Capture File Format"), and Kuznetzov's variant of it.
//!
//! ```text
//! file    magic, version major and minor, 8 octets reserved, snap length, link type with FCS length   24 octets
//! record  seconds, micro- or nanoseconds, captured length, wire length                                16 octets
//!         in the variant also: interface index, protocol, packet type, padding                         8 octets
//!         the captured octets
//! ```

use super::{Extent, Fault, LONGEST_RECORD, LinkType, Order, Record, Refusal};

/// Octets of the file header.
pub(super) const FILE_HEADER: usize = 24;

/// What a record may hold whatever the file header says: files with a snap length of 0, or with longer records than it
/// allows, are common. The same bound as in libpcap and Wireshark.
const LONGEST_USUAL: u32 = 262_144;

/// Magic numbers: microseconds, nanoseconds, and the variant of Alexey Kuznetzov's patched libpcap.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;

/// Bit of the link type field that says that the FCS length stands in its four most significant bits.
const FCS_PRESENT: u32 = 1 << 26;

/// What the file header says of all records.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    record_header: usize,
    /// Nanoseconds in one unit of the second time field.
    unit: u32,
    longest: u32,
    link: LinkType,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
}

impl Pcap {
    /// The byte order and kind of a file that begins with `magic`, if it is a pcap file.
    pub(super) fn recognise(magic: [u8; 4]) -> Option<(Order, u32)> {
        [Order::Little, Order::Big]
            .into_iter()
            .map(|order| (order, order.u32(magic)))
            .find(|(_, magic)| [MICROSECONDS, NANOSECONDS, KUZNETZOV].contains(magic))
    }

    /// Read the file header.
    pub(super) fn new(header: [u8; FILE_HEADER]) -> Result<Self, Fault> {
        let [m0, m1, m2, m3, v0, v1, w0, w1, _, _, _, _, _, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3] = header;
        let (order, magic) = Self::recognise([m0, m1, m2, m3]).unwrap_or((Order::Little, MICROSECONDS));
        let (major, minor) = (order.u16([v0, v1]), order.u16([w0, w1]));
        if major != 2 {
            return Err(Fault::Version("pcap", major, minor, 2));
        }
        let network = order.u32([n0, n1, n2, n3]);
        // In units of 16 bits.
        let fcs = if network & FCS_PRESENT == 0 { 0 } else { (network >> 28).saturating_mul(2) };
        Ok(Self {
            order,
            record_header: if magic == KUZNETZOV { 24 } else { 16 },
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            longest: order.u32([s0, s1, s2, s3]).clamp(LONGEST_USUAL, LONGEST_RECORD),
            link: LinkType::of_field(network),
            fcs,
        })
    }

    /// The record at the front of `window`.
    #[inline]
    pub(super) fn read(&self, window: &[u8]) -> Result<Record, Refusal> {
        let [seconds, fraction, captured, wire] = self.order.words(window).ok_or(Refusal::Need(self.record_header))?;
        if captured > self.longest {
            if window.len() < self.record_header {
                return Err(Refusal::Need(self.record_header));
            }
            return Err(Refusal::Bad(Fault::Record(captured, self.longest)));
        }
        let total = self.record_header.wrapping_add(captured as usize);
        if window.len() < total {
            return Err(Refusal::Need(total));
        }
        // Neither can overflow: 2^32 seconds and 2^32 microseconds are less than 2^63 nanoseconds.
        let time = i64::from(seconds).wrapping_mul(1_000_000_000).wrapping_add(i64::from(fraction).wrapping_mul(i64::from(self.unit)));
        let extent = Extent::new(captured, wire, self.fcs);
        Ok(Record { start: self.record_header, extent, total, time, link: self.link, interface: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, MICRO, NANO, PcapWriter, Seen, frames_of, open, walk};
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn every_variant_is_read() {
        for order in [Order::Little, Order::Big] {
            for (magic, unit) in [(MICRO, 1000), (NANO, 1), (samples::KUZNETZOV, 1000)] {
                let frames = frames_of(&samples::pcap(order, magic));
                let seen = |octets: &[u8], wire_length, time| Seen {
                    octets: octets.to_vec(),
                    wire_length,
                    time,
                    link: LinkType::ETHERNET,
                    interface: 0,
                };
                let second = 1_700_000_000 * SECOND;
                assert_eq!(
                    frames,
                    [
                        seen(&[1; 60], 60, second + 5 * unit),
                        seen(&[2; 33], 1500, second + SECOND + 999_999 * unit),
                        seen(&[], 0, second + SECOND),
                        seen(&[3; 14], 14, second + 2 * SECOND + 7 * unit),
                    ]
                );
            }
        }
    }

    #[test]
    fn times_at_the_edge_do_not_overflow() {
        let capture = PcapWriter::new(Order::Little, MICRO, 0, 1).record(u32::MAX, u32::MAX, 1, &[0]).record(0, 0, 1, &[0]).build();
        let frames = frames_of(&capture);
        assert_eq!(frames[0].time, i64::from(u32::MAX) * SECOND + i64::from(u32::MAX) * 1000);
        assert_eq!(frames[1].time, 0);
    }

    #[test]
    fn a_frame_check_sequence_is_cut_off() {
        // Two units of 16 bits; reserved bits are set as well.
        let capture = PcapWriter::new(Order::Big, MICRO, 0, 0x2401_0001)
            .record(0, 0, 64, &[1; 64])
            .record(0, 0, 64, &[2; 62])
            .record(0, 0, 64, &[3; 40])
            .record(0, 0, 2, &[4; 2])
            .build();
        let frames = frames_of(&capture);
        assert_eq!(
            frames.iter().map(|frame| (frame.octets.len(), frame.wire_length)).collect::<Vec<_>>(),
            [(60, 60), (60, 60), (40, 60), (0, 0)]
        );
        assert_eq!(frames[0].link, LinkType::ETHERNET);
        // Without the bit that says that there is a length, the length says nothing.
        let capture = PcapWriter::new(Order::Big, MICRO, 0, 0x2000_0001).record(0, 0, 64, &[1; 64]).build();
        assert_eq!(frames_of(&capture)[0].octets.len(), 64);
    }

    #[test]
    fn lengths_that_contradict_each_other_are_tolerated() {
        let capture = PcapWriter::new(Order::Little, MICRO, 68, 1).record(0, 0, 0, &[1; 100]).record(0, 0, 70, &[2; 70]).build();
        let frames = frames_of(&capture);
        assert_eq!((frames[0].octets.len(), frames[0].wire_length), (100, 100));
        assert_eq!(frames[1].octets.len(), 70);
    }

    #[test]
    fn an_impossible_length_ends_the_capture_with_a_warning() {
        let capture = PcapWriter::new(Order::Little, MICRO, 0, 1).record(1, 0, 60, &[1; 60]).raw(&[0xff; 400]).build();
        let (frames, end) = walk(open(&capture).unwrap());
        assert_eq!(frames.len(), 1);
        assert_eq!(
            end.warning().unwrap(),
            "damaged at octet 100 and 1 whole records: a record of 4294967295 octets, where 262144 are the most"
        );
    }

    #[test]
    fn another_version_is_refused() {
        let mut capture = samples::pcap(Order::Little, MICRO);
        capture[4] = 3;
        assert_eq!(open(&capture).unwrap_err().reason(), "pcap version 3.4, where 2.x is known");
    }
}
