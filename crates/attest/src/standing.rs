//! When a condition holds, until when, on what evidence, and what is missing.
//!
//! A condition is worked out over all of time at once, from what was known at one instant; an answer for
//! an instant is then a search in a short list.

use crate::condition::{About, Claim, Condition, Need, Operator, Requirement};
use crate::history::{Record, View};
use crate::row::{Asked, Row};
use crate::statement::Subject;
use crate::tiling::{Word, tiled};
use crate::timeline::{ALWAYS, NEVER, Time, Timeline, Window};
use crate::trust::{Quorum, Trust, is_same_org};
use foldhash::{HashMap, HashMapExt};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries that a reason names; whoever wants all of them asks for the evidence.
const ENTRIES_TOLD: usize = 5;
/// Ways in which joined requirements can be matched that are tried; more are left out, hence unmet.
pub const MATCHES_MAX: usize = 1_024;

/// A condition over all of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When it holds.
    pub timeline: Timeline,
    matches: Vec<Match>,
}

/// One way to match joined requirements.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Match {
    timeline: Timeline,
    parts: Vec<Arc<Part>>,
}

/// One requirement over all of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The requirement.
    pub name: String,
    /// When it holds.
    pub timeline: Timeline,
    /// Evidence, by place in the log, and when it counts.
    pub evidence: Vec<(u64, Window)>,
    /// Findings against it, and when they stand.
    pub vetoes: Vec<(u64, Window)>,
    /// The last statement of its type that does not count, and why.
    pub refused: Option<(u64, String)>,
    /// Why it does not hold whatever anybody says: nobody is known who may object to it, or nothing that it could be about.
    pub obstacle: Option<String>,
    /// Who may object to it, and resolves what was objected.
    objector: Option<String>,
    /// Whether the periods of its statements have to follow on each other.
    tiles: bool,
}

/// The answer at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the condition is met.
    pub met: bool,
    /// The next instant at which the answer changes if nothing new is said; `None` = never.
    pub holds_until: Option<Time>,
    /// Entries it rests on.
    pub evidence: Vec<u64>,
    /// Requirements that are unmet, and why.
    pub missing: Vec<(String, String)>,
    /// Requirements that are met and lapse by themselves, soonest first.
    pub would_lapse: Vec<(String, Time)>,
}

/// An answer and the stretch over which it is the same.
type Told = (Window, Arc<Answer>);

/// A standing that remembers its last answer: whoever asks again meanwhile gets the same one, grounds and all.
#[derive(Debug)]
pub struct Remembered {
    /// The standing.
    pub standing: Standing,
    last: Mutex<Option<Told>>,
}

impl Remembered {
    /// Remembers nothing yet.
    #[must_use]
    pub const fn new(standing: Standing) -> Self {
        Self { standing, last: Mutex::new(None) }
    }

    /// The answer at this instant.
    pub fn answer(&self, at: Time) -> Arc<Answer> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = last.as_ref().filter(|(stretch, _)| stretch.contains(at)) {
            return Arc::clone(answer);
        }
        let answer = Arc::new(self.standing.answer(at));
        *last = Some((self.standing.stretch(at), Arc::clone(&answer)));
        answer
    }
}

impl Standing {
    /// Works out a condition from what was known, for this artefact (lower-case hexadecimal) if it turns on one.
    #[must_use]
    pub fn new(condition: &Condition, view: &View<'_>, artifact: Option<&str>) -> Self {
        let mut scene = Scene::new(condition, view, artifact);
        let mut matches = Vec::new();
        for binding in scene.bindings() {
            let parts: Vec<Arc<Part>> =
                (0..scene.requirements.len()).filter_map(|number| scene.part(number, &binding)).collect();
            let timeline = combine(&condition.need, &mut parts.iter());
            matches.push(Match { timeline, parts });
        }
        Self { timeline: Timeline::any(matches.iter().map(|found| &found.timeline)), matches }
    }

    /// The requirements, as matched best at this instant.
    #[must_use]
    pub fn parts(&self, at: Time) -> &[Arc<Part>] {
        let holding = |found: &&Match| found.parts.iter().filter(|part| part.timeline.contains(at)).count();
        let met = self.matches.iter().find(|found| found.timeline.contains(at));
        met.or_else(|| self.matches.iter().rev().max_by_key(holding)).map_or(&[], |found| &found.parts)
    }

