//! DHCP, RFC 2131 and 2132, and BOOTP below it, RFC 951. A client is who its hardware address says, not who sent the frame:
//! that may be a relay.
//!
//! ```text
//!   0  operation (1 request, 2 reply)  1  hardware type  2  its length  3  hops  4  transaction  8  seconds  10  flags
//!  12  client's address  16  your address  20  next server  24  relay  28  hardware address 16
//!  44  server's host name 64  108  boot file 128  236  63 82 53 63  240  options: code 1, length 1, data; 0 pads, 255 ends
//! ```

use core::fmt::Write;
use std::net::Ipv4Addr;

use super::dns::Name;
use super::{Likeness, Protocol};
use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Sink, Subject};
use crate::text::up_to_zero;

const NAME: &str = "dhcp";
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const COOKIE_AT: usize = 236;
/// Shortest BOOTP message: without its vendor area.
const SHORTEST: usize = COOKIE_AT;
const ACKNOWLEDGED: u8 = 5;

const PAD: u8 = 0;
const HOST_NAME: u8 = 12;
const DOMAIN_NAME: u8 = 15;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const SERVER: u8 = 54;
const PARAMETERS: u8 = 55;
const VENDOR_CLASS: u8 = 60;
const CLIENT_NAME: u8 = 81;
const END: u8 = 255;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[67, 68], probe, dissect, ..Protocol::SERVICE };

/// The fields before the options.
struct Front<'a> {
    operation: u8,
    client: [u8; 4],
    yours: [u8; 4],
    next_server: [u8; 4],
    relay: [u8; 4],
    /// The client's MAC address, where it has one.
    mac: Option<[u8; 6]>,
    server_name: &'a [u8],
    file: &'a [u8],
    options: &'a [u8],
}

impl<'a> Front<'a> {
    fn read(octets: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(octets);
        let [operation, _, length, _] = reader.take()?;
        reader.skip(8)?;
        let [client, yours, next_server, relay] = [reader.take()?, reader.take()?, reader.take()?, reader.take()?];
        let hardware: [u8; 6] = reader.take()?;
        reader.skip(10)?;
        let (server_name, file) = (reader.octets(64)?, reader.octets(128)?);
        let options = reader.rest().strip_prefix(&COOKIE).unwrap_or_default();
        let mac = (length == 6 && hardware != [0; 6]).then_some(hardware);
        Ok(Self { operation, client, yours, next_server, relay, mac, server_name, file, options })
    }

    /// Whom the options are about.
    fn subject(&self) -> Option<Subject> {
        let ip = if self.client == [0; 4] { Address::NONE } else { Address::v4(self.client) };
        match self.mac {
            Some(mac) => Some(Subject { mac: Mac::new(mac), ip }),
            None if ip == Address::NONE => None,
            None => Some(Subject::ip(ip)),
        }
    }
}

/// What stands in options of which there is one.
#[derive(Default)]
struct Single {
    message_type: u8,
    overload: u8,
    server: Option<[u8; 4]>,
}

/// Hand each option of an area to `each`, up to its end or to one that is cut.
fn options(area: &[u8], each: &mut dyn FnMut(u8, &[u8])) {
    let mut reader = Reader::new(area);
    while let Ok(code) = reader.u8() {
        match code {
            PAD => {}
            END => return,
            _ => {
                let Ok(data) = reader.u8().and_then(|length| reader.octets(usize::from(length))) else { return };
                each(code, data);
            }
        }
    }
}

/// The cookie makes it sure; BOOTP without it is told by its front and its port.
fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [REQUEST | REPLY, _, 0..=16, 0..=32, rest @ ..] if octets.len() >= SHORTEST => match rest.get(COOKIE_AT.saturating_sub(4)..) {
            Some([a, b, c, d, ..]) if [*a, *b, *c, *d] == COOKIE => Likeness::Sure,
            _ => Likeness::Possible,
        },
        _ => Likeness::No,
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let front = Front::read(octets)?;
    let mut single = Single::default();
    options(front.options, &mut |code, data| match (code, data) {
        (MESSAGE_TYPE, [kind]) => single.message_type = *kind,
        (OVERLOAD, [which]) => single.overload = *which,
        (SERVER, data) => single.server = data.try_into().ok(),
        _ => {}
    });
    if front.operation == REPLY {
        handed_out(&front, &single, sink);
    }
    let Some(subject) = front.subject() else { return Ok(()) };
    let mut each = |code: u8, data: &[u8]| option(code, data, front.operation == REQUEST, subject, sink);
    options(front.options, &mut each);
    // RFC 2132 section 9.3: options that go on in fields of which there is no other need, the file first.
    if single.overload & 1 != 0 {
        options(front.file, &mut each);
    }
    if single.overload & 2 != 0 {
        options(front.server_name, &mut each);
    }
    Ok(())
}

/// What a server's reply says of itself, and of the client's address.
fn handed_out(front: &Front<'_>, single: &Single, sink: &mut dyn Sink) {
    if let Some(mac) = front.mac
        && single.message_type == ACKNOWLEDGED
        && front.yours != [0; 4]
    {
        sink.fact_about(Subject::mac(Mac::new(mac)), NAME, facts::ADDRESS, Ipv4Addr::from(front.yours).to_string().as_bytes());
    }
    if single.overload & 2 == 0 {
        let name = up_to_zero(front.server_name);
        if front.next_server != [0; 4] {
            sink.fact_about(Subject::ip(Address::v4(front.next_server)), NAME, facts::HOSTNAME, name);
        } else if let Some(server) = single.server {
            sink.fact_about(Subject::ip(Address::v4(server)), NAME, facts::HOSTNAME, name);
        } else if front.relay == [0; 4] {
            sink.fact(NAME, None, facts::HOSTNAME, name);
        }
    }
}

