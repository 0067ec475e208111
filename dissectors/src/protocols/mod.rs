//! The registry: one row a protocol. A protocol is added with its file, its `mod` line and its row.

mod arp;
mod bacnet;
mod browser;
mod cdp;
mod der;
mod dhcp;
mod dhcpv6;
mod dnp3;
mod dns;
mod enip;
mod fins;
mod hart_ip;
mod http;
mod industrial;
mod link_services;
mod lldp;
mod logins;
mod mms;
mod modbus;
mod nbns;
mod ntlmssp;
mod opcua;
mod pn_io_cm;
mod probing;
mod profinet;
mod rdp;
mod s7comm;
mod services;
mod smb;
mod snmp;
mod ssh;
mod tls;

use crate::error::Result;
use crate::observations::Transport;
use crate::sink::Sink;
use crate::table::Hashes;

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

/// What a message of a poll comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gist {
    /// A request, not a response.
    pub asks: bool,
    /// All that matters of it but the transaction; not 0.
    pub key: u64,
    /// As in [`crate::sink::Request`].
    pub transaction: u64,
    /// The message comes in an envelope that counts as an operation of its own, before it; the transaction of that, where it
    /// is answered.
    pub envelope: Option<Option<u64>>,
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
    /// Each segment of a stream is one message, also the one after a gap: nothing is looked for or put together.
    pub is_by_segment: bool,
    /// Its messages are not read at all: once it is recognised, its octets are only counted.
    pub is_only_named: bool,
    /// Does a message begin here? Sees what is there of the payload, a whole message or less or several.
    pub probe: fn(&[u8]) -> Likeness,
    /// Length of the message at the front, `None` where more octets are needed to tell. Asked of streams and of datagrams.
    pub frame: fn(&[u8]) -> Result<Option<usize>>,
    /// What an ordinary message of a poll comes down to, none for all others. Two messages with the same gist say the same to
    /// the sink, one request or one response that accepts, but for their transaction; the engine then counts the second
    /// without dissecting it.
    pub gist: fn(&[u8], &Hashes, &dyn Sink) -> Option<Gist>,
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
        is_by_segment: false,
        is_only_named: false,
        probe: |_| Likeness::No,
        frame: |octets| Ok(Some(octets.len())),
        gist: |_, _, _| None,
        dissect: |_, _| Ok(()),
    };
    /// Any other service, to be filled in. Each datagram, or what is there of a stream, is one message.
    pub const SERVICE: Self = Self { kind: Kind::Service, ..Self::CONTROL };

    /// A service of which only some segments at the front of a stream say something, each for itself, to be filled in.
    pub const BY_SEGMENT: Self = Self { is_by_segment: true, ..Self::SERVICE };

    /// A service whose messages say nothing that counts, to be filled in.
    pub const NAMED: Self = Self { is_only_named: true, ..Self::SERVICE };

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
    &industrial::ADS,
    &services::AMQP,
    &arp::PROTOCOL,
    &bacnet::PROTOCOL,
    &browser::PROTOCOL,
    &industrial::BSAP,
    &industrial::C1222,
    &industrial::CCLINK,
    &link_services::CCLINK_IE,
    &cdp::PROTOCOL,
    &enip::CIP_IO,
    &services::CODEMETER,
    &industrial::CODESYS,
    &s7comm::PROTOCOL,
    &services::DCERPC,
    &dhcp::PROTOCOL,
    &dhcpv6::PROTOCOL,
    &dnp3::PROTOCOL,
    &dns::OVER_TCP,
    &dns::PROTOCOL,
    &link_services::EAPOL,
    &industrial::EGD,
    &enip::PROTOCOL,
    &link_services::ETHERCAT,
    &fins::PROTOCOL,
    &industrial::FL_NET,
    &services::FTP,
    &industrial::GE_SRTP,
    &industrial::GENISYS,
    &link_services::GOOSE,
    &hart_ip::PROTOCOL,
    &link_services::HOMEPLUG,
    &link_services::SUPERVISION,
    &http::PROTOCOL,
    &industrial::IEC104,
    &services::IMAP,
    &services::ISAKMP,
    &link_services::ISIS,
    &services::KERBEROS,
    &industrial::KNX,
    &link_services::LACP,
    &services::LDAP,
    &lldp::PROTOCOL,
    &dns::LLMNR,
    &link_services::LOOPBACK,
    &link_services::MACSEC,
    &dns::MDNS,
    &industrial::MELSEC,
    &modbus::PROTOCOL,
    &modbus::RTU,
    &services::MONGODB,
    &services::MQTT,
    &link_services::MRP,
    &services::MYSQL,
    &nbns::PROTOCOL,
    &services::NIAGARA_FOX,
    &services::NTP,
    &opcua::PROTOCOL,
    &services::OPENVPN,
    &industrial::PCWORX,
    &pn_io_cm::PROTOCOL,
    &services::POP3,
    &services::POSTGRESQL,
    &link_services::POWERLINK,
    &profinet::PROTOCOL,
    &link_services::PTP,
    &services::RADIUS,
    &rdp::PROTOCOL,
    &services::REDIS,
    &industrial::ROC_PLUS,
    &services::RSYNC,
    &services::RTSP,
    &industrial::SBUS,
    &link_services::SERCOS,
    &services::SIP,
    &link_services::SLOW,
    &smb::PROTOCOL,
    &services::SMTP,
    &snmp::PROTOCOL,
    &services::SSDP,
    &ssh::PROTOCOL,
    &link_services::STP,
    &services::SUNRPC,
    &link_services::SV,
    &industrial::SYNCHROPHASOR,
    &services::SYSLOG,
    &services::TDS,
    &services::TEAMVIEWER,
    &services::TELNET,
    &services::TFTP,
    &tls::PROTOCOL,
    &services::TNS,
    &industrial::TRISTATION,
    &services::VNC,
    &services::WIREGUARD,
    &link_services::WAKE,
    &services::WS_DISCOVERY,
];

