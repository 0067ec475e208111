//! A sink for the dissectors' own tests: writes down what it is told, one line each.

use core::fmt;

use crate::decode::{Address, Mac};
use crate::error::Result;
use crate::protocols::Protocol;
use crate::scan::Askers;
use crate::sink::{Evidence, Label, Matched, Memo, Part, Request, Response, Role, Scope, Sink, Subject, Whole};
use crate::table::Hashes;

/// What a dissector says of octets that one end sends, whether it can read all of them or not.
pub fn told(protocol: &Protocol, sender: Role, octets: &[u8]) -> Vec<String> {
    let mut recorder = Recorder::default();
    let _ = recorder.feed(protocol, sender, octets);
    recorder.lines
}

/// Octets from hexadecimal text; blanks and line ends do not count.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// What a dissector said.
pub struct Recorder {
    /// One line a call, e.g. `request modbus 3 unit=1 object="HR 40001-40010"`.
    pub lines: Vec<String>,
    /// Believed sender of the next message.
    pub sender: Role,
    /// Time of the next message, nanoseconds.
    pub now: i64,
    /// VLAN of the next message.
    pub vlan: u16,
    evidence: i32,
    unit: String,
    pending: Vec<(&'static str, u64, Matched)>,
    memory: Vec<(Option<Address>, u64, Memo)>,
    parts: Vec<(Role, u64, u8, Vec<u8>)>,
    askers: Askers,
    hashes: Hashes,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            lines: vec![],
            sender: Role::Client,
            now: 0,
            vlan: 0,
            evidence: 0,
            unit: String::new(),
            pending: vec![],
            memory: vec![],
            parts: vec![],
            askers: Askers::default(),
            hashes: Hashes::default(),
        }
    }
}

impl Recorder {
    /// Frame and dissect all messages of `octets`, sent by `sender`.
    pub fn feed(&mut self, protocol: &Protocol, sender: Role, octets: &[u8]) -> Result<()> {
        self.sender = sender;
        self.evidence = 0;
        let mut rest = octets;
        while !rest.is_empty() {
            let length = (protocol.frame)(rest)?.unwrap_or(rest.len()).clamp(1, rest.len());
            (protocol.dissect)(&rest[..length], self)?;
            rest = &rest[length..];
        }
        Ok(())
    }

    fn unit_text(&self, unit: Option<Label<'_>>) -> String {
        unit.map_or_else(|| self.unit.clone(), |label| label.to_text())
    }

    /// The client is 10.0.0.5 with MAC 02:00:00:00:00:05, the server 10.0.0.9 with MAC 02:00:00:00:00:09.
    fn addresses(role: Role) -> Subject {
        let last: u8 = if role == Role::Client { 5 } else { 9 };
        Subject { mac: Mac(0x0200_0000_0000 + u64::from(last)), ip: Address(0xffff_0a00_0000 + u128::from(last)) }
    }

    /// Whose a memory is; `None` for the flow's.
    fn owner(&self, scope: Scope) -> Option<Address> {
        match scope {
            Scope::Flow => None,
            Scope::Sender => Some(Self::addresses(self.sender).ip),
            Scope::Receiver => Some(Self::addresses(self.sender.other()).ip),
            Scope::Of(address) => Some(address),
        }
    }
}

fn sub(subfunction: Option<u32>) -> String {
    subfunction.map_or_else(String::new, |code| format!(".{code}"))
}

impl Sink for Recorder {
    fn sender(&self) -> Role {
        self.sender
    }

    fn sender_is(&mut self, role: Role, evidence: Evidence) -> Role {
        let weight = if evidence == Evidence::Certain { 8 } else { 1 };
        self.evidence += if role == self.sender { weight } else { -weight };
        if self.evidence < 0 {
            self.sender = role;
            self.evidence = -self.evidence;
        }
        self.sender
    }

    fn speaks(&mut self, protocol: &'static str) {
        self.lines.push(format!("speaks {protocol}"));
    }

    fn set_unit(&mut self, unit: Label<'_>) {
        self.unit = unit.to_text();
        self.lines.push(format!("unit {}", self.unit));
    }

    fn request(&mut self, r: &Request<'_>) {
        let answered = if r.transaction.is_some() { "" } else { " unanswerable" };
        self.lines.push(format!(
            "request {} {}{} unit={} object={:?}{answered}",
            r.protocol,
            r.function,
            sub(r.subfunction),
            self.unit_text(r.unit),
            r.object
        ));
        if let Some(transaction) = r.transaction {
            self.pending.push((r.protocol, transaction, Matched { function: r.function, subfunction: r.subfunction, context: r.context }));
        }
    }

