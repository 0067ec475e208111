//! S7comm, the protocol of SIMATIC S7 controllers, over ISO-on-TCP.
//!
//! Carried by COTP class 0 (ISO 8073, ITU-T X.224) in TPKT (RFC 1006). The S7 layers are not published; layout and names
//! are those that Wireshark's dissector uses.
//!
//! ```text
//! TPKT      3  0  length of all (2)
//! COTP      length of the header without this octet  type  …
//!   CR, CC  destination reference (2)  source reference (2)  class  parameters: code, length, value
//!   DT      number and end mark (0x80)  data
//! S7comm    0x32  kind (ROSCTR)  0 0  reference (2)  octets of parameters (2)  octets of data (2)
//!           ack and ack with data only: error class (1)  error code (1)
//!           parameters, whose first octet is the function  data
//! ```
//!
//! A status below 0x100 is the return code of the first item that failed, any other is error class and error code.
//!
//! S7comm-plus (0x72) is in `plus`, userdata (kind 7) in `userdata`.

mod blocks;
mod items;
mod plus;
mod szl;
mod userdata;

use core::fmt::Write as _;

use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Part, Request, Response, Role, Scope, Sink};

use super::{Likeness, Protocol};

/// Names in the registry.
const S7COMM: &str = "s7comm";
const COTP: &str = "cotp";

/// TPKT header, with the smallest COTP header.
const SMALLEST: u16 = 7;

const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const DISCONNECT_REQUEST: u8 = 0x80;
const DISCONNECT_CONFIRM: u8 = 0xc0;
const TPDU_ERROR: u8 = 0x70;
const DATA: u8 = 0xf0;
const EXPEDITED_DATA: u8 = 0x10;
/// In the number of a data TPDU: the last one of its message.
const END: u8 = 0x80;

/// First octet of an S7comm message.
const S7: u8 = 0x32;
/// First octet of an S7comm-plus message.
const PLUS: u8 = 0x72;

const JOB: u8 = 1;
const ACK: u8 = 2;
const ACK_DATA: u8 = 3;
const USERDATA: u8 = 7;

const READ: u8 = 0x04;
const WRITE: u8 = 0x05;
const REQUEST_DOWNLOAD: u8 = 0x1a;
const DOWNLOAD_BLOCK: u8 = 0x1b;
const DOWNLOAD_ENDED: u8 = 0x1c;
const START_UPLOAD: u8 = 0x1d;
const UPLOAD: u8 = 0x1e;
const END_UPLOAD: u8 = 0x1f;
const PROGRAM_INVOCATION: u8 = 0x28;
const STOP: u8 = 0x29;

/// Return code of an item that was served.
const SUCCESS: u8 = 0xff;

/// In a transaction: the job came from the controller, whose references are its own.
const FROM_SERVER: u64 = 1 << 16;
/// In a transaction: a userdata message.
const OF_USERDATA: u64 = 1 << 17;
/// With the upload's identifier: what is being uploaded.
const UPLOADED: u64 = 0x1e << 32;

/// S7comm and S7comm-plus over COTP. Named after COTP: what a connection carries is known only from its data.
pub(super) static PROTOCOL: Protocol = Protocol { name: COTP, tcp_ports: &[102], udp_ports: &[], probe, frame, dissect };

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match *octets {
        [3, 0, high, low, ..] => match u16::from_be_bytes([high, low]) {
            length @ SMALLEST.. => Ok(Some(usize::from(length))),
            _ => Err(Error::Malformed("TPKT length too small")),
        },
        [] | [3] | [3, 0] | [3, 0, _] => Ok(None),
        _ => Err(Error::Malformed("not TPKT version 3")),
    }
}

/// Sure only of what S7 alone can be: RDP and MMS come in the same two envelopes.
fn probe(octets: &[u8]) -> Likeness {
    let length = match frame(octets) {
        Ok(Some(length)) => length,
        Ok(None) if !octets.is_empty() => return Likeness::Possible,
        _ => return Likeness::No,
    };
    let message = octets.get(..length).unwrap_or(octets);
    let [_, _, _, _, header_length, kind, rest @ ..] = message else { return Likeness::Possible };
    let header = usize::from(*header_length).saturating_add(5);
    if *header_length < 2 || header > length {
        return Likeness::No;
    }
    match kind & 0xf0 {
        DATA if *kind == DATA => match rest {
            [number, content @ ..] if *header_length == 2 => probe_data(number & END != 0, content, length.saturating_sub(header)),
            _ => Likeness::Possible,
        },
        // Nothing but the header, so no user data as RDP puts after it.
        CONNECTION_REQUEST | CONNECTION_CONFIRM if header == length && probe_connection(kind & 0xf0, rest) => Likeness::Sure,
        CONNECTION_REQUEST | CONNECTION_CONFIRM | DISCONNECT_REQUEST | DISCONNECT_CONFIRM | TPDU_ERROR | EXPEDITED_DATA => Likeness::Possible,
        _ => Likeness::No,
    }
}

