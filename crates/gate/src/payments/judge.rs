//! Decides one transaction: gathers the evidence, asks the law of the value date about each subject that
//! takes part, and says what becomes of it, with every reason.
//!
//! Being named is not taking part: a mention or an address alone never stops a payment. What is likely but
//! not certain, and what the message does not say, is for a person.

use super::Outcome;
use super::known::{Known, LISTED};
use super::listed;
use super::party::{self, Being, Purpose};
use super::place::{self, Whereabouts};
use super::replays::{self, Before};
use crate::live::{Rulings, Unread, overrule};
use docket::Docket;
use docket::finding::{Finding, Posture, Verdict};
use docket::inquiry::{Actor, Facts, Inquiry, Resource, Stated};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, Fact, ResourceKind, Role as ActorRole};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use law::{Statuses, Time};
use screening::brand::{Grade, Hit, Scratch, Sense, speaks_of_moving_money};
use screening::identifier::Met;
use screening::iso20022::Paths;
use screening::names::list;
use screening::{Payment, Role, Says, Whom};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Questions kept answered; a file asks few different ones. Past this the memory is emptied.
const ANSWERS_MAX: usize = 4_096;

/// What an operator decides about screening.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Only what was known by then counts; `None` is all that is on file.
    pub known_at: Option<Time>,
    /// In whose civil time a value date is a day.
    pub zone: TimeZone,
    /// What to do with each status.
    pub posture: Posture,
}

impl Settings {
    /// All that a verdict depends on besides the transaction, in words.
    #[must_use]
    pub fn words(&self, edition: &str) -> String {
        let zone = self.zone.iana_name().unwrap_or("an offset");
        format!("law {edition}, known at {:?}, days in {zone}, posture {:?}", self.known_at, self.posture)
    }
}

/// What people decided where law left it to them, as known when a file is screened.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// What they decided.
    pub rulings: Arc<Rulings>,
    /// Why nobody knows whether it still holds, if so.
    pub unread: Option<Unread>,
    /// When the file is screened: what has ended by then counts no more, whatever day a payment takes effect.
    pub now: Time,
}

/// Decides transactions.
pub struct Judge<'d> {
    docket: &'d Docket,
    known: &'d Known,
    settings: Settings,
    by_hand: Option<ByHand>,
    scratch: Scratch,
    listed: list::Scratch,
    hits: Vec<Hit>,
    answers: HashMap<Asked, Rc<Answer>>,
}

impl std::fmt::Debug for Judge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A transaction, decided.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What becomes of it.
    pub outcome: Option<Outcome>,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// Everything met in it.
    pub evidence: Vec<Evidence>,
    /// What the law says of each subject asked about.
    pub law: Vec<Rc<Answer>>,
    /// The value date, and what it was read from.
    pub date: Option<(Date, Says)>,
    /// Where the payer is.
    pub payer: Whereabouts,
    /// Where the payee is.
    pub payee: Whereabouts,
    /// What the payer is.
    pub payer_is: Being,
    /// What the payee is.
    pub payee_is: Being,
}

impl Judged {
    /// What becomes of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Review)
    }

    /// Whether people had decided it where law left it to somebody.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.law.iter().any(|answer| answer.finding.overruled.is_some())
    }

    /// Leaves to a person what came before with the same ids and another content.
    pub fn stand_beside(&mut self, before: Option<&Before>) {
        if let Some(reason) = before.and_then(Before::reason) {
            restrain(self, Outcome::Review, reason);
        }
    }
}

