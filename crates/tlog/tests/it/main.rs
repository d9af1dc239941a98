//! The formats and proofs against what others computed: vectors of the Go team's implementation and whole logs.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod hostile;
mod logs;
mod vectors;

use std::path::{Path, PathBuf};

/// A file of the shared data, or `None` (which is said) where it is not there; where nothing may be skipped, it must be.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tlog").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(!nothing_skipped(), "{} is not there", path.display());
    eprintln!("skipped: {} is not there", path.display());
    None
}

#[expect(clippy::disallowed_methods, reason = "whether a test may be skipped is a setting of the machine it runs on")]
fn nothing_skipped() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