/// What one option says of the client. A server says its name back to it, or gives it one.
fn option(code: u8, data: &[u8], from_client: bool, subject: Subject, sink: &mut dyn Sink) {
    let key = match code {
        HOST_NAME => facts::HOSTNAME,
        DOMAIN_NAME if from_client => facts::DOMAIN,
        // A server that says it answers to the client's class.
        VENDOR_CLASS => facts::VENDOR_CLASS,
        PARAMETERS if from_client => {
            let mut text = String::new();
            for (number, code) in data.iter().enumerate() {
                let _ = write!(text, "{}{code}", if number == 0 { "" } else { "," });
            }
            return sink.fact_about(subject, NAME, facts::DHCP_PARAMETERS, text.as_bytes());
        }
        CLIENT_NAME => return client_name(data, subject, sink),
        _ => return,
    };
    sink.fact_about(subject, NAME, key, data);
}

/// RFC 4702: flags 1, two result codes, name; in DNS's form where flag E is set, else plain ASCII.
fn client_name(data: &[u8], subject: Subject, sink: &mut dyn Sink) {
    let [flags, _, _, name @ ..] = data else { return };
    if flags & 4 == 0 {
        sink.fact_about(subject, NAME, facts::HOSTNAME, name);
    } else if let Ok(name) = Name::alone(name) {
        sink.fact_about(subject, NAME, facts::HOSTNAME, name.text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    /// A message whose options are given; the client is 02:00:00:00:00:21.
    fn message(operation: u8, addresses: &str, name: &[u8], file: &[u8], rest: &str) -> Vec<u8> {
        let mut octets = vec![operation, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
        octets.extend(hex(addresses));
        octets.extend(hex("020000000021 00000000000000000000"));
        octets.extend(name.iter().copied().chain(core::iter::repeat(0)).take(64));
        octets.extend(file.iter().copied().chain(core::iter::repeat(0)).take(128));
        octets.extend(hex(rest));
        octets
    }

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets)
    }

    const NOBODY: &str = "00000000 00000000 00000000 00000000";

    #[test]
    fn a_client_says_who_it_is() {
        // Request of Windows' layout: type, name, FQDN in ASCII, class, parameters.
        let options = "63825363 350103 0c05 504c432d37 510d 000000 504c432d372e74657374 3c08 4d53465420352e30 3704 01030f06 ff";
        let octets = message(REQUEST, "00000000 00000000 00000000 0a0000fe", b"", b"", options);
        assert_eq!(probe(&octets), Likeness::Sure);
        assert_eq!(
            told(&octets),
            [
                "fact dhcp about 020000000021 hostname=PLC-7",
                "fact dhcp about 020000000021 hostname=PLC-7.test",
                "fact dhcp about 020000000021 vendor_class=MSFT 5.0",
                "fact dhcp about 020000000021 dhcp_parameters=1,3,15,6",
            ]
        );
        for length in 0..octets.len() {
            told(&octets[..length]);
            assert_ne!(probe(&octets[..length]), if length < 240 { Likeness::Sure } else { Likeness::No }, "{length}");
        }
    }

    #[test]
    fn a_name_in_the_form_of_dns_with_or_without_its_end() {
        for end in ["0a 040000 05 504c432d37 00", "09 040000 05 504c432d37"] {
            let octets = message(REQUEST, "0a000005 00000000 00000000 00000000", b"", b"", &format!("63825363 51 {end} ff"));
            assert_eq!(told(&octets), ["fact dhcp about 020000000021 10.0.0.5 hostname=PLC-7"], "{end}");
        }
        assert_eq!(told(&message(REQUEST, NOBODY, b"", b"", "63825363 51 06 040000 c00161 ff")), Vec::<String>::new());
    }

    #[test]
    fn options_go_on_in_the_file_and_the_servers_name() {
        let octets = message(REQUEST, NOBODY, b"\x3c\x04xyza\xff", b"\x0c\x03abc\xff", "63825363 340103 ff");
        assert_eq!(told(&octets), ["fact dhcp about 020000000021 hostname=abc", "fact dhcp about 020000000021 vendor_class=xyza"]);
    }

    #[test]
    fn a_server_hands_out_an_address_and_says_its_name() {
        let given = "00000000 0a000021 00000000 00000000";
        let acknowledged = message(REPLY, given, b"dhcp-1", b"", "63825363 350105 36040a000001 0c05 504c432d37 ff");
        assert_eq!(
            told(&acknowledged),
            [
                "fact dhcp about 020000000021 address=10.0.0.33",
                "fact dhcp about 10.0.0.1 hostname=dhcp-1",
                "fact dhcp about 020000000021 hostname=PLC-7",
            ]
        );
        assert_eq!(told(&message(REPLY, given, b"", b"", "63825363 350102 ff")), Vec::<String>::new());
    }

    #[test]
    fn bootp_has_no_options() {
        let octets = message(REPLY, "00000000 0a000021 00000000 00000000", b"boot-1", b"image", "");
        assert_eq!(probe(&octets), Likeness::Possible);
        assert_eq!(told(&octets), ["fact dhcp unit= hostname=boot-1"]);
    }
}
