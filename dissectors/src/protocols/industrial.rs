//! Protocols of plants that are named and not read: each is told by the front, the length and, where it has one, the check code
//! of the first message of either side.
//!
//! ```text
//! ads            Beckhoff TE1000, AMS/TCP   0  0 0   2 length  6 target 8  14 source 8  22 command  24 flags  26 length of data
//!                AMS over UDP (captures)    0  03 66 14 71
//! bsap           (captures), over IP        0  0x000E  2 messages  4 function; serial 10 02 … 10 03 CRC
//! c1222          ANSI C12.22 5.3.1          ACSE with the called title first and EPSEM in its user information
//! cclink         CC-Link IE Field Basic     SLMP with command 0x0E70; CC-Link IE TSN: subheader 0x68, 0xE8
//! codesys        (captures)                 V3 over TCP 00 01 17 E8 length, over UDP C5; V2 BB BB length
//! egd            GE GFK-2224                0  0x0D  1 version 1  2 request  4 producer  8 exchange  12 time  …  32
//! fl_net         JIS B 3521                 "FACN"  4 length
//! ge_srtp        (captures)                 0 type  …  31 message  32 mailboxes  40 packet 1 of 1  42 service  …  56
//! genisys        GENISYS 2000               0 control 0xF1 to 0xFE  1 station  …  0xF6
//! iec104         IEC 60870-5-104 5          0  0x68  1 length  2 control  6 type  7 number of objects  8 cause  10 address  …
//! knx            ISO 22510, KNXnet/IP       0  6  1  0x10  2 service  4 length
//! melsec         SLMP BAP-C2006 (MC 3E, 4E) 0 subheader  2 route 5  7 length  9 timer or end code; MELSOFT 0x57, 0xD7
//! pcworx         (captures)                 0  1 1  2 length  …  "IBETH"
//! roc_plus       Emerson ROC Plus           0 destination 2  2 source 2  4 operation  5 length  6 data  CRC
//! sbus           Saia S-Bus over Ethernet   0 length  4 version  5 type  6 sequence  8 attribute  …  CRC
//! synchrophasor  IEEE C37.118.2 6.2         0  0xAA  1 type and version  2 length  4 identifier  6 time  …  CRC
//! tristation     (captures)                 0 type  1 channel  2 length, least significant first  4 data  CRC
//! ```

use super::probing::{ber, follow, possible, sure, u16_be, u16_le, u32_be, u32_le};
use super::{Likeness, Protocol};

pub(super) static ADS: Protocol = Protocol { name: "ads", tcp_ports: &[48898], udp_ports: &[48899], probe: ads, ..Protocol::NAMED };
pub(super) static BSAP: Protocol = Protocol { name: "bsap", udp_ports: &[1234, 1235], probe: bsap, ..Protocol::NAMED };
pub(super) static C1222: Protocol = Protocol { name: "c1222", tcp_ports: &[1153], udp_ports: &[1153], probe: c1222, ..Protocol::NAMED };
pub(super) static CCLINK: Protocol =
    Protocol { name: "cclink", udp_ports: &[45237, 45238, 45239, 61450, 61451], probe: cclink, ..Protocol::NAMED };
pub(super) static CODESYS: Protocol =
    Protocol { name: "codesys", tcp_ports: &[1200, 2455, 11740], udp_ports: &[1740, 1741, 1742, 1743], probe: codesys, ..Protocol::NAMED };
pub(super) static EGD: Protocol = Protocol { name: "egd", udp_ports: &[18246], probe: egd, ..Protocol::NAMED };
pub(super) static FL_NET: Protocol =
    Protocol { name: "fl_net", udp_ports: &[55000, 55001, 55002, 55003], probe: fl_net, ..Protocol::NAMED };
pub(super) static GE_SRTP: Protocol = Protocol { name: "ge_srtp", tcp_ports: &[18245], probe: ge_srtp, ..Protocol::NAMED };
pub(super) static GENISYS: Protocol =
    Protocol { name: "genisys", tcp_ports: &[10001], udp_ports: &[10001], probe: genisys, ..Protocol::NAMED };
