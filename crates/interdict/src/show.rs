//! Answers for people at a terminal.

use docket::Finding;
use docket::finding::{Verdict, status_word};
use docket::moment::format_rfc3339;
use std::fmt::Write;

/// A finding as a short block.
pub(crate) fn finding(finding: &Finding) -> String {
    let mut text = String::new();
    let statuses: Vec<&str> = finding.possible.iter().map(status_word).collect();
    let subject = finding.subject.as_deref().unwrap_or("no known subject");
    let mut line = |words: String| writeln!(text, "{words}").unwrap_or_default();
    line(format!("{}: {} ({subject})", finding.verdict.word(), statuses.join(" or ")));
    for reason in &finding.grounds {
        line(format!("  {}: {}", reason.provision, reason.why));
    }
    if finding.until < law::time::FOREVER {
        line(format!("  until {}", format_rfc3339(finding.until)));
    }
    for fact in &finding.needs {
        line(format!("  needs `{fact}`"));
    }
    for claim in &finding.unless {
        let facts: Vec<String> = claim.facts.iter().map(|(fact, is)| format!("`{fact}` is `{is}`")).collect();
        line(format!("  unless {} (then excepted by {})", facts.join(" and "), claim.by));
    }
    for caveat in &finding.caveats {
        line(format!("  note: {caveat}"));
    }
    text
}

/// The exit code that a list of verdicts calls for.
pub(crate) fn exit_code(verdicts: &[Verdict]) -> u8 {
    if verdicts.contains(&Verdict::Forbid) {
        1
    } else if verdicts.contains(&Verdict::Refer) {
        3
    } else {
        0
    }
}
