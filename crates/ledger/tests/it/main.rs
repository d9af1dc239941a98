//! Logs as their users keep them: written, published, read by strangers, damaged, crashed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod asked;
mod crashes;
mod foreign;
mod kept;
mod mutants;
mod peers;
mod simulated;
mod threats;

use ledger::disk::Folder;
use ledger::keeper::Keeper;
use ledger::log::Settings;
use ledger::publish::Signers;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tlog::note::{Kind, SigningKey};

/// A folder of its own for a test, gone when the test is.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // In memory where there is such a place: what power loss does is simulated, not waited for.
        let memory = std::path::Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = root.join(format!("ledger-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn folder(&self, name: &str) -> Folder {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder::new(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("log.example/dec/1", Kind::Text, &[1; 32]).unwrap()
}

fn witness_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&format!("w{number}.example"), Kind::Cosignature, &[100 + number; 32]).unwrap()
}

/// Small segments, so that every test crosses from one to the next.
fn settings() -> Settings {
    Settings {
        segment_bytes: 64 * 1024,
        publish_every: Duration::from_millis(20),
        chance: || [7; 32],
        nanos: || 0,
        keeps_private: true,
    }
}

fn signers(place: &Place) -> Signers {
    let keeper = Keeper::signer(place.folder("signer"), key()).unwrap();
    Signers { log: Box::new(Arc::new(keeper)), witnesses: Vec::new(), policy: None }
}
