//! Every operation as a row of its own: a request with its response, where both were seen. Only where somebody asks for it.
//!
//! A row names what recurs (who talks to whom, what is asked) by its place in a list, so that it costs a few octets, and what it
//! costs to write the list out does not grow with the number of rows.

use core::hash::Hash;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::decode::{Address, Mac};
use crate::flow::{Flow, Side};
use crate::observations::{Operation, Transport};
use crate::sink::{Label, Role};
use crate::tables::MORE;

/// Rows kept until somebody takes them.
const MOST_ROWS: usize = 1 << 20;
/// Requests that wait; the engine has its own limit, which is lower.
const MOST_OPEN: usize = 1 << 20;
/// Octets of units and objects until somebody takes them.
const MOST_TEXT: usize = 16 << 20;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, and not rejected.
    Accepted,
    /// It was rejected.
    Rejected,
    /// It should have been answered and was not.
    Unanswered,
    /// There was no request: the server spoke by itself, or the capture does not have it.
    Unasked,
    /// No answer was to come.
    OneWay,
    /// There was no room to wait for the answer, or it was taken for something else.
    Unknown,
}

impl Outcome {
    /// All of them, each at the place of its number.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Accepted, "accepted"),
        (Self::Rejected, "rejected"),
        (Self::Unanswered, "unanswered"),
        (Self::Unasked, "unasked"),
        (Self::OneWay, "one_way"),
        (Self::Unknown, "unknown"),
    ];
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// When it was asked for; when it was answered, where nobody asked.
    pub asked: i64,
    /// When it was answered, where it was.
    pub answered: i64,
    /// Whose it is, a place in [`Taken::exchanges`].
    pub exchange: u32,
    /// What it is, a place in [`Taken::operations`].
    pub operation: u32,
    /// Why it was rejected, a place in [`Taken::statuses`]; -1 where it was not.
    pub status: i32,
    /// Octets of the message that asked.
    pub request_octets: u32,
    /// Octets of the messages that answered.
    pub response_octets: u32,
    /// Number of the capture or interface.
    pub source: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// Who talks to whom: one connection, or one pair of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// Address and port of who asks.
    pub client: (Address, u16),
    /// Address and port of who serves.
    pub server: (Address, u16),
    /// MAC address that the client sends from, or is sent to.
    pub client_mac: Mac,
    /// The same of the server.
    pub server_mac: Mac,
    /// How it is carried.
    pub transport: Transport,
    /// VLAN identifier, 0 for none.
    pub vlan: u16,
    /// When the connection began, or its first packet came.
    pub began: i64,
}

impl Exchange {
    /// The one of a flow, as it is known now.
    #[must_use]
    pub fn of(flow: &Flow) -> Self {
        let mac = |side: Side| match flow.halves.of(side).link.source {
            Mac::NONE => Some(flow.halves.of(side.other()).link.destination).filter(|mac| !mac.is_group()).unwrap_or(Mac::NONE),
            mac => mac,
        };
        let client = flow.roles.client();
        Self {
            client: flow.end(Role::Client),
            server: flow.end(Role::Server),
            client_mac: mac(client),
            server_mac: mac(client.other()),
            transport: flow.key.transport(),
            vlan: flow.key.vlan(),
            began: flow.connected,
        }
    }

    const fn swapped(self) -> Self {
        Self { client: self.server, server: self.client, client_mac: self.server_mac, server_mac: self.client_mac, ..self }
    }
}

/// A function of a protocol: its name, the code and the sub-function.
pub type Function = (&'static str, u32, Option<u32>);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// A place in [`Taken::functions`].
    pub function: u32,
    /// Address inside the server.
    pub unit: String,
    /// What is touched.
    pub object: String,
}

