//! BACnet/IP: ASHRAE 135 Annex J, network layer clause 6, application layer clauses 20 and 21.
//!
//! ```text
//! BVLC      0  0x81  1  function  2  length of all of it 2  4  in a forwarded message: address 4, port 2; then NPDU
//! NPDU      0  version 1  1  control: 0x80 network message, 0x20 destination, 0x08 source
//!           2  destination: network 2, length 1, address; source: the same; hop count 1 where there is a destination
//! APDU      0  type in the upper four bits: 1 unconfirmed request, 3 complex acknowledgement
//! tag       number in the upper four bits (15: in the next octet), 0x08 context, length 0-4, 5: in the next octets, 6 opens, 7 closes
//! ```

use core::fmt::Write;

use super::{Likeness, Protocol};
use crate::decode::Address;
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink, Subject};
use crate::text::{Colons, utf16_be};

const NAME: &str = "bacnet";
const BVLC: u8 = 0x81;
const FORWARDED: u8 = 0x04;
const DISTRIBUTE: u8 = 0x09;
const UNICAST: u8 = 0x0a;
const BROADCAST: u8 = 0x0b;
const LAST_FUNCTION: u8 = 0x0c;
const NPDU_VERSION: u8 = 1;
const IS_NETWORK_MESSAGE: u8 = 0x80;
const HAS_DESTINATION: u8 = 0x20;
const HAS_SOURCE: u8 = 0x08;
const UNCONFIRMED: u8 = 1;
const COMPLEX_ACKNOWLEDGEMENT: u8 = 3;
const I_AM: u8 = 0;
const I_HAVE: u8 = 1;
const READ_PROPERTY: u8 = 12;
const READ_PROPERTY_MULTIPLE: u8 = 14;
const OBJECT_DEVICE: u32 = 8;
const UNSIGNED: u8 = 2;
const CHARACTER_STRING: u8 = 7;
const OBJECT_IDENTIFIER: u8 = 12;
/// Opening and closing tags within each other.
const DEEPEST: u32 = 16;

/// Properties of the device object (clause 21) that are identity.
const PROPERTIES: [(u32, &str); 8] = [
    (12, facts::SOFTWARE),
    (28, facts::DESCRIPTION),
    (44, facts::FIRMWARE),
    (58, facts::LOCATION),
    (70, facts::MODEL),
    (77, facts::HOSTNAME),
    (121, facts::VENDOR),
    (372, facts::SERIAL),
];
const VENDOR_IDENTIFIER: u32 = 120;

pub(super) static PROTOCOL: Protocol = Protocol {
    name: NAME,
    // BAC0 to BACF: networks side by side take the next ones.
    udp_ports: &[
        0xbac0, 0xbac1, 0xbac2, 0xbac3, 0xbac4, 0xbac5, 0xbac6, 0xbac7, 0xbac8, 0xbac9, 0xbaca, 0xbacb, 0xbacc, 0xbacd, 0xbace, 0xbacf,
    ],
    probe,
    dissect,
    ..Protocol::SERVICE
};

/// A known function with the length of the datagram; where there is an NPDU, its version too.
fn probe(octets: &[u8]) -> Likeness {
    let [BVLC, function @ 0..=LAST_FUNCTION, high, low, rest @ ..] = octets else { return Likeness::No };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let version = match *function {
        FORWARDED => rest.get(6),
        DISTRIBUTE..=BROADCAST => rest.first(),
        _ => Some(&NPDU_VERSION),
    };
    match version {
        Some(&NPDU_VERSION) if length >= octets.len() => Likeness::Possible,
        _ => Likeness::No,
    }
}

/// Whom an APDU is from.
struct Origin<'a> {
    /// Another than the sender of the datagram.
    forwarded_for: Option<Subject>,
    /// Network and address behind a router; octets of the NPDU.
    behind: &'a [u8],
}

impl Origin<'_> {
    fn say(&self, key: &'static str, value: &[u8], sink: &mut dyn Sink) {
        match self.forwarded_for {
            // Who is behind a router that another forwards for cannot be told.
            Some(_) if !self.behind.is_empty() => {}
            Some(subject) => sink.fact_about(subject, NAME, key, value),
            None if self.behind.is_empty() => sink.fact(NAME, Some(Label::NONE), key, value),
            None => sink.fact(NAME, Some(Label { octets: self.behind, render: render_behind }), key, value),
        }
    }

    fn say_number(&self, key: &'static str, number: u32, sink: &mut dyn Sink) {
        self.say(key, number.to_string().as_bytes(), sink);
    }
}

