//! Statements by people who may and people who may not, conditions over them, and the two that were written for real.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "builders of test data are tests too")]

mod adversary;
mod conditions;
mod envelope;
mod foreign;
mod oscal;
mod world;
mod written;
