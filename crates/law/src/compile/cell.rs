//! One cell of time, in which only facets vary: the diagram from facet states to outcomes.

use super::graph::{Graph, Pool, Root};
use super::near::{Limits, Near};
use super::point::{self, Settled, Verdict, Visible};
use crate::answer::{Doubt, Ground, Outcome, Status, Statuses};
use crate::law::{FACETS_MAX, Facet, FacetId, Operator, Value, Values};
use crate::time::{Edge, Extent, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One way to settle a facet: a class of values for prohibitions, one for exceptions and relief.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Choice {
    asked: Value,
    claimed: Value,
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
    slots: Vec<Slot>,
    /// State to slot.
    of_state: Vec<usize>,
}

/// What a slot combination comes to, before exceptions nobody claimed are looked for.
type Answers = Vec<Outcome>;

/// A cell being compiled.
pub(super) struct Cell<'a> {
    near: &'a Near,
    visible: &'a Visible,
    at: Time,
    axes: Vec<Axis>,
    doubts: Vec<Doubt>,
    memo: HashMap<(Vec<(Value, Value)>, u64), Verdict>,
}

/// More doubts than this at one instant are refused at compile time: each doubles the work.
pub(super) const DOUBTS_MAX: usize = 12;
/// More combinations of facet states than this in one cell are refused at compile time.
pub(super) const COMBINATIONS_MAX: usize = 1 << 20;

/// Why a cell cannot be compiled.
pub(super) enum TooWide {
    Doubts(usize),
    Combinations(usize),
}

impl<'a> Cell<'a> {
    pub(super) fn new(near: &'a Near, visible: &'a Visible, facets: &[Facet], at: Time) -> Result<Self, TooWide> {
        let mut cell = Self { near, visible, at, axes: Vec::new(), doubts: Vec::new(), memo: HashMap::new() };
        cell.doubts = cell.find_doubts();
        if cell.doubts.len() > DOUBTS_MAX {
            return Err(TooWide::Doubts(cell.doubts.len()));
        }
        cell.axes = cell.find_axes(facets);
        let combinations = cell.axes.iter().fold(1_usize, |n, axis| n.saturating_mul(axis.slots.len()));
        if combinations > COMBINATIONS_MAX {
            return Err(TooWide::Combinations(combinations));
        }
        Ok(cell)
    }

    /// The diagram; its leaves are numbers in `outcomes`.
    pub(super) fn compile(mut self, graph: &mut Graph, outcomes: &mut Pool<Outcome>) -> Root {
        let shape: Vec<usize> = self.axes.iter().map(|axis| axis.slots.len()).collect();
        let answers: Answers = Grid::new(&shape).map(|slots| self.answer(&slots)).collect();
        let leaves: Vec<Root> = Grid::new(&shape)
            .zip(&answers)
            .map(|(slots, answer)| {
                let mut outcome = answer.clone();
                outcome.unless = self.unless(&slots, answer, &answers, &shape);
                Root::Leaf(outcomes.number(outcome))
            })
            .collect();
        let folded = self.axes.iter().rev().fold(leaves, |level, axis| {
            let fold = |slots: &[Root]| {
                let by_state: Vec<Root> = axis.of_state.iter().filter_map(|slot| slots.get(*slot).copied()).collect();
                graph.test(axis.facet, &by_state)
            };
            level.chunks(axis.slots.len()).map(fold).collect()
        });
        // Every grid has a point, so one diagram is left when every axis is folded.
        folded.first().copied().unwrap_or(Root::Leaf(0))
    }

    fn possibly_inside(&self, extent: &Extent) -> bool {
        extent.from.passed(self.at) != Some(false) && extent.until.passed(self.at) != Some(true)
    }

