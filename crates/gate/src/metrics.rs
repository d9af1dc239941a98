//! What was decided and applied, counted for Prometheus. No identifier of anyone is a label: gates, outcomes
//! and orders are as many as settings and law have.

mod durations;

use crate::recorder::Recorder;
pub use durations::Durations;
use law::Time;
use law::time::FOREVER;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::record::Outcome;

/// What a log counts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDurations {
    /// Of the disk, for each batch of records.
    pub syncs: Durations,
    /// Of each record, from handing it in until it was known to be durable.
    pub acknowledged: Durations,
}

/// How far a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// `gov` or `dec`.
    pub name: &'static str,
    /// Entries that are on disk.
    pub durable: u64,
    /// Entries that a published checkpoint covers.
    pub published: u64,
    /// Witnesses that have not signed that checkpoint.
    pub unsigned: u64,
    /// Why it has not been possible to publish more, if it is not.
    pub unpublished: Option<Unpublished>,
}

/// Why a log is not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// Since when, in seconds since 1970, and how many seconds that is by a clock that does not jump.
    pub since: (Time, u64),
    /// What keeps it.
    pub why: String,
}

/// Counters of one process.
#[derive(Debug, Default)]
pub struct Metrics {
    gates: Mutex<BTreeMap<String, Counted>>,
    sunsets: Mutex<BTreeMap<String, Time>>,
    requests: Mutex<Durations>,
    malformed: AtomicU64,
    generation: AtomicU64,
    reloads_refused: AtomicU64,
    confirmed_at: AtomicU64,
    overrides_unread_seconds: AtomicU64,
}

