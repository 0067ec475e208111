//! Frames of conversations that somebody asks for: those nearest to the moment that matters, within bounds.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::decode::{self, Address, Decoded, Ip, Link, Mac};
use crate::observations::Transport;
use crate::source::{Frame, LinkType};
use crate::tunnel::{self, Carried};

/// `EtherType` of ARP, whose frames are between the addresses that they speak of.
const ARP: u16 = 0x0806;
/// Tunnels within tunnels that are opened.
const DEEPEST_TUNNEL: u8 = 4;

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// By its IP address.
    Ip(Address),
    /// By its MAC address.
    Mac(Mac),
}

/// What frames are asked for, in either direction. What is none is of any value.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Both ends; with one of them, what is from and to it; with none, every frame.
    pub ends: [Option<End>; 2],
    /// The ports of those ends.
    pub ports: [Option<u16>; 2],
    /// The transport.
    pub transport: Option<Transport>,
    /// The innermost VLAN.
    pub vlan: Option<u16>,
    /// No frame from before.
    pub since: i64,
    /// No frame from after.
    pub until: i64,
    /// Where there are more than may be kept, those nearest to this time are.
    pub near: i64,
    /// So many frames.
    pub most_frames: usize,
    /// So many octets, but for the last frame of all.
    pub most_octets: usize,
}

/// Who a frame is from and to, as far as it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Sender and receiver on the link.
    pub macs: [Mac; 2],
    /// Sender and receiver of the IP packet, or those that ARP speaks of.
    pub addresses: [Address; 2],
    /// Their ports; none where it has none, or they are in another fragment.
    pub ports: Option<[u16; 2]>,
    /// The transport.
    pub transport: Transport,
    /// Innermost VLAN, 0 for none.
    pub vlan: u16,
}

/// A frame that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// When it was captured.
    pub time: i64,
    /// What its first octets are.
    pub link: LinkType,
    /// Its length on the wire.
    pub wire_length: u32,
    /// Number of the interface that captured it.
    pub interface: u32,
    /// What was captured of it.
    pub octets: Box<[u8]>,
}

impl Picked {
    fn distance(&self, time: i64) -> u64 {
        self.time.abs_diff(time)
    }
}

/// Looks for frames, each of which it is shown once.
pub struct Pick {
    wanted: Vec<(Wanted, Taken)>,
    /// Places in `wanted`, by an end that their frames have in common.
    by_end: HashMap<End, Vec<usize>, RandomState>,
    /// Those of which every frame is asked for.
    any: Vec<usize>,
    since: i64,
    until: i64,
}

impl Pick {
    /// Look for all of these.
    #[must_use]
    pub fn new(wanted: Vec<Wanted>) -> Self {
        let mut by_end: HashMap<End, Vec<usize>, RandomState> = HashMap::default();
        let mut any = vec![];
        for (place, one) in wanted.iter().enumerate() {
            match one.ends {
                [Some(end), _] | [None, Some(end)] => by_end.entry(end).or_default().push(place),
                [None, None] => any.push(place),
            }
        }
        let since = wanted.iter().map(|one| one.since).min().unwrap_or(i64::MAX);
        let until = wanted.iter().map(|one| one.until).max().unwrap_or(i64::MIN);
        Self { wanted: wanted.into_iter().map(|one| (one, Taken::default())).collect(), by_end, any, since, until }
    }

    /// No frame from before is asked for, and none from after.
    #[must_use]
    pub const fn span(&self) -> (i64, i64) {
        (self.since, self.until)
    }

