//! What a screening run came to, for people: a table for a terminal and a page for a browser.

use crate::page::page;
use gate::payments::Outcome;
use gate::payments::judge::Evidence;
use gate::payments::run::{Accounts, Item, Screened, written};
use maud::{Markup, html};
use std::fmt::Write;

/// Held transactions kept for a report; the rest are counted. A day on which more are held is one on which
/// the law or the names are wrong, and JSON has them all.
const HELD_MAX: usize = 5_000;
/// Held transactions shown on a terminal.
const SHOWN_MAX: usize = 50;

/// A held transaction, or one that an exception or a stay let through.
#[derive(Debug)]
struct Row {
    file: String,
    number: u64,
    bytes: (u64, u64),
    ids: String,
    amount: String,
    outcome: Outcome,
    reasons: Vec<String>,
    evidence: Vec<Evidence>,
    parties: String,
    provisions: Vec<String>,
}

impl Row {
    fn of(item: &Item<'_>, file: &str) -> Option<Self> {
        match item {
            Item::Payment(screened) if screened.judged.reasons.is_empty() => None,
            Item::Payment(screened) => Some(Self::payment(screened, file)),
            Item::Unread(bytes, fault) => Some(Self {
                file: file.to_owned(),
                number: 0,
                bytes: (bytes.start, bytes.end),
                ids: String::new(),
                amount: String::new(),
                outcome: Outcome::Review,
                reasons: vec![format!(
                    "not read from byte {} to {}: at byte {}: {}",
                    bytes.start, bytes.end, fault.at, fault.why
                )],
                evidence: Vec::new(),
                parties: String::new(),
                provisions: Vec::new(),
            }),
        }
    }

    fn payment(screened: &Screened<'_>, file: &str) -> Self {
        let judged = screened.judged;
        let [message, _, end_to_end, transaction, uetr] = screened.ids();
        let ids: Vec<&str> = [message, transaction.or(end_to_end), uetr].into_iter().flatten().collect();
        let place = |at: &gate::payments::place::Whereabouts| {
            at.place.map_or_else(
                || String::from("place not known"),
                |place| format!("{place} ({})", at.basis.map_or("", gate::payments::place::Basis::words)),
            )
        };
        let mut provisions: Vec<String> = judged
            .law
            .iter()
            .flat_map(|answer| answer.finding.grounds.iter().map(|ground| ground.provision.clone()))
            .collect();
        provisions.dedup();
        Self {
            file: file.to_owned(),
            number: screened.number,
            bytes: (screened.bytes.start, screened.bytes.end),
            ids: ids.join(" · "),
            amount: screened
                .amount
                .map_or_else(String::new, |(amount, currency)| format!("{} {currency}", written(amount))),
            outcome: judged.outcome(),
            reasons: judged.reasons.clone(),
            evidence: judged.evidence.clone(),
            parties: format!("payer {}, payee {}", place(&judged.payer), place(&judged.payee)),
            provisions,
        }
    }
}

/// For a terminal.
#[derive(Debug, Default)]
pub(crate) struct Table {
    held: Vec<Row>,
    more: u64,
}

