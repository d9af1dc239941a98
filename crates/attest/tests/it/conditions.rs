//! Conditions: periods, joins, lapses, acts, and properties on random histories.

use crate::world::{APK, OTHER, SOURCE, World, condition, small_trust, t};
use attest::act::{self, Met};
use attest::impact::{self, Decision};
use attest::statement::{Subject, Type};
use attest::timeline::{NEVER, Window};
use attest::{Condition, Standing, Time};
use serde_json::{Value, json};

/// A linear congruential generator: the same histories on every machine.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

fn reviewed() -> Value {
    json!({ "all": [
        { "req": "reviewed", "type": "source-review", "subject": "joined", "join": { "of": "built", "claim": "/sourceDigest" },
          "claims": [["/openCritical", "=", 0]], "by": "auditor", "maxAge": "P20D" },
        { "req": "built", "type": "build-reproduced", "subject": "artifact", "by": "rebuilders", "maxAge": "P10D", "veto": "agency" }
    ] })
}

#[test]
fn the_reviewed_source_must_be_the_reproduced_one() {
    let holds = |reviewed_source: &str, built: [&str; 2]| {
        let mut world = World::new(small_trust());
        let at = "2020-10-01T00:00:00Z";
        world.say(
            at,
            &["auditor"],
            Type::SourceReview,
            &format!("artifact:{reviewed_source}"),
            json!({ "openCritical": 0 }),
        );
        for (who, source) in ["r1", "g"].into_iter().zip(built) {
            let claims = json!({ "sourceDigest": source });
            world.say(at, &[who], Type::BuildReproduced, &format!("artifact:{APK}"), claims);
        }
        let history = world.history();
        let standing = Standing::new(&condition(reviewed()), &history.now(), Some(APK));
        assert!(
            !Standing::new(&condition(reviewed()), &history.now(), None).answer(t(at)).met,
            "no artefact, no answer"
        );
        assert!(!Standing::new(&condition(reviewed()), &history.now(), Some(OTHER)).answer(t(at)).met);
        standing.answer(t(at)).met
    };
    assert!(holds(SOURCE, [SOURCE, SOURCE]));
    assert!(!holds(OTHER, [SOURCE, SOURCE]), "another source was reviewed");
    assert!(!holds(SOURCE, [SOURCE, OTHER]), "the builders built from different sources");
    assert!(!holds(SOURCE, [OTHER, OTHER]));
}

/// Two periods in each of the thirteen ways two stretches can lie, and until when the pair reaches.
#[test]
fn periods_must_tile() {
    let day = |day: u32| format!("2020-10-{day:02}T00:00:00Z");
    let need = json!({ "req": "log", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P5D",
        "period": { "since": "2020-10-04T00:00:00Z", "gap": "PT24H" } });
    // The first period is the 4th to the 8th; the beginning is the 4th; a day may be missing.
    let second = [
        ("before", (1, 3), Some(8)),
        ("meets", (1, 4), Some(8)),
        ("overlaps", (2, 6), Some(8)),
        ("starts", (4, 6), Some(8)),
        ("during", (5, 7), Some(8)),
        ("finishes", (6, 8), Some(8)),
        ("equals", (4, 8), Some(8)),
        ("finished by", (2, 8), Some(8)),
        ("contains", (3, 10), Some(10)),
        ("started by", (4, 10), Some(10)),
        ("overlapped by", (6, 11), Some(11)),
        ("met by", (8, 12), Some(12)),
        ("after, by the gap", (9, 12), Some(12)),
        ("after, by more", (10, 12), Some(8)),
    ];
    for (name, (from, until), reach) in second {
        let mut world = World::new(small_trust());
        for (from, until) in [(4, 8), (from, until)] {
            let claims = json!({ "periodStart": day(from), "periodEnd": day(until) });
            world.say(&day(12), &["auditor"], Type::AuditReport, "system:x", claims);
        }
        let standing = Standing::new(&condition(need.clone()), &world.history().now(), None);
        let expected = reach.map(|reach| Window { from: t(&day(12)), until: t(&day(reach + 5)) });
        assert_eq!(standing.timeline.windows().first().copied(), expected, "{name}");
    }
    // A gap that is filled later counts from then on, and a report that was taken back leaves one.
    let mut world = World::new(small_trust());
    let mut report = |at: u32, from: u32, until: u32| {
        let claims = json!({ "periodStart": day(from), "periodEnd": day(until) });
        world.say(&day(at), &["auditor"], Type::AuditReport, "system:x", claims)
    };
    report(8, 4, 8);
    report(14, 10, 14);
    let (_, filler) = report(16, 8, 10);
    world.say(&day(18), &["auditor"], Type::Revocation, "order:o", json!({ "targets": [{ "sha256": filler }] }));
    let standing = Standing::new(&condition(need), &world.history().now(), None);
    let expected = [(8, 13), (16, 18)].map(|(from, until)| Window { from: t(&day(from)), until: t(&day(until)) });
    assert_eq!(standing.timeline.windows(), expected);
}

