//! What a function touches, in the words of the field.

use core::fmt::Write;

use super::{
    DEVICE_IDENTIFICATION, FILE_REFERENCE, READ_COILS, READ_DISCRETE_INPUTS, READ_INPUT_REGISTERS, WRITE_FILE_RECORD, WRITE_MULTIPLE_COILS,
    WRITE_SINGLE_COIL,
};
use crate::reader::Reader;
use crate::sink::Label;

pub(super) fn reference(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_reference }
}

pub(super) fn render_unit(octets: &[u8], out: &mut String) {
    if let [unit, ..] = octets {
        let _ = write!(out, "{unit}");
    }
}

/// Function, address and perhaps quantity, in the references that the field counts from 1.
fn render_reference(octets: &[u8], out: &mut String) {
    let [function, rest @ ..] = octets else { return };
    let (name, table) = match *function {
        READ_COILS | WRITE_SINGLE_COIL | WRITE_MULTIPLE_COILS => ("C ", '0'),
        READ_DISCRETE_INPUTS => ("DI ", '1'),
        READ_INPUT_REGISTERS => ("IR ", '3'),
        _ => ("HR ", '4'),
    };
    let mut ranges = rest.chunks(4).take(2);
    if let Some(range) = ranges.next()
        && let Some(text) = range_text(table, range)
    {
        out.push_str(name);
        out.push_str(&text);
    }
    if let Some(text) = ranges.next().and_then(|range| range_text(table, range)) {
        let _ = write!(out, " (write {text})");
    }
}

/// Five digits where they suffice for all of the range, else six: `40001-40010`, `409999-410001`.
fn range_text(table: char, octets: &[u8]) -> Option<String> {
    let (address, quantity) = match *octets {
        [a1, a0, q1, q0] => (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([q1, q0])),
        [a1, a0, ..] => (u16::from_be_bytes([a1, a0]), 1),
        _ => return None,
    };
    let first = u32::from(address).saturating_add(1);
    let last = u32::from(address).saturating_add(u32::from(quantity)).max(first);
    let width = if last <= 9999 { 4 } else { 5 };
    Some(if first == last { format!("{table}{first:0width$}") } else { format!("{table}{first:0width$}-{table}{last:0width$}") })
}

/// The records of a file request without their contents: how many are left out, then file, record and length each.
pub(super) struct FileRecords {
    octets: [u8; 1 + 6 * Self::MOST],
    length: usize,
}

impl FileRecords {
    const MOST: usize = 8;

    pub(super) fn of(pdu: &[u8]) -> Self {
        let mut records = Self { octets: [0; 1 + 6 * Self::MOST], length: 1 };
        let write = pdu.first() == Some(&WRITE_FILE_RECORD);
        let mut reader = Reader::new(pdu.get(2..).unwrap_or_default());
        // A PDU has room for 36 records.
        while let Ok([FILE_REFERENCE, record @ ..]) = reader.take::<7>() {
            let [.., n1, n0] = record;
            let slot = records.octets.get_mut(records.length..).and_then(|rest| rest.first_chunk_mut::<6>());
            if let Some(slot) = slot {
                *slot = record;
                records.length = records.length.saturating_add(6);
            } else {
                let [more, ..] = &mut records.octets;
                *more = more.saturating_add(1);
            }
            if write && reader.skip(usize::from(u16::from_be_bytes([n1, n0])).saturating_mul(2)).is_err() {
                break;
            }
        }
        records
    }

    pub(super) fn label(&self) -> Label<'_> {
        Label { octets: self.octets.get(..self.length).unwrap_or_default(), render: render_files }
    }
}

fn render_files(octets: &[u8], out: &mut String) {
    let [more, records @ ..] = octets else { return };
    for (record, separator) in records.chunks_exact(6).zip(core::iter::once("").chain(core::iter::repeat(", "))) {
        let [f1, f0, r1, r0, n1, n0] = *record else { return };
        let first = u32::from(u16::from_be_bytes([r1, r0]));
        let last = first.saturating_add(u32::from(u16::from_be_bytes([n1, n0])).max(1).saturating_sub(1));
        let _ = write!(out, "{separator}file {} ", u16::from_be_bytes([f1, f0]));
        let _ = if first == last { write!(out, "record {first}") } else { write!(out, "records {first}-{last}") };
    }
    if *more > 0 {
        let _ = write!(out, " … +{more}");
    }
}

/// Which identification is read; the object it is continued at makes no new row.
pub(super) fn identification(pdu: &[u8]) -> Label<'_> {
    let octets = match pdu {
        [_, DEVICE_IDENTIFICATION, 4, _] => pdu.get(2..4),
        [_, DEVICE_IDENTIFICATION, _, ..] => pdu.get(2..3),
        _ => return Label::NONE,
    };
    Label { octets: octets.unwrap_or_default(), render: render_identification }
}

fn render_identification(octets: &[u8], out: &mut String) {
    let [level, object @ ..] = octets else { return };
    let _ = match (level, object) {
        (1, _) => write!(out, "device identification basic"),
        (2, _) => write!(out, "device identification regular"),
        (3, _) => write!(out, "device identification extended"),
        (4, [object, ..]) => write!(out, "device identification object {object}"),
        (4, []) => write!(out, "device identification object"),
        (level, _) => write!(out, "device identification level {level}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_octets_are_rendered() {
        let octets: Vec<u8> = (0..=255).flat_map(|n: u8| [n, n.wrapping_mul(151)]).collect();
        for render in [render_unit, render_reference, render_files, render_identification] {
            for from in 0..octets.len() {
                for length in 0..40.min(octets.len() - from) {
                    render(&octets[from..from + length], &mut String::new());
                }
            }
        }
    }

    #[test]
    fn references_have_six_digits_where_five_do_not_suffice() {
        let text = |octets: &str| reference(&crate::testing::hex(octets)).to_text();
        assert_eq!(text("03 270d 0002"), "HR 49998-49999");
        assert_eq!(text("03 270e 0001"), "HR 49999");
        assert_eq!(text("03 270e 0002"), "HR 409999-410000");
        assert_eq!(text("01 ffff 0001"), "C 065536");
        assert_eq!(text("06 0000"), "HR 40001");
        assert_eq!(text("06 00"), "");
    }

    #[test]
    fn a_long_list_of_files_is_cut_and_holds_no_values() {
        let pdu: Vec<u8> = [&[0x14, 70][..], &[6, 0, 4, 0, 1, 0, 1].repeat(10)].concat();
        assert!(FileRecords::of(&pdu).label().to_text().ends_with("file 4 record 1 … +2"));
    }
}
