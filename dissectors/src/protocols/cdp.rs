//! CDP, Cisco's discovery protocol, in LLC and SNAP frames. Cisco has published its format ("Frame Formats" in the
//! guide to troubleshooting its Catalyst LAN switches); the numbers beyond that are those that captures show.
//!
//! ```text
//!  0  LLC and SNAP: AA AA 03, OUI 00 00 0C, protocol 2: 0x2000
//!  8  version 1: 1 or 2      9  time to live 1, seconds      10  checksum 2      12  TLVs
//! each TLV    0  type 2      2  length of all of it 2         4  value
//! addresses   0  count 4     4  each: kind of protocol 1, length 1, protocol, length 2, address
//! ```

use super::{Likeness, Protocol};
use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text::{self, Bits};

const NAME: &str = "cdp";
const SNAP: [u8; 8] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00];

const DEVICE_ID: u16 = 0x0001;
const ADDRESSES: u16 = 0x0002;
const PORT_ID: u16 = 0x0003;
const CAPABILITIES: u16 = 0x0004;
const SOFTWARE_VERSION: u16 = 0x0005;
const PLATFORM: u16 = 0x0006;
const VTP_DOMAIN: u16 = 0x0009;
const SYSTEM_NAME: u16 = 0x0014;
const MANAGEMENT_ADDRESSES: u16 = 0x0016;
const LOCATION: u16 = 0x0017;

/// Addresses of one list that are read.
const MOST_ADDRESSES: u8 = 32;
/// Protocols of addresses: the network layer identifier of IPv4, and SNAP with the `EtherType` of IPv6.
const IPV4: [u8; 1] = [0xcc];
const IPV6: [u8; 8] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x86, 0xdd];

/// Bits of the capabilities that are a role.
const ROLES: [(u32, &str); 8] = [
    (0x001, "router"),
    (0x002, "bridge"),
    (0x004, "source route bridge"),
    (0x008, "switch"),
    (0x010, "host"),
    (0x040, "repeater"),
    (0x080, "telephone"),
    (0x400, "two-port relay"),
];

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, ether_types: &[0], probe, dissect, ..Protocol::SERVICE };

fn probe(octets: &[u8]) -> Likeness {
    match octets.strip_prefix(&SNAP) {
        Some([1 | 2, 1..=0xff, _, _, 0x00 | 0x10, _, 0..=5, ..]) => Likeness::Sure,
        _ => Likeness::No,
    }
}

/// Other protocols of Cisco are sent to the same address, on the same flow.
fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some([1 | 2, 1..=0xff, _, _, elements @ ..]) = message.strip_prefix(&SNAP) else { return Ok(()) };
    let mut reader = Reader::new(elements);
    while reader.remaining() >= 4 {
        let (kind, length) = (reader.u16_be()?, reader.u16_be()?);
        // What is shorter than its own header is padding, or a lie.
        let Some(length) = usize::from(length).checked_sub(4) else { break };
        let whole = length <= reader.remaining();
        element(kind, reader.up_to(length), whole, sink);
    }
    Ok(())
}

/// `whole`: the end of the value was captured.
fn element(kind: u16, value: &[u8], whole: bool, sink: &mut dyn Sink) {
    match kind {
        ADDRESSES | MANAGEMENT_ADDRESSES => addresses(value, sink),
        SOFTWARE_VERSION => software(value, whole, sink),
        _ if !whole => {}
        DEVICE_ID => device(value, sink),
        PORT_ID => said(facts::PORT_NAME, value, sink),
        PLATFORM => said(facts::MODEL, value, sink),
        VTP_DOMAIN => said(facts::VTP_DOMAIN, value, sink),
        SYSTEM_NAME => said(facts::HOSTNAME, value, sink),
        CAPABILITIES => {
            if let Ok(bits) = value.try_into() {
                sink.fact_text(NAME, Some(Label::NONE), facts::ROLE, format_args!("{}", Bits(u32::from_be_bytes(bits), &ROLES)));
            }
        }
        LOCATION => said(facts::LOCATION, value.get(1..).unwrap_or_default(), sink),
        _ => {}
    }
}

fn said(key: &'static str, value: &[u8], sink: &mut dyn Sink) {
    sink.fact(NAME, Some(Label::NONE), key, value);
}

