//! Names of hosts: DNS (RFC 1035), its updates (RFC 2136), multicast DNS (RFC 6762) and link-local multicast name
//! resolution (RFC 4795). What a server answers about others is nobody's own claim: only what a host says of its own
//! address counts.
//!
//! ```text
//! message    0  identifier  2  flags  4  questions  6  answers  8  authorities  10  additional  12  then these
//! question   name, type 2, class 2
//! record     name, type 2, class 2, time to live 4, length 2, data
//! name       labels (length 1, octets), ended by 0 or by a pointer (two highest bits set, offset 14 bits)
//! over TCP   0  length of the message  2  message
//! ```

use super::{Likeness, Protocol};
use crate::decode::Address;
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::Sink;

const NAME: &str = "dns";
const MDNS_NAME: &str = "mdns";
const LLMNR_NAME: &str = "llmnr";
const HEADER: usize = 12;
/// Longest name in text (RFC 1035 section 2.3.4), octets.
const LONGEST_NAME: usize = 255;
/// Labels and pointers followed for one name: a name has at most 127 labels.
const MOST_STEPS: usize = 128;
/// Records of one message that are looked at.
const MOST_RECORDS: usize = 512;
const RESPONSE: u16 = 0x8000;
const QUERY: u16 = 0;
const UPDATE: u16 = 5;
const TYPE_A: u16 = 1;
const TYPE_PTR: u16 = 12;
const TYPE_HINFO: u16 = 13;
const TYPE_TXT: u16 = 16;
const TYPE_AAAA: u16 = 28;
const TYPE_SRV: u16 = 33;
const CLASS_INTERNET: u16 = 1;
/// Top bit of the class in mDNS: the receiver is to flush its cache, or to answer by unicast (RFC 6762 section 18).
const CLASS: u16 = 0x7fff;

pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, udp_ports: &[53], probe, dissect: |octets, sink| dissect(NAME, octets, sink), ..Protocol::SERVICE };

pub(super) static OVER_TCP: Protocol = Protocol {
    name: NAME,
    tcp_ports: &[53],
    first_messages: 4,
    probe: |octets| match octets.get(2..).map(probe) {
        Some(Likeness::Sure | Likeness::Possible) if fits_length(octets) => Likeness::Possible,
        _ => Likeness::No,
    },
    frame,
    dissect: |octets, sink| dissect(NAME, octets.get(2..).unwrap_or_default(), sink),
    ..Protocol::SERVICE
};

pub(super) static MDNS: Protocol =
    Protocol { name: MDNS_NAME, udp_ports: &[5353], probe, dissect: |octets, sink| dissect(MDNS_NAME, octets, sink), ..Protocol::SERVICE };

pub(super) static LLMNR: Protocol = Protocol {
    name: LLMNR_NAME,
    udp_ports: &[5355],
    probe,
    dissect: |octets, sink| dissect(LLMNR_NAME, octets, sink),
    ..Protocol::SERVICE
};

/// Flags and counts at the front of a message.
pub(super) struct Header {
    flags: u16,
    questions: u16,
    /// Answers (in an update: prerequisites), authorities (updates), additional.
    records: [u16; 3],
}

impl Header {
    /// Read it.
    ///
    /// # Errors
    /// `Truncated` where the message is shorter.
    pub(super) fn read(octets: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(octets);
        reader.skip(2)?;
        let flags = reader.u16_be()?;
        let questions = reader.u16_be()?;
        Ok(Self { flags, questions, records: [reader.u16_be()?, reader.u16_be()?, reader.u16_be()?] })
    }

    /// True for an answer.
    pub(super) const fn is_response(&self) -> bool {
        self.flags & RESPONSE != 0
    }

    /// What is asked for.
    pub(super) const fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    /// How it went; 0 is well.
    pub(super) const fn response_code(&self) -> u16 {
        self.flags & 0xf
    }
}

/// A name in text, without the dot at its end.
pub(super) struct Name {
    octets: [u8; LONGEST_NAME],
    length: usize,
    first_label: usize,
}

impl Name {
    const EMPTY: Self = Self { octets: [0; LONGEST_NAME], length: 0, first_label: 0 };

