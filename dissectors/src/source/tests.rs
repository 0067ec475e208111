//! What holds for captures of every format and from every kind of source.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flate2::write::GzEncoder;

use super::samples::{self, Dripping, MICRO, PcapWriter, Seen, frames_of, gzip, open, walk, zstd};
use super::{Capture, Order};

/// A file that is gone when the test is.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str, octets: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("otoscope-{}-{name}", std::process::id()));
        fs::write(&path, octets).unwrap();
        Self(path)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Octets that come when they are put in; to ask for more than there are would block for ever, so it is a failed test.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<VecDeque<u8>>>);

impl Pipe {
    fn put(&self, octets: &[u8]) {
        self.0.lock().unwrap().extend(octets);
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.0.lock().unwrap().read(into)?;
        assert_ne!(count, 0, "reads on although the frame is there");
        Ok(count)
    }
}

fn open_error(octets: &[u8]) -> String {
    open(octets).unwrap_err().to_string()
}

#[test]
fn the_same_frames_from_every_kind_of_source() {
    for (number, capture) in samples::all().iter().enumerate() {
        let expected = frames_of(capture);
        assert!(expected.len() >= 4);
        let (front, back) = capture.split_at(capture.len() / 2);
        let variants = [
            capture.clone(),
            gzip(capture),
            zstd(capture),
            [gzip(front), gzip(back)].concat(),
            [zstd(front), zstd(back)].concat(),
            [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], zstd(capture).as_slice()].concat(),
        ];
        for (variant, octets) in variants.into_iter().enumerate() {
            assert_eq!(frames_of(&octets), expected, "variant {variant} of capture {number}");
            let dripping = Capture::from_reader(Dripping(Cursor::new(octets.clone())), "drip").unwrap();
            assert_eq!(walk(dripping).0, expected, "variant {variant} of capture {number}, octet by octet");

            let file = TemporaryFile::new(&format!("source-{number}-{variant}"), &octets);
            let (frames, end) = walk(Capture::open(&file.0).unwrap());
            assert_eq!(frames, expected);
            assert_eq!(end.warning(), None);
            assert_eq!(end.total_octets(), Some(octets.len() as u64));
            assert_eq!(end.position(), octets.len() as u64);
        }
    }
}

fn is_prefix(frames: &[Seen], of: &[Seen]) -> bool {
    of.starts_with(frames)
}

#[test]
fn a_capture_cut_off_anywhere_gives_all_whole_records() {
    for (number, capture) in samples::all().iter().enumerate() {
        let expected = frames_of(capture);
        let mut most = 0;
        for length in 0..capture.len() {
            let cut = &capture[..length];
            let Ok(opened) = open(cut) else {
                assert!(length < 28, "a whole header was refused");
                continue;
            };
            let (frames, end) = walk(opened);
            assert!(is_prefix(&frames, &expected));
            assert!(frames.len() >= most, "fewer frames from more octets");
            most = frames.len();
            if let Some(warning) = end.warning() {
                assert!(warning.starts_with("cut off in the middle of a record, after octet "), "{warning}");
                assert!(warning.ends_with(&format!(" and {} whole records", frames.len())), "{warning}");
            }

            let file = TemporaryFile::new(&format!("cut-{number}"), cut);
            let (mapped, mapped_end) = walk(Capture::open(&file.0).unwrap());
            assert_eq!(mapped, frames);
            assert_eq!(mapped_end.warning(), end.warning());
        }
        // Without its last octet only the last record is lost.
        assert_eq!(most, expected.len() - 1);
    }
}

#[test]
fn a_damaged_section_header_is_refused_however_the_octets_arrive() {
    let mut capture = samples::pcapng(Order::Little, Order::Big);
    assert_eq!(capture[4..8], [28, 0, 0, 0]);
    // Longer than its fields by an end of options, and its length at the end wrong.
    capture[4] = 32;
    capture.splice(24..24, [0; 4]);
    let refused = open(&capture).unwrap_err();
    assert!(refused.reason().ends_with("that has another length at its end"), "{refused}");
    assert_eq!(Capture::from_reader(Dripping(Cursor::new(capture)), "sample").unwrap_err(), refused);
}

#[test]
fn what_is_cut_off_and_damaged_ends_with_the_same_warning_however_the_octets_arrive() {
    let section = [&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0][..], &[0; 12]].concat();
    let pcapng = [samples::pcapng(Order::Little, Order::Little), section].concat();
    let record = [0xff; 20];
    let kuznetzov = [PcapWriter::new(Order::Little, 0xa1b2_cd34, 0, 1).build(), record.to_vec()].concat();
    for capture in [pcapng, kuznetzov] {
        let warning = |capture| walk(capture).1.warning().unwrap().to_owned();
        let dripping = warning(Capture::from_reader(Dripping(Cursor::new(capture.clone())), "sample").unwrap());
        assert_eq!(warning(open(&capture).unwrap()), dripping);
        assert!(dripping.starts_with("cut off in the middle of a record"), "{dripping}");
    }
}

#[test]
fn a_compressed_capture_cut_off_anywhere_gives_whole_records_and_a_warning() {
    let capture = samples::pcapng(Order::Little, Order::Big);
    let expected = frames_of(&capture);
    for compressed in [gzip(&capture), zstd(&capture)] {
        for length in 0..compressed.len() {
            let Ok(opened) = open(&compressed[..length]) else { continue };
            let (frames, end) = walk(opened);
            assert!(is_prefix(&frames, &expected));
            assert!(end.warning().is_some_and(|warning| warning.starts_with("damaged ")), "{length}: {:?}", end.warning());
        }
    }
}

