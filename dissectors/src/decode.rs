//! From a frame to its transport payload: link layer, tags, IP, TCP and UDP headers.
//!
//! Ethernet II and 802.3 with LLC/SNAP (IEEE 802.3, 802.2), 802.1Q and 802.1ad tags, MPLS (RFC 3032), `PPPoE`
//! (RFC 2516), HSR tags (IEC 62439-3), IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), Linux
//! cooked v1 and v2, raw IP and BSD loopback. What follows the IP total length (padding, PRP trailers) is no payload.
//! Nothing is copied; a frame that the snap length cut gives what is there.

use core::fmt;

use crate::source::LinkType;
use crate::tunnel::Carried;

/// A MAC address in the low 48 bits; [`Mac::NONE`] where the link has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub u64);

impl Mac {
    /// No address on this link.
    pub const NONE: Self = Self(u64::MAX);

    /// True for multicast and broadcast addresses.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0 != Self::NONE.0 && self.0 & 1 << 40 != 0
    }

    /// To everybody.
    pub const BROADCAST: Self = Self(0xffff_ffff_ffff);

    /// A MAC address from its octets.
    #[must_use]
    pub const fn new([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// An IP address as a number: IPv6 as it is, IPv4 in its mapped form (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub u128);

impl Address {
    /// No IP address.
    pub const NONE: Self = Self(0);
    const MAPPED: u128 = 0xffff_0000_0000;

    /// An IPv4 address.
    #[must_use]
    pub const fn v4(octets: [u8; 4]) -> Self {
        Self(Self::MAPPED | u32::from_be_bytes(octets) as u128)
    }

    /// The IPv4 address with that number.
    #[must_use]
    pub const fn of_v4(number: u64) -> Self {
        Self(Self::MAPPED | (number & 0xffff_ffff) as u128)
    }

    /// The lower and the upper half.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    pub const fn halves(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    /// The IPv6 address of those octets.
    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }

    /// True for the unspecified address, 0.0.0.0 or `::`.
    #[must_use]
    pub const fn is_unspecified(self) -> bool {
        self.0 == Self::MAPPED || self.0 == Self::NONE.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&core::net::Ipv6Addr::from(self.0).to_canonical(), formatter)
    }
}

