//! ARP (RFC 826) with the address conflicts of RFC 5227: which MAC address says that it has which IPv4 address.
//!
//! ```text
//!  0  hardware type 2: 1 Ethernet, 6 IEEE 802     2  protocol type 2: 0x0800
//!  4  length of hardware addresses: 6             5  length of protocol addresses: 4
//!  6  operation 2: 1 request, 2 reply             8  sender's MAC address 6
//! 14  sender's IPv4 address 4                    18  target's MAC address 6
//! 24  target's IPv4 address 4
//! ```
//!
//! Who asks for many addresses that nobody claims scans. One that was claimed in the six minutes before it was asked for, or
//! since, does not count: whoever talks with many asks for them again and again.
//!
//! An address that moves once may have been given to another device. Where two go on claiming it by turns, both use
//! it or one wants to be taken for the other; both happen on purpose only where network cards share their load.

use super::{Likeness, Protocol};
use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Scope, Sink, Subject};

const NAME: &str = "arp";
const ETHERNET: u16 = 1;
const IEEE_802: u16 = 6;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
/// A former owner that claims the address again within this time has not given it up, nanoseconds.
const CONFLICT_WITHIN: i64 = 600_000_000_000;
/// Memory: who has claimed the address; the VLAN stands in the low bits.
const CLAIMS: u64 = 0x6172_7000_0000;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, ether_types: &[0x0806], probe, dissect, ..Protocol::SERVICE };

fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [0, 1 | 6, 0x08, 0x00, 6, 4, 0, 1..=25, ..] => Likeness::Sure,
        _ => Likeness::No,
    }
}

fn dissect(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(message);
    let hardware = reader.u16_be()?;
    let lengths: [u8; 4] = reader.take()?;
    let operation = reader.u16_be()?;
    let mac = Mac::new(reader.take()?);
    let ip = Address::v4(reader.take()?);
    let of_ethernet = matches!(hardware, ETHERNET | IEEE_802) && lengths == [0x08, 0x00, 6, 4];
    if !of_ethernet || !matches!(operation, REQUEST | REPLY) || mac.is_group() || mac.0 == 0 {
        return Ok(());
    }
    if operation == REQUEST {
        reader.skip(6)?;
        search(ip, Address::v4(reader.take()?), sink);
    }
    if !is_of_a_host(ip) {
        return Ok(());
    }
    sink.fact_about(Subject::mac(mac), NAME, facts::ADDRESS, ip.to_string().as_bytes());
    compare_with_frame(mac, sink);
    claim(mac, ip, sink);
    Ok(())
}

/// Who asks for one address after another, none of which anybody has, looks what there is.
fn search(ip: Address, target: Address, sink: &mut dyn Sink) {
    let there = CLAIMS | u64::from(sink.vlan());
    if target != ip && is_of_a_host(target) && sink.asks_for(target, there) {
        let count = crate::scan::ARP_SCAN_ADDRESSES;
        sink.anomaly(NAME, "arp_scan", format_args!("{ip} asks for {count} addresses within six minutes that nobody answers for"));
    }
}

/// A probe asks with 0.0.0.0 (RFC 5227 section 2.1.1); groups and the broadcast address belong to nobody.
const fn is_of_a_host(ip: Address) -> bool {
    !ip.is_unspecified() && ip.0 >> 28 & 0xf < 0xe
}

/// Who puts another's hardware address into ARP than its own frame has wants others to believe it. Addresses that
/// several devices share are the exception.
fn compare_with_frame(mac: Mac, sink: &mut dyn Sink) {
    let source = sink.sender_addresses().mac;
    if source != mac && source != Mac::NONE && !is_virtual(mac) && !is_virtual(source) {
        sink.anomaly(NAME, "address_mismatch", format_args!("{source} sends ARP in the name of {mac}"));
    }
}

