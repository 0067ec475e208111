//! Services on Ethernet that are named and not read: process buses, clocks, redundancy, loop prevention, access control.
//! What each probe looks at stands beside it; the `EtherType`s are those of the IEEE's list, LLC those of ISO/IEC 8802-2.

use super::probing::{possible, sure};
use super::{Likeness, Protocol};

/// GOOSE (IEC 61850-8-1 annex C): application 2, length 2 of it all, reserved 4, then the message, tagged APPLICATION 1.
pub(super) static GOOSE: Protocol = Protocol { name: "goose", ether_types: &[0x88b8], probe: goose, ..Protocol::SERVICE };

fn goose(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [_, _, l0, l1, _, _, _, _, 0x61, ..] if u16::from_be_bytes([*l0, *l1]) > 8))
}

/// Sampled values (IEC 61850-9-2 annex C): as GOOSE, tagged APPLICATION 0.
pub(super) static SV: Protocol = Protocol { name: "sv", ether_types: &[0x88ba], probe: sampled_values, ..Protocol::SERVICE };

fn sampled_values(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [_, _, l0, l1, _, _, _, _, 0x60, ..] if u16::from_be_bytes([*l0, *l1]) > 8))
}

/// EtherCAT (IEC 61158-4-12): length 11 bits, least significant octet first, reserved 1 bit, kind 4 bits: 1 datagrams,
/// 4 network variables, 5 mailbox. The same over UDP.
pub(super) static ETHERCAT: Protocol =
    Protocol { name: "ethercat", ether_types: &[0x88a4], udp_ports: &[0x88a4], probe: ethercat, ..Protocol::SERVICE };

fn ethercat(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [low, high, _, ..] if matches!(high >> 4, 1 | 4 | 5) && high & 0x08 == 0 && (*low, high & 0x07) != (0, 0)))
}

/// POWERLINK (EPSG DS 301 section 4.6): kind of message, destination, source; kind 6 then has its service. Over UDP,
/// kind 6 alone, without source.
pub(super) static POWERLINK: Protocol =
    Protocol { name: "powerlink", ether_types: &[0x88ab], udp_ports: &[3819], probe: powerlink, ..Protocol::SERVICE };

fn powerlink(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [1 | 3 | 4 | 5 | 7 | 0x0d, _, 1..=0xff, ..] | [6, _, _, 1..=6 | 0xa0..=0xfe, ..]))
}

/// Sercos III (IEC 61158-4-19): kind of telegram and its number 1, phase of communication 1, checksum 4.
pub(super) static SERCOS: Protocol = Protocol { name: "sercos", ether_types: &[0x88cd], probe: sercos, ..Protocol::SERVICE };

fn sercos(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [kind, phase, _, _, _, _, ..] if kind & 0x0c == 0 && matches!(phase & 0x0f, 0..=4 | 8)))
}

/// PTP (IEEE 1588): kind of message in the low and profile in the high half 1, version 1, length 2; the first edition has
/// the versions of clock and network, 2 each.
pub(super) static PTP: Protocol = Protocol { name: "ptp", ether_types: &[0x88f7], udp_ports: &[319, 320], probe: ptp, ..Protocol::SERVICE };

fn ptp(octets: &[u8]) -> Likeness {
    possible(match octets {
        [kind, version, l0, l1, _, _, ..] if version & 0x0f == 2 => {
            matches!(kind & 0x0f, 0..=3 | 8..=13) && u16::from_be_bytes([*l0, *l1]) >= 34
        }
        [0, 1, 0, 1, _, _, ..] => true,
        _ => false,
    })
}

/// MRP, media redundancy (IEC 62439-2): version 2, then kind of the first element 1 and its length 1.
pub(super) static MRP: Protocol = Protocol { name: "mrp", ether_types: &[0x88e3], probe: mrp, ..Protocol::SERVICE };

fn mrp(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0, 1, 1..=9 | 0x7f, 1..=0xff, ..]))
}