fn act(world: &mut World, at: &str, verb: &str, from: &str, basis: Option<&str>) {
    let mut claims = json!({ "act": verb, "from": from });
    if let Some(basis) = basis {
        claims["condition"] = json!(basis);
    }
    world.say(at, &["agency"], Type::Act, "order:o", claims);
}

#[test]
fn evidence_makes_eligible_and_the_authority_lifts() {
    let need =
        json!({ "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" });
    let condition = condition(need);
    let day = |day: u32| format!("2020-10-{day:02}T00:00:00Z");
    let mut world = World::new(small_trust());
    act(&mut world, &day(1), "lift", &day(1), Some("c"));
    world.say(&day(2), &["auditor"], Type::AuditReport, "system:x", json!({}));
    assert_eq!(act::history_of(&condition, &world.history(), &[]), [], "eligible only; the first act came too early");
    act(&mut world, &day(3), "lift", &day(4), Some("c"));
    // It lapses on the 12th; a day of grace.
    let lifted = Met {
        valid: Window { from: t(&day(4)), until: t(&day(13)) },
        known: Window { from: t(&day(3)), until: NEVER },
    };
    assert_eq!(act::history_of(&condition, &world.history(), &[]), [lifted]);
    act(&mut world, &day(6), "reinstate", &day(7), None);
    let known = Window { until: t(&day(6)), ..lifted.known };
    let cut =
        Met { valid: Window { until: t(&day(7)), ..lifted.valid }, known: Window { from: t(&day(6)), until: NEVER } };
    assert_eq!(act::history_of(&condition, &world.history(), &[]), [cut, Met { known, ..lifted }]);
    // Without a condition as its basis the act is the authority's own affair; others cannot act at all.
    let mut world = World::new(small_trust());
    world.say(&day(1), &["auditor"], Type::Act, "order:o", json!({ "act": "lift", "from": day(1) }));
    act(&mut world, &day(1), "delay", &day(1), None);
    act(&mut world, &day(1), "lift", "soon", None);
    assert_eq!(act::history_of(&condition, &world.history(), &[]), []);
    act(&mut world, &day(2), "lift", &day(2), None);
    assert_eq!(act::history_of(&condition, &world.history(), &[]).len(), 1);
    for (effect, expected) in
        [(attest::condition::Effect::MonitorOnly, 0), (attest::condition::Effect::AutomaticPause, 1)]
    {
        let condition = Condition { effect, ..condition.clone() };
        let met = act::met(&condition, &world.history().now(), None);
        assert_eq!(met.windows().len(), expected, "{effect:?}");
    }
}

/// What the authority did on days of October, as it stands at the end, where an audit of the first counts for ten days.
fn lifted(effect: attest::condition::Effect, says: &dyn Fn(&mut World)) -> Vec<(Time, Time)> {
    let need =
        json!({ "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" });
    let condition = Condition { effect, reinstate_after: None, ..condition(need) };
    let mut world = World::new(small_trust());
    world.say("2020-10-01T00:00:00Z", &["auditor"], Type::AuditReport, "system:x", json!({}));
    says(&mut world);
    let day = |at: Time| if at == NEVER { NEVER } else { (at - t("2020-09-30T00:00:00Z")) / 86_400 };
    let met = act::met(&condition, &world.history().now(), None);
    met.windows().iter().map(|window| (day(window.from), day(window.until))).collect()
}

