//! S7comm-plus, the protocol of S7-1200 and S7-1500: version, operation, outcome, and what a controller says of itself.
//!
//! ```text
//! header   0x72  version  length of what follows up to the trailer (2)
//! version 3: octets of a checksum (1), checksum (32)
//! body     operation  0 0  function (2)  0 0  sequence (2)  …
//!          request: session (4)  flags (1)  …     response: flags (1)  return value (64 bits, 7 in an octet)  …
//! trailer  0x72  version  0 0
//! ```
//!
//! A message without a trailer goes on in the next one, which has a header but no body head: only the first part is read.
//! Versions 0xfe (system event) and 0xff (keep-alive) have no operation.

use core::fmt::Write as _;

use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Request, Response, Role, Sink};

use super::PLUS;

/// Name in the registry.
pub(super) const NAME: &str = "s7comm_plus";

const REQUEST: u8 = 0x31;
const RESPONSE: u8 = 0x32;
/// Response to a request that wants no more than an acknowledgement.
const SHORT_RESPONSE: u8 = 0x02;
const NOTIFICATION: u8 = 0x33;

const CREATE_OBJECT: u16 = 0x04ca;
const DELETE_OBJECT: u16 = 0x04d4;
const SET_VARIABLE: u16 = 0x04f2;
const SET_MULTIPLE_VARIABLES: u16 = 0x0542;
const GET_VARIABLE_SUBSTREAMED: u16 = 0x0586;

/// Sub-functions: what a request to create, delete or set is about, where that is not the program or its variables.
/// The class of a session, the class of a subscription, the object that holds the operating mode.
const SESSION: u32 = 287;
const SUBSCRIPTION: u32 = 1001;
const EXECUTION_UNIT: u32 = 52;

/// Is this a message, of which `length` octets were announced and `content` are there?
pub(super) fn probe(content: &[u8], length: usize) -> bool {
    let [_, version @ (1..=3 | 0xfe | 0xff), high, low, ref body @ ..] = *content else { return false };
    let declared = usize::from(u16::from_be_bytes([high, low]));
    let is_complete = declared.saturating_add(8) == length;
    let is_part = declared.saturating_add(4) == length;
    let trailer = body.get(declared..).unwrap_or_default();
    declared > 0 && (is_part || is_complete && (trailer.len() < 4 || trailer == [PLUS, version, 0, 0]))
}

const fn label(version: &[u8]) -> Label<'_> {
    Label { octets: version, render }
}

fn render(octets: &[u8], out: &mut String) {
    if let Some(version) = octets.first() {
        let _ = write!(out, "version {version}");
    }
}

