//! Reads Android packages strictly, the way Android itself reads them.
//!
//! Reading order: [`archive`] (the zip: which entry is where, what is odd about it, its content within
//! budgets), [`oddity`] (every known trick, and what Android does with it), [`axml`] (binary XML),
//! [`resources`] (the string a resource id stands for), [`manifest`] (what the package says it is), [`bundle`] (the
//! same of an app bundle),
//! [`signing`] (who signed it, in which scheme), [`verified`] (whether that is so), [`excerpt`] (the parts of a large one
//! that say so), [`compare`] (whether two packages are the same apart from that).
//!
//! The input is hostile: nothing here panics, allocates more than its budgets or guesses. Where readers
//! disagree, Android's rule decides, and the disagreement is reported. It reads bytes that others hand
//! it: no file, no clock, no network. It knows nothing of law or of trust.

pub mod archive;
pub mod axml;
pub mod bundle;
pub mod compare;
mod der;
pub mod excerpt;
pub mod manifest;
pub mod oddity;
pub mod resources;
pub mod signing;
pub mod verified;
mod window;

pub use archive::{Archive, Budgets, Entry, Fault, Method};
pub use manifest::Manifest;
pub use oddity::Oddity;
pub use signing::{Scheme, Signer};
