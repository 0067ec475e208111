//! The computer browser of Windows (MS-BRWS): announcements in a mailslot of SMB (MS-CIFS section 2.2.4.33) in a NetBIOS
//! datagram (RFC 1002 section 4.4).
//!
//! ```text
//! datagram       0  type  1  flags  2  identifier  4  source address  8  port  10  length  12  offset
//!               14  source name, destination name (RFC 1001), SMB
//! SMB            0  FF 'S' 'M' 'B'  4  0x25 transaction  32  words  33  these, of which 22 data length and 24 data offset
//!               61  setup of a mailslot (3 words)  67  length 2  69  "\MAILSLOT\BROWSE"
//! announcement   0  code  1  count  2  period 4  6  name 16  22  version of the system 2  24  type of server 4
//!               28  version of the browser 2  30  signature 2  32  comment
//! election       0  code  1  version  2  criteria 4  6  up time 4  10  unused 4  14  name
//! ```

use super::dns::{Name, skip_name};
use super::nbns::NetbiosName;
use super::{Likeness, Protocol};
use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::Sink;
use crate::text::up_to_zero;

const NAME: &str = "browser";
const DIRECT_UNIQUE: u8 = 0x10;
const DIRECT_GROUP: u8 = 0x11;
const BROADCAST: u8 = 0x12;
const NAMES_AT: usize = 14;
const SMB: [u8; 4] = [0xff, b'S', b'M', b'B'];
const TRANSACTION: u8 = 0x25;
const MAILSLOT: &[u8] = b"\\MAILSLOT\\BROWSE";
/// Where the name of the mailslot stands in the SMB message.
const MAILSLOT_AT: usize = 69;

const HOST_ANNOUNCEMENT: u8 = 0x01;
const ANNOUNCEMENT_REQUEST: u8 = 0x02;
const ELECTION: u8 = 0x08;
const DOMAIN_ANNOUNCEMENT: u8 = 0x0c;
const MASTER_ANNOUNCEMENT: u8 = 0x0d;
const LOCAL_MASTER_ANNOUNCEMENT: u8 = 0x0f;

/// Bits of the server type that say what a host does (MS-RAP section 2.5.5.2.1, `SV_TYPE`).
const ROLES: [(u32, &str); 20] = [
    (0x0000_0001, "workstation"),
    (0x0000_0002, "server"),
    (0x0000_0004, "SQL server"),
    (0x0000_0008, "domain controller"),
    (0x0000_0010, "backup domain controller"),
    (0x0000_0020, "time source"),
    (0x0000_0040, "Apple file server"),
    (0x0000_0080, "Novell server"),
    (0x0000_0100, "domain member"),
    (0x0000_0200, "print queue server"),
    (0x0000_0400, "dial-in server"),
    (0x0000_0800, "Unix server"),
    (0x0000_4000, "NetWare file and print server"),
    (0x0001_0000, "potential browser"),
    (0x0002_0000, "backup browser"),
    (0x0004_0000, "master browser"),
    (0x0008_0000, "domain master browser"),
    (0x0080_0000, "DFS root"),
    (0x0100_0000, "cluster"),
    (0x0200_0000, "terminal server"),
];

pub(super) static PROTOCOL: Protocol = Protocol { name: NAME, udp_ports: &[138], probe, dissect, ..Protocol::SERVICE };

