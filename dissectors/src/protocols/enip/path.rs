//! EPATH: the path of segments that names a route, an object or a tag (CIP Volume 1, appendix C, padded form).
//!
//! ```text
//! 000x pppp  port p, link address of one octet; x: its length, then the address, padded to even
//! 001t ttff  logical: type t, format f (8 bits; pad and 16 bits; pad and 32 bits)
//! 010x xxxx  network: one octet of parameter, from 0x50 on a number of words
//! 011n nnnn  symbol of n octets, padded
//! 100x xxxx  data: 0x80 a number of words; 0x91 a symbol, its length in octets, padded
//! ```

use core::fmt::Write as _;

use crate::reader::Reader;
use crate::sink::Label;

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// Out of a port, to a link address there: a slot number, or an address in ASCII.
    Port(u16, &'a [u8]),
    Class(u32),
    Instance(u32),
    Member(u32),
    Point(u32),
    Attribute(u32),
    /// A tag, or part of one.
    Symbol(&'a [u8]),
    /// Says nothing of what is touched: electronic keys, network parameters, configuration data.
    Other,
}

/// Walks the segments; ends at the first that is cut off or unknown.
pub(super) struct Segments<'a>(Reader<'a>);

impl<'a> Segments<'a> {
    pub(super) const fn new(path: &'a [u8]) -> Self {
        Self(Reader::new(path))
    }

    fn port(&mut self, kind: u8) -> Option<Segment<'a>> {
        let length = if kind & 0x10 == 0 { 1 } else { self.0.u8().ok()? };
        let port = if kind & 0x0f == 0x0f { self.0.u16_le().ok()? } else { u16::from(kind & 0x0f) };
        let link = self.0.octets(usize::from(length)).ok()?;
        if kind & 0x10 != 0 && length % 2 == 1 {
            self.0.skip(1).ok()?;
        }
        Some(Segment::Port(port, link))
    }

    fn logical(&mut self, kind: u8) -> Option<Segment<'a>> {
        if kind == 0x34 {
            let [format] = self.0.take().ok()?;
            return (format == 4).then(|| self.0.skip(8).ok()).flatten().map(|()| Segment::Other);
        }
        let value = match kind & 3 {
            0 => u32::from(self.0.u8().ok()?),
            1 => self.0.take().ok().map(|[_, low, high]| u32::from(u16::from_le_bytes([low, high])))?,
            2 => self.0.take().ok().map(|[_, a, b, c, d]| u32::from_le_bytes([a, b, c, d]))?,
            _ => return None,
        };
        Some(match (kind >> 2) & 7 {
            0 => Segment::Class(value),
            1 => Segment::Instance(value),
            2 => Segment::Member(value),
            3 => Segment::Point(value),
            4 => Segment::Attribute(value),
            _ => Segment::Other,
        })
    }

    fn data(&mut self, kind: u8) -> Option<Segment<'a>> {
        let length = usize::from(self.0.u8().ok()?);
        match kind {
            0x91 => {
                let name = self.0.octets(length).ok()?;
                self.0.up_to(length % 2);
                Some(Segment::Symbol(name))
            }
            0x80 => self.0.skip(length.saturating_mul(2)).ok().map(|()| Segment::Other),
            _ => None,
        }
    }

    fn network(&mut self, kind: u8) -> Option<Segment<'a>> {
        let parameter = self.0.u8().ok()?;
        if kind >= 0x50 {
            self.0.skip(usize::from(parameter).saturating_mul(2)).ok()?;
        }
        Some(Segment::Other)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let kind = self.0.u8().ok()?;
        match kind >> 5 {
            0 => self.port(kind),
            1 => self.logical(kind),
            2 => self.network(kind),
            3 => {
                let name = self.0.octets(usize::from(kind & 0x1f)).ok()?;
                self.0.up_to(usize::from(kind & 1 == 0));
                (!name.is_empty()).then_some(Segment::Symbol(name))
            }
            4 => self.data(kind),
            _ => None,
        }
    }
}

/// What a path leads to. Where it passes through several objects, the last is the one meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// A tag named by its symbol is an instance of the Symbol class, 0x6b.
    pub(super) class: Option<u32>,
    pub(super) instance: Option<u32>,
    pub(super) attribute: Option<u32>,
}

/// Class of the tags of a controller.
const SYMBOL: u32 = 0x6b;

impl Target {
    pub(super) fn of(path: &[u8]) -> Self {
        // Nearly all paths are one of these two.
        match *path {
            [0x20, class, 0x24, instance] => Self { class: Some(class.into()), instance: Some(instance.into()), attribute: None },
            [0x20, class, 0x24, instance, 0x30, attribute] => {
                Self { class: Some(class.into()), instance: Some(instance.into()), attribute: Some(attribute.into()) }
            }
            _ => Self::walk(path),
        }
    }