/// What one gate did.
#[derive(Debug, Default)]
struct Counted {
    /// By outcome and order; the empty order is none.
    decisions: [BTreeMap<String, u64>; Outcome::ALL.len()],
    durations: Durations,
    applied: Option<u64>,
    failed_open: u64,
    probes: u64,
    probes_refused: u64,
    is_alarmed: Option<bool>,
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).unwrap_or_default();
    text.push('\n');
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    line(text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

fn render_logs(text: &mut String, logs: &[LogState]) {
    type Read = fn(&LogState) -> u64;
    let gauges: [(&str, &str, Read); 4] = [
        ("interdict_log_entries", "Entries of a log that are on disk.", |log| log.durable),
        ("interdict_log_published_entries", "Entries that a published checkpoint covers.", |log| log.published),
        ("interdict_log_witnesses_missing", "Witnesses that did not sign that checkpoint.", |log| log.unsigned),
        ("interdict_log_unpublished_seconds", "Since a log could last be published; 0 while it can.", |log| {
            log.unpublished.as_ref().map_or(0, |unpublished| unpublished.since.1)
        }),
    ];
    for (name, help, read) in gauges.iter().filter(|_| !logs.is_empty()) {
        head(text, name, help, "gauge");
        logs.iter().for_each(|log| line(text, format_args!("{name}{{log=\"{}\"}} {}", log.name, read(log))));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    fn gate(&self, gate: &str, change: impl FnOnce(&mut Counted)) {
        let mut gates = lock(&self.gates);
        match gates.get_mut(gate) {
            Some(counted) => change(counted),
            None => change(gates.entry(gate.to_owned()).or_default()),
        }
    }

    /// Counts a decision, the order it rests on and how long it took.
    pub fn decided(&self, gate: &str, outcome: Outcome, order: Option<&str>, nanos: u64) {
        let order = order.unwrap_or("");
        self.gate(gate, |counted| {
            counted.durations.add(nanos);
            let Some(by_order) = counted.decisions.get_mut(outcome as usize) else { return };
            match by_order.get_mut(order) {
                Some(count) => *count += 1,
                None => _ = by_order.insert(order.to_owned(), 1),
            }
        });
    }

    /// Counts something let through only because the gate could not decide.
    pub fn failed_open(&self, gate: &str) {
        self.gate(gate, |counted| counted.failed_open += 1);
    }

    /// Notes that a gate now works by this generation of the law.
    pub fn applied(&self, gate: &str, generation: u64) {
        self.gate(gate, |counted| counted.applied = Some(generation));
    }

    /// Counts a canary's probe, and whether it was refused.
    pub fn probed(&self, gate: &str, refused: bool) {
        self.gate(gate, |counted| {
            counted.probes += 1;
            counted.probes_refused += u64::from(refused);
        });
    }

    /// Raises or ends the alarm of a gate's canaries.
    pub fn alarm(&self, gate: &str, is_alarmed: bool) {
        self.gate(gate, |counted| counted.is_alarmed = Some(is_alarmed));
    }

    /// The gates whose canaries are in alarm.
    #[must_use]
    pub fn alarmed(&self) -> Vec<String> {
        let gates = lock(&self.gates);
        gates.iter().filter(|(_, counted)| counted.is_alarmed == Some(true)).map(|(gate, _)| gate.clone()).collect()
    }

    /// Replaces the ends of what orders prohibit now.
    pub fn sunsets(&self, ends: BTreeMap<String, Time>) {
        *lock(&self.sunsets) = ends;
    }

    /// Counts a request and how long it took.
    pub fn answered(&self, nanos: u64) {
        lock(&self.requests).add(nanos);
    }

    /// Counts a request refused as malformed.
    pub fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a change of law, or an edit that was refused.
    pub fn reloaded(&self, accepted: bool) {
        let counter = if accepted { &self.generation } else { &self.reloads_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the law has changed since the start.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Notes that the law in force was compared with its sources.
    pub fn confirmed(&self, at: Time) {
        self.confirmed_at.store(at.unsigned_abs(), Ordering::Relaxed);
    }

    /// Notes for how long it has not been possible to read what people decided.
    pub fn overrides_unread(&self, seconds: u64) {
        self.overrides_unread_seconds.store(seconds, Ordering::Relaxed);
    }

    /// The text format of Prometheus.
    #[must_use]
    pub fn render(&self, edition: &str, now: Time, recorder: &Recorder) -> String {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::new();
        self.render_gates(&mut text);
        let sunset = "interdict_sunset_seconds";
        head(&mut text, sunset, "Seconds until what an order prohibits now may end.", "gauge");
        for (order, end) in lock(&self.sunsets).iter().filter(|(_, end)| **end < FOREVER) {
            line(&mut text, format_args!("{sunset}{{order=\"{order}\"}} {}", end.saturating_sub(now)));
        }
        let age = now.saturating_sub(i64::try_from(get(&self.confirmed_at)).unwrap_or(0));
        for (name, help, kind, value) in [
            ("interdict_policy_generation", "Changes of law put in force.", "gauge", get(&self.generation)),
            (
                "interdict_policy_age_seconds",
                "Since the law in force was last compared with its sources.",
                "gauge",
                age.unsigned_abs(),
            ),
            (
                "interdict_overrides_unread_seconds",
                "Since what people decided could last be read; 0 while it can.",
                "gauge",
                get(&self.overrides_unread_seconds),
            ),
            ("interdict_reloads_total", "Changes of law put in force.", "counter", get(&self.generation)),
            ("interdict_reloads_refused_total", "Edits refused as faulty.", "counter", get(&self.reloads_refused)),
            ("interdict_requests_malformed_total", "Requests refused as malformed.", "counter", get(&self.malformed)),
            ("interdict_unrecorded_total", "Decisions that are not on record.", "counter", recorder.unrecorded()),
            ("interdict_records_waiting", "Records not yet kept.", "gauge", recorder.waiting() as u64),
        ] {
            head(&mut text, name, help, kind);
            line(&mut text, format_args!("{name} {value}"));
        }
        head(&mut text, "interdict_request_seconds", "Time to answer a request.", "histogram");
        lock(&self.requests).render(&mut text, "interdict_request_seconds", "");
        if let Some(LogDurations { syncs, acknowledged }) = recorder.log_durations() {
            let name = "interdict_log_sync_seconds";
            head(&mut text, name, "Time the disk took to make a batch of decisions durable.", "histogram");
            syncs.render(&mut text, name, "");
            let name = "interdict_log_acknowledged_seconds";
            head(&mut text, name, "Time from handing in a decision until it was known to be durable.", "histogram");
            acknowledged.render(&mut text, name, "");
        }
        render_logs(&mut text, &recorder.logs());
        head(&mut text, "interdict_law_info", "The edition in force.", "gauge");
        line(&mut text, format_args!("interdict_law_info{{edition=\"{edition}\"}} 1"));
        text
    }

    fn render_gates(&self, text: &mut String) {
        let gates = lock(&self.gates);
        let name = "interdict_decisions_total";
        head(text, name, "Decisions by gate, outcome and order.", "counter");
        for (gate, counted) in gates.iter() {
            for (outcome, by_order) in Outcome::ALL.iter().zip(&counted.decisions) {
                for (order, count) in by_order {
                    let outcome = outcome.word();
                    let labels = format_args!("gate=\"{gate}\",outcome=\"{outcome}\",order=\"{order}\"");
                    line(text, format_args!("{name}{{{labels}}} {count}"));
                }
            }
        }
        let name = "interdict_decision_duration_seconds";
        head(text, name, "Time to decide.", "histogram");
        for (gate, counted) in gates.iter().filter(|(_, counted)| counted.durations.count() > 0) {
            counted.durations.render(text, name, &format!("gate=\"{gate}\""));
        }
        let mut each = |name: &str, help: &str, kind: &str, value: &dyn Fn(&Counted) -> Option<u64>| {
            head(text, name, help, kind);
            for (gate, counted) in gates.iter() {
                if let Some(value) = value(counted) {
                    line(text, format_args!("{name}{{gate=\"{gate}\"}} {value}"));
                }
            }
        };
        each("interdict_applied_generation", "The law a gate works by.", "gauge", &|counted| counted.applied);
        each("interdict_failopen_total", "Let through undecided.", "counter", &|counted| Some(counted.failed_open));
        each("interdict_canary_probes_total", "Canaries sent.", "counter", &|counted| {
            counted.is_alarmed.map(|_| counted.probes)
        });
        each("interdict_canary_refused_total", "Canaries refused: over-blocking.", "counter", &|counted| {
            counted.is_alarmed.map(|_| counted.probes_refused)
        });
        each("interdict_canary_alarm", "Whether the last round of canaries found a fault.", "gauge", &|counted| {
            counted.is_alarmed.map(u64::from)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Durations, LogDurations, LogState, Metrics, Unpublished};
    use crate::recorder::{Durably, Log, OnFull, Recorder, tests::record};
    use std::sync::Arc;
    use wire::record::{Outcome, Record};

    /// A log that counts what its disk takes.
    #[derive(Debug)]
    struct Counting;

    impl Log for Counting {
        fn hand_in(&self, _record: &Record, _once: Option<&str>) -> Durably {
            Box::pin(std::future::ready(Ok(0)))
        }

        fn durations(&self) -> Option<LogDurations> {
            let syncs = Durations::counted(vec![(250, 3), (400, 2)], 6, 2_500_000);
            Some(LogDurations { syncs, acknowledged: Durations::counted(vec![(500, 7)], 7, 3_000_000) })
        }

        fn states(&self) -> Vec<LogState> {
            let unpublished = Some(Unpublished { since: (100, 60), why: String::from("no signer") });
            vec![LogState { name: "dec", durable: 9, published: 7, unsigned: 1, unpublished }]
        }
    }

    #[test]
    fn names_and_labels_are_the_ones_dashboards_were_promised() {
        let metrics = Metrics::default();
        metrics.decided("edge", Outcome::Refuse, Some("us-pafaca"), 20_000);
        metrics.decided("edge", Outcome::Permit, None, 2_000_000_000);
        metrics.applied("haproxy", 3);
        metrics.failed_open("edge");
        metrics.probed("edge", true);
        metrics.alarm("edge", true);
        metrics.confirmed(100);
        metrics.overrides_unread(9);
        metrics.reloaded(true);
        metrics.sunsets([(String::from("us-pafaca"), 500), (String::from("zz"), law::time::FOREVER)].into());
        let (queue, _keeper) = Recorder::new(0, 1, OnFull::AnswerUnrecorded);
        let recorder = queue.counting(&Recorder::durable(1, 1, OnFull::Refuse, Arc::new(Counting)));
        (0..3).for_each(|_| drop(recorder.keep(record)));
        let text = metrics.render("sha256:00", 160, &recorder);
        for expected in [
            "interdict_decisions_total{gate=\"edge\",outcome=\"refuse\",order=\"us-pafaca\"} 1\n",
            "interdict_decisions_total{gate=\"edge\",outcome=\"permit\",order=\"\"} 1\n",
            "interdict_decision_duration_seconds_bucket{gate=\"edge\",le=\"0.000025\"} 1\n",
            "interdict_decision_duration_seconds_bucket{gate=\"edge\",le=\"+Inf\"} 2\n",
            "interdict_decision_duration_seconds_count{gate=\"edge\"} 2\n",
            "interdict_policy_generation 1\n",
            "interdict_policy_age_seconds 60\n",
            "interdict_overrides_unread_seconds 9\n",
            "interdict_applied_generation{gate=\"haproxy\"} 3\n",
            "interdict_failopen_total{gate=\"edge\"} 1\n",
            "interdict_sunset_seconds{order=\"us-pafaca\"} 340\n",
            "interdict_canary_alarm{gate=\"edge\"} 1\n",
            "interdict_canary_refused_total{gate=\"edge\"} 1\n",
            "interdict_unrecorded_total 2\n",
            "interdict_records_waiting 1\n",
            "interdict_log_sync_seconds_bucket{le=\"0.0004\"} 5\n",
            "interdict_log_sync_seconds_bucket{le=\"+Inf\"} 6\n",
            "interdict_log_sync_seconds_sum 0.0025\n",
            "interdict_log_acknowledged_seconds_bucket{le=\"0.0005\"} 7\n",
            "interdict_log_entries{log=\"dec\"} 9\n",
            "interdict_log_published_entries{log=\"dec\"} 7\n",
            "interdict_log_witnesses_missing{log=\"dec\"} 1\n",
            "interdict_log_unpublished_seconds{log=\"dec\"} 60\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert!(!text.contains("order=\"zz\"}"), "what never ends has no sunset");
        assert_eq!(metrics.alarmed(), ["edge"]);
    }
}