/// Things that recur, each once.
struct List<T> {
    items: Vec<T>,
    places: HashMap<T, u32, RandomState>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> List<T> {
    /// The place of an item, which is put in where it is new.
    fn place(&mut self, item: &T) -> u32 {
        if let Some(place) = self.places.get(item) {
            return *place;
        }
        let place = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.push(item.clone());
        self.places.insert(item.clone(), place);
        place
    }
}

/// Rows that are over, and what they refer to.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The rows, by protocol and then in the order of time.
    pub rows: Vec<Row>,
    /// Rows for which there was no room since the last time.
    pub lost: u64,
    /// Who talks to whom.
    pub exchanges: Vec<Exchange>,
    /// What is asked for.
    pub operations: Vec<Asked>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Rejections: the protocol's name and the code.
    pub statuses: Vec<(&'static str, u32)>,
}

impl Taken {
    fn sort(&mut self) {
        let protocol = |asked: &Asked| self.functions.get(asked.function as usize).map_or("", |(protocol, ..)| *protocol);
        let protocols: Vec<&str> = self.operations.iter().map(protocol).collect();
        self.rows.sort_by_key(|row| (protocols.get(row.operation as usize).copied(), row.asked));
    }
}

/// A message, for what is recorded of it.
#[derive(Clone, Copy)]
pub struct Message {
    /// When.
    pub time: i64,
    /// Its length.
    pub octets: usize,
}

impl Message {
    fn octets(self) -> u32 {
        u32::try_from(self.octets).unwrap_or(u32::MAX)
    }
}

/// A request that waits for its answer; 0 where it is not recorded.
pub type Ticket = u32;

/// What is recorded and was not taken yet.
#[derive(Default)]
pub struct Transactions {
    /// Number of the capture or interface that frames come from now.
    pub source: u32,
    rows: Vec<Row>,
    open: Vec<Option<Row>>,
    free: Vec<Ticket>,
    exchanges: List<Exchange>,
    operations: List<Asked>,
    functions: List<Function>,
    statuses: List<(&'static str, u32)>,
    /// Places of operations by the numbers of their rows.
    numbers: HashMap<u64, u32, RandomState>,
    text: usize,
    lost: u64,
}

impl Transactions {
    /// Rows that wait to be taken.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Requests that wait for their answers.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open.len().saturating_sub(self.free.len())
    }

    /// True where there is no room for another row, which is counted.
    pub const fn refuse(&mut self) -> bool {
        let is_full = self.rows.len() >= MOST_ROWS;
        self.lost = self.lost.saturating_add(is_full as u64);
        is_full
    }

    /// Something is asked for; the row is over at once unless an answer is to come.
    pub fn ask(&mut self, flow: &Flow, operation: u32, message: Message, waits: bool) -> Ticket {
        let row = self.row(flow, operation, message);
        let row = Row { request_octets: message.octets(), outcome: Outcome::OneWay, ..row };
        if !waits {
            self.over(row);
            return 0;
        }
        let row = Row { outcome: Outcome::Unanswered, ..row };
        if let Some(ticket) = self.free.pop() {
            if let Some(place) = self.place(ticket) {
                *place = Some(row);
            }
            return ticket;
        }
        if self.open.len() >= MOST_OPEN {
            self.lost = self.lost.saturating_add(1);
            return 0;
        }
        self.open.push(Some(row));
        u32::try_from(self.open.len()).unwrap_or(0)
    }