    fn walk(path: &[u8]) -> Self {
        let mut target = Self::default();
        for segment in Segments::new(path) {
            match segment {
                Segment::Class(class) => target = Self { class: Some(class), ..Self::default() },
                Segment::Symbol(_) => target = Self { class: Some(SYMBOL), ..Self::default() },
                Segment::Instance(instance) => target.instance = Some(instance),
                Segment::Attribute(attribute) => target.attribute = Some(attribute),
                _ => {}
            }
        }
        target
    }
}

/// Split the ports that a path begins with from what lies behind them.
pub(super) fn split_route(path: &[u8]) -> (&[u8], &[u8]) {
    let mut segments = Segments::new(path);
    let mut route = 0;
    while segments.0.peek().is_some_and(|kind| kind >> 5 == 0) && segments.next().is_some() {
        route = segments.0.position();
    }
    path.split_at_checked(route).unwrap_or((&[], path))
}

/// The first two connection points of a connection path, consumed by the target (O→T) and produced by it (T→O), else the
/// instance that stands for both, each with its class, or the whole path where it names a tag.
pub(super) fn connection_points(path: &[u8]) -> [Option<(u32, u32)>; 2] {
    let (mut class, mut instance, mut points) = (None, None, [None, None]);
    for segment in Segments::new(path) {
        match (segment, class, points) {
            (Segment::Class(value), ..) => class = Some(value),
            (Segment::Instance(value), Some(class), _) => instance = Some((class, value)),
            (Segment::Point(value), Some(class), [None, _]) => points[0] = Some((class, value)),
            (Segment::Point(value), Some(class), [_, None]) => points[1] = Some((class, value)),
            _ => {}
        }
    }
    let [first, second] = points;
    [first.or(instance), second.or(first).or(instance)]
}

/// The route as a unit: `1/0` is backplane (port 1), slot 0; hops are joined by commas.
pub(super) const fn unit(route: &[u8]) -> Label<'_> {
    Label { octets: route, render: write_route }
}

/// The path in words: `Tag Pump1.Run[3]`, `Identity 1`, `class 0x8e instance 1 attribute 5`.
pub(super) const fn object(path: &[u8]) -> Label<'_> {
    Label { octets: path, render: write_object }
}

fn write_route(route: &[u8], out: &mut String) {
    for (hop, segment) in Segments::new(route).enumerate() {
        let Segment::Port(port, link) = segment else { return };
        if hop > 0 {
            out.push(',');
        }
        let _ = write!(out, "{port}/");
        match link {
            [slot] => _ = write!(out, "{slot}"),
            _ => out.push_str(&crate::text::clean(link)),
        }
    }
}

fn write_object(path: &[u8], out: &mut String) {
    let (mut tag, mut named, mut begun) = (false, false, false);
    for segment in Segments::new(path) {
        let gap = if begun { " " } else { "" };
        match segment {
            Segment::Symbol(name) => {
                out.push_str(if tag { "." } else { gap });
                out.push_str(if tag { "" } else { "Tag " });
                out.push_str(&crate::text::clean(name));
                tag = true;
            }
            Segment::Member(member) if out.ends_with(']') => {
                out.pop();
                _ = write!(out, ",{member}]");
            }
            Segment::Member(member) => _ = write!(out, "[{member}]"),
            Segment::Class(class) => {
                named = class_name(class).is_some();
                let _ = match class_name(class) {
                    Some(name) => write!(out, "{gap}{name}"),
                    None => write!(out, "{gap}class 0x{class:02x}"),
                };
            }
            Segment::Instance(instance) | Segment::Point(instance) if named => {
                _ = write!(out, " {instance}");
                named = false;
            }
            Segment::Instance(instance) => _ = write!(out, "{gap}instance {instance}"),
            Segment::Point(point) => _ = write!(out, "{gap}point {point}"),
            Segment::Attribute(attribute) => _ = write!(out, "{gap}attribute {attribute}"),
            Segment::Port(..) | Segment::Other => continue,
        }
        begun = true;
    }
}

/// The specification's name of an object class; Rockwell's where its manuals give one.
fn class_name(class: u32) -> Option<&'static str> {
    let at = CLASSES.binary_search_by_key(&class, |(code, _)| u32::from(*code)).ok()?;
    CLASSES.get(at).map(|(_, name)| *name)
}

