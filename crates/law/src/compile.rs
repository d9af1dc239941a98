//! Law to tables: for each app and act, knowledge slabs; in each, a diagram over facets whose leaves are timelines.
//!
//! Time is last, so a timeline belongs to one actor, place and set of facts: its periods are as long as
//! the answer to that very case stays the same.

mod cell;
mod graph;
mod near;
mod point;

use crate::answer::Outcome;
use crate::image::{Image, Parts};
use crate::law::{Flaw, Law, Operator};
use crate::time::{ALWAYS, FOREVER, Time};
use cell::{Cell, TooWide};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use graph::{Graph, Pool, Root};
use near::{Near, Web};
use point::Visible;
use std::collections::BTreeSet;

/// Consecutive stretches of valid time: where each starts and what it comes to.
type Timeline = Vec<(Time, u32)>;

/// Knowledge slabs: since when, and the diagram that holds.
type Slabs = Vec<(Time, Root)>;

/// Compiles law; `edition` is the digest of the text it was lowered from and travels in the image.
///
/// # Errors
/// Every flaw of the law, or what makes it too wide to compile; nothing is dropped silently.
pub fn compile(law: &Law, edition: [u8; 32]) -> Result<Image, Vec<Flaw>> {
    law.check()?;
    let web = Web::new(law);
    let mut compiler = Compiler::new(law);
    let mut index = Vec::with_capacity(usize::from(law.apps) * usize::from(law.acts));
    let mut keys: Pool<Slabs> = Pool::default();
    let mut seen: HashMap<Near, u32> = HashMap::new();
    for app in 0..law.apps {
        for act in 0..law.acts {
            let near = web.gather(app, act).map_err(|count| vec![Flaw::TooManyRecords { app, act, count }])?;
            if near.provisions.is_empty() {
                index.push(0);
                continue;
            }
            let key = match seen.get(&near) {
                Some(key) => *key,
                None => {
                    let slabs = compiler.slabs(&near).map_err(|wide| vec![flaw(wide, app, act)])?;
                    let key = keys.number(slabs) + 1;
                    seen.insert(near, key);
                    key
                }
            };
            index.push(key);
        }
    }
    Ok(Image::assemble(Parts {
        edition,
        facets: &law.facets,
        apps: law.apps,
        acts: law.acts,
        index,
        keys: keys
            .items
            .into_iter()
            .map(|slabs| slabs.into_iter().map(|(k, root)| (k, word(root))).collect())
            .collect(),
        nodes: compiler
            .lasting
            .nodes
            .items
            .iter()
            .map(|n| (n.facet, n.map.to_vec(), n.branches.iter().map(|r| word(*r)).collect()))
            .collect(),
        timelines: compiler.timelines.items,
        outcomes: compiler.outcomes.items,
    }))
}

/// Whether two bodies of law over the same facets answer every case alike, proofs included. Compiles
/// only what differs.
///
/// # Errors
/// As [`compile`].
pub fn equivalent(one: &Law, other: &Law) -> Result<bool, Vec<Flaw>> {
    one.check()?;
    other.check()?;
    let same_shape = one.facets == other.facets && one.apps == other.apps && one.acts == other.acts;
    let (webs, mut compiler) = ([Web::new(one), Web::new(other)], Compiler::new(one));
    let mut alike: HashSet<(Near, Near)> = HashSet::new();
    for (app, act) in (0..one.apps).flat_map(|app| (0..one.acts).map(move |act| (app, act))) {
        let gather =
            |web: &Web<'_>| web.gather(app, act).map_err(|count| vec![Flaw::TooManyRecords { app, act, count }]);
        let [near, far] = webs.each_ref().map(gather);
        let (near, far) = (near?, far?);
        let pair = (near, far);
        if pair.0 == pair.1 || alike.contains(&pair) {
            continue;
        }
        // Diagrams are shared wherever they are equal, so equal law has the very same roots.
        let mut slabs = |near: &Near| compiler.slabs(near).map_err(|wide| vec![flaw(wide, app, act)]);
        if slabs(&pair.0)? != slabs(&pair.1)? {
            return Ok(false);
        }
        alike.insert(pair);
    }
    Ok(same_shape)
}

/// A leaf as its timeline, a node with the top bit clear.
fn word(root: Root) -> u32 {
    match root {
        Root::Leaf(timeline) => timeline | crate::image::LEAF,
        Root::Node(node) => node,
    }
}

fn flaw(wide: TooWide, app: u16, act: u8) -> Flaw {
    match wide {
        TooWide::Reaches(count) => Flaw::TooManyRecords { app, act, count },
        TooWide::Doubts(count) => Flaw::TooManyDoubts { app, act, count },
        TooWide::Points(count) => Flaw::TooManyCombinations { app, act, count },
    }
}

struct Compiler<'l> {
    law: &'l Law,
    /// Diagrams whose leaves are outcomes, one per cell of time.
    momentary: Graph,
    /// Diagrams whose leaves are timelines.
    lasting: Graph,
    outcomes: Pool<Outcome>,
    timelines: Pool<Timeline>,
    woven: HashMap<Vec<(Time, Root)>, Root>,
}

impl<'l> Compiler<'l> {
    fn new(law: &'l Law) -> Self {
        Self {
            law,
            momentary: Graph::default(),
            lasting: Graph::default(),
            outcomes: Pool::default(),
            timelines: Pool::default(),
            woven: HashMap::new(),
        }
    }

