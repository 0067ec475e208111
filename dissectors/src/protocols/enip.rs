//! EtherNet/IP (CIP Volume 2): the encapsulation (2-3), its common packet format (2-6), and the input and output that
//! travels without the encapsulation's header (3-3).
//!
//! ```text
//! 0 command | 2 length of the data | 4 session | 8 status | 12 sender context (8) | 20 options | 24 data
//!
//! SendRRData, SendUnitData   interface (4) | timeout (2) | items
//! items                      count | type, length, octets of each
//! UDP 2222                   items: sequenced address (connection, sequence number), connected data
//! ```
//!
//! All numbers are little-endian. The header does not say who asks: what lies inside does, and where nothing does
//! it is whoever is believed to be the client.

mod cip;
mod connections;
mod identity;
mod path;
mod pccc;

use self::cip::Envelope;
use self::connections::{Connection, InputOutput};
use super::{Gist, Likeness, Protocol};
use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Request, Response, Role, Sink};
use crate::table::Hashes;

pub(super) static PROTOCOL: Protocol =
    Protocol { name: "enip", tcp_ports: &[44818], udp_ports: &[44818], probe, frame, gist, dissect, ..Protocol::CONTROL };

pub(super) static CIP_IO: Protocol =
    Protocol { name: "cip_io", udp_ports: &[2222], probe: probe_input_output, dissect: input_output, ..Protocol::CONTROL };

const NOP: u16 = 0x00;
const LIST_SERVICES: u16 = 0x04;
const LIST_IDENTITY: u16 = 0x63;
const LIST_INTERFACES: u16 = 0x64;
const REGISTER_SESSION: u16 = 0x65;
const UNREGISTER_SESSION: u16 = 0x66;
const SEND_RR_DATA: u16 = 0x6f;
const SEND_UNIT_DATA: u16 = 0x70;
const INDICATE_STATUS: u16 = 0x72;
const CANCEL: u16 = 0x73;
const START_DTLS: u16 = 0xc8;

const NULL_ADDRESS: u16 = 0x00;
const CIP_IDENTITY: u16 = 0x0c;
const CONNECTED_ADDRESS: u16 = 0xa1;
const CONNECTED_DATA: u16 = 0xb1;
const UNCONNECTED_DATA: u16 = 0xb2;
const SERVICES: u16 = 0x100;
const SEQUENCED_ADDRESS: u16 = 0x8002;

/// Octets of the encapsulation header.
const HEADER: usize = 24;
/// Items of one message that are read.
const MOST_ITEMS: u16 = 32;
/// The one function of cyclic data: a packet of transport class 0 or 1.
const CYCLIC_DATA: u32 = 1;

/// Spread a key, so that what is mixed into it does not cancel out.
const fn mix(key: u64, with: u64) -> u64 {
    (key ^ with.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31)
}

/// The encapsulation header.
#[derive(Clone, Copy)]
struct Header {
    command: u16,
    length: u16,
    session: u32,
    status: u32,
    context: u64,
    options: u32,
}

impl Header {
    /// The header and what lies behind it.
    fn split(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = octets.split_first_chunk::<HEADER>()?;
        let [a, b, c, d, s0, s1, s2, s3, t0, t1, t2, t3, context @ .., o0, o1, o2, o3] = *head;
        let header = Self {
            command: u16::from_le_bytes([a, b]),
            length: u16::from_le_bytes([c, d]),
            session: u32::from_le_bytes([s0, s1, s2, s3]),
            status: u32::from_le_bytes([t0, t1, t2, t3]),
            context: u64::from_le_bytes(context),
            options: u32::from_le_bytes([o0, o1, o2, o3]),
        };
        Some((header, rest))
    }

    const fn is_known(self) -> bool {
        matches!(
            self.command,
            NOP | LIST_SERVICES
                | LIST_IDENTITY
                | LIST_INTERFACES
                | REGISTER_SESSION
                | UNREGISTER_SESSION
                | SEND_RR_DATA
                | SEND_UNIT_DATA
                | INDICATE_STATUS
                | CANCEL
                | START_DTLS
        )
    }

