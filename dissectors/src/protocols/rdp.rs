//! RDP ([MS-RDPBCGR], 2.2.1): how a remote desktop is asked for.
//!
//! ```text
//! TPKT (RFC 1006)  3  0  length of all (2)
//! X.224   length of the header without this octet  type  destination reference (2)  source reference (2)  class
//!         request:  [token or cookie CR LF]  [1  flags  8 (2)  protocols (4)]
//!         confirm:  [2  flags  8 (2)  protocol (4)] or [3  0  8 (2)  reason (4)]
//! MCS     X.224 data with the conference's settings (T.125, T.124), in them blocks: type (2)  length (2)  content
//! ```
//!
//! Where both agree on it, what follows is TLS, and all else is inside.

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Role, Sink};
use crate::text;

use super::{Likeness, Protocol, tls};

const NAME: &str = "rdp";

/// TPKT header, with the smallest X.224 header.
const SMALLEST: u16 = 7;
/// Octets of an X.224 connection request or confirm, from its type to its class.
const FIXED: usize = 6;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const DATA: u8 = 0xf0;

const USER_COOKIE: &[u8] = b"Cookie: mstshash=";
const ROUTING_COOKIE: &[u8] = b"Cookie: msts=";

/// The client's conference settings (T.124, 8.7) name their origin before its blocks: the key of Microsoft's client.
const CLIENT_KEY: &[u8] = b"Duca";
const CLIENT_CORE: u16 = 0xc001;
/// Of the client's core block: octets before the name, octets of the name.
const BEFORE_NAME: usize = 20;
const NAME_LENGTH: usize = 32;
/// Blocks of the client's that are passed over.
const MOST_BLOCKS: u8 = 16;

/// RDP, until it is encrypted.
pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[3389], first_messages: 6, probe, frame, dissect, ..Protocol::SERVICE };

