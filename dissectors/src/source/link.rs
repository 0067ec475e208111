//! Link-layer header types: what the first octets of a frame are.
//!
//! Numbers and names are those of the registry that pcap and pcapng share (IANA, "PCAP-Related Parameters", link types).

use core::fmt;

/// A link type as it stands in a capture file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: four octets of protocol family in the byte order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, as files of most systems number it where they took over the system's own number.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP, as files of `OpenBSD` number it.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP: version 4 or 6, told by the first four bits.
    pub const RAW: Self = Self(101);
    /// `OpenBSD` loopback: four octets of protocol family, most significant first.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The type in the low 16 bits of a wider field.
    pub(super) const fn of_field(field: u32) -> Self {
        let [low, high, ..] = field.to_le_bytes();
        Self(u16::from_le_bytes([low, high]))
    }

    /// What people call it; none for the numbers this table leaves out.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let row = NAMES.binary_search_by_key(&self.0, |(number, _)| *number).ok()?;
        NAMES.get(row).map(|(_, name)| *name)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "link type {}", self.0),
        }
    }
}

/// Sorted by number.
static NAMES: &[(u16, &str)] = &[
    (0, "BSD loopback"),
    (1, "Ethernet"),
    (3, "AX.25"),
    (6, "Token Ring"),
    (7, "ARCNET"),
    (8, "SLIP"),
    (9, "PPP"),
    (10, "FDDI"),
    (12, "raw IP"),
    (14, "raw IP"),
    (50, "PPP in HDLC framing"),
    (51, "PPPoE"),
    (100, "ATM RFC 1483"),
    (101, "raw IP"),
    (104, "Cisco HDLC"),
    (105, "IEEE 802.11"),
    (107, "Frame Relay"),
    (108, "OpenBSD loopback"),
    (113, "Linux cooked"),
    (114, "LocalTalk"),
    (117, "OpenBSD pflog"),
    (119, "IEEE 802.11 with Prism header"),
    (122, "IP over Fibre Channel"),
    (127, "IEEE 802.11 with radiotap header"),
    (138, "IP over FireWire"),
    (139, "SS7 MTP2 with pseudo-header"),
    (140, "SS7 MTP2"),
    (141, "SS7 MTP3"),
    (142, "SS7 SCCP"),
    (143, "DOCSIS"),
    (144, "Linux IrDA"),
    (147, "user 0"),
    (148, "user 1"),
    (149, "user 2"),
    (150, "user 3"),
    (151, "user 4"),
    (152, "user 5"),
    (153, "user 6"),
    (154, "user 7"),
    (155, "user 8"),
    (156, "user 9"),
    (157, "user 10"),
    (158, "user 11"),
    (159, "user 12"),
    (160, "user 13"),
    (161, "user 14"),
    (162, "user 15"),
    (163, "IEEE 802.11 with AVS header"),
    (165, "BACnet MS/TP"),
    (166, "PPP of pppd"),
    (177, "Linux LAPD"),
    (186, "USB of FreeBSD"),
    (187, "Bluetooth HCI"),
    (189, "Linux USB"),
    (190, "CAN 2.0B"),
    (191, "IEEE 802.15.4 of Linux"),
    (192, "PPI"),
    (195, "IEEE 802.15.4"),
    (197, "Endace ERF"),
    (201, "Bluetooth HCI with pseudo-header"),
    (203, "LAPD"),
    (204, "PPP with direction"),
    (205, "Cisco HDLC with direction"),
    (206, "Frame Relay with direction"),
    (209, "IPMB"),
    (210, "FlexRay"),
    (211, "MOST"),
    (212, "LIN"),
    (215, "IEEE 802.15.4 with PHY header"),
    (219, "MPLS"),
    (220, "Linux USB, memory mapped"),
    (223, "WirelessHART"),
    (227, "CAN of Linux (SocketCAN)"),
    (228, "raw IPv4"),
    (229, "raw IPv6"),
    (230, "IEEE 802.15.4 without FCS"),
    (231, "D-Bus"),
    (239, "Linux netfilter log"),
    (240, "netANALYZER"),
    (241, "netANALYZER transparent"),
    (242, "IP over InfiniBand"),
    (247, "InfiniBand"),
    (248, "SCTP"),
    (249, "USBPcap"),
    (250, "SEL RTAC serial line"),
    (251, "Bluetooth Low Energy"),
    (252, "Wireshark upper PDU"),
    (253, "Linux netlink"),
    (254, "Bluetooth of Linux"),
    (256, "Bluetooth Low Energy with pseudo-header"),
    (257, "PROFIBUS"),
    (258, "Apple PKTAP"),
    (265, "RDS"),
    (266, "USB of macOS"),
    (268, "SDLC"),
    (270, "LoRaTap"),
    (271, "Linux vsock"),
    (272, "Nordic Bluetooth Low Energy sniffer"),
    (274, "Ethernet mPacket"),
    (276, "Linux cooked v2"),
    (277, "SERCOS monitor"),
    (283, "IEEE 802.15.4 TAP"),
    (288, "USB 2.0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (number, name) in NAMES {
            assert_eq!(LinkType(*number).name(), Some(*name));
        }
        assert_eq!(LinkType::ETHERNET.to_string(), "Ethernet");
        assert_eq!(LinkType(999).name(), None);
        assert_eq!(LinkType(999).to_string(), "link type 999");
    }
}