/// Network 2, length 1, address: a number where it is one octet (MS/TP), address and port where it is six (IP).
fn render_behind(octets: &[u8], out: &mut String) {
    let [high, low, _, address @ ..] = octets else { return };
    let _ = write!(out, "network {} address ", u16::from_be_bytes([*high, *low]));
    // Writing to a string cannot fail.
    let _ = match address {
        [station] => write!(out, "{station}"),
        _ => write!(out, "{}", Colons(address)),
    };
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let [_, function, _, _] = reader.take()?;
    let forwarded_for = match function {
        FORWARDED => {
            let address = Address::v4(reader.take()?);
            reader.skip(2)?;
            (address != sink.sender_addresses().ip).then_some(Subject::ip(address))
        }
        DISTRIBUTE | UNICAST | BROADCAST => None,
        _ => return Ok(()),
    };
    let [version, control] = reader.take()?;
    if version != NPDU_VERSION || control & IS_NETWORK_MESSAGE != 0 {
        return Ok(());
    }
    if control & HAS_DESTINATION != 0 {
        station(&mut reader)?;
    }
    let behind = if control & HAS_SOURCE == 0 { &[] } else { station(&mut reader)? };
    if control & HAS_DESTINATION != 0 {
        reader.skip(1)?;
    }
    apdu(&mut reader, &Origin { forwarded_for, behind }, sink)
}

/// Network, length and address of a station.
fn station<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let length = usize::from(reader.rest().get(2).copied().unwrap_or(0));
    reader.octets(length.saturating_add(3))
}

