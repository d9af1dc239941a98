//! A screened transaction as decision records: one for each subject the law was asked about, and none for what came
//! before and was decided the same.

use super::Outcome;
use super::judge::Answer;
use super::replays::Session;
use super::run::{Item, Screened, written};
use crate::recorder::{Receipt, Recorder};
use docket::finding::Verdict;
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, ResourceKind, Role};
use law::Time;
use wire::record::{ByHand, Outcome as Done, Record};

/// Decisions that may be told once they are on disk: their records first, then the journal of what was screened. Should
/// the program end between the two, the same decision is recorded again, under the same key.
#[derive(Debug)]
pub struct Desk<'r> {
    recorder: &'r Recorder,
    session: Option<&'r Session<'r>>,
    now: fn() -> Time,
    known_at: Option<Time>,
    left: Vec<Receipt>,
}

impl<'r> Desk<'r> {
    /// One that leaves records with `recorder`.
    #[must_use]
    pub const fn new(
        recorder: &'r Recorder,
        session: Option<&'r Session<'r>>,
        now: fn() -> Time,
        known_at: Option<Time>,
    ) -> Self {
        Self { recorder, session, now, known_at, left: Vec::new() }
    }

    /// Leaves the records of an item; how many those are.
    ///
    /// # Errors
    /// They cannot be kept, and the operator chose that nothing is told then.
    pub fn take(&mut self, item: &Item<'_>) -> Result<usize, String> {
        let Item::Payment(screened) = item else { return Ok(0) };
        if screened.before.as_ref().is_some_and(|before| before.again) {
            return Ok(0);
        }
        for (n, answer) in screened.judged.law.iter().enumerate() {
            let once = screened.decision.map(|decision| format!("{decision:032x}-{n}"));
            let left =
                self.recorder.keep_once(once.as_deref(), || record(screened, answer, (self.now)(), self.known_at));
            self.left.push(left.map_err(|_unrecorded| unrecorded())?);
        }
        Ok(screened.judged.law.len())
    }

    /// How many decisions are not on disk.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.left.len().max(self.session.map_or(0, Session::waiting))
    }

    /// Waits until all is on disk; where a log has each record, if one has it.
    ///
    /// # Errors
    /// It cannot be.
    pub fn settle(&mut self) -> Result<Vec<Option<u64>>, String> {
        let indexes: Result<Vec<_>, _> = self.left.drain(..).map(Receipt::wait).collect();
        let indexes = indexes.map_err(|_unrecorded| unrecorded())?;
        self.session.map_or(Ok(()), Session::commit)?;
        Ok(indexes)
    }
}

fn unrecorded() -> String {
    String::from("decisions cannot be recorded")
}

/// The record of one subject's part in a transaction. Ids, amount and reasons are private.
#[must_use]
pub fn record(screened: &Screened<'_>, answer: &Answer, at: Time, known_at: Option<Time>) -> Record {
    let judged = screened.judged;
    let both =
        judged.payer.place.filter(|payer| judged.payee.place.is_some_and(|payee| payee.country() == payer.country()));
    let finding = &answer.finding;
    let names = ["message", "instruction", "end_to_end", "transaction", "uetr"];
    let mut private: Vec<(String, String)> = names
        .into_iter()
        .zip(screened.ids())
        .filter_map(|(name, id)| Some((name.to_owned(), id?.to_owned())))
        .collect();
    if let Some((amount, currency)) = screened.amount {
        private.push((String::from("amount"), format!("{} {currency}", written(amount))));
    }
    private.push((String::from("outcome"), judged.outcome().word().to_owned()));
    let own = judged.evidence.iter().filter(|evidence| evidence.subject == answer.subject);
    let mut roles: Vec<String> = own.map(|evidence| evidence.role.word().to_owned()).collect();
    roles.sort_unstable();
    roles.dedup();
    Record {
        id: String::new(),
        at,
        gate: String::from("payments"),
        outcome: match judged.outcome() {
            Outcome::Pass | Outcome::PassByException => Done::Permit,
            Outcome::Review => Done::Refer,
            Outcome::Reject | Outcome::Block => Done::Refuse,
        },
        verdict: if finding.overruled.is_some() { Verdict::Refer } else { answer.verdict },
        overruled: finding.overruled.as_ref().map(|by| ByHand { entry: by.entry, unread_since: by.unread_since }),
        possible: answer.possible,
        act: Act::PaymentProcess,
        actor: ActorKind::Business,
        role: Some(Role::PaymentProvider),
        resource: ResourceKind::Wallet,
        subject: Some(answer.subject.clone()),
        place: both.and_then(|place| Place::parse(place.country()).ok()),
        evidence: Vec::new(),
        found: roles,
        valid_at: answer.day.start,
        known_at,
        provisions: finding.grounds.iter().map(|ground| ground.provision.clone()).collect(),
        by: finding.grounds.iter().flat_map(|ground| ground.by.iter().cloned()).collect(),
        until: finding.until,
        edition: finding.edition.clone(),
        request: None,
        question: answer.question,
        private,
    }
}
