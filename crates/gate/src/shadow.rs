//! What a gate does with a verdict: enforce it, or only watch what enforcing would do.

use docket::finding::{Posture, Verdict};
use wire::record::Outcome;

/// Whether a gate refuses what is forbidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It refuses.
    #[default]
    Enforce,
    /// It decides and records, and lets everything through.
    Shadow,
}

/// What a gate does where law and facts leave it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefer {
    /// Let it through, on record. A gate that refuses what it does not know refuses the innocent.
    #[default]
    Permit,
    /// Refuse until a person has looked.
    Refuse,
}

/// Everything somebody chose about one gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stance {
    /// Enforce or watch.
    pub mode: Mode,
    /// What each status means here.
    pub posture: Posture,
    /// What to do with an open question.
    pub on_refer: OnRefer,
}

impl Stance {
    /// What the gate does with a verdict.
    #[must_use]
    pub const fn outcome(&self, verdict: Verdict) -> Outcome {
        match (verdict, self.on_refer, self.mode) {
            (Verdict::Permit, ..) => Outcome::Permit,
            (Verdict::Refer, OnRefer::Permit, _) => Outcome::Refer,
            (Verdict::Refer, OnRefer::Refuse, Mode::Enforce) | (Verdict::Forbid, _, Mode::Enforce) => Outcome::Refuse,
            (Verdict::Refer, OnRefer::Refuse, Mode::Shadow) | (Verdict::Forbid, _, Mode::Shadow) => Outcome::Shadow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, OnRefer, Stance};
    use docket::finding::Verdict;
    use wire::record::Outcome;

    #[test]
    fn a_gate_that_watches_refuses_nothing() {
        let shadow = Stance { mode: Mode::Shadow, on_refer: OnRefer::Refuse, ..Stance::default() };
        let outcomes = |stance: Stance| [Verdict::Permit, Verdict::Refer, Verdict::Forbid].map(|v| stance.outcome(v));
        assert_eq!(outcomes(shadow), [Outcome::Permit, Outcome::Shadow, Outcome::Shadow]);
        assert_eq!(outcomes(Stance::default()), [Outcome::Permit, Outcome::Refer, Outcome::Refuse]);
        let strict = Stance { on_refer: OnRefer::Refuse, ..Stance::default() };
        assert_eq!(outcomes(strict), [Outcome::Permit, Outcome::Refuse, Outcome::Refuse]);
    }
}
