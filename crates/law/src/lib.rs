//! Decides a case from the provisions in force, in two times: when the act happens and what was known.
//!
//! Reading order: [`time`] (instants, periods, edges with several readings), [`law`] (provisions and
//! the effects that act on them), [`case`] (one activity in law's numbers), [`answer`] (statuses and
//! proofs), [`compile`] and [`image`] (law as tables), [`decide`] (the question answered),
//! [`reference`] (the same answer, slowly, from the definition).
//!
//! There is no clock, no input or output, no text and no way to fail at decision time.

pub mod answer;
pub mod case;
pub mod compile;
pub mod decide;
pub mod image;
pub mod law;
pub mod reference;
pub mod time;

pub use answer::{Ground, Outcome, Status, Statuses};
pub use case::Case;
pub use decide::Decision;
pub use image::Image;
pub use law::Law;
pub use time::{Edge, Extent, Period, Time};

#[cfg(test)]
mod tests;
