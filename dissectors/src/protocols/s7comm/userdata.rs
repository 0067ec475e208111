//! S7comm userdata: the services beside jobs, in groups, and what a controller says unasked.
//!
//! ```text
//! parameters  0 1 0x12  octets that follow (1)  method  type (high 4 bits) and group (low 4)  sub-function  sequence
//!             of all answers and some requests: data unit (1)  more to come (1)  error (2)
//! data        return code  transport size  length (2)  payload
//! ```
//!
//! The function reported is `0x7_0000 | group << 8 | sub-function`. Group 0 is a mode transition: its function has no
//! sub-function, what stands there is the new mode. Reading a system status list has the number of the list as sub-function.
//!
//! A long answer comes in several, each fetched with a request of its own that repeats the sequence of the first answer.

use core::fmt::Write as _;

use crate::error::{Error, Result};
use crate::facts;
use crate::sink::{Evidence, Label, Matched, Part, Request, Response, Role, Scope, Sink};

use super::{OF_USERDATA, S7COMM, SUCCESS, blocks, items, szl};

const FUNCTION: u32 = 0x7_0000;

/// Groups.
const MODE: u8 = 0;
const PROGRAMMER: u8 = 1;
const CYCLIC: u8 = 2;
const BLOCKS: u8 = 3;
const CPU: u8 = 4;
const PARTNER: u8 = 6;

/// In a context: the request asks for the rest of an answer.
const FETCHES_MORE: u64 = 1 << 63;

/// Group and sub-function, the fields all later ones depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Service {
    group: u8,
    subfunction: u8,
}

impl Service {
    const READ_SZL: Self = Self { group: CPU, subfunction: 1 };

    fn function(self) -> u32 {
        let subfunction = if self.group == MODE { 0 } else { self.subfunction };
        FUNCTION | u32::from(self.group) << 8 | u32::from(subfunction)
    }

    fn mode(self) -> Option<u32> {
        (self.group == MODE).then_some(u32::from(self.subfunction))
    }

    /// The mode told, or the number of the status list in its name: identifier and index.
    fn detail(self, object: &Label<'_>) -> Option<u32> {
        match *object.octets {
            [_, list, _, _] if self == Self::READ_SZL => Some(u32::from(list)),
            _ => self.mode(),
        }
    }

    /// Some panels give the same reference to requests of several services at once.
    fn transaction(self, reference: u16) -> u64 {
        u64::from(self.function()) << 32 | OF_USERDATA | u64::from(reference)
    }

    /// Where to keep what the rest of an answer belongs to.
    fn key(self, sequence: u8) -> u64 {
        u64::from(self.function()) << 8 | u64::from(sequence)
    }
}

pub(super) fn dissect(reference: u16, parameters: &[u8], data: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [_, _, _, _, _, kind, subfunction, ref rest @ ..] = *parameters else {
        return Err(Error::Malformed("userdata parameters too short"));
    };
    let service = Service { group: kind & 0x0f, subfunction };
    let (sequence, tail) = rest.split_first().map_or((0, rest), |(sequence, tail)| (*sequence, tail));
    match kind >> 4 {
        // 3, 7 and 11 are the types of the numerical control.
        4 | 7 => request(service, reference, sequence, data, sink),
        8 | 11 => return answer(service, reference, sequence, tail, data, sink),
        0 | 3 => push(service, data, sink),
        _ => {
            push(service, data, sink);
            return Err(Error::Malformed("unknown userdata type"));
        }
    }
    Ok(())
}

/// Partners of a configured connection may each send to the other.
fn evidence(service: Service) -> Evidence {
    if service.group == PARTNER { Evidence::Likely } else { Evidence::Certain }
}

fn payload(data: &[u8]) -> &[u8] {
    match data {
        [_, _, high, low, payload @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            payload.get(..length).unwrap_or(payload)
        }
        _ => &[],
    }
}

fn request(service: Service, reference: u16, sequence: u8, data: &[u8], sink: &mut dyn Sink) {
    sink.sender_is(Role::Client, evidence(service));
    let mut request = Request {
        protocol: S7COMM,
        function: service.function(),
        subfunction: None,
        unit: None,
        object: Label::NONE,
        transaction: Some(service.transaction(reference)),
        context: 0,
    };
    let payload = payload(data);
    if payload.is_empty() && sequence != 0 && matches!(service.group, BLOCKS | CPU) {
        if let Some(memo) = sink.recall(Scope::Flow, service.key(sequence)) {
            request.object = object(service, memo.octets());
            request.subfunction = service.detail(&request.object);
            request.context = FETCHES_MORE | u64::from(word(memo.octets()));
            return sink.request(&request);
        }
        request.context = FETCHES_MORE;
    } else {
        request.object = object(service, payload);
        request.subfunction = service.detail(&request.object);
        // Enough to name the object again: identifier and index, or type of block.
        request.context = u64::from(word(request.object.octets));
    }
    sink.request(&request);
}

