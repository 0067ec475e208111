//! LLDP (IEEE 802.1AB-2016 clause 8) with the inventory of LLDP-MED (ANSI/TIA-1057 section 10.2.6) and PROFINET's
//! chassis address (IEC 61158-6-10): what a neighbour announces of itself.
//!
//! ```text
//! each TLV   0  type 7 bits, length 9 bits      2  value
//! types      1 chassis id: subtype 1, id        2 port id: subtype 1, id         3 time to live 2
//!            4 port description                 5 system name                    6 system description
//!            7 capabilities 2, enabled 2        8 management address             127 OUI 3, subtype 1, value
//!            0 end
//! address    0  length of what follows 1        1  address family 1              2  address
//! ```

use core::fmt;

use super::profinet::identification;
use super::{Likeness, Protocol};
use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text::Bits;

const NAME: &str = "lldp";

const END: u8 = 0;
const CHASSIS_ID: u8 = 1;
const PORT_ID: u8 = 2;
const PORT_DESCRIPTION: u8 = 4;
const SYSTEM_NAME: u8 = 5;
const SYSTEM_DESCRIPTION: u8 = 6;
const CAPABILITIES: u8 = 7;
const MANAGEMENT_ADDRESS: u8 = 8;
const ORGANISATION: u8 = 127;

/// Subtypes of the chassis id (table 8-2) that are not plain text.
const CHASSIS_MAC: u8 = 4;
const CHASSIS_ADDRESS: u8 = 5;
/// Whatever the sender calls itself.
const CHASSIS_LOCAL: u8 = 7;
/// The same of the port id (table 8-3).
const PORT_MAC: u8 = 3;
const PORT_ADDRESS: u8 = 4;

const MED: [u8; 3] = [0x00, 0x12, 0xbb];
const PROFINET: [u8; 3] = [0x00, 0x0e, 0xcf];
const PROFINET_CHASSIS_MAC: u8 = 5;

/// Address families of IANA.
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const IEEE_802: u8 = 6;

/// Bits of the capabilities (table 8-4).
const ROLES: [(u32, &str); 11] = [
    (1 << 0, "other"),
    (1 << 1, "repeater"),
    (1 << 2, "bridge"),
    (1 << 3, "access point"),
    (1 << 4, "router"),
    (1 << 5, "telephone"),
    (1 << 6, "cable device"),
    (1 << 7, "station"),
    (1 << 8, "C-VLAN component"),
    (1 << 9, "S-VLAN component"),
    (1 << 10, "two-port relay"),
];

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, ether_types: &[0x88cc], probe, dissect, ..Protocol::SERVICE };

/// The first TLV is the chassis id, of a subtype and at most 255 octets.
fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [0x02, 2..=0xff, 1..=7, ..] | [0x03, 0, 1..=7, ..] => Likeness::Sure,
        _ => Likeness::No,
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(message);
    while !reader.is_empty() {
        let word = reader.u16_be()?;
        let kind = u8::try_from(word >> 9).unwrap_or(END);
        if kind == END {
            break;
        }
        element(kind, reader.octets(usize::from(word & 0x01ff))?, sink);
    }
    Ok(())
}

