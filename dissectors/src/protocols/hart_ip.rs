//! HART-IP, HART specification 85; the HART messages in it, specification 81, and their commands, 127.
//!
//! ```text
//! header    0  version 1  1  kind: 0 request, 1 response, 2 publish, 15 refused  2  what: 0 open, 1 close, 2 keep alive, 3 HART
//!           3  status  4  sequence 2  6  length of all of it 2
//! HART      0  delimiter: 6 from the device, 1 burst; 0x80 long address; 0x60 octets of expansion  1  address 1 or 5
//!           command, count, data, checksum; in a response the data begins with code and status
//! ```

use core::fmt::Write;

use super::{Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text::Colons;

const NAME: &str = "hart_ip";
const VERSION: u8 = 1;
const HEADER: u16 = 8;
/// A token-passing PDU: as HART sends it over its wire.
const PASS_THROUGH: u8 = 3;
const RESPONSE: u8 = 1;
const PUBLISH: u8 = 2;
const REFUSED: u8 = 15;
/// Frames of HART by the low bits of their delimiter: who sends.
const BURST: u8 = 1;
const FROM_DEVICE: u8 = 6;
const LONG_ADDRESS: u8 = 0x80;
/// Expanded identity begins with this.
const EXPANSION: u8 = 254;

const READ_IDENTIFIER: u8 = 0;
const READ_IDENTIFIER_BY_TAG: u8 = 11;
const READ_MESSAGE: u8 = 12;
const READ_TAG: u8 = 13;
const WRITE_TAG: u8 = 18;
const READ_LONG_TAG: u8 = 20;
const READ_IDENTIFIER_BY_LONG_TAG: u8 = 21;
const WRITE_LONG_TAG: u8 = 22;

pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[5094], udp_ports: &[5094], first_messages: 64, probe, frame, dissect, ..Protocol::SERVICE };

