//! What nobody should sign or hand in: an envelope that is read as something else, and a statement that acts on others and
//! is written so that a reader would take it for less, or for more, than it says.
//!
//! Once a log has such a statement it is read as it can be: what takes back or objects counts as far as it is clear.

use crate::act::Said;
use crate::dsse::{Envelope, IN_TOTO};
use crate::json::Members;
use crate::statement::{Statement, Type, is_hex};
use crate::{Fault, Trust};

/// The statement of an envelope that is whole.
///
/// # Errors
/// Where its payload is none, or cannot be taken at its word.
pub fn read(envelope: &Envelope) -> Result<Statement, Fault> {
    if envelope.payload_type != IN_TOTO {
        return Err(Fault::new("/payloadType", format!("`{IN_TOTO}` is needed")));
    }
    let said = Statement::parse(&envelope.payload)?;
    check(&said)?;
    Ok(said)
}

/// Whether a statement can be taken at its word.
///
/// # Errors
/// Where it cannot.
pub fn check(said: &Statement) -> Result<(), Fault> {
    let mut claims = Members::new(&said.predicate, "/predicate")?;
    if said.not_after <= said.not_before {
        return Err(claims.fault("notAfter", "is not after `notBefore`, so that it would never hold"));
    }
    if said.kind == Type::Act {
        match said.subjects.as_slice() {
            [one] if one.text().starts_with("order:") => Said::read(said).map(drop),
            _ => Err(Fault::new("/subject", "one `order:…` is needed")),
        }
    } else if said.kind == Type::Revocation {
        revocation(&mut claims)
    } else if said.kind == Type::AdverseFinding {
        match claims.get("requirements").map(|names| names.as_array().map(Vec::as_slice)) {
            Some(None | Some([])) => Err(claims.fault("requirements", "leave it out to object to all, or list some")),
            None | Some(Some(_)) => claims.texts("requirements").map(drop),
        }
    } else if said.kind == Type::Resolution {
        let digest = claims.text("finding")?;
        if is_sha256(digest) { Ok(()) } else { Err(claims.fault("finding", DIGEST)) }
    } else if said.kind == Type::TrustDocument {
        Trust::read(claims.needed("trust")?).map(drop)
    } else {
        Ok(())
    }
}

const DIGEST: &str = "the 64 lower-case hexadecimal digits are needed that `attest verify` tells of a statement";

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn revocation(claims: &mut Members<'_>) -> Result<(), Fault> {
    let targets = claims.list("targets")?;
    if targets.is_empty() {
        return Err(claims.fault("targets", "nothing is named that is taken back"));
    }
    for (number, target) in targets.iter().enumerate() {
        let mut target = Members::new(target, &format!("/predicate/targets/{number}"))?;
        if let Some(digest) = target.optional_text("sha256")? {
            if !is_sha256(digest) {
                return Err(target.fault("sha256", DIGEST));
            }
        } else {
            target.text("principal")?;
            if Type::from_name(target.text("type")?).is_none() {
                return Err(target.fault("type", "is not a type we know"));
            }
            let (from, until) = (target.optional_second("from")?, target.optional_second("until")?);
            if from.zip(until).is_some_and(|(from, until)| until <= from) {
                return Err(target.fault("until", "is not after `from`"));
            }
        }
        target.finish()?;
    }
    claims.optional_time("invalidSince").map(drop)
}