#[test]
fn damage_anywhere_is_survived() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap()
    };
    let plain = samples::all();
    let compressed: Vec<_> = plain.iter().flat_map(|capture| [gzip(capture), zstd(capture)]).collect();
    for (captures, rounds) in [(&plain, 3000), (&compressed, 100)] {
        for capture in captures {
            for _ in 0..rounds {
                let mut damaged = capture.clone();
                for _ in 0..=random() % 4 {
                    let at = random() % damaged.len();
                    damaged[at] = u8::try_from(random() % 256).unwrap();
                }
                if let Ok(opened) = open(&damaged) {
                    let (frames, _) = walk(opened);
                    assert!(frames.iter().all(|frame| frame.octets.len() <= frame.wire_length as usize));
                }
            }
        }
    }
}

#[test]
fn a_frame_from_a_pipe_does_not_wait_for_the_next() {
    let pieces: Vec<Vec<u8>> = {
        let whole = samples::pcap(Order::Little, MICRO);
        let ends = [24, 24 + 76, 24 + 76 + 49];
        [&whole[..ends[0]], &whole[ends[0]..ends[1]], &whole[ends[1]..ends[2]]].map(<[u8]>::to_vec).to_vec()
    };
    let mut encoder = GzEncoder::new(vec![], flate2::Compression::fast());
    let gzipped: Vec<Vec<u8>> = pieces
        .iter()
        .map(|piece| {
            encoder.write_all(piece).unwrap();
            encoder.flush().unwrap();
            core::mem::take(encoder.get_mut())
        })
        .collect();
    for pieces in [pieces, gzipped] {
        let pipe = Pipe::default();
        pipe.put(&pieces[0]);
        let mut capture = Capture::from_reader(pipe.clone(), "pipe").unwrap();
        for (piece, length) in pieces[1..].iter().zip([60, 33]) {
            pipe.put(piece);
            assert_eq!(capture.next().unwrap().octets.len(), length);
        }
        assert_eq!(capture.total_octets(), None);
    }
}

#[test]
fn a_record_longer_than_the_window_is_read_from_a_stream() {
    let long = vec![7; 3 << 20];
    let capture = PcapWriter::new(Order::Little, MICRO, 4 << 20, 1).record(1, 0, 60, &[1; 60]).record(2, 0, 3 << 20, &long).build();
    let frames = frames_of(&capture);
    assert_eq!(frames.iter().map(|frame| frame.octets.len()).collect::<Vec<_>>(), [60, 3 << 20]);
    assert_eq!(frames[1].octets, long);
}

#[test]
fn an_error_while_reading_is_a_warning_after_what_was_read() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let capture = samples::pcap(Order::Big, MICRO);
    let expected = frames_of(&capture);
    let length = capture.len();
    let (frames, end) = walk(Capture::from_reader(Cursor::new(capture).chain(Failing), "wire").unwrap());
    assert_eq!(frames, expected);
    assert_eq!(end.warning().unwrap(), format!("cannot be read (the cable is out) after octet {length} and 4 whole records"));
    assert_eq!(Capture::from_reader(Failing, "wire").unwrap_err().to_string(), "wire: the cable is out");
}

#[test]
fn what_is_no_capture_is_refused_in_the_same_words_however_the_octets_arrive() {
    for octets in [&b"SQLite format 3\0 and so on"[..], b"twelve and more \xff octets", b"PK\x03\x04", b"short \xff"] {
        let refused = open(octets).unwrap_err();
        assert_eq!(Capture::from_reader(Dripping(Cursor::new(octets.to_vec())), "sample").unwrap_err(), refused);
    }
}

#[test]
fn what_is_no_capture_is_refused_in_one_sentence() {
    let refused =
        "not a capture file (begins 50 4b 03 04 0a: a zip archive or an Office document): expected pcap or pcapng, plain, .gz or .zst";
    assert_eq!(open_error(b"PK\x03\x04\x0a"), format!("sample: {refused}"));
    assert_eq!(open(b"PK\x03\x04\x0a").unwrap_err().reason(), refused);
    assert_eq!(open(b"PK\x03\x04\x0a").unwrap_err().path(), "sample");
    assert_eq!(open_error(b""), "sample: empty, not a capture file");
    assert_eq!(open_error(&gzip(b"")), "sample: empty inside its gzip compression, not a capture file");
    assert!(open_error(&zstd(b"hello world")).contains("inside its zstd compression (begins 68 65 6c 6c 6f 20 77 6f …: text)"));
    assert_eq!(open_error(&[0x1f, 0x8b]), "sample: damaged gzip data (unexpected end of file)");
    assert_eq!(open_error(&samples::pcap(Order::Big, MICRO)[..9]), "sample: cut off in its pcap file header (9 octets)");
    assert_eq!(open_error(&samples::all()[6][..27]), "sample: cut off in its pcapng file header (27 octets)");
}

#[test]
fn what_cannot_be_opened_is_said_plainly() {
    let reason = |path: &Path| Capture::open(path).unwrap_err().reason().to_owned();
    let directory = std::env::temp_dir();
    assert_eq!(reason(&directory), "a directory, not a capture file");
    assert_eq!(reason(&directory.join("otoscope-no-such-file")), "no such file");
    assert_eq!(Capture::open(Path::new("/no/such.pcap")).unwrap_err().to_string(), "/no/such.pcap: no such file");
    let empty = TemporaryFile::new("empty", b"");
    assert_eq!(reason(&empty.0), "empty, not a capture file");
    let sheet = TemporaryFile::new("sheet", b"PK\x03\x04 and so on");
    assert!(reason(&sheet.0).starts_with("not a capture file (begins 50 4b 03 04 20 61 6e 64 …: a zip archive"));
}

#[test]
fn a_capture_can_move_between_threads() {
    fn movable<T: Send + Sync>(_: &T) {}
    movable(&open(&samples::pcap(Order::Little, MICRO)).unwrap());
}
