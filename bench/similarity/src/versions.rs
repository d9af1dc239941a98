//! Which version is it? Every version of some libraries under every transformation, looked for among all versions.

use crate::world;
use similarity::background::Background;
use similarity::index::{Index, Reference};
use similarity::matching::{self, Evidence};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `okhttp-3.12.1` is of `okhttp`.
fn library(label: &str) -> &str {
    label.rsplit_once('-').map_or(label, |(library, _)| library)
}

#[derive(Default)]
struct Row {
    all: usize,
    first: usize,
    /// Not first, and what there is fits the first one as well.
    tied: usize,
    /// First by evidence alone.
    by_evidence: usize,
    other: Vec<String>,
}

pub fn run(folder: &Path) {
    let folder = folder.join("versions");
    let of = |path: PathBuf| {
        let label = path.file_stem().expect("a name").to_string_lossy().into_owned();
        Reference { lineage: library(&label).to_owned(), label, program: world::read(&path), ..Reference::default() }
    };
    let references: Vec<Reference> = world::files(&folder.join("refs"), "dex").into_iter().map(of).collect();
    let index = Index::new(references, &Background::default());
    println!("{} versions", index.references().len());
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for path in world::files(&folder.join("made"), "dex") {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (label, row) = stem.split_once('@').expect("a row");
        let row = rows.entry((library(label).to_owned(), row.to_owned())).or_default();
        let ranked = matching::find(&index, &world::read(&path));
        let of = |evidence: &Evidence| index.references()[evidence.reference].label.as_str();
        let most = ranked.iter().max_by(|a, b| a.distinct.total_cmp(&b.distinct).then(a.containment.total_cmp(&b.containment)));
        row.all += 1;
        row.by_evidence += usize::from(most.is_some_and(|most| of(most) == label));
        match ranked.iter().position(|evidence| of(evidence) == label) {
            Some(0) => row.first += 1,
            place => {
                let fit = |n: usize| ranked.get(n).map(|evidence| evidence.fit);
                row.tied += usize::from(place.is_some_and(|n| fit(n) == fit(0)));
                row.other.push(format!("{label}: {}", ranked.iter().take(2).map(|e| format!("{} {}", of(e), e.fit)).collect::<Vec<_>>().join(", ")));
            }
        }
    }
    for ((library, row), told) in rows {
        println!(
            "{library:<10} {row:<8} first {}/{}, tied with the first {}; by evidence alone first {}; {}",
            told.first, told.all, told.tied, told.by_evidence, told.other.join("; ")
        );
    }
}
