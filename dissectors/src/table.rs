//! A capped table of rows: found by key, evicting the stalest, listing what has changed.

use core::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Rows looked at to find one to evict. The stalest of a sample of 16 is, with high probability, among the
/// stalest tenth of the table, and a packet never pays for more than the sample.
const SAMPLE: usize = 16;

/// Rows that are found without the index, a power of two: the busiest of a plant, 4 KiB.
const LATELY: usize = 1024;

/// What a table needs to know of its rows.
pub trait Row {
    /// When the row was last touched, nanoseconds since the epoch.
    fn last(&self) -> i64;

    /// A number of its own among all rows that are told of; 0 where nobody is told.
    fn id(&self) -> u64 {
        0
    }
}

/// A row's place. Stays valid until the row is evicted, then answers `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    index: u32,
    generation: u32,
}

impl Place {
    /// A number that no other living row of the table has.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }
}

#[repr(C)] // what is compared first lies with the front of the row
struct Slot<R> {
    hash: u64,
    generation: u32,
    changed: bool,
    /// Somebody was told of this row, and must be told when it is gone.
    told: bool,
    row: Option<R>,
}

/// Rows in a slab, found through a hash index.
pub struct Table<R> {
    index: HashTable<u32>,
    slots: Vec<Slot<R>>,
    free: Vec<u32>,
    changed: Vec<u32>,
    /// Indices of rows found lately, by the lowest bits of their hash.
    lately: Box<[u32; LATELY]>,
    most: usize,
    /// Where the next sample begins.
    hand: usize,
    evicted: u64,
    /// Numbers of rows that somebody was told of and that are gone since; never more than the table holds rows.
    gone: Vec<u64>,
}

