//! The usual services of hosts and networks that are named and, but for their `logins`, not read: each is told by the octets its specification puts at
//! the front of the first message of either side.
//!
//! ```text
//! amqp        AMQP 1.0 2.2, 0-9-1 4.2.2   "AMQP"  4 protocol  5 version
//! codemeter   (captures)                  "samc"  4 length, least significant first
//! dcerpc      C706 12.6.3                 0 version 5  1 minor  2 type  3 flags  4 data representation  8 length  12 call
//! ftp         RFC 959 5.4                 "220" and "FTP" in the greeting
//! imap, pop3  RFC 9051 7.1, RFC 1939 4    "* OK", "+OK"
//! isakmp      RFC 7296 3.1, RFC 2408 3.1  0 initiator  8 responder  16 next  17 version  18 exchange  19 flags  20 id  24 length
//! kerberos    RFC 4120 5, 7.2.2           [over TCP 0 length  4]  application tag, SEQUENCE, version 5, message type
//! ldap        RFC 4511 4.1.1              SEQUENCE, message identifier, application tag
//! mongodb     wire protocol, OP_MSG       0 length  4 request  8 response to  12 operation, least significant first
//! mqtt        MQTT 3.1.1 3.1, 5.0 3.1     0 0x10  1 remaining length  "MQTT" or "MQIsdp" with its length before
//! mysql       client/server protocol      0 length 3, least significant first  3 number 0  4 version 10  5 text  …
//! niagara_fox (captures)                  "fox a …"
//! ntp         RFC 5905 7.3                0 leap 2 bits, version 3, mode 3  1 stratum  2 poll  3 precision  …  48 octets
//! openvpn     OpenVPN protocol            0 operation 5 bits, key 3  1 session  9 acknowledgements  10 packet identifier
//! postgresql  PostgreSQL 55.7             0 length  4 version 3.0, or the code of a request for TLS
//! radius      RFC 2865 3                  0 code  1 identifier  2 length  4 authenticator  20 attributes
//! redis       RESP                        "*" count, "$" length, command
//! rsync       rsync's protocol text       "@RSYNCD: "
//! rtsp, sip   RFC 7826 4, RFC 3261 7      a first line that ends or begins with "RTSP/", "SIP/"
//! smtp        RFC 5321 4.2, 4.1.1.1       "220" and "SMTP" in the greeting, "EHLO", "HELO"
//! ssdp        UPnP 2.0 1.1.2              "M-SEARCH * HTTP/1.1", "NOTIFY * HTTP/1.1"
//! sunrpc      RFC 5531 9                  [over TCP 0 fragment  4]  0 identifier  4 call 0  8 version 2  12 program
//! syslog      RFC 5424 6, RFC 3164 4.1    [over TCP count]  "<" priority ">"
//! tds         MS-TDS 2.2.3.1, 2.2.6.5     0 type  1 status  2 length  4 process  6 packet  7 window 0
//! teamviewer  (captures)                  0 magic 0x1724 or 0x1130
//! telnet      RFC 854, RFC 855            0xff  0xfb to 0xfe  option
//! tftp        RFC 1350 5                  0 operation 1 or 2  2 file name  0  mode  0
//! tns         (captures)                  0 length  2 check 0  4 type  5  6 check 0  8 version  10 version at the least
//! vnc         RFC 6143 7.1.1              "RFB 003.008" and a line end
//! wireguard   WireGuard 5.4               0 type, least significant first  4 sender  8 ephemeral key
//! ws_discovery  WS-Discovery 1.1          an envelope that names the specification
//! ```

use super::probing::{ber, ber_front, possible, sure, u16_be, u32_be, u32_le};
use super::{Likeness, Protocol, logins};

pub(super) static AMQP: Protocol = Protocol { name: "amqp", tcp_ports: &[5672], probe: amqp, ..Protocol::NAMED };
pub(super) static CODEMETER: Protocol = Protocol { name: "codemeter", tcp_ports: &[22350], probe: codemeter, ..Protocol::NAMED };
pub(super) static DCERPC: Protocol = Protocol { name: "dcerpc", tcp_ports: &[135], probe: dcerpc, ..Protocol::NAMED };
pub(super) static FTP: Protocol =
    Protocol { name: "ftp", tcp_ports: &[21], probe: ftp, first_messages: 16, dissect: logins::ftp, ..Protocol::BY_SEGMENT };
pub(super) static IMAP: Protocol =
    Protocol { name: "imap", tcp_ports: &[143], probe: imap, first_messages: 16, dissect: logins::imap, ..Protocol::BY_SEGMENT };
