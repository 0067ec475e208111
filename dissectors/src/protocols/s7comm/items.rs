//! What is read and written: the item list of a read, write or cyclic job, and the lines of a variable table.
//!
//! ```text
//! item      0x12  length of the rest  syntax  address
//! 0x10 any    transport size (1)  count (2)  data block (2)  area (1)  address in bits (3; number of a timer or counter)
//! 0x82.. NCK  area and unit (1)  column (2)  line (2)  module (1)  lines (1)
//! 0xA2 drive  reserved (5)  parameter (2)  index (2)
//! 0xB0 DB     areas (1), each: octets (1)  data block (2)  first octet (2)
//! 0xB2 symbol reserved (1)  area (2)  data block or area (2)  checksum (4)  identifiers (4 each)
//! ```
//!
//! An address is written as a STEP 7 programmer writes it, with ` x20` for 20 elements from there: `DB1.DBX0.0`, `DB1.DBW4 x20`,
//! `M10.0`, `IB0`, `T3`. A long list ends with `… +12`, the number of items left out.

use core::fmt::Write as _;

use crate::reader::Reader;
use crate::sink::Label;

/// Variable specification that every item begins with.
const ITEM: u8 = 0x12;
/// A list that has grown to this many octets of text is cut short.
const ENOUGH: usize = 160;

/// The item list of a job: the number of items, then the items.
pub(super) const fn list(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_list }
}

/// The item list of a cyclic job: number of items, time base, time factor, items.
pub(super) const fn cyclic(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_cyclic }
}

/// The lines of a variable table: how many (2 octets), then 6 octets each.
pub(super) const fn variables(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_variables }
}

/// A list under construction, which knows when it is long enough.
struct Text<'a> {
    out: &'a mut String,
    begin: usize,
    entries: usize,
    left_out: usize,
}

impl<'a> Text<'a> {
    fn new(out: &'a mut String) -> Self {
        let begin = out.len();
        Self { out, begin, entries: 0, left_out: 0 }
    }

    fn entry(&mut self, write: impl FnOnce(&mut String)) {
        if self.out.len().saturating_sub(self.begin) > ENOUGH {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        if self.entries > 0 {
            self.out.push_str(", ");
        }
        self.entries = self.entries.saturating_add(1);
        write(self.out);
    }

    /// `promised` items were announced, of which `read` were there.
    fn end(self, promised: usize, read: usize) {
        let left_out = self.left_out.saturating_add(promised.saturating_sub(read));
        if left_out > 0 {
            let blank = if self.entries > 0 { " " } else { "" };
            let _ = write!(self.out, "{blank}… +{left_out}");
        }
    }
}

fn render_list(octets: &[u8], out: &mut String) {
    if let [count, items @ ..] = octets {
        render_items(*count, items, out);
    }
}

fn render_cyclic(octets: &[u8], out: &mut String) {
    if let [count, _time_base, _factor, items @ ..] = octets {
        render_items(*count, items, out);
    }
}

fn render_items(count: u8, items: &[u8], out: &mut String) {
    let mut reader = Reader::new(items);
    let mut text = Text::new(out);
    let mut read: usize = 0;
    while read < usize::from(count) {
        let Some(item) = next(&mut reader) else { break };
        render(item, &mut text);
        read = read.saturating_add(1);
    }
    text.end(usize::from(count), read);
}

/// The next item without its first two octets. An item of odd length is followed by a fill octet.
fn next<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let [ITEM, length] = reader.take().ok()? else { return None };
    let item = reader.octets(usize::from(length)).ok()?;
    if length & 1 == 1 {
        let _ = reader.skip(1);
    }
    Some(item)
}

