//! HTTP (RFC 9110, RFC 9112): which product asks, which answers, and under what name.
//!
//! ```text
//! method SP target SP "HTTP/1." digit CR LF          "HTTP/1." digit SP status SP reason CR LF
//! name ":" value CR LF …                             a line that begins with a blank goes on with the value before
//! CR LF  body
//! ```
//!
//! Only heads are read: a segment of a body is a message that says nothing. NTLM in `Authorization` and `WWW-Authenticate`
//! (RFC 4559) is read as in SMB.

use crate::error::{Error, Result};
use crate::facts;
use crate::sink::{Evidence, Label, Role, Sink};

use super::{Likeness, Protocol, logins, ntlmssp};

const NAME: &str = "http";
/// A head is not read further than this.
const LONGEST_HEAD: usize = 16 << 10;
const MOST_FIELDS: u8 = 128;
/// Octets of a decoded authentication token that are read.
const LONGEST_TOKEN: usize = 2048;
const VERSION: &[u8] = b"HTTP/1.";
/// RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Methods of RFC 9110, RFC 5789, RFC 4918 and of device discovery.
const METHODS: [&[u8]; 19] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
    b"UNSUBSCRIBE ",
];

/// Windows Remote Management ([MS-WSMV] 2.1): HTTP to this path.
const WINRM: &str = "winrm";

/// HTTP, up to the preface of version 2.
pub(super) static PROTOCOL: Protocol = Protocol {
    name: NAME,
    tcp_ports: &[80, 8080, 8000, 8008, 8081, 8088, 8888, 3128, 5357, 47001],
    carries: &[WINRM],
    first_messages: 8,
    probe,
    frame,
    dissect,
    ..Protocol::SERVICE
};

/// What the line at the front of a head is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start<'a> {
    /// A request, and what it asks for.
    Request { method: &'a [u8], target: &'a [u8] },
    /// An answer.
    Response,
    /// The connection goes on in version 2.
    Preface,
    /// It may become one of them.
    Begun,
    /// None of them.
    None,
}

impl<'a> Start<'a> {
    fn of(octets: &'a [u8]) -> Self {
        if octets.starts_with(PREFACE) {
            return Self::Preface;
        }
        if let Some(rest) = octets.strip_prefix(VERSION) {
            return match rest {
                [b'0' | b'1', b' ', b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r' | b'\n', ..] => Self::Response,
                _ if rest.len() < 6 && is_status(rest) => Self::Begun,
                _ => Self::None,
            };
        }
        if VERSION.starts_with(octets) || PREFACE.starts_with(octets) || METHODS.iter().any(|method| method.starts_with(octets)) {
            return Self::Begun;
        }
        match METHODS.iter().find_map(|method| octets.strip_prefix(*method).map(|rest| (*method, rest))) {
            Some((method, rest)) => Self::request(method, rest),
            None => Self::None,
        }
    }

    fn request(method: &'a [u8], rest: &'a [u8]) -> Self {
        let Some(end) = rest.iter().position(|octet| *octet <= b' ') else { return Self::Begun };
        let (target, rest) = rest.split_at_checked(end).unwrap_or_default();
        if target.is_empty() {
            return Self::None;
        }
        let Some(rest) = rest.strip_prefix(b" ") else { return Self::None };
        match rest.strip_prefix(VERSION) {
            Some([b'0' | b'1', b'\r' | b'\n', ..]) => Self::Request { method, target },
            Some([] | [b'0' | b'1']) => Self::Begun,
            None if VERSION.starts_with(rest) => Self::Begun,
            _ => Self::None,
        }
    }
}

/// Whether the front of a digit, a blank and a status is there.
fn is_status(octets: &[u8]) -> bool {
    octets.iter().enumerate().all(|(at, octet)| if at == 1 { *octet == b' ' } else { octet.is_ascii_digit() })
}

fn probe(octets: &[u8]) -> Likeness {
    match Start::of(octets) {
        Start::Request { .. } | Start::Response | Start::Preface => Likeness::Sure,
        Start::Begun if !octets.is_empty() => Likeness::Possible,
        Start::Begun | Start::None => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match Start::of(octets) {
        Start::Preface => return Ok(Some(PREFACE.len())),
        Start::None => return Ok(Some(octets.len())),
        Start::Begun | Start::Request { .. } | Start::Response => {}
    }
    match head(octets) {
        Some(length) => Ok(Some(length)),
        None if octets.len() < LONGEST_HEAD => Ok(None),
        None => Err(Error::Malformed("HTTP head without an end")),
    }
}

/// Length of the head with the empty line that ends it; a line may end without its carriage return (RFC 9112, 2.2).
fn head(octets: &[u8]) -> Option<usize> {
    let window = octets.get(..LONGEST_HEAD).unwrap_or(octets);
    window.iter().enumerate().filter(|(_, octet)| **octet == b'\n').find_map(|(at, _)| match window.get(at.saturating_add(1)..)? {
        [b'\n', ..] => Some(at.saturating_add(2)),
        [b'\r', b'\n', ..] => Some(at.saturating_add(3)),
        _ => None,
    })
}

/// The fields of a head, the front of which may be all that is there.
struct Fields<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> Fields<'a> {
    fn of(message: &'a [u8]) -> Self {
        let start = message.iter().position(|octet| *octet == b'\n').map_or(message.len(), |at| at.saturating_add(1));
        Self { rest: message.get(start..).unwrap_or_default(), left: MOST_FIELDS }
    }
}

impl<'a> Iterator for Fields<'a> {
    /// Name and value. A value over several lines still has its line ends in it.
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let (field, rest) = self.rest.split_at_checked(field_length(self.rest)?)?;
            self.rest = rest;
            if let Some(colon) = field.iter().position(|octet| *octet == b':') {
                let (name, value) = field.split_at_checked(colon)?;
                return Some((name.trim_ascii(), value.strip_prefix(b":")?.trim_ascii()));
            }
        }
    }
}

