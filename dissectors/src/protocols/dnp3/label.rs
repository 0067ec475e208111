//! What a message touches, as the few octets that tell one row from another, and their text: points, ranges and control
//! codes are part of it, values, times and file positions are not.
//!
//! ```text
//! objects  entries 2, most significant first · [group 1 · variation 1 · form 1 · content]…
//! kinds    [group 1 · variation 1]…
//! ```

use core::fmt::Write;

use super::objects::{Headers, Object, Prefix, Range, Values, group};
use crate::reader::Reader;
use crate::sink::Label;
use crate::text::clean;

/// Entries that are named; the others are only counted.
const NAMED: u8 = 12;
/// Octets of a file name that count.
const NAME: usize = 100;
/// Room for the named entries of the longest form and one file name.
const ROOM: usize = 240;

/// What the content of an entry is.
mod form {
    /// Nothing.
    pub const WHOLE: u8 = 0;
    /// First and last index, 4 octets each.
    pub const SPAN: u8 = 1;
    /// At most so many, 4 octets.
    pub const COUNT: u8 = 2;
    /// Index, 4 octets.
    pub const POINT: u8 = 3;
    /// Index, 4 octets, and control code.
    pub const CONTROL: u8 = 4;
    /// Mode, length and file name.
    pub const FILE: u8 = 5;
}

/// The objects of a request.
pub(super) struct Objects {
    octets: [u8; ROOM],
    used: usize,
    named: u8,
    entries: u16,
}

impl Objects {
    pub fn new() -> Self {
        Self { octets: [0; ROOM], used: 2, named: 0, entries: 0 }
    }

    fn push<const N: usize>(&mut self, entry: [u8; N], name: &[u8]) {
        self.entries = self.entries.saturating_add(1);
        let end = self.used.saturating_add(N).saturating_add(name.len());
        let Some((to, to_name)) = self.octets.get_mut(self.used..end).and_then(|room| room.split_first_chunk_mut::<N>()) else { return };
        if self.named < NAMED && to_name.len() == name.len() {
            *to = entry;
            to_name.copy_from_slice(name);
            self.named = self.named.saturating_add(1);
            self.used = end;
        }
    }

    /// Add a file and what it is opened for.
    pub fn file(&mut self, variation: u8, mode: u8, name: &[u8]) {
        let name = name.get(..NAME).unwrap_or(name);
        let length = u8::try_from(name.len()).unwrap_or_default();
        self.push([group::FILE, variation, form::FILE, mode, length], name);
    }

    /// Add what an object header names. `told` is true where the message has values, so that a count is theirs.
    pub fn add(&mut self, object: &Object, told: bool) {
        let Object { group, variation, .. } = *object;
        if group == group::CROB && object.size > 1 {
            return self.points(object, |points, index, block| {
                let [a, b, c, d] = index.to_be_bytes();
                points.push([group, variation, form::CONTROL, a, b, c, d, block.first().copied().unwrap_or_default()], &[]);
            });
        }
        match (object.range, object.prefix) {
            (Range::Count(_), Prefix::Index(_)) => self.points(object, |points, index, _| {
                let [a, b, c, d] = index.to_be_bytes();
                points.push([group, variation, form::POINT, a, b, c, d], &[]);
            }),
            (Range::Span(start, stop), _) => {
                let range = u64::from(start) << 32 | u64::from(stop);
                self.push([group, variation, form::SPAN], &range.to_be_bytes());
            }
            (Range::Count(count), Prefix::Nothing) if !told => {
                let [a, b, c, d] = count.to_be_bytes();
                self.push([group, variation, form::COUNT, a, b, c, d], &[]);
            }
            _ => self.push([group, variation, form::WHOLE], &[]),
        }
    }

    fn points(&mut self, object: &Object, push: impl Fn(&mut Self, u32, &[u8])) {
        let before = self.entries;
        for (index, octets) in object.points().take(usize::from(NAMED)) {
            push(self, index, octets);
        }
        let count = u16::try_from(object.count()).unwrap_or(u16::MAX);
        if self.entries == before && count > 0 {
            // Announced, but not there.
            self.push([object.group, object.variation, form::WHOLE], &[]);
        }
        self.entries = self.entries.max(before.saturating_add(count));
    }