pub(super) static ISAKMP: Protocol = Protocol { name: "isakmp", udp_ports: &[500], probe: isakmp, ..Protocol::NAMED };
pub(super) static KERBEROS: Protocol =
    Protocol { name: "kerberos", tcp_ports: &[88], udp_ports: &[88], probe: kerberos, ..Protocol::NAMED };
pub(super) static LDAP: Protocol = Protocol {
    name: "ldap",
    tcp_ports: &[389, 3268],
    udp_ports: &[389],
    probe: ldap,
    first_messages: 8,
    dissect: logins::ldap,
    ..Protocol::BY_SEGMENT
};
pub(super) static MONGODB: Protocol = Protocol { name: "mongodb", tcp_ports: &[27017, 27018, 27019], probe: mongodb, ..Protocol::NAMED };
pub(super) static MQTT: Protocol =
    Protocol { name: "mqtt", tcp_ports: &[1883], probe: mqtt, first_messages: 4, dissect: logins::mqtt, ..Protocol::BY_SEGMENT };
pub(super) static MYSQL: Protocol =
    Protocol { name: "mysql", tcp_ports: &[3306], probe: mysql, first_messages: 8, dissect: logins::mysql, ..Protocol::BY_SEGMENT };
pub(super) static NIAGARA_FOX: Protocol = Protocol { name: "niagara_fox", tcp_ports: &[1911], probe: niagara_fox, ..Protocol::NAMED };
pub(super) static NTP: Protocol = Protocol { name: "ntp", udp_ports: &[123], probe: ntp, ..Protocol::NAMED };
pub(super) static OPENVPN: Protocol =
    Protocol { name: "openvpn", tcp_ports: &[1194], udp_ports: &[1194], probe: openvpn, ..Protocol::NAMED };
pub(super) static POP3: Protocol =
    Protocol { name: "pop3", tcp_ports: &[110], probe: pop3, first_messages: 16, dissect: logins::pop3, ..Protocol::BY_SEGMENT };
pub(super) static POSTGRESQL: Protocol = Protocol {
    name: "postgresql",
    tcp_ports: &[5432],
    probe: postgresql,
    first_messages: 8,
    dissect: logins::postgresql,
    ..Protocol::BY_SEGMENT
};
pub(super) static RADIUS: Protocol = Protocol { name: "radius", udp_ports: &[1645, 1646, 1812, 1813], probe: radius, ..Protocol::NAMED };
pub(super) static REDIS: Protocol = Protocol { name: "redis", tcp_ports: &[6379], probe: redis, ..Protocol::NAMED };
pub(super) static RSYNC: Protocol = Protocol { name: "rsync", tcp_ports: &[873], probe: rsync, ..Protocol::NAMED };
pub(super) static RTSP: Protocol = Protocol { name: "rtsp", tcp_ports: &[554], probe: rtsp, ..Protocol::NAMED };
pub(super) static SIP: Protocol = Protocol { name: "sip", tcp_ports: &[5060], udp_ports: &[5060], probe: sip, ..Protocol::NAMED };
pub(super) static SMTP: Protocol =
    Protocol { name: "smtp", tcp_ports: &[25, 587], probe: smtp, first_messages: 16, dissect: logins::smtp, ..Protocol::BY_SEGMENT };
pub(super) static SSDP: Protocol = Protocol { name: "ssdp", udp_ports: &[1900], probe: ssdp, ..Protocol::NAMED };
pub(super) static SUNRPC: Protocol =
    Protocol { name: "sunrpc", tcp_ports: &[111, 2049], udp_ports: &[111, 2049], probe: sunrpc, ..Protocol::NAMED };
pub(super) static SYSLOG: Protocol = Protocol { name: "syslog", tcp_ports: &[514], udp_ports: &[514], probe: syslog, ..Protocol::NAMED };
pub(super) static TDS: Protocol =
    Protocol { name: "tds", tcp_ports: &[1433], probe: tds, first_messages: 8, dissect: logins::tds, ..Protocol::BY_SEGMENT };
pub(super) static TEAMVIEWER: Protocol = Protocol { name: "teamviewer", tcp_ports: &[5938], probe: teamviewer, ..Protocol::NAMED };
pub(super) static TELNET: Protocol =
    Protocol { name: "telnet", tcp_ports: &[23], probe: telnet, first_messages: 96, dissect: logins::telnet, ..Protocol::BY_SEGMENT };