    fn row(&mut self, flow: &Flow, operation: u32, message: Message) -> Row {
        let exchange = self.exchanges.place(&Exchange::of(flow));
        let Message { time, .. } = message;
        let (source, outcome) = (self.source, Outcome::Unasked);
        Row { asked: time, answered: time, exchange, operation, status: -1, request_octets: 0, response_octets: 0, source, outcome }
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Option<Row>> {
        self.open.get_mut((ticket as usize).checked_sub(1)?)
    }

    fn over(&mut self, row: Row) {
        if self.rows.len() >= MOST_ROWS {
            self.lost = self.lost.saturating_add(1);
        } else {
            self.rows.push(row);
        }
    }

    /// A request is answered; more may be to come.
    #[inline(never)]
    pub fn answer(&mut self, ticket: Ticket, status: Option<(&'static str, u32)>, message: Message, more: bool) {
        let status = self.status(status);
        let Some(row) = self.place(ticket).and_then(Option::as_mut) else { return };
        if row.outcome == Outcome::Unanswered {
            (row.outcome, row.answered) = (Outcome::Accepted, message.time);
        }
        if status >= 0 {
            (row.outcome, row.status) = (Outcome::Rejected, status);
        }
        row.response_octets = row.response_octets.saturating_add(message.octets());
        if !more {
            self.close(ticket);
        }
    }

    fn status(&mut self, status: Option<(&'static str, u32)>) -> i32 {
        status.map_or(-1, |status| i32::try_from(self.statuses.place(&status)).unwrap_or(-1))
    }

    /// A request waits no longer.
    pub fn close(&mut self, ticket: Ticket) {
        if let Some(row) = self.place(ticket).and_then(Option::take) {
            self.free.push(ticket);
            self.over(row);
        }
    }

    /// A request cannot wait: what became of it will not be known.
    pub fn give_up(&mut self, ticket: Ticket) {
        if let Some(row) = self.place(ticket).and_then(Option::as_mut) {
            row.outcome = Outcome::Unknown;
        }
        self.close(ticket);
    }

    /// A server speaks, and no request for it is known.
    pub fn unasked(&mut self, flow: &Flow, operation: u32, status: Option<(&'static str, u32)>, message: Message) {
        let row = self.row(flow, operation, message);
        let status = self.status(status);
        self.over(Row { status, response_octets: message.octets(), ..row });
    }

    /// Those who talk on a flow have turned out to be the other way round: what was not taken yet is set right.
    pub fn turn(&mut self, flow: &Flow) {
        for pending in &flow.pending {
            self.close(pending.ticket);
        }
        let exchange = Exchange::of(flow);
        let Some(before) = self.exchanges.places.get(&exchange.swapped()).copied() else { return };
        let after = self.exchanges.place(&exchange);
        for row in self.rows.iter_mut().filter(|row| row.exchange == before) {
            row.exchange = after;
            match row.outcome {
                Outcome::Unasked => (row.outcome, row.request_octets, row.response_octets) = (Outcome::Unknown, row.response_octets, 0),
                Outcome::Accepted | Outcome::Rejected => {}
                _ => {
                    (row.outcome, row.request_octets, row.response_octets, row.answered) =
                        (Outcome::Unasked, 0, row.request_octets, row.asked);
                }
            }
        }
    }

    /// The place of an operation in the list. `instead`: unit and object where its row stands for several.
    pub fn operation(&mut self, row: &Operation, instead: Option<(Label<'_>, Label<'_>)>) -> u32 {
        if let Some(place) = self.numbers.get(&row.id).filter(|_| instead.is_none()) {
            return *place;
        }
        let (unit, object) = instead.map_or_else(
            || (row.unit.label().to_text(), row.object.label().to_text()),
            |(unit, object)| (unit.to_text(), object.to_text()),
        );
        let function = self.functions.place(&(row.protocol, row.function, row.subfunction));
        let place = self.asked(&Asked { function, unit, object });
        if instead.is_none() {
            self.numbers.insert(row.id, place);
        }
        place
    }

    fn asked(&mut self, asked: &Asked) -> u32 {
        if let Some(place) = self.operations.places.get(asked) {
            return *place;
        }
        let text = self.text.saturating_add(asked.unit.len()).saturating_add(asked.object.len());
        if text > MOST_TEXT {
            return self.operations.place(&Asked { function: asked.function, unit: String::new(), object: MORE.to_text() });
        }
        self.text = text;
        self.operations.place(asked)
    }

    /// What is over, to be written somewhere, by protocol and then in the order of time; requests that wait stay.
    pub fn take(&mut self) -> Taken {
        let mut taken = Taken {
            rows: core::mem::take(&mut self.rows),
            lost: core::mem::take(&mut self.lost),
            exchanges: core::mem::take(&mut self.exchanges).items,
            operations: core::mem::take(&mut self.operations).items,
            functions: core::mem::take(&mut self.functions).items,
            statuses: core::mem::take(&mut self.statuses).items,
        };
        taken.sort();
        self.numbers.clear();
        self.text = 0;
        let mut open = core::mem::take(&mut self.open);
        for row in open.iter_mut().flatten() {
            self.list_again(row, &taken);
        }
        self.open = open;
        taken
    }

    /// What a row that stays refers to is put into the new lists.
    fn list_again(&mut self, row: &mut Row, taken: &Taken) {
        if let Some(exchange) = taken.exchanges.get(row.exchange as usize) {
            row.exchange = self.exchanges.place(exchange);
        }
        if let Some(asked) = taken.operations.get(row.operation as usize)
            && let Some(function) = taken.functions.get(asked.function as usize)
        {
            let function = self.functions.place(function);
            row.operation = self.asked(&Asked { function, ..asked.clone() });
        }
        let status = usize::try_from(row.status).ok().and_then(|status| taken.statuses.get(status)).copied();
        row.status = self.status(status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::flow::FlowKey;
    use crate::tables::Limits;

    const MESSAGE: Message = Message { time: 1, octets: 12 };

    fn flow(port: u16) -> Flow {
        let end = |number, port| (Address::v4([10, 0, 0, number]), port);
        let (key, side) = FlowKey::new(end(1, port), end(2, 502), Transport::Tcp, 0);
        Flow::new(key, side, 0)
    }

    fn asked(transactions: &mut Transactions, object: &str) -> u32 {
        let function = transactions.functions.place(&("modbus", 3, None));
        transactions.asked(&Asked { function, unit: "1".to_owned(), object: object.to_owned() })
    }

    #[test]
    fn a_request_is_taken_when_it_is_over_with_what_it_refers_to() {
        let mut transactions = Transactions::default();
        let operation = asked(&mut transactions, "HR 40001");
        let (first, second) = (flow(1000), flow(2000));
        let tickets = [transactions.ask(&first, operation, MESSAGE, true), transactions.ask(&second, operation, MESSAGE, true)];
        assert!(transactions.take().rows.is_empty());

        transactions.answer(tickets[1], Some(("modbus", 2)), Message { time: 5, octets: 9 }, false);
        let taken = transactions.take();
        let [row] = taken.rows.as_slice() else { panic!("{taken:?}") };
        assert_eq!((row.asked, row.answered, row.request_octets, row.response_octets, row.outcome), (1, 5, 12, 9, Outcome::Rejected));
        assert_eq!(taken.exchanges[row.exchange as usize].client.1, 2000);
        assert_eq!(taken.operations[row.operation as usize].object, "HR 40001");
        assert_eq!(taken.statuses[usize::try_from(row.status).unwrap()], ("modbus", 2));

        transactions.close(tickets[0]);
        transactions.close(tickets[0]);
        let taken = transactions.take();
        assert_eq!((taken.rows.len(), taken.rows[0].outcome, taken.exchanges.len()), (1, Outcome::Unanswered, 1));
    }

    #[test]
    fn an_answer_in_parts_is_one_that_rejects_where_a_part_does() {
        let mut transactions = Transactions::default();
        let operation = asked(&mut transactions, "");
        let ticket = transactions.ask(&flow(1000), operation, MESSAGE, true);
        transactions.answer(ticket, None, Message { time: 3, octets: 100 }, true);
        transactions.answer(ticket, Some(("dnp3", 7)), Message { time: 4, octets: 100 }, true);
        transactions.close(ticket);
        let row = transactions.take().rows[0];
        assert_eq!((row.answered, row.response_octets, row.outcome), (3, 200, Outcome::Rejected));
    }

    #[test]
    fn rows_and_texts_are_bounded_and_what_is_lost_is_counted() {
        let mut transactions = Transactions::default();
        let flow = flow(1000);
        for number in 0..100 {
            let operation = asked(&mut transactions, &format!("{number}{}", "x".repeat(1_000_000)));
            transactions.ask(&flow, operation, MESSAGE, false);
        }
        assert!(transactions.text <= MOST_TEXT);
        let taken = transactions.take();
        assert_eq!(taken.rows.len(), 100);
        assert_eq!(taken.operations.last().map(|asked| asked.object.as_str()), Some("(more objects)"));
        let operation = asked(&mut transactions, "");
        for _ in 0..MOST_ROWS + 5 {
            if !transactions.refuse() {
                transactions.ask(&flow, operation, MESSAGE, false);
            }
        }
        let taken = transactions.take();
        assert_eq!((taken.rows.len(), taken.lost), (MOST_ROWS, 5));
        assert_eq!(transactions.take().lost, 0);
    }

    #[test]
    fn rows_come_by_protocol_and_then_in_the_order_of_time() {
        let mut transactions = Transactions::default();
        let (first, flow) = (asked(&mut transactions, ""), flow(1000));
        let function = transactions.functions.place(&("cip", 3, None));
        let second = transactions.asked(&Asked { function, unit: String::new(), object: String::new() });
        for (time, operation) in [(3, first), (2, second), (1, first)] {
            transactions.ask(&flow, operation, Message { time, octets: 1 }, false);
        }
        assert_eq!(transactions.take().rows.iter().map(|row| row.asked).collect::<Vec<_>>(), [2, 1, 3]);
    }

    #[test]
    fn nothing_is_kept_unless_somebody_asks() {
        assert!(Engine::new(Limits::default()).take_transactions().is_none());
    }

    #[test]
    fn each_outcome_is_at_the_place_of_its_number() {
        assert!(Outcome::ALL.iter().enumerate().all(|(number, (outcome, _))| *outcome as usize == number));
    }
}
