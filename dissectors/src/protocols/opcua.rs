//! OPC UA over TCP (OPC 10000-6, 7.1 and 6.7; services of OPC 10000-4 in their binary encoding, OPC 10000-6, 5.2).
//!
//! ```text
//! message  "HEL" "ACK" "ERR" "RHE" "OPN" "MSG" "CLO"  "F" final, "C" more to come, "A" aborted  length of all (4)
//! HEL      version (4)  four limits (4 each)  URL of the endpoint
//! OPN      channel (4)  URI of the security policy  certificate of the sender  thumbprint of the receiver's  numbers (4, 4)  service
//! MSG      channel (4)  token (4)  numbers (4, 4)  service: identifier of its type, header, content
//! ```
//!
//! Least significant octet first; a text is its length (4, -1 for none) and UTF-8. Services are in the clear where the channel
//! does not encrypt. Of one that is cut into several chunks, what is in the first is read.

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Role, Sink};

use super::{Likeness, Protocol, der};

pub(super) const NAME: &str = "opcua";

/// The longest chunk that is put together, octets.
const LONGEST: u32 = 0xffff + 24;
/// Beyond this a length is none: its octets are text.
const LONGEST_POSSIBLE: u32 = 1 << 24;
/// Elements of a list that are read.
const MOST_ELEMENTS: u32 = 64;
/// Levels of diagnostic information in one another that are passed over.
const MOST_LEVELS: u8 = 16;

// Identifiers of the services in the binary encoding (OPC 10000-6, A.3).
const FIND_SERVERS_REQUEST: u16 = 422;
const FIND_SERVERS_RESPONSE: u16 = 425;
const GET_ENDPOINTS_REQUEST: u16 = 428;
const GET_ENDPOINTS_RESPONSE: u16 = 431;
const REGISTER_SERVER_REQUEST: u16 = 437;
const REGISTER_SERVER_2_REQUEST: u16 = 12211;
const CREATE_SESSION_REQUEST: u16 = 461;
const CREATE_SESSION_RESPONSE: u16 = 464;
const ACTIVATE_SESSION_REQUEST: u16 = 467;
const READ_RESPONSE: u16 = 634;
/// How values of `BuildInfo` and `ServerStatusDataType` begin: their type, and that octets follow (OPC 10000-5, 12.4 and 12.10).
const BUILD_INFO: &[u8] = &[1, 0, 0x54, 0x01, 1];
const SERVER_STATUS: &[u8] = &[1, 0, 0x60, 0x03, 1];
/// Octets of an answer in which they are looked for.
const FARTHEST: usize = 4096;
/// Of the token of a user who gives name and password.
const USER_NAME_TOKEN: u16 = 324;

/// OPC UA.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: NAME,
    tcp_ports: &[4840, 4841, 4855, 12001, 48010, 48020, 48050, 49320, 51210, 53530, 62541],
    first_messages: 12,
    probe,
    frame,
    dissect,
    ..Protocol::SERVICE
};

/// Length of the message at the front, where it is one. `None` where more octets are needed to tell.
fn length(octets: &[u8]) -> Result<Option<u32>> {
    let none = Err(Error::Malformed("not OPC UA"));
    let [kind_0, kind_1, kind_2, chunk, b0, b1, b2, b3, ..] = *octets else {
        let begun = [b"HELF", b"ACKF", b"ERRF", b"RHEF", b"OPNF", b"MSGF", b"MSGC", b"MSGA", b"CLOF", b"OPNC", b"OPNA"];
        let front = octets.get(..4).unwrap_or(octets);
        return if begun.iter().any(|mark| mark.starts_with(front)) { Ok(None) } else { none };
    };
    let length = u32::from_le_bytes([b0, b1, b2, b3]);
    let shortest = match (&[kind_0, kind_1, kind_2], chunk) {
        (b"HEL", b'F') => 32,
        (b"ACK", b'F') => 28,
        (b"ERR" | b"RHE", b'F') => 16,
        (b"OPN" | b"MSG" | b"CLO", b'F' | b'C' | b'A') => 24,
        _ => return none,
    };
    if (shortest..LONGEST_POSSIBLE).contains(&length) { Ok(Some(length)) } else { none }
}

