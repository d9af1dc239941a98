//! The formats we have promised to strangers: inquiry and finding as JSON, AuthZEN, OpenAPI, exports.
//!
//! Reading order: [`inquiry`] (the question), [`finding`] (the answer), [`evaluation`] (AuthZEN
//! requests of one and of many), [`question`] (a question as a digest), [`record`] (a decision as it is kept), [`entry`] (what logs publish), [`schema`],
//! [`openapi`], [`export`].

mod cbor;
pub mod entry;
pub mod evaluation;
pub mod export;
pub mod finding;
pub mod inquiry;
pub mod openapi;
pub mod question;
pub mod record;
pub mod schema;
