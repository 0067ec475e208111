//! MMS (ISO 9506-2) in the upper layers of OSI over COTP: what a device says it is, and which domains it has. IEC 61850 and ICCP
//! speak it. No row of its own: it is one of the things that the connections of `s7comm.rs` carry.
//!
//! ```text
//! session (ISO 8327)       0x0D connect, 0x0E accept  length (1, or 0xFF and 2)  parameters, in them the presentation's contexts
//!                          1 0 1 0  data
//! presentation (ISO 8823)  [APPLICATION 1] { SEQUENCE { [OBJECT IDENTIFIER]  INTEGER context  [0] { MMS } } }
//! MMS                      [0] confirmed request, [1] confirmed response { INTEGER number  service }, [3] unconfirmed { service }
//! ```
//!
//! All in the basic encoding of ASN.1.

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Memo, Scope, Sink};

use super::der;

pub(super) const NAME: &str = "mms";

const CONNECT: u8 = 0x0d;
const ACCEPT: u8 = 0x0e;
/// Give tokens, data transfer.
const DATA: &[u8] = &[1, 0, 1, 0];
/// iso(1) standard(0) iso9506(9506) part(2), as its identifiers begin.
const OBJECT_IDENTIFIER: &[u8] = &[0x06, 0x05, 0x28, 0xca, 0x22, 0x02];
/// User data of the presentation layer, fully encoded.
const USER_DATA: u8 = 0x61;

const CONFIRMED_REQUEST: u8 = 0xa0;
const CONFIRMED_RESPONSE: u8 = 0xa1;
const UNCONFIRMED: u8 = 0xa3;
const INITIATE_REQUEST: u8 = 0xa8;
const INITIATE_RESPONSE: u8 = 0xa9;

const GET_NAME_LIST: u8 = 0xa1;
const IDENTIFY: u8 = 0xa2;
/// Read, write, attributes of a variable; define, describe, delete a list of variables.
const OF_VARIABLES: [u8; 6] = [0xa4, 0xa5, 0xa6, 0xab, 0xac, 0xad];
/// The class of objects that domains are (ISO 9506-2, 7.5.2).
const DOMAINS: u8 = 9;
const VISIBLE_STRING: u8 = 0x1a;

/// With the number of a request: it asked for the domains.
const ASKED: u64 = 0x6d6d_7300_0000_0000;
/// The domain that was told last.
const TOLD: u64 = 0x6d6d_7301_0000_0000;

/// Levels in which the name of a variable is looked for.
const MOST_LEVELS: u8 = 8;
/// Names of one list that are told.
const MOST_NAMES: u8 = 64;

/// Whether content of COTP begins a message of the session layer that may carry MMS; `last`: it also ends it.
pub(super) fn begins(content: &[u8], last: bool) -> bool {
    let whole = match *content {
        // In its first parameter, what the session layer can do.
        [CONNECT | ACCEPT, length @ 0..=0xfe, 5, _, 0x13, ..] => usize::from(length).saturating_add(2),
        [CONNECT | ACCEPT, 0xff, high, low, 5, _, 0x13, ..] => usize::from(u16::from_be_bytes([high, low])).saturating_add(4),
        [1, 0, 1, 0, USER_DATA, ..] => return true,
        _ => return last && is_bare(content),
    };
    if last { whole == content.len() } else { whole > content.len() }
}