/// Something met in a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The subject's id, or who holds the identifier.
    pub subject: String,
    /// The subject's number; holders of lists lie above [`LISTED`].
    pub number: u32,
    /// The name or identifier that was looked for.
    pub alias: String,
    /// Where that is from.
    pub source: String,
    /// How well it was met.
    pub grade: Grade,
    /// What the alias names.
    pub sense: Sense,
    /// In which role.
    pub role: Role,
    /// Of whom.
    pub whom: Whom,
    /// Whether words that move money stand beside it.
    pub moves_money: bool,
    /// Whether it was met as an identifier rather than as a name.
    pub identifier: bool,
    /// Whether the holder's property is frozen.
    pub freezes: bool,
    /// The path of the field.
    pub path: String,
    /// The text of the field.
    pub text: String,
    /// What of it was met.
    pub matched: Range<usize>,
    /// The letters compared.
    pub letters: String,
    /// Which words of the field stand for which of the name looked for.
    pub aligned: Vec<Aligned>,
    /// Words of the field that were no part of it.
    pub unmatched: Vec<String>,
    /// Words of the name looked for that were not met.
    pub alias_unmatched: Vec<String>,
    /// Its bytes in the file; the whole field's where the text is not the bytes.
    pub bytes: Range<u64>,
    /// Whether `bytes` are the matched ones rather than the field's.
    pub exact_bytes: bool,
}

/// Words of a field, and those of a name that they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    /// Of the field, after normalisation.
    pub text: String,
    /// Of the name.
    pub alias: String,
    /// How alike they are, in thousandths.
    pub similarity_permille: u16,
}

const DOUBTFUL: &str = "that it is met is likely but not certain";
const BETWEEN_USERS: &str = "neither party is said to be an organisation, and users may be excepted";
const DISAGREED: &str = "a code says wages, and another code or the parties do not agree with it";

/// How far evidence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Named, not taking part.
    Said,
    /// Likely taking part.
    Likely,
    /// Taking part.
    Certain,
}

/// A question to the law, as far as payments differ in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    subject: u16,
    day: Date,
    payer: Option<Place>,
    payee: Option<Place>,
    purpose: Purpose,
    mobile: bool,
}

/// What the law says on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The subject asked about.
    pub subject: String,
    /// What is possible on that day.
    pub possible: Statuses,
    /// That set under the posture.
    pub verdict: Verdict,
    /// The finding that restrains most of those that hold on that day.
    pub finding: Finding,
    /// The instants of the day asked about.
    pub day: Range<Time>,
    /// The digest of the question about this very transaction, where it is left to a person.
    pub question: Option<[u8; 32]>,
}

/// The message a transaction stands in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'m> {
    /// The headers of the message.
    pub header: &'m Payment,
    /// The header of the batch.
    pub batch: &'m Payment,
    /// The paths of all three.
    pub paths: &'m Paths,
    /// Which transaction of its message it is, counted from one.
    pub place: u64,
}

impl<'m> Context<'m> {
    /// What identifies a transaction that stands in it: message, instruction, end-to-end and transaction ids, UETR.
    #[must_use]
    pub fn ids<'p>(self, payment: &'p Payment) -> [Option<&'p str>; 5]
    where
        'm: 'p,
    {
        let own = |says| payment.any(says);
        [
            self.header.any(Says::MessageId),
            own(Says::InstructionId),
            own(Says::EndToEndId),
            own(Says::TransactionId),
            own(Says::Uetr),
        ]
    }
}

impl<'d> Judge<'d> {
    /// Decides by a docket.
    #[must_use]
    pub fn new(docket: &'d Docket, known: &'d Known, settings: Settings) -> Self {
        Self {
            docket,
            known,
            settings,
            by_hand: None,
            scratch: Scratch::default(),
            listed: list::Scratch::default(),
            hits: Vec::new(),
            answers: HashMap::new(),
        }
    }

    /// Decides as people did, where law leaves it to somebody and they have.
    #[must_use]
    pub fn ruled(mut self, by_hand: ByHand) -> Self {
        self.by_hand = Some(by_hand);
        self
    }

