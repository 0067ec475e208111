//! A reader of ASN.1 in its basic and distinguished encodings (ITU-T X.690, 8.1), and of the names in a certificate
//! (RFC 5280, 4.1). No protocol of its own: TLS, OPC UA, MMS and SNMP carry such octets.
//!
//! ```text
//! element      identifier (1, or more where its low five bits are all set)  length (1, or 1 and up to 4)  content
//! Certificate  SEQUENCE
//!   TBSCertificate  SEQUENCE
//!     [0] version  INTEGER serial  SEQUENCE algorithm  SEQUENCE issuer  SEQUENCE validity  SEQUENCE subject
//!     SEQUENCE public key  [1]  [2]  [3] extensions
//!   …
//! Name         SEQUENCE of SET of SEQUENCE  OBJECT IDENTIFIER  text
//! ```

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};
use crate::facts;
use crate::reader::Reader;
use crate::sink::{Label, Sink};
use crate::text;

/// In an identifier: holds other elements.
const CONSTRUCTED: u8 = 0x20;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const T61_STRING: u8 = 0x14;
const BMP_STRING: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// id-at-commonName, id-at-organizationName, id-at-organizationalUnitName, id-ce-subjectAltName.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Alternative names of one certificate that are told.
const MOST_NAMES: usize = 16;

/// Identifier and length of the next element, whose content need not be there.
///
/// # Errors
/// `Truncated` where its head is not all there, `Malformed` where its length is in a form that is not read here.
pub(super) fn head(reader: &mut Reader<'_>) -> Result<(u8, usize)> {
    let identifier = reader.u8()?;
    if identifier & 0x1f == 0x1f {
        // A high number: seven bits an octet, told by the identifier's class where it matters.
        let mut octets = 0_u8;
        while reader.u8()? & 0x80 != 0 {
            octets = octets.saturating_add(1);
            if octets > 3 {
                return Err(Error::Malformed("ASN.1 identifier too long"));
            }
        }
    }
    let length = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let mut length = 0_usize;
            for _ in 0x80..long {
                length = length.saturating_mul(256).saturating_add(usize::from(reader.u8()?));
            }
            length
        }
        _ => return Err(Error::Malformed("ASN.1 length of an unknown form")),
    };
    Ok((identifier, length))
}

/// The next element: its identifier, and its content; of one that holds others, as much as is there.
///
/// # Errors
/// As [`head`], and `Truncated` where its value is not all there.
pub(super) fn element<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8])> {
    let (identifier, length) = head(reader)?;
    // What holds other elements may be cut, a value may not.
    let content = if identifier & CONSTRUCTED == 0 { reader.octets(length)? } else { reader.up_to(length) };
    Ok((identifier, content))
}

/// The content of the next element, which must have this identifier.
///
/// # Errors
/// As [`element`], and `Malformed` where it is another.
pub(super) fn expect<'a>(reader: &mut Reader<'a>, identifier: u8) -> Result<&'a [u8]> {
    match element(reader)? {
        (found, content) if found == identifier => Ok(content),
        _ => Err(Error::Malformed("another ASN.1 element than expected")),
    }
}

/// Tell the names in an X.509 certificate, which is the sender's.
///
/// # Errors
/// Where it is cut short or no certificate.
pub(super) fn certificate(octets: &[u8], source: &'static str, sink: &mut dyn Sink) -> Result<()> {
    let content = expect(&mut Reader::new(octets), SEQUENCE)?;
    let mut fields = Reader::new(expect(&mut Reader::new(content), SEQUENCE)?);
    if fields.peek() == Some(0xa0) {
        element(&mut fields)?;
    }
    expect(&mut fields, INTEGER)?;
    expect(&mut fields, SEQUENCE)?;
    let issuer = name(&mut fields)?;
    let issued_by = [COMMON_NAME, ORGANIZATION, ORGANIZATIONAL_UNIT].into_iter().find_map(|kind| attribute(issuer, kind));
    say(issued_by, source, facts::CERTIFICATE_ISSUER, sink);
    expect(&mut fields, SEQUENCE)?;
    let subject = name(&mut fields)?;
    say(attribute(subject, COMMON_NAME), source, facts::CERTIFICATE_NAME, sink);
    expect(&mut fields, SEQUENCE)?;
    while !fields.is_empty() {
        if let (0xa3, extensions) = element(&mut fields)? {
            alternative_names(extensions, source, sink)?;
        }
    }
    Ok(())
}

/// A whole name; which part of it is told depends on all of them. Others follow it in every certificate.
fn name<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8]> {
    let name = expect(fields, SEQUENCE)?;
    if fields.is_empty() { Err(Error::Truncated { at: fields.position() }) } else { Ok(name) }
}

/// The first attribute of that type in a name: identifier of its text, and the text.
fn attribute<'a>(name: &'a [u8], kind: &[u8]) -> Option<(u8, &'a [u8])> {
    let mut sets = Reader::new(name);
    while let Ok(set) = expect(&mut sets, SET) {
        let mut attributes = Reader::new(set);
        while let Ok(attribute) = expect(&mut attributes, SEQUENCE) {
            let mut parts = Reader::new(attribute);
            if expect(&mut parts, OBJECT_IDENTIFIER).is_ok_and(|found| found == kind) {
                return element(&mut parts).ok();
            }
        }
    }
    None
}

