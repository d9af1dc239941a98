//! The formats we have promised to strangers: inquiry and finding as JSON, AuthZEN, OpenAPI, exports.
