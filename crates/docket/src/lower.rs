//! Words to numbers: facets, scopes, provisions, effects and attestations of the typed tree as law.

mod circle;

use crate::facets::Facets;
use crate::fault::{Fault, did_you_mean};
use crate::order::{Corpus, Edges, Instrument, Kind, Moment, Rank, Reference, Scope, Statement, Verb};
use crate::subject::Registry;
use law::law::{
    Attestation, Condition, Effect, Instrument as Document, Law, Modality, Node, Operator, Provision, Rank as Standing,
    Target,
};
use law::time::{ALWAYS, FOREVER};
use law::{Edge, Extent, Period};
use std::collections::{BTreeMap, BTreeSet};

/// Where a record of the law comes from: instrument and statement by index in the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Index into `corpus.instruments`.
    pub instrument: usize,
    /// Index into its statements.
    pub statement: usize,
}

/// Law with the way back to its words.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The law.
    pub law: Law,
    /// What its facets mean.
    pub facets: Facets,
    /// Provision to words.
    pub provisions: Vec<Origin>,
    /// Effect to words.
    pub effects: Vec<Origin>,
    /// Attestation to words.
    pub attestations: Vec<Origin>,
    /// Condition to words.
    pub conditions: Vec<Origin>,
    /// Reading to the edges that raise it: statement, and whether it is the start.
    pub readings: Vec<Vec<(Origin, bool)>>,
}

impl Lowered {
    /// The law without the records that these statements became.
    pub(crate) fn without(&self, statements: &BTreeSet<Origin>) -> Law {
        const NEVER: Period = Period { from: 0, until: 0 };
        let mut law = self.law.clone();
        let provisions = law.provisions.iter_mut().map(|provision| &mut provision.known).zip(&self.provisions);
        let effects = law.effects.iter_mut().map(|effect| &mut effect.known).zip(&self.effects);
        let attestations = law.attestations.iter_mut().map(|attested| &mut attested.known).zip(&self.attestations);
        for (known, _) in provisions.chain(effects).chain(attestations).filter(|(_, from)| statements.contains(from)) {
            *known = NEVER;
        }
        law
    }

    /// Whether a statement forbids or permits, or acts on what does: an effect may act on duties and powers alone.
    pub(crate) fn reaches(&self, statement: Origin) -> bool {
        let mut targets = self.law.effects.iter().zip(&self.effects).filter(|(_, from)| **from == statement).peekable();
        targets.peek().is_none()
            || targets.any(|(effect, _)| match effect.target {
                Target::Effect(_) => true,
                Target::Provision(provision) => self.governs(Node::Provision(provision)),
                Target::Instrument(instrument) => self.governs(Node::Instrument(instrument)),
            })
    }

    /// Whether anything that forbids or permits rests on `node`.
    fn governs(&self, node: Node) -> bool {
        let speaks = |(_, p): &(u32, &Provision)| matches!(p.modality, Modality::Prohibit | Modality::Permit);
        (0..).zip(&self.law.provisions).filter(speaks).any(|(p, _)| self.rests_on(Node::Provision(p), node))
    }

    fn rests_on(&self, upper: Node, lower: Node) -> bool {
        let mut seen = BTreeSet::from([upper]);
        let mut rest = vec![upper];
        while let Some(next) = rest.pop() {
            let below: Vec<Node> = match next {
                Node::Provision(p) => {
                    self.law.provisions.get(p as usize).map(|p| Node::Instrument(p.instrument)).into_iter().collect()
                }
                Node::Instrument(i) => self.law.instruments.get(i as usize).map_or_else(Vec::new, |i| i.under.clone()),
            };
            rest.extend(below.into_iter().filter(|node| seen.insert(*node)));
        }
        seen.contains(&lower)
    }
}

