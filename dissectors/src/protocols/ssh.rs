//! SSH (RFC 4253, 4.2): the lines with which both ends introduce themselves.
//!
//! ```text
//! [lines of the server's that do not begin with "SSH-"]
//! SSH-2.0-softwareversion [comments] CR LF
//! ```

use crate::error::{Error, Result};
use crate::facts;
use crate::sink::{Label, Sink};

use super::{Likeness, Protocol};

const NAME: &str = "ssh";
const MARK: &[u8] = b"SSH-";
/// Longest line that introduces: the standard allows 255 octets, some write more.
const LONGEST_LINE: usize = 512;
/// Octets in lines before it.
const MOST_BEFORE: usize = 4096;
/// Of those, as many as recognition looks at: it may look at every octet of a stream.
const MOST_IN_PROBE: usize = 256;

/// SSH.
pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[22, 830], first_messages: 1, probe, frame, dissect, ..Protocol::SERVICE };

/// What stands before the version of the protocol's is told; what comes after it says whose product it is.
fn product(line: &[u8]) -> Option<&[u8]> {
    match line.strip_prefix(MARK)? {
        [b'1' | b'2', b'.', b'0'..=b'9', b'-', rest @ ..] | [b'1' | b'2', b'.', b'0'..=b'9', b'0'..=b'9', b'-', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Where the line that introduces begins.
fn start(octets: &[u8]) -> Option<usize> {
    if octets.starts_with(MARK) {
        return Some(0);
    }
    let window = octets.get(..MOST_BEFORE).unwrap_or(octets);
    window.windows(MARK.len().saturating_add(1)).position(|window| window == b"\nSSH-").map(|at| at.saturating_add(1))
}

fn probe(octets: &[u8]) -> Likeness {
    let front = octets.get(..MOST_IN_PROBE).unwrap_or(octets);
    match start(front) {
        Some(0) if product(octets).is_some() => Likeness::Sure,
        Some(0) if octets.len() < 9 => Likeness::Possible,
        Some(at) if at > 0 && octets.get(at..).is_some_and(|line| product(line).is_some()) => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn frame(octets: &[u8]) -> Result<Option<usize>> {
    match start(octets) {
        Some(at) => {
            let line = octets.get(at..).unwrap_or_default();
            match line.iter().take(LONGEST_LINE).position(|octet| *octet == b'\n') {
                Some(end) => Ok(Some(at.saturating_add(end).saturating_add(1))),
                None if line.len() < LONGEST_LINE => Ok(None),
                None => Err(Error::Malformed("SSH introduction without an end")),
            }
        }
        None if octets.len() < MOST_BEFORE && octets.iter().all(|octet| matches!(octet, b'\t' | b'\r' | b'\n' | b' '..=b'~' | 0x80..)) => {
            Ok(None)
        }
        None => Err(Error::Malformed("not SSH")),
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let line = start(message).and_then(|at| message.get(at..)).unwrap_or_default();
    let Some(product) = product(line) else { return Err(Error::Malformed("not SSH")) };
    let end = product.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
    let product = end.and_then(|end| product.get(..end)).ok_or(Error::Truncated { at: message.len() })?;
    sink.fact(NAME, Some(Label::NONE), facts::SOFTWARE, product);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing;

    // From a public capture (OpenSSH on Debian).
    const SERVER: &[u8] = b"SSH-2.0-OpenSSH_6.7p1 Debian-3\r\n";

    fn said(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    #[test]
    fn software_and_comments_are_told() {
        assert_eq!(said(SERVER), ["fact ssh unit= software=OpenSSH_6.7p1 Debian-3"]);
        assert_eq!(said(b"SSH-1.99-Cisco-1.25\n"), ["fact ssh unit= software=Cisco-1.25"]);
        assert_eq!(said(b"Authorised use only\r\nplease\r\nSSH-2.0-dropbear_2022.83\r\n"), ["fact ssh unit= software=dropbear_2022.83"]);
    }

    #[test]
    fn the_line_is_whole_before_it_is_read() {
        for before in [&b""[..], b"Hello\r\n"] {
            let whole = [before, SERVER].concat();
            for cut in 0..whole.len() {
                assert_eq!(frame(&whole[..cut]), Ok(None));
                assert!(said(&whole[..cut]).is_empty() || cut == whole.len() - 1);
                assert_eq!(probe(&[&whole[..cut], b"\x80\x81"].concat()) == Likeness::Sure, before.is_empty() && cut >= 8);
            }
            let more = [&whole[..], &[0, 0, 4, 0x14, 9, 0x14]].concat();
            assert_eq!(frame(&more), Ok(Some(whole.len())));
        }
    }

    #[test]
    fn other_text_is_not_ssh() {
        for other in [&b"220 ftp.example ready\r\n"[..], b"GET / HTTP/1.1\r\n", b"SSH-key: none", b"\0\0\0\x14SSH-2.0-", b""] {
            assert_eq!(probe(other), Likeness::No);
        }
        assert!(frame(&[0, 1, 2, 3]).is_err());
        assert!(frame(&[b'a'; MOST_BEFORE]).is_err());
        assert!(frame(&[b"SSH-2.0-", &[b'a'; LONGEST_LINE][..]].concat()).is_err());
    }
}
