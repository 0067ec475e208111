//! DNP3 (IEEE 1815-2012) over TCP and UDP (clause 13).
//!
//! ```text
//! link (9.2)         05 64 · length 1 · control 1 · destination 2 · source 2 · check code 2
//!                    · [data 16 · check code 2]… · data 1…16 · check code 2
//! control            DIR 80 · PRM 40 · FCB 20 · FCV or DFC 10 · function 0f
//! transport (8.2)    FIN 80 · FIR 40 · sequence 3f
//! application (4.2)  FIR 80 · FIN 40 · CON 20 · UNS 10 · sequence 0f
//!                    · function 1 · [internal indications 2] · object headers and objects
//! ```
//!
//! *length* counts from control on, without check codes; all numbers are least significant octet first.
//!
//! - Unit: the two link addresses, master first: `1-10`.
//! - Who is master: the application function where it is a master's or an outstation's only, else the DIR bit, which
//!   some peers set wrongly.
//! - Function: of protocol `dnp3` the application function, of protocol `dnp3_link` (what the link layers say to each other)
//!   `PRM << 4 | function`.
//! - Sub-function: of a read or write the first object's group where it is not process data (attributes, dead-bands, time,
//!   files, internal indications); of *open file* what it is opened for (1 read, 2 write, 3 append).
//! - Status: 1…127 status of a control (A.8.1); `0x100 | error bits of the second indication octet` (`0x01` function not
//!   supported, `0x02` object unknown, `0x04` parameter error, `0x10` already executing); `0x200 | status of a file
//!   command` (A.24); `0x300 | code of an authentication error` (A.45.7). Of `dnp3_link` the function that refuses.

mod crc;
mod label;
mod objects;

use self::label::{Kinds, Objects};
use self::objects::{Headers, Object, Values, group};
use super::{Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::sink::{Evidence, Label, Part, Request, Response, Role, Scope, Sink};

const NAME: &str = "dnp3";
const LINK: &str = "dnp3_link";

/// Octets of the link header with its check code.
const HEADER: usize = 10;
/// What the length field counts besides user data.
const COUNTED_HEADER: usize = 5;
const CHECK_CODE: usize = 2;
/// Data blocks of the longest frame.
const BLOCKS: usize = 16;
/// Destinations from here on mean every outstation.
const BROADCAST: u16 = 0xfffd;

/// Link control.
const DIR: u8 = 0x80;
const PRM: u8 = 0x40;
/// Link functions of a primary station that carry user data.
const CONFIRMED_DATA: u8 = 3;
const UNCONFIRMED_DATA: u8 = 4;

/// Application functions that this file treats in their own way.
mod function {
    pub const CONFIRM: u8 = 0;
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;
    pub const OPEN_FILE: u8 = 25;
    pub const RESPONSE: u8 = 129;
    pub const AUTHENTICATION: u8 = 131;
}

/// Application control: the receiver is to confirm.
const CON: u8 = 0x20;
/// Bits of the second internal indication octet that reject what was asked.
const REJECTED: u8 = 0x17;
/// Bits of both indication octets that say something of the outstation, and what.
const INDICATIONS: [(u16, &str); 6] = [
    (0x8000, "device restart"),
    (0x4000, "device trouble"),
    (0x2000, "local control"),
    (0x1000, "time synchronisation required"),
    (0x0020, "configuration corrupt"),
    (0x0008, "event buffer overflow"),
];
const TELLING: u16 = 0xf028;

/// Control octet, source and destination of a link frame, and whether its end was lost.
#[derive(Clone, Copy)]
struct Link {
    control: u8,
    source: u16,
    destination: u16,
    cut: bool,
}

impl Link {
    /// For the way through the sink that puts fragments together.
    fn context(self) -> u64 {
        u64::from(self.source) << 48 | u64::from(self.destination) << 32 | u64::from(self.control) << 8 | u64::from(self.cut)
    }

    fn of_context(context: u64) -> Self {
        let [source_high, source_low, destination_high, destination_low, _, _, control, cut] = context.to_be_bytes();
        let source = u16::from_be_bytes([source_high, source_low]);
        let destination = u16::from_be_bytes([destination_high, destination_low]);
        Self { control, source, destination, cut: cut != 0 }
    }

    /// Who sent it, by the DIR bit.
    fn sender(self) -> Role {
        if self.control & DIR != 0 { Role::Client } else { Role::Server }
    }

    /// Master and outstation address.
    fn unit(self, sender: Role) -> [u8; 4] {
        let (master, outstation) = match sender {
            Role::Client => (self.source, self.destination),
            Role::Server => (self.destination, self.source),
        };
        let ([a, b], [c, d]) = (master.to_be_bytes(), outstation.to_be_bytes());
        [a, b, c, d]
    }
}

fn unit(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_unit }
}

fn render_unit(octets: &[u8], out: &mut String) {
    use core::fmt::Write;
    if let Some([a, b, c, d]) = octets.first_chunk() {
        let (master, outstation) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let broadcast = if outstation >= BROADCAST { " broadcast" } else { "" };
        let _ = write!(out, "{master}-{outstation}{broadcast}");
    }
}

