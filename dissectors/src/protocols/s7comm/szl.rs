//! The contents of system status lists (German: Systemzustandsliste, SZL), in which a controller says what it is.
//!
//! ```text
//! list      identifier (2)  index (2)  octets of an entry (2)  entries (2), then the entries
//! xy11      index (2)  order number (20)  type (2)  version 1 (2)  version 2 (2)       module identification
//! xy1C      index (2)  text (32)                                                     component identification
//! xy24      event (2)  …  mode transition (1: previous mode, mode)                    operating mode
//! xy32/4    index (2)  key (2)  assigned (2)  valid (2)  mode switch (2)               protection level
//! xy74      light (2)  on (1)  blinking (1)                                            lights
//! ```
//!
//! The upper four bits of the identifier name the kind of module, the next four the extract (`xy`).

use core::fmt::Write as _;

use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};

use super::S7COMM;

/// Entries looked at.
const ENTRIES: u16 = 64;

/// What is asked for: identifier and index.
pub(super) const fn label(octets: &[u8]) -> Label<'_> {
    Label { octets, render }
}

fn render(octets: &[u8], out: &mut String) {
    if let [id_1, id_0, index_1, index_0, ..] = *octets {
        let (id, index) = (u16::from_be_bytes([id_1, id_0]), u16::from_be_bytes([index_1, index_0]));
        let _ = write!(out, "SZL {id:#06x} index {index:#06x}");
    }
}

/// Could a list begin here, of which `octets` is at least the first part?
pub(super) fn begins(octets: &[u8]) -> bool {
    let [_, _, _, _, length_1, length_0, count_1, count_0, ref entries @ ..] = *octets else { return false };
    let (length, count) = (u16::from_be_bytes([length_1, length_0]), u16::from_be_bytes([count_1, count_0]));
    (2..=1024).contains(&length) && usize::from(length).saturating_mul(usize::from(count)) >= entries.len()
}

/// A whole list.
pub(super) fn dissect(octets: &[u8], _context: u64, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let [id, index, length, count] = [reader.u16_be()?, reader.u16_be()?, reader.u16_be()?, reader.u16_be()?];
    let read: fn(u16, &[u8], &mut dyn Sink) = match id & 0xff {
        0x11 => module,
        0x1c => component,
        0x24 => mode,
        0x32 => protection,
        0x74 => light,
        _ => return Ok(()),
    };
    if length < 2 {
        return Ok(());
    }
    for _ in 0..count.min(ENTRIES) {
        // The last entry may have been cut off.
        let entry = reader.up_to(usize::from(length));
        if entry.is_empty() {
            break;
        }
        read(index, entry, sink);
    }
    Ok(())
}

fn is_text(octets: &[u8]) -> bool {
    octets.iter().any(|octet| !matches!(octet, 0 | b' '))
}

fn module(_: u16, entry: &[u8], sink: &mut dyn Sink) {
    let Some(([_, index], rest)) = entry.split_first_chunk::<2>() else { return };
    let Some((order_number, rest)) = rest.split_first_chunk::<20>() else { return };
    let [_, _, letter, major, minor, patch, ..] = *rest else { return };
    let release = u16::from_be_bytes([letter, major]);
    match index {
        0x01 | 0x06 => {
            if is_text(order_number) {
                sink.fact(S7COMM, None, facts::ORDER_NUMBER, order_number);
            }
            // A small number; blanks or nothing where the module has none.
            if (1..0x100).contains(&release) {
                sink.fact_text(S7COMM, None, facts::HARDWARE, format_args!("{release}"));
            }
        }
        0x07 if letter.is_ascii_uppercase() => {
            sink.fact_text(S7COMM, None, facts::FIRMWARE, format_args!("{}{major}.{minor}.{patch}", char::from(letter)));
        }
        0x81 if letter.is_ascii_uppercase() => {
            let name = crate::text::clean(order_number);
            sink.fact_text(S7COMM, None, facts::BOOTLOADER, format_args!("{name} {}{major}.{minor}.{patch}", char::from(letter)));
        }
        _ => {}
    }
}

/// Manufacturer number of Siemens in the identification of PROFIBUS and PROFINET devices.
const SIEMENS: u16 = 0x002a;

fn component(_: u16, entry: &[u8], sink: &mut dyn Sink) {
    let Some(([_, index], value)) = entry.split_first_chunk::<2>() else { return };
    let text = |length: usize| value.get(..length).unwrap_or(value);
    let (key, value) = match index {
        // Name of the automation system; plant designation.
        0x01 => (facts::PLANT, text(24)),
        0x03 => (facts::PLANT, text(32)),
        0x02 => (facts::MODULE_NAME, text(24)),
        0x04 => (facts::COPYRIGHT, text(26)),
        0x05 => (facts::SERIAL, text(24)),
        0x07 => (facts::MODEL, text(32)),
        0x08 => (facts::MEMORY_CARD, text(32)),
        0x09 => return manufacturer(value, sink),
        0x0a => (facts::DESCRIPTION, text(26)),
        0x0b => (facts::LOCATION, text(32)),
        _ => return,
    };
    if is_text(value) {
        sink.fact(S7COMM, None, key, value);
    }
}

fn manufacturer(value: &[u8], sink: &mut dyn Sink) {
    let [high, low, ..] = *value else { return };
    match u16::from_be_bytes([high, low]) {
        0 => {}
        number => {
            sink.fact_text(S7COMM, None, facts::VENDOR_ID, format_args!("{number:#06x}"));
            if number == SIEMENS {
                sink.fact(S7COMM, None, facts::VENDOR, b"Siemens");
            }
        }
    }
}

