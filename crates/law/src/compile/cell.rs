//! One cell of time, in which only facets vary: the diagram from facet states to outcomes.

use super::graph::{Graph, Pool, Root};
use super::near::{Limits, Near};
use super::point::{self, Settled, Verdict, Visible};
use crate::answer::{Doubt, Ground, Outcome, Status, Statuses};
use crate::law::{FACETS_MAX, Facet, FacetId, Operator, Value, Values};
use crate::time::{Edge, Extent, Time};
use foldhash::{HashMap, HashMapExt as _};
use std::collections::{BTreeMap, BTreeSet};

/// One way to settle a facet: which pair of readings of its axis, and whether it is only a part of a region.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Choice {
    pair: usize,
    part: bool,
}

/// Facet states that cannot be told apart in this cell.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Slot {
    choices: Vec<Choice>,
    /// Nobody stated the facet, so that an exception could still be claimed.
    claimable: bool,
}

/// A facet the cell turns on.
struct Axis {
    facet: FacetId,
    unclaimed: Value,
    values: Value,
    /// What prohibitions read and what exceptions and relief read, each as the first value of its class.
    pairs: Vec<(Value, Value)>,
    slots: Vec<Slot>,
    /// State to slot.
    of_state: Vec<usize>,
    /// Scopes that turn on this facet.
    turning: Set,
    /// For each slot, the scopes that can still be met, or claimed.
    may: Vec<Set>,
    /// For each slot, the scopes that are met on this facet whatever the slot leaves open.
    must: Vec<Set>,
}

/// More scopes than this in one cell are refused at compile time.
pub(super) const REACHES_MAX: usize = 256;

/// A set of scopes, by their numbers in the cell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Set([u64; REACHES_MAX / 64]);

impl Set {
    fn insert(&mut self, n: usize) {
        if let Some(word) = self.0.get_mut(n / 64) {
            *word |= 1 << (n % 64);
        }
    }

    fn combine(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        let mut words = self.0.iter().zip(other.0).map(|(a, b)| with(*a, b));
        Self(std::array::from_fn(|_| words.next().unwrap_or(0)))
    }

    fn and(self, other: Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    fn without(self, other: Self) -> Self {
        self.combine(other, |a, b| a & !b)
    }

    fn is_empty(self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// A scope of a record that may act in the cell.
struct Reach {
    /// Read as a prohibition reads.
    asks: bool,
    limits: Limits,
}

/// What still matters when some axes are settled: scopes that may be met, and the slots they turn on.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Situation {
    alive: Set,
    pinned: Vec<(u8, u8)>,
}

/// A cell being compiled.
pub(super) struct Cell<'a> {
    near: &'a Near,
    visible: &'a Visible,
    at: Time,
    reaches: Vec<Reach>,
    axes: Vec<Axis>,
    doubts: Vec<Doubt>,
    /// Outcomes of situations in which every axis is settled, exceptions nobody claimed aside, by their numbers.
    answers: HashMap<Situation, u32>,
    /// These outcomes.
    answered: Vec<Outcome>,
    /// What each of them is a leaf of, with the exceptions that nobody claimed.
    leaves: HashMap<(u32, Vec<(u32, u8)>), Root>,
    /// Diagrams of situations in which the axes before the given one are settled.
    built: HashMap<(usize, Situation), Root>,
    /// Distinct verdicts.
    verdicts: Pool<Verdict>,
    /// Verdict of each point of the axes' pairs and the doubts, once it is known.
    points: Vec<Option<u32>>,
    /// Outcomes by the verdicts they unite and the coordinates that matter.
    united: HashMap<(Vec<u32>, Vec<bool>), u32>,
}

/// More doubts than this at one instant are refused at compile time: each doubles the work.
pub(super) const DOUBTS_MAX: usize = 12;
/// More combinations of facet values than this in one cell are refused at compile time.
pub(super) const POINTS_MAX: usize = 1 << 24;

/// Why a cell cannot be compiled.
pub(super) enum TooWide {
    Reaches(usize),
    Doubts(usize),
    Points(usize),
}

impl<'a> Cell<'a> {
    pub(super) fn new(near: &'a Near, visible: &'a Visible, facets: &[Facet], at: Time) -> Result<Self, TooWide> {
        let mut cell = Self {
            near,
            visible,
            at,
            reaches: Vec::new(),
            axes: Vec::new(),
            doubts: Vec::new(),
            answers: HashMap::new(),
            answered: Vec::new(),
            leaves: HashMap::new(),
            built: HashMap::new(),
            verdicts: Pool::default(),
            points: Vec::new(),
            united: HashMap::new(),
        };
        cell.doubts = cell.find_doubts();
        if cell.doubts.len() > DOUBTS_MAX {
            return Err(TooWide::Doubts(cell.doubts.len()));
        }
        cell.reaches = cell.find_reaches();
        if cell.reaches.len() > REACHES_MAX {
            return Err(TooWide::Reaches(cell.reaches.len()));
        }
        cell.axes = cell.find_axes(facets);
        let product = |size: fn(&Axis) -> usize| cell.axes.iter().fold(1_usize, |n, axis| n.saturating_mul(size(axis)));
        let points = product(|axis| axis.pairs.len()).saturating_mul(1 << cell.doubts.len());
        if points > POINTS_MAX {
            return Err(TooWide::Points(points));
        }
        cell.points = vec![None; points];
        Ok(cell)
    }