    /// The answer at this instant.
    #[must_use]
    pub fn answer(&self, at: Time) -> Answer {
        let mut answer = Answer {
            met: self.timeline.contains(at),
            holds_until: self.timeline.change_after(at),
            evidence: Vec::new(),
            missing: Vec::new(),
            would_lapse: Vec::new(),
        };
        for part in self.parts(at) {
            match part.timeline.window_at(at) {
                None => answer.missing.push((part.name.clone(), part.why_not(at))),
                Some(window) => {
                    let counting = part.evidence.iter().filter(|(_, window)| window.contains(at));
                    answer.evidence.extend(counting.map(|&(index, _)| index));
                    if window.until != NEVER {
                        answer.would_lapse.push((part.name.clone(), window.until));
                    }
                }
            }
        }
        answer.evidence.sort_unstable();
        answer.evidence.dedup();
        answer.would_lapse.sort_by_key(|&(_, until)| until);
        answer
    }

    /// The stretch around this instant over which the answer is the same, or a shorter one.
    fn stretch(&self, at: Time) -> Window {
        let mut stretch = Window { from: ALWAYS, until: NEVER };
        let mut narrow = |window: Window| {
            for edge in [window.from, window.until] {
                if edge <= at {
                    stretch.from = stretch.from.max(edge);
                } else {
                    stretch.until = stretch.until.min(edge);
                }
            }
        };
        for found in &self.matches {
            found.timeline.windows().iter().copied().for_each(&mut narrow);
            for part in &found.parts {
                part.timeline.windows().iter().copied().for_each(&mut narrow);
                part.evidence.iter().chain(&part.vetoes).for_each(|&(_, window)| narrow(window));
            }
        }
        stretch
    }
}

impl Part {
    fn why_not(&self, at: Time) -> String {
        if let Some(why) = &self.obstacle {
            return why.clone();
        }
        if let Some((index, _)) = self.vetoes.iter().find(|(_, window)| window.contains(at)) {
            let by = self.objector.as_deref().unwrap_or_default();
            return format!("entry {index} is a finding against it, until `{by}` resolves that");
        }
        let counting = self.evidence.iter().filter(|(_, window)| window.contains(at)).map(|&(index, _)| index);
        let counting: BTreeSet<u64> = counting.collect();
        if !counting.is_empty() {
            let more = counting.len().saturating_sub(ENTRIES_TOLD);
            let told: Vec<String> = counting.iter().skip(more).map(u64::to_string).collect();
            let last = if more == 0 { "" } else { "the last of them " };
            return match self.tiles {
                true => format!(
                    "there are reports ({last}entry {}), and they leave a gap or end too long ago",
                    told.join(", ")
                ),
                false => format!("somebody has said so ({last}entry {}), and more have to", told.join(", ")),
            };
        }
        let lapsed = self.evidence.iter().filter(|(_, window)| window.until <= at).map(|&(index, _)| index).max();
        if let Some(index) = lapsed {
            return format!("entry {index} has lapsed");
        }
        match &self.refused {
            Some((index, why)) => format!("entry {index} does not count: {why}"),
            None => String::from("nobody has said so"),
        }
    }
}

fn combine<'p>(need: &Need, parts: &mut impl Iterator<Item = &'p Arc<Part>>) -> Timeline {
    match need {
        Need::Requirement(_) => parts.next().map_or_else(Timeline::never, |part| part.timeline.clone()),
        Need::AtLeast(k, needs) => {
            let timelines: Vec<Timeline> = needs.iter().map(|need| combine(need, parts)).collect();
            Timeline::at_least(*k, &timelines)
        }
    }
}

/// Where the joined requirements of a condition look: a requirement by its number, and a pointer into its statements.
type Join = (usize, String);

/// What each join leads to; nothing if no statement names anything there.
type Binding<'a> = Vec<Option<&'a str>>;