    /// The name at an offset of a message. A pointer must lead further to the front than all before it, so that there
    /// are no loops.
    ///
    /// # Errors
    /// `Truncated` or `Malformed`.
    pub(super) fn read(message: &[u8], offset: usize) -> Result<Self> {
        let mut name = Self::EMPTY;
        let (mut at, mut lowest) = (offset, offset);
        for _ in 0..=MOST_STEPS {
            match message.get(at..).unwrap_or_default() {
                [0, ..] => return Ok(name),
                [length @ 1..=63, rest @ ..] => {
                    let length = usize::from(*length);
                    name.push(rest.get(..length).ok_or(Error::Truncated { at: message.len() })?)?;
                    at = at.saturating_add(length).saturating_add(1);
                }
                [high @ 0xc0..=0xff, low, ..] => {
                    at = usize::from(u16::from_be_bytes([*high & 0x3f, *low]));
                    if at >= lowest {
                        return Err(Error::Malformed("name pointer that does not lead back"));
                    }
                    lowest = at;
                }
                [] | [0xc0..=0xff] => return Err(Error::Truncated { at: message.len() }),
                _ => return Err(Error::Malformed("label of an unknown kind")),
            }
        }
        Err(Error::Malformed("name with too many labels"))
    }

    /// A name by itself, without pointers, whose end may be left out (RFC 4702 section 2.3.1).
    ///
    /// # Errors
    /// `Truncated` or `Malformed`.
    pub(super) fn alone(octets: &[u8]) -> Result<Self> {
        let mut name = Self::EMPTY;
        let mut reader = Reader::new(octets);
        while let Some(length @ 1..=63) = reader.peek() {
            reader.skip(1)?;
            name.push(reader.octets(usize::from(length))?)?;
        }
        if reader.peek().unwrap_or(0) == 0 { Ok(name) } else { Err(Error::Malformed("label of an unknown kind")) }
    }

    fn push(&mut self, label: &[u8]) -> Result<()> {
        let dot: &[u8] = if self.length == 0 { b"" } else { b"." };
        let room = self.octets.get_mut(self.length..).unwrap_or_default();
        if dot.len().saturating_add(label.len()) > room.len() {
            return Err(Error::Malformed("name that is too long"));
        }
        for (to, from) in room.iter_mut().zip(dot.iter().chain(label)) {
            *to = *from;
            self.length = self.length.saturating_add(1);
        }
        if dot.is_empty() {
            self.first_label = label.len();
        }
        Ok(())
    }

    /// All of it.
    pub(super) fn text(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// Its first label.
    pub(super) fn first_label(&self) -> &[u8] {
        self.octets.get(..self.first_label).unwrap_or_default()
    }
}

/// Pass over a name.
///
/// # Errors
/// `Truncated` or `Malformed`.
pub(super) fn skip_name(reader: &mut Reader<'_>) -> Result<()> {
    loop {
        match reader.u8()? {
            0 => return Ok(()),
            length @ 1..=63 => reader.skip(usize::from(length))?,
            0xc0..=0xff => return reader.skip(1),
            _ => return Err(Error::Malformed("label of an unknown kind")),
        }
    }
}

/// One record of a message.
pub(super) struct Record<'a> {
    /// 0 answers, 1 authorities, 2 additional.
    pub(super) section: usize,
    /// Offset of its owner's name in the message.
    pub(super) owner: usize,
    /// Its type.
    pub(super) kind: u16,
    /// Its class.
    pub(super) class: u16,
    /// What it says.
    pub(super) data: &'a [u8],
    /// Offset of that in the message.
    pub(super) data_at: usize,
}

/// Hand each record of a message to `each`, as far as they can be read.
///
/// # Errors
/// `Truncated` or `Malformed`, after all records before that.
pub(super) fn records<'a>(header: &Header, message: &'a [u8], each: &mut dyn FnMut(&Record<'a>)) -> Result<()> {
    let mut reader = Reader::new(message);
    reader.skip(HEADER)?;
    for _ in 0..header.questions {
        skip_name(&mut reader)?;
        reader.skip(4)?;
    }
    let mut left = MOST_RECORDS;
    for (section, count) in header.records.iter().enumerate() {
        for _ in 0..*count {
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(());
            }
            let owner = reader.position();
            skip_name(&mut reader)?;
            let (kind, class) = (reader.u16_be()?, reader.u16_be()?);
            reader.skip(4)?;
            let length = usize::from(reader.u16_be()?);
            let data_at = reader.position();
            each(&Record { section, owner, kind, class, data: reader.octets(length)?, data_at });
        }
    }
    Ok(())
}

