//! The registry: one row a protocol. A protocol is added with its file, its `mod` line and its row.

mod dnp3;
mod enip;
mod modbus;
mod s7comm;

use crate::error::Result;
use crate::sink::Sink;

/// How much the octets at the front of a payload look like a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// They cannot be it.
    No,
    /// They can, on a port where it is expected.
    Possible,
    /// They are, on any port.
    Sure,
}

/// How one protocol lies on the wire.
pub struct Protocol {
    /// Lower-case name, as in metrics and the store.
    pub name: &'static str,
    /// Other protocols that its messages may turn out to be; the flow is then named after those.
    pub carries: &'static [&'static str],
    /// Well-known TCP ports, a hint only. Empty where it is never spoken over TCP.
    pub tcp_ports: &'static [u16],
    /// Well-known UDP ports, a hint only. Empty where it is never spoken over UDP.
    pub udp_ports: &'static [u16],
    /// Does a message begin here? Sees what is there of the payload, a whole message or less or several.
    pub probe: fn(&[u8]) -> Likeness,
    /// Length of the message at the front, `None` where more octets are needed to tell.
    pub frame: fn(&[u8]) -> Result<Option<usize>>,
    /// Report what one whole message says. Also called with the front of a message whose rest was lost.
    pub dissect: fn(&[u8], &mut dyn Sink) -> Result<()>,
}

/// All protocols, in alphabetical order of their names.
pub static PROTOCOLS: &[&Protocol] = &[&enip::CIP_IO, &s7comm::PROTOCOL, &dnp3::PROTOCOL, &enip::PROTOCOL, &modbus::PROTOCOL, &modbus::RTU];
