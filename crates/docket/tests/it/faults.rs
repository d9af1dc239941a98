//! What is said of faulty files: each `faults/NAME.order` with its report beside it, refreshed with
//! `UPDATE_EXPECT=1` and then read.

use crate::shipped::sources;
use docket::Docket;
use docket::docket::Source;
use docket::fault::{Fault, report};
use docket::order::Span;
use std::path::Path;

/// Everything said of a file, read together with the shipped subjects.
fn said(name: &str, text: &str) -> String {
    let mut all: Vec<Source> = sources().into_iter().filter(|source| source.path.ends_with(".subject")).collect();
    all.push(Source { path: name.to_owned(), text: text.to_owned() });
    let faults = match Docket::load(all.clone()) {
        Ok(docket) => docket::check::check(&docket).lints.into_iter().chain(docket.warnings().to_vec()).collect(),
        Err(faults) => faults,
    };
    report(&faults, &all, false)
}

#[test]
fn every_fault_is_told_as_the_file_beside_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "order"))
        .collect();
    names.sort();
    assert!(names.len() >= 15);
    let mut wrong = Vec::new();
    for path in names {
        let name = path.file_name().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("text");
        let said: String = said(&name, &text).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        assert!(!said.trim().is_empty(), "{name} has a fault");
        let beside = path.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&beside, &said).expect("written");
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{name} says:\n{said}\nnot:\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_a_line_of_megabytes_only_what_is_near_is_shown() {
    let text = format!("# {}\ninstrument zz {{ {} firm", "é".repeat(1 << 19), "é ".repeat(1 << 19));
    let said = said("long.order", &text);
    assert!(said.contains("long.order:2:") && said.len() < 20_000, "{}", said.len());
    assert!(said.lines().all(|line| line.chars().count() < 1_000));
    let all = Fault::error("all of it", &Span { file: 0, bytes: 2..text.len() }, "here");
    let all = report(&[all], &[Source { path: String::from("long.order"), text }], false);
    assert!(all.len() < 4_000 && all.contains("all of it"), "{all}");
}

const LAW: &str = r#"
instrument zz {
  title "An order" ; jurisdiction US ; rank agency ; authority "An agency" ; zone America/New_York
  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source "https://example.org/"
  prohibit 1 from 2020-02-01 { app wechat ; act app.distribute ; actor business ; users-in US }
  require 2 { duty "report" }
  revoke first from 2020-03-01 { target 1 }
  revoke again from 2020-04-01 { target 1 }
  revoke duty from 2020-04-01 { target 2 }
}
case "while it stood" { act app.distribute ; resource app wechat ; actor business ; place US ; at 2020-02-15T12:00Z ; expect prohibited }
case "when it was gone" { act app.distribute ; resource app wechat ; actor business ; place US ; at 2020-03-15T12:00Z ; expect permitted }
"#;

const LATER: &str = r#"
case "when it was gone twice" { act app.distribute ; resource app wechat ; actor business ; place US ; at 2020-05-15T12:00Z ; expect permitted }
"#;

#[test]
fn what_other_law_is_ahead_of_is_covered_where_that_is_set_aside() {
    let checked = |text: &str| {
        let mut all: Vec<Source> = sources().into_iter().filter(|source| source.path.ends_with(".subject")).collect();
        all.push(Source { path: String::from("zz.order"), text: text.to_owned() });
        let docket = Docket::load(all.clone()).unwrap_or_else(|faults| panic!("{}", report(&faults, &all, false)));
        docket::check::check(&docket)
    };
    let with = checked(&format!("{LAW}{LATER}"));
    // What acts on a duty alone is not counted, and is said to be idle.
    assert_eq!((with.statements, with.second, with.redundant.len()), (3, 1, 0), "{with:?}");
    assert!(with.lints.iter().any(|lint| lint.message == "zz:duty acts on nothing that forbids or permits"));
    // No case asks of the time when only the second would answer.
    let without = checked(LAW);
    assert_eq!((without.second, without.redundant.len()), (0, 1), "{without:?}");
    assert!(without.redundant.iter().all(|fault| fault.message == "zz:again changes no answer at all"));
}