impl<R: Row> Table<R> {
    /// A table of at most `most` rows.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            changed: Vec::new(),
            lately: Box::new([u32::MAX; LATELY]),
            most: most.clamp(1, 1 << 24),
            hand: 0,
            evicted: 0,
            gone: Vec::new(),
        }
    }

    /// Rows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True where nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// True where the next insertion must evict.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.most
    }

    /// Rows evicted or refused since the start.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Count a row that was refused.
    pub const fn refuse(&mut self) {
        self.evicted = self.evicted.saturating_add(1);
    }

    /// The place of the row with that index.
    #[must_use]
    pub fn place_of(&self, index: u32) -> Option<Place> {
        let slot = self.slots.get(index as usize).filter(|slot| slot.row.is_some())?;
        Some(Place { index, generation: slot.generation })
    }

    /// The row with that hash for which `same` holds.
    #[inline]
    pub fn find(&self, hash: u64, mut same: impl FnMut(&R) -> bool) -> Option<Place> {
        let slots = &self.slots;
        let row_is_same = |index: &u32| {
            slots.get(*index as usize).filter(|slot| slot.hash == hash).and_then(|slot| slot.row.as_ref()).is_some_and(&mut same)
        };
        let index = *self.index.find(hash, row_is_same)?;
        Some(Place { index, generation: self.slots.get(index as usize)?.generation })
    }

    /// Put in a row that is not there yet. Where the table is full, [`Table::stalest`] must be removed first;
    /// otherwise `None`.
    pub fn insert(&mut self, hash: u64, row: R) -> Option<Place> {
        if self.is_full() {
            self.refuse();
            return None;
        }
        let index = if let Some(index) = self.free.pop() {
            index
        } else {
            let index = u32::try_from(self.slots.len()).ok()?;
            self.slots.push(Slot { row: None, hash, generation: 0, changed: false, told: false });
            index
        };
        let slot = self.slots.get_mut(index as usize)?;
        slot.row = Some(row);
        slot.hash = hash;
        let generation = slot.generation;
        let slots = &self.slots;
        self.index.insert_unique(hash, index, |index| slots.get(*index as usize).map_or(0, |slot| slot.hash));
        Some(Place { index, generation })
    }

    /// The stalest of a few rows, to make room.
    pub fn stalest(&mut self) -> Option<Place> {
        let mut best: Option<(i64, Place)> = None;
        let mut seen = 0;
        for _ in 0..self.slots.len().min(SAMPLE.saturating_mul(8)) {
            self.hand = if self.hand.saturating_add(1) < self.slots.len() { self.hand.saturating_add(1) } else { 0 };
            let Some(slot) = self.slots.get(self.hand) else { break };
            let Some(row) = &slot.row else { continue };
            let place = Place { index: u32::try_from(self.hand).unwrap_or(u32::MAX), generation: slot.generation };
            if best.is_none_or(|(last, _)| row.last() < last) {
                best = Some((row.last(), place));
            }
            seen = usize::saturating_add(seen, 1);
            if seen >= SAMPLE {
                break;
            }
        }
        best.map(|(_, place)| place)
    }

    /// Take a row out.
    pub fn remove(&mut self, place: Place) -> Option<R> {
        let slot = self.slots.get_mut(place.index as usize).filter(|slot| slot.generation == place.generation)?;
        let row = slot.row.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if core::mem::take(&mut slot.told) {
            self.gone.push(row.id());
        }
        if let Ok(entry) = self.index.find_entry(slot.hash, |index| *index == place.index) {
            entry.remove();
        }
        self.free.push(place.index);
        Some(row)
    }

    /// Take a row out and count it as evicted.
    pub fn evict(&mut self, place: Place) -> Option<R> {
        let row = self.remove(place)?;
        self.refuse();
        Some(row)
    }

    /// Give a row another hash after its key has changed.
    pub fn rehash(&mut self, place: Place, hash: u64) {
        let Some(slot) = self.slots.get_mut(place.index as usize).filter(|slot| slot.generation == place.generation) else { return };
        if let Ok(entry) = self.index.find_entry(slot.hash, |index| *index == place.index) {
            entry.remove();
        }
        slot.hash = hash;
        let slots = &self.slots;
        self.index.insert_unique(hash, place.index, |index| slots.get(*index as usize).map_or(0, |slot| slot.hash));
    }

    /// The index of the row with that hash for which `same` holds, to be used at once. Rows asked for lately are found
    /// without the index.
    #[inline]
    pub fn index_of(&mut self, hash: u64, mut same: impl FnMut(&R) -> bool) -> Option<u32> {
        let slots = &self.slots;
        let mut row_is_same = |index: &u32| slots.get(*index as usize).and_then(|slot| slot.row.as_ref()).is_some_and(&mut same);
        #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are meant")]
        let lately = self.lately.get_mut(hash as usize % LATELY)?;
        if row_is_same(lately) {
            return Some(*lately);
        }
        let index = self.index.find(hash, row_is_same).copied()?;
        *lately = index;
        Some(index)
    }

    /// The row at an index found just now, to change; it will be among the changed.
    #[inline]
    pub fn touch_at(&mut self, index: u32) -> Option<&mut R> {
        let slot = self.slots.get_mut(index as usize)?;
        if !slot.changed {
            slot.changed = true;
            self.changed.push(index);
        }
        slot.row.as_mut()
    }

    /// The row at a place.
    #[inline]
    #[must_use]
    pub fn get(&self, place: Place) -> Option<&R> {
        self.slots.get(place.index as usize).filter(|slot| slot.generation == place.generation)?.row.as_ref()
    }

    /// The row at a place, to change; not marked as changed.
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> Option<&mut R> {
        self.slots.get_mut(place.index as usize).filter(|slot| slot.generation == place.generation)?.row.as_mut()
    }

    /// The row at a place, to change; it will be among the changed.
    #[inline]
    pub fn touch(&mut self, place: Place) -> Option<&mut R> {
        let slot = self.slots.get_mut(place.index as usize).filter(|slot| slot.generation == place.generation)?;
        if !slot.changed {
            slot.changed = true;
            self.changed.push(place.index);
        }
        slot.row.as_mut()
    }

    /// Places of the rows touched since the last call that are still there, each once.
    pub fn take_changed(&mut self) -> Vec<Place> {
        let mut changed = core::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed
            .into_iter()
            .filter_map(|index| {
                let slot = self.slots.get_mut(index as usize)?;
                slot.changed = false;
                slot.row.as_ref().map(|_| Place { index, generation: slot.generation })
            })
            .collect()
    }

    /// The rows that are new or have changed, and the numbers of those that were told of before and are gone.
    pub fn tell(&mut self) -> (Vec<Place>, Vec<u64>) {
        let changed = self.take_changed();
        for place in &changed {
            if let Some(slot) = self.slots.get_mut(place.index as usize) {
                slot.told = true;
            }
        }
        (changed, core::mem::take(&mut self.gone))
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &R> {
        self.slots.iter().filter_map(|slot| slot.row.as_ref())
    }

    /// Places of all rows.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let indices = 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        indices
            .zip(&self.slots)
            .filter(|(_, slot)| slot.row.is_some())
            .map(|(index, slot)| Place { index, generation: slot.generation })
            .collect()
    }
}