fn word(octets: &[u8]) -> u32 {
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(octets) {
        *to = *from;
    }
    u32::from_be_bytes(word)
}

/// What a request is about. Passwords, times and values are not.
fn object(service: Service, payload: &[u8]) -> Label<'_> {
    match (service.group, service.subfunction) {
        (PROGRAMMER, 2 | 8) => variables(payload).map_or(Label::NONE, items::variables),
        (CYCLIC, 1 | 5 | 7) => payload.get(1..).map_or(Label::NONE, items::cyclic),
        (BLOCKS, 2) => payload.get(..2).map_or(Label::NONE, blocks::kind),
        (BLOCKS, 3) => payload.get(..8).map_or(Label::NONE, blocks::block),
        (CPU, 1) => payload.get(..4).map_or(Label::NONE, szl::label),
        _ => Label::NONE,
    }
}

/// Number and addresses of the lines of a variable table, after its parameters; the values behind them left out.
fn variables(payload: &[u8]) -> Option<&[u8]> {
    let [parameters_1, parameters_0, _, _, rest @ ..] = payload else { return None };
    let table = rest.get(usize::from(u16::from_be_bytes([*parameters_1, *parameters_0]))..)?;
    let [count_1, count_0, ..] = table else { return None };
    let length = usize::from(u16::from_be_bytes([*count_1, *count_0])).saturating_mul(6).saturating_add(2);
    Some(table.get(..length).unwrap_or(table))
}

fn answer(service: Service, reference: u16, sequence: u8, tail: &[u8], data: &[u8], sink: &mut dyn Sink) -> Result<()> {
    sink.sender_is(Role::Server, evidence(service));
    let (unit, more, error) = match *tail {
        [unit, more, high, low, ..] => (unit, more != 0, u16::from_be_bytes([high, low])),
        _ => (0, false, 0),
    };
    let payload = payload(data);
    let is_szl = service == Service::READ_SZL;
    let object = if is_szl && szl::begins(payload) { object(service, payload) } else { Label::NONE };
    let matched = sink.response(&Response {
        protocol: S7COMM,
        function: service.function(),
        subfunction: service.detail(&object),
        unit: None,
        object,
        transaction: Some(service.transaction(reference)),
        status: status(error, data),
        next: None,
    });
    if let (true, Some(matched)) = (more, matched) {
        let [.., a, b, c, d] = matched.context.to_be_bytes();
        let kept: &[u8] = if service.group == BLOCKS { &[a, b] } else { &[a, b, c, d] };
        sink.remember(Scope::Flow, service.key(sequence), kept);
    }
    if is_szl && !payload.is_empty() {
        return list(matched, unit, more, payload, sink);
    }
    Ok(())
}

/// A rejection. `0x0a`, size 0, length 0 is how "no data" is written and means nothing by itself.
fn status(error: u16, data: &[u8]) -> Option<u32> {
    match *data {
        _ if error != 0 => Some(u32::from(error)),
        [] | [SUCCESS, ..] | [0x0a, 0, 0, 0] => None,
        [code, ..] => Some(u32::from(code)),
    }
}

/// A system status list or a part of one. Parts of a list carry the number of their data unit; what asked for a part
/// says whether it is the first.
fn list(matched: Option<Matched>, unit: u8, more: bool, payload: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let first = matched.map_or_else(|| szl::begins(payload), |matched| matched.context & FETCHES_MORE == 0);
    sink.assemble(
        &Part { channel: 1 << 8 | u64::from(unit), first, last: !more, sequence: None, octets: payload, context: 0 },
        szl::dissect,
    )
}

fn push(service: Service, data: &[u8], sink: &mut dyn Sink) {
    sink.sender_is(Role::Server, evidence(service));
    let payload = payload(data);
    let object = match (service.group, service.subfunction) {
        (CPU, 3) => payload.get(..2).map_or(Label::NONE, |octets| Label { octets, render: render_event }),
        _ => Label::NONE,
    };
    sink.response(&Response {
        protocol: S7COMM,
        function: service.function(),
        subfunction: service.mode(),
        unit: None,
        object,
        transaction: None,
        status: None,
        next: None,
    });
    if let Some(mode) = service.mode() {
        let mode: &[u8] = match mode {
            0 => b"stop",
            1 | 3 | 6 => b"startup",
            2 | 9 => b"run",
            4 => b"hold",
            11 => b"link-up",
            12 => b"update",
            _ => return,
        };
        sink.fact(S7COMM, None, facts::MODE, mode);
    }
}

fn render_event(octets: &[u8], out: &mut String) {
    if let [high, low] = *octets {
        let _ = write!(out, "event {:#06x}", u16::from_be_bytes([high, low]));
    }
}
