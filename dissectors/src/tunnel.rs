//! Mirrors that reach the sensor through a network: the copied frame within the packet that carries it.
//!
//! GRE (RFC 2784, 2890) with ERSPAN types I, II and III (draft-foschiano-erspan-03), NVGRE (RFC 7637) or plain IP; over
//! UDP VXLAN (RFC 7348), VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe), Geneve (RFC 8926), HP's encapsulated remote mirroring and
//! TZSP. What is carried counts; the conversation that carries it does not.

use crate::decode::{IPV4, IPV6, Ip, Udp};

/// The IANA number of GRE.
pub const GRE: u8 = 47;

/// `EtherType` of a whole Ethernet frame (transparent Ethernet bridging).
const ETHERNET: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;

/// Ports of tunnels over UDP. Geneve's and HP's are the receiver's; VXLAN has an older one on Linux.
const VXLAN: u16 = 4789;
const VXLAN_ON_LINUX: u16 = 8472;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const HP_ERM: u16 = 7932;
const TZSP: u16 = 37008;
/// All of these: what goes to one of them may be a tunnel.
pub const PORTS: [u16; 6] = [VXLAN, VXLAN_ON_LINUX, VXLAN_GPE, GENEVE, HP_ERM, TZSP];

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried<'a> {
    /// How: `gre`, `erspan_1`, `erspan_2`, `erspan_3`, `vxlan`, `geneve`, `hp_erm`, `tzsp`.
    pub tunnel: &'static str,
    /// `EtherType` of the content; none for a whole Ethernet frame.
    pub ether_type: Option<u16>,
    /// VLAN that the tunnel's header names for a frame that has no tag, 0 for none.
    pub vlan: u16,
    /// The content.
    pub octets: &'a [u8],
}

/// What a GRE packet carries; none where it carries something that no frame is in.
#[must_use]
pub fn gre<'a>(ip: &Ip<'a>) -> Option<Carried<'a>> {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    let ([flags, version, t0, t1], rest) = ip.payload.split_first_chunk::<4>()?;
    if version & 0x07 != 0 || flags & ROUTING != 0 {
        return None;
    }
    let optional = [CHECKSUM, KEY, SEQUENCE].iter().filter(|bit| flags & **bit != 0).count();
    let octets = rest.get(optional.wrapping_mul(4)..)?;
    match u16::from_be_bytes([*t0, *t1]) {
        // Type I has neither a sequence number nor a header of its own.
        ERSPAN if flags & SEQUENCE == 0 => Some(Carried { tunnel: "erspan_1", ether_type: None, vlan: 0, octets }),
        ERSPAN => erspan_2(octets),
        ERSPAN_III => erspan_3(octets),
        ETHERNET => Some(Carried { tunnel: "gre", ether_type: None, vlan: 0, octets }),
        kind @ (IPV4 | IPV6 | 0x8847 | 0x8100 | 0x88a8) => Some(Carried { tunnel: "gre", ether_type: Some(kind), vlan: 0, octets }),
        _ => None,
    }
}

/// Version 1 and VLAN (16 bits), class, encapsulation, truncated and session (16), reserved and index (32).
fn erspan_2(octets: &[u8]) -> Option<Carried<'_>> {
    let ([v0, v1, _, _, _, _, _, _], octets) = octets.split_first_chunk::<8>()?;
    (v0 >> 4 == 1).then_some(Carried { tunnel: "erspan_2", ether_type: None, vlan: u16::from_be_bytes([*v0, *v1]) & 0x0fff, octets })
}

/// Version 2 and VLAN (16 bits), class, encapsulation and session (16), time stamp (32), security group (16), frame type and
/// flags (16); the last flag says that 8 octets of the platform follow.
fn erspan_3(octets: &[u8]) -> Option<Carried<'_>> {
    let ([v0, v1, _, _, _, _, _, _, _, _, kind, flags], rest) = octets.split_first_chunk::<12>()?;
    let octets = if flags & 1 == 1 { rest.get(8..)? } else { rest };
    let ether_type = match kind >> 2 & 0x1f {
        0 => None,
        2 => Some(if octets.first()? >> 4 == 6 { IPV6 } else { IPV4 }),
        _ => return None,
    };
    (v0 >> 4 == 2).then_some(Carried { tunnel: "erspan_3", ether_type, vlan: u16::from_be_bytes([*v0, *v1]) & 0x0fff, octets })
}

/// What a datagram to a tunnel's port carries; none where it does not have that tunnel's header.
#[inline]
#[must_use]
pub fn udp<'a>(datagram: &Udp<'a>) -> Option<Carried<'a>> {
    match datagram.destination {
        VXLAN | VXLAN_ON_LINUX | VXLAN_GPE | GENEVE | HP_ERM | TZSP => open(datagram),
        _ => None,
    }
}

#[cold]
fn open<'a>(datagram: &Udp<'a>) -> Option<Carried<'a>> {
    let payload = datagram.payload;
    match datagram.destination {
        // Flags, of which the one for a valid network identifier is set; reserved; identifier, reserved.
        VXLAN | VXLAN_ON_LINUX => match payload {
            [flags, _, _, _, _, _, _, _, octets @ ..] if flags & 0x08 != 0 => frame("vxlan", octets),
            _ => None,
        },
        VXLAN_GPE => match payload {
            [flags, _, _, next, _, _, _, _, octets @ ..] if flags & 0x0c == 0x0c => match next {
                1 => Some(Carried { tunnel: "vxlan", ether_type: Some(IPV4), vlan: 0, octets }),
                2 => Some(Carried { tunnel: "vxlan", ether_type: Some(IPV6), vlan: 0, octets }),
                3 => frame("vxlan", octets),
                _ => None,
            },
            [flags, _, _, _, _, _, _, _, octets @ ..] if flags & 0x08 != 0 => frame("vxlan", octets),
            _ => None,
        },
        GENEVE => {
            let ([version, _, t0, t1, _, _, _, _], rest) = payload.split_first_chunk::<8>()?;
            let octets = rest.get(usize::from(version & 0x3f).wrapping_mul(4)..)?;
            match (version >> 6, u16::from_be_bytes([*t0, *t1])) {
                (0, ETHERNET) => frame("geneve", octets),
                (0, kind @ (IPV4 | IPV6)) => Some(Carried { tunnel: "geneve", ether_type: Some(kind), vlan: 0, octets }),
                _ => None,
            }
        }
        // Eight octets that nobody documents; one more, priority, VLAN and whether the frame was tagged.
        HP_ERM => {
            let ([_, _, _, _, _, _, _, _, _, v0, v1, v2], octets) = payload.split_first_chunk::<12>()?;
            let vlan = if v2 & 0x80 == 0 { 0 } else { u16::from_be_bytes([*v0, *v1]) & 0x0fff };
            Some(Carried { vlan, ..frame("hp_erm", octets)? })
        }
        // Version 1, kind "received packet", protocol Ethernet; tagged fields up to the one that ends them.
        _ => {
            let [1, 0, 0, 1, fields @ ..] = payload else { return None };
            let mut rest = fields;
            loop {
                rest = match rest {
                    [1, octets @ ..] => return frame("tzsp", octets),
                    [0, rest @ ..] => rest,
                    [_, length, rest @ ..] => rest.get(usize::from(*length)..)?,
                    _ => return None,
                };
            }
        }
    }
}

/// A whole Ethernet frame, where there is room for its header.
fn frame<'a>(tunnel: &'static str, octets: &'a [u8]) -> Option<Carried<'a>> {
    (octets.len() >= 14).then_some(Carried { tunnel, ether_type: None, vlan: 0, octets })
}
