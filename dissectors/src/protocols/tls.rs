//! TLS (RFC 8446, RFC 5246): what is said before the encryption begins, names of the server and certificates.
//!
//! ```text
//! record     type (1)  3 minor  length (2)  content
//! handshake  type (1)  length (3)  content; over several records where it is long
//! ClientHello   3 minor  random (32)  session (1, …)  cipher suites (2, …)  compression (1, …)  extensions (2, …)
//! extension     type (2)  length (2)  content
//! Certificate   length of all (3)  length (3)  certificate  …
//! SSL 2         0x80 | length (2)  1  3 minor  length of cipher specs (2), session (2), challenge (2)
//! ```
//!
//! Since version 1.3 certificates are encrypted. Only the first certificate of a chain is its sender's own.

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Part, Role, Sink};

use super::{Likeness, Protocol, der};

const NAME: &str = "tls";

const HEADER: usize = 5;
/// Content of a record: 2^14, and what encryption may add (RFC 5246, 6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2048;
/// A handshake message over several records is put together up to this length.
const LONGEST_HANDSHAKE: usize = 48 << 10;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// Server name indication, an extension (RFC 6066, 3).
const SERVER_NAME: u16 = 0;

/// TLS and its predecessor SSL.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: NAME,
    tcp_ports: &[443, 8443, 9443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 3269, 4843, 5061, 5671, 6514, 8883, 2221],
    first_messages: 6,
    probe,
    frame,
    dissect,
    ..Protocol::SERVICE
};

/// Content type and length of the record at the front.
fn record(octets: &[u8]) -> Option<(u8, usize)> {
    let [kind @ CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, 0..=4, high, low, ..] = *octets else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let fits = match kind {
        CHANGE_CIPHER_SPEC => length == 1,
        ALERT => (2..=512).contains(&length),
        HANDSHAKE => (4..=LONGEST_RECORD).contains(&length),
        _ => length <= LONGEST_RECORD,
    };
    fits.then_some((kind, length))
}

/// Length of the `ClientHello` in the form of SSL 2 at the front (RFC 5246, E.2).
fn old_hello(octets: &[u8]) -> Option<usize> {
    let [high @ 0x80..=0xff, low, CLIENT_HELLO, 3, 0..=3, c_1, c_0, s_1, s_0, h_1, h_0, ..] = *octets else { return None };
    let length = u16::from_be_bytes([high & 0x7f, low]);
    let [ciphers, session, challenge] = [[c_1, c_0], [s_1, s_0], [h_1, h_0]].map(u16::from_be_bytes);
    let fits = ciphers > 0 && ciphers.is_multiple_of(3) && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
    let whole = u32::from(ciphers).saturating_add(u32::from(session)).saturating_add(u32::from(challenge)).saturating_add(9);
    (fits && whole == u32::from(length)).then_some(usize::from(length).saturating_add(2))
}

pub(super) fn probe(octets: &[u8]) -> Likeness {
    if old_hello(octets).is_some() {
        return Likeness::Sure;
    }
    match (record(octets), octets) {
        (Some((HANDSHAKE, length)), [_, _, _, _, _, hello @ ..]) => probe_handshake(hello, length),
        (Some((kind, _)), _) if kind != CHANGE_CIPHER_SPEC && are_records(octets) => Likeness::Sure,
        (Some(_), _) => Likeness::Possible,
        (None, [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, rest @ ..]) if octets.len() < HEADER => match rest {
            [] | [3] | [3, 0..=4, ..] => Likeness::Possible,
            _ => Likeness::No,
        },
        (None, _) => Likeness::No,
    }
}

/// Whether whole records, of the versions that are in use, make up the octets: a stream seen from its middle.
fn are_records(octets: &[u8]) -> bool {
    let mut rest = octets;
    while let ([_, 3, 1..=3, ..], Some((_, length))) = (rest, record(rest)) {
        match rest.get(HEADER.saturating_add(length)..) {
            Some([]) => return true,
            Some(after) if length > 0 => rest = after,
            _ => return false,
        }
    }
    false
}