/// Supervision of PRP and HSR (IEC 62439-3): path 4 bits and version 12, sequence 2, kind of node 1 and length 1.
pub(super) static SUPERVISION: Protocol = Protocol { name: "hsr_prp", ether_types: &[0x88fb], probe: supervision, ..Protocol::SERVICE };

fn supervision(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [high, 0 | 1, _, _, 20..=23 | 30, 6 | 12, ..] if high.trailing_zeros() >= 4))
}

/// Spanning tree (IEEE 802.1D and 802.1Q): LLC 42 42 03, protocol 2, version 1, kind 1; Cisco's in SNAP.
pub(super) static STP: Protocol = Protocol { name: "stp", ether_types: &[0], probe: spanning_tree, ..Protocol::SERVICE };

fn spanning_tree(octets: &[u8]) -> Likeness {
    let message = match octets {
        [0x42, 0x42, 0x03, message @ ..] | [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x01, 0x0b, message @ ..] => message,
        _ => &[],
    };
    possible(matches!(message, [0, 0, 0 | 2..=4, 0x00 | 0x02 | 0x80, ..]))
}

/// Port access control (IEEE 802.1X): version 1, kind 1, length 2.
pub(super) static EAPOL: Protocol = Protocol { name: "eapol", ether_types: &[0x888e], probe: access_control, ..Protocol::SERVICE };

fn access_control(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [1..=3, 0..=8, l0, l1, rest @ ..] if usize::from(u16::from_be_bytes([*l0, *l1])) <= rest.len()))
}

/// CC-Link IE. Its frames are not published; the `EtherType` is its alone.
pub(super) static CCLINK_IE: Protocol = Protocol { name: "cclink_ie", ether_types: &[0x890f], probe: cclink_ie, ..Protocol::SERVICE };

fn cclink_ie(octets: &[u8]) -> Likeness {
    possible(octets.len() >= 16)
}

/// Configuration testing (Ethernet version 2.0 section 8): octets to skip 2, function 2: 1 reply, 2 forward, least
/// significant octet first.
pub(super) static LOOPBACK: Protocol = Protocol { name: "loopback", ether_types: &[0x9000], probe: loopback, ..Protocol::SERVICE };

fn loopback(octets: &[u8]) -> Likeness {
    let Some(([low, high], rest)) = octets.split_first_chunk() else { return Likeness::No };
    let skipped = usize::from(u16::from_le_bytes([*low, *high]));
    possible(matches!(rest.get(skipped..), Some([1 | 2, 0, ..])))
}

/// `HomePlug` AV: version 1, kind of message 2; `MediaXtream` likewise.
pub(super) static HOMEPLUG: Protocol = Protocol { name: "homeplug", ether_types: &[0x88e1, 0x8912], probe: homeplug, ..Protocol::SERVICE };

fn homeplug(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0..=2, _, _, _, ..]))
}

/// Wake on LAN: six octets of ones, then the address of who is to wake up, sixteen times.
pub(super) static WAKE: Protocol = Protocol { name: "wol", ether_types: &[0x0842], udp_ports: &[7, 9], probe: wake, ..Protocol::SERVICE };

fn wake(octets: &[u8]) -> Likeness {
    let Some(([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], rest)) = octets.split_first_chunk() else { return Likeness::No };
    let Some(addresses) = rest.get(..96) else { return Likeness::No };
    let (first, _) = rest.split_at(6);
    // Nobody's address is the one of all.
    sure(*first != [0xff; 6] && addresses.chunks_exact(6).all(|address| address == first))
}

/// `MACsec` (IEEE 802.1AE section 9.3): version 1 bit, flags; short length in 6 bits.
pub(super) static MACSEC: Protocol = Protocol { name: "macsec", ether_types: &[0x88e5], probe: macsec, ..Protocol::SERVICE };

fn macsec(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0..=0x7f, 0..=47, _, _, _, _, ..]))
}

