//! How much of a script stays when it is minified, and how much of it other scripts seem to hold.
//!
//!     cargo run --release --manifest-path bench/similarity/Cargo.toml --bin scripts -- FOLDER
//!
//! FOLDER is what `factory/scripts.sh` made: one reference folder `plain`, any number of others with the same names.

use similarity::artefact::{Artefact, Budgets, Language};
use similarity::background::Background;
use similarity::index::{Index, Reference};
use similarity::matching;
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::path::Path;

fn programs(folder: &Path) -> BTreeMap<String, Program> {
    let mut programs = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let artefact = Artefact::open(&path.to_string_lossy(), &bytes, &Budgets::default(), &mut |_, _| {});
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for language in [Language::Script, Language::Python] {
            if let Some(program) = artefact.program(language) {
                programs.insert(name.clone(), program.clone());
            }
        }
    }
    programs
}

fn main() {
    let root = std::env::args().nth(1).expect("usage: scripts FOLDER");
    let root = Path::new(&root);
    let plain = programs(&root.join("plain"));
    let references = plain.iter().map(|(name, program)| Reference {
        lineage: name.clone(),
        label: name.clone(),
        program: program.clone(),
        ..Reference::default()
    });
    let index = Index::new(references.collect(), &Background::default());
    for entry in std::fs::read_dir(root).expect("a folder") {
        let folder = entry.expect("an entry").path();
        if folder.is_dir() && !folder.ends_with("work") {
            row(&folder, &index);
        }
    }
}

fn row(folder: &Path, index: &Index) {
    let (mut own, mut other) = (Vec::new(), Vec::new());
    let (mut contains, mut false_claims, mut unrelated) = (0, 0, 0);
    for (name, program) in programs(folder) {
        let mut mine = 0.0;
        for evidence in matching::find(index, &program) {
            let reference = &index.references()[evidence.reference];
            let claimed = verdict::judge(index, &evidence).verdict == Verdict::Contains;
            if reference.lineage == name {
                mine = evidence.containment;
                contains += usize::from(claimed);
            } else {
                other.push((evidence.containment, format!("{} in {name}", reference.lineage)));
                false_claims += usize::from(claimed);
                if claimed {
                    println!(
                        "    claimed: {} in {name}, {:.3}, {} functions",
                        reference.lineage, evidence.containment, evidence.functions
                    );
                }
            }
        }
        unrelated += index.references().len() - 1;
        own.push((mine, name));
    }
    own.sort_by(|a, b| a.0.total_cmp(&b.0));
    other.sort_by(|a, b| b.0.total_cmp(&a.0));
    let median = own.get(own.len() / 2).map_or(0.0, |(c, _)| *c);
    println!("{}: {} artefacts", folder.display(), own.len());
    println!("  own code found: median {median:.3}, least {:?}", &own[..own.len().min(4)]);
    println!("  claimed {contains} of {}; of {unrelated} unrelated pairs {false_claims} claimed", own.len());
    println!("  unrelated, most: {:?}", &other[..other.len().min(6)]);
}