struct Scene<'a> {
    condition: &'a Condition,
    view: &'a View<'a>,
    artifact: Option<&'a str>,
    requirements: Vec<&'a Requirement>,
    joins: Vec<Join>,
    /// What was heard for requirements that others join.
    roots: HashMap<usize, Root<'a>>,
    /// Parts by requirement and what it depends on of the binding: most depend on nothing.
    parts: HashMap<(usize, Binding<'a>), Arc<Part>>,
}

/// One principal's word in a statement that counts, apart from what that is joined to.
struct Heard<'a> {
    index: u64,
    speaker: &'a str,
    word: Word,
}

/// What was heard for a requirement that others join, by what the statements name.
struct Root<'a> {
    refused: Option<(u64, String)>,
    /// Where each statement is in its group, in the order they were said.
    order: Vec<(u64, Binding<'a>)>,
    named: HashMap<Binding<'a>, Vec<Heard<'a>>>,
}

impl<'a> Scene<'a> {
    fn new(condition: &'a Condition, view: &'a View<'a>, artifact: Option<&'a str>) -> Self {
        let requirements = condition.requirements();
        let mut joins: Vec<Join> = Vec::new();
        for requirement in &requirements {
            let About::Joined { of, pointer } = &requirement.subject else { continue };
            let root = requirements.iter().position(|root| root.name == *of);
            joins.extend(root.map(|root| (root, pointer.clone())));
        }
        joins.sort();
        joins.dedup();
        let (roots, parts) = (HashMap::new(), HashMap::new());
        let mut scene = Self { condition, view, artifact, requirements, joins, roots, parts };
        let numbers: BTreeSet<usize> = scene.joins.iter().map(|&(root, _)| root).collect();
        for number in numbers {
            let root = scene.root(number);
            scene.roots.extend(root.map(|root| (number, root)));
        }
        scene
    }

