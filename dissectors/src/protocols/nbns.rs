//! NetBIOS name service, RFC 1002 section 4.2: DNS's message with names of its own.
//!
//! ```text
//! name        label of 32 octets: each octet of the name as two letters from A (RFC 1001 section 14.1)
//!             of the 16 octets the last is the suffix: what the name is for (MS-NBTE section 1.8)
//! NB record   flags 2 (0x8000: name of a group), IPv4 address 4, perhaps repeated
//! NBSTAT      how many 1, then each: name 15, suffix 1, flags 2; then the MAC address 6 and counters
//! ```

use super::dns::{Header, Name, Record, records};
use super::{Likeness, Protocol};
use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::Sink;

const NAME: &str = "nbns";
const QUERY: u16 = 0;
const REGISTRATION: u16 = 5;
const REFRESH: u16 = 8;
/// What some write for a refresh (RFC 1002 section 4.2.4 against 4.2.1.1).
const REFRESH_OTHER: u16 = 9;
const MULTIHOMED_REGISTRATION: u16 = 15;
const TYPE_NB: u16 = 0x20;
const TYPE_NBSTAT: u16 = 0x21;
const GROUP: u16 = 0x8000;
/// Length octet of a name, and where its first stands.
const LABEL: u8 = 32;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[137], probe, dissect, ..Protocol::SERVICE };

/// A NetBIOS name and what it is for.
pub(super) struct NetbiosName {
    octets: [u8; 15],
    /// The 16th octet.
    pub(super) suffix: u8,
}

impl NetbiosName {
    /// From its encoded form. `None` where it is not one.
    pub(super) fn decode(label: &[u8]) -> Option<Self> {
        let label: &[u8; LABEL as usize] = label.try_into().ok()?;
        let mut plain = [0_u8; 16];
        for (to, pair) in plain.iter_mut().zip(label.chunks_exact(2)) {
            let [high @ b'A'..=b'P', low @ b'A'..=b'P'] = *pair else { return None };
            *to = high.wrapping_sub(b'A') << 4 | low.wrapping_sub(b'A');
        }
        let [octets @ .., suffix] = plain;
        Some(Self { octets, suffix })
    }

    /// The name without its padding.
    pub(super) fn text(&self) -> &[u8] {
        trimmed(&self.octets)
    }
}

/// Without the blanks at the end; nothing of a name that begins with an octet that is no character (the browsers' own).
fn trimmed(octets: &[u8]) -> &[u8] {
    if octets.first().is_some_and(|octet| *octet < b' ' || *octet == b'*') {
        return &[];
    }
    let end = octets.iter().rposition(|octet| !matches!(octet, b' ' | 0)).map_or(0, |last| last.saturating_add(1));
    octets.get(..end).unwrap_or_default()
}

/// A known operation on one name.
fn probe(octets: &[u8]) -> Likeness {
    let Ok(header) = Header::read(octets) else { return Likeness::No };
    let encoded = match octets.get(12..) {
        Some([LABEL, encoded @ ..]) => encoded.get(..usize::from(LABEL)).unwrap_or(encoded),
        _ => return Likeness::No,
    };
    let known = matches!(header.opcode(), QUERY | REGISTRATION | 6..=REFRESH_OTHER | MULTIHOMED_REGISTRATION);
    if known && encoded.iter().all(|octet| matches!(octet, b'A'..=b'P')) { Likeness::Possible } else { Likeness::No }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let header = Header::read(octets)?;
    let claims = match header.opcode() {
        QUERY => header.is_response() && header.response_code() == 0,
        REGISTRATION | REFRESH | REFRESH_OTHER | MULTIHOMED_REGISTRATION => !header.is_response(),
        _ => false,
    };
    if !claims {
        return Ok(());
    }
    let sender = sink.sender_addresses().ip;
    records(&header, octets, &mut |record| match record.kind {
        TYPE_NB => address_record(record, octets, sender, sink),
        TYPE_NBSTAT => {
            // What cannot be read of it is passed over.
            let _ = status(record.data, sink);
        }
        _ => {}
    })
}

