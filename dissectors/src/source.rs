//! Where frames come from: capture files and streams, pcap and pcapng, plain or compressed.
//!
//! ```no_run
//! # use std::path::Path;
//! # use dissectors::source::Capture;
//! let mut capture = Capture::open(Path::new("plant.pcapng"))?;
//! while let Some(frame) = capture.next() {
//!     println!("{} {} {}", frame.time, frame.link, frame.octets.len());
//! }
//! if let Some(warning) = capture.warning() {
//!     eprintln!("{warning}");
//! }
//! # Ok::<(), dissectors::source::OpenError>(())
//! ```
//!
//! A plain file is mapped and its frames are lent where they lie. Compressed files, pipes and standard input are read through
//! a window that is bounded by the longest record; a frame is handed out as soon as its last octet has been read. A format
//! is known by the file's first octets, never by its name.

mod buffer;
#[cfg(target_os = "linux")]
pub mod filter;
mod foreign;
mod link;
mod pcap;
mod pcapng;
#[cfg(target_os = "linux")]
pub mod ring;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use core::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use buffer::Octets;
pub use link::LinkType;
use pcap::Pcap;
use pcapng::Pcapng;

/// No record or block may be longer, whatever its capture says: a length beyond it is damage.
const LONGEST_RECORD: u32 = 16 << 20;

/// One frame as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What was captured of it, without its frame check sequence where the capture says that it has one.
    pub octets: &'a [u8],
    /// Its length on the wire, never less than `octets` holds; more where the snap length cut it.
    pub wire_length: u32,
    /// Nanoseconds since 1970-01-01 00:00 UTC; the nearest that 64 bits can hold.
    pub time: i64,
    /// What its first octets are.
    pub link: LinkType,
    /// Number of the interface that captured it, in its section of the file.
    pub interface: u32,
}

/// Packets that were there but could not be handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Of an interface that its section does not describe: nothing says what its octets are.
    pub unknown_interface: u64,
    /// In a whole block whose own fields contradict its length.
    pub damaged: u64,
}

/// Why a capture could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    path: String,
    reason: String,
}

impl OpenError {
    /// The file, or `standard input`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it, without its path.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.reason)
    }
}

impl core::error::Error for OpenError {}

/// An open capture.
pub struct Capture {
    octets: Octets,
    format: Format,
    records: u64,
    total: Option<u64>,
    warning: Option<String>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    /// Nothing more comes: the end, or what is left cannot be read.
    Ended(Skipped),
}

