//! Processor time of this thread: what else the machine does counts only by the caches it spoils.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds this thread has run so far.
pub fn ms() -> f64 {
    let told = clock_gettime(ClockId::ThreadCPUTime);
    told.tv_sec as f64 * 1e3 + told.tv_nsec as f64 / 1e6
}
