//! The one error of the parsers: what was wrong, and where.

use core::fmt;

/// Why a message could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The message ends before a field that its own lengths promise.
    Truncated {
        /// Octets read before the end was hit.
        at: usize,
    },
    /// A field holds what the specification does not allow.
    Malformed(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { at } => write!(formatter, "message ends early, after octet {at}"),
            Self::Malformed(what) => formatter.write_str(what),
        }
    }
}

impl core::error::Error for Error {}

/// What parsers return.
pub type Result<T> = core::result::Result<T, Error>;
