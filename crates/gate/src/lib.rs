//! Asks the docket on behalf of a protocol and answers in its words.
//!
//! [`live`] holds the law in force and swaps it; [`territory`] says where a user is; [`shadow`] says what a gate does
//! with a verdict; [`recorder`] takes records away; [`metrics`] counts. [`http`] is the AuthZEN decision API.
//! [`edge`] decides about hosts for proxies, which ask through [`forward`] or [`envoy`] and are told a [`refusal`].
//! [`payments`] screens payment messages.
//! [`store`] stands in front of an app repository.

pub mod canary;
pub mod edge;
pub mod envoy;
pub mod forward;
pub mod http;
pub mod live;
pub mod maps;
pub mod metrics;
pub mod payments;
pub mod recorder;
pub mod refusal;
pub mod shadow;
pub mod store;
pub mod territory;
pub mod typed;