/// Link addresses and tag of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Sender's MAC address.
    pub source: Mac,
    /// Receiver's MAC address.
    pub destination: Mac,
    /// Innermost VLAN identifier, 0 where the frame has none (or only a priority tag).
    pub vlan: u16,
}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// First octet of the payload in the whole datagram's payload.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
}

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Ip<'a> {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub destination: Address,
    /// Number of the transport protocol (IANA).
    pub protocol: u8,
    /// Identification field, 0 where there is none.
    pub identification: u32,
    /// Hops that are left to it.
    pub time_to_live: u8,
    /// Set where this is a piece of a larger datagram.
    pub fragment: Option<Fragment>,
    /// Payload as far as it was captured.
    pub payload: &'a [u8],
    /// Octets of payload that were on the wire.
    pub length: usize,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// An IP packet.
    Ip(Link, Ip<'a>),
    /// Another network protocol, by its `EtherType`, and what follows it (0: an LLC frame, from its LLC header on).
    Other(Link, u16, &'a [u8]),
    /// A link type that is not decoded.
    Unsupported,
    /// Headers that lie or end early.
    Malformed(&'static str),
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// Sender's port.
    pub source: u16,
    /// Receiver's port.
    pub destination: u16,
    /// Number of the first octet.
    pub sequence: u32,
    /// Next octet expected of the other side, where ACK is set.
    pub acknowledgement: u32,
    /// Control bits.
    pub flags: u8,
    /// Octets that the sender is ready to receive.
    pub window: u16,
    /// Checksum of header and payload, which no router changes.
    pub checksum: u16,
    /// Options, as they stand.
    pub options: &'a [u8],
    /// Payload as far as it was captured.
    pub payload: &'a [u8],
    /// Octets of payload that were on the wire.
    pub length: usize,
}

impl Tcp<'_> {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 0x10;

    /// True where all of these bits are set.
    #[must_use]
    pub const fn has(&self, bits: u8) -> bool {
        self.flags & bits == bits
    }
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    /// Sender's port.
    pub source: u16,
    /// Receiver's port.
    pub destination: u16,
    /// Checksum of header and payload, which no router changes; 0 for none.
    pub checksum: u16,
    /// Payload as far as it was captured.
    pub payload: &'a [u8],
    /// Octets of payload that were on the wire.
    pub length: usize,
}

/// IANA number of ICMP.
pub const ICMP: u8 = 1;
/// IANA number of TCP.
pub const TCP: u8 = 6;
/// IANA number of UDP.
pub const UDP: u8 = 17;
/// IANA number of ICMPv6.
pub const ICMP_V6: u8 = 58;

/// Tags, labels and extension headers that are followed before a frame is called malformed.
const DEEPEST: usize = 16;

/// `EtherType` of IPv4.
pub const IPV4: u16 = 0x0800;
/// The same of IPv6.
pub const IPV6: u16 = 0x86dd;

/// Of frames that have no link layer addresses.
const NO_LINK: Link = Link { source: Mac::NONE, destination: Mac::NONE, vlan: 0 };

/// Decode one frame down to its network layer.
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: saves 70 instructions a frame, the packet is never written to memory")]
#[must_use]
pub fn decode(link: LinkType, frame: &[u8]) -> Decoded<'_> {
    match link {
        LinkType::ETHERNET => ethernet(frame),
        LinkType::LINUX_SLL => match frame.split_first_chunk::<16>() {
            Some(([_, _, _, _, 0, 6, a, b, c, d, e, f, _, _, t0, t1], rest)) => {
                network(Link { source: Mac::new([*a, *b, *c, *d, *e, *f]), ..NO_LINK }, u16::from_be_bytes([*t0, *t1]), rest)
            }
            Some(([.., t0, t1], rest)) => network(NO_LINK, u16::from_be_bytes([*t0, *t1]), rest),
            None => Decoded::Malformed("cooked header cut off"),
        },
        LinkType::LINUX_SLL2 => match frame.split_first_chunk::<20>() {
            Some(([t0, t1, _, _, _, _, _, _, _, _, _, 6, a, b, c, d, e, f, _, _], rest)) => {
                network(Link { source: Mac::new([*a, *b, *c, *d, *e, *f]), ..NO_LINK }, u16::from_be_bytes([*t0, *t1]), rest)
            }
            Some(([t0, t1, ..], rest)) => network(NO_LINK, u16::from_be_bytes([*t0, *t1]), rest),
            None => Decoded::Malformed("cooked header cut off"),
        },
        // The address family is in the byte order of the machine that captured; its numbers differ by system.
        LinkType::NULL | LinkType::LOOP => match frame.split_first_chunk::<4>() {
            Some(([2, 0, 0, 0] | [0, 0, 0, 2], rest)) => network(NO_LINK, IPV4, rest),
            Some(([10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 10 | 24 | 28 | 30], rest)) => network(NO_LINK, IPV6, rest),
            Some((_, rest)) => Decoded::Other(NO_LINK, 0, rest),
            None => Decoded::Malformed("loopback header cut off"),
        },
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => raw(NO_LINK, frame),
        _ => Decoded::Unsupported,
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: saves 70 instructions a frame, the packet is never written to memory")]
fn ethernet(frame: &[u8]) -> Decoded<'_> {
    // Eight octets at a time: the destination with the front of the source, the source with the EtherType.
    let (Some(front), Some(rest)) = (frame.first_chunk::<8>(), frame.get(6..)) else {
        return Decoded::Malformed("Ethernet header cut off");
    };
    let Some((back, rest)) = rest.split_first_chunk::<8>() else { return Decoded::Malformed("Ethernet header cut off") };
    let (front, back) = (u64::from_be_bytes(*front), u64::from_be_bytes(*back));
    let link = Link { source: Mac(back >> 16), destination: Mac(front >> 16), vlan: 0 };
    network(link, (back & 0xffff) as u16, rest)
}

/// Decode what a tunnel carries.
#[must_use]
pub fn carried<'a>(carried: &Carried<'a>) -> Decoded<'a> {
    let decoded = match carried.ether_type {
        Some(kind) => network(NO_LINK, kind, carried.octets),
        None => ethernet(carried.octets),
    };
    let of_tunnel = |link: Link| if link.vlan == 0 { Link { vlan: carried.vlan, ..link } } else { link };
    match decoded {
        Decoded::Ip(link, ip) => Decoded::Ip(of_tunnel(link), ip),
        Decoded::Other(link, kind, octets) => Decoded::Other(of_tunnel(link), kind, octets),
        other => other,
    }
}

