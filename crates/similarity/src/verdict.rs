//! From evidence to a verdict somebody can act on: contains, does not contain (and how little could be there
//! unseen), or cannot be cleared. The numbers come from the evaluation's calibration half of libraries only.

use crate::index::Index;
use crate::matching::Evidence;

/// Logistic regression on the logarithms of one plus distinct weight, functions, classes, links, and containment in
/// percent; its ridge penalty (0.5) was chosen by cross-validation over the libraries of the calibration half.
const INTERCEPT: f32 = -15.23;
const BY_WEIGHT: f32 = 1.544;
const BY_FUNCTIONS: f32 = 1.204;
const BY_CLASSES: f32 = 0.969;
const BY_LINKS: f32 = 1.070;
const BY_CONTAINMENT: f32 = 0.801;
/// From this probability on the claim is made: no unrelated pair of the test half reaches it.
pub const CONTAINS_MIN: f32 = 0.9;
/// Between this and [`CONTAINS_MIN`] a person should look.
pub const UNSURE_MIN: f32 = 0.3;
/// Share of unrelated pairs with any evidence, and the weight in which their number falls by e.
const CHANCE_AT_ZERO: f32 = 0.02;
const CHANCE_SCALE: f32 = 29.0;
/// The least share of distinct worth that survives full R8, in the twentieth most favourable case of twenty.
const SURVIVAL: f32 = 0.25;
/// Distinct weight at which code is reported with certainty; less of it could go unseen.
const WEIGHT_SEEN: f32 = 100.0;

/// Whether one artefact contains code of one lineage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Its code is there.
    Contains,
    /// There is evidence, too little for a claim and too much to pass over.
    Unsure,
    /// At most this share of the distinct code could be there unseen, at 95 percent.
    DoesNotContain {
        /// The share, 0 to 1.
        bound: f32,
    },
}

/// A verdict with its figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Calibrated probability that the code is there, 0 to 1.
    pub probability: f32,
    /// Expected number of unrelated artefacts among a million with as much evidence.
    pub expected_per_million: f32,
}

/// Judges evidence.
#[must_use]
pub fn judge(index: &Index, evidence: &Evidence) -> Judgement {
    let number = |n: u32| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    let log = |n: u32| (number(n) / index.echoes()).ln_1p();
    let distinct = evidence.distinct / index.echoes();
    let z = INTERCEPT
        + BY_WEIGHT * distinct.ln_1p()
        + BY_FUNCTIONS * log(evidence.functions)
        + BY_CLASSES * number(evidence.classes).ln_1p()
        + BY_LINKS * log(evidence.links)
        + BY_CONTAINMENT * (100.0 * evidence.containment).ln_1p();
    let probability = 1.0 / (1.0 + (-z).exp());
    let verdict = if probability >= CONTAINS_MIN {
        Verdict::Contains
    } else if probability >= UNSURE_MIN {
        Verdict::Unsure
    } else {
        Verdict::DoesNotContain { bound: bound(index, evidence.reference, evidence.distinct) }
    };
    let expected_per_million = 1e6 * CHANCE_AT_ZERO * (-distinct / CHANCE_SCALE).exp();
    Judgement { verdict, probability, expected_per_million }
}

/// How much of a reference's distinct code could be there unseen, if this much weight was found.
#[must_use]
pub fn bound(index: &Index, reference: usize, weight: f32) -> f32 {
    let all = index.distinct_worth(reference) * SURVIVAL;
    if all <= 0.0 { 1.0 } else { (weight.max(WEIGHT_SEEN * index.echoes()) / all).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Background;

    #[test]
    fn more_evidence_never_means_less_probability() {
        let index = Index::new(Vec::new(), &Background::default());
        let of = |distinct, functions, classes| {
            judge(
                &index,
                &Evidence {
                    reference: 0,
                    distinct,
                    common: 0.0,
                    functions,
                    classes,
                    links: functions / 2,
                    containment: 0.0,
                    fit: 0.0,
                    pairs: Vec::new(),
                },
            )
        };
        let mut last = 0.0;
        for n in 0..200_u16 {
            let judged = of(f32::from(n) * 10.0, n.into(), u32::from(n / 2));
            assert!(judged.probability >= last);
            last = judged.probability;
        }
        assert_eq!(of(2_000.0, 80, 20).verdict, Verdict::Contains);
        assert_eq!(of(58.0, 1, 1).verdict, Verdict::DoesNotContain { bound: 1.0 }, "one function alone is no claim");
        assert_eq!(of(200.0, 10, 5).verdict, Verdict::Unsure);
    }
}
