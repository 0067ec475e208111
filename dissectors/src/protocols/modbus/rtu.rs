//! Serial frames as a gateway passes them through TCP or UDP: unit, PDU, CRC.

use super::{Adu, ENCAPSULATED_INTERFACE, EXCEPTION, Shape, dissect_pdu};
use crate::error::{Error, Result};
use crate::protocols::{Likeness, Protocol};
use crate::sink::Sink;

/// Serial frame at the least: unit, function, CRC.
const SHORTEST: usize = 4;
/// Serial frame at the most.
const LONGEST: usize = 256;
/// Serial frames this long are recognised on any port, shorter ones could be chance.
const TELLING: usize = 8;
/// Units of a serial line end here.
const LAST_UNIT: u8 = 247;

/// No port of its own: gateways use 502 as well, or what else is free.
pub(in crate::protocols) static RTU: Protocol =
    Protocol { name: "modbus_rtu", tcp_ports: &[502], udp_ports: &[502], probe, frame, dissect, ..Protocol::CONTROL };

fn probe(octets: &[u8]) -> Likeness {
    let mut rest = octets;
    let mut longest = 0;
    // A segment seldom holds more than one frame; a few are enough to be sure.
    for _ in 0..4 {
        let Some(total) = fitting(rest) else {
            return if longest == 0 || !matches!(rest, [0..=LAST_UNIT, ..]) { Likeness::No } else { Likeness::Possible };
        };
        longest = longest.max(total);
        rest = rest.get(total..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    if longest < TELLING || is_like_roc(octets) { Likeness::Possible } else { Likeness::Sure }
}

/// ROC Plus has the same CRC. Its messages without data (destination unit and group, source unit and group, opcode, length 0)
/// read like reads of a multiple of 256 points, which no client asks for.
const fn is_like_roc(octets: &[u8]) -> bool {
    matches!(octets, [_, 1..=4, _, _, _, 0, _, _, ..])
}

/// An RTU frame does not say how long it is: it ends where the CRC is right and the PDU has a shape that its
/// function can have. The shape is not asked for where nobody knows it.
fn frame(octets: &[u8]) -> Result<Option<usize>> {
    if let [unit, ..] = octets
        && *unit > LAST_UNIT
    {
        return Err(Error::Malformed("no unit of a serial line"));
    }
    if let Some(total) = fitting(octets) {
        return Ok(Some(total));
    }
    let published = octets.get(1).is_some_and(|code| is_published(*code));
    if let Some(total) = crc_ends(octets).find(|total| !published || *total == octets.len()) {
        return Ok(Some(total));
    }
    if octets.len() < LONGEST { Ok(None) } else { Err(Error::Malformed("CRC is wrong")) }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [unit, pdu @ .., _, _] = octets else { return Err(Error::Truncated { at: octets.len() }) };
    let unit_octets = core::slice::from_ref(unit);
    let broadcast = *unit == 0;
    if crc_ends(octets).any(|total| total == octets.len()) {
        return dissect_pdu(&Adu { unit: unit_octets, pdu, length: pdu.len(), id: 0, broadcast }, sink);
    }
    // Where the frame should have ended is not known: the function counts, its shape says nothing.
    let cut = Adu { unit: unit_octets, pdu, length: usize::MAX, id: 0, broadcast };
    dissect_pdu(&cut, sink).or(Err(Error::Malformed("CRC is wrong")))
}

/// Length of the frame at the front whose CRC and shape are right.
fn fitting(octets: &[u8]) -> Option<usize> {
    let [0..=LAST_UNIT, code, ..] = octets else { return None };
    if !is_published(*code) {
        return None;
    }
    crc_ends(octets).find(|total| {
        let length = total.saturating_sub(3);
        Shape::of(octets.get(1..).and_then(|rest| rest.get(..length)).unwrap_or_default(), length) != Shape::Neither
    })
}

/// The lengths at which the CRC of the octets before it is right.
fn crc_ends(octets: &[u8]) -> impl Iterator<Item = usize> {
    // Run over its own CRC, it leaves 0.
    let mut crc = 0xffff_u16;
    octets.iter().take(LONGEST).zip(1_usize..).filter_map(move |(octet, total)| {
        crc = crc16(crc, *octet);
        (crc == 0 && total >= SHORTEST).then_some(total)
    })
}

/// CRC-16 with the polynomial 0xA001 (MODBUS over Serial Line V1.02, 6.2.2), four bits a step.
fn crc16(crc: u16, octet: u8) -> u16 {
    const STEP: [u16; 16] =
        [0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400];
    let step = |crc: u16| (crc >> 4) ^ STEP.get(usize::from(crc & 0xf)).copied().unwrap_or_default();
    step(step(crc ^ u16::from(octet)))
}

fn is_published(code: u8) -> bool {
    matches!(code & !EXCEPTION, 0x01..=0x08 | 0x0b | 0x0c | 0x0f..=0x11 | 0x14..=0x18 | ENCAPSULATED_INTERFACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{Recorder, hex};

    #[test]
    fn serial_frames_are_cut_by_their_crc() {
        // The specification's own example of function 3, and an exception; CRCs computed.
        let stream = with_crc("01 03 006b 0003");
        assert_eq!(probe(&stream), Likeness::Sure);
        assert_ne!((crate::protocols::modbus::PROTOCOL.probe)(&stream), Likeness::Sure);
        let mut two = stream.clone();
        two.extend(with_crc("02 06 0001 0003"));
        assert_eq!(probe(&two), Likeness::Sure);
        assert_eq!(frame(&two), Ok(Some(8)));
        assert_eq!(frame(&stream[..7]), Ok(None));
        assert_eq!(probe(&stream[..7]), Likeness::No);
        let mut recorder = Recorder::default();
        recorder.feed(&RTU, Role::Client, &two).unwrap();
        recorder.feed(&RTU, Role::Server, &with_crc("01 03 06 022b 0000 0064")).unwrap();
        recorder.feed(&RTU, Role::Server, &with_crc("02 86 02")).unwrap();
        recorder.feed(&RTU, Role::Client, &with_crc("00 06 0001 0003")).unwrap();
        recorder.feed(&RTU, Role::Client, &with_crc("07 64 0102")).unwrap();
        assert_eq!(
            recorder.lines,
            [
                r#"request modbus 3 unit=1 object="HR 40108-40110""#,
                r#"request modbus 6 unit=2 object="HR 40002""#,
                r#"response modbus 3 unit=1 object="" matched"#,
                r#"response modbus 6 unit=2 object="" status=2 matched"#,
                r#"request modbus 6 unit=0 object="HR 40002" unanswerable"#,
                r#"request modbus 100 unit=7 object="""#,
            ]
        );
        let mut wrong = stream;
        wrong[2] ^= 1;
        assert_eq!(dissect(&wrong, &mut recorder), Err(Error::Malformed("CRC is wrong")));
        wrong.resize(LONGEST, 0x55);
        assert_eq!(frame(&wrong), Err(Error::Malformed("CRC is wrong")));
    }

    fn with_crc(text: &str) -> Vec<u8> {
        let mut octets = hex(text);
        let crc = octets.iter().fold(0xffff, |crc, octet| crc16(crc, *octet));
        octets.extend(crc.to_le_bytes());
        octets
    }

    #[test]
    fn the_crc_is_that_of_the_specification() {
        // Serial line specification, appendix B: 02 07 gives 0x1241, sent 41 12.
        assert_eq!(with_crc("02 07"), hex("02 07 41 12"));
    }
}