    /// What the answer will carry as well; `None` where none comes. The session is only made by the answer to its registration.
    const fn transaction(self) -> Option<u64> {
        match self.command {
            LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES | REGISTER_SESSION => Some(mix(self.context, self.command as u64)),
            SEND_RR_DATA => Some(mix(self.exchange(), self.command as u64)),
            _ => None,
        }
    }

    const fn exchange(self) -> u64 {
        mix(self.context, self.session as u64)
    }

    /// Count it, as what the end that sent it does: a client asks, a server answers.
    fn report(self, sender: Role, sink: &mut dyn Sink) {
        let (protocol, function, transaction) = ("enip", u32::from(self.command), self.transaction());
        let (subfunction, unit, object) = (None, None, Label::NONE);
        if sender == Role::Client {
            sink.request(&Request { protocol, function, subfunction, unit, object, transaction, context: 0 });
        } else {
            let status = (self.status != 0).then_some(self.status);
            sink.response(&Response { protocol, function, subfunction, unit, object, transaction, status, next: None });
        }
        if self.options != 0 {
            sink.anomaly("enip", "reserved_field", format_args!("options of the encapsulation header are not zero"));
        }
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    let Some((header, _)) = Header::split(octets) else { return Ok(None) };
    // A command that is not known is a value, as long as nothing else speaks against the header.
    if !header.is_known() && (header.command > 0xff || header.status != 0 || header.options != 0) {
        return Err(Error::Malformed("not an encapsulation header"));
    }
    Ok(Some(HEADER.saturating_add(header.length.into())))
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let (header, rest) = Header::split(octets).ok_or(Error::Truncated { at: octets.len() })?;
    let body = rest.get(..header.length.into()).unwrap_or(rest);
    match header.command {
        SEND_RR_DATA | SEND_UNIT_DATA => send_data(header, body, sink)?,
        LIST_IDENTITY | LIST_SERVICES | LIST_INTERFACES => list(header, body, sink)?,
        _ => {
            let sender = match header.command {
                REGISTER_SESSION if header.session == 0 && header.status == 0 => sink.sender_is(Role::Client, Evidence::Likely),
                REGISTER_SESSION => sink.sender_is(Role::Server, Evidence::Likely),
                _ if header.status != 0 => sink.sender_is(Role::Server, Evidence::Likely),
                _ => sink.sender(),
            };
            header.report(sender, sink);
        }
    }
    if body.len() < usize::from(header.length) { Err(Error::Truncated { at: octets.len() }) } else { Ok(()) }
}

/// A question has no data, an answer has items.
fn list(header: Header, body: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let asks = header.length == 0 && header.status == 0;
    let sender = sink.sender_is(if asks { Role::Client } else { Role::Server }, Evidence::Likely);
    header.report(sender, sink);
    if body.is_empty() {
        return Ok(());
    }
    let mut items = Items::new(body)?;
    while let Some(item) = items.next()? {
        if item.kind == CIP_IDENTITY {
            identity::list_identity(item.octets, sink)?;
        }
    }
    Ok(())
}

/// One service that is asked for or was done: of the answer the data do not matter.
fn gist(octets: &[u8], hashes: &Hashes, sink: &dyn Sink) -> Option<Gist> {
    let (header, body) = Header::split(octets)?;
    let is_plain = matches!(header.command, SEND_RR_DATA | SEND_UNIT_DATA) && header.status == 0 && header.options == 0;
    if !is_plain || body.len() != usize::from(header.length) {
        return None;
    }
    let Carried { connection, sequence, message: Some(message) } = Carried::read(body).ok()? else { return None };
    let asks = cip::gist(message)?;
    // What stands before the message is compared, but for the sequence number; behind it nothing may follow.
    let front = body.len().checked_sub(message.len())?;
    if !core::ptr::eq(body.get(front..)?.as_ptr(), message.as_ptr()) {
        return None;
    }
    let items = body.get(..front.checked_sub(if sequence.is_some() { 2 } else { 0 })?)?;
    let sender = if asks { Role::Client } else { Role::Server };
    let known = connection.and_then(|identifier| Connection::recall(identifier, sender, sink));
    if known.as_ref().is_some_and(|known| cip::raw_sender(known.class(), message).is_some()) {
        return None;
    }
    let exchange = match sequence {
        None => header.exchange(),
        Some(sequence) => mix(known.as_ref().map_or(0, Connection::pair), u64::from(sequence)),
    };
    let said = if asks { message } else { message.get(..4)? };
    let unit = known.as_ref().map_or(&[][..], |known| known.unit().octets);
    let lengths = u64::from(header.command) << 32 | u64::from(header.length) << 16 | items.len() as u64;
    let key = hashes.of((lengths, items, unit, said)) | 1;
    let transaction = Envelope::new(exchange, None).transaction_of(message.first()? & !cip::RESPONSE);
    Some(Gist { asks, key, transaction, envelope: Some(header.transaction()) })
}

/// CIP, unconnected or on a connection.
fn send_data(header: Header, body: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let carried = Carried::read(body);
    let Ok(Carried { connection, sequence, message: Some(message) }) = carried else {
        let sender = if header.status == 0 { sink.sender() } else { sink.sender_is(Role::Server, Evidence::Likely) };
        header.report(sender, sink);
        // A refused command may come back empty.
        return if header.status != 0 { Ok(()) } else { carried.and(Err(Error::Malformed("command carries no data item"))) };
    };
    let asker = cip::sender(message);
    let known = connection.zip(asker).and_then(|(identifier, sender)| Connection::recall(identifier, sender, &*sink));
    let transaction = match sequence {
        None => header.exchange(),
        // Before a connection is known in both directions, its sequence number alone pairs.
        Some(sequence) => mix(known.as_ref().map_or(0, Connection::pair), u64::from(sequence)),
    };
    let envelope = Envelope::new(transaction, known.as_ref().map(Connection::unit));
    let class = known.as_ref().map_or(0, Connection::class);
    if let Some(sender) = cip::raw_sender(class, message) {
        header.report(sink.sender_is(sender, Evidence::Certain), sink);
        return cip::raw_command(class, message, envelope, sink);
    }
    let sender = match asker {
        Some(sender) => sink.sender_is(sender, Evidence::Certain),
        None => sink.sender(),
    };
    header.report(sender, sink);
    cip::message(message, envelope, sink)
}

/// One item of the common packet format, as much as there is of it.
#[derive(Clone, Copy)]
struct Item<'a> {
    kind: u16,
    octets: &'a [u8],
}

