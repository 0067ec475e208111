//! SNMP: versions 1 (RFC 1157), 2c (RFC 1901, 3416) and 3 (RFC 3412), in BER (X.690).
//!
//! ```text
//! BER        0  tag  1  length: one octet, or 0x80 + how many octets hold it  then the value
//! 1, 2c      SEQUENCE { INTEGER version, OCTET STRING community, PDU }
//! 3          SEQUENCE { INTEGER version, SEQUENCE { header }, OCTET STRING security,
//!                       SEQUENCE { OCTET STRING engine, OCTET STRING context, PDU } or encrypted OCTET STRING }
//! PDU        [n] { INTEGER request, INTEGER status, INTEGER index, SEQUENCE of SEQUENCE { OBJECT IDENTIFIER, value } }
//! trap of 1  [4] { OBJECT IDENTIFIER enterprise, IpAddress, INTEGER, INTEGER, TimeTicks, SEQUENCE of … }
//! ```

use core::fmt::Write;

use super::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, expect};
use super::{Likeness, Protocol};
use crate::decode::Address;
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Memo, Scope, Sink, Subject};

const NAME: &str = "snmp";
const FIRST_PDU: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const TRAP_1: u8 = 0xa4;
const INFORM: u8 = 0xa6;
const TRAP_2: u8 = 0xa7;
const LAST_PDU: u8 = 0xa8;
const VERSION_3: u8 = 3;
/// Object identifiers longer than this are none of those that are looked for.
const LONGEST_IDENTIFIER: usize = 128;

/// 1.3.6.1.2.1.1: the group `system` (RFC 3418).
const SYSTEM: &[u8] = &[0x2b, 6, 1, 2, 1, 1];
/// 1.3.6.1.2.1.47.1.1.1.1: a row of `entPhysicalTable` (RFC 6933).
const ENTITY: &[u8] = &[0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1];

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[161, 162], probe, dissect, ..Protocol::SERVICE };

/// The fields before the PDU: the version, and a reader that stands at the PDU or, in version 3, at what may be encrypted.
fn front(octets: &[u8]) -> Result<(u8, Reader<'_>)> {
    let mut whole = Reader::new(octets);
    let mut outer = Reader::new(expect(&mut whole, SEQUENCE)?);
    if !whole.is_empty() {
        return Err(Error::Malformed("message of SNMP with octets after its end"));
    }
    match expect(&mut outer, INTEGER)? {
        [version @ 0..=1] => {
            expect(&mut outer, OCTET_STRING)?;
            Ok((*version, outer))
        }
        [VERSION_3] => {
            let mut header = Reader::new(expect(&mut outer, SEQUENCE)?);
            for tag in [INTEGER, INTEGER, OCTET_STRING, INTEGER] {
                expect(&mut header, tag)?;
            }
            expect(&mut outer, OCTET_STRING)?;
            Ok((VERSION_3, outer))
        }
        _ => Err(Error::Malformed("unknown version")),
    }
}

/// All fields up to the PDU say it.
fn probe(octets: &[u8]) -> Likeness {
    match front(octets).map(|(version, rest)| (version, rest.peek())) {
        Ok((VERSION_3, Some(SEQUENCE | OCTET_STRING)) | (0 | 1, Some(FIRST_PDU..=LAST_PDU))) => Likeness::Sure,
        _ => Likeness::No,
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let (version, mut reader) = front(octets)?;
    if version == VERSION_3 {
        if reader.peek() == Some(OCTET_STRING) {
            return Ok(());
        }
        reader = Reader::new(expect(&mut reader, SEQUENCE)?);
        expect(&mut reader, OCTET_STRING)?;
        expect(&mut reader, OCTET_STRING)?;
    }
    let (tag, content) = element(&mut reader)?;
    let mut pdu = Reader::new(content);
    match tag {
        RESPONSE => {
            let [request, status, _] = numbers(&mut pdu)?;
            accepted(request, status == [0], sink);
        }
        SET => {
            let [request, ..] = numbers(&mut pdu)?;
            if version != VERSION_3 {
                let version = if version == 0 { "1" } else { "2c" };
                sink.anomaly(NAME, "clear_text_credentials", format_args!("SNMPv{version} community for a set request"));
            }
            return to_be_set(request, &mut pdu, sink);
        }
        INFORM | TRAP_2 => drop(numbers(&mut pdu)?),
        TRAP_1 => {
            let enterprise = dotted(expect(&mut pdu, OBJECT_IDENTIFIER)?);
            // The address of the agent, zero or another's where the trap was forwarded.
            let (_, address) = element(&mut pdu)?;
            match address.try_into().map(Address::v4) {
                Ok(agent) if address != [0; 4] && agent != sink.sender_addresses().ip => {
                    sink.fact_about(Subject::ip(agent), NAME, facts::OBJECT_ID, enterprise.as_bytes());
                    return Ok(());
                }
                _ => sink.fact(NAME, None, facts::OBJECT_ID, enterprise.as_bytes()),
            }
            for _ in 0..3 {
                element(&mut pdu)?;
            }
        }
        // What is asked is nobody's own word.
        _ => return Ok(()),
    }
    let mut list = Reader::new(expect(&mut pdu, SEQUENCE)?);
    while !list.is_empty() {
        let mut binding = Reader::new(expect(&mut list, SEQUENCE)?);
        let name = expect(&mut binding, OBJECT_IDENTIFIER)?;
        variable(name, element(&mut binding)?, sink);
    }
    Ok(())
}

/// Number of the request, status of the error, index of the variable it is in.
fn numbers<'a>(pdu: &mut Reader<'a>) -> Result<[&'a [u8]; 3]> {
    Ok([expect(pdu, INTEGER)?, expect(pdu, INTEGER)?, expect(pdu, INTEGER)?])
}