fn say(text: Option<(u8, &[u8])>, source: &'static str, key: &'static str, sink: &mut dyn Sink) {
    match text {
        Some((BMP_STRING, octets)) => sink.fact(source, Some(Label::NONE), key, text::utf16_be(octets).as_bytes()),
        // UTF8String, PrintableString, T61String, IA5String, VisibleString.
        Some((0x0c | 0x13 | T61_STRING | 0x16 | 0x1a, octets)) => sink.fact(source, Some(Label::NONE), key, octets),
        _ => {}
    }
}

/// `Extensions ::= SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, BOOLEAN critical, OCTET STRING }`
fn alternative_names(extensions: &[u8], source: &'static str, sink: &mut dyn Sink) -> Result<()> {
    let mut extensions = Reader::new(expect(&mut Reader::new(extensions), SEQUENCE)?);
    while !extensions.is_empty() {
        let mut parts = Reader::new(expect(&mut extensions, SEQUENCE)?);
        if expect(&mut parts, OBJECT_IDENTIFIER)? != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        let mut value = element(&mut parts)?;
        if value.0 == 0x01 {
            value = element(&mut parts)?;
        }
        if value.0 != OCTET_STRING {
            return Err(Error::Malformed("certificate extension without a value"));
        }
        let mut names = Reader::new(expect(&mut Reader::new(value.1), SEQUENCE)?);
        for _ in 0..MOST_NAMES {
            if names.is_empty() {
                break;
            }
            general_name(element(&mut names)?, source, sink);
        }
    }
    Ok(())
}

/// `GeneralName ::= CHOICE { … dNSName [2], … uniformResourceIdentifier [6], iPAddress [7] … }`
fn general_name((identifier, octets): (u8, &[u8]), source: &'static str, sink: &mut dyn Sink) {
    let unit = Some(Label::NONE);
    match (identifier, octets) {
        (0x82, name) => sink.fact(source, unit, facts::CERTIFICATE_NAME, name),
        // OPC UA Part 6, 6.2.2: the ApplicationUri of the instance.
        (0x86, name) if source == super::opcua::NAME => sink.fact(source, unit, facts::APPLICATION_URI, name),
        (0x87, [a, b, c, d]) => sink.fact_text(source, unit, facts::CERTIFICATE_NAME, format_args!("{}", Ipv4Addr::new(*a, *b, *c, *d))),
        (0x87, address) => {
            if let Ok(octets) = <[u8; 16]>::try_from(address) {
                sink.fact_text(source, unit, facts::CERTIFICATE_NAME, format_args!("{}", Ipv6Addr::from(octets)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Recorder, hex};

    // Made with OpenSSL 3.0: a controller's own certificate with four alternative names.
    const CERTIFICATE: &str = "308201e43082018ba00302010202143c586594291fbe77aca8bbba8f5b5002ec634c41300a06082a8648ce3d040302302d31183016060355040a0c0f53796e74686574696320576f726b733111300f06035504030c08576f726b73204341301e170d3236313132343037333032335a170d3336313132313037333032335a303831183016060355040a0c0f53796e74686574696320576f726b73311c301a06035504030c136d697865722e776f726b732e6578616d706c653059301306072a8648ce3d020106082a8648ce3d03010703420004defae842a544a7747cd937d638f5445a8bce8ce9215b9b905298dcc32325ce4cf06b1759bbcd976721f14d19c11ff181679c5de108dd5ddc93272cbe02cac8eea37e307c303a0603551d110433303182056d6978657287040a14010b8710fd000000000000000000000000000011861075726e3a6d697865723a736572766572301d0603551d0e04160414188e33cfec6f659fb490b576aceb06953631eaa9301f0603551d23041830168014e74e61467a842d8ac50579ccdc20cd7c9d759ce9300a06082a8648ce3d0403020347003044022036e11551545011d9f92b01357a76120f5ef1924f9544001ecb07842b1608d9200220391e1a0fdd01e44dc06b0ca90d6a69860230d419d361d4bbc244f81cbc0f277a";

    fn said(octets: &[u8]) -> Vec<String> {
        let mut recorder = Recorder::default();
        let _ = certificate(octets, "tls", &mut recorder);
        recorder.lines
    }

    #[test]
    fn a_certificate_names_its_subject_and_its_issuer() {
        assert_eq!(
            said(&hex(CERTIFICATE)),
            [
                "fact tls unit= certificate_issuer=Works CA",
                "fact tls unit= certificate_name=mixer.works.example",
                "fact tls unit= certificate_name=mixer",
                "fact tls unit= certificate_name=10.20.1.11",
                "fact tls unit= certificate_name=fd00::11",
            ]
        );
        let mut recorder = Recorder::default();
        certificate(&hex(CERTIFICATE), "opcua", &mut recorder).unwrap();
        assert!(recorder.lines.contains(&"fact opcua unit= application_uri=urn:mixer:server".to_owned()));
    }

    #[test]
    fn a_cut_or_changed_certificate_says_no_more_than_is_there() {
        let whole = hex(CERTIFICATE);
        let lines = said(&whole);
        for cut in 0..whole.len() {
            assert!(lines.starts_with(&said(&whole[..cut])));
        }
        for at in 0..whole.len() {
            for value in [0, 0x1f, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                said(&changed);
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_bounded() {
        assert_eq!(element(&mut Reader::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1])), Ok((0x30, &[1_u8][..])));
        assert!(element(&mut Reader::new(&[0x30, 0x85, 0, 0, 0, 0, 1, 1])).is_err());
        assert!(element(&mut Reader::new(&[0x30, 0x80])).is_err());
        assert!(element(&mut Reader::new(&[0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 1])).is_err());
        assert_eq!(element(&mut Reader::new(&[0xbf, 0x48, 1, 7])), Ok((0xbf, &[7_u8][..])));
    }
}