fn day(day: u32) -> String {
    format!("2020-10-{day:02}T00:00:00Z")
}

#[test]
fn an_act_lifts_no_further_than_it_says_and_not_at_all_if_that_is_unclear() {
    let lifts = |more: Value| {
        lifted(attest::condition::Effect::EligibleForLift, &|world| {
            let mut claims = json!({ "act": "lift", "from": day(3) });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            world.say(&day(2), &["agency"], Type::Act, "order:o", claims);
        })
    };
    assert_eq!(lifts(json!({ "reason": "as agreed" })), [(3, NEVER)]);
    assert_eq!(lifts(json!({ "until": day(5) })), [(3, 5)]);
    assert_eq!(lifts(json!({ "notAfter": day(6), "notBefore": day(4) })), [(4, 6)], "the statement ends");
    for unclear in [
        json!({ "untill": day(5) }),
        json!({ "until": null }),
        json!({ "until": "soon" }),
        json!({ "until": day(3) }),
        json!({ "until": "2020-10-05T00:00:00.5Z" }),
        json!({ "condition": ["c"] }),
        json!({ "condition": null }),
        json!({ "condition": "d" }),
        json!({ "Condition": "c" }),
        json!({ "scope": ["1"] }),
    ] {
        assert_eq!(lifts(unclear.clone()), [], "{unclear}");
    }
}

#[test]
fn what_is_reinstated_stays_so_until_a_new_act() {
    use attest::condition::Effect::{AutomaticPause, EligibleForLift};
    let say = |world: &mut World, at: u32, verb: &str, from: Value| {
        let claims = json!({ "act": verb, "from": from });
        world.say(&day(at), &["agency"], Type::Act, "order:o", claims).1
    };
    let revoke = |world: &mut World, at: u32, digest: String| {
        let targets = json!({ "targets": [{ "sha256": digest }] });
        world.say(&day(at), &["agency"], Type::Revocation, "order:o", targets);
    };
    let end = |from: Value| {
        lifted(EligibleForLift, &|world| {
            say(world, 2, "lift", json!(day(5)));
            say(world, 3, "reinstate", from.clone());
        })
    };
    assert_eq!(end(json!(day(7))), [(5, 7)]);
    assert_eq!(end(json!(day(5))), [], "from the very instant");
    assert_eq!(end(json!(day(4))), [], "before it began");
    assert_eq!(end(json!("at once")), [], "however it is written");
    let again = |world: &mut World| {
        say(world, 2, "lift", json!(day(3)));
        let back = say(world, 4, "reinstate", json!(day(5)));
        revoke(world, 6, back);
    };
    assert_eq!(lifted(EligibleForLift, &again), [(3, 5)], "to take that back is not to lift");
    let renewed = |world: &mut World| {
        again(world);
        say(world, 7, "lift", json!(day(8)));
    };
    assert_eq!(lifted(EligibleForLift, &renewed), [(3, 5), (8, NEVER)]);
    // A lift that is taken back was one until then.
    let withdrawn = |world: &mut World| {
        let lift = say(world, 2, "lift", json!(day(3)));
        revoke(world, 6, lift);
    };
    assert_eq!(lifted(EligibleForLift, &withdrawn), [(3, 6)]);
    // What pauses by itself is the authority's to end, too.
    assert_eq!(lifted(AutomaticPause, &|_| ()), [(1, 11)]);
    let ended = |world: &mut World| drop(say(world, 2, "reinstate", json!(day(4))));
    assert_eq!(lifted(AutomaticPause, &ended), [(1, 4)]);
    let resumed = |world: &mut World| {
        ended(world);
        let claims = json!({ "act": "pause", "from": day(6), "until": day(7) });
        world.say(&day(5), &["agency"], Type::Act, "order:o", claims);
    };
    assert_eq!(lifted(AutomaticPause, &resumed), [(1, 4), (6, 11)]);
}

