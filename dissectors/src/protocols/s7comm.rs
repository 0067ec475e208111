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
use crate::table::Hashes;

use super::{Gist, Likeness, Protocol, mms};

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
pub(super) static PROTOCOL: Protocol =
    Protocol { name: COTP, carries: &[S7COMM, plus::NAME, mms::NAME], tcp_ports: &[102], probe, frame, gist, dissect, ..Protocol::CONTROL };

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
        CONNECTION_REQUEST | CONNECTION_CONFIRM | DISCONNECT_REQUEST | DISCONNECT_CONFIRM | TPDU_ERROR | EXPEDITED_DATA => {
            Likeness::Possible
        }
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
    let Some(Tsaps { calling: Some(calling), called: Some(called), whole: true }) = (is_new && class == 0).then(|| Tsaps::new(parameters))
    else {
        return false;
    };
    matches!((calling, called), ([1..=3, _], [1..=3, _])) || called.starts_with(b"SIMATIC-ROOT-")
}

/// Length that an S7comm header says its message has.
fn declared_length(content: &[u8]) -> Option<usize> {
    let [_, kind, _, _, _, _, parameters_1, parameters_0, data_1, data_0, ..] = *content else { return None };
    let header: usize = if matches!(kind, ACK | ACK_DATA) { 12 } else { 10 };
    let parameters = usize::from(u16::from_be_bytes([parameters_1, parameters_0]));
    let data = usize::from(u16::from_be_bytes([data_1, data_0]));
    Some(header.saturating_add(parameters).saturating_add(data))
}

/// Reads of variables and their answers, where all could be read: of the answers the values do not matter.
fn gist(message: &[u8], hashes: &Hashes, _: &dyn Sink) -> Option<Gist> {
    let ([3, _, l1, l0, 2, DATA, END, S7, kind @ (JOB | ACK_DATA), 0, 0, r1, r0, p1, p0, d1, d0], rest) =
        message.split_first_chunk::<17>()?
    else {
        return None;
    };
    let (parameters, data) = (usize::from(u16::from_be_bytes([*p1, *p0])), usize::from(u16::from_be_bytes([*d1, *d0])));
    let asks = *kind == JOB;
    let content = if asks { rest } else { rest.strip_prefix(&[0, 0])? };
    let [READ, ..] = content else { return None };
    let is_whole = usize::from(u16::from_be_bytes([*l1, *l0])) == message.len() && parameters.wrapping_add(data) == content.len();
    if !is_whole || asks && data > 0 {
        return None;
    }
    let (parameters, data) = content.split_at_checked(parameters)?;
    // An answer says how many items there are: their return codes are looked at, their values are not.
    if !asks && (parameters.len() != 2 || failed_read(parameters, data).is_some()) {
        return None;
    }
    let lengths = u64::from(u32::from_be_bytes([*p1, *p0, *d1, *d0]));
    let key = hashes.of((lengths, parameters)) | 1;
    Some(Gist { asks, key, transaction: transaction(READ, u16::from_be_bytes([*r1, *r0])), envelope: None })
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    // What nearly all messages are.
    if let [3, _, _, _, 2, DATA, number, content @ ..] = message {
        return data(number & END != 0, content, sink);
    }
    let mut reader = Reader::new(message);
    reader.skip(4)?;
    let length = usize::from(reader.u8()?);
    let header = reader.up_to(length);
    match control(header, sink) {
        Ok(Some(last)) => data(last, reader.rest(), sink),
        Ok(None) => Ok(()),
        // Its own length octet cut the header short, not the capture.
        Err(_) if header.len() == length => Err(Error::Malformed("COTP header too short")),
        Err(error) => Err(error),
    }
}

// ---- COTP ----

