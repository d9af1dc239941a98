//! Finds apps, wallets, companies and listed parties in payment messages, with the role each plays.
//!
//! Reading order: [`payment`] (a payment as fields with roles), [`door`] (how bytes come in), [`iso20022`]
//! (credit transfers as a stream), [`mt103`] and [`nacha`], all as [`parts`] that no byte is outside of, [`ahead`]
//! (the same on a thread of its own), [`text`] (letters made comparable) with [`han`] and [`telegraph`] (Han letters in code),
//! [`brand`] (names of apps and wallets, exactly and with a slip of the pen), [`identifier`] (codes that
//! need no guessing), [`names`] (people and companies on lists).
//!
//! It knows nothing of law, of places where data comes from, or of what time it is.

pub mod ahead;
pub mod brand;
pub mod door;
pub mod han;
pub mod identifier;
pub mod iso20022;
pub mod mt103;
pub mod nacha;
pub mod names;
pub mod parts;
pub mod payment;
pub mod telegraph;
pub mod text;

pub use payment::{Field, Payment, Role, Says, Whom};