#[test]
fn an_act_that_is_taken_back_before_it_begins_is_none() {
    let need = json!({ "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor" });
    let mut world = World::new(small_trust());
    let (_, digest) = world.say(
        &day(2),
        &["agency"],
        Type::Act,
        "order:o",
        json!({ "act": "lift", "from": day(5), "until": day(9) }),
    );
    let revoked = json!({ "targets": [{ "sha256": digest }] });
    world.say(&day(3), &["agency"], Type::Revocation, "order:o", revoked);
    let (condition, history) = (condition(need), world.history());
    assert_eq!(act::acts(&condition, &history.at(t(&day(2)))).len(), 1);
    assert!(act::acts(&condition, &history.at(t(&day(3)))).is_empty());
}

#[test]
fn a_lift_that_waits_for_witnesses_is_ended_by_what_was_signed_meanwhile() {
    let waits = |lift: u64, back: u64| {
        lifted(attest::condition::Effect::EligibleForLift, &|world| {
            let mut act = |at: u32, index: u64, verb: &str, from: u32| {
                let claims = json!({ "act": verb, "from": day(from) });
                world.say(&day(at), &["agency"], Type::Act, "order:o", claims);
                world.entries.last_mut().unwrap().index = index;
            };
            // The log has the lift first, and counts it once it is witnessed, after the reinstatement.
            act(3, back, "reinstate", 3);
            act(4, lift, "lift", 5);
        })
    };
    assert_eq!(waits(5, 6), []);
    assert_eq!(waits(6, 5), [(5, NEVER)], "signed after it, it is a new one");
}

/// Anything anyone might say in a small world.
fn random_world(seed: &mut Seed, entries: usize) -> World {
    let mut world = World::new(small_trust());
    let mut said: Vec<String> = Vec::new();
    for step in 0..entries {
        let at = attest::json::format_time(t("2020-10-01T00:00:00Z") + 43_200 * Time::try_from(step).unwrap());
        let who = ["r1", "r2", "g", "b", "auditor", "agency"][seed.below(6)];
        let source = [SOURCE, OTHER][seed.below(2)];
        let (_, digest) = match seed.below(12) {
            0..5 => world.say(
                &at,
                &[who],
                Type::BuildReproduced,
                &format!("artifact:{APK}"),
                json!({ "sourceDigest": source }),
            ),
            5..8 => world.say(
                &at,
                &["auditor"],
                Type::SourceReview,
                &format!("artifact:{source}"),
                json!({ "openCritical": seed.below(4) / 3 }),
            ),
            8 => world.say(&at, &["agency"], Type::AdverseFinding, "order:o", json!({})),
            9 => {
                let digest = said.get(seed.below(said.len())).cloned().unwrap_or_default();
                world.say(&at, &["agency"], Type::Resolution, "order:o", json!({ "finding": digest }))
            }
            10 => {
                let day = |days: usize| {
                    attest::json::format_time(t("2020-10-01T00:00:00Z") + 86_400 * Time::try_from(days).unwrap())
                };
                let (from, length) = (seed.below(entries / 2), 1 + seed.below(6));
                let principal = ["r1", "g", "auditor"][seed.below(3)];
                let kind = ["build-reproduced", "source-review"][seed.below(2)];
                let target =
                    json!({ "principal": principal, "type": kind, "from": day(from), "until": day(from + length) });
                world.say(&at, &[who], Type::Revocation, "order:o", json!({ "targets": [target] }))
            }
            _ => {
                let digest = said.get(seed.below(said.len())).cloned().unwrap_or_default();
                world.say(&at, &[who], Type::Revocation, "order:o", json!({ "targets": [{ "sha256": digest }] }))
            }
        };
        said.push(digest);
    }
    world
}

