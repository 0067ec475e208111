//! Files that are no capture: what their first octets look like, for the error message.

/// How many octets of such a file are shown.
const SHOWN: usize = 8;

/// How many octets the guess rests on, however many there are: the longest signature.
pub(super) const JUDGED: usize = 16;

/// First octets and what begins with them; the first row that fits counts.
static SIGNATURES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\xfd7zXZ\0", "xz compressed data"),
    (b"BZh", "bzip2 compressed data"),
    (b"\x04\x22\x4d\x18", "lz4 compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"snoop\0\0\0", "a snoop capture"),
    (b"GMBU", "a Microsoft Network Monitor capture"),
    (b"RTSS", "a Microsoft Network Monitor capture"),
    (b"TRSNIFF data    ", "a Sniffer capture"),
    (b"XCP\0", "a NetXRay capture"),
    (b"btsnoop\0", "a Bluetooth snoop capture"),
    (b"\x1c\0\x01\xac", "an IXIA capture"),
    (b"\x1c\0\x01\xab", "an IXIA capture"),
    (b"\xac\x01\0\x1c", "an IXIA capture"),
    (b"\xab\x01\0\x1c", "an IXIA capture"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// Say that a file which begins with `head` is no capture, and what is.
pub(super) fn refuse(head: &[u8], inside: &str) -> String {
    let shown: Vec<String> = head.iter().take(SHOWN).map(|octet| format!("{octet:02x}")).collect();
    let more = if head.len() > SHOWN { " …" } else { "" };
    let guess = guess(head).map(|what| format!(": {what}")).unwrap_or_default();
    format!("not a capture file{inside} (begins {}{more}{guess}): expected pcap or pcapng, plain, .gz or .zst", shown.join(" "))
}

fn guess(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..JUDGED).unwrap_or(head);
    let known = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, what)| *what);
    let is_text = || head.iter().all(|octet| matches!(octet, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    known.or_else(|| is_text().then_some("text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_looks_like() {
        assert_eq!(
            refuse(b"PK\x03\x04\x14\0\x06\0\x08\0", ""),
            "not a capture file (begins 50 4b 03 04 14 00 06 00 …: a zip archive or an Office document): \
             expected pcap or pcapng, plain, .gz or .zst"
        );
        assert!(refuse(b"time,source", "").contains(": text)"));
        assert!(refuse(&[1, 2], "").contains("(begins 01 02):"));
        assert!(SIGNATURES.iter().all(|(signature, _)| signature.len() <= JUDGED));
    }
}
