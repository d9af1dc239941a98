//! Which decisions an entry touches: a revocation, or a statement that should not have been believed.

use crate::condition::Condition;
use crate::history::History;
use crate::standing::Standing;
use crate::timeline::Time;

/// A decision that asked whether a condition was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its name.
    pub id: String,
    /// When it was made.
    pub at: Time,
    /// The artefact it was about, if any.
    pub artifact: Option<String>,
}

/// A decision that rested on a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The decision.
    pub id: String,
    /// Whether the condition would have been unmet without the statement.
    pub turns: bool,
}

/// The decisions at or after `since` that rested on the statement at `index`, in the order given.
#[must_use]
pub fn of(condition: &Condition, history: &History, index: u64, since: Time, decisions: &[Decision]) -> Vec<Touched> {
    let mut touched = Vec::new();
    for decision in decisions.iter().filter(|decision| decision.at >= since) {
        let view = history.at(decision.at);
        let standing = Standing::new(condition, &view, decision.artifact.as_deref());
        let answer = standing.answer(decision.at);
        if answer.met && answer.evidence.contains(&index) {
            let otherwise = Standing::new(condition, &view.without(index), decision.artifact.as_deref());
            touched.push(Touched { id: decision.id.clone(), turns: !otherwise.timeline.contains(decision.at) });
        }
    }
    touched
}