    fn response(&mut self, r: &Response<'_>) -> Option<Matched> {
        let at = r
            .transaction
            .and_then(|t| self.pending.iter().position(|(protocol, transaction, _)| *protocol == r.protocol && *transaction == t));
        let matched = at.map(|at| self.pending.remove(at).2);
        let status = r.status.map_or_else(String::new, |status| format!(" status={status}"));
        let found = if matched.is_some() { " matched" } else { "" };
        self.lines.push(format!(
            "response {} {}{} unit={} object={:?}{status}{found}",
            r.protocol,
            r.function,
            sub(r.subfunction),
            self.unit_text(r.unit),
            r.object
        ));
        if let (Some(matched), Some(next)) = (matched, r.next) {
            self.pending.push((r.protocol, next, matched));
        }
        matched
    }

    fn fact(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: &[u8]) {
        let value = crate::text::clean(value);
        if !value.is_empty() {
            self.lines.push(format!("fact {source} unit={} {key}={value}", self.unit_text(unit)));
        }
    }

    fn fact_about(&mut self, subject: Subject, source: &'static str, key: &'static str, value: &[u8]) {
        let value = crate::text::clean(value);
        let mac = if subject.mac == Mac::NONE { String::new() } else { format!("{:012x} ", subject.mac.0) };
        let ip = (subject.ip != Address::NONE).then(|| format!("{} ", std::net::Ipv6Addr::from(subject.ip.0).to_canonical()));
        if !value.is_empty() {
            self.lines.push(format!("fact {source} about {mac}{}{key}={value}", ip.unwrap_or_default()));
        }
    }

    fn sender_addresses(&self) -> Subject {
        Self::addresses(self.sender)
    }

    fn receiver_addresses(&self) -> Subject {
        Self::addresses(self.sender.other())
    }

    fn vlan(&self) -> u16 {
        self.vlan
    }

    fn time(&self) -> i64 {
        self.now
    }

    fn asks_for(&mut self, target: Address, there: u64) -> bool {
        let asker = (self.sender_addresses().mac, self.vlan);
        let memory = &self.memory;
        let is_there = |address, _| memory.iter().any(|(of, key, _)| *of == Some(address) && *key == there);
        self.askers.ask(&self.hashes, asker, target, self.now, is_there)
    }

    fn fact_text(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: fmt::Arguments<'_>) {
        self.fact(source, unit, key, value.to_string().as_bytes());
    }

    fn anomaly(&mut self, protocol: &'static str, kind: &'static str, detail: fmt::Arguments<'_>) {
        self.lines.push(format!("anomaly {protocol} {kind}: {detail}"));
    }

    fn assemble(&mut self, part: &Part<'_>, whole: Whole) -> Result<()> {
        if part.first && part.last {
            return whole(part.octets, part.context, self);
        }
        let sender = self.sender;
        let at = self.parts.iter().position(|(role, channel, ..)| *role == sender && *channel == part.channel);
        let mut held = at.map(|at| self.parts.remove(at));
        if part.first {
            held = Some((sender, part.channel, part.sequence.map_or(0, |(number, _)| number), part.octets.to_vec()));
        } else if let Some((.., number, octets)) = &mut held {
            if let Some((next, modulus)) = part.sequence {
                if next != (*number + 1) % modulus {
                    return Ok(());
                }
                *number = next;
            }
            octets.extend_from_slice(part.octets);
        }
        let Some(held) = held else { return Ok(()) };
        if part.last {
            return whole(&held.3, part.context, self);
        }
        self.parts.push(held);
        Ok(())
    }

    fn remember(&mut self, scope: Scope, key: u64, octets: &[u8]) {
        self.forget(scope, key);
        self.memory.push((self.owner(scope), key, Memo::new(octets)));
    }

    fn recall(&self, scope: Scope, key: u64) -> Option<Memo> {
        let owner = self.owner(scope);
        self.memory.iter().find(|(of, k, _)| *of == owner && *k == key).map(|found| found.2)
    }

    fn forget(&mut self, scope: Scope, key: u64) {
        let owner = self.owner(scope);
        self.memory.retain(|(of, k, _)| !(*of == owner && *k == key));
    }
}