/// A datagram of a known type, from a name that is encoded as one.
fn probe(octets: &[u8]) -> Likeness {
    match octets {
        [DIRECT_UNIQUE..=BROADCAST, flags, _, _, _, _, _, _, _, _, _, _, _, _, 32, name @ ..]
            if flags & 0xf0 == 0 && name.iter().take(32).all(|octet| matches!(octet, b'A'..=b'P')) =>
        {
            Likeness::Possible
        }
        // Datagram error and query.
        [0x13, ..] if octets.len() == 11 => Likeness::Possible,
        [0x14..=0x16, flags, ..] if flags & 0xf0 == 0 && octets.get(10) == Some(&32) => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn dissect(octets: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let [kind @ DIRECT_UNIQUE..=BROADCAST, flags, ..] = *octets else { return Ok(()) };
    // Only the first fragment has names and message from their fronts.
    if octets.get(12..NAMES_AT) != Some(&[0, 0]) || flags & 2 == 0 {
        return Ok(());
    }
    let named = |at| Name::read(octets, at).map(|name| NetbiosName::decode(name.first_label()));
    if let Some(source) = named(NAMES_AT)?
        && matches!(source.suffix, 0x00 | 0x20)
    {
        sink.fact(NAME, None, facts::HOSTNAME, source.text());
    }
    let mut reader = Reader::new(octets);
    reader.skip(NAMES_AT)?;
    skip_name(&mut reader)?;
    if let Some(destination) = named(reader.position())?
        && matches!((destination.suffix, kind), (0x1d | 0x1e, _) | (0x00, DIRECT_GROUP))
    {
        sink.fact(NAME, None, facts::DOMAIN, destination.text());
    }
    skip_name(&mut reader)?;
    mailslot(reader.rest(), sink)
}

/// What is written to the browser's mailslot.
fn mailslot(smb: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(smb);
    if reader.take()? != SMB || reader.u8()? != TRANSACTION {
        return Ok(());
    }
    let name = smb.get(MAILSLOT_AT..).and_then(|rest| rest.split_at_checked(MAILSLOT.len()));
    if !name.is_some_and(|(name, _)| name.eq_ignore_ascii_case(MAILSLOT)) {
        return Ok(());
    }
    reader.skip(28 + 22)?;
    let (length, offset) = (reader.u16_le()?, reader.u16_le()?);
    let data = smb.get(usize::from(offset)..).ok_or(Error::Truncated { at: smb.len() })?;
    browse(Reader::new(data).up_to(usize::from(length)), sink)
}

fn browse(message: &[u8], sink: &mut dyn Sink) -> Result<()> {
    let mut reader = Reader::new(message);
    match reader.u8()? {
        HOST_ANNOUNCEMENT | LOCAL_MASTER_ANNOUNCEMENT => {
            reader.skip(5)?;
            sink.fact(NAME, None, facts::HOSTNAME, up_to_zero(reader.octets(16)?));
            let [major, minor] = reader.take()?;
            sink.fact_text(NAME, None, facts::OPERATING_SYSTEM, format_args!("{major}.{minor}"));
            let kinds = reader.u32_le()?;
            for (_, role) in ROLES.iter().filter(|(bit, _)| kinds & bit != 0) {
                sink.fact(NAME, None, facts::ROLE, role.as_bytes());
            }
            reader.skip(4)?;
            sink.fact(NAME, None, facts::DESCRIPTION, up_to_zero(reader.rest()));
        }
        // The master browser of a workgroup tells of it, and its own name where the comment would be.
        DOMAIN_ANNOUNCEMENT => {
            reader.skip(5)?;
            sink.fact(NAME, None, facts::DOMAIN, up_to_zero(reader.octets(16)?));
            reader.skip(10)?;
            sink.fact(NAME, None, facts::HOSTNAME, up_to_zero(reader.rest()));
        }
        ANNOUNCEMENT_REQUEST => {
            reader.skip(1)?;
            sink.fact(NAME, None, facts::HOSTNAME, up_to_zero(reader.rest()));
        }
        ELECTION => {
            reader.skip(13)?;
            sink.fact(NAME, None, facts::HOSTNAME, up_to_zero(reader.rest()));
        }
        MASTER_ANNOUNCEMENT => sink.fact(NAME, None, facts::HOSTNAME, up_to_zero(reader.rest())),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Role;
    use crate::testing::{self, hex};

    /// Local master announcement of Samba 4.9: octets of addroute1.pcapng of github.com/ITI/ICS-Security-Tools.
    const SAMBA: &str =
        "110a0dc7c0a801c7008a00d70000204645454a434e4647454e434143414341434143414341434143414341434141410020464845504643454c45484643455046
        464641434143414341434143414341424f00ff534d42250000000000000000000000000000000000000000000000000000001100003d0000000000000000
        00000000000000000000003d00560003000100010002004e005c4d41494c534c4f545c42524f575345000f1f20bf020054492d564d000000000000000000
        00000409039a84000f0155aa54492d564d20736572766572202853616d62612c205562756e74752900";
    /// Domain announcement: as above.
    const WINDOWS: &str =
        "1102a52cc0a801c2008a00c2000020454b45444650464b45494542455043414341434143414341434143414341414100204142414346504650454e4644454346
        434550464846444546465046504143414200ff534d422500000000000000000000000000000000000000000000000000000011000028000000000000000000e8
        03000000000000000028005600030001000100020039005c4d41494c534c4f545c42524f575345000c00e0930400574f524b47524f555000000000000000030a
        00100080fe0700004a435f5a48414f00";
    /// Announcement of Windows: octets of 104deneme.pcap of github.com/EmreEkin/ICS-Pcaps; `{}` stands for the data.
    const FRONT: &str =
        "1102cf79c0a8014b008a00bb000020454545464644454c464545504641434e454e444645444448454d4442444543410020464845504643454c45484643455046
        464641434143414341434143414341424e00ff534d422500000000000000000000000000000000000000000000000000000011000021000000000000000000e8
        03000000000000000021005600030001000000020032005c4d41494c534c4f545c42524f57534500";

    fn told(octets: &[u8]) -> Vec<String> {
        testing::told(&PROTOCOL, Role::Client, octets)
    }

    #[test]
    fn a_server_announces_itself_and_its_workgroup() {
        assert_eq!(probe(&hex(SAMBA)), Likeness::Possible);
        assert_eq!(
            told(&hex(SAMBA)),
            [
                "fact browser unit= hostname=TI-VM",
                "fact browser unit= domain=WORKGROUP",
                "fact browser unit= hostname=TI-VM",
                "fact browser unit= operating_system=4.9",
                "fact browser unit= role=workstation",
                "fact browser unit= role=server",
                "fact browser unit= role=print queue server",
                "fact browser unit= role=Unix server",
                "fact browser unit= role=master browser",
                "fact browser unit= role=DFS root",
                "fact browser unit= description=TI-VM server (Samba, Ubuntu)",
            ]
        );
        assert_eq!(
            told(&hex(WINDOWS)),
            ["fact browser unit= hostname=JC_ZHAO", "fact browser unit= domain=WORKGROUP", "fact browser unit= hostname=JC_ZHAO",]
        );
    }

    #[test]
    fn an_election_names_the_candidate() {
        let election = hex(&format!("{FRONT} 08 01 0f01140c 00000001 00000000 484d492d3400"));
        assert_eq!(told(&election).last().map(String::as_str), Some("fact browser unit= hostname=HMI-4"));
    }

    #[test]
    fn any_octets_are_survived() {
        for text in [SAMBA, WINDOWS] {
            let octets = hex(text);
            for length in 0..octets.len() {
                told(&octets[..length]);
                let _ = probe(&octets[..length]);
                let mut other = octets.clone();
                other[length] ^= 0xff;
                told(&other);
            }
        }
    }
}
