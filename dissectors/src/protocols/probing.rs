//! What probes ask of the front of a message: fields at their places, elements of BER (ITU-T X.690, 8.1).

use super::{Likeness, der};
use crate::reader::Reader;

/// The octets are it on any port, or they are not.
pub(super) const fn sure(is_it: bool) -> Likeness {
    if is_it { Likeness::Sure } else { Likeness::No }
}

/// The octets can be it on its own port, or they cannot.
pub(super) const fn possible(can_be: bool) -> Likeness {
    if can_be { Likeness::Possible } else { Likeness::No }
}

/// The two octets at that place, most significant first.
pub(super) fn u16_be(octets: &[u8], at: usize) -> Option<usize> {
    octets.get(at..)?.first_chunk().map(|field| usize::from(u16::from_be_bytes(*field)))
}

/// The two octets at that place, least significant first.
pub(super) fn u16_le(octets: &[u8], at: usize) -> Option<usize> {
    octets.get(at..)?.first_chunk().map(|field| usize::from(u16::from_le_bytes(*field)))
}

/// The four octets at that place, most significant first.
pub(super) fn u32_be(octets: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*octets.get(at..)?.first_chunk()?)).ok()
}

/// The four octets at that place, least significant first.
pub(super) fn u32_le(octets: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*octets.get(at..)?.first_chunk()?)).ok()
}

/// True where exactly that many octets follow the first `front`.
pub(super) fn follow(octets: &[u8], front: usize, count: Option<usize>) -> bool {
    count.is_some_and(|count| octets.len().checked_sub(front) == Some(count))
}

/// What a BER element of that tag at the front holds, and what follows it. All of it must be there.
pub(super) fn ber(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = ber_head(octets, tag)?;
    rest.split_at_checked(length)
}

/// What a BER element of that tag at the front holds, as far as it is there.
pub(super) fn ber_front(octets: &[u8], tag: u8) -> Option<&[u8]> {
    let (length, rest) = ber_head(octets, tag)?;
    Some(rest.get(..length).unwrap_or(rest))
}

/// The length of the element and what follows the length.
fn ber_head(octets: &[u8], tag: u8) -> Option<(usize, &[u8])> {
    let mut reader = Reader::new(octets);
    let (_, length) = der::head(&mut reader).ok().filter(|(found, _)| *found == tag)?;
    Some((length, reader.rest()))
}

/// However a first message is cut, no other protocol is sure of it, nor can be it on one of the same ports.
#[cfg(test)]
pub(super) fn assert_told_apart(protocol: &super::Protocol, message: &[u8]) {
    let shares = |other: &super::Protocol| {
        let common = |one: &[u16], two: &[u16]| one.iter().any(|port| two.contains(port));
        common(protocol.tcp_ports, other.tcp_ports) || common(protocol.udp_ports, other.udp_ports)
    };
    for octets in (0..=message.len()).filter_map(|length| message.get(..length)) {
        for other in super::PROTOCOLS.iter().filter(|other| other.name != protocol.name) {
            let likeness = (other.probe)(octets);
            let taken = likeness == Likeness::Sure || (likeness == Likeness::Possible && shares(other));
            assert!(!taken, "{} is {likeness:?} of {}: {}", other.name, protocol.name, octets.escape_ascii());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_ber_are_found_whatever_the_form_of_their_length() {
        for element in
            [&[0x30, 2, 7, 8, 9][..], &[0x30, 0x81, 2, 7, 8, 9], &[0x30, 0x82, 0, 2, 7, 8, 9], &[0x30, 0x84, 0, 0, 0, 2, 7, 8, 9]]
        {
            assert_eq!(ber(element, 0x30), Some((&[7, 8][..], &[9][..])));
            assert_eq!(ber(element, 0x31), None);
            let cut = &element[..element.len() - 2];
            assert_eq!((ber(cut, 0x30), ber_front(cut, 0x30)), (None, Some(&[7][..])));
        }
        assert_eq!(ber_front(&[0x30, 0x80, 0, 0], 0x30), None);
        assert_eq!(ber_front(&[0x30, 0x84, 0xff], 0x30), None);
    }
}
