//! PROFINET's context manager (IEC 61158-6-10) over connectionless DCE/RPC (The Open Group C706, chapter 12): who
//! opens a relation calls itself by its station's name, and a device may be asked for its identification (I&M).
//!
//! ```text
//!  0  version 1: 4    1  kind 1: 0 request, 2 response …    2  flags 1     4  byte order 1 (high nibble: 1 little)
//!  8  object 16      24  interface 16                      40  activity 16    68  operation 2
//! 74  length of the body 2                                 76  fragment 2     80  body
//! body: request: greatest length 4 or response: status 4; length 4; NDR array: greatest 4, offset 4, actual 4; blocks
//! blocks, most significant octet first:  0  type 2     2  length of what follows 2      4  version 2     6  data
//!
//! answer of the endpoint mapper (C706 appendix O) on the same port, which says what the device is:
//!  0  handle 20      20  entries 4                         24  bounds 12
//! 36  of the first: object 16, tower 4, offset 4, length 4, annotation
//! ```

use core::fmt::Write;

use super::profinet::identification;
use super::{Likeness, Protocol};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Role, Sink};

const NAME: &str = "pn_io_cm";

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
/// The greatest kind of packet.
const LAST_KIND: u8 = 10;

/// Octets of the body before the blocks.
const ARGUMENTS: usize = 20;

/// The interface of the endpoint mapper, E1AF8308-5D1F-11C9-91A4-08002B14A0FA, in both byte orders.
const MAPPER: [[u8; 16]; 2] = [
    [0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa],
    [0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa],
];
/// The interface of controllers; those of devices, supervisors and servers of parameters have other numbers.
const CONTROLLER: u8 = 2;

/// Types of blocks.
const IDENTIFICATION: u16 = 0x0020;
const FUNCTION_AND_LOCATION: u16 = 0x0021;
const RELATION_REQUEST: u16 = 0x0101;
const RELATION_RESPONSE: u16 = 0x8101;
const READ_RESPONSE: u16 = 0x8009;
const SERVER_RESPONSE: u16 = 0x8106;

/// Blocks of one message that are read.
const MOST_BLOCKS: usize = 64;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[34964], probe, dissect, ..Protocol::SERVICE };

/// Whom a call is for.
enum Interface {
    /// One of PROFINET's, by its number.
    Profinet(u8),
    /// The endpoint mapper.
    Mapper,
}

/// What the header says.
struct Header<'a> {
    kind: u8,
    little: bool,
    /// The last octets of the object that are its own: instance, device and vendor.
    object: Option<[u8; 6]>,
    interface: Interface,
    first: bool,
    body: &'a [u8],
}

/// Numbers that all unique identifiers of PROFINET share: DEA0000n-6C97-11D1-8271-….
fn is_profinet(identifier: [u8; 16], little: bool) -> Option<(u8, [u8; 6])> {
    let rest = |number: u8, tail: [u8; 6]| (number < 16).then_some((number, tail));
    match identifier {
        [n, 0x00, 0xa0, 0xde, 0x97, 0x6c, 0xd1, 0x11, 0x82, 0x71, a, b, c, d, e, f] if little => rest(n, [a, b, c, d, e, f]),
        [0xde, 0xa0, 0x00, n, 0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71, a, b, c, d, e, f] if !little => rest(n, [a, b, c, d, e, f]),
        _ => None,
    }
}

impl<'a> Header<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(message);
        let [4, kind @ 0..=LAST_KIND, flags, _, order, _, _, _] = reader.take().ok()? else { return None };
        if order > 0x11 {
            return None;
        }
        let little = order >> 4 == 1;
        let object: [u8; 16] = reader.take().ok()?;
        let interface: [u8; 16] = reader.take().ok()?;
        let interface = match is_profinet(interface, little) {
            // The node of an interface is that of its author.
            Some((number, [0x00, 0xa0, 0x24, 0x42, 0xdf, 0x7d])) => Interface::Profinet(number),
            None if MAPPER.contains(&interface) => Interface::Mapper,
            _ => return None,
        };
        reader.skip(34).ok()?;
        let length: [u8; 2] = reader.take().ok()?;
        let fragment: [u8; 2] = reader.take().ok()?;
        reader.skip(2).ok()?;
        let length = usize::from(if little { u16::from_le_bytes(length) } else { u16::from_be_bytes(length) });
        let object = is_profinet(object, little).filter(|(number, _)| *number == 0).map(|(_, tail)| tail);
        // Bit 2: a fragment of more.
        let first = flags & 0x04 == 0 || fragment == [0, 0];
        Some(Self { kind, little, object, interface, first, body: reader.up_to(length) })
    }

    fn number(&self, octets: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) }
    }
}