/// Its name; some put their MAC address there, as octets.
fn device(value: &[u8], sink: &mut dyn Sink) {
    match <[u8; 6]>::try_from(value) {
        Ok(mac) if !mac.iter().all(u8::is_ascii_graphic) => {
            sink.fact_text(NAME, Some(Label::NONE), facts::ADDRESS, format_args!("{}", Mac::new(mac)));
        }
        _ => said(facts::HOSTNAME, value, sink),
    }
}

fn addresses(value: &[u8], sink: &mut dyn Sink) {
    let mut reader = Reader::new(value);
    let Ok(count) = reader.u32_be() else { return };
    for _ in 0..count.min(u32::from(MOST_ADDRESSES)) {
        let Ok([_, length]) = reader.take() else { return };
        let Ok(protocol) = reader.octets(usize::from(length)) else { return };
        let Ok(length) = reader.u16_be() else { return };
        let Ok(address) = reader.octets(usize::from(length)) else { return };
        let ip = match (protocol, address) {
            (protocol, [a, b, c, d]) if protocol == IPV4 => Address::v4([*a, *b, *c, *d]),
            (protocol, address) if protocol == IPV6 => address.try_into().map_or(Address::NONE, Address::v6),
            _ => Address::NONE,
        };
        if !ip.is_unspecified() {
            sink.fact_text(NAME, Some(Label::NONE), facts::ADDRESS, format_args!("{ip}"));
        }
    }
}

/// All of it as it stands, in as many facts as a text's greatest length makes it; and the version named in it.
fn software(value: &[u8], whole: bool, sink: &mut dyn Sink) {
    let mut rest = value;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(front(rest));
        said(facts::DESCRIPTION, part, sink);
        rest = after;
    }
    if let Some(version) = version(value, whole) {
        said(facts::FIRMWARE, version, sink);
    }
}

/// Octets of the lines at the front that make one text: all whole lines that fit, or as much of the first as fits.
fn front(text: &[u8]) -> usize {
    let Some(fitting) = text.get(..text::LONGEST).filter(|fitting| fitting.len() < text.len()) else { return text.len() };
    match fitting.iter().rposition(|octet| *octet == b'\n') {
        Some(end) => end.saturating_add(1),
        None => fitting.len(),
    }
}

