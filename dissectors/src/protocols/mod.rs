//! The registry: one row a protocol. A protocol is added with its file, its `mod` line and its row.

mod der;
mod dnp3;
mod enip;
mod http;
mod mms;
mod modbus;
mod ntlmssp;
mod opcua;
mod rdp;
mod s7comm;
mod smb;
mod ssh;
mod tls;

use crate::error::Result;
use crate::observations::Transport;
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

/// What becomes of a protocol's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Controls a plant: every message counts, and a breach of the protocol is an anomaly.
    Control,
    /// Any other service: read for what its ends say of themselves. What cannot be read is passed over without a word.
    Service,
}

/// How one protocol lies on the wire.
pub struct Protocol {
    /// Lower-case name, as in metrics and the store.
    pub name: &'static str,
    /// What becomes of its messages.
    pub kind: Kind,
    /// Other protocols that its messages may turn out to be; the flow is then named after those.
    pub carries: &'static [&'static str],
    /// Well-known TCP ports, a hint only. Empty where it is never spoken over TCP.
    pub tcp_ports: &'static [u16],
    /// Well-known UDP ports, a hint only. Empty where it is never spoken over UDP.
    pub udp_ports: &'static [u16],
    /// `EtherType`s of the frames that carry it without IP; 0 for frames with LLC, which then begin with its header.
    pub ether_types: &'static [u16],
    /// Messages at the front of each direction of a TCP stream that say something; what follows is not looked at.
    /// 0: all of them.
    pub first_messages: u8,
    /// Does a message begin here? Sees what is there of the payload, a whole message or less or several.
    pub probe: fn(&[u8]) -> Likeness,
    /// Length of the message at the front, `None` where more octets are needed to tell. Asked of streams and of datagrams.
    pub frame: fn(&[u8]) -> Result<Option<usize>>,
    /// Report what one whole message says. Also called with the front of a message whose rest was lost.
    pub dissect: fn(&[u8], &mut dyn Sink) -> Result<()>,
}

impl Protocol {
    /// A protocol that controls a plant, to be filled in: `Protocol { name, …, ..Protocol::CONTROL }`.
    pub const CONTROL: Self = Self {
        name: "",
        kind: Kind::Control,
        carries: &[],
        tcp_ports: &[],
        udp_ports: &[],
        ether_types: &[],
        first_messages: 0,
        probe: |_| Likeness::No,
        frame: |octets| Ok(Some(octets.len())),
        dissect: |_, _| Ok(()),
    };
    /// Any other service, to be filled in. Each datagram, or what is there of a stream, is one message.
    pub const SERVICE: Self = Self { kind: Kind::Service, ..Self::CONTROL };

    /// Its numbers for a transport: ports, or `EtherType`s.
    #[must_use]
    pub const fn ports(&self, transport: Transport) -> &'static [u16] {
        match transport {
            Transport::Tcp => self.tcp_ports,
            Transport::Udp => self.udp_ports,
            Transport::Ethernet => self.ether_types,
            Transport::Icmp | Transport::Ip => &[],
        }
    }
}

/// All protocols, in alphabetical order of their names.
pub static PROTOCOLS: &[&Protocol] = &[
    &enip::CIP_IO,
    &s7comm::PROTOCOL,
    &dnp3::PROTOCOL,
    &enip::PROTOCOL,
    &http::PROTOCOL,
    &modbus::PROTOCOL,
    &modbus::RTU,
    &opcua::PROTOCOL,
    &rdp::PROTOCOL,
    &smb::PROTOCOL,
    &ssh::PROTOCOL,
    &tls::PROTOCOL,
];

/// What is usually spoken on ports whose content does not tell: transport, port, name.
pub static PORTS: &[(Transport, u16, &str)] = &[];
