//! What classes are called: the quickest hint at whose code it is, and the weakest. It survives where bodies are hidden
//! from whoever reads them, and says nothing where names were changed.

use crate::index::Index;
use crate::program::Program;
use rustc_hash::FxHashSet;

/// Parts of a name below which anybody may have come upon it: `a.b`, `Main`.
const PARTS_MIN: usize = 4;
/// Fewer classes of one name are a coincidence, or a stub.
const SHARED_MIN: usize = 4;
/// So much of a reference's names, in parts of a hundred: those of libraries it bundles are others' too.
const SHARE_MIN_PERCENT: usize = 20;

/// A reference whose classes are called as some of a program are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// Number in the index.
    pub reference: usize,
    /// How many names both have.
    pub shared: usize,
    /// Of how many.
    pub of: usize,
}

/// The references whose names are in a program, those with most first.
#[must_use]
pub fn namesakes(index: &Index, program: &Program) -> Vec<Namesake> {
    let ours: FxHashSet<&str> = telling(program).collect();
    if ours.len() < SHARED_MIN {
        return Vec::new();
    }
    let of = |(reference, known): (usize, &crate::index::Reference)| {
        let names: FxHashSet<&str> = telling(&known.program).collect();
        let shared = names.iter().filter(|name| ours.contains(*name)).count();
        let enough = shared >= SHARED_MIN && shared * 100 >= names.len() * SHARE_MIN_PERCENT;
        enough.then_some(Namesake { reference, shared, of: names.len() })
    };
    let mut found: Vec<Namesake> = index.references().iter().enumerate().filter_map(of).collect();
    found.sort_by(|a, b| b.shared.cmp(&a.shared).then(a.reference.cmp(&b.reference)));
    found
}

/// Names of classes that tell whose they are.
fn telling(program: &Program) -> impl Iterator<Item = &str> {
    program.classes.iter().map(|class| program.words(class.name)).filter(|name| name.split('.').count() >= PARTS_MIN)
}