fn render(item: &[u8], text: &mut Text<'_>) {
    match *item {
        [0x10, size, count_1, count_0, block_1, block_0, area, high, middle, low, ..] => {
            let count = u16::from_be_bytes([count_1, count_0]);
            let place = Place { area, block: u16::from_be_bytes([block_1, block_0]), address: u32::from_be_bytes([0, high, middle, low]) };
            text.entry(|out| place.render(size, count, out));
        }
        [0x82..=0x84, unit, column_1, column_0, line_1, line_0, module, lines, ..] => {
            let (column, line) = (u16::from_be_bytes([column_1, column_0]), u16::from_be_bytes([line_1, line_0]));
            text.entry(|out| render_nck(unit, module, column, line, lines, out));
        }
        [0xa2, _, _, _, _, _, parameter_1, parameter_0, index_1, index_0, ..] => {
            let (parameter, index) = (u16::from_be_bytes([parameter_1, parameter_0]), u16::from_be_bytes([index_1, index_0]));
            text.entry(|out| {
                let _ = write!(out, "drive parameter {parameter}[{index}]");
            });
        }
        [0xb0, count, ref areas @ ..] => {
            let mut read: usize = 0;
            for area in areas.chunks_exact(5).take(usize::from(count)) {
                let [octets, block_1, block_0, first_1, first_0] = *area else { break };
                let (block, first) = (u16::from_be_bytes([block_1, block_0]), u16::from_be_bytes([first_1, first_0]));
                text.entry(|out| {
                    let _ = write!(out, "DB{block}.DBB{first}");
                    times(u16::from(octets), out);
                });
                read = read.saturating_add(1);
            }
            text.left_out = text.left_out.saturating_add(usize::from(count).saturating_sub(read));
        }
        [0xb2, _, area_1, area_0, block_1, block_0, c3, c2, c1, c0, ref identifiers @ ..] => {
            let (area, block) = (u16::from_be_bytes([area_1, area_0]), u16::from_be_bytes([block_1, block_0]));
            text.entry(|out| render_symbol(area, block, u32::from_be_bytes([c3, c2, c1, c0]), identifiers, out));
        }
        [syntax, ..] => text.entry(|out| {
            let _ = write!(out, "syntax {syntax:#04x}");
        }),
        [] => text.entry(|out| out.push_str("empty item")),
    }
}

fn times(count: u16, out: &mut String) {
    if count != 1 {
        let _ = write!(out, " x{count}");
    }
}

/// Where an S7ANY address points.
struct Place {
    area: u8,
    block: u16,
    address: u32,
}

impl Place {
    fn render(&self, size: u8, count: u16, out: &mut String) {
        let Self { area, block, address } = *self;
        let (octet, bit) = (address >> 3, address & 7);
        let _ = match area {
            // Timers and counters are numbered.
            0x1c => write!(out, "C{address}"),
            0x1d => write!(out, "T{address}"),
            0x1e => write!(out, "IEC C{address}"),
            0x1f => write!(out, "IEC T{address}"),
            0x84 => write!(out, "DB{block}.DB"),
            0x85 => write!(out, "DI{block}.DI"),
            _ => match area_name(area) {
                Some(name) => write!(out, "{name}"),
                None => write!(out, "area {area:#04x} "),
            },
        };
        if !matches!(area, 0x1c..=0x1f) {
            let letter = size_letter(size);
            let is_block = matches!(area, 0x84 | 0x85);
            let _ = match letter {
                Some("") if is_block => write!(out, "X{octet}.{bit}"),
                Some("") => write!(out, "{octet}.{bit}"),
                Some(letter) if bit == 0 => write!(out, "{letter}{octet}"),
                Some(letter) => write!(out, "{letter}{octet}.{bit}"),
                None => write!(out, "B{octet} size {size:#04x}"),
            };
        }
        times(count, out);
    }
}

const fn area_name(area: u8) -> Option<&'static str> {
    Some(match area {
        0x01 => "record ",
        0x03 => "SI",
        0x05 => "SM",
        0x06 => "AI",
        0x07 => "AQ",
        0x80 => "P",
        0x81 => "I",
        0x82 => "Q",
        0x83 => "M",
        0x86 => "L",
        0x87 => "V",
        _ => return None,
    })
}

/// The letter of an operand of that transport size; nothing for a bit.
const fn size_letter(size: u8) -> Option<&'static str> {
    Some(match size {
        0x01 => "",
        0x02 | 0x03 => "B",
        0x04 | 0x05 | 0x09 | 0x0c => "W",
        0x06 | 0x07 | 0x08 | 0x0a | 0x0b => "D",
        _ => return None,
    })
}

