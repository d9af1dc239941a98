//! A decision of a real log, its receipt and a disclosure, as `interdict serve` and `log disclose` wrote them, and the
//! same with something changed in each.

use console::Decisions;
use console::decisions::{Decision, Erasure, Field, Fields, Line, Looked, Newest, Overruled, Sealed, Sought};
use serde_json::Value;
use std::sync::Arc;

/// What was kept of that log.
pub(crate) fn kept() -> Value {
    serde_json::from_str(include_str!("receipt.json")).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

/// The decision as it is.
pub(crate) fn sound() -> Decision {
    let kept = kept();
    let number = |name: &str| kept[name].as_u64().expect("a number");
    let field = |field: &Value| Field {
        name: text(&field["name"]),
        value: text(&field["value"]),
        salt: text(&field["salt"]),
        path: texts(&field["path"]),
    };
    Decision {
        sealed: None,
        index: number("index"),
        at: kept["at"].as_i64().expect("an instant"),
        gov_size: number("gov_size"),
        edition: text(&kept["edition"]),
        entry: text(&kept["entry"]),
        receipt: text(&kept["receipt"]),
        key: text(&kept["key"]),
        witnesses: texts(&kept["witnesses"]),
        law: vec![(String::from("us/doc-wechat.order"), "ab".repeat(32))],
        fields: Fields::Shown(kept["fields"].as_array().expect("a list").iter().map(field).collect()),
        overruled: None,
    }
}

/// One line of a receipt, in another spelling: the first letter of its base64 is another one.
fn spoilt(receipt: &str, is_it: impl Fn(usize, &str) -> bool) -> String {
    let spoil = |line: &str| {
        let (start, word) = line.rsplit_once(' ').map_or(("", line), |(start, word)| (start, word));
        let (at, first) = word.char_indices().nth(8).expect("a letter");
        let other = if first == 'A' { 'B' } else { 'A' };
        let space = if start.is_empty() { "" } else { " " };
        format!("{start}{space}{}{other}{}", &word[..at], &word[at + 1..])
    };
    let mut changed = 0;
    let lines: Vec<String> = receipt
        .split('\n')
        .enumerate()
        .map(|(number, line)| {
            if !line.is_empty() && is_it(number, line) {
                changed += 1;
                spoil(line)
            } else {
                line.to_owned()
            }
        })
        .collect();
    assert_eq!(changed, 1, "one line is changed");
    lines.join("\n")
}

/// What was changed, under which index it is served, and the check that has to fail.
pub(crate) const CHANGED: &[(u64, &str)] = &[
    (100, "In the log"),
    (101, "In the log"),
    (102, "In the log"),
    (103, "The log's signature"),
    (104, "The log's signature"),
    (105, "The entry"),
    (106, "Field outcome"),
    (107, "Field act"),
    (108, "The receipt"),
    (109, "Witness a.example/witness"),
    (110, "In the log"),
];

/// One that is withheld, one that is erased, one that waits, one decided by hand.
pub(crate) const WITHHELD: u64 = 200;
const ERASED: u64 = 201;
pub(crate) const WAITING: u64 = 202;
const BY_HAND: u64 = 203;
const STUCK: u64 = 204;
const RETIRED: u64 = 205;

fn changed(number: u64) -> Option<Decision> {
    let sound = sound();
    let fields = |name: &str, change: &dyn Fn(&mut Field)| {
        let Fields::Shown(mut fields) = sound.fields.clone() else { return Fields::Withheld };
        fields.iter_mut().filter(|field| field.name == name).for_each(change);
        Fields::Shown(fields)
    };
    let other_key = kept()["gov_key"].as_str().expect("a key").to_owned();
    Some(match number {
        100 => Decision { receipt: spoilt(&sound.receipt, |number, _| number == 2), ..sound },
        101 => {
            let root = sound.receipt.lines().position(|line| line.starts_with("log.example/")).expect("the origin") + 2;
            Decision { receipt: spoilt(&sound.receipt, |number, _| number == root), ..sound }
        }
        102 => {
            // Another commitment in the same place: the last byte of the entry.
            let cut = sound.entry.len() - 1;
            let last = if sound.entry.ends_with('0') { "1" } else { "0" };
            Decision { entry: format!("{}{last}", &sound.entry[..cut]), ..sound }
        }
        103 => Decision { receipt: spoilt(&sound.receipt, |_, line| line.starts_with("— log.example/")), ..sound },
        104 => Decision { key: other_key, ..sound },
        105 => Decision { gov_size: sound.gov_size + 1, ..sound },
        106 => Decision {
            fields: fields("outcome", &|field| field.value = field.value.replace("permit", "forbid")),
            ..sound
        },
        107 => Decision { fields: fields("act", &|field| field.path.swap(0, 1)), ..sound },
        108 => Decision { receipt: sound.receipt.replacen("c2sp.org", "example", 1), ..sound },
        109 => Decision { receipt: spoilt(&sound.receipt, |_, line| line.starts_with("— a.example/")), ..sound },
        110 => Decision { receipt: sound.receipt.replacen(&format!("index {}", sound.index), "index 0", 1), ..sound },
        WITHHELD => Decision { fields: Fields::Withheld, ..sound },
        ERASED => Decision {
            fields: Fields::Erased(Some(Erasure {
                at: sound.at,
                reason: String::from("asked for <by> them"),
                entry: 17,
            })),
            ..sound
        },
        BY_HAND => Decision {
            overruled: Some(Overruled {
                ruling: String::from("permit"),
                by: vec![String::from("officer <o>"), String::from("counsel")],
                expires: 1_800_000_000,
                entry: 4_242,
                counts: false,
            }),
            ..sound
        },
        _ => return None,
    })
}

/// Those of the list that are sought; what somebody looked for reaches whoever keeps the log.
fn listed(newest: &Newest, sought: &Sought) -> Newest {
    let is_sought = |line: &Line| {
        line.shown.as_ref().is_none_or(|(_, about)| about.contains(&sought.about))
            && sought.before.is_none_or(|before| line.index < before)
            && sought.day.is_none_or(|(from, until)| from <= line.at && line.at < until)
    };
    Newest { lines: newest.lines.iter().filter(|line| is_sought(line)).cloned().collect(), ..newest.clone() }
}

/// The decisions of the console under test.
pub(crate) fn decisions() -> Decisions {
    let line = Line {
        index: sound().index,
        at: sound().at,
        shown: Some((String::from("permit"), String::from("app.distribute, wechat, US"))),
        ruling: None,
    };
    let hidden = Line { index: ERASED, shown: None, ruling: Some(String::from("forbid")), ..line.clone() };
    let newest = Newest {
        size: 4_711,
        lines: vec![hidden, line],
        older: Some(4_000),
        shows: true,
        unpublished: 3,
        trouble: Some(String::from("the signer is <gone>")),
        sealed: vec![Sealed { number: 1, size: 90 }, Sealed { number: 2, size: 1 }],
    };
    Decisions {
        newest: Arc::new(move |sought| Ok(Some(listed(&newest, sought)))),
        one: Arc::new(|sealed, number| match number {
            88 if sealed == Some(1) => Ok(Looked::Found(Box::new(Decision { sealed, ..sound() }))),
            WAITING => Ok(Looked::Waiting(None)),
            STUCK => Ok(Looked::Waiting(Some(String::from("the signer is <gone>")))),
            RETIRED => Ok(Looked::Retired),
            999 => Err(String::from("the disk <is> gone")),
            number if number == sound().index => Ok(Looked::Found(Box::new(sound()))),
            number => Ok(changed(number).map_or(Looked::Missing, |found| Looked::Found(Box::new(found)))),
        }),
    }
}
