//! Modbus: MODBUS Application Protocol V1.1b3 inside MODBUS Messaging on TCP/IP V1.0b, and serial RTU frames
//! (MODBUS over Serial Line V1.02) that a gateway passes through TCP or UDP as they are.
//!
//! ```text
//! TCP  0   transaction id   2        RTU  0    unit       1
//!      2   protocol id = 0  2             1    PDU        1..=253
//!      4   length           2             n-2  CRC-16     2, least significant first
//!      6   unit             1
//!      7   PDU              length - 1
//!
//! PDU  0   function   1   0x80 added in an exception response, whose only data is the exception code
//!      1   data
//! ```
//!
//! A PDU does not say its direction: where its shape fits a request only, or a response only, that is evidence,
//! and what the engine believes then holds.

mod object;
mod rtu;
mod umas;

use core::fmt;

use object::{FileRecords, identification, reference, render_unit};

pub(super) use self::rtu::RTU;
use super::{Gist, Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Matched, Request, Response, Role, Sink};
use crate::table::Hashes;

const NAME: &str = "modbus";

/// Length field: unit and function at the least.
const SHORTEST_LENGTH: usize = 2;
/// Length field at the most: 254 by the specification, a little more for clumsy devices.
const LONGEST_LENGTH: usize = 260;
/// UMAS agrees on frames of up to 1,024 octets.
const LONGEST_UMAS_LENGTH: usize = 1_030;

const READ_COILS: u8 = 0x01;
const READ_DISCRETE_INPUTS: u8 = 0x02;
const READ_HOLDING_REGISTERS: u8 = 0x03;
const READ_INPUT_REGISTERS: u8 = 0x04;
const WRITE_SINGLE_COIL: u8 = 0x05;
const WRITE_SINGLE_REGISTER: u8 = 0x06;
const READ_EXCEPTION_STATUS: u8 = 0x07;
const DIAGNOSTICS: u8 = 0x08;
const GET_COMM_EVENT_COUNTER: u8 = 0x0b;
const GET_COMM_EVENT_LOG: u8 = 0x0c;
const WRITE_MULTIPLE_COILS: u8 = 0x0f;
const WRITE_MULTIPLE_REGISTERS: u8 = 0x10;
const REPORT_SERVER_ID: u8 = 0x11;
const READ_FILE_RECORD: u8 = 0x14;
const WRITE_FILE_RECORD: u8 = 0x15;
const MASK_WRITE_REGISTER: u8 = 0x16;
const READ_WRITE_MULTIPLE_REGISTERS: u8 = 0x17;
const READ_FIFO_QUEUE: u8 = 0x18;
const ENCAPSULATED_INTERFACE: u8 = 0x2b;
const UMAS: u8 = 0x5a;
const EXCEPTION: u8 = 0x80;

/// Encapsulated interface (function 43): `CANopen` general reference.
const CANOPEN: u8 = 0x0d;
/// Encapsulated interface (function 43): device identification.
const DEVICE_IDENTIFICATION: u8 = 0x0e;

/// File records: the only reference type there is.
const FILE_REFERENCE: u8 = 6;

pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[502], udp_ports: &[502], probe, frame, gist, dissect, ..Protocol::CONTROL };

/// One message without its framing.
struct Adu<'a> {
    unit: &'a [u8],
    pdu: &'a [u8],
    /// Octets that the PDU has by the framing; it may be cut.
    length: usize,
    /// Tells transactions of this flow apart. 0 where the client numbers nothing.
    id: u16,
    /// No response is to come.
    broadcast: bool,
}

/// Which directions a PDU fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Request,
    Response,
    Either,
    Neither,
}

impl Shape {
    /// Every field that can be checked is. `length` is that of the whole PDU, of which the end may be missing.
    #[inline]
    fn of(pdu: &[u8], length: usize) -> Self {
        let [code, data @ ..] = pdu else { return Self::Neither };
        let (request, response) = match *code {
            READ_COILS | READ_DISCRETE_INPUTS => (length == 5 && range_fits(data, 2000), counted(data, length)),
            READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS => {
                (length == 5 && range_fits(data, 125), length & 1 == 0 && counted(data, length))
            }
            WRITE_SINGLE_COIL => Self::echo(length == 5 && matches!(data, [_, _, 0 | 0xff, 0, ..])),
            WRITE_SINGLE_REGISTER => Self::echo(length == 5),
            WRITE_MULTIPLE_COILS => (written(data, length, 1968, |quantity| quantity.div_ceil(8)), length == 5 && range_fits(data, 1968)),
            WRITE_MULTIPLE_REGISTERS => (written(data, length, 123, |quantity| quantity << 1), length == 5 && range_fits(data, 123)),
            _ => Self::of_rare(*code, data, length),
        };
        match (request, response) {
            (true, false) => Self::Request,
            (false, true) => Self::Response,
            (true, true) => Self::Either,
            (false, false) => Self::Neither,
        }
    }

