//! Packages built by hand, by real tools and at random.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "builders of test data are tests too"
)]

mod archive;
mod builder;
mod compare;
mod excerpt;
mod hostile;
mod manifest;
mod tools;