pub(super) static IEC104: Protocol = Protocol { name: "iec104", tcp_ports: &[2404], probe: iec104, ..Protocol::NAMED };
pub(super) static KNX: Protocol = Protocol { name: "knx", tcp_ports: &[3671], udp_ports: &[3671], probe: knx, ..Protocol::NAMED };
pub(super) static MELSEC: Protocol =
    Protocol { name: "melsec", tcp_ports: &[5006, 5007], udp_ports: &[5006, 5007], probe: melsec, ..Protocol::NAMED };
pub(super) static PCWORX: Protocol = Protocol { name: "pcworx", tcp_ports: &[1962], probe: pcworx, ..Protocol::NAMED };
pub(super) static ROC_PLUS: Protocol =
    Protocol { name: "roc_plus", tcp_ports: &[4000], udp_ports: &[4000], probe: roc_plus, ..Protocol::NAMED };
pub(super) static SBUS: Protocol = Protocol { name: "sbus", udp_ports: &[5050], probe: sbus, ..Protocol::NAMED };
pub(super) static SYNCHROPHASOR: Protocol =
    Protocol { name: "synchrophasor", tcp_ports: &[4712, 4713], udp_ports: &[4712, 4713], probe: synchrophasor, ..Protocol::NAMED };
pub(super) static TRISTATION: Protocol = Protocol { name: "tristation", udp_ports: &[1502], probe: tristation, ..Protocol::NAMED };

/// The longest message whose check code is asked for, octets.
const LONGEST_CHECKED: usize = 4_096;

/// CRC-16 with the polynomial 0x1021, most significant bit first, run over all octets.
fn crc_ccitt(start: u16, octets: &[u8]) -> u16 {
    octets
        .iter()
        .fold(start, |crc, octet| (0..8).fold(crc ^ u16::from(*octet) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }))
}

/// CRC-16 with the polynomial 0x8005, least significant bit first, run over all octets.
fn crc_arc(start: u16, octets: &[u8]) -> u16 {
    octets.iter().fold(start, |crc, octet| (0..8).fold(crc ^ u16::from(*octet), |crc, _| crc >> 1 ^ if crc & 1 == 0 { 0 } else { 0xa001 }))
}

fn ads(octets: &[u8]) -> Likeness {
    if let [0x03, 0x66, 0x14, 0x71, _, _, _, _, ..] = octets {
        return Likeness::Sure;
    }
    let Some(0) = u16_le(octets, 0) else { return Likeness::No };
    let (Some(length), Some(command), Some(flags), Some(data)) =
        (u32_le(octets, 2), u16_le(octets, 22), u16_le(octets, 24), u32_le(octets, 26))
    else {
        return Likeness::No;
    };
    sure(length.checked_sub(32) == Some(data) && command <= 9 && flags & 4 != 0)
}

fn bsap(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0x0e, 0, 0..=16, 0, 0..=16, 0, _, _, _, _, ..] | [0x10, 0x02, .., 0x10, 0x03, _, _]))
}

fn c1222(octets: &[u8]) -> Likeness {
    let Some((mut elements, [])) = ber(octets, 0x60) else { return Likeness::No };
    let mut begun = false;
    // Titles and qualifiers of the called and the calling side, invocations, a mechanism and an authentication, then EPSEM.
    while let Some(tag) = elements.first() {
        let Some((value, rest)) = ber(elements, *tag) else { return Likeness::No };
        match tag {
            0xa2 => begun = true,
            0xbe => return sure(begun && rest.is_empty() && matches!(value, [0x28, _, 0x81, ..] | [0x28, 0x81, _, 0x81, ..])),
            0x8b | 0xa1 | 0xa4 | 0xa6..=0xa8 | 0xab | 0xac => {}
            _ => return Likeness::No,
        }
        elements = rest;
    }
    Likeness::No
}

/// The cyclic data of CC-Link IE Field Basic: an SLMP request 0x0E70, or its answer with its own version and offset.
fn is_cyclic(octets: &[u8]) -> bool {
    matches!(
        octets,
        [0x50, 0, _, _, 0xff, 3, 0, _, _, _, _, 0x70, 0x0e, 0, 0, ..] | [0xd0, 0, _, _, 0xff, 3, 0, _, _, 0, 0, 1, 0, 0, 0, 0x28, 0, ..]
    ) && follow(octets, 9, u16_le(octets, 7))
}

