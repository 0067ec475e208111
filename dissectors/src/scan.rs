//! Who asks for the hardware addresses of many that are not there, as one does who looks what there is.

use crate::decode::{Address, Mac};
use crate::table::{Hashes, Row, Table};

/// So many different addresses make a scan.
pub const ARP_SCAN_ADDRESSES: usize = 40;
/// Asked for within this time, nanoseconds.
pub const ARP_SCAN_WITHIN: i64 = 360_000_000_000;
/// Askers of which it is known at once.
const MOST_ASKERS: usize = 4_096;

/// One that asks, and what for.
struct Asker {
    mac: Mac,
    vlan: u16,
    /// Each address once, with the time when it was asked for last.
    asked: Vec<(Address, i64)>,
    last: i64,
}

impl Row for Asker {
    fn last(&self) -> i64 {
        self.last
    }
}

/// All askers; no more of each than make a scan.
pub struct Askers(Table<Asker>);

impl Default for Askers {
    fn default() -> Self {
        Self(Table::new(MOST_ASKERS))
    }
}

impl Askers {
    /// Somebody asks for an address. True where those that it has asked for make a scan, of which none must be `there`: that is
    /// asked of an address only when there are enough. What made one scan does not count for the next.
    pub fn ask(
        &mut self,
        hashes: &Hashes,
        (mac, vlan): (Mac, u16),
        target: Address,
        time: i64,
        there: impl Fn(Address, i64) -> bool,
    ) -> bool {
        let hash = hashes.of((mac, vlan));
        let place = self.0.find(hash, |row| row.mac == mac && row.vlan == vlan).or_else(|| {
            if let Some(stalest) = self.0.is_full().then(|| self.0.stalest()).flatten() {
                self.0.evict(stalest);
            }
            self.0.insert(hash, Asker { mac, vlan, asked: Vec::new(), last: time })
        });
        let Some(row) = place.and_then(|place| self.0.get_mut(place)) else { return false };
        row.last = time;
        row.asked.retain(|(address, when)| *address != target && time.saturating_sub(*when) <= ARP_SCAN_WITHIN);
        row.asked.push((target, time));
        if row.asked.len() >= ARP_SCAN_ADDRESSES {
            row.asked.retain(|(address, when)| !there(*address, *when));
        }
        if row.asked.len() < ARP_SCAN_ADDRESSES {
            return false;
        }
        row.asked = Vec::new();
        true
    }
}
