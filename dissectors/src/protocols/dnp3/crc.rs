//! The check code of the DNP3 link layer (IEEE 1815-2012, 9.2.4.3.4): CRC-16, polynomial 0x3D65, least
//! significant bit first, start value 0, complemented.
//!
//! With a start value of 0 each octet adds to the code independently of all others, and blocks hold 16 octets
//! at the most. So one table for each place in a block is enough: no lookup waits for another.

/// Octets of a full data block.
pub(super) const BLOCK: usize = 16;

/// The polynomial, bits reversed.
const POLYNOMIAL: u16 = 0xa6bc;

/// What an octet adds to the code when `zeros` octets come after it.
const fn contribution(octet: u16, zeros: u16) -> u16 {
    let mut code = octet;
    let mut bits = zeros.saturating_add(1).saturating_mul(8);
    while bits > 0 {
        code = if code & 1 == 1 { (code >> 1) ^ POLYNOMIAL } else { code >> 1 };
        bits = bits.saturating_sub(1);
    }
    code
}

const fn table(zeros: u16) -> [u16; 256] {
    let mut table = [0; 256];
    let mut slots: &mut [u16] = &mut table;
    let mut octet: u16 = 0;
    while let Some((slot, rest)) = slots.split_first_mut() {
        *slot = contribution(octet, zeros);
        octet = octet.saturating_add(1);
        slots = rest;
    }
    table
}

/// The last octet of a block first.
static TABLES: [[u16; 256]; BLOCK] = [
    table(0),
    table(1),
    table(2),
    table(3),
    table(4),
    table(5),
    table(6),
    table(7),
    table(8),
    table(9),
    table(10),
    table(11),
    table(12),
    table(13),
    table(14),
    table(15),
];

/// The check code of `octets`, of which there are [`BLOCK`] at the most.
#[inline]
pub(super) fn code(octets: &[u8]) -> u16 {
    !octets.iter().rev().zip(&TABLES).fold(0, |code, (octet, table)| code ^ table.get(usize::from(*octet)).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the standard writes it, bit by bit.
    fn slow(octets: &[u8]) -> u16 {
        let step = |code: u16, _| if code & 1 == 1 { (code >> 1) ^ POLYNOMIAL } else { code >> 1 };
        !octets.iter().fold(0, |code, octet| (0..8).fold(code ^ u16::from(*octet), step))
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        let text = b"123456789abcdefg";
        assert_eq!(code(b"123456789"), 0xea82, "the catalogue's check value of CRC-16/DNP");
        assert_eq!(code(&[0x05, 0x64, 0x05, 0xc0, 0x01, 0x00, 0x00, 0x04]), 0x21e9, "a header that the standard's annexes use");
        for length in 0..=BLOCK {
            assert_eq!(code(&text[..length]), slow(&text[..length]));
        }
    }
}