/// MMS without the layers between, as test tools send it: its length agrees, and its first field is the one it must be.
fn is_bare(content: &[u8]) -> bool {
    let (length, rest) = match *content {
        [_, length @ 0..=0x7f, ref rest @ ..] | [_, 0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [_, 0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return false,
    };
    let first = match content.first() {
        Some(&(CONFIRMED_REQUEST | CONFIRMED_RESPONSE)) => der::INTEGER,
        Some(&(INITIATE_REQUEST | INITIATE_RESPONSE)) => 0x80,
        _ => return false,
    };
    length == rest.len() && rest.first() == Some(&first)
}

/// Dissect what the session layer carries. What is no MMS says nothing.
pub(super) fn dissect(content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    if let [CONNECT | ACCEPT, ..] = content {
        if content.windows(OBJECT_IDENTIFIER.len()).any(|window| window == OBJECT_IDENTIFIER) {
            sink.speaks(NAME);
        }
        return Ok(());
    }
    let Some(data) = content.strip_prefix(DATA) else {
        return if is_bare(content) { pdu(content, sink) } else { Ok(()) };
    };
    let list = der::expect(&mut Reader::new(data), USER_DATA)?;
    let mut value = Reader::new(der::expect(&mut Reader::new(list), der::SEQUENCE)?);
    if value.peek() == Some(0x06) {
        der::element(&mut value)?;
    }
    der::expect(&mut value, der::INTEGER)?;
    pdu(der::expect(&mut value, 0xa0)?, sink)
}

fn pdu(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let (kind, content) = der::element(&mut Reader::new(octets))?;
    let mut reader = Reader::new(content);
    match kind {
        CONFIRMED_REQUEST => {
            let number = number(&mut reader)?;
            sink.speaks(NAME);
            let (service, arguments) = der::element(&mut reader)?;
            request(number, service, arguments, sink)
        }
        CONFIRMED_RESPONSE => {
            let number = number(&mut reader)?;
            sink.speaks(NAME);
            let (service, arguments) = der::element(&mut reader)?;
            response(number, service, arguments, sink)
        }
        UNCONFIRMED => {
            sink.speaks(NAME);
            if let Some(domain) = domain_of_variable(content)
                && is_new(domain, sink)
            {
                sink.fact(NAME, Some(Label::NONE), facts::MODULE_NAME, domain);
            }
            Ok(())
        }
        INITIATE_REQUEST | INITIATE_RESPONSE => {
            sink.speaks(NAME);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Number of a request, which its response repeats.
fn number(reader: &mut Reader<'_>) -> Result<u64> {
    match *der::expect(reader, der::INTEGER)? {
        [a] => Ok(u64::from(a)),
        [a, b] => Ok(u64::from(u16::from_be_bytes([a, b]))),
        [a, b, c] => Ok(u64::from(u32::from_be_bytes([0, a, b, c]))),
        // Unsigned with 32 bits: a leading zero where the highest is set.
        [a, b, c, d] | [0, a, b, c, d] => Ok(u64::from(u32::from_be_bytes([a, b, c, d]))),
        _ => Err(Error::Malformed("number of an MMS request out of range")),
    }
}

fn request(number: u64, service: u8, arguments: &[u8], sink: &mut dyn Sink) -> Result<()> {
    if service == GET_NAME_LIST {
        let mut reader = Reader::new(arguments);
        let class = der::expect(&mut reader, 0xa0)?;
        let scope = der::expect(&mut reader, 0xa1)?;
        match der::element(&mut Reader::new(scope))? {
            // Of the whole device.
            (0x80, _) if class == [0x80, 1, DOMAINS] => sink.remember(Scope::Flow, ASKED | number, &[]),
            (0x81, domain) => about_server(domain, sink),
            _ => {}
        }
    } else if OF_VARIABLES.contains(&service)
        && let Some(domain) = domain_of_variable(arguments)
    {
        about_server(domain, sink);
    }
    Ok(())
}

/// A domain in which a client looks for something.
fn about_server(domain: &[u8], sink: &mut dyn Sink) {
    if is_new(domain, sink) {
        sink.fact_about(sink.receiver_addresses(), NAME, facts::MODULE_NAME, domain);
    }
}

/// Polls name the same domain again and again.
fn is_new(domain: &[u8], sink: &mut dyn Sink) -> bool {
    let memo = Memo::new(domain);
    let is_new = sink.recall(Scope::Flow, TOLD) != Some(memo);
    if is_new {
        sink.remember(Scope::Flow, TOLD, domain);
    }
    is_new
}

fn response(number: u64, service: u8, arguments: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(arguments);
    match service {
        IDENTIFY => {
            for (identifier, key) in [(0x80, facts::VENDOR), (0x81, facts::MODEL), (0x82, facts::FIRMWARE)] {
                sink.fact(NAME, Some(Label::NONE), key, der::expect(&mut reader, identifier)?);
            }
        }
        GET_NAME_LIST if sink.recall(Scope::Flow, ASKED | number).is_some() => {
            sink.forget(Scope::Flow, ASKED | number);
            let mut names = Reader::new(der::expect(&mut reader, 0xa0)?);
            for _ in 0..MOST_NAMES {
                if names.is_empty() {
                    break;
                }
                sink.fact(NAME, Some(Label::NONE), facts::MODULE_NAME, der::expect(&mut names, VISIBLE_STRING)?);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The domain of the first variable that is named, `[1] { VisibleString domain, VisibleString item }`, down the first branches.
fn domain_of_variable(octets: &[u8]) -> Option<&[u8]> {
    let mut branch = octets;
    for _ in 0..MOST_LEVELS {
        let mut reader = Reader::new(branch);
        // What holds no others comes before, if anything.
        let (mut identifier, mut content) = der::element(&mut reader).ok()?;
        while !matches!(identifier, 0xa0..=0xbf | der::SEQUENCE) {
            (identifier, content) = der::element(&mut reader).ok()?;
        }
        if identifier == 0xa1 && content.first() == Some(&VISIBLE_STRING) {
            let mut names = Reader::new(content);
            let domain = der::expect(&mut names, VISIBLE_STRING).ok()?;
            return der::expect(&mut names, VISIBLE_STRING).is_ok().then_some(domain);
        }
        branch = content;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::s7comm::PROTOCOL;
    use crate::sink::Role;
    use crate::testing::{Recorder, hex};

    // From public captures of IEC 61850 and ICCP: an association, a device identified, a variable of a domain read.
    const CONNECTS: &str = "030000bf02f0800db60506130100160102140200023302000134020001c1a031819da003800101a28195810400000001820400000001a423300f0201010604520100013004060251013010020103060528ca22020130040602510161623060020101a05b6059a107060528ca220203a20706052901876701a30302010ca606060429018767a70302010cbe33283106025101020103a028a826800300ff0081010a82010a830105a416800101810305f100820c03ee1c000004000000010118";
    const ASKS: &str = "0300001b02f08001000100610e300c020103a007a0050201018200";
    const IDENTIFIES: &str =
        "0300003c02f08001000100612f302d020103a028a126020101a2218009494e464f2054454348810d53363138353020666f722050438205302e302e31";
    const READS: &str = "0300006f02f0800100010061623060020103a05ba05902021150a453a151a04f3022a020a11e1a084b49524b4c414e441a1242696c61746572616c5f5461626c655f49443011a00f800d54415345325f56657273696f6e3016a0148012537570706f727465645f4665617475726573";
    // Made by hand after ISO 9506-2: domains are asked for and told.
    const ASKS_DOMAINS: &str = "0300002402f0800100010061173015020103a010a00e020102a109a003800109a1028000";
    const TELLS_DOMAINS: &str = "0300002e02f080010001006121301f020103a01aa118020102a113a00e1a06424f494c45521a044d495831810100";

    fn said(messages: &[(Role, Vec<u8>)]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (sender, message) in messages {
            recorder.feed(&PROTOCOL, *sender, message).unwrap();
        }
        recorder.lines
    }

    #[test]
    fn a_device_is_identified() {
        let lines = said(&[(Role::Client, hex(CONNECTS)), (Role::Client, hex(ASKS)), (Role::Server, hex(IDENTIFIES))]);
        assert_eq!(
            lines,
            [
                "speaks mms",
                "speaks mms",
                "speaks mms",
                "fact mms unit= vendor=INFO TECH",
                "fact mms unit= model=S61850 for PC",
                "fact mms unit= firmware=0.0.1"
            ]
        );
    }

    #[test]
    fn domains_are_told() {
        let domain = "fact mms about 020000000009 10.0.0.9 module_name=KIRKLAND";
        assert_eq!(said(&[(Role::Client, hex(READS)), (Role::Client, hex(READS))]), ["speaks mms", domain, "speaks mms"]);
        let lines = said(&[(Role::Client, hex(ASKS_DOMAINS)), (Role::Server, hex(TELLS_DOMAINS)), (Role::Server, hex(TELLS_DOMAINS))]);
        assert_eq!(
            lines,
            ["speaks mms", "speaks mms", "fact mms unit= module_name=BOILER", "fact mms unit= module_name=MIX1", "speaks mms"]
        );
    }

    // From a public capture of a test tool: MMS right above COTP.
    #[test]
    fn the_layers_between_may_be_missing() {
        let initiate = "0300002f02f080a8268002001f81010382010383020808a416800101810305e800820c03ffffffffffffffffffffff";
        assert_eq!(said(&[(Role::Client, hex(initiate)), (Role::Client, hex("0300000c02f080a804800101"))]), ["speaks mms"]);
    }

    #[test]
    fn a_message_in_two_tpdus_is_put_together() {
        let whole = hex(IDENTIFIES);
        for cut in 8..whole.len() {
            let (front, back) = (&whole[7..cut], &whole[cut..]);
            let tpdu = |part: &[u8], end: u8| [&[3, 0, 0, u8::try_from(part.len() + 7).unwrap(), 2, 0xf0, end], part].concat();
            let lines = said(&[(Role::Server, tpdu(front, 0)), (Role::Server, tpdu(back, 0x80))]);
            // Shorter than its mark, the front tells nothing.
            let whole = said(&[(Role::Server, whole.clone())]);
            assert_eq!(lines, if cut >= 12 { whole } else { vec![] }, "{cut}");
        }
    }

    #[test]
    fn a_cut_or_changed_message_is_no_anomaly() {
        for message in [CONNECTS, ASKS, IDENTIFIES, READS, ASKS_DOMAINS, TELLS_DOMAINS].map(hex) {
            for cut in 7..message.len() {
                let _ = dissect(&message[7..cut], &mut Recorder::default());
            }
            for at in 7..message.len() {
                for value in [0, 0x1f, 0x7f, 0x84, 0xff] {
                    let mut changed = message.clone();
                    changed[at] = value;
                    let lines = said(&[(Role::Server, changed)]);
                    assert!(!lines.iter().any(|line| line.starts_with("anomaly")));
                }
            }
        }
    }
}