/// A hello is sure: its version, and a length that agrees with that of its record of `length` octets.
fn probe_handshake(handshake: &[u8], length: usize) -> Likeness {
    let [kind @ (CLIENT_HELLO | SERVER_HELLO), 0, high, low, 3, 0..=4, rest @ ..] = handshake else { return Likeness::Possible };
    let whole = usize::from(u16::from_be_bytes([*high, *low])).saturating_add(4);
    // A client has nothing to add to its hello, and fills its records.
    let fits = match *kind {
        CLIENT_HELLO => whole == length || (whole > length && length >= 64),
        _ => whole <= length,
    };
    let session = rest.get(32).is_none_or(|length| *length <= 32);
    if fits && session && whole >= 42 { Likeness::Sure } else { Likeness::No }
}

/// One record, or those that carry one handshake message.
pub(super) fn frame(octets: &[u8]) -> Result<Option<usize>> {
    if let Some(length) = old_hello(octets) {
        return Ok(Some(length));
    }
    if octets.len() < HEADER || (octets.len() < 11 && octets.first().is_some_and(|octet| *octet >= 0x80)) {
        return Ok(None);
    }
    let Some((kind, length)) = record(octets) else { return Err(Error::Malformed("not TLS")) };
    let first = HEADER.saturating_add(length);
    let Some(content) = octets.get(HEADER..first) else { return Ok(Some(first)) };
    let missing = if kind == HANDSHAKE { missing(content) } else { 0 };
    Ok(continued(octets, first, missing))
}

/// Octets that the last handshake message of a record lacks; none where they are no handshake, as after the encryption
/// has begun.
fn missing(content: &[u8]) -> usize {
    let mut rest = content;
    loop {
        // RFC 8446, 4; RFC 5246, 7.4; RFC 6066, 8.
        let [0..=2 | 4 | 5 | 8 | 11..=16 | 20 | 22..=25, high, middle, low, content @ ..] = rest else { return 0 };
        let length = usize::try_from(u32::from_be_bytes([0, *high, *middle, *low])).unwrap_or(usize::MAX);
        if length > LONGEST_HANDSHAKE {
            return 0;
        }
        match content.get(length..) {
            Some([]) => return 0,
            Some(after) => rest = after,
            None => return length.saturating_sub(content.len()),
        }
    }
}

/// Length of the records from `first` on that carry the `missing` octets. Where something else follows, only the first counts.
fn continued(octets: &[u8], first: usize, mut missing: usize) -> Option<usize> {
    let mut end = first;
    while missing > 0 {
        let rest = octets.get(end..).unwrap_or_default();
        if rest.len() < HEADER {
            return None;
        }
        let Some((HANDSHAKE, length)) = record(rest) else { return Some(first) };
        missing = missing.saturating_sub(length);
        end = end.saturating_add(HEADER).saturating_add(length);
    }
    Some(end)
}

pub(super) fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    if old_hello(message).is_some() {
        sink.sender_is(Role::Client, Evidence::Certain);
        return Ok(());
    }
    let mut rest = message;
    let mut is_first = true;
    while let Some((HANDSHAKE, length)) = record(rest) {
        let mut reader = Reader::new(rest);
        reader.skip(HEADER)?;
        let octets = reader.up_to(length);
        rest = reader.rest();
        let part = Part { channel: 0, first: is_first, last: rest.is_empty(), sequence: None, octets, context: 0 };
        sink.assemble(&part, handshakes)?;
        is_first = false;
    }
    Ok(())
}

/// The messages that records carry; the last may be cut.
fn handshakes(octets: &[u8], _context: u64, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    while !reader.is_empty() {
        let [kind, high, middle, low] = reader.take()?;
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
        let content = reader.up_to(length);
        // Encrypted messages may begin like a hello, too, but do not go on like one.
        match (kind, content) {
            (CLIENT_HELLO, [3, 0..=4, ..]) if length < LONGEST_HANDSHAKE => {
                sink.sender_is(Role::Client, Evidence::Certain);
                client_hello(content, sink)?;
            }
            (SERVER_HELLO, [3, 0..=4, ..]) if length < LONGEST_HANDSHAKE => {
                sink.sender_is(Role::Server, Evidence::Certain);
            }
            (CERTIFICATE, _) => certificates(content, sink)?,
            _ => {}
        }
    }
    Ok(())
}