    /// The diagram; its leaves are numbers in `outcomes`.
    pub(super) fn compile(mut self, graph: &mut Graph, outcomes: &mut Pool<Outcome>) -> Root {
        let everything = self.everything();
        let mut slots = vec![0; self.axes.len()];
        self.build(0, everything, &mut slots, graph, outcomes)
    }

    /// The diagram from axis `n` on. Axes that no scope turns on any more are passed over, so the work
    /// follows what can matter, not the product of all states.
    fn build(
        &mut self,
        n: usize,
        situation: Situation,
        slots: &mut Vec<usize>,
        graph: &mut Graph,
        outcomes: &mut Pool<Outcome>,
    ) -> Root {
        let Some(axis) = self.axes.get(n) else {
            let answer = self.answer(slots, situation);
            let leaf = (answer, self.unless(slots, answer));
            if let Some(root) = self.leaves.get(&leaf) {
                return *root;
            }
            let outcome = self.answered.get(answer as usize).cloned();
            let outcome = outcome.map(|outcome| Outcome { unless: leaf.1.clone(), ..outcome });
            let root = Root::Leaf(outcome.map_or(0, |outcome| outcomes.number(outcome)));
            self.leaves.insert(leaf, root);
            return root;
        };
        if situation.alive.and(axis.turning).is_empty() {
            return self.build(n + 1, situation, slots, graph, outcomes);
        }
        let (facet, count) = (axis.facet, axis.slots.len());
        let key = (n, situation);
        if let Some(root) = self.built.get(&key) {
            return *root;
        }
        let mut by_slot = Vec::with_capacity(count);
        for slot in 0..count {
            if let Some(settled) = slots.get_mut(n) {
                *settled = slot;
            }
            let next = self.settle(&key.1, n, slot, slots);
            by_slot.push(self.build(n + 1, next, slots, graph, outcomes));
        }
        let of_state = self.axes.get(n).map(|axis| axis.of_state.as_slice()).unwrap_or_default();
        let by_state: Vec<Root> = of_state.iter().filter_map(|slot| by_slot.get(*slot).copied()).collect();
        let root = graph.test(facet, &by_state);
        self.built.insert(key, root);
        root
    }

    /// The situation when nothing is settled.
    fn everything(&self) -> Situation {
        let mut alive = Set::default();
        (0..self.reaches.len()).for_each(|reach| alive.insert(reach));
        Situation { alive, pinned: Vec::new() }
    }

    /// What matters once axis `n` has `slot`; the axes pinned before are unpinned if nothing turns on them.
    fn settle(&self, before: &Situation, n: usize, slot: usize, slots: &[usize]) -> Situation {
        let alive = before.alive.and(self.axes.get(n).map(|axis| of(&axis.may, slot)).unwrap_or_default());
        let settled = before.pinned.iter().map(|(axis, _)| usize::from(*axis)).chain([n]);
        Situation { alive, pinned: self.pinned(alive, settled, slots) }
    }