impl Capture {
    /// Open the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// Where it cannot be read or is no capture; one sentence for people.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return Self::from_reader(io::stdin(), "standard input");
        }
        Self::from_path(path).map_err(|reason| OpenError { path: path.display().to_string(), reason })
    }

    /// Read a capture from a stream; errors call it `name`.
    ///
    /// # Errors
    /// Where it cannot be read or is no capture; one sentence for people.
    pub fn from_reader(reader: impl Read + Send + Sync + 'static, name: &str) -> Result<Self, OpenError> {
        let octets = Octets::of_reader(Box::new(reader)).map_err(|error| in_words(&error));
        octets.and_then(|octets| Self::new(octets, None)).map_err(|reason| OpenError { path: name.to_owned(), reason })
    }

    fn from_path(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| in_words(&error))?;
        let metadata = file.metadata().map_err(|error| in_words(&error))?;
        if metadata.is_dir() {
            return Err(in_words(&ErrorKind::IsADirectory.into()));
        }
        let is_regular = metadata.is_file();
        let octets = if is_regular && metadata.len() > 0 { Octets::of_file(file) } else { Octets::of_reader(Box::new(file)) };
        Self::new(octets.map_err(|error| in_words(&error))?, is_regular.then_some(metadata.len()))
    }

    fn new(mut octets: Octets, total: Option<u64>) -> Result<Self, String> {
        let format = Format::begin(&mut octets)?;
        Ok(Self { octets, format, records: 0, total, warning: None })
    }

    /// The next frame; none at the end, and where [`warning`](Self::warning) says that the rest cannot be read.
    ///
    /// It borrows from the capture, so this cannot be an `Iterator`: `while let Some(frame) = capture.next()`.
    #[allow(clippy::should_implement_trait, reason = "a frame is lent until the next call, which Iterator cannot express")]
    #[inline]
    pub fn next(&mut self) -> Option<Frame<'_>> {
        // Nearly every call ends here: short enough to become part of the caller's loop.
        if let Format::Pcap(pcap) = &self.format
            && let Ok(record) = pcap.read(self.octets.window())
        {
            self.records = self.records.wrapping_add(1);
            return Some(record.lend(&mut self.octets));
        }
        self.next_of_any()
    }

    #[inline(never)]
    fn next_of_any(&mut self) -> Option<Frame<'_>> {
        loop {
            let read = match &mut self.format {
                Format::Pcap(pcap) => pcap.read(self.octets.window()),
                Format::Pcapng(pcapng) => pcapng.read(self.octets.window()),
                Format::Ended(_) => return None,
            };
            match read {
                Ok(record) => {
                    self.records = self.records.wrapping_add(1);
                    return Some(record.lend(&mut self.octets));
                }
                Err(refusal) => self.go_on(refusal),
            }
        }
    }

    /// Get over what stands between here and the next frame, or end.
    #[cold]
    fn go_on(&mut self, refusal: Refusal) {
        let warning = match refusal {
            Refusal::Pass(total) => return self.octets.pass(total),
            Refusal::Need(total) if self.octets.fill(total) => return,
            Refusal::Need(_) => self.ending(),
            Refusal::Bad(what) => Some(format!("damaged at {}: {what}", self.place())),
        };
        self.warning = warning;
        self.format = Format::Ended(self.skipped());
    }

    /// How the source ended: cleanly between two records, inside of one, or because it could not be read.
    fn ending(&self) -> Option<String> {
        match (self.octets.failure(), self.octets.compression()) {
            (Some(error), Some(compression)) => Some(format!("damaged {compression} data ({error}) after {}", self.place())),
            (Some(error), None) => Some(format!("cannot be read ({error}) after {}", self.place())),
            (None, _) if self.octets.window().is_empty() => None,
            (None, _) => Some(format!("cut off in the middle of a record, after {}", self.place())),
        }
    }

    fn place(&self) -> String {
        let what = if self.octets.compression().is_some() { "decompressed octet" } else { "octet" };
        format!("{what} {} and {} whole records", self.octets.offset(), self.records)
    }

    /// Give memory back that held what has been read: worth a call now and then.
    pub fn release(&mut self) {
        self.octets.release();
    }

    /// Frames handed out so far.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Octets of the file read so far: for progress, compressed octets where it is compressed.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.octets.position()
    }

    /// Octets of the file; none for a stream.
    #[must_use]
    pub const fn total_octets(&self) -> Option<u64> {
        self.total
    }

    /// Why frames ended before the capture did, once they have: it was cut off or is damaged. Where and after how many
    /// records it says, the path it does not.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Packets passed over so far.
    #[must_use]
    pub const fn skipped(&self) -> Skipped {
        match &self.format {
            Format::Pcap(_) => Skipped { unknown_interface: 0, damaged: 0 },
            Format::Pcapng(pcapng) => pcapng.skipped,
            Format::Ended(skipped) => *skipped,
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position();
        formatter.debug_struct("Capture").field("records", &self.records).field("position", &position).finish_non_exhaustive()
    }
}

impl Format {
    /// Find out which format the octets are in and read its header.
    fn begin(octets: &mut Octets) -> Result<Self, String> {
        octets.fill(4);
        match octets.window().first_chunk() {
            Some(&pcapng::SECTION) => Self::begin_pcapng(octets),
            Some(magic) if Pcap::recognise(*magic).is_some() => Self::begin_pcap(octets),
            _ => Err(Self::foreign(octets)),
        }
    }

    fn begin_pcap(octets: &mut Octets) -> Result<Self, String> {
        octets.fill(pcap::FILE_HEADER);
        let Some(header) = octets.window().first_chunk() else { return Err(Self::cut_off(octets, "pcap")) };
        let pcap = Pcap::new(*header).map_err(|fault| fault.to_string())?;
        octets.pass(pcap::FILE_HEADER);
        Ok(Self::Pcap(pcap))
    }

    fn begin_pcapng(octets: &mut Octets) -> Result<Self, String> {
        if !octets.fill(pcapng::SECTION_HEADER) {
            return Err(Self::cut_off(octets, "pcapng"));
        }
        let mut pcapng = Pcapng::default();
        loop {
            match pcapng.section(octets.window()) {
                // All of it, so that a damaged one is refused however the octets arrive.
                Refusal::Need(total) if octets.fill(total) => {}
                Refusal::Bad(what) => return Err(format!("pcapng that cannot be read: {what}")),
                _ => return Ok(Self::Pcapng(pcapng)),
            }
        }
    }