pub(super) static TFTP: Protocol = Protocol { name: "tftp", udp_ports: &[69], probe: tftp, ..Protocol::NAMED };
pub(super) static TNS: Protocol = Protocol { name: "tns", tcp_ports: &[1521], probe: tns, ..Protocol::NAMED };
pub(super) static VNC: Protocol = Protocol {
    name: "vnc",
    tcp_ports: &[5900, 5901, 5902, 5903, 5904, 5905],
    probe: vnc,
    first_messages: 8,
    dissect: logins::vnc,
    ..Protocol::BY_SEGMENT
};
pub(super) static WIREGUARD: Protocol = Protocol { name: "wireguard", udp_ports: &[51820], probe: wireguard, ..Protocol::NAMED };
pub(super) static WS_DISCOVERY: Protocol = Protocol { name: "ws_discovery", udp_ports: &[3702], probe: ws_discovery, ..Protocol::NAMED };

/// Octets in which a text is looked for.
const SEARCHED: usize = 512;

/// The first line without its end, where all of it is there and is text.
fn line(octets: &[u8]) -> Option<&[u8]> {
    let end = octets.iter().take(SEARCHED).position(|octet| *octet == b'\n')?;
    let line = octets.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.iter().all(|octet| matches!(octet, b'\t' | b' '..=b'~' | 0x80..)).then_some(line)
}

/// True where the text is among the first octets, in upper or lower case.
pub(super) fn contains(octets: &[u8], text: &[u8]) -> bool {
    let octets = octets.get(..SEARCHED).unwrap_or(octets);
    octets.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text))
}

pub(super) fn starts(octets: &[u8], text: &[u8]) -> bool {
    octets.get(..text.len()).is_some_and(|front| front.eq_ignore_ascii_case(text))
}

fn amqp(octets: &[u8]) -> Likeness {
    sure(matches!(octets, [b'A', b'M', b'Q', b'P', 0..=3, 0..=9, 0..=10, 0..=10, ..]))
}

fn codemeter(octets: &[u8]) -> Likeness {
    sure(matches!(octets, [b's', b'a', b'm', b'c', _, _, 0..=1, 0, ..]))
}

fn dcerpc(octets: &[u8]) -> Likeness {
    let [5, 0 | 1, kind, _, 0x00 | 0x10, 0..=3, 0, 0, l0, l1, a0, a1, _, _, _, _, ..] = *octets else { return Likeness::No };
    let (length, authentication) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([a0, a1]));
    // Request, response, fault, bind and its answers, change of context and its answer, shutdown, cancel, orphaned.
    sure(matches!(kind, 0 | 2 | 3 | 11..=19) && length >= 16 && authentication < length)
}

fn ftp(octets: &[u8]) -> Likeness {
    let Some(line) = line(octets) else { return Likeness::No };
    let greets = matches!(line, [b'2', b'2', b'0', b' ' | b'-', ..]);
    if greets && contains(octets, b"ftp") && !contains(octets, b"smtp") {
        return Likeness::Sure;
    }
    let commands: [&[u8]; 5] = [b"USER ", b"AUTH ", b"FEAT", b"SYST", b"OPTS "];
    possible(greets || commands.iter().any(|command| starts(line, command)))
}

fn imap(octets: &[u8]) -> Likeness {
    let Some(line) = line(octets) else { return Likeness::No };
    let greets = starts(line, b"* OK") || starts(line, b"* PREAUTH");
    if greets && contains(line, b"imap") {
        Likeness::Sure
    } else {
        possible(greets || contains(line, b" CAPABILITY") || contains(line, b" LOGIN "))
    }
}

fn isakmp(octets: &[u8]) -> Likeness {
    let Some(front) = octets.first_chunk::<20>() else { return Likeness::No };
    let [i0, i1, i2, i3, i4, i5, i6, i7, .., version, exchange, flags] = *front;
    let begun = [i0, i1, i2, i3, i4, i5, i6, i7] != [0; 8];
    let known = match version {
        0x10 => matches!(exchange, 1..=6 | 32..=34) && flags & !0x07 == 0,
        0x20 => matches!(exchange, 34..=44) && flags & !0x38 == 0,
        _ => false,
    };
    sure(begun && known && u32_be(octets, 24) == Some(octets.len()))
}

fn kerberos(octets: &[u8]) -> Likeness {
    let message = match *octets {
        // Over TCP its length stands before it.
        [0, 0..=1, _, _, 0x6a..=0x6f | 0x7e, ..] => octets.get(4..).unwrap_or_default(),
        _ => octets,
    };
    let Some(tag @ (0x6a..=0x6f | 0x7e)) = message.first().copied() else { return Likeness::No };
    let kind = tag & 0x1f;
    let known = match ber_front(message, tag).and_then(|sequence| ber_front(sequence, 0x30)) {
        // Requests for tickets number their fields from 1, all other messages from 0.
        Some([0xa1, 3, 2, 1, 5, 0xa2, 3, 2, 1, is, ..]) => matches!(tag, 0x6a | 0x6c) && *is == kind,
        Some([0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, is, ..]) => *is == kind,
        _ => false,
    };
    sure(known)
}