    /// The situation when every axis is settled. Scopes are only ever lost on the way to it, so that what is pinned
    /// depends on what is left in the end.
    fn situation(&self, slots: &[usize]) -> Situation {
        let settled = self.axes.iter().zip(slots).map(|(axis, slot)| of(&axis.may, *slot));
        let alive = settled.fold(self.everything().alive, Set::and);
        Situation { alive, pinned: self.pinned(alive, 0..self.axes.len(), slots) }
    }

    /// Of settled axes, in order, those that something turns on which is left.
    fn pinned(&self, alive: Set, settled: impl Iterator<Item = usize>, slots: &[usize]) -> Vec<(u8, u8)> {
        let small = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let mut pinned = Vec::new();
        for n in settled {
            let (Some(slot), Some(axis)) = (slots.get(n), self.axes.get(n)) else { continue };
            if !alive.without(of(&axis.must, *slot)).is_empty() {
                pinned.push((small(n), small(*slot)));
            }
        }
        pinned.sort_unstable();
        pinned
    }

    fn possibly_inside(&self, extent: &Extent) -> bool {
        extent.from.passed(self.at) != Some(false) && extent.until.passed(self.at) != Some(true)
    }

    /// Scopes of records that may act in this cell.
    fn find_reaches(&self) -> Vec<Reach> {
        let mut reaches = Vec::new();
        for (n, effect) in self.near.effects.iter().enumerate() {
            if self.visible.effects >> n & 1 == 1 && self.possibly_inside(&effect.window) {
                let reach = |limits: &Limits| Reach { asks: effect.extends, limits: limits.clone() };
                reaches.extend(effect.slice.iter().map(reach));
            }
        }
        for (n, provision) in self.near.provisions.iter().enumerate() {
            let force = self.near.nodes.get(provision.own).map(|node| node.force.as_slice()).unwrap_or_default();
            let extended =
                self.near.effects.iter().enumerate().any(|(n, e)| {
                    provision.acted_by(Operator::Extend) >> n & 1 == 1 && self.possibly_inside(&e.window)
                });
            let running = extended || force.iter().any(|e| self.possibly_inside(e));
            if self.visible.provisions >> n & 1 == 1 && running {
                let reach = |(_, limits): &(u8, Limits)| Reach { asks: provision.forbids, limits: limits.clone() };
                reaches.extend(provision.scopes.iter().map(reach));
            }
        }
        reaches
    }

    fn find_doubts(&self) -> Vec<Doubt> {
        let forces = self.near.nodes.iter().flat_map(|node| &node.force);
        let windows = self.near.effects.iter().map(|e| &e.window);
        let attested = self.near.attestations.iter().map(|a| &a.window);
        let undecided = |edge: &Edge| edge.passed(self.at).is_none();
        let edges = forces.chain(windows).chain(attested).flat_map(|e| [e.from, e.until]).filter(undecided);
        let open = self.near.attestations.iter().filter(|a| a.open && self.possibly_inside(&a.window));
        let doubts: BTreeSet<Doubt> =
            edges.map(|edge| Doubt::Reading(edge.reading)).chain(open.map(|a| Doubt::Condition(a.condition))).collect();
        doubts.into_iter().collect()
    }

    fn find_axes(&self, facets: &[Facet]) -> Vec<Axis> {
        let mut asking: BTreeMap<FacetId, BTreeSet<Values>> = BTreeMap::new();
        let mut claiming: BTreeMap<FacetId, BTreeSet<Values>> = BTreeMap::new();
        for reach in &self.reaches {
            for (facet, admitted) in &reach.limits {
                let masks = if reach.asks { &mut asking } else { &mut claiming };
                masks.entry(*facet).or_default().insert(*admitted);
            }
        }
        let ids: BTreeSet<FacetId> = asking.keys().chain(claiming.keys()).copied().collect();
        let none = BTreeSet::new();
        ids.into_iter()
            .filter_map(|id| {
                let facet = facets.get(usize::from(id))?;
                let masks = [asking.get(&id).unwrap_or(&none), claiming.get(&id).unwrap_or(&none)];
                let mut axis = Axis::new(id, facet, masks);
                axis.weigh(&self.reaches);
                Some(axis)
            })
            .collect()
    }