    /// Everything met in one set of fields.
    pub fn evidence(&mut self, payment: &Payment, paths: &Paths) -> Vec<Evidence> {
        self.hits.clear();
        self.known.brands.scan(payment, &mut self.scratch, &mut self.hits);
        let mut met = Vec::new();
        self.known.identifiers.scan(payment, &mut met);
        let on_lists = match &self.known.lists {
            Some(lists) => listed::evidence(lists, payment, paths, &mut self.listed),
            None => Vec::new(),
        };
        if self.hits.is_empty() && met.is_empty() && on_lists.is_empty() {
            return Vec::new();
        }
        let names = self.hits.iter().filter_map(|hit| self.named(payment, paths, hit));
        let mut evidence: Vec<Evidence> = names.collect();
        evidence.extend(met.iter().filter_map(|met| self.identified(payment, paths, met)));
        evidence.extend(on_lists);
        evidence
    }

    fn named(&self, payment: &Payment, paths: &Paths, hit: &Hit) -> Option<Evidence> {
        let field = payment.fields.get(hit.field)?;
        let alias = self.known.brands.aliases().get(hit.alias)?;
        let subject = self.docket.registry().subjects().get(usize::from(alias.subject))?;
        let text = payment.text_of(field);
        let start = field.bytes.start;
        let bytes =
            if field.plain { start + hit.text.start as u64..start + hit.text.end as u64 } else { field.bytes.clone() };
        Some(Evidence {
            subject: subject.id.clone(),
            number: u32::from(alias.subject),
            alias: alias.text.clone(),
            source: alias.source.clone(),
            grade: hit.grade,
            sense: alias.sense,
            role: field.role,
            whom: field.whom,
            moves_money: field.role == Role::Mention && speaks_of_moving_money(text, &hit.text, &self.known.verbs),
            identifier: false,
            freezes: false,
            path: paths.words(field.path),
            text: text.to_owned(),
            matched: hit.text.clone(),
            letters: hit.letters.clone(),
            aligned: vec![aligned(&hit.letters, &alias.text)],
            unmatched: words_outside(text, &hit.text),
            alias_unmatched: Vec::new(),
            bytes,
            exact_bytes: field.plain,
        })
    }

    fn identified(&self, payment: &Payment, paths: &Paths, met: &Met<'_>) -> Option<Evidence> {
        let field = payment.fields.get(met.field)?;
        let text = payment.text_of(field);
        let subjects = self.docket.registry().subjects();
        let subject = usize::try_from(met.known.holder).ok().and_then(|number| subjects.get(number));
        let start = field.bytes.start;
        Some(Evidence {
            subject: subject.map_or_else(|| met.known.source.clone(), |subject| subject.id.clone()),
            number: met.known.holder,
            alias: text.get(met.text.clone()).unwrap_or("").to_owned(),
            source: met.known.source.clone(),
            grade: Grade::Exact,
            sense: if subject.is_some_and(|subject| subject.is_company) { Sense::Company } else { Sense::Wallet },
            role: field.role,
            whom: field.whom,
            // A link to a wallet is a way of paying wherever it stands.
            moves_money: field.role == Role::Mention,
            identifier: true,
            freezes: met.known.freezes,
            path: paths.words(field.path),
            text: text.to_owned(),
            matched: met.text.clone(),
            letters: String::new(),
            aligned: Vec::new(),
            unmatched: Vec::new(),
            alias_unmatched: Vec::new(),
            bytes: if field.plain {
                start + met.text.start as u64..start + met.text.end as u64
            } else {
                field.bytes.clone()
            },
            exact_bytes: field.plain,
        })
    }

    /// Decides a transaction. `inherited` is what was met in the headers it stands under.
    pub fn judge(&mut self, payment: &Payment, context: Context<'_>, inherited: &[Evidence]) -> Judged {
        let mut evidence = self.evidence(payment, context.paths);
        evidence.extend_from_slice(inherited);
        let sources = [payment, context.batch, context.header];
        let lost = unreadable(&sources, context.paths);
        let mut judged = Judged { evidence, ..Judged::default() };
        if judged.evidence.is_empty() && lost.is_empty() {
            judged.outcome = Some(Outcome::Pass);
            return judged;
        }
        self.facts(&mut judged, &sources);
        judged.outcome = Some(Outcome::Pass);
        let purposes = purposes(&judged, &sources);
        self.lost(&mut judged, lost, purposes.0);
        let mut subjects: Vec<u32> = judged.evidence.iter().map(|evidence| evidence.number).collect();
        subjects.sort_unstable();
        subjects.dedup();
        for number in subjects {
            if number >= LISTED {
                listed::weigh(&mut judged, number);
            } else if let Ok(subject) = u16::try_from(number) {
                self.subject(&mut judged, subject, purposes, (payment, context));
            }
        }
        judged
    }

