//! Everything known at an instant: parsed orders, subjects and identifiers, lowered to law's numbers.
//!
//! Reading order: [`vocabulary`] (the words an inquiry and an order may use), [`place`],
//! [`inquiry`] (the one question), [`finding`] (the one answer), [`syntax`] and [`grammar`] (the
//! order language), [`order`] (its typed tree), [`subject`] (apps, companies and their
//! identifiers), [`lower`] (words to numbers), [`docket`] (the whole, ready to be asked),
//! [`explain`], [`check`] (lints, cases and coverage), [`diff`], [`release`] (what
//! may no longer change) and [`quotation`] (whether quoted words are in the document).
//!
//! It reads text that others hand it: no file, no clock, no network.

pub mod check;
pub mod diff;
pub mod docket;
pub mod elaborate;
pub mod explain;
pub mod facets;
pub mod fault;
pub mod finding;
pub mod format;
pub mod grammar;
pub mod identifier;
pub mod inquiry;
mod lint;
pub mod lower;
pub mod moment;
pub mod order;
pub mod place;
pub mod quotation;
pub mod release;
mod row;
pub mod subject;
pub mod syntax;
pub mod vocabulary;
mod words;

pub use docket::Docket;
pub use finding::{Finding, Verdict};
pub use inquiry::Inquiry;