/// `length` octets of content were announced, of which `content` are there.
fn probe_data(last: bool, content: &[u8], length: usize) -> Likeness {
    let is_sure = match *content {
        [S7, JOB | ACK | ACK_DATA | USERDATA, 0, 0, ..] => {
            declared_length(content).is_some_and(|declared| if last { declared == length } else { declared > length })
        }
        [PLUS, ..] => plus::probe(content, length),
        _ => false,
    };
    if is_sure { Likeness::Sure } else { Likeness::Possible }
}

/// Both ends named as S7 names them.
fn probe_connection(kind: u8, rest: &[u8]) -> bool {
    let [destination_1, destination_0, _, _, class, ref parameters @ ..] = *rest else { return false };
    let is_new = kind == CONNECTION_CONFIRM || (destination_1, destination_0) == (0, 0);
    let Some(Tsaps { calling: Some(calling), called: Some(called), whole: true }) = (is_new && class == 0).then(|| Tsaps::new(parameters)) else {
        return false;
    };
    match called {
        [1..=3, _] => calling.len() == 2,
        _ => called.starts_with(b"SIMATIC-ROOT-"),
    }
}

/// Length that an S7comm header says its message has.
fn declared_length(content: &[u8]) -> Option<usize> {
    let [_, kind, _, _, _, _, parameters_1, parameters_0, data_1, data_0, ..] = *content else { return None };
    let header: usize = if matches!(kind, ACK | ACK_DATA) { 12 } else { 10 };
    let parameters = usize::from(u16::from_be_bytes([parameters_1, parameters_0]));
    let data = usize::from(u16::from_be_bytes([data_1, data_0]));
    Some(header.saturating_add(parameters).saturating_add(data))
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    // What nearly all messages are.
    if let [3, _, _, _, 2, DATA, number, content @ ..] = message {
        return data(number & END != 0, content, sink);
    }
    let mut reader = Reader::new(message);
    reader.skip(4)?;
    let length = usize::from(reader.u8()?);
    let mut header = Reader::new(reader.up_to(length));
    let kind = header.u8()?;
    let result = match kind & 0xf0 {
        CONNECTION_REQUEST => connection_request(&mut header, sink),
        CONNECTION_CONFIRM => connection_confirm(&mut header, sink),
        DISCONNECT_REQUEST => refusal(&mut header, sink, true),
        TPDU_ERROR => refusal(&mut header, sink, false),
        DATA => {
            // Classes 2 to 4 put the destination reference in front of the number.
            header.skip(2)?;
            let last = header.u8()? & END != 0;
            return data(last, reader.rest(), sink);
        }
        _ => Ok(()),
    };
    // A header that is cut short by its own length octet, not by the capture.
    if header.position() < length { result } else { result.map_err(|_| Error::Malformed("COTP header too short")) }
}

// ---- COTP ----

/// Who calls whom, in the parameters of a connection request or confirm.
struct Tsaps<'a> {
    calling: Option<&'a [u8]>,
    called: Option<&'a [u8]>,
    /// The parameters ended where they should.
    whole: bool,
}

impl<'a> Tsaps<'a> {
    fn new(parameters: &'a [u8]) -> Self {
        let mut tsaps = Self { calling: None, called: None, whole: false };
        let mut reader = Reader::new(parameters);
        while let Ok([code, length]) = reader.take() {
            let Ok(value) = reader.octets(usize::from(length)) else { return tsaps };
            match code {
                0xc1 => tsaps.calling = Some(value),
                0xc2 => tsaps.called = Some(value),
                _ => {}
            }
        }
        tsaps.whole = reader.is_empty();
        tsaps
    }
}

/// The server's end of a connection: rack and slot of a controller, the name of a service, or the octets.
const fn tsap(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_tsap }
}

fn render_tsap(octets: &[u8], out: &mut String) {
    match *octets {
        // Programmer, operator panel, other; then three bits of rack and five of slot.
        [1..=3, place] => {
            let _ = write!(out, "rack {} slot {}", place >> 5, place & 0x1f);
        }
        _ if octets.len() > 2 && octets.iter().all(|octet| matches!(octet, b' '..=b'~')) => out.push_str(&crate::text::clean(octets)),
        _ => {
            out.push_str("TSAP ");
            for (place, octet) in octets.iter().take(32).enumerate() {
                let _ = write!(out, "{}{octet:02x}", if place > 0 { "." } else { "" });
            }
        }
    }
}

