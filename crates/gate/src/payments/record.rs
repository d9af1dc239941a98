//! A screened transaction as decision records: one for each subject the law was asked about.

use super::Outcome;
use super::judge::Answer;
use super::run::{Screened, written};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, ResourceKind, Role};
use law::Time;
use wire::record::{Outcome as Done, Record};

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
        verdict: answer.verdict,
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
        private,
    }
}