fn ldap(octets: &[u8]) -> Likeness {
    let Some((identifier @ [_, ..], operation)) = ber_front(octets, 0x30).and_then(|message| ber(message, 2)) else { return Likeness::No };
    let Some(tag @ (0x42 | 0x4a | 0x50 | 0x60..=0x79)) = operation.first().copied() else { return Likeness::No };
    let Some(fields) = ber_front(operation, tag).filter(|_| identifier.len() <= 4) else { return Likeness::No };
    let after_text = || ber(fields, 4).map(|(_, rest)| rest);
    let known = match (tag, fields) {
        // To bind: a version. Answers: a result, and whom it is about.
        // Anything else is asked by its object identifier.
        (0x60, [2, 1, 2 | 3, 4, ..])
        | (0x77, [0x80, _, b'0'..=b'2', b'.', ..])
        | (0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78, [0x0a, 1, _, 4, ..]) => true,
        // To search: the base, then its scope and how aliases are taken. An entry: its name, then its attributes.
        (0x63, _) => matches!(after_text(), Some([0x0a, 1, 0..=3, 0x0a, 1, 0..=3, 2, ..])),
        (0x64, _) => matches!(after_text(), Some([0x30, ..])),
        _ => false,
    };
    if known { Likeness::Sure } else { Likeness::Possible }
}

fn mongodb(octets: &[u8]) -> Likeness {
    const OP_QUERY: usize = 2004;
    const OP_MSG: usize = 2013;
    let (Some(length @ 16..=0x00ff_ffff), Some(operation)) = (u32_le(octets, 0), u32_le(octets, 12)) else { return Likeness::No };
    let fits = length >= octets.len();
    match operation {
        // Flags, then the kind of the first section; flags, then "database.collection".
        OP_MSG => sure(fits && matches!(octets.get(16..), Some([0..=3, 0, 0..=1, 0, 0 | 1, ..]))),
        OP_QUERY => sure(fits && octets.get(20..).is_some_and(|rest| contains(rest, b".$cmd\0"))),
        _ => Likeness::No,
    }
}

fn mqtt(octets: &[u8]) -> Likeness {
    let Some((0x10, rest)) = octets.split_first() else { return Likeness::No };
    // The remaining length: seven bits an octet, the last without its highest bit.
    let size = rest.iter().take(4).take_while(|octet| **octet & 0x80 != 0).count();
    sure(matches!(
        rest.get(size.saturating_add(1)..),
        Some([0, 4, b'M', b'Q', b'T', b'T', 3..=5, ..] | [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, ..])
    ))
}

fn mysql(octets: &[u8]) -> Likeness {
    let [l0, l1, 0, 0, rest @ ..] = octets else { return Likeness::No };
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    let whole = rest.len() == length;
    match rest {
        [10, b'0'..=b'9', ..] => {
            let text = rest.get(1..).unwrap_or_default();
            let Some(end) = text.iter().take(64).position(|octet| *octet == 0) else { return Likeness::No };
            let (version, after) = text.split_at_checked(end).unwrap_or_default();
            let is_text = version.iter().all(u8::is_ascii_graphic) && version.contains(&b'.');
            // The end of the text, the thread, eight octets of challenge and a filler.
            sure(is_text && length >= rest.len() && after.get(13) == Some(&0))
        }
        // An error instead: this host is not let in.
        [0xff, _, 4..=0x10, ..] => possible(whole),
        _ => Likeness::No,
    }
}

fn niagara_fox(octets: &[u8]) -> Likeness {
    sure(octets.starts_with(b"fox a "))
}

fn ntp(octets: &[u8]) -> Likeness {
    let Some(first) = octets.first() else { return Likeness::No };
    let (version, mode) = (first >> 3 & 7, first & 7);
    let length = match mode {
        // Time, with extensions or the check of a key behind it.
        1..=5 => octets.len() >= 48 && octets.len().is_multiple_of(4) && octets.get(1).is_some_and(|stratum| *stratum <= 16),
        // Control, as asked by ntpq; private, as by ntpdc.
        6 => octets.len() >= 12,
        7 => octets.len() >= 8,
        _ => false,
    };
    possible((1..=4).contains(&version) && length)
}

fn openvpn(octets: &[u8]) -> Likeness {
    // Over TCP its length stands before it.
    let message = match octets {
        [high, low, message @ ..] if usize::from(u16::from_be_bytes([*high, *low])) == message.len() => message,
        _ => octets,
    };
    let Some(first) = message.first() else { return Likeness::No };
    // Its first message from the client, nothing acknowledged and nothing signed: packet 0.
    let opens = message.len() == 14 && *first == 7 << 3 && message.get(9..) == Some(&[0; 5]);
    if opens { Likeness::Sure } else { possible(matches!(first >> 3, 1..=10) && message.len() >= 14) }
}

