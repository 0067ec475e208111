//! What a device says of itself: the Identity object (CIP Volume 1, 5A-2), the list identity item that repeats it
//! (Volume 2, 2-4.3), the TCP/IP interface (Volume 2, 5-4) and a controller's name.
//!
//! ```text
//! 0 vendor | 2 device type | 4 product code | 6 major, minor revision | 8 status | 10 serial | 14 length, product name
//! ```

use core::fmt;
use core::net::Ipv4Addr;

use crate::decode::Mac;
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};

/// Identity object.
pub(super) const IDENTITY: u32 = 0x01;
/// Rockwell: name of the controller's program.
pub(super) const PROGRAM_NAME: u32 = 0x64;
/// TCP/IP interface object.
pub(super) const TCP_IP: u32 = 0xf5;
/// Ethernet link object.
pub(super) const ETHERNET_LINK: u32 = 0xf6;

const ROCKWELL: u16 = 1;
const PROGRAMMABLE_LOGIC_CONTROLLER: u16 = 0x0e;

/// Who speaks: where its facts belong.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// Protocol that said it.
    pub(super) source: &'static str,
    /// Address inside the sender.
    pub(super) unit: Option<Label<'a>>,
}

impl Subject<'_> {
    fn octets(self, sink: &mut dyn Sink, key: &'static str, value: &[u8]) {
        sink.fact(self.source, self.unit, key, value);
    }

    fn number(self, sink: &mut dyn Sink, key: &'static str, value: fmt::Arguments<'_>) {
        sink.fact_text(self.source, self.unit, key, value);
    }
}

/// The item of a `ListIdentity` answer.
pub(super) fn list_identity(item: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let subject = Subject { source: "enip", unit: None };
    let mut reader = Reader::new(item);
    let _version = reader.u16_le()?;
    let _family_and_port = reader.u32_be()?;
    let address = Ipv4Addr::from(reader.take::<4>()?);
    reader.skip(8)?;
    if !address.is_unspecified() {
        subject.number(sink, facts::ADDRESS, format_args!("{address}"));
    }
    identity(&mut reader, subject, sink)?;
    if let Some(state) = reader.u8().ok().and_then(|state| STATES.get(usize::from(state))) {
        subject.octets(sink, facts::STATUS, state.as_bytes());
    }
    Ok(())
}

/// The answer to `Get_Attributes_All`.
pub(super) fn all(class: u32, octets: &[u8], subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    match class {
        IDENTITY => identity(&mut reader, subject, sink),
        TCP_IP => {
            reader.skip(12)?;
            let words = reader.u16_le()?;
            reader.skip(usize::from(words).saturating_mul(2))?;
            interface_configuration(&mut reader, subject, sink)?;
            name(&mut reader, facts::HOSTNAME, subject, sink)
        }
        _ => Ok(()),
    }
}

/// The answer to `Get_Attribute_List`: number, status and value of each, as long as the length of the values is known.
pub(super) fn list(class: u32, octets: &[u8], subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(octets);
    let count = reader.u16_le()?;
    let (mut vendor, mut device_type) = (None, None);
    for _ in 0..count.min(64) {
        let (number, status) = (u32::from(reader.u16_le()?), reader.u16_le()?);
        if status != 0 {
            continue;
        }
        let value = Reader::new(reader.rest()).u16_le().ok();
        match (class, number) {
            (IDENTITY, 1) => vendor = value,
            (IDENTITY, 2) => device_type = value,
            (IDENTITY, 5) => mode(vendor, device_type, value.unwrap_or(0), subject, sink),
            _ => {}
        }
        if !attribute(class, number, &mut reader, subject, sink)? {
            break;
        }
    }
    Ok(())
}

/// The answer to `Get_Attribute_Single`.
pub(super) fn single(class: u32, number: u32, octets: &[u8], subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    attribute(class, number, &mut Reader::new(octets), subject, sink).map(drop)
}

