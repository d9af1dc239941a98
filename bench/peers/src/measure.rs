//! How long one call takes: the mean over batches, where the clock costs nothing, and percentiles of single calls.

use hdrhistogram::Histogram;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Nanoseconds of one engine on the question stream.
#[derive(Clone, Copy)]
pub struct Speed {
    /// Median over batches of the mean of a batch.
    pub mean: f64,
    /// Of single calls, reading the clock included.
    pub p50: u64,
    pub p99: u64,
}

/// Calls `ask(n)` for each question in turn, in batches, until `budget` is used.
pub fn measure(count: usize, batch: usize, budget: Duration, mut ask: impl FnMut(usize) -> bool) -> Speed {
    let batch = batch.min(count).max(1);
    let mut turn = (0..count).cycle();
    for n in turn.by_ref().take(batch) {
        black_box(ask(n));
    }
    let mut means = Vec::new();
    let started = Instant::now();
    while started.elapsed() < budget || means.len() < 3 {
        let begun = Instant::now();
        for n in turn.by_ref().take(batch) {
            black_box(ask(black_box(n)));
        }
        means.push(begun.elapsed().as_nanos() as f64 / batch as f64);
    }
    means.sort_by(f64::total_cmp);
    let mut single = histogram();
    let started = Instant::now();
    while started.elapsed() < budget / 2 || single.is_empty() {
        let Some(n) = turn.next() else { break };
        let begun = Instant::now();
        black_box(ask(black_box(n)));
        single.saturating_record(begun.elapsed().as_nanos() as u64);
    }
    Speed { mean: means[means.len() / 2], p50: single.value_at_quantile(0.5), p99: single.value_at_quantile(0.99) }
}

/// Median nanoseconds that reading the clock twice takes by itself.
pub fn clock_floor() -> u64 {
    let mut single = histogram();
    for _ in 0..200_000 {
        let begun = Instant::now();
        single.saturating_record(begun.elapsed().as_nanos() as u64);
    }
    single.value_at_quantile(0.5)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("sound bounds")
}