    pub fn label(&mut self) -> Label<'_> {
        if self.entries == 0 {
            return Label::NONE;
        }
        if let Some(front) = self.octets.first_chunk_mut() {
            *front = self.entries.to_be_bytes();
        }
        Label { octets: self.octets.get(..self.used).unwrap_or_default(), render: render_objects }
    }
}

/// Object headers that no values follow.
pub(super) fn headers(octets: &[u8]) -> Label<'_> {
    Label { octets, render: render_headers }
}

fn render_headers(octets: &[u8], out: &mut String) {
    let mut objects = Objects::new();
    for object in Headers::new(octets, Values::None) {
        objects.add(&object, false);
    }
    let label = objects.label();
    (label.render)(label.octets, out);
}

/// The distinct kinds of object in a response, in order: they repeat where events and ranges do not.
pub(super) struct Kinds {
    kinds: [u16; NAMED as usize],
    octets: [u8; 2 * NAMED as usize],
}

impl Kinds {
    /// A kind that no object has.
    const NONE: u16 = u16::MAX;

    pub fn new() -> Self {
        Self { kinds: [Self::NONE; NAMED as usize], octets: [0; 2 * NAMED as usize] }
    }

    #[inline]
    pub fn add(&mut self, object: &Object) {
        let mut kind = u16::from(object.group) << 8 | u16::from(object.variation);
        for place in &mut self.kinds {
            if *place == kind {
                return;
            }
            if *place > kind {
                core::mem::swap(place, &mut kind);
            }
        }
    }

    pub fn label(&mut self) -> Label<'_> {
        let mut used: usize = 0;
        for (to, kind) in self.octets.chunks_exact_mut(2).zip(self.kinds.iter().take_while(|kind| **kind != Self::NONE)) {
            to.copy_from_slice(&kind.to_be_bytes());
            used = used.saturating_add(2);
        }
        Label { octets: self.octets.get(..used).unwrap_or_default(), render: render_kinds }
    }
}

fn render_kinds(octets: &[u8], out: &mut String) {
    let mut reader = Reader::new(octets);
    while let Ok([group, variation]) = reader.take() {
        separate(out, octets.len() != reader.remaining().saturating_add(2));
        kind(group, variation, out);
    }
}

fn render_objects(octets: &[u8], out: &mut String) {
    let mut reader = Reader::new(octets);
    let mut left = reader.u16_be().unwrap_or_default();
    let mut further = false;
    while let Ok([group, variation, form]) = reader.take() {
        separate(out, further);
        kind(group, variation, out);
        if content(group, form, &mut reader, out).is_none() {
            break;
        }
        further = true;
        left = left.saturating_sub(1);
    }
    if left > 0 {
        let _ = write!(out, " … +{left}");
    }
}

fn separate(out: &mut String, further: bool) {
    if further {
        out.push_str(", ");
    }
}

fn content(number: u8, form: u8, reader: &mut Reader, out: &mut String) -> Option<()> {
    // Writing to a `String` cannot fail.
    let _ = match form {
        form::SPAN => match (reader.u32_be().ok()?, reader.u32_be().ok()?) {
            (0, 0) if number == group::ATTRIBUTE => Ok(()),
            (start, stop) if start == stop => write!(out, " {start}"),
            (start, stop) => write!(out, " {start}-{stop}"),
        },
        form::COUNT => write!(out, " up to {}", reader.u32_be().ok()?),
        form::POINT => write!(out, " {}", reader.u32_be().ok()?),
        form::CONTROL => {
            let _ = write!(out, " {}", reader.u32_be().ok()?);
            control(reader.u8().ok()?, out)
        }
        form::FILE => {
            let [mode, length] = reader.take().ok()?;
            let name = clean(reader.octets(length.into()).ok()?);
            let mode = match mode {
                1 => " read",
                2 => " write",
                3 => " append",
                _ => "",
            };
            write!(out, "{}{name}{mode}", if name.is_empty() { "" } else { " " })
        }
        _ => Ok(()),
    };
    Some(())
}