/// Walks the items.
struct Items<'a> {
    reader: Reader<'a>,
    left: u16,
}

impl<'a> Items<'a> {
    fn new(octets: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(octets);
        let left = reader.u16_le()?.min(MOST_ITEMS);
        Ok(Self { reader, left })
    }

    fn next(&mut self) -> Result<Option<Item<'a>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left = self.left.saturating_sub(1);
        let (kind, length) = (self.reader.u16_le()?, self.reader.u16_le()?);
        Ok(Some(Item { kind, octets: self.reader.up_to(length.into()) }))
    }
}

/// What the items of a message hold.
#[derive(Clone, Copy, Default)]
struct Carried<'a> {
    connection: Option<u32>,
    /// Sequence number of connected data.
    sequence: Option<u16>,
    message: Option<&'a [u8]>,
}

impl<'a> Carried<'a> {
    fn read(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let interface = reader.u32_le()?;
        reader.skip(2)?;
        if interface != 0 {
            return Err(Error::Malformed("interface handle is not that of CIP"));
        }
        let mut carried = Self::default();
        let mut items = Items::new(reader.rest())?;
        while let Some(item) = items.next()? {
            match item.kind {
                CONNECTED_ADDRESS | SEQUENCED_ADDRESS => carried.connection = item.octets.first_chunk().map(|id| u32::from_le_bytes(*id)),
                CONNECTED_DATA => {
                    let (sequence, message) = item.octets.split_first_chunk().ok_or(Error::Truncated { at: body.len() })?;
                    carried.sequence = Some(u16::from_le_bytes(*sequence));
                    carried.message = Some(message);
                    break;
                }
                UNCONNECTED_DATA => {
                    carried.message = Some(item.octets);
                    break;
                }
                _ => {}
            }
        }
        Ok(carried)
    }
}

