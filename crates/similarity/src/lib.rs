//! How alike two programs are, and which functions match: code is recognised under another name. Bytes in,
//! evidence out; no files, no clock, no law.

mod apple;
pub mod artefact;
pub mod background;
pub mod class;
mod container;
pub mod dex;
pub mod fingerprint;
pub mod index;
pub mod matching;
mod native;
mod packing;
pub mod platform;
pub mod program;
mod propagate;
mod script;
pub mod token;