fn probe(octets: &[u8]) -> Likeness {
    match length(octets) {
        Ok(Some(_)) => Likeness::Sure,
        Ok(None) if !octets.is_empty() => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match length(octets)? {
        Some(length @ ..=LONGEST) => Ok(usize::try_from(length).ok()),
        Some(_) => Err(Error::Malformed("OPC UA chunk longer than is read")),
        None => Ok(None),
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(message);
    let [kind_0, kind_1, kind_2, _] = reader.take()?;
    reader.skip(4)?;
    match &[kind_0, kind_1, kind_2] {
        b"HEL" => {
            sink.sender_is(Role::Client, Evidence::Certain);
            reader.skip(20)?;
            called(&mut reader, sink)
        }
        b"ACK" => {
            sink.sender_is(Role::Server, Evidence::Certain);
            Ok(())
        }
        // A server that calls its client.
        b"RHE" => {
            fact(&mut reader, facts::APPLICATION_URI, sink)?;
            fact(&mut reader, facts::URL, sink)
        }
        b"OPN" => {
            reader.skip(4)?;
            text(&mut reader)?;
            let certificate = text(&mut reader)?;
            let _ = der::certificate(certificate, NAME, sink);
            Ok(())
        }
        b"MSG" => {
            reader.skip(16)?;
            service(&mut reader, sink)
        }
        _ => Ok(()),
    }
}

fn service(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let Some(service) = type_identifier(reader)? else { return Ok(()) };
    match service {
        FIND_SERVERS_REQUEST | GET_ENDPOINTS_REQUEST => {
            request_header(reader)?;
            called(reader, sink)
        }
        FIND_SERVERS_RESPONSE => {
            response_header(reader)?;
            each(reader, sink, application)
        }
        GET_ENDPOINTS_RESPONSE => {
            response_header(reader)?;
            each(reader, sink, endpoint)
        }
        REGISTER_SERVER_REQUEST | REGISTER_SERVER_2_REQUEST => {
            request_header(reader)?;
            registered_server(reader, sink)
        }
        CREATE_SESSION_REQUEST => {
            request_header(reader)?;
            application(reader, sink)?;
            text(reader)?;
            called(reader, sink)?;
            // Name of the session, nonce.
            text(reader)?;
            text(reader)?;
            let _ = der::certificate(text(reader)?, NAME, sink);
            Ok(())
        }
        CREATE_SESSION_RESPONSE => {
            response_header(reader)?;
            node_identifier(reader)?;
            node_identifier(reader)?;
            reader.skip(8)?;
            // Nonce and certificate; the endpoints have that, too.
            text(reader)?;
            text(reader)?;
            each(reader, sink, endpoint)
        }
        ACTIVATE_SESSION_REQUEST => {
            request_header(reader)?;
            user(reader, sink)
        }
        READ_RESPONSE => {
            response_header(reader)?;
            build(reader, sink)
        }
        _ => Ok(()),
    }
}

// ---- What is told ----

/// What the server was built from: URI of the product, manufacturer, product, version, number of the build, date. In a server
/// status two times and a state come before.
fn build(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let window = reader.rest().get(..FARTHEST).unwrap_or(reader.rest());
    let mut marks = window.windows(BUILD_INFO.len()).enumerate();
    let Some((at, mark)) = marks.find(|(_, mark)| [BUILD_INFO, SERVER_STATUS].contains(mark)) else { return Ok(()) };
    // The mark, and how many octets follow.
    reader.skip(at.saturating_add(BUILD_INFO.len()).saturating_add(4))?;
    if mark == SERVER_STATUS {
        reader.skip(20)?;
    }
    for key in [facts::DESCRIPTION, facts::VENDOR, facts::MODEL, facts::FIRMWARE] {
        fact(reader, key, sink)?;
    }
    Ok(())
}

/// The URL under which a client asks for its server.
fn called(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let url = text(reader)?;
    sink.fact_about(sink.receiver_addresses(), NAME, facts::SERVER_NAME, url);
    Ok(())
}

fn fact(reader: &mut Reader<'_>, key: &'static str, sink: &mut dyn Sink) -> Result<()> {
    let value = text(reader)?;
    sink.fact(NAME, Some(Label::NONE), key, value);
    Ok(())
}

/// `ApplicationDescription`: URIs of application and product, name, type, URIs of gateway and profile, URLs.
fn application(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    fact(reader, facts::APPLICATION_URI, sink)?;
    fact(reader, facts::DESCRIPTION, sink)?;
    sink.fact(NAME, Some(Label::NONE), facts::SOFTWARE, localized_text(reader)?);
    reader.skip(4)?;
    text(reader)?;
    text(reader)?;
    each(reader, sink, |reader, sink| fact(reader, facts::URL, sink))
}

/// `EndpointDescription`: URL, application, certificate, security mode and policy, tokens for users, profile, level.
fn endpoint(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    fact(reader, facts::URL, sink)?;
    application(reader, sink)?;
    let _ = der::certificate(text(reader)?, NAME, sink);
    reader.skip(4)?;
    text(reader)?;
    each(reader, sink, |reader, _| {
        text(reader)?;
        reader.skip(4)?;
        for _ in 0..3 {
            text(reader)?;
        }
        Ok(())
    })?;
    text(reader)?;
    reader.skip(1)
}

/// `RegisteredServer`, of a server that makes itself known: URIs of application and product, names, type, gateway, URLs.
fn registered_server(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    fact(reader, facts::APPLICATION_URI, sink)?;
    fact(reader, facts::DESCRIPTION, sink)?;
    each(reader, sink, |reader, sink| {
        sink.fact(NAME, Some(Label::NONE), facts::SOFTWARE, localized_text(reader)?);
        Ok(())
    })?;
    reader.skip(4)?;
    text(reader)?;
    each(reader, sink, |reader, sink| fact(reader, facts::URL, sink))
}

/// Signature, certificates of the client's software, locales, then the token of the user.
fn user(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    text(reader)?;
    text(reader)?;
    each(reader, sink, |reader, _| text(reader).and_then(|_| text(reader)).map(drop))?;
    each(reader, sink, |reader, _| text(reader).map(drop))?;
    if type_identifier(reader)? == Some(USER_NAME_TOKEN) {
        reader.skip(5)?;
        text(reader)?;
        fact(reader, facts::USER, sink)?;
    }
    Ok(())
}

// ---- Encoding ----

/// A text or octets, empty where there are none.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let length = reader.u32_le()?;
    if length == u32::MAX {
        return Ok(&[]);
    }
    reader.octets(usize::try_from(length).unwrap_or(usize::MAX))
}

/// The elements of a list.
fn each(reader: &mut Reader<'_>, sink: &mut dyn Sink, element: fn(&mut Reader<'_>, &mut dyn Sink) -> Result<()>) -> Result<()> {
    let count = reader.u32_le()?;
    if count == u32::MAX {
        return Ok(());
    }
    if count > MOST_ELEMENTS {
        // The first ones, but what follows the list cannot be found.
        for _ in 0..MOST_ELEMENTS {
            element(reader, sink)?;
        }
        return Err(Error::Malformed("longer list than is read"));
    }
    for _ in 0..count {
        element(reader, sink)?;
    }
    Ok(())
}

