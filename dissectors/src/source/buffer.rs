//! The octets of a capture: mapped where the source is a plain file, else read through a bounded window.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use memmap2::Mmap;
use zstd::stream::read::Decoder as ZstdDecoder;

/// Octets the window of a stream begins with; a longer record makes it grow to that record's length.
const WINDOW: usize = 1 << 20;

/// Pages are given back in pieces of this many octets, a power of two and a multiple of any page size.
const RELEASED: usize = 4 << 20;

/// The least a compression is told by.
const MAGIC: usize = 4;

/// Where streamed octets come from.
pub(super) type Reader = Box<dyn Read + Send + Sync>;

/// The octets, and how far they have been consumed.
pub(super) struct Octets {
    store: Store,
    /// Consumed octets of what the store shows.
    at: usize,
}

enum Store {
    /// And up to where its pages have been given back.
    Mapped(Mmap, usize),
    Streamed(Stream),
}

impl Octets {
    /// Map a regular file, or stream it where it is compressed or cannot be mapped.
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let Ok(mapping) = map(&file) else { return Self::of_reader(Box::new(file)) };
        if Compression::of(&mapping) == Compression::None {
            return Ok(Self { store: Store::Mapped(mapping, 0), at: 0 });
        }
        Self::of_reader(Box::new(Cursor::new(mapping)))
    }

    /// Stream what `reader` delivers, decompressed where it is compressed.
    pub(super) fn of_reader(reader: Reader) -> io::Result<Self> {
        Ok(Self { store: Store::Streamed(Stream::new(reader)?), at: 0 })
    }

    #[inline]
    fn shown(&self) -> &[u8] {
        match &self.store {
            Store::Mapped(mapping, _) => mapping,
            Store::Streamed(stream) => stream.window.get(..stream.end).unwrap_or_default(),
        }
    }

    /// What is there and not consumed yet.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.shown().get(self.at..).unwrap_or_default()
    }

    /// Consume `total` octets of the window and lend the `length` octets that lie `start` octets into it.
    #[inline]
    pub(super) fn take(&mut self, start: usize, length: usize, total: usize) -> &[u8] {
        let from = self.at.wrapping_add(start);
        self.at = self.at.wrapping_add(total);
        self.shown().get(from..from.wrapping_add(length)).unwrap_or_default()
    }

    /// Give the pages back that have been consumed, so that a large file does not fill the memory of this process.
    pub(super) fn release(&mut self) {
        if let Store::Mapped(mapping, released) = &mut self.store {
            let whole = self.at.saturating_sub(*released) & !(RELEASED.wrapping_sub(1));
            if whole > 0 {
                release(mapping, *released, whole);
                *released = released.saturating_add(whole);
            }
        }
    }

    /// Consume `total` octets of the window.
    pub(super) fn pass(&mut self, total: usize) {
        self.at = self.at.saturating_add(total).min(self.shown().len());
    }

    /// Have `needed` octets in the window; false where the source ends before. Returns as soon as they are there.
    #[cold]
    pub(super) fn fill(&mut self, needed: usize) -> bool {
        if let Store::Streamed(stream) = &mut self.store {
            stream.fill(&mut self.at, needed);
        }
        self.window().len() >= needed
    }

    /// Octets of the capture consumed so far; decompressed ones where it is compressed.
    pub(super) fn offset(&self) -> u64 {
        let passed = match &self.store {
            Store::Mapped(..) => 0,
            Store::Streamed(stream) => stream.passed,
        };
        passed.saturating_add(self.at as u64)
    }

    /// Octets of the file read so far; compressed ones where it is compressed.
    pub(super) fn position(&self) -> u64 {
        match &self.store {
            Store::Streamed(stream) if stream.feed.compression() != Compression::None => stream.feed.consumed(),
            _ => self.offset(),
        }
    }

    /// How the source is compressed: `gzip`, `zstd` or none.
    pub(super) fn compression(&self) -> Option<&'static str> {
        match &self.store {
            Store::Mapped(..) => None,
            Store::Streamed(stream) => stream.feed.compression().name(),
        }
    }

    /// Why reading ended before the end of the source, if it did.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        match &self.store {
            Store::Mapped(..) => None,
            Store::Streamed(stream) => stream.failure.as_ref(),
        }
    }
}

