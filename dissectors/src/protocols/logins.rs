//! Logins of the services that `services` names: secrets that anybody on the way can read, and logins that are refused.
//!
//! ```text
//! ftp         RFC 959 4.1.1, 5.4          "PASS "            530, 430; 230
//! imap        RFC 9051 6.2, 7.1           tag "LOGIN "       tag "NO"; tag "OK"
//! ldap        RFC 4511 4.2                bind, simple [0]   result 49; 0
//! mqtt        MQTT 3.1.1 3.1.2.3, 3.2.2.3, 5.0 3.2.2.2       password flag 0x40   4, 5, 0x86, 0x87; 0
//! mysql       client/server protocol      (hashed)           0xff, error 1045
//! pop3        RFC 1939 7, RFC 5034        "PASS ", "AUTH "   "-ERR"; "+OK"
//! postgresql  PostgreSQL 55.2.1, 55.7     "R" 3, then "p"    "E" with "C28P01"
//! smtp        RFC 4954                    "AUTH "            535; 235
//! tds         MS-TDS 2.2.7.10             (not in the clear) token 0xaa, error 18456
//! telnet      (captures)                  what follows "Password:"   "Login incorrect"
//! vnc         RFC 6143 7.1.3, 7.2.2       (hashed)           1, 2; 0
//! ```
//!
//! Neither names nor secrets are kept. Only the front of each connection is read, a segment as one message; what is refused
//! counts where the login before it was seen, or where the answer can be nothing else.

#![expect(clippy::unnecessary_wraps, reason = "the form of a dissector; what cannot be read says nothing")]

use super::probing::{ber, ber_front};
use super::services::{contains, starts};
use crate::error::Result;
use crate::sink::{Evidence, Role, Scope, Sink};

/// Memories of a flow: a login waits for its answer; the next that the client sends is a secret; the name is anybody's.
const TRIED: u64 = 0x6c6f_0001;
const ASKED: u64 = 0x6c6f_0002;
const ANYBODY: u64 = 0x6c6f_0003;
/// Lines of one segment that are read.
const MOST_LINES: usize = 8;

/// What a client says of its login.
enum Try {
    /// Nothing.
    No,
    /// How it is done; the secret follows where the server agrees.
    Begun,
    /// The secret, in the clear.
    Clear,
    /// A secret that nobody can read, or none.
    Hidden,
}

/// What a server says of it.
enum Answer {
    /// Nothing.
    None,
    /// The secret may follow.
    GoOn,
    Accepted,
    Refused,
}

/// A secret that can be read is sent, and an answer awaited.
pub(super) fn is_clear(service: &'static str, what: &str, sink: &mut dyn Sink) {
    sink.anomaly(service, "clear_text_credentials", format_args!("{what}"));
    is_tried(sink);
}

/// A login awaits its answer.
pub(super) fn is_tried(sink: &mut dyn Sink) {
    sink.remember(Scope::Flow, TRIED, &[]);
}

/// The answer to a login.
pub(super) fn is_answered(service: &'static str, refused: Option<&str>, sink: &mut dyn Sink) {
    if sink.recall(Scope::Flow, TRIED).is_none() {
        return;
    }
    sink.forget(Scope::Flow, TRIED);
    if let Some(what) = refused {
        is_refused(service, what, sink);
    }
}

/// A login is refused, whether it was seen or not.
pub(super) fn is_refused(service: &'static str, what: &str, sink: &mut dyn Sink) {
    sink.anomaly(service, "login_failed", format_args!("{what}"));
}

/// A service whose commands and answers are lines of text.
struct Dialogue {
    service: &'static str,
    /// What to call the secret.
    secret: &'static str,
    tries: fn(&[u8], &mut dyn Sink) -> Try,
    answers: fn(&[u8]) -> Answer,
}

impl Dialogue {
    fn read(&self, message: &[u8], sink: &mut dyn Sink) {
        for line in message.split(|octet| *octet == b'\n').take(MOST_LINES).filter(|line| !line.is_empty()) {
            match sink.sender() {
                Role::Client => self.command(line, sink),
                Role::Server => self.answer(line, sink),
            }
        }
    }