/// A header whose kind goes with what it is about, and a length that fits.
fn probe(octets: &[u8]) -> Likeness {
    match *octets {
        [VERSION, 0..=PUBLISH | REFUSED, 0..=5 | 128, _, _, _, high, low, ..]
            if (HEADER..=1024).contains(&u16::from_be_bytes([high, low])) =>
        {
            Likeness::Possible
        }
        _ => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match *octets {
        [VERSION, _, _, _, _, _, high, low, ..] if u16::from_be_bytes([high, low]) >= HEADER => {
            Ok(Some(usize::from(u16::from_be_bytes([high, low]))))
        }
        [VERSION, ..] | [] if octets.len() < usize::from(HEADER) => Ok(None),
        _ => Err(Error::Malformed("not a message of HART-IP")),
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [VERSION, RESPONSE | PUBLISH, PASS_THROUGH, _, _, _, _, _, message @ ..] = octets else { return Ok(()) };
    let mut reader = Reader::new(message);
    let delimiter = reader.u8()?;
    if !matches!(delimiter & 7, BURST | FROM_DEVICE) {
        return Ok(());
    }
    let address = reader.octets(if delimiter & LONG_ADDRESS == 0 { 1 } else { 5 })?;
    reader.skip(usize::from(delimiter >> 5 & 3))?;
    let (command, count) = (reader.u8()?, reader.u8()?);
    let mut data = Reader::new(reader.up_to(usize::from(count)));
    // The top bit tells of an error in communication, which has no data.
    if data.u8()? & 0x80 != 0 {
        return Ok(());
    }
    data.skip(1)?;
    let unit = Some(Label { octets: address, render: render_address });
    match command {
        READ_IDENTIFIER | READ_IDENTIFIER_BY_TAG | READ_IDENTIFIER_BY_LONG_TAG => identity(&mut data, unit, sink),
        READ_TAG | WRITE_TAG => {
            let tag: [u8; 6] = data.take()?;
            sink.fact(NAME, unit, facts::HOSTNAME, &unpacked(&tag));
            let description = data.octets(12)?;
            sink.fact(NAME, unit, facts::DESCRIPTION, &unpacked(description));
            Ok(())
        }
        READ_LONG_TAG | WRITE_LONG_TAG => {
            sink.fact(NAME, unit, facts::HOSTNAME, data.octets(32)?);
            Ok(())
        }
        READ_MESSAGE => {
            sink.fact(NAME, unit, facts::DESCRIPTION, &unpacked(data.octets(24)?));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Expansion 1, type 2, preambles 1, revisions of HART, device and software 1 each, hardware revision in five bits 1,
/// flags 1, device 3; from HART 6 on preambles, variables 1 each, changes 2, status 1; from HART 7 on manufacturer 2 …
fn identity(data: &mut Reader<'_>, unit: Option<Label<'_>>, sink: &mut dyn Sink) -> Result<()> {
    if data.u8()? != EXPANSION {
        return Ok(());
    }
    let kind = data.u16_be()?;
    sink.fact_text(NAME, unit, facts::DEVICE_TYPE, format_args!("0x{kind:04x}"));
    let [_, revision, device, software, hardware, _] = data.take()?;
    sink.fact_text(NAME, unit, facts::FIRMWARE, format_args!("{device}.{software}"));
    sink.fact_text(NAME, unit, facts::HARDWARE, format_args!("{}", hardware >> 3));
    sink.fact_text(NAME, unit, facts::SERIAL, format_args!("{}", Colons(data.octets(3)?)));
    if revision >= 7 {
        data.skip(5)?;
        sink.fact_text(NAME, unit, facts::VENDOR_ID, format_args!("{}", data.u16_be()?));
    }
    Ok(())
}

/// Packed text: four characters of six bits in three octets, of which 0 to 31 stand for the letters from `@`
/// (specification 99).
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let group = |octets: &[u8]| {
        let [a, b, c] = *octets else { return [b' '; 4] };
        let bits = u32::from_be_bytes([0, a, b, c]);
        [bits >> 18, bits >> 12, bits >> 6, bits].map(|six| {
            let [.., six] = (six & 0x3f).to_be_bytes();
            if six < 0x20 { six | 0x40 } else { six }
        })
    };
    packed.chunks(3).flat_map(group).collect()
}

fn render_address(address: &[u8], out: &mut String) {
    let _ = write!(out, "{}", Colons(address));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    /// A response of a device with the long address 26:4e:0a:0b:0c, by hand after the specification.
    fn response(command: u8, data: &str) -> Vec<u8> {
        let data = hex(data);
        let mut octets = hex("01 01 03 00 0007 0000 86 264e0a0b0c");
        octets.extend([command, u8::try_from(data.len()).unwrap()]);
        octets.extend(data);
        octets.push(0);
        octets[7] = u8::try_from(octets.len()).unwrap();
        octets
    }

    #[test]
    fn a_device_says_what_it_is() {
        let identity = response(0, "0040 fe 264e 05 07 03 02 28 00 0a0b0c 05 0a 0002 00 0026 0026 01");
        assert_eq!(probe(&identity), Likeness::Possible);
        assert_eq!(
            told(&identity),
            [
                "fact hart_ip unit=26:4e:0a:0b:0c device_type=0x264e",
                "fact hart_ip unit=26:4e:0a:0b:0c firmware=3.2",
                "fact hart_ip unit=26:4e:0a:0b:0c hardware=5",
                "fact hart_ip unit=26:4e:0a:0b:0c serial=0a:0b:0c",
                "fact hart_ip unit=26:4e:0a:0b:0c vendor_id=38",
            ]
        );
        for length in 0..identity.len() {
            assert_eq!(frame(&identity[..length]), Ok((length >= 8).then_some(identity.len())), "{length}");
            told(&identity[..length]);
        }
        let long = response(20, "0000 46542d31303120666565642077617465720000000000000000000000000000000000");
        assert_eq!(told(&long), ["fact hart_ip unit=26:4e:0a:0b:0c hostname=FT-101 feed water"]);
        assert_eq!(told(&[identity, long].concat()).len(), 6);
    }

    #[test]
    fn tags_are_packed() {
        // Command 18 of hart-ip_all_types_and_commands_sent.pcapng of github.com/cisagov/icsnpp-hart-ip has this tag.
        assert_eq!(unpacked(&hex("001509585409")), b"@ATIVEPI");
        assert_eq!(unpacked(&hex("820820")), b"    ");
        assert_eq!(
            told(&response(13, "0000 001509585409 820820820820820820820820 010203")),
            ["fact hart_ip unit=26:4e:0a:0b:0c hostname=@ATIVEPI"]
        );
    }

    #[test]
    fn requests_and_errors_say_nothing() {
        assert_eq!(told(&hex("010003000003001182264e0a0b0c000045")), Vec::<String>::new());
        assert_eq!(told(&response(0, "8800")), Vec::<String>::new());
        assert!(frame(b"GET / HTTP").is_err());
    }
}