/// Map `file` for one pass from front to back.
#[allow(unsafe_code, reason = "memmap2 leaves to its caller that the file stays as it is")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is read-only and lives in an `Octets`, so no slice of it outlives it. What Rust cannot know is
    // what other processes do to the file. If one overwrites it, frames change under our eyes: the octets are only ever
    // interpreted as plain `u8`, each length is copied out of them and checked before it is used, and every use is a
    // checked slice of the mapping, so the worst is a wrong frame. If one truncates it, reading past the new end raises
    // SIGBUS, which ends this process: nothing is written here that could be left half done, and a capture that is
    // still being written grows, it does not shrink. The price of guarding against it (a copy of every octet, or a
    // signal handler in a process that is not ours) is not paid; who must read a file that others truncate pipes it in.
    let mapping = unsafe { Mmap::map(file) }?;
    #[cfg(unix)]
    let _ = mapping.advise(memmap2::Advice::Sequential); // Only a hint: a kernel that refuses it reads as well.
    Ok(mapping)
}

/// Give the pages of a part of the mapping that has been read back to the system.
#[allow(unsafe_code, reason = "memmap2 leaves to its caller that dropping pages loses nothing")]
fn release(mapping: &Mmap, start: usize, length: usize) {
    // SAFETY: the mapping is of a file and never written to, so a page that is dropped is read from the file again if it
    // is ever looked at: nothing can be lost. Both numbers are multiples of the page size and lie within the mapping.
    #[cfg(unix)]
    let _ = unsafe { mapping.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, length) }; // Only a hint.
}

/// A window that moves over what a reader delivers.
struct Stream {
    feed: Feed,
    window: Vec<u8>,
    /// Octets of the window that are filled.
    end: usize,
    /// Octets that have left the window at its front.
    passed: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl Stream {
    fn new(reader: Reader) -> io::Result<Self> {
        Ok(Self { feed: Feed::new(reader)?, window: vec![0; WINDOW], end: 0, passed: 0, ended: false, failure: None })
    }

    /// Move what is left from `at` on to the front, then read until `needed` octets are there.
    fn fill(&mut self, at: &mut usize, needed: usize) {
        self.window.copy_within((*at).min(self.end)..self.end, 0);
        self.end = self.end.saturating_sub(*at);
        self.passed = self.passed.saturating_add(*at as u64);
        *at = 0;
        while self.end < needed && !self.ended {
            if self.end == self.window.len() {
                // A length may lie: grow with the octets that do come.
                self.window.resize(self.end.saturating_mul(2).min(needed), 0);
            }
            self.read();
        }
    }

    fn read(&mut self) {
        match self.feed.read(self.window.get_mut(self.end..).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end = self.end.saturating_add(count).min(self.window.len()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                self.failure = Some(error);
                self.ended = true;
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Gzip: RFC 1952, 2.3.1. Zstandard: RFC 8878, 3.1.1 (a frame) and 3.1.2 (a frame to be skipped).
    fn of(octets: &[u8]) -> Self {
        match octets {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// A reader whose compression has been found out and undone.
enum Feed {
    Plain(Input),
    Gzip(Box<MultiGzDecoder<BufReader<Input>>>),
    Zstd(ZstdDecoder<'static, BufReader<Input>>),
}

impl Feed {
    fn new(mut reader: Reader) -> io::Result<Self> {
        let mut head = Vec::with_capacity(MAGIC);
        reader.by_ref().take(MAGIC as u64).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        let input = Input { reader: Cursor::new(head).chain(reader), consumed: 0 };
        Ok(match compression {
            Compression::None => Self::Plain(input),
            Compression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(input)))),
            Compression::Zstd => Self::Zstd(ZstdDecoder::with_buffer(BufReader::new(input))?),
        })
    }

    const fn compression(&self) -> Compression {
        match self {
            Self::Plain(_) => Compression::None,
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
        }
    }

    fn consumed(&self) -> u64 {
        match self {
            Self::Plain(input) => input.consumed,
            Self::Gzip(decoder) => decoder.get_ref().get_ref().consumed,
            Self::Zstd(decoder) => decoder.get_ref().get_ref().consumed,
        }
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// A reader with the octets that were looked at put back, counted.
struct Input {
    reader: Chain<Cursor<Vec<u8>>, Reader>,
    consumed: u64,
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.consumed = self.consumed.saturating_add(count as u64);
        Ok(count)
    }
}
