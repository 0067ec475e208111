//! CIP, the message router (CIP Volume 1, 2-4) and what it needs to be read: the connection manager (3-5) and packets
//! of several services.
//!
//! ```text
//! request   0 service | 1 path length in words | path | data
//! response  0 0x80 + service | 1 reserved | 2 general status | 3 words of additional status | … | data
//! ```
//!
//! Function: the service; sub-function: the class it was asked of, as services from 0x4b on mean something else in each.
//! A reset names its type too, in the upper half: `0x0001_0001` resets the Identity object to factory defaults.

use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::sink::{Label, Memo, Request, Response, Role, Scope, Sink};

use super::connections::{self, Triad};
use super::identity::{self, ETHERNET_LINK, IDENTITY, PROGRAM_NAME, TCP_IP};
use super::path::{self, Target};
use super::{mix, pccc};

/// Set in the service of a response.
pub(super) const RESPONSE: u8 = 0x80;

const GET_ATTRIBUTES_ALL: u8 = 0x01;
const GET_ATTRIBUTE_LIST: u8 = 0x03;
const RESET: u8 = 0x05;
const MULTIPLE_SERVICE_PACKET: u8 = 0x0a;
const GET_ATTRIBUTE_SINGLE: u8 = 0x0e;
const EXECUTE_PCCC: u8 = 0x4b;
const EXECUTE_DH_PLUS: u8 = 0x4c;
const FORWARD_CLOSE: u8 = 0x4e;
const UNCONNECTED_SEND: u8 = 0x52;
const FORWARD_OPEN: u8 = 0x54;
const LARGE_FORWARD_OPEN: u8 = 0x5b;

const CONNECTION_MANAGER: u32 = 0x06;
pub(super) const PCCC: u32 = 0x67;
pub(super) const DH_PLUS: u32 = 0xa6;

/// General status: all of it, or only a part of the data fitted.
const SUCCESS: u8 = 0x00;
const CONNECTION_FAILURE: u8 = 0x01;
const PARTIAL_TRANSFER: u8 = 0x06;
const EMBEDDED_SERVICE_ERROR: u8 = 0x1e;

/// Services in services: an unconnected send holds a packet of several, and those nothing more.
const DEEPEST: u8 = 2;
/// Services of one packet that are read.
const MOST_SERVICES: u16 = 1024;

/// What a message comes in.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    /// Pairs request and response.
    pub(super) transaction: u64,
    /// Route to the device meant.
    pub(super) unit: Option<Label<'a>>,
    /// Messages around this one.
    depth: u8,
}

impl<'a> Envelope<'a> {
    pub(super) const fn new(transaction: u64, unit: Option<Label<'a>>) -> Self {
        Self { transaction, unit, depth: 0 }
    }

    /// The services of a packet and of what holds it differ in code or place.
    pub(super) const fn transaction_of(self, service: u8) -> u64 {
        mix(self.transaction, service as u64)
    }

    fn inside(self, unit: Option<Label<'a>>, place: u64) -> Result<Self> {
        if self.depth >= DEEPEST {
            return Err(Error::Malformed("services nested too deep"));
        }
        let transaction = if place == 0 { self.transaction } else { mix(self.transaction, place) };
        Ok(Self { transaction, unit, depth: self.depth.saturating_add(1) })
    }
}

/// One message, request or response.
pub(super) fn message(octets: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    match octets.first() {
        Some(service) if service & RESPONSE == 0 => request(octets, envelope, sink),
        Some(_) => response(octets, envelope, sink),
        None => Err(Error::Truncated { at: 0 }),
    }
}

/// Whether it is one service that is asked for, or one that was done; none for packets of several services, and for answers
/// that say more than that it was done.
pub(super) fn gist(octets: &[u8]) -> Option<bool> {
    match *octets {
        [service, _, ..] if service & RESPONSE == 0 => (service != MULTIPLE_SERVICE_PACKET).then_some(true),
        [service, _, SUCCESS, 0, ..] => (service != MULTIPLE_SERVICE_PACKET | RESPONSE).then_some(false),
        _ => None,
    }
}

