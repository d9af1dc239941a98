//! When a condition holds, until when, on what evidence, and what is missing.
//!
//! A condition is worked out over all of time at once, from what was known at one instant; an answer for
//! an instant is then a search in a short list.

use crate::condition::{About, Condition, Need, Requirement, Tiling};
use crate::history::{Record, View};
use crate::statement::Subject;
use crate::timeline::{NEVER, Time, Timeline, Window};
use crate::trust::Quorum;
use std::collections::{BTreeMap, BTreeSet};

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
    parts: Vec<Part>,
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
    /// Statements of its type that do not count, and why.
    pub refused: Vec<(u64, String)>,
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

/// The digest each joined requirement's root must name, by root and pointer.
type Binding = BTreeMap<(String, String), String>;

impl Standing {
    /// Works out a condition from what was known, for this artefact (lower-case hexadecimal) if it turns on one.
    #[must_use]
    pub fn new(condition: &Condition, view: &View<'_>, artifact: Option<&str>) -> Self {
        let scene = Scene { condition, view, artifact };
        let mut matches = Vec::new();
        for binding in scene.bindings() {
            let parts: Vec<Part> =
                condition.requirements().iter().map(|requirement| scene.part(requirement, &binding)).collect();
            let timeline = combine(&condition.need, &mut parts.iter());
            matches.push(Match { timeline, parts });
        }
        Self { timeline: Timeline::any(matches.iter().map(|found| &found.timeline)), matches }
    }

    /// The requirements, as matched best at this instant.
    #[must_use]
    pub fn parts(&self, at: Time) -> &[Part] {
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
}

impl Part {
    fn why_not(&self, at: Time) -> String {
        if let Some((index, _)) = self.vetoes.iter().find(|(_, window)| window.contains(at)) {
            return format!("entry {index} is a finding against it");
        }
        let counting = self.evidence.iter().filter(|(_, window)| window.contains(at)).count();
        if counting > 0 {
            return format!("{counting} statements count, which is not enough, or their periods leave a gap");
        }
        let lapsed = self.evidence.iter().filter(|(_, window)| window.until <= at).map(|&(index, _)| index).max();
        if let Some(index) = lapsed {
            return format!("entry {index} has lapsed");
        }
        match self.refused.last() {
            Some((index, why)) => format!("entry {index} does not count: {why}"),
            None => String::from("nobody has said so"),
        }
    }
}

fn combine<'p>(need: &Need, parts: &mut impl Iterator<Item = &'p Part>) -> Timeline {
    match need {
        Need::Requirement(_) => parts.next().map_or_else(Timeline::never, |part| part.timeline.clone()),
        Need::AtLeast(k, needs) => {
            let timelines: Vec<Timeline> = needs.iter().map(|need| combine(need, parts)).collect();
            Timeline::at_least(*k, &timelines)
        }
    }
}

struct Scene<'a> {
    condition: &'a Condition,
    view: &'a View<'a>,
    artifact: Option<&'a str>,
}

impl<'a> Scene<'a> {
    /// Every way to say which source, model or system the joined requirements speak of.
    fn bindings(&self) -> Vec<Binding> {
        let requirements = self.condition.requirements();
        let mut roots: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for requirement in &requirements {
            let About::Joined { of, pointer } = &requirement.subject else { continue };
            let root = requirements.iter().find(|root| root.name == *of);
            let records = root.into_iter().flat_map(|root| self.records(root, &Binding::new()));
            let named = records.filter_map(|(record, _)| record.statement.claim(pointer)?.as_str());
            roots.entry((of.clone(), pointer.clone())).or_default().extend(named.map(String::from));
        }
        let mut bindings = vec![Binding::new()];
        for (root, values) in roots {
            let values: Vec<String> =
                if values.is_empty() { vec![String::new()] } else { values.into_iter().collect() };
            let longer = bindings.iter().flat_map(|binding| {
                values.iter().map(|value| {
                    let mut binding = binding.clone();
                    binding.insert(root.clone(), value.clone());
                    binding
                })
            });
            bindings = longer.take(MATCHES_MAX).collect();
        }
        bindings
    }

    fn subject(&self, requirement: &Requirement, binding: &Binding) -> Option<Subject> {
        match &requirement.subject {
            About::Order => Some(self.condition.order_subject()),
            About::Named(subject) => Some(subject.clone()),
            About::Artifact => self.artifact.map(Subject::artifact),
            About::Joined { of, pointer } => {
                binding.get(&(of.clone(), pointer.clone())).map(|digest| Subject::artifact(digest))
            }
        }
    }

    /// Statements of the requirement's type about its subject.
    fn records(&self, requirement: &Requirement, binding: &Binding) -> Vec<(&'a Record, Subject)> {
        let Some(subject) = self.subject(requirement, binding) else { return Vec::new() };
        self.view.about(requirement.kind, &subject).map(|record| (record, subject.clone())).collect()
    }

