//! How much of a script stays when it is minified, bundled or taken apart, and how much of it other scripts seem to
//! hold; the same for neighbouring versions of Python packages.
//!
//!     cargo run --release --manifest-path bench/similarity/Cargo.toml --bin scripts -- FOLDER
//!
//! FOLDER is what `factory/scripts.sh` made. A file called `a+b.js` holds the packages `a` and `b`.

use similarity::artefact::{Artefact, Budgets, Language, Unclear};
use similarity::background::Background;
use similarity::index::{Index, Reference};
use similarity::matching;
use similarity::program::Program;
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CONTAINED_WANTED: f32 = 0.8;
const SHARED_WANTED: f32 = 0.05;

fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<(String, PathBuf)> =
        paths.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect();
    files.sort();
    files
}

fn open(path: &Path) -> Artefact {
    let bytes = std::fs::read(path).expect("a file");
    Artefact::open(&path.to_string_lossy(), &bytes, &Budgets::default(), &mut |_, _| {})
}

fn programs(folder: &Path, language: Language) -> BTreeMap<String, Program> {
    let mut programs = BTreeMap::new();
    for (name, path) in files(folder) {
        let artefact = open(&path);
        for why in &artefact.unclear {
            println!("  {name}: {why}");
        }
        if let Some(program) = artefact.program(language) {
            programs.insert(name, program.clone());
        }
    }
    programs
}

/// Whether two packages hold the same code.
fn are_shared(a: &str, b: &str) -> bool {
    let lines = include_str!("../../factory/scripts.txt").lines().filter_map(|line| line.strip_prefix("shared "));
    lines.filter_map(|line| line.split_once(' ')).any(|pair| pair == (a, b) || pair == (b, a))
}

/// What came of a kind of files.
#[derive(Default)]
struct Row {
    files: usize,
    /// Share of each inclusion that was found, and whether it was claimed.
    own: Vec<(f32, bool, String)>,
    pairs: usize,
    claimed: usize,
    unsure: usize,
    shared: Vec<(f32, String)>,
}

impl Row {
    /// Looks into a program that holds `packages`; references of which `is_left_out` says so are no pair.
    fn look(
        &mut self,
        index: &Index,
        name: &str,
        packages: &[&str],
        program: &Program,
        is_left_out: impl Fn(&Reference) -> bool,
    ) {
        self.files += 1;
        let mut found: BTreeMap<usize, (f32, Verdict)> = BTreeMap::new();
        for evidence in matching::find(index, program) {
            found.insert(evidence.reference, (evidence.containment, verdict::judge(index, &evidence).verdict));
        }
        for (n, reference) in index.references().iter().enumerate().filter(|(_, r)| !is_left_out(r)) {
            let (share, verdict) = found.get(&n).copied().unwrap_or((0.0, Verdict::DoesNotContain { bound: 1.0 }));
            if packages.contains(&reference.lineage.as_str()) {
                self.own.push((share, verdict == Verdict::Contains, reference.lineage.clone()));
                continue;
            }
            if packages.iter().any(|package| are_shared(package, &reference.lineage)) {
                continue;
            }
            self.pairs += 1;
            self.claimed += usize::from(verdict == Verdict::Contains);
            self.unsure += usize::from(verdict == Verdict::Unsure);
            self.shared.push((share, format!("{} in {name}", reference.lineage)));
        }
    }

    fn tell(&mut self, what: &str) {
        if self.files == 0 {
            return;
        }
        self.own.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.shared.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all = self.own.len();
        let claimed = self.own.iter().filter(|(_, claimed, _)| *claimed).count();
        let enough = self.own.iter().filter(|(share, ..)| *share >= CONTAINED_WANTED).count();
        let median = self.own.get(all / 2).map_or(0.0, |(share, ..)| *share);
        let many = self.shared.iter().filter(|(share, _)| *share > SHARED_WANTED).count();
        println!(
            "| {what} | {} | {median:.2} | {enough} of {all} | {claimed} of {all} | {} | {many} | {} |",
            self.files, self.pairs, self.claimed
        );
        let least: Vec<String> = self.own.iter().take(3).map(|(share, _, name)| format!("{name} {share:.2}")).collect();
        let most: Vec<String> = self.shared.iter().take(4).map(|(share, name)| format!("{name} {share:.3}")).collect();
        println!("    least: {least:?}; most of others: {most:?}; unsure {}", self.unsure);
        for (_, _, name) in self.own.iter().filter(|(_, claimed, _)| !claimed) {
            println!("    not claimed: {name}");
        }
    }
}

fn scripts(root: &Path) {
    let common = programs(&root.join("common"), Language::Script);
    let mut background: Vec<u64> = common.values().flat_map(Program::distinct_fingerprints).collect();
    background.sort_unstable();
    background.dedup();
    let plain = programs(&root.join("plain"), Language::Script);
    let reference = |(name, program): (&String, &Program)| Reference {
        lineage: name.clone(),
        label: name.clone(),
        program: program.clone(),
        ..Reference::default()
    };
    let index = Index::new(plain.iter().map(reference).collect(), &Background::new(&background)).of(Language::Script);
    let fresh = std::fs::read_to_string(root.join("fresh.txt")).unwrap_or_default();
    let is_fresh = |name: &str| fresh.lines().any(|line| line == name);
    for (kind, is_split) in [
        ("plain", true),
        ("terser", true),
        ("esbuild", true),
        ("bundled", false),
        ("webpack", false),
        ("shaken", false),
    ] {
        let mut rows = [Row::default(), Row::default()];
        for (name, program) in programs(&root.join(kind), Language::Script) {
            let packages: Vec<&str> = name.split('+').collect();
            let half = usize::from(is_split && is_fresh(&name));
            rows[half].look(&index, &name, &packages, &program, |_| false);
        }
        let [known, fresh] = &mut rows;
        known.tell(kind);
        fresh.tell(&format!("{kind}, fresh"));
    }
    let hidden = files(&root.join("obfuscated"));
    let is_unclear = |path: &Path| open(path).unclear.iter().any(|why| matches!(why, Unclear::Packed { .. }));
    let told = hidden.iter().filter(|(_, path)| is_unclear(path)).count();
    println!("obfuscated: {told} of {} cannot be cleared", hidden.len());
}

/// Each version of a package is looked for in the next one.
fn wheels(root: &Path) {
    let versions = programs(&root.join("wheels"), Language::Python);
    let package = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let reference = |(name, program): (&String, &Program)| Reference {
        lineage: package(name),
        label: name.clone(),
        program: program.clone(),
        ..Reference::default()
    };
    let references: Vec<Reference> = versions.iter().map(reference).collect();
    let index = Index::new(references, &Background::default()).of(Language::Python);
    let mut row = Row::default();
    let names: Vec<&String> = versions.keys().collect();
    for two in names.windows(2) {
        let [before, name] = two else { continue };
        let lineage = package(name);
        if package(before) == lineage {
            let is_other_version = |r: &Reference| r.lineage == lineage && r.label != **before;
            row.look(&index, name, &[&lineage], &versions[*name], is_other_version);
        }
    }
    row.tell("wheels, next version");
}

fn main() {
    let root = std::env::args().nth(1).expect("usage: scripts FOLDER");
    println!(
        "| | files | found of what is there, median | from .8 | claimed | unrelated pairs | above .05 | claimed |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    scripts(Path::new(&root));
    wheels(Path::new(&root));
}