fn connection_request(header: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let [_, _, source_1, source_0] = header.take()?;
    let _class = header.u8();
    let tsaps = Tsaps::new(header.rest());
    sink.sender_is(Role::Client, Evidence::Certain);
    if let Some(called) = tsaps.called {
        sink.set_unit(tsap(called));
    }
    sink.request(&Request {
        protocol: COTP,
        function: u32::from(CONNECTION_REQUEST),
        subfunction: None,
        unit: None,
        object: Label::NONE,
        transaction: Some(u64::from(u16::from_be_bytes([source_1, source_0]))),
        context: 0,
    });
    Ok(())
}

fn connection_confirm(header: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<()> {
    let [destination_1, destination_0, _, _] = header.take()?;
    let _class = header.u8();
    let tsaps = Tsaps::new(header.rest());
    sink.sender_is(Role::Server, Evidence::Certain);
    let unit = tsaps.called.map(tsap);
    let request = connection_response(sink, u16::from_be_bytes([destination_1, destination_0]), unit, None);
    // The request told the unit, where it was seen.
    if let (false, Some(unit)) = (request, unit) {
        sink.set_unit(unit);
    }
    Ok(())
}

/// Returns whether the request was seen.
fn connection_response(sink: &mut dyn Sink, reference: u16, unit: Option<Label<'_>>, status: Option<u32>) -> bool {
    let response = Response {
        protocol: COTP,
        function: u32::from(CONNECTION_REQUEST),
        subfunction: None,
        unit,
        object: Label::NONE,
        transaction: Some(u64::from(reference)),
        status,
        next: None,
    };
    sink.response(&response).is_some()
}

/// A disconnect request or an error in answer to a connection request, its status the reason; for an error, 0x100 is added.
///
/// Only a disconnect request from an end that has no reference yet is such an answer (ISO 8073, 13.5.3). In class 0 a
/// connection that stands ends with its TCP connection.
fn refusal(header: &mut Reader<'_>, sink: &mut dyn Sink, is_disconnect: bool) -> Result<()> {
    let reference = header.u16_be()?;
    if is_disconnect && header.u16_be()? != 0 {
        return Ok(());
    }
    let reason = u32::from(header.u8()?);
    sink.sender_is(Role::Server, Evidence::Likely);
    let status = if is_disconnect { reason } else { reason | 0x100 };
    connection_response(sink, reference, None, Some(status));
    Ok(())
}

/// Content of a data TPDU. Nothing in it counts the parts of a message; those of S7 are told by their heads.
fn data(last: bool, content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    if last && begins(content, true) {
        return whole(content, 0, sink);
    }
    if content.is_empty() && !last {
        // Says only that a message has arrived.
        return Ok(());
    }
    let first = !last && begins(content, false);
    sink.assemble(&Part { channel: 0, first, last, sequence: None, octets: content, context: 0 }, whole)
}

fn begins(content: &[u8], last: bool) -> bool {
    match *content {
        // Where the length is not that of the content, the octets in between must be what they always are.
        [S7, JOB | ACK | ACK_DATA | USERDATA, ref rest @ ..] => match declared_length(content) {
            Some(declared) if !last => declared > content.len(),
            Some(declared) if declared == content.len() => true,
            _ => matches!(rest, [0, 0, ..] | [0] | []),
        },
        [S7, ..] => last && matches!(*content, [S7, _, 0, 0, ..]),
        [PLUS, 1..=3 | 0xfe | 0xff, ..] => true,
        _ => false,
    }
}

fn whole(content: &[u8], _context: u64, sink: &mut dyn Sink) -> Result<()> {
    match content.first() {
        Some(&S7) => s7(content, sink),
        Some(&PLUS) => plus::dissect(content, sink),
        // Something else over COTP: MMS, RDP, TLS.
        _ => Ok(()),
    }
}

// ---- S7comm ----

fn s7(content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(content);
    let [_, kind, _, _, reference_1, reference_0, parameters_1, parameters_0, data_1, data_0] = reader.take()?;
    let reference = u16::from_be_bytes([reference_1, reference_0]);
    let error = if matches!(kind, ACK | ACK_DATA) { reader.u16_be()? } else { 0 };
    let length = usize::from(u16::from_be_bytes([parameters_1, parameters_0]));
    let parameters = reader.up_to(length);
    let data_length = usize::from(u16::from_be_bytes([data_1, data_0]));
    let data = reader.up_to(data_length);
    match kind {
        JOB => job(reference, parameters, sink)?,
        ACK | ACK_DATA => ack(reference, error, parameters, data, sink),
        USERDATA => userdata::dissect(reference, parameters, data, sink)?,
        _ => return Err(Error::Malformed("unknown S7 message kind")),
    }
    if parameters.len() < length || data.len() < data_length {
        return Err(Error::Truncated { at: content.len() });
    }
    if !reader.is_empty() {
        return Err(Error::Malformed("octets after the end of the S7 message"));
    }
    Ok(())
}

/// A controller fetches what is being downloaded with jobs of its own.
const fn is_from_server(function: u8) -> bool {
    matches!(function, DOWNLOAD_BLOCK | DOWNLOAD_ENDED)
}

const fn transaction(function: u8, reference: u16) -> u64 {
    let side = if is_from_server(function) { FROM_SERVER } else { 0 };
    side | reference as u64
}

fn job(reference: u16, parameters: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some((function, arguments)) = parameters.split_first() else { return Err(Error::Malformed("S7 job without a function")) };
    sink.sender_is(if is_from_server(*function) { Role::Server } else { Role::Client }, Evidence::Certain);
    let mut request = Request {
        protocol: S7COMM,
        function: u32::from(*function),
        subfunction: None,
        unit: None,
        object: Label::NONE,
        transaction: Some(transaction(*function, reference)),
        context: 0,
    };
    match *function {
        READ | WRITE => request.object = items::list(arguments),
        REQUEST_DOWNLOAD | DOWNLOAD_BLOCK | DOWNLOAD_ENDED | START_UPLOAD => {
            let name = file_name(arguments);
            request.object = blocks::file(name);
            // Eight characters, handed back with the identifier of the upload.
            request.context = name.split_first().and_then(|(_, name)| name.first_chunk()).map_or(0, |name| u64::from_be_bytes(*name));
        }
        UPLOAD | END_UPLOAD => {
            let Some(name) = upload_key(arguments).and_then(|key| sink.recall(Scope::Flow, key)) else {
                sink.request(&request);
                return Ok(());
            };
            request.object = blocks::block(name.octets());
            sink.request(&request);
            return Ok(());
        }
        PROGRAM_INVOCATION => {
            let service = arguments.get(7..).unwrap_or_default();
            request.object = blocks::service(service);
            request.subfunction = blocks::service_number(service);
        }
        STOP => request.object = Label::text(arguments.get(6..).unwrap_or_default()),
        _ => {}
    }
    sink.request(&request);
    Ok(())
}

/// The file name of a download or upload: after status, error and identifier, with its length in front.
fn file_name(arguments: &[u8]) -> &[u8] {
    match arguments {
        [_, _, _, _, _, _, _, length, name @ ..] => name.get(..usize::from(*length)).unwrap_or(name),
        _ => &[],
    }
}

fn upload_key(arguments: &[u8]) -> Option<u64> {
    let [_, _, _, identifier_3, identifier_2, identifier_1, identifier_0, ..] = *arguments else { return None };
    Some(UPLOADED | u64::from(u32::from_be_bytes([identifier_3, identifier_2, identifier_1, identifier_0])))
}

/// An answer. That to a job which failed may say nothing but which job: its function is then 0 where the job was not seen.
fn ack(reference: u16, error: u16, parameters: &[u8], data: &[u8], sink: &mut dyn Sink) {
    let function = parameters.first().copied().unwrap_or(0);
    if function == 0 {
        sink.sender_is(Role::Server, Evidence::Likely);
    } else {
        sink.sender_is(if is_from_server(function) { Role::Client } else { Role::Server }, Evidence::Certain);
    }
    let status = match function {
        _ if error != 0 => Some(u32::from(error)),
        READ => failed_read(parameters, data),
        WRITE => data.iter().find(|code| **code != SUCCESS).map(|code| u32::from(*code)),
        _ => None,
    };
    let matched = sink.response(&Response {
        protocol: S7COMM,
        function: u32::from(function),
        subfunction: None,
        unit: None,
        object: Label::NONE,
        transaction: Some(transaction(function, reference)),
        status,
        next: None,
    });
    if let (START_UPLOAD, None, Some(matched)) = (function, status, matched) {
        if let Some(key) = parameters.get(1..).and_then(upload_key) {
            sink.remember(Scope::Flow, key, &matched.context.to_be_bytes());
        }
    }
}

/// Return code of the first item that could not be read.
fn failed_read(parameters: &[u8], data: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(data);
    let mut left = parameters.get(1).copied().unwrap_or(1);
    loop {
        let [code, size, length_1, length_0] = reader.take().ok()?;
        if code != SUCCESS {
            return Some(u32::from(code));
        }
        left = left.checked_sub(1).filter(|left| *left > 0)?;
        let length = u16::from_be_bytes([length_1, length_0]);
        // Bits, octets and words, integers: counted in bits.
        let octets = if matches!(size, 3..=5) { length.div_ceil(8) } else { length };
        reader.skip(usize::from(octets)).ok()?;
        if octets & 1 == 1 {
            let _ = reader.skip(1);
        }
    }
}