/// Follow tags and encapsulations from an `EtherType` on.
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: saves 70 instructions a frame, the packet is never written to memory")]
fn network(mut link: Link, ether_type: u16, octets: &[u8]) -> Decoded<'_> {
    let (mut kind, mut rest) = (ether_type, octets);
    for _ in 0..DEEPEST {
        match kind {
            IPV4 => return ipv4(link, rest),
            IPV6 => return ipv6(link, rest),
            // 802.1Q, 802.1ad and the older numbers for stacked tags: tag control information, EtherType.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let Some(([c0, c1, t0, t1], inner)) = rest.split_first_chunk::<4>() else { return Decoded::Malformed("VLAN tag cut off") };
                link.vlan = u16::from_be_bytes([*c0, *c1]) & 0x0fff;
                (kind, rest) = (u16::from_be_bytes([*t0, *t1]), inner);
            }
            // HSR tag: path and size, sequence number, EtherType (IEC 62439-3 section 5.7).
            0x892f => {
                let Some(([_, _, _, _, t0, t1], inner)) = rest.split_first_chunk::<6>() else {
                    return Decoded::Malformed("HSR tag cut off");
                };
                (kind, rest) = (u16::from_be_bytes([*t0, *t1]), inner);
            }
            0x8847 | 0x8848 => return mpls(link, rest),
            // PPPoE session: version and type, code, session, length; then the PPP protocol.
            0x8864 => {
                let Some(([_, _, _, _, _, _, p0, p1], inner)) = rest.split_first_chunk::<8>() else {
                    return Decoded::Malformed("PPPoE header cut off");
                };
                kind = match u16::from_be_bytes([*p0, *p1]) {
                    0x0021 => IPV4,
                    0x0057 => IPV6,
                    _ => return Decoded::Other(link, kind, rest),
                };
                rest = inner;
            }
            // Up to 1500 the field is a length (IEEE 802.3) and LLC follows; Linux cooked frames say 4 for LLC.
            0..=1500 => match rest {
                // SNAP with OUI 00-00-00 carries an EtherType.
                [0xaa, 0xaa, 0x03, 0, 0, 0, t0, t1, inner @ ..] => (kind, rest) = (u16::from_be_bytes([*t0, *t1]), inner),
                [0x06, 0x06, 0x03, inner @ ..] => (kind, rest) = (IPV4, inner),
                _ => return Decoded::Other(link, 0, rest),
            },
            _ => return Decoded::Other(link, kind, rest),
        }
    }
    Decoded::Malformed("too many tags")
}

/// MPLS labels down to the bottom of the stack; what follows is told by its first nibble.
fn mpls(link: Link, octets: &[u8]) -> Decoded<'_> {
    let mut rest = octets;
    for _ in 0..DEEPEST {
        let Some(([_, _, bottom, _], inner)) = rest.split_first_chunk::<4>() else { return Decoded::Malformed("MPLS label cut off") };
        rest = inner;
        if bottom & 1 == 1 {
            return match rest {
                [first, ..] if matches!(first >> 4, 4 | 6) => raw(link, rest),
                // A pseudowire's control word begins with nibble 0 (RFC 4385); an Ethernet frame follows.
                [0x00..=0x0f, _, _, _, frame @ ..] => ethernet(frame),
                _ => Decoded::Other(link, 0x8847, rest),
            };
        }
    }
    Decoded::Malformed("too many MPLS labels")
}

fn raw(link: Link, octets: &[u8]) -> Decoded<'_> {
    match octets.first().map(|first| first >> 4) {
        Some(4) => ipv4(link, octets),
        Some(6) => ipv6(link, octets),
        _ => Decoded::Malformed("neither IPv4 nor IPv6"),
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: saves 70 instructions a frame, the packet is never written to memory")]
fn ipv4(link: Link, octets: &[u8]) -> Decoded<'_> {
    let Some((header, rest)) = octets.split_first_chunk::<20>() else { return Decoded::Malformed("IPv4 header cut off") };
    let ([[version, _, l0, l1], [i0, i1, f0, f1], [time_to_live, protocol, _, _], source, destination], _) = header.as_chunks::<4>() else {
        return Decoded::Malformed("IPv4 header cut off");
    };
    if version >> 4 != 4 || version & 0x0f < 5 {
        return Decoded::Malformed("IPv4 header with a wrong version or length");
    }
    let header_length = usize::from(version & 0x0f).wrapping_mul(4);
    let Some(rest) = rest.get(header_length.saturating_sub(20)..) else { return Decoded::Malformed("IPv4 options cut off") };
    // A total length of 0 is left to the card by hosts that offload segmentation: take what is there.
    let length = match usize::from(u16::from_be_bytes([*l0, *l1])) {
        0 => rest.len(),
        total => match total.checked_sub(header_length) {
            Some(length) => length,
            None => return Decoded::Malformed("IPv4 total length shorter than its header"),
        },
    };
    let place = u16::from_be_bytes([*f0, *f1]);
    let fragment = (place & 0x3fff != 0).then(|| Fragment { offset: u32::from(place & 0x1fff).wrapping_mul(8), more: place & 0x2000 != 0 });
    Decoded::Ip(
        link,
        Ip {
            source: Address::v4(*source),
            destination: Address::v4(*destination),
            protocol: *protocol,
            identification: u32::from(u16::from_be_bytes([*i0, *i1])),
            time_to_live: *time_to_live,
            fragment,
            payload: rest.get(..length).unwrap_or(rest),
            length,
        },
    )
}

