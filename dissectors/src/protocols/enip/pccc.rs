//! PCCC, the commands of the PLC-5, SLC 500 and `MicroLogix`, carried in CIP (Rockwell 1770-6.5.16, DF1 Protocol and Command Set).
//!
//! ```text
//! 0 CMD: 0x40 response | 1 STS | 2 transaction | 4 FNC, where the command has functions | data
//! ```
//!
//! Function code: CMD in the high octet, FNC in the low one, 0xff where there is none. Sub-function: the mode that the
//! processor is set to.

use core::fmt::Write as _;

use crate::error::Result;
use crate::reader::Reader;
use crate::sink::{Label, Request, Response, Sink};

use super::mix;

/// FNC of a command that has none.
const NO_FUNCTION: u8 = 0xff;
const SET_CPU_MODE: u8 = 0x3a;
const CHANGE_CPU_MODE: u8 = 0x80;
/// STS that says: the code is in an octet of its own.
const EXTENDED_STATUS: u8 = 0xf0;

/// Pass over the requestor that a message of the PCCC class begins with: a length that counts itself, vendor, serial number.
pub(super) fn after_requestor(octets: &[u8]) -> Option<&[u8]> {
    let length = octets.first()?;
    octets.split_at_checked(usize::from(*length).max(1)).map(|(_, rest)| rest)
}

/// Pass over the links and nodes that a DH+ message begins with.
pub(super) fn after_links(octets: &[u8]) -> Option<&[u8]> {
    octets.split_at_checked(8).map(|(_, rest)| rest)
}

/// One command or reply. `transaction` is that of the CIP message around it.
pub(super) fn message(octets: &[u8], transaction: u64, unit: Option<Label<'_>>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let [command, status, low, high] = reader.take()?;
    let transaction = Some(mix(transaction, u64::from(u16::from_le_bytes([low, high]))));
    if command & 0x40 == 0 {
        let (function, rest) = if has_functions(command) { (reader.u8(), reader.rest()) } else { (Ok(NO_FUNCTION), reader.rest()) };
        sink.request(&Request {
            protocol: "pccc",
            function: code(command, function.unwrap_or(NO_FUNCTION)),
            subfunction: match (command, function, rest) {
                (0x0f, Ok(SET_CPU_MODE | CHANGE_CPU_MODE), [mode, ..]) => Some(u32::from(*mode)),
                _ => None,
            },
            unit,
            object: address(command, function.unwrap_or(NO_FUNCTION), rest),
            transaction,
            context: 0,
        });
        return function.map(drop);
    }
    let extended = if status == EXTENDED_STATUS { reader.u8().unwrap_or(0) } else { 0 };
    let status = (status != 0).then(|| u32::from(u16::from_le_bytes([status, extended])));
    let function = code(command & !0x40, NO_FUNCTION);
    sink.response(&Response { protocol: "pccc", function, subfunction: None, unit, object: Label::NONE, transaction, status, next: None });
    Ok(())
}

const fn has_functions(command: u8) -> bool {
    matches!(command, 0x06 | 0x07 | 0x0f)
}

fn code(command: u8, function: u8) -> u32 {
    u32::from(u16::from_be_bytes([command, function]))
}

/// The data file address that a command names, without the number of octets before it.
fn address(command: u8, function: u8, octets: &[u8]) -> Label<'_> {
    let skipped = |count: usize| octets.split_at_checked(count).map_or(&[][..], |(_, rest)| rest);
    match (command, function) {
        (0x0f, 0xa1 | 0xa9) => Label { octets: logical(skipped(1), 3), render: write_logical },
        (0x0f, 0xa2 | 0xaa | 0xab) => Label { octets: logical(skipped(1), 4), render: write_logical },
        (0x0f, 0x00 | 0x01 | 0x67 | 0x68) => plc5(skipped(4)),
        (0x0f, 0x26) => plc5(octets),
        _ => Label::NONE,
    }
}

/// The `count` fields that a typed logical address has: file number, type, element, sub-element.
fn logical(octets: &[u8], count: usize) -> &[u8] {
    let mut reader = Reader::new(octets);
    for at in 0..count {
        let _ = if at == 1 { reader.u8().ok().map(u16::from) } else { field(&mut reader) };
    }
    octets.get(..reader.position()).unwrap_or(octets)
}

/// One octet, or 0xff and two.
fn field(reader: &mut Reader<'_>) -> Option<u16> {
    match reader.u8().ok()? {
        0xff => reader.u16_le().ok(),
        value => Some(value.into()),
    }
}

