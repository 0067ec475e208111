//! Text from the wire, made safe: it may be hostile and will be shown in terminals, web pages and SIEMs.

use core::fmt;

/// The longest text kept from the wire, in characters.
pub const LONGEST: usize = 512;

/// The names of the bits that are set, joined by commas.
pub struct Bits<'a>(pub u32, pub &'a [(u32, &'a str)]);

impl fmt::Display for Bits<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in self.1.iter().filter(|(bit, _)| self.0 & bit != 0) {
            write!(formatter, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Octets in hexadecimal digits with colons between them, as addresses are written.
pub struct Colons<'a>(pub &'a [u8]);

impl fmt::Display for Colons<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for octet in self.0 {
            write!(formatter, "{separator}{octet:02x}")?;
            separator = ":";
        }
        Ok(())
    }
}

/// The octets before the first zero.
#[must_use]
pub fn up_to_zero(octets: &[u8]) -> &[u8] {
    octets.split(|octet| *octet == 0).next().unwrap_or_default()
}

/// Decode `octets` as UTF-8, else as ISO 8859-1 where every octet is printable there; line ends and tabs become
/// blanks; drop control, format and direction-changing characters; trim blanks and padding; keep at most
/// [`LONGEST`] characters.
#[must_use]
pub fn clean(octets: &[u8]) -> String {
    let used = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last.saturating_add(1));
    let octets = octets.get(..used).unwrap_or_default();
    let octets = front(octets, LONGEST.saturating_mul(4));
    let text = match core::str::from_utf8(octets) {
        Ok(text) => safe(text.chars()),
        Err(_) if octets.iter().all(|octet| matches!(octet, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0xa0..=0xff)) => {
            safe(octets.iter().map(|octet| char::from(*octet)))
        }
        Err(_) => safe(String::from_utf8_lossy(octets).chars()),
    };
    let trimmed = text.trim();
    if trimmed.len() == text.len() { text } else { trimmed.to_owned() }
}

/// The first `most` octets, or up to three less, so that no character of UTF-8 is cut in two.
fn front(octets: &[u8], most: usize) -> &[u8] {
    let is_inside = |end: &usize| octets.get(*end).is_some_and(|octet| octet & 0xc0 == 0x80);
    let end = (most.saturating_sub(3)..=most).rev().find(|end| !is_inside(end)).unwrap_or(most);
    octets.get(..end).unwrap_or(octets)
}

/// Decode UTF-16, least significant octet first, as far as a text is kept; ends at a zero character. What is no
/// character becomes U+FFFD.
#[must_use]
pub fn utf16_le(octets: &[u8]) -> String {
    utf16(octets, u16::from_le_bytes)
}

/// The same, most significant octet first.
#[must_use]
pub fn utf16_be(octets: &[u8]) -> String {
    utf16(octets, u16::from_be_bytes)
}

fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair)).take_while(|unit| *unit != 0);
    char::decode_utf16(units.take(LONGEST)).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The safe ones of those characters; a run of line ends and tabs is one blank.
fn safe(characters: impl Iterator<Item = char>) -> String {
    let mut before = ' ';
    let characters = characters.filter_map(|character| {
        let kept = match character {
            '\t' | '\r' | '\n' => (before != ' ').then_some(' '),
            character => is_safe(character).then_some(character),
        };
        before = kept.unwrap_or(before);
        kept
    });
    characters.take(LONGEST).collect()
}

/// No control characters, no invisible format characters, no bidirectional overrides, no line separators.
fn is_safe(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_named() {
        let names = [(1, "one"), (2, "two"), (4, "three")];
        assert_eq!(Bits(0x8005, &names).to_string(), "one, three");
        assert_eq!(Bits(0, &names).to_string(), "");
    }

    #[test]
    fn octets_are_written_as_an_address_and_texts_end_at_a_zero() {
        assert_eq!(Colons(&[2, 0xab, 0]).to_string(), "02:ab:00");
        assert_eq!(Colons(&[]).to_string(), "");
        assert_eq!((up_to_zero(b"PLC\0\0x"), up_to_zero(b"PLC"), up_to_zero(b"\0")), (&b"PLC"[..], &b"PLC"[..], &b""[..]));
    }

    #[test]
    fn hostile_text_becomes_plain_text() {
        assert_eq!(clean(b"6ES7 315-2EH14-0AB0 \0\0"), "6ES7 315-2EH14-0AB0");
        assert_eq!(clean(b"a\x1b[31mb\r\nc\0d"), "a[31mb cd");
        assert_eq!(clean("x\u{202e}y".as_bytes()), "xy");
        assert_eq!(clean(b"M\xfcller"), "M\u{fc}ller");
        assert_eq!(clean(b"\x80\x81ok"), "\u{fffd}\u{fffd}ok");
        assert_eq!(clean(&[b'a'; 9000]).len(), LONGEST);
        let long = format!("a{}", "\u{e9}".repeat(2000));
        assert_eq!(clean(long.as_bytes()), long.chars().take(LONGEST).collect::<String>());
    }

    #[test]
    fn utf16_ends_at_a_zero_and_survives_half_a_pair() {
        assert_eq!(utf16_le(b"P\0L\0C\0\0\0x\0"), "PLC");
        assert_eq!(utf16_be(b"\0P\0L\x20\xac!"), "PL\u{20ac}");
        assert_eq!(utf16_le(b"\x00\xd8A\0"), "\u{fffd}A");
        assert_eq!(utf16_le(&[0x41; 9000]).chars().count(), LONGEST);
    }
}
