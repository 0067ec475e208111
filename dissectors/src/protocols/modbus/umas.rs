//! UMAS, Schneider's engineering protocol, in function 90. Nothing is published on it: the layouts here are those that
//! captures of Modicon controllers show.
//!
//! ```text
//! request   0  0x5A  1  session  2  code                       3  data, least significant octets first
//! response  0  0x5A  1  session  2  0xFE accepted, 0xFD not    3  data or error code
//! ```

use core::fmt::Write;

use super::{Adu, NAME, front, is_text};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Matched, Sink};

const READ_ID: u8 = 0x02;
const READ_PROJECT_INFO: u8 = 0x03;
const TAKE_RESERVATION: u8 = 0x10;
const READ_MEMORY_BLOCK: u8 = 0x20;
const WRITE_MEMORY_BLOCK: u8 = 0x21;
const READ_VARIABLES: u8 = 0x22;
const WRITE_VARIABLES: u8 = 0x23;
pub(super) const REJECTED: u8 = 0xfd;
pub(super) const ACCEPTED: u8 = 0xfe;
/// Added to the error code of UMAS, so that it cannot be taken for a Modbus exception.
const STATUS: u32 = 0x00fd_0000;

/// What a UMAS request touches, without session and values:
/// memory block: range 1, block 2, offset 2, unknown 2, count 2; variables: CRC 4, how many 1, then each.
pub(super) fn object(pdu: &[u8]) -> Label<'_> {
    match pdu {
        [_, _, READ_MEMORY_BLOCK | WRITE_MEMORY_BLOCK, ..] => {
            Label { octets: pdu.get(4..12).unwrap_or_default(), render: render_memory_block }
        }
        [_, _, READ_VARIABLES, _, _, _, _, variables @ ..] => Label { octets: variables, render: render_variables_read },
        [_, _, WRITE_VARIABLES, _, _, _, _, variables @ ..] => Label { octets: front(variables, 8), render: render_variable_written },
        _ => Label::NONE,
    }
}

fn render_memory_block(octets: &[u8], out: &mut String) {
    let [b0, b1, o0, o1, _, _, n0, n1] = *octets else { return };
    let first = u32::from(u16::from_le_bytes([o0, o1]));
    let last = first.saturating_add(u32::from(u16::from_le_bytes([n0, n1])).max(1).saturating_sub(1));
    let _ = write!(out, "memory block {} octets {first}-{last}", u16::from_le_bytes([b0, b1]));
}

/// How many, then for each: array flag and size, block 2, one octet, base offset 2, offset 1, length of an array 2.
fn render_variables_read(octets: &[u8], out: &mut String) {
    let [count, variables @ ..] = octets else { return };
    let mut reader = Reader::new(variables);
    let mut shown = 0_u8;
    while shown < (*count).min(8) {
        let Ok([size, b0, b1, _, o0, o1, offset]) = reader.take() else { break };
        let separator = if shown == 0 { "" } else { ", " };
        let at = u32::from(u16::from_le_bytes([o0, o1])) << 8 | u32::from(offset);
        let _ = write!(out, "{separator}block {} offset {at}", u16::from_le_bytes([b0, b1]));
        shown = shown.saturating_add(1);
        if size >> 4 != 0 && reader.skip(2).is_err() {
            break;
        }
    }
    if shown > 0 && *count > shown {
        let _ = write!(out, " … +{}", count.saturating_sub(shown));
    }
}

/// How many, then of the first: array flag and size, block 2, base offset 2, offset 2.
fn render_variable_written(octets: &[u8], out: &mut String) {
    let [count, _, b0, b1, o0, o1, o2, o3] = *octets else { return };
    let _ = write!(out, "block {} offset {}", u16::from_le_bytes([b0, b1]), u32::from_le_bytes([o0, o1, o2, o3]));
    if count > 1 {
        let _ = write!(out, " … +{}", count.saturating_sub(1));
    }
}

pub(super) fn status(pdu: &[u8]) -> Option<u32> {
    match *pdu {
        [_, _, REJECTED, high, low, ..] => Some(STATUS | u32::from(u16::from_be_bytes([high, low]))),
        [_, _, REJECTED, code] => Some(STATUS | u32::from(code)),
        [_, _, REJECTED] => Some(STATUS),
        _ => None,
    }
}

/// Who reserves a controller says its name: unknown 4, length 1, name.
pub(super) fn reservation(pdu: &[u8], sink: &mut dyn Sink) {
    if let [_, _, TAKE_RESERVATION, _, _, _, _, length, name @ ..] = pdu
        && name.len() == usize::from(*length)
        && is_text(name)
    {
        sink.fact(NAME, None, facts::HOSTNAME, name);
    }
}

/// Controller and firmware (UMAS 0x02), project (UMAS 0x03 with 0).
pub(super) fn identity(adu: &Adu<'_>, matched: Option<Matched>, sink: &mut dyn Sink) {
    let Some(Matched { subfunction: Some(code), context, .. }) = matched else { return };
    let [_, _, ACCEPTED, data @ ..] = adu.pdu else { return };
    let unit = Some(adu.unit());
    if code == u32::from(READ_ID)
        && let [_, _, _, _, _, _, _, _, minor, major, rest @ ..] = data
        && let [_, _, _, _, _, _, _, _, _, _, _, _, length, rest @ ..] = rest
        && let Some(name) = rest.get(..usize::from(*length)).filter(|name| is_text(name))
    {
        sink.fact(NAME, unit, facts::MODEL, name);
        sink.fact_text(NAME, unit, facts::FIRMWARE, format_args!("{major:x}.{minor:02x}"));
    }
    // Two versions of 9 octets, two dates of 8, a revision of 4.
    if code == u32::from(READ_PROJECT_INFO)
        && context == 0
        && let Some([length, name @ .., 0]) = data.get(38..)
        && usize::from(*length) == name.len().saturating_add(1)
        && is_text(name)
    {
        sink.fact(NAME, unit, facts::PROJECT, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_octets_are_rendered() {
        let octets: Vec<u8> = (0..=255).flat_map(|n: u8| [n, n.wrapping_mul(151)]).collect();
        for render in [render_memory_block, render_variables_read, render_variable_written] {
            for from in 0..octets.len() {
                for length in 0..40.min(octets.len() - from) {
                    render(&octets[from..from + length], &mut String::new());
                }
            }
        }
    }

    #[test]
    fn variables_are_named_by_block_and_offset() {
        let text = |octets: &str| object(&crate::testing::hex(octets)).to_text();
        assert_eq!(text("5a 01 22 11223344 02 02 3000 01 0001 02 03 3100 01 0000 04"), "block 48 offset 65538, block 49 offset 4");
        assert_eq!(text("5a 01 23 11223344 01 02 3000 1200 0000 abcd"), "block 48 offset 18");
    }
}