/// Tells this pair's exchanges from all others of the flow.
fn transaction(unit: [u8; 4], number: u8) -> u64 {
    u64::from(u32::from_be_bytes(unit)) << 8 | u64::from(number)
}

fn probe(octets: &[u8]) -> Likeness {
    let starts = octets.iter().zip(&[0x05, 0x64]).all(|(octet, start)| octet == start);
    match octets.get(2) {
        _ if octets.is_empty() || !starts => Likeness::No,
        Some(length) if usize::from(*length) < COUNTED_HEADER => Likeness::No,
        _ => match octets.first_chunk() {
            Some(header) if header_is_right(header) => Likeness::Sure,
            _ if octets.get(3).is_none_or(|control| is_known(*control)) => Likeness::Possible,
            _ => Likeness::No,
        },
    }
}

/// Link functions that exist (9.2.4.1.3).
fn is_known(control: u8) -> bool {
    match control & 0x0f {
        0 | 1 => true,
        2..=4 | 9 => control & PRM != 0,
        11 | 14 | 15 => control & PRM == 0,
        _ => false,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match octets {
        [0x05, 0x64, length, ..] => {
            let data = usize::from(*length).checked_sub(COUNTED_HEADER).ok_or(Error::Malformed("link length below 5"))?;
            let codes = data.div_ceil(crc::BLOCK).saturating_mul(CHECK_CODE);
            Ok(Some(HEADER.saturating_add(data).saturating_add(codes)))
        }
        [] | [0x05] | [0x05, 0x64] => Ok(None),
        _ => Err(Error::Malformed("no link start octets")),
    }
}

fn header_is_right(header: &[u8; HEADER]) -> bool {
    let [fields @ .., low, high] = header;
    crc::code(fields) == u16::from_le_bytes([*low, *high])
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some((header, blocks)) = message.split_first_chunk::<HEADER>() else {
        return Err(Error::Truncated { at: message.len() });
    };
    if !header_is_right(header) {
        sink.anomaly(NAME, "bad_crc", format_args!("link header"));
        return Ok(());
    }
    let [_, _, length, control, destination_low, destination_high, source_low, source_high, _, _] = *header;
    let destination = u16::from_le_bytes([destination_low, destination_high]);
    let source = u16::from_le_bytes([source_low, source_high]);
    let link = Link { control, source, destination, cut: false };
    if control & PRM == 0 || !matches!(control & 0x0f, CONFIRMED_DATA | UNCONFIRMED_DATA) {
        link_service(link, sink);
        return Ok(());
    }
    if control & 0x0f == CONFIRMED_DATA {
        link_service(link, sink);
    }
    let count = usize::from(length).saturating_sub(COUNTED_HEADER);
    match blocks.get(..count.saturating_add(CHECK_CODE)).and_then(|block| block.split_last_chunk()) {
        // One block lies on the wire as it is.
        Some((data, stored)) if count <= crc::BLOCK => {
            if crc::code(data) == u16::from_le_bytes(*stored) {
                return transport(data, link, sink);
            }
            sink.anomaly(NAME, "bad_crc", format_args!("data block"));
            Ok(())
        }
        _ => several_blocks(blocks, count, link, sink),
    }
}

/// Take the check codes out of the user data of a frame.
fn several_blocks(blocks: &[u8], count: usize, mut link: Link, sink: &mut dyn Sink) -> Result<()> {
    let whole = count.div_ceil(crc::BLOCK).saturating_mul(CHECK_CODE).saturating_add(count);
    link.cut = blocks.len() < whole;
    let mut room = [[0; crc::BLOCK]; BLOCKS];
    let (mut used, mut difference): (usize, u16) = (0, 0);
    let blocks = blocks.get(..whole).unwrap_or(blocks);
    for (to, block) in room.iter_mut().zip(blocks.chunks(crc::BLOCK.saturating_add(CHECK_CODE))) {
        if let Some((data, stored)) = block.split_first_chunk::<{ crc::BLOCK }>() {
            *to = *data;
            used = used.saturating_add(crc::BLOCK);
            difference |= stored.first_chunk().map_or(0, |stored| crc::code(data) ^ u16::from_le_bytes(*stored));
        } else {
            // The last block of the frame is shorter; where the capture cut it, no check code is known to be there.
            let (data, stored) = if link.cut {
                (block, None)
            } else {
                block.split_last_chunk().map_or((block, None), |(data, stored)| (data, Some(stored)))
            };
            to.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
            used = used.saturating_add(data.len());
            difference |= stored.map_or(0, |stored| crc::code(data) ^ u16::from_le_bytes(*stored));
        }
    }
    if difference != 0 {
        sink.anomaly(NAME, "bad_crc", format_args!("data block"));
        return Ok(());
    }
    transport(room.as_flattened().get(..used.min(count)).unwrap_or_default(), link, sink)
}

/// What the link layers say to each other: reset, test, status, acknowledgements.
fn link_service(link: Link, sink: &mut dyn Sink) {
    let sender = link.sender();
    // Where the data of a frame names its sender, that is better evidence.
    if link.control & PRM == 0 || link.control & 0x0f != CONFIRMED_DATA {
        sink.sender_is(sender, Evidence::Certain);
    }
    let pair = link.unit(sender);
    let code = link.control & 0x0f;
    // Either station may be primary: its direction tells the two apart.
    let primary_direction = (link.control ^ if link.control & PRM == 0 { DIR } else { 0 }) & DIR;
    let transaction = Some(transaction(pair, primary_direction));
    if link.control & PRM == 0 {
        sink.response(&Response {
            protocol: LINK,
            function: code.into(),
            subfunction: None,
            unit: Some(unit(&pair)),
            object: Label::NONE,
            transaction,
            status: matches!(code, 1 | 14 | 15).then_some(code.into()),
            next: None,
        });
    } else {
        sink.request(&Request {
            protocol: LINK,
            function: u32::from(code) | 0x10,
            subfunction: None,
            unit: Some(unit(&pair)),
            object: Label::NONE,
            transaction: transaction.filter(|_| link.destination < BROADCAST),
            context: 0,
        });
    }
}

fn transport(data: &[u8], link: Link, sink: &mut dyn Sink) -> Result<()> {
    let Some((control, octets)) = data.split_first() else {
        return Err(if link.cut { Error::Truncated { at: HEADER } } else { Error::Malformed("user data without transport octet") });
    };
    let (first, last) = (control & 0x40 != 0, control & 0x80 != 0);
    if link.cut && !(first && last) {
        return Err(Error::Truncated { at: HEADER.saturating_add(data.len()) });
    }
    let part = Part {
        channel: u64::from(link.source) << 16 | u64::from(link.destination),
        first,
        last,
        sequence: Some((control & 0x3f, 64)),
        octets,
        context: link.context(),
    };
    sink.assemble(&part, application)
}

fn application(octets: &[u8], context: u64, sink: &mut dyn Sink) -> Result<()> {
    let link = Link::of_context(context);
    let Some(([control, function], body)) = octets.split_first_chunk() else { return Err(Error::Truncated { at: octets.len() }) };
    let sender = match *function {
        // What authenticates may come from either end.
        1..=31 => Role::Client,
        function::RESPONSE..=function::AUTHENTICATION => Role::Server,
        _ => link.sender(),
    };
    sink.sender_is(sender, Evidence::Certain);
    let message = Message { link, pair: link.unit(sender), control: *control, function: *function };
    let done = if *function < function::RESPONSE { request(&message, body, sink) } else { response(&message, body, sink) };
    if !matches!(*function, 0..=33 | function::RESPONSE..=function::AUTHENTICATION) {
        sink.anomaly(NAME, "reserved_function", format_args!("application function {function}"));
    }
    // A message that was cut ends early wherever its objects say.
    if link.cut { Err(Error::Truncated { at: octets.len() }) } else { done }
}

/// Application header.
struct Message {
    link: Link,
    /// Master and outstation address.
    pair: [u8; 4],
    control: u8,
    function: u8,
}

impl Message {
    fn transaction(&self, after: u8) -> u64 {
        transaction(self.pair, self.control.wrapping_add(after) & 0x0f)
    }

    /// Where the flow remembers what was said of a file handle; 0 stands for a file that is being opened.
    fn file_key(&self, handle: u32) -> u64 {
        u64::from(u32::from_be_bytes(self.pair)) << 32 | u64::from(handle)
    }
}

fn request(message: &Message, body: &[u8], sink: &mut dyn Sink) -> Result<()> {
    // 4.2.2.4.3: what an outstation sends may have to be confirmed, what a master sends never.
    if message.control & CON != 0 && matches!(message.function, 1..=31) {
        sink.anomaly(NAME, "confirmation_requested", format_args!("request asks to be confirmed"));
    }
    let values = match message.function {
        function::CONFIRM => {
            ask(message, None, Label::NONE, sink);
            return Ok(());
        }
        function::READ | 7..=10 | 13..=24 => Values::None,
        11 | 12 => Values::Time,
        _ => Values::All,
    };
    if values == Values::None && objects::are_bare(body) {
        let subfunction = body.first().and_then(|number| special(message.function, *number));
        ask(message, subfunction, label::headers(body), sink);
        return Ok(());
    }
    let mut touched = Objects::new();
    let mut subfunction = None;
    let mut headers = Headers::new(body, values);
    for (place, object) in (&mut headers).enumerate() {
        if place == 0 {
            subfunction = special(message.function, object.group);
        }
        if object.group == group::FILE {
            subfunction = add_file(message, &object, &mut touched, sink).or(subfunction);
        } else {
            touched.add(&object, values != Values::None);
        }
    }
    ask(message, subfunction, touched.label(), sink);
    headers.finish()
}

fn ask(message: &Message, subfunction: Option<u32>, object: Label<'_>, sink: &mut dyn Sink) {
    // Confirmations, authentication and what asks for no acknowledgement are not answered, nor are broadcasts.
    let answered = !matches!(message.function, 0 | 6 | 8 | 10 | 12 | 32 | 33) && message.link.destination < BROADCAST;
    sink.request(&Request {
        protocol: NAME,
        function: message.function.into(),
        subfunction,
        unit: Some(unit(&message.pair)),
        object,
        transaction: answered.then(|| message.transaction(0)),
        context: 0,
    });
}

/// The sub-function that a first object of this group makes.
fn special(function: u8, number: u8) -> Option<u32> {
    let tells = match function {
        function::READ => matches!(number, group::ATTRIBUTE | group::FILE),
        function::WRITE => matches!(number, group::ATTRIBUTE | group::DEAD_BAND | group::TIME | group::FILE | group::INDICATIONS),
        _ => false,
    };
    tells.then_some(number.into())
}

/// Name a file, by its handle where need be. Returns what it is opened for (A.24).
fn add_file(message: &Message, object: &Object, touched: &mut Objects, sink: &mut dyn Sink) -> Option<u32> {
    let octets = object.sized().unwrap_or_default();
    match object.variation {
        // Offset and size of the name, 20 octets, mode, 4 octets.
        3 | 7 => {
            let name = file_name(octets);
            let mode = if object.variation == 3 { octets.get(20).copied().unwrap_or_default() } else { 0 };
            touched.file(object.variation, mode, name);
            if message.function == function::OPEN_FILE {
                sink.remember(Scope::Flow, message.file_key(0), name);
                return Some(mode.into());
            }
        }
        4..=6 => {
            let name = octets.first_chunk().and_then(|handle| sink.recall(Scope::Flow, message.file_key(u32::from_le_bytes(*handle))));
            touched.file(object.variation, 0, name.as_ref().map_or(&[], |name| name.octets()));
        }
        8 => touched.file(object.variation, 0, octets),
        _ => touched.file(object.variation, 0, &[]),
    }
    None
}

/// The name that the offset and size at the front of a file object point to.
fn file_name(octets: &[u8]) -> &[u8] {
    let Some([offset_low, offset_high, size_low, size_high]) = octets.first_chunk() else { return &[] };
    let offset = u16::from_le_bytes([*offset_low, *offset_high]);
    let size = u16::from_le_bytes([*size_low, *size_high]);
    let rest = octets.get(usize::from(offset)..).unwrap_or_default();
    rest.get(..usize::from(size)).unwrap_or(rest)
}

fn response(message: &Message, body: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let (indications, body) = body.split_first_chunk::<2>().map_or((None, [].as_slice()), |(front, rest)| (Some(*front), rest));
    let answers = message.function == function::RESPONSE;
    let mut kinds = Kinds::new();
    let mut status = None;
    let mut attributes = false;
    let mut file = None;
    let mut headers = Headers::new(body, Values::All);
    for object in &mut headers {
        kinds.add(&object);
        match object.group {
            group::CROB | group::ANALOG_OUTPUT if answers => status = status.or(control_status(&object)),
            group::FILE if answers => {
                status = status.or(file_status(&object));
                file = file.or(opened(&object));
            }
            group::ATTRIBUTE => attributes = true,
            group::AUTHENTICATION if object.variation == 7 => status = status.or(authentication_error(&object)),
            _ => {}
        }
    }
    let [first, second] = indications.unwrap_or_default();
    if answers && second & REJECTED != 0 {
        status = status.or(Some(0x100 | u32::from(second & REJECTED)));
    }
    let matched = sink.response(&Response {
        protocol: NAME,
        function: message.function.into(),
        subfunction: None,
        unit: Some(unit(&message.pair)),
        object: kinds.label(),
        transaction: answers.then(|| message.transaction(0)),
        status,
        next: (message.control & 0x40 == 0).then(|| message.transaction(1)),
    });
    for (bit, name) in [(0x40, "IIN2.6"), (0x80, "IIN2.7")] {
        if second & bit != 0 {
            sink.anomaly(NAME, "reserved_indication", format_args!("{name} is set"));
        }
    }
    let told = u16::from_be_bytes([first, second]);
    if told & TELLING != 0 {
        for (_, words) in INDICATIONS.iter().filter(|(bit, _)| told & bit != 0) {
            sink.fact(NAME, Some(unit(&message.pair)), facts::STATUS, words.as_bytes());
        }
    }
    if attributes {
        identity(message, body, sink);
    }
    if let Some(handle) = file.filter(|_| matched.is_some_and(|request| request.function == u32::from(function::OPEN_FILE)))
        && let Some(name) = sink.recall(Scope::Flow, message.file_key(0))
    {
        sink.remember(Scope::Flow, message.file_key(handle), name.octets());
    }
    if indications.is_none() {
        return Err(Error::Malformed("response without internal indications"));
    }
    headers.finish()
}

/// The first status of a control that was not accepted: the last octet of each point.
fn control_status(object: &Object) -> Option<u32> {
    object.points().filter_map(|(_, point)| point.last()).map(|status| u32::from(status & 0x7f)).find(|status| *status != 0)
}

/// The status in a file command status or file transport status object, where it is not success.
fn file_status(object: &Object) -> Option<u32> {
    let place = match object.variation {
        4 => 12,
        6 => 8,
        _ => return None,
    };
    object.sized()?.get(place).filter(|status| **status != 0).map(|status| 0x200 | u32::from(*status))
}

/// The handle of a file that was opened.
fn opened(object: &Object) -> Option<u32> {
    let octets = object.sized().filter(|_| object.variation == 4)?;
    octets.first_chunk().map(|handle| u32::from_le_bytes(*handle)).filter(|handle| *handle != 0)
}

/// The code of an authentication error, after sequence (4 octets), user and association (2 each).
fn authentication_error(object: &Object) -> Option<u32> {
    object.sized()?.get(8).map(|code| 0x300 | u32::from(*code))
}

/// What an outstation says of itself in its device attributes (A.1).
#[cold]
fn identity(message: &Message, body: &[u8], sink: &mut dyn Sink) {
    /// A string of visible characters.
    const VISIBLE: u8 = 1;
    for object in Headers::new(body, Values::All).filter(|object| object.group == group::ATTRIBUTE) {
        let key = match object.variation {
            196 => facts::PROJECT,
            208 => facts::PLANT,
            242 => facts::FIRMWARE,
            243 => facts::HARDWARE,
            245 => facts::LOCATION,
            246 | 247 => facts::HOSTNAME,
            248 => facts::SERIAL,
            249 => facts::DESCRIPTION,
            250 => facts::MODEL,
            252 => facts::VENDOR,
            _ => continue,
        };
        for (_, value) in object.attributes().filter(|(kind, _)| *kind == VISIBLE) {
            sink.fact(NAME, Some(unit(&message.pair)), key, value);
        }
    }
}

pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[20000], udp_ports: &[20000], probe, frame, dissect, ..Protocol::CONTROL };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // From the public captures of the Zeek project (testing/btest/Traces/dnp3) and Digital Bond's Quickdraw.
    const CLASS_POLL: &str = "056414c4020003004503c7c8013c02063c03063c04063c010642ac";
    const INTEGRITY: &str = "05647444030002006854f4c88100000102000008810181010101d3740101010a02000006000000000000011e6ca40100000e01ef\
        030000010300000001ed2178030000012bd1ffff01ed03000001e62e41c9000001170d0200000000000001b50c02c650000000000000018a0d020000000000\
        000693000000000000000000000000000000ffff";
    const SELECT: &str = "05641ac40200030040f2c6c7030c0128010001000301640000008fda6400000000005b";
    const SELECTED: &str = "05641c44030002004b91fcc78100000c0128010001000301640001a400006400000000005b";
    const SELECT_UNKNOWN: &str = "05641ac404000300c2e6d2c3030c012801009f86030164000000ec416400000000005b";
    const NOT_SUPPORTED: &str = "05641c440300040064bdf9c38100040c012801009f8603016400ed30000064000000047882";
    const READ_UNKNOWN: &str = "05640bc404000300e42bd7c801ff000607fb";
    const UNKNOWN: &str = "05640a44030004007caefec8810006e585";
    const ENABLE_UNSOLICITED: &str = "056411c401006400ee2ecdcf143c02063c03063c04067c03";
    const STATUS_REQUEST: &str = "05640549640001007e5f";
    const STATUS: &str = "0564058b01006400a097";
    const CLEAR_RESTART: &str = "05640ec4040003006dd3c3c4025001000707005e3f";
    const STOP_BROADCAST: &str = "056411c4ffff0300d0d0c1c1123c02060107063c04ed8763";
    const OPEN: &str =
        "056432c4040003009c8df7ce1946035b0124001a000a00000000b3c50000000000000000000000000001000047e60404002e2f746573742e786d6ced8f";
    const OPENED: &str = "05641d44030004008308f2ce81100046045b010d00785634123e7abf0300000004040000027f";
    const READ_FILE: &str = "056416c4040003007031f8cf0146055b01080078563412000000953800ffff";
    const ALL: [&str; 17] = [
        CLASS_POLL,
        INTEGRITY,
        SELECT,
        SELECTED,
        SELECT_UNKNOWN,
        NOT_SUPPORTED,
        READ_UNKNOWN,
        UNKNOWN,
        ENABLE_UNSOLICITED,
        STATUS_REQUEST,
        STATUS,
        CLEAR_RESTART,
        STOP_BROADCAST,
        OPEN,
        OPENED,
        READ_FILE,
        "056405c903000400bd71",
    ];

    const MASTER: u8 = 0xc4;
    const OUTSTATION: u8 = 0x44;

    /// A link frame made by hand between master 1 and outstation 10.
    fn link_frame(control: u8, data: &[u8]) -> Vec<u8> {
        let (destination, source) = if control & DIR == 0 { (1, 10) } else { (10, 1) };
        let mut octets = vec![0x05, 0x64, u8::try_from(data.len() + 5).unwrap(), control, destination, 0, source, 0];
        octets.extend(crc::code(&octets).to_le_bytes());
        for block in data.chunks(crc::BLOCK) {
            octets.extend(block);
            octets.extend(crc::code(block).to_le_bytes());
        }
        octets
    }

    /// An application message of one segment.
    fn message(control: u8, application: &str) -> Vec<u8> {
        let mut data = vec![0xc0];
        data.extend(hex(application));
        link_frame(control, &data)
    }

    fn lines(messages: &[(Role, Vec<u8>)]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (sender, octets) in messages {
            let _ = recorder.feed(&PROTOCOL, *sender, octets);
        }
        recorder.lines
    }

    fn exchange(request: &str, response: &str) -> Vec<String> {
        lines(&[(Role::Client, hex(request)), (Role::Server, hex(response))])
    }

    #[test]
    fn a_class_poll_and_its_answer_of_seven_blocks() {
        let said = exchange(CLASS_POLL, INTEGRITY);
        assert_eq!(said[0], "request dnp3 1 unit=3-2 object=\"g60v2 class 1, g60v3 class 2, g60v4 class 3, g60v1 class 0\"");
        assert_eq!(said[1], "response dnp3 129 unit=3-2 object=\"g1v2, g10v2, g30v1\" matched");
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn controls_name_point_code_and_status() {
        let said = exchange(SELECT, SELECTED);
        assert_eq!(said[0], "request dnp3 3 unit=3-2 object=\"g12v1 CROB 1 latch on\"");
        assert_eq!(said[1], "response dnp3 129 unit=3-2 object=\"g12v1 CROB\" matched");
        assert_eq!(exchange(SELECT_UNKNOWN, NOT_SUPPORTED)[1], "response dnp3 129 unit=3-4 object=\"g12v1 CROB\" status=4 matched");
        // Two analog outputs of different size: the values are no part of the row.
        let direct = "c0 05 29 02 17 01 05 1234 00 29 03 28 0100 0700 00000000 00";
        let other = direct.replace("1234", "4321");
        for application in [direct, &other] {
            let said = lines(&[(Role::Client, message(MASTER, application))]);
            assert_eq!(said, ["request dnp3 5 unit=1-10 object=\"g41v2 AO 5, g41v3 AO 7\""]);
        }
    }

    #[test]
    fn error_indications_reject() {
        let said = exchange(READ_UNKNOWN, UNKNOWN);
        assert_eq!(said, ["request dnp3 1 unit=3-4 object=\"g255v0\"", "response dnp3 129 unit=3-4 object=\"\" status=262 matched"]);
    }

    #[test]
    fn what_is_reserved_and_what_a_master_must_not_ask_for_is_told() {
        let said = lines(&[(Role::Client, message(MASTER, "e0 01 3c 02 06")), (Role::Server, message(OUTSTATION, "e0 81 00 c0"))]);
        let anomalies: Vec<_> = said.iter().filter(|line| line.starts_with("anomaly")).collect();
        assert_eq!(
            anomalies,
            [
                "anomaly dnp3 confirmation_requested: request asks to be confirmed",
                "anomaly dnp3 reserved_indication: IIN2.6 is set",
                "anomaly dnp3 reserved_indication: IIN2.7 is set"
            ]
        );
    }

    #[test]
    fn link_services_are_a_protocol_of_their_own() {
        let said = lines(&[(Role::Server, hex(STATUS_REQUEST)), (Role::Client, hex(STATUS))]);
        assert_eq!(said, ["request dnp3_link 25 unit=100-1 object=\"\"", "response dnp3_link 11 unit=100-1 object=\"\" matched"]);
        let said = lines(&[(Role::Client, link_frame(0xd3, &[0xc0, 0xc1, 1])), (Role::Server, link_frame(0x01, &[]))]);
        assert_eq!(said[0], "request dnp3_link 19 unit=1-10 object=\"\"", "confirmed user data");
        assert_eq!(said[1], "request dnp3 1 unit=1-10 object=\"\"", "and what it carries");
        assert_eq!(said[2], "response dnp3_link 1 unit=1-10 object=\"\" status=1 matched", "refused");
    }

    #[test]
    fn writes_and_broadcasts() {
        let said = lines(&[(Role::Client, hex(CLEAR_RESTART)), (Role::Client, hex(STOP_BROADCAST))]);
        assert_eq!(said[0], "request dnp3 2.80 unit=3-4 object=\"g80v1 IIN 7\"");
        assert_eq!(said[1], "request dnp3 18 unit=3-65535 broadcast object=\"g60v2 class 1, g1v7\" unanswerable");
    }

    #[test]
    fn a_file_keeps_its_name_under_its_handle() {
        let said = lines(&[(Role::Client, hex(OPEN)), (Role::Server, hex(OPENED)), (Role::Client, hex(READ_FILE))]);
        assert_eq!(said[0], "request dnp3 25.1 unit=3-4 object=\"g70v3 file ./test.xml read\"");
        assert_eq!(said[1], "response dnp3 129 unit=3-4 object=\"g70v4 file\" matched");
        assert_eq!(said[2], "fact dnp3 unit=3-4 status=time synchronisation required");
        assert_eq!(said[3], "request dnp3 1.70 unit=3-4 object=\"g70v5 file ./test.xml\"");
        // Status 3: no such file.
        let refused = message(OUTSTATION, "ce 81 0000 46045b01 0d00 00000000 00000000 0000 0400 03");
        let said = lines(&[(Role::Client, message(MASTER, "ce 19")), (Role::Server, refused)]);
        assert_eq!(said[1], "response dnp3 129 unit=1-10 object=\"g70v4 file\" status=515 matched");
    }

    #[test]
    fn segments_are_put_together_past_the_wrap_of_their_number() {
        let application =
            hex("c5 81 0000 01 01 00 00 ff").into_iter().chain([0x55; 32]).chain(hex("1e02 00 00 00 01 0000")).collect::<Vec<u8>>();
        let (first, second) = application.split_at(20);
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Client, &message(MASTER, "c5 01 3c0106")).unwrap();
        recorder.feed(&PROTOCOL, Role::Server, &link_frame(OUTSTATION, &[&[0x7f], first].concat())).unwrap();
        assert_eq!(recorder.lines.len(), 1, "half a message says nothing yet");
        recorder.feed(&PROTOCOL, Role::Server, &link_frame(OUTSTATION, &[&[0x80], second].concat())).unwrap();
        assert_eq!(recorder.lines[1], "response dnp3 129 unit=1-10 object=\"g1v1, g30v2\" matched");
    }

    #[test]
    fn an_answer_of_several_fragments_answers_one_request() {
        let said = lines(&[
            (Role::Client, message(MASTER, "cf 01 3c0106")),
            (Role::Server, message(OUTSTATION, "af 81 0000 1e0200000001 0000")),
            (Role::Client, message(MASTER, "cf 00")),
            (Role::Server, message(OUTSTATION, "40 81 0000")),
        ]);
        assert_eq!(said[1], "response dnp3 129 unit=1-10 object=\"g30v2\" matched");
        assert_eq!(said[2], "request dnp3 0 unit=1-10 object=\"\" unanswerable");
        assert_eq!(said[3], "response dnp3 129 unit=1-10 object=\"\" matched");
    }

    #[test]
    fn unsolicited_events_make_one_row_in_whatever_order() {
        let one = "f1 82 0000 0201 28 0200 0100 81 0700 01 2001 17 01 03 0100000000";
        let other = "f2 82 0000 2001 17 01 09 0200000000 0201 17 01 02 01";
        for application in [one, other] {
            let said = lines(&[(Role::Server, message(OUTSTATION, application))]);
            assert_eq!(said, ["response dnp3 130 unit=1-10 object=\"g2v1, g32v1\""]);
        }
    }

    #[test]
    fn device_attributes_are_identity() {
        let application =
            "c0 81 0000 00fc 00 00 00 01 03 414345 00fa 00 00 00 01 04 52545539 00f0 00 00 00 02 02 0008 00f2 17 01 00 01 03 312e32";
        let said = lines(&[(Role::Client, message(MASTER, "c0 01 00fe 00 00 00")), (Role::Server, message(OUTSTATION, application))]);
        assert_eq!(said[0], "request dnp3 1.0 unit=1-10 object=\"g0v254 all attributes\"");
        assert_eq!(said[2..], ["fact dnp3 unit=1-10 vendor=ACE", "fact dnp3 unit=1-10 model=RTU9", "fact dnp3 unit=1-10 firmware=1.2"]);
    }

    #[test]
    fn indications_that_tell_of_the_device() {
        let said = lines(&[(Role::Server, message(OUTSTATION, "c0 81 a020"))]);
        let told: Vec<&str> = said[1..].iter().map(|line| line.split('=').next_back().unwrap()).collect();
        assert_eq!(told, ["device restart", "local control", "configuration corrupt"]);
    }

    #[test]
    fn secure_authentication_goes_beside_what_it_protects() {
        let challenge = "c3 83 0000 7801 5b 01 0c00 01000000 0100 04 01 00000000";
        let said = lines(&[
            (Role::Client, message(MASTER, "c3 05 0c01 28 0100 0300 81 01 64000000 00000000 00")),
            (Role::Server, message(OUTSTATION, challenge)),
            (Role::Client, message(MASTER, "c3 20 7802 5b 01 0800 01000000 0100 aabb")),
            (Role::Server, message(OUTSTATION, "c3 81 0000")),
            (Role::Server, message(OUTSTATION, "c3 83 0000 7807 5b 01 0f00 01000000 0100 0000 01 000000000000")),
        ]);
        assert_eq!(said[0], "request dnp3 5 unit=1-10 object=\"g12v1 CROB 3 trip pulse on\"");
        assert_eq!(said[1], "response dnp3 131 unit=1-10 object=\"g120v1 challenge\"");
        assert_eq!(said[2], "request dnp3 32 unit=1-10 object=\"g120v2 reply\" unanswerable");
        assert_eq!(said[3], "response dnp3 129 unit=1-10 object=\"\" matched");
        assert_eq!(said[4], "response dnp3 131 unit=1-10 object=\"g120v7 error\" status=769");
    }

    #[test]
    fn every_qualifier_is_walked() {
        for (header, text) in [
            ("0102 00 03 09", "g1v2 3-9"),
            ("0102 01 0300 0901", "g1v2 3-265"),
            ("0102 02 03000000 00000100", "g1v2 3-65536"),
            ("0102 03 03 09", "g1v2 3-9"),
            ("0102 06", "g1v2"),
            ("0200 07 05", "g2v0 up to 5"),
            ("0200 08 0501", "g2v0 up to 261"),
            ("0200 09 05000100", "g2v0 up to 65541"),
            ("0102 17 02 04 06", "g1v2 4, g1v2 6"),
            ("0102 28 0100 0402", "g1v2 516"),
            ("0102 39 01000000 04000001", "g1v2 16777220"),
            ("4605 5b 01 0800 0000000000000000", "g70v5 file"),
        ] {
            let said = lines(&[(Role::Client, message(MASTER, &format!("c0 01 {header} 3c0206")))]);
            assert!(said[0].contains(&format!("object=\"{text}, g60v2 class 1\"")), "{header}: {said:?}");
        }
        let many = lines(&[(Role::Client, message(MASTER, &format!("c0 01 {}", "0102 00 01 02".repeat(20))))]);
        assert!(many[0].ends_with("g1v2 1-2 … +8\""), "{many:?}");
    }

    #[test]
    fn breaches_are_named_and_the_function_still_counts() {
        let feed = |octets: &[u8]| {
            let mut recorder = Recorder::default();
            let result = recorder.feed(&PROTOCOL, Role::Client, octets);
            (recorder.lines, result)
        };
        let mut bad = hex(SELECT);
        bad[20] ^= 1;
        assert_eq!(feed(&bad), (vec!["anomaly dnp3 bad_crc: data block".to_owned()], Ok(())));
        let mut bad = hex(SELECT);
        bad[4] ^= 1;
        assert_eq!(feed(&bad), (vec!["anomaly dnp3 bad_crc: link header".to_owned()], Ok(())));

        let (said, result) = feed(&message(MASTER, "c0 04 0c01 00 00 ff 03"));
        assert_eq!(said, ["request dnp3 4 unit=1-10 object=\"g12v1 CROB … +255\""]);
        assert_eq!(result, Err(Error::Malformed("object data goes past the end of the message")));
        assert_eq!(feed(&message(MASTER, "c0 01 0102 7c")).1, Err(Error::Malformed("reserved range code in an object header")));
        assert_eq!(feed(&message(MASTER, "c0 01 0102 00 09 03")).1, Err(Error::Malformed("object range stops before it starts")));

        let said = feed(&message(MASTER, "c0 60")).0;
        assert_eq!(said, ["request dnp3 96 unit=1-10 object=\"\"", "anomaly dnp3 reserved_function: application function 96"]);
    }

    #[test]
    fn the_function_says_who_is_master_where_the_direction_bit_lies() {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Client, &link_frame(OUTSTATION, &hex("c0 c0 02 3201 07 01 000000000000"))).unwrap();
        assert_eq!(recorder.sender, Role::Client);
        assert_eq!(recorder.lines, ["request dnp3 2.50 unit=10-1 object=\"g50v1 time\""]);
        recorder.feed(&PROTOCOL, Role::Client, &hex(SELECTED)).unwrap();
        assert_eq!(recorder.sender, Role::Server, "a response comes from the outstation whoever was thought to speak");
    }

    #[test]
    fn recognised_by_its_check_code() {
        for octets in ALL.map(hex) {
            assert_eq!(probe(&octets), Likeness::Sure);
            assert_eq!(frame(&octets), Ok(Some(octets.len())));
            for length in 1..HEADER {
                assert_eq!(probe(&octets[..length]), Likeness::Possible);
            }
            let mut bad = octets;
            bad[9] ^= 1;
            assert_eq!(probe(&bad), Likeness::Possible);
        }
        for other in ["", "0565", "16030100", "056404c4010001009999", "056405c6010001009999"] {
            assert_eq!(probe(&hex(other)), Likeness::No, "{other}");
        }
        assert!(frame(&hex("056404")).is_err());
        assert_eq!(frame(&hex("0564")), Ok(None));
    }

    #[test]
    fn a_message_that_the_capture_cut_still_says_its_function() {
        let whole = hex(INTEGRITY);
        let mut recorder = Recorder::default();
        assert!(dissect(&whole[..60], &mut recorder).is_err());
        assert_eq!(recorder.lines, ["response dnp3 129 unit=3-2 object=\"g1v2, g10v2, g30v1\""]);
    }

    #[test]
    fn no_octets_harm() {
        let mut random: u32 = 1;
        let mut next = move || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random >> 16
        };
        for octets in ALL.map(hex) {
            for length in 0..=octets.len() {
                let _ = dissect(&octets[..length], &mut Recorder::default());
            }
            for _ in 0..500 {
                let mut data: Vec<u8> = octets[HEADER.min(octets.len())..].to_vec();
                for _ in 0..3 {
                    if let Some(octet) = data.get_mut(next() as usize % octets.len()) {
                        *octet = u8::try_from(next() & 0xff).unwrap();
                    }
                }
                let mut recorder = Recorder::default();
                let _ = dissect(&octets, &mut recorder);
                let _ = recorder.feed(&PROTOCOL, Role::Client, &link_frame(MASTER, &data));
                let _ = application(&data, u64::from(next()) << 32, &mut recorder);
                let _ = probe(&data);
            }
        }
    }
}
