//! Object headers and the sizes of objects (IEEE 1815-2012, 4.2.2.7 and annex A).
//!
//! ```text
//! group 1 · variation 1 · qualifier 1 (prefix code << 4 | range code) · range 0…8 · [prefix · object]…
//! ```

use crate::error::{Error, Result};
use crate::reader::Reader;

/// Groups that are treated each in their own way.
pub(super) mod group {
    pub const ATTRIBUTE: u8 = 0;
    pub const CROB: u8 = 12;
    pub const DEAD_BAND: u8 = 34;
    pub const ANALOG_OUTPUT: u8 = 41;
    pub const TIME: u8 = 50;
    pub const COMMON_TIME: u8 = 51;
    pub const DELAY: u8 = 52;
    pub const CLASS: u8 = 60;
    pub const FILE: u8 = 70;
    pub const INDICATIONS: u8 = 80;
    pub const OCTET_STRING: u8 = 110;
    pub const VIRTUAL_TERMINAL: u8 = 112;
    pub const VIRTUAL_TERMINAL_EVENT: u8 = 113;
    pub const AUTHENTICATION: u8 = 120;
}

const BITS_1: u8 = 0xf1;
const BITS_2: u8 = 0xf2;
const UNKNOWN: u8 = 0;

/// Group, and the octets of its variations from 1 on. Objects of groups that are not here (classes, files, attributes,
/// strings …) have no size, or one of their own.
const SIZES: &[(u16, &[u8])] = &[
    (1, &[BITS_1, 1]),
    (2, &[1, 7, 3]),
    (3, &[BITS_2, 1]),
    (4, &[1, 7, 3]),
    (10, &[BITS_1, 1]),
    (11, &[1, 7]),
    (12, &[11, 11, BITS_1]),
    (13, &[1, 7]),
    (20, &[5, 3, 5, 3, 4, 2, 4, 2]),
    (21, &[5, 3, 5, 3, 11, 9, 11, 9, 4, 2, 4, 2]),
    (22, &[5, 3, 5, 3, 11, 9, 11, 9]),
    (23, &[5, 3, 5, 3, 11, 9, 11, 9]),
    (30, &[5, 3, 4, 2, 5, 9]),
    (31, &[5, 3, 11, 9, 4, 2, 5, 9]),
    (32, &[5, 3, 11, 9, 5, 9, 11, 15]),
    (33, &[5, 3, 11, 9, 5, 9, 11, 15]),
    (34, &[2, 4, 4]),
    (40, &[5, 3, 5, 9]),
    (41, &[5, 3, 5, 9]),
    (42, &[5, 3, 11, 9, 5, 9, 11, 15]),
    (43, &[5, 3, 11, 9, 5, 9, 11, 15]),
    (50, &[6, 10, 6, 11]),
    (51, &[6, 6]),
    (52, &[2, 2]),
    (80, &[BITS_1]),
    (81, &[3]),
    (101, &[2, 4, 8]),
    (102, &[1]),
    (120, &[UNKNOWN, UNKNOWN, 6, 2]),
    (121, &[7]),
    (122, &[7, 13]),
];

/// Groups and variations that the flat table below covers.
const GROUPS: usize = 128;
const VARIATIONS: usize = 16;

const fn size_code(group: u16, variation: u16) -> u8 {
    let mut rows = SIZES;
    while let Some((&(number, mut sizes), rest)) = rows.split_first() {
        let mut at = 1;
        while let (true, Some((&size, more))) = (number == group, sizes.split_first()) {
            if at == variation {
                return size;
            }
            at = at.saturating_add(1);
            sizes = more;
        }
        rows = rest;
    }
    UNKNOWN
}

const fn size_codes() -> [u8; GROUPS * VARIATIONS] {
    let mut table = [UNKNOWN; GROUPS * VARIATIONS];
    let mut slots: &mut [u8] = &mut table;
    let mut at: u16 = 0;
    while let Some((slot, rest)) = slots.split_first_mut() {
        *slot = size_code(at >> 4, at & 0x0f);
        at = at.saturating_add(1);
        slots = rest;
    }
    table
}

static SIZE_CODES: [u8; GROUPS * VARIATIONS] = size_codes();

/// How much room one object takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Octets(usize),
    Bits(usize),
    /// A type, a length and so many octets (device attributes).
    Attribute,
    Unknown,
}