/// Number of a request as the key of a memory.
fn number(request: &[u8]) -> u64 {
    request.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// The first text of the group `system` in a set request: not the agent's own until it accepts.
fn to_be_set(request: &[u8], pdu: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut list = Reader::new(expect(pdu, SEQUENCE)?);
    while !list.is_empty() {
        let mut binding = Reader::new(expect(&mut list, SEQUENCE)?);
        let name = expect(&mut binding, OBJECT_IDENTIFIER)?;
        if let (Some([column @ 4..=6, 0]), (OCTET_STRING, text)) = (name.strip_prefix(SYSTEM), element(&mut binding)?)
            && text.len() < Memo::LONGEST
        {
            let mut kept = [*column; Memo::LONGEST];
            for (to, from) in kept.iter_mut().skip(1).zip(text) {
                *to = *from;
            }
            sink.remember(Scope::Flow, number(request), kept.get(..=text.len()).unwrap_or_default());
            break;
        }
    }
    Ok(())
}

/// The answer to a set request, which need not repeat the values.
fn accepted(request: &[u8], well: bool, sink: &mut dyn Sink) {
    let Some(memo) = sink.recall(Scope::Flow, number(request)) else { return };
    sink.forget(Scope::Flow, number(request));
    if let [column, text @ ..] = memo.octets()
        && well
    {
        system(*column, (OCTET_STRING, text), sink);
    }
}

/// What one variable says of the agent.
fn variable(name: &[u8], (tag, octets): (u8, &[u8]), sink: &mut dyn Sink) {
    if let Some([column, 0]) = name.strip_prefix(SYSTEM) {
        system(*column, (tag, octets), sink);
    } else if let Some([column, index @ ..]) = name.strip_prefix(ENTITY)
        && tag == OCTET_STRING
        && !index.is_empty()
    {
        let key = match column {
            8 => facts::HARDWARE,
            9 => facts::FIRMWARE,
            10 => facts::SOFTWARE,
            11 => facts::SERIAL,
            12 => facts::VENDOR,
            13 => facts::MODEL,
            _ => return,
        };
        // The first row is the whole in nearly all agents; the others are its parts, by their number.
        let unit = if index == [1] { Label::NONE } else { Label { octets: index, render: render_entity } };
        sink.fact(NAME, Some(unit), key, octets);
    }
}

/// One variable of the group `system`.
fn system(column: u8, (tag, octets): (u8, &[u8]), sink: &mut dyn Sink) {
    match (column, tag) {
        (1, OCTET_STRING) => sink.fact(NAME, None, facts::DESCRIPTION, octets),
        (2, OBJECT_IDENTIFIER) => sink.fact(NAME, None, facts::OBJECT_ID, dotted(octets).as_bytes()),
        (4, OCTET_STRING) => sink.fact(NAME, None, facts::CONTACT, octets),
        (5, OCTET_STRING) => sink.fact(NAME, None, facts::HOSTNAME, octets),
        (6, OCTET_STRING) => sink.fact(NAME, None, facts::LOCATION, octets),
        _ => {}
    }
}

fn render_entity(index: &[u8], out: &mut String) {
    out.push_str("entity ");
    write_arcs(index, out);
}

/// An object identifier in its usual text (X.690 section 8.19).
fn dotted(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut octets = octets;
    if let [first @ 0..=0x7f, rest @ ..] = octets {
        // The first octet holds two arcs, of which the first is 0, 1 or 2.
        let top = (first / 40).min(2);
        let _ = write!(text, "{top}.{}", first.saturating_sub(top.saturating_mul(40)));
        if !rest.is_empty() {
            text.push('.');
        }
        octets = rest;
    }
    write_arcs(octets, &mut text);
    text
}

/// Arcs of seven bits an octet, the last of each without the top bit.
fn write_arcs(octets: &[u8], out: &mut String) {
    let mut arc = 0_u64;
    let mut between = "";
    for octet in octets.iter().take(LONGEST_IDENTIFIER) {
        arc = arc << 7 | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            let _ = write!(out, "{between}{arc}");
            (arc, between) = (0, ".");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, Recorder, hex};

    /// Octets of `leak_test.pcapng` and `snmpv1_trap.pcap` of github.com/zeek/zeek, testing/btest/Traces/snmp.
    const NAME_AND_LOCATION: &str =
        "304702010004067075626c6963a23a020127020100020100302f301106082b0601020101050004054236333030301a06082b06010201010600
        040e4368616e64726127732063756265";
    const ASKED: &str = "303402010004067075626c6963a027020127020100020100301c300c06082b060102010105000500300c06082b060102010106000500";
    const TRAP: &str =
        "303b02010004067075626c6963a42e06092b0601040181f4690040047f000001020100020100430400000000300f300d06082b06010201020100020121";

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    /// A value in BER.
    fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let octets = parts.concat();
        [&[tag, 0x82][..], &u16::try_from(octets.len()).unwrap().to_be_bytes(), &octets].concat()
    }

    fn response_3(name: &str, text: &[u8]) -> Vec<u8> {
        let variable = ber(SEQUENCE, &[&ber(OBJECT_IDENTIFIER, &[&hex(name)]), &ber(OCTET_STRING, &[text])]);
        let zero = [INTEGER, 1, 0];
        let pdu = ber(RESPONSE, &[&zero, &zero, &zero, &ber(SEQUENCE, &[&variable])]);
        let scoped = ber(SEQUENCE, &[&ber(OCTET_STRING, &[b"\x80\0\x1f\x88\x04engine"]), &ber(OCTET_STRING, &[b""]), &pdu]);
        let header = ber(SEQUENCE, &[&zero, &zero, &[OCTET_STRING, 1, 0], &zero]);
        ber(SEQUENCE, &[&[INTEGER, 1, 3], &header, &ber(OCTET_STRING, &[b"0"]), &scoped])
    }

    #[test]
    fn an_agent_says_who_it_is() {
        assert_eq!(told(&hex(NAME_AND_LOCATION)), ["fact snmp unit= hostname=B6300", "fact snmp unit= location=Chandra's cube"]);
        assert_eq!(told(&hex(ASKED)), Vec::<String>::new());
        assert_eq!(told(&hex(TRAP)), ["fact snmp about 127.0.0.1 object_id=1.3.6.1.4.1.31337.0"]);
        assert_eq!(told(&hex(&TRAP.replace("7f000001", "0a000009"))), ["fact snmp unit= object_id=1.3.6.1.4.1.31337.0"]);
        assert_eq!(told(&response_3("2b0601020101 01 00", b"Switch 8 ports")), ["fact snmp unit= description=Switch 8 ports"]);
        assert_eq!(told(&response_3("2b060102012f01010101 0b 01", b"S-1")), ["fact snmp unit= serial=S-1"]);
        assert_eq!(told(&response_3("2b060102012f01010101 0d 8769", b"PSU")), ["fact snmp unit=entity 1001 model=PSU"]);
        // A table that is none of these.
        assert_eq!(told(&response_3("2b0601020101 05 01", b"x")), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_set_counts_once_it_is_accepted() {
        const READ: &str = "anomaly snmp clear_text_credentials: SNMPv1 community for a set request";
        let set = hex(&NAME_AND_LOCATION.replacen("a23a", "a33a", 1));
        assert_eq!(told(&set), [READ]);
        for (status, said) in [(0, vec!["fact snmp unit= hostname=B6300"]), (17, vec![])] {
            let mut sink = Recorder::default();
            sink.feed(&PROTOCOL, Role::Client, &set).unwrap();
            let answer = format!("302302010004067075626c6963a216020127 0201{status:02x} 020100 300b 3009 06052b06010201 0500");
            sink.feed(&PROTOCOL, Role::Server, &hex(&answer)).unwrap();
            assert_eq!(sink.lines[1..], said);
        }
        // What is encrypted cannot be read, and who only asks sets nothing.
        assert!(told(&hex(ASKED)).is_empty());
    }

    #[test]
    fn the_content_says_that_it_is_snmp() {
        for octets in [hex(NAME_AND_LOCATION), hex(ASKED), hex(TRAP), response_3("2b06", b"")] {
            assert_eq!(probe(&octets), Likeness::Sure);
            for length in 0..octets.len() {
                let _ = probe(&octets[..length]);
                told(&octets[..length]);
                let mut other = octets.clone();
                other[length] ^= 0xa5;
                told(&other);
            }
        }
        // LDAP over UDP begins alike.
        assert_eq!(probe(&hex("3025 020101 6320 0400 0a0100 0a0100 020100 020100 010100 870b6f626a656374636c617373 3000")), Likeness::No);
        // Indefinite and impossible lengths.
        assert_eq!(probe(&hex("3080 020100 0406 7075626c6963 a000 0000")), Likeness::No);
        assert_eq!(probe(&hex("3084ffffffff 020100 0484ffffffff 7075")), Likeness::No);
    }

    #[test]
    fn object_identifiers_are_written_with_dots() {
        assert_eq!(dotted(&hex("2b06010401847d")), "1.3.6.1.4.1.637");
        assert_eq!(dotted(&[]), "");
        assert_eq!(dotted(&[0xff; 4000]), "");
        assert_eq!(dotted(&hex("00")), "0.0");
        assert_eq!(dotted(&hex("7f05")), "2.47.5");
    }
}
