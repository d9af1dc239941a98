//! Transparency-log formats and proofs: what a log promises, and how a stranger checks it.
//!
//! In reading order: [`hash`] and [`tree`] are the Merkle tree of RFC 6962 and its proofs; [`tile`] and [`bundle`] are
//! the files a log publishes (C2SP tlog-tiles), [`reader`] takes proofs out of tiles and trusts none of them;
//! [`note`] signs text, [`checkpoint`] is the text a log signs, [`witness`] is how a witness comes to add its own
//! signature; [`policy`] says whose signatures suffice; [`proof`] puts everything into one file that is checked offline.
//!
//! Nothing here reads a file, a clock or a source of chance, and nothing knows what the entries say.

pub mod bundle;
pub mod checkpoint;
pub mod hash;
pub mod note;
pub mod policy;
pub mod proof;
pub mod reader;
pub mod tile;
pub mod tree;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use hash::Hash;
