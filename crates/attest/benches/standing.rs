//! What it costs to know whether a condition is met, among ten thousand attestations: worked out anew, asked again, and
//! beside a reader that goes through every statement for every question. Prints figures; no test depends on them.
//!
//!     cargo bench -p attest [-- ATTESTATIONS]

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and fails by panicking"
)]

use attest::dsse::{Envelope, IN_TOTO, Signer};
use attest::history::{Entry, History, View};
use attest::json::format_time;
use attest::statement::{Subject, Type, compose, named_subject};
use attest::timeline::NEVER;
use attest::{Condition, Remembered, Standing, Time, Trust};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Who signs: three of different organisations, and their superior.
const WHO: [&str; 4] = ["one", "two", "three", "agency"];
const KINDS: [Type; 4] = [Type::AuditReport, Type::DataResidencyAudit, Type::SourceReview, Type::OperationsControl];
const NAMES: [&str; 4] = ["audit", "residency", "review", "operations"];
const START: Time = 1_750_000_000;
const DAY: Time = 86_400;

fn key(name: &str) -> ed25519_dalek::SigningKey {
    let seed: [u8; 32] = Sha256::digest(name).into();
    ed25519_dalek::SigningKey::from_bytes(&seed)
}

fn trust() -> Trust {
    let principal = |name: &&str| {
        let spki = key(name).verifying_key().to_public_key_der().unwrap();
        json!({ "id": name, "org": name, "keys": [{ "spki": Base64::encode_string(spki.as_bytes()) }] })
    };
    let accept = |kind: &str, by: &str| json!({ "by": by, "type": kind, "subject": "system:*" });
    let value = json!({
        "version": 1,
        "principals": WHO.iter().map(principal).collect::<Vec<_>>(),
        "groups": [{ "name": "auditors", "need": 2, "members": ["one", "two", "three"], "distinct": "org" },
            { "name": "root", "need": "all", "members": ["agency"] }],
        "accept": [accept("audit-report", "auditors"), accept("data-residency-audit", "auditors"),
            accept("source-review", "auditors"), accept("operations-control", "auditors")]
    });
    Trust::read(&value).unwrap()
}

/// What is required, as far as the naive reader knows it too: four kinds of report about one system.
fn condition() -> Condition {
    written(NAMES.iter().zip(KINDS).map(|(name, kind)| requirement(name, kind, "system:s0")).collect())
}

/// As many requirements as anybody has imagined: four about each of sixteen systems.
fn long_condition() -> Condition {
    let pairs = (0..16).flat_map(|system| NAMES.iter().zip(KINDS).map(move |pair| (system, pair)));
    let one = |(system, (name, kind)): (u32, (&&str, Type))| {
        requirement(&format!("{name}-{system}"), kind, &format!("system:s{system}"))
    };
    written(pairs.map(one).collect())
}

/// Reports whose periods have to follow on each other.
fn tiling_condition() -> Condition {
    let mut needs: Vec<Value> =
        NAMES.iter().zip(KINDS).map(|(name, kind)| requirement(name, kind, "system:s0")).collect();
    for need in &mut needs {
        need["period"] = json!({ "gap": "PT24H", "since": format_time(START) });
    }
    written(needs)
}

/// A reviewed source that has to be the one that was built from, which each builder names otherwise.
fn joined_condition() -> Condition {
    let built = json!({ "req": "built", "type": "audit-report", "subject": "system:s0", "by": "auditors" });
    let reviewed = json!({ "req": "reviewed", "type": "source-review", "subject": "joined",
        "join": { "of": "built", "claim": "/source" }, "by": "auditors" });
    written(vec![built, reviewed])
}

fn requirement(name: &str, kind: Type, subject: &str) -> Value {
    json!({ "req": name, "type": kind.name(), "subject": subject, "claims": [["/open", "=", 0]], "by": "auditors",
        "maxAge": "P92D" })
}

fn written(needs: Vec<Value>) -> Condition {
    let value = json!({ "order": "o", "condition": "c", "effect": "eligible-for-lift",
        "onLapse": { "act": "reinstate", "grace": "PT24H" }, "authority": "agency", "need": { "all": needs } });
    Condition::read(&value).unwrap()
}