    /// What a combination of slots comes to: a number in `answered`.
    fn answer(&mut self, slots: &[usize], situation: Situation) -> u32 {
        if let Some(answer) = self.answers.get(&situation) {
            return *answer;
        }
        // An axis that is not pinned decides nothing: one of its choices stands for all.
        let choices: Vec<Vec<Choice>> = (0..)
            .zip(self.axes.iter().zip(slots))
            .map(|(n, (axis, slot)): (usize, _)| {
                let choices = axis.slots.get(*slot).map(|slot| slot.choices.as_slice()).unwrap_or_default();
                let pinned = situation.pinned.iter().any(|(axis, _)| usize::from(*axis) == n);
                if pinned { choices.to_vec() } else { choices.iter().filter(|c| !c.part).take(1).copied().collect() }
            })
            .collect();
        let mut shape: Vec<usize> = choices.iter().map(Vec::len).collect();
        shape.extend(self.doubts.iter().map(|_| 2));
        if shape.iter().all(|length| *length == 1) {
            // Nothing is open: the one verdict is the answer.
            let pick = |point, (axis, choices): (&Axis, &Vec<Choice>)| {
                point * axis.pairs.len() + choices.first().map_or(0, |choice| choice.pair)
            };
            let point = self.axes.iter().zip(&choices).fold(0, pick);
            let verdict = self.verdict(point);
            let answer = self.unite(&shape, &[Some(verdict)]);
            self.answers.insert(situation, answer);
            return answer;
        }
        let mut completions: Vec<Option<u32>> = Vec::new();
        let mut at = vec![0; shape.len()];
        loop {
            let (mut point, mut part) = (0, false);
            for ((axis, choices), pick) in self.axes.iter().zip(&choices).zip(&at) {
                let choice = choices.get(*pick).copied().unwrap_or(Choice { pair: 0, part: false });
                point = point * axis.pairs.len() + choice.pair;
                part |= choice.part;
            }
            let doubts = at.iter().skip(choices.len()).fold(0, |bits, doubt| bits << 1 | doubt);
            let verdict = self.verdict(point << self.doubts.len() | doubts);
            let unlawful = self.verdicts.get(verdict).is_some_and(|v| v.status.is_unlawful());
            completions.push((unlawful || !part).then_some(verdict));
            if !advance(&mut at, &shape) {
                break;
            }
        }
        let answer = self.unite(&shape, &completions);
        self.answers.insert(situation, answer);
        answer
    }

    fn unite(&mut self, shape: &[usize], completions: &[Option<u32>]) -> u32 {
        let counted: BTreeSet<u32> = completions.iter().flatten().copied().collect();
        let statuses: Vec<Option<Status>> =
            completions.iter().map(|verdict| verdict.and_then(|v| self.verdicts.get(v)).map(|v| v.status)).collect();
        let key = (counted.into_iter().collect::<Vec<u32>>(), pivots(shape, &statuses));
        if let Some(answer) = self.united.get(&key) {
            return *answer;
        }
        let (united, pivots) = &key;
        let verdicts = || united.iter().filter_map(|v| self.verdicts.get(*v));
        let grounds: BTreeSet<&Ground> = verdicts().flat_map(|v| &v.grounds).collect();
        let doubts = self.doubts.iter().zip(pivots.iter().skip(self.axes.len()));
        let outcome = Outcome {
            statuses: verdicts().map(|v| v.status).collect(),
            grounds: grounds.into_iter().cloned().collect(),
            needs: self.axes.iter().zip(pivots).filter(|(_, pivot)| **pivot).map(|(axis, _)| axis.facet).collect(),
            doubts: doubts.filter(|(_, pivot)| **pivot).map(|(doubt, _)| *doubt).collect(),
            unless: Vec::new(),
            conflict: verdicts().any(|v| v.conflict),
        };
        let answer = u32::try_from(self.answered.len()).unwrap_or(u32::MAX);
        self.answered.push(outcome);
        self.united.insert(key, answer);
        answer
    }

