//! Listed code in the packages of a store: the references it is looked for by, and what is told of it.

use crate::scan_references;
use crate::settings::Settings;
use gate::store::code::{Coded, Search};
use similarity::artefact::{Artefact, Budgets, WORK_FREE};
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

/// What settings say to look for.
///
/// # Errors
/// References that cannot be read.
pub(crate) fn search(settings: &Settings, code: &Path) -> Result<Option<Search>, String> {
    if code == Path::new(NONE) {
        return Ok(None);
    }
    let folder = (code != Path::new(SHIPPED)).then(|| settings.path(code));
    let library = scan_references::load(folder.as_deref(), true).map_err(|why| format!("[store] code: {why}"))?;
    Ok(Some(Search::new(move |bytes| find(&library, bytes))))
}

/// Of each subject the reference of which most was found. What is unsure is no claim, and holds nothing.
fn find(library: &scan_references::Library, bytes: &[u8]) -> Vec<Coded> {
    let work = Work::new(WORK_FREE, &|| false);
    let artefact = Artefact::open_within("package.apk", bytes, &Budgets::default(), &work, &mut |_, _| {});
    let mut found: Vec<Coded> = Vec::new();
    for code in &artefact.code {
        let Some(index) = library.index(code.language) else { continue };
        for evidence in matching::find_within(index, &code.program, &work) {
            let Some(reference) = index.references().get(evidence.reference) else { continue };
            let judgement = verdict::judge(index, &evidence);
            let is_told = found.iter().any(|known| known.subject == reference.lineage);
            if is_told || judgement.verdict != Verdict::Contains {
                continue;
            }
            let label: String = reference.label.chars().take(LABEL_CHARS_MAX).collect();
            let what = format!(
                "{label}: {} functions, {} classes, probability {:.3}",
                evidence.functions, evidence.classes, judgement.probability
            );
            found.push(Coded { subject: reference.lineage.clone(), what });
        }
    }
    found
}
