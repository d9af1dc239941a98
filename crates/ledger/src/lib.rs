//! Makes decisions durable and publishes them, so that strangers can check what was decided and nobody can change it.
//!
//! In reading order: [`disk`] is the little that is asked of a file system; [`wal`] is the one place where a record
//! becomes durable, and [`durations`] counts what that takes; [`publish`] turns durable records into tiles and a signed checkpoint; [`keeper`] signs, as the
//! log's own signer or as a witness, and never two histories, and [`socket`] keeps it in a process of its own; [`log`] ties them together for many threads;
//! [`commitment`] and [`private`] keep what is nobody's business out of the public part; [`fsck`] recomputes all of it
//! from the entries and names what is damaged.

pub mod commitment;
pub mod disk;
pub mod durations;
pub mod fsck;
pub mod keeper;
pub mod log;
pub mod private;
pub mod publish;
pub mod socket;
pub mod wal;
