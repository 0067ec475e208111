//! The pcapng file format (draft-ietf-opsawg-pcapng, "PCAP Now Generic Capture File Format").
//!
//! ```text
//! block   type, total length, body, total length again      all in units of 4 octets
//! section header 0x0a0d0d0a: byte order of all that follows, forgets the interfaces
//! interface description 1:   link type, snap length, options (time resolution and offset, FCS length)
//! enhanced packet 6:         interface, time high and low, captured length, wire length, frame, options
//! simple packet 3:           wire length, frame; belongs to the first interface, has no time
//! packet 2 (obsolete):       as enhanced packet, with 16 bits of interface and 16 of drops
//! ```

use core::iter;

use super::{Extent, Fault, LONGEST_RECORD, LinkType, Order, Record, Refusal, Skipped};

/// Octets of a section header without options: the least that a file begins with.
pub(super) const SECTION_HEADER: usize = 28;

/// The block type of a section header, the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Block types, section 11.1.
const SECTION_TYPE: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type, and total length at both ends.
const BLOCK_FRAME: u32 = 12;

/// Octets before the frame in each kind of packet block.
const PACKET_HEADER: usize = 28;
const SIMPLE_HEADER: usize = 12;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Option codes.
const END_OF_OPTIONS: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;
const PACKET_FLAGS: u16 = 2;

/// The most interfaces kept for one section; frames of later ones count as of an unknown interface.
const MOST_INTERFACES: usize = 65_536;

const NANOSECONDS: u64 = 1_000_000_000;

/// What has been read of the current section.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Time of the last frame that had one.
    time: i64,
    pub(super) skipped: Skipped,
}

impl Pcapng {
    /// The block at the front of `window`: a frame, or something to learn from or to pass over.
    #[inline]
    pub(super) fn read(&mut self, window: &[u8]) -> Result<Record, Refusal> {
        let [kind, total] = self.order.words(window).ok_or(Refusal::Need(8))?;
        if kind == SECTION_TYPE {
            return Err(self.section(window));
        }
        let block = self.order.block(window, total)?;
        match kind {
            ENHANCED_PACKET => self.packet(block, |_, word| word),
            OBSOLETE_PACKET => self.packet(block, Order::first_half),
            SIMPLE_PACKET => self.simple_packet(block),
            INTERFACE => Err(self.interface(block)),
            _ => Err(Refusal::Pass(block.len())),
        }
    }

    /// Start a section; the rest of the block is passed over.
    #[cold]
    pub(super) fn section(&mut self, window: &[u8]) -> Refusal {
        // A header that is cut off is cut off, whatever is wrong with its front.
        let Some([_, _, _, _, l0, l1, l2, l3, m0, m1, m2, m3, v0, v1, w0, w1, ..]) = window.first_chunk::<SECTION_HEADER>() else {
            return Refusal::Need(SECTION_HEADER);
        };
        let magic = [*m0, *m1, *m2, *m3];
        let Some(order) = [Order::Little, Order::Big].into_iter().find(|order| order.u32(magic) == BYTE_ORDER_MAGIC) else {
            return Refusal::Bad(Fault::ByteOrder);
        };
        let (major, minor) = (order.u16([*v0, *v1]), order.u16([*w0, *w1]));
        if major != 1 {
            return Refusal::Bad(Fault::Version("pcapng", major, minor, 1));
        }
        let block = match order.block(window, order.u32([*l0, *l1, *l2, *l3])) {
            Ok(block) => block,
            Err(refusal) => return refusal,
        };
        self.order = order;
        self.interfaces.clear();
        Refusal::Pass(block.len())
    }

    /// Add an interface to the section's.
    #[cold]
    fn interface(&mut self, block: &[u8]) -> Refusal {
        let Some([link, snap_length]) = block.get(8..).and_then(|body| self.order.words(body)) else {
            return Refusal::Bad(Fault::Interface);
        };
        if self.interfaces.len() < MOST_INTERFACES {
            let mut interface = Interface::new(LinkType::of_field(self.order.first_half(link)), snap_length);
            for (code, value) in self.order.options(block, 16) {
                interface.apply(self.order, code, value);
            }
            self.interfaces.push(interface);
        }
        Refusal::Pass(block.len())
    }

