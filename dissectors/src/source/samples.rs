//! Captures for the tests, built field by field.

use std::io::{Cursor, Read, Write};

use flate2::write::GzEncoder;

use super::{Capture, Frame, LinkType, OpenError, Order};

/// A frame that outlives its capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub octets: Vec<u8>,
    pub wire_length: u32,
    pub time: i64,
    pub link: LinkType,
    pub interface: u32,
}

impl From<Frame<'_>> for Seen {
    fn from(frame: Frame<'_>) -> Self {
        let Frame { octets, wire_length, time, link, interface } = frame;
        Self { octets: octets.to_vec(), wire_length, time, link, interface }
    }
}

/// All frames, and the capture at its end.
pub fn walk(mut capture: Capture) -> (Vec<Seen>, Capture) {
    let mut frames = vec![];
    while let Some(frame) = capture.next() {
        frames.push(Seen::from(frame));
    }
    assert_eq!(capture.next(), None);
    assert_eq!(capture.records(), frames.len() as u64);
    (frames, capture)
}

pub fn open(octets: &[u8]) -> Result<Capture, OpenError> {
    Capture::from_reader(Cursor::new(octets.to_vec()), "sample")
}

pub fn frames_of(octets: &[u8]) -> Vec<Seen> {
    let (frames, capture) = walk(open(octets).unwrap());
    assert_eq!(capture.warning(), None);
    frames
}

pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(octets: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(octets, 1).unwrap()
}

/// Delivers one octet at a time.
pub struct Dripping(pub Cursor<Vec<u8>>);

impl Read for Dripping {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(1);
        self.0.read(&mut into[..end])
    }
}

/// Numbers in one byte order, one after the other.
pub struct Writer {
    pub order: Order,
    pub octets: Vec<u8>,
}

impl Writer {
    pub const fn new(order: Order) -> Self {
        Self { order, octets: vec![] }
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        let octets = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&octets)
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        let octets = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&octets)
    }

    pub fn raw(&mut self, octets: &[u8]) -> &mut Self {
        self.octets.extend(octets);
        self
    }

    pub fn pad(&mut self) -> &mut Self {
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        self
    }
}

/// Magic numbers of a pcap file.
pub const MICRO: u32 = 0xa1b2_c3d4;
pub const NANO: u32 = 0xa1b2_3c4d;
pub const KUZNETZOV: u32 = 0xa1b2_cd34;

pub struct PcapWriter(Writer, u32);

impl PcapWriter {
    pub fn new(order: Order, magic: u32, snap_length: u32, network: u32) -> Self {
        let mut writer = Writer::new(order);
        writer.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(snap_length).u32(network);
        Self(writer, magic)
    }

    pub fn record(mut self, seconds: u32, fraction: u32, wire: u32, octets: &[u8]) -> Self {
        self.0.u32(seconds).u32(fraction).u32(u32::try_from(octets.len()).unwrap()).u32(wire);
        if self.1 == KUZNETZOV {
            self.0.u32(7).u16(8).raw(&[4, 0]);
        }
        self.0.raw(octets);
        self
    }

    pub fn raw(mut self, octets: &[u8]) -> Self {
        self.0.raw(octets);
        self
    }

    pub fn build(self) -> Vec<u8> {
        self.0.octets
    }
}

pub struct PcapngWriter(pub Writer);

impl PcapngWriter {
    pub fn new(order: Order) -> Self {
        Self(Writer::new(order)).section(order)
    }

    pub fn section(mut self, order: Order) -> Self {
        self.0.order = order;
        self.block(0x0a0d_0d0a, |body| {
            body.u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]);
        })
    }

    pub fn block(mut self, kind: u32, body: impl FnOnce(&mut Writer)) -> Self {
        let mut inner = Writer::new(self.0.order);
        body(&mut inner);
        inner.pad();
        let total = u32::try_from(inner.octets.len() + 12).unwrap();
        self.0.u32(kind).u32(total).raw(&inner.octets).u32(total);
        self
    }

    pub fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Self {
        self.block(1, |body| {
            body.u16(link).u16(0).u32(snap_length);
            write_options(body, options);
        })
    }

    pub fn packet(self, interface: u32, ticks: u64, wire: u32, octets: &[u8]) -> Self {
        self.packet_with(interface, ticks, wire, octets, &[])
    }

    pub fn packet_with(self, interface: u32, ticks: u64, wire: u32, octets: &[u8], options: &[(u16, &[u8])]) -> Self {
        self.block(6, |body| {
            body.u32(interface);
            write_packet(body, ticks, wire, octets);
            write_options(body, options);
        })
    }

    pub fn obsolete_packet(self, interface: u16, ticks: u64, wire: u32, octets: &[u8]) -> Self {
        self.block(2, |body| {
            body.u16(interface).u16(0xffff);
            write_packet(body, ticks, wire, octets);
        })
    }

    pub fn simple_packet(self, wire: u32, octets: &[u8]) -> Self {
        self.block(3, |body| {
            body.u32(wire).raw(octets);
        })
    }

    pub fn build(self) -> Vec<u8> {
        self.0.octets
    }
}

fn write_packet(body: &mut Writer, ticks: u64, wire: u32, octets: &[u8]) {
    let captured = u32::try_from(octets.len()).unwrap();
    body.u32(u32::try_from(ticks >> 32).unwrap()).u32(u32::try_from(ticks & 0xffff_ffff).unwrap());
    body.u32(captured).u32(wire).raw(octets).pad();
}

fn write_options(body: &mut Writer, options: &[(u16, &[u8])]) {
    for (code, value) in options {
        body.u16(*code).u16(u16::try_from(value.len()).unwrap()).raw(value).pad();
    }
    if !options.is_empty() {
        body.u32(0);
    }
}

/// One capture of each format and byte order, with every kind of record in it.
pub fn all() -> Vec<Vec<u8>> {
    let mut captures = vec![];
    for order in [Order::Little, Order::Big] {
        for magic in [MICRO, NANO, KUZNETZOV] {
            captures.push(pcap(order, magic));
        }
    }
    captures.push(pcapng(Order::Little, Order::Big));
    captures.push(pcapng(Order::Big, Order::Little));
    captures
}

pub fn pcap(order: Order, magic: u32) -> Vec<u8> {
    PcapWriter::new(order, magic, 65_535, 1)
        .record(1_700_000_000, 5, 60, &[1; 60])
        .record(1_700_000_001, 999_999, 1500, &[2; 33])
        .record(1_700_000_001, 0, 0, &[])
        .record(1_700_000_002, 7, 14, &[3; 14])
        .build()
}

pub fn pcapng(first: Order, second: Order) -> Vec<u8> {
    PcapngWriter::new(first)
        .interface(1, 0, &[(2, b"eth0"), (9, &[9])])
        .interface(101, 20, &[])
        .packet(0, 1_700_000_000_000_000_005, 61, &[1; 61])
        .block(5, |body| {
            body.raw(b"statistics");
        })
        .packet(1, 1_700_000_001_000_000, 20, &[2; 20])
        .simple_packet(100, &[3; 100])
        .packet(9, 1, 5, &[4; 5])
        .section(second)
        .interface(113, 50, &[(9, &[0x8a])])
        .obsolete_packet(0, 1_700_000_002 << 10, 90, &[5; 50])
        .simple_packet(90, &[6; 50])
        .packet_with(0, (1_700_000_002 << 10) + 512, 10, &[7; 10], &[(1, b"seen")])
        .build()
}
