//! The folder that the factory fills: references, transformed files, their names.

use similarity::dex::{self, Dex};
use similarity::index::Reference;
use similarity::program::Program;
use std::path::{Path, PathBuf};

/// A transformed file: what is in it and what was done.
pub struct Made {
    pub path: PathBuf,
    pub target: String,
    pub host: Option<String>,
    pub row: String,
}

/// What a library's files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// Thresholds are fitted on it.
    Calibration,
    /// It is only scored.
    Test,
    /// Only scored too: libraries that nothing was ever fitted on.
    Fresh,
}

impl Half {
    pub const ALL: [Self; 3] = [Self::Calibration, Self::Test, Self::Fresh];

    pub fn of(library: &str) -> Self {
        let is_fresh = |line: &str| line.strip_prefix("fresh ").is_some_and(|rest| rest.split(':').nth(1) == Some(library));
        if include_str!("../factory/libraries.txt").lines().any(is_fresh) {
            Self::Fresh
        } else if similarity::fingerprint::hash(library.as_bytes()).is_multiple_of(2) {
            Self::Calibration
        } else {
            Self::Test
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Calibration => "calibration",
            Self::Test => "test",
            Self::Fresh => "fresh",
        }
    }
}

pub fn read(path: &Path) -> Program {
    let bytes = std::fs::read(path).expect("readable");
    program(&bytes)
}

pub fn program(bytes: &[u8]) -> Program {
    let dexes = Dex::parse(bytes).expect("a dex");
    dex::extract(&dexes, &mut |_, _| {}).expect("sound")
}

pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

pub fn references(folder: &Path) -> Vec<Reference> {
    let of = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        Reference { lineage: name.clone(), label: name, program: read(&path), ..Reference::default() }
    };
    files(&folder.join("refs"), "dex").into_iter().map(of).collect()
}

pub fn made(folder: &Path) -> Vec<Made> {
    let of = |path: PathBuf| {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (parts, row) = stem.split_once('@').expect("a row");
        let (target, host) = match parts.split_once('+') {
            Some((target, host)) => (target, Some(host.to_owned())),
            None => (parts, None),
        };
        Made { target: target.to_owned(), host, row: row.to_owned(), path }
    };
    files(&folder.join("made"), "dex").into_iter().map(of).collect()
}

/// Libraries that hold the same code.
pub fn shared() -> Vec<(String, String)> {
    let lines = include_str!("../factory/libraries.txt").lines().filter_map(|line| line.strip_prefix("shared "));
    lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}