    /// The same for what is seldom seen: could it be a request, could it be a response?
    fn of_rare(code: u8, data: &[u8], length: usize) -> (bool, bool) {
        match code {
            READ_EXCEPTION_STATUS => (length == 1, length == 2),
            DIAGNOSTICS => Self::echo(length >= 5 && length & 1 == 1),
            GET_COMM_EVENT_COUNTER => (length == 1, length == 5),
            GET_COMM_EVENT_LOG => (length == 1, length >= 8 && counted(data, length)),
            REPORT_SERVER_ID => (length == 1, counted(data, length)),
            READ_FILE_RECORD => {
                let fits = counted(data, length);
                let request = matches!(*data, [count, FILE_REFERENCE, ..] if count % 7 == 0);
                let response = matches!(*data, [_, size, FILE_REFERENCE, ..] if size & 1 == 1);
                (fits && request, fits && response)
            }
            WRITE_FILE_RECORD => Self::echo(length >= 11 && matches!(data, [_, FILE_REFERENCE, ..]) && counted(data, length)),
            MASK_WRITE_REGISTER => Self::echo(length == 7),
            READ_WRITE_MULTIPLE_REGISTERS => {
                let write = data.get(4..).unwrap_or_default();
                let request = range_fits(data, 125) && written(write, length.saturating_sub(4), 121, |quantity| quantity << 1);
                (request, length & 1 == 0 && counted(data, length))
            }
            READ_FIFO_QUEUE => {
                let response = |c1, c0| length >= 5 && length == usize::from(u16::from_be_bytes([c1, c0])).saturating_add(3);
                (length == 3, matches!(*data, [c1, c0, ..] if response(c1, c0)))
            }
            ENCAPSULATED_INTERFACE => match data {
                [DEVICE_IDENTIFICATION, 1..=4, ..] => (length == 4, length >= 7),
                [CANOPEN, ..] => Self::echo(length >= 3),
                _ => (false, false),
            },
            UMAS => match data {
                [_, umas::ACCEPTED | umas::REJECTED, ..] => (false, true),
                [_, _, ..] => (true, false),
                _ => (false, false),
            },
            // Some devices send an octet or two more than the exception code.
            EXCEPTION.. => (false, matches!(data, [0x01..=0x0b, ..]) && (2..=4).contains(&length)),
            _ => (false, false),
        }
    }

    /// Request and response look the same.
    const fn echo(fits: bool) -> (bool, bool) {
        (fits, fits)
    }
}

/// Address and quantity: at least one and at most `limit` items, none of them beyond the last address.
#[inline]
fn range_fits(data: &[u8], limit: u16) -> bool {
    let [a1, a0, q1, q0, ..] = *data else { return false };
    let quantity = u16::from_be_bytes([q1, q0]);
    (1..=limit).contains(&quantity) && u16::from_be_bytes([a1, a0]).checked_add(quantity.wrapping_sub(1)).is_some()
}

/// Byte count and as many octets.
#[inline]
fn counted(data: &[u8], length: usize) -> bool {
    matches!(*data, [count, ..] if count > 0 && length == usize::from(count).saturating_add(2))
}

/// Address, quantity, byte count and as many octets, as the quantity needs.
#[inline]
fn written(data: &[u8], length: usize, limit: u16, needs: fn(u16) -> u16) -> bool {
    let [_, _, q1, q0, count, ..] = *data else { return false };
    range_fits(data, limit) && needs(u16::from_be_bytes([q1, q0])) == u16::from(count) && length == usize::from(count).saturating_add(6)
}

