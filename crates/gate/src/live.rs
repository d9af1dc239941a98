//! The docket in force: read by everyone, swapped whole when the law changes, kept when an edit is faulty. And what people
//! decided where it left something to them.

use arc_swap::ArcSwap;
use docket::finding::{Overruled, Verdict};
use docket::moment::format_rfc3339;
use docket::{Docket, Finding, Inquiry};
use law::Time;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What people decided, by the digest of the question ([`wire::question`]).
pub type Rulings = HashMap<[u8; 32], Ruling>;

/// What people decided about a question that the law left to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it may happen.
    pub permits: bool,
    /// Who decided.
    pub by: Vec<String>,
    /// Where the gov log says so, and since when that was known.
    pub entry: (u64, Time),
    /// From the act that was asked about on.
    pub from: Time,
    /// Until when it holds.
    pub until: Time,
}

/// Why nobody knows whether rulings that were read before still hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Since when.
    pub since: Time,
    /// What is in the way.
    pub why: String,
    /// Whether that is so long ago that nothing is permitted by them any more. What they forbid stays forbidden until
    /// they end: not knowing widens nothing.
    pub is_over: bool,
}

/// What people decided, as far as it is known.
#[derive(Debug, Default)]
struct Ruled {
    rulings: Arc<Rulings>,
    unread: Option<Unread>,
}

/// The docket in force and the last edit that was refused.
#[derive(Debug)]
pub struct Live {
    docket: ArcSwap<Docket>,
    ruled: ArcSwap<Ruled>,
    refused: Mutex<Option<String>>,
}

impl Live {
    /// Starts with a docket.
    #[must_use]
    pub fn new(docket: Docket) -> Self {
        Self { docket: ArcSwap::from_pointee(docket), ruled: ArcSwap::default(), refused: Mutex::new(None) }
    }

    /// The docket in force. One request uses one docket from beginning to end.
    #[must_use]
    pub fn current(&self) -> Arc<Docket> {
        self.docket.load_full()
    }

    /// Puts another docket in force, at once and whole.
    pub fn replace(&self, docket: Docket) {
        self.docket.store(Arc::new(docket));
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Puts what people decided in the place of what they had.
    pub fn rule(&self, rulings: Arc<Rulings>) {
        self.ruled.store(Arc::new(Ruled { rulings, unread: None }));
    }

    /// Goes on with what people had decided when it could be read last.
    pub fn rule_unread(&self, unread: Unread) {
        let rulings = Arc::clone(&self.ruled.load().rulings);
        self.ruled.store(Arc::new(Ruled { rulings, unread: Some(unread) }));
    }

    /// Why nobody knows whether what people decided still holds, if so.
    #[must_use]
    pub fn unread(&self) -> Option<Unread> {
        self.ruled.load().unread.clone()
    }

    /// What people decided, as far as it is known, to be looked up by whoever keeps to one state of it.
    #[must_use]
    pub fn ruled(&self) -> (Arc<Rulings>, Option<Unread>) {
        let ruled = self.ruled.load();
        (Arc::clone(&ruled.rulings), ruled.unread.clone())
    }

    /// What people decided about a question that the law leaves to them, if anything, in the place of its verdict. What law
    /// permits or forbids is nobody's to decide. `also` is what a gate knows of the question besides.
    pub fn overrule(&self, inquiry: &Inquiry<'_>, found: &mut Finding, also: &[&str]) {
        if found.verdict == Verdict::Refer {
            let ruled = self.ruled.load();
            overrule(&ruled.rulings, ruled.unread.as_ref(), inquiry, found, also);
        }
    }

    /// Keeps the docket in force and remembers why its successor was refused.
    pub fn refuse(&self, report: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Goes back to what was wrong with the last edit, if anything was, once other things are not in the way any more.
    pub fn recall(&self, report: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// Why the last edit was refused, if it was.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The same, by rulings that nothing else holds.
pub fn overrule(rulings: &Rulings, unread: Option<&Unread>, inquiry: &Inquiry<'_>, found: &mut Finding, also: &[&str]) {
    if rulings.is_empty() || found.verdict != Verdict::Refer {
        return;
    }
    let Some(ruling) = rulings.get(&wire::question::digest(inquiry, found, also)) else { return };
    if ruling.permits && unread.is_some_and(|unread| unread.is_over) {
        return;
    }
    let (entry, known) = ruling.entry;
    if inquiry.known_at.is_some_and(|at| at < known) || inquiry.valid_at >= ruling.until {
        return;
    }
    if inquiry.valid_at < ruling.from {
        found.until = found.until.min(ruling.from);
        return;
    }
    found.verdict = if ruling.permits { Verdict::Permit } else { Verdict::Forbid };
    found.from = found.from.max(ruling.from);
    found.until = found.until.min(ruling.until);
    let who = ruling.by.join(" and ");
    found.caveats.push(format!("the law leaves this to a person; {who} decided, entry {entry} of the gov log"));
    if let Some(unread) = unread {
        let since = format_rfc3339(unread.since);
        found
            .caveats
            .push(format!("since {since} the gov log cannot be read, and whether that still holds is not known"));
    }
    let unread_since = unread.map(|unread| unread.since);
    found.overruled = Some(Box::new(Overruled { entry, by: ruling.by.clone(), until: ruling.until, unread_since }));
}