    /// The verdict at a point: pairs of the axes, the last running fastest, then a bit per doubt.
    fn verdict(&mut self, point: usize) -> u32 {
        if let Some(Some(verdict)) = self.points.get(point) {
            return *verdict;
        }
        let doubts = point & ((1 << self.doubts.len()) - 1);
        let mut rest = point >> self.doubts.len();
        let (mut asked, mut claimed) = ([0; FACETS_MAX], [0; FACETS_MAX]);
        for axis in self.axes.iter().rev() {
            let pair = axis.pairs.get(rest % axis.pairs.len()).copied().unwrap_or((0, 0));
            rest /= axis.pairs.len();
            let facet = usize::from(axis.facet);
            if let (Some(a), Some(c)) = (asked.get_mut(facet), claimed.get_mut(facet)) {
                (*a, *c) = pair;
            }
        }
        let last = self.doubts.len().saturating_sub(1);
        let settled_yes =
            |doubt: Doubt| self.doubts.iter().position(|d| *d == doubt).is_some_and(|n| doubts >> (last - n) & 1 == 1);
        let passed = |edge: Edge| edge.passed(self.at).unwrap_or_else(|| settled_yes(Doubt::Reading(edge.reading)));
        let settled = Settled {
            asked: &asked,
            claimed: &claimed,
            inside: &|extent| passed(extent.from) && !passed(extent.until),
            suffices: &|condition| settled_yes(Doubt::Condition(condition)),
            visible: self.visible,
        };
        let verdict = self.verdicts.number(point::decide(self.near, &settled));
        if let Some(slot) = self.points.get_mut(point) {
            *slot = Some(verdict);
        }
        verdict
    }