pub(super) fn dissect(content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(content);
    let [_, version, high, low] = reader.take()?;
    let object = label(content.get(1..2).unwrap_or_default());
    if version >= 0xfe {
        unasked(u32::from(version) << 8, object, sink);
        return Ok(());
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let body = reader.up_to(length);
    let mut body = Reader::new(body);
    if version >= 3 && body.peek() == Some(0x20) {
        body.skip(33)?;
    }
    match body.rest() {
        [operation @ (REQUEST | RESPONSE | SHORT_RESPONSE), 0, 0, function_1, function_0, 0, 0, sequence_1, sequence_0, rest @ ..] => {
            let function = u16::from_be_bytes([*function_1, *function_0]);
            let sequence = u16::from_be_bytes([*sequence_1, *sequence_0]);
            if *operation == REQUEST {
                request(function, sequence, object, rest, sink);
            } else {
                response(function, sequence, object, rest, sink);
            }
        }
        // The identifiers of the objects that notify begin with 1 or 7.
        [NOTIFICATION, 0x10..=0x1f | 0x70..=0x7f, ..] => {
            sink.sender_is(Role::Server, Evidence::Certain);
            unasked(u32::from(NOTIFICATION), object, sink);
        }
        _ => {}
    }
    // Ends the message with an error where octets are missing.
    Reader::new(content.get(4..).unwrap_or_default()).skip(length)
}

fn unasked(function: u32, object: Label<'_>, sink: &mut dyn Sink) {
    sink.response(&Response {
        protocol: NAME,
        function,
        subfunction: None,
        unit: None,
        object,
        transaction: None,
        status: None,
        next: None,
    });
}

fn request(function: u16, sequence: u16, object: Label<'_>, rest: &[u8], sink: &mut dyn Sink) {
    sink.sender_is(Role::Client, Evidence::Certain);
    sink.request(&Request {
        protocol: NAME,
        function: u32::from(function),
        subfunction: subfunction(function, rest),
        unit: None,
        object,
        transaction: Some(u64::from(sequence)),
        context: 0,
    });
    if function == CREATE_OBJECT {
        // Attributes of a session: the program that opens it, the computer and its user.
        for attribute in [b"\xa3\x82\x29\x00\x15", b"\xa3\x82\x2a\x00\x15"] {
            if let Some([length, text @ ..]) = after(rest, attribute) {
                let text = text.get(..usize::from(*length)).unwrap_or_default();
                sink.fact(NAME, None, facts::DESCRIPTION, text);
            }
        }
    }
}

/// What a request touches besides the program: `rest` is session (4), flags (1), object (4) and what belongs to the function.
fn subfunction(function: u16, rest: &[u8]) -> Option<u32> {
    let (session, rest) = rest.split_first_chunk()?;
    let (object, rest) = rest.get(1..)?.split_first_chunk()?;
    let object = u32::from_be_bytes(*object);
    match (function, rest) {
        // The class stands behind the mark of an object (0xa1) and its identifier, in 7 bits of each octet.
        (CREATE_OBJECT, [_, _, _, _, _, _, _, 0xa1, _, _, _, _, high @ 0x80..=0xff, low @ 0..=0x7f, ..]) => {
            let class = u32::from(high & 0x7f) << 7 | u32::from(*low);
            matches!(class, SESSION | SUBSCRIPTION).then_some(class)
        }
        (DELETE_OBJECT | SET_VARIABLE | SET_MULTIPLE_VARIABLES, _) => match object {
            _ if object == u32::from_be_bytes(*session) => Some(SESSION),
            // Identifiers that are given out while running.
            0x1000_0000.. => Some(SUBSCRIPTION),
            EXECUTION_UNIT if function != DELETE_OBJECT => Some(EXECUTION_UNIT),
            _ => None,
        },
        _ => None,
    }
}

fn response(function: u16, sequence: u16, object: Label<'_>, rest: &[u8], sink: &mut dyn Sink) {
    sink.sender_is(Role::Server, Evidence::Certain);
    sink.response(&Response {
        protocol: NAME,
        function: u32::from(function),
        // Version 1 is spoken until the session stands.
        subfunction: (function == CREATE_OBJECT && object.octets == [1]).then_some(SESSION),
        unit: None,
        object,
        transaction: Some(u64::from(sequence)),
        status: rest.get(1..).and_then(status),
        next: None,
    });
    match function {
        CREATE_OBJECT => session(rest, sink),
        GET_VARIABLE_SUBSTREAMED => maintenance(rest, sink),
        _ => {}
    }
}

/// The error in a return value: its lowest 16 bits, negative. A positive one is a warning.
fn status(octets: &[u8]) -> Option<u32> {
    let mut value: u64 = 0;
    for (place, octet) in octets.iter().take(9).enumerate() {
        if place == 8 {
            // All of the ninth octet counts.
            value = value << 8 | u64::from(*octet);
            break;
        }
        value = value << 7 | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            break;
        }
    }
    let [.., high, low] = value.to_be_bytes();
    let code = u16::from_be_bytes([high, low]);
    (code & 0x8000 != 0).then_some(u32::from(code))
}

/// What stands behind the first `mark`.
fn after<'a>(octets: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = octets.windows(mark.len()).position(|window| window == mark)?;
    octets.get(at.saturating_add(mark.len())..)
}

/// The answer that opens a session holds `1;6ES7 214-1HE30-0XB0 ;V2.2`.
fn session(rest: &[u8], sink: &mut dyn Sink) {
    let Some(text) = after(rest, b"1;6") else { return };
    let Some(end) = text.iter().take(24).position(|octet| *octet == b';') else { return };
    let (order_number, version) = text.split_at_checked(end).unwrap_or_default();
    let is_order_number =
        order_number.len() >= 14 && order_number.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'A'..=b'Z' | b' ' | b'-'));
    if !is_order_number {
        return;
    }
    let order_number = String::from_utf8_lossy(order_number);
    sink.fact_text(NAME, None, facts::ORDER_NUMBER, format_args!("6{}", order_number.trim_end()));
    let [b';', version @ ..] = version else { return };
    let length = version.iter().take(12).take_while(|octet| matches!(octet, b'V' | b'0'..=b'9' | b'.')).count();
    let version = version.get(..length).unwrap_or_default();
    if let [b'V', b'0'..=b'9', ..] = version {
        sink.fact(NAME, None, facts::FIRMWARE, version);
    }
}