fn cclink(octets: &[u8]) -> Likeness {
    // CC-Link IE TSN: a longer route, and its length behind it.
    let synchronised = matches!(octets, [0x68 | 0xe8, 0, _, _, 0, 0, _, _, 0xff, 3, ..]) && follow(octets, 16, u16_le(octets, 14));
    if synchronised || is_cyclic(octets) {
        return Likeness::Sure;
    }
    possible(melsec(octets) == Likeness::Sure)
}

fn codesys(octets: &[u8]) -> Likeness {
    match octets {
        // Version 3 over TCP: a magic number, then the length of all.
        [0x00, 0x01, 0x17, 0xe8, ..] => {
            sure(u32_le(octets, 4).is_some_and(|length| (8..0x10_0000).contains(&length) && length >= octets.len()))
        }
        // Version 2: the length of what follows, in the byte order of the controller.
        [0xbb, 0xbb, ..] => sure(follow(octets, 6, u32_le(octets, 2)) || follow(octets, 6, u32_be(octets, 2))),
        // Version 3 over UDP.
        [0xc5, _, 0x40..=0x7f, _, ..] => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn egd(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0x0d, 1, ..]) && octets.len() >= 32)
}

fn fl_net(octets: &[u8]) -> Likeness {
    sure(octets.starts_with(b"FACN") && u32_be(octets, 4) == Some(octets.len()))
}

fn ge_srtp(octets: &[u8]) -> Likeness {
    let Some(header) = octets.first_chunk::<56>() else { return Likeness::No };
    // One request in one packet, from any mailbox to the service request processor.
    let asks = matches!(header, [2, 0, ..]) && matches!(octets.get(31..), Some([0xc0, _, _, _, _, 0x10, 0x0e, 0, 0, 1, 1, ..]));
    let opens = octets.len() == 56 && header.iter().skip(1).all(|octet| *octet == 0);
    if asks { Likeness::Sure } else { possible(opens || matches!(header, [2 | 3, 0, ..])) }
}

fn genisys(octets: &[u8]) -> Likeness {
    // Each message from its control character to the terminator; neither stands inside.
    let mut messages = octets.split_inclusive(|octet| *octet == 0xf6);
    possible(
        messages.all(|message| matches!(message, [0xf1..=0xfe, inside @ .., 0xf6] if inside.iter().all(|octet| *octet <= 0xf0)))
            && !octets.is_empty(),
    )
}

fn iec104(octets: &[u8]) -> Likeness {
    // Whatever is wrong inside, one whole unit on its own port is no other protocol.
    let whole = matches!(octets, [0x68, length, ..] if follow(octets, 2, Some(usize::from(*length))));
    match units(octets) {
        Likeness::No => possible(whole && octets.len() >= 6),
        likeness => likeness,
    }
}

