//! What was answered, counted for Prometheus. No identifier of anyone is a label.

use docket::finding::Verdict;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the latency buckets, in microseconds.
const BUCKETS_MICROS: [u64; 8] = [10, 25, 50, 100, 250, 1_000, 5_000, 50_000];

/// Counters of one process.
#[derive(Debug, Default)]
pub struct Metrics {
    verdicts: [AtomicU64; 3],
    requests: AtomicU64,
    malformed: AtomicU64,
    reloads: AtomicU64,
    reloads_refused: AtomicU64,
    buckets: [AtomicU64; 9],
    micros: AtomicU64,
}

impl Metrics {
    /// Counts a decision.
    pub fn decided(&self, verdict: Verdict) {
        let [permit, refer, forbid] = &self.verdicts;
        let counter = match verdict {
            Verdict::Permit => permit,
            Verdict::Refer => refer,
            Verdict::Forbid => forbid,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request and how long it took.
    pub fn answered(&self, nanos: u64) {
        let micros = nanos / 1_000;
        let bucket = BUCKETS_MICROS.iter().position(|bound| micros <= *bound).unwrap_or(BUCKETS_MICROS.len());
        if let Some(counter) = self.buckets.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request refused as malformed.
    pub fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a change of law, or an edit that was refused.
    pub fn reloaded(&self, accepted: bool) {
        let counter = if accepted { &self.reloads } else { &self.reloads_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The text format of Prometheus.
    #[must_use]
    pub fn render(&self, edition: &str) -> String {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::from(
            "# HELP interdict_decisions_total Decisions by verdict.\n# TYPE interdict_decisions_total counter\n",
        );
        for (verdict, counter) in ["permit", "refer", "forbid"].iter().zip(&self.verdicts) {
            writeln!(text, "interdict_decisions_total{{verdict=\"{verdict}\"}} {}", get(counter)).unwrap_or_default();
        }
        for (name, help, counter) in [
            ("interdict_requests_malformed_total", "Requests refused as malformed.", &self.malformed),
            ("interdict_reloads_total", "Changes of law put in force.", &self.reloads),
            ("interdict_reloads_refused_total", "Edits refused as faulty.", &self.reloads_refused),
        ] {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", get(counter)).unwrap_or_default();
        }
        text.push_str(
            "# HELP interdict_request_seconds Time to answer a request.\n# TYPE interdict_request_seconds histogram\n",
        );
        let mut sum = 0;
        for (bound, counter) in BUCKETS_MICROS.iter().zip(&self.buckets) {
            sum += get(counter);
            let seconds = *bound as f64 / 1e6;
            writeln!(text, "interdict_request_seconds_bucket{{le=\"{seconds}\"}} {sum}").unwrap_or_default();
        }
        let requests = get(&self.requests);
        let seconds = get(&self.micros) as f64 / 1e6;
        writeln!(text, "interdict_request_seconds_bucket{{le=\"+Inf\"}} {requests}\ninterdict_request_seconds_sum {seconds}\ninterdict_request_seconds_count {requests}").unwrap_or_default();
        writeln!(text, "# HELP interdict_law_info The edition in force.\n# TYPE interdict_law_info gauge\ninterdict_law_info{{edition=\"{edition}\"}} 1").unwrap_or_default();
        text
    }
}