/// The owner of a name has these addresses; the sender's own among them makes it a name of the sender.
fn address_record(record: &Record<'_>, message: &[u8], sender: Address, sink: &mut dyn Sink) {
    let mut entries = record.data.chunks_exact(6).filter_map(|entry| entry.split_first_chunk::<2>());
    let own = entries.find(|(_, address)| (*address).try_into().ok().map(Address::v4) == Some(sender));
    if let Some((flags, _)) = own
        && let Some(name) = Name::read(message, record.owner).ok().and_then(|name| NetbiosName::decode(name.first_label()))
    {
        say(name.text(), name.suffix, u16::from_be_bytes(*flags), sink);
    }
}

/// The answer to a request for its status: all names that it has.
fn status(data: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(data);
    for _ in 0..reader.u8()? {
        let name: [u8; 15] = reader.take()?;
        let suffix = reader.u8()?;
        say(trimmed(&name), suffix, reader.u16_be()?, sink);
    }
    // Samba has none to give.
    let mac = Mac::new(reader.take()?);
    if mac.0 != 0 {
        sink.fact_text(NAME, None, facts::ADDRESS, format_args!("{mac}"));
    }
    Ok(())
}

/// What a name of the sender tells (MS-NBTE section 1.8).
fn say(name: &[u8], suffix: u8, flags: u16, sink: &mut dyn Sink) {
    if name.is_empty() {
        return;
    }
    let (key, role): (&str, &[u8]) = match (suffix, flags & GROUP != 0) {
        (0x00 | 0x20, false) => (facts::HOSTNAME, b""),
        (0x00 | 0x1e, true) => (facts::DOMAIN, b""),
        (0x1b, false) => (facts::DOMAIN, b"domain master browser"),
        (0x1c, true) => (facts::DOMAIN, b"domain controller"),
        (0x1d, false) => (facts::DOMAIN, b"master browser"),
        _ => return,
    };
    sink.fact(NAME, None, key, name);
    sink.fact(NAME, None, facts::ROLE, role);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    fn encoded(name: &str, suffix: u8) -> String {
        let octets: Vec<u8> = name.bytes().chain(core::iter::repeat(b' ')).take(15).chain([suffix]).collect();
        let letters = octets.iter().flat_map(|octet| [(octet >> 4) + b'A', (octet & 15) + b'A']);
        letters.fold(String::new(), |text, letter| format!("{text}{letter:02x}"))
    }

    fn registration(name: &str, suffix: u8, flags: &str, address: &str) -> Vec<u8> {
        hex(&format!(
            "8001 2910 0001 0000 0000 0001 20{}00 0020 0001 c00c 0020 0001 000493e0 0006 {flags} {address}",
            encoded(name, suffix)
        ))
    }

    #[test]
    fn a_host_registers_its_names() {
        let unique = registration("HMI-4", 0x20, "0000", "0a000009");
        assert_eq!(probe(&unique), Likeness::Possible);
        assert_eq!(told(&unique), ["fact nbns unit= hostname=HMI-4"]);
        assert_eq!(told(&registration("PLANT", 0, "8000", "0a000009")), ["fact nbns unit= domain=PLANT"]);
        assert_eq!(
            told(&registration("PLANT", 0x1c, "8000", "0a000009")),
            ["fact nbns unit= domain=PLANT", "fact nbns unit= role=domain controller"]
        );
        assert_eq!(told(&registration("HMI-5", 0x20, "0000", "0a000008")), Vec::<String>::new());
        assert_eq!(told(&registration("\u{1}\u{2}__MSBROWSE__\u{2}", 1, "8000", "0a000009")), Vec::<String>::new());
    }

    #[test]
    fn the_status_lists_all_names() {
        let names =
            "48 4d 49 2d 34 20202020202020202020 00 0400 484d492d34 20202020202020202020 20 0400 504c414e54 20202020202020202020 00 8400";
        let answer = hex(&format!("1234 8400 0000 0001 0000 0000 20{}00 0021 0001 00000000 003d 03 {names} 020000000009", encoded("*", 0)));
        assert_eq!(
            told(&answer),
            [
                "fact nbns unit= hostname=HMI-4",
                "fact nbns unit= hostname=HMI-4",
                "fact nbns unit= domain=PLANT",
                "fact nbns unit= address=02:00:00:00:00:09",
            ]
        );
        for length in 0..answer.len() {
            told(&answer[..length]);
            let _ = probe(&answer[..length]);
        }
    }
}