fn units(octets: &[u8]) -> Likeness {
    let mut rest = octets;
    // How many bits are as they must be, about.
    let mut evidence = 0_u32;
    let mut expected = None;
    while let [0x68, length @ 4..=253, after @ ..] = rest {
        let Some(unit) = after.get(..usize::from(*length)) else { break };
        evidence = evidence.saturating_add(match *unit {
            // STARTDT, STOPDT, TESTFR, asked for and confirmed; an acknowledgement.
            [0x07 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83, 0, 0, 0] => 40,
            [0x01, 0, low, _] if low & 1 == 0 => 32,
            // Sending and receiving number in steps of two, type, how many objects, cause, originator, address, object.
            [s0, s1, receive, _, 1..=127, number, cause, _, _, _, _, _, _, ..]
                if s0 & 1 == 0 && receive & 1 == 0 && number & 0x7f != 0 && (1..=47).contains(&(cause & 0x3f)) =>
            {
                let sent = u16::from_le_bytes([s0, s1]);
                if expected.replace(sent.wrapping_add(2)).is_some_and(|expected| expected != sent) {
                    return Likeness::No;
                }
                16
            }
            // What is wrong further on does not unsay what was plain.
            _ => return possible(evidence >= 32),
        });
        rest = after.get(usize::from(*length)..).unwrap_or_default();
    }
    // What is left can only be the front of one more unit.
    match rest {
        [] | [0x68] | [0x68, 4..=253, ..] if evidence >= 32 => Likeness::Sure,
        [] | [0x68] | [0x68, 4..=253, ..] if evidence > 0 => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn knx(octets: &[u8]) -> Likeness {
    let [6, 0x10, 2..=5 | 9, 0..=0x7f, ..] = octets else { return Likeness::No };
    sure(octets.len() >= 6 && u16_be(octets, 4) == Some(octets.len()))
}

fn melsec(octets: &[u8]) -> Likeness {
    if is_cyclic(octets) {
        return Likeness::No;
    }
    match octets {
        // 3E: network, station, module 0x03FF (the CPU), 0; length, timer or end code. 4E: a serial number before that.
        [0x50 | 0xd0, 0, _, _, 0xff, 3, 0, ..] => sure(follow(octets, 9, u16_le(octets, 7))),
        [0x54 | 0xd4, 0, _, _, 0, 0, _, _, 0xff, 3, 0, ..] => sure(follow(octets, 13, u16_le(octets, 11))),
        // MELSOFT, the engineering tool's own.
        [0x57 | 0xd7, 0, _, _, 0, 0x11, 0x11, _, 0, 0, rest @ ..] => {
            sure(rest.len() >= 8 && rest.iter().take(8).zip(rest.iter().skip(1)).any(|pair| pair == (&0xff, &3)))
        }
        _ => Likeness::No,
    }
}

fn pcworx(octets: &[u8]) -> Likeness {
    sure(matches!(octets, [1, 1, 0, _, ..]) && octets.get(14..).is_some_and(|text| text.starts_with(b"IBETH")))
}

fn roc_plus(octets: &[u8]) -> Likeness {
    let Some(length) = octets.get(5).map(|length| usize::from(*length)) else { return Likeness::No };
    possible(follow(octets, 8, Some(length)) && crc_arc(0xffff, octets) == 0)
}

fn sbus(octets: &[u8]) -> Likeness {
    let [_, _, _, _, 0 | 1, 0 | 1, _, _, 0..=2, ..] = octets else { return Likeness::No };
    sure(u32_be(octets, 0) == Some(octets.len()) && octets.len() <= LONGEST_CHECKED && crc_ccitt(0, octets) == 0)
}

fn synchrophasor(octets: &[u8]) -> Likeness {
    let [0xaa, kind, ..] = octets else { return Likeness::No };
    let Some(length @ 16..) = u16_be(octets, 2) else { return Likeness::No };
    // Data, header, two configurations, command, a third configuration; version 1 to 3.
    if *kind & 0x80 != 0 || kind >> 4 > 5 || !(1..=3).contains(&(kind & 0xf)) {
        return Likeness::No;
    }
    match octets.get(..length) {
        Some(frame) if length <= LONGEST_CHECKED => sure(crc_ccitt(0xffff, frame) == 0),
        _ => Likeness::Possible,
    }
}

fn tristation(octets: &[u8]) -> Likeness {
    let [1..=15, _, ..] = octets else { return Likeness::No };
    sure(follow(octets, 6, u16_le(octets, 2)) && octets.len() <= LONGEST_CHECKED && crc_arc(0, octets) == 0)
}

#[cfg(test)]
mod tests {
    use super::super::probing::assert_told_apart;
    use super::*;
    use crate::testing::hex;

    /// Octets that captures of devices begin with (icsnpp, nDPI, ICS-pcap, tricotools collections), and what they are.
    const SURE: &[(&Protocol, &str)] = &[
        (&ADS, "0366147100 00000001000000c0a801c70101102700000000"),
        // AMS/TCP as the information system of its vendor lays it out: ReadDeviceInfo.
        (&ADS, "0000 20000000 c0a801c70101 1027 c0a801640101 a880 0100 0400 00000000 00000000 01000000"),
        (&C1222, "6030a211060f2b060104018285638e7f85f1c24e00a60a06082b06010401828563a806020413e81421be0728058103800120"),
        (
            &C1222,
            "604fa20580037bc175a60480027b04a803020103ac0fa20da00ba109800102810448f3d061be2a282881268841d10cda76206811b36f781489a11997773e117cb07aa3aa40374a7107c50da7f799c5d4e8",
        ),
        (&CCLINK, "68000000000000ffff030000000018000000930e00000000000000000001000040020000ffff0f00"),
        (&CODESYS, "bbbb 01000000 01"),
        (&IEC104, "680407000000"),
        (&IEC104, "680443000000"),
        (&IEC104, "680401002800"),
        (&IEC104, "680401002800 680e0000000001010301000100000000"),
        (&KNX, "06100201 000e 0801 c0a80005 0e57"),
        (&MELSEC, "5000 00 ff ff03 00 0c00 1000 0104 0000 640000 a8 0100"),
        (&MELSEC, "d70000000011117f000000a80300ffff03000024009c021814000000000000000000000000000000000000000000000410f23f000000000000"),
        (&SBUS, "0000000d01000001000a205318"),
        (&SBUS, "00000014000000010144324d343830323000fac9"),
        (&SYNCHROPHASOR, "aa410012003c4899909a00902e120005168a"),
        (&SYNCHROPHASOR, "aa41001200f100000000000000000005d7d0"),
        (&TRISTATION, "0100000001fc"),
        (&TRISTATION, "05000a0000001300000027000a005010"),
        (&TRISTATION, "0500120000004101000066001200000000000000000037f9"),
    ];
    /// The same where the port must agree.
    const POSSIBLE: &[(&Protocol, &str)] = &[
        (&BSAP, "0e000000000000000000754b0000"),
        (&BSAP, "100200eb03e308a000000182df82be10039102"),
        (&CODESYS, "c50b40010010004b"),
        (&GENISYS, "fb018340f6"),
        (&GENISYS, "f101f6f101f6"),
        (&IEC104, "68193e00b8003f01060001007017004260e53b00a8de350d020b13"),
        (&IEC104, "68050700000000"),
        (&IEC104, "680407000000 680405002800 680e0000000001010301000100000000"),
        (&ROC_PLUS, "0102030406003a2f"),
        (&ROC_PLUS, "0102030408071e2d0c0f0307e8890d"),
        // A data frame whose end is still to come.
        (&SYNCHROPHASOR, "aa310176003c489337430007ef40000f42400001504d5531"),
    ];

    #[test]
    fn first_messages_of_devices_are_recognised() {
        for (protocol, octets) in SURE {
            assert_eq!((protocol.probe)(&hex(octets)), Likeness::Sure, "{} {octets}", protocol.name);
            assert_told_apart(protocol, &hex(octets));
        }
        for (protocol, octets) in POSSIBLE {
            assert_eq!((protocol.probe)(&hex(octets)), Likeness::Possible, "{} {octets}", protocol.name);
            assert_told_apart(protocol, &hex(octets));
        }
    }

    #[test]
    fn a_changed_octet_of_what_is_checked_is_not_sure() {
        for (protocol, octets) in SURE.iter().filter(|(protocol, _)| ["sbus", "synchrophasor", "tristation"].contains(&protocol.name)) {
            let whole = hex(octets);
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 0x10;
                assert_ne!((protocol.probe)(&changed), Likeness::Sure, "{} with octet {at} changed", protocol.name);
            }
        }
    }

    #[test]
    fn cyclic_data_is_no_slmp_of_a_programmer() {
        let asked = hex("500000ffff03000e00 0000 700e0000 0100 0000 2400 0000");
        assert!(follow(&asked, 9, u16_le(&asked, 7)));
        assert_eq!(((CCLINK.probe)(&asked), (MELSEC.probe)(&asked)), (Likeness::Sure, Likeness::No));
        let read = hex("500000ffff03000c00 1000 01040000 640000a80100");
        assert_eq!(((CCLINK.probe)(&read), (MELSEC.probe)(&read)), (Likeness::Possible, Likeness::Sure));
    }
}