fn probe(octets: &[u8]) -> Likeness {
    let Ok(framed) = frame(octets) else { return Likeness::No };
    let Some(total) = framed else { return if octets.is_empty() { Likeness::No } else { Likeness::Possible } };
    let length = total.saturating_sub(7);
    let pdu = octets.get(7..).unwrap_or_default();
    let Some((message, rest)) = octets.split_at_checked(total) else {
        // What an RTU frame looks like when it is read as this: a CRC octet in the place of the function.
        let absurd = length > 8 && pdu.first().is_some_and(|code| *code >= EXCEPTION);
        return if absurd { Likeness::No } else { Likeness::Possible };
    };
    let follows = rest.is_empty() || frame(rest).is_ok();
    let pdu = message.get(7..).unwrap_or_default();
    if follows && Shape::of(pdu, length) != Shape::Neither {
        Likeness::Sure
    } else if follows || rest.len() < 8 {
        Likeness::Possible
    } else {
        Likeness::No
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    if let [_, _, 1..=0xff, ..] | [_, _, 0, 1..=0xff, ..] = octets {
        return Err(Error::Malformed("protocol identifier is not 0"));
    }
    let [_, _, _, _, high, low, rest @ ..] = octets else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match length {
        SHORTEST_LENGTH..=LONGEST_LENGTH => Ok(Some(length.saturating_add(6))),
        0..=LONGEST_UMAS_LENGTH if length > LONGEST_LENGTH => match rest {
            [_, UMAS, ..] => Ok(Some(length.saturating_add(6))),
            [_, _, ..] => Err(Error::Malformed("length field too large")),
            _ => Ok(None),
        },
        0..SHORTEST_LENGTH => Err(Error::Malformed("length field too small")),
        _ => Err(Error::Malformed("length field too large")),
    }
}

/// Reads and their answers: of the answers the values do not matter.
#[inline]
fn gist(octets: &[u8], _: &Hashes, _: &dyn Sink) -> Option<Gist> {
    let [i1, i0, 0, 0, l1, l0, unit, code @ READ_COILS..=READ_INPUT_REGISTERS, ref data @ ..] = *octets else { return None };
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    if length.wrapping_add(6) != octets.len() {
        return None;
    }
    let head = u64::from_be_bytes([0, 0, 0, 1, l1, l0, unit, code]);
    let id = u16::from_be_bytes([i1, i0]);
    let adu = Adu { unit: &[unit], pdu: &[], length: 0, id, broadcast: false };
    let transaction = adu.transaction(code)?;
    match *data {
        // With a count of 3, bits that were read look like a request.
        [a1, a0, q1, q0] if a1 != 3 || code >= READ_HOLDING_REGISTERS => {
            let range = u64::from(u32::from_be_bytes([a1, a0, q1, q0]));
            Some(Gist { asks: true, key: head << 32 ^ range, transaction, envelope: None })
        }
        [count, ..] if data.len() != 4 && data.len() == usize::from(count).wrapping_add(1) => {
            let is_whole = code < READ_HOLDING_REGISTERS || count & 1 == 0;
            (is_whole && count > 0).then_some(Gist { asks: false, key: head << 8 | u64::from(count), transaction, envelope: None })
        }
        _ => None,
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some((header, rest)) = octets.split_first_chunk::<7>() else { return Err(Error::Truncated { at: octets.len() }) };
    let [id_high, id_low, _, _, high, low, unit] = header;
    let length = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(1);
    let pdu = rest.get(..length).unwrap_or(rest);
    let id = u16::from_be_bytes([*id_high, *id_low]);
    dissect_pdu(&Adu { unit: core::slice::from_ref(unit), pdu, length, id, broadcast: false }, sink)
}

fn dissect_pdu(adu: &Adu<'_>, sink: &mut dyn Sink) -> Result<()> {
    let [code, ..] = *adu.pdu else { return Err(Error::Truncated { at: 0 }) };
    let shape = Shape::of(adu.pdu, adu.length);
    let role = match shape {
        Shape::Request => sink.sender_is(Role::Client, Evidence::Likely),
        // The highest bit of the function says it: no client sends it but a fuzzer.
        Shape::Response if code >= EXCEPTION => sink.sender_is(Role::Server, Evidence::Certain),
        Shape::Response => sink.sender_is(Role::Server, Evidence::Likely),
        Shape::Either | Shape::Neither => sink.sender(),
    };
    match role {
        Role::Client => request(adu, code, sink),
        Role::Server => response(adu, code, shape, sink),
    }
    if adu.pdu.len() < adu.length {
        return Err(Error::Truncated { at: adu.pdu.len() });
    }
    match (role, shape) {
        (Role::Client, Shape::Request | Shape::Either) | (Role::Server, Shape::Either) => Ok(()),
        (Role::Server, Shape::Response) if code < EXCEPTION || adu.length == 2 => Ok(()),
        (Role::Client, _) => complain_of_request(adu, code, shape, sink),
        (Role::Server, _) => complain_of_response(adu, code, shape, sink),
    }
}

impl Adu<'_> {
    /// Clients that number nothing send id 0 for ever, and serial lines have no id. They have one request under way
    /// at a time; the function then keeps the answer to a request that was not seen from being taken for another's.
    fn transaction(&self, function: u8) -> Option<u64> {
        let unit = self.unit.first().copied().unwrap_or_default();
        match self.id {
            _ if self.broadcast => None,
            0 => Some(1 << 40 | u64::from(function) << 24 | u64::from(unit) << 16),
            id => Some(u64::from(unit) << 16 | u64::from(id)),
        }
    }

    fn unit(&self) -> Label<'_> {
        Label { octets: self.unit, render: render_unit }
    }
}

fn request(adu: &Adu<'_>, code: u8, sink: &mut dyn Sink) {
    let pdu = adu.pdu;
    let function = code & !EXCEPTION;
    // Address and quantity, for the response that has only one of them or none.
    let mut context = match *pdu {
        [_, a1, a0, q1, q0, ..] => u64::from(u32::from_be_bytes([a1, a0, q1, q0])),
        _ => 0,
    };
    let files;
    let (subfunction, object) = match code {
        READ_COILS..=READ_INPUT_REGISTERS | WRITE_MULTIPLE_COILS | WRITE_MULTIPLE_REGISTERS => (None, reference(front(pdu, 5))),
        WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER | MASK_WRITE_REGISTER | READ_FIFO_QUEUE => (None, reference(front(pdu, 3))),
        READ_WRITE_MULTIPLE_REGISTERS => (None, reference(front(pdu, 9))),
        READ_FILE_RECORD | WRITE_FILE_RECORD => {
            files = FileRecords::of(pdu);
            (None, files.label())
        }
        DIAGNOSTICS => (diagnostic(pdu), Label::NONE),
        ENCAPSULATED_INTERFACE => (interface(pdu), identification(pdu)),
        UMAS => {
            context = pdu.get(3).copied().map_or(0, u64::from);
            umas::reservation(pdu, sink);
            (pdu.get(2).copied().map(u32::from), umas::object(pdu))
        }
        _ => (None, Label::NONE),
    };
    sink.request(&Request {
        protocol: NAME,
        function: u32::from(function),
        subfunction,
        unit: Some(adu.unit()),
        object,
        transaction: adu.transaction(function),
        context,
    });
}