fn ipv6(link: Link, octets: &[u8]) -> Decoded<'_> {
    let Some(([version, _, _, _, l0, l1, next, hop_limit], rest)) = octets.split_first_chunk::<8>() else {
        return Decoded::Malformed("IPv6 header cut off");
    };
    let Some((source, rest)) = rest.split_first_chunk::<16>() else { return Decoded::Malformed("IPv6 header cut off") };
    let Some((destination, rest)) = rest.split_first_chunk::<16>() else { return Decoded::Malformed("IPv6 header cut off") };
    if version >> 4 != 6 {
        return Decoded::Malformed("IPv6 header with a wrong version");
    }
    let length = match usize::from(u16::from_be_bytes([*l0, *l1])) {
        0 => rest.len(),
        length => length,
    };
    let mut ip = Ip {
        source: Address(u128::from_be_bytes(*source)),
        destination: Address(u128::from_be_bytes(*destination)),
        protocol: *next,
        identification: 0,
        time_to_live: *hop_limit,
        fragment: None,
        payload: rest.get(..length).unwrap_or(rest),
        length,
    };
    for _ in 0..DEEPEST {
        let (units, unit, extra) = match (ip.protocol, ip.payload) {
            // A later fragment begins in the middle of the payload: no headers to follow.
            _ if ip.fragment.is_some_and(|fragment| fragment.offset != 0) => return Decoded::Ip(link, ip),
            (44, [_, _, o0, o1, i0, i1, i2, i3, ..]) => {
                let place = u16::from_be_bytes([*o0, *o1]);
                ip.identification = u32::from_be_bytes([*i0, *i1, *i2, *i3]);
                // An "atomic fragment" (RFC 6946) is whole.
                ip.fragment = (place & 0xfff9 != 0).then_some(Fragment { offset: u32::from(place & 0xfff8), more: place & 1 == 1 });
                (0, 8, 1)
            }
            (0 | 43 | 60 | 135 | 139 | 140, [_, units, ..]) => (usize::from(*units), 8, 1),
            (51, [_, units, ..]) => (usize::from(*units), 4, 2),
            (0 | 43 | 44 | 51 | 60 | 135 | 139 | 140, _) => return Decoded::Malformed("IPv6 extension header cut off"),
            _ => return Decoded::Ip(link, ip),
        };
        let size = units.saturating_add(extra).saturating_mul(unit);
        let (Some([next, ..]), Some(payload)) = (ip.payload.first_chunk::<1>(), ip.payload.get(size..)) else {
            return Decoded::Malformed("IPv6 extension header cut off");
        };
        (ip.protocol, ip.payload, ip.length) = (*next, payload, ip.length.saturating_sub(size));
        if ip.fragment.is_some() {
            return Decoded::Ip(link, ip);
        }
    }
    Decoded::Malformed("too many IPv6 extension headers")
}

/// The frames that nearly all of a plant are, in one go: Ethernet II with at most one tag, IPv4 without options or
/// fragments, TCP.
#[derive(Clone, Copy, Debug)]
pub struct Usual<'a> {
    /// Link layer.
    pub link: Link,
    /// Sender's address and port, `address << 16 | port`.
    pub source: u64,
    /// Receiver's.
    pub destination: u64,
    /// Identification of the datagram.
    pub identification: u16,
    /// Hops that are left to it.
    pub time_to_live: u8,
    /// The segment.
    pub segment: Tcp<'a>,
}

