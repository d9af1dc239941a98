//! Reads ahead: a file is read on a thread of its own while what was read before is decided on another. Parts come in
//! the order of the file, each transaction with the headers and the batch as they were when it was read.
//!
//! What is read ahead is bounded, whatever the file says: whoever is faster waits.

use crate::iso20022::{Node, Paths};
use crate::parts::{NONE, Part, Parts};
use crate::payment::{Field, Payment};
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Sheaves waiting to be decided on. One more is being filled and another decided on, so neither thread waits for the
/// other while both go at the same pace.
const SHEAVES_MAX: usize = 2;
/// Parts in a sheaf: enough that handing it over costs nothing beside reading it, few enough to stay in a core's cache.
const SHEAF_PARTS_MAX: usize = 128;
/// What a sheaf holds before it is handed over; the transaction and headers that reach it are its last.
const SHEAF_BYTES_MAX: usize = 512 * 1024;
/// Room that a transaction leaves for the next; what one grew beyond it is given back.
const ROOM_BYTES_MAX: usize = 64 * 1024;

/// A file that is read ahead.
#[derive(Debug)]
pub struct Ahead {
    sheaves: Receiver<Sheaf>,
    /// Sheaves that have been decided on, whose room is used again.
    emptied: SyncSender<Sheaf>,
    reading: Option<JoinHandle<()>>,
    sheaf: Sheaf,
    /// How many transactions of the sheaf have come.
    payments: usize,
    headings: Headings,
    paths: Paths,
}

/// What a transaction stands under.
#[derive(Clone, Debug, Default)]
struct Headings {
    header: Payment,
    batch: Payment,
    message: String,
    batches: u64,
    messages: u64,
}

/// A part, or the end, and what it stands under where that is not what the one before stood under.
#[derive(Debug)]
struct Leaf {
    part: Option<Part>,
    headings: Option<Box<Headings>>,
}

#[derive(Debug, Default)]
struct Sheaf {
    leaves: VecDeque<Leaf>,
    /// The transactions among them, and room for more.
    payments: Vec<Payment>,
    /// Paths met in it first.
    news: Vec<Node>,
}

impl Ahead {
    /// Reads `parts` ahead.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn read(mut parts: Box<dyn Parts + Send>) -> io::Result<Self> {
        let (filled, sheaves) = sync_channel(SHEAVES_MAX);
        let (emptied, empty) = sync_channel(SHEAVES_MAX);
        let reading = Builder::new().name(String::from("reading")).spawn(move || read(&mut *parts, &filled, &empty))?;
        Ok(Self {
            sheaves,
            emptied,
            reading: Some(reading),
            sheaf: Sheaf::default(),
            payments: 0,
            headings: Headings::default(),
            paths: Paths::default(),
        })
    }

    /// Waits for the next sheaf; whether there is one.
    fn turn(&mut self) -> bool {
        let Ok(mut next) = self.sheaves.recv() else {
            // Only a defect ends reading before the end, and it is one here as it is there.
            if let Some(Err(defect)) = self.reading.take().map(JoinHandle::join) {
                std::panic::resume_unwind(defect);
            }
            return false;
        };
        self.paths.learn(std::mem::take(&mut next.news));
        self.payments = 0;
        let done = std::mem::replace(&mut self.sheaf, next);
        // Where there are enough, or all is read, nobody wants it back.
        drop(self.emptied.try_send(done));
        true
    }
}

impl Parts for Ahead {
    fn next_part(&mut self) -> Option<Part> {
        while self.sheaf.leaves.is_empty() {
            if !self.turn() {
                return None;
            }
        }
        let leaf = self.sheaf.leaves.pop_front()?;
        if let Some(headings) = leaf.headings {
            self.headings = *headings;
        }
        if let Some(Part::Payment(_)) = leaf.part {
            self.payments += 1;
        }
        leaf.part
    }

    fn payment(&self) -> &Payment {
        self.payments.checked_sub(1).and_then(|last| self.sheaf.payments.get(last)).unwrap_or(&NONE)
    }

    fn exchange(&mut self, payment: &mut Payment) {
        if let Some(last) = self.payments.checked_sub(1).and_then(|last| self.sheaf.payments.get_mut(last)) {
            std::mem::swap(last, payment);
        }
    }

    fn batch(&self) -> &Payment {
        &self.headings.batch
    }

    fn header(&self) -> &Payment {
        &self.headings.header
    }

    fn batches(&self) -> u64 {
        self.headings.batches
    }

    fn messages(&self) -> u64 {
        self.headings.messages
    }

    fn message(&self) -> &str {
        &self.headings.message
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }
}

/// Reads to the end, or until nobody wants more.
fn read(parts: &mut dyn Parts, filled: &SyncSender<Sheaf>, empty: &Receiver<Sheaf>) {
    let mut headings = Headings::default();
    let mut known = Paths::default().count();
    loop {
        let mut sheaf = empty.try_recv().unwrap_or_default();
        let ended = sheaf.fill(parts, &mut headings);
        sheaf.news = parts.paths().news(known);
        known = parts.paths().count();
        if filled.send(sheaf).is_err() || ended {
            return;
        }
    }
}

impl Sheaf {
    /// Fills it anew; whether everything has been read.
    fn fill(&mut self, parts: &mut dyn Parts, headings: &mut Headings) -> bool {
        self.leaves.clear();
        for payment in &mut self.payments {
            payment.clear();
            if size(payment.text.capacity(), payment.fields.capacity()) > ROOM_BYTES_MAX {
                *payment = Payment::default();
            }
        }
        let (mut payments, mut bytes) = (0, 0);
        while self.leaves.len() < SHEAF_PARTS_MAX && bytes < SHEAF_BYTES_MAX {
            let part = parts.next_part();
            if let Some(Part::Payment(_)) = part {
                if payments == self.payments.len() {
                    self.payments.push(Payment::default());
                }
                if let Some(payment) = self.payments.get_mut(payments) {
                    parts.exchange(payment);
                    bytes += size(payment.text.len(), payment.fields.len());
                }
                payments += 1;
            }
            // Nobody asks what a frame stands under.
            let framed = matches!(part, Some(Part::Frame(_)));
            let renewed = if framed { None } else { headings.renew(parts) };
            bytes += renewed.as_ref().map_or(0, |headings| headings.size());
            let ended = part.is_none();
            self.leaves.push_back(Leaf { part, headings: renewed });
            if ended {
                return true;
            }
        }
        false
    }
}

impl Headings {
    /// Compares with where reading is; a copy if that is elsewhere.
    fn renew(&mut self, parts: &dyn Parts) -> Option<Box<Self>> {
        let same = self.batches == parts.batches()
            && self.messages == parts.messages()
            && self.message == parts.message()
            && self.header == *parts.header()
            && self.batch == *parts.batch();
        if same {
            return None;
        }
        *self = Self {
            header: parts.header().clone(),
            batch: parts.batch().clone(),
            message: parts.message().to_owned(),
            batches: parts.batches(),
            messages: parts.messages(),
        };
        Some(Box::new(self.clone()))
    }

    fn size(&self) -> usize {
        let (header, batch) = (&self.header, &self.batch);
        size(header.text.len() + batch.text.len() + self.message.len(), header.fields.len() + batch.fields.len())
    }
}

const fn size(text: usize, fields: usize) -> usize {
    text + fields * size_of::<Field>()
}

#[cfg(test)]
mod tests;