/// Locale and text, each only where its bit is set.
fn localized_text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let mask = reader.u8()?;
    if mask & 1 != 0 {
        text(reader)?;
    }
    if mask & 2 != 0 { text(reader) } else { Ok(&[]) }
}

/// A type of the standard's own name space: number in one octet, or name space and number in two.
fn type_identifier(reader: &mut Reader<'_>) -> Result<Option<u16>> {
    match reader.rest() {
        [1, 0, ..] => reader.take().map(|[_, _, low, high]| Some(u16::from_le_bytes([low, high]))),
        [0, ..] => reader.take().map(|[_, number]| Some(u16::from(number))),
        _ => {
            node_identifier(reader)?;
            Ok(None)
        }
    }
}

fn node_identifier(reader: &mut Reader<'_>) -> Result<()> {
    let encoding = reader.u8()?;
    match encoding & 0x3f {
        0 => reader.skip(1)?,
        1 => reader.skip(3)?,
        2 => reader.skip(6)?,
        4 => reader.skip(18)?,
        3 | 5 => {
            reader.skip(2)?;
            text(reader)?;
        }
        _ => return Err(Error::Malformed("unknown encoding of a node identifier")),
    }
    // Name space by its URI, and number of the server.
    if encoding & 0x80 != 0 {
        text(reader)?;
    }
    if encoding & 0x40 != 0 {
        reader.skip(4)?;
    }
    Ok(())
}

fn extension_object(reader: &mut Reader<'_>) -> Result<()> {
    node_identifier(reader)?;
    if reader.u8()? != 0 {
        text(reader)?;
    }
    Ok(())
}

/// Token, time, handle, diagnostics, audit entry, time limit, additions.
fn request_header(reader: &mut Reader<'_>) -> Result<()> {
    node_identifier(reader)?;
    reader.skip(16)?;
    text(reader)?;
    reader.skip(4)?;
    extension_object(reader)
}