/// Sorted by code.
static CLASSES: &[(u16, &str)] = &[
    (0x01, "Identity"),
    (0x02, "Message Router"),
    (0x03, "DeviceNet"),
    (0x04, "Assembly"),
    (0x05, "Connection"),
    (0x06, "Connection Manager"),
    (0x07, "Register"),
    (0x08, "Discrete Input Point"),
    (0x09, "Discrete Output Point"),
    (0x0a, "Analog Input Point"),
    (0x0b, "Analog Output Point"),
    (0x0e, "Presence Sensing"),
    (0x0f, "Parameter"),
    (0x10, "Parameter Group"),
    (0x12, "Group"),
    (0x1d, "Discrete Input Group"),
    (0x1e, "Discrete Output Group"),
    (0x1f, "Discrete Group"),
    (0x20, "Analog Input Group"),
    (0x21, "Analog Output Group"),
    (0x22, "Analog Group"),
    (0x23, "Position Sensor"),
    (0x24, "Position Controller Supervisor"),
    (0x25, "Position Controller"),
    (0x26, "Block Sequencer"),
    (0x27, "Command Block"),
    (0x28, "Motor Data"),
    (0x29, "Control Supervisor"),
    (0x2a, "AC/DC Drive"),
    (0x2b, "Acknowledge Handler"),
    (0x2c, "Overload"),
    (0x2d, "Softstart"),
    (0x2e, "Selection"),
    (0x30, "S-Device Supervisor"),
    (0x31, "S-Analog Sensor"),
    (0x32, "S-Analog Actuator"),
    (0x33, "S-Single Stage Controller"),
    (0x34, "S-Gas Calibration"),
    (0x35, "Trip Point"),
    (0x37, "File"),
    (0x39, "Safety Supervisor"),
    (0x3a, "Safety Validator"),
    (0x41, "Event Log"),
    (0x42, "Motion Device Axis"),
    (0x43, "Time Sync"),
    (0x44, "Modbus"),
    (0x45, "Originator Connection List"),
    (0x46, "Modbus Serial Link"),
    (0x47, "Device Level Ring"),
    (0x48, "QoS"),
    (0x4d, "Target Connection List"),
    (0x4e, "Base Energy"),
    (0x4f, "Electrical Energy"),
    (0x50, "Non-Electrical Energy"),
    (0x52, "SNMP"),
    (0x53, "Power Management"),
    (0x54, "RSTP Bridge"),
    (0x55, "RSTP Port"),
    (0x56, "PRP/HSR Protocol"),
    (0x5d, "CIP Security"),
    (0x5e, "EtherNet/IP Security"),
    (0x5f, "Certificate Management"),
    (0x67, "PCCC"),
    (0x6b, "Symbol"),
    (0x6c, "Template"),
    (0xa6, "DH+"),
    (0xf0, "ControlNet"),
    (0xf1, "ControlNet Keeper"),
    (0xf2, "ControlNet Scheduling"),
    (0xf3, "Connection Configuration"),
    (0xf4, "Port"),
    (0xf5, "TCP/IP Interface"),
    (0xf6, "Ethernet Link"),
    (0xf7, "CompoNet"),
    (0x109, "LLDP Management"),
    (0x10a, "LLDP Data Table"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    fn words(path: &str) -> String {
        object(&hex(path)).to_text()
    }

    #[test]
    fn paths_read_as_the_field_writes_them() {
        assert_eq!(words("2001 2401"), "Identity 1");
        assert_eq!(words("2001 2401 3007"), "Identity 1 attribute 7");
        assert_eq!(words("208e 2401"), "class 0x8e instance 1");
        assert_eq!(words("2068 2500 2024 206a 2500 5924"), "class 0x68 instance 9248 class 0x6a instance 9305");
        assert_eq!(words("21000a01 2401"), "LLDP Data Table 1");
        assert_eq!(words("2004 2c64"), "Assembly 100");
        assert_eq!(words("3404 0100 0700 2700 0000 2004 2401 2c64 2c6e"), "Assembly 1 point 100 point 110");
    }

    #[test]
    fn tags_are_joined_with_their_members() {
        assert_eq!(words("9105 50756d703100 9103 52756e00 2803"), "Tag Pump1.Run[3]");
        assert_eq!(words("9101 4100 2801 29000001 2a0000000100"), "Tag A[1,256,65536]");
        assert_eq!(words("9101 4100 2801 9101 4200"), "Tag A[1].B");
        assert_eq!(words("9103 611b62 00"), "Tag ab");
    }

    #[test]
    fn routes_name_port_and_link() {
        let unit = |route: &str| unit(&hex(route)).to_text();
        assert_eq!(unit("0100"), "1/0");
        assert_eq!(unit("0103 1209 3130 2e31 2e32 2e33 3400 0100"), "1/3,2/10.1.2.34,1/0");
        assert_eq!(unit("0f34 1202"), "4660/2");
    }

    #[test]
    fn a_route_is_split_from_the_object() {
        let path = hex("0100 2002 2401");
        assert_eq!(split_route(&path), (&path[..2], &path[2..]));
        assert_eq!(split_route(&[0x20, 2]), (&[][..], &[0x20, 2][..]));
    }

    #[test]
    fn the_last_object_is_meant() {
        let target = Target::of(&hex("2068 2500 2024 206b 2500 5924"));
        assert_eq!(target, Target { class: Some(0x6b), instance: Some(9305), attribute: None });
        assert_eq!(Target::of(&hex("9101 4100")).class, Some(SYMBOL));
    }

    #[test]
    fn connection_points_come_in_the_order_of_their_directions() {
        assert_eq!(connection_points(&hex("2004 2401 2c64 2c6e")), [Some((4, 100)), Some((4, 110))]);
        assert_eq!(connection_points(&hex("2002 2401")), [Some((2, 1)), Some((2, 1))]);
    }

    #[test]
    fn classes_are_sorted() {
        assert!(CLASSES.is_sorted_by_key(|(code, _)| *code));
    }
}
