//! The note in a folder of law by which somebody vouches for it: for all of its orders and subjects, as they are, since an
//! instant. A gate that is told whose note it needs applies nothing else.
//!
//! It is a signed note (C2SP signed-note) of three lines, made with keys of `interdict log key`. It says nothing of
//! whether the law is right, and keeps nobody from leaving the gate with older law: a running gate takes no older one, and
//! one that starts knows no newer.

use crate::clock;
use crate::commands::{Done, tell};
use crate::corpus;
use crate::log_witness::signing_key;
use crate::whole_file;
use docket::docket::{Source, edition};
use docket::moment::format_rfc3339;
use law::Time;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tlog::note::{Kind, Note, VerifierKey};

/// The file, in the folder itself.
const NAME: &str = "law.note";
/// The first line: what the rest is about.
const ABOUT: &str = "interdict law";

/// Whose note is needed, and the newest that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Voucher {
    key: VerifierKey,
    newest: Arc<AtomicI64>,
}

impl Voucher {
    /// By a public key, or the name of a file with one.
    ///
    /// # Errors
    /// It is neither.
    pub(crate) fn named(name: &Path) -> Result<Self, String> {
        let given = name.to_str().and_then(|text| VerifierKey::parse(text.trim()).ok());
        let key = match given {
            Some(key) => key,
            None => {
                let wrong = |why: String| format!("whose law is applied is not known: {}: {why}", name.display());
                let text = std::fs::read_to_string(name).map_err(|error| wrong(error.to_string()))?;
                VerifierKey::parse(text.trim()).map_err(|error| wrong(error.to_string()))?
            }
        };
        if key.kind() != Kind::Text {
            return Err(format!("`{}` is a key that witnesses logs; law is signed with another kind", key.name()));
        }
        Ok(Self { key, newest: Arc::new(AtomicI64::new(Time::MIN)) })
    }

    /// Whether the files of a folder are what its note vouches for.
    ///
    /// # Errors
    /// Why they are not.
    pub(crate) fn check(&self, folder: &Path, sources: &[Source]) -> Result<(), String> {
        let (path, who) = (folder.join(NAME), self.key.name());
        let told = path.display();
        let bytes = std::fs::read(&path).map_err(|error| {
            format!("{told}: {error}: only law that `{who}` vouches for is applied; `interdict vouch` writes this file")
        })?;
        let note = Note::parse(&bytes).map_err(|error| format!("{told}: {error}"))?;
        let signed = note.verify(std::slice::from_ref(&self.key)).map_err(|forged| format!("{told}: {forged}"))?;
        if signed.is_empty() {
            return Err(format!("{told}: it is not signed by `{who}`, and only law of theirs is applied"));
        }
        let (vouched, since) = read(&note.text).ok_or_else(|| format!("{told}: it does not speak of law"))?;
        let found = edition(sources);
        if vouched != found {
            return Err(format!(
                "the orders and subjects in {} are not those that `{who}` vouched for on {}: they are {found}, and the note \
                 is of {vouched}; put back what was changed, or have it signed with `interdict vouch`",
                folder.display(),
                format_rfc3339(since)
            ));
        }
        let newest = self.newest.fetch_max(since, Ordering::Relaxed);
        if since < newest {
            return Err(format!(
                "{told}: `{who}` signed it on {}, before the law in force, of {}; somebody may have put old law back",
                format_rfc3339(since),
                format_rfc3339(newest)
            ));
        }
        Ok(())
    }
}

/// The edition that a note is of, and since when it is vouched for.
fn read(text: &str) -> Option<(&str, Time)> {
    let mut lines = text.lines();
    let (about, edition, since) = (lines.next()?, lines.next()?, lines.next()?);
    (about == ABOUT && lines.next().is_none()).then_some((edition, since.parse().ok()?))
}

/// Writes the note of a folder.
pub(crate) fn vouch(folder: Option<&Path>, key: &Path, as_json: bool) -> Done {
    let folder = folder.ok_or("say which folder of orders and subjects you vouch for: --corpus DIR")?;
    let key = signing_key(key).map_err(|problem| problem.message)?;
    if key.public().kind() != Kind::Text {
        return Err(format!("`{}` is a key that witnesses logs; law is signed with another kind", key.public().name()));
    }
    let sources = corpus::read(&[folder.to_owned()]).map_err(crate::commands::unreadable)?;
    if sources.is_empty() {
        return Err(format!("{} holds no orders and no subjects", folder.display()));
    }
    let (edition, now) = (edition(&sources), clock::now());
    let text = format!("{ABOUT}\n{edition}\n{now}\n");
    let signature = key.sign(&text, 0);
    let note = Note { text, signatures: vec![signature] }.to_string();
    let path = folder.join(NAME);
    whole_file::write(&path, note.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let signer = key.public();
    let facts = json!({
        "file": path.display().to_string(), "files": sources.len(), "edition": edition, "at": format_rfc3339(now), "key": signer.to_string(),
    });
    tell(as_json, &facts, &format!("{} of {} files, signed by {signer}\n", path.display(), sources.len()))
}
