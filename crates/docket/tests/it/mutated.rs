//! Files as a tired hand leaves them: nothing panics, every fault points into its file, layout settles.

use crate::shipped::sources;
use docket::Docket;
use docket::docket::Source;
use docket::fault::report;
use docket::format::format;

/// How many files are tried; `ORDER_MUTANTS` asks for more.
const MUTANTS: usize = 1_500;

/// xorshift: the same files in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }
}

/// Words that mean something somewhere, and some that never do.
const WORDS: &[&str] = &[
    "{",
    "}",
    ";",
    "\"",
    "\"\"\"",
    "#",
    "\n",
    "\u{feff}",
    "\u{202e}",
    "prohibit",
    "except",
    "suspend",
    "target",
    "from",
    "until",
    "case",
    "expect",
    "at",
    "known",
    "either",
    "until-met",
    "overrides",
    "zone",
    "EST",
    "2020-02-30",
    "9999-12-31",
    "-0001-01-01",
    "2020-03-08T02:30",
    "precision",
    "day",
    "reading",
    "any",
    "US",
    "US-PR",
    "1",
    "zz:1",
    "unknown",
];

fn mutant(text: &str, chance: &mut Chance) -> String {
    let mut pieces: Vec<&str> = text.split_inclusive([' ', '\n']).collect();
    for _ in 0..1 + chance.below(4) {
        let word = WORDS.get(chance.below(WORDS.len())).copied().unwrap_or_default();
        let at = chance.below(pieces.len());
        match chance.below(5) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, word),
            2 => {
                let other = chance.below(pieces.len());
                pieces.swap(at, other);
            }
            3 => pieces.truncate(at.max(1)),
            _ => pieces.splice(at..=at, [word]).for_each(drop),
        }
        if pieces.is_empty() {
            pieces.push("");
        }
    }
    let mut text = pieces.concat();
    if chance.below(4) == 0 {
        let cut = (0..4).map(|n| chance.below(text.len() + 1).saturating_sub(n)).find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or(0));
    }
    text
}

#[test]
fn no_file_is_too_broken_to_be_told_of() {
    let count = std::env::var_os("ORDER_MUTANTS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(MUTANTS);
    let (subjects, orders): (Vec<Source>, Vec<Source>) =
        sources().into_iter().partition(|source| source.path.ends_with(".subject"));
    let mut chance = Chance(0x1DE_C1DE);
    let (mut sound, mut faulty) = (0, 0);
    for n in 0..count {
        let base = &orders[chance.below(orders.len())];
        let text = mutant(&base.text, &mut chance);
        if let Ok(laid_out) = format(0, &text) {
            assert_eq!(format(0, &laid_out).as_deref(), Ok(laid_out.as_str()), "mutant {n}:\n{text}");
        }
        let mut all = subjects.clone();
        all.push(Source { path: base.path.clone(), text });
        match Docket::load(all.clone()) {
            Ok(_) => sound += 1,
            Err(faults) => {
                faulty += 1;
                assert!(!faults.is_empty());
                for fault in &faults {
                    let source = &all[fault.span.file];
                    assert!(source.text.get(fault.span.bytes.clone()).is_some(), "mutant {n}: {fault:?}");
                }
                assert!(report(&faults, &all, false).contains("error: "));
            }
        }
    }
    assert!(sound > 0 && faulty > count / 4, "{sound} sound, {faulty} faulty");
}