/// Length of the field at the front, with the lines on which it goes on and the end of the last. None where that is not there.
fn field_length(octets: &[u8]) -> Option<usize> {
    let mut lines = octets.iter().enumerate().filter(|(_, octet)| **octet == b'\n').map(|(at, _)| at.saturating_add(1));
    lines.find(|after| !matches!(octets.get(*after), Some(b' ' | b'\t')))
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    match Start::of(message) {
        Start::Request { method, target } => {
            sink.sender_is(Role::Client, Evidence::Certain);
            if target.starts_with(b"/wsman") {
                sink.speaks(WINRM);
            }
            // A proxy is asked for what lies behind it, so the name is not its own.
            let to_proxy = method == b"CONNECT " || !target.starts_with(b"/");
            request(message, to_proxy, sink)
        }
        Start::Response => {
            sink.sender_is(Role::Server, Evidence::Certain);
            response(message, sink)
        }
        Start::Preface => {
            sink.sender_is(Role::Client, Evidence::Certain);
            Ok(())
        }
        Start::Begun | Start::None => Ok(()),
    }
}

/// Whether a proxy passes on what somebody else has said (RFC 9110, 7.6.3).
fn is_passed_on(message: &[u8]) -> bool {
    Fields::of(message).any(|(name, _)| [&b"via"[..], b"x-forwarded-for", b"forwarded"].iter().any(|of| name.eq_ignore_ascii_case(of)))
}

fn request(message: &[u8], to_proxy: bool, sink: &mut dyn Sink) -> Result<()> {
    let is_own = !is_passed_on(message);
    for (name, value) in Fields::of(message) {
        if name.eq_ignore_ascii_case(b"user-agent") && is_own {
            sink.fact(NAME, Some(Label::NONE), facts::SOFTWARE, value);
        } else if name.eq_ignore_ascii_case(b"host") && !to_proxy && is_name(value) {
            sink.fact_about(sink.receiver_addresses(), NAME, facts::SERVER_NAME, value);
        } else if name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization") {
            proof(value, sink);
            authentication(value, sink)?;
        }
    }
    Ok(())
}

fn response(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    answer(message, sink);
    let is_own = !is_passed_on(message);
    for (name, value) in Fields::of(message).filter(|_| is_own) {
        if name.eq_ignore_ascii_case(b"server") {
            sink.fact(NAME, Some(Label::NONE), facts::SOFTWARE, value);
        } else if name.eq_ignore_ascii_case(b"www-authenticate") || name.eq_ignore_ascii_case(b"proxy-authenticate") {
            if let Some(realm) = realm(value) {
                sink.fact(NAME, Some(Label::NONE), facts::DESCRIPTION, realm);
            }
            authentication(value, sink)?;
        }
    }
    Ok(())
}

/// A login, of which Basic is the one that anybody can read (RFC 7617). The first message of NTLM proves nothing yet.
fn proof(value: &[u8], sink: &mut dyn Sink) {
    let scheme = value.split(|octet| *octet == b' ').next().unwrap_or_default();
    let is = |name: &[u8]| scheme.eq_ignore_ascii_case(name);
    // "NTLMSSP", 0, then the type 3, in base 64.
    if is(b"basic") {
        logins::is_clear(NAME, "HTTP basic authentication", sink);
    } else if is(b"digest") || is(b"ntlm") && value.windows(12).any(|window| window == b"TlRMTVNTUAAD") {
        logins::is_tried(sink);
    }
}