#[inline]
fn size_of(group: u8, variation: u8) -> Size {
    let at = usize::from(group) << 4 | usize::from(variation);
    let code = if usize::from(variation) < VARIATIONS { SIZE_CODES.get(at).copied().unwrap_or(UNKNOWN) } else { UNKNOWN };
    match code {
        BITS_1 => Size::Bits(1),
        BITS_2 => Size::Bits(2),
        UNKNOWN => match group {
            group::ATTRIBUTE => Size::Attribute,
            group::CLASS => Size::Octets(0),
            group::OCTET_STRING..=group::VIRTUAL_TERMINAL_EVENT => Size::Octets(usize::from(variation)),
            _ => Size::Unknown,
        },
        octets => Size::Octets(usize::from(octets)),
    }
}

/// Which objects of a header are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of them.
    All,
    /// From one index to another (or one virtual address to another).
    Span(u32, u32),
    /// So many.
    Count(u32),
}

/// What stands before each object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Nothing,
    /// Its index, in so many octets.
    Index(usize),
    /// Its size, in so many octets.
    Size(usize),
}

/// One object header with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    pub group: u8,
    pub variation: u8,
    pub range: Range,
    pub prefix: Prefix,
    /// Octets of each object without its prefix, where all are of one size; else 0.
    pub size: usize,
    /// All objects with their prefixes, as far as they are there.
    pub octets: &'a [u8],
}

impl<'a> Object<'a> {
    /// How many objects the header announces.
    #[inline]
    pub fn count(&self) -> u64 {
        match self.range {
            Range::All => 0,
            Range::Span(start, stop) => u64::from(stop).saturating_sub(u64::from(start)).saturating_add(1),
            Range::Count(count) => u64::from(count),
        }
    }

    /// The objects that are there, each with its index and its octets, where all are of one size of whole octets.
    pub fn points(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let width = if let Prefix::Index(width) = self.prefix { width } else { 0 };
        let first = if let Range::Span(start, _) = self.range { start } else { 0 };
        let each = width.saturating_add(self.size);
        // Objects without octets cannot be counted off the message.
        let octets = if each == 0 { &[] } else { self.octets };
        octets.chunks_exact(each.max(1)).enumerate().map(move |(place, chunk)| {
            let (prefix, object) = chunk.split_at_checked(width).unwrap_or_default();
            let place = first.wrapping_add(u32::try_from(place).unwrap_or(u32::MAX));
            (if width == 0 { place } else { little_endian(prefix) }, object)
        })
    }

    /// The first object where a size stands before each.
    pub fn sized(&self) -> Option<&'a [u8]> {
        let Prefix::Size(width) = self.prefix else { return None };
        let (size, rest) = self.octets.split_at_checked(width)?;
        let size = usize::try_from(little_endian(size)).unwrap_or(usize::MAX);
        Some(rest.get(..size).unwrap_or(rest))
    }

    /// The device attributes that are there: data type and value.
    pub fn attributes(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let width = if let Prefix::Index(width) = self.prefix { width } else { 0 };
        let mut reader = Reader::new(self.octets);
        core::iter::from_fn(move || {
            reader.skip(width).ok()?;
            let [kind, length] = reader.take().ok()?;
            Some((kind, reader.octets(usize::from(length)).ok()?))
        })
    }
}

fn little_endian(octets: &[u8]) -> u32 {
    octets.iter().rev().fold(0, |value, octet| value << 8 | u32::from(*octet))
}

/// Which objects of a message have values: a request to read says only which, a response also what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// All.
    All,
    /// Only those of secure authentication, which may go round any request.
    None,
    /// Those of time as well (freeze at a time).
    Time,
}

impl Values {
    #[inline]
    fn has(self, number: u8) -> bool {
        match self {
            Self::All => true,
            Self::None => number == group::AUTHENTICATION,
            Self::Time => matches!(number, group::AUTHENTICATION | group::TIME),
        }
    }
}

/// Walks over the object headers of a message. Values are passed over by arithmetic.
pub(super) struct Headers<'a> {
    rest: &'a [u8],
    values: Values,
    fault: Option<&'static str>,
}

impl<'a> Headers<'a> {
    pub fn new(octets: &'a [u8], values: Values) -> Self {
        Self { rest: octets, values, fault: None }
    }

    /// What was wrong where the walk ended before the message did. An unknown object ends it too, but is not wrong.
    pub fn finish(self) -> Result<()> {
        self.fault.map_or(Ok(()), |fault| Err(Error::Malformed(fault)))
    }

    #[cold]
    fn stop(&mut self, fault: &'static str) {
        self.fault = Some(fault);
        self.rest = &[];
    }