/// Modules of the numerical control, by number.
const MODULES: &[(u8, &str)] = &[
    (0x10, "Y"),
    (0x11, "YNCFL"),
    (0x12, "FU"),
    (0x13, "FA"),
    (0x14, "TO"),
    (0x15, "RP"),
    (0x16, "SE"),
    (0x17, "SGUD"),
    (0x18, "LUD"),
    (0x19, "TC"),
    (0x1a, "M"),
    (0x1c, "WAL"),
    (0x1e, "DIAG"),
    (0x1f, "CC"),
    (0x20, "FE"),
    (0x21, "TD"),
    (0x22, "TS"),
    (0x23, "TG"),
    (0x24, "TU"),
    (0x25, "TUE"),
    (0x26, "TV"),
    (0x27, "TM"),
    (0x28, "TP"),
    (0x29, "TPM"),
    (0x2a, "TT"),
    (0x2b, "TMV"),
    (0x2c, "TMC"),
    (0x2d, "MGUD"),
    (0x2e, "UGUD"),
    (0x35, "PA"),
    (0x37, "NIB"),
    (0x38, "ETP"),
    (0x39, "ETPD"),
    (0x3a, "SYNACT"),
    (0x3b, "DIAGN"),
    (0x41, "FB"),
    (0x42, "SSP2"),
    (0x4c, "FS"),
    (0x4d, "SD"),
    (0x54, "SALUC"),
    (0x55, "AUXFU"),
    (0x6f, "SPARPI"),
    (0x70, "SEGA"),
    (0x71, "SEMA"),
    (0x72, "SSP"),
    (0x73, "SGA"),
    (0x74, "SMA"),
    (0x75, "SALAL"),
    (0x76, "SALAP"),
    (0x77, "SALA"),
    (0x78, "SSYNAC"),
    (0x79, "SPARPF"),
    (0x7a, "SPARPP"),
    (0x7b, "SNCF"),
    (0x7d, "SPARP"),
    (0x7e, "SINF"),
    (0x7f, "S"),
];

/// `C1.S column 4 line 1`: area and its number, module, column, line.
fn render_nck(unit: u8, module: u8, column: u16, line: u16, lines: u8, out: &mut String) {
    let area = match unit >> 5 {
        0 => "N",
        1 => "B",
        2 => "C",
        3 => "A",
        4 => "T",
        5 => "V",
        6 => "H",
        _ => "M",
    };
    let _ = write!(out, "{area}{}.", unit & 0x1f);
    let _ = match MODULES.iter().find(|(number, _)| *number == module) {
        Some((_, name)) => write!(out, "{name}"),
        None => write!(out, "module {module:#04x}"),
    };
    let _ = write!(out, " column {column} line {line}");
    times(u16::from(lines), out);
}

/// `DB1 symbol 3.2 checksum 0x1234abcd`: a variable of an S7-1200/1500, named by the identifiers of its path.
fn render_symbol(area: u16, block: u16, checksum: u32, identifiers: &[u8], out: &mut String) {
    let _ = match (area, block) {
        (0x8a0e, _) => write!(out, "DB{block} symbol "),
        (0, 0x50) => write!(out, "I symbol "),
        (0, 0x51) => write!(out, "Q symbol "),
        (0, 0x52) => write!(out, "M symbol "),
        (0, 0x53) => write!(out, "C symbol "),
        (0, 0x54) => write!(out, "T symbol "),
        _ => write!(out, "area {area:#06x} {block:#06x} symbol "),
    };
    for (place, identifier) in identifiers.chunks_exact(4).enumerate() {
        let [flags, high, middle, low] = *identifier else { break };
        if place > 0 {
            out.push('.');
        }
        // The upper four bits say how the identifier is meant.
        let _ = write!(out, "{}", u32::from_be_bytes([flags & 0x0f, high, middle, low]));
    }
    let _ = write!(out, " checksum {checksum:#010x}");
}

fn render_variables(octets: &[u8], out: &mut String) {
    let [count_1, count_0, lines @ ..] = octets else { return };
    let count = usize::from(u16::from_be_bytes([*count_1, *count_0]));
    let mut text = Text::new(out);
    let mut read: usize = 0;
    for line in lines.chunks_exact(6).take(count) {
        let [kind, repeat, block_1, block_0, first_1, first_0] = *line else { break };
        let (block, first) = (u16::from_be_bytes([block_1, block_0]), u16::from_be_bytes([first_1, first_0]));
        text.entry(|out| render_variable(kind, repeat, block, first, out));
        read = read.saturating_add(1);
    }
    text.end(count, read);
}

