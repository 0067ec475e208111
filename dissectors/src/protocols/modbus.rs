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
//! and what the engine believes then holds. Schneider's UMAS travels in function 90; nothing is published on it,
//! its layouts here are those seen on captures of Modicon controllers.

use core::fmt::{self, Write};

use super::{Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Matched, Request, Response, Role, Sink};

const NAME: &str = "modbus";

/// Length field: unit and function at the least.
const SHORTEST_LENGTH: usize = 2;
/// Length field at the most: 254 by the specification, a little more for clumsy devices.
const LONGEST_LENGTH: usize = 260;
/// UMAS agrees on frames of up to 1,024 octets.
const LONGEST_UMAS_LENGTH: usize = 1_030;
/// Serial frame at the least: unit, function, CRC.
const SHORTEST_RTU: usize = 4;
/// Serial frame at the most.
const LONGEST_RTU: usize = 256;
/// Serial frames this long are recognised on any port, shorter ones could be chance.
const TELLING_RTU: usize = 8;
/// Units of a serial line end here.
const LAST_RTU_UNIT: u8 = 247;

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

const UMAS_READ_ID: u8 = 0x02;
const UMAS_READ_PROJECT_INFO: u8 = 0x03;
const UMAS_TAKE_RESERVATION: u8 = 0x10;
const UMAS_READ_MEMORY_BLOCK: u8 = 0x20;
const UMAS_WRITE_MEMORY_BLOCK: u8 = 0x21;
const UMAS_READ_VARIABLES: u8 = 0x22;
const UMAS_WRITE_VARIABLES: u8 = 0x23;
const UMAS_REJECTED: u8 = 0xfd;
const UMAS_ACCEPTED: u8 = 0xfe;
/// Added to the error code of UMAS, so that it cannot be taken for a Modbus exception.
const UMAS_STATUS: u32 = 0x00fd_0000;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, carries: &[], tcp_ports: &[502], udp_ports: &[502], probe, frame, dissect };

/// No port of its own: gateways use 502 as well, or what else is free.
pub(super) static RTU: Protocol = Protocol {
    name: "modbus_rtu",
    carries: &[],
    tcp_ports: &[502],
    udp_ports: &[502],
    probe: probe_rtu,
    frame: frame_rtu,
    dissect: dissect_rtu,
};

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
    fn of(pdu: &[u8], length: usize) -> Self {
        match (fits_request(pdu, length), fits_response(pdu, length)) {
            (true, false) => Self::Request,
            (false, true) => Self::Response,
            (true, true) => Self::Either,
            (false, false) => Self::Neither,
        }
    }
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

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some((header, rest)) = octets.split_first_chunk::<7>() else { return Err(Error::Truncated { at: octets.len() }) };
    let [id_high, id_low, _, _, high, low, unit] = header;
    let length = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(1);
    let pdu = rest.get(..length).unwrap_or(rest);
    let id = u16::from_be_bytes([*id_high, *id_low]);
    dissect_pdu(&Adu { unit: core::slice::from_ref(unit), pdu, length, id, broadcast: false }, sink)
}

