//! SMB ([MS-SMB], [MS-SMB2]) over TCP or the NetBIOS session service (RFC 1002, 4.3): how hosts of Windows networks introduce
//! themselves when a session is set up.
//!
//! ```text
//! session  type: 0 message, 0x81 request, 0x82 … 0x84 its answers, 0x85 keep alive  length (3)
//! request  called name (34)  calling name (34)
//! SMB 1    0xFF "SMB"  command (1)  status (4)  flags (1)  flags (2)  …  words (1, 2 each)  octets (2, …); header of 32 octets
//! SMB 2    0xFE "SMB"  64 (2)  credit (2)  status (4)  command (2)  credits (2)  flags (4)  …; header of 64 octets
//! ```
//!
//! What NTLM says in it is in `ntlmssp`.

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Evidence, Label, Role, Sink};
use crate::text;

use super::nbns::NetbiosName;
use super::{Likeness, Protocol, logins, ntlmssp};

const NAME: &str = "smb";

const MESSAGE: u8 = 0;
const SESSION_REQUEST: u8 = 0x81;
const POSITIVE_RESPONSE: u8 = 0x82;
const NEGATIVE_RESPONSE: u8 = 0x83;
const KEEP_ALIVE: u8 = 0x85;
/// A name in its first-level encoding: its length, two letters an octet, the end.
const ENCODED_NAME: usize = 34;

const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
/// In the flags of SMB 1: an answer; in its second flags: texts in Unicode.
const REPLY: u8 = 0x80;
const UNICODE: u16 = 0x8000;
const EXTENDED_SECURITY: u32 = 0x8000_0000;

const SESSION_SETUP_2: u16 = 1;
/// In the flags of SMB 2: an answer.
const REPLY_2: u32 = 1;

/// SMB, all versions.
pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[445, 139], first_messages: 8, probe, frame, dissect, ..Protocol::SERVICE };

