//! What a dissector says, and to whom: the border between the protocols and the engine.
//!
//! A dissector is a pure function from one message to calls on a [`Sink`]. It keeps no state, allocates
//! nothing on the way of ordinary traffic and reports what it knows *before* it reads on: a message whose tail is
//! cut or malformed still counts with its function. What needs memory (pairing, putting fragments together,
//! what a connection was opened for) is asked of the sink, which bounds it.

use core::fmt;

use crate::decode::{Address, Mac};
use crate::error::Result;

/// The two ends of a conversation: who asks and who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Asks: a master, an HMI, an engineering workstation.
    Client,
    /// Serves: a controller, an outstation, an adapter.
    Server,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How sure a message is about its own direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The shape fits one direction only, though a wrong peer could send it the other way (Modbus).
    Likely,
    /// A field says the direction (DNP3 DIR, S7 ROSCTR, CIP request/response bit).
    Certain,
}

/// Octets that stand for a text, and how to write it. Compared by their octets, written only once for each
/// distinct row, so ordinary traffic never pays for the text.
#[derive(Clone, Copy)]
pub struct Label<'a> {
    /// What tells one label from another, usually a slice of the message. At most [`Label::LONGEST`] count.
    pub octets: &'a [u8],
    /// Append the text for those octets. Must accept any octets.
    pub render: fn(&[u8], &mut String),
}

impl Label<'_> {
    /// Octets of a label that are kept; the rest is cut off before comparison.
    pub const LONGEST: usize = 512;
    /// Nothing to say.
    pub const NONE: Label<'static> = Label { octets: &[], render: |_, _| {} };
}

impl<'a> Label<'a> {
    /// A label that is plain text already, cleaned when it is written.
    #[must_use]
    pub const fn text(octets: &'a [u8]) -> Self {
        Self { octets, render: |octets, out| out.push_str(&crate::text::clean(octets)) }
    }

    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        (self.render)(self.octets, &mut text);
        text
    }
}

impl fmt::Debug for Label<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), formatter)
    }
}

/// A client asks a server to do something. Counts as one request of its operation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Name as in the Python registry: `modbus`, `cip`, …
    pub protocol: &'static str,
    /// The protocol's function code.
    pub function: u32,
    /// Sub-function, where that changes the meaning.
    pub subfunction: Option<u32>,
    /// Address inside the server. `None`: the one last given to [`Sink::set_unit`] on this flow.
    pub unit: Option<Label<'a>>,
    /// What is touched.
    pub object: Label<'a>,
    /// What the response will carry as well. `None` where no response is to come.
    pub transaction: Option<u64>,
    /// Handed back with the response, for what that leaves out (which class was asked …).
    pub context: u64,
}

/// A server answers, or speaks unasked (`transaction: None`). Counts as one response of the operation it
/// answers; of an operation of its own code where the request was never seen.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// As in [`Request`].
    pub protocol: &'static str,
    /// As in [`Request`]; used where no request matches.
    pub function: u32,
    /// As in [`Request`]; used where no request matches.
    pub subfunction: Option<u32>,
    /// As in [`Request`]; used where no request matches.
    pub unit: Option<Label<'a>>,
    /// As in [`Request`]; used where no request matches.
    pub object: Label<'a>,
    /// The request's.
    pub transaction: Option<u64>,
    /// The code of a rejection: Modbus exception, S7 error or item return code, CIP general and extended
    /// status, DNP3 IIN or control status. `None`: accepted.
    pub status: Option<u32>,
    /// The transaction under which the next part of this answer will come, where it is not the last.
    pub next: Option<u64>,
}

/// The request that a response answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Its function.
    pub function: u32,
    /// Its sub-function.
    pub subfunction: Option<u32>,
    /// Its context.
    pub context: u64,
}

/// Where a memory belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This flow (both directions of one TCP connection or UDP exchange).
    Flow,
    /// The IP address that sent this message, on any of its flows.
    Sender,
    /// The IP address that this message is sent to, on any of its flows.
    Receiver,
    /// That IP address, whoever speaks of it.
    Of(Address),
}

/// Whom a fact is about: [`Mac::NONE`] or [`Address::NONE`] where one of the two is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its MAC address.
    pub mac: Mac,
    /// Its IP address.
    pub ip: Address,
}

impl Subject {
    /// The one with this MAC address.
    #[must_use]
    pub const fn mac(mac: Mac) -> Self {
        Self { mac, ip: Address::NONE }
    }