/// Link aggregation (IEEE 802.1AX): subtype of the slow protocols 1: 1 aggregation, 2 marker; version 1.
pub(super) static LACP: Protocol = Protocol { name: "lacp", ether_types: &[0x8809], probe: link_aggregation, ..Protocol::SERVICE };

fn link_aggregation(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [1 | 2, 1 | 2, 1, 16 | 20, ..]))
}

/// The other slow protocols (IEEE 802.3 annex 57A): 3 maintenance (OAM), 10 those of organisations.
pub(super) static SLOW: Protocol = Protocol { name: "slow", ether_types: &[0x8809], probe: slow, ..Protocol::SERVICE };

fn slow(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [3 | 10, _, _, _, ..]))
}

/// IS-IS (ISO/IEC 10589): LLC FE FE 03, protocol 0x83, length of the header 1, version 1: 1.
pub(super) static ISIS: Protocol = Protocol { name: "isis", ether_types: &[0], probe: isis, ..Protocol::SERVICE };

fn isis(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0xfe, 0xfe, 0x03, 0x83, 8..=0xff, 1, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// Fronts of messages, of the captures that the comments name, else written after the standards.
    const FRONTS: &[(&Protocol, &str)] = &[
        (&GOOSE, "2000006c000000006162800331313181050000"), // ITI/ICS-Security-Tools, GOOSE_DEMO.pcap
        (&SV, "40000289000000006082027d800105a2820276307c"), // EmreEkin/ICS-Pcaps, 9-2-sv.pcap
        (&ETHERCAT, "0d1008010000030101000000000000"),      // ethercrab-rs/ethercrab, soem-sdinfo-no-slaves.pcapng
        (&POWERLINK, "06000005"),                           // EmreEkin/ICS-Pcaps, epl.pcap
        (&STP, "424203000002023c8003001ef6735980000000008003001ef673598080010000"), // ITI/ICS-Security-Tools, EIP-ChangeDateAttempt.pcap
        (&LOOPBACK, "00000100000000000000"),                // ITI/ICS-Security-Tools, EIP-LockPLCAttempt.pcap
        (&POWERLINK, "01ff f000 00"),
        (&SERCOS, "4004 00000000 0000"),
        (&PTP, "0002 002c 0000 0200"),
        (&PTP, "0001 0001 5f44464c54"),
        (&MRP, "0001 0212 8000 020000000001"),
        (&SUPERVISION, "0001 0007 170c 020000000001"),
        (&STP, "aaaa0300000c010b 0000 02 02 3c"),
        (&EAPOL, "01 01 0000"),
        (&CCLINK_IE, "10000000000000000000000000000000"),
        (&HOMEPLUG, "01 60a0 0000"),
        (
            &WAKE,
            "ffffffffffff 020000000001020000000001020000000001020000000001020000000001020000000001020000000001020000000001\
            020000000001020000000001020000000001020000000001020000000001020000000001020000000001020000000001",
        ),
        (&MACSEC, "2c00 00000001"),
        (&LACP, "01 01 01 14 8000"),
        (&SLOW, "03 0050 00 01"),
        (&ISIS, "fefe03 83 1b 01 00 0f"),
    ];

    #[test]
    fn each_is_known_by_its_front() {
        for (protocol, front) in FRONTS {
            assert_ne!((protocol.probe)(&hex(front)), Likeness::No, "{}", protocol.name);
        }
    }

    #[test]
    fn none_is_known_by_nothing_or_by_zeros() {
        for (protocol, front) in FRONTS {
            assert_eq!((protocol.probe)(&[]), Likeness::No, "{}", protocol.name);
            assert_eq!((protocol.probe)(&[0xee; 60]) == Likeness::No, protocol.name != "cclink_ie", "{}", protocol.name);
            for length in 0..hex(front).len() {
                let _ = (protocol.probe)(&hex(front)[..length]);
            }
        }
    }
}
