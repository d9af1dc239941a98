//! How long things took, counted by length: what a histogram of Prometheus is made of.

use super::line;

/// Upper bounds of the buckets of what this process answers, in microseconds.
const BUCKETS_MICROS: [u64; 8] = [10, 25, 50, 100, 250, 1_000, 5_000, 50_000];

/// Durations by length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durations {
    /// The longest duration in microseconds that a bucket takes, and how many it took; ascending.
    buckets: Vec<(u64, u64)>,
    count: u64,
    nanos: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self::counted(BUCKETS_MICROS.map(|bound| (bound, 0)).to_vec(), 0, 0)
    }
}

impl Durations {
    /// What somebody else counted: ascending bounds in microseconds with how many lay up to each and above the one
    /// before; how many there were in all, and how long together.
    #[must_use]
    pub const fn counted(buckets: Vec<(u64, u64)>, count: u64, nanos: u64) -> Self {
        Self { buckets, count, nanos }
    }

    /// How many there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn add(&mut self, nanos: u64) {
        if let Some((_, counter)) = self.buckets.iter_mut().find(|(bound, _)| nanos <= *bound * 1_000) {
            *counter += 1;
        }
        self.nanos += nanos;
        self.count += 1;
    }

    pub(super) fn render(&self, text: &mut String, name: &str, label: &str) {
        let comma = if label.is_empty() { "" } else { "," };
        let mut sum = 0;
        for (bound, counter) in &self.buckets {
            sum += counter;
            let seconds = *bound as f64 / 1e6;
            line(text, format_args!("{name}_bucket{{{label}{comma}le=\"{seconds}\"}} {sum}"));
        }
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let (count, seconds) = (self.count, self.nanos as f64 / 1e9);
        line(text, format_args!("{name}_bucket{{{label}{comma}le=\"+Inf\"}} {count}"));
        line(text, format_args!("{name}_sum{labels} {seconds}"));
        line(text, format_args!("{name}_count{labels} {count}"));
    }
}