fn probe(octets: &[u8]) -> Likeness {
    match *octets {
        // 0xFD is encrypted, 0xFC is compressed.
        [MESSAGE, _, _, _, 0xfc..=0xff, b'S', b'M', b'B', ..] => Likeness::Sure,
        [SESSION_REQUEST, 0, 0, 68, ref names @ ..] => match names.get(..ENCODED_NAME) {
            Some(called) if decode_name(called).is_some() => Likeness::Sure,
            Some(_) => Likeness::No,
            None => Likeness::Possible,
        },
        [MESSAGE, _, _, _] | [POSITIVE_RESPONSE | KEEP_ALIVE, 0, 0, 0] | [NEGATIVE_RESPONSE, 0, 0, 1, 0x80..=0x8f] => Likeness::Possible,
        [MESSAGE, _, _, _, 0xfc..=0xff, ref mark @ ..] if b"SMB".starts_with(mark) => Likeness::Possible,
        [POSITIVE_RESPONSE | KEEP_ALIVE, 0, 0, 0, MESSAGE, ..] => octets.get(4..).map_or(Likeness::No, probe),
        _ => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match *octets {
        [MESSAGE | SESSION_REQUEST..=KEEP_ALIVE, high, middle, low, ..] => {
            let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
            Ok(Some(length.saturating_add(4)))
        }
        [MESSAGE | SESSION_REQUEST..=KEEP_ALIVE] | [] | [_, _] | [_, _, _] => Ok(None),
        _ => Err(Error::Malformed("not the NetBIOS session service")),
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match *message {
        [SESSION_REQUEST, _, _, _, ref names @ ..] => session_request(names, sink),
        [MESSAGE, _, _, _, ref smb @ ..] if smb.starts_with(b"\xffSMB") => smb_1(smb, sink),
        [MESSAGE, _, _, _, ref smb @ ..] if smb.starts_with(b"\xfeSMB") => smb_2(smb, sink),
        _ => Ok(()),
    }
}

/// Who is called, then who calls.
fn session_request(names: &[u8], sink: &mut dyn Sink) -> Result<()> {
    sink.sender_is(Role::Client, Evidence::Certain);
    let mut reader = Reader::new(names);
    // A star, which stands for whoever it is, has no text.
    if let Some(called) = decode_name(reader.octets(ENCODED_NAME)?) {
        sink.fact_about(sink.receiver_addresses(), NAME, facts::SERVER_NAME, called.text());
    }
    if let Some(calling) = decode_name(reader.octets(ENCODED_NAME)?) {
        sink.fact(NAME, Some(Label::NONE), facts::HOSTNAME, calling.text());
    }
    Ok(())
}

/// A name that is all of its octets: length, label, the end.
fn decode_name(encoded: &[u8]) -> Option<NetbiosName> {
    let [32, label @ .., 0] = encoded else { return None };
    NetbiosName::decode(label)
}

/// Logins that are refused for what they prove, and accounts that are locked ([MS-ERREF] 2.3.1).
fn refusal(status: u32, sink: &mut dyn Sink) {
    match status {
        0xc000_006d | 0xc000_006a | 0xc000_0064 => logins::is_refused(NAME, "logon failure", sink),
        0xc000_0234 => logins::is_refused(NAME, "account locked", sink),
        _ => {}
    }
}

// ---- SMB 1 ----

fn smb_1(smb: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(smb);
    reader.skip(4)?;
    let command = reader.u8()?;
    let status = reader.u32_le()?;
    let [flags, flags_0, flags_1] = reader.take()?;
    let is_unicode = u16::from_le_bytes([flags_0, flags_1]) & UNICODE != 0;
    let is_reply = flags & REPLY != 0;
    sink.sender_is(if is_reply { Role::Server } else { Role::Client }, Evidence::Certain);
    if is_reply && command == SESSION_SETUP {
        refusal(status, sink);
    }
    reader.skip(20)?;
    let words = usize::from(reader.u8()?);
    let words = Reader::new(reader.octets(words.saturating_mul(2))?);
    reader.skip(2)?;
    let texts = Texts { reader, is_unicode, sink };
    match (command, is_reply) {
        (NEGOTIATE, true) => negotiated(words, texts),
        (SESSION_SETUP, false) => session_setup(words, texts),
        (SESSION_SETUP, true) => session_setup_reply(words, texts),
        _ => Ok(()),
    }
}

/// Texts that follow one another.
struct Texts<'a> {
    /// At the octets of the message; begun at its header, to which Unicode is aligned.
    reader: Reader<'a>,
    is_unicode: bool,
    sink: &'a mut dyn Sink,
}

impl Texts<'_> {
    fn align(&mut self) {
        if self.is_unicode && self.reader.position() & 1 == 1 {
            let _ = self.reader.skip(1);
        }
    }

    /// The next text up to its zero, told under `key`. What the message ends in is a text too: some leave out the last zero.
    fn fact(&mut self, key: &'static str) {
        let rest = self.reader.rest();
        let unit = Some(Label::NONE);
        if self.is_unicode {
            let (units, odd) = rest.as_chunks::<2>();
            let end = units.iter().position(|unit| *unit == [0, 0]);
            let octets = end.map_or_else(|| rest.len().saturating_sub(odd.len()), |end| end.saturating_mul(2));
            let text = self.reader.up_to(octets);
            let _ = self.reader.up_to(2);
            self.sink.fact(NAME, unit, key, text::utf16_le(text).as_bytes());
        } else {
            let end = rest.iter().position(|octet| *octet == 0).unwrap_or(rest.len());
            let text = self.reader.up_to(end);
            let _ = self.reader.up_to(1);
            self.sink.fact(NAME, unit, key, text);
        }
    }
}

/// Dialect 2, security 1, five limits, session 4, capabilities 4, time 8, zone 2, length of the challenge 1; then the
/// challenge, domain and server, always in Unicode. With extended security an identifier of 16 octets and a token instead.
fn negotiated(mut words: Reader<'_>, mut texts: Texts<'_>) -> Result<()> {
    words.skip(19)?;
    let capabilities = words.u32_le()?;
    words.skip(10)?;
    let challenge = usize::from(words.u8()?);
    if capabilities & EXTENDED_SECURITY != 0 {
        return ntlmssp::dissect(texts.reader.rest(), NAME, texts.sink);
    }
    texts.reader.skip(challenge)?;
    texts.fact(facts::DOMAIN);
    texts.fact(facts::HOSTNAME);
    Ok(())
}

/// With 10 words: password, account, domain, system, LAN manager. With 13: two passwords first. With 12: a token, system,
/// LAN manager, domain.
fn session_setup(mut words: Reader<'_>, mut texts: Texts<'_>) -> Result<()> {
    let count = words.remaining() >> 1;
    words.skip(14)?;
    let length = usize::from(words.u16_le()?);
    if count == 12 {
        return token_and_texts(length, texts);
    }
    let second = if count == 13 { usize::from(words.u16_le()?) } else { 0 };
    texts.reader.skip(length.saturating_add(second))?;
    texts.align();
    for key in [facts::USER, facts::DOMAIN, facts::OPERATING_SYSTEM, facts::SOFTWARE] {
        texts.fact(key);
    }
    Ok(())
}