/// What the identifier of a connection was opened for is in the memory of the address that sends it.
fn input_output(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut items = Items::new(octets)?;
    let mut identifier = None;
    while let Some(item) = items.next()? {
        if matches!(item.kind, SEQUENCED_ADDRESS | CONNECTED_ADDRESS) {
            identifier = item.octets.first_chunk().map(|id| u32::from_le_bytes(*id));
            break;
        }
    }
    let identifier = identifier.ok_or(Error::Malformed("no connection is named"))?;
    let known = InputOutput::recall(identifier, &*sink);
    let sender = match &known {
        Some(known) => sink.sender_is(known.sender(), Evidence::Certain),
        None => sink.sender(),
    };
    let (protocol, function, subfunction, transaction) = ("cip_io", CYCLIC_DATA, None, None);
    let (unit, object) = known.as_ref().map_or((None, Label::NONE), |known| (Some(known.labels().0), known.labels().1));
    if sender == Role::Client {
        sink.request(&Request { protocol, function, subfunction, unit, object, transaction, context: 0 });
    } else {
        sink.response(&Response { protocol, function, subfunction, unit, object, transaction, status: None, next: None });
    }
    Ok(())
}

/// Two items whose lengths fill the datagram.
fn probe_input_output(octets: &[u8]) -> Likeness {
    let [2, 0, 0x02, 0x80, 8, 0, _, _, _, _, _, _, _, _, 0xb1, 0, low, high, data @ ..] = octets else { return Likeness::No };
    match data.len().cmp(&u16::from_le_bytes([*low, *high]).into()) {
        core::cmp::Ordering::Equal => Likeness::Sure,
        core::cmp::Ordering::Less => Likeness::Possible,
        core::cmp::Ordering::Greater => Likeness::No,
    }
}

fn probe(octets: &[u8]) -> Likeness {
    let Some((header, body)) = Header::split(octets) else { return Likeness::No };
    let fixed = header.is_known() && header.options == 0 && header.status <= 0xff;
    let empty = header.length == 0;
    match header.command {
        _ if !fixed => Likeness::No,
        // All zeros are no message.
        NOP if empty && header.session == 0 && header.context == 0 => Likeness::No,
        NOP if body.len() != usize::from(header.length) || header.status != 0 => Likeness::No,
        REGISTER_SESSION if header.length == 4 => match body {
            [1, 0, 0, 0, ..] => Likeness::Sure,
            [_, _, _, _, ..] | [] => Likeness::Possible,
            _ => Likeness::No,
        },
        REGISTER_SESSION | UNREGISTER_SESSION if !empty => Likeness::No,
        _ if empty => Likeness::Possible,
        SEND_RR_DATA | SEND_UNIT_DATA => probe_data(header, body),
        LIST_IDENTITY | LIST_SERVICES => probe_list(header, body),
        _ => Likeness::Possible,
    }
}

/// The two items that nearly all messages have, their lengths adding up to that of the header.
fn probe_data(header: Header, body: &[u8]) -> Likeness {
    let fits = |low: u8, high: u8, before: u16| u16::from_le_bytes([low, high]).checked_add(before) == Some(header.length);
    let (address, data) = match header.command {
        SEND_RR_DATA => (NULL_ADDRESS, UNCONNECTED_DATA),
        _ => (CONNECTED_ADDRESS, CONNECTED_DATA),
    };
    let [i0, i1, i2, i3, _, _, c0, c1, rest @ ..] = body else { return Likeness::Possible };
    if [*i0, *i1, *i2, *i3] != [0; 4] || *c1 != 0 || *c0 > 4 {
        // A message of exactly its length is one, if a wrong one.
        return if body.len() == usize::from(header.length) { Likeness::Possible } else { Likeness::No };
    }
    let kinds = |a: u8, b: u8, c: u8, d: u8| (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])) == (address, data);
    match *rest {
        [a, b, 0, 0, c, d, low, high, ..] if header.command == SEND_RR_DATA && *c0 == 2 && kinds(a, b, c, d) && fits(low, high, 16) => {
            Likeness::Sure
        }
        [a, b, 4, 0, _, _, _, _, c, d, low, high, ..]
            if header.command == SEND_UNIT_DATA && *c0 == 2 && kinds(a, b, c, d) && fits(low, high, 20) =>
        {
            Likeness::Sure
        }
        _ => Likeness::Possible,
    }
}