    #[inline]
    fn header(&mut self) -> Result<Object<'a>> {
        let mut reader = Reader::new(self.rest);
        let [group, variation, qualifier] = reader.take()?;
        let range = match qualifier & 0x0f {
            0x0 | 0x3 => reader.take().map(|[start, stop]| Range::Span(start.into(), stop.into())),
            0x1 | 0x4 => {
                reader.take().map(|[a, b, c, d]| Range::Span(u16::from_le_bytes([a, b]).into(), u16::from_le_bytes([c, d]).into()))
            }
            0x2 | 0x5 => Ok(Range::Span(reader.u32_le()?, reader.u32_le()?)),
            0x6 => Ok(Range::All),
            0x7 | 0xb => reader.u8().map(|count| Range::Count(count.into())),
            0x8 => reader.u16_le().map(|count| Range::Count(count.into())),
            0x9 => reader.u32_le().map(Range::Count),
            _ => Err(Error::Malformed("reserved range code in an object header")),
        }?;
        let prefix = match qualifier >> 4 {
            0 => Prefix::Nothing,
            1 => Prefix::Index(1),
            2 => Prefix::Index(2),
            3 => Prefix::Index(4),
            4 => Prefix::Size(1),
            5 => Prefix::Size(2),
            6 => Prefix::Size(4),
            _ => return Err(Error::Malformed("reserved prefix code in an object header")),
        };
        if matches!(range, Range::Span(start, stop) if stop < start) {
            return Err(Error::Malformed("object range stops before it starts"));
        }
        Ok(Object { group, variation, range, prefix, size: 0, octets: reader.rest() })
    }

    /// Octets that the objects of a header take, `None` where they are unknown or not all there.
    #[inline]
    fn extent(&self, object: &mut Object<'a>) -> Option<usize> {
        let count = usize::try_from(object.count()).unwrap_or(usize::MAX);
        let width = match object.prefix {
            Prefix::Size(width) => return sized_extent(object.octets, width, count),
            Prefix::Index(width) => width,
            Prefix::Nothing => 0,
        };
        if !self.values.has(object.group) {
            return Some(count.saturating_mul(width));
        }
        match size_of(object.group, object.variation) {
            Size::Octets(size) => {
                object.size = size;
                Some(count.saturating_mul(size.saturating_add(width)))
            }
            Size::Bits(bits) if width == 0 => Some(count.saturating_mul(bits).div_ceil(8)),
            Size::Bits(_) => {
                object.size = 1;
                Some(count.saturating_mul(width.saturating_add(1)))
            }
            Size::Attribute => attribute_extent(object.octets, width, count),
            // Nobody knows where the next header is.
            Size::Unknown => Some(object.octets.len()),
        }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Object<'a>;

    #[inline]
    fn next(&mut self) -> Option<Object<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut object = match self.header() {
            Ok(object) => object,
            Err(error) => {
                self.stop(if let Error::Malformed(what) = error { what } else { "object header goes past the end of the message" });
                return None;
            }
        };
        let octets = object.octets;
        let extent = self.extent(&mut object).unwrap_or(usize::MAX);
        if let Some((own, rest)) = octets.split_at_checked(extent) {
            object.octets = own;
            self.rest = rest;
        } else {
            self.stop("object data goes past the end of the message");
        }
        Some(object)
    }
}

/// True where `octets` are headers of the usual forms and nothing else: no index, no size, no value.
pub(super) fn are_bare(mut octets: &[u8]) -> bool {
    loop {
        octets = match octets {
            [] => return true,
            [group::AUTHENTICATION, ..] => return false,
            [_, _, 0x06, rest @ ..] | [_, _, 0x07, _, rest @ ..] | [_, _, 0x08, _, _, rest @ ..] => rest,
            [_, _, 0x00, start, stop, rest @ ..] if start <= stop => rest,
            [_, _, 0x01, a, b, c, d, rest @ ..] if [b, a] <= [d, c] => rest,
            _ => return false,
        };
    }
}

/// Octets of objects with a size before each.
fn sized_extent(octets: &[u8], width: usize, count: usize) -> Option<usize> {
    let mut reader = Reader::new(octets);
    for _ in 0..count {
        let size = little_endian(reader.octets(width).ok()?);
        reader.skip(usize::try_from(size).ok()?).ok()?;
    }
    Some(reader.position())
}

/// Octets of device attributes, each with a type and a length of its own.
fn attribute_extent(octets: &[u8], width: usize, count: usize) -> Option<usize> {
    let mut reader = Reader::new(octets);
    for _ in 0..count {
        reader.skip(width).ok()?;
        let [_, length] = reader.take().ok()?;
        reader.skip(usize::from(length)).ok()?;
    }
    Some(reader.position())
}