/// True where the octets at hand do not speak against the length before them.
fn fits_length(octets: &[u8]) -> bool {
    matches!(*octets, [high, low, ..] if usize::from(u16::from_be_bytes([high, low])) > HEADER)
}

/// One question for a usual name and type, and nothing after the last record: no chance makes that.
fn is_whole(header: &Header, octets: &[u8]) -> bool {
    let [answers, authorities, additional] = header.records;
    let asks = !header.is_response() && answers == 0 && authorities == 0 && additional <= 1;
    if header.questions != 1 || header.opcode() != QUERY || !(asks || header.is_response() && header.response_code() <= 5) {
        return false;
    }
    let Ok(name) = Name::read(octets, HEADER) else { return false };
    let question = octets.get(HEADER..).and_then(|rest| rest.get(name.length.saturating_add(2)..));
    // A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, HTTPS, any. Not 32 and 33, which NetBIOS has for its own.
    let usual = matches!(question, Some([0, 1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 65 | 255, _, 1, ..]));
    let mut end = HEADER.saturating_add(name.length).saturating_add(6);
    let read = records(header, octets, &mut |record| end = record.data_at.saturating_add(record.data.len()));
    usual && read.is_ok() && end == octets.len() && !name.text().is_empty() && name.text().iter().all(u8::is_ascii_graphic)
}

/// A known operation, and a question or record whose name and class are possible.
fn probe(octets: &[u8]) -> Likeness {
    let Ok(header) = Header::read(octets) else { return Likeness::No };
    let empty = header.questions == 0 && header.records == [0; 3];
    // Opcode 3 was never used, 6 has no messages over UDP; bit 6 is reserved.
    if empty || !matches!(header.opcode(), 0 | 1 | 2 | 4 | UPDATE) || header.flags & 0x40 != 0 || header.questions > 64 {
        return Likeness::No;
    }
    if is_whole(&header, octets) {
        return Likeness::Sure;
    }
    let mut reader = Reader::new(octets);
    match reader.skip(HEADER).and_then(|()| skip_name(&mut reader)).and_then(|()| reader.take::<4>()) {
        // Internet, CHAOS, Hesiod, none, any; the sender's payload size in a record of EDNS.
        Ok([kind_high, kind_low, high, low]) => {
            let (kind, class) = (u16::from_be_bytes([kind_high, kind_low]), u16::from_be_bytes([high, low]) & CLASS);
            if kind != 0 && (matches!(class, 1 | 3 | 4 | 254 | 255) || kind == 41) { Likeness::Possible } else { Likeness::No }
        }
        Err(Error::Truncated { .. }) => Likeness::Possible,
        Err(Error::Malformed(_)) => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    let [high, low, message @ ..] = octets else { return Ok(None) };
    if !fits_length(octets) || (message.len() >= HEADER && probe(message) == Likeness::No) {
        return Err(Error::Malformed("not a message of DNS"));
    }
    Ok(Some(usize::from(u16::from_be_bytes([*high, *low])).saturating_add(2)))
}

/// True where a record says that its owner has this address.
fn has_address(record: &Record<'_>, address: Address) -> bool {
    let said = match record.kind {
        TYPE_A => record.data.try_into().ok().map(Address::v4),
        TYPE_AAAA => record.data.try_into().ok().map(|octets| Address(u128::from_be_bytes(octets))),
        _ => None,
    };
    record.class & CLASS == CLASS_INTERNET && said == Some(address) && address != Address::NONE
}

fn dissect(source: &'static str, octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let header = Header::read(octets)?;
    let sender = sink.sender_addresses().ip;
    let says_of_itself = match (header.opcode(), header.is_response()) {
        (QUERY, true) => source != NAME,
        (UPDATE, false) => source == NAME,
        _ => false,
    };
    if !says_of_itself {
        return Ok(());
    }
    let update = header.opcode() == UPDATE;
    // Some repeat on one network what they heard on another: then there are addresses, but the sender's is not among them.
    let (mut own, mut other) = (false, false);
    let _ = records(&header, octets, &mut |record| {
        own |= has_address(record, sender);
        other |= matches!(record.kind, TYPE_A | TYPE_AAAA);
    });
    let repeats = other && !own;
    records(&header, octets, &mut |record| {
        // In an update, the first section tells what must hold before it.
        if update && record.section != 1 {
            return;
        }
        if has_address(record, sender)
            && let Ok(name) = Name::read(octets, record.owner)
        {
            sink.fact(source, None, facts::HOSTNAME, name.text());
        } else if source == MDNS_NAME && !repeats {
            // What it cannot read, it passes over: the records stand by themselves.
            let _ = announced(record, octets, sink);
        }
    })
}

/// What a host announces of itself by multicast, beside its addresses.
fn announced(record: &Record<'_>, message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match record.kind {
        // Priority 2, weight 2, port 2, name of the host.
        TYPE_SRV => {
            let target = Name::read(message, record.data_at.saturating_add(6))?;
            sink.fact(MDNS_NAME, None, facts::HOSTNAME, target.text());
        }
        TYPE_HINFO => {
            let mut reader = Reader::new(record.data);
            for key in [facts::HARDWARE, facts::OPERATING_SYSTEM] {
                let length = reader.u8()?;
                sink.fact(MDNS_NAME, None, key, reader.octets(usize::from(length))?);
            }
        }
        TYPE_TXT if is_of_service(&Name::read(message, record.owner)?, b"_device-info._tcp") => {
            let mut reader = Reader::new(record.data);
            while let Ok(length) = reader.u8() {
                let text = reader.octets(usize::from(length))?;
                if let Some((b"model=", model)) = text.split_at_checked(6) {
                    sink.fact(MDNS_NAME, None, facts::MODEL, model);
                }
            }
        }
        // The instance is the name of the host and its MAC address in brackets.
        TYPE_PTR if Name::read(message, record.owner)?.text().starts_with(b"_workstation._tcp.") => {
            let instance = Name::read(message, record.data_at)?;
            let label = instance.first_label();
            let end = label.windows(2).rposition(|pair| pair == b" [").unwrap_or(label.len());
            sink.fact(MDNS_NAME, None, facts::HOSTNAME, label.get(..end).unwrap_or_default());
        }
        _ => {}
    }
    Ok(())
}

