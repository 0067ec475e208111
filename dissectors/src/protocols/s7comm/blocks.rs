//! Names of program blocks, and the program invocation services that act on them.
//!
//! ```text
//! file      file identifier (1)  block type (2)  block number (5)  file system (1), all as text: `_0800001P`
//! service   length of the arguments (2)  arguments  length of the name (1)  name
//! ```

use core::fmt::Write as _;

use crate::reader::Reader;
use crate::sink::Label;
use crate::text::clean;

/// A file name of a download or upload.
pub(super) const fn file(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_file }
}

/// Block type, number and file system, without the file identifier.
pub(super) const fn block(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_block }
}

/// A block type alone.
pub(super) const fn kind(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_kind }
}

/// A program invocation service with its arguments.
pub(super) const fn service(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_service }
}

/// Known program invocation services, by name, with the number that stands for them as sub-function.
/// `sensor/protocols/s7comm.py` gives the numbers their meaning; a test there compares the two tables.
pub(super) const SERVICES: &[(&str, u32)] = &[
    ("P_PROGRAM", 1),
    ("_DELE", 2),
    ("_GARB", 3),
    ("_INS2", 4),
    ("_INSE", 5),
    ("_MODU", 6),
    ("_N_ASUP__", 7),
    ("_N_CANCEL", 8),
    ("_N_CHEKDM", 9),
    ("_N_CHKDNO", 10),
    ("_N_CONFIG", 11),
    ("_N_CRCEDN", 12),
    ("_N_CREACE", 13),
    ("_N_CREATO", 14),
    ("_N_CRTOCE", 15),
    ("_N_DASAVE", 16),
    ("_N_DELECE", 17),
    ("_N_DELETO", 18),
    ("_N_DELVAR", 19),
    ("_N_DIGIOF", 20),
    ("_N_DIGION", 21),
    ("_N_DZERO_", 22),
    ("_N_ENDEXT", 23),
    ("_N_EXTERN", 24),
    ("_N_EXTMOD", 25),
    ("_N_FINDBL", 26),
    ("_N_F_CLOS", 27),
    ("_N_F_COPY", 28),
    ("_N_F_DELE", 29),
    ("_N_F_DELR", 30),
    ("_N_F_DMDA", 31),
    ("_N_F_OPEN", 32),
    ("_N_F_OPER", 33),
    ("_N_F_PROR", 34),
    ("_N_F_PROT", 35),
    ("_N_F_RENA", 36),
    ("_N_F_SEEK", 37),
    ("_N_F_XFER", 38),
    ("_N_IBN_SS", 39),
    ("_N_LOCKE_", 40),
    ("_N_LOGIN_", 41),
    ("_N_LOGOUT", 42),
    ("_N_MMCSEM", 43),
    ("_N_NCKMOD", 44),
    ("_N_NEWPWD", 45),
    ("_N_OST_OF", 46),
    ("_N_OST_ON", 47),
    ("_N_SCALE_", 48),
    ("_N_SELECT", 49),
    ("_N_SEL_BL", 50),
    ("_N_SETTST", 51),
    ("_N_SETUFR", 52),
    ("_N_SRTEXT", 53),
    ("_N_STRTLK", 54),
    ("_N_STRTUL", 55),
    ("_N_TMAWCO", 56),
    ("_N_TMCRTC", 57),
    ("_N_TMCRTO", 58),
    ("_N_TMFDPL", 59),
    ("_N_TMFPBP", 60),
    ("_N_TMGETT", 61),
    ("_N_TMMVTL", 62),
    ("_N_TMPCIT", 63),
    ("_N_TMPOSM", 64),
    ("_N_TMRASS", 65),
    ("_N_TRESMO", 66),
    ("_N_TSEARC", 67),
];

/// The sub-function that stands for the service in `octets`; 0 for one that is not known, none where it is cut off.
pub(super) fn service_number(octets: &[u8]) -> Option<u32> {
    let (_, name) = split_service(octets)?;
    Some(SERVICES.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok().and_then(|at| SERVICES.get(at)).map_or(0, |row| row.1))
}

/// Arguments and name.
fn split_service(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(octets);
    let length = reader.u16_be().ok()?;
    let arguments = reader.octets(usize::from(length)).ok()?;
    let length = reader.u8().ok()?;
    Some((arguments, reader.octets(usize::from(length)).ok()?))
}

fn render_file(octets: &[u8], out: &mut String) {
    match octets {
        [b'_', name @ ..] if name.len() == 8 => render_block(name, out),
        _ => out.push_str(&clean(octets)),
    }
}

