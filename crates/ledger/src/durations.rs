//! How long something took each time, counted by length: the disk for a commit, and the log for an acknowledgement,
//! which can be no faster.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets in microseconds. Ten to a power of ten, so that a quantile read from them is good to
/// an eighth.
pub const BOUNDS_MICROS: [u64; 44] = [
    50, 63, 80, 100, 125, 160, 200, 250, 320, 400, 500, 630, 800, 1_000, 1_250, 1_600, 2_000, 2_500, 3_200, 4_000,
    5_000, 6_300, 8_000, 10_000, 12_500, 16_000, 20_000, 25_000, 32_000, 40_000, 50_000, 63_000, 80_000, 100_000,
    125_000, 160_000, 200_000, 250_000, 320_000, 400_000, 500_000, 630_000, 800_000, 1_000_000,
];

/// Durations since a log was opened.
#[derive(Debug)]
pub struct Durations {
    buckets: [AtomicU64; BOUNDS_MICROS.len()],
    count: AtomicU64,
    nanos: AtomicU64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; _], count: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }
}

impl Durations {
    pub(crate) fn add(&self, nanos: u64) {
        let bucket = BOUNDS_MICROS.partition_point(|bound| bound * 1_000 < nanos);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Each bound in microseconds, and how many durations lay up to that and more than the bound before.
    #[must_use]
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        BOUNDS_MICROS.into_iter().zip(counts).collect()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// All together.
    #[must_use]
    pub fn nanos(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Durations;

    #[test]
    fn a_duration_is_counted_where_it_belongs() {
        let durations = Durations::default();
        for nanos in [0, 50_000, 50_001, 63_000, 63_001, 1_000_000_000, 1_000_000_001] {
            durations.add(nanos);
        }
        let counted: Vec<(u64, u64)> = durations.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(50, 2), (63, 2), (80, 1), (1_000_000, 1)]);
        assert_eq!((durations.count(), durations.nanos()), (7, 2_000_226_003));
    }
}