    /// Scopes of records that may act in this cell: (read as a prohibition reads, limits).
    fn scopes(&self) -> impl Iterator<Item = (bool, &Limits)> {
        let effects = self
            .near
            .effects
            .iter()
            .enumerate()
            .filter(|(n, e)| self.visible.effects >> n & 1 == 1 && self.possibly_inside(&e.window));
        let provisions = self.near.provisions.iter().enumerate().filter(|(n, p)| {
            let force = self.near.nodes.get(p.own).map(|node| node.force.as_slice()).unwrap_or_default();
            let extended = self
                .near
                .effects
                .iter()
                .enumerate()
                .any(|(n, e)| p.acted_by(Operator::Extend) >> n & 1 == 1 && self.possibly_inside(&e.window));
            self.visible.provisions >> n & 1 == 1 && (extended || force.iter().any(|e| self.possibly_inside(e)))
        });
        let provisions = provisions.flat_map(|(_, p)| p.scopes.iter().map(|(_, limits)| (p.forbids, limits)));
        effects.flat_map(|(_, e)| e.slice.iter().map(|limits| (e.extends, limits))).chain(provisions)
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
        for (asks, limits) in self.scopes() {
            for (facet, admitted) in limits {
                let masks = if asks { &mut asking } else { &mut claiming };
                masks.entry(*facet).or_default().insert(*admitted);
            }
        }
        let ids: BTreeSet<FacetId> = asking.keys().chain(claiming.keys()).copied().collect();
        let none = BTreeSet::new();
        ids.into_iter()
            .filter_map(|id| {
                let facet = facets.get(usize::from(id))?;
                let masks = [asking.get(&id).unwrap_or(&none), claiming.get(&id).unwrap_or(&none)];
                Some(Axis::new(id, facet, masks))
            })
            .collect()
    }

    /// What a combination of slots comes to.
    fn answer(&mut self, slots: &[usize]) -> Outcome {
        let choices: Vec<Vec<Choice>> = self
            .axes
            .iter()
            .zip(slots)
            .map(|(axis, slot)| axis.slots.get(*slot).map(|slot| slot.choices.clone()).unwrap_or_default())
            .collect();
        let mut shape: Vec<usize> = choices.iter().map(Vec::len).collect();
        shape.extend(self.doubts.iter().map(|_| 2));
        let facets = self.axes.len();
        let completions: Vec<Option<Verdict>> = Grid::new(&shape)
            .map(|at| {
                let (picks, doubts) = at.split_at_checked(facets).unwrap_or((&at, &[]));
                let picked: Vec<Choice> =
                    choices.iter().zip(picks).filter_map(|(choices, pick)| choices.get(*pick).copied()).collect();
                let settled = doubts.iter().rev().fold(0_u64, |bits, doubt| bits << 1 | *doubt as u64);
                let verdict = self.verdict(&picked, settled);
                (verdict.status.is_unlawful() || picked.iter().all(|choice| !choice.part)).then_some(verdict)
            })
            .collect();
        let pivots = pivots(&shape, &completions);
        let counted = || completions.iter().flatten();
        let grounds: BTreeSet<&Ground> = counted().flat_map(|v| &v.grounds).collect();
        let mut doubts = self.doubts.iter().zip(pivots.iter().skip(facets));
        Outcome {
            statuses: counted().map(|v| v.status).collect(),
            grounds: grounds.into_iter().cloned().collect(),
            needs: self.axes.iter().zip(&pivots).filter(|(_, pivot)| **pivot).map(|(axis, _)| axis.facet).collect(),
            doubts: doubts.by_ref().filter(|(_, pivot)| **pivot).map(|(doubt, _)| *doubt).collect(),
            unless: Vec::new(),
            conflict: counted().any(|v| v.conflict),
        }
    }

    fn verdict(&mut self, picked: &[Choice], doubts: u64) -> Verdict {
        let key = (picked.iter().map(|c| (c.asked, c.claimed)).collect::<Vec<_>>(), doubts);
        if let Some(verdict) = self.memo.get(&key) {
            return verdict.clone();
        }
        let (mut asked, mut claimed) = ([0; FACETS_MAX], [0; FACETS_MAX]);
        for (axis, choice) in self.axes.iter().zip(picked) {
            if let (Some(a), Some(c)) =
                (asked.get_mut(usize::from(axis.facet)), claimed.get_mut(usize::from(axis.facet)))
            {
                (*a, *c) = (choice.asked, choice.claimed);
            }
        }
        let settled_yes =
            |doubt: Doubt| self.doubts.iter().position(|d| *d == doubt).is_some_and(|n| doubts >> n & 1 == 1);
        let passed = |edge: Edge| edge.passed(self.at).unwrap_or_else(|| settled_yes(Doubt::Reading(edge.reading)));
        let settled = Settled {
            asked: &asked,
            claimed: &claimed,
            inside: &|extent| passed(extent.from) && !passed(extent.until),
            suffices: &|condition| settled_yes(Doubt::Condition(condition)),
            visible: self.visible,
        };
        let verdict = point::decide(self.near, &settled);
        self.memo.insert(key, verdict.clone());
        verdict
    }