    /// The one with this IP address.
    #[must_use]
    pub const fn ip(ip: Address) -> Self {
        Self { mac: Mac::NONE, ip }
    }
}

/// A few octets that a dissector asked the engine to keep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Memo {
    octets: [u8; Self::LONGEST],
    length: u8,
}

impl Memo {
    /// Octets that a memo holds at the most; the rest is cut off.
    pub const LONGEST: usize = 39;

    /// Keep the front of `octets`.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        let mut memo = Self { octets: [0; Self::LONGEST], length: 0 };
        for (to, from) in memo.octets.iter_mut().zip(octets) {
            *to = *from;
            memo.length = memo.length.saturating_add(1);
        }
        memo
    }

    /// What was kept.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.octets(), formatter)
    }
}

/// One part of a message that its protocol cut into pieces above the stream (DNP3 transport segments, COTP).
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Tells messages apart that are under way at once in this direction of the flow.
    pub channel: u64,
    /// Begins a message; what was under way on the channel is dropped.
    pub first: bool,
    /// Ends it.
    pub last: bool,
    /// Number of this part, with the modulus it wraps at, where the protocol counts parts. Part `n` must follow `n - 1`.
    pub sequence: Option<(u8, u8)>,
    /// The piece.
    pub octets: &'a [u8],
    /// Handed to the dissector of the whole.
    pub context: u64,
}

/// Dissects a message that was put together; gets the context of its last part.
pub type Whole = fn(&[u8], u64, &mut dyn Sink) -> Result<()>;

/// Takes what dissectors say of the message at hand.
pub trait Sink {
    /// Which end sent this message, as far as is known.
    fn sender(&self) -> Role;

    /// This message says which end sent it. Returns what is believed with this evidence added.
    fn sender_is(&mut self, role: Role, evidence: Evidence) -> Role;

    /// This flow speaks a protocol that its row carries, without a request or response that would say so.
    fn speaks(&mut self, protocol: &'static str);

    /// The unit of all further messages of this flow that name none, either direction.
    fn set_unit(&mut self, unit: Label<'_>);

    /// A request.
    fn request(&mut self, request: &Request<'_>);

    /// A response. Returns the request that it answers, where that was seen.
    fn response(&mut self, response: &Response<'_>) -> Option<Matched>;

    /// A piece of identity of the sender (`facts` lists the keys); cleaned by the sink. Empty values are dropped.
    fn fact(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: &[u8]);

    /// The same, for a text that the dissector wrote itself.
    fn fact_text(&mut self, source: &'static str, unit: Option<Label<'_>>, key: &'static str, value: fmt::Arguments<'_>);

    /// The same of somebody else than the sender: what a DHCP server hands out, what a client calls its server.
    fn fact_about(&mut self, subject: Subject, source: &'static str, key: &'static str, value: &[u8]);

    /// Addresses of the sender of this message.
    fn sender_addresses(&self) -> Subject;

    /// Addresses of its receiver; the MAC address is known only where it has sent something itself.
    fn receiver_addresses(&self) -> Subject;

    /// VLAN that this message came in, 0 for none. The same IP address in two VLANs is two devices.
    fn vlan(&self) -> u16;

    /// When this message came, nanoseconds since the epoch.
    fn time(&self) -> i64;

    /// The sender asks where that address is. True where it has asked for so many in a short time that it looks what there is;
    /// an address counts only where nothing was kept for it under `there` shortly before it was asked for, or since.
    fn asks_for(&mut self, target: Address, there: u64) -> bool;

    /// A breach of the protocol or of good practice. `kind` is a `snake_case` name from a small fixed set, `detail` what was wrong in
    /// words that repeat for the same fault (no counters, no payload).
    fn anomaly(&mut self, protocol: &'static str, kind: &'static str, detail: fmt::Arguments<'_>);

    /// One part of a larger message. Calls `whole` with all of it once the last part is there. A message that is
    /// first and last part at once is passed on in place.
    ///
    /// # Errors
    /// What `whole` returns.
    fn assemble(&mut self, part: &Part<'_>, whole: Whole) -> Result<()>;

    /// Keep `octets` under `key`, overwriting what was there.
    fn remember(&mut self, scope: Scope, key: u64, octets: &[u8]);

    /// What was kept under `key`.
    fn recall(&self, scope: Scope, key: u64) -> Option<Memo>;

    /// Drop what was kept under `key`.
    fn forget(&mut self, scope: Scope, key: u64);
}