/// Identification and maintenance data 0 (IEC 61158-6-10): block type 0x0020, length 0x38, version 1.0, then manufacturer (2),
/// order number (20), serial number (16), hardware (2), firmware (letter and 3).
fn maintenance(rest: &[u8], sink: &mut dyn Sink) {
    let Some(block) = after(rest, b"\x00\x20\x00\x38\x01\x00") else { return };
    let mut reader = Reader::new(block);
    let Ok([_, _]) = reader.take() else { return };
    let (Ok(order_number), Ok(serial)) = (reader.octets(20), reader.octets(16)) else { return };
    sink.fact(NAME, None, facts::ORDER_NUMBER, order_number);
    sink.fact(NAME, None, facts::SERIAL, serial);
    let (Ok(hardware), Ok([letter, major, minor, patch])) = (reader.u16_be(), reader.take()) else { return };
    sink.fact_text(NAME, None, facts::HARDWARE, format_args!("{hardware}"));
    if letter.is_ascii_uppercase() {
        sink.fact_text(NAME, None, facts::FIRMWARE, format_args!("{}{major}.{minor}.{patch}", char::from(letter)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // From a public capture of the TIA Portal opening a session with an S7-1200, and of an S7-1500 with checksums.
    const OPENING: &str = "720100ce31000004ca0000000100000120360000011d00040000000000a1000000d3821f0000a3816900151453657276657253657373696f6e5f3244 \
        43364432a3822100152c313a3a3a362e303a3a5443502f4950202d3e2041746865726f73204152383132312f4152383131332f2e2e2ea38228001500 \
        a38229001500a3822a00150f564f525445585f3231303332343931a3822b000401a3822c0012002dc6d2a3822d001500a1000000d3817f0000a38169 \
        001515537562736372697074696f6e436f6e7461696e6572a2a20000000072010000";
    const OPENED: &str = "7201007a32000004ca0000000136110287408707a100000120821f0000a38169001500a3823200170000013a823b00048200823c00048140823d0004 \
        8480c040823e00048480c040823f00151b313b36455337203231342d31484533302d30584230203b56322e328240001505323b373933824100030003 \
        00a20000000072010000";
    const CHECKSUM: &str = "72030043203dcac8ee113108f0defe64eff4faf6106fe1fa3d75064cde9b8314d9f1e276a3320000054c0000831d3400010004010200088372030008 \
        be04000083a1100000000072030000";

    fn said(content: &[u8]) -> Vec<String> {
        let mut recorder = Recorder::default();
        let _ = dissect(content, &mut recorder);
        recorder.lines
    }

    #[test]
    fn a_session_says_who_opens_it_and_what_answers() {
        assert_eq!(
            said(&hex(OPENING)),
            ["request s7comm_plus 1226.287 unit= object=\"version 1\"", "fact s7comm_plus unit= description=VORTEX_21032491"]
        );
        assert_eq!(
            said(&hex(OPENED)),
            [
                "response s7comm_plus 1226.287 unit= object=\"version 1\"",
                "fact s7comm_plus unit= order_number=6ES7 214-1HE30-0XB0",
                "fact s7comm_plus unit= firmware=V2.2"
            ]
        );
    }

    #[test]
    fn a_checksum_stands_before_the_operation() {
        assert_eq!(said(&hex(CHECKSUM)), ["response s7comm_plus 1356 unit= object=\"version 3\""]);
    }

    // Made by hand after captures: delete the session, grant a subscription more notifications, set operating mode and variables.
    #[test]
    fn what_is_not_the_program_has_a_subfunction() {
        assert_eq!(subfunction(DELETE_OBJECT, &hex("0000038a 34 0000038a 00")), Some(SESSION));
        assert_eq!(subfunction(SET_VARIABLE, &hex("00000398 74 1000006a 01 881d")), Some(SUBSCRIPTION));
        assert_eq!(subfunction(SET_MULTIPLE_VARIABLES, &hex("00000398 34 00000034 01")), Some(EXECUTION_UNIT));
        assert_eq!(subfunction(SET_MULTIPLE_VARIABLES, &hex("00000398 34 00000000 01")), None);
        assert_eq!(subfunction(CREATE_OBJECT, &hex("00000398 34 000003af 000400 00000000 a1 7fffc001 8769")), Some(SUBSCRIPTION));
    }

    #[test]
    fn a_negative_return_value_is_an_error() {
        assert_eq!(status(&hex("c0 88 95 b0 80 ef 91 ff f4")), Some(0xfff4));
        assert_eq!(status(&hex("11")), None);
        assert_eq!(status(&hex("00")), None);
        assert_eq!(status(&[]), None);
    }

    #[test]
    fn a_later_part_and_a_keep_alive_say_little() {
        assert!(said(&hex("72020008 00823f9800000278")).is_empty());
        assert_eq!(said(&hex("72ff0000")), ["response s7comm_plus 65280 unit= object=\"version 255\""]);
    }

    #[test]
    fn only_a_consistent_length_is_sure() {
        let content = hex(OPENED);
        assert!(probe(&content, content.len()));
        assert!(probe(&content[..20], content.len()));
        assert!(!probe(&content, content.len() + 1));
        assert!(!probe(&hex("72040001 00 72040000"), 9));
    }

    #[test]
    fn no_octets_make_it_panic() {
        for content in [OPENING, OPENED, CHECKSUM].map(hex) {
            for cut in 0..content.len() {
                said(&content[..cut]);
                let mut changed = content.clone();
                changed[cut] = changed[cut].wrapping_add(0x91);
                said(&changed);
            }
        }
    }
}