#[test]
fn answers_are_constant_until_they_say_so_and_evidence_only_helps() {
    let condition = condition(reviewed());
    let (mut seed, mut met, mut changes) = (Seed(11), 0, 0);
    for _ in 0..20 {
        let mut world = random_world(&mut seed, 24);
        let history = world.history();
        let end = world.entries.last().unwrap().time;
        let standing = Standing::new(&condition, &history.at(end), Some(APK));
        for step in 0..40 {
            let at = t("2020-10-01T00:00:00Z") + 43_200 * step;
            let answer = standing.answer(at);
            met += u32::from(answer.met);
            assert_eq!(answer.met, answer.missing.is_empty());
            if let Some(until) = answer.holds_until {
                changes += 1;
                assert_eq!(standing.answer(until - 1).met, answer.met);
                assert_ne!(standing.answer(until).met, answer.met);
            }
        }
        // What was known earlier is not changed by what is said later.
        let early = history.records()[seed.below(history.records().len())].time;
        let before = Standing::new(&condition, &history.at(early), Some(APK));
        let at = attest::json::format_time(end + 1);
        world.say(
            &at,
            &["r1", "g", "b"],
            Type::BuildReproduced,
            &format!("artifact:{APK}"),
            json!({ "sourceDigest": SOURCE }),
        );
        world.say(&at, &["auditor"], Type::SourceReview, &format!("artifact:{SOURCE}"), json!({ "openCritical": 0 }));
        let history = world.history();
        assert_eq!(Standing::new(&condition, &history.at(early), Some(APK)), before);
        let more = Standing::new(&condition, &history.now(), Some(APK));
        assert_eq!(standing.timeline.without(&more.timeline).windows(), [], "a further statement took something away");
    }
    assert!(met > 20 && changes > 20, "{met} {changes}");
}

/// What a requirement on one principal's word rests on, statement by statement.
fn plainly(view: &attest::View<'_>, by: &str, requirement: &attest::condition::Requirement) -> Vec<(u64, Window)> {
    let subject = Subject::artifact(APK);
    let mut found = Vec::new();
    for record in view.about(requirement.kind, &subject) {
        let heard = view.speakers(record, &subject).contains(by);
        let window = view.window(record, by, requirement.max_age);
        if heard && !window.is_empty() && requirement.claims.iter().all(|claim| claim.holds(&record.statement)) {
            found.push((record.index, window));
        }
    }
    found
}

#[test]
fn what_a_requirement_rests_on_is_what_going_through_every_statement_says() {
    let need = |by: &str| {
        json!({ "req": "built", "type": "build-reproduced", "subject": "artifact", "by": by, "maxAge": "P4D",
            "claims": [["/sourceDigest", "=", SOURCE]] })
    };
    let (mut seed, mut rests) = (Seed(13), 0);
    for _ in 0..60 {
        let history = random_world(&mut seed, 60).history();
        for by in ["r1", "r2", "g", "b"] {
            let condition = condition(need(by));
            for record in history.records().iter().step_by(7) {
                let view = history.at(record.time);
                let standing = Standing::new(&condition, &view, Some(APK));
                let part = &standing.parts(record.time)[0];
                assert_eq!(part.evidence, plainly(&view, by, condition.requirements()[0]));
                assert_eq!(part.timeline, part.evidence.iter().map(|&(_, window)| window).collect());
                rests += part.evidence.len();
            }
        }
    }
    assert!(rests > 2_000, "{rests}");
}

#[test]
fn what_is_remembered_is_what_would_be_worked_out_again() {
    let condition = condition(reviewed());
    let (mut seed, mut same) = (Seed(14), 0);
    for _ in 0..10 {
        let history = random_world(&mut seed, 40).history();
        let standing = Standing::new(&condition, &history.now(), Some(APK));
        let remembered = attest::Remembered::new(standing.clone());
        let mut before = remembered.answer(t("2020-09-30T00:00:00Z"));
        for step in 0..600 {
            let at = t("2020-10-01T00:00:00Z") + 7_200 * step;
            let answer = remembered.answer(at);
            assert_eq!(*answer, standing.answer(at), "{at}");
            same += usize::from(std::sync::Arc::ptr_eq(&before, &answer));
            before = answer;
        }
    }
    assert!(same > 3_000, "{same}");
}

