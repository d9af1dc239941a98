//! Asks the docket on behalf of a protocol and answers in its words.