/// Whether the login of the request is let in: a challenge says that it was not, or that its number was too old (RFC 7616, 3.3).
fn answer(message: &[u8], sink: &mut dyn Sink) {
    let refuses = matches!(message.get(9..12), Some(b"401" | b"407"));
    let is_stale =
        refuses && Fields::of(message).any(|(_, value)| value.windows(10).any(|window| window.eq_ignore_ascii_case(b"stale=true")));
    logins::is_answered(NAME, (refuses && !is_stale).then_some("not authorised"), sink);
}

/// A host that is more than its address: the address is known.
fn is_name(host: &[u8]) -> bool {
    !host.starts_with(b"[") && host.iter().any(u8::is_ascii_alphabetic)
}

/// Which part of itself a server asks the password for (RFC 9110, 11.5): often the name of the product.
fn realm(challenge: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"realm=\"";
    let at = challenge.windows(KEY.len()).position(|window| window.eq_ignore_ascii_case(KEY))?;
    let text = challenge.get(at.saturating_add(KEY.len())..)?;
    text.get(..text.iter().position(|octet| *octet == b'"')?)
}

fn authentication(value: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let Some(blank) = value.iter().position(|octet| *octet == b' ') else { return Ok(()) };
    let (scheme, token) = value.split_at_checked(blank).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"ntlm") && !scheme.eq_ignore_ascii_case(b"negotiate") {
        return Ok(());
    }
    let mut decoded = [0; LONGEST_TOKEN];
    let length = base64(token.trim_ascii(), &mut decoded);
    ntlmssp::dissect(decoded.get(..length).unwrap_or_default(), NAME, sink)
}