fn probe_rtu(octets: &[u8]) -> Likeness {
    let mut rest = octets;
    let mut longest = 0;
    // A segment seldom holds more than one frame; a few are enough to be sure.
    for _ in 0..4 {
        let Some(total) = fitting_rtu(rest) else {
            return if longest == 0 || !matches!(rest, [0..=LAST_RTU_UNIT, ..]) { Likeness::No } else { Likeness::Possible };
        };
        longest = longest.max(total);
        rest = rest.get(total..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    if longest < TELLING_RTU { Likeness::Possible } else { Likeness::Sure }
}

/// An RTU frame does not say how long it is: it ends where the CRC is right and the PDU has a shape that its
/// function can have. The shape is not asked for where nobody knows it.
fn frame_rtu(octets: &[u8]) -> Result<Option<usize>> {
    if let [unit, ..] = octets
        && *unit > LAST_RTU_UNIT
    {
        return Err(Error::Malformed("no unit of a serial line"));
    }
    if let Some(total) = fitting_rtu(octets) {
        return Ok(Some(total));
    }
    let published = octets.get(1).is_some_and(|code| is_published(*code));
    if let Some(total) = crc_ends(octets).find(|total| !published || *total == octets.len()) {
        return Ok(Some(total));
    }
    if octets.len() < LONGEST_RTU { Ok(None) } else { Err(Error::Malformed("CRC is wrong")) }
}

fn dissect_rtu(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [unit, pdu @ .., _, _] = octets else { return Err(Error::Truncated { at: octets.len() }) };
    let unit_octets = core::slice::from_ref(unit);
    let broadcast = *unit == 0;
    if crc_ends(octets).any(|total| total == octets.len()) {
        return dissect_pdu(&Adu { unit: unit_octets, pdu, length: pdu.len(), id: 0, broadcast }, sink);
    }
    // Where the frame should have ended is not known: the function counts, its shape says nothing.
    let cut = Adu { unit: unit_octets, pdu, length: usize::MAX, id: 0, broadcast };
    dissect_pdu(&cut, sink).or(Err(Error::Malformed("CRC is wrong")))
}

/// Length of the frame at the front whose CRC and shape are right.
fn fitting_rtu(octets: &[u8]) -> Option<usize> {
    let [0..=LAST_RTU_UNIT, code, ..] = octets else { return None };
    if !is_published(*code) {
        return None;
    }
    crc_ends(octets).find(|total| {
        let length = total.saturating_sub(3);
        Shape::of(octets.get(1..).and_then(|rest| rest.get(..length)).unwrap_or_default(), length) != Shape::Neither
    })
}

/// The lengths at which the CRC of the octets before it is right.
fn crc_ends(octets: &[u8]) -> impl Iterator<Item = usize> {
    // Run over its own CRC, it leaves 0.
    let mut crc = 0xffff_u16;
    octets.iter().take(LONGEST_RTU).zip(1_usize..).filter_map(move |(octet, total)| {
        crc = crc16(crc, *octet);
        (crc == 0 && total >= SHORTEST_RTU).then_some(total)
    })
}

/// CRC-16 with the polynomial 0xA001 (MODBUS over Serial Line V1.02, 6.2.2), four bits a step.
fn crc16(crc: u16, octet: u8) -> u16 {
    const STEP: [u16; 16] =
        [0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400];
    let step = |crc: u16| (crc >> 4) ^ STEP.get(usize::from(crc & 0xf)).copied().unwrap_or_default();
    step(step(crc ^ u16::from(octet)))
}

fn is_published(code: u8) -> bool {
    matches!(code & !EXCEPTION, 0x01..=0x08 | 0x0b | 0x0c | 0x0f..=0x11 | 0x14..=0x18 | ENCAPSULATED_INTERFACE)
}

/// Could this be a request? Every field that can be checked is.
fn fits_request(pdu: &[u8], length: usize) -> bool {
    match *pdu {
        [READ_COILS | READ_DISCRETE_INPUTS, a1, a0, q1, q0, ..] => length == 5 && range_fits([a1, a0, q1, q0], 2000),
        [READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS, a1, a0, q1, q0, ..] => length == 5 && range_fits([a1, a0, q1, q0], 125),
        [WRITE_SINGLE_COIL, _, _, value, 0, ..] => length == 5 && (value == 0 || value == 0xff),
        [WRITE_SINGLE_REGISTER, ..] => length == 5,
        [READ_EXCEPTION_STATUS | GET_COMM_EVENT_COUNTER | GET_COMM_EVENT_LOG | REPORT_SERVER_ID, ..] => length == 1,
        [DIAGNOSTICS, ..] => length >= 5 && length & 1 == 1,
        [WRITE_MULTIPLE_COILS, a1, a0, q1, q0, count, ..] => {
            range_fits([a1, a0, q1, q0], 1968) && counted(length, 6, count) && u16::from(count) == u16::from_be_bytes([q1, q0]).div_ceil(8)
        }
        [WRITE_MULTIPLE_REGISTERS, a1, a0, q1, q0, count, ..] => {
            range_fits([a1, a0, q1, q0], 123) && counted(length, 6, count) && u16::from(count) == u16::from(q0).saturating_mul(2)
        }
        [READ_FILE_RECORD, count, FILE_REFERENCE, ..] => counted(length, 2, count) && count % 7 == 0,
        [WRITE_FILE_RECORD, count, FILE_REFERENCE, ..] => counted(length, 2, count) && count >= 9,
        [MASK_WRITE_REGISTER, ..] => length == 7,
        [READ_WRITE_MULTIPLE_REGISTERS, a1, a0, q1, q0, b1, b0, r1, r0, count, ..] => {
            range_fits([a1, a0, q1, q0], 125)
                && range_fits([b1, b0, r1, r0], 121)
                && counted(length, 10, count)
                && u16::from(count) == u16::from(r0).saturating_mul(2)
        }
        [READ_FIFO_QUEUE, ..] => length == 3,
        [ENCAPSULATED_INTERFACE, DEVICE_IDENTIFICATION, 1..=4, ..] => length == 4,
        [ENCAPSULATED_INTERFACE, CANOPEN, ..] => length >= 3,
        [UMAS, _, code, ..] => code != UMAS_ACCEPTED && code != UMAS_REJECTED,
        _ => false,
    }
}

/// Could this be a response?
fn fits_response(pdu: &[u8], length: usize) -> bool {
    match *pdu {
        [READ_COILS | READ_DISCRETE_INPUTS | REPORT_SERVER_ID, count, ..] => count > 0 && counted(length, 2, count),
        [READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS | READ_WRITE_MULTIPLE_REGISTERS, count, ..] => {
            count > 0 && count & 1 == 0 && counted(length, 2, count)
        }
        [READ_EXCEPTION_STATUS, ..] => length == 2,
        // Some devices send an octet or two more than the exception code.
        [EXCEPTION..=0xff, 0x01..=0x0b, ..] => (2..=4).contains(&length),
        [GET_COMM_EVENT_COUNTER, ..] => length == 5,
        [GET_COMM_EVENT_LOG, count, ..] => count >= 6 && counted(length, 2, count),
        [WRITE_MULTIPLE_COILS, a1, a0, q1, q0, ..] => length == 5 && range_fits([a1, a0, q1, q0], 1968),
        [WRITE_MULTIPLE_REGISTERS, a1, a0, q1, q0, ..] => length == 5 && range_fits([a1, a0, q1, q0], 123),
        [READ_FILE_RECORD, count, size, FILE_REFERENCE, ..] => counted(length, 2, count) && size & 1 == 1,
        [READ_FIFO_QUEUE, c1, c0, ..] => length >= 5 && length == usize::from(u16::from_be_bytes([c1, c0])).saturating_add(3),
        [ENCAPSULATED_INTERFACE, DEVICE_IDENTIFICATION, 1..=4, ..] => length >= 7,
        [UMAS, _, UMAS_ACCEPTED | UMAS_REJECTED, ..] => true,
        [WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER | DIAGNOSTICS | WRITE_FILE_RECORD | MASK_WRITE_REGISTER, ..]
        | [ENCAPSULATED_INTERFACE, CANOPEN, ..] => fits_request(pdu, length),
        _ => false,
    }
}

/// At least one and at most `limit` items, none of them beyond the last address.
fn range_fits([a1, a0, q1, q0]: [u8; 4], limit: u16) -> bool {
    let quantity = u16::from_be_bytes([q1, q0]);
    (1..=limit).contains(&quantity) && u16::from_be_bytes([a1, a0]).checked_add(quantity.wrapping_sub(1)).is_some()
}

/// A PDU with `fixed` octets has `count` more.
fn counted(length: usize, fixed: usize, count: u8) -> bool {
    length == usize::from(count).saturating_add(fixed)
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
            umas_reservation(pdu, sink);
            (pdu.get(2).copied().map(u32::from), umas_object(pdu))
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
        UMAS => (None, Label::NONE, umas_status(pdu)),
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
        UMAS => umas_identity(adu, matched, sink),
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

fn reference(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_reference }
}

fn render_unit(octets: &[u8], out: &mut String) {
    if let [unit, ..] = octets {
        let _ = write!(out, "{unit}");
    }
}

/// Function, address and perhaps quantity, in the references that the field counts from 1.
fn render_reference(octets: &[u8], out: &mut String) {
    let [function, rest @ ..] = octets else { return };
    let (name, table) = match *function {
        READ_COILS | WRITE_SINGLE_COIL | WRITE_MULTIPLE_COILS => ("C ", '0'),
        READ_DISCRETE_INPUTS => ("DI ", '1'),
        READ_INPUT_REGISTERS => ("IR ", '3'),
        _ => ("HR ", '4'),
    };
    let mut ranges = rest.chunks(4).take(2);
    if let Some(range) = ranges.next()
        && let Some(text) = range_text(table, range)
    {
        out.push_str(name);
        out.push_str(&text);
    }
    if let Some(text) = ranges.next().and_then(|range| range_text(table, range)) {
        let _ = write!(out, " (write {text})");
    }
}

/// Five digits where they suffice for all of the range, else six: `40001-40010`, `409999-410001`.
fn range_text(table: char, octets: &[u8]) -> Option<String> {
    let (address, quantity) = match *octets {
        [a1, a0, q1, q0] => (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([q1, q0])),
        [a1, a0, ..] => (u16::from_be_bytes([a1, a0]), 1),
        _ => return None,
    };
    let first = u32::from(address).saturating_add(1);
    let last = u32::from(address).saturating_add(u32::from(quantity)).max(first);
    let width = if last <= 9999 { 4 } else { 5 };
    Some(if first == last { format!("{table}{first:0width$}") } else { format!("{table}{first:0width$}-{table}{last:0width$}") })
}

/// The records of a file request without their contents: how many are left out, then file, record and length each.
struct FileRecords {
    octets: [u8; 1 + 6 * Self::MOST],
    length: usize,
}

impl FileRecords {
    const MOST: usize = 8;

    fn of(pdu: &[u8]) -> Self {
        let mut records = Self { octets: [0; 1 + 6 * Self::MOST], length: 1 };
        let write = pdu.first() == Some(&WRITE_FILE_RECORD);
        let mut reader = Reader::new(pdu.get(2..).unwrap_or_default());
        // A PDU has room for 36 records.
        while let Ok([FILE_REFERENCE, record @ ..]) = reader.take::<7>() {
            let [.., n1, n0] = record;
            let slot = records.octets.get_mut(records.length..).and_then(|rest| rest.first_chunk_mut::<6>());
            if let Some(slot) = slot {
                *slot = record;
                records.length = records.length.saturating_add(6);
            } else {
                let [more, ..] = &mut records.octets;
                *more = more.saturating_add(1);
            }
            if write && reader.skip(usize::from(u16::from_be_bytes([n1, n0])).saturating_mul(2)).is_err() {
                break;
            }
        }
        records
    }

    fn label(&self) -> Label<'_> {
        Label { octets: self.octets.get(..self.length).unwrap_or_default(), render: render_files }
    }
}

fn render_files(octets: &[u8], out: &mut String) {
    let [more, records @ ..] = octets else { return };
    for (record, separator) in records.chunks_exact(6).zip(core::iter::once("").chain(core::iter::repeat(", "))) {
        let [f1, f0, r1, r0, n1, n0] = *record else { return };
        let first = u32::from(u16::from_be_bytes([r1, r0]));
        let last = first.saturating_add(u32::from(u16::from_be_bytes([n1, n0])).max(1).saturating_sub(1));
        let _ = write!(out, "{separator}file {} ", u16::from_be_bytes([f1, f0]));
        let _ = if first == last { write!(out, "record {first}") } else { write!(out, "records {first}-{last}") };
    }
    if *more > 0 {
        let _ = write!(out, " … +{more}");
    }
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

/// Which identification is read; the object it is continued at makes no new row.
fn identification(pdu: &[u8]) -> Label<'_> {
    let octets = match pdu {
        [_, DEVICE_IDENTIFICATION, 4, _] => pdu.get(2..4),
        [_, DEVICE_IDENTIFICATION, _, ..] => pdu.get(2..3),
        _ => return Label::NONE,
    };
    Label { octets: octets.unwrap_or_default(), render: render_identification }
}

fn render_identification(octets: &[u8], out: &mut String) {
    let [level, object @ ..] = octets else { return };
    let _ = match (level, object) {
        (1, _) => write!(out, "device identification basic"),
        (2, _) => write!(out, "device identification regular"),
        (3, _) => write!(out, "device identification extended"),
        (4, [object, ..]) => write!(out, "device identification object {object}"),
        (4, []) => write!(out, "device identification object"),
        (level, _) => write!(out, "device identification level {level}"),
    };
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

/// What a UMAS request touches, without session and values:
/// memory block: range 1, block 2, offset 2, unknown 2, count 2; variables: CRC 4, how many 1, then each.
fn umas_object(pdu: &[u8]) -> Label<'_> {
    match pdu {
        [_, _, UMAS_READ_MEMORY_BLOCK | UMAS_WRITE_MEMORY_BLOCK, ..] => {
            Label { octets: pdu.get(4..12).unwrap_or_default(), render: render_memory_block }
        }
        [_, _, UMAS_READ_VARIABLES, _, _, _, _, variables @ ..] => Label { octets: variables, render: render_variables_read },
        [_, _, UMAS_WRITE_VARIABLES, _, _, _, _, variables @ ..] => Label { octets: front(variables, 8), render: render_variable_written },
        _ => Label::NONE,
    }
}

fn render_memory_block(octets: &[u8], out: &mut String) {
    let [b0, b1, o0, o1, _, _, n0, n1] = *octets else { return };
    let first = u32::from(u16::from_le_bytes([o0, o1]));
    let last = first.saturating_add(u32::from(u16::from_le_bytes([n0, n1])).max(1).saturating_sub(1));
    let _ = write!(out, "memory block {} octets {first}-{last}", u16::from_le_bytes([b0, b1]));
}

/// How many, then for each: array flag and size, block 2, one octet, base offset 2, offset 1, length of an array 2.
fn render_variables_read(octets: &[u8], out: &mut String) {
    let [count, variables @ ..] = octets else { return };
    let mut reader = Reader::new(variables);
    let mut shown = 0_u8;
    while shown < (*count).min(8) {
        let Ok([size, b0, b1, _, o0, o1, offset]) = reader.take() else { break };
        let separator = if shown == 0 { "" } else { ", " };
        let at = u32::from(u16::from_le_bytes([o0, o1])) << 8 | u32::from(offset);
        let _ = write!(out, "{separator}block {} offset {at}", u16::from_le_bytes([b0, b1]));
        shown = shown.saturating_add(1);
        if size >> 4 != 0 && reader.skip(2).is_err() {
            break;
        }
    }
    if shown > 0 && *count > shown {
        let _ = write!(out, " … +{}", count.saturating_sub(shown));
    }
}

/// How many, then of the first: array flag and size, block 2, base offset 2, offset 2.
fn render_variable_written(octets: &[u8], out: &mut String) {
    let [count, _, b0, b1, o0, o1, o2, o3] = *octets else { return };
    let _ = write!(out, "block {} offset {}", u16::from_le_bytes([b0, b1]), u32::from_le_bytes([o0, o1, o2, o3]));
    if count > 1 {
        let _ = write!(out, " … +{}", count.saturating_sub(1));
    }
}

fn umas_status(pdu: &[u8]) -> Option<u32> {
    match *pdu {
        [_, _, UMAS_REJECTED, high, low, ..] => Some(UMAS_STATUS | u32::from(u16::from_be_bytes([high, low]))),
        [_, _, UMAS_REJECTED, code] => Some(UMAS_STATUS | u32::from(code)),
        [_, _, UMAS_REJECTED] => Some(UMAS_STATUS),
        _ => None,
    }
}

/// Who reserves a controller says its name: unknown 4, length 1, name.
fn umas_reservation(pdu: &[u8], sink: &mut dyn Sink) {
    if let [_, _, UMAS_TAKE_RESERVATION, _, _, _, _, length, name @ ..] = pdu
        && name.len() == usize::from(*length)
        && is_text(name)
    {
        sink.fact(NAME, None, facts::HOSTNAME, name);
    }
}

/// Controller and firmware (UMAS 0x02), project (UMAS 0x03 with 0).
fn umas_identity(adu: &Adu<'_>, matched: Option<Matched>, sink: &mut dyn Sink) {
    let Some(Matched { subfunction: Some(code), context, .. }) = matched else { return };
    let [_, _, UMAS_ACCEPTED, data @ ..] = adu.pdu else { return };
    let unit = Some(adu.unit());
    if code == u32::from(UMAS_READ_ID)
        && let [_, _, _, _, _, _, _, _, minor, major, rest @ ..] = data
        && let [_, _, _, _, _, _, _, _, _, _, _, _, length, rest @ ..] = rest
        && let Some(name) = rest.get(..usize::from(*length)).filter(|name| is_text(name))
    {
        sink.fact(NAME, unit, facts::MODEL, name);
        sink.fact_text(NAME, unit, facts::FIRMWARE, format_args!("{major:x}.{minor:02x}"));
    }
    // Two versions of 9 octets, two dates of 8, a revision of 4.
    if code == u32::from(UMAS_READ_PROJECT_INFO)
        && context == 0
        && let Some([length, name @ .., 0]) = data.get(38..)
        && usize::from(*length) == name.len().saturating_add(1)
        && is_text(name)
    {
        sink.fact(NAME, unit, facts::PROJECT, name);
    }
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
    fn references_have_six_digits_where_five_do_not_suffice() {
        let text = |octets: &str| reference(&hex(octets)).to_text();
        assert_eq!(text("03 270d 0002"), "HR 49998-49999");
        assert_eq!(text("03 270e 0001"), "HR 49999");
        assert_eq!(text("03 270e 0002"), "HR 409999-410000");
        assert_eq!(text("01 ffff 0001"), "C 065536");
        assert_eq!(text("06 0000"), "HR 40001");
        assert_eq!(text("06 00"), "");
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
    fn serial_frames_are_cut_by_their_crc() {
        // The specification's own example of function 3, and an exception; CRCs computed.
        let stream = with_crc("01 03 006b 0003");
        assert_eq!(probe_rtu(&stream), Likeness::Sure);
        assert_ne!(probe(&stream), Likeness::Sure);
        let mut two = stream.clone();
        two.extend(with_crc("02 06 0001 0003"));
        assert_eq!(probe_rtu(&two), Likeness::Sure);
        assert_eq!(frame_rtu(&two), Ok(Some(8)));
        assert_eq!(frame_rtu(&stream[..7]), Ok(None));
        assert_eq!(probe_rtu(&stream[..7]), Likeness::No);
        let mut recorder = Recorder::default();
        recorder.feed(&RTU, Role::Client, &two).unwrap();
        recorder.feed(&RTU, Role::Server, &with_crc("01 03 06 022b 0000 0064")).unwrap();
        recorder.feed(&RTU, Role::Server, &with_crc("02 86 02")).unwrap();
        recorder.feed(&RTU, Role::Client, &with_crc("00 06 0001 0003")).unwrap();
        recorder.feed(&RTU, Role::Client, &with_crc("07 64 0102")).unwrap();
        assert_eq!(
            recorder.lines,
            [
                r#"request modbus 3 unit=1 object="HR 40108-40110""#,
                r#"request modbus 6 unit=2 object="HR 40002""#,
                r#"response modbus 3 unit=1 object="" matched"#,
                r#"response modbus 6 unit=2 object="" status=2 matched"#,
                r#"request modbus 6 unit=0 object="HR 40002" unanswerable"#,
                r#"request modbus 100 unit=7 object="""#,
            ]
        );
        let mut wrong = stream;
        wrong[2] ^= 1;
        assert_eq!(dissect_rtu(&wrong, &mut recorder), Err(Error::Malformed("CRC is wrong")));
        wrong.resize(LONGEST_RTU, 0x55);
        assert_eq!(frame_rtu(&wrong), Err(Error::Malformed("CRC is wrong")));
    }

    fn with_crc(text: &str) -> Vec<u8> {
        let mut octets = hex(text);
        let crc = octets.iter().fold(0xffff, |crc, octet| crc16(crc, *octet));
        octets.extend(crc.to_le_bytes());
        octets
    }

    #[test]
    fn the_crc_is_that_of_the_specification() {
        // Serial line specification, appendix B: 02 07 gives 0x1241, sent 41 12.
        assert_eq!(with_crc("02 07"), hex("02 07 41 12"));
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
            assert_eq!((probe(&hex(other)), probe_rtu(&hex(other))), (Likeness::No, Likeness::No), "{other}");
        }
        let mut seed = 7_u64;
        for length in 4..64 {
            for _ in 0..2000 {
                let octets: Vec<u8> = (0..length).map(|_| random(&mut seed)).collect();
                assert_ne!(probe(&octets), Likeness::Sure, "{octets:02x?}");
                assert_ne!(probe_rtu(&octets), Likeness::Sure, "{octets:02x?}");
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
        for render in [render_unit, render_reference, render_files, render_identification, render_memory_block, render_variables_read] {
            for _ in 0..500 {
                let octets: Vec<u8> = (0..random(&mut seed) % 40).map(|_| random(&mut seed)).collect();
                render(&octets, &mut String::new());
            }
        }
    }
}
