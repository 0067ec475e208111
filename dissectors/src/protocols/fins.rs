//! FINS of Omron (W227 "FINS Commands Reference Manual" section 3; W421 section 7-4 for TCP).
//!
//! ```text
//! over TCP  0  'F' 'I' 'N' 'S'  4  length of the rest 4  8  command: 2 carries FINS  12  error 4  16  then as over UDP
//! header    0  ICF (0x40 response)  1  0  2  gateways  3  destination: network, node, unit  6  source: the same  9  number
//! command  10  code 2  12  in a response: end code 2  14  data
//! 05 01    model 20, version 20 …
//! 05 02    how many 1, then each: unit address 1, model 20
//! ```

use core::fmt::Write;

use super::{Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text::up_to_zero;

const NAME: &str = "fins";
const MAGIC: [u8; 4] = *b"FINS";
/// Header over TCP as far as the length counts from, and all of it.
const LENGTH_AFTER: u32 = 8;
const HEADER: usize = 16;
const LONGEST: u32 = 4096;
const CARRIES_FINS: [u8; 4] = [0, 0, 0, 2];
const IS_RESPONSE: u8 = 0x40;
const READ_CONTROLLER: [u8; 2] = [5, 1];
const READ_CONNECTION: [u8; 2] = [5, 2];

pub(super) static PROTOCOL: Protocol =
    Protocol { name: NAME, tcp_ports: &[9600], udp_ports: &[9600], first_messages: 64, probe, frame, dissect, ..Protocol::SERVICE };

fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [b'F', b'I', b'N', b'S', length @ ..] => match length.first_chunk() {
            Some(length) if (LENGTH_AFTER..=LONGEST).contains(&u32::from_be_bytes(*length)) => Likeness::Sure,
            _ => Likeness::No,
        },
        // Nobody knows a main code above 0x28, or more than seven gateways.
        [icf, 0, 0..=7, network, _, _, 0..=127, _, _, _, 1..=0x28, 1..=0x40, ..] if icf & 0x3e == 0 && *network < 128 => Likeness::Possible,
        _ => Likeness::No,
    }
}

/// With the magic it is TCP, else a datagram is one message.
fn frame(octets: &[u8]) -> Result<Option<usize>> {
    if octets.len() < MAGIC.len() && MAGIC.starts_with(octets) {
        return Ok(None);
    }
    match (octets.strip_prefix(&MAGIC), probe(octets)) {
        (Some(rest), _) => {
            let Some(length) = rest.first_chunk() else { return Ok(None) };
            let length = u32::from_be_bytes(*length);
            if !(LENGTH_AFTER..=LONGEST).contains(&length) {
                return Err(Error::Malformed("FINS of an impossible length"));
            }
            Ok(usize::try_from(length.saturating_add(LENGTH_AFTER)).ok())
        }
        (None, Likeness::Possible) => Ok(Some(octets.len())),
        (None, _) => Err(Error::Malformed("not a message of FINS")),
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let message = match octets.strip_prefix(&MAGIC) {
        Some([_, _, _, _, a, b, c, d, ..]) if [*a, *b, *c, *d] == CARRIES_FINS => octets.get(HEADER..).unwrap_or_default(),
        Some(_) => return Ok(()),
        None => octets,
    };
    let mut reader = Reader::new(message);
    let [icf, _, _, _, _, _, network, node, unit, _] = reader.take()?;
    let command: [u8; 2] = reader.take()?;
    if icf & IS_RESPONSE == 0 || !matches!(command, READ_CONTROLLER | READ_CONNECTION) {
        return Ok(());
    }
    let [main, sub] = reader.take()?;
    // The top bits of both tell of a relay on the way and of an error of the CPU unit that stays.
    if main & 0x7f != 0 || sub & 0x3f != 0 {
        return Ok(());
    }
    if command == READ_CONTROLLER {
        // Behind a gateway it is the node of another network.
        let source = [network, node, unit];
        let unit = Some(if network == 0 { Label::NONE } else { Label { octets: &source, render: render_node } });
        for key in [facts::MODEL, facts::FIRMWARE] {
            sink.fact(NAME, unit, key, up_to_zero(reader.octets(20)?));
        }
        return Ok(());
    }
    for _ in 0..reader.u8()? & 0x7f {
        let unit = reader.take::<1>()?;
        sink.fact(NAME, Some(Label { octets: &unit, render: render_unit }), facts::MODEL, up_to_zero(reader.octets(20)?));
    }
    Ok(())
}

fn render_node(octets: &[u8], out: &mut String) {
    if let [network, node, unit] = octets {
        let _ = write!(out, "network {network} node {node} unit {unit}");
    }
}

fn render_unit(octets: &[u8], out: &mut String) {
    if let [unit] = octets {
        let _ = write!(out, "unit {unit}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    /// Octets of `omron_test.pcap` of github.com/digitalbond/Quickdraw-Snort.
    const CONTROLLER: &str =
        "c0000200630000c800ef050100004350314c2d454c323044522d440000002020202030312e3030000000000030312e3036000000000000000000000000000000
        000000000000000000010000000000000000000000000000000000010003000a172a1008000000000000";
    const ASKED: &str = "800002000000006300ef050100";

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Server, octets)
    }

    #[test]
    fn a_controller_says_its_model_over_udp() {
        let octets = hex(CONTROLLER);
        assert_eq!(probe(&octets), Likeness::Possible);
        assert_eq!(probe(&hex(ASKED)), Likeness::Possible);
        assert_eq!(told(&octets), ["fact fins unit= model=CP1L-EL20DR-D", "fact fins unit= firmware=01.00"]);
        assert_eq!(told(&hex(ASKED)), Vec::<String>::new());
        for length in 0..octets.len() {
            told(&octets[..length]);
            let _ = probe(&octets[..length]);
        }
    }

    #[test]
    fn and_over_tcp_however_it_is_cut() {
        let message = hex(CONTROLLER);
        let mut stream = hex("46494e53 00000000 00000002 00000000");
        stream[7] = u8::try_from(message.len() + 8).unwrap();
        stream.extend(message);
        assert_eq!(probe(&stream), Likeness::Sure);
        for length in 0..stream.len() {
            assert_eq!(frame(&stream[..length]), Ok((length >= 8).then_some(stream.len())), "{length}");
            told(&stream[..length]);
        }
        assert_eq!(told(&stream), told(&hex(CONTROLLER)));
        assert!(frame(&hex("46494e53 ffffffff 00000002")).is_err());
        assert!(frame(b"GET / HTTP/1.1").is_err());
    }

    #[test]
    fn a_rack_lists_its_units() {
        let unit = "10 434a31572d4d4434000000000000000000000000";
        assert_eq!(told(&hex(&format!("c0000200010000020001 0502 0000 01 {unit}"))), ["fact fins unit=unit 16 model=CJ1W-MD4"]);
    }
}
