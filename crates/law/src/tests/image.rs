//! Images survive the trip through bytes, and nothing damaged is accepted.

use super::world::{self, Chance, Size};
use crate::Image;
use crate::compile::compile;
use crate::image::ImageError;
use sha2::{Digest, Sha256};

const HEADER_BYTES: usize = 80;

fn image(seed: u64) -> (crate::Law, Image) {
    let law = world::law(&mut Chance::new(seed), &Size { instruments: 3, provisions: 6, effects: 5, attestations: 2 });
    let image = compile(&law, [seed as u8; 32]).unwrap();
    (law, image)
}

#[test]
fn bytes_and_back() {
    for seed in 0..50 {
        let (_, image) = image(seed);
        let bytes = image.to_bytes();
        let read = Image::from_bytes(&bytes).unwrap();
        assert!(read == image, "seed {seed}");
        assert_eq!(read.edition(), [seed as u8; 32]);
        assert_eq!(read.digest(), image.digest());
    }
}

#[test]
fn the_same_law_gives_the_same_bytes() {
    assert_eq!(image(7).1.to_bytes(), image(7).1.to_bytes());
    assert_ne!(image(7).1.digest(), image(8).1.digest());
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused() {
    let bytes = image(3).1.to_bytes();
    for length in 0..bytes.len() {
        assert!(Image::from_bytes(&bytes[..length]).is_err(), "accepted at {length} bytes");
    }
    for n in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[n] ^= 0x10;
        let edition = (16..48).contains(&n);
        assert_eq!(Image::from_bytes(&damaged).is_ok(), edition, "byte {n}");
    }
}

/// Whoever forges the digest too gets an image that is refused or that answers, never one that panics.
#[test]
fn forged_content_is_refused_or_answers() {
    let (law, image) = image(5);
    let bytes = image.to_bytes();
    let mut c = Chance::new(99);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut forged = bytes.clone();
        for _ in 0..1 + c.below(3) {
            let n = HEADER_BYTES + c.below(bytes.len() - HEADER_BYTES);
            forged[n] = c.below(256) as u8;
        }
        let digest: [u8; 32] = Sha256::digest(&forged[HEADER_BYTES..]).into();
        forged[48..80].copy_from_slice(&digest);
        if let Ok(image) = Image::from_bytes(&forged) {
            accepted += 1;
            for _ in 0..5 {
                let case = world::case(&mut c, &law);
                let decision = image.decide(&case, world::instant(&mut c), world::instant(&mut c));
                assert_ne!(decision.statuses.0, 0);
                let outcome = image.outcome(decision.outcome);
                assert_ne!(outcome.statuses.0, 0);
                assert!(image.timeline(&case, 3).take(100).count() < 100);
            }
        }
    }
    assert!(accepted > 0, "no forgery was plausible enough to test decisions on");
}

#[test]
fn refusals_say_why() {
    let bytes = image(1).1.to_bytes();
    assert_eq!(Image::from_bytes(b"hello").err(), Some(ImageError::NotAnImage));
    let mut other = bytes.clone();
    other[8] = 9;
    assert_eq!(Image::from_bytes(&other).err(), Some(ImageError::Version { format: 9, semantics: 1 }));
    let mut damaged = bytes;
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(Image::from_bytes(&damaged).err(), Some(ImageError::Damaged));
}

#[test]
fn a_case_outside_the_image_is_not_permitted_by_accident() {
    let (law, image) = image(2);
    let mut c = Chance::new(1);
    let mut case = world::case(&mut c, &law);
    case.app = 999;
    assert_eq!(image.decide(&case, 0, 0).statuses, crate::Statuses::ALL);
    case.app = 0;
    case.act = 63;
    assert_eq!(image.decide(&case, 0, 0).statuses, crate::Statuses::ALL);
}

#[test]
fn decisions_allocate_nothing() {
    let (law, image) = image(5);
    let mut c = Chance::new(4);
    let cases: Vec<_> =
        (0..500).map(|_| (world::case(&mut c, &law), world::instant(&mut c), world::instant(&mut c))).collect();
    let used = allocation_counter::measure(|| {
        for (case, valid_at, known_at) in &cases {
            std::hint::black_box(image.decide(case, *valid_at, *known_at));
        }
    });
    assert_eq!(used.count_total, 0);
}