/// Who sent it, by the bit that says request or response.
pub(super) fn sender(octets: &[u8]) -> Option<Role> {
    octets.first().map(|service| if service & RESPONSE == 0 { Role::Client } else { Role::Server })
}

fn request(octets: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let service = reader.u8()?;
    let words = reader.u8();
    let length = words.map_or(0, |words| usize::from(words).saturating_mul(2));
    let path = reader.up_to(length);
    let data = reader.rest();
    let target = Target::of(path);
    let class = target.class.unwrap_or(0);
    let call = Call { service, path, target, data };
    if class == CONNECTION_MANAGER {
        match service {
            UNCONNECTED_SEND => return unconnected_send(call, envelope, sink),
            FORWARD_OPEN | LARGE_FORWARD_OPEN => return forward_open(call, envelope, sink),
            FORWARD_CLOSE => return forward_close(call, envelope, sink),
            _ => {}
        }
    }
    report(call, envelope, sink);
    if path.len() < length || words.is_err() {
        return Err(Error::Truncated { at: octets.len() });
    }
    match (class, service) {
        (_, MULTIPLE_SERVICE_PACKET) => several(data, envelope, sink),
        (PCCC, EXECUTE_PCCC) => command(pccc::after_requestor(data), envelope, sink),
        (DH_PLUS, EXECUTE_DH_PLUS) => command(pccc::after_links(data), envelope, sink),
        _ => Ok(()),
    }
}

/// A request, taken apart.
#[derive(Clone, Copy)]
struct Call<'a> {
    service: u8,
    path: &'a [u8],
    target: Target,
    data: &'a [u8],
}

impl Call<'_> {
    fn subfunction(&self) -> Option<u32> {
        let class = self.target.class?.min(0xffff);
        match (self.service, self.data) {
            (RESET, [kind, ..]) if class == IDENTITY && *kind != 0 => Some(class | u32::from(*kind) << 16),
            _ => Some(class),
        }
    }
}

fn report(call: Call<'_>, envelope: Envelope<'_>, sink: &mut dyn Sink) {
    let transaction = envelope.transaction_of(call.service);
    let context = Context::of(call.target, envelope.unit.map_or(&[], |unit| unit.octets), transaction, sink);
    sink.request(&Request {
        protocol: "cip",
        function: call.service.into(),
        subfunction: call.subfunction(),
        unit: envelope.unit,
        object: path::object(call.path),
        transaction: Some(transaction),
        context: context.0,
    });
}

fn command(octets: Option<&[u8]>, envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    pccc::message(octets.ok_or(Error::Malformed("PCCC command without its requestor"))?, envelope.transaction, envelope.unit, sink)
}

/// The commands on a connection that was opened to the DH+ or PCCC object: they come without a service.
fn raw(class: u32, octets: &[u8]) -> Option<&[u8]> {
    match class {
        DH_PLUS => pccc::after_links(octets),
        PCCC => Some(octets),
        _ => None,
    }
}

/// Who sent such a command; `None` where the connection carries services.
pub(super) fn raw_sender(class: u32, octets: &[u8]) -> Option<Role> {
    raw(class, octets)?.first().map(|command| if command & 0x40 == 0 { Role::Client } else { Role::Server })
}

/// Report it.
pub(super) fn raw_command(class: u32, octets: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    command(raw(class, octets), envelope, sink)
}

/// Priority, ticks | length of the message | message, padded | length of the route in words, reserved | route
fn unconnected_send(call: Call<'_>, envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    sink.request(&Request {
        protocol: "cip",
        function: call.service.into(),
        subfunction: call.subfunction(),
        unit: envelope.unit,
        object: path::object(call.path),
        // What comes back is the answer to the message inside; only a failed route is answered as this service.
        transaction: None,
        context: 0,
    });
    let mut reader = Reader::new(call.data);
    reader.skip(2)?;
    let length = usize::from(reader.u16_le()?);
    let inside = reader.up_to(length);
    reader.up_to(length % 2);
    let words = reader.u8().unwrap_or(0);
    reader.up_to(1);
    let route = reader.up_to(usize::from(words).saturating_mul(2));
    message(inside, envelope.inside(Some(path::unit(route)), 0)?, sink)
}