fn response(adu: &Adu<'_>, code: u8, shape: Shape, sink: &mut dyn Sink) {
    let pdu = adu.pdu;
    let function = code & !EXCEPTION;
    let (subfunction, object, status) = match code {
        WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER | MASK_WRITE_REGISTER => (None, reference(front(pdu, 3)), None),
        WRITE_MULTIPLE_COILS | WRITE_MULTIPLE_REGISTERS => (None, reference(front(pdu, 5)), None),
        DIAGNOSTICS => (diagnostic(pdu), Label::NONE, None),
        ENCAPSULATED_INTERFACE => (interface(pdu), identification(pdu), None),
        UMAS => (None, Label::NONE, umas::status(pdu)),
        EXCEPTION.. => (None, Label::NONE, Some(pdu.get(1).copied().map_or(0, u32::from))),
        _ => (None, Label::NONE, None),
    };
    let matched = sink.response(&Response {
        protocol: NAME,
        function: u32::from(function),
        subfunction,
        unit: Some(adu.unit()),
        object,
        transaction: adu.transaction(function),
        status,
        next: None,
    });
    if let Some(matched) = matched {
        check_match(adu, code, shape, &matched, sink);
    }
    match code {
        REPORT_SERVER_ID => server_id(adu, sink),
        ENCAPSULATED_INTERFACE => identity(adu, sink),
        UMAS => umas::identity(adu, matched, sink),
        _ => {}
    }
}

/// An answer must be of the function that was asked, as long as the quantity demands, and echo the address.
fn check_match(adu: &Adu<'_>, code: u8, shape: Shape, matched: &Matched, sink: &mut dyn Sink) {
    if adu.id == 0 {
        return;
    }
    let [.., a1, a0, q1, q0] = matched.context.to_be_bytes();
    let quantity = u16::from_be_bytes([q1, q0]);
    let fits = match *adu.pdu {
        _ if !matches!(shape, Shape::Response | Shape::Either) => true,
        [READ_COILS | READ_DISCRETE_INPUTS, count, ..] => u16::from(count) == quantity.div_ceil(8),
        [READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS | READ_WRITE_MULTIPLE_REGISTERS, count, ..] => {
            u16::from(count) == quantity.saturating_mul(2)
        }
        [WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER | WRITE_MULTIPLE_COILS | WRITE_MULTIPLE_REGISTERS | MASK_WRITE_REGISTER, b1, b0, ..] => {
            [a1, a0] == [b1, b0]
        }
        _ => true,
    };
    if matched.function != u32::from(code & !EXCEPTION) {
        sink.anomaly(NAME, "response_mismatch", format_args!("answer of another function than was asked"));
    } else if !fits {
        sink.anomaly(NAME, "response_mismatch", format_args!("answer does not fit the addresses that were asked for"));
    }
}

fn complain_of_request(adu: &Adu<'_>, code: u8, shape: Shape, sink: &mut dyn Sink) -> Result<()> {
    let mut say = |kind, detail: fmt::Arguments<'_>| sink.anomaly(NAME, kind, detail);
    match code {
        0 => say("invalid_function", format_args!("function code 0 does not exist")),
        EXCEPTION.. => say("exception_in_request", format_args!("client sends an exception response")),
        _ if shape == Shape::Response => say("response_in_request", format_args!("client sends what only a response can be")),
        _ => {}
    }
    if code >= EXCEPTION || shape == Shape::Response {
        return Ok(());
    }
    let pdu = adu.pdu;
    match request_length(pdu) {
        Some(needed) if adu.length < needed => return Err(Error::Malformed("request ends before its last field")),
        Some(needed) if adu.length > needed => {
            say("length_mismatch", format_args!("request of function {code} has octets after its last field"));
        }
        _ => {}
    }
    let limit = match code {
        READ_COILS | READ_DISCRETE_INPUTS => 2000,
        READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS | READ_WRITE_MULTIPLE_REGISTERS => 125,
        WRITE_MULTIPLE_COILS => 1968,
        WRITE_MULTIPLE_REGISTERS => 123,
        _ => 0,
    };
    if let [_, a1, a0, q1, q0, ..] = *pdu
        && limit > 0
    {
        complain_of_range([a1, a0, q1, q0], limit, code, &mut say);
    }
    match *pdu {
        [WRITE_SINGLE_COIL, _, _, value, low, ..] if low != 0 || (value != 0 && value != 0xff) => {
            say("value_out_of_range", format_args!("coil value is neither 0x0000 nor 0xFF00"));
        }
        [WRITE_MULTIPLE_COILS, _, _, q1, q0, count, ..] if u16::from(count) != u16::from_be_bytes([q1, q0]).div_ceil(8) => {
            say("byte_count_mismatch", format_args!("byte count of function {code} does not fit its quantity"));
        }
        [WRITE_MULTIPLE_REGISTERS, _, _, q1, q0, count, ..] if u32::from(count) != u32::from(u16::from_be_bytes([q1, q0])) << 1 => {
            say("byte_count_mismatch", format_args!("byte count of function {code} does not fit its quantity"));
        }
        [READ_WRITE_MULTIPLE_REGISTERS, _, _, _, _, a1, a0, q1, q0, count, ..] => {
            complain_of_range([a1, a0, q1, q0], 121, code, &mut say);
            if u32::from(count) != u32::from(u16::from_be_bytes([q1, q0])) << 1 {
                say("byte_count_mismatch", format_args!("byte count of function {code} does not fit its quantity"));
            }
        }
        [READ_FILE_RECORD | WRITE_FILE_RECORD, ..] if shape == Shape::Neither => {
            say("byte_count_mismatch", format_args!("file records of function {code} do not fit its byte count"));
        }
        _ => {}
    }
    Ok(())
}

