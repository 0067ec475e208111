//! PROFINET on Ethernet (IEC 61158-6-10): the discovery and configuration protocol, DCP, read for what stations say of
//! themselves. Cyclic data, alarms and clocks share its `EtherType` and are passed over.
//!
//! ```text
//!  0  frame id 2     2  service 1     3  kind 1: 0 request, 1 answer     4  transaction 4     8  delay 2
//! 10  length of the blocks 2         12  blocks
//! each block   0  option 1     1  suboption 1     2  length 2     4  what the value is 2     6  value, filled up to even
//! ```

use core::fmt;

use super::{Likeness, Protocol};
use crate::decode::Address;
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text::Bits;

const NAME: &str = "profinet";
/// The source of what stations say.
const DCP: &str = "pn_dcp";

/// Frame ids of DCP.
const HELLO: u16 = 0xfefc;
const GET_OR_SET: u16 = 0xfefd;
const IDENTIFY_REQUEST: u16 = 0xfefe;
const IDENTIFY_RESPONSE: u16 = 0xfeff;

const SERVICE_GET: u8 = 3;
const SERVICE_IDENTIFY: u8 = 5;
const SERVICE_HELLO: u8 = 6;
const REQUEST: u8 = 0;
const SUCCESS: u8 = 1;

const IP: u8 = 1;
const DEVICE: u8 = 2;

/// Bits of the role.
const ROLES: [(u32, &str); 4] = [(1, "IO device"), (2, "IO controller"), (4, "IO multidevice"), (8, "IO supervisor")];

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, ether_types: &[0x8892], probe, dissect, ..Protocol::SERVICE };

/// The `EtherType` is PROFINET's own; frame ids below 0x0020 are reserved.
fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [0x00, 0x20..=0xff, _, ..] | [0x01..=0xff, _, _, ..] => Likeness::Possible,
        _ => Likeness::No,
    }
}

#[inline]
fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match message {
        [0xfe, 0xfc..=0xff, ..] => discovery(message, sink),
        _ => Ok(()),
    }
}

/// Only answers speak of their sender: a request says what is looked for or what another is to become.
#[cold]
fn discovery(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(message);
    let frame = reader.u16_be()?;
    let (service, kind) = (reader.u8()?, reader.u8()?);
    reader.skip(6)?;
    let length = usize::from(reader.u16_be()?);
    let answers = match frame {
        HELLO => service == SERVICE_HELLO && kind == REQUEST,
        GET_OR_SET => service == SERVICE_GET && kind == SUCCESS,
        IDENTIFY_RESPONSE => service == SERVICE_IDENTIFY && kind == SUCCESS,
        IDENTIFY_REQUEST | 0.. => false,
    };
    if !answers {
        return Ok(());
    }
    let mut blocks = Reader::new(reader.up_to(length));
    while !blocks.is_empty() {
        let (option, suboption, length) = (blocks.u8()?, blocks.u8()?, blocks.u16_be()?);
        let mut value = Reader::new(blocks.octets(usize::from(length))?);
        if value.skip(2).is_ok() {
            block(option, suboption, value.rest(), sink);
        }
        blocks.up_to(usize::from(length & 1));
    }
    Ok(())
}

fn block(option: u8, suboption: u8, value: &[u8], sink: &mut dyn Sink) {
    let mut octets = |key, octets| sink.fact(DCP, Some(Label::NONE), key, octets);
    match (option, suboption, value) {
        (DEVICE, 1, _) => return octets(facts::MODEL, value),
        (DEVICE, 2, _) => return octets(facts::HOSTNAME, value),
        // The name that a neighbour's port gives it.
        (DEVICE, 6, _) => return octets(facts::DESCRIPTION, value),
        _ => {}
    }
    let mut text = |key, text: fmt::Arguments<'_>| sink.fact_text(DCP, Some(Label::NONE), key, text);
    match (option, suboption, value) {
        (IP, 2 | 3, [a, b, c, d, ..]) => {
            let ip = Address::v4([*a, *b, *c, *d]);
            if !ip.is_unspecified() {
                text(facts::ADDRESS, format_args!("{ip}"));
            }
        }
        (DEVICE, 3, [v0, v1, d0, d1]) => {
            text(facts::VENDOR_ID, format_args!("0x{v0:02x}{v1:02x}"));
            text(facts::DEVICE_ID, format_args!("0x{d0:02x}{d1:02x}"));
        }
        (DEVICE, 4, [bits, _]) => text(facts::ROLE, format_args!("{}", Bits(u32::from(*bits), &ROLES))),
        (DEVICE, 7, [high, low]) => text(facts::INSTANCE, format_args!("{}", u16::from_be_bytes([*high, *low]))),
        (DEVICE, 8, [v0, v1, d0, d1]) => {
            text(facts::DESCRIPTION, format_args!("made as vendor 0x{v0:02x}{v1:02x}, device 0x{d0:02x}{d1:02x}"));
        }
        _ => {}
    }
}

