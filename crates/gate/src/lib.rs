//! Asks the docket on behalf of a protocol and answers in its words.
//!
//! [`live`] holds the law in force and swaps it; [`territory`] says where a user is; [`shadow`] says what a gate does
//! with a verdict; [`recorder`] takes records away; [`metrics`] counts. [`http`] is the AuthZEN decision API.

pub mod http;
pub mod live;
pub mod metrics;
pub mod recorder;
pub mod shadow;
pub mod territory;