    fn facts(&self, judged: &mut Judged, sources: &[&Payment]) {
        judged.date = value_date(sources);
        judged.payer = place::whereabouts(sources, Whom::Debtor, Whom::DebtorAgent);
        judged.payee = place::whereabouts(sources, Whom::Creditor, Whom::CreditorAgent);
        judged.payer_is = party::being(sources, Whom::Debtor);
        judged.payee_is = party::being(sources, Whom::Creditor);
    }

    /// What could not be read may be any name, which is a person's to find out where it matters who it is.
    fn lost(&mut self, judged: &mut Judged, lost: Vec<String>, purpose: Purpose) {
        if lost.is_empty() {
            return;
        }
        let matters = self.known.lists.is_some() || self.may_be_reached(judged, purpose);
        for path in lost {
            let told = format!("{path} cannot be read: letters were lost on the way");
            if matters {
                restrain(judged, Outcome::Review, told);
            } else {
                let why = "no order in force on the value date reaches this payment, whoever is named";
                judged.reasons.push(format!("{told}; {why}"));
            }
        }
    }

    /// Whether law may stop a payment of this day between these places, whoever takes part in it.
    fn may_be_reached(&mut self, judged: &Judged, purpose: Purpose) -> bool {
        let Some((day, _)) = judged.date else { return true };
        let subjects: BTreeSet<u16> = self.known.brands.aliases().iter().map(|alias| alias.subject).collect();
        let (payer, payee) = (judged.payer.place, judged.payee.place);
        // Whom wages are said to go to cannot be read either.
        let purpose = if purpose == Purpose::Wages { Purpose::WagesDisagree } else { purpose };
        subjects.into_iter().any(|subject| {
            let asked = Asked { subject, day, payer, payee, purpose, mobile: false };
            self.answer(asked).is_none_or(|answer| answer.verdict != Verdict::Permit)
        })
    }

