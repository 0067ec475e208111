//! The messages of NTLM ([MS-NLMP], 2.2.1), in which hosts of Windows networks introduce themselves. No protocol of its own:
//! SMB and HTTP carry them.
//!
//! ```text
//!  0  "NTLMSSP" 0 (8)  type (4)
//! NEGOTIATE     12  flags (4)  domain (8)  workstation (8)  version (8)
//! CHALLENGE     12  target name (8)  flags (4)  challenge (8)  reserved (8)  target information (8)  version (8)
//! AUTHENTICATE  12  LM response (8)  NT response (8)  domain (8)  user (8)  workstation (8)  session key (8)  flags (4)  version (8)
//! ```
//!
//! Least significant octet first. A field is length (2), room (2) and offset from the signature (4). Target information is a
//! row of pairs: identifier (2), length (2), value.

use crate::error::Result;
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;

const UNICODE: u32 = 0x0000_0001;
const DOMAIN_SUPPLIED: u32 = 0x0000_1000;
const WORKSTATION_SUPPLIED: u32 = 0x0000_2000;
const TARGET_IS_DOMAIN: u32 = 0x0001_0000;
const TARGET_IS_SERVER: u32 = 0x0002_0000;
const VERSION: u32 = 0x0200_0000;

/// Octets in which the signature is looked for.
const FARTHEST: usize = 4096;
/// Pairs of the target information that are read.
const MOST_PAIRS: usize = 32;

// Identifiers of target information.
const NETBIOS_COMPUTER: u16 = 1;
const NETBIOS_DOMAIN: u16 = 2;
const DNS_COMPUTER: u16 = 3;
const DNS_DOMAIN: u16 = 4;
const DNS_FOREST: u16 = 5;

/// Tell what the NTLM message says that is somewhere in `octets`: they may be wrapped in SPNEGO (RFC 4178) or not at all.
pub(super) fn dissect(octets: &[u8], source: &'static str, sink: &mut dyn Sink) -> Result<()> {
    read(octets, source, true, sink)
}

/// The same without the version, which stacks that are no Windows make up, too.
pub(super) fn names(octets: &[u8], source: &'static str, sink: &mut dyn Sink) -> Result<()> {
    read(octets, source, false, sink)
}

fn read(octets: &[u8], source: &'static str, with_version: bool, sink: &mut dyn Sink) -> Result<()> {
    let window = octets.get(..FARTHEST).unwrap_or(octets);
    let Some(at) = window.windows(SIGNATURE.len()).position(|window| window == SIGNATURE) else { return Ok(()) };
    let mut message = Message { octets: octets.get(at..).unwrap_or_default(), flags: 0, source, with_version, sink };
    let mut reader = Reader::new(message.octets);
    reader.skip(SIGNATURE.len())?;
    match reader.u32_le()? {
        NEGOTIATE => message.negotiate(&mut reader),
        CHALLENGE => message.challenge(&mut reader),
        AUTHENTICATE => message.authenticate(&mut reader),
        _ => Ok(()),
    }
}

/// The pairs of target information, up to its end.
fn pairs(information: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut reader = Reader::new(information);
    let pair = move || {
        let identifier = reader.u16_le().ok().filter(|identifier| *identifier != 0)?;
        let length = reader.u16_le().ok()?;
        Some((identifier, reader.octets(usize::from(length)).ok()?))
    };
    core::iter::from_fn(pair).take(MOST_PAIRS)
}

fn has(information: &[u8], identifier: u16, value: &[u8]) -> bool {
    pairs(information).any(|pair| pair == (identifier, value))
}

struct Message<'a> {
    octets: &'a [u8],
    flags: u32,
    source: &'static str,
    with_version: bool,
    sink: &'a mut dyn Sink,
}

impl<'a> Message<'a> {
    fn negotiate(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let flags = reader.u32_le()?;
        let domain = self.field(reader.take()?);
        let workstation = self.field(reader.take()?);
        // Its texts are in the OEM character set whatever it offers; before those of the version, which old ones lack.
        if flags & DOMAIN_SUPPLIED != 0 {
            self.fact(facts::DOMAIN, domain);
        }
        if flags & WORKSTATION_SUPPLIED != 0 {
            self.fact(facts::HOSTNAME, workstation);
        }
        self.flags = flags;
        self.version(reader)
    }

    fn challenge(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let target = self.field(reader.take()?);
        self.flags = reader.u32_le()?;
        if self.flags & TARGET_IS_DOMAIN != 0 {
            self.fact(facts::DOMAIN, target);
        } else if self.flags & TARGET_IS_SERVER != 0 {
            self.fact(facts::HOSTNAME, target);
        }
        reader.skip(16)?;
        let information = self.field(reader.take()?);
        for (identifier, value) in pairs(information) {
            match identifier {
                NETBIOS_COMPUTER | DNS_COMPUTER => self.unicode(facts::HOSTNAME, value),
                // Without a domain, a computer gives its own name for it.
                NETBIOS_DOMAIN if has(information, NETBIOS_COMPUTER, value) => {}
                DNS_DOMAIN if has(information, DNS_COMPUTER, value) => {}
                NETBIOS_DOMAIN | DNS_DOMAIN | DNS_FOREST => self.unicode(facts::DOMAIN, value),
                _ => {}
            }
        }
        self.version(reader)
    }

