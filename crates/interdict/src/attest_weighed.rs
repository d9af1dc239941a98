//! What conditions come to on all that was said: worked out once, and asked many times, by pages and every second by the log.

use crate::attest_folder::Attestations;
use attest::timeline::Timeline;
use attest::{Remembered, Standing, act};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of a condition, and the artefact it is asked about.
type Asked = (usize, Option<String>);

/// Conditions by their number.
#[derive(Debug, Default)]
pub(crate) struct Weighed {
    standings: Mutex<BTreeMap<Asked, Arc<Remembered>>>,
    in_law: Mutex<BTreeMap<usize, Arc<Timeline>>>,
}

impl Weighed {
    /// How the condition of this number stands.
    pub(crate) fn standing(
        &self,
        read: &Attestations,
        number: usize,
        artifact: Option<&str>,
    ) -> Option<Arc<Remembered>> {
        let condition = read.conditions.get(number)?;
        let key = (number, artifact.map(str::to_owned));
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = standings.get(&key) {
            return Some(Arc::clone(known));
        }
        let made = Arc::new(Remembered::new(Standing::new(condition, &read.history.now(), artifact)));
        // Anybody may ask about any artefact; kept is what is distributed.
        if artifact.is_none_or(|artifact| read.artifacts.iter().any(|known| known == artifact)) {
            standings.insert(key, Arc::clone(&made));
        }
        Some(made)
    }

    /// When law counts it as met.
    pub(crate) fn in_law(&self, read: &Attestations, number: usize) -> Arc<Timeline> {
        let known = self.in_law.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some(known) = known {
            return known;
        }
        let Some(condition) = read.conditions.get(number) else { return Arc::default() };
        let view = read.history.now();
        let of = |artifact: Option<&str>| match self.standing(read, number, artifact) {
            Some(found) => act::met_on(condition, &view, &found.standing),
            None => Timeline::never(),
        };
        let made = Arc::new(act::for_each(condition, &read.artifacts, of));
        self.in_law.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&made));
        made
    }
}