/// What a device is, in one text of fields of fixed width with a blank between them (IEC 61158-6-10), which the chassis id
/// of LLDP and the endpoint mapper have: type 25, order number 20, serial number 16 or none, hardware 5, mark of the
/// software 1, its version in three numbers of three digits.
pub(super) fn identification(source: &'static str, text: &[u8], with_serial: bool, sink: &mut dyn Sink) {
    let mut reader = Reader::new(text);
    let mut field = |length| reader.octets(length).ok().filter(|_| length == 0 || reader.u8() == Ok(b' '));
    let (Some(model), Some(order), Some(serial)) = (field(25), field(20), field(if with_serial { 16 } else { 0 })) else { return };
    let Some(hardware) = field(5) else { return };
    let Ok([mark @ (b'V' | b'R' | b'P' | b'U' | b'T')]) = reader.take() else { return };
    let mut number = || reader.octets(3).ok().and_then(number);
    let (Some(major), Some(minor), Some(internal)) = (number(), number(), number()) else { return };
    for (key, value) in [(facts::MODEL, model), (facts::ORDER_NUMBER, order), (facts::SERIAL, serial), (facts::HARDWARE, hardware)] {
        sink.fact(source, Some(Label::NONE), key, value.trim_ascii());
    }
    let version = format_args!("{}{major}.{minor}.{internal}", char::from(mark));
    sink.fact_text(source, Some(Label::NONE), facts::FIRMWARE, version);
}

/// A number with blanks before it.
fn number(digits: &[u8]) -> Option<u16> {
    core::str::from_utf8(digits).ok()?.trim_start().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn lines(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets).iter().map(|line| line.replace("fact pn_dcp unit= ", "")).collect()
    }

    /// An answer to Identify, from cisagov/icsnpp-profinet-io-cm (`profinet_io_cm_mixed_1.pcap`).
    const ANSWER: &str = "feff0501000000010000006402020010000076657273616d61782d706e7331310205000e00000102020102020203020406010201000d0000\
        4943323030504e5330303100020300060000015a000302040004000001000102000e0001c0a80102ffffff00c0a801020601000400000001";

    #[test]
    fn a_station_says_who_it_is() {
        assert_ne!(probe(&hex(ANSWER)), Likeness::No);
        assert_eq!(
            lines(&hex(ANSWER)),
            [
                "hostname=versamax-pns11",
                "model=IC200PNS001",
                "vendor_id=0x015a",
                "device_id=0x0003",
                "role=IO device",
                "address=192.168.1.2"
            ]
        );
    }

    #[test]
    fn a_hello_and_an_answer_to_get_say_it_too() {
        // Blocks as in the answer above; alias, instance and maker written after the standard.
        let blocks = "02060008 0000 706f72742d31 02070004 0000 0064 02080006 0000 002a0a01 0204 0004 0000 0a00 0102000e 0000 00000000 00000000 00000000";
        let expected =
            ["description=port-1", "instance=100", "description=made as vendor 0x002a, device 0x0a01", "role=IO controller, IO supervisor"];
        for head in ["fefc 06 00 00000001 0000 003c", "fefd 03 01 00000001 0000 003c"] {
            assert_eq!(lines(&hex(&[head, blocks].concat())), expected);
        }
    }

    #[test]
    fn requests_and_refusals_say_nothing_of_their_sender() {
        // A request to set a name, and one to find it, from the capture profinet-dcp.pcap of this project.
        for message in [
            "fefd 04 00 00000001 0000 000e 0202 0008 0001 647269766531 0000",
            "fefe 05 00 00000001 0001 000a 0202 0006 647269766531",
            "fefd 03 05 00000001 0000 000a 0202 0006 0000 64726976",
        ] {
            assert_eq!(lines(&hex(message)), [""; 0]);
        }
    }

    #[test]
    fn cyclic_data_says_nothing() {
        let cyclic = hex("8001 0202 001e 0000 0000 80808080 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 6a00 3500");
        assert_eq!(probe(&cyclic), Likeness::Possible);
        assert!(lines(&cyclic).is_empty());
        assert_eq!(probe(&hex("0010 0202")), Likeness::No);
    }

    #[test]
    fn a_message_may_end_anywhere() {
        let (message, whole) = (hex(ANSWER), lines(&hex(ANSWER)));
        for length in 0..message.len() {
            let part = lines(&message[..length]);
            assert_eq!(part, whole[..part.len()]);
            let _ = probe(&message[..length]);
        }
    }

    #[test]
    fn hostile_lengths_end_the_reading() {
        let head = hex("feff 05 01 00000001 0000 ffff");
        for option in 0..4 {
            for suboption in 0..12 {
                for length in 0..32 {
                    lines(&[&head[..], &[option, suboption, 0, length, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]].concat());
                    lines(&[&head[..], &[option, suboption, 0xff, length, 0, 0]].concat());
                }
            }
        }
    }
}