    fn authenticate(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        reader.skip(16)?;
        let [domain, user, workstation] = [self.field(reader.take()?), self.field(reader.take()?), self.field(reader.take()?)];
        // A message of the oldest kind ends here.
        let flags = reader.skip(8).and_then(|()| reader.u32_le());
        self.flags = flags.unwrap_or(UNICODE);
        self.fact(facts::HOSTNAME, workstation);
        self.fact(facts::DOMAIN, domain);
        self.fact(facts::USER, user);
        flags.and_then(|_| self.version(reader))
    }

    /// The octets that a field points at; none where they are not there.
    fn field(&self, field: [u8; 8]) -> &'a [u8] {
        let [length_0, length_1, _, _, offset_0, offset_1, offset_2, offset_3] = field;
        let length = usize::from(u16::from_le_bytes([length_0, length_1]));
        let offset = usize::try_from(u32::from_le_bytes([offset_0, offset_1, offset_2, offset_3])).unwrap_or(usize::MAX);
        self.octets.get(offset..offset.saturating_add(length)).unwrap_or_default()
    }

    fn fact(&mut self, key: &'static str, octets: &[u8]) {
        if self.flags & UNICODE != 0 {
            self.unicode(key, octets);
        } else if octets != b"." {
            self.sink.fact(self.source, Some(Label::NONE), key, octets);
        }
    }

    /// A dot stands for the computer itself.
    fn unicode(&mut self, key: &'static str, octets: &[u8]) {
        if octets != b".\0" {
            self.sink.fact(self.source, Some(Label::NONE), key, text::utf16_le(octets).as_bytes());
        }
    }

    /// Major 1, minor 1, build 2. Samba and other stacks pretend to a version of Windows, but to no build of it.
    fn version(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        if self.flags & VERSION == 0 || !self.with_version {
            return Ok(());
        }
        let [major, minor, build_0, build_1, ..] = reader.take::<8>()?;
        let build = u16::from_le_bytes([build_0, build_1]);
        if build != 0 {
            let text = format_args!("Windows {major}.{minor} build {build}");
            self.sink.fact_text(self.source, Some(Label::NONE), facts::OPERATING_SYSTEM, text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    fn said(octets: &[u8]) -> Vec<String> {
        let mut recorder = Recorder::default();
        let _ = dissect(octets, "smb", &mut recorder);
        recorder.lines
    }

    // Made by hand after [MS-NLMP], 2.2.1.1 and 2.2.1.3: texts in the OEM character set.
    #[test]
    fn texts_in_the_old_character_set_are_read() {
        let mut negotiate = b"NTLMSSP\0\x01\0\0\0\x07\xb2\0\0\x05\0\x05\0\x26\0\0\0\x06\0\x06\0\x20\0\0\0".to_vec();
        negotiate.extend_from_slice(b"MIXER1PLANT");
        assert_eq!(said(&negotiate), ["fact smb unit= domain=PLANT", "fact smb unit= hostname=MIXER1"]);
        let mut authenticate = b"NTLMSSP\0\x03\0\0\0".to_vec();
        for (length, offset) in [(0, 64), (0, 64), (1, 64), (4, 65), (6, 69), (0, 75)] {
            authenticate.extend_from_slice(&[length, 0, length, 0, offset, 0, 0, 0]);
        }
        authenticate.extend_from_slice(b"\x02\x02\0\0.operMIXER1");
        assert_eq!(said(&authenticate), ["fact smb unit= hostname=MIXER1", "fact smb unit= user=oper"]);
    }

    #[test]
    fn fields_that_point_outside_are_empty() {
        let mut challenge = b"NTLMSSP\0\x02\0\0\0".to_vec();
        challenge.extend_from_slice(&[0xff; 60]);
        assert_eq!(said(&challenge), ["fact smb unit= operating_system=Windows 255.255 build 65535"]);
        for cut in 0..56 {
            assert!(said(&challenge[..cut]).is_empty());
        }
        // Pairs without an end.
        let mut challenge = b"NTLMSSP\0\x02\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02\0".to_vec();
        challenge.extend_from_slice(&[0; 16]);
        challenge.extend_from_slice(&[0xff, 3, 0xff, 3, 48, 0, 0, 0]);
        challenge.extend_from_slice(&b"\x01\0\x02\0A\0".repeat(400));
        assert_eq!(said(&challenge).len(), MOST_PAIRS);
    }
}