impl Table {
    pub(crate) fn take(&mut self, item: &Item<'_>, file: &str) {
        let Some(row) = Row::of(item, file).filter(|row| !row.outcome.passes() || self.held.len() < SHOWN_MAX / 5)
        else {
            return;
        };
        if self.held.len() < SHOWN_MAX {
            self.held.push(row);
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn render(&self, accounts: &Accounts, edition: &str, as_if: bool, seconds: f64) -> String {
        let mut text = String::new();
        let mut line = |words: String| writeln!(text, "{words}").unwrap_or_default();
        if as_if {
            line(String::from("AS IF the supposed orders were in force: nothing here may be acted on"));
        }
        for row in &self.held {
            let what = if row.number == 0 { String::from("unread") } else { format!("transaction {}", row.number) };
            line(format!("{:<17} {} {what} {} {}", row.outcome.word(), row.file, row.amount, row.ids));
            for reason in &row.reasons {
                line(format!("    {reason}"));
            }
            if !row.parties.is_empty() {
                line(format!("    {}", row.parties));
            }
        }
        if self.more > 0 {
            line(format!("… and {} more; --json has all, --html shows them", self.more));
        }
        line(format!("\n{:<18}{:>10}  money", "outcome", "count"));
        for outcome in Outcome::ALL {
            let money: Vec<String> = accounts
                .money
                .iter()
                .filter(|((of, _), _)| *of == outcome)
                .map(|((_, currency), sum)| format!("{} {currency}", written(*sum)))
                .collect();
            line(format!("{:<18}{:>10}  {}", outcome.word(), accounts.of(outcome), money.join(", ")));
        }
        for ((outcome, provision), cited) in &accounts.provisions {
            let money: String =
                cited.money.iter().map(|(currency, sum)| format!(", {} {currency}", written(*sum))).collect();
            line(format!("  {} under {provision}: {}{money}", outcome.word(), cited.transactions));
        }
        for words in by_hand(accounts).into_iter().chain(repeats(accounts)) {
            line(words);
        }
        for late in &accounts.late {
            line(format!("note: {late}"));
        }
        let rate = accounts.came_in as f64 / seconds.max(1e-9);
        line(format!(
            "in {} = {}; {} bytes, each in one part; {:.2} s, {rate:.0}/s; law {edition}",
            accounts.came_in,
            Outcome::ALL.map(|outcome| accounts.of(outcome).to_string()).join(" + "),
            accounts.bytes,
            seconds
        ));
        text
    }
}

/// For a browser.
#[derive(Debug, Default)]
pub(crate) struct Page {
    rows: Vec<Row>,
    more: u64,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
h1{font-size:1.4rem}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
td.n{text-align:right;font-variant-numeric:tabular-nums}article{border:1px solid #ccc;border-left:.5rem solid #888;padding:.6rem 1rem;margin:1rem 0}\
article.reject,article.block{border-left-color:#a11}article.review{border-left-color:#b70}article.pass_by_exception{border-left-color:#265}\
mark{background:#ffe08a;padding:0 .1rem}code{font-size:.9em;color:#555}.asif{background:#fff3cd;border:2px dashed #b70;padding:.6rem 1rem;font-weight:600}";

impl Page {
    pub(crate) fn take(&mut self, item: &Item<'_>, file: &str) -> Result<(), String> {
        if let Some(row) = Row::of(item, file) {
            if self.rows.len() < HELD_MAX {
                self.rows.push(row);
            } else {
                self.more += 1;
            }
        }
        Ok(())
    }

    pub(crate) fn render(&self, accounts: &Accounts, edition: &str, as_if: bool) -> String {
        let body = html! {
            @if as_if { p class="asif" { "As if the supposed orders were in force. Nothing on this page may be acted on." } }
            p { (accounts.came_in) " came in, " (accounts.bytes) " bytes, each in exactly one part. Law " code { (edition) } }
            (accounts_table(accounts))
            @if !accounts.provisions.is_empty() {
                table {
                    tr { th { "Outcome" } th { "Paragraph" } th { "Transactions" } th { "Money" } }
                    @for ((outcome, provision), cited) in &accounts.provisions {
                        tr {
                            td { (spoken(*outcome)) } td { code { (provision) } } td class="n" { (cited.transactions) }
                            td class="n" { @for (currency, sum) in &cited.money { (written(*sum)) " " (currency) " " } }
                        }
                    }
                }
            }
            @for words in by_hand(accounts).into_iter().chain(repeats(accounts)) { p { (words) } }
            @for late in &accounts.late { p { "Note: " (late) } }
            @for row in self.rows.iter().rev().filter(|row| !row.outcome.passes()) { (article(row)) }
            @if self.rows.iter().any(|row| row.outcome.passes()) {
                h2 { "Let through, with a reason" }
                @for row in self.rows.iter().filter(|row| row.outcome.passes()) { (article(row)) }
            }
            @if self.more > 0 { p { (self.more) " more are in the JSON." } }
        };
        page(if as_if { "As if: payments screened" } else { "Payments screened" }, STYLE, &body)
    }
}

/// How many people had decided.
fn by_hand(accounts: &Accounts) -> Option<String> {
    let count = accounts.by_hand;
    (count > 0)
        .then(|| format!("decided by hand, where law left it to a person: {count}, counted under what they decided"))
}

/// What came before, where somebody keeps it.
fn repeats(accounts: &Accounts) -> Option<String> {
    let repeats = accounts.repeats;
    repeats.kept.then(|| {
        format!(
            "came before: {} the same and not recorded again, {} the same and decided anew, {} with other content; {} have no ids to \
             be known by",
            repeats.again, repeats.anew, repeats.otherwise, repeats.unidentified
        )
    })
}

/// An outcome in words.
fn spoken(outcome: Outcome) -> String {
    outcome.word().replace('_', " ")
}

fn accounts_table(accounts: &Accounts) -> Markup {
    html! {
        table {
            tr { th { "Outcome" } th { "Count" } th { "Money" } }
            @for outcome in Outcome::ALL {
                tr {
                    td { (spoken(outcome)) }
                    td class="n" { (accounts.of(outcome)) }
                    td class="n" {
                        @for ((_, currency), sum) in accounts.money.iter().filter(|((of, _), _)| *of == outcome) {
                            (written(*sum)) " " (currency) " "
                        }
                    }
                }
            }
        }
    }
}

fn article(row: &Row) -> Markup {
    html! {
        article class=(row.outcome.word()) {
            strong { (spoken(row.outcome)) } " · " (row.file)
            @if row.number > 0 { " transaction " (row.number) }
            @if !row.amount.is_empty() { " · " (row.amount) }
            @if !row.ids.is_empty() { " · " code { (row.ids) } }
            @for reason in &row.reasons { p { (reason) } }
            @if !row.parties.is_empty() { p { (row.parties) } }
            @for evidence in &row.evidence { p { (highlighted(evidence)) } }
            @if !row.provisions.is_empty() { p { code { (row.provisions.join(", ")) } } }
            p { code { "bytes " (row.bytes.0) "–" (row.bytes.1) } }
        }
    }
}

fn highlighted(evidence: &Evidence) -> Markup {
    let part = |range: std::ops::Range<usize>| evidence.text.get(range).unwrap_or("");
    html! {
        code { (evidence.path) } " (" (evidence.role.word()) ", " (evidence.grade.word()) "): "
        (part(0..evidence.matched.start))
        mark { (part(evidence.matched.clone())) }
        (part(evidence.matched.end..evidence.text.len()))
        " — " (evidence.subject) " by “" (evidence.alias) "”, " (evidence.source)
        @if !evidence.unmatched.is_empty() { "; not part of it: " (evidence.unmatched.join(", ")) }
        @if !evidence.alias_unmatched.is_empty() { "; of the name not met: " (evidence.alias_unmatched.join(", ")) }
    }
}