    /// Exceptions nobody claimed that, claimed with any value they admit, would take the act out.
    fn unless(&self, slots: &[usize], now: &Outcome, answers: &Answers, shape: &[usize]) -> Vec<(u32, u8)> {
        let cites = |o: &Outcome, e: u32| o.grounds.iter().any(|g| g.provision == e && g.status == Status::Excepted);
        if !(now.statuses.may_be_unlawful() || now.statuses.contains(Status::Stayed)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for exception in self.near.provisions.iter().filter(|p| !p.forbids && !cites(now, p.id)) {
            for (n, limits) in &exception.scopes {
                let Some(claims) = self.claims(slots, limits) else { continue };
                let frees = claims.iter().all(|claim| {
                    index(claim, shape).and_then(|i| answers.get(i)).is_some_and(|then| {
                        then.statuses != now.statuses && !then.statuses.may_be_unlawful() && cites(then, exception.id)
                    })
                });
                if frees && !claims.is_empty() {
                    found.push((exception.id, *n));
                }
            }
        }
        found.sort_unstable();
        found
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
        let choice = |asked: Value, claimed: Value, part| Choice {
            asked: class(asking, asked),
            claimed: class(claiming, claimed),
            part,
        };
        let same = |value: Value, part| choice(value, value, part);
        let mut slots: Vec<Slot> = Vec::new();
        let mut of_state = Vec::new();
        for state in 0..=facet.unknown() {
            let choices: BTreeSet<Choice> = if state < facet.values {
                BTreeSet::from([same(state, false)])
            } else if let Some(region) = facet.regions.get(usize::from(state - facet.values)) {
                let own = same(region.own, false);
                let parts = region.within.iter().map(|part| same(*part, true));
                let parts = parts.filter(|p| (p.asked, p.claimed) != (own.asked, own.claimed));
                std::iter::once(own).chain(parts).collect()
            } else if state == facet.absent() {
                (0..facet.values).map(|value| choice(value, facet.unclaimed(), false)).collect()
            } else {
                (0..facet.values).map(|value| same(value, false)).collect()
            };
            let slot = Slot { choices: choices.into_iter().collect(), claimable: state == facet.absent() };
            let n = slots.iter().position(|s| *s == slot).unwrap_or_else(|| {
                slots.push(slot);
                slots.len() - 1
            });
            of_state.push(n);
        }
        Self { facet: id, unclaimed: facet.unclaimed(), values: facet.values, slots, of_state }
    }
}

/// Which coordinates change the status: somewhere two counted completions differ in it alone.
fn pivots(shape: &[usize], completions: &[Option<Verdict>]) -> Vec<bool> {
    let mut pivots = vec![false; shape.len()];
    let statuses: Statuses = completions.iter().flatten().map(|v| v.status).collect();
    if statuses.single().is_some() {
        return pivots;
    }
    let mut stride = 1;
    for (pivot, length) in pivots.iter_mut().zip(shape).rev() {
        let starts = (0..completions.len()).filter(|start| start / stride % length == 0);
        *pivot = starts.into_iter().any(|start| {
            let line = completions.iter().skip(start).step_by(stride).take(*length).flatten();
            line.map(|v| v.status).collect::<Statuses>().iter().count() > 1
        });
        stride *= length;
    }
    pivots
}

fn index(at: &[usize], shape: &[usize]) -> Option<usize> {
    at.iter().zip(shape).try_fold(0_usize, |n, (at, length)| (at < length).then_some(n * length + at))
}

/// Every coordinate of a grid, the last running fastest.
struct Grid {
    shape: Vec<usize>,
    next: Option<Vec<usize>>,
}

impl Grid {
    fn new(shape: &[usize]) -> Self {
        let next = shape.iter().all(|length| *length > 0).then(|| vec![0; shape.len()]);
        Self { shape: shape.to_vec(), next }
    }
}

impl Iterator for Grid {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let current = self.next.take()?;
        let mut following = current.clone();
        for (at, length) in following.iter_mut().zip(&self.shape).rev() {
            *at += 1;
            if *at < *length {
                self.next = Some(following);
                break;
            }
            *at = 0;
        }
        Some(current)
    }
}