fn render_block(octets: &[u8], out: &mut String) {
    let Some((kind, rest)) = octets.split_first_chunk::<2>() else { return out.push_str(&clean(octets)) };
    let Some((number, rest)) = rest.split_first_chunk::<5>().filter(|(number, _)| number.iter().all(u8::is_ascii_digit)) else {
        return out.push_str(&clean(octets));
    };
    let number = number.iter().fold(0_u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit & 0x0f)));
    render_kind(kind, out);
    let _ = write!(out, " {number}");
    match rest.first() {
        Some(b'A') => out.push_str(" (active)"),
        Some(b'P') => out.push_str(" (passive)"),
        Some(b'B') => out.push_str(" (both)"),
        _ => {}
    }
}

fn render_kind(octets: &[u8], out: &mut String) {
    match octets {
        [b'0', b'8'] => out.push_str("OB"),
        [b'0', b'9'] => out.push_str("CMOD"),
        [b'0', b'A'] => out.push_str("DB"),
        [b'0', b'B'] => out.push_str("SDB"),
        [b'0', b'C'] => out.push_str("FC"),
        [b'0', b'D'] => out.push_str("SFC"),
        [b'0', b'E'] => out.push_str("FB"),
        [b'0', b'F'] => out.push_str("SFB"),
        _ => {
            out.push_str("type ");
            out.push_str(&clean(octets));
        }
    }
}

/// Blocks written of an argument list at the most.
const BLOCKS: usize = 8;

fn render_service(octets: &[u8], out: &mut String) {
    let Some((arguments, name)) = split_service(octets) else { return };
    out.push_str(&clean(name));
    match (name, arguments) {
        (_, []) => {}
        (b"P_PROGRAM", b"C ") => out.push_str(" cold restart"),
        (b"_INSE" | b"_INS2" | b"_DELE", [count, _, blocks @ ..]) => {
            let count = usize::from(*count);
            let mut written: usize = 0;
            for octets in blocks.chunks_exact(8).take(count.min(BLOCKS)) {
                out.push_str(if written == 0 { " " } else { ", " });
                render_block(octets, out);
                written = written.saturating_add(1);
            }
            if count > written {
                let _ = write!(out, " … +{}", count.saturating_sub(written));
            }
        }
        _ if name.starts_with(b"_N_") => render_strings(arguments, out),
        _ => {
            out.push(' ');
            out.push_str(&clean(arguments));
        }
    }
}

/// Arguments of services of the numerical control: texts, each after its length, filled up to an even number of octets.
fn render_strings(arguments: &[u8], out: &mut String) {
    let mut reader = Reader::new(arguments);
    for _ in 0..BLOCKS {
        let Ok(length) = reader.u8() else { break };
        let text = clean(reader.up_to(usize::from(length)));
        if !text.is_empty() {
            out.push(' ');
            out.push_str(&text);
        }
        if length & 1 == 0 {
            let _ = reader.skip(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_names_of_step_7() {
        assert_eq!(file(b"_0800001P").to_text(), "OB 1 (passive)");
        assert_eq!(file(b"_0A00100A").to_text(), "DB 100 (active)");
        assert_eq!(file(b"_N_MPF_DIR").to_text(), "_N_MPF_DIR");
        assert_eq!(block(b"0B00000B").to_text(), "SDB 0 (both)");
        assert_eq!(kind(b"0F").to_text(), "SFB");
        assert_eq!(kind(b"07").to_text(), "type 07");
    }

    #[test]
    fn services_are_known_by_name() {
        assert!(SERVICES.is_sorted_by(|left, right| left.0 < right.0 && left.1 < right.1));
        let insert = b"\0\x12\x02\x000800001P0A00007P\x05_INSE";
        assert_eq!((service_number(insert), service(insert).to_text().as_str()), (Some(5), "_INSE OB 1 (passive), DB 7 (passive)"));
        let start = b"\0\0\x09P_PROGRAM";
        assert_eq!((service_number(start), service(start).to_text().as_str()), (Some(1), "P_PROGRAM"));
        assert_eq!(service(b"\0\x02C \x09P_PROGRAM").to_text(), "P_PROGRAM cold restart");
        assert_eq!(service(b"\0\x02EP\x05_MODU").to_text(), "_MODU EP");
        assert_eq!(service(b"\0\x08\x01x\x03abc\0\0\x09_N_SELECT").to_text(), "_N_SELECT x abc");
        assert_eq!(service_number(b"\0\0\x05_WHAT"), Some(0));
        assert_eq!(service_number(b"\0\x40"), None);
    }

    #[test]
    fn any_octets_render() {
        let sample = b"\0\x12\x02\x000800001P0A00007P\x05_INSE";
        for cut in 0..sample.len() {
            for octet in 0..=255 {
                let mut octets = sample[..cut].to_vec();
                if let Some(first) = octets.get_mut(cut / 2) {
                    *first = octet;
                }
                for label in [file(&octets), block(&octets), kind(&octets), service(&octets)] {
                    assert!(label.to_text().len() < 2000);
                }
            }
        }
    }
}