/// Count | offset of each, from the count | the messages
fn several(octets: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut offsets = Reader::new(octets);
    let count = offsets.u16_le()?;
    let mut outcome = Ok(());
    let mut begin = offsets.u16_le();
    for place in 1..=count.min(MOST_SERVICES) {
        let Ok(here) = begin else { return Err(Error::Malformed("packet holds fewer services than it says")) };
        begin = if place < count { offsets.u16_le() } else { Err(Error::Truncated { at: octets.len() }) };
        let end = begin.ok().filter(|next| *next > here).map_or(octets.len(), usize::from);
        let Some(service) = octets.get(usize::from(here)..end.min(octets.len())) else {
            return Err(Error::Malformed("offset of a service lies outside its packet"));
        };
        let told = message(service, envelope.inside(envelope.unit, place.into())?, sink);
        outcome = outcome.and(told);
    }
    outcome
}

fn response(octets: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let service = reader.u8()? & !RESPONSE;
    let head = reader.take::<3>();
    let [_, general, words] = head.unwrap_or_default();
    let additional = Reader::new(reader.up_to(usize::from(words).saturating_mul(2))).u16_le().unwrap_or(0);
    let failed = !matches!(general, SUCCESS | PARTIAL_TRANSFER);
    let transaction = envelope.transaction_of(service);
    let matched = sink.response(&Response {
        protocol: "cip",
        function: service.into(),
        // A request that was not seen had a class unknown, but only the connection manager fails so.
        subfunction: (service == UNCONNECTED_SEND && general == CONNECTION_FAILURE).then_some(CONNECTION_MANAGER),
        unit: envelope.unit,
        object: Label::NONE,
        transaction: Some(transaction),
        status: failed.then(|| u32::from(general) | u32::from(additional) << 8),
        next: None,
    });
    head?;
    let data = reader.rest();
    if service == MULTIPLE_SERVICE_PACKET && (!failed || general == EMBEDDED_SERVICE_ERROR) {
        return several(data, envelope, sink);
    }
    match matched {
        Some(matched) if !failed => answer(service, Context(matched.context), data, envelope, transaction, sink),
        _ => Ok(()),
    }
}

/// The data of an answer whose request was seen, where it says more than a value.
fn answer(service: u8, context: Context, data: &[u8], envelope: Envelope<'_>, transaction: u64, sink: &mut dyn Sink) -> Result<()> {
    let class = context.class();
    match class {
        CONNECTION_MANAGER => return connection_manager(service, data, sink),
        IDENTITY | PROGRAM_NAME | TCP_IP | ETHERNET_LINK => {}
        PCCC if service == EXECUTE_PCCC => return command(pccc::after_requestor(data), envelope, sink),
        DH_PLUS if service == EXECUTE_DH_PLUS => return command(pccc::after_links(data), envelope, sink),
        _ => return Ok(()),
    }
    // Instance 0 is the class itself: its attributes are others.
    if !context.is_first_instance() {
        return Ok(());
    }
    let route = context.route(transaction, sink);
    let unit = envelope.unit.or_else(|| Some(path::unit(route.octets())));
    let subject = identity::Subject { source: "cip", unit };
    match service {
        GET_ATTRIBUTES_ALL => identity::all(class, data, subject, sink),
        GET_ATTRIBUTE_LIST => identity::list(class, data, subject, sink),
        GET_ATTRIBUTE_SINGLE => identity::single(class, context.attribute(), data, subject, sink),
        _ => Ok(()),
    }
}

/// What is known of a request when its response comes: class, instance and attribute, and the route where it is short.
#[derive(Clone, Copy)]
struct Context(u64);

impl Context {
    /// No port segment begins so: the route is in the memory of the flow.
    const KEPT: [u8; 4] = [0xff; 4];

