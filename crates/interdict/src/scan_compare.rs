//! `compare`: two artefacts beside each other. Which functions of one stand in the other, under which name, and how
//! much of each that is. Knows no law: it is for looking, not for deciding.

use crate::commands::{Done, print};
use crate::scan::FILE_BYTES_MAX;
use crate::{scan_page, scan_references, whole_file};
use clap::Args;
use serde_json::{Value, json};
use similarity::artefact::{Artefact, Budgets, Language};
use similarity::background::Background;
use similarity::index::{Index, Reference};
use similarity::matching::{self, Pair};
use similarity::program::Program;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Functions shown in the table; `--json` and `--html` have more.
const FUNCTIONS_SHOWN: usize = 20;
/// Exit code where something could not be looked into.
const UNCLEAR: u8 = 3;

/// Options of `compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 compared, 2 could not run, 3 compared as far as they could be looked into.\n\nExamples:\n  interdict compare sdk-6.8.0.aar app.apk\n  interdict compare before.apk after.apk --html difference.html"
)]
pub(crate) struct Compare {
    /// One artefact
    pub(crate) a: PathBuf,
    /// The other
    pub(crate) b: PathBuf,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a page with a map of the classes to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// A class and how many of its functions were found.
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) functions: usize,
    pub(crate) matched: usize,
}

/// The classes of one side, largest first.
pub(crate) struct Side {
    pub(crate) classes: Vec<Cell>,
}

/// A function and its partner.
pub(crate) struct Together {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) similarity: f32,
    pub(crate) via: &'static str,
}

/// What both hold of one kind of code.
pub(crate) struct Kind {
    pub(crate) kind: &'static str,
    pub(crate) a_in_b: f32,
    pub(crate) b_in_a: f32,
    pub(crate) a: Side,
    pub(crate) b: Side,
    pub(crate) pairs: Vec<Together>,
}

/// One of the two.
pub(crate) struct Opened {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) unclear: Vec<String>,
}

/// Both, and what they have in common.
pub(crate) struct Comparison {
    pub(crate) a: Opened,
    pub(crate) b: Opened,
    pub(crate) kinds: Vec<Kind>,
}

/// Runs the command.
pub(crate) fn run(options: &Compare) -> Done {
    let (a, b) = (open(&options.a)?, open(&options.b)?);
    let of = |language| {
        let (ours, theirs) = (a.program(language)?, b.program(language)?);
        Some(kind(language, ours, theirs, &scan_references::shipped_background(language)))
    };
    let kinds = Language::ALL.into_iter().filter_map(of).collect();
    let comparison = Comparison { a: about(&options.a, &a), b: about(&options.b, &b), kinds };
    if let Some(path) = &options.html {
        write(path, &scan_page::compare(&comparison))?;
    }
    print(&if options.json { json(&comparison)? } else { table(&comparison) })?;
    Ok(if comparison.a.unclear.is_empty() && comparison.b.unclear.is_empty() { 0 } else { UNCLEAR })
}