#[test]
fn what_an_expired_trust_document_lets_in_permits_nothing_and_forbids_as_ever() {
    let day = |day: u32| format!("2020-10-{day:02}T00:00:00Z");
    let mut trust = small_trust();
    trust["expires"] = json!(day(10));
    let need = json!({ "req": "built", "type": "build-reproduced", "subject": "artifact", "by": "rebuilders", "veto": "agency" });
    let condition = condition(need);
    let mut world = World::new(trust);
    let act = |world: &mut World, at: u32, verb: &str| {
        world.say(&day(at), &["agency"], Type::Act, "order:o", json!({ "act": verb, "from": day(at) }));
    };
    let built = |world: &mut World, at: u32| {
        world.say(&day(at), &["r1", "g"], Type::BuildReproduced, &format!("artifact:{APK}"), json!({}))
    };
    act(&mut world, 9, "lift");
    built(&mut world, 10);
    let late = Standing::new(&condition, &world.history().now(), Some(APK));
    assert!(!late.answer(t(&day(11))).met);
    assert!(late.answer(t(&day(11))).missing[0].1.contains("the trust document had expired"));
    let lifted = |world: &World, at: u32| act::met(&condition, &world.history().now(), Some(APK)).contains(t(&day(at)));
    assert!(lifted(&world, 12), "what was lifted in time stays lifted");
    act(&mut world, 12, "reinstate");
    assert!(!lifted(&world, 12));
    act(&mut world, 13, "lift");
    assert!(!lifted(&world, 14));
}

#[test]
fn the_impact_of_a_statement_is_what_recomputing_says() {
    let condition = Condition { effect: attest::condition::Effect::AutomaticPause, ..condition(reviewed()) };
    let (mut seed, mut turned, mut back) = (Seed(12), 0, 0);
    for _ in 0..12 {
        let mut world = random_world(&mut seed, 20);
        for (at, verb) in [(4, "lift"), (6, "reinstate")] {
            let at = day(at);
            let place = world.entries.partition_point(|entry| entry.time <= t(&at));
            let mut said = World::new(small_trust());
            said.say(&at, &["agency"], Type::Act, "order:o", json!({ "act": verb, "from": at }));
            world.entries.insert(place, said.entries.remove(0));
        }
        (0..).zip(&mut world.entries).for_each(|(index, entry)| entry.index = index);
        let history = world.history();
        let decisions: Vec<Decision> = (0..20)
            .map(|n| {
                let at = t("2020-10-01T06:00:00Z") + 43_200 * n;
                // About what is to come, what is, and what was.
                let known = at + 86_400 * (n % 3 - 1);
                Decision { id: n.to_string(), known, at, artifact: Some(APK.into()) }
            })
            .collect();
        for index in 0..22 {
            let touched = impact::of(&condition, &history, index, Time::MIN, &decisions);
            let turns: Vec<_> = touched.iter().filter(|touched| touched.turns).map(|one| one.id.clone()).collect();
            // Brute force: a log in which the entry never was.
            let mut entries = world.entries.clone();
            let removed = entries.iter().position(|entry| entry.index == index).unwrap();
            entries.remove(removed);
            let other = attest::History::new(attest::Trust::read(&world.trust).unwrap(), entries).unwrap();
            let met = |history: &attest::History, d: &Decision| {
                act::met(&condition, &history.at(d.known), Some(APK)).contains(d.at)
            };
            let expected = decisions.iter().filter(|d| met(&history, d) != met(&other, d)).map(|d| d.id.clone());
            let expected: Vec<_> = expected.collect();
            turned += expected.len();
            back += decisions.iter().filter(|d| !met(&history, d) && met(&other, d)).count();
            assert_eq!(turns, expected);
            let rested = touched.iter().filter(|touched| !touched.turns);
            let is_met = |id: &str| decisions.iter().any(|d| d.id == id && met(&history, d) && met(&other, d));
            assert!(rested.clone().all(|touched| is_met(&touched.id)), "what rests on it among others is met anyway");
        }
    }
    assert!(turned > 50 && back > 5, "{turned} {back}");
}

