//! `check`: what is wrong or odd in a corpus, what its cases cover, and whether it answers what is known from elsewhere.

use crate::answers::{self, Answers};
use crate::cli::Check;
use crate::commands::{Done, Loading, faulty, files, print, print_json, unreadable};
use crate::corpus;
use docket::Docket;
use docket::check::Report;
use docket::docket::Source;
use docket::fault::{Fault, Grade};
use serde_json::{Value, json};

pub(crate) fn check(loading: &Loading, options: &Check) -> Done {
    let sources =
        if options.paths.is_empty() { loading.sources()? } else { corpus::read(&options.paths).map_err(unreadable)? };
    let docket = match Docket::load_with(sources.clone(), corpus::shipped_image()) {
        Ok(docket) => docket,
        Err(faults) if options.json => {
            let told = json!({ "edition": null, "faults": list(&faults, &sources), "warnings": [] });
            return print_json(&told).map(|_| 2);
        }
        Err(faults) => return Err(faulty(&faults, &sources)),
    };
    let report = docket::check::check(&docket);
    let answers = options.answers.as_deref();
    let answers = answers.map(|folder| answers::compare(&docket, folder, options.exceptions.as_deref())).transpose()?;
    let (wrong, odd): (Vec<Fault>, Vec<Fault>) =
        report.lints.iter().cloned().partition(|lint| lint.grade == Grade::Error);
    let failed = report.failed.iter().map(|(_, fault)| fault);
    let mut faults: Vec<Fault> =
        failed.chain(&report.uncited).chain(&report.idle_in_cases).chain(&wrong).cloned().collect();
    if let Some(folder) = &options.released {
        faults.extend(docket::release::edited(&files(folder)?, &sources));
    }
    if let Some(folder) = &options.documents {
        faults.extend(docket::quotation::misquoted(docket.corpus(), &corpus::documents(folder).map_err(unreadable)?));
    }
    let differ = answers.as_ref().is_some_and(|answers| !answers.wrong.is_empty());
    let code = u8::from(!faults.is_empty() || differ || (options.strict && !odd.is_empty()));
    if options.json {
        let mut told = json!({
            "edition": docket.edition(), "instruments": docket.corpus().instruments.len(), "statements": report.statements,
            "second": report.second, "cases": report.cases, "faults": list(&faults, &sources), "warnings": list(&odd, &sources),
        });
        if let (Some(members), Some(answers)) = (told.as_object_mut(), &answers) {
            members.insert(String::from("answers"), answers.to_json());
        }
        return print_json(&told).map(|_| code);
    }
    eprint!("{}", faulty(&faults, &sources));
    eprint!("{}", faulty(&odd, &sources));
    if let Some(answers) = &answers {
        answers.wrong.iter().for_each(|told| eprintln!("error: {told}"));
    }
    print(&summary(&docket, &report, odd.len(), answers.as_ref())).map(|_| code)
}

fn summary(docket: &Docket, report: &Report, odd: usize, answers: Option<&Answers>) -> String {
    let covered = report.statements - report.uncited.len() - report.idle_in_cases.len() - report.redundant.len();
    let second = match report.second {
        0 => String::new(),
        n => format!(" ({n} only where other law that does the same is set aside)"),
    };
    let redundant = match report.redundant.len() {
        0 => String::new(),
        n => format!(", {n} change no answer"),
    };
    format!(
        "{} instruments, {} cases on both engines, {} failed\n{covered} of {} statements covered by cases{second}{redundant}; {odd} warnings\n{}edition {}\n",
        docket.corpus().instruments.len(),
        report.cases,
        report.failed.len(),
        report.statements,
        answers.map(Answers::summary).unwrap_or_default(),
        docket.edition(),
    )
}

fn list(faults: &[Fault], sources: &[Source]) -> Vec<Value> {
    let told = |fault: &Fault| {
        let grade = match fault.grade {
            Grade::Warning => "warning",
            Grade::Error => "error",
        };
        json!({
            "at": fault.place(sources), "grade": grade, "message": fault.message, "label": fault.label, "help": fault.help,
        })
    };
    faults.iter().map(told).collect()
}