    /// What one subject's part in it comes to.
    fn subject(
        &mut self,
        judged: &mut Judged,
        subject: u16,
        purposes: (Purpose, bool),
        transaction: (&Payment, Context<'_>),
    ) {
        let own: Vec<Evidence> =
            judged.evidence.iter().filter(|evidence| evidence.number == u32::from(subject)).cloned().collect();
        let weight = self.weigh(&own, &judged.evidence);
        let Some(best) = own.iter().max_by_key(|evidence| (of_one(evidence), evidence.grade)) else { return };
        let told = format!("{} is met as “{}” in {} ({})", best.subject, best.alias, best.path, best.role.word());
        if weight == Weight::Said {
            let why = if best.role.takes_part() { "too weak a name to count alone" } else { "named, not taking part" };
            judged.reasons.push(format!("{told}: {why}"));
            return;
        }
        let Some((day, _)) = judged.date else {
            restrain(judged, Outcome::Review, format!("{told}, and the message has no value date"));
            return;
        };
        let (purpose, provider_is_party) = purposes;
        let asked = Asked {
            subject,
            day,
            payer: judged.payer.place,
            payee: judged.payee.place,
            purpose,
            // A wallet's account is held in the mobile application; whether the app or company itself acts
            // through it is not said.
            mobile: own.iter().any(|evidence| evidence.sense == Sense::Wallet),
        };
        let Some(answer) = self.answer(asked.clone()) else {
            restrain(judged, Outcome::Review, format!("{told}, and the law could not be asked"));
            return;
        };
        let doubt = match answer.verdict {
            Verdict::Forbid if weight == Weight::Likely => Some(DOUBTFUL),
            Verdict::Forbid if between_users(judged) && !provider_is_party => Some(BETWEEN_USERS),
            Verdict::Refer if purpose == Purpose::WagesDisagree => Some(DISAGREED),
            Verdict::Permit | Verdict::Refer | Verdict::Forbid => None,
        };
        let answer = match answer.verdict {
            Verdict::Forbid if doubt.is_none() => answer,
            Verdict::Permit => answer,
            Verdict::Forbid | Verdict::Refer => self.of_people(&answer, &asked, transaction),
        };
        let wording = words_of(&answer);
        match answer.verdict {
            verdict if answer.finding.overruled.is_some() => {
                let outcome = if verdict == Verdict::Permit { Outcome::Pass } else { Outcome::Reject };
                restrain(judged, outcome, format!("{told}: {wording}; {}", answer.finding.caveats.join("; ")));
            }
            Verdict::Permit if answer.possible == Statuses::only(law::Status::Excepted) => {
                restrain(judged, Outcome::PassByException, format!("{told}: {wording}"));
            }
            Verdict::Permit => judged.reasons.push(format!("{told}: {wording}")),
            Verdict::Forbid => restrain(judged, Outcome::Reject, format!("{told}: {wording}")),
            Verdict::Refer => {
                let doubt = doubt.map_or_else(String::new, |doubt| format!("; {doubt}"));
                restrain(judged, Outcome::Review, format!("{told}: {wording}{doubt}"));
            }
        }
        judged.law.push(answer);
    }

    /// How far everything met of one subject goes together.
    fn weigh(&self, own: &[Evidence], all: &[Evidence]) -> Weight {
        let alone = own.iter().map(of_one).max().unwrap_or(Weight::Said);
        let weak = |evidence: &Evidence| evidence.grade == Grade::Weak && evidence.role.takes_part();
        let operator = |number: u32| {
            let subject = usize::try_from(number).ok().and_then(|n| self.docket.registry().subjects().get(n))?;
            subject.operators.first().map(|operator| operator.company.as_str())
        };
        if alone == Weight::Said && own.iter().any(weak) {
            // A second piece of evidence, of it or of its operator, in another field.
            let beside = |evidence: &Evidence| {
                let kin = own.iter().any(|own| {
                    own.number == evidence.number
                        || operator(own.number)
                            .is_some_and(|o| Some(o) == operator(evidence.number) || o == evidence.subject)
                });
                kin && own.iter().filter(|own| weak(own)).any(|own| own.path != evidence.path)
            };
            if all.iter().any(beside) {
                return Weight::Likely;
            }
        }
        alone
    }

    fn answer(&mut self, asked: Asked) -> Option<Rc<Answer>> {
        if let Some(answer) = self.answers.get(&asked) {
            return Some(Rc::clone(answer));
        }
        let answer = Rc::new(self.ask(&asked)?);
        if self.answers.len() >= ANSWERS_MAX {
            self.answers.clear();
        }
        self.answers.insert(asked, Rc::clone(&answer));
        Some(answer)
    }

    /// The answer about this very transaction, which is left to a person: as people decided, if they have.
    fn of_people(&self, answer: &Answer, asked: &Asked, (payment, context): (&Payment, Context<'_>)) -> Rc<Answer> {
        let mut own = Answer { verdict: Verdict::Refer, ..answer.clone() };
        own.finding.verdict = Verdict::Refer;
        let identity = replays::identity(payment, context);
        let inquiry = self.inquiry(asked, answer.day.start);
        let Some((identity, mut inquiry)) = identity.zip(inquiry) else { return Rc::new(own) };
        own.question = Some(wire::question::digest(&inquiry, &own.finding, &[&identity]));
        if let Some(ByHand { rulings, unread, now }) = &self.by_hand {
            inquiry.valid_at = inquiry.valid_at.max(*now);
            overrule(rulings, unread.as_ref(), &inquiry, &mut own.finding, &[&identity]);
            own.verdict = own.finding.verdict;
        }
        Rc::new(own)
    }

    /// Asks about every instant of the value day: what differs within it is possible either way.
    fn ask(&self, asked: &Asked) -> Option<Answer> {
        let subject = self.docket.registry().subjects().get(usize::from(asked.subject))?;
        let midnight = |day: Date| {
            let first = self.settings.zone.to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
            first.compatible().ok().map(jiff::Timestamp::as_second)
        };
        let start = midnight(asked.day)?;
        let next = midnight(asked.day.tomorrow().ok()?)?;
        let mut inquiry = self.inquiry(asked, start)?;
        let mut possible = Statuses::default();
        let mut worst: Option<Finding> = None;
        while inquiry.valid_at < next {
            let finding = self.docket.find(&inquiry, self.settings.posture).ok()?;
            possible = possible.union(finding.possible);
            inquiry.valid_at = finding.until.max(inquiry.valid_at + 1);
            if worst.as_ref().is_none_or(|worst| finding.verdict > worst.verdict) {
                worst = Some(finding);
            }
        }
        let finding = worst?;
        let verdict = self.settings.posture.verdict(possible);
        Some(Answer { subject: subject.id.clone(), possible, verdict, finding, day: start..next, question: None })
    }

    fn inquiry(&self, asked: &Asked, valid_at: Time) -> Option<Inquiry<'d>> {
        let subject = self.docket.registry().subjects().get(usize::from(asked.subject))?;
        let kind = if subject.is_company { ResourceKind::Company } else { ResourceKind::App };
        Some(Inquiry {
            actor: Actor {
                kind: ActorKind::Business,
                id: Cow::Borrowed(""),
                role: Some(ActorRole::PaymentProvider),
                government: None,
            },
            act: Act::PaymentProcess,
            resource: Resource { kind, id: Cow::Borrowed(&subject.id) },
            valid_at,
            known_at: self.settings.known_at,
            // Where a payment has effect is where its parties are; where they differ it is not one place.
            place: asked.payer.filter(|payer| Some(*payer) == asked.payee),
            facts: facts(asked),
        })
    }
}

fn facts<'a>(asked: &Asked) -> Facts<'a> {
    let mut facts = Facts::new();
    if asked.mobile {
        facts.push((Fact::Form, Stated::Word(Cow::Borrowed("mobile"))));
    }
    facts.extend(asked.payer.map(|place| (Fact::PayerPlace, Stated::Place(place))));
    facts.extend(asked.payee.map(|place| (Fact::PayeePlace, Stated::Place(place))));
    let purpose = match asked.purpose {
        Purpose::Wages => Stated::Word(Cow::Borrowed("wages")),
        Purpose::Other => Stated::Word(Cow::Borrowed("general")),
        Purpose::WagesDisagree | Purpose::MayBeWages => Stated::Unknown,
    };
    facts.push((Fact::Purpose, purpose));
    facts
}

pub(super) fn restrain(judged: &mut Judged, outcome: Outcome, reason: String) {
    judged.outcome = judged.outcome.max(Some(outcome));
    judged.reasons.push(reason);
}

fn of_one(evidence: &Evidence) -> Weight {
    match (evidence.role.takes_part(), evidence.grade) {
        (true, Grade::Exact) => Weight::Certain,
        (true, Grade::Near | Grade::Cut) => Weight::Likely,
        // Words that move money beside a name in running text tell of a way of paying.
        (false, Grade::Exact) if evidence.moves_money => Weight::Likely,
        (true, Grade::Weak) | (false, Grade::Exact | Grade::Near | Grade::Cut | Grade::Weak) => Weight::Said,
    }
}

fn between_users(judged: &Judged) -> bool {
    judged.payer_is != Being::Organisation && judged.payee_is != Being::Organisation
}

/// What the payment is for, and whether whoever provides the app pays or is paid itself.
fn purposes(judged: &Judged, sources: &[&Payment]) -> (Purpose, bool) {
    let provider_is_party = judged.evidence.iter().any(|evidence| {
        evidence.role == Role::Party
            && evidence.grade >= Grade::Near
            && matches!(evidence.whom, Whom::Debtor | Whom::Creditor | Whom::UltimateDebtor | Whom::UltimateCreditor)
    });
    (party::purpose(sources, judged.payer_is, judged.payee_is, provider_is_party), provider_is_party)
}

/// The day on which it takes effect: of settlement or execution, else when it was accepted, else when it
/// was written.
fn value_date(sources: &[&Payment]) -> Option<(Date, Says)> {
    [Says::ValueDate, Says::Accepted, Says::Created].into_iter().find_map(|says| {
        let written = sources.iter().find_map(|source| source.any(says))?;
        let date = written.trim().get(..10)?.parse::<Date>().ok()?;
        Some((date, says))
    })
}

/// Fields that name somebody and cannot be read.
fn unreadable(sources: &[&Payment], paths: &Paths) -> Vec<String> {
    let mut lost = Vec::new();
    for source in sources {
        if source.undecodable {
            lost.push(String::from("a text in another encoding than the file says"));
        }
        // Nearly every payment ends here.
        if !screening::text::may_be_unreadable(&source.text) {
            continue;
        }
        let naming = source
            .fields
            .iter()
            .filter(|f| f.role.takes_part() && matches!(f.says, Says::Name | Says::Instruction | Says::ProxyId));
        lost.extend(
            naming.filter(|f| screening::text::keys(source.text_of(f)).unreadable).map(|f| paths.words(f.path)),
        );
    }
    lost
}

/// A name met as a whole: at most one slip, or its end, apart.
fn aligned(letters: &str, alias: &str) -> Aligned {
    let whole = screening::text::keys(alias).own.letters;
    let (met, of) = (letters.chars().count(), whole.chars().count().max(letters.chars().count()));
    let same = if letters == whole {
        of
    } else if whole.starts_with(letters) {
        met
    } else {
        of.saturating_sub(1)
    };
    let similarity_permille = u16::try_from(same * 1_000 / of.max(1)).unwrap_or(1_000);
    Aligned { text: letters.to_owned(), alias: whole, similarity_permille }
}

fn words_outside(text: &str, matched: &Range<usize>) -> Vec<String> {
    let words = |piece: &str| {
        piece
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut outside = words(text.get(..matched.start).unwrap_or(""));
    outside.extend(words(text.get(matched.end..).unwrap_or("")));
    outside.truncate(16);
    outside
}

/// What the law says, in a few words; the finding has all.
fn words_of(answer: &Answer) -> String {
    let mut words: Vec<String> = answer.finding.grounds.iter().map(|ground| ground.why.clone()).collect();
    if words.is_empty() {
        words.push(String::from("no order in force on the value date reaches this payment through it"));
    }
    if !answer.finding.needs.is_empty() && answer.verdict == Verdict::Refer {
        let needs: Vec<String> = answer.finding.needs.iter().map(|need| spoken(need)).collect();
        words.push(format!("not known: {}", needs.join(", ")));
    }
    words.join("; ")
}

/// A fact the law turns on, in the words of payments where they have some.
fn spoken(need: &str) -> String {
    let words = match Fact::from_word(need) {
        Some(Fact::PayerPlace) => "where the payer is",
        Some(Fact::PayeePlace) => "where the payee is",
        Some(Fact::Purpose) => "what it pays for",
        Some(Fact::Form) => "in which form the app is used",
        Some(Fact::IntendedOutside) => "whether it is meant for use elsewhere alone",
        Some(Fact::ExceptionApproved) => "whether an exception was approved",
        Some(
            Fact::DevelopedIn
            | Fact::AccessibleIn
            | Fact::Contracted
            | Fact::ForFee
            | Fact::Device
            | Fact::Network
            | Fact::Operator
            | Fact::TribalLand
            | Fact::ViaVpn,
        )
        | None => return need.replace('_', " "),
    };
    words.to_owned()
}