    /// Take it where it is asked for.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        if !(self.since..=self.until).contains(&frame.time) {
            return;
        }
        let route = if self.by_end.is_empty() { None } else { route(frame.link, frame.octets) };
        for place in &self.any {
            take(&mut self.wanted, *place, frame, None);
        }
        let Some(route) = route else { return };
        let ([from, to], [sender, receiver]) = (route.addresses.map(End::Ip), route.macs.map(End::Mac));
        for (end, again) in [(from, false), (to, to == from), (sender, false), (receiver, receiver == sender)] {
            for place in self.by_end.get(&end).filter(|_| !again).into_iter().flatten() {
                take(&mut self.wanted, *place, frame, Some(&route));
            }
        }
    }

    /// What was found, in the order in which it was asked for.
    #[must_use]
    pub fn found(self) -> Vec<Vec<Picked>> {
        self.wanted.into_iter().map(|(_, taken)| taken.frames.into()).collect()
    }
}

fn take(wanted: &mut [(Wanted, Taken)], place: usize, frame: &Frame<'_>, route: Option<&Route>) {
    if let Some((wanted, taken)) = wanted.get_mut(place)
        && (wanted.since..=wanted.until).contains(&frame.time)
        && route.is_none_or(|route| wanted.is_on(route))
    {
        taken.add(frame, wanted);
    }
}

impl Wanted {
    fn is_on(&self, route: &Route) -> bool {
        self.vlan.is_none_or(|vlan| vlan == route.vlan)
            && self.transport.is_none_or(|transport| transport == route.transport)
            && ((self.has(0, route, 0) && self.has(1, route, 1)) || (self.has(0, route, 1) && self.has(1, route, 0)))
    }

    /// May that end that is asked for be on that side of the route?
    fn has(&self, end: usize, route: &Route, side: usize) -> bool {
        let of = |macs: [Mac; 2]| macs.get(side).copied();
        let is_end = match self.ends.get(end).copied().flatten() {
            None => true,
            Some(End::Ip(address)) => route.addresses.get(side) == Some(&address),
            Some(End::Mac(mac)) => of(route.macs) == Some(mac),
        };
        let port = self.ports.get(end).copied().flatten();
        is_end && port.is_none_or(|port| route.ports.is_none_or(|ports| ports.get(side) == Some(&port)))
    }
}

/// What was taken so far, in the order of time where it was shown so.
#[derive(Default)]
struct Taken {
    frames: VecDeque<Picked>,
    octets: usize,
}

impl Taken {
    fn add(&mut self, frame: &Frame<'_>, wanted: &Wanted) {
        let Frame { octets, wire_length, time, link, interface } = *frame;
        self.octets = self.octets.saturating_add(octets.len());
        self.frames.push_back(Picked { time, link, wire_length, interface, octets: octets.into() });
        while self.frames.len() > 1 && (self.frames.len() > wanted.most_frames || self.octets > wanted.most_octets) {
            let distance = |picked: Option<&Picked>| picked.map_or(0, |picked| picked.distance(wanted.near));
            // Of two that are equally far the earlier is kept: with others of the same time it is what began it all.
            let farther =
                if distance(self.frames.front()) > distance(self.frames.back()) { self.frames.pop_front() } else { self.frames.pop_back() };
            self.octets = self.octets.saturating_sub(farther.map_or(0, |picked| picked.octets.len()));
        }
    }
}

/// Who a frame is from and to; of what came through a tunnel, what is within. None where that cannot be read.
#[must_use]
pub fn route(link: LinkType, octets: &[u8]) -> Option<Route> {
    of_decoded(&decode::decode(link, octets), 0)
}

fn of_decoded(decoded: &Decoded<'_>, depth: u8) -> Option<Route> {
    match decoded {
        Decoded::Ip(link, ip) => match of_tunnel(ip).filter(|_| depth < DEEPEST_TUNNEL) {
            Some(carried) => of_decoded(&decode::carried(&carried), depth.saturating_add(1)),
            None => Some(of_ip(link, ip)),
        },
        Decoded::Other(link, ether_type, payload) => {
            let addresses = match payload {
                // Of Ethernet and IPv4: the operation, then hardware and protocol address of sender and target.
                [0, 1, 8, 0, 6, 4, _, _, _, _, _, _, _, _, s0, s1, s2, s3, _, _, _, _, _, _, t0, t1, t2, t3, ..] if *ether_type == ARP => {
                    [Address::v4([*s0, *s1, *s2, *s3]), Address::v4([*t0, *t1, *t2, *t3])]
                }
                _ => [Address::NONE; 2],
            };
            let macs = [link.source, link.destination];
            Some(Route { macs, addresses, ports: None, transport: Transport::Ethernet, vlan: link.vlan })
        }
        Decoded::Unsupported | Decoded::Malformed(_) => None,
    }
}