/// One item whose length fills the message, of encapsulation version 1.
fn probe_list(header: Header, body: &[u8]) -> Likeness {
    let [1, 0, a, b, low, high, 1, 0, ..] = *body else { return Likeness::Possible };
    let kind = if header.command == LIST_IDENTITY { CIP_IDENTITY } else { SERVICES };
    let fills = u16::from_le_bytes([low, high]).checked_add(6) == Some(header.length);
    if fills && u16::from_le_bytes([a, b]) == kind { Likeness::Sure } else { Likeness::Possible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // Captured: a ControlLogix and its clients (openics of ITI ICS-Security-Tools, cpppo, suricata-verify), an exchange each.
    const REGISTER: [&str; 2] =
        ["65000400000000000000000000000000000000000000000001000000", "65000400011e02110000000000000000000000000000000001000000"];
    const IDENTITY_OF_SLOT_0: [&str; 2] = [
        "6f0024000001021100000000b39b02002008e10000000000000000002000020000000000b200140052022006240107f9060001022001240101000100",
        "6f0037000001021100000000b39b02002008e10000000000000000002000020000000000b20027008100000001000e003600101460303f82510014313735362d4c36312f42204c4f47495835353631",
    ];
    const FORWARD_OPEN: [&str; 2] = [
        "6f0040000001021100000000c69b02002008e10000000000000000002000020000000000b200300054022006240107f9140000801300fe8014004d00f32b95320000000000127a00f44300127a00f443a303010020022401",
        "6f002e000001021100000000c69b02002008e10000000000000000002000020000000000b2001e00d4000000010379001300fe8014004d00f32b953200127a0000127a000000",
    ];
    const CONNECTED: [&str; 2] = [
        "7000220000010211000000000000000000000000000000000000000001000200a100040001037900b1000e00010003022069240102000a000c00",
        "70002c0000010211000000000000000000000000000000000000000000000200a10004001300fe80b100180001008300000002000a000000000000000c000000fa1b0000",
    ];
    const FORWARD_CLOSE: [&str; 2] = [
        "6f0028000001021100000000da9b02002008e10000000000000000002000020000000000b20018004e022006240107f914004d00f32b95320300010020022401",
        "6f001e000001021100000000da9b02002008e10000000000000000002000020000000000b2000e00ce00000014004d00f32b95320000",
    ];
    const READ_TAG: [&str; 2] = [
        "6f002e00011e021100000000030000000000000000000000000000000500020000000000b2001e00520220062401059d10005204910553434144410001000000000001000100",
        "6f001800011e021100000000030000000000000000000000000000000500020000000000b2000800d2000000c3002780",
    ];
    const LIST_IDENTITY_ANSWER: &str = "63003300000000000000000000000000c1debed10000000001000c002d0001000002af120a0101a4000000000000000001000c003a00040330008e4d52000b313735362d454e42542f4103";
    const CYCLIC: &str = "0200028008000b408e008f150500b10002000100";

    fn exchange(recorder: &mut Recorder, [request, response]: [&str; 2]) -> Vec<String> {
        recorder.feed(&PROTOCOL, Role::Client, &hex(request)).unwrap();
        recorder.feed(&PROTOCOL, Role::Server, &hex(response)).unwrap();
        core::mem::take(&mut recorder.lines)
    }

    fn facts(lines: &[String]) -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix("fact ")).collect()
    }

    /// A message of one item of unconnected data.
    fn unconnected(data: &str) -> String {
        let length = hex(data).len();
        let swap = |number: usize| format!("{:02x}{:02x}", number & 0xff, number >> 8);
        format!(
            "6f00{} 01000000 00000000 0700000000000000 00000000 000000000000 0200 00000000 b200{} {data}",
            swap(length + 16),
            swap(length)
        )
    }

    fn cip(recorder: &mut Recorder, request: &str, response: &str) -> Vec<String> {
        let lines = exchange(recorder, [&unconnected(request), &unconnected(response)]);
        lines.into_iter().filter(|line| !line.contains(" enip ")).collect()
    }

    #[test]
    fn a_session_is_paired_though_its_handle_is_new() {
        let lines = exchange(&mut Recorder::default(), REGISTER);
        assert_eq!(lines, [r#"request enip 101 unit= object="""#, r#"response enip 101 unit= object="" matched"#]);
    }

    #[test]
    fn a_refused_command_comes_back_empty() {
        let refused = "6f000000011e021108000000030000000000000000000000";
        let lines = exchange(&mut Recorder::default(), [READ_TAG[0], refused]);
        assert_eq!(lines.last().unwrap(), r#"response enip 111 unit= object="" status=8 matched"#);
    }

    #[test]
    fn an_unconnected_send_counts_with_what_is_in_it() {
        let lines = exchange(&mut Recorder::default(), READ_TAG);
        assert_eq!(
            lines,
            [
                r#"request enip 111 unit= object="""#,
                r#"request cip 82.6 unit= object="Connection Manager 1" unanswerable"#,
                r#"request cip 82.107 unit=1/0 object="Tag SCADA""#,
                r#"response enip 111 unit= object="" matched"#,
                r#"response cip 82 unit= object="" matched"#,
            ]
        );
    }

    #[test]
    fn the_identity_behind_a_route_belongs_to_its_slot() {
        let lines = exchange(&mut Recorder::default(), IDENTITY_OF_SLOT_0);
        assert_eq!(
            facts(&lines),
            [
                "cip unit=1/0 vendor=Rockwell Automation/Allen-Bradley",
                "cip unit=1/0 device_type=Programmable Logic Controller",
                "cip unit=1/0 product_code=54",
                "cip unit=1/0 firmware=16.20",
                "cip unit=1/0 status=at least one I/O connection in run mode",
                "cip unit=1/0 serial=0x0051823f",
                "cip unit=1/0 model=1756-L61/B LOGIX5561",
                "cip unit=1/0 mode=run",
                "cip unit=1/0 key_switch=remote",
            ]
        );
    }

    #[test]
    fn a_list_identity_answer_says_who_and_where() {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Server, &hex(LIST_IDENTITY_ANSWER)).unwrap();
        assert_eq!(recorder.lines[0], r#"response enip 99 unit= object="""#);
        let said = facts(&recorder.lines);
        assert!(said.contains(&"enip unit= address=10.1.1.164"));
        assert!(said.contains(&"enip unit= model=1756-ENBT/A"));
        assert!(said.contains(&"enip unit= device_type=Communications Adapter"));
        assert!(said.contains(&"enip unit= status=operational"));
    }

    #[test]
    fn connected_messages_belong_to_the_route_of_their_connection() {
        let mut recorder = Recorder::default();
        let opened = exchange(&mut recorder, FORWARD_OPEN);
        assert_eq!(opened[1], r#"request cip 84.6 unit=1/0 object="Message Router 1""#);
        assert_eq!(opened[3], r#"response cip 84 unit= object="" matched"#);
        let sent = exchange(&mut recorder, CONNECTED);
        assert_eq!(sent[0], r#"request enip 112 unit= object="" unanswerable"#);
        assert_eq!(sent[1], r#"request cip 3.105 unit=1/0 object="class 0x69 instance 1""#);
        assert_eq!(sent[3], r#"response cip 3 unit=1/0 object="" matched"#);
        let closed = exchange(&mut recorder, FORWARD_CLOSE);
        assert_eq!(closed[1], r#"request cip 78.6 unit=1/0 object="Message Router 1""#);
        assert_eq!(exchange(&mut recorder, CONNECTED)[1], r#"request cip 3.105 unit= object="class 0x69 instance 1""#);
    }

    #[test]
    fn connected_messages_pair_though_the_connection_was_opened_before_the_capture() {
        assert!(exchange(&mut Recorder::default(), CONNECTED)[3].ends_with("matched"));
    }

    #[test]
    fn the_service_says_who_asks() {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Server, &hex(CONNECTED[0])).unwrap();
        assert_eq!(recorder.sender, Role::Client);
    }

    #[test]
    fn each_service_of_a_packet_is_answered_by_itself() {
        // Hand-made: read the name of the product and a tag; the second is refused.
        let lines = cip(
            &mut Recorder::default(),
            "0a02 2002 2401 0200 0600 0e00 0e03 2001 2401 3007 4c02 9101 4100 0100",
            "8a00 1e00 0200 0600 0c00 8e000000 0141 cc000401 0000",
        );
        assert_eq!(
            lines,
            [
                r#"request cip 10.2 unit= object="Message Router 1""#,
                r#"request cip 14.1 unit= object="Identity 1 attribute 7""#,
                r#"request cip 76.107 unit= object="Tag A""#,
                r#"response cip 10 unit= object="" status=30 matched"#,
                r#"response cip 14 unit= object="" matched"#,
                "fact cip unit= model=A",
                r#"response cip 76 unit= object="" status=4 matched"#,
            ]
        );
    }

    #[test]
    fn a_route_that_fails_is_answered_by_the_connection_manager() {
        let lines = cip(&mut Recorder::default(), "5202 2006 2401 059d 0600 4c02 9101 4100 0100 0105", "d2000101 0402 01");
        assert_eq!(lines.last().unwrap(), r#"response cip 82.6 unit= object="" status=132097"#);
        assert_eq!(132_097, 0x0204 << 8 | 0x01);
    }

    #[test]
    fn a_reset_says_of_which_kind() {
        let sub = |request| cip(&mut Recorder::default(), request, "85000000")[0].clone();
        assert_eq!(sub("0502 2001 2401"), r#"request cip 5.1 unit= object="Identity 1""#);
        assert_eq!(sub("0502 2001 2401 00"), r#"request cip 5.1 unit= object="Identity 1""#);
        assert_eq!(sub("0502 2001 2401 01"), r#"request cip 5.65537 unit= object="Identity 1""#);
    }

    #[test]
    fn pccc_is_counted_with_the_service_that_carries_it() {
        let lines = cip(
            &mut Recorder::default(),
            "4b02 2067 2401 07 0100 78563412 0f00 0100 aa 02 07 89 05 00 1100",
            "cb000000 07 0100 78563412 4f10 0100",
        );
        assert_eq!(
            lines,
            [
                r#"request cip 75.103 unit= object="PCCC 1""#,
                r#"request pccc 4010 unit= object="N7:5""#,
                r#"response cip 75 unit= object="" matched"#,
                r#"response pccc 4095 unit= object="" status=16 matched"#,
            ]
        );
    }

    #[test]
    fn host_name_and_address_of_the_interface() {
        let lines = cip(&mut Recorder::default(), "0e03 20f5 2401 3006", "8e000000 0500 706c632d31 00");
        assert_eq!(facts(&lines), ["cip unit= hostname=plc-1"]);
        let lines = cip(&mut Recorder::default(), "0e03 20f5 2401 3005", "8e000000 0a01a8c0 00ffffff 00000000 00000000 00000000 0000");
        assert_eq!(facts(&lines), ["cip unit= address=192.168.1.10"]);
    }

    #[test]
    fn facts_keep_a_route_of_any_length() {
        let route = "1209 3130 2e31 2e32 2e33 3400 0102";
        let request = format!("5202 2006 2401 059d 0a00 0302 2064 2401 0100 0100 0800 {route}");
        let lines = cip(&mut Recorder::default(), &request, "83000000 0100 0100 0000 0300 504c43");
        assert_eq!(facts(&lines), ["cip unit=2/10.1.2.34,1/2 project=PLC"]);
    }

    #[test]
    fn cyclic_data_belongs_to_the_owner_of_its_connection() {
        // Hand-made: class 1, configuration 1, consumed point 100, produced point 110; identifiers 0x11 and 0x22.
        let open =
            "5402 2006 2401 07f9 00000000 22000000 0100 0100 01000000 00 000000 10270000 0a48 10270000 0a48 01 04 2004 2401 2c64 2c6e";
        let opened = "d4000000 11000000 22000000 0100 0100 01000000 10270000 10270000 0000";
        let mut recorder = Recorder::default();
        assert_eq!(cip(&mut recorder, open, opened)[0], r#"request cip 84.6 unit= object="Assembly 1 point 100 point 110""#);
        // Sent the way the ports would make one believe is wrong.
        recorder.feed(&CIP_IO, Role::Client, &hex("0200 0280 0800 11000000 01000000 b100 0600 0100 01000000")).unwrap();
        recorder.feed(&CIP_IO, Role::Server, &hex("0200 0280 0800 22000000 01000000 b100 0300 0100 ff")).unwrap();
        recorder.feed(&CIP_IO, Role::Server, &hex(CYCLIC)).unwrap();
        assert_eq!(
            recorder.lines,
            [
                r#"request cip_io 1 unit= object="Assembly 100" unanswerable"#,
                r#"response cip_io 1 unit= object="Assembly 110""#,
                r#"response cip_io 1 unit= object="""#,
            ]
        );
    }

    #[test]
    fn a_message_without_cip_is_counted_and_called_malformed() {
        let mut recorder = Recorder::default();
        let no_items = "6f0008000000000000000000000000000000000000000000 000000000000 0000";
        assert_eq!(recorder.feed(&PROTOCOL, Role::Client, &hex(no_items)), Err(Error::Malformed("command carries no data item")));
        assert_eq!(recorder.lines, [r#"request enip 111 unit= object="""#]);
    }

    #[test]
    fn only_consistent_messages_are_sure() {
        for message in [REGISTER[0], REGISTER[1], IDENTITY_OF_SLOT_0[1], CONNECTED[0], CONNECTED[1], READ_TAG[0], LIST_IDENTITY_ANSWER] {
            assert_eq!(probe(&hex(message)), Likeness::Sure, "{message}");
            let mut other = hex(message);
            other[2] ^= 1;
            assert!(probe(&other) < Likeness::Sure, "{message}");
        }
        assert_eq!(probe(&hex("630000000000000000000000000000000000000000000000")), Likeness::Possible);
        assert_eq!(probe(&[0; 64]), Likeness::No);
        assert_eq!(probe(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), Likeness::No);
        assert_eq!(probe_input_output(&hex(CYCLIC)), Likeness::Sure);
        assert_eq!(probe_input_output(&hex(&CYCLIC[..38])), Likeness::Possible);
        assert_eq!(probe_input_output(&hex(&format!("{CYCLIC}00"))), Likeness::No);
    }

    #[test]
    fn frames_follow_the_header() {
        assert_eq!(frame(&hex(REGISTER[0])), Ok(Some(28)));
        assert_eq!(frame(&hex(&REGISTER[0][..40])), Ok(None));
        assert!(frame(b"not an encapsulation header").is_err());
        // Reserved commands are values.
        assert_eq!(frame(&hex("050002000000000000000000000000000000000000000000")), Ok(Some(26)));
    }

    /// Whatever is cut off or changed: no panic, and every service that is still there counts.
    #[test]
    fn any_octets_are_survived() {
        let io = "5402 2006 2401 07f9 00000000 22000000 0100 0100 01000000 00 000000 10270000 0a48 10270000 0a48 01 04 2004 2401 2c64 2c6e";
        let several = "0a02 2002 2401 0200 0600 0e00 0e03 2001 2401 3007 4c02 9101 4100 0100";
        let pccc = "4b02 2067 2401 07 0100 78563412 0f00 0100 aa 02 07 89 05 00 1100";
        let made = [unconnected(io), unconnected(several), unconnected(pccc)];
        let captured = [REGISTER, IDENTITY_OF_SLOT_0, FORWARD_OPEN, CONNECTED, FORWARD_CLOSE, READ_TAG];
        let all = captured.iter().flatten().copied().chain([LIST_IDENTITY_ANSWER, CYCLIC]).chain(made.iter().map(String::as_str));
        let mut random = 1_u64;
        for message in all.map(hex) {
            for length in 0..message.len() {
                let mut recorder = Recorder::default();
                let _ = dissect(&message[..length], &mut recorder);
                assert_eq!(length >= HEADER, !recorder.lines.is_empty(), "{length} of {message:02x?}");
                let _ = (input_output(&message[..length], &mut recorder), probe(&message[..length]), frame(&message[..length]));
            }
            let mut recorder = Recorder::default();
            for _ in 0..2000 {
                let mut changed = message.clone();
                for _ in 0..3 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let at = usize::try_from(random >> 33).unwrap() % changed.len();
                    changed[at] = random.to_be_bytes()[0];
                }
                let _ = dissect(&changed, &mut recorder);
                let _ = input_output(&changed, &mut recorder);
                let _ = (probe(&changed), probe_input_output(&changed), frame(&changed));
                let _ = (path::object(&changed).to_text(), path::unit(&changed).to_text());
            }
        }
    }
}
