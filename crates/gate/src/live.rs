//! The docket in force: read by everyone, swapped whole when the law changes, kept when an edit is faulty.

use arc_swap::ArcSwap;
use docket::Docket;
use std::sync::{Arc, Mutex, PoisonError};

/// The docket in force and the last edit that was refused.
#[derive(Debug)]
pub struct Live {
    docket: ArcSwap<Docket>,
    refused: Mutex<Option<String>>,
}

impl Live {
    /// Starts with a docket.
    #[must_use]
    pub fn new(docket: Docket) -> Self {
        Self { docket: ArcSwap::from_pointee(docket), refused: Mutex::new(None) }
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

    /// Keeps the docket in force and remembers why its successor was refused.
    pub fn refuse(&self, report: String) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Why the last edit was refused, if it was.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
