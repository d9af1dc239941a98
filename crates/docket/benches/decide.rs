//! One decision on the shipped orders, beside the naive transcription of the definition on the same questions.
//!
//! `cargo bench -p docket`: nanoseconds a decision (median over mixed batches of sixteen), and how many times slower the
//! transcription is. Every answer is compared first.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use docket::Docket;
use docket::docket::{ALL_THAT_IS_KNOWN, Source};
use docket::inquiry::{Inquiry, Stated, Words};
use law::Case;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Decisions timed together, so that reading the clock costs nothing.
const BATCH: usize = 16;

/// Where a row's words stand.
struct Row {
    words: [String; 7],
    place: String,
    facts: Vec<(String, String)>,
    valid_at: i64,
    known_at: Option<i64>,
}

fn main() -> ExitCode {
    let docket = match Docket::load(shipped()) {
        Ok(docket) => docket,
        Err(faults) => {
            eprintln!("{} faults in the shipped orders", faults.len());
            return ExitCode::FAILURE;
        }
    };
    let inquiries: Vec<&Inquiry<'static>> = docket.corpus().cases.iter().map(|case| &case.inquiry).collect();
    let rows: Vec<Row> = inquiries.iter().map(|inquiry| row(inquiry)).collect();
    let facts: Vec<Vec<(&str, &str)>> = rows.iter().map(|row| pairs(&row.facts)).collect();
    let words: Vec<Words<'_>> = rows.iter().zip(&facts).map(|(row, facts)| row.words(facts)).collect();
    let cases: Vec<(Case, i64, i64)> = inquiries
        .iter()
        .filter_map(|inquiry| {
            let case = docket.ask(inquiry).ok()?.case?;
            Some((case, inquiry.valid_at, inquiry.known_at.unwrap_or(ALL_THAT_IS_KNOWN)))
        })
        .collect();
    let law = &docket.lowered().law;
    for (inquiry, words) in inquiries.iter().zip(&words) {
        let read = Inquiry::read(words).expect("a row reads back");
        assert_eq!(read.into_owned(), **inquiry, "the same question from its words");
        assert_eq!(docket.decide_words(words), docket.decide(inquiry), "the same answer from its words");
    }
    for (case, valid_at, known_at) in &cases {
        let fast = docket.image().decide(case, *valid_at, *known_at);
        let slow = law::reference::answer(law, case, *valid_at, *known_at);
        assert_eq!(fast.statuses, slow.statuses, "both engines agree");
    }
    println!("{} questions of the shipped cases, all answers equal", words.len());
    let ids = median(&cases, |(case, valid_at, known_at)| {
        black_box(docket.image().decide(black_box(case), *valid_at, *known_at));
    });
    let read = median(&inquiries, |inquiry| {
        black_box(docket.decide(black_box(inquiry)).is_ok());
    });
    let strings = median(&words, |words| {
        black_box(docket.decide_words(black_box(words)).is_ok());
    });
    let slow = median(&cases, |(case, valid_at, known_at)| {
        black_box(law::reference::answer(law, black_box(case), *valid_at, *known_at));
    });
    println!("from ids                 {ids:>9.1} ns   the transcription takes {:.0} times as long", slow / ids);
    println!("from a read inquiry      {read:>9.1} ns   {:.0} times", slow / read);
    println!("from strings             {strings:>9.1} ns   {:.0} times", slow / strings);
    println!("transcription, from ids  {slow:>9.1} ns");
    ExitCode::SUCCESS
}

/// Median over batches of the time one call takes, in nanoseconds.
fn median<T>(items: &[T], mut each: impl FnMut(&T)) -> f64 {
    let mut means: Vec<f64> = Vec::new();
    let started = Instant::now();
    let mut turning = items.iter().cycle();
    while started.elapsed() < Duration::from_secs(1) || means.len() < 3 {
        let batch = Instant::now();
        for item in turning.by_ref().take(BATCH) {
            each(item);
        }
        means.push(batch.elapsed().as_nanos() as f64 / BATCH as f64);
    }
    means.sort_by(f64::total_cmp);
    means.get(means.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    fn words<'a>(&'a self, facts: &'a [(&'a str, &'a str)]) -> Words<'a> {
        let [actor, id, role, government, act, kind, resource] = &self.words;
        let stated = |text: &'a String| (!text.is_empty()).then_some(text.as_str());
        Words {
            actor,
            actor_id: id,
            role: stated(role),
            government: stated(government),
            act,
            resource: kind,
            resource_id: resource,
            place: stated(&self.place),
            facts,
            valid_at: self.valid_at,
            known_at: self.known_at,
        }
    }
}

fn pairs(facts: &[(String, String)]) -> Vec<(&str, &str)> {
    facts.iter().map(|(fact, value)| (fact.as_str(), value.as_str())).collect()
}

fn row(inquiry: &Inquiry<'_>) -> Row {
    let value = |stated: &Stated<'_>| match stated {
        Stated::Unknown => String::from("unknown"),
        Stated::Word(word) => word.to_string(),
        Stated::Bool(yes) => String::from(if *yes { "yes" } else { "no" }),
        Stated::Place(place) => place.to_string(),
        Stated::NoPlace => String::from("none"),
        Stated::Places(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    Row {
        words: [
            inquiry.actor.kind.word().to_owned(),
            inquiry.actor.id.to_string(),
            inquiry.actor.role.map(|role| role.word().to_owned()).unwrap_or_default(),
            inquiry.actor.government.as_ref().map(ToString::to_string).unwrap_or_default(),
            inquiry.act.word().to_owned(),
            inquiry.resource.kind.word().to_owned(),
            inquiry.resource.id.to_string(),
        ],
        place: inquiry.place.map(|place| place.to_string()).unwrap_or_default(),
        facts: inquiry.facts.iter().map(|(fact, stated)| (fact.word().to_owned(), value(stated))).collect(),
        valid_at: inquiry.valid_at,
        known_at: inquiry.known_at,
    }
}

fn shipped() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Vec::new();
    let mut waiting = vec![root.join("orders"), root.join("subjects")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("text");
                sources.push(Source { path: path.display().to_string(), text });
            }
        }
    }
    sources
}