    /// A packet block; `number` takes the interface's number out of the word it stands in.
    #[inline]
    fn packet(&mut self, block: &[u8], number: impl Fn(Order, u32) -> u32) -> Result<Record, Refusal> {
        let Some([_, _, interface, high, low, captured, wire]) = self.order.words(block) else { return Err(self.damaged(block)) };
        let number = number(self.order, interface);
        let Some(interface) = self.interfaces.get(number as usize) else { return Err(self.unknown_interface(block)) };
        let Some(room) = block.len().checked_sub(PACKET_HEADER.wrapping_add(4)) else { return Err(self.damaged(block)) };
        if captured as usize > room {
            return Err(self.damaged(block));
        }
        let mut fcs = interface.fcs;
        if room.wrapping_sub(captured as usize) > 4 {
            fcs = self.flagged_fcs(block, captured).unwrap_or(fcs);
        }
        self.time = interface.time(u64::from(high) << 32 | u64::from(low));
        let extent = Extent::new(captured, wire, fcs);
        Ok(Record { start: PACKET_HEADER, extent, total: block.len(), time: self.time, link: interface.link, interface: number })
    }

    fn simple_packet(&mut self, block: &[u8]) -> Result<Record, Refusal> {
        let Some([_, _, wire]) = self.order.words(block) else { return Err(self.damaged(block)) };
        let Some(interface) = self.interfaces.first() else { return Err(self.unknown_interface(block)) };
        let Some(room) = block.len().checked_sub(SIMPLE_HEADER.wrapping_add(4)) else { return Err(self.damaged(block)) };
        let snap_length = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
        let captured = wire.min(snap_length).min(u32::try_from(room).unwrap_or(u32::MAX));
        let extent = Extent::new(captured, wire, interface.fcs);
        Ok(Record { start: SIMPLE_HEADER, extent, total: block.len(), time: self.time, link: interface.link, interface: 0 })
    }

    /// The FCS length that a packet's own options state, in octets; section 4.3.1.
    #[cold]
    fn flagged_fcs(&self, block: &[u8], captured: u32) -> Option<u32> {
        let options = PACKET_HEADER.saturating_add((captured as usize).next_multiple_of(4));
        let (_, value) = self.order.options(block, options).find(|(code, _)| *code == PACKET_FLAGS)?;
        let fcs = self.order.u32(value.try_into().ok()?) >> 5 & 0xf;
        (fcs != 0).then_some(fcs)
    }

    #[cold]
    fn unknown_interface(&mut self, block: &[u8]) -> Refusal {
        self.skipped.unknown_interface = self.skipped.unknown_interface.saturating_add(1);
        Refusal::Pass(block.len())
    }

    #[cold]
    fn damaged(&mut self, block: &[u8]) -> Refusal {
        self.skipped.damaged = self.skipped.damaged.saturating_add(1);
        Refusal::Pass(block.len())
    }
}

impl Order {
    /// The whole block at the front of `window`, which says that it is `total` octets long.
    #[inline]
    fn block(self, window: &[u8], total: u32) -> Result<&[u8], Refusal> {
        if !total.is_multiple_of(4) || !(BLOCK_FRAME..=LONGEST_RECORD).contains(&total) {
            return Err(Refusal::Bad(Fault::Block(total)));
        }
        let block = window.get(..total as usize).ok_or(Refusal::Need(total as usize))?;
        match block.last_chunk() {
            Some(trailer) if self.u32(*trailer) == total => Ok(block),
            _ => Err(Refusal::Bad(Fault::Trailer(total))),
        }
    }

    /// The 16-bit field that comes first in `word`.
    fn first_half(self, word: u32) -> u32 {
        match self {
            Self::Little => word & 0xffff,
            Self::Big => word >> 16,
        }
    }

    /// The options of `block`, which begin `start` octets into it: codes and values, up to the first that is cut off.
    fn options(self, block: &[u8], start: usize) -> impl Iterator<Item = (u16, &[u8])> {
        let mut rest = block.get(start..block.len().saturating_sub(4)).unwrap_or_default();
        iter::from_fn(move || {
            let ([c0, c1, l0, l1], body) = rest.split_first_chunk()?;
            let (code, length) = (self.u16([*c0, *c1]), usize::from(self.u16([*l0, *l1])));
            rest = body.get(length.next_multiple_of(4)..).unwrap_or_default();
            body.get(..length).filter(|_| code != END_OF_OPTIONS).map(|value| (code, value))
        })
    }
}

/// One interface of a section.
#[derive(Debug)]
struct Interface {
    link: LinkType,
    /// Most octets kept of a frame; 0 for no limit.
    snap_length: u32,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
    unit: Unit,
    /// Nanoseconds to add to each time.
    offset: i64,
}

/// One tick of an interface's clock.
#[derive(Debug)]
enum Unit {
    /// This many nanoseconds.
    Nanoseconds(u64),
    /// One nanosecond divided by this.
    Fraction(u64),
    /// One second halved this often.
    Halvings(u32),
}

impl Interface {
    const fn new(link: LinkType, snap_length: u32) -> Self {
        Self { link, snap_length, fcs: 0, unit: Unit::Nanoseconds(1000), offset: 0 }
    }