    fn command(&self, line: &[u8], sink: &mut dyn Sink) {
        let asked = sink.recall(Scope::Flow, ASKED).is_some_and(|memo| memo.octets() == [1]);
        let cancels = line.starts_with(b"*");
        if asked {
            sink.forget(Scope::Flow, ASKED);
        }
        match (self.tries)(line, sink) {
            Try::No if asked && !cancels => is_clear(self.service, self.secret, sink),
            Try::No => {}
            Try::Begun => sink.remember(Scope::Flow, ASKED, &[0]),
            Try::Clear => is_clear(self.service, self.secret, sink),
            Try::Hidden => is_tried(sink),
        }
    }

    fn answer(&self, line: &[u8], sink: &mut dyn Sink) {
        match (self.answers)(line) {
            Answer::None => {}
            Answer::GoOn => {
                if sink.recall(Scope::Flow, ASKED).is_some() {
                    sink.remember(Scope::Flow, ASKED, &[1]);
                }
            }
            Answer::Accepted => is_answered(self.service, None, sink),
            Answer::Refused => {
                sink.forget(Scope::Flow, ASKED);
                is_answered(self.service, Some("login refused"), sink);
            }
        }
    }
}

/// `AUTH` and what follows it in SMTP and POP3, `AUTHENTICATE` in IMAP: only these two send the secret as it is.
fn mechanism(arguments: &[u8]) -> Try {
    let mut words = arguments.split(|octet| matches!(octet, b' ' | b'\r')).filter(|word| !word.is_empty());
    let is_clear = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"plain") || word.eq_ignore_ascii_case(b"login"));
    match (is_clear, words.next()) {
        (true, Some([_, _, ..])) => Try::Clear,
        (true, _) => Try::Begun,
        (false, _) => Try::Hidden,
    }
}

fn after<'a>(line: &'a [u8], command: &[u8]) -> Option<&'a [u8]> {
    if starts(line, command) { line.get(command.len()..) } else { None }
}

pub(super) fn ftp(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const FTP: Dialogue = Dialogue {
        service: "ftp",
        secret: "FTP password",
        tries: |line, sink| {
            if let Some(name) = after(line, b"USER ") {
                let name = name.trim_ascii();
                let is_anybody = name.eq_ignore_ascii_case(b"anonymous") || name.eq_ignore_ascii_case(b"ftp");
                if is_anybody {
                    sink.remember(Scope::Flow, ANYBODY, &[]);
                } else {
                    sink.forget(Scope::Flow, ANYBODY);
                }
            } else if starts(line, b"PASS ") {
                return if sink.recall(Scope::Flow, ANYBODY).is_some() { Try::Hidden } else { Try::Clear };
            }
            Try::No
        },
        answers: |line| match line {
            [b'5' | b'4', b'3', b'0', ..] => Answer::Refused,
            [b'2', b'3', b'0', ..] => Answer::Accepted,
            _ => Answer::None,
        },
    };
    FTP.read(message, sink);
    Ok(())
}

pub(super) fn imap(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    /// What follows the tag.
    fn tagged(line: &[u8]) -> &[u8] {
        let blank = line.iter().take(32).position(|octet| *octet == b' ');
        let rest = blank.and_then(|at| line.get(at.saturating_add(1)..));
        rest.filter(|_| !line.starts_with(b"*") && !line.starts_with(b"+")).unwrap_or_default()
    }
    const IMAP: Dialogue = Dialogue {
        service: "imap",
        secret: "IMAP login",
        tries: |line, _| match (after(tagged(line), b"LOGIN "), after(tagged(line), b"AUTHENTICATE ")) {
            (Some(_), _) => Try::Clear,
            (None, Some(arguments)) => mechanism(arguments),
            (None, None) => Try::No,
        },
        answers: |line| match tagged(line) {
            _ if line.starts_with(b"+") => Answer::GoOn,
            rest if starts(rest, b"OK") => Answer::Accepted,
            rest if starts(rest, b"NO") => Answer::Refused,
            _ => Answer::None,
        },
    };
    IMAP.read(message, sink);
    Ok(())
}

