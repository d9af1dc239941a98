//! Takes a file through: every transaction is decided, every byte is in one part, and at the end what came
//! in is what went out.

use super::Outcome;
use super::judge::{Context, Evidence, Judge, Judged};
use super::replays::{Before, Repeats, Session};
use screening::parts::{Fault, Part, Parts};
use screening::{Payment, Says};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// Currencies and provisions told apart in the accounts; a file with more invents them, and the rest is
/// counted together.
const ROWS_MAX: usize = 512;

/// A transaction, or what could not be read.
#[derive(Debug)]
pub enum Item<'r> {
    /// A transaction, decided.
    Payment(Screened<'r>),
    /// A stretch that could not be read, which is for a person.
    Unread(Range<u64>, &'r Fault),
}

/// A transaction, decided, as it stands in its file.
#[derive(Debug)]
pub struct Screened<'r> {
    /// Counted from one.
    pub number: u64,
    /// Its bytes.
    pub bytes: Range<u64>,
    /// Its fields.
    pub payment: &'r Payment,
    /// The headers it stands under.
    pub context: Context<'r>,
    /// The identifier of the message (`pacs.008.001.08`), or its family.
    pub message: &'r str,
    /// What becomes of it.
    pub judged: &'r Judged,
    /// Its amount in hundred-thousandths, and its currency.
    pub amount: Option<(i128, &'r str)>,
    /// A digest of the decision, the same whenever it is made again, where somebody keeps what came before.
    pub decision: Option<u128>,
    /// What came before with its ids.
    pub before: Option<Before>,
}

impl Screened<'_> {
    /// What identifies it: message, instruction, end-to-end and transaction ids, UETR.
    #[must_use]
    pub fn ids(&self) -> [Option<&str>; 5] {
        self.context.ids(self.payment)
    }
}

/// The transactions that one outcome under one provision was for. One that several are cited for is with each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cited {
    /// How many.
    pub transactions: u64,
    /// Their amounts by currency, in hundred-thousandths.
    pub money: BTreeMap<String, i128>,
}

impl Cited {
    fn add(&mut self, currency: &str, amount: i128) {
        let currency = if self.money.len() >= ROWS_MAX { "other" } else { currency };
        let sum = self.money.entry(currency.to_owned()).or_default();
        *sum = sum.saturating_add(amount);
    }
}

/// What came in and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Transactions, and stretches that could not be read.
    pub came_in: u64,
    /// Stretches that could not be read.
    pub unread: u64,
    /// Bytes.
    pub bytes: u64,
    /// How many had each outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; 5],
    /// Amounts by outcome and currency, in hundred-thousandths.
    pub money: BTreeMap<(Outcome, String), i128>,
    /// Transactions by outcome and provision.
    pub provisions: BTreeMap<(Outcome, String), Cited>,
    /// Transactions that people had decided where law left them to somebody; each is among the outcomes too.
    pub by_hand: u64,
    /// What came before.
    pub repeats: Repeats,
    /// What was met in the file after its transactions, where it can concern none of them in particular.
    pub late: Vec<String>,
}

impl Accounts {
    /// How many had an outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    fn count(&mut self, outcome: Outcome) {
        self.came_in += 1;
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += 1;
        }
    }

    /// Adds another file's.
    pub fn add(&mut self, other: &Self) {
        self.came_in += other.came_in;
        self.unread += other.unread;
        self.bytes += other.bytes;
        for (count, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *count += more;
        }
        for (row, more) in &other.money {
            *self.money.entry(row.clone()).or_default() += more;
        }
        for (row, more) in &other.provisions {
            let cited = self.provisions.entry(row.clone()).or_default();
            cited.transactions += more.transactions;
            more.money.iter().for_each(|(currency, amount)| cited.add(currency, *amount));
        }
        self.by_hand += other.by_hand;
        self.repeats.add(&other.repeats);
        self.late.extend(other.late.iter().cloned());
    }

    /// Whether what came in is what went out.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.outcomes.iter().sum::<u64>() == self.came_in
    }
}

/// Why a run ended without accounts.
#[derive(Debug)]
pub enum Broken {
    /// The books do not balance, or a byte is in no part or in two: a defect of this program.
    Books(String),
    /// Whoever takes the results could not.
    Sink(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Books(what) => write!(f, "the books do not balance, so no result of this run may be used: {what}"),
            Self::Sink(what) => f.write_str(what),
        }
    }
}

/// What was met in the headers, kept while they stay the same.
#[derive(Debug, Default)]
struct Inherited {
    seen: Option<(u64, usize, u64, usize)>,
    evidence: Vec<Evidence>,
}