/// So many statements about so many systems, a few of each hundred taken back.
fn history(count: u64, systems: u64, revoked: u64) -> History {
    let mut digests: Vec<(String, &str)> = Vec::new();
    let mut entries = Vec::new();
    for index in 0..count {
        let time = START + Time::try_from(index).unwrap() * 600;
        let by = WHO[usize::try_from(index / 4 % 3).unwrap()];
        let taken_back = (revoked > 0 && index % (100 / revoked) == 99 / revoked).then(|| digests.pop()).flatten();
        let (kind, subject, mut predicate, by) = match taken_back {
            Some((digest, by)) => {
                (Type::Revocation, String::from("order:o"), json!({ "targets": [{ "sha256": digest }] }), by)
            }
            None => {
                let system = format!("system:s{}", index / 12 % systems);
                let period = (format_time(time - DAY), format_time(time));
                let source = attest::dsse::hex(&Sha256::digest((index / 24).to_string()));
                let said = json!({ "open": 0, "source": source, "periodStart": period.0, "periodEnd": period.1 });
                (KINDS[usize::try_from(index % 4).unwrap()], system, said, by)
            }
        };
        predicate["timeCreated"] = json!(format_time(time));
        let statement: Value = compose(kind, &[named_subject(&subject)], &predicate);
        let mut envelope = Envelope {
            payload_type: IN_TOTO.into(),
            payload: statement.to_string().into_bytes(),
            signatures: Vec::new(),
        };
        Signer::Ed25519(Box::new(key(by))).sign(&mut envelope);
        if kind != Type::Revocation {
            digests.push((attest::dsse::hex(&envelope.statement_digest()), by));
        }
        entries.push(Entry { index, time, envelope });
    }
    let history = History::new(trust(), entries).unwrap();
    assert!(history.ignored().is_empty(), "{:?}", history.ignored().first());
    history
}

/// The same question by going through everything: for each requirement, who said so in a statement that counts now.
fn naive(condition: &Condition, view: &View<'_>, history: &History, at: Time) -> bool {
    condition.requirements().iter().all(|requirement| {
        let subject = Subject::named("system:s0");
        let mut heard = std::collections::BTreeSet::new();
        for record in history.records() {
            let said = &record.statement;
            let concerns = said.kind == requirement.kind && said.subjects.contains(&subject);
            if concerns && requirement.claims.iter().all(|claim| claim.holds(said)) {
                for speaker in view.speakers(record, &subject) {
                    if view.window(record, speaker, requirement.max_age).contains(at) {
                        heard.insert(speaker);
                    }
                }
            }
        }
        heard.len() >= 2
    })
}

/// The processor time this thread has had: of a machine that others use too, the hour says nothing.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

/// What one round of some work takes in the mean, over as many as fill a quarter of a second.
fn timed(mut work: impl FnMut()) -> Duration {
    let (mut rounds, start) = (0_u32, spent());
    while rounds < 20 || spent() - start < Duration::from_millis(250) {
        for _ in 0..=rounds / 10 {
            work();
            rounds += 1;
        }
    }
    (spent() - start) / rounds
}

/// Worked out anew; asked again, whether it is met and with all of its grounds. The first is also what a revocation or
/// any other entry costs.
fn told(name: &str, condition: &Condition, history: &History, at: Time) -> (Duration, Duration) {
    let view = history.at(NEVER - 1);
    let cold = timed(|| drop(black_box(Standing::new(condition, &view, None))));
    let remembered = Remembered::new(Standing::new(condition, &view, None));
    let first = timed(|| drop(black_box(remembered.standing.answer(black_box(at)))));
    let hundred = |ask: &dyn Fn()| timed(|| (0..1_000).for_each(|_| ask())) / 1_000;
    let cached = hundred(&|| _ = black_box(remembered.standing.timeline.contains(black_box(at))));
    let grounds = hundred(&|| drop(black_box(remembered.answer(black_box(at)))));
    let answer = remembered.answer(at);
    println!(
        "{name}: worked out {cold:.1?}, with its grounds {first:.1?}; asked again {cached:.1?}, with its grounds {grounds:.1?} \
         ({}, {} entries)",
        if answer.met { "met" } else { "not met" },
        answer.evidence.len()
    );
    (cold, grounds)
}

fn main() {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000_u64);
    println!(
        "{count} attestations; their signatures are checked when they are read, once each, and not when a condition is asked"
    );
    let condition = condition();
    let at = START + DAY * 60;
    for (name, systems, revoked) in [
        ("about a hundred systems, none taken back", 100, 0),
        ("about a hundred systems, one in a hundred taken back", 100, 1),
        ("all about one system, none taken back", 1, 0),
        ("all about one system, one in a hundred taken back", 1, 1),
        ("all about one system, ten in a hundred taken back", 1, 10),
    ] {
        let start = Instant::now();
        let history = history(count, systems, revoked);
        println!("\n{name} (signed and read in {:.1?})", start.elapsed());
        let view = history.at(NEVER - 1);
        let standing = Standing::new(&condition, &view, None);
        let last = START + Time::try_from(count).unwrap() * 600;
        for at in (START..last + 100 * DAY).step_by(7 * 86_400) {
            assert_eq!(standing.answer(at).met, naive(&condition, &view, &history, at), "{name}: {}", format_time(at));
        }
        let (cold, grounds) = told("  four requirements", &condition, &history, at);
        let peer = timed(|| assert_eq!(naive(&condition, &view, &history, at), standing.timeline.contains(at)));
        println!(
            "  the reader of everything {peer:.1?} = {:.1} x cold, {:.0} x asked again",
            peer.as_secs_f64() / cold.as_secs_f64(),
            peer.as_secs_f64() / grounds.as_secs_f64()
        );
        told("  four whose periods must follow on each other", &tiling_condition(), &history, at);
        told("  a join, over all the sources that were named", &joined_condition(), &history, at);
        told("  sixty-four requirements", &long_condition(), &history, at);
    }
}