    fn cut_off(octets: &Octets, format: &str) -> String {
        Self::unreadable(octets).unwrap_or_else(|| format!("cut off in its {format} file header ({} octets)", octets.window().len()))
    }

    fn foreign(octets: &mut Octets) -> String {
        octets.fill(foreign::JUDGED);
        let unreadable = Self::unreadable(octets);
        match (octets.window(), octets.compression()) {
            _ if unreadable.is_some() => unreadable.unwrap_or_default(),
            ([], None) => "empty, not a capture file".to_owned(),
            ([], Some(compression)) => format!("empty inside its {compression} compression, not a capture file"),
            (head, None) => foreign::refuse(head, ""),
            (head, Some(compression)) => foreign::refuse(head, &format!(" inside its {compression} compression")),
        }
    }

    fn unreadable(octets: &Octets) -> Option<String> {
        let error = octets.failure()?;
        Some(octets.compression().map_or_else(|| in_words(error), |compression| format!("damaged {compression} data ({error})")))
    }
}

/// An error of the operating system, without its number where the words say all.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "a directory, not a capture file".to_owned(),
        _ => error.to_string(),
    }
}

/// Where a frame lies in the window, and what its record says of it.
struct Record {
    /// Octets of the record before the frame.
    start: usize,
    extent: Extent,
    /// Octets of the record.
    total: usize,
    time: i64,
    link: LinkType,
    interface: u32,
}

impl Record {
    #[inline]
    fn lend(self, octets: &mut Octets) -> Frame<'_> {
        let Self { start, extent, total, time, link, interface } = self;
        Frame { octets: octets.take(start, extent.captured as usize, total), wire_length: extent.wire, time, link, interface }
    }
}

/// How much of a frame there is.
struct Extent {
    captured: u32,
    wire: u32,
}

impl Extent {
    /// Without the last `fcs` octets that were on the wire.
    #[inline]
    fn new(captured: u32, wire: u32, fcs: u32) -> Self {
        let wire = wire.max(captured).saturating_sub(fcs);
        Self { captured: captured.min(wire), wire }
    }
}

/// Why there is no frame at the front of the window.
#[derive(Clone, Copy)]
enum Refusal {
    /// This many octets must be there to tell, or to be the whole record.
    Need(usize),
    /// This many octets hold no frame.
    Pass(usize),
    /// The capture cannot be read from here on.
    Bad(Fault),
}

/// What makes the rest of a capture unreadable.
#[derive(Clone, Copy)]
enum Fault {
    /// A pcap record with this captured length, where so many octets are the most.
    Record(u32, u32),
    /// A pcapng block with this total length.
    Block(u32),
    /// A pcapng block of this length, with another one at its end.
    Trailer(u32),
    /// A pcapng section header without byte-order magic.
    ByteOrder,
    /// Of this format, with this major and minor version, and this major version expected.
    Version(&'static str, u16, u16, u16),
    /// A pcapng interface description without all its fields.
    Interface,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(length, most) => write!(formatter, "a record of {length} octets, where {most} are the most"),
            Self::Block(length) => write!(formatter, "a block of {length} octets, where 12 to {LONGEST_RECORD} in steps of 4 are possible"),
            Self::Trailer(length) => write!(formatter, "a block of {length} octets that has another length at its end"),
            Self::ByteOrder => formatter.write_str("a section header without byte-order magic"),
            Self::Version(format, major, minor, known) => write!(formatter, "{format} version {major}.{minor}, where {known}.x is known"),
            Self::Interface => formatter.write_str("an interface description that is too short"),
        }
    }
}

/// The byte order of the machine that wrote the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    #[inline]
    const fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    #[inline]
    const fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        }
    }

    const fn i64(self, octets: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(octets),
            Self::Big => i64::from_be_bytes(octets),
        }
    }

    /// The `N` words of 32 bits at the front of `octets`.
    #[inline]
    fn words<const N: usize>(self, octets: &[u8]) -> Option<[u32; N]> {
        // The length is checked once here, so that the optimiser drops the checks below.
        let mut rest = octets.get(..N.wrapping_mul(4))?;
        let mut words = [0; N];
        for word in &mut words {
            let (head, tail) = rest.split_first_chunk()?;
            *word = u32::from_le_bytes(*head);
            rest = tail;
        }
        if self == Self::Big {
            words = words.map(u32::swap_bytes);
        }
        Some(words)
    }
}