/// One line of a variable table: area and size in one octet; for a bit, `repeat` is its position.
fn render_variable(kind: u8, repeat: u8, block: u16, first: u16, out: &mut String) {
    let size = match kind & 0x0f {
        0 => "",
        1 => "B",
        2 => "W",
        3 => "D",
        _ => "?",
    };
    let _ = match (kind >> 4, size) {
        (0, _) => write!(out, "M"),
        (1, _) => write!(out, "I"),
        (2, _) => write!(out, "Q"),
        (3, _) => write!(out, "P"),
        (5, _) => write!(out, "T{first}"),
        (6, _) => write!(out, "C{first}"),
        (7, "") => write!(out, "DB{block}.DBX"),
        (7, _) => write!(out, "DB{block}.DB"),
        _ => write!(out, "area {kind:#04x} "),
    };
    match (kind >> 4, size) {
        (5 | 6, _) => times(u16::from(repeat), out),
        (_, "") => {
            let _ = write!(out, "{first}.{repeat}");
        }
        _ => {
            let _ = write!(out, "{size}{first}");
            times(u16::from(repeat), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    fn text(octets: &str) -> String {
        list(&hex(octets)).to_text()
    }

    // Made by hand after the layout at the head of this file.
    #[test]
    fn addresses_read_as_in_step_7() {
        assert_eq!(text("01 12 0a 10 01 0001 0001 84 000000"), "DB1.DBX0.0");
        assert_eq!(text("01 12 0a 10 02 0014 0001 84 000000"), "DB1.DBB0 x20");
        assert_eq!(text("01 12 0a 10 04 0001 0001 84 000020"), "DB1.DBW4");
        assert_eq!(text("01 12 0a 10 08 0001 0001 84 000040"), "DB1.DBD8");
        assert_eq!(text("01 12 0a 10 01 0001 0007 85 00000f"), "DI7.DIX1.7");
        assert_eq!(
            text("03 12 0a 10 01 0001 0000 83 000050 12 0a 10 02 0001 0000 83 000028 12 0a 10 05 0002 0000 83 000030"),
            "M10.0, MB5, MW6 x2"
        );
        assert_eq!(text("02 12 0a 10 02 0001 0000 81 000000 12 0a 10 02 0001 0000 82 000000"), "IB0, QB0");
        assert_eq!(text("02 12 0a 10 1d 0001 0000 1d 000003 12 0a 10 1c 0001 0000 1c 000005"), "T3, C5");
        assert_eq!(text("01 12 0a 10 04 0001 0000 80 000800"), "PW256");
        assert_eq!(text("01 12 0a 10 0f 0001 0001 84 000000"), "DB1.DBB0 size 0x0f");
        assert_eq!(text("01 12 0a 10 02 0001 0000 99 000008"), "area 0x99 B1");
    }

    #[test]
    fn the_other_forms_of_addresses_have_names_too() {
        assert_eq!(text("01 12 08 82 41 0004 0001 7f 01"), "C1.S column 4 line 1");
        assert_eq!(text("01 12 0a a2 00 0000 0000 0396 0002"), "drive parameter 918[2]");
        assert_eq!(text("01 12 0c b0 02 01 0044 0166 0a 0044 018a"), "DB68.DBB358, DB68.DBB394 x10");
        assert_eq!(text("01 12 12 b2 ff 8a0e 0001 1234abcd 40000003 40000002"), "DB1 symbol 3.2 checksum 0x1234abcd");
        assert_eq!(text("01 12 04 13 000001"), "syntax 0x13");
    }

    #[test]
    fn a_fill_octet_keeps_items_even_and_a_long_list_is_cut() {
        assert_eq!(text("02 12 07 b0 01 01 0001 0002 00 12 0a 10 02 0001 0000 83 000008"), "DB1.DBB2, MB1");
        let many = format!("ff {}", "12 0a 10 02 0001 0001 84 000008 ".repeat(40));
        let text = text(&many);
        assert!(text.starts_with("DB1.DBB1, ") && text.ends_with(" … +238") && text.len() < 200, "{text}");
    }

    // Frame 1 of a public capture of STEP 7 modifying three variables.
    #[test]
    fn variable_tables_read_like_addresses() {
        assert_eq!(variables(&hex("0003 0301 0000 0000 0201 0000 0004 1001 0000 0008")).to_text(), "MD0, MW4, I8.1");
        assert_eq!(variables(&hex("0002 7202 0005 0004 5401 0000 0003")).to_text(), "DB5.DBW4 x2, T3");
    }

    #[test]
    fn any_octets_render() {
        let sample = hex(
            "03 12 0a 10 01 0001 0001 84 000000 12 0c b0 02 01 0044 0166 0a 0044 018a 12 12 b2 ff 8a0e 0001 1234abcd 40000003 40000002",
        );
        for cut in 0..sample.len() {
            for octet in 0..=255 {
                let mut octets = sample[..cut].to_vec();
                if let Some(last) = octets.last_mut() {
                    *last = octet;
                }
                for label in [list(&octets), cyclic(&octets), variables(&octets)] {
                    assert!(label.to_text().len() < 2000);
                }
            }
        }
    }
}