fn element(kind: u8, value: &[u8], sink: &mut dyn Sink) {
    match (kind, value) {
        (CHASSIS_ID, [subtype, id @ ..]) => chassis(*subtype, id, sink),
        (PORT_ID, [PORT_MAC, a, b, c, d, e, f]) => text(facts::PORT_NAME, format_args!("{}", Mac::new([*a, *b, *c, *d, *e, *f])), sink),
        (PORT_ID, [PORT_ADDRESS, family, address @ ..]) => network_address(facts::PORT_NAME, *family, address, sink),
        (PORT_ID, [_, id @ ..]) => octets(facts::PORT_NAME, id, sink),
        (PORT_DESCRIPTION, _) => octets(facts::PORT_NAME, value, sink),
        (SYSTEM_NAME, _) => octets(facts::HOSTNAME, value, sink),
        (SYSTEM_DESCRIPTION, _) => octets(facts::DESCRIPTION, value, sink),
        (CAPABILITIES, [_, _, high, low]) => {
            let bits = u32::from(u16::from_be_bytes([*high, *low]));
            text(facts::ROLE, format_args!("{}", Bits(bits, &ROLES)), sink);
        }
        (MANAGEMENT_ADDRESS, [length, family, rest @ ..]) => {
            if let Some(address) = usize::from(*length).checked_sub(1).and_then(|length| rest.get(..length)) {
                network_address(facts::ADDRESS, *family, address, sink);
            }
        }
        (ORGANISATION, [a, b, c, subtype, value @ ..]) => match [*a, *b, *c] {
            MED => inventory(*subtype, value, sink),
            PROFINET => {
                if let (PROFINET_CHASSIS_MAC, Ok(mac)) = (*subtype, value.try_into()) {
                    text(facts::ADDRESS, format_args!("{}", Mac::new(mac)), sink);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

fn octets(key: &'static str, value: &[u8], sink: &mut dyn Sink) {
    sink.fact(NAME, Some(Label::NONE), key, value);
}

fn text(key: &'static str, value: fmt::Arguments<'_>, sink: &mut dyn Sink) {
    sink.fact_text(NAME, Some(Label::NONE), key, value);
}

fn chassis(subtype: u8, id: &[u8], sink: &mut dyn Sink) {
    match (subtype, id) {
        (CHASSIS_MAC, _) => {
            if let Ok(mac) = id.try_into() {
                text(facts::ADDRESS, format_args!("{}", Mac::new(mac)), sink);
            }
        }
        (CHASSIS_ADDRESS, [family, address @ ..]) => network_address(facts::ADDRESS, *family, address, sink),
        (CHASSIS_LOCAL, _) if is_name(id) => octets(facts::HOSTNAME, id, sink),
        _ => {
            octets(facts::DESCRIPTION, id, sink);
            // A PROFINET device whose ports share one chassis says what it is instead of a name.
            if subtype == CHASSIS_LOCAL {
                identification(NAME, id, true, sink);
            }
        }
    }
}

/// A name as in DNS, which PROFINET's names of stations are (IEC 61158-6-10).
fn is_name(id: &[u8]) -> bool {
    id.len() <= 240 && id.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'))
}

fn network_address(key: &'static str, family: u8, address: &[u8], sink: &mut dyn Sink) {
    let ip = match (family, address) {
        (IPV4, [a, b, c, d]) => Address::v4([*a, *b, *c, *d]),
        (IPV6, _) => match address.try_into() {
            Ok(octets) => Address::v6(octets),
            Err(_) => return,
        },
        (IEEE_802, [a, b, c, d, e, f]) => return text(key, format_args!("{}", Mac::new([*a, *b, *c, *d, *e, *f])), sink),
        _ => return,
    };
    if !ip.is_unspecified() {
        text(key, format_args!("{ip}"), sink);
    }
}

fn inventory(subtype: u8, value: &[u8], sink: &mut dyn Sink) {
    let key = match subtype {
        5 => facts::HARDWARE,
        6 | 7 => facts::FIRMWARE,
        8 => facts::SERIAL,
        9 => facts::VENDOR,
        10 => facts::MODEL,
        // The number that its owner gave it.
        11 => facts::DESCRIPTION,
        _ => return,
    };
    octets(key, value, sink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn lines(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets).iter().map(|line| line.replace("fact lldp unit= ", "")).collect()
    }

    /// A motor controller with PROFINET, from apache/plc4x (working-profinet-recording-plc4x.pcapng).
    const STATION: &str = "020a07636478623139356233040907706f72742d3030310602001408275369656d656e732c2053494d4f434f44452c2045746865726e65742050\
        6f72742c2058312050310a096364786231393562330c435369656d656e732c2053494d4f434f44452070726f205620504e2c2033554637203031\
        312d31415530302d302c2046573a2056657273696f6e205630322e30312e30330e040084008410140501c0a8181f0200000001082b0601040181\
        c06efe18000ecf010000012900000000000000670000000000000000fe08000ecf0200000000fe16000ecf04ffffffffffffffffffffffffffff\
        ffff0000fe0a000ecf05883f990006effe0900120f0103ec000010fe0600120f0405f20000";

    #[test]
    fn a_station_says_who_it_is() {
        assert_eq!(probe(&hex(STATION)), Likeness::Sure);
        assert_eq!(
            lines(&hex(STATION)),
            [
                "hostname=cdxb195b3",
                "port_name=port-001",
                "port_name=Siemens, SIMOCODE, Ethernet Port, X1 P1",
                "hostname=cdxb195b3",
                "description=Siemens, SIMOCODE pro V PN, 3UF7 011-1AU00-0, FW: Version V02.01.03",
                "role=bridge, station",
                "address=192.168.24.31",
                "address=88:3f:99:00:06:ef",
            ]
        );
    }

    #[test]
    fn a_switch_says_who_it_is() {
        // From zeek/zeek (lldp.pcap), with the checksum that the capture kept at its end.
        let message = hex("02070400222d81db1004020731060200780807506f72742023310a0d534d43475338502d536d6172740c23\
            534d43475338502d536d617274202d20534d43475338502d536d6172742076332e32300e0400040004100c0501c0a8020a0200000001000000bb14272c");
        assert_eq!(
            lines(&message),
            [
                "address=00:22:2d:81:db:10",
                "port_name=1",
                "port_name=Port #1",
                "hostname=SMCGS8P-Smart",
                "description=SMCGS8P-Smart - SMCGS8P-Smart v3.20",
                "role=bridge",
                "address=192.168.2.10",
            ]
        );
    }

    /// From apache/plc4x (implicit-messages-plc4x-testsuite.pcapng), its chassis id.
    const IDENTIFICATION: &str = "025107434f444553595320504e2d436f6e74726f6c6c65722020202020313130333030303033322020202020202020202020\
        32364531324444412d31433244314434202020202030205620203120203020203004140770\
        6f72742d3030312e636f6e74726f6c6c6572060200140000";

    #[test]
    fn an_identification_of_fixed_width_stays_as_it_is_and_is_read() {
        assert_eq!(
            lines(&hex(IDENTIFICATION)),
            [
                "description=CODESYS PN-Controller     1103000032           26E12DDA-1C2D1D4     0 V  1  0  0",
                "model=CODESYS PN-Controller",
                "order_number=1103000032",
                "serial=26E12DDA-1C2D1D4",
                "hardware=0",
                "firmware=V1.0.0",
                "port_name=port-001.controller",
            ]
        );
    }

    #[test]
    fn what_only_looks_like_an_identification_is_a_description() {
        let mut message = hex(IDENTIFICATION);
        message[3 + 25] = b'x';
        assert_eq!(lines(&message).len(), 2);
        message[3 + 25] = b' ';
        message[3 + 79] = b'x';
        assert_eq!(lines(&message).len(), 2);
    }

    #[test]
    fn a_telephone_tells_its_inventory() {
        // Written after TIA-1057; no capture at hand has it.
        let message = hex("0206 05 01 0a000101 0402 07 41 0602 0078 fe08 0012bb05 52657631 fe07 0012bb06 312e32 fe07 0012bb07 342e35 \
            fe08 0012bb08 534e3031 fe08 0012bb09 41636d65 fe08 0012bb0a 49503730 fe08 0012bb0b 41533031 0000");
        assert_eq!(
            lines(&message),
            [
                "address=10.0.1.1",
                "port_name=A",
                "hardware=Rev1",
                "firmware=1.2",
                "firmware=4.5",
                "serial=SN01",
                "vendor=Acme",
                "model=IP70",
                "description=AS01"
            ]
        );
    }

    #[test]
    fn other_addresses_are_written_as_such() {
        let message = hex("0207 04 020000000001 0407 03 020000000002 06020078 \
            1018 11 02 fe800000000000000000000000000001 01 00000000 00 100d 07 06 020000000003 02 00000001 00 100c 05 01 00000000 02 00000001 00");
        assert_eq!(
            lines(&message),
            ["address=02:00:00:00:00:01", "port_name=02:00:00:00:00:02", "address=fe80::1", "address=02:00:00:00:00:03"]
        );
    }

    #[test]
    fn a_cut_message_gives_what_is_there() {
        let whole = lines(&hex(STATION));
        for message in [STATION, IDENTIFICATION].map(hex) {
            for length in 0..message.len() {
                let part = lines(&message[..length]);
                assert!(part.len() <= whole.len());
                let _ = probe(&message[..length]);
            }
        }
        assert_eq!(lines(&hex(STATION)[..60]), whole[..2]);
    }

    #[test]
    fn hostile_lengths_say_nothing() {
        for kind in 0..=255 {
            for length in 0..=255 {
                lines(&[kind, length, 1, 2]);
                lines(&[kind, 2, length, 8, 0, 0]);
            }
        }
        assert_eq!(probe(&[2, 1, 4]), Likeness::No);
        assert_eq!(probe(&[4, 7, 4]), Likeness::No);
    }
}