fn apdu(reader: &mut Reader<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) -> Result<()> {
    let first = reader.u8()?;
    match first >> 4 {
        UNCONFIRMED => match reader.u8()? {
            I_AM => i_am(reader, origin, sink),
            I_HAVE => i_have(reader, origin, sink),
            _ => Ok(()),
        },
        COMPLEX_ACKNOWLEDGEMENT => {
            reader.skip(1)?;
            // In segments: sequence number and window. Only the first begins with a tag.
            if first & 0x08 != 0 && reader.take::<2>()?[0] != 0 {
                return Ok(());
            }
            match reader.u8()? {
                READ_PROPERTY => read_property(reader, origin, sink),
                READ_PROPERTY_MULTIPLE => read_property_multiple(reader, origin, sink),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// What a tag is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Application,
    Context,
    Opening,
    Closing,
}

/// One tag and its value.
struct Tag<'a> {
    number: u8,
    class: Class,
    value: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Clause 20.2.1.
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let first = reader.u8()?;
        let number = if first >> 4 == 15 { reader.u8()? } else { first >> 4 };
        let context = first & 0x08 != 0;
        let length = match (first & 7, context) {
            (6, true) => return Ok(Self { number, class: Class::Opening, value: &[] }),
            (7, true) => return Ok(Self { number, class: Class::Closing, value: &[] }),
            // The value of a Boolean stands in its tag.
            (_, false) if number == 1 => 0,
            (5, _) => match reader.u8()? {
                254 => u32::from(reader.u16_be()?),
                255 => reader.u32_be()?,
                short => u32::from(short),
            },
            (short @ 0..=4, _) => u32::from(short),
            _ => return Err(Error::Malformed("application tag that opens or closes")),
        };
        let value = reader.octets(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Self { number, class: if context { Class::Context } else { Class::Application }, value })
    }

    fn is(&self, class: Class, number: u8) -> bool {
        self.class == class && self.number == number
    }

    /// The value as a number.
    fn unsigned(&self) -> Option<u32> {
        (1..=4).contains(&self.value.len()).then(|| self.value.iter().fold(0_u32, |number, octet| number << 8 | u32::from(*octet)))
    }

    /// The value as an object: type in ten bits, instance in 22.
    fn object(&self) -> Option<(u32, u32)> {
        let word = u32::from_be_bytes(self.value.try_into().ok()?);
        Some((word >> 22, word & 0x003f_ffff))
    }
}

/// Pass over all up to the closing tag of the one that was opened.
fn close(reader: &mut Reader<'_>) -> Result<()> {
    let mut depth = 1_u32;
    while depth > 0 {
        depth = match Tag::read(reader)?.class {
            Class::Opening if depth >= DEEPEST => return Err(Error::Malformed("values too deep in each other")),
            Class::Opening => depth.saturating_add(1),
            Class::Closing => depth.saturating_sub(1),
            _ => depth,
        };
    }
    Ok(())
}

/// A character string in UTF-8 or ISO 8859-1, which the sink reads, or UCS-2 (clause 20.2.9).
fn say_text(origin: &Origin<'_>, key: &'static str, value: &[u8], sink: &mut dyn Sink) {
    match value {
        [0 | 5, text @ ..] => origin.say(key, text, sink),
        [4, text @ ..] => origin.say(key, utf16_be(text).as_bytes(), sink),
        _ => {}
    }
}

/// Object of the device, longest APDU, segmentation, number of the vendor (clause 16.10.2).
fn i_am(reader: &mut Reader<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) -> Result<()> {
    let device = Tag::read(reader)?;
    if let Some((OBJECT_DEVICE, instance)) = device.object().filter(|_| device.is(Class::Application, OBJECT_IDENTIFIER)) {
        origin.say_number(facts::INSTANCE, instance, sink);
        let (_, _, vendor) = (Tag::read(reader)?, Tag::read(reader)?, Tag::read(reader)?);
        if let Some(vendor) = vendor.unsigned().filter(|_| vendor.is(Class::Application, UNSIGNED)) {
            origin.say_number(facts::VENDOR_ID, vendor, sink);
        }
    }
    Ok(())
}

/// Object of the device, object, its name (clause 16.9.2).
fn i_have(reader: &mut Reader<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) -> Result<()> {
    let (device, object) = (Tag::read(reader)?, Tag::read(reader)?);
    let Some((OBJECT_DEVICE, instance)) = device.object() else { return Ok(()) };
    origin.say_number(facts::INSTANCE, instance, sink);
    let name = Tag::read(reader)?;
    if name.is(Class::Application, CHARACTER_STRING) {
        let key = if object.object().is_some_and(|(kind, _)| kind == OBJECT_DEVICE) { facts::HOSTNAME } else { facts::MODULE_NAME };
        say_text(origin, key, name.value, sink);
    }
    Ok(())
}

/// Object 0, property 1, perhaps index 2, value in 3 (clause 15.5.2).
fn read_property(reader: &mut Reader<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) -> Result<()> {
    let object = Tag::read(reader)?;
    let property = Tag::read(reader)?;
    if !object.is(Class::Context, 0) || !property.is(Class::Context, 1) {
        return Ok(());
    }
    let mut next = Tag::read(reader)?;
    if next.is(Class::Context, 2) {
        next = Tag::read(reader)?;
    }
    if next.is(Class::Opening, 3) {
        say_property(&object, &property, &Tag::read(reader)?, origin, sink);
    }
    Ok(())
}

/// For each object 0, in 1: for each property 2, perhaps index 3, value in 4 or error in 5 (clause 15.7.3.2).
fn read_property_multiple(reader: &mut Reader<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) -> Result<()> {
    while !reader.is_empty() {
        let object = Tag::read(reader)?;
        if !object.is(Class::Context, 0) || !Tag::read(reader)?.is(Class::Opening, 1) {
            return Ok(());
        }
        loop {
            let property = Tag::read(reader)?;
            if property.class == Class::Closing {
                break;
            }
            let mut next = Tag::read(reader)?;
            if next.is(Class::Context, 3) {
                next = Tag::read(reader)?;
            }
            if next.class != Class::Opening {
                return Ok(());
            }
            let mut inside = *reader;
            if next.number == 4
                && let Ok(value) = Tag::read(&mut inside)
            {
                say_property(&object, &property, &value, origin, sink);
            }
            close(reader)?;
        }
    }
    Ok(())
}

/// A property of the device itself that is identity.
fn say_property(object: &Tag<'_>, property: &Tag<'_>, value: &Tag<'_>, origin: &Origin<'_>, sink: &mut dyn Sink) {
    let (Some((OBJECT_DEVICE, instance)), Some(property)) = (object.object(), property.unsigned()) else { return };
    if let Some((_, key)) = PROPERTIES.iter().find(|(number, _)| *number == property)
        && value.is(Class::Application, CHARACTER_STRING)
    {
        origin.say_number(facts::INSTANCE, instance, sink);
        say_text(origin, key, value.value, sink);
    }
    if property == VENDOR_IDENTIFIER
        && value.is(Class::Application, UNSIGNED)
        && let Some(vendor) = value.unsigned()
    {
        origin.say_number(facts::VENDOR_ID, vendor, sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    /// Octets of `bacnet_services.pcap` of github.com/cisagov/icsnpp-bacnet.
    const I_AM_ON_IP: &str = "810b001c0128ffff000003016cfe1000c40200006c2201e09100212a";
    const DEVICE_IS_HERE: &str = "810a002001080003016c1001c40200006cc40200006c75080053594e45524759";
    const DEVICE_NAME: &str = "810a001e01080003011d30900c0c0200001d194d3e75060031313245313f";
    const RELAY_NAME: &str = "810a002201080003011d309f0c0c01000065194d3e750a0052454c4159203130313f";

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    /// An acknowledgement of several properties: octets by hand after annex F.3.5.
    fn properties() -> Vec<u8> {
        let mut octets = hex("810a0000 0100 30 05 0e
             0c 02000007 1e
               29 46 4e 75 07 04 0050 004c 0043 4f
               29 78 4e 22 0104 4f
               29 79 4e 75 05 00 41636d65 4f
               29 4c 39 03 4e c4 00000001 4f
               29 2c 5e 91 02 91 20 5f
               2a 0174 4e 75 04 05 53fc31 4f
             1f
             0c 00000001 1e 29 4d 4e 75 05 00 74656d70 4f 1f");
        octets[3] = u8::try_from(octets.len()).unwrap();
        octets
    }

    #[test]
    fn a_device_says_its_number_and_its_name() {
        assert_eq!(probe(&hex(I_AM_ON_IP)), Likeness::Possible);
        let unit = "unit=network 3 address 108";
        assert_eq!(
            told(&hex(DEVICE_IS_HERE)),
            [format!("fact bacnet {unit} instance=108"), format!("fact bacnet {unit} hostname=SYNERGY")]
        );
        assert_eq!(
            told(&hex(DEVICE_NAME)),
            ["fact bacnet unit=network 3 address 29 instance=29", "fact bacnet unit=network 3 address 29 hostname=112E1"]
        );
        // A point of the device is not the device.
        assert_eq!(told(&hex(RELAY_NAME)), Vec::<String>::new());
    }

    #[test]
    fn behind_a_router_it_has_a_network_and_an_address() {
        assert_eq!(
            told(&hex(I_AM_ON_IP)),
            ["fact bacnet unit=network 3 address 108 instance=108", "fact bacnet unit=network 3 address 108 vendor_id=42"]
        );
        let forwarded = hex("81040018 0a000007 bac0 0100 1000 c4 02000005 22 01e0 91 00 21 2a");
        assert_eq!(told(&forwarded), ["fact bacnet about 10.0.0.7 instance=5", "fact bacnet about 10.0.0.7 vendor_id=42"]);
    }

    #[test]
    fn several_properties_at_once() {
        let said = told(&properties());
        assert_eq!(
            said.iter().filter(|line| !line.contains("instance")).collect::<Vec<_>>(),
            [
                "fact bacnet unit= model=PLC",
                "fact bacnet unit= vendor_id=260",
                "fact bacnet unit= vendor=Acme",
                "fact bacnet unit= serial=S\u{fc}1"
            ]
        );
    }

    #[test]
    fn any_octets_are_survived() {
        for octets in [hex(I_AM_ON_IP), hex(DEVICE_IS_HERE), hex(DEVICE_NAME), properties()] {
            for length in 0..octets.len() {
                told(&octets[..length]);
                let _ = probe(&octets[..length]);
                let mut other = octets.clone();
                other[length] ^= 0x76;
                told(&other);
            }
        }
        let mut deep = hex("810a0000 0100 30 05 0e 0c 02000007 1e 29 46");
        deep.extend([0x4e; 4000]);
        told(&deep);
    }
}
