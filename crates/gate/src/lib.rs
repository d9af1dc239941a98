//! Asks the docket on behalf of a protocol and answers in its words.
//!
//! [`live`] holds the law in force and swaps it; [`territory`] says where a user is; [`http`] is the AuthZEN decision
//! API; [`metrics`] counts what was answered.

pub mod http;
pub mod live;
pub mod metrics;
pub mod territory;