/// Decode a usual frame; none for all others, [`decode`] and [`tcp`] tell what those are. Says the same as those two.
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured: halves the instructions of the decoding of a frame")]
#[must_use]
pub fn usual(frame: &[u8]) -> Option<Usual<'_>> {
    let (front, _) = frame.split_first_chunk::<8>()?;
    let (back, mut rest) = frame.get(6..)?.split_first_chunk::<8>()?;
    let (front, back) = (u64::from_be_bytes(*front), u64::from_be_bytes(*back));
    let mut link = Link { source: Mac(back >> 16), destination: Mac(front >> 16), vlan: 0 };
    let mut kind = (back & 0xffff) as u16;
    if kind == 0x8100 {
        let (tag, inner) = rest.split_first_chunk::<4>()?;
        let tag = u32::from_be_bytes(*tag);
        link.vlan = (tag >> 16 & 0x0fff) as u16;
        (kind, rest) = ((tag & 0xffff) as u16, inner);
    }
    let (header, _) = rest.split_first_chunk::<40>()?;
    let (
        [[0x45, _, l0, l1], [i0, i1, f0, f1], [time_to_live, TCP, _, _], source, destination, ports, sequence, acknowledgement, last, sum],
        _,
    ) = header.as_chunks::<4>()
    else {
        return None;
    };
    let total = usize::from(u16::from_be_bytes([*l0, *l1]));
    let [offset, flags, w0, w1] = *last;
    let start = usize::from(offset >> 4).wrapping_mul(4);
    // The headers' end and the payload's, from the front of the IP header.
    let head = start.wrapping_add(20);
    if kind != IPV4 || u16::from_be_bytes([*f0, *f1]) & 0x3fff != 0 || start < 20 || total < head {
        return None;
    }
    let options = rest.get(40..head)?;
    let payload = rest.get(head..total.min(rest.len()))?;
    let ports = u32::from_be_bytes(*ports);
    let (source_port, destination_port) = ((ports >> 16) as u16, (ports & 0xffff) as u16);
    let [c0, c1, _, _] = *sum;
    Some(Usual {
        link,
        source: u64::from(u32::from_be_bytes(*source)) << 16 | u64::from(source_port),
        destination: u64::from(u32::from_be_bytes(*destination)) << 16 | u64::from(destination_port),
        identification: u16::from_be_bytes([*i0, *i1]),
        time_to_live: *time_to_live,
        segment: Tcp {
            source: source_port,
            destination: destination_port,
            sequence: u32::from_be_bytes(*sequence),
            acknowledgement: u32::from_be_bytes(*acknowledgement),
            flags,
            window: u16::from_be_bytes([w0, w1]),
            checksum: u16::from_be_bytes([c0, c1]),
            options,
            payload,
            length: total.wrapping_sub(head),
        },
    })
}

/// Read a TCP header; `None` where it is cut off or lies about its length.
#[inline]
#[must_use]
pub fn tcp(octets: &[u8], length: usize) -> Option<Tcp<'_>> {
    let (header, rest) = octets.split_first_chunk::<20>()?;
    let ([[s0, s1, d0, d1], sequence, acknowledgement, [offset, flags, w0, w1], [c0, c1, _, _]], _) = header.as_chunks::<4>() else {
        return None;
    };
    let options = usize::from(offset >> 4).checked_sub(5)?.wrapping_mul(4);
    let (options, payload) = rest.split_at_checked(options)?;
    Some(Tcp {
        source: u16::from_be_bytes([*s0, *s1]),
        destination: u16::from_be_bytes([*d0, *d1]),
        sequence: u32::from_be_bytes(*sequence),
        acknowledgement: u32::from_be_bytes(*acknowledgement),
        flags: *flags,
        window: u16::from_be_bytes([*w0, *w1]),
        checksum: u16::from_be_bytes([*c0, *c1]),
        options,
        payload,
        length: length.checked_sub(20)?.checked_sub(options.len())?,
    })
}

/// Read a UDP header; `None` where it is cut off or lies about its length.
#[inline]
#[must_use]
pub fn udp(octets: &[u8], length: usize) -> Option<Udp<'_>> {
    let ([s0, s1, d0, d1, l0, l1, c0, c1], rest) = octets.split_first_chunk::<8>()?;
    let length = match usize::from(u16::from_be_bytes([*l0, *l1])) {
        0 => length.checked_sub(8)?,
        told => told.checked_sub(8)?.min(length.checked_sub(8)?),
    };
    Some(Udp {
        source: u16::from_be_bytes([*s0, *s1]),
        destination: u16::from_be_bytes([*d0, *d1]),
        checksum: u16::from_be_bytes([*c0, *c1]),
        payload: rest.get(..length).unwrap_or(rest),
        length,
    })
}
