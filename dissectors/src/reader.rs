//! A cursor over borrowed octets: every read checks the length once, none can panic.

use crate::error::{Error, Result};

/// Reads fields from the front of a slice, in order.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// Start at the front of `octets`.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, length: octets.len() }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Octets read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// Octets not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// True where nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    const fn truncated(&self) -> Error {
        Error::Truncated { at: self.length }
    }

    /// The next `N` octets.
    ///
    /// # Errors
    /// `Truncated` where fewer are left; the position stays.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(self.truncated())?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `count` octets, borrowed.
    ///
    /// # Errors
    /// `Truncated` where fewer are left; the position stays.
    pub fn octets(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(self.truncated())?;
        self.rest = rest;
        Ok(head)
    }

    /// As many of the next `count` octets as there are.
    pub fn up_to(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        head
    }

    /// Pass over `count` octets.
    ///
    /// # Errors
    /// `Truncated` where fewer are left; the position stays.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.octets(count).map(drop)
    }

    /// The next octet, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next octet.
    ///
    /// # Errors
    /// `Truncated` where none is left.
    pub fn u8(&mut self) -> Result<u8> {
        self.take::<1>().map(|[octet]| octet)
    }

    /// The next two octets, most significant first.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn u16_be(&mut self) -> Result<u16> {
        self.take().map(u16::from_be_bytes)
    }

    /// The next two octets, least significant first.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn u16_le(&mut self) -> Result<u16> {
        self.take().map(u16::from_le_bytes)
    }

    /// The next four octets, most significant first.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn u32_be(&mut self) -> Result<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// The next four octets, least significant first.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn u32_le(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// The next eight octets, least significant first.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn u64_le(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_says_where_and_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16_be(), Ok(0x0102));
        assert_eq!(reader.u16_be(), Err(Error::Truncated { at: 3 }));
        assert_eq!(reader.rest(), &[3]);
        assert_eq!(reader.up_to(9), &[3]);
        assert_eq!(reader.position(), 3);
    }
}