/// Hashes keys with a seed of this process, so that nobody can choose keys that collide.
#[derive(Clone)]
pub struct Hashes {
    state: RandomState,
    seeds: [u64; 3],
}

impl Default for Hashes {
    fn default() -> Self {
        let state = RandomState::default();
        let seeds = [1_u64, 2, 3].map(|number| state.hash_one(number));
        Self { state, seeds }
    }
}

impl Hashes {
    /// The hash of a key.
    #[inline]
    pub fn of(&self, key: impl Hash) -> u64 {
        self.state.hash_one(key)
    }

    /// The hash of a key of which every bit counts alike.
    #[must_use]
    pub fn even(&self, key: impl Hash) -> u64 {
        self.of_words([self.of(key), 0, 0])
    }

    /// The hash of three words, for what every packet asks: two multiplications, as `foldhash` mixes its words.
    #[inline]
    #[must_use]
    pub const fn of_words(&self, words: [u64; 3]) -> u64 {
        let ([one, two, three], [a, b, c]) = (words, self.seeds);
        fold(fold(one ^ a, two ^ b) ^ c, three ^ a.rotate_left(32))
    }
}

/// Both halves of the product, so that each bit of the factors counts.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
const fn fold(one: u64, other: u64) -> u64 {
    let product = (one as u128).wrapping_mul(other as u128);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Row for (u64, i64) {
        fn last(&self) -> i64 {
            self.1
        }

        fn id(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn who_was_told_of_a_row_is_told_when_it_is_gone() {
        let mut table = Table::new(3);
        let places: Vec<_> = (1..=3).map(|key| table.insert(key, (key, 0)).unwrap()).collect();
        table.touch(places[0]);
        table.touch(places[1]);
        assert_eq!(table.tell(), (vec![places[0], places[1]], vec![]));
        table.remove(places[0]);
        table.evict(places[2]);
        assert_eq!(table.tell(), (vec![], vec![1]), "nobody was told of the third");
        assert_eq!(table.tell(), (vec![], vec![]));
    }

    #[test]
    fn a_full_table_refuses_and_evicts_the_stalest() {
        let mut table = Table::new(3);
        for key in 0..3 {
            table.insert(key, (key, 10 - i64::try_from(key).unwrap())).unwrap();
        }
        assert!(table.insert(9, (9, 9)).is_none());
        let stalest = table.stalest().unwrap();
        assert_eq!(table.evict(stalest), Some((2, 8)));
        assert_eq!(table.get(stalest), None);
        let place = table.insert(9, (9, 9)).unwrap();
        assert_eq!(table.find(9, |row| row.0 == 9), Some(place));
        assert_eq!((table.len(), table.evicted()), (3, 2));
        table.touch(place).unwrap().1 = 11;
        table.touch(place).unwrap().1 = 12;
        assert_eq!(table.take_changed(), vec![place]);
        assert_eq!(table.take_changed(), vec![]);
    }
}