/// Screens a file; each item goes to `sink` before the next is read. With a `session`, what came before is known, and
/// whoever takes the items commits it before telling them.
///
/// # Errors
/// The sink fails, or the books do not balance.
pub fn run<P: Parts + ?Sized>(
    reader: &mut P,
    judge: &mut Judge<'_>,
    session: Option<&Session<'_>>,
    sink: &mut dyn FnMut(&Item<'_>) -> Result<(), String>,
) -> Result<Accounts, Broken> {
    let mut accounts = Accounts::default();
    let mut inherited = Inherited::default();
    let mut number = 0;
    // The message under way, and the number of the transaction before its first.
    let mut message = (0, 0);
    while let Some(part) = reader.next_part() {
        let bytes = part.bytes();
        if bytes.start != accounts.bytes {
            return Err(Broken::Books(format!("byte {} is followed by byte {}", accounts.bytes, bytes.start)));
        }
        accounts.bytes = bytes.end;
        match &part {
            Part::Frame(_) => {}
            Part::Payment(_) => {
                number += 1;
                if message.0 != reader.messages() {
                    message = (reader.messages(), number - 1);
                }
                let context = context(reader, number - message.1);
                inherited.renew(reader, judge, context);
                let mut judged = judge.judge(reader.payment(), context, &inherited.evidence);
                let (payment, message) = (reader.payment(), reader.message());
                let amount = payment.any(Says::Amount).and_then(amount);
                let (decision, before) = match session {
                    None => (None, None),
                    Some(session) => {
                        let (judged, bytes) = (&judged, bytes.clone());
                        let seen = Screened {
                            number,
                            bytes,
                            payment,
                            context,
                            message,
                            judged,
                            amount,
                            decision: None,
                            before: None,
                        };
                        let look = session.look(&seen).map_err(Broken::Sink)?;
                        accounts.repeats.take(look)
                    }
                };
                judged.stand_beside(before.as_ref());
                let judged = &judged;
                let item = Screened { number, bytes, payment, context, message, judged, amount, decision, before };
                accounts.enter(&item);
                sink(&Item::Payment(item)).map_err(Broken::Sink)?;
            }
            Part::Unread(_, fault) => {
                accounts.count(Outcome::Review);
                accounts.unread += 1;
                sink(&Item::Unread(bytes, fault)).map_err(Broken::Sink)?;
            }
        }
    }
    let context = context(reader, 0);
    accounts.late = inherited.late(reader, judge, context);
    if !accounts.balance() || accounts.came_in != number + accounts.unread {
        return Err(Broken::Books(format!("{accounts:?}")));
    }
    Ok(accounts)
}

fn context<P: Parts + ?Sized>(reader: &P, place: u64) -> Context<'_> {
    Context { header: reader.header(), batch: reader.batch(), paths: reader.paths(), place }
}

impl Inherited {
    fn renew<P: Parts + ?Sized>(&mut self, reader: &P, judge: &mut Judge<'_>, context: Context<'_>) {
        let now = (reader.messages(), context.header.fields.len(), reader.batches(), context.batch.fields.len());
        if self.seen != Some(now) {
            self.evidence = judge.evidence(context.header, context.paths);
            self.evidence.extend(judge.evidence(context.batch, context.paths));
            self.seen = Some(now);
        }
    }

    /// What stands in headers behind the last transaction.
    fn late<P: Parts + ?Sized>(&mut self, reader: &P, judge: &mut Judge<'_>, context: Context<'_>) -> Vec<String> {
        let before = self.evidence.len();
        self.renew(reader, judge, context);
        let more = self.evidence.iter().skip(before);
        more.map(|e| format!("{} is met as “{}” in {}, after the transactions", e.subject, e.alias, e.path)).collect()
    }
}

impl Accounts {
    fn enter(&mut self, item: &Screened<'_>) {
        let outcome = item.judged.outcome();
        self.count(outcome);
        if let Some((amount, currency)) = item.amount {
            // Accounts are looked up without owning the key while nearly all rows are there already.
            let full = self.money.len() >= ROWS_MAX;
            let row = (outcome, if full { String::from("other") } else { currency.to_owned() });
            let sum = self.money.entry(row).or_default();
            *sum = sum.saturating_add(amount);
        }
        self.by_hand += u64::from(item.judged.is_by_hand());
        let answers = item.judged.law.iter();
        let cited: BTreeSet<&str> =
            answers.flat_map(|answer| answer.finding.grounds.iter().map(|ground| ground.provision.as_str())).collect();
        for provision in cited {
            let full = self.provisions.len() >= ROWS_MAX;
            let row = (outcome, if full { "other" } else { provision }.to_owned());
            let cited = self.provisions.entry(row).or_default();
            cited.transactions += 1;
            if let Some((amount, currency)) = item.amount {
                cited.add(currency, amount);
            }
        }
    }
}

/// Reads `12.50 USD` into hundred-thousandths: amounts have at most five decimals, and no float holds them.
#[must_use]
pub fn amount(text: &str) -> Option<(i128, &str)> {
    let (number, currency) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    Some((decimal(number)?, currency.trim()))
}

/// A decimal number of at most eighteen digits, five of them decimals.
#[must_use]
pub fn decimal(number: &str) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && part.is_empty() || whole.len() > 18 || part.len() > 5 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let padded = format!("{part:0<5}");
    Some(whole * 100_000 + padded.parse::<i128>().ok()?)
}

/// Writes hundred-thousandths with at least two decimals.
#[must_use]
pub fn written(amount: i128) -> String {
    let text = format!("{}.{:05}", amount / 100_000, amount % 100_000);
    let cut = text.trim_end_matches('0');
    let decimals = cut.rsplit_once('.').map_or(0, |(_, part)| part.len());
    format!("{cut}{}", "0".repeat(2_usize.saturating_sub(decimals)))
}

#[cfg(test)]
mod tests;