fn probe(octets: &[u8]) -> Likeness {
    match *octets {
        [3, 0, high, low, header, kind @ (CONNECTION_REQUEST | CONNECTION_CONFIRM), d_1, d_0, _, _, 0, ref rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let announced = usize::from(header);
            if length != announced.saturating_add(5) || (kind == CONNECTION_REQUEST && (d_1, d_0) != (0, 0)) {
                return Likeness::No;
            }
            probe_negotiation(kind == CONNECTION_REQUEST, rest, announced.saturating_sub(FIXED))
        }
        [3, 0, _, _, 2, DATA] | [3, 0, _, _, 2, DATA, 0x80, ..] | [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => {
            Likeness::Possible
        }
        [3, 0, _, _, _, CONNECTION_REQUEST | CONNECTION_CONFIRM, ..] if octets.len() < 11 => Likeness::Possible,
        _ => tls::probe(octets).min(Likeness::Possible),
    }
}

/// What stands behind the fixed part: `length` octets were announced.
fn probe_negotiation(is_request: bool, octets: &[u8], length: usize) -> Likeness {
    if is_request {
        for cookie in [USER_COOKIE, ROUTING_COOKIE] {
            if octets.starts_with(cookie) {
                return Likeness::Sure;
            }
            if length > cookie.len() && cookie.starts_with(octets) {
                return Likeness::Possible;
            }
        }
    }
    match (is_request, octets) {
        (true, [1, _, 8, 0, _, _, 0, 0, ..]) if length >= 8 => Likeness::Sure,
        (false, [2, _, 8, 0, _, 0, 0, 0, ..] | [3, 0, 8, 0, _, 0, 0, 0, ..]) if length == 8 => Likeness::Sure,
        (true, [1, ..] | []) | (false, [2 | 3, ..] | []) if octets.len() < 8 => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match *octets {
        [3, 0, high, low, ..] => match u16::from_be_bytes([high, low]) {
            length @ SMALLEST.. => Ok(Some(usize::from(length))),
            _ => Err(Error::Malformed("TPKT length too small")),
        },
        [] | [3] | [3, 0] | [3, 0, _] => Ok(None),
        [20..=23, ..] => tls::frame(octets),
        _ => Err(Error::Malformed("neither TPKT nor TLS")),
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match *message {
        [3, _, _, _, _, CONNECTION_REQUEST, _, _, _, _, _, ref rest @ ..] => {
            sink.sender_is(Role::Client, Evidence::Certain);
            cookie(rest, sink);
            Ok(())
        }
        [3, _, _, _, _, CONNECTION_CONFIRM, ..] => {
            sink.sender_is(Role::Server, Evidence::Certain);
            Ok(())
        }
        // Connect-Initial of MCS.
        [3, _, _, _, 2, DATA, _, 0x7f, 0x65, ref rest @ ..] => conference(rest, sink),
        [20..=23, ..] => tls::dissect(message, sink),
        _ => Ok(()),
    }
}

/// The name of the user that the client announces, cut to nine characters by some.
fn cookie(octets: &[u8], sink: &mut dyn Sink) {
    if let Some(rest) = octets.strip_prefix(USER_COOKIE)
        && let Some(end) = rest.windows(2).position(|window| window == b"\r\n")
        && let Some(user) = rest.get(..end)
    {
        sink.fact(NAME, Some(Label::NONE), facts::USER, user);
    }
}

/// The name of the client's computer.
fn conference(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some(at) = octets.windows(CLIENT_KEY.len()).position(|window| window == CLIENT_KEY) else { return Ok(()) };
    let mut reader = Reader::new(octets);
    reader.skip(at.saturating_add(CLIENT_KEY.len()))?;
    // The length of the blocks, in one octet or two (X.691, 10.9).
    if reader.u8()? & 0x80 != 0 {
        reader.skip(1)?;
    }
    for _ in 0..MOST_BLOCKS {
        let (kind, length) = (reader.u16_le()?, reader.u16_le()?);
        let mut block = Reader::new(reader.up_to(usize::from(length).saturating_sub(4)));
        if kind == CLIENT_CORE {
            block.skip(BEFORE_NAME)?;
            let name = text::utf16_le(block.octets(NAME_LENGTH)?);
            sink.fact(NAME, Some(Label::NONE), facts::HOSTNAME, name.as_bytes());
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Recorder, hex};

    // From public captures: a request with a cookie and a negotiation, its confirm, and the conference of a session without TLS.
    const REQUEST: &str = "0300002f2ae00000000000436f6f6b69653a206d737473686173683d465442434f5c4137300d0a0100080001000000";
    const CONFIRM: &str = "030000130ed000001234000300080002000000";
    const CONFERENCE: &str = "030001ac02f0807f658201a00401010401010101ff30190201220201020201000201010201000201010202ffff020102301902010102010102010102010102010002010102020420020102301c0202ffff0202fc170202ffff0201010201000201010202ffff0201020482013f000500147c00018136000800100001c00044756361812801c0d800040008008004600301ca03aa0904000070170000460052004f0047002d0050004f004e004400000000000000000000000000000004000000000000000c0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001ca01000000000018000f000b000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000004c00c000d0000000000000002c00c001b0000000000000003c0380004000000726470647200000000008080726470736e640000000000c0647264796e766300000080c0636c6970726472000000a0c0";

    fn said(role: Role, octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, role, octets)
    }

    #[test]
    fn the_client_announces_user_and_computer() {
        let stream = [hex(REQUEST), hex(CONFERENCE)].concat();
        assert_eq!(said(Role::Client, &stream), ["fact rdp unit= user=FTBCO\\A70", "fact rdp unit= hostname=FROG-POND"]);
        assert!(said(Role::Server, &hex(CONFIRM)).is_empty());
    }

    // The hello was made with OpenSSL 3.0 and then shortened to its server name.
    #[test]
    fn tls_follows_in_the_same_stream() {
        let hello = "16030100400100003c0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000021301010000110000000d000b00000872642e776f726b73";
        let stream = [hex(REQUEST), hex(hello)].concat();
        assert!(said(Role::Client, &stream).contains(&"fact tls about 020000000009 10.0.0.9 server_name=rd.works".to_owned()));
        assert_eq!(frame(&hex(hello)), Ok(Some(69)));
    }

    #[test]
    fn only_what_negotiates_is_surely_rdp() {
        for (message, likeness) in [
            (REQUEST, Likeness::Sure),
            (CONFIRM, Likeness::Sure),
            ("030000130ee000000000000100080003000000", Likeness::Sure),
            ("030000130ed000001234000201080002000000", Likeness::Sure),
            ("0300002722e00000000000436f6f6b69653a206d7374733d323138383530303530362e31353632392e303030300d0a", Likeness::Sure),
            ("0300000b06e00000000000", Likeness::Possible),
            (CONFERENCE, Likeness::Possible),
            // S7, MMS.
            ("0300001611e00000000f00c1020100c2020102c0010a", Likeness::No),
            ("030000130ee00000000600c1020002c2020001", Likeness::No),
            ("0300001611d0000f000300c0010ac1020100c2020102", Likeness::No),
            ("474554202f20485454502f312e31", Likeness::No),
            ("", Likeness::No),
        ] {
            assert_eq!(probe(&hex(message)), likeness, "{message}");
        }
    }

    #[test]
    fn a_cut_message_says_no_more_than_is_there() {
        for (message, whole) in [(hex(REQUEST), 1), (hex(CONFERENCE), 1), (hex(CONFIRM), 0)] {
            for cut in 0..message.len() {
                if cut < 4 {
                    assert_eq!(frame(&message[..cut]), Ok(None));
                } else {
                    assert_eq!(frame(&message[..cut]), Ok(Some(message.len())));
                }
                assert!(said(Role::Client, &message[..cut]).len() <= whole);
                assert_ne!(probe(&message[..cut]), if cut == 0 { Likeness::Sure } else { Likeness::No }, "{cut}");
            }
            for at in 0..message.len() {
                let mut changed = message.clone();
                changed[at] ^= 0xff;
                let _ = dissect(&changed, &mut Recorder::default());
            }
        }
    }
}