/// Read one attribute; false where its length is not known.
fn attribute(class: u32, number: u32, reader: &mut Reader<'_>, subject: Subject<'_>, sink: &mut dyn Sink) -> Result<bool> {
    match (class, number) {
        (IDENTITY, 1) => vendor(reader.u16_le()?, subject, sink),
        (IDENTITY, 2) => device_type(reader.u16_le()?, subject, sink),
        (IDENTITY, 3) => {
            let code = reader.u16_le()?;
            subject.number(sink, facts::PRODUCT_CODE, format_args!("{code}"));
        }
        (IDENTITY, 4) => {
            let [major, minor] = reader.take()?;
            subject.number(sink, facts::FIRMWARE, format_args!("{}.{minor}", major & 0x7f));
        }
        (IDENTITY, 5) => {
            let word = reader.u16_le()?;
            subject.number(sink, facts::STATUS, format_args!("{}", Status(word)));
        }
        (IDENTITY, 6) => {
            let serial = reader.u32_le()?;
            subject.number(sink, facts::SERIAL, format_args!("0x{serial:08x}"));
        }
        (IDENTITY, 7) => short_name(reader, subject, sink)?,
        (IDENTITY, 8) => reader.skip(1)?,
        (IDENTITY, 9 | 10) => reader.skip(2)?,
        (PROGRAM_NAME, 1) => name(reader, facts::PROJECT, subject, sink)?,
        (TCP_IP, 1..=3) | (ETHERNET_LINK, 1 | 2) => reader.skip(4)?,
        (TCP_IP, 4) => {
            let words = reader.u16_le()?;
            reader.skip(usize::from(words).saturating_mul(2))?;
        }
        (TCP_IP, 5) => interface_configuration(reader, subject, sink)?,
        (TCP_IP, 6) => name(reader, facts::HOSTNAME, subject, sink)?,
        (ETHERNET_LINK, 3) => {
            let address = Mac::new(reader.take()?);
            subject.number(sink, facts::ADDRESS, format_args!("{address}"));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// What the Identity object and the list identity item have in common.
fn identity(reader: &mut Reader<'_>, subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let mut head = *reader;
    for number in 1..=7 {
        attribute(IDENTITY, number, reader, subject, sink)?;
    }
    let (vendor, device_type) = (head.u16_le().ok(), head.u16_le().ok());
    head.skip(4)?;
    mode(vendor, device_type, head.u16_le()?, subject, sink);
    Ok(())
}

fn vendor(number: u16, subject: Subject<'_>, sink: &mut dyn Sink) {
    match find(VENDORS, number) {
        Some(name) => subject.octets(sink, facts::VENDOR, name.as_bytes()),
        None => subject.number(sink, facts::VENDOR_ID, format_args!("{number}")),
    }
}

fn device_type(number: u16, subject: Subject<'_>, sink: &mut dyn Sink) {
    match find(DEVICE_TYPES, number) {
        Some(name) => subject.octets(sink, facts::DEVICE_TYPE, name.as_bytes()),
        None => subject.number(sink, facts::DEVICE_TYPE, format_args!("device type 0x{number:02x}")),
    }
}

/// The status word of the Identity object.
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = FLAGS.iter().filter(|(flag, _)| self.0 & flag != 0).map(|(_, text)| *text);
        let extended = EXTENDED.get(usize::from((self.0 >> 4) & 0x0f)).filter(|text| !text.is_empty());
        let mut gap = "";
        for text in flags.chain(extended.copied()) {
            write!(formatter, "{gap}{text}")?;
            gap = ", ";
        }
        Ok(())
    }
}

/// Rockwell's controllers put the key switch in bits 12 and 13, and run or program in the extended status.
fn mode(vendor: Option<u16>, device_type: Option<u16>, word: u16, subject: Subject<'_>, sink: &mut dyn Sink) {
    if (vendor, device_type) != (Some(ROCKWELL), Some(PROGRAMMABLE_LOGIC_CONTROLLER)) {
        return;
    }
    match (word >> 4) & 0x0f {
        6 => subject.octets(sink, facts::MODE, b"run"),
        7 => subject.octets(sink, facts::MODE, b"program"),
        _ => return,
    }
    match (word >> 12) & 3 {
        1 => subject.octets(sink, facts::KEY_SWITCH, b"run"),
        2 => subject.octets(sink, facts::KEY_SWITCH, b"program"),
        3 => subject.octets(sink, facts::KEY_SWITCH, b"remote"),
        _ => {}
    }
}

/// Address, mask, gateway, two name servers, domain.
fn interface_configuration(reader: &mut Reader<'_>, subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let address = Ipv4Addr::from(reader.u32_le()?);
    if !address.is_unspecified() {
        subject.number(sink, facts::ADDRESS, format_args!("{address}"));
    }
    reader.skip(16)?;
    let length = usize::from(reader.u16_le()?);
    reader.skip(length.saturating_add(length % 2))
}

/// A text with two octets of length.
fn name(reader: &mut Reader<'_>, key: &'static str, subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let length = usize::from(reader.u16_le()?);
    subject.octets(sink, key, reader.octets(length)?);
    reader.up_to(length % 2);
    Ok(())
}

/// A product name, with one octet of length.
fn short_name(reader: &mut Reader<'_>, subject: Subject<'_>, sink: &mut dyn Sink) -> Result<()> {
    let length = usize::from(reader.u8()?);
    let text = reader.up_to(length);
    subject.octets(sink, facts::MODEL, text);
    if text.len() < length { Err(Error::Malformed("product name is longer than the message")) } else { Ok(()) }
}

fn find(table: &'static [(u16, &'static str)], code: u16) -> Option<&'static str> {
    let at = table.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    table.get(at).map(|(_, name)| *name)
}