    fn apply(&mut self, order: Order, code: u16, value: &[u8]) {
        match (code, value) {
            (IF_TSRESOL, [resolution]) => self.unit = Unit::of_resolution(*resolution),
            // In bits, says the draft; its example is 4, and some writers mean octets. No FCS is 8 octets long.
            (IF_FCSLEN, [length]) => self.fcs = u32::from(if *length < 8 { *length } else { length >> 3 }),
            (IF_TSOFFSET, seconds) => self.offset = seconds.try_into().map_or(0, |octets| order.i64(octets).saturating_mul(1_000_000_000)),
            _ => {}
        }
    }

    #[inline]
    fn time(&self, ticks: u64) -> i64 {
        let nanoseconds = match self.unit {
            Unit::Nanoseconds(factor) => ticks.saturating_mul(factor),
            Unit::Fraction(divisor) => ticks.checked_div(divisor).unwrap_or(0),
            // 2^64 ticks and 10^9 together are less than 2^94.
            Unit::Halvings(count) => {
                let product = u128::from(ticks).wrapping_mul(u128::from(NANOSECONDS));
                u64::try_from(product.wrapping_shr(count)).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(nanoseconds).unwrap_or(i64::MAX).saturating_add(self.offset)
    }
}

impl Unit {
    /// Of an `if_tsresol`: a negative power of 2 where the most significant bit is set, else of 10.
    fn of_resolution(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            return Self::Halvings(exponent);
        }
        match exponent.checked_sub(9) {
            None | Some(0) => Self::Nanoseconds(NANOSECONDS.checked_div(10_u64.saturating_pow(exponent)).unwrap_or(1)),
            // Finer than 10^-28 s, all that 64 bits of ticks can hold is less than a nanosecond.
            Some(finer) => Self::Fraction(10_u64.saturating_pow(finer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, PcapngWriter, Seen, frames_of, open, walk};
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A section with one Ethernet interface.
    fn ethernet(options: &[(u16, &[u8])]) -> PcapngWriter {
        PcapngWriter::new(Order::Little).interface(1, 0, options)
    }

    fn warning_of(capture: &[u8]) -> String {
        walk(open(capture).unwrap()).1.warning().unwrap().to_owned()
    }

    #[test]
    fn sections_interfaces_and_packet_blocks_are_read() {
        for (first, second) in [(Order::Little, Order::Big), (Order::Big, Order::Little), (Order::Big, Order::Big)] {
            let (frames, end) = walk(open(&samples::pcapng(first, second)).unwrap());
            let seen = |octet, length, wire_length, time, link, interface| Seen {
                octets: vec![octet; length],
                wire_length,
                time,
                link,
                interface,
            };
            let time = 1_700_000_000 * SECOND;
            assert_eq!(
                frames,
                [
                    seen(1, 61, 61, time + 5, LinkType::ETHERNET, 0),
                    seen(2, 20, 20, time + SECOND, LinkType::RAW, 1),
                    seen(3, 100, 100, time + SECOND, LinkType::ETHERNET, 0),
                    seen(5, 50, 90, time + 2 * SECOND, LinkType::LINUX_SLL, 0),
                    seen(6, 50, 90, time + 2 * SECOND, LinkType::LINUX_SLL, 0),
                    seen(7, 10, 10, time + 2 * SECOND + SECOND / 2, LinkType::LINUX_SLL, 0),
                ]
            );
            assert_eq!(end.skipped(), Skipped { unknown_interface: 1, damaged: 0 });
            assert_eq!(end.warning(), None);
        }
    }

    #[test]
    fn every_time_resolution_is_converted_without_overflow() {
        let time = |resolution: u8, ticks| frames_of(&ethernet(&[(IF_TSRESOL, &[resolution])]).packet(0, ticks, 1, &[0]).build())[0].time;
        assert_eq!(time(0, 3), 3 * SECOND);
        assert_eq!(time(3, 1500), SECOND + SECOND / 2);
        assert_eq!(time(6, 1), 1000);
        assert_eq!(time(9, 1), 1);
        assert_eq!(time(12, 1999), 1);
        assert_eq!(time(127, 1 << 63), 0);
        assert_eq!(time(0x80, 3), 3 * SECOND);
        assert_eq!(time(0x94, 1 << 19), SECOND / 2);
        assert_eq!(time(0xff, u64::MAX), 0);
        for resolution in 0..=u8::MAX {
            assert!(time(resolution, u64::MAX) >= time(resolution, u64::MAX / 2));
        }
        assert_eq!(time(0, u64::MAX), i64::MAX);
    }

    #[test]
    fn a_time_offset_is_added() {
        let time = |seconds: i64| frames_of(&ethernet(&[(IF_TSOFFSET, &seconds.to_le_bytes())]).packet(0, 7, 1, &[0]).build())[0].time;
        assert_eq!(time(100), 100 * SECOND + 7000);
        assert_eq!(time(-100), -100 * SECOND + 7000);
        assert_eq!(time(i64::MAX), i64::MAX);
        assert_eq!(time(i64::MIN), i64::MIN + 7000);
    }

    #[test]
    fn a_frame_check_sequence_is_cut_off() {
        for length in [4_u8, 32] {
            let frames = frames_of(&ethernet(&[(IF_FCSLEN, &[length])]).packet(0, 0, 64, &[0; 64]).simple_packet(64, &[0; 64]).build());
            assert!(frames.iter().all(|frame| (frame.octets.len(), frame.wire_length) == (60, 60)));
        }
        let flags = (2_u32 << 5).to_le_bytes();
        let frames = frames_of(&ethernet(&[]).packet_with(0, 0, 63, &[0; 63], &[(1, b"x"), (PACKET_FLAGS, &flags)]).build());
        assert_eq!(frames[0].octets.len(), 61);
    }

    #[test]
    fn a_simple_packet_is_as_long_as_the_snap_length_allows() {
        let frames = frames_of(&PcapngWriter::new(Order::Big).interface(1, 10, &[]).simple_packet(1500, &[0; 10]).build());
        assert_eq!((frames[0].octets.len(), frames[0].wire_length), (10, 1500));
    }

    #[test]
    fn packets_that_cannot_be_told_are_counted_and_passed_over() {
        let capture = PcapngWriter::new(Order::Little)
            .simple_packet(4, &[0; 4])
            .interface(1, 0, &[])
            .packet(1, 0, 4, &[0; 4])
            .block(ENHANCED_PACKET, |body| {
                body.u32(0).u32(0).u32(0).u32(5).u32(5).raw(&[0; 4]);
            })
            .block(ENHANCED_PACKET, |body| {
                body.u32(0).u32(0).u32(0);
            })
            .block(SIMPLE_PACKET, |_| ())
            .packet(0, 0, 4, &[9; 4])
            .build();
        let (frames, end) = walk(open(&capture).unwrap());
        assert_eq!(frames.len(), 1);
        assert_eq!(end.skipped(), Skipped { unknown_interface: 2, damaged: 3 });
        assert_eq!(end.warning(), None);
    }

    #[test]
    fn interfaces_are_forgotten_at_a_new_section_and_bounded_in_one() {
        let capture = ethernet(&[]).section(Order::Little).packet(0, 0, 1, &[0]).build();
        assert_eq!(walk(open(&capture).unwrap()).1.skipped().unknown_interface, 1);

        let mut writer = PcapngWriter::new(Order::Little);
        for _ in 0..=MOST_INTERFACES {
            writer = writer.interface(1, 0, &[]);
        }
        let capture = writer.packet(65_535, 0, 1, &[0]).packet(65_536, 0, 1, &[0]).build();
        let (frames, end) = walk(open(&capture).unwrap());
        assert_eq!((frames.len(), end.skipped().unknown_interface), (1, 1));
    }

    #[test]
    fn a_block_with_a_wrong_length_ends_the_capture_with_a_warning() {
        let good = ethernet(&[]).packet(0, 0, 4, &[0; 4]).build();
        let at = good.len();
        for (length, what) in
            [(11_u32, "a block of 11 octets, where"), (8, "a block of 8"), (u32::MAX, "a block of 4294967295 octets, where")]
        {
            let damaged = [&good[..], &[6, 0, 0, 0], &length.to_le_bytes(), &[0; 40]].concat();
            assert!(warning_of(&damaged).starts_with(&format!("damaged at octet {at} and 1 whole records: {what}")));
        }
        let mut damaged = good.clone();
        damaged[at - 4] ^= 4;
        assert!(warning_of(&damaged).ends_with("a block of 36 octets that has another length at its end"));
        let short = PcapngWriter::new(Order::Little).block(INTERFACE, |_| ()).build();
        assert!(warning_of(&short).ends_with("an interface description that is too short"));
    }

    #[test]
    fn a_section_header_that_cannot_be_read_is_refused() {
        let good = ethernet(&[]).build();
        let reason = |at: usize, octet: u8| {
            let mut damaged = good.clone();
            damaged[at] = octet;
            open(&damaged).unwrap_err().reason().to_owned()
        };
        assert_eq!(reason(8, 0), "pcapng that cannot be read: a section header without byte-order magic");
        assert_eq!(reason(12, 9), "pcapng that cannot be read: pcapng version 9.0, where 1.x is known");
        assert_eq!(reason(4, 29), "pcapng that cannot be read: a block of 29 octets, where 12 to 16777216 in steps of 4 are possible");
    }
}