/// Reads the header of any TPDU. Of one that carries data it returns whether it is the last of its message.
fn control(header: &[u8], sink: &mut dyn Sink) -> Result<Option<bool>> {
    let mut header = Reader::new(header);
    match header.u8()? & 0xf0 {
        CONNECTION_REQUEST => connection_request(&mut header, sink)?,
        CONNECTION_CONFIRM => connection_confirm(&mut header, sink)?,
        DISCONNECT_REQUEST => refusal(&mut header, sink, true)?,
        TPDU_ERROR => refusal(&mut header, sink, false)?,
        DATA => {
            // Classes 2 to 4 put the destination reference in front of the number.
            header.skip(2)?;
            return Ok(Some(header.u8()? & END != 0));
        }
        _ => {}
    }
    Ok(None)
}

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
        _ => mms::begins(content, last),
    }
}

fn whole(content: &[u8], _context: u64, sink: &mut dyn Sink) -> Result<()> {
    match content.first() {
        Some(&S7) => s7(content, sink),
        Some(&PLUS) => plus::dissect(content, sink),
        // Something else over COTP: MMS, RDP, TLS. It may be anything, so that what cannot be read is no fault of its.
        _ => {
            let _ = mms::dissect(content, sink);
            Ok(())
        }
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
    if let (START_UPLOAD, None, Some(matched)) = (function, status, matched)
        && let Some(key) = parameters.get(1..).and_then(upload_key)
    {
        sink.remember(Scope::Flow, key, &matched.context.to_be_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // From public captures (STEP 7 and WinCC with an S7-300, Snap7): `c` from the client, `s` from the server.
    const OPENING: &[(char, &str)] = &[
        ('c', "0300001611e00000000f00c1020100c2020102c0010a"),
        ('s', "0300001611d0000f000300c0010ac1020100c2020102"),
        ('c', "0300001902f08032010000020000080000f0000001000101e0"),
        ('s', "0300001b02f080320300000200000800000000f0000001000100f0"),
        ('c', "0300000702f000"),
    ];
    const READING: &[(char, &str)] = &[
        ('c', "0300001f02f080320100000000000e00000401120a10020040000184000000"),
        (
            's',
            "0300005902f0803203000000000002004400000401ff04020000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ),
        ('c', "0300001f02f080320100000001000e00000401120a10010001000083000050"),
        ('s', "0300001902f08032030000000100020004000004010a000000"),
    ];
    const DOWNLOADING: &[(char, &str)] = &[
        ('c', "0300003102f080320100008300002000001a00010000000000095f30413030303031500d31303030323136303030303838"),
        ('s', "0300001402f0803203000083000001000000001a"),
        ('s', "0300002302f080320100006501001200001b00000000000000095f3041303030303150"),
        ('c', "0300001902f0803203000065010002000400001b00000000fb"),
        ('s', "0300002302f080320100006701001200001c00000000000000095f3041303030303150"),
        ('c', "0300001402f0803203000067010001000000001c"),
        ('c', "0300002b02f080320100008400001a000028000000000000fd000a01003041303030303150055f494e5345"),
        ('s', "0300001402f08032030000840000010000000028"),
    ];
    const STOPPING: &[(char, &str)] = &[
        ('c', "0300002102f0803201000035000010000029000000000009505f50524f4752414d"),
        ('s', "0300001402f08032030000350000010000000029"),
        ('s', "0300003102f080320700000000000800180001120411040300ff0900144304ff8400000000000000009401092153421521"),
        ('s', "0300001902f080320700000000000800000100101000000000"),
    ];
    const LISTING: &[(char, &str)] = &[
        ('c', "0300002102f080320700000400000800080001120411440100ff09000400000000"),
        ('s', "0300002f02f080320700000400000c0012000112081284010105010000ff09000e00000000000200030000000f0002"),
        ('c', "0300002102f080320700000500000c00040001120812440101000000000a000000"),
        ('s', "0300002302f080320700000500000c0006000112081284010105000000ff0900024302"),
        ('c', "0300001f02f080320700000b00000800060001120411430200ff0900023038"),
        ('s', "0300002502f080320700000b00000c0008000112081283020100000000ff09000400012203"),
        ('c', "0300002502f080320700000c000008000c0001120411430300ff0900083041303030303142"),
        ('s', "0300002102f080320700000c00000c000400011208128303000000d2090a000000"),
    ];
    const PASSWORD: &[(char, &str)] = &[
        ('c', "0300002502f0803207000006000008000c0001120411450100ff090008213a1b1d6e681b1d"),
        ('s', "0300002102f080320700000600000c00040001120812850101000000000a000000"),
    ];
    const PLUS: &[(char, &str)] = &[
        ('c', "0300002902f0807202001a31000005240000000a000003c03400000031915e00000000000072020000"),
        ('s', "0300001f02f0807202001032000005240000000a3400000000000072020000"),
        ('s', "0300002102f08072020012331000006e0400000000000006000000000072020000"),
        (
            'c',
            "0300004302f08072020034310000058600000006000003c03489f90000200401bc37000004e88969001200000000896a001300896b0004000000000000000072020000",
        ),
        ('s', "0300002902f0807202001a32000005860000000634c08895b080ef91fff40000000000000072020000"),
        (
            's',
            "0300005f02f080720200503200000586000000043400000014003c002000380100002a36455337203231342d31484533302d3058423020535a56424459585830313736383520200002560202000000000000010101001e0000000072020000",
        ),
    ];
    const ALL: &[&[(char, &str)]] = &[OPENING, READING, DOWNLOADING, STOPPING, LISTING, PASSWORD, PLUS];

    fn role(end: char) -> Role {
        if end == 'c' { Role::Client } else { Role::Server }
    }

    fn said(messages: &[(char, &str)]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (end, message) in messages {
            recorder.feed(&PROTOCOL, role(*end), &hex(message)).unwrap();
        }
        recorder.lines
    }

    #[test]
    fn a_connection_names_rack_and_slot() {
        assert_eq!(
            said(OPENING),
            [
                "unit rack 0 slot 2",
                "request cotp 224 unit=rack 0 slot 2 object=\"\"",
                "response cotp 224 unit=rack 0 slot 2 object=\"\" matched",
                "request s7comm 240 unit=rack 0 slot 2 object=\"\"",
                "response s7comm 240 unit=rack 0 slot 2 object=\"\" matched",
            ]
        );
        assert_eq!(said(&OPENING[1..2])[1], "unit rack 0 slot 2");
        assert_eq!(tsap(b"SIMATIC-ROOT-HMI").to_text(), "SIMATIC-ROOT-HMI");
        assert_eq!(tsap(b"\x10\x02").to_text(), "TSAP 10.02");
        assert_eq!(tsap(b"\x03\x43").to_text(), "rack 2 slot 3");
    }

    // Made by hand after ISO 8073, 13.5: reason 136, congestion at connect request time.
    #[test]
    fn a_refused_connection_is_a_rejected_request() {
        let lines = said(&[OPENING[0], ('s', "0300000b0680000f000088")]);
        assert_eq!(lines[2], "response cotp 224 unit=rack 0 slot 2 object=\"\" status=136 matched");
    }

    #[test]
    fn reads_say_what_is_read_and_which_failed() {
        assert_eq!(
            said(READING),
            [
                "request s7comm 4 unit= object=\"DB1.DBB0 x64\"",
                "response s7comm 4 unit= object=\"\" matched",
                "request s7comm 4 unit= object=\"M10.0\"",
                "response s7comm 4 unit= object=\"\" status=10 matched",
            ]
        );
    }

    // Made by hand: the second of three items fails, the first is one octet and a fill octet.
    #[test]
    fn the_first_failed_item_is_found_behind_fill_octets() {
        let parameters = hex("04 03");
        assert_eq!(failed_read(&parameters, &hex("ff 04 0008 aa 00 05 00 0000 0a 00 0000")), Some(5));
        assert_eq!(failed_read(&parameters, &hex("ff 03 0001 01 00 ff 09 0002 aaaa 0a 00 0000")), Some(10));
        assert_eq!(failed_read(&parameters, &hex("ff 04 0010 aaaa ff 09 0001 aa 00 ff 04 0008 aa")), None);
    }

    #[test]
    fn a_download_is_fetched_by_the_controller() {
        let mut recorder = Recorder::default();
        for (end, message) in DOWNLOADING {
            recorder.feed(&PROTOCOL, role(*end), &hex(message)).unwrap();
            assert_eq!(recorder.sender, role(*end), "{message}");
        }
        assert_eq!(
            recorder.lines,
            [
                "request s7comm 26 unit= object=\"DB 1 (passive)\"",
                "response s7comm 26 unit= object=\"\" matched",
                "request s7comm 27 unit= object=\"DB 1 (passive)\"",
                "response s7comm 27 unit= object=\"\" matched",
                "request s7comm 28 unit= object=\"DB 1 (passive)\"",
                "response s7comm 28 unit= object=\"\" matched",
                "request s7comm 40.5 unit= object=\"_INSE DB 1 (passive)\"",
                "response s7comm 40 unit= object=\"\" matched",
            ]
        );
    }

    // Made by hand after the capture of a refused upload below.
    #[test]
    fn an_upload_is_named_by_what_started_it() {
        let lines = said(&[
            ('c', "0300002302f080320100000700001200001d00000000000000095f3038303030303141"),
            ('s', "0300002302f0803203000007000010000000001d000000000000070730303030313030"),
            ('c', "0300001902f080320100000800000800001e00000000000007"),
            ('s', "0300001a02f0803203000008000002000500001e00000100fbff"),
            ('c', "0300001902f080320100000900000800001f00000000000007"),
            ('c', "0300002302f080320100000a00001200001d00000000000000095f3042303030303041"),
            ('s', "0300001302f080320200000a0000000000d241"),
        ]);
        assert_eq!(lines[2], "request s7comm 30 unit= object=\"OB 1 (active)\"");
        assert_eq!(lines[4], "request s7comm 31 unit= object=\"OB 1 (active)\"");
        assert_eq!(lines[6], "response s7comm 0 unit= object=\"\" status=53825 matched");
    }

    #[test]
    fn a_stop_names_its_service_and_the_controller_tells_its_mode() {
        assert_eq!(
            said(STOPPING),
            [
                "request s7comm 41 unit= object=\"P_PROGRAM\"",
                "response s7comm 41 unit= object=\"\" matched",
                "response s7comm 459779 unit= object=\"event 0x4304\"",
                "response s7comm 458752.0 unit= object=\"\"",
                "fact s7comm unit= mode=stop",
            ]
        );
    }

    #[test]
    fn the_rest_of_an_answer_belongs_to_what_was_asked() {
        let lines = said(LISTING);
        assert_eq!(lines[0], "request s7comm 459777.0 unit= object=\"SZL 0x0000 index 0x0000\"");
        assert_eq!(lines[2], lines[0]);
        assert_eq!(lines[4], "request s7comm 459522 unit= object=\"OB\"");
        assert_eq!(lines[6], "request s7comm 459523 unit= object=\"DB 1 (both)\"");
        assert_eq!(lines[7], "response s7comm 459523 unit= object=\"\" status=53769 matched");
    }

    // Made by hand: the list of module identification, cut in two.
    #[test]
    fn a_status_list_in_two_answers_is_put_together() {
        let lines = said(&[
            ('c', "0300002102f080320700000400000800080001120411440100ff09000400110000"),
            ('s', "0300003302f080320700000400000c0016000112081284010105010000ff09001200110000001c000100013645533720333135"),
            ('c', "0300002102f080320700000500000c00040001120812440101000000000a000000"),
            ('s', "0300003302f080320700000500000c0016000112081284010105000000ff0900122d32454831342d304142302000c000040001"),
        ]);
        assert!(lines.iter().any(|line| line.starts_with("fact s7comm unit= order_number=6ES7 315-2EH14-0AB0")), "{lines:#?}");
    }

    #[test]
    fn a_password_is_not_shown_and_no_data_is_no_rejection() {
        assert_eq!(said(PASSWORD), ["request s7comm 460033 unit= object=\"\"", "response s7comm 460033 unit= object=\"\" matched"]);
    }

    #[test]
    fn plus_tells_version_outcome_and_order_number() {
        assert_eq!(
            said(PLUS),
            [
                "request s7comm_plus 1316 unit= object=\"version 2\"",
                "response s7comm_plus 1316 unit= object=\"version 2\" matched",
                "response s7comm_plus 51 unit= object=\"version 2\"",
                "request s7comm_plus 1414 unit= object=\"version 2\"",
                "response s7comm_plus 1414 unit= object=\"version 2\" status=65524 matched",
                "response s7comm_plus 1414 unit= object=\"version 2\"",
                "fact s7comm_plus unit= order_number=6ES7 214-1HE30-0XB0",
                "fact s7comm_plus unit= serial=SZVBDYXX017685",
                "fact s7comm_plus unit= hardware=2",
                "fact s7comm_plus unit= firmware=V2.2.0",
            ]
        );
    }

    #[test]
    fn a_message_in_three_tpdus_counts_once() {
        let whole = hex(READING[0].1);
        let content = &whole[7..];
        let mut recorder = Recorder::default();
        for (range, end) in [(0..0, 0), (0..12, 0), (12..20, 0), (20..content.len(), END)] {
            let part = &content[range];
            let length = u8::try_from(part.len() + 7).unwrap();
            recorder.feed(&PROTOCOL, Role::Client, &[&[3, 0, 0, length, 2, DATA, end], part].concat()).unwrap();
        }
        assert_eq!(recorder.lines, said(&READING[..1]));
    }

    #[test]
    fn only_s7_itself_is_surely_s7() {
        for (_, message) in ALL.iter().flat_map(|list| list.iter()).filter(|(_, message)| message.len() > 14) {
            assert_eq!(probe(&hex(message)), Likeness::Sure, "{message}");
        }
        for (message, likeness) in [
            // RDP: a cookie; a negotiation.
            ("0300002b26e00000000000436f6f6b69653a206d737473686173683d7573657231320d0a", Likeness::Possible),
            ("030000130ee000000000000100080003000000", Likeness::Possible),
            // MMS: connection request, session layer.
            ("030000130ee00000000600c1020002c2020001", Likeness::Possible),
            ("030000130ee00000000600c1020002c2020200", Likeness::Possible),
            ("0300000b02f08001000100", Likeness::Possible),
            // One octet too many or too few for S7.
            ("0300001502f0803203000035000001000000002900", Likeness::Possible),
            ("0300001302f08032030000350000010000000029", Likeness::Possible),
            // Not TPKT, not COTP.
            ("16030100c2010000be0303", Likeness::No),
            ("474554202f20485454502f312e31", Likeness::No),
            ("0300000602f0", Likeness::No),
            ("0300001602ff80320300003500000100", Likeness::No),
            ("0300000ba0f08001000100", Likeness::No),
            ("", Likeness::No),
        ] {
            assert_eq!(probe(&hex(message)), likeness, "{message}");
        }
    }

    #[test]
    fn what_is_no_s7_over_cotp_says_nothing() {
        assert!(said(&[('c', "0300000b02f08001000100"), ('c', "0300000702f080"), ('s', "0300000b02f00001000100")]).is_empty());
    }

    #[test]
    fn a_cut_message_still_counts() {
        let message = hex(READING[0].1);
        let mut recorder = Recorder::default();
        assert_eq!(dissect(&message[..24], &mut recorder), Err(Error::Truncated { at: 17 }));
        assert_eq!(recorder.lines, ["request s7comm 4 unit= object=\"… +1\""]);
        assert_eq!(frame(&message[..3]), Ok(None));
        assert_eq!(frame(&message), Ok(Some(31)));
        assert!(frame(b"GET /").is_err() && frame(&[3, 0, 0, 6]).is_err());
    }

    #[test]
    fn no_octets_make_it_panic() {
        let mut random: u32 = 1;
        for (end, message) in ALL.iter().flat_map(|list| list.iter()) {
            let message = hex(message);
            let mut recorder = Recorder::default();
            for cut in 0..=message.len() {
                recorder.sender = role(*end);
                let _ = dissect(&message[..cut], &mut recorder);
                probe(&message[..cut]);
                let mut changed = message.clone();
                for _ in 0..3 {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = random as usize % changed.len();
                    changed[at] ^= 1 << (random >> 29);
                }
                let _ = dissect(&changed, &mut recorder);
                probe(&changed);
            }
        }
    }
}