fn pop3(octets: &[u8]) -> Likeness {
    let Some(line) = line(octets) else { return Likeness::No };
    let greets = starts(line, b"+OK");
    if greets && contains(line, b"pop3") { Likeness::Sure } else { possible(greets || starts(line, b"CAPA") || starts(line, b"USER ")) }
}

fn postgresql(octets: &[u8]) -> Likeness {
    match octets {
        // Requests for TLS, GSSAPI and for ending a query.
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f | 0x30] | [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, ..] => Likeness::Sure,
        // Start-up: version 3, then names and values, each ended by 0.
        [0, 0, _, _, 0, 3, 0, 0..=2, name @ ..] => {
            let fits = u32_be(octets, 0).is_some_and(|length| length >= octets.len());
            let names: [&[u8]; 5] = [b"user\0", b"database\0", b"application_name\0", b"client_encoding\0", b"replication\0"];
            sure(fits && names.iter().any(|known| name.starts_with(known)))
        }
        // The server asks for a password or lets in.
        [b'R', 0, 0, 0, 8..=0x40, 0, 0, 0, ..] => Likeness::Possible,
        _ => Likeness::No,
    }
}

fn radius(octets: &[u8]) -> Likeness {
    let (Some(1..=5 | 11..=13 | 40..=45), Some(length)) = (octets.first(), u16_be(octets, 2)) else { return Likeness::No };
    let Some(mut attributes) = octets.get(20..length).filter(|_| length <= octets.len()) else { return Likeness::No };
    while let [kind, size, ..] = *attributes {
        let Some(rest) = attributes.get(usize::from(size)..).filter(|_| kind > 0 && size >= 2) else { return Likeness::No };
        attributes = rest;
    }
    possible(attributes.is_empty())
}

fn redis(octets: &[u8]) -> Likeness {
    let Some(line) = line(octets) else { return Likeness::No };
    match line {
        [b'*', b'1'..=b'9', ..] => {
            let rest = octets.get(line.len()..).unwrap_or_default();
            sure(matches!(rest, [b'\r', b'\n', b'$', b'1'..=b'9', b'\r', b'\n', b'A'..=b'Z' | b'a'..=b'z', ..]
                | [b'\r', b'\n', b'$', b'1', b'0'..=b'9', b'\r', b'\n', b'A'..=b'Z' | b'a'..=b'z', ..]))
        }
        _ => possible(line == b"PING" || line == b"+PONG" || line == b"+OK" || starts(line, b"-NOAUTH") || starts(line, b"-ERR")),
    }
}

fn rsync(octets: &[u8]) -> Likeness {
    sure(matches!(octets, [b'@', b'R', b'S', b'Y', b'N', b'C', b'D', b':', b' ', b'0'..=b'9', ..]))
}

/// A request line that ends with, or a status line that begins with, this name and a version.
fn names(octets: &[u8], version: &[u8]) -> bool {
    let Some(line) = line(octets) else { return false };
    let ends = line.len().checked_sub(version.len()).and_then(|at| line.split_at_checked(at));
    let asks =
        ends.is_some_and(|(front, end)| end == version && front.ends_with(b" ") && front.first().is_some_and(u8::is_ascii_uppercase));
    asks || line.strip_prefix(version).is_some_and(|rest| matches!(rest, [b' ', b'1'..=b'6', b'0'..=b'9', b'0'..=b'9', ..]))
}

fn rtsp(octets: &[u8]) -> Likeness {
    sure(names(octets, b"RTSP/1.0") || names(octets, b"RTSP/2.0"))
}

fn sip(octets: &[u8]) -> Likeness {
    sure(names(octets, b"SIP/2.0"))
}

fn smtp(octets: &[u8]) -> Likeness {
    let Some(line) = line(octets) else { return Likeness::No };
    let greets = matches!(line, [b'2', b'2', b'0', b' ' | b'-', ..]);
    if (greets && contains(octets, b"smtp")) || starts(line, b"EHLO ") || starts(line, b"HELO ") {
        return Likeness::Sure;
    }
    possible(greets)
}

fn ssdp(octets: &[u8]) -> Likeness {
    if starts(octets, b"M-SEARCH * HTTP/1.1\r\n") || starts(octets, b"NOTIFY * HTTP/1.1\r\n") {
        return Likeness::Sure;
    }
    possible(octets.starts_with(b"HTTP/1.1 200 "))
}