/// Addresses that go from device to device by design: VRRP (RFC 9568 section 7.3) and CARP, HSRP versions 1
/// (RFC 2281) and 2 for IPv4, GLBP, and the unicast cluster address of network load balancing.
const fn is_virtual(mac: Mac) -> bool {
    matches!(
        mac.0.to_be_bytes(),
        [_, _, 0x00, 0x00, 0x5e, 0x00, 0x01, _]
            | [_, _, 0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [_, _, 0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [_, _, 0x00, 0x07, 0xb4, 0x00, ..]
            | [_, _, 0x02, 0xbf, ..]
    )
}

/// Who claimed an address last and when, and who before. In a memo: MAC address 6, time 8, twice.
#[derive(Clone, Copy)]
struct Claims {
    last: (Mac, i64),
    before: Option<(Mac, i64)>,
}

impl Claims {
    fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let last = Self::read_one(&mut reader)?;
        Some(Self { last, before: Self::read_one(&mut reader) })
    }

    fn read_one(reader: &mut Reader<'_>) -> Option<(Mac, i64)> {
        Some((Mac::new(reader.take().ok()?), i64::from_be_bytes(reader.take().ok()?)))
    }

    fn keep(&self, scope: Scope, key: u64, sink: &mut dyn Sink) {
        let mut octets = [0_u8; 28];
        let mut places = octets.iter_mut();
        let mut length = 0_usize;
        for (mac, time) in [Some(self.last), self.before].into_iter().flatten() {
            let mac = mac.0.to_be_bytes().into_iter().skip(2);
            for (octet, place) in mac.chain(time.to_be_bytes()).zip(&mut places) {
                *place = octet;
            }
            length = length.saturating_add(14);
        }
        sink.remember(scope, key, octets.get(..length).unwrap_or_default());
    }
}

fn claim(mac: Mac, ip: Address, sink: &mut dyn Sink) {
    let (scope, key, now) = (Scope::Of(ip), CLAIMS | u64::from(sink.vlan()), sink.time());
    let known = sink.recall(scope, key).and_then(|memo| Claims::read(memo.octets()));
    let before = match known {
        Some(Claims { last, before }) if last.0 == mac => before,
        Some(Claims { last, before }) => {
            // A shared address comes and goes by itself.
            if !is_virtual(mac) {
                tell(mac, ip, last, before, now, sink);
            }
            Some(last)
        }
        None => None,
    };
    Claims { last: (mac, now), before }.keep(scope, key, sink);
}

fn tell(mac: Mac, ip: Address, last: (Mac, i64), before: Option<(Mac, i64)>, now: i64, sink: &mut dyn Sink) {
    let again = before.is_some_and(|(former, when)| former == mac && now.saturating_sub(when) <= CONFLICT_WITHIN);
    if again {
        let (low, high) = (mac.min(last.0), mac.max(last.0));
        sink.anomaly(NAME, "address_conflict", format_args!("{ip} is claimed by {low} and {high}"));
    } else {
        sink.anomaly(NAME, "address_moved", format_args!("{ip} was at {} and is now at {mac}", last.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{Recorder, hex};

    /// A reply, written after RFC 826: no capture has all the cases.
    fn reply(mac: &str, ip: &str) -> Vec<u8> {
        hex(&["0001 0800 0604 0002", mac, ip, "020000000005 0a000005"].concat())
    }

    const FIRST: &str = "020000000009";
    const SECOND: &str = "0200000000aa";
    const IP: &str = "0a000007";
    const MINUTE: i64 = 60_000_000_000;

    /// What is said of claims that come so many minutes after the start.
    fn told(claims: &[(i64, &str, &str)]) -> Vec<String> {
        let mut recorder = Recorder::default();
        for (minutes, mac, ip) in claims {
            recorder.now = minutes * MINUTE;
            recorder.feed(&PROTOCOL, Role::Server, &reply(mac, ip)).unwrap();
        }
        recorder.lines.retain(|line| line.starts_with("anomaly") && !line.contains("address_mismatch"));
        recorder.lines
    }

    #[test]
    fn the_sender_says_its_address() {
        // From the capture arp-conflict.pcap of this project.
        let message = hex("0001 0800 0604 0001 020000000009 0a000009 000000000000 0a000005 000000000000000000000000000000000000");
        assert_eq!(probe(&message), Likeness::Sure);
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Server, &message).unwrap();
        assert_eq!(recorder.lines, ["fact arp about 020000000009 address=10.0.0.9"]);
    }

    #[test]
    fn probes_groups_and_other_hardware_say_nothing() {
        let mut recorder = Recorder::default();
        for message in [reply(FIRST, "00000000"), reply("ffffffffffff", IP), reply("000000000000", IP), reply(FIRST, "ffffffff")] {
            recorder.feed(&PROTOCOL, Role::Server, &message).unwrap();
        }
        let mut other = reply(FIRST, IP);
        other[1] = 15; // frame relay
        assert_eq!(probe(&other), Likeness::No);
        recorder.feed(&PROTOCOL, Role::Server, &other).unwrap();
        assert!(recorder.lines.is_empty(), "{:?}", recorder.lines);
    }

    #[test]
    fn an_address_moves_once() {
        let moved = "anomaly arp address_moved: 10.0.0.7 was at 02:00:00:00:00:09 and is now at 02:00:00:00:00:aa";
        assert_eq!(told(&[(0, FIRST, IP), (1, FIRST, IP), (2, SECOND, IP), (3, SECOND, IP), (30, SECOND, IP)]), [moved]);
    }

    #[test]
    fn two_that_claim_an_address_by_turns_are_in_conflict() {
        let conflict = "anomaly arp address_conflict: 10.0.0.7 is claimed by 02:00:00:00:00:09 and 02:00:00:00:00:aa";
        let lines = told(&[(0, FIRST, IP), (1, SECOND, IP), (2, SECOND, IP), (3, FIRST, IP), (4, SECOND, IP), (5, FIRST, IP)]);
        assert!(lines[0].contains("address_moved"), "{lines:?}");
        assert_eq!(lines[1..], [conflict; 3]);
    }

    #[test]
    fn an_address_that_comes_back_later_has_moved_again() {
        let lines = told(&[(0, FIRST, IP), (1, SECOND, IP), (11, FIRST, IP)]);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("was at 02:00:00:00:00:aa and is now at 02:00:00:00:00:09"), "{lines:?}");
    }

    #[test]
    fn shared_addresses_of_routers_are_no_conflict_by_themselves() {
        for shared in ["00005e000107", "00000c07ac01", "00000c9ff001", "0007b4000102", "02bf0a000007"] {
            let other = "00005e000108";
            assert!(told(&[(0, FIRST, IP), (1, shared, IP), (2, other, IP), (3, shared, IP)]).is_empty());
        }
        // But a host that claims a router's shared address is told.
        assert_eq!(told(&[(0, "00005e000107", IP), (1, FIRST, IP)]).len(), 1);
    }

    #[test]
    fn the_same_address_in_two_vlans_is_two_devices() {
        let mut recorder = Recorder::default();
        for (vlan, mac) in [(10, FIRST), (20, SECOND), (10, FIRST), (20, SECOND)] {
            recorder.vlan = vlan;
            recorder.feed(&PROTOCOL, Role::Server, &reply(mac, IP)).unwrap();
        }
        recorder.lines.retain(|line| line.starts_with("anomaly") && !line.contains("address_mismatch"));
        assert!(recorder.lines.is_empty(), "{:?}", recorder.lines);
    }

    #[test]
    fn who_speaks_in_anothers_name_is_told() {
        let mut recorder = Recorder::default();
        recorder.feed(&PROTOCOL, Role::Server, &reply(SECOND, IP)).unwrap();
        recorder.feed(&PROTOCOL, Role::Server, &reply("00005e000107", "0a000001")).unwrap();
        recorder.lines.retain(|line| line.starts_with("anomaly"));
        assert_eq!(recorder.lines, ["anomaly arp address_mismatch: 02:00:00:00:00:09 sends ARP in the name of 02:00:00:00:00:aa"]);
    }

    fn request(target: u8) -> Vec<u8> {
        hex(&format!("0001 0800 0604 0001 020000000005 0a000005 000000000000 0a0000{target:02x}"))
    }

    /// What is said of requests for so many addresses, one in so many seconds, after those that so many have claimed.
    fn searched(claimed: u8, asked: u8, seconds: i64) -> usize {
        let mut recorder = Recorder::default();
        for ip in 100..100 + claimed {
            recorder.feed(&PROTOCOL, Role::Server, &reply(FIRST, &format!("0a0000{ip:02x}"))).unwrap();
        }
        for number in 0..asked {
            recorder.now += seconds * 1_000_000_000;
            recorder.feed(&PROTOCOL, Role::Client, &request(100 + number)).unwrap();
            recorder.feed(&PROTOCOL, Role::Client, &request(100 + number)).unwrap();
        }
        recorder.lines.iter().filter(|line| line.starts_with("anomaly arp arp_scan: 10.0.0.5 asks for 40 addresses")).count()
    }

    #[test]
    fn who_asks_for_many_that_are_not_there_scans() {
        assert_eq!((searched(0, 39, 1), searched(0, 40, 1), searched(0, 78, 1), searched(0, 80, 1)), (0, 1, 1, 2));
        assert_eq!((searched(0, 40, 9), searched(0, 120, 10)), (1, 0), "40 in 360 seconds");
        assert_eq!((searched(120, 120, 1), searched(80, 120, 1), searched(81, 120, 1)), (0, 1, 0));
    }

    #[test]
    fn a_message_may_end_anywhere() {
        let message = reply(FIRST, IP);
        for length in 0..message.len() {
            let mut recorder = Recorder::default();
            let done = recorder.feed(&PROTOCOL, Role::Server, &message[..length]);
            assert_eq!(done.is_ok() && length > 0, length >= 18);
        }
    }
}