fn of_tunnel<'a>(ip: &Ip<'a>) -> Option<Carried<'a>> {
    match ip.protocol {
        _ if ip.fragment.is_some() => None,
        decode::UDP => tunnel::udp(&decode::udp(ip.payload, ip.length)?),
        tunnel::GRE => tunnel::gre(ip),
        _ => None,
    }
}

fn of_ip(link: &Link, ip: &Ip<'_>) -> Route {
    let transport = match ip.protocol {
        decode::TCP => Transport::Tcp,
        decode::UDP => Transport::Udp,
        decode::ICMP | decode::ICMP_V6 => Transport::Icmp,
        _ => Transport::Ip,
    };
    let ports = match ip.payload {
        [s0, s1, d0, d1, ..] if transport.has_connections() && ip.fragment.is_none_or(|fragment| fragment.offset == 0) => {
            Some([u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1])])
        }
        _ => None,
    };
    Route { macs: [link.source, link.destination], addresses: [ip.source, ip.destination], ports, transport, vlan: link.vlan }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const CLIENT: End = End::Ip(Address::v4([10, 0, 0, 1]));
    const SERVER: End = End::Ip(Address::v4([10, 0, 0, 2]));
    const ALL: Wanted = Wanted {
        ends: [None; 2],
        ports: [None; 2],
        transport: None,
        vlan: None,
        since: i64::MIN,
        until: i64::MAX,
        near: 0,
        most_frames: 100,
        most_octets: 100_000,
    };

    /// UDP from 10.0.0.1 port 4096 to 10.0.0.2 port 502, in VLAN 5.
    fn datagram() -> Vec<u8> {
        hex("020000000002 020000000001 8100 0005 0800 4500 001d 0000 0000 4011 0000 0a000001 0a000002 1000 01f6 0009 0000 55")
    }

    fn picked(wanted: Wanted, octets: &[u8]) -> usize {
        let mut pick = Pick::new(vec![wanted]);
        pick.frame(&Frame { octets, wire_length: 60, time: 0, link: LinkType::ETHERNET, interface: 0 });
        pick.found()[0].len()
    }

    #[test]
    fn a_conversation_is_told_by_its_ends_in_either_direction() {
        let frame = datagram();
        let mac = |last| Some(End::Mac(Mac::new([2, 0, 0, 0, 0, last])));
        for ends in
            [[Some(CLIENT), Some(SERVER)], [Some(SERVER), Some(CLIENT)], [Some(SERVER), None], [None, Some(CLIENT)], [mac(1), mac(2)]]
        {
            assert_eq!(picked(Wanted { ends, ..ALL }, &frame), 1, "{ends:?}");
        }
        let other = Some(End::Ip(Address::v4([10, 0, 0, 3])));
        for ends in [[Some(CLIENT), other], [other, Some(CLIENT)], [Some(CLIENT), Some(CLIENT)], [mac(3), None]] {
            assert_eq!(picked(Wanted { ends, ..ALL }, &frame), 0, "{ends:?}");
        }
    }

    #[test]
    fn ports_transport_and_vlan_count_where_they_are_given() {
        let frame = datagram();
        let wanted =
            Wanted { ends: [Some(CLIENT), Some(SERVER)], ports: [None, Some(502)], transport: Some(Transport::Udp), vlan: Some(5), ..ALL };
        assert_eq!(picked(wanted.clone(), &frame), 1);
        assert_eq!(picked(Wanted { ports: [Some(502), None], ..wanted.clone() }, &frame), 0);
        assert_eq!(picked(Wanted { ends: [Some(SERVER), None], ports: [Some(502), None], ..wanted.clone() }, &frame), 1);
        assert_eq!(picked(Wanted { vlan: Some(6), ..wanted.clone() }, &frame), 0);
        assert_eq!(picked(Wanted { transport: Some(Transport::Tcp), ..wanted }, &frame), 0);
    }

    #[test]
    fn fragments_without_ports_belong_to_all_conversations_of_their_ends() {
        let mut frame = datagram();
        frame[25] = 1;
        assert_eq!(picked(Wanted { ends: [Some(CLIENT), Some(SERVER)], ports: [None, Some(9)], ..ALL }, &frame), 1);
    }

    #[test]
    fn arp_is_between_the_addresses_that_it_speaks_of() {
        let frame = hex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002");
        assert_eq!(picked(Wanted { ends: [Some(CLIENT), None], ..ALL }, &frame), 1);
        assert_eq!(picked(Wanted { ends: [Some(CLIENT), Some(SERVER)], transport: Some(Transport::Ethernet), ..ALL }, &frame), 1);
    }

    #[test]
    fn what_came_through_a_tunnel_counts_as_if_it_had_come_without() {
        let inner = datagram();
        let length = u16::try_from(inner.len()).unwrap();
        let mut frame = hex("020000000004 020000000003 0800 4500");
        frame.extend((length + 36).to_be_bytes());
        frame.extend(hex("0000 0000 4011 0000 c0000201 c0000202 1000 12b5"));
        frame.extend((length + 16).to_be_bytes());
        frame.extend(hex("0000 08000000 00000100"));
        frame.extend(&inner);
        assert_eq!(picked(Wanted { ends: [Some(CLIENT), Some(SERVER)], ports: [None, Some(502)], vlan: Some(5), ..ALL }, &frame), 1);
    }

    #[test]
    fn where_there_are_too_many_those_nearest_to_the_moment_stay() {
        let times = |wanted: Wanted, given: &[i64]| {
            let mut pick = Pick::new(vec![wanted]);
            for time in given {
                pick.frame(&Frame { octets: &[0; 100], wire_length: 100, time: *time, link: LinkType::ETHERNET, interface: 0 });
            }
            pick.found()[0].iter().map(|picked| picked.time).collect::<Vec<_>>()
        };
        let all: Vec<i64> = (-50..50).collect();
        assert_eq!(times(Wanted { most_frames: 3, ..ALL }, &all), [-1, 0, 1]);
        assert_eq!(times(Wanted { most_octets: 250, ..ALL }, &all), [-1, 0]);
        assert_eq!(times(Wanted { most_octets: 1, ..ALL }, &all), [0]);
        assert_eq!(times(Wanted { since: 7, until: 9, ..ALL }, &all), [7, 8, 9]);
        let mut reversed = all;
        reversed.reverse();
        assert!(times(Wanted { most_frames: 3, ..ALL }, &reversed).contains(&0));
        assert_eq!(times(Wanted { near: i64::MIN, most_frames: 1, ..ALL }, &[i64::MIN, i64::MAX]), [i64::MIN]);
    }

    #[test]
    fn whatever_the_octets_are_nothing_happens_but_that_they_are_not_found() {
        let frame = datagram();
        let wanted = Wanted { ends: [Some(CLIENT), Some(SERVER)], ..ALL };
        for length in 0..=frame.len() {
            let held = picked(wanted.clone(), &frame[..length]);
            assert_eq!(held == 1, length >= 38, "{length}");
        }
        for link in 0..=300 {
            for octets in [&[][..], &[0; 100], &[0xff; 100], &frame] {
                let _ = route(LinkType(link), octets);
            }
        }
        assert_eq!(picked(ALL, &[]), 1);
    }
}