    /// Exceptions nobody claimed that, claimed with any value they admit, would take the act out.
    fn unless(&mut self, slots: &[usize], now: u32) -> Vec<(u32, u8)> {
        let near = self.near;
        let mut found = Vec::new();
        let Some(statuses) = self.answered.get(now as usize).map(|now| now.statuses) else { return found };
        if !(statuses.may_be_unlawful() || statuses.contains(Status::Stayed)) {
            return found;
        }
        for exception in near.provisions.iter().filter(|p| !p.forbids) {
            if self.cites(now, exception.id) {
                continue;
            }
            for (n, limits) in &exception.scopes {
                let Some(claims) = self.claims(slots, limits) else { continue };
                let frees = claims.iter().all(|claim| {
                    let then = self.answer(claim, self.situation(claim));
                    let changed = |then: &Outcome| then.statuses != statuses && !then.statuses.may_be_unlawful();
                    self.answered.get(then as usize).is_some_and(changed) && self.cites(then, exception.id)
                });
                if frees && !claims.is_empty() {
                    found.push((exception.id, *n));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Whether an answer rests on an exception.
    fn cites(&self, answer: u32, exception: u32) -> bool {
        let grounds = self.answered.get(answer as usize).map(|outcome| outcome.grounds.as_slice()).unwrap_or_default();
        grounds.iter().any(|ground| ground.provision == exception && ground.status == Status::Excepted)
    }

    /// The slot combinations reached by claiming what `limits` ask; `None` where nothing is left to claim.
    fn claims(&self, slots: &[usize], limits: &Limits) -> Option<Vec<Vec<usize>>> {
        let mut claims = vec![slots.to_vec()];
        let mut claimed = false;
        for (facet, admitted) in limits {
            let n = self.axes.iter().position(|axis| axis.facet == *facet)?;
            let axis = self.axes.get(n)?;
            let slot = axis.slots.get(*slots.get(n)?)?;
            if !slot.claimable || admitted >> axis.unclaimed & 1 == 1 {
                continue;
            }
            claimed = true;
            let targets: BTreeSet<usize> = (0..axis.values)
                .filter(|value| admitted >> value & 1 == 1)
                .filter_map(|value| axis.of_state.get(usize::from(value)).copied())
                .collect();
            claims = targets
                .iter()
                .flat_map(|target| {
                    claims.iter().map(move |claim| {
                        let mut claim = claim.clone();
                        if let Some(slot) = claim.get_mut(n) {
                            *slot = *target;
                        }
                        claim
                    })
                })
                .collect();
        }
        claimed.then_some(claims)
    }
}

impl Axis {
    fn new(id: FacetId, facet: &Facet, [asking, claiming]: [&BTreeSet<Values>; 2]) -> Self {
        // The first value that every mask treats alike stands for its class.
        let class = |masks: &BTreeSet<Values>, value: Value| {
            let alike = |other: &Value| masks.iter().all(|mask| (mask >> other ^ mask >> value) & 1 == 0);
            (0..=facet.unclaimed()).find(alike).unwrap_or(value)
        };
        let mut pairs: Vec<(Value, Value)> = Vec::new();
        let mut choice = |asked: Value, claimed: Value, part| {
            let pair = (class(asking, asked), class(claiming, claimed));
            let known = pairs.iter().position(|known| *known == pair).unwrap_or_else(|| {
                pairs.push(pair);
                pairs.len() - 1
            });
            Choice { pair: known, part }
        };
        let mut slots: Vec<Slot> = Vec::new();
        let mut of_state = Vec::new();
        for state in (0..=facet.unknown()).take(facet.states()) {
            let choices: BTreeSet<Choice> = if state < facet.values {
                BTreeSet::from([choice(state, state, false)])
            } else if let Some(region) = facet.regions.get(usize::from(state - facet.values)) {
                let own = choice(region.own, region.own, false);
                let parts: Vec<Choice> = region.within.iter().map(|part| choice(*part, *part, true)).collect();
                std::iter::once(own).chain(parts.into_iter().filter(|part| part.pair != own.pair)).collect()
            } else if state == facet.absent() {
                (0..facet.values).map(|value| choice(value, facet.unclaimed(), false)).collect()
            } else {
                (0..facet.values).map(|value| choice(value, value, false)).collect()
            };
            let slot = Slot { choices: choices.into_iter().collect(), claimable: state == facet.absent() };
            let n = slots.iter().position(|s| *s == slot).unwrap_or_else(|| {
                slots.push(slot);
                slots.len() - 1
            });
            of_state.push(n);
        }
        Self {
            facet: id,
            unclaimed: facet.unclaimed(),
            values: facet.values,
            pairs,
            slots,
            of_state,
            turning: Set::default(),
            may: Vec::new(),
            must: Vec::new(),
        }
    }

    /// Which scopes each slot leaves open, and which it meets.
    fn weigh(&mut self, reaches: &[Reach]) {
        self.may = vec![Set::default(); self.slots.len()];
        self.must = vec![Set::default(); self.slots.len()];
        for (n, reach) in reaches.iter().enumerate() {
            let admitted = reach.limits.iter().find(|(facet, _)| *facet == self.facet).map(|(_, admitted)| *admitted);
            if admitted.is_some() {
                self.turning.insert(n);
            }
            let meets = |choice: &Choice| {
                let (asked, claimed) = self.pairs.get(choice.pair).copied().unwrap_or((0, 0));
                admitted.is_none_or(|admitted| admitted >> (if reach.asks { asked } else { claimed }) & 1 == 1)
            };
            for ((slot, may), must) in self.slots.iter().zip(&mut self.may).zip(&mut self.must) {
                // What is read as a claim may still be claimed, and then turns on the other axes too.
                if (!reach.asks && slot.claimable) || slot.choices.iter().any(meets) {
                    may.insert(n);
                }
                if slot.choices.iter().all(meets) {
                    must.insert(n);
                }
            }
        }
    }
}

/// What is said of a slot.
fn of(sets: &[Set], slot: usize) -> Set {
    sets.get(slot).copied().unwrap_or_default()
}

/// Which coordinates change the status: somewhere two counted completions differ in it alone.
fn pivots(shape: &[usize], completions: &[Option<Status>]) -> Vec<bool> {
    let mut pivots = vec![false; shape.len()];
    let statuses: Statuses = completions.iter().flatten().copied().collect();
    if statuses.single().is_some() {
        return pivots;
    }
    let mut stride = 1;
    for (pivot, length) in pivots.iter_mut().zip(shape).rev() {
        let mut starts = (0..completions.len()).filter(|start| (start / stride).is_multiple_of(*length));
        *pivot = *length > 1
            && starts.any(|start| {
                let line = completions.iter().skip(start).step_by(stride).take(*length).flatten();
                line.copied().collect::<Statuses>().iter().count() > 1
            });
        stride *= length;
    }
    pivots
}

/// Moves to the next coordinate of a grid, the last running fastest; `false` after the last.
fn advance(at: &mut [usize], shape: &[usize]) -> bool {
    for (at, length) in at.iter_mut().zip(shape).rev() {
        *at += 1;
        if *at < *length {
            return true;
        }
        *at = 0;
    }
    false
}