/// Decode base 64 (RFC 4648, 4) up to the first octet that is none of it; returns how many octets that makes.
fn base64(text: &[u8], decoded: &mut [u8]) -> usize {
    let (mut bits, mut count, mut length) = (0_u32, 0_u32, 0_usize);
    let mut places = decoded.iter_mut();
    for octet in text {
        let value = match octet {
            b'A'..=b'Z' => octet.wrapping_sub(b'A'),
            b'a'..=b'z' => octet.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => octet.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count = count.saturating_add(6);
        if let Some(left) = count.checked_sub(8) {
            let Some(place) = places.next() else { break };
            let [.., octet] = (bits >> left).to_be_bytes();
            *place = octet;
            count = left;
            length = length.saturating_add(1);
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    // Made by hand after what a controller's web server and Firefox say.
    const REQUEST: &[u8] = b"GET /index.htm HTTP/1.1\r\nHost: mixer.works.example:8080\r\nuser-agent: Mozilla/5.0\r\n (X11; Linux)\r\n\r\n";
    const RESPONSE: &[u8] =
        b"HTTP/1.1 401 Unauthorized\nServer: Works-HTTP/2.4\nWWW-Authenticate: Basic realm=\"Works Web\"\nContent-Length: 3\n\nabc";

    fn said(sender: Role, octets: &[u8]) -> Vec<String> {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, sender, octets).unwrap();
        recorder.lines
    }

    #[test]
    fn both_ends_are_told() {
        assert_eq!(
            said(Role::Client, REQUEST),
            [
                "fact http about 020000000009 10.0.0.9 server_name=mixer.works.example:8080",
                "fact http unit= software=Mozilla/5.0  (X11; Linux)"
            ]
        );
        assert_eq!(said(Role::Server, RESPONSE), ["fact http unit= software=Works-HTTP/2.4", "fact http unit= description=Works Web"]);
    }

    #[test]
    fn what_is_not_said_of_oneself_is_left_out() {
        for request in [
            "CONNECT plc.works.example:443 HTTP/1.1\r\nHost: plc.works.example:443\r\n\r\n",
            "GET http://plc.works.example/ HTTP/1.0\r\nHost: plc.works.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: 10.0.0.9\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [fe80::9]:80\r\n\r\n",
            "GET / HTTP/1.1\r\nVia: 1.1 gate\r\nUser-Agent: curl/8.5\r\n\r\n",
        ] {
            assert!(said(Role::Client, request.as_bytes()).is_empty(), "{request}");
        }
        assert!(said(Role::Server, b"HTTP/1.0 200 OK\r\nServer: origin\r\nVIA: 1.1 squid\r\n\r\n").is_empty());
    }

    // The token is the CHALLENGE of Windows Server 2019 as [MS-NLMP] 4.2.4.3 builds it, with other names.
    #[test]
    fn ntlm_names_the_host() {
        let token = "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAACgBjRQAAAA9TAGUAcgB2AGUAcgACAAwARABvAG0AYQBpAG4AAQAMAFMAZQByAHYAZQByAAAAAAA=";
        let head = format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM {token}\r\n\r\n");
        assert_eq!(
            said(Role::Server, head.as_bytes()),
            [
                "fact http unit= hostname=Server",
                "fact http unit= domain=Domain",
                "fact http unit= hostname=Server",
                "fact http unit= operating_system=Windows 10.0 build 17763",
            ]
        );
    }

    #[test]
    fn logins_that_can_be_read_or_are_refused_are_told() {
        let told = |requests: &[&str], answer: &str| {
            let mut recorder = Recorder::default();
            for authorization in requests {
                let head = format!("GET / HTTP/1.1\r\nAuthorization: {authorization}\r\n\r\n");
                let _ = recorder.feed(&PROTOCOL, Role::Client, head.as_bytes());
                recorder.feed(&PROTOCOL, Role::Server, format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).unwrap();
            }
            recorder.lines.retain(|line| line.starts_with("anomaly"));
            recorder.lines
        };
        let (clear, failed) =
            ("anomaly http clear_text_credentials: HTTP basic authentication", "anomaly http login_failed: not authorised");
        assert_eq!(told(&["Basic bWFyaWE6czNjcmV0"], "200 OK"), [clear]);
        assert_eq!(told(&["basic bWFyaWE6czNjcmV0"], "401 No"), [clear, failed]);
        assert_eq!(told(&["Digest username=\"maria\""], "401 No"), [failed]);
        assert!(told(&["Digest username=\"maria\""], "401 No\r\nWWW-Authenticate: Digest stale=true").is_empty());
        // The first message of NTLM is always answered so, the third only where it proves nothing.
        assert!(told(&["NTLM TlRMTVNTUAABAAAAB4IIogAAAAA="], "401 No").is_empty());
        assert_eq!(told(&["NTLM TlRMTVNTUAADAAAAAAAAAEgAAAA="], "401 No"), [failed]);
    }

    #[test]
    fn a_head_is_whole_before_it_is_read() {
        let head = &RESPONSE[..RESPONSE.len() - 3];
        for whole in [REQUEST, head] {
            for cut in 0..whole.len() {
                assert_eq!(frame(&whole[..cut]), Ok(None), "{cut}");
                assert_ne!(probe(&whole[..cut]), if cut > 0 { Likeness::No } else { Likeness::Sure });
                let _ = dissect(&whole[..cut], &mut Recorder::default());
            }
            assert_eq!(frame(whole), Ok(Some(whole.len())));
            assert_eq!(probe(whole), Likeness::Sure);
        }
        assert_eq!(frame(RESPONSE), Ok(Some(RESPONSE.len() - 3)));
        assert_eq!(frame(b"<html>\n\nGET"), Ok(Some(11)));
        assert_eq!(frame(&[PREFACE, &[0, 0, 18, 4]].concat()), Ok(Some(24)));
    }

    #[test]
    fn other_text_is_not_http() {
        for other in
            ["GET /etc/passwd\r\n", "OPTIONS rtsp://x RTSP/1.0\r\n", "HTTP/1.1 abc", "HTTP/2.0 200 ", "GET  HTTP/1.1", "", "PUT a b"]
        {
            assert_eq!(probe(other.as_bytes()), Likeness::No, "{other}");
        }
    }

    #[test]
    fn hostile_heads_are_bounded() {
        let mut many = b"GET / HTTP/1.1\r\n".to_vec();
        many.extend_from_slice(&b"User-Agent: a\r\n".repeat(900));
        assert!(frame(&[&many[..], &[b'a'; LONGEST_HEAD]].concat()).is_err());
        many.extend_from_slice(b"\r\n");
        assert_eq!(said(Role::Client, &many).len(), usize::from(MOST_FIELDS));
        let folded = [b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec(), b" b\r\n".repeat(2000), b"\r\n".to_vec()].concat();
        assert_eq!(said(Role::Client, &folded).len(), 1);
        let token = [b"HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM ".to_vec(), vec![b'T'; 9000], b"\r\n\r\n".to_vec()].concat();
        assert!(said(Role::Server, &token).is_empty());
    }
}