/// Writes a page.
pub(crate) fn write(path: &Path, page: &str) -> Result<(), String> {
    whole_file::write(path, page.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn open(path: &Path) -> Result<Artefact, String> {
    let told = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    if fs::metadata(path).map_err(told)?.len() > FILE_BYTES_MAX {
        return Err(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
    }
    let bytes = fs::read(path).map_err(told)?;
    Ok(Artefact::open(&path.display().to_string(), &bytes, &Budgets::default(), &mut |_, _| {}))
}

fn about(path: &Path, artefact: &Artefact) -> Opened {
    let mut unclear: Vec<String> = artefact.unclear.iter().map(ToString::to_string).collect();
    if artefact.uncompared > 0 {
        unclear.push(format!("{} files of machine code for processors that are not known here", artefact.uncompared));
    }
    Opened { path: path.display().to_string(), sha256: artefact.sha256.clone(), bytes: artefact.bytes, unclear }
}

/// What of `known` stands in `program`: the share, and the pairs.
fn found(known: &Program, program: &Program, background: &Background) -> (f32, Vec<Pair>) {
    let reference = Reference { lineage: String::from("a"), program: known.clone(), ..Reference::default() };
    let index = Index::new(vec![reference], background);
    matching::find(&index, program).into_iter().next().map_or((0.0, Vec::new()), |e| (e.containment, e.pairs))
}

fn kind(language: Language, ours: &Program, theirs: &Program, background: &Background) -> Kind {
    let (a_in_b, pairs) = found(ours, theirs, background);
    let (b_in_a, _) = found(theirs, ours, background);
    let name = |program: &Program, n: u32| program.functions.get(n as usize).map(|f| program.full_name(f));
    let together = |pair: &Pair| {
        Some(Together {
            a: name(ours, pair.reference)?,
            b: name(theirs, pair.program)?,
            similarity: pair.similarity,
            via: pair.via.word(),
        })
    };
    Kind {
        kind: language.word(),
        a_in_b,
        b_in_a,
        a: side(ours, &pairs.iter().map(|pair| pair.reference).collect()),
        b: side(theirs, &pairs.iter().map(|pair| pair.program).collect()),
        pairs: pairs.iter().filter_map(together).collect(),
    }
}

fn side(program: &Program, matched: &HashSet<u32>) -> Side {
    let name = |class: &similarity::program::Class| program.words(class.name).to_owned();
    let mut classes: Vec<Cell> =
        program.classes.iter().map(|class| Cell { name: name(class), functions: 0, matched: 0 }).collect();
    for (function, n) in program.functions.iter().zip(0_u32..) {
        if let Some(cell) = classes.get_mut(function.class as usize) {
            cell.functions += 1;
            cell.matched += usize::from(matched.contains(&n));
        }
    }
    classes.retain(|cell| cell.functions > 0);
    classes.sort_by(|x, y| y.functions.cmp(&x.functions).then_with(|| x.name.cmp(&y.name)));
    Side { classes }
}

fn table(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (letter, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        text.push_str(&format!("{letter}  {}  {} bytes\n", side.path, side.bytes));
        side.unclear.iter().for_each(|why| text.push_str(&format!("   not looked into: {why}\n")));
    }
    if comparison.kinds.is_empty() {
        text.push_str("no code of the same kind in both\n");
    }
    for kind in &comparison.kinds {
        text.push_str(&format!(
            "{}: {:.0} % of A's own code in B, {:.0} % of B's in A, {} functions go together\n",
            kind.kind,
            kind.a_in_b * 100.0,
            kind.b_in_a * 100.0,
            kind.pairs.len()
        ));
        for pair in kind.pairs.iter().take(FUNCTIONS_SHOWN) {
            text.push_str(&format!("  {} = {}  {:.0} % ({})\n", pair.a, pair.b, pair.similarity * 100.0, pair.via));
        }
        if kind.pairs.len() > FUNCTIONS_SHOWN {
            text.push_str(&format!("  and {} more\n", kind.pairs.len() - FUNCTIONS_SHOWN));
        }
    }
    text
}

fn json(comparison: &Comparison) -> Result<String, String> {
    let opened = |side: &Opened| json!({ "path": side.path, "sha256": side.sha256, "bytes": side.bytes, "unclear": side.unclear });
    let classes = |side: &Side| -> Vec<Value> {
        let cell = |cell: &Cell| json!({ "name": cell.name, "functions": cell.functions, "matched": cell.matched });
        side.classes.iter().map(cell).collect()
    };
    let kind = |kind: &Kind| {
        let pair =
            |pair: &Together| json!({ "a": pair.a, "b": pair.b, "similarity": pair.similarity, "via": pair.via });
        json!({
            "kind": kind.kind, "a_in_b": kind.a_in_b, "b_in_a": kind.b_in_a,
            "classes": { "a": classes(&kind.a), "b": classes(&kind.b) },
            "matches": kind.pairs.iter().map(pair).collect::<Vec<_>>(),
        })
    };
    let kinds: Vec<Value> = comparison.kinds.iter().map(kind).collect();
    let all = json!({ "a": opened(&comparison.a), "b": opened(&comparison.b), "code": kinds });
    serde_json::to_string_pretty(&all).map(|text| text + "\n").map_err(|error| error.to_string())
}