#[test]
fn a_lift_touches_what_it_permitted_and_evidence_only_what_law_counted() {
    let need =
        json!({ "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" });
    let condition = condition(need);
    let decisions: Vec<Decision> =
        (1..15).map(|n| Decision { id: n.to_string(), known: t(&day(n)), at: t(&day(n)), artifact: None }).collect();
    let touched = |basis: Option<&str>, index: u64| -> Vec<(String, bool)> {
        let mut world = World::new(small_trust());
        world.say(&day(2), &["auditor"], Type::AuditReport, "system:x", json!({}));
        act(&mut world, &day(4), "lift", &day(5), basis);
        let touched = impact::of(&condition, &world.history(), index, Time::MIN, &decisions);
        touched.into_iter().map(|touched| (touched.id, touched.turns)).collect()
    };
    let days = |from: u32, until: u32| (from..until).map(|n| (n.to_string(), true)).collect::<Vec<_>>();
    // It lapses on the 12th; a day of grace.
    assert_eq!(touched(Some("c"), 1), days(5, 13));
    assert_eq!(touched(Some("c"), 0), days(5, 13), "eligible since the 2nd, lifted since the 5th");
    assert_eq!(touched(None, 1), days(5, 15));
    assert_eq!(touched(None, 0), [], "what the authority lifts of its own does not rest on evidence");
}

#[test]
fn nobody_crowds_out_the_source_that_enough_others_name() {
    let day = "2020-10-01T00:00:00Z";
    let mut trust = small_trust();
    let systems = json!({ "by": "rebuilders", "type": "build-reproduced", "subject": "system:*" });
    trust["accept"].as_array_mut().unwrap().push(systems);
    let mut world = World::new(trust);
    let built = |world: &mut World, by: &[&str], source: &str| {
        world.say(day, by, Type::BuildReproduced, &format!("artifact:{APK}"), json!({ "sourceDigest": source }));
    };
    for number in 0..=attest::standing::MATCHES_MAX {
        built(&mut world, &["r1"], &format!("{number:064x}"));
    }
    built(&mut world, &["g", "b"], SOURCE);
    let reviewed_source = json!({ "openCritical": 0 });
    world.say(day, &["auditor"], Type::SourceReview, &format!("artifact:{SOURCE}"), reviewed_source);
    let history = world.history();
    let answer = Standing::new(&condition(reviewed()), &history.now(), Some(APK)).answer(t(day));
    assert!(answer.met, "{:?}", answer.missing);

    // Nor where two are looked for, and who names many of one has none of the other tried.
    let first = "0".repeat(63) + "f";
    built(&mut world, &["g", "b"], &first);
    world.say(day, &["g", "b"], Type::BuildReproduced, "system:y", json!({ "sourceDigest": SOURCE }));
    for number in 0..=attest::standing::MATCHES_MAX {
        let source = json!({ "sourceDigest": format!("{number:064x}") });
        world.say(day, &["r1"], Type::BuildReproduced, "system:y", source);
    }
    let mut need = reviewed();
    let more = need["all"].as_array_mut().unwrap();
    let also = [more[0].clone(), more[1].clone()].map(|mut one| {
        one["req"] = json!(format!("{}-other", one["req"].as_str().unwrap()));
        one
    });
    more.extend(also);
    more[2]["join"]["of"] = json!("built-other");
    more[3]["subject"] = json!("system:y");
    let history = world.history();
    let answer = Standing::new(&condition(need), &history.now(), Some(APK)).answer(t(day));
    assert!(answer.met, "{:?}", answer.missing);
}

