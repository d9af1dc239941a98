//! The conditions of this repository: they load, nothing but evidence meets them, and what is missing is named.

use crate::world::{APK, World, small_trust, t};
use attest::trust::Trust;
use attest::{Condition, Standing};
use serde_json::Value;
use std::path::Path;

fn written(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conditions/us").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn what_was_offered_in_2020_and_what_a_divestiture_takes_are_conditions() {
    for (name, artifact, requirements) in
        [("tiktok-mitigation-2020.json", Some(APK), 7), ("pafaca-divestiture.json", None, 7)]
    {
        let value = written(name);
        let condition = Condition::read(&value).unwrap();
        assert_eq!(condition.requirements().len(), requirements, "{name}");
        assert_eq!(condition.needs_artifact(), artifact.is_some(), "{name}");
        let trust = Trust::read(&small_trust()).unwrap();
        let unknown = condition.strangers(&trust);
        assert!(!unknown.is_empty(), "{name}: this trust document does not know its groups");
        assert!(unknown.is_sorted_by(|a, b| a < b), "{name}: each is named once: {unknown:?}");
        let world = World::new(small_trust());
        let standing = Standing::new(&condition, &world.history().now(), artifact);
        let answer = standing.answer(t("2026-01-22T05:00:00Z"));
        assert!(!answer.met && answer.holds_until.is_none(), "{name}: {answer:?}");
        assert_eq!(answer.missing.len(), requirements, "{name}: {answer:?}");
        // A word spelt wrong is no condition, rather than one that asks less.
        let spoilt = value.to_string().replacen("\"maxAge\"", "\"maxage\"", 1);
        assert!(Condition::read(&serde_json::from_str(&spoilt).unwrap()).is_err(), "{name}");
    }
}
