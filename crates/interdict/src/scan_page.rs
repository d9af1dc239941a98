//! Findings as a page: what was found in which file, and two artefacts side by side.

use crate::page::page;
use crate::scan::{Found, Scanned};
use crate::scan_compare::{Comparison, Side};
use crate::scan_report::{by_chance, is_first_of_subject, uncompared, unseen, verdict, why, word};
use maud::{Markup, html};

/// Files without a finding that are listed one by one.
const CLEAR_SHOWN: usize = 200;
/// Cells of a map: more are too small to be told apart.
const CELLS_MAX: usize = 1_500;
/// Rows of a table of functions.
const ROWS_MAX: usize = 500;

const STYLE: &str = "
:root{color-scheme:light dark;--line:light-dark(#ccd2d8,#3a424b);--soft:light-dark(#59636e,#9aa4af);
--s0:light-dark(#e9ecef,#2b3138);--s1:light-dark(#cfe0f3,#1d3a57);--s2:light-dark(#8db9e6,#2a5f93);--s3:light-dark(#2f6fb0,#5b9bdd)}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .4rem;overflow-wrap:anywhere}h3{font-size:1rem;margin:1.2rem 0 .3rem}
.soft{color:var(--soft)}code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}
.mark{display:inline-block;padding:0 .5em;border-radius:.3em;border:1px solid currentColor;font-size:.85rem;font-weight:600}
.contains{color:light-dark(#a4161a,#ff8b8b)}.cannot{color:light-dark(#8a5a00,#f0b95a)}.clear{color:light-dark(#1b6b3a,#7fd6a0)}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.map{display:flex;flex-wrap:wrap;gap:2px;margin:.5rem 0}.map i{display:block;height:18px;min-width:5px;border-radius:2px;background:var(--s0)}
.map .s1{background:var(--s1)}.map .s2{background:var(--s2)}.map .s3{background:var(--s3)}
.key i{display:inline-block;height:.9em;width:.9em;vertical-align:-.1em;border-radius:2px;margin:0 .3em 0 .8em}
details{margin:.4rem 0}summary{cursor:pointer}.two{display:grid;grid-template-columns:1fr 1fr;gap:2rem}@media(max-width:44rem){.two{display:block}}
";

fn mark(verdict: &str) -> Markup {
    let class = match verdict {
        "contains" => "contains",
        "does not contain" => "clear",
        _ => "cannot",
    };
    html! { span class={ "mark " (class) } { (verdict) } }
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What `scan` found.
pub(crate) fn scan(scanned: &[Scanned]) -> String {
    let told = |file: &&Scanned| !file.found.is_empty() || !file.unclear.is_empty();
    let clear: Vec<&Scanned> = scanned.iter().filter(|file| !told(file) && file.looked).collect();
    let body = html! {
        p { (scanned.len()) " files read; " (scanned.iter().filter(told).count()) " need a look, " (clear.len()) " hold no listed code that could be seen." }
        @for file in scanned.iter().filter(told) {
            h2 { (mark(verdict(file))) " " code { (file.path) } }
            p.soft { "SHA-256 " code { (file.sha256) } }
            @for (n, found) in file.found.iter().enumerate() { (finding(found, is_first_of_subject(&file.found, n))) }
            @if !file.unclear.is_empty() {
                h3 { "Why it cannot be cleared" }
                ul { @for why in &file.unclear { li { (why) } } }
            }
            @if let Some(words) = uncompared(file) { p { (words) } }
            @if let Some(reason) = &file.unclear_waived { p { "Waived: " (reason) } }
        }
        @if !clear.is_empty() {
            h2 { (mark("does not contain")) }
            table {
                tr { th { "file" } th { "what could be there all the same" } }
                @for file in clear.iter().take(CLEAR_SHOWN) {
                    tr {
                        td { code { (file.path) } @if let Some(words) = uncompared(file) { div.soft { (words) } } }
                        td { (unseen(file)) }
                    }
                }
            }
            @if clear.len() > CLEAR_SHOWN { p { "and " (clear.len() - CLEAR_SHOWN) " more" } }
        }
        p.soft { "Server-side code, code written anew from a description, and translations into another language leave no trace here." }
    };
    page("What the scan found", STYLE, &body)
}

/// One finding; the law of a subject is told once.
fn finding(found: &Found, with_law: bool) -> Markup {
    html! {
        h3 { (found.subject) ", by " (found.basis.word()) @if let Some(code) = &found.code { " (" (code.language) ")" } }
        @match &found.code {
            None => p { code { (found.what) } },
            Some(code) => {
                p {
                    b { (word(code)) } " code of " (code.reference) ": probability " (format!("{:.3}", code.judgement.probability)) ", "
                    (percent(code.containment)) " of its distinct code, in " (code.functions) " functions of " (code.classes) " classes."
                    " Distinct evidence " (format!("{:.0}", code.distinct)) ", expected by chance in "
                    (by_chance(code)) " of a million artefacts; common "
                    (format!("{:.0}", code.common)) ", which decides nothing."
                }
                details {
                    summary { (code.pairs.len()) " matched functions" }
                    table {
                        tr { th { "there" } th { "here" } th.n { "alike" } th.n { "distinct" } th.n { "common" } th { "why" } }
                        @for pair in code.pairs.iter().take(ROWS_MAX) {
                            tr {
                                td { code { (pair.reference) } } td { code { (pair.program) } }
                                td.n { (percent(pair.similarity)) } td.n { (format!("{:.0}", pair.distinct)) }
                                td.n { (format!("{:.0}", pair.common)) } td { (why(pair)) }
                            }
                        }
                    }
                    @if code.pairs.len() > ROWS_MAX { p { "and " (code.pairs.len() - ROWS_MAX) " more, which " code { "--json" } " lists" } }
                }
            }
        }
        @if with_law && !found.rulings.is_empty() {
            table {
                tr { th { "act" } th { "verdict" } th { "law" } }
                @for ruling in &found.rulings {
                    tr {
                        td { code { (ruling.act) } }
                        td { b { (ruling.verdict.word()) } " (" (ruling.statuses.join(" or ")) ")" }
                        td { @for (provision, why) in &ruling.grounds { div { code { (provision) } " " (why) } } }
                    }
                }
            }
        }
        @if let Some(reason) = &found.waived { p { "Waived: " (reason) } }
    }
}

/// Two artefacts beside each other.
pub(crate) fn compare(comparison: &Comparison) -> String {
    let sides = [&comparison.a, &comparison.b];
    let body = html! {
        div.two {
            @for (side, letter) in sides.iter().zip(["A", "B"]) {
                div {
                    h2 { (letter) ": " code { (side.path) } }
                    p.soft { (side.bytes) " bytes, SHA-256 " code { (side.sha256) } }
                    @if !side.unclear.is_empty() {
                        details { summary { (side.unclear.len()) " things could not be looked into" } ul { @for why in &side.unclear { li { (why) } } } }
                    }
                }
            }
        }
        @if comparison.kinds.is_empty() { p { "They hold no code of the same kind that can be compared." } }
        @for kind in &comparison.kinds {
            h2 { (kind.kind) }
            p {
                b { (percent(kind.a_in_b)) } " of A's own code stands in B; " b { (percent(kind.b_in_a)) } " of B's stands in A. "
                (kind.pairs.len()) " functions go together. Code that is everybody's is left out of the shares."
            }
            p.soft.key {
                "A cell is a class, as wide as it has functions; its colour is the share of them found in the other:"
                i class="s0" style="background:var(--s0)" {} "none" i style="background:var(--s1)" {} "some"
                i style="background:var(--s2)" {} "a third and more" i style="background:var(--s3)" {} "two thirds and more"
            }
            h3 { "A" } (map(&kind.a))
            h3 { "B" } (map(&kind.b))
            details open[kind.pairs.len() <= 60] {
                summary { "Functions that go together" }
                table {
                    tr { th { "A" } th { "B" } th.n { "alike" } th { "by" } }
                    @for pair in kind.pairs.iter().take(ROWS_MAX) {
                        tr { td { code { (pair.a) } } td { code { (pair.b) } } td.n { (percent(pair.similarity)) } td { (pair.via) } }
                    }
                }
                @if kind.pairs.len() > ROWS_MAX { p { "and " (kind.pairs.len() - ROWS_MAX) " more" } }
            }
        }
    };
    page("Two artefacts compared", STYLE, &body)
}

fn map(side: &Side) -> Markup {
    html! {
        div.map {
            @for cell in side.classes.iter().take(CELLS_MAX) {
                @let step = match (cell.matched * 3).checked_div(cell.functions) {
                    _ if cell.matched == 0 => "s0",
                    Some(0) | None => "s1",
                    Some(1) => "s2",
                    Some(_) => "s3",
                };
                i class=(step) style={ "flex:" (cell.functions) " 0 " (5 + cell.functions.min(60)) "px;max-width:" (10 + 3 * cell.functions.min(60)) "px" }
                    title={ (cell.name) ": " (cell.matched) " of " (cell.functions) } {}
            }
        }
        @if side.classes.len() > CELLS_MAX { p.soft { "and " (side.classes.len() - CELLS_MAX) " smaller classes" } }
    }
}
