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
const GET_VARIABLE_SUBSTREAMED: u16 = 0x0586;

/// Is this a message, of which `length` octets were announced and `content` are there?
pub(super) fn probe(content: &[u8], length: usize) -> bool {
    let [_, version @ (1..=3 | 0xfe | 0xff), high, low, ref body @ ..] = *content else { return false };
    let declared = usize::from(u16::from_be_bytes([high, low]));
    let is_complete = declared.saturating_add(8) == length;
    let is_part = declared.saturating_add(4) == length;
    let trailer = body.get(declared..).unwrap_or_default();
    declared > 0 && (is_part || is_complete && (trailer.len() < 4 || trailer == [PLUS, version, 0, 0]))
}

fn label(version: &[u8]) -> Label<'_> {
    Label { octets: version, render: |octets, out| octets.iter().take(1).for_each(|version| out.push_str(&format!("version {version}"))) }
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
        subfunction: None,
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

fn response(function: u16, sequence: u16, object: Label<'_>, rest: &[u8], sink: &mut dyn Sink) {
    sink.sender_is(Role::Server, Evidence::Certain);
    sink.response(&Response {
        protocol: NAME,
        function: u32::from(function),
        subfunction: None,
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
    let is_order_number = order_number.len() >= 14 && order_number.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'A'..=b'Z' | b' ' | b'-'));
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