fn probe(octets: &[u8]) -> Likeness {
    match Header::read(octets).map(|header| header.interface) {
        Some(Interface::Profinet(_)) => Likeness::Sure,
        // Others have endpoints too.
        Some(Interface::Mapper) => Likeness::Possible,
        None => Likeness::No,
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some(header) = Header::read(message) else { return Ok(()) };
    // Devices call the controller back once they are ready, which makes them no clients.
    let (asks, answers) = match header.interface {
        Interface::Profinet(CONTROLLER) => (Role::Server, Role::Client),
        Interface::Profinet(_) | Interface::Mapper => (Role::Client, Role::Server),
    };
    match header.kind {
        REQUEST => sink.sender_is(asks, Evidence::Certain),
        RESPONSE => sink.sender_is(answers, Evidence::Certain),
        _ => return Ok(()),
    };
    if !header.first {
        return Ok(());
    }
    if let Interface::Mapper = header.interface {
        return if header.kind == RESPONSE { endpoint(&header, sink) } else { Ok(()) };
    }
    let mut reader = Reader::new(header.body);
    let status = header.number(reader.take()?);
    let length = header.number(reader.take()?);
    reader.skip(ARGUMENTS.saturating_sub(8))?;
    if header.kind == RESPONSE && status != 0 {
        return Ok(());
    }
    let mut blocks = Reader::new(reader.up_to(usize::try_from(length).unwrap_or(usize::MAX)));
    let mut place = [0; 4];
    for _ in 0..MOST_BLOCKS {
        if blocks.is_empty() {
            break;
        }
        let (kind, length) = (blocks.u16_be()?, usize::from(blocks.u16_be()?));
        let whole = length <= blocks.remaining();
        let data = blocks.up_to(length).get(2..).unwrap_or_default();
        match (header.kind, kind) {
            (REQUEST, RELATION_REQUEST) => initiator(data, sink),
            (RESPONSE, RELATION_RESPONSE) => {
                if let Some(object) = header.object.filter(|_| whole) {
                    numbers(object, sink);
                }
            }
            (RESPONSE, SERVER_RESPONSE) => station(data, sink),
            (RESPONSE, READ_RESPONSE) => place = slot(data),
            (RESPONSE, IDENTIFICATION) if whole => maintenance(data, place, sink),
            (RESPONSE, FUNCTION_AND_LOCATION) if whole => function_and_location(data, place, sink),
            _ => {}
        }
    }
    Ok(())
}

/// The device's own entry is the first; its annotation ends with a zero.
fn endpoint(header: &Header<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(header.body);
    reader.skip(20)?;
    let entries = header.number(reader.take()?);
    reader.skip(12)?;
    let Some((0, object)) = is_profinet(reader.take()?, header.little).filter(|_| entries > 0) else { return Ok(()) };
    numbers(object, sink);
    reader.skip(8)?;
    let length = header.number(reader.take()?);
    let annotation = reader.octets(usize::try_from(length).unwrap_or(usize::MAX))?;
    let text = annotation.strip_suffix(&[0]).unwrap_or(annotation);
    sink.fact(NAME, Some(Label::NONE), facts::DESCRIPTION, text);
    identification(NAME, text, false, sink);
    Ok(())
}

/// Kind of relation 2, its number 16, session 2, MAC address 6, object 16, properties 4, timeout 2, port 2, then the
/// name of the station.
fn initiator(data: &[u8], sink: &mut dyn Sink) {
    let mut reader = Reader::new(data);
    if reader.skip(26).is_err() {
        return;
    }
    let Ok(object) = reader.take() else { return };
    if let Some((0, object)) = is_profinet(object, false) {
        numbers(object, sink);
    }
    if reader.skip(8).is_ok() {
        station(reader.rest(), sink);
    }
}

/// Length 2, name.
fn station(data: &[u8], sink: &mut dyn Sink) {
    if let [high, low, rest @ ..] = data
        && let Some(name) = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))
    {
        sink.fact(NAME, Some(Label::NONE), facts::HOSTNAME, name);
    }
}

