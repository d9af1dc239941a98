//! Shows orders, findings and proofs to people, as server-rendered pages.