pub(super) fn pop3(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const POP3: Dialogue = Dialogue {
        service: "pop3",
        secret: "POP3 login",
        tries: |line, _| match after(line, b"AUTH ") {
            Some(arguments) => mechanism(arguments),
            None if starts(line, b"PASS ") => Try::Clear,
            None if starts(line, b"APOP ") => Try::Hidden,
            None => Try::No,
        },
        answers: |line| match line {
            [b'+', b' ' | b'\r', ..] => Answer::GoOn,
            _ if starts(line, b"+OK") => Answer::Accepted,
            _ if starts(line, b"-ERR") => Answer::Refused,
            _ => Answer::None,
        },
    };
    POP3.read(message, sink);
    Ok(())
}

pub(super) fn smtp(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const SMTP: Dialogue = Dialogue {
        service: "smtp",
        secret: "SMTP login",
        tries: |line, _| after(line, b"AUTH ").map_or(Try::No, mechanism),
        answers: |line| match line {
            [b'3', b'3', b'4', ..] => Answer::GoOn,
            [b'2', b'3', b'5', ..] => Answer::Accepted,
            [b'5', b'3', b'5', ..] => Answer::Refused,
            _ => Answer::None,
        },
    };
    SMTP.read(message, sink);
    Ok(())
}

/// The prompt is the server's, whatever its language calls the rest; what the client sends next is no option but a secret.
pub(super) fn telnet(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const REFUSALS: [&[u8]; 4] = [b"login incorrect", b"login failed", b"authentication failed", b"access denied"];
    match sink.sender() {
        Role::Server if contains(message, b"password:") => sink.remember(Scope::Flow, ASKED, &[1]),
        Role::Server => {}
        Role::Client if message.first() == Some(&0xff) || sink.recall(Scope::Flow, ASKED).is_none() => {}
        Role::Client => {
            sink.forget(Scope::Flow, ASKED);
            is_clear("telnet", "Telnet login", sink);
        }
    }
    // The refusal and the next prompt may come together.
    if sink.sender() == Role::Server && REFUSALS.iter().any(|text| contains(message, text)) {
        is_answered("telnet", Some("login refused"), sink);
    }
    Ok(())
}