    /// What was said for a requirement that others join, grouped by what it names.
    fn root(&self, number: usize) -> Option<Root<'a>> {
        let requirement = *self.requirements.get(number)?;
        let subject = self.subject(requirement, None)?;
        let mut root = Root { refused: None, order: Vec::new(), named: HashMap::new() };
        let mut last = None;
        let said = self.said(requirement, &subject, |record, heard| {
            let own = |(of, pointer): &Join| text(record, pointer).filter(|_| *of == number);
            let named: Binding<'a> = self.joins.iter().map(own).collect();
            if last.replace(record.index) != Some(record.index) {
                root.order.push((record.index, named.clone()));
            }
            root.named.entry(named).or_default().push(heard);
        });
        root.refused = said;
        Some(root)
    }

    /// Every way to say which source, model or system the joined requirements speak of: those first in which each carries
    /// the requirement it is named by, so that nobody crowds them out by naming others.
    fn bindings(&mut self) -> Vec<Binding<'a>> {
        let mut bindings: Vec<Binding<'a>> = vec![vec![None; self.joins.len()]];
        let numbers: BTreeSet<usize> = self.roots.keys().copied().collect();
        for number in numbers {
            let mut named: Vec<Binding<'a>> =
                self.roots.get(&number).map(|root| root.named.keys().cloned().collect()).unwrap_or_default();
            if named.is_empty() {
                continue;
            }
            named.sort();
            let carries =
                |own: &Binding<'a>| self.part(number, own).is_some_and(|part| !part.timeline.windows().is_empty());
            let (carrying, other): (Vec<Binding<'a>>, Vec<Binding<'a>>) = named.into_iter().partition(carries);
            let both = |before: &Binding<'a>, own: &Binding<'a>| -> Binding<'a> {
                before.iter().zip(own).map(|(before, own)| own.or(*before)).collect()
            };
            // What was tried first before stays first: all that carry, in every combination, before any that does not.
            let with = |own: &[Binding<'a>]| -> Vec<Binding<'a>> {
                let longer = bindings.iter().flat_map(|before| own.iter().map(move |own| both(before, own)));
                longer.take(MATCHES_MAX).collect()
            };
            let mut longer = with(&carrying);
            longer.extend(with(&other));
            longer.truncate(MATCHES_MAX);
            bindings = longer;
        }
        bindings
    }

    /// The subject of a requirement; of a joined one, what it is joined to.
    fn subject(&self, requirement: &Requirement, joined: Option<&str>) -> Option<Subject> {
        match &requirement.subject {
            About::Order => Some(self.condition.order_subject()),
            About::Named(subject) => Some(subject.clone()),
            About::Artifact => self.artifact.map(Subject::artifact),
            About::Joined { .. } => joined.map(Subject::artifact),
        }
    }

    /// Why a statement does not count for the requirement, apart from who made it and what it is joined to.
    fn refusal(&self, requirement: &Requirement, asked: &[Asked<'_>], row: &Row, record: &Record) -> Option<String> {
        if row.is_late {
            return Some(String::from("the trust document had expired"));
        }
        let (order, claims) = asked.split_first()?;
        let rows = self.view.rows();
        if let Some(failed) = claims.iter().find(|asked| !rows.holds(row, asked, record)) {
            let claim = failed.claim;
            return Some(format!("`{}` is not {} {}", claim.pointer, claim.operator.sign(), claim.value));
        }
        if rows.holds(row, order, record) {
            return Some(String::from("it is about another order"));
        }
        let is_without_period = requirement.tiling.is_some() && row.period.is_none();
        is_without_period.then(|| String::from("it names no period"))
    }

    /// Hands over each word that counts for the requirement; gives the last statement that does not.
    fn said(
        &self,
        requirement: &Requirement,
        subject: &Subject,
        mut take: impl FnMut(&'a Record, Heard<'a>),
    ) -> Option<(u64, String)> {
        let trust = self.view.trust();
        let independent = |id: &&str| {
            let is_of = |org: &str| requirement.independent_of.iter().any(|other| is_same_org(other, org));
            trust.principal(id).is_some_and(|principal| !is_of(&principal.org))
        };
        let among = trust.everybody(&requirement.by).into_iter().filter(independent).collect();
        let hearing = self.view.hearing(requirement.kind, subject, among);
        // Where periods must tile, age is the chain's: a report stays told, so that it can fill a gap.
        let max_age = if requirement.tiling.is_some() { NEVER } else { requirement.max_age };
        let (rows, order) = (self.view.rows(), self.order());
        let asked: Vec<Asked<'_>> =
            std::iter::once(&order).chain(&requirement.claims).map(|claim| rows.asked(claim)).collect();
        let mut refused = None;
        for (row, record) in self.view.rows_about(requirement.kind, subject) {
            if let Some(why) = self.refusal(requirement, &asked, row, record) {
                refused = Some((row.index, why));
                continue;
            }
            let mut counts = false;
            hearing.words(row, record, max_age, |speaker, window| {
                if !window.is_empty() {
                    counts = true;
                    take(record, Heard { index: row.index, speaker, word: Word { window, period: row.period } });
                }
            });
            if !counts {
                let why = "its signers may not say this here, or it was never in time";
                refused = Some((row.index, String::from(why)));
            }
        }
        refused
    }

    /// That a statement names another order than this one.
    fn order(&self) -> Claim {
        let value = Value::from(self.condition.order.as_str());
        Claim { pointer: String::from("/order"), operator: Operator::Unequal, value }
    }

    /// One requirement, as far as it depends on the binding; worked out once.
    fn part(&mut self, number: usize, binding: &Binding<'a>) -> Option<Arc<Part>> {
        let requirement = *self.requirements.get(number)?;
        let mut own: Binding<'a> = vec![None; self.joins.len()];
        let mut joined = None;
        for (((of, pointer), slot), value) in self.joins.iter().zip(&mut own).zip(binding) {
            let root = self.requirements.get(*of);
            let leads = matches!(&requirement.subject, About::Joined { of, pointer: at }
                if at == pointer && root.is_some_and(|root| root.name == *of));
            if *of == number || leads {
                *slot = *value;
            }
            joined = if leads { *value } else { joined };
        }
        let key = (number, own);
        if let Some(part) = self.parts.get(&key) {
            return Some(Arc::clone(part));
        }
        let part = Arc::new(match self.roots.get(&number) {
            Some(root) => self.weighed(requirement, root.heard(&self.joins, number, &key.1), root.refusal(&key.1)),
            None => {
                let mut heard = Vec::new();
                let subject = self.subject(requirement, joined);
                let aimless = subject.is_none().then(|| aimless(&requirement.subject));
                let refused = subject.and_then(|subject| self.said(requirement, &subject, |_, one| heard.push(one)));
                let part = self.weighed(requirement, &heard, refused);
                Part { obstacle: part.obstacle.or(aimless), ..part }
            }
        });
        self.parts.insert(key, Arc::clone(&part));
        Some(part)
    }

    /// When the requirement holds on these statements.
    fn weighed(&self, requirement: &Requirement, heard: &[Heard<'a>], refused: Option<(u64, String)>) -> Part {
        let trust = self.view.trust();
        let mut evidence = Vec::with_capacity(heard.len());
        let mut words: HashMap<&str, Vec<Word>> = HashMap::new();
        for heard in heard {
            evidence.push((heard.index, heard.word.window));
            words.entry(heard.speaker).or_default().push(heard.word);
        }
        let pooled = requirement.tiling.filter(|_| takes_turns(trust, &requirement.by));
        let supported = if let Some(tiling) = pooled {
            tiled(&words.into_values().flatten().collect::<Vec<_>>(), tiling, requirement.max_age)
        } else {
            let of = |principal: &str| {
                let theirs = words.get(principal).map(Vec::as_slice).unwrap_or_default();
                match requirement.tiling {
                    None => theirs.iter().map(|word| word.window).collect(),
                    Some(tiling) => tiled(theirs, tiling, requirement.max_age),
                }
            };
            trust.support(&requirement.by, &of)
        };
        let voiceless = requirement.veto.as_ref().filter(|veto| !trust.knows(veto));
        let obstacle =
            voiceless.map(|veto| format!("`{veto}` may object, and the trust document does not say who that is"));
        let supported = if obstacle.is_some() { Timeline::never() } else { supported };
        let mut vetoes = Vec::new();
        if let Some(veto) = &requirement.veto {
            let found = self.view.vetoes(veto, &self.condition.order_subject(), &requirement.name);
            vetoes.extend(found.into_iter().map(|(record, window)| (record.index, window)));
        }
        let vetoed: Timeline = vetoes.iter().map(|&(_, window)| window).collect();
        let timeline = supported.without(&vetoed);
        let (name, objector) = (requirement.name.clone(), requirement.veto.clone());
        Part { name, timeline, evidence, vetoes, refused, obstacle, objector, tiles: requirement.tiling.is_some() }
    }
}

impl<'a> Root<'a> {
    /// The statements that name exactly this; one that leaves something out that others are joined to names nothing.
    fn heard(&self, joins: &[Join], number: usize, binding: &Binding<'a>) -> &[Heard<'a>] {
        let is_whole = joins.iter().zip(binding).all(|((of, _), value)| *of != number || value.is_some());
        self.named.get(binding).filter(|_| is_whole).map(Vec::as_slice).unwrap_or_default()
    }

    /// The last statement that does not count, for what it says or for what it names.
    fn refusal(&self, binding: &Binding<'a>) -> Option<(u64, String)> {
        let other = self.order.iter().rev().find(|(_, named)| named != binding);
        let why = || String::from("it names another source than the statements joined to it");
        let other = other.map(|&(index, _)| (index, why()));
        self.refused.clone().into_iter().chain(other).max_by_key(|&(index, _)| index)
    }
}

/// Why there is nothing that a statement could be about.
fn aimless(about: &About) -> String {
    match about {
        About::Joined { of, .. } => format!("it is about what `{of}` names, and nothing is named there yet"),
        About::Artifact | About::Order | About::Named(_) => {
            String::from("it is about what is distributed, and nobody has said what that is")
        }
    }
}

fn text<'r>(record: &'r Record, pointer: &str) -> Option<&'r str> {
    record.statement.claim(pointer).and_then(Value::as_str)
}

/// Whether any one member of a group is enough, so that members may take turns over the periods.
fn takes_turns(trust: &Trust, by: &str) -> bool {
    trust.group(by).is_some_and(|group| {
        group.quorum == Quorum::Some(1) && group.members.iter().all(|member| trust.principal(member).is_some())
    })
}
