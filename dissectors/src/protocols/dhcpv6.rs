//! DHCP for IPv6, RFC 8415.
//!
//! ```text
//! client, server  0  type  1  transaction 3  4  options: code 2, length 2, data
//! relay           0  type  1  hops           2  link address 16  18  peer address 16  34  options
//! ```

use super::dns::Name;
use super::{Likeness, Protocol};
use crate::decode::Address;
use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Sink, Subject};

const NAME: &str = "dhcpv6";
const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// Relays between a client and its server (RFC 8415 section 7.6).
const MOST_RELAYS: usize = 8;
const RELAY_MESSAGE: u16 = 9;
const VENDOR_CLASS: u16 = 16;
const CLIENT_NAME: u16 = 39;

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[546, 547], probe, dissect, ..Protocol::SERVICE };

/// The next option.
fn option<'a>(reader: &mut Reader<'a>) -> Result<(u16, &'a [u8])> {
    let (code, length) = (reader.u16_be()?, reader.u16_be()?);
    Ok((code, reader.octets(usize::from(length))?))
}

/// A known type and a first option that is one of RFC 8415's or its extensions'.
fn probe(octets: &[u8]) -> Likeness {
    let options = match octets {
        [1..=11, ..] => octets.get(4..),
        [RELAY_FORWARD | RELAY_REPLY, 0..=32, ..] => octets.get(34..),
        _ => None,
    };
    match options {
        Some([0, 1..=200, ..]) => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let (mut message, mut client) = (octets, sink.sender_addresses());
    for _ in 0..=MOST_RELAYS {
        let mut reader = Reader::new(message);
        match reader.u8()? {
            // Solicit, request, confirm, renew, rebind, release, decline, information request: all from the client.
            1 | 3..=6 | 8 | 9 | 11 => {
                reader.skip(3)?;
                return options(&mut reader, client, sink);
            }
            RELAY_FORWARD => {
                reader.skip(17)?;
                client = Subject::ip(Address(u128::from_be_bytes(reader.take()?)));
                message = loop {
                    if let (RELAY_MESSAGE, inner) = option(&mut reader)? {
                        break inner;
                    }
                };
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn options(reader: &mut Reader<'_>, client: Subject, sink: &mut dyn Sink) -> Result<()> {
    while !reader.is_empty() {
        match option(reader)? {
            // Enterprise number, then texts with their lengths.
            (VENDOR_CLASS, data) => {
                let mut classes = Reader::new(data);
                classes.skip(4)?;
                while let Ok(length) = classes.u16_be() {
                    sink.fact_about(client, NAME, facts::VENDOR_CLASS, classes.octets(usize::from(length))?);
                }
            }
            // RFC 4704: flags, then the name in the form of DNS.
            (CLIENT_NAME, [_, name @ ..]) => {
                if let Ok(name) = Name::alone(name) {
                    sink.fact_about(client, NAME, facts::HOSTNAME, name.text());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    /// Solicit of Windows' layout: client identifier, elapsed time, name, vendor class; by hand.
    const SOLICIT: &str =
        "01 a1b2c3 0001 000a 00030001020000000005 0008 0002 0000 0027 0007 00 05 504c432d37 0010 000e 00000137 0008 4d53465420352e30";

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets)
    }

    #[test]
    fn a_client_says_who_it_is() {
        assert_eq!(probe(&hex(SOLICIT)), Likeness::Possible);
        assert_eq!(
            told(&hex(SOLICIT)),
            ["fact dhcpv6 about 020000000005 10.0.0.5 hostname=PLC-7", "fact dhcpv6 about 020000000005 10.0.0.5 vendor_class=MSFT 5.0"]
        );
    }

    #[test]
    fn behind_a_relay_it_is_the_peer() {
        let inner = hex(SOLICIT);
        let mut relayed = hex("0c 00 20010db8000000000000000000000001 fe800000000000000000000000000007 0012 0002 6131 0009");
        relayed.extend(u16::try_from(inner.len()).unwrap().to_be_bytes());
        relayed.extend(inner);
        assert_eq!(probe(&relayed), Likeness::Possible);
        assert_eq!(told(&relayed), ["fact dhcpv6 about fe80::7 hostname=PLC-7", "fact dhcpv6 about fe80::7 vendor_class=MSFT 5.0"]);
        for length in 0..relayed.len() {
            told(&relayed[..length]);
        }
    }
}
