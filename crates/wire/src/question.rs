//! What was asked, apart from when, as one digest: so that what people decided about a question is found when the very
//! same is asked again, and only then.

use crate::cbor::Writer;
use docket::Finding;
use docket::inquiry::{Inquiry, Stated};
use docket::place::Place;
use docket::vocabulary::Role;
use sha2::{Digest, Sha256};

/// Another number is another way of digesting.
const VERSION: u64 = 1;

/// The digest of a question and of what left it open: whom it was attributed to, what is possible and by which
/// provisions. Law that leaves it open for another reason asks another question. `also` is what a gate knows besides.
#[must_use]
pub fn digest(inquiry: &Inquiry<'_>, found: &Finding, also: &[&str]) -> [u8; 32] {
    let mut out = Writer::default();
    out.array(13);
    out.unsigned(VERSION);
    out.text(inquiry.actor.kind.word());
    out.text(&inquiry.actor.id);
    out.optional(inquiry.actor.role.map(Role::word));
    out.optional(inquiry.actor.government.as_deref());
    out.text(inquiry.act.word());
    out.text(inquiry.resource.kind.word());
    out.text(&inquiry.resource.id);
    out.optional(inquiry.place.as_ref().map(Place::code));
    let mut facts: Vec<String> =
        inquiry.facts.iter().map(|(fact, is)| format!("{}={}", fact.word(), stated(is))).collect();
    facts.sort_unstable();
    out.texts(&facts);
    out.optional(found.subject.as_deref());
    let mut grounds: Vec<String> = found.grounds.iter().map(|reason| reason.provision.clone()).collect();
    grounds.sort_unstable();
    grounds.push(found.possible.0.to_string());
    out.texts(&grounds);
    out.array(also.len());
    also.iter().for_each(|text| out.text(text));
    Sha256::digest(out.into_bytes()).into()
}

/// A value in a form no other value has.
fn stated(is: &Stated<'_>) -> String {
    match is {
        Stated::Unknown => String::from("unknown"),
        Stated::Word(word) => format!("\"{word}\""),
        Stated::Bool(yes) => yes.to_string(),
        Stated::Place(place) => place.code().to_owned(),
        Stated::NoPlace => String::from("none"),
        Stated::Places(places) => {
            let mut codes: Vec<&str> = places.iter().map(Place::code).collect();
            codes.sort_unstable();
            codes.join(",")
        }
    }
}