fn mode(_: u16, entry: &[u8], sink: &mut dyn Sink) {
    let [_, _, _, transition, ..] = *entry else { return };
    let mode: &[u8] = match transition & 0x0f {
        0x1..=0x4 => b"stop",
        0x5..=0x7 => b"startup",
        0x8 | 0x9 => b"run",
        0xa => b"hold",
        0xb => b"link-up",
        0xc => b"update",
        0xd => b"defect",
        _ => return,
    };
    sink.fact(S7COMM, None, facts::MODE, mode);
}

fn protection(index: u16, entry: &[u8], sink: &mut dyn Sink) {
    let [_, 4, _, _, _, _, valid_1, valid_0, switch_1, switch_0, ..] = *entry else { return };
    if index & 0xff != 4 {
        return;
    }
    if let level @ 1..=3 = u16::from_be_bytes([valid_1, valid_0]) {
        sink.fact_text(S7COMM, None, facts::PROTECTION, format_args!("level {level}"));
    }
    let position: &[u8] = match u16::from_be_bytes([switch_1, switch_0]) {
        1 => b"run",
        2 => b"run-p",
        3 => b"stop",
        4 => b"mres",
        _ => return,
    };
    sink.fact(S7COMM, None, facts::KEY_SWITCH, position);
}

/// A steady RUN or STOP light is the mode; a blinking one is on its way to it.
fn light(_: u16, entry: &[u8], sink: &mut dyn Sink) {
    match *entry {
        [_, 4, 1, 0, ..] => sink.fact(S7COMM, None, facts::MODE, b"run"),
        [_, 5, 1, 0, ..] => sink.fact(S7COMM, None, facts::MODE, b"stop"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    fn said(octets: &[u8]) -> Vec<String> {
        let mut recorder = Recorder::default();
        dissect(octets, 0, &mut recorder).unwrap();
        recorder.lines.iter().map(|line| line.replace("fact s7comm unit= ", "")).collect()
    }

    fn padded(text: &str, length: usize) -> Vec<u8> {
        let mut octets = text.as_bytes().to_vec();
        octets.resize(length, b' ');
        octets
    }

    // Values of a public capture of a Snap7 server, put together after the layout above.
    #[test]
    fn module_identification_gives_order_number_and_versions() {
        let mut list = hex("0011 0000 001c 0004");
        for (index, name, versions) in [
            ("0001", "6ES7 315-2EH14-0AB0 ", "00c0 0004 0001"),
            ("0006", "6ES7 315-2EH14-0AB0 ", "00c0 0004 0001"),
            ("0007", "", "00c0 5603 0206"),
            ("0081", "Boot Loader", "0000 4120 0909"),
        ] {
            list.extend([hex(index), padded(name, 20), hex(versions)].concat());
        }
        assert_eq!(
            said(&list),
            [
                "order_number=6ES7 315-2EH14-0AB0",
                "hardware=4",
                "order_number=6ES7 315-2EH14-0AB0",
                "hardware=4",
                "firmware=V3.2.6",
                "bootloader=Boot Loader A32.9.9"
            ]
        );
    }

    #[test]
    fn component_identification_gives_names_and_serial_numbers() {
        let mut list = hex("001c 0000 0022 0008");
        for (index, name) in [
            ("0001", "SNAP7-SERVER"),
            ("0002", "CPU 315-2 PN/DP"),
            ("0003", ""),
            ("0004", "Original Siemens Equipment"),
            ("0005", "S C-C2UR28922012"),
            ("0007", "CPU 315-2 PN/DP"),
            ("0008", "MMC 267FF11F"),
        ] {
            list.extend([hex(index), padded(name, 32)].concat());
        }
        list.extend([hex("0009 002a f600 0001"), vec![0; 26]].concat());
        assert_eq!(
            said(&list),
            [
                "plant=SNAP7-SERVER",
                "module_name=CPU 315-2 PN/DP",
                "copyright=Original Siemens Equipment",
                "serial=S C-C2UR28922012",
                "model=CPU 315-2 PN/DP",
                "memory_card=MMC 267FF11F",
                "vendor_id=0x002a",
                "vendor=Siemens"
            ]
        );
    }

    // Answers in a public capture of STEP 7 logging on to an S7-300.
    #[test]
    fn mode_protection_and_key_switch_are_told() {
        let list =
            "0132 0004 0028 0001 0004 0001 0003 0003 0002 0000 0000 5656 5801 6b42 0000 0000 0200 0001 0000 0000 0000 0000 0000 0000";
        assert_eq!(said(&hex(list)), ["protection=level 3", "key_switch=run-p"]);
        assert_eq!(said(&hex("0424 0000 0014 0001 5140 ff08 0000 0000 0000 0000 9401 0921 5342 1521")), ["mode=run"]);
        assert_eq!(said(&hex("0424 0000 0014 0001 4302 ff64 0000 0000")), ["mode=stop"]);
        assert_eq!(said(&hex("0074 0000 0004 0003 0001 0000 0004 0000 0005 0100")), ["mode=stop"]);
    }

    #[test]
    fn a_list_knows_its_own_head() {
        assert!(begins(&hex("0011 0000 001c 0004 0001")));
        assert!(!begins(&hex("0011 0000 0001 0004 0001")));
        assert!(!begins(&hex("3645 5337 0000 0000 0001")));
    }
}
