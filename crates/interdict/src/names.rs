//! `interdict names`: how alike two names are, and whom on a list a name may be, with every reason.

use crate::commands::{Done, print};
use clap::{Args, Subcommand, ValueEnum};
use screening::names::list::Scratch;
use screening::names::name::{Kind, Name, Token};
use screening::names::published::Published;
use screening::names::score::{Alignment, How};
use screening::names::{HOLD, NOTE, ofac, score};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// A list file larger than this is none: the largest public ones have some 100 MB.
const LIST_BYTES_MAX: u64 = 1 << 30;

/// What to do with names.
#[derive(Debug, Subcommand)]
pub(crate) enum Names {
    /// Say how alike two names are, token by token, and what OFAC's public search would say
    #[command(
        after_help = "A score orders what a person looks at; it is no probability. From 0.85 on a payment is held, from 0.75 on a hit is noted.\nExit code: 0 below 0.75, 1 from 0.85 on, 3 between."
    )]
    Match {
        /// One name
        a: String,
        /// The other
        b: String,
        #[command(flatten)]
        how: Options,
    },
    /// Find whom on a list a name may be
    #[command(
        after_help = "Lists: OFAC's sdn.csv and alt.csv, the UN's consolidated XML, or text with one name a line (`person<TAB>name` where kinds differ).\n\n  interdict names search --list sdn.csv --list alt.csv 'Wladimir Putin'"
    )]
    Search {
        /// The name
        name: String,
        /// A list file; may be repeated
        #[arg(long = "list", required = true, value_name = "FILE")]
        lists: Vec<PathBuf>,
        /// The least score to show
        #[arg(long, default_value_t = NOTE)]
        least: f32,
        #[command(flatten)]
        how: Options,
    },
}

/// Options of both.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What is named
    #[arg(long, value_enum, default_value = "person")]
    kind: KindArg,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What is named.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindArg {
    Person,
    Company,
}

impl KindArg {
    fn kind(self) -> Kind {
        match self {
            Self::Person => Kind::Person,
            Self::Company => Kind::Company,
        }
    }
}

pub(crate) fn names(command: &Names) -> Done {
    match command {
        Names::Match { a, b, how } => {
            let alignment = score::compare(a, b, how.kind.kind());
            let kind = how.kind.kind();
            if how.json {
                print(&format!("{}\n", to_json(&alignment, a, b, kind)))?;
            } else {
                print(&explained(&alignment, a, b, kind))?;
            }
            Ok(code(alignment.score))
        }
        Names::Search { name, lists, least, how } => search(name, lists, *least, how),
    }
}

fn code(score: f32) -> u8 {
    if score >= HOLD {
        1
    } else if score >= NOTE {
        3
    } else {
        0
    }
}

fn search(name: &str, lists: &[PathBuf], least: f32, how: &Options) -> Done {
    if !(0.3..=1.0).contains(&least) {
        return Err(String::from("--least: between 0.3 and 1; below that everything is alike"));
    }
    let list = read(lists)?.names.finish();
    let kind = how.kind.kind();
    let matches = list.search(&Name::new(name, kind), least, &mut Scratch::default());
    let mut text = String::new();
    for found in &matches {
        let listed = list.text(found.entry);
        let of = list.entry(found.entry).map_or(kind, |entry| entry.kind);
        if how.json {
            writeln!(text, "{}", to_json(&found.alignment, name, listed, of)).unwrap_or_default();
        } else {
            text.push_str(&explained(&found.alignment, name, listed, of));
        }
    }
    if !how.json {
        writeln!(text, "{} of {} names from {least} on", matches.len(), list.len()).unwrap_or_default();
    }
    print(&text)?;
    Ok(code(matches.first().map_or(0.0, |found| found.alignment.score)))
}

/// Reads every list file, each by its name.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Published, String> {
    let mut published = Published::default();
    for path in paths {
        let size = std::fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?.len();
        if size > LIST_BYTES_MAX {
            return Err(format!("{}: larger than {LIST_BYTES_MAX} bytes, so no list", path.display()));
        }
        let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        // Whatever is in it would be read as names, and nobody on the list be found.
        if bytes.contains(&0) {
            return Err(format!("{}: no text; if it is compressed, unpack it first", path.display()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        published.read(&bytes, &name).map_err(|why| format!("{}: {why}", path.display()))?;
    }
    Ok(published)
}

fn how_word(how: How) -> &'static str {
    match how {
        How::Same => "same",
        How::Spelling => "spelling",
        How::Initial => "initial",
        How::Custom => "one name by custom",
        How::Consonants => "consonants",
        How::Form => "legal form",
    }
}

fn run(tokens: &[Token], range: &std::ops::Range<usize>) -> String {
    let words: Vec<&str> =
        tokens.get(range.clone()).unwrap_or_default().iter().map(|token| token.text.as_str()).collect();
    words.join("+")
}

fn left(tokens: &[Token], left: &[usize]) -> Vec<String> {
    left.iter().filter_map(|n| tokens.get(*n)).map(|token| token.text.clone()).collect()
}

fn to_json(alignment: &Alignment, a: &str, b: &str, kind: Kind) -> Value {
    let (name_a, name_b) = (Name::new(a, kind), Name::new(b, kind));
    let pairs: Vec<Value> = alignment
        .pairs
        .iter()
        .map(|pair| {
            json!({ "a": run(&name_a.tokens, &pair.a), "b": run(&name_b.tokens, &pair.b),
                "similarity": round(pair.similarity), "how": how_word(pair.how) })
        })
        .collect();
    json!({
        "a": a, "b": b, "score": round(alignment.score), "pairs": pairs,
        "unmatched_a": left(&name_a.tokens, &alignment.left_a), "unmatched_b": left(&name_b.tokens, &alignment.left_b),
        "coverage": [round(alignment.coverage.0), round(alignment.coverage.1)],
        "factors": alignment.factors.iter().map(|(why, factor)| json!({ "why": why, "factor": round(*factor) })).collect::<Vec<_>>(),
        "ofac_search_would_say": ofac::score(a, b),
    })
}

fn round(number: f32) -> f64 {
    (f64::from(number) * 1000.0).round() / 1000.0
}

fn explained(alignment: &Alignment, a: &str, b: &str, kind: Kind) -> String {
    let (name_a, name_b) = (Name::new(a, kind), Name::new(b, kind));
    let mut text = format!("{:.3}  {a} | {b}\n", alignment.score);
    let mut line = |words: String| writeln!(text, "       {words}").unwrap_or_default();
    for pair in &alignment.pairs {
        line(format!(
            "{} ~ {}  {:.2} {}",
            run(&name_a.tokens, &pair.a),
            run(&name_b.tokens, &pair.b),
            pair.similarity,
            how_word(pair.how)
        ));
    }
    for (side, left) in
        [("first", left(&name_a.tokens, &alignment.left_a)), ("second", left(&name_b.tokens, &alignment.left_b))]
    {
        if !left.is_empty() {
            line(format!("only in the {side}: {}", left.join(" ")));
        }
    }
    line(format!("share matched: {:.2} and {:.2}", alignment.coverage.0, alignment.coverage.1));
    for (why, factor) in &alignment.factors {
        line(format!("times {factor:.2}: {why}"));
    }
    line(format!("OFAC's public search would say {}", ofac::score(a, b)));
    text
}
