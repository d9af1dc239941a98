//! What is said of faulty files: each `faults/NAME.order` with its report beside it, refreshed with
//! `UPDATE_EXPECT=1` and then read.

use crate::shipped::sources;
use docket::Docket;
use docket::docket::Source;
use docket::fault::report;
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