fn sunrpc(octets: &[u8]) -> Likeness {
    // Over TCP the length of the fragment stands before it, with the mark of the last.
    let call = |message: &[u8]| {
        u32_be(message, 4) == Some(0)
            && u32_be(message, 8) == Some(2)
            && matches!(u32_be(message, 12), Some(100_000..=101_000 | 390_000..=400_200))
    };
    sure(call(octets) || matches!(octets, [0x80, _, _, _, message @ ..] if call(message)))
}

fn syslog(octets: &[u8]) -> Likeness {
    const MONTHS: [&[u8]; 12] =
        [b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ", b"Nov ", b"Dec "];
    // Over TCP the count of octets may stand before it (RFC 6587 3.4.1).
    let counted = octets.iter().take(6).position(|octet| *octet == b' ').filter(|end| *end > 0);
    let counted = counted.and_then(|end| octets.split_at_checked(end)).filter(|(count, _)| count.iter().all(u8::is_ascii_digit));
    let message = counted.and_then(|(_, rest)| rest.strip_prefix(b" ")).unwrap_or(octets);
    let Some(rest) = message.strip_prefix(b"<") else { return Likeness::No };
    let Some(end @ 1..=3) = rest.iter().take(4).position(|octet| *octet == b'>') else { return Likeness::No };
    let Some((digits, [_, text @ ..])) = rest.split_at_checked(end) else { return Likeness::No };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Likeness::No;
    }
    match text {
        [b'1', b' ', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => Likeness::Sure,
        _ if MONTHS.iter().any(|month| text.starts_with(month)) => Likeness::Sure,
        _ => possible(text.iter().take(8).all(|octet| matches!(octet, b'\t' | b' '..=b'~'))),
    }
}

fn tds(octets: &[u8]) -> Likeness {
    let [kind, status @ 0..=1, _, _, _, _, _, 0, body @ ..] = octets else { return Likeness::No };
    let Some(length @ 8..=0x8000) = u16_be(octets, 2) else { return Likeness::No };
    let known = match (kind, body) {
        // Before the login, either side: the version stands behind the list of options, each of five octets.
        (0x12 | 4, [0, 0, offset @ 6..=60, 0, 6, ..]) => *status == 1 && offset.saturating_sub(1).is_multiple_of(5),
        // The login: its length, then the version of the protocol, 7 and more.
        (0x10, [_, _, _, _, _, _, _, 0x70..=0x7f, ..]) => {
            u32_le(body, 0).is_some_and(|total| total.saturating_add(8) == length || (*status == 0 && total > length))
        }
        _ => false,
    };
    if known && octets.len() <= length {
        Likeness::Sure
    } else {
        possible(matches!(kind, 1..=4 | 6 | 7 | 14 | 0x10..=0x12) && octets.len() <= length)
    }
}

fn teamviewer(octets: &[u8]) -> Likeness {
    possible(matches!(octets, [0x17, 0x24, ..] | [0x11, 0x30, ..]))
}

fn telnet(octets: &[u8]) -> Likeness {
    let is_option = |triple: &[u8; 3]| matches!(triple, [0xff, 0xfb..=0xfe, 0..=0x31 | 0x8a..=0x8c | 0xff]);
    let (triples, _) = octets.as_chunks::<3>();
    match triples.iter().take(3).take_while(|triple| is_option(triple)).count() {
        3.. => Likeness::Sure,
        0 => Likeness::No,
        _ => Likeness::Possible,
    }
}

fn tftp(octets: &[u8]) -> Likeness {
    let [0, 1 | 2, rest @ ..] = octets else { return Likeness::No };
    let Some(end @ 1..) = rest.iter().take(SEARCHED).position(|octet| *octet == 0) else { return Likeness::No };
    let (name, mode) = rest.split_at_checked(end).unwrap_or_default();
    let is_mode = [&b"\0octet\0"[..], b"\0netascii\0", b"\0mail\0"].iter().any(|known| starts(mode, known));
    sure(is_mode && name.iter().all(|octet| *octet >= b' '))
}

fn tns(octets: &[u8]) -> Likeness {
    let [l0, l1, 0, 0, kind, _, 0, 0, rest @ ..] = octets else { return Likeness::No };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if length < 8 || octets.len() > length {
        return Likeness::No;
    }
    match (kind, rest) {
        // A connection is asked for: the version of the protocol, 3.00 and more, and the least that will do.
        (1, [1, 0x2c..=0x4f, 1, 0x2c..=0x4f, ..]) => Likeness::Sure,
        _ => possible(matches!(kind, 1..=14)),
    }
}

fn vnc(octets: &[u8]) -> Likeness {
    sure(matches!(octets, [b'R', b'F', b'B', b' ', b'0', b'0', b'3'..=b'5', b'.', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'\n', ..]))
}

fn wireguard(octets: &[u8]) -> Likeness {
    match (octets, octets.len()) {
        ([1, 0, 0, 0, ..], 148) => {
            // Random octets: half of them are others than those before.
            let key = octets.get(8..40).unwrap_or_default();
            let others =
                (0..key.len()).filter(|at| key.get(..*at).is_some_and(|before| key.get(*at).is_some_and(|octet| !before.contains(octet))));
            if others.count() >= 20 { Likeness::Sure } else { Likeness::No }
        }
        ([2, 0, 0, 0, ..], 92) | ([3, 0, 0, 0, ..], 64) => Likeness::Possible,
        ([4, 0, 0, 0, ..], length) => possible(length >= 32 && length.is_multiple_of(16)),
        _ => Likeness::No,
    }
}

fn ws_discovery(octets: &[u8]) -> Likeness {
    let octets = octets.get(..2_048).unwrap_or(octets);
    let names = |text: &[u8]| octets.windows(text.len()).any(|window| window == text);
    sure(octets.first() == Some(&b'<') && (names(b"/ws/2005/04/discovery") || names(b"/ws-dd/ns/discovery/")))
}

#[cfg(test)]
mod tests {
    use super::super::probing::assert_told_apart;
    use super::*;
    use crate::testing::hex;

    /// Written as their specifications have them, where no capture is named.
    const SURE: &[(&Protocol, &[u8])] = &[
        (&AMQP, b"AMQP\0\0\x09\x01"),
        (&AMQP, b"AMQP\x03\x01\0\0"),
        (&CODEMETER, b"samc\xe1\x02\0\0\x40\0\x01\0"),
        (&FTP, b"220 (vsFTPd 3.0.3)\r\n"),
        (&FTP, b"220-Welcome\r\n220 FTP server ready.\r\n"),
        (&IMAP, b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"),
        (&MQTT, b"\x10\x16\0\x04MQTT\x04\x02\0\x3c\0\x0aclient-001"),
        (&MQTT, b"\x10\x80\x01\0\x06MQIsdp\x03\x02\0\x3c"),
        (&MYSQL, b"\x4a\0\0\0\x0a5.7.33\0\x08\0\0\0\x11\x12\x13\x14\x15\x16\x17\x18\0\xff\xff\x08"),
        (&NIAGARA_FOX, b"fox a 1 -1 fox hello\n{\n"),
        (&OPENVPN, b"\x38\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0"),
        (&OPENVPN, b"\0\x0e\x38\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0"),
        (&POP3, b"+OK POP3 ready\r\n"),
        (&POSTGRESQL, b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (&POSTGRESQL, b"\0\0\0\x1a\0\x03\0\0user\0otoscope\0\0\0\0\0"),
        (&REDIS, b"*1\r\n$4\r\nPING\r\n"),
        (&RSYNC, b"@RSYNCD: 31.0\n"),
        (&RTSP, b"DESCRIBE rtsp://camera/1 RTSP/1.0\r\nCSeq: 2\r\n"),
        (&RTSP, b"RTSP/1.0 200 OK\r\n"),
        (&SIP, b"REGISTER sip:plant.example SIP/2.0\r\n"),
        (&SIP, b"SIP/2.0 401 Unauthorized\r\n"),
        (&SMTP, b"220 mail.example ESMTP Postfix\r\n"),
        (&SMTP, b"EHLO sensor\r\n"),
        (&SSDP, b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n"),
        (&SYSLOG, b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed"),
        (&SYSLOG, b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 -"),
        (&SYSLOG, b"71 <165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 -"),
        (&TELNET, b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"),
        (&TFTP, b"\0\x01firmware.bin\0octet\0blksize\x001468\0"),
        (&TNS, b"\0\xd3\0\0\x01\0\0\0\x01\x3a\x01\x2c\0\0\x20\0"),
        (&VNC, b"RFB 003.008\n"),
        (&WS_DISCOVERY, b"<?xml version=\"1.0\"?><soap:Envelope xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">"),
    ];
    const POSSIBLE: &[(&Protocol, &[u8])] = &[
        (&FTP, b"220 ready\r\n"),
        (&SMTP, b"220 ready\r\n"),
        (&FTP, b"USER operator\r\n"),
        (&POP3, b"USER operator\r\n"),
        (&RADIUS, b"\x01\x07\0\x1c0123456789abcdef\x01\x08oscope"),
        (&SYSLOG, b"<13>restarted"),
        (&TEAMVIEWER, b"\x17\x24\x0a\x20\0\0\0\0"),
        (&TELNET, b"\xff\xfb\x01login: "),
    ];

    /// From captures: a Windows domain (Kerberos, LDAP, CLDAP, DCE/RPC), a substation's time and its NFS, a scan.
    const CAPTURED: &[(&Protocol, &str)] = &[
        (&LDAP, "3084000000aa0201236384000000a104000a01000a0100020100020100010100a0840000007aa384000000200409446e73446f6d61696e0413"),
        (&LDAP, "3084000000a602012364840000009d040030840000009530840000008f04086e65746c6f676f6e31840000007f"),
        (&LDAP, "3084000006ed0201336084000006e40201030400a384000006d9040a4753532d53504e45474f048206c9608206c5"),
        (&LDAP, "3084000000cc0201336184000000c30a010004000400878200b8a181b53081b2a0030a0100a10b06092a864882f7"),
        (&DCERPC, "05000b07100000004c07d00602000000d016d016000000000200000000000100354251e3064bd111ab0400c04fc2dcd2"),
        (&DCERPC, "05000c07100000000401a80002000000d016d0166320000006003439313535000200000000000000045d888aeb1cc911"),
        (&DCERPC, "05000b03100000004800000001000000b810b8100000000001000000000001000883afe11f5dc91191a408002b14a0fa"),
        (&SUNRPC, "800000287e86ab4a0000000000000002000186a3000000030000000000000000000000000000000000000000"),
    ];

    #[test]
    fn first_messages_are_recognised() {
        let captured: Vec<_> = CAPTURED.iter().map(|(protocol, octets)| (*protocol, hex(octets))).collect();
        let written = SURE.iter().map(|(protocol, octets)| (*protocol, octets.to_vec()));
        for (protocol, octets) in captured.into_iter().chain(written) {
            assert_eq!((protocol.probe)(&octets), Likeness::Sure, "{}: {}", protocol.name, octets.escape_ascii());
            assert_told_apart(protocol, &octets);
        }
        for (protocol, octets) in POSSIBLE {
            assert_eq!((protocol.probe)(octets), Likeness::Possible, "{}: {}", protocol.name, octets.escape_ascii());
            assert_told_apart(protocol, octets);
        }
        let time = hex("23000000000000000000000000000000000000000000000000000000000000000000000000000000cc2b0c4efb1abd7d");
        assert_eq!((NTP.probe)(&time), Likeness::Possible);
        assert_eq!((NTP.probe)(&time[..47]), Likeness::No);
    }

    /// RFC 4120 has no octets to copy: an AS-REQ and a KRB-ERROR, cut after their types, as Windows sends them.
    #[test]
    fn kerberos_is_recognised_over_either_transport() {
        for (message, likeness) in [
            ("6a81dd3081daa103020105a20302010aa3153013", Likeness::Sure),
            ("000000e06a81dd3081daa103020105a20302010aa3153013", Likeness::Sure),
            ("7e81b73081b4a003020105a10302011ea411", Likeness::Sure),
            ("6a81dd3081daa103020105a20302010ba3153013", Likeness::No),
            ("6a81dd3081daa103020104a20302010aa3153013", Likeness::No),
        ] {
            assert_eq!((KERBEROS.probe)(&hex(message)), likeness, "{message}");
        }
    }

    #[test]
    fn the_length_of_a_key_exchange_must_be_its_own() {
        let mut message = hex("1122334455667788 0000000000000000 21 20 22 08 00000000 00000020 00000004");
        assert_eq!((ISAKMP.probe)(&message), Likeness::Sure);
        message.push(0);
        assert_eq!((ISAKMP.probe)(&message), Likeness::No);
    }

    #[test]
    fn a_prelogin_and_a_login_of_sql_server_are_sure() {
        // MS-TDS 4.1 and 4.2, their fronts; what follows on the port is taken for it by its header.
        let prelogin = hex("1201002f00000100 00001a0006 0100200001 0200210001 0300220004 0400260001 ff 0900000000000100b80d000001");
        let login = hex("1001009000000100 88000000 02000972 00100000");
        assert_eq!((TDS.probe)(&prelogin), Likeness::Sure);
        assert_eq!((TDS.probe)(&login), Likeness::Sure);
        assert_eq!((TDS.probe)(&hex("0101001200000100 16000000")), Likeness::Possible);
    }

    #[test]
    fn a_handshake_of_wireguard_has_a_random_key() {
        let mut message = vec![1, 0, 0, 0];
        message.extend((0..144_u8).map(|number| number.wrapping_mul(37)));
        assert_eq!((WIREGUARD.probe)(&message), Likeness::Sure);
        message[8..40].fill(0);
        assert_eq!((WIREGUARD.probe)(&message), Likeness::No);
    }
}