    /// Why a statement does not count for the requirement, apart from who made it.
    fn refusal(&self, requirement: &Requirement, record: &Record, binding: &Binding) -> Option<String> {
        if let Some(claim) = requirement.claims.iter().find(|claim| !claim.holds(&record.statement)) {
            return Some(format!("`{}` is not {} {}", claim.pointer, claim.operator.sign(), claim.value));
        }
        let order = record.statement.claim("/order").and_then(serde_json::Value::as_str);
        if order.is_some_and(|order| order != self.condition.order) {
            return Some(String::from("it is about another order"));
        }
        if requirement.tiling.is_some() && record.statement.period.is_none() {
            return Some(String::from("it names no period"));
        }
        let bound = binding.iter().filter(|((of, _), _)| *of == requirement.name);
        let other = |((_, pointer), value): (&(String, String), &String)| {
            record.statement.claim(pointer).and_then(serde_json::Value::as_str) != Some(value)
        };
        bound.into_iter().any(other).then(|| String::from("it names another source than the statements joined to it"))
    }

    fn part(&self, requirement: &Requirement, binding: &Binding) -> Part {
        let trust = self.view.trust();
        let members = trust.everybody(&requirement.by);
        let mut part = Part {
            name: requirement.name.clone(),
            timeline: Timeline::never(),
            evidence: Vec::new(),
            vetoes: Vec::new(),
            refused: Vec::new(),
        };
        let mut words: BTreeMap<&str, Vec<Word>> = BTreeMap::new();
        for (record, subject) in self.records(requirement, binding) {
            if let Some(why) = self.refusal(requirement, record, binding) {
                part.refused.push((record.index, why));
                continue;
            }
            let independent = |principal: &str| {
                trust.principal(principal).is_some_and(|principal| !requirement.independent_of.contains(&principal.org))
            };
            let speakers = self.view.speakers(record, &subject);
            let heard = speakers.into_iter().filter(|speaker| members.contains(speaker) && independent(speaker));
            let mut counted = false;
            for speaker in heard {
                // Where periods must tile, age is the chain's: a report stays told, so that it can fill a gap.
                let max_age = if requirement.tiling.is_some() { NEVER } else { requirement.max_age };
                let window = self.view.window(record, speaker, max_age);
                if window.is_empty() {
                    continue;
                }
                counted = true;
                part.evidence.push((record.index, window));
                words.entry(speaker).or_default().push(Word { window, period: record.statement.period });
            }
            if !counted {
                part.refused
                    .push((record.index, String::from("its signers may not say this here, or it was never in time")));
            }
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
        let order = self.condition.order_subject();
        if let Some(veto) = &requirement.veto {
            let found = self.view.vetoes(veto, &order, &requirement.name);
            part.vetoes = found.into_iter().map(|(record, window)| (record.index, window)).collect();
        }
        let vetoed: Timeline = part.vetoes.iter().map(|&(_, window)| window).collect();
        part.timeline = supported.without(&vetoed);
        part
    }
}

/// One principal's word in one statement.
struct Word {
    window: Window,
    period: Option<(Time, Time)>,
}

/// Whether any one member of a group is enough, so that members may take turns over the periods.
fn takes_turns(trust: &crate::Trust, by: &str) -> bool {
    trust.group(by).is_some_and(|group| {
        group.quorum == Quorum::Some(1) && group.members.iter().all(|member| trust.principal(member).is_some())
    })
}

/// When the periods told so far reach, without a gap, from the stated beginning to not too long ago.
///
/// A gap is never bridged by later periods: what was covered ages out, and the rest counts once somebody
/// fills the gap. So a further report can only help.
fn tiled(words: &[Word], tiling: Tiling, max_age: Time) -> Timeline {
    let mut told: Vec<(Time, Time, Time, Time)> = Vec::new();
    for word in words {
        let Some((start, end)) = word.period else { continue };
        told.push((start, end, word.window.from, word.window.until));
    }
    told.sort_unstable();
    let edges: BTreeSet<Time> = told.iter().flat_map(|&(_, _, from, until)| [from, until]).collect();
    let edges: Vec<Time> = edges.into_iter().collect();
    let windows = edges.iter().enumerate().map(|(number, &from)| {
        let next = edges.get(number + 1).copied().unwrap_or(NEVER);
        let mut reach = tiling.since;
        for &(start, end, told_from, told_until) in &told {
            let standing = told_from <= from && from < told_until;
            if standing && start <= reach.saturating_add(tiling.gap) {
                reach = reach.max(end);
            }
        }
        let until = if reach > tiling.since { next.min(reach.saturating_add(max_age)) } else { from };
        Window { from, until }
    });
    windows.collect()
}