/// The word after "Version", up to the comma or blank that follows; a text of one line without it is a version itself.
/// Nothing where the end of the word was not captured.
fn version(text: &[u8], whole: bool) -> Option<&[u8]> {
    const MARK: &[u8] = b"Version ";
    let Some(at) = text.windows(MARK.len()).position(|window| window == MARK) else {
        return (whole && !text.trim_ascii().contains(&b'\n')).then_some(text);
    };
    let rest = text.get(at.saturating_add(MARK.len())..)?;
    let word = rest.split(|octet| *octet == b',' || octet.is_ascii_whitespace()).next()?;
    (whole || word.len() < rest.len()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn lines(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets).iter().map(|line| line.replace("fact cdp unit= ", "")).collect()
    }

    /// A switch, from EmreEkin/ICS-Pcaps (`cdp_v2.pcap`).
    const SWITCH: &str = "aaaa0300000c200002b409a00001000c6d7973776974636800020011000000010101cc0004c0a800fd0003001346617374457468\
        65726e6574302f31000400080000002800050114436973636f20496e7465726e6574776f726b204f7065726174696e672053797374656d20536f66747761\
        7265200a494f532028746d2920433239353020536f667477617265202843323935302d49364b324c3251342d4d292c2056657273696f6e2031322e312832\
        3229454131342c2052454c4541534520534f4654574152452028666331290a546563686e6963616c20537570706f72743a20687474703a2f2f7777772e63\
        6973636f2e636f6d2f74656368737570706f72740a436f707972696768742028632920313938362d3230313020627920636973636f2053797374656d732c\
        20496e632e0a436f6d70696c6564205475652032362d4f63742d31302031303a3335206279206e627572726100060015636973636f2057532d4332393530\
        2d31320008002400000c011200000000ffffffff010220ff000000000000000bbe189a40ff00000009000c4d59444f4d41494e000a00060001000b000501\
        0012000500001300050000160011000000010101cc0004c0a800fd";

    const DESCRIPTION: &str = "description=Cisco Internetwork Operating System Software IOS (tm) C2950 Software (C2950-I6K2L2Q4-M), \
        Version 12.1(22)EA14, RELEASE SOFTWARE (fc1) Technical Support: http://www.cisco.com/techsupport \
        Copyright (c) 1986-2010 by cisco Systems, Inc. Compiled Tue 26-Oct-10 10:35 by nburra";

    #[test]
    fn a_switch_says_who_it_is() {
        assert_eq!(probe(&hex(SWITCH)), Likeness::Sure);
        assert_eq!(
            lines(&hex(SWITCH)),
            [
                "hostname=myswitch",
                "address=192.168.0.253",
                "port_name=FastEthernet0/1",
                "role=switch",
                DESCRIPTION,
                "firmware=12.1(22)EA14",
                "model=cisco WS-C2950-12",
                "vtp_domain=MYDOMAIN",
                "address=192.168.0.253",
            ]
        );
    }

    #[test]
    fn a_cut_frame_gives_what_is_there_and_no_half_names() {
        let (message, whole) = (hex(SWITCH), lines(&hex(SWITCH)));
        for length in 0..message.len() {
            let _ = probe(&message[..length]);
            for line in lines(&message[..length]) {
                assert!(whole.contains(&line) || DESCRIPTION.starts_with(&line), "{line}");
            }
        }
        assert_eq!(lines(&message[..60])[..2], whole[..2]);
    }

    #[test]
    fn every_line_of_a_long_version_is_kept() {
        let text: Vec<String> = (0..40).map(|n| format!("line {n} of a software version that is long")).collect();
        let mut message = [&SNAP[..], &[2, 180, 0, 0, 0, 5]].concat();
        let joined = text.join("\n");
        message.extend(u16::try_from(joined.len() + 4).unwrap().to_be_bytes());
        message.extend(joined.as_bytes());
        let facts = lines(&message);
        assert_eq!(facts.len(), 4);
        assert!(text.iter().all(|line| facts.iter().any(|fact| fact.contains(line))));
    }

    #[test]
    fn versions_are_found_in_their_text() {
        assert_eq!(version(b"Cisco Nexus Operating System (NX-OS) Software, Version 5.2(1)N1(4)", true), Some(&b"5.2(1)N1(4)"[..]));
        assert_eq!(version(b"SCCP45.9-0-2SR1S", true), Some(&b"SCCP45.9-0-2SR1S"[..]));
        assert_eq!(version(b"one\ntwo", true), None);
        assert_eq!(version(b"Version ", true), Some(&b""[..]));
        assert_eq!(version(b"Version 12.1(2", false), None);
        assert_eq!(version(b"Version 12.1(22), REL", false), Some(&b"12.1(22)"[..]));
    }

    #[test]
    fn names_that_are_an_address_and_addresses_of_version_6_are_written_as_such() {
        let message = hex("aaaa0300000c2000 02b4 0000 0001 000a 020000000001 0002 0024 00000001 02 08 aaaa0300000086dd 0010 \
            fe800000000000000000000000000001 0017 0009 00 4c696e65 0000 0000");
        assert_eq!(lines(&message), ["address=02:00:00:00:00:01", "address=fe80::1", "location=Line"]);
    }

    #[test]
    fn what_is_sent_to_the_same_address_is_not_taken_for_it() {
        // DTP, protocol 0x2004, and version 0 or a time to live of 0.
        for octets in [
            "aaaa0300000c2004 01 0001 0005 0002 0005",
            "aaaa0300000c2000 00b4 0000 0001 0006 4142",
            "aaaa0300000c2000 0200 0000 0001 0006 4142",
        ] {
            assert_eq!(probe(&hex(octets)), Likeness::No);
            assert!(lines(&hex(octets)).is_empty());
        }
    }

    #[test]
    fn hostile_lengths_end_the_reading() {
        for kind in 0..0x20 {
            for length in 0..=255 {
                lines(&[&SNAP[..], &[2, 180, 0, 0, 0, kind, 0, length, 0xff, 0xff, 0xff, 0xff, 1, 1, 0xcc, 0, 4, 1, 2, 3, 4]].concat());
                lines(&[&SNAP[..], &[2, 180, 0, 0, 0, kind, length, 8, 0, 0, 0, 1, 1, length]].concat());
            }
        }
    }
}