/// The control code of a CROB (IEEE 1815-2012, A.8.1): trip-close code, operation, clear and queue flags.
fn control(code: u8, out: &mut String) -> core::fmt::Result {
    out.push_str(match code >> 6 {
        1 => " close",
        2 => " trip",
        3 => " trip-close 3",
        _ => "",
    });
    match code & 0x0f {
        0 if code >> 6 == 0 => out.push_str(" nul"),
        0 => {}
        1 => out.push_str(" pulse on"),
        2 => out.push_str(" pulse off"),
        3 => out.push_str(" latch on"),
        4 => out.push_str(" latch off"),
        operation => write!(out, " operation {operation}")?,
    }
    out.push_str(if code & 0x10 == 0 { "" } else { " queue" });
    out.push_str(if code & 0x20 == 0 { "" } else { " clear" });
    Ok(())
}

/// Group and variation, with a word where engineers use one.
fn kind(number: u8, variation: u8, out: &mut String) {
    let _ = write!(out, "g{number}v{variation}");
    let word = match (number, variation) {
        (group::ATTRIBUTE, _) => attribute(variation),
        (group::CROB, 1) => "CROB",
        (group::CROB, 2) => "PCB",
        (group::CROB, 3) => "PCM",
        (group::DEAD_BAND, _) => "dead-band",
        (group::ANALOG_OUTPUT, _) => "AO",
        (group::TIME, _) => "time",
        (group::COMMON_TIME, _) => "common time",
        (group::DELAY, _) => "delay",
        (group::CLASS, 1) => "class 0",
        (group::CLASS, 2) => "class 1",
        (group::CLASS, 3) => "class 2",
        (group::CLASS, 4) => "class 3",
        (group::FILE, 2) => "file authentication",
        (group::FILE, _) => "file",
        (group::INDICATIONS, _) => "IIN",
        (group::OCTET_STRING, _) => "string",
        (group::VIRTUAL_TERMINAL, _) => "terminal",
        (group::AUTHENTICATION, _) => authentication(variation),
        _ => return,
    };
    out.push(' ');
    out.push_str(word);
}

/// Device attributes (A.1) that have a short name.
fn attribute(variation: u8) -> &'static str {
    match variation {
        196 => "configuration id",
        197 => "configuration version",
        208 => "system name",
        209 => "secure authentication version",
        242 => "software version",
        243 => "hardware version",
        245 => "location",
        246 => "id code",
        247 => "device name",
        248 => "serial number",
        249 => "subset",
        250 => "product name and model",
        252 => "manufacturer",
        254 => "all attributes",
        255 => "list of attributes",
        _ => "attribute",
    }
}

/// Objects of secure authentication (A.45).
fn authentication(variation: u8) -> &'static str {
    match variation {
        1 => "challenge",
        2 => "reply",
        3 => "aggressive mode request",
        4 => "session key status request",
        5 => "session key status",
        6 => "session key change",
        7 => "error",
        8 => "user certificate",
        9 => "message authentication code",
        10 => "user status change",
        11 => "update key change request",
        12 => "update key change reply",
        13 => "update key change",
        14 => "update key change signature",
        15 => "update key change confirmation",
        _ => "authentication",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_octets_can_be_written() {
        for front in 0..=u8::MAX {
            for length in 0..40 {
                let octets: Vec<u8> = (0..length).map(|place: u8| front.wrapping_mul(place | 1)).collect();
                render_objects(&octets, &mut String::new());
                render_kinds(&octets, &mut String::new());
                render_headers(&octets, &mut String::new());
            }
        }
    }

    #[test]
    fn control_codes_read_as_an_operator_says_them() {
        for (code, text) in
            [(0x03, " latch on"), (0x41, " close pulse on"), (0x81, " trip pulse on"), (0x00, " nul"), (0x24, " latch off clear")]
        {
            let mut out = String::new();
            control(code, &mut out).unwrap();
            assert_eq!(out, text);
        }
    }
}