fn client_hello(content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(content);
    reader.skip(34)?;
    let session = reader.u8()?;
    reader.skip(usize::from(session))?;
    let ciphers = reader.u16_be()?;
    reader.skip(usize::from(ciphers))?;
    let compressions = reader.u8()?;
    reader.skip(usize::from(compressions))?;
    if reader.is_empty() {
        return Ok(());
    }
    let extensions = reader.u16_be()?;
    let mut extensions = Reader::new(reader.up_to(usize::from(extensions)));
    while !extensions.is_empty() {
        let kind = extensions.u16_be()?;
        let length = extensions.u16_be()?;
        let extension = extensions.octets(usize::from(length))?;
        // Length of the list, then type of the name, 0 for a host, and its length.
        if kind == SERVER_NAME
            && let [_, _, 0, high, low, rest @ ..] = extension
            && let Some(name) = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))
        {
            sink.fact_about(sink.receiver_addresses(), NAME, facts::SERVER_NAME, name);
        }
    }
    Ok(())
}

fn certificates(content: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [_, _, _, high, middle, low, rest @ ..] = content else { return Ok(()) };
    let length = usize::try_from(u32::from_be_bytes([0, *high, *middle, *low])).unwrap_or(usize::MAX);
    der::certificate(rest.get(..length).unwrap_or(rest), NAME, sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, hex};

    // From a public capture (a remote desktop of Windows Server 2008 R2): the client's hello; the server's with its certificate.
    const CLIENT: &str = "16030100740100007003014d570ec58a9b7d325ed908de8cb2b4de50ec88184a1f6ec723c1d5a344a6cc34000018002f00350005000ac013c014c009c00a00320038001300040100002f00000012001000000d3139322e3136382e312e313530000500050100000000000a0006000400170018000b00020100";
    const SERVER: &str = "16030103560200004603014d570ec5dce926336048a81f74582427b8dbdd75b023967bc5b9e8f0d64a473f20bc330000feec8017719c03aaf0ab2544484d8ccfa3a8a343239161d750f089ca002f000b0003040003010002fe308202fa308201e2a003020102021016ed2aa0495f259d4f5d99edada570d1300d06092a864886f70d01010505003026312430220603550403131b57494e324b3852322e6177616b65636f64696e672e6174682e6378301e170d3131303231323231333733355a170d3231303231323030303030305a3026312430220603550403131b57494e324b3852322e6177616b65636f64696e672e6174682e637830820122300d06092a864886f70d01010105000382010f003082010a0282010100fb55c684d0ee3a06ddbbbe86b33ffa8494d047fe4e794e576e5f8a29819bf7b2f47bcd14d33818bd54ac62c9ad3ec9cde23d2838dd8d4062032597e04f15d3351901498fbd67ae1e23d019734ac54c29a85f889ce11b33f0dfb197cf497532b21cee9d85d81ee8d1eef5d444c78442506b7310704c33db5287fcc9f0d7f0fcb8bedf9e5542228092e876665d331f353c6e4e3abb5dd8d6aa59d23d7bdb06ba10ff4d6e575d9adbb3776ff5e0e1df4ec24fde665f88bee40e731a39a02036d607d127bdae1181aa5b7b99715bfdbbf55f4149da451d57e3a205311c75b673dd04e77bedc63a00bdb7837344f2fd3b2ae58db51963e02aa715aa42e3a3d5def1970203010001a3243022300b0603551d0f04040302043030130603551d25040c300a06082b06010505070301300d06092a864886f70d010105050003820101007c430c5abb0c7218c2bb3820a68af5995b588a445160ed4082238382ed517c69b9cadc358dc9d07921cdbdf34b3f8057c83523ff952ad201a8b6305065c46a5526d6d7a41834768d9d5c7399f4bc3fdfe31dbd1b7f1c7db02f50b448384b0ae83583aae53051cbc2616587ae857747f5d1ccec8983850e8beb252f25fa3535509fbd3672a3f6eee6b3e89936cc884485782fdcfdb9dd6b8e40e7586423de429ebaf5008da53755e6593b0fad9b0213fc8e49aee922b09c768e354de12a14a07e429e019ab8acd092a7c7858f43d88cd1308aa6f41a06348423e19289a536e1697557433fedc07576192259d1cd2875daf50238d25ac323742c40c7f1f1addf6c0e000000";

    fn said(role: Role, octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, role, octets)
    }

    #[test]
    fn both_ends_are_named() {
        let named = CLIENT.replace("0d3139322e3136382e312e313530", "0d6d697865722e6578616d706c65");
        assert_eq!(said(Role::Client, &hex(&named)), ["fact tls about 020000000009 10.0.0.9 server_name=mixer.example"]);
        assert_eq!(
            said(Role::Server, &hex(SERVER)),
            [
                "fact tls unit= certificate_issuer=WIN2K8R2.awakecoding.ath.cx",
                "fact tls unit= certificate_name=WIN2K8R2.awakecoding.ath.cx"
            ]
        );
    }

    /// The same handshake octets in records of `size` octets.
    fn in_records(octets: &[u8], size: usize) -> Vec<u8> {
        octets[HEADER..].chunks(size).flat_map(|part| [&[HANDSHAKE, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat()).collect()
    }

    #[test]
    fn a_message_over_several_records_is_put_together() {
        let whole = hex(SERVER);
        for size in [1, 100, 255] {
            let octets = in_records(&whole, size);
            if size == 1 {
                // The type and length of a message are not read where they are cut.
                let _ = said(Role::Server, &octets);
                continue;
            }
            assert_eq!(said(Role::Server, &octets), said(Role::Server, &whole), "{size}");
            for cut in HEADER + size..octets.len() {
                assert!(frame(&octets[..cut]).unwrap().is_none_or(|length| length > cut), "{cut}");
            }
            assert_eq!(frame(&octets), Ok(Some(octets.len())));
        }
    }

    #[test]
    fn what_is_encrypted_does_not_wait() {
        // A finished message whose octets look like the front of a long certificate, and application data behind it.
        let octets = hex("1603030010 0b00400000000000000000000000000a 1703030001 00");
        assert_eq!(frame(&octets), Ok(Some(21)));
        assert_eq!(frame(&hex("140303000101 16030300")), Ok(Some(6)));
    }

    #[test]
    fn a_hello_is_sure_on_any_port() {
        for (message, likeness) in [
            (CLIENT, Likeness::Sure),
            (SERVER, Likeness::Sure),
            // SSL 2 form of a hello.
            (
                "802e0103010015000000100100800300800700c006004002008004008000000a0000640000620000030000060000090102030405060708090a0b0c0d0e0f10",
                Likeness::Sure,
            ),
            ("801f 01 0301 0006 0000 0010 000004 00000a 0102030405060708090a0b0c0d0e0f10", Likeness::Sure),
            ("1703030020", Likeness::Possible),
            ("15030300020128", Likeness::Sure),
            ("1703030002abcd1503030002abcd", Likeness::Sure),
            ("1703030002abcd1503030002ab", Likeness::Possible),
            ("140303000101", Likeness::Possible),
            ("160301", Likeness::Possible),
            // Another record length than that of the hello; no TLS.
            ("160301007501000070 0301 4d570ec5", Likeness::No),
            ("1604010075", Likeness::No),
            ("140303000201", Likeness::No),
            ("0300000b06e00000000000", Likeness::No),
            ("", Likeness::No),
        ] {
            assert_eq!(probe(&hex(message)), likeness, "{message}");
        }
    }

    #[test]
    fn a_cut_or_changed_message_says_no_more_than_is_there() {
        for message in [CLIENT, SERVER].map(hex) {
            let lines = said(Role::Server, &message);
            for cut in 0..message.len() {
                assert_eq!(frame(&message[..cut]), Ok((cut >= HEADER).then_some(message.len())));
                assert!(lines.starts_with(&said(Role::Server, &message[..cut])), "{cut}");
                let _ = probe(&message[..cut]);
            }
            for at in 0..message.len() {
                let mut changed = message.clone();
                changed[at] ^= 0xff;
                let _ = said(Role::Server, &changed);
                let _ = probe(&changed);
            }
        }
    }
}
