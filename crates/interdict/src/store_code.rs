//! Listed code in the packages of a store: the references it is looked for by, what is told of it, and what becomes of
//! a package that cannot be cleared.

use crate::scan_references;
use crate::settings::Settings;
use gate::store::code::{Coded, Search};
use serde::Deserialize;
use similarity::artefact::{Artefact, Budgets, Unclear, WORK_FREE};
use similarity::matching;
use similarity::verdict::{self, Verdict};
use similarity::work::Work;
use std::path::Path;

/// The fingerprints that come with the program.
pub(crate) const SHIPPED: &str = "shipped";
/// A record takes texts of a kilobyte.
const LABEL_CHARS_MAX: usize = 200;
/// None at all.
const NONE: &str = "none";

/// What becomes of a package in which nothing is found and that cannot be cleared.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Uncleared {
    /// It is served: that something is not known of a package nobody lists is no ground to hold it.
    #[default]
    Serve,
    /// It is held if somebody made its code unreadable: packed, encrypted, loaded at run time.
    HoldHidden,
    /// It is held whatever the reason, kinds of code that are not read here included.
    Hold,
}

impl Uncleared {
    /// The first reason for which a package is held.
    fn reason(self, artefact: &Artefact) -> Option<&Unclear> {
        match self {
            Self::Serve => None,
            Self::HoldHidden => artefact.unclear.iter().find(|why| why.is_hidden()),
            Self::Hold => artefact.unclear.first(),
        }
    }
}

/// What settings say to look for.
///
/// # Errors
/// References that cannot be read.
pub(crate) fn search(settings: &Settings, code: &Path, uncleared: Uncleared) -> Result<Option<Search>, String> {
    if code == Path::new(NONE) {
        return match uncleared {
            Uncleared::Serve => Ok(None),
            Uncleared::HoldHidden | Uncleared::Hold => {
                Err(String::from("[store] uncleared: nothing is looked for where `code` is \"none\"; leave one out"))
            }
        };
    }
    let folder = (code != Path::new(SHIPPED)).then(|| settings.path(code));
    let library = scan_references::load(folder.as_deref(), true).map_err(|why| format!("[store] code: {why}"))?;
    Ok(Some(Search::new(move |bytes| find(&library, bytes, uncleared))))
}

/// Of each subject the reference of which most was found; then, of all others, why the package is held. What is unsure
/// is no claim, and holds nothing where what cannot be cleared is served.
fn find(library: &scan_references::Library, bytes: &[u8], uncleared: Uncleared) -> Vec<Coded> {
    let work = Work::new(WORK_FREE, &|| false);
    let mut artefact = Artefact::open_within("package.apk", bytes, &Budgets::default(), &work, &mut |_, _| {});
    let mut found: Vec<Coded> = Vec::new();
    for code in &artefact.code {
        let Some(index) = library.index(code.language) else { continue };
        for evidence in matching::find_within(index, &code.program, &work) {
            let Some(reference) = index.references().get(evidence.reference) else { continue };
            let judgement = verdict::judge(index, &evidence);
            let is_found = match judgement.verdict {
                Verdict::Contains => true,
                Verdict::Unsure if uncleared != Uncleared::Serve => false,
                Verdict::Unsure | Verdict::DoesNotContain { .. } => continue,
            };
            // Of a subject, what is sure is told; among equals, the first: most was found of it.
            let known = found.iter().position(|known| known.subject == reference.lineage);
            if known.and_then(|at| found.get(at)).is_some_and(|known| known.is_found || !is_found) {
                continue;
            }
            let what = format!(
                "{}: {} functions, {} classes, probability {:.3}",
                short(&reference.label),
                evidence.functions,
                evidence.classes,
                judgement.probability
            );
            let coded = Coded { subject: reference.lineage.clone(), what, is_found };
            match known.and_then(|at| found.get_mut(at)) {
                Some(known) => *known = coded,
                None => found.push(coded),
            }
        }
    }
    artefact.stopped("package.apk", &work);
    if let Some(why) = uncleared.reason(&artefact) {
        for reference in library.references() {
            if !found.iter().any(|known| known.subject == reference.lineage) {
                let what = short(&why.to_string());
                found.push(Coded { subject: reference.lineage.clone(), what, is_found: false });
            }
        }
    }
    found
}

fn short(text: &str) -> String {
    text.chars().take(LABEL_CHARS_MAX).collect()
}
