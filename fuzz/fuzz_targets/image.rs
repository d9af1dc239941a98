//! Any bytes as compiled law, with the digest they should have: refused, or answering every question.
#![no_main]

use law::{Case, Image};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// Magic, versions, edition and digest.
const HEADER_BYTES: usize = 80;

fuzz_target!(|content: &[u8]| {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
    bytes.extend_from_slice(b"INTERDCT");
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&Sha256::digest(content));
    bytes.extend_from_slice(content);
    if let Ok(image) = Image::from_bytes(&bytes) {
        assert!(image.to_bytes() == bytes);
        for (app, act) in [(0, 0), (1, 3), (40, 17), (999, 63)] {
            let case = Case::unstated(image.facets(), app, act);
            for at in [i64::MIN, 0, 1_600_000_000, i64::MAX] {
                let decision = image.decide(&case, at, at);
                assert!(decision.statuses.0 != 0 && decision.from <= at);
                let _proof = image.outcome(decision.outcome);
            }
        }
    }
});