pub(super) fn ldap(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const BIND: u8 = 0x60;
    const BIND_RESPONSE: u8 = 0x61;
    const SIMPLE: u8 = 0x80;
    let Some((_, operation)) = ber_front(message, 0x30).and_then(|fields| ber(fields, 2)) else { return Ok(()) };
    let Some(tag @ (BIND | BIND_RESPONSE)) = operation.first().copied() else { return Ok(()) };
    match ber_front(operation, tag) {
        Some([2, 1, 2 | 3, rest @ ..]) if tag == BIND => {
            sink.sender_is(Role::Client, Evidence::Certain);
            let password = ber(rest, 4).and_then(|(_, proof)| ber_front(proof, SIMPLE));
            match password {
                Some([_, ..]) => is_clear("ldap", "LDAP simple bind", sink),
                Some([]) => {}
                None => is_tried(sink),
            }
        }
        // 14: more is to come.
        Some([0x0a, 1, result, ..]) if tag == BIND_RESPONSE && *result != 14 => {
            sink.sender_is(Role::Server, Evidence::Certain);
            is_answered("ldap", (*result == 49).then_some("invalid credentials"), sink);
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn mqtt(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match message {
        [0x10, rest @ ..] => {
            let size = rest.iter().take(4).take_while(|octet| **octet & 0x80 != 0).count();
            if let Some([0, 4, _, _, _, _, _, flags, ..] | [0, 6, _, _, _, _, _, _, _, flags, ..]) = rest.get(size.saturating_add(1)..) {
                sink.sender_is(Role::Client, Evidence::Certain);
                if flags & 0x40 != 0 {
                    is_clear("mqtt", "MQTT password", sink);
                } else {
                    is_tried(sink);
                }
            }
        }
        [0x20, 2..=0x7f, 0 | 1, code, ..] => {
            let refused = match code {
                4 | 0x86 => Some("bad user name or password"),
                5 | 0x87 => Some("not authorised"),
                _ => None,
            };
            is_answered("mqtt", refused, sink);
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn mysql(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const ACCESS_DENIED: [u8; 2] = 1045_u16.to_le_bytes();
    if let [_, _, 0, 1..=9, 0xff, low, high, ..] = message
        && [*low, *high] == ACCESS_DENIED
    {
        is_refused("mysql", "access denied", sink);
    }
    Ok(())
}

pub(super) fn postgresql(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match message {
        [b'R', 0, 0, 0, 8, 0, 0, 0, 3, ..] => sink.remember(Scope::Flow, ASKED, &[1]),
        [b'p', 0, 0, _, _, ..] if sink.recall(Scope::Flow, ASKED).is_some() => {
            sink.forget(Scope::Flow, ASKED);
            is_clear("postgresql", "PostgreSQL password", sink);
        }
        [b'E', 0, 0, _, _, ..] if contains(message, b"\0C28P01\0") => is_refused("postgresql", "invalid password", sink),
        _ => {}
    }
    Ok(())
}

pub(super) fn tds(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    const LOGIN_FAILED: [u8; 4] = 18_456_u32.to_le_bytes();
    if let [4, _, _, _, _, _, _, _, 0xaa, _, _, a, b, c, d, ..] = message
        && [*a, *b, *c, *d] == LOGIN_FAILED
    {
        is_refused("tds", "login failed", sink);
    }
    Ok(())
}

pub(super) fn vnc(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match (sink.sender(), message) {
        // The answer to the challenge is as long as that.
        (Role::Client, _) if message.len() == 16 => is_tried(sink),
        (Role::Server, [0, 0, 0, result @ 0..=2, ..]) => is_answered("vnc", (*result > 0).then_some("security result failed"), sink),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Protocol;
    use super::super::services;
    use super::*;
    use crate::sink::Role::{Client, Server};
    use crate::testing::{Recorder, hex};

    /// What is said of a connection, written as its specification has it.
    fn told(protocol: &Protocol, turns: &[(Role, &[u8])]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (sender, octets) in turns {
            recorder.feed(protocol, *sender, octets).unwrap();
        }
        recorder.lines
    }

    #[test]
    fn passwords_of_text_are_told_and_never_repeated() {
        let greeting: (Role, &[u8]) = (Server, b"220 FTP server ready\r\n");
        let lines = told(
            &services::FTP,
            &[
                greeting,
                (Client, b"USER maria\r\n"),
                (Server, b"331 Password\r\n"),
                (Client, b"PASS s3cret\r\n"),
                (Server, b"530 Login incorrect\r\n"),
            ],
        );
        assert_eq!(lines, ["anomaly ftp clear_text_credentials: FTP password", "anomaly ftp login_failed: login refused"]);
        let pop3: &[(Role, &[u8])] =
            &[(Client, b"USER maria\r\nPASS s3cret\r\n"), (Server, b"+OK\r\n"), (Server, b"-ERR no such message\r\n")];
        assert_eq!(told(&services::POP3, pop3), ["anomaly pop3 clear_text_credentials: POP3 login"]);
        let imap: &[(Role, &[u8])] = &[(Client, b"a1 login maria s3cret\r\n"), (Server, b"* CAPABILITY\r\na1 NO failed\r\n")];
        assert_eq!(
            told(&services::IMAP, imap),
            ["anomaly imap clear_text_credentials: IMAP login", "anomaly imap login_failed: login refused"]
        );
    }

    #[test]
    fn who_is_anybody_sends_no_secret() {
        let turns: &[(Role, &[u8])] = &[(Client, b"USER anonymous\r\n"), (Client, b"PASS me@\r\n"), (Server, b"230 Welcome\r\n")];
        assert!(told(&services::FTP, turns).is_empty());
        // Who has not logged in is told so, without having tried.
        assert!(told(&services::FTP, &[(Client, b"LIST\r\n"), (Server, b"530 Please login with USER and PASS.\r\n")]).is_empty());
        let bind = hex("300c 020101 6007 020103 0400 8000");
        assert!(told(&services::LDAP, &[(Client, &bind)]).is_empty());
    }

    #[test]
    fn a_mechanism_that_the_server_declines_sends_nothing() {
        let declined: &[(Role, &[u8])] =
            &[(Client, b"AUTH LOGIN\r\n"), (Server, b"538 Encryption required\r\n"), (Client, b"STARTTLS\r\n")];
        assert!(told(&services::SMTP, declined).is_empty());
        let said = ["anomaly smtp clear_text_credentials: SMTP login", "anomaly smtp login_failed: login refused"];
        let asked: &[(Role, &[u8])] =
            &[(Client, b"AUTH LOGIN\r\n"), (Server, b"334 VXNlcg==\r\n"), (Client, b"bWFyaWE=\r\n"), (Server, b"535 no\r\n")];
        assert_eq!(told(&services::SMTP, asked), said);
        let at_once: &[(Role, &[u8])] = &[(Client, b"AUTH PLAIN AG1hcmlhAHMzY3JldA==\r\n"), (Server, b"535 no\r\n")];
        assert_eq!(told(&services::SMTP, at_once), said);
        assert!(told(&services::SMTP, &[(Client, b"AUTH CRAM-MD5\r\n"), (Server, b"334 PDE4\r\n"), (Client, b"bWFy\r\n")]).is_empty());
    }

    #[test]
    fn what_follows_the_prompt_of_telnet_is_a_password() {
        let turns: &[(Role, &[u8])] = &[
            (Server, b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23"),
            (Client, b"\xff\xfb\x18"),
            (Server, b"plc login: "),
            (Client, b"m"),
            (Server, b"m"),
            (Server, b"\r\nPassword: "),
            (Client, b"\xff\xfc\x01"),
            (Client, b"s"),
            (Client, b"3\r\n"),
            (Server, b"\r\nLogin incorrect\r\nplc login: "),
            (Server, b"Last login: Login failed never\r\n"),
        ];
        assert_eq!(
            told(&services::TELNET, turns),
            ["anomaly telnet clear_text_credentials: Telnet login", "anomaly telnet login_failed: login refused"]
        );
    }

    #[test]
    fn binary_protocols_say_it_too() {
        let bind = hex("3017 020101 6012 020103 0405 636e3d61 61 8006 733363726574");
        let refused = hex("300c 020101 6107 0a0131 0400 0400");
        let said = told(&services::LDAP, &[(Client, &bind), (Server, &refused)]);
        assert_eq!(said, ["anomaly ldap clear_text_credentials: LDAP simple bind", "anomaly ldap login_failed: invalid credentials"]);
        let connect = b"\x10\x14\0\x04MQTT\x04\xc2\0\x3c\0\x01a\0\x01m\0\x02s3";
        let said = told(&services::MQTT, &[(Client, connect), (Server, b"\x20\x02\0\x05")]);
        assert_eq!(said, ["anomaly mqtt clear_text_credentials: MQTT password", "anomaly mqtt login_failed: not authorised"]);
        let denied = told(&services::MYSQL, &[(Server, b"\x48\0\0\x02\xff\x15\x04#28000Access denied")]);
        assert_eq!(denied, ["anomaly mysql login_failed: access denied"]);
        let turns: &[(Role, &[u8])] = &[
            (Server, b"R\0\0\0\x08\0\0\0\x03"),
            (Client, b"p\0\0\0\x0bs3cret\0"),
            (Server, b"E\0\0\0\x30SFATAL\0VFATAL\0C28P01\0Mno\0\0"),
        ];
        assert_eq!(
            told(&services::POSTGRESQL, turns),
            ["anomaly postgresql clear_text_credentials: PostgreSQL password", "anomaly postgresql login_failed: invalid password"]
        );
        let error = hex("04010030 00000100 aa 1e00 18480000 010e");
        assert_eq!(told(&services::TDS, &[(Server, &error)]), ["anomaly tds login_failed: login failed"]);
        let turns: &[(Role, &[u8])] =
            &[(Server, &[7; 16]), (Client, &[9; 16]), (Server, &[0, 0, 0, 1, 0, 0, 0, 0]), (Server, &[0, 0, 0, 1])];
        assert_eq!(told(&services::VNC, turns), ["anomaly vnc login_failed: security result failed"]);
    }

    #[test]
    fn what_is_cut_anywhere_is_read_without_harm() {
        let bind = hex("3017 020101 6012 020103 0405 636e3d61 61 8006 733363726574");
        let messages: [&[u8]; 4] = [&bind, b"\x10\x14\0\x04MQTT\x04\xc2", b"a1 AUTHENTICATE PLAIN AG1h\r\n", b"\r\nPassword: "];
        for protocol in
            [&services::FTP, &services::IMAP, &services::LDAP, &services::MQTT, &services::SMTP, &services::TELNET, &services::VNC]
        {
            for message in messages {
                for length in 1..message.len() {
                    told(protocol, &[(Client, &message[..length]), (Server, &message[..length])]);
                }
            }
        }
    }
}
