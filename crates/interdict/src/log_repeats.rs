//! Requests that came twice: a client that lost the answer asks again with the same key, and the decision is on record
//! once. A key counts only together with the decision: whoever uses one key for everything hides nothing.
//!
//! Keys are remembered while the service runs, the last of them ([`KEYS_MAX`]), and over a restart or a kill as far as
//! the write-ahead log goes, its last [`SCANNED_MAX`] records.

use ledger::disk::Disk;
use ledger::log::Ticket;
use ledger::private::Opening;
use ledger::wal::Cursor;
use std::collections::{HashMap, VecDeque};
use tlog::Hash;
use wire::record::Record;

/// Keys that are remembered: some seconds at full speed with a key on each request, hours at usual ones, some tens of
/// megabytes.
pub(crate) const KEYS_MAX: usize = 1 << 18;

/// Records that are opened at the start to find their keys: more than come between a crash and the repetitions.
pub(crate) const SCANNED_MAX: u64 = 1 << 14;

/// The name of the key among what is private of a record.
const NAME: &str = "once";

/// Which field of a record has what is private.
const PRIVATE_FIELD: usize = 6;

/// What is known of a request that came before.
#[derive(Clone, Debug)]
pub(crate) enum Before {
    /// Its record is on its way, or arrived.
    Ticket(Ticket),
    /// Its record is there since before the start.
    Index(u64),
}

/// The keys that came, each with what became of its record.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    known: HashMap<String, Before>,
    order: VecDeque<String>,
}

/// The key of a decision under the key of a request. When it was decided, and an instant that was not asked for but is
/// the present one, differ between repetitions and do not count.
pub(crate) fn key(once: &str, record: &Record) -> String {
    let same = Record { id: String::new(), at: 0, request: None, ..record.clone() };
    let same = if record.valid_at == record.at { Record { valid_at: 0, ..same } } else { same };
    let mut bytes = once.as_bytes().to_vec();
    bytes.push(0);
    // One too long to be a record of ours is never the same as another.
    bytes.extend(same.to_bytes().unwrap_or_else(|_too_long| record.id.clone().into_bytes()));
    Hash::of(&bytes).0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The record with the key in its sealed part, where a restart finds it.
pub(crate) fn keyed(record: &Record, key: &str) -> Record {
    let mut keyed = record.clone();
    keyed.private.push((NAME.to_owned(), key.to_owned()));
    keyed
}

impl Repeats {
    /// Reads the keys of the records that are durable and still in the write-ahead log.
    pub(crate) fn read<D: Disk>(disk: &D, durable: u64) -> Result<Self, String> {
        let mut repeats = Self::default();
        let mut cursor = Cursor::start(disk).map_err(|error| error.to_string())?;
        let from = durable.saturating_sub(SCANNED_MAX);
        let read = cursor.read(disk, durable, u64::MAX, |index, record| {
            if index < from {
                return;
            }
            let opening = Opening::from_record(&record.private);
            let fields = opening.seed().and_then(|seed| seed.open(&opening.sealed));
            let private = fields.and_then(|mut fields| fields.get_mut(PRIVATE_FIELD).and_then(Option::take));
            let private = private.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
            if let Some(key) = private.as_ref().and_then(|private| private.get(NAME)?.as_str()) {
                repeats.insert(key.to_owned(), Before::Index(index));
            }
        });
        read.map_err(|failed| failed.to_string())?;
        Ok(repeats)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Before> {
        self.known.get(key).cloned()
    }

    /// Forgets a key whose record did not become durable.
    pub(crate) fn forget(&mut self, key: &str) {
        if self.known.remove(key).is_some()
            && let Some(place) = self.order.iter().rposition(|known| known == key)
        {
            self.order.remove(place);
        }
    }

    pub(crate) fn insert(&mut self, key: String, before: Before) {
        if self.known.insert(key.clone(), before).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEYS_MAX {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.known.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Before, KEYS_MAX, Repeats};

    #[test]
    fn the_oldest_keys_go_first() {
        let mut repeats = Repeats::default();
        for number in 0..=KEYS_MAX as u64 {
            repeats.insert(number.to_string(), Before::Index(number));
        }
        assert!(repeats.get("0").is_none());
        assert!(matches!(repeats.get("1"), Some(Before::Index(1))));
        repeats.forget("1");
        assert!(repeats.get("1").is_none());
        // One that was forgotten and came again is as new as it is.
        repeats.insert(String::from("1"), Before::Index(1));
        for number in 1..KEYS_MAX as u64 {
            repeats.insert(format!("more {number}"), Before::Index(number));
        }
        assert!(matches!(repeats.get("1"), Some(Before::Index(1))));
    }
}