/// An object is known by its instance, device and vendor.
fn numbers([_, _, d0, d1, v0, v1]: [u8; 6], sink: &mut dyn Sink) {
    sink.fact_text(NAME, Some(Label::NONE), facts::VENDOR_ID, format_args!("0x{v0:02x}{v1:02x}"));
    sink.fact_text(NAME, Some(Label::NONE), facts::DEVICE_ID, format_args!("0x{d0:02x}{d1:02x}"));
}

/// Of which slot and subslot a record was read: sequence 2, relation 16, application 4, slot 2, subslot 2.
fn slot(data: &[u8]) -> [u8; 4] {
    match data.get(22..).unwrap_or_default() {
        [a, b, c, d, ..] => [*a, *b, *c, *d],
        _ => [0; 4],
    }
}

/// Slot 0 is the device itself.
const fn part(place: &[u8; 4]) -> Label<'_> {
    if matches!(place, [0, 0, ..]) { Label::NONE } else { Label { octets: place, render: render_part } }
}

fn render_part(octets: &[u8], out: &mut String) {
    let [s0, s1, u0, u1] = *octets else { return };
    let _ = write!(out, "slot {} subslot {}", u16::from_be_bytes([s0, s1]), u16::from_be_bytes([u0, u1]));
}

/// I&M0: vendor 2, order number 20, serial number 16, hardware 2, software: mark 1, numbers 3.
fn maintenance(data: &[u8], place: [u8; 4], sink: &mut dyn Sink) {
    let mut reader = Reader::new(data);
    let unit = Some(part(&place));
    let (Ok([v0, v1]), Ok(order), Ok(serial)) = (reader.take(), reader.octets(20), reader.octets(16)) else { return };
    let (Ok(hardware), Ok([mark, major, minor, internal])) = (reader.u16_be(), reader.take()) else { return };
    sink.fact_text(NAME, unit, facts::VENDOR_ID, format_args!("0x{v0:02x}{v1:02x}"));
    sink.fact(NAME, unit, facts::ORDER_NUMBER, order);
    sink.fact(NAME, unit, facts::SERIAL, serial);
    sink.fact_text(NAME, unit, facts::HARDWARE, format_args!("{hardware}"));
    if mark.is_ascii_uppercase() {
        sink.fact_text(NAME, unit, facts::FIRMWARE, format_args!("{}{major}.{minor}.{internal}", char::from(mark)));
    }
}

