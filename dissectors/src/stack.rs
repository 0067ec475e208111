//! What a TCP handshake tells of the operating system behind it: initial TTL, window, and which options in which order
//! (RFC 9293 section 3.2; RFC 7323 window scale and time stamps; RFC 2018 selective acknowledgement).

use core::fmt::Write as _;

use crate::decode::Tcp;

/// Options that are written down at the most: 40 octets hold no more.
const MOST_OPTIONS: usize = 40;

/// A text that is the same for all connections of one stack, as `ttl 128, window 8192, mss 1460, options mss nop ws nop nop sack`.
#[must_use]
pub fn describe(segment: &Tcp<'_>, time_to_live: u8) -> String {
    let mut names = String::new();
    let (mut maximum_segment, mut scale) = (None, None);
    let mut rest = segment.options;
    for _ in 0..MOST_OPTIONS {
        let (name, next) = match *rest {
            [0, ..] => ("end", &[][..]),
            [1, ref next @ ..] => ("nop", next),
            [kind, length, ref body @ ..] => {
                let Some((value, next)) = usize::from(length).checked_sub(2).and_then(|length| body.split_at_checked(length)) else {
                    names.push_str(" malformed");
                    break;
                };
                match (kind, value) {
                    (2, [a, b]) => maximum_segment = Some(u16::from_be_bytes([*a, *b])),
                    (3, [shift]) => scale = Some(*shift),
                    _ => {}
                }
                let name = match kind {
                    2 => "mss",
                    3 => "ws",
                    4 => "sack",
                    8 => "ts",
                    _ => "other",
                };
                (name, next)
            }
            [] | [_] => break,
        };
        names.push(' ');
        names.push_str(name);
        rest = next;
    }
    // Writing to a string cannot fail.
    let mut text = format!("ttl {}, window {}", initial(time_to_live), segment.window);
    if let Some(size) = maximum_segment {
        let _ = write!(text, ", mss {size}");
    }
    if let Some(shift) = scale {
        let _ = write!(text, ", scale {shift}");
    }
    if !names.is_empty() {
        let _ = write!(text, ", options{names}");
    }
    text
}

/// The TTL that the sender began with: stacks begin with 32, 64, 128 or 255, and no path is longer than 30 hops.
const fn initial(time_to_live: u8) -> u8 {
    match time_to_live {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        _ => 255,
    }
}

/// Routers that a packet has passed by its TTL or hop limit; none where it has no such, or was given fewer hops than usual.
#[must_use]
pub const fn hops(time_to_live: u8) -> Option<u8> {
    let hops = initial(time_to_live).saturating_sub(time_to_live);
    if time_to_live > 0 && hops <= 30 { Some(hops) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    fn segment(options: &[u8]) -> Tcp<'_> {
        let (payload, length) = (&[][..], 0);
        let ports = (1024, 502);
        Tcp {
            source: ports.0,
            destination: ports.1,
            sequence: 0,
            acknowledgement: 0,
            flags: 2,
            window: 8192,
            checksum: 0,
            options,
            payload,
            length,
        }
    }

    #[test]
    fn stacks_are_told_apart_by_their_first_segment() {
        let windows = hex("02 04 05b4 01 03 03 08 01 01 04 02");
        assert_eq!(describe(&segment(&windows), 127), "ttl 128, window 8192, mss 1460, scale 8, options mss nop ws nop nop sack");
        let linux = hex("02 04 05b4 04 02 08 0a 00000001 00000000 01 03 03 07");
        assert_eq!(describe(&segment(&linux), 64), "ttl 64, window 8192, mss 1460, scale 7, options mss sack ts nop ws");
        assert_eq!(describe(&segment(&[]), 30), "ttl 32, window 8192");
    }

    #[test]
    fn options_that_lie_end_the_list() {
        for (options, text) in [("02 00", " malformed"), ("03 ff 01", " malformed"), ("01 02", " nop"), ("00 05 05", " end")] {
            assert_eq!(describe(&segment(&hex(options)), 255), format!("ttl 255, window 8192, options{text}"));
        }
    }
}