/// `N7:0`, `T4:2.1`
fn write_logical(octets: &[u8], out: &mut String) {
    let mut reader = Reader::new(octets);
    let (Some(file), Ok(kind), Some(element)) = (field(&mut reader), reader.u8(), field(&mut reader)) else { return };
    let _ = match file_letter(kind) {
        Some(letter) => write!(out, "{letter}{file}:{element}"),
        None => write!(out, "file {file} type 0x{kind:02x}:{element}"),
    };
    if let Some(sub) = field(&mut reader).filter(|sub| *sub != 0) {
        let _ = write!(out, ".{sub}");
    }
}

/// The letter of a data file type.
const fn file_letter(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x82 | 0x8b => "O",
        0x83 | 0x8c => "I",
        0x84 => "S",
        0x85 => "B",
        0x86 => "T",
        0x87 => "C",
        0x88 => "R",
        0x89 => "N",
        0x8a => "F",
        0x8d => "ST",
        0x8e => "A",
        0x8f => "D",
        0x91 => "L",
        0x92 => "MG",
        0x93 => "PD",
        0x94 => "PLS",
        _ => return None,
    })
}

/// A PLC-5 system address: 0, `$` and text up to a 0, or a mask of levels and one field for each.
fn plc5(octets: &[u8]) -> Label<'_> {
    if let [0, b'$', text @ ..] = octets {
        let end = text.iter().take(32).position(|octet| *octet == 0).unwrap_or(text.len().min(32));
        return Label::text(text.get(..end).unwrap_or(text));
    }
    let mut reader = Reader::new(octets);
    let mask = reader.u8().unwrap_or(0);
    for _ in 0..mask.count_ones() {
        if field(&mut reader).is_none() {
            return Label::NONE;
        }
    }
    Label { octets: octets.get(..reader.position()).unwrap_or(octets), render: write_plc5 }
}

/// `file 7:0`; the levels are data area, file, element, sub-element …
fn write_plc5(octets: &[u8], out: &mut String) {
    let mut reader = Reader::new(octets);
    let mask = reader.u8().unwrap_or(0);
    for level in 0..8_u8 {
        if mask.checked_shr(level.into()).unwrap_or(0) & 1 == 0 {
            continue;
        }
        let Some(value) = field(&mut reader) else { return };
        let _ = match level {
            0 if value == 0 => Ok(()),
            0 => write!(out, "area {value} "),
            1 => write!(out, "file {value}"),
            2 => write!(out, ":{value}"),
            _ => write!(out, ".{value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    /// Hand-made from the command set.
    fn said(text: &str) -> Vec<String> {
        let mut recorder = Recorder::default();
        let _ = message(&hex(text), 1, None, &mut recorder);
        recorder.lines
    }

    #[test]
    fn typed_logical_addresses_read_as_the_programmer_writes_them() {
        assert_eq!(said("0f00 3412 a2 0a 07 89 00 00"), [r#"request pccc 4002 unit= object="N7:0""#]);
        assert_eq!(said("0f00 3412 aa 02 ff0001 8a ff1001 02 0000c03f"), [r#"request pccc 4010 unit= object="F256:272.2""#]);
        assert_eq!(said("0f00 3412 a1 02 04 86 03"), [r#"request pccc 4001 unit= object="T4:3""#]);
        assert_eq!(said("0f00 3412 a2 02 04 22 03 00"), [r#"request pccc 4002 unit= object="file 4 type 0x22:3""#]);
    }

    #[test]
    fn plc5_addresses_are_text_or_levels() {
        assert_eq!(said("0f00 3412 68 0000 0100 0024 4e373a30 00 0100"), [r#"request pccc 3944 unit= object="N7:0""#]);
        assert_eq!(said("0f00 3412 01 0000 0100 06 07 05 02"), [r#"request pccc 3841 unit= object="file 7:5""#]);
    }

    #[test]
    fn a_command_without_functions_and_a_mode_change() {
        assert_eq!(said("0800 3412 0000"), [r#"request pccc 2303 unit= object="""#]);
        assert_eq!(said("0f00 3412 80 06"), [r#"request pccc 3968.6 unit= object="""#]);
        assert_eq!(said("4ff0 3412 0b"), [r#"response pccc 4095 unit= object="" status=3056"#]);
        assert_eq!(said("0f00 3412"), [r#"request pccc 4095 unit= object="""#]);
    }
}