/// I&M1: what it is for 32, where it stands 22.
fn function_and_location(data: &[u8], place: [u8; 4], sink: &mut dyn Sink) {
    let mut reader = Reader::new(data);
    let unit = Some(part(&place));
    let (Ok(function), Ok(location)) = (reader.octets(32), reader.octets(22)) else { return };
    sink.fact(NAME, unit, facts::PLANT, function);
    sink.fact(NAME, unit, facts::LOCATION, location);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Recorder, hex};

    fn lines(role: Role, octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, role, octets).iter().map(|line| line.replace("fact pn_io_cm ", "").replace("unit= ", "")).collect()
    }

    /// The front of a request to connect, with its first block, from cisagov/icsnpp-profinet-io-cm
    /// (`profinet_io_cm_connect_minimal.pcapng`).
    const CONNECT: &str = "0400200000000000dea000006c9711d1827100010003015adea000016c9711d1827100a02442df7d13142f9000001000a994d2106890ca5a\
        0000000000000001000000000000ffffffff01c90000000000001000000001b50000100000000000000001b50101004f010000017c74224e166c4a58bf6b\
        6c25a75870f0000100a0456dd343dea000006c9711d182710001003c00b00000001102588892001970632d776f72782d72742d62617369632d36642d6433\
        2d3433";
    /// Its answer, which has the other byte order.
    const CONNECTED: &str = "04022800100000000000a0de976cd111827100010003015a0100a0de976cd111827100a02442df7d902f141300000010a994d2106890ca5a\
        0200000001000000000000000000ffffffff8c000000000000000000780000000010000000000000780000008101001e010000017c74224e166c4a58bf6b\
        6c25a75870f0000100099143e067889281020008010000010001c00281020008010000020002c0008103000801000001800100c88104002e01000001000000\
        0000020000000000010002000100020000000098000001ffff8140000200010001ffff81408040";
    /// An answer with the name of the station, from the same collection (`profinet_io_cm.pcap`).
    const NAMED: &str = "0402280000000000dea000006c9711d18271000100020493dea000016c9711d1827100a02442df7d506b06be275811b28000000c29f214f4\
        0000000000000001000000000000ffffffff006e00000000000000000000005a00004138000000000000005a8101001e01000001506a8baa275811b28000\
        df136039a4010022000c293761e888928102000801000001000180018102000801000002000280008103000801000001000100c8810600100100000b7274\
        2d6c6162732d64657600";

    #[test]
    fn who_connects_says_its_name() {
        assert_eq!(probe(&hex(CONNECT)), Likeness::Sure);
        assert_eq!(lines(Role::Client, &hex(CONNECT)), ["vendor_id=0x00b0", "device_id=0x003c", "hostname=pc-worx-rt-basic-6d-d3-43"]);
    }

    #[test]
    fn who_accepts_says_its_numbers_and_some_their_name() {
        assert_eq!(probe(&hex(CONNECTED)), Likeness::Sure);
        assert_eq!(lines(Role::Server, &hex(CONNECTED)), ["vendor_id=0x015a", "device_id=0x0003"]);
        assert_eq!(lines(Role::Server, &hex(NAMED)), ["vendor_id=0x0493", "device_id=0x0002", "hostname=rt-labs-dev"]);
        // A refusal repeats what it was asked for.
        let mut refused = hex(CONNECTED);
        refused[80] = 1;
        assert!(lines(Role::Server, &refused).is_empty());
    }

    /// A read answer: the header of the answer above, then blocks.
    fn answer(blocks: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(blocks.len()).unwrap().to_be_bytes();
        let mut message = hex(NAMED)[..80].to_vec();
        let [all_high, all_low] = u16::try_from(blocks.len() + ARGUMENTS).unwrap().to_be_bytes();
        (message[74], message[75]) = (all_high, all_low);
        message.extend([&[0, 0, 0, 0, 0, 0, high, low, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, high, low], blocks].concat());
        message
    }

    /// I&M0 and I&M1 after the standard, no capture at hand has them; of one slot.
    fn read_answer(slot: u8) -> Vec<u8> {
        let mut blocks = hex("8009 003c 0100 0001 00000000000000000000000000000000 00000000");
        blocks.extend([0, slot, 0, 1]);
        blocks.resize(64, 0);
        blocks.extend(hex("0020 0038 0100 002a"));
        blocks.extend(b"6ES7 155-6AU01-0BN0 S C-INVENTED0001 ");
        blocks.truncate(72 + 36);
        blocks.extend(hex("0005 56 040203 0000 0000 0000 0101 000e"));
        blocks.extend(hex("0021 0038 0100"));
        blocks.extend(format!("{:<32}{:<22}", "Bottling", "Hall 3").as_bytes());
        blocks
    }

    #[test]
    fn identification_is_told_of_the_device_and_of_its_modules() {
        let expected = [
            "vendor_id=0x002a",
            "order_number=6ES7 155-6AU01-0BN0",
            "serial=S C-INVENTED0001",
            "hardware=5",
            "firmware=V4.2.3",
            "plant=Bottling",
            "location=Hall 3",
        ];
        assert_eq!(lines(Role::Server, &answer(&read_answer(0))), expected);
        let module = lines(Role::Server, &answer(&read_answer(3)));
        assert_eq!(module[1], "unit=slot 3 subslot 1 order_number=6ES7 155-6AU01-0BN0");
    }

    /// An answer of the endpoint mapper after C706, no capture at hand has one.
    fn mapped(annotation: &str) -> Vec<u8> {
        let mut message = hex("0402 2800 1000 0000 00000000000000000000000000000000 0883af e1 1f5d c911 91a4 08002b14a0fa");
        message.resize(80, 0);
        message.extend(hex("00000000 0000a0de 976cd111 8271 0001 01010ffe 01000000 01000000 00000000 01000000"));
        message.extend(hex("0000a0de 976c d111 8271 0001 0021 0ffe 03000000 00000000"));
        message.extend(u32::try_from(annotation.len() + 1).unwrap().to_le_bytes());
        message.extend(annotation.as_bytes());
        message.extend([0, 0, 0, 0]);
        message[74] = u8::try_from(message.len() - 80).unwrap();
        message
    }

    #[test]
    fn the_endpoint_mapper_says_what_the_device_is() {
        let annotation = format!("{:<25} {:<20} {:>5} V{:>3}{:>3}{:>3}", "Invented IO 16", "7XX1 155-0AA00", 3, 4, 2, 11);
        let message = mapped(&annotation);
        assert_eq!(probe(&message), Likeness::Possible);
        let expected = [
            "vendor_id=0x0ffe",
            "device_id=0x0021",
            &format!("description={annotation}"),
            "model=Invented IO 16",
            "order_number=7XX1 155-0AA00",
            "hardware=3",
            "firmware=V4.2.11",
        ];
        assert_eq!(lines(Role::Server, &message), expected);
        for length in 0..message.len() {
            let part = lines(Role::Server, &message[..length]);
            assert_eq!(part, expected[..part.len()]);
        }
        assert_eq!(lines(Role::Server, &mapped("of another form")).len(), 3);
    }

    #[test]
    fn devices_that_call_back_are_no_clients() {
        let mut message = hex(CONNECT);
        message[27] = CONTROLLER;
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Client, &message).unwrap();
        assert_eq!(recorder.sender, Role::Server);
    }

    #[test]
    fn other_remote_calls_are_not_taken_for_it() {
        let mut message = hex(CONNECT);
        message[24] = 0xdf;
        assert_eq!(probe(&message), Likeness::No);
        assert!(lines(Role::Client, &message).is_empty());
    }

    #[test]
    fn later_fragments_are_passed_over() {
        let mut message = hex(CONNECT);
        (message[2], message[77]) = (0x24, 1);
        assert!(lines(Role::Client, &message).is_empty());
        message[77] = 0;
        assert_eq!(lines(Role::Client, &message).len(), 3);
    }

    #[test]
    fn a_message_may_end_anywhere() {
        for (role, message) in [(Role::Client, CONNECT), (Role::Server, CONNECTED), (Role::Server, NAMED)] {
            let (message, whole) = (hex(message), lines(role, &hex(message)));
            for length in 0..message.len() {
                let part = lines(role, &message[..length]);
                assert_eq!(part, whole[..part.len()]);
                let _ = probe(&message[..length]);
            }
        }
        let message = answer(&read_answer(1));
        for length in 0..message.len() {
            lines(Role::Server, &message[..length]);
        }
    }

    #[test]
    fn hostile_lengths_end_the_reading() {
        for kind in [0x0020_u16, 0x0021, 0x0101, 0x8101, 0x8009, 0x8106] {
            for length in [0_u16, 1, 2, 3, 0x3c, 0xffff] {
                let block = [kind.to_be_bytes(), length.to_be_bytes(), [1, 0], [0xff, 0xff]].concat();
                lines(Role::Server, &answer(&block.repeat(100)));
            }
        }
    }
}
