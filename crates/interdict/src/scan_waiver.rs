//! Waivers: findings that somebody answers for, with a reason and an end. An expired one waives nothing, and says so.

use crate::scan::Scanned;
use docket::moment::parse_rfc3339;
use law::Time;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// A waiver file is written by people.
const BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiver {
    /// End of the path of the file it is for.
    path: Option<String>,
    /// SHA-256 of the file it is for.
    sha256: Option<String>,
    /// The subject found, or `unclear` for what could not be looked into.
    subject: String,
    /// When it ends.
    until: String,
    /// Who answers for it, and why.
    reason: String,
}

/// The waivers of a file that hold, and those that have ended.
#[derive(Debug)]
pub(crate) struct Waivers {
    valid: Vec<Waiver>,
    pub(crate) expired: Vec<String>,
}

/// Reads a waiver file.
pub(crate) fn read(path: &Path, at: Time) -> Result<Waivers, String> {
    let shown = path.display();
    let size = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?.len();
    if size > BYTES_MAX {
        return Err(format!("{shown}: larger than {BYTES_MAX} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let all: Vec<Waiver> = serde_json::from_slice(&bytes).map_err(|error| format!("{shown}: {error}"))?;
    let mut waivers = Waivers { valid: Vec::new(), expired: Vec::new() };
    for (n, waiver) in all.into_iter().enumerate() {
        let wrong = |what: &str| format!("{shown}: [{n}]: {what}");
        if waiver.reason.trim().is_empty() {
            return Err(wrong("`reason` is empty: say who answers for it and why"));
        }
        if waiver.path.as_deref().is_none_or(str::is_empty) && waiver.sha256.is_none() {
            return Err(wrong("name the file by `path` or `sha256`"));
        }
        let until = parse_rfc3339(&waiver.until).map_err(|message| wrong(&format!("`until`: {message}")))?;
        if until > at {
            waivers.valid.push(waiver);
        } else {
            let file = waiver.path.as_deref().or(waiver.sha256.as_deref()).unwrap_or_default();
            waivers.expired.push(format!("{file} ({}) ended at {}", waiver.subject, waiver.until));
        }
    }
    Ok(waivers)
}

impl Waivers {
    /// Marks what they cover.
    pub(crate) fn apply(&self, scanned: &mut Scanned) {
        for waiver in &self.valid {
            if !waiver.is_for(scanned) {
                continue;
            }
            for found in scanned.found.iter_mut().filter(|found| found.subject == waiver.subject) {
                found.waived = Some(waiver.reason.clone());
            }
            if waiver.subject == "unclear" {
                scanned.unclear_waived = Some(waiver.reason.clone());
            }
        }
    }
}

impl Waiver {
    fn is_for(&self, scanned: &Scanned) -> bool {
        let path = self.path.as_deref().is_none_or(|path| Path::new(&scanned.path).ends_with(path));
        path && self.sha256.as_deref().is_none_or(|sha256| sha256.eq_ignore_ascii_case(&scanned.sha256))
    }
}