#[test]
fn conditions_that_say_less_than_they_seem_to_do_not_load() {
    let why = |need: Value| {
        let value = json!({ "order": "o", "condition": "c", "effect": "eligible-for-lift", "onLapse": { "act": "alert" },
            "authority": "agency", "need": need });
        Condition::read(&value).unwrap_err().to_string()
    };
    let requirement =
        |name: &str| json!({ "req": name, "type": "audit-report", "subject": "system:x", "by": "auditor" });
    let with = |member: &str, value: Value| {
        let mut need = requirement("a");
        need[member] = value;
        why(need)
    };
    assert!(with("maxage", json!("P1D")).contains("`/need/maxage`: is not known"));
    assert!(with("maxAge", json!("P1M")).contains("/need/maxAge"));
    assert!(with("type", json!("rumour")).contains("not known"));
    assert!(with("subject", json!("sytem:x")).contains("/need/subject"), "nothing is ever said about it");
    assert!(with("req", json!("a\nb")).contains("in one line"));
    for name in ["order", "condition", "authority"] {
        let mut value = json!({ "order": "o", "condition": "c", "effect": "monitor-only", "onLapse": { "act": "alert" },
            "authority": "agency", "need": requirement("a") });
        value[name] = json!("x\" }\ninstrument y {");
        assert_eq!(Condition::read(&value).unwrap_err().at, format!("/{name}"), "it is quoted in an order");
    }
    assert!(with("claims", json!([["/a", "==", 1]])).contains("/need/claims/0"));
    assert!(with("claims", json!([["a", "=", 1]])).contains("/need/claims/0"));
    assert!(with("period", json!({ "gap": "PT1H" })).contains("/need/period/since"));
    assert!(why(json!({ "all": [requirement("a"), requirement("a")] })).contains("two requirements"));
    assert!(why(json!({ "all": [] })).contains("between 1"));
    assert!(why(json!({ "of": [requirement("a")], "atLeast": 2 })).contains("between 1"));
    let mut joined = requirement("j");
    joined["subject"] = json!("joined");
    joined["join"] = json!({ "of": "j", "claim": "/x" });
    assert!(why(joined).contains("no requirement with a subject of its own"));
    let many: Vec<Value> = (0..=attest::condition::REQUIREMENTS_MAX).map(|n| requirement(&n.to_string())).collect();
    assert!(why(json!({ "all": many })).contains("more than"));
    let deep = (0..=attest::condition::DEPTH_MAX).fold(requirement("a"), |need, _| json!({ "all": [need] }));
    assert!(why(deep).contains("deeper"));
}

#[test]
fn a_list_of_nothing_says_nothing_and_no_organisation_vouches_for_itself_in_capitals() {
    let day = "2020-10-01T00:00:00Z";
    let met = |regions: Value, independent_of: &str| {
        let need = json!({ "req": "a", "type": "audit-report", "subject": "system:x", "by": "auditor",
            "claims": [["/regions", "subset", ["US", "CA"]]], "independentOf": [independent_of] });
        let mut world = World::new(small_trust());
        world.say(day, &["auditor"], Type::AuditReport, "system:x", json!({ "regions": regions }));
        Standing::new(&condition(need), &world.history().now(), None).answer(t(day)).met
    };
    assert!(met(json!(["US"]), "red"));
    assert!(!met(json!([]), "red"));
    assert!(!met(json!(["US"]), "Audit"));
}

#[test]
fn law_counts_a_condition_on_artefacts_as_met_while_it_is_met_for_each() {
    let need = json!({ "req": "built", "type": "build-reproduced", "subject": "artifact", "by": "rebuilders", "maxAge": "P10D" });
    let condition = condition(need);
    let day = |day: u32| format!("2020-10-{day:02}T00:00:00Z");
    let mut world = World::new(small_trust());
    for (at, artifact) in [(1, APK), (3, OTHER)] {
        world.say(&day(at), &["r1", "g"], Type::BuildReproduced, &format!("artifact:{artifact}"), json!({}));
    }
    world.say(&day(4), &["agency"], Type::Act, "order:o", json!({ "act": "lift", "from": day(4), "condition": "c" }));
    let valid = |artifacts: &[&str]| -> Vec<Window> {
        let artifacts: Vec<String> = artifacts.iter().map(|&artifact| artifact.to_owned()).collect();
        act::history_of(&condition, &world.history(), &artifacts).iter().map(|met| met.valid).collect()
    };
    // A day of grace after ten.
    let until = |last: u32| vec![Window { from: t(&day(4)), until: t(&day(last)) }];
    assert_eq!(valid(&[APK]), until(12));
    assert_eq!(valid(&[OTHER]), until(14));
    assert_eq!(valid(&[APK, OTHER]), until(12));
    assert_eq!(valid(&[APK, SOURCE]), []);
    assert_eq!(valid(&[]), [], "of nothing it is not known to hold");
}