    fn of(target: Target, route: &[u8], transaction: u64, sink: &mut dyn Sink) -> Self {
        let class = target.class.and_then(|class| u16::try_from(class).ok()).unwrap_or(0);
        let small = |value: Option<u32>| value.and_then(|value| u8::try_from(value).ok()).unwrap_or(0xff);
        let [a, b, c, d] = match *route {
            [] => [0; 4],
            [port, link] => [port, link, 0, 0],
            [a, b, c, d] if c != 0 => [a, b, c, d],
            _ if matches!(u32::from(class), IDENTITY | PROGRAM_NAME | TCP_IP | ETHERNET_LINK) => {
                sink.remember(Scope::Flow, transaction, route);
                Self::KEPT
            }
            _ => [0; 4],
        };
        let [high, low] = class.to_be_bytes();
        Self(u64::from_be_bytes([high, low, small(target.instance), small(target.attribute), a, b, c, d]))
    }

    const fn class(self) -> u32 {
        let [high, low, ..] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low]) as u32
    }

    const fn is_first_instance(self) -> bool {
        let [_, _, instance, ..] = self.0.to_be_bytes();
        instance == 1
    }

    const fn attribute(self) -> u32 {
        let [_, _, _, attribute, ..] = self.0.to_be_bytes();
        attribute as u32
    }

    fn route(self, transaction: u64, sink: &mut dyn Sink) -> Memo {
        let [.., a, b, c, d] = self.0.to_be_bytes();
        match [a, b, c, d] {
            [0, ..] => Memo::new(&[]),
            Self::KEPT => {
                let route = sink.recall(Scope::Flow, transaction).unwrap_or(Memo::new(&[]));
                sink.forget(Scope::Flow, transaction);
                route
            }
            [_, _, 0, _] => Memo::new(&[a, b]),
            route => Memo::new(&route),
        }
    }
}

/// Priority, ticks | O→T identifier | T→O identifier | triad | timeout, 3 reserved | O→T interval, parameters |
/// T→O interval, parameters | transport | length of the path in words | path. Parameters take four octets in the large form.
fn forward_open(call: Call<'_>, envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(call.data);
    let parameters = if call.service == LARGE_FORWARD_OPEN { 8 } else { 6 };
    let opened = (|| {
        reader.skip(10)?;
        let triad = Triad(reader.take()?);
        reader.skip(4)?;
        reader.skip(parameters)?;
        reader.skip(parameters)?;
        let transport = reader.u8()?;
        let words = reader.u8()?;
        Ok((triad, transport, reader.octets(usize::from(words).saturating_mul(2))?))
    })();
    let Ok((triad, transport, path)) = opened else {
        report(call, envelope, sink);
        return opened.map(drop);
    };
    connection_request(call, path, envelope, sink);
    connections::asked(triad, transport, path, sink);
    Ok(())
}

/// Priority, ticks | triad | length of the path in words, reserved | path
fn forward_close(call: Call<'_>, envelope: Envelope<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(call.data);
    let closed = reader.skip(10).and_then(|()| reader.u8()).and_then(|words| {
        reader.skip(1)?;
        reader.octets(usize::from(words).saturating_mul(2))
    });
    match closed {
        Ok(path) => connection_request(call, path, envelope, sink),
        Err(_) => report(call, envelope, sink),
    }
    closed.map(drop)
}

/// A request about a connection: its object is where that leads to.
fn connection_request(call: Call<'_>, path: &[u8], envelope: Envelope<'_>, sink: &mut dyn Sink) {
    let (route, object) = path::split_route(path);
    let unit = if route.is_empty() { envelope.unit } else { Some(path::unit(route)) };
    let context = Context::of(call.target, &[], 0, sink);
    sink.request(&Request {
        protocol: "cip",
        function: call.service.into(),
        subfunction: call.subfunction(),
        unit,
        object: path::object(if object.is_empty() { call.path } else { object }),
        transaction: Some(envelope.transaction_of(call.service)),
        context: context.0,
    });
}

/// The connection manager of the target answers.
fn connection_manager(service: u8, data: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(data);
    match service {
        FORWARD_OPEN | LARGE_FORWARD_OPEN => {
            let (consumed, produced) = (reader.u32_le()?, reader.u32_le()?);
            connections::opened(consumed, produced, Triad(reader.take()?), sink);
        }
        FORWARD_CLOSE => connections::closed(Triad(reader.take()?), sink),
        _ => {}
    }
    Ok(())
}