/// Bits of the status word.
static FLAGS: [(u16, &str); 6] = [
    (0x0001, "owned"),
    (0x0004, "configured"),
    (0x0100, "minor recoverable fault"),
    (0x0200, "minor unrecoverable fault"),
    (0x0400, "major recoverable fault"),
    (0x0800, "major unrecoverable fault"),
];

/// Extended device status, bits 4 to 7 of the status word.
static EXTENDED: [&str; 8] = [
    "",
    "firmware update in progress",
    "at least one faulted I/O connection",
    "no I/O connections established",
    "non-volatile configuration bad",
    "major fault",
    "at least one I/O connection in run mode",
    "all I/O connections in idle mode",
];

/// State of the list identity item.
static STATES: [&str; 6] =
    ["nonexistent", "device self testing", "standby", "operational", "major recoverable fault", "major unrecoverable fault"];

/// Device types, sorted by code (CIP Volume 1, table 6-7.1).
static DEVICE_TYPES: &[(u16, &str)] = &[
    (0x00, "Generic Device"),
    (0x02, "AC Drive"),
    (0x03, "Motor Overload"),
    (0x04, "Limit Switch"),
    (0x05, "Inductive Proximity Switch"),
    (0x06, "Photoelectric Sensor"),
    (0x07, "General Purpose Discrete I/O"),
    (0x09, "Resolver"),
    (0x0c, "Communications Adapter"),
    (0x0e, "Programmable Logic Controller"),
    (0x10, "Position Controller"),
    (0x13, "DC Drive"),
    (0x15, "Contactor"),
    (0x16, "Motor Starter"),
    (0x17, "Soft Start"),
    (0x18, "Human-Machine Interface"),
    (0x1a, "Mass Flow Controller"),
    (0x1b, "Pneumatic Valve"),
    (0x1c, "Vacuum Pressure Gauge"),
    (0x1d, "Process Control Valve"),
    (0x1e, "Residual Gas Analyzer"),
    (0x1f, "DC Power Generator"),
    (0x20, "RF Power Generator"),
    (0x21, "Turbomolecular Vacuum Pump"),
    (0x22, "Encoder"),
    (0x23, "Safety Discrete I/O Device"),
    (0x24, "Fluid Flow Controller"),
    (0x25, "CIP Motion Drive"),
    (0x26, "CompoNet Repeater"),
    (0x27, "Mass Flow Controller, Enhanced"),
    (0x28, "CIP Modbus Device"),
    (0x29, "CIP Modbus Translator"),
    (0x2a, "Safety Analog I/O Device"),
    (0x2b, "Generic Device"),
    (0x2c, "Managed Ethernet Switch"),
    (0x2d, "CIP Motion Safety Drive Device"),
    (0x2e, "Safety Drive Device"),
    (0x2f, "CIP Motion Encoder"),
    (0x30, "CIP Motion Converter"),
    (0x31, "CIP Motion I/O"),
    (0x32, "ControlNet Physical Layer Component"),
    (0x33, "Circuit Breaker"),
    (0x34, "HART Device"),
    (0x35, "CIP-HART Translator"),
    (0xc8, "Embedded Component"),
];