/// True for the name of an instance of that service.
fn is_of_service(name: &Name, service: &[u8]) -> bool {
    let rest = name.text().get(name.first_label().len().saturating_add(1)..).unwrap_or_default();
    rest.starts_with(service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn told(protocol: &Protocol, octets: &[u8]) -> Vec<String> {
        testing::told(protocol, Role::Server, octets)
    }

    /// A response of avahi's layout, written by hand: A and AAAA of `panel-7.local`, SRV and TXT that point to them.
    fn announcement() -> Vec<u8> {
        hex("0000 8400 0000 0006 0000 0000
             0770616e656c2d37 056c6f63616c 00 0001 8001 00000078 0004 0a000009
             c00c 000d 8001 00000078 000d 0641524d56374c 054c494e5558
             0b50616e656c20736576656e 0c5f6465766963652d696e666f 045f746370 c014 0010 8001 00001194 000f 0e 6d6f64656c3d5850333030302d37
             0f 68747470206f662070616e656c2d37 055f68747470 c05b 0021 8001 00000078 0008 0000 0000 0050 c00c
             0c 5f776f726b73746174696f6e c05b 000c 0001 00001194 001e 1b 70616e656c2d37205b30323a30303a30303a30303a30303a30395d c0a5
             056f74686572 c014 0001 8001 00000078 0004 0a000008")
    }

    #[test]
    fn a_host_announces_itself_by_multicast() {
        assert_eq!(probe(&announcement()), Likeness::Possible);
        assert_eq!(
            told(&MDNS, &announcement()),
            [
                "fact mdns unit= hostname=panel-7.local",
                "fact mdns unit= hardware=ARMV7L",
                "fact mdns unit= operating_system=LINUX",
                "fact mdns unit= model=XP3000-7",
                "fact mdns unit= hostname=panel-7.local",
                "fact mdns unit= hostname=panel-7",
            ]
        );
        // What another host has announced, repeated on this network.
        let mut repeated = announcement();
        let address = repeated.windows(4).position(|octets| octets == [10, 0, 0, 9]).unwrap();
        repeated[address + 3] = 7;
        assert_eq!(told(&MDNS, &repeated), Vec::<String>::new());
        // The same as an answer of a server tells nothing of the server.
        assert_eq!(told(&PROTOCOL, &announcement()), Vec::<String>::new());
        assert_eq!(told(&LLMNR, &announcement()), ["fact llmnr unit= hostname=panel-7.local"]);
    }

    #[test]
    fn a_dynamic_update_tells_the_name_of_who_sends_it() {
        // Zone plant.test, prerequisite CNAME none, A deleted and A added for pc-3.plant.test.
        let update = hex("1234 2800 0001 0001 0002 0000 05706c616e74 0474657374 00 0006 0001
             0470632d33 c00c 0005 00fe 00000000 0000
             c01c 0001 00ff 00000000 0000
             c01c 0001 0001 000004b0 0004 0a000009");
        assert_eq!(told(&PROTOCOL, &update), ["fact dns unit= hostname=pc-3.plant.test"]);
        let mut stream = u16::try_from(update.len()).unwrap().to_be_bytes().to_vec();
        stream.extend_from_slice(&update);
        for length in 0..stream.len() {
            let framed = frame(&stream[..length]);
            assert_eq!(framed, Ok((length >= 2).then_some(stream.len())), "{length}");
        }
        assert_eq!((OVER_TCP.probe)(&stream), Likeness::Possible);
        assert_eq!(told(&OVER_TCP, &stream), ["fact dns unit= hostname=pc-3.plant.test"]);
    }

    #[test]
    fn an_answer_about_another_host_is_no_fact() {
        // A resolver tells of itself, as of any host: by hand.
        let answer =
            hex("abcd 8180 0001 0001 0000 0000 03777777 076578616d706c65 036f7267 00 0001 0001 c00c 0001 0001 0000003c 0004 0a000009");
        assert_eq!(told(&PROTOCOL, &answer), Vec::<String>::new());
        // On any port, as long as it is whole.
        assert_eq!(probe(&answer), Likeness::Sure);
        for length in 0..answer.len() {
            assert_eq!(probe(&answer[..length]), if length < HEADER { Likeness::No } else { Likeness::Possible }, "{length}");
        }
        assert_eq!(probe(&[&answer[..], &[0]].concat()), Likeness::Possible);
    }

    #[test]
    fn names_end() {
        // To itself, to the front of itself, forward, past the end, to nothing.
        for name in ["c00c", "0161 c00c", "c0ff", "c00e", "c0"] {
            let message = hex(&format!("0000 8400 0000 0001 0000 0000 {name}"));
            assert!(Name::read(&message, 12).is_err(), "{name}");
        }
        let mut long = hex("0000 8400 0000 0001 0000 0000");
        for _ in 0..200 {
            long.extend_from_slice(b"\x01a");
        }
        assert!(Name::read(&long, 12).is_err());
        long.truncate(12 + 2 * 127);
        long.push(0);
        assert_eq!(Name::read(&long, 12).map(|name| name.text().len()), Ok(253));
        // Pointers that each lead back by two.
        let chain: Vec<u8> = [0, 0].into_iter().chain((0..400_u16).flat_map(|n| (0xc000 | (n * 2)).to_be_bytes())).collect();
        assert!(Name::read(&chain, chain.len() - 2).is_err());
        assert_eq!(Name::read(&chain, 100).map(|name| name.text().len()), Ok(0));
    }

    #[test]
    fn any_octets_are_survived() {
        let message = announcement();
        for length in 0..message.len() {
            let _ = probe(&message[..length]);
            told(&MDNS, &message[..length]);
            let mut other = message.clone();
            other[length] ^= 0xc5;
            told(&MDNS, &other);
        }
        let many = [&hex("0000 8400 ffff ffff ffff ffff")[..], &vec![0; 60000]].concat();
        told(&MDNS, &many);
    }
}
