//! How alike two programs are, and which functions match: code is recognised under another name. Bytes in,
//! evidence out; no files, no clock, no law.

pub mod artefact;
pub mod background;
pub mod class;
mod company;
mod container;
pub mod dex;
pub mod fingerprint;
mod hits;
pub mod index;
mod listing;
pub mod matching;
pub mod naming;
mod native;
mod packing;
pub mod parquet;
pub mod platform;
mod plist;
pub mod program;
mod propagate;
mod python;
mod script;
pub mod segment;
pub mod sketch;
pub mod table;
pub mod token;
pub mod verdict;
mod votes;
pub mod work;