    fn slabs(&mut self, near: &Near) -> Result<Slabs, TooWide> {
        let mut slabs: Slabs = Vec::new();
        let mut cells: HashMap<Vec<u8>, Root> = HashMap::new();
        let valid = valid_edges(near);
        for known_at in known_edges(near) {
            let visible = visible(near, known_at);
            let mut stretches: Vec<(Time, Root)> = Vec::new();
            for &valid_at in &valid {
                let key = phase(near, &visible, valid_at);
                let root = match cells.get(&key) {
                    Some(root) => *root,
                    None => {
                        let cell = Cell::new(near, &visible, &self.law.facets, valid_at)?;
                        let root = cell.compile(&mut self.momentary, &mut self.outcomes);
                        cells.insert(key, root);
                        root
                    }
                };
                stretches.push((valid_at, root));
            }
            let root = self.weave(stretches);
            if slabs.last().is_none_or(|(_, last)| *last != root) {
                slabs.push((known_at, root));
            }
        }
        Ok(slabs)
    }

    /// Turns a sequence of diagrams in time into one diagram of timelines.
    fn weave(&mut self, mut stretches: Vec<(Time, Root)>) -> Root {
        stretches.dedup_by(|next, last| next.1 == last.1);
        if let Some(woven) = self.woven.get(&stretches) {
            return *woven;
        }
        let tested = stretches.iter().filter_map(|(_, root)| self.momentary.node(*root)).map(|node| node.facet).min();
        let woven = match tested {
            None => {
                let leaf = |(at, root): &(Time, Root)| match root {
                    Root::Leaf(outcome) => (*at, *outcome),
                    Root::Node(_) => (*at, 0),
                };
                Root::Leaf(self.timelines.number(stretches.iter().map(leaf).collect()))
            }
            Some(facet) => {
                let states = self.law.facets.get(usize::from(facet)).map_or(0, crate::law::Facet::states);
                let by_state: Vec<Root> = (0..states)
                    .map(|state| {
                        let step = |(at, root): &(Time, Root)| (*at, self.momentary.step(*root, facet, state));
                        let stepped = stretches.iter().map(step).collect();
                        self.weave(stepped)
                    })
                    .collect();
                self.lasting.test(facet, &by_state)
            }
        };
        self.woven.insert(stretches, woven);
        woven
    }
}

/// Where anything near can change in valid time, from the beginning.
fn valid_edges(near: &Near) -> Vec<Time> {
    let forces = near.nodes.iter().flat_map(|n| &n.force);
    let windows = near.effects.iter().map(|e| &e.window).chain(near.attestations.iter().map(|a| &a.window));
    let edges = forces.chain(windows).flat_map(|e| [e.from, e.until]).flat_map(|e| [e.earliest, e.latest]);
    edges.chain([ALWAYS]).filter(|at| *at < FOREVER).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Where anything near becomes known or is withdrawn, from the beginning.
fn known_edges(near: &Near) -> Vec<Time> {
    let nodes = near.nodes.iter().map(|n| n.known);
    let others = near.effects.iter().map(|e| e.known).chain(near.attestations.iter().map(|a| a.known));
    let edges = nodes.chain(others).flat_map(|known| [known.from, known.until]);
    edges.chain([ALWAYS]).filter(|at| *at < FOREVER).collect::<BTreeSet<_>>().into_iter().collect()
}

fn visible(near: &Near, known_at: Time) -> Visible {
    let nodes: Vec<bool> = near.nodes.iter().map(|n| n.known.contains(known_at)).collect();
    let provisions = near.provisions.iter().enumerate();
    let effects = near.effects.iter().enumerate();
    Visible {
        provisions: provisions.filter(|(_, p)| nodes.get(p.own) == Some(&true)).fold(0, |set, (n, _)| set | 1 << n),
        effects: effects.filter(|(_, e)| e.known.contains(known_at)).fold(0, |set, (n, _)| set | 1 << n),
        attestations: near.attestations.iter().map(|a| a.known.contains(known_at)).collect(),
        nodes,
    }
}

/// What every near record may do at an instant, as known in a slab: equal phases have equal cells.
fn phase(near: &Near, visible: &Visible, valid_at: Time) -> Vec<u8> {
    let run = |extent: &crate::time::Extent| match (extent.from.passed(valid_at), extent.until.passed(valid_at)) {
        (Some(false), _) | (_, Some(true)) => 0,
        (Some(true), Some(false)) => 1,
        (None, Some(false)) => 2,
        (Some(true), None) => 3,
        (None, None) => 4,
    };
    let seen = |set: u128, n: usize| set >> n & 1 == 1;
    let extendable = |n: usize| near.provisions.iter().any(|p| p.own == n && p.acted_by(Operator::Extend) != 0);
    let mut phase = Vec::new();
    for ((n, node), visible) in near.nodes.iter().enumerate().zip(&visible.nodes) {
        // A node out of force matters only if something could extend it.
        let open = u8::from(*visible && (node.extended != 0 || extendable(n)));
        phase.extend(node.force.iter().map(|extent| if *visible { run(extent) } else { 0 } | open << 3));
    }
    let effects = near.effects.iter().enumerate();
    phase.extend(effects.map(|(n, e)| if seen(visible.effects, n) { run(&e.window) } else { 0 }));
    let attested = near.attestations.iter().zip(&visible.attestations);
    phase.extend(attested.map(|(a, visible)| if *visible { run(&a.window) } else { 0 }));
    phase
}