/// Time, handle, result, diagnostics, table of texts, additions.
fn response_header(reader: &mut Reader<'_>) -> Result<()> {
    reader.skip(16)?;
    diagnostics(reader)?;
    let count = reader.u32_le()?;
    if count != u32::MAX {
        for _ in 0..count {
            text(reader)?;
        }
    }
    extension_object(reader)
}

fn diagnostics(reader: &mut Reader<'_>) -> Result<()> {
    for _ in 0..MOST_LEVELS {
        let mask = reader.u8()?;
        for bit in [0x01, 0x02, 0x04, 0x08] {
            if mask & bit != 0 {
                reader.skip(4)?;
            }
        }
        if mask & 0x10 != 0 {
            text(reader)?;
        }
        if mask & 0x20 != 0 {
            reader.skip(4)?;
        }
        if mask & 0x40 == 0 {
            return Ok(());
        }
    }
    Err(Error::Malformed("diagnostic information too deep"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // From a public capture of open62541: hello, open channel, endpoints, session, log-on.
    const HELLO: &str = "48454c463800000000000000ffff0000ffff00000000000000000000180000006f70632e7463703a2f2f6c6f63616c686f73743a34383430";
    const ACKNOWLEDGE: &str = "41434b461c00000000000000ffff0000ffff00000000000000000000";
    const OPEN: &str = "4f504e4684000000000000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f5365637572697479506f6c696379234e6f6e65ffffffffffffffff01000000010000000100be010000caa2e64e2dd1d5010000000000000000ffffffff00000000000000000000000000000001000000ffffffffc0270900";
    const ENDPOINTS: &str = "4d534746dc010000030000000300000002000000020000000100af01b264f64e2dd1d501010000000000000000ffffffff00000001000000180000006f70632e7463703a2f2f6c6f63616c686f73743a343834302000000075726e3a6f70656e36323534312e7365727665722e6170706c69636174696f6e14000000687474703a2f2f6f70656e36323534312e6f72670302000000656e220000006f70656e36323534312d6261736564204f5043205541204170706c69636174696f6e00000000ffffffffffffffffffffffffffffffff010000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f5365637572697479506f6c696379234e6f6e65020000001a0000006f70656e36323534312d616e6f6e796d6f75732d706f6c69637900000000ffffffffffffffffffffffff190000006f70656e36323534312d757365726e616d652d706f6c69637901000000ffffffffffffffff2f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f5365637572697479506f6c696379234e6f6e6541000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412d50726f66696c652f5472616e73706f72742f75617463702d756173632d756162696e61727901";
    const CREATE: &str = "4d534746a6000000040000000400000003000000030000000100cd01000038be164f2dd1d5010300000000000000ffffffff102700000000001c00000075726e3a756e636f6e666967757265643a6170706c69636174696f6effffffff0001000000ffffffffffffffffffffffffffffffff180000006f70632e7463703a2f2f6c6f63616c686f73743a34383430ffffffffffffffffffffffff00000000804f3241ffffff7f";
    const CREATED: &str = "4d53474642020000040000000400000003000000030000000100d00156e81e4f2dd1d501030000000000000000ffffffff000000040100a0f7639b18fd8d0a5235f3cff51fd1dd0401003912161546f36d34fecffcbfbacb4c1400000000804f324120000000598c5f8b8e16dbf2e5d02c5219ad6efbf5eb08dc590a17242c167432ee3a0d82ffffffff01000000180000006f70632e7463703a2f2f6c6f63616c686f73743a343834302000000075726e3a6f70656e36323534312e7365727665722e6170706c69636174696f6e14000000687474703a2f2f6f70656e36323534312e6f72670302000000656e220000006f70656e36323534312d6261736564204f5043205541204170706c69636174696f6e00000000ffffffffffffffffffffffffffffffff010000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f5365637572697479506f6c696379234e6f6e65020000001a0000006f70656e36323534312d616e6f6e796d6f75732d706f6c69637900000000ffffffffffffffffffffffff190000006f70656e36323534312d757365726e616d652d706f6c69637901000000ffffffffffffffff2f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f5365637572697479506f6c696379234e6f6e6541000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412d50726f66696c652f5472616e73706f72742f75617463702d756173632d756162696e61727901ffffffffffffffffffffffff00000000";
    const ACTIVATE: &str = "4d534746a1000000040000000400000004000000040000000100d3010401003912161546f36d34fecffcbfbacb4c14c0ec1e4f2dd1d5010500000000000000ffffffffc0270900000000ffffffffffffffffffffffffffffffff010044010136000000190000006f70656e36323534312d757365726e616d652d706f6c6963790500000075736572310800000070617373776f7264ffffffffffffffffffffffff";

    // From `opcua.pcap`, made with asyncua: what the server was built from.
    const BUILT: &str = "4d534746b3000000060000000d000000040000000400000001007a020aa10252eb7bdd0104000000000000000000000000000000010000000f160100540101580000001700000075726e3a776f726b732e6578616d706c653a73772d35300f00000053796e74686574696320576f726b730d00000053572d3530206761746577617905000000352e322e3104000000313134375ecf2651eb7bdd0100000000b8cf2651eb7bdd0108d02651eb7bdd0100000000";

    fn said(role: Role, message: &str) -> Vec<String> {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, role, &hex(message)).unwrap();
        recorder.lines
    }

    #[test]
    fn a_client_names_itself_and_its_server() {
        assert_eq!(said(Role::Client, HELLO), ["fact opcua about 020000000009 10.0.0.9 server_name=opc.tcp://localhost:4840"]);
        assert_eq!(
            said(Role::Client, CREATE),
            [
                "fact opcua unit= application_uri=urn:unconfigured:application",
                "fact opcua about 020000000009 10.0.0.9 server_name=opc.tcp://localhost:4840"
            ]
        );
        assert_eq!(said(Role::Client, ACTIVATE), ["fact opcua unit= user=user1"]);
    }

    #[test]
    fn a_server_describes_itself() {
        let lines = [
            "fact opcua unit= url=opc.tcp://localhost:4840",
            "fact opcua unit= application_uri=urn:open62541.server.application",
            "fact opcua unit= description=http://open62541.org",
            "fact opcua unit= software=open62541-based OPC UA Application",
        ];
        assert_eq!(said(Role::Server, ENDPOINTS), lines);
        assert_eq!(said(Role::Server, CREATED), lines);
    }

    #[test]
    fn a_server_says_what_it_was_built_from() {
        let lines = [
            "fact opcua unit= description=urn:works.example:sw-50",
            "fact opcua unit= vendor=Synthetic Works",
            "fact opcua unit= model=SW-50 gateway",
            "fact opcua unit= firmware=5.2.1",
        ];
        assert_eq!(said(Role::Server, BUILT), lines);
        // The same in a server status, behind two times and a state.
        let status = BUILT.replace("0100540101", "0100600301").replace("17000000", &format!("{}17000000", "00".repeat(20)));
        let mut recorder = Recorder::default();
        let _ = dissect(&hex(&status), &mut recorder);
        assert_eq!(recorder.lines, lines);
    }

    #[test]
    fn only_messages_with_a_length_are_opc_ua() {
        for message in [HELLO, ACKNOWLEDGE, OPEN, ENDPOINTS, CREATE] {
            assert_eq!(probe(&hex(message)), Likeness::Sure);
        }
        for (text, likeness) in [
            ("HELF", Likeness::Possible),
            ("MSGC\x20", Likeness::Possible),
            ("HELO mail.example", Likeness::No),
            ("MSGF this is text", Likeness::No),
            ("HELF\x10\0\0\0", Likeness::No),
            ("GET / HTTP/1.1", Likeness::No),
            ("", Likeness::No),
        ] {
            assert_eq!(probe(text.as_bytes()), likeness, "{text}");
        }
        assert!(frame(b"MSGF\0\0\x10\0").is_err());
    }

    #[test]
    fn a_cut_or_changed_message_says_no_more_than_is_there() {
        for message in [HELLO, ACKNOWLEDGE, OPEN, ENDPOINTS, CREATE, CREATED, ACTIVATE, BUILT] {
            let lines = said(Role::Server, message);
            let message = hex(message);
            for cut in 0..message.len() {
                assert_eq!(frame(&message[..cut]), Ok((cut >= 8).then_some(message.len())));
                let mut recorder = Recorder::default();
                recorder.sender = Role::Server;
                let _ = dissect(&message[..cut], &mut recorder);
                assert!(lines.starts_with(&recorder.lines), "{cut}");
            }
            for at in 0..message.len() {
                for value in [0, 0x3f, 0x7f, 0xff] {
                    let mut changed = message.clone();
                    changed[at] = value;
                    let _ = dissect(&changed, &mut Recorder::default());
                }
            }
        }
    }
}