/// With 3 words: system, LAN manager, domain. With 4: a token first.
fn session_setup_reply(mut words: Reader<'_>, mut texts: Texts<'_>) -> Result<()> {
    let count = words.remaining() >> 1;
    words.skip(6)?;
    if count == 4 {
        let length = usize::from(words.u16_le()?);
        return token_and_texts(length, texts);
    }
    texts.align();
    for key in [facts::OPERATING_SYSTEM, facts::SOFTWARE, facts::DOMAIN] {
        texts.fact(key);
    }
    Ok(())
}

fn token_and_texts(length: usize, mut texts: Texts<'_>) -> Result<()> {
    let token = texts.reader.octets(length)?;
    texts.align();
    // The name of the system is better than the version that NTLM pretends to. What cannot be read in the token does not
    // keep from reading the texts.
    let says_system = texts.reader.rest().iter().take(2).any(|octet| *octet != 0);
    let _ = if says_system { ntlmssp::names(token, NAME, texts.sink) } else { ntlmssp::dissect(token, NAME, texts.sink) };
    for key in [facts::OPERATING_SYSTEM, facts::SOFTWARE, facts::DOMAIN] {
        texts.fact(key);
    }
    Ok(())
}

// ---- SMB 2 and 3 ----

fn smb_2(smb: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(smb);
    reader.skip(8)?;
    let status = reader.u32_le()?;
    let command = reader.u16_le()?;
    reader.skip(2)?;
    let is_reply = reader.u32_le()? & REPLY_2 != 0;
    sink.sender_is(if is_reply { Role::Server } else { Role::Client }, Evidence::Certain);
    if command != SESSION_SETUP_2 {
        return Ok(());
    }
    if is_reply {
        refusal(status, sink);
    }
    // To the offset of the token: request 12 octets of the body, answer 4.
    reader.skip(44)?;
    reader.skip(if is_reply { 4 } else { 12 })?;
    let (offset, length) = (usize::from(reader.u16_le()?), usize::from(reader.u16_le()?));
    let mut reader = Reader::new(smb);
    reader.skip(offset)?;
    ntlmssp::dissect(reader.up_to(length), NAME, sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // From public captures: SMB 1 between OS X and Windows XP with NTLM alone, from Windows Server 2008 R2 with NTLM in SPNEGO;
    // SMB 3.1.1 with NTLM.
    const MAC_ASKS: &str = "0000009aff534d4273000000000801c8000000000000000000000000ffff0100000001000cff00000004110a000700000000002800000000005cc000805f004e544c4d535350000100000005028862000000000000000000000000000000000601b01d0f000000004d006100630020004f005300200058002000310030002e0031003000000053004d00420046005300200033002e0030002e0030000000";
    const XP_ANSWERS: &str = "0000015fff534d4273160000c08801c8000000000000000000000000ffff01000008010004ff005f010000ea0034014e544c4d53535000020000001e001e003800000005028a62ccc0bad0f47e17f0000000000000000094009400560000000501280a0000000f54004500530054002d00460037004400460042004300330046004500390002001e0054004500530054002d00460037004400460042004300330046004500390001001e0054004500530054002d00460037004400460042004300330046004500390004001e0074006500730074002d00660037006400660062006300330066006500390003001e0074006500730074002d00660037006400660062006300330066006500390006000400010000000000000000570069006e0064006f0077007300200035002e0031000000570069006e0064006f00770073002000320030003000300020004c0041004e0020004d0061006e00610067006500720000";
    const MAC_PROVES: &str = "0000022aff534d4273000000000801c8000000000000000000000000ffff0100000802000cff00000004110a00070000000000b801000000005cc00080ef014e544c4d5353500003000000180018008e00000002010201a60000001e001e00580000000800080076000000100010007e00000010001000a8010000050288620601b01d0f00000067395ddc5150115281dd3d29b605873554004500530054002d0046003700440046004200430033004600450039007400650073007400420041004200590042004f004f004b00000000000000000000000000000000000000000000000000020a2c94cbf8d66168d1b93068775845010100000000000080a93ad3d88fd1013f2198b2fdb491c70000000001001e0054004500530054002d00460037004400460042004300330046004500390002001e0054004500530054002d00460037004400460042004300330046004500390003001e0074006500730074002d00660037006400660062006300330066006500390004001e0074006500730074002d00660037006400660062006300330066006500390006000400030000000900260063006900660073002f003100390032002e003100360038002e00350036002e003100300031000a001000000000000000000000000000000000000000000000000000eb729686fcaacfadb13418fa494760de004d006100630020004f005300200058002000310030002e0031003000000053004d00420046005300200033002e0030002e0030000000";
    const SERVER_2008_ANSWERS: &str = "000001d4ff534d4273160000c0980548000000000000000000000000ffff6a070008000004ff00d40100004d01a901a182014930820145a0030a0101a10c060a2b06010401823702020aa282012e0482012a4e544c4d53535000020000001800180038000000358289e2db95c2f71ac007c00000000000000000da00da00500000000601b11d0000000f5000490043004b004c004500530057004f00520054004800020018005000490043004b004c004500530057004f005200540048000100180053004e00490043004b004c00450046005200490054005a00040024007000690063006b006c006500730077006f007200740068002e006c006f00630061006c0003003e0053006e00690063006b006c00650046007200690074007a002e007000690063006b006c006500730077006f007200740068002e006c006f00630061006c00050024007000690063006b006c006500730077006f007200740068002e006c006f00630061006c0007000800fceea525bcc2d2010000000057696e646f777320536572766572203230303820523220456e746572707269736520373630312053657276696365205061636b20310057696e646f777320536572766572203230303820523220456e746572707269736520362e3100";
    const ASKS_2: &str = "00000078fe534d42400000000000000001008200000000000000000001000000000000000b010000000000000000000000000000000000000000000000000000000000001900000200000000000000005800200000000000000000004e544c4d5353500001000000350208e000000000000000000000000000000000";
    const ANSWERS_2: &str = "000000eafe534d4240000000160000c001000100010000000000000001000000000000000b01000000000000690000ac1c28000000000000000000000000000000000000090000004800a2004e544c4d53535000020000000600060038000000350289e2da16f9f1d38965030000000000000000640064003e0000000a0039380000000f46004f004f000200060046004f004f0001000400410044000400100066006f006f002e00740065007300740003001600410044002e0066006f006f002e0074006500730074000500100066006f006f002e007400650073007400070008009d9c207914a9d40100000000";
    const PROVES_2: &str = "00000154fe534d42400000000000000001008200000000000000000002000000000000000b01000000000000690000ac1c280000000000000000000000000000000000001900000200000000000000005800fc0000000000000000004e544c4d53535000030000000000000040000000900090004000000000000000d00000001a001a00d000000000000000ea00000010001000ec000000350288e0ece19aadf7d80ae5f4c1a3a586074ea701010000000000009d9c207914a9d401ae25580d2409ab0e000000000200060046004f004f0001000400410044000400100066006f006f002e00740065007300740003001600410044002e0066006f006f002e0074006500730074000500100066006f006f002e007400650073007400070008009d9c207914a9d40100000000610064006d0069006e006900730074007200610074006f007200000051cf29aa12df95dc1c6aacef50adf76a";
    // Made by hand after RFC 1001, 14.1.
    const CALL: &str = "81000044 20454e454a4649454646434341434143414341434143414341434143414341434100 204546454f4548454a454f4546454646434341434143414341434143414341414100";

    fn said(role: Role, messages: &[&str]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for message in messages {
            let _ = recorder.feed(&PROTOCOL, role, &hex(message));
        }
        recorder.lines
    }

    #[test]
    fn logins_that_are_refused_are_told() {
        let refused = |answer: &str, from: &str, status: &str| {
            let message = answer.replacen(from, status, 1);
            assert_ne!(message, answer);
            let mut lines = said(Role::Server, &[&message]);
            lines.retain(|line| line.starts_with("anomaly"));
            lines
        };
        assert_eq!(refused(XP_ANSWERS, "160000c0", "6d0000c0"), ["anomaly smb login_failed: logon failure"]);
        assert_eq!(refused(ANSWERS_2, "160000c0", "6d0000c0"), ["anomaly smb login_failed: logon failure"]);
        assert_eq!(refused(ANSWERS_2, "160000c0", "340200c0"), ["anomaly smb login_failed: account locked"]);
        assert!(refused(ANSWERS_2, "160000c0", "00000000").is_empty());
    }

    #[test]
    fn smb_1_names_systems_and_hosts() {
        assert_eq!(
            said(Role::Client, &[MAC_ASKS, MAC_PROVES]),
            [
                "fact smb unit= operating_system=Mac OS X 10.10",
                "fact smb unit= software=SMBFS 3.0.0",
                "fact smb unit= hostname=BABYBOOK",
                "fact smb unit= domain=TEST-F7DFBC3FE9",
                "fact smb unit= user=test",
                "fact smb unit= operating_system=Mac OS X 10.10",
                "fact smb unit= software=SMBFS 3.0.0"
            ]
        );
        assert_eq!(
            said(Role::Server, &[XP_ANSWERS]),
            [
                "fact smb unit= hostname=TEST-F7DFBC3FE9",
                "fact smb unit= hostname=TEST-F7DFBC3FE9",
                "fact smb unit= hostname=test-f7dfbc3fe9",
                "fact smb unit= operating_system=Windows 5.1",
                "fact smb unit= software=Windows 2000 LAN Manager"
            ]
        );
        assert_eq!(
            said(Role::Server, &[SERVER_2008_ANSWERS]),
            [
                "fact smb unit= domain=PICKLESWORTH",
                "fact smb unit= domain=PICKLESWORTH",
                "fact smb unit= hostname=SNICKLEFRITZ",
                "fact smb unit= domain=picklesworth.local",
                "fact smb unit= hostname=SnickleFritz.picklesworth.local",
                "fact smb unit= domain=picklesworth.local",
                "fact smb unit= operating_system=Windows Server 2008 R2 Enterprise 7601 Service Pack 1",
                "fact smb unit= software=Windows Server 2008 R2 Enterprise 6.1"
            ]
        );
    }

    #[test]
    fn smb_3_names_hosts() {
        assert_eq!(said(Role::Client, &[ASKS_2, PROVES_2]), ["fact smb unit= user=administrator"]);
        assert_eq!(
            said(Role::Server, &[ANSWERS_2]),
            [
                "fact smb unit= domain=FOO",
                "fact smb unit= domain=FOO",
                "fact smb unit= hostname=AD",
                "fact smb unit= domain=foo.test",
                "fact smb unit= hostname=AD.foo.test",
                "fact smb unit= domain=foo.test",
                "fact smb unit= operating_system=Windows 10.0 build 14393"
            ]
        );
    }

    // Made by hand after [MS-CIFS], 2.2.4.53: a session of LAN Manager in ASCII, and its answer.
    #[test]
    fn texts_in_ascii_are_read() {
        let request = "00000053 ff534d42 73 00000000 08 0100 000000000000000000000000 0000 0000 0000 0000 0a ff000000 0010 0200 0100 00000000 0100 00000000 1c00 00 4f5045524154 4f5200 504c414e5400 4f532f3200 4c4d20322e3100";
        assert_eq!(
            said(Role::Client, &[request]),
            [
                "fact smb unit= user=OPERATOR",
                "fact smb unit= domain=PLANT",
                "fact smb unit= operating_system=OS/2",
                "fact smb unit= software=LM 2.1"
            ]
        );
        let response = "0000003a ff534d42 73 00000000 88 0100 000000000000000000000000 0000 0000 0000 0000 03 ff000000 0000 1200 556e697800 53616d626100 504c414e5400";
        assert_eq!(
            said(Role::Server, &[response]),
            ["fact smb unit= operating_system=Unix", "fact smb unit= software=Samba", "fact smb unit= domain=PLANT"]
        );
    }

    #[test]
    fn a_session_request_names_both_ends() {
        assert_eq!(
            said(Role::Client, &[CALL]),
            ["fact smb about 020000000009 10.0.0.9 server_name=MIXER", "fact smb unit= hostname=ENGINEER"]
        );
    }

    #[test]
    fn smb_is_sure_on_any_port() {
        for message in [MAC_ASKS, XP_ANSWERS, ASKS_2, ANSWERS_2, CALL] {
            assert_eq!(probe(&hex(message)), Likeness::Sure);
        }
        for (message, likeness) in [
            ("820000000000009aff534d42", Likeness::Sure),
            ("82000000", Likeness::Possible),
            ("0000009aff53", Likeness::Possible),
            ("81000044204141", Likeness::Possible),
            ("0000009a414243", Likeness::No),
            ("000000000006010300000001", Likeness::No),
            ("474554202f20485454502f312e31", Likeness::No),
            ("", Likeness::No),
        ] {
            assert_eq!(probe(&hex(message)), likeness, "{message}");
        }
    }

    #[test]
    fn a_cut_or_changed_message_does_not_panic() {
        for message in [MAC_ASKS, XP_ANSWERS, MAC_PROVES, SERVER_2008_ANSWERS, ASKS_2, ANSWERS_2, PROVES_2, CALL].map(hex) {
            for cut in 0..message.len() {
                assert_eq!(frame(&message[..cut]), Ok((cut >= 4).then_some(message.len())));
                let _ = dissect(&message[..cut], &mut Recorder::default());
                let _ = probe(&message[..cut]);
            }
            for at in 0..message.len() {
                for value in [0, 0x7f, 0x80, 0xff] {
                    let mut changed = message.clone();
                    changed[at] = value;
                    let _ = dissect(&changed, &mut Recorder::default());
                }
            }
        }
    }
}