/// Makers often met, by the number that ODVA gave them, sorted.
static VENDORS: &[(u16, &str)] = &[
    (1, "Rockwell Automation/Allen-Bradley"),
    (3, "Honeywell Inc."),
    (4, "Parker Hannifin Corp. (Veriflo Division)"),
    (5, "Rockwell Automation/Reliance Elec."),
    (7, "SMC Corporation"),
    (8, "Molex Incorporated"),
    (12, "Banner Engineering Corp."),
    (13, "Belden Wire & Cable Company"),
    (26, "Festo Corporation"),
    (37, "Yaskawa Electric America formerly Magnetek Drives"),
    (40, "Wago Corporation"),
    (42, "IMI Norgren Limited"),
    (43, "BALLUFF, Inc."),
    (44, "Yaskawa Electric America, Inc."),
    (46, "ABB Industrial Systems"),
    (47, "Omron Corporation"),
    (48, "TURCk, Inc."),
    (50, "Real Time Automation (C&ID)"),
    (52, "Numatics, Inc."),
    (56, "Softing GmbH"),
    (57, "Pepperl + Fuchs"),
    (58, "Spectrum Controls, Inc."),
    (68, "Eaton Electrical"),
    (71, "Toshiba International Corp."),
    (74, "Hitachi, Ltd."),
    (75, "ABB Robotics Products AB"),
    (77, "Rockwell Software, Inc."),
    (82, "Mitsubishi Electric Automation, Inc."),
    (83, "OPTO-22"),
    (87, "Burkert Werke GmbH & Co. KG"),
    (90, "HMS Industrial Networks AB"),
    (94, "Advantech Co. Ltd."),
    (97, "Danfoss"),
    (100, "Bosch Rexroth Corporation, Pneumatics"),
    (108, "Beckhoff Automation GmbH"),
    (109, "National Instruments"),
    (121, "KUKA Roboter GmbH"),
    (127, "ABB Inc. (Entrelec)"),
    (145, "Siemens Energy & Automation/Drives"),
    (160, "Mitsubishi Heavy Industries Ltd"),
    (161, "Mitsubishi Electric Corporation"),
    (171, "Denso Wave Incorporated"),
    (176, "Red Lion Controls"),
    (181, "Pilz GmbH & Co"),
    (243, "Schneider Automation, Inc."),
    (245, "Nihon Weidmuller Co., Ltd"),
    (246, "Brooks Instrument (Div. of Emerson)"),
    (250, "Yokogawa Electric Corporation"),
    (252, "Omron Software Co., Ltd"),
    (255, "Bosch Rexroth"),
    (256, "Turck"),
    (283, "Hilscher GmbH"),
    (287, "Bosch Rexroth Corporation, Indramat"),
    (301, "Yokogawa M&C Corporation"),
    (309, "Prosoft Technology"),
    (315, "SEW Eurodrive GmbH"),
    (319, "Fuji Electric Co., Ltd."),
    (322, "ifm efector, inc."),
    (326, "GE Fanuc Automation North America, Inc."),
    (345, "Endress + Hauser"),
    (356, "Fanuc Robotics America"),
    (367, "Keyence Corporation"),
    (377, "TOSHIBA Schneider Inverter Corporation"),
    (403, "Eaton Electric B.V. (former Holec Holland N.V.)"),
    (445, "Lenze Drive Systems GmbH"),
    (468, "Baumer IVO GmbH & Co. KG"),
    (511, "SICK Stegmann GmbH"),
    (562, "Phoenix Contact"),
    (591, "FANUC Ltd."),
    (593, "ABB Automation Products"),
    (625, "Rockwell Automation-Sprecher+Schuh"),
    (634, "Hirschmann, Inc."),
    (640, "Murrelektronik GmbH"),
    (666, "Mettler-Toledo, Inc."),
    (668, "Rockwell Automation/Entek IRD Intl."),
    (678, "Cognex Corporation"),
    (680, "Weidmuller, Inc."),
    (760, "ABB Stotz Kontakt GmbH"),
    (771, "SICK STEGMANN Inc."),
    (796, "Siemens Energy & Automation, Inc."),
    (808, "SICK AG"),
    (862, "Siemens AG, A&D PI Flow Instruments"),
    (887, "B&R Industrial Automation GmbH"),
    (894, "Acromag, Inc."),
    (903, "Emerson Process Management Power & Water Solutions"),
    (924, "Parker Hannifin SpA (SBC Division)"),
    (939, "Cisco Systems"),
    (947, "Belden CDT Electronics Division"),
    (971, "Siemens L&A"),
    (991, "Moxa Networking Co., Ltd."),
    (998, "Emerson Network Power Co., Ltd."),
    (1006, "N-Tron"),
    (1009, "Seiko Epson Corporation"),
    (1015, "Weidmueller Interface GmbH & Co. KG"),
    (1059, "Delta Electronic Inc."),
    (1112, "Hitachi Industrial Equipment Systems Co., Ltd."),
    (1141, "Emerson Process Management Valve Automation"),
    (1182, "Endress+Hauser"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_word_reads_as_words() {
        assert_eq!(Status(0x3060).to_string(), "at least one I/O connection in run mode");
        assert_eq!(Status(0x0505).to_string(), "owned, configured, minor recoverable fault, major recoverable fault");
        assert_eq!(Status(0xf0f0).to_string(), "");
    }

    #[test]
    fn tables_are_sorted() {
        assert!(VENDORS.is_sorted_by_key(|(code, _)| *code));
        assert!(DEVICE_TYPES.is_sorted_by_key(|(code, _)| *code));
    }
}