fn complain_of_range([a1, a0, q1, q0]: [u8; 4], limit: u16, code: u8, say: &mut dyn FnMut(&'static str, fmt::Arguments<'_>)) {
    let quantity = u16::from_be_bytes([q1, q0]);
    if quantity == 0 {
        say("quantity_out_of_range", format_args!("quantity of function {code} is 0"));
    } else if quantity > limit {
        say("quantity_out_of_range", format_args!("quantity of function {code} is above {limit}"));
    } else if u16::from_be_bytes([a1, a0]).checked_add(quantity.saturating_sub(1)).is_none() {
        say("address_out_of_range", format_args!("addresses of function {code} go beyond 65535"));
    }
}

fn complain_of_response(adu: &Adu<'_>, code: u8, shape: Shape, sink: &mut dyn Sink) -> Result<()> {
    if shape == Shape::Request {
        sink.anomaly(NAME, "request_in_response", format_args!("server sends what only a request can be"));
        return Ok(());
    }
    match response_length(adu.pdu) {
        Some(needed) if adu.length < needed => Err(Error::Malformed("response ends before its last field")),
        Some(needed) if adu.length > needed => {
            sink.anomaly(
                NAME,
                "length_mismatch",
                format_args!("response of function {} has octets after its last field", code & !EXCEPTION),
            );
            Ok(())
        }
        Some(_) if matches!(code, READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS | READ_WRITE_MULTIPLE_REGISTERS) => {
            sink.anomaly(NAME, "byte_count_mismatch", format_args!("registers of function {code} do not come in pairs of octets"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Octets that a request of this function needs, where the function says.
fn request_length(pdu: &[u8]) -> Option<usize> {
    let count = |at: usize, fixed: usize| pdu.get(at).map_or(fixed, |count| usize::from(*count).saturating_add(fixed));
    Some(match *pdu.first()? {
        READ_COILS..=WRITE_SINGLE_REGISTER => 5,
        READ_EXCEPTION_STATUS | GET_COMM_EVENT_COUNTER | GET_COMM_EVENT_LOG | REPORT_SERVER_ID => 1,
        WRITE_MULTIPLE_COILS | WRITE_MULTIPLE_REGISTERS => count(5, 6),
        READ_FILE_RECORD | WRITE_FILE_RECORD => count(1, 2),
        MASK_WRITE_REGISTER => 7,
        READ_WRITE_MULTIPLE_REGISTERS => count(9, 10),
        READ_FIFO_QUEUE => 3,
        ENCAPSULATED_INTERFACE if pdu.get(1) == Some(&DEVICE_IDENTIFICATION) => 4,
        _ => return None,
    })
}

/// Octets that a response of this function needs, where the function says. The byte count of function 17 is not
/// held against a device: many get it wrong.
fn response_length(pdu: &[u8]) -> Option<usize> {
    let count = |at: usize, fixed: usize| pdu.get(at).map_or(fixed, |count| usize::from(*count).saturating_add(fixed));
    Some(match *pdu.first()? {
        READ_COILS..=READ_INPUT_REGISTERS | GET_COMM_EVENT_LOG | READ_FILE_RECORD | WRITE_FILE_RECORD | READ_WRITE_MULTIPLE_REGISTERS => {
            count(1, 2)
        }
        WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER | GET_COMM_EVENT_COUNTER | WRITE_MULTIPLE_COILS | WRITE_MULTIPLE_REGISTERS => 5,
        READ_EXCEPTION_STATUS | EXCEPTION.. => 2,
        MASK_WRITE_REGISTER => 7,
        READ_FIFO_QUEUE => match *pdu {
            [_, c1, c0, ..] => usize::from(u16::from_be_bytes([c1, c0])).saturating_add(3),
            _ => 5,
        },
        _ => return None,
    })
}

/// The front of a PDU, as much as there is.
fn front(pdu: &[u8], count: usize) -> &[u8] {
    pdu.get(..count).unwrap_or(pdu)
}

fn diagnostic(pdu: &[u8]) -> Option<u32> {
    match *pdu {
        [_, high, low, ..] => Some(u32::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

fn interface(pdu: &[u8]) -> Option<u32> {
    pdu.get(1).copied().map(u32::from)
}

/// Function 43/14: a list of objects, each with number, length and text.
fn identity(adu: &Adu<'_>, sink: &mut dyn Sink) {
    let [_, DEVICE_IDENTIFICATION, _, _, _, _, count, objects @ ..] = adu.pdu else { return };
    let mut reader = Reader::new(objects);
    for _ in 0..*count {
        let Ok([object, length]) = reader.take() else { return };
        let Ok(text) = reader.octets(usize::from(length)) else { return };
        let key = match object {
            0 => facts::VENDOR,
            1 => facts::PRODUCT_CODE,
            2 => facts::FIRMWARE,
            3 => facts::URL,
            4 | 5 => facts::MODEL,
            6 => facts::PROJECT,
            _ => facts::DESCRIPTION,
        };
        // Private objects may hold anything.
        if object < 0x80 || is_text(text) {
            sink.fact(NAME, Some(adu.unit()), key, text);
        }
    }
}

/// Function 17: what the device likes, most often a server id, the run indicator (0xFF is on, 0x00 off) and a text,
/// or a text and the run indicator.
fn server_id(adu: &Adu<'_>, sink: &mut dyn Sink) {
    let [_, count, data @ ..] = adu.pdu else { return };
    let data = front(data, usize::from(*count));
    let (mode, text) = match data {
        [_, 0xff, text @ ..] if text.is_empty() || is_text(text) => ("run", text),
        [_, 0x00, text @ ..] if text.is_empty() || is_text(text) => ("stop", text),
        [text @ .., 0xff] if is_text(text) => ("run", text),
        _ => ("", data),
    };
    sink.fact(NAME, Some(adu.unit()), facts::MODE, mode.as_bytes());
    let longest = text.split(|octet| !matches!(octet, 0x20..=0x7e)).max_by_key(|run| run.len());
    if let Some(run) = longest.filter(|run| run.len() > 2) {
        sink.fact(NAME, Some(adu.unit()), facts::DESCRIPTION, run);
    }
}

fn is_text(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().all(|octet| matches!(octet, 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    /// Requests and responses, a pair a line: from the captures of cisagov/icsnpp-modbus, digitalbond/Quickdraw-Snort
    /// and zeek/zeek, those of functions 12, 20, 21 and 43/13 made by hand after the specification.
    const EXCHANGES: &[(&str, &str, &[&str])] = &[
        (
            "000200000006050100010008",
            "000200000004050101e9",
            &[r#"request modbus 1 unit=5 object="C 00002-00009""#, r#"response modbus 1 unit=5 object="" matched"#],
        ),
        (
            "000300000006040200010001",
            "00030000000404020100",
            &[r#"request modbus 2 unit=4 object="DI 10002""#, r#"response modbus 2 unit=4 object="" matched"#],
        ),
        (
            "000600000006050300010008",
            "00060000001305031000aa00aa00bb00ccef84e3eb9f8be4c1",
            &[r#"request modbus 3 unit=5 object="HR 40002-40009""#, r#"response modbus 3 unit=5 object="" matched"#],
        ),
        (
            "000700000006040400010001",
            "0007000000050404028e2b",
            &[r#"request modbus 4 unit=4 object="IR 30002""#, r#"response modbus 4 unit=4 object="" matched"#],
        ),
        (
            "00090000000606050001ff00",
            "00090000000606050001ff00",
            &[r#"request modbus 5 unit=6 object="C 00002""#, r#"response modbus 5 unit=6 object="C 00002" matched"#],
        ),
        (
            "000a0000000607060001abcd",
            "000a0000000607060001abcd",
            &[r#"request modbus 6 unit=7 object="HR 40002""#, r#"response modbus 6 unit=7 object="HR 40002" matched"#],
        ),
        (
            "000b000000020207",
            "000b00000003020700",
            &[r#"request modbus 7 unit=2 object="""#, r#"response modbus 7 unit=2 object="" matched"#],
        ),
        (
            "0000000000060a08000a0000",
            "0000000000060a08000a0000",
            &[r#"request modbus 8.10 unit=10 object="""#, r#"response modbus 8.10 unit=10 object="" matched"#],
        ),
        (
            "00310000000202 0c",
            "00310000000b02 0c 08 0000 0108 0121 2000",
            &[r#"request modbus 12 unit=2 object="""#, r#"response modbus 12 unit=2 object="" matched"#],
        ),
        (
            "000d00000008070f000100040109",
            "000d00000006070f00010004",
            &[r#"request modbus 15 unit=7 object="C 00002-00005""#, r#"response modbus 15 unit=7 object="C 00002-00005" matched"#],
        ),
        (
            "000e0000000f0710000100040800aa00bb00cc00dd",
            "000e00000006071000010004",
            &[r#"request modbus 16 unit=7 object="HR 40002-40005""#, r#"response modbus 16 unit=7 object="HR 40002-40005" matched"#],
        ),
        (
            "0000000000020a11",
            "0000000000150a111200ff57696e6770617468204c696d69746564",
            &[
                r#"request modbus 17 unit=10 object="""#,
                r#"response modbus 17 unit=10 object="" matched"#,
                "fact modbus unit=10 mode=run",
                "fact modbus unit=10 description=Wingpath Limited",
            ],
        ),
        (
            "0032 0000 0011 01 14 0e 06 0004 0001 0002 06 0003 0009 0002",
            "0032 0000 000f 01 14 0c 05 06 0dfe 0020 05 06 33cd 0040",
            &[
                r#"request modbus 20 unit=1 object="file 4 records 1-2, file 3 records 9-10""#,
                r#"response modbus 20 unit=1 object="" matched"#,
            ],
        ),
        (
            "0033 0000 0010 01 15 0d 06 0004 0007 0003 06af 04be 100d",
            "0033 0000 0010 01 15 0d 06 0004 0007 0003 06af 04be 100d",
            &[r#"request modbus 21 unit=1 object="file 4 records 7-9""#, r#"response modbus 21 unit=1 object="" matched"#],
        ),
        (
            "0013000000080416000affffdead",
            "0013000000080416000affffdead",
            &[r#"request modbus 22 unit=4 object="HR 40011""#, r#"response modbus 22 unit=4 object="HR 40011" matched"#],
        ),
        (
            "001500000011061700010004000200030600aa00bb00cc",
            "00150000000b06170800aa00aa00bb00cc",
            &[r#"request modbus 23 unit=6 object="HR 40002-40005 (write 40003-40005)""#, r#"response modbus 23 unit=6 object="" matched"#],
        ),
        (
            "0016000000040a180000",
            "0016000000060a1800020000",
            &[r#"request modbus 24 unit=10 object="HR 40001""#, r#"response modbus 24 unit=10 object="" matched"#],
        ),
        (
            "0034 0000 000a 01 2b 0d 00 00 6020 00 00 04",
            "0034 0000 000a 01 2b 0d 00 00 6020 00 00 04",
            &[r#"request modbus 43.13 unit=1 object="""#, r#"response modbus 43.13 unit=1 object="" matched"#],
        ),
        (
            "001700000005012b0e0100",
            "00170000003d012b0e018300000300105a65656b204d6f646275732054657374011850726f746f636f6c2050617273696e672069732066756e210207312e322e332e36",
            &[
                r#"request modbus 43.14 unit=1 object="device identification basic""#,
                r#"response modbus 43.14 unit=1 object="device identification basic" matched"#,
                "fact modbus unit=1 vendor=Zeek Modbus Test",
                "fact modbus unit=1 product_code=Protocol Parsing is fun!",
                "fact modbus unit=1 firmware=1.2.3.6",
            ],
        ),
        (
            "00010000000600030258000a",
            "000100000003008302",
            &[r#"request modbus 3 unit=0 object="HR 40601-40610""#, r#"response modbus 3 unit=0 object="" status=2 matched"#],
        ),
        (
            "000000000004005a0002",
            "000000000032005a00fe10ff5a010100000070020000270009000800000000000e3134302043505520333131203130010101000000001100",
            &[
                r#"request modbus 90.2 unit=0 object="""#,
                r#"response modbus 90 unit=0 object="" matched"#,
                "fact modbus unit=0 model=140 CPU 311 10",
                "fact modbus unit=0 firmware=2.70",
            ],
        ),
        (
            "000300000005005a000300",
            "000300000033005a00fe020500009888010000020500009888010000020c3b0c0e01de07020c3b0c0e01de07080000000850726f6a65637400",
            &[
                r#"request modbus 90.3 unit=0 object="""#,
                r#"response modbus 90 unit=0 object="" matched"#,
                "fact modbus unit=0 project=Project",
            ],
        ),
        (
            "001600000018005a0010434c00000f555345522d373134453734463231 42",
            "001600000005005a00fe01",
            &[
                "fact modbus unit= hostname=USER-714E74F21B",
                r#"request modbus 90.16 unit=0 object="""#,
                r#"response modbus 90 unit=0 object="" matched"#,
            ],
        ),
        (
            "00220000000d005a0020001300640000009c00",
            "002200000006005a00fd8083",
            &[
                r#"request modbus 90.32 unit=0 object="memory block 19 octets 100-255""#,
                r#"response modbus 90 unit=0 object="" status=16613507 matched"#,
            ],
        ),
    ];

    fn said(exchange: &[(Role, &str)]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (sender, octets) in exchange {
            let octets = hex(octets);
            if let Err(error) = recorder.feed(&PROTOCOL, *sender, &octets) {
                recorder.lines.push(format!("error {error}"));
            }
        }
        recorder.lines
    }

    #[test]
    fn every_function_is_told_with_its_object_and_its_answer() {
        for (request, response, expected) in EXCHANGES {
            assert_eq!(said(&[(Role::Client, request), (Role::Server, response)]), *expected, "{request}");
        }
    }

    #[test]
    fn a_shape_that_fits_one_direction_only_tells_who_asks() {
        let alike = [WRITE_SINGLE_COIL, WRITE_SINGLE_REGISTER, DIAGNOSTICS, WRITE_FILE_RECORD, MASK_WRITE_REGISTER];
        for (request, response, expected) in EXCHANGES {
            let (request, response) = (hex(request), hex(response));
            let interface = request[7..].starts_with(&[ENCAPSULATED_INTERFACE, CANOPEN]);
            if alike.contains(&request[7]) || interface {
                continue;
            }
            assert_eq!(Shape::of(&request[7..], request.len() - 7), Shape::Request, "{expected:?}");
            assert_eq!(Shape::of(&response[7..], response.len() - 7), Shape::Response, "{expected:?}");
        }
        // Coils 769-784 are asked for, or 24 coils are told.
        assert_eq!(Shape::of(&[READ_COILS, 3, 0, 0, 16], 5), Shape::Either);
    }

    #[test]
    fn an_answer_to_something_else_is_told() {
        assert_eq!(
            said(&[(Role::Client, "0009 0000 0006 01 03 0000 000a"), (Role::Server, "0009 0000 0004 01 01 01 00")])[2..],
            ["anomaly modbus response_mismatch: answer of another function than was asked"]
        );
        assert_eq!(
            said(&[(Role::Client, "0009 0000 0006 01 03 0000 000a"), (Role::Server, "0009 0000 0005 01 03 02 0000")])[2..],
            ["anomaly modbus response_mismatch: answer does not fit the addresses that were asked for"]
        );
        // Who numbers nothing may have lost an answer to the capture: no alarm, and each counts for itself.
        assert_eq!(
            said(&[(Role::Client, "0000 0000 0006 01 03 0000 000a"), (Role::Server, "0000 0000 0004 01 01 01 00")])[1..],
            [r#"response modbus 1 unit=1 object="""#]
        );
    }

    #[test]
    fn breaches_are_named_and_the_message_counts_all_the_same() {
        let breach = |octets: &str| said(&[(Role::Client, octets)])[1..].join("\n");
        let anomaly = |text: &str| format!("anomaly modbus {text}");
        assert_eq!(breach("0000 0000 0006 01 00 0000 0000"), anomaly("invalid_function: function code 0 does not exist"));
        assert_eq!(breach("0000 0000 0006 01 01 0000 0000"), anomaly("quantity_out_of_range: quantity of function 1 is 0"));
        assert_eq!(breach("0000 0000 0006 01 03 0000 007e"), anomaly("quantity_out_of_range: quantity of function 3 is above 125"));
        assert_eq!(breach("0000 0000 0006 01 04 ffff 0002"), anomaly("address_out_of_range: addresses of function 4 go beyond 65535"));
        assert_eq!(breach("0000 0000 0006 01 05 0000 1234"), anomaly("value_out_of_range: coil value is neither 0x0000 nor 0xFF00"));
        assert_eq!(
            breach("0000 0000 0008 01 06 0000 0000 0000"),
            anomaly("length_mismatch: request of function 6 has octets after its last field")
        );
        assert_eq!(
            breach("0000 0000 000b 01 10 0000 0001 04 0000 0000"),
            anomaly("byte_count_mismatch: byte count of function 16 does not fit its quantity")
        );
        assert_eq!(breach("0000 0000 0006 01 16 0000 0000"), "error request ends before its last field");
        assert_eq!(breach("0000 0000 00ff 01 10 0000 0001 02"), "error message ends early, after octet 6");
    }

    #[test]
    fn an_exception_of_a_known_client_is_a_request() {
        let mut recorder = Recorder::default();
        for _ in 0..2 {
            recorder.sender_is(Role::Client, Evidence::Certain);
        }
        assert_eq!(dissect(&hex("0000 0000 0003 01 81 02"), &mut recorder), Ok(()));
        assert_eq!(
            recorder.lines,
            [r#"request modbus 1 unit=1 object="""#, "anomaly modbus exception_in_request: client sends an exception response"]
        );
    }

    #[test]
    fn an_exception_with_octets_after_its_code_is_a_response_all_the_same() {
        assert_eq!(
            said(&[(Role::Client, "0001 0000 0004 0a 81 06 00")]),
            [
                r#"response modbus 1 unit=10 object="" status=6"#,
                "anomaly modbus length_mismatch: response of function 1 has octets after its last field"
            ]
        );
    }

    #[test]
    fn only_modbus_is_recognised() {
        for (request, response, _) in EXCHANGES {
            assert_eq!(probe(&hex(request)), Likeness::Sure, "{request}");
            assert_eq!(probe(&hex(response)), Likeness::Sure, "{response}");
        }
        let pipelined = hex("000100000006010300000001 000200000006010300010001");
        assert_eq!(probe(&pipelined), Likeness::Sure);
        assert_eq!(probe(&pipelined[..15]), Likeness::Sure);
        // A function that nobody knows, a length that lies.
        assert_eq!(probe(&hex("000000000006016400000000")), Likeness::Possible);
        assert_eq!(probe(&hex("000000000004012100000000")), Likeness::Possible);
        let others = [
            "05000b03100000004800000001000000b810b810",
            "800000287e86ab4a0000000000000002000186a3",
            "16030100850100008103 03736ff818542129f78f",
            "474554202f20485454502f312e310d0a486f7374",
            "0300002b26e00000000000436f6f6b69653a206d",
            "6300000000000000000000000000000000000000 00000000",
            "00000085ff534d4272000000001853c80000000000000000",
            "123401000001000000000000 03777777 07657861 6d706c65 03636f6d 00 0001 0001",
            "0001000888040507080910000100008804050708",
        ];
        for other in others {
            assert_eq!((probe(&hex(other)), (RTU.probe)(&hex(other))), (Likeness::No, Likeness::No), "{other}");
        }
        let mut seed = 7_u64;
        for length in 4..64 {
            for _ in 0..2000 {
                let octets: Vec<u8> = (0..length).map(|_| random(&mut seed)).collect();
                assert_ne!(probe(&octets), Likeness::Sure, "{octets:02x?}");
                assert_ne!((RTU.probe)(&octets), Likeness::Sure, "{octets:02x?}");
            }
        }
    }

    #[test]
    fn the_length_field_is_bounded() {
        assert_eq!(frame(&hex("0000 0000 01")), Ok(None));
        assert_eq!(frame(&hex("0000 0000 0104 01")), Ok(Some(266)));
        assert_eq!(frame(&hex("0000 0000 03fe 00 5a")), Ok(Some(1028)));
        assert_eq!(frame(&hex("0000 0000 03fe 00")), Ok(None));
        assert!(frame(&hex("0000 0000 03fe 00 03")).is_err());
        assert!(frame(&hex("0000 0000 0001 00")).is_err());
        assert!(frame(&hex("0000 01")).is_err());
    }

    fn random(seed: &mut u64) -> u8 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 56) as u8
    }

    #[test]
    fn no_octets_make_it_panic() {
        let mut seed = 1;
        let mut recorder = Recorder::default();
        let mut try_all = |octets: &[u8]| {
            for (role, row) in [(Role::Client, &PROTOCOL), (Role::Server, &PROTOCOL), (Role::Client, &RTU), (Role::Server, &RTU)] {
                recorder.sender = role;
                let _ = ((row.probe)(octets), (row.frame)(octets), (row.dissect)(octets, &mut recorder));
                recorder.lines.clear();
            }
        };
        for octets in EXCHANGES.iter().flat_map(|(request, response, _)| [hex(request), hex(response)]) {
            for length in 0..=octets.len() {
                try_all(&octets[..length]);
                try_all(&octets[length..]);
            }
            for _ in 0..200 {
                let mut flipped = octets.clone();
                for _ in 0..=random(&mut seed) % 4 {
                    let at = usize::from(random(&mut seed)) % flipped.len();
                    flipped[at] = random(&mut seed);
                }
                try_all(&flipped);
            }
        }
    }
}