/// What is usually spoken on ports whose content does not tell: transport, port, name.
/// Sorted by transport and port.
pub static PORTS: &[(Transport, u16, &str)] = &[
    (Transport::Tcp, 7, "echo"),
    (Transport::Tcp, 9, "discard"),
    (Transport::Tcp, 13, "daytime"),
    (Transport::Tcp, 19, "chargen"),
    (Transport::Tcp, 37, "time"),
    (Transport::Tcp, 49, "tacacs"),
    (Transport::Tcp, 79, "finger"),
    (Transport::Tcp, 179, "bgp"),
    (Transport::Tcp, 512, "rexec"),
    (Transport::Tcp, 513, "rlogin"),
    (Transport::Tcp, 515, "lpd"),
    (Transport::Tcp, 548, "afp"),
    (Transport::Tcp, 789, "crimson"),
    (Transport::Tcp, 902, "vmware"),
    (Transport::Tcp, 1080, "socks"),
    (Transport::Tcp, 1089, "ff_hse"),
    (Transport::Tcp, 1090, "ff_hse"),
    (Transport::Tcp, 1091, "ff_hse"),
    (Transport::Tcp, 1494, "citrix"),
    (Transport::Tcp, 1723, "pptp"),
    (Transport::Tcp, 1947, "hasp"),
    (Transport::Tcp, 2598, "citrix"),
    (Transport::Tcp, 3260, "iscsi"),
    (Transport::Tcp, 4899, "radmin"),
    (Transport::Tcp, 5413, "suitelink"),
    (Transport::Tcp, 5450, "pi_historian"),
    (Transport::Tcp, 5631, "pcanywhere"),
    (Transport::Tcp, 5985, "winrm"),
    (Transport::Tcp, 5986, "winrm"),
    (Transport::Tcp, 6000, "x11"),
    (Transport::Tcp, 7070, "anydesk"),
    (Transport::Tcp, 8291, "winbox"),
    (Transport::Tcp, 9100, "jetdirect"),
    (Transport::Tcp, 18000, "genbroker"),
    (Transport::Tcp, 20547, "proconos"),
    (Transport::Tcp, 27000, "flexlm"),
    (Transport::Tcp, 55555, "foxapi"),
    (Transport::Udp, 7, "echo"),
    (Transport::Udp, 9, "discard"),
    (Transport::Udp, 13, "daytime"),
    (Transport::Udp, 19, "chargen"),
    (Transport::Udp, 37, "time"),
    (Transport::Udp, 520, "rip"),
    (Transport::Udp, 1089, "ff_hse"),
    (Transport::Udp, 1090, "ff_hse"),
    (Transport::Udp, 1091, "ff_hse"),
    (Transport::Udp, 1701, "l2tp"),
    (Transport::Udp, 1947, "hasp"),
    (Transport::Udp, 4500, "ipsec"),
    (Transport::Udp, 4800, "moxa"),
    (Transport::Udp, 5632, "pcanywhere"),
    (Transport::Udp, 6343, "sflow"),
    (Transport::Udp, 11001, "metasys"),
    (Transport::Udp, 17500, "dropbox"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_sorted_and_contradict_no_protocol() {
        let order = |row: &(Transport, u16, &str)| (row.0.name(), row.1);
        assert!(PORTS.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])), "sorted, and each port once");
        for (transport, port, name) in PORTS {
            // A magic packet is sent to the ports of echo and discard because nobody listens there.
            let others = PROTOCOLS.iter().filter(|protocol| protocol.name != "wol");
            let other = others.clone().find(|protocol| protocol.ports(*transport).contains(port));
            assert!(other.is_none(), "{name} has the port {port} of {}", other.unwrap().name);
            assert!(PROTOCOLS.iter().all(|protocol| protocol.name != *name), "{name} is told by its content");
        }
    }

    #[test]
    fn protocols_are_in_the_order_of_their_names() {
        assert!(PROTOCOLS.windows(2).all(|pair| pair[0].name <= pair[1].name));
    }

    /// Services over TCP or UDP; what is told by its `EtherType` needs no more.
    fn services() -> Vec<&'static Protocol> {
        let over_ip = |protocol: &&&Protocol| !protocol.tcp_ports.is_empty() || !protocol.udp_ports.is_empty();
        PROTOCOLS.iter().filter(over_ip).filter(|protocol| protocol.kind == Kind::Service).copied().collect()
    }

    /// A million payloads of chance: no service is sure of one, on whatever port, and none is cut where it cannot be.
    #[test]
    fn chance_is_no_service() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let services = services();
        let mut payload = [0; 256];
        for _ in 0..1_000_000 {
            let length = 8 + usize::from(random()[0]) % 249;
            for octets in payload[..length].chunks_mut(8) {
                octets.copy_from_slice(&random()[..octets.len()]);
            }
            for protocol in &services {
                let octets = &payload[..length];
                assert_ne!((protocol.probe)(octets), Likeness::Sure, "{}: {}", protocol.name, octets.escape_ascii());
            }
        }
    }

    #[test]
    fn octets_that_are_all_the_same_are_no_service() {
        for octet in 0..=255 {
            for length in 0..=256 {
                let payload = vec![octet; length];
                for protocol in services() {
                    assert_ne!((protocol.probe)(&payload), Likeness::Sure, "{} octets {octet:02x} for {}", length, protocol.name);
                }
            }
        }
    }
}