/// Lowers a sound corpus.
///
/// # Errors
/// Every fault that only shows once subjects and references are known.
pub fn lower(corpus: &Corpus, registry: &Registry) -> Result<Lowered, Vec<Fault>> {
    let mut lowering = Lowering::new(corpus, registry);
    lowering.documents();
    lowering.number_statements();
    lowering.provisions();
    lowering.effects();
    lowering.attestations();
    lowering.faults.extend(circle::circles(&lowering.done, corpus));
    if lowering.faults.is_empty() { Ok(lowering.done) } else { Err(lowering.faults) }
}

/// What a statement became.
#[derive(Clone, Debug)]
enum Lot {
    Provision(u32),
    Condition(u32),
    /// Effects get their numbers when all that they act on is known.
    Effect,
    Other,
}

struct Lowering<'c> {
    corpus: &'c Corpus,
    registry: &'c Registry,
    done: Lowered,
    lots: BTreeMap<Origin, Lot>,
    effect_ids: BTreeMap<Origin, Vec<u32>>,
    reading_ids: BTreeMap<(usize, i64, i64), u16>,
    faults: Vec<Fault>,
}

impl<'c> Lowering<'c> {
    fn new(corpus: &'c Corpus, registry: &'c Registry) -> Self {
        let facets = Facets::of(corpus, registry);
        let law = Law {
            apps: u16::try_from(registry.subjects().len()).unwrap_or(u16::MAX),
            acts: u8::try_from(crate::vocabulary::Act::ALL.len()).unwrap_or(u8::MAX),
            facets: facets.to_law(),
            readings: 1,
            ..Law::default()
        };
        let done = Lowered {
            law,
            facets,
            provisions: Vec::new(),
            effects: Vec::new(),
            attestations: Vec::new(),
            conditions: Vec::new(),
            readings: vec![Vec::new()],
        };
        Self {
            corpus,
            registry,
            done,
            lots: BTreeMap::new(),
            effect_ids: BTreeMap::new(),
            reading_ids: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn statements(&self) -> impl Iterator<Item = (Origin, &'c Instrument, &'c Statement)> + use<'c> {
        let corpus = self.corpus;
        corpus.instruments.iter().enumerate().flat_map(|(instrument, document)| {
            let numbered = document.statements.iter().enumerate();
            numbered.map(move |(statement, s)| (Origin { instrument, statement }, document, s))
        })
    }

    fn documents(&mut self) {
        let mut jurisdictions: Vec<String> = Vec::new();
        for instrument in &self.corpus.instruments {
            let code = instrument.jurisdiction.to_string();
            let jurisdiction = jurisdictions.iter().position(|known| *known == code).unwrap_or_else(|| {
                jurisdictions.push(code);
                jurisdictions.len() - 1
            });
            self.done.law.instruments.push(Document {
                under: Vec::new(),
                force: vec![Extent::ALL],
                known: known(instrument, None),
                rank: Standing {
                    jurisdiction: u16::try_from(jurisdiction).unwrap_or(u16::MAX),
                    level: level(instrument.rank),
                },
            });
        }
    }

    /// Numbers provisions and conditions before anything refers to them.
    fn number_statements(&mut self) {
        for (origin, _, statement) in self.statements() {
            let lot = match &statement.kind {
                Kind::Prohibit(_) | Kind::Permit(_) | Kind::Require(_) | Kind::Enable | Kind::Reserve => {
                    self.done.provisions.push(origin);
                    Lot::Provision(number(self.done.provisions.len() - 1))
                }
                Kind::Condition { open, .. } => {
                    self.done.conditions.push(origin);
                    self.done.law.conditions.push(Condition { open: *open });
                    Lot::Condition(number(self.done.conditions.len() - 1))
                }
                Kind::Effect(_) => Lot::Effect,
                Kind::Denies(_) | Kind::Attest { .. } => Lot::Other,
            };
            self.lots.insert(origin, lot);
        }
        for (n, instrument) in self.corpus.instruments.iter().enumerate() {
            let under = instrument.under.iter().filter_map(|reference| self.node(reference)).collect();
            if let Some(document) = self.done.law.instruments.get_mut(n) {
                document.under = under;
            }
        }
    }

    fn instrument(&self, id: &str) -> Option<usize> {
        self.corpus.instruments.iter().position(|i| i.id == id || i.aliases.iter().any(|alias| alias == id))
    }

    fn origin(&self, reference: &Reference) -> Option<Origin> {
        let instrument = self.instrument(&reference.instrument)?;
        let wanted = reference.statement.as_ref()?;
        let statement = self.corpus.instruments.get(instrument)?.statements.iter().position(|s| s.id == *wanted)?;
        Some(Origin { instrument, statement })
    }

    fn node(&mut self, reference: &Reference) -> Option<Node> {
        let instrument = self.instrument(&reference.instrument)?;
        if reference.statement.is_none() {
            return Some(Node::Instrument(number(instrument)));
        }
        match self.origin(reference).and_then(|origin| self.lots.get(&origin)) {
            Some(Lot::Provision(p)) => Some(Node::Provision(*p)),
            Some(Lot::Condition(_) | Lot::Effect | Lot::Other) | None => {
                self.faults.push(Fault::error("only a provision gives authority", &reference.span, "not a provision"));
                None
            }
        }
    }

    fn provision_id(&mut self, reference: &Reference) -> Option<u32> {
        match self.origin(reference).and_then(|origin| self.lots.get(&origin)) {
            Some(Lot::Provision(p)) => Some(*p),
            Some(Lot::Condition(_) | Lot::Effect | Lot::Other) | None => {
                let fault =
                    Fault::error("only provisions prevail over one another", &reference.span, "not a provision");
                self.faults.push(fault);
                None
            }
        }
    }

    fn condition_id(&mut self, reference: &Reference) -> Option<u32> {
        match self.origin(reference).and_then(|origin| self.lots.get(&origin)) {
            Some(Lot::Condition(c)) => Some(*c),
            Some(Lot::Provision(_) | Lot::Effect | Lot::Other) | None => {
                self.faults.push(Fault::error("not a condition", &reference.span, "declare it with `condition`"));
                None
            }
        }
    }

    fn provisions(&mut self) {
        for (origin, document, statement) in self.statements() {
            let none = Edges::default();
            let (modality, edges) = match &statement.kind {
                Kind::Prohibit(edges) => (Modality::Prohibit, edges),
                Kind::Permit(edges) => (Modality::Permit, edges),
                Kind::Require(_) => (Modality::Require, &none),
                Kind::Enable => (Modality::Enable, &none),
                Kind::Reserve => (Modality::Reserve, &none),
                Kind::Effect(_) | Kind::Denies(_) | Kind::Condition { .. } | Kind::Attest { .. } => continue,
            };
            let overrides: Vec<u32> = edges.overrides.iter().filter_map(|r| self.provision_id(r)).collect();
            let scopes = statement.scopes.iter().map(|scope| self.scope(scope, edges, origin, statement)).collect();
            let provision = Provision {
                instrument: number(origin.instrument),
                modality,
                scopes,
                force: vec![self.extent(origin, statement, edge_from(statement, document), FOREVER)],
                known: known(document, statement.public.as_ref()),
                overrides,
                subject_to: edges.subject_to.iter().filter_map(|r| self.provision_id(r)).collect(),
                until_met: edges.until_met.as_ref().and_then(|r| self.condition_id(r)),
                while_met: edges.while_met.as_ref().and_then(|r| self.condition_id(r)),
            };
            self.done.law.provisions.push(provision);
        }
    }

    fn scope(&mut self, scope: &Scope, edges: &Edges, origin: Origin, statement: &Statement) -> law::law::Scope {
        // An exception that names no act, or no app, is about those of what it overrides.
        let overridden: Vec<&Scope> = edges
            .overrides
            .iter()
            .filter_map(|reference| self.origin(reference))
            .filter_map(|o| self.corpus.instruments.get(o.instrument)?.statements.get(o.statement))
            .flat_map(|s| &s.scopes)
            .collect();
        let mut acts: BTreeSet<_> = scope.acts.iter().copied().collect();
        if acts.is_empty() {
            acts = overridden.iter().flat_map(|s| &s.acts).copied().collect();
        }
        if acts.is_empty() && matches!(statement.kind, Kind::Prohibit(_)) {
            let fault = Fault::error("prohibition does not say which act", &statement.id_span, "needs `act`");
            self.faults.push(fault.help("add for example `act app.distribute`"));
        }
        let acts = if acts.is_empty() { u64::MAX } else { acts.iter().fold(0, |set, act| set | 1 << *act as u64) };
        let named: Vec<&Scope> =
            if scope.apps.is_empty() && scope.apps_of.is_empty() { overridden } else { vec![scope] };
        let apps = self.apps(&named, statement);
        let mut limits = self.done.facets.limits(scope, origin, self.registry);
        for fault in limits.faults.drain(..) {
            self.faults.push(Fault { span: statement.span.clone(), ..fault });
        }
        law::law::Scope { apps, acts, limits: limits.masks }
    }

    fn apps(&mut self, scopes: &[&Scope], statement: &Statement) -> Option<Vec<u16>> {
        if scopes.iter().all(|scope| scope.apps.is_empty() && scope.apps_of.is_empty()) {
            return None;
        }
        let mut apps = BTreeSet::new();
        for id in scopes.iter().flat_map(|scope| scope.apps.iter().chain(&scope.apps_of)) {
            match self.registry.get(id) {
                Some(subject) => {
                    apps.insert(subject.number);
                }
                None => {
                    let ids = self.registry.subjects().iter().map(|s| s.id.as_str());
                    let fault = Fault::error(format!("unknown subject `{id}`"), &statement.span, "names it");
                    self.faults.push(fault.help(did_you_mean(id, ids)));
                }
            }
        }
        for subject in self.registry.subjects() {
            let of = |company: &String| scopes.iter().any(|scope| scope.apps_of.contains(company));
            if subject.operators.iter().any(|o| of(&o.company)) || subject.parents.iter().any(of) {
                apps.insert(subject.number);
            }
        }
        Some(apps.into_iter().collect())
    }

    fn extent(&mut self, origin: Origin, statement: &Statement, from: (i64, i64), end: i64) -> Extent {
        let until = statement.until.as_ref().map_or((end, end), |m| (m.earliest, m.latest));
        Extent { from: self.edge(origin, from, true), until: self.edge(origin, until, false) }
    }

    fn edge(&mut self, origin: Origin, (earliest, latest): (i64, i64), is_start: bool) -> Edge {
        if earliest == latest {
            return Edge::at(earliest);
        }
        let next = u16::try_from(self.done.readings.len()).unwrap_or(u16::MAX);
        let reading = *self.reading_ids.entry((origin.instrument, earliest, latest)).or_insert(next);
        if reading == next {
            self.done.readings.push(Vec::new());
            self.done.law.readings = next + 1;
        }
        if let Some(edges) = self.done.readings.get_mut(usize::from(reading)) {
            edges.push((origin, is_start));
        }
        Edge { earliest, latest, reading }
    }

    fn effects(&mut self) {
        let statements: Vec<_> = self.statements().collect();
        for (origin, ..) in statements {
            self.effect(origin, 0);
        }
    }

    /// The effects a statement became; lowers what it acts on first.
    fn effect(&mut self, origin: Origin, depth: usize) -> Vec<u32> {
        if let Some(ids) = self.effect_ids.get(&origin) {
            return ids.clone();
        }
        let Some(document) = self.corpus.instruments.get(origin.instrument) else { return Vec::new() };
        let Some(statement) = document.statements.get(origin.statement) else { return Vec::new() };
        let Kind::Effect(action) = &statement.kind else { return Vec::new() };
        if depth > 8 {
            self.faults.push(Fault::error("effect acts on itself", &statement.id_span, "through what it acts on"));
            return Vec::new();
        }
        let targets: Vec<Target> = action.targets.iter().flat_map(|reference| self.target(reference, depth)).collect();
        let (operator, from) = match action.verb {
            Verb::Suspend => (Operator::Suspend, edge_from(statement, document)),
            Verb::Revoke => (Operator::Remove, edge_from(statement, document)),
            Verb::Remove => {
                (Operator::Remove, statement.from.as_ref().map_or((ALWAYS, ALWAYS), |m| (m.earliest, m.latest)))
            }
            Verb::Delay => (Operator::Remove, (ALWAYS, ALWAYS)),
            Verb::Extend => (Operator::Extend, edge_from(statement, document)),
            Verb::Unenforced => (Operator::Unenforce, edge_from(statement, document)),
        };
        let window = self.extent(origin, statement, from, FOREVER);
        let slice: Vec<_> =
            statement.scopes.iter().map(|scope| self.scope(scope, &Edges::default(), origin, statement)).collect();
        let mut ids = Vec::new();
        for target in targets {
            ids.push(number(self.done.effects.len()));
            self.done.effects.push(origin);
            self.done.law.effects.push(Effect {
                instrument: number(origin.instrument),
                operator,
                target,
                slice: slice.clone(),
                window,
                known: known(document, statement.public.as_ref()),
                dependents_kept: action.dependents_kept,
            });
        }
        self.effect_ids.insert(origin, ids.clone());
        ids
    }

    fn target(&mut self, reference: &Reference, depth: usize) -> Vec<Target> {
        let Some(instrument) = self.instrument(&reference.instrument) else { return Vec::new() };
        let Some(origin) = self.origin(reference) else { return vec![Target::Instrument(number(instrument))] };
        match self.lots.get(&origin) {
            Some(Lot::Provision(p)) => vec![Target::Provision(*p)],
            Some(Lot::Effect) => self.effect(origin, depth + 1).into_iter().map(Target::Effect).collect(),
            Some(Lot::Condition(_) | Lot::Other) | None => {
                let fault = Fault::error("this cannot be acted on", &reference.span, "neither provision nor effect");
                self.faults.push(fault.help("an attestation ends with its `until`; a refusal has no effect to lift"));
                Vec::new()
            }
        }
    }

    fn attestations(&mut self) {
        for (origin, document, statement) in self.statements() {
            let Kind::Attest { meets, .. } = &statement.kind else { continue };
            for reference in meets {
                let Some(condition) = self.condition_id(reference) else { continue };
                let window = self.extent(origin, statement, edge_from(statement, document), FOREVER);
                self.done.attestations.push(origin);
                self.done.law.attestations.push(Attestation {
                    condition,
                    instrument: number(origin.instrument),
                    window,
                    known: known(document, statement.public.as_ref()),
                });
            }
        }
    }
}

fn edge_from(statement: &Statement, document: &Instrument) -> (i64, i64) {
    let issued = (document.issued.earliest, document.issued.earliest);
    statement.from.as_ref().map_or(issued, |moment| (moment.earliest, moment.latest))
}

fn known(document: &Instrument, public: Option<&Moment>) -> Period {
    Period {
        from: public.unwrap_or(&document.public).earliest,
        until: document.retracted.as_ref().map_or(FOREVER, |moment| moment.earliest),
    }
}

const fn level(rank: Rank) -> u8 {
    match rank {
        Rank::Court | Rank::Record => 0,
        Rank::Guidance => 1,
        Rank::Agency => 2,
        Rank::ExecutiveOrder => 3,
        Rank::Statute => 4,
        Rank::Constitution => 5,
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
