//! What has to hold: requirements joined by *all*, *any* and *at least*.
//!
//! No loops, no negation, no functions: a condition always has an answer, and a further attestation can
//! only help. What can hurt are vetoes, revocations and time.

use crate::Fault;
use crate::json::Members;
use crate::statement::{Statement, Subject, Type, is_name};
use crate::timeline::{NEVER, Time};
use crate::trust::Trust;
use serde_json::Value;
use std::collections::BTreeSet;

/// Requirements of one condition; the largest written so far has eight.
pub const REQUIREMENTS_MAX: usize = 256;
/// Groups of requirements within groups.
pub const DEPTH_MAX: usize = 16;

/// A condition and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The order it belongs to.
    pub order: String,
    /// Its name.
    pub id: String,
    /// What follows while it is met.
    pub effect: Effect,
    /// Seconds between a lapse and the end of what followed; `None` = a lapse only alarms.
    pub reinstate_after: Option<Time>,
    /// Whose act lifts, pauses and reinstates.
    pub authority: String,
    /// What has to hold.
    pub need: Need,
}

/// What follows while a condition is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The authority may lift.
    EligibleForLift,
    /// The order pauses by itself.
    AutomaticPause,
    /// Nothing: somebody watches.
    MonitorOnly,
}

/// Requirements and how many of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// At least this many of these.
    AtLeast(usize, Vec<Self>),
    /// One requirement.
    Requirement(Box<Requirement>),
}

/// One requirement: a statement by enough of a group, about something, recent enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// Its name.
    pub name: String,
    /// The type of statement.
    pub kind: Type,
    /// What it must be about.
    pub subject: About,
    /// What it must say.
    pub claims: Vec<Claim>,
    /// Who must say it.
    pub by: String,
    /// Organisations whose word does not count here.
    pub independent_of: Vec<String>,
    /// How old it may get, in seconds, from its making or the end of its period.
    pub max_age: Time,
    /// Periods must follow on each other without a longer gap, from a stated beginning.
    pub tiling: Option<Tiling>,
    /// Whose adverse finding makes it unmet.
    pub veto: Option<String>,
}

/// How periods must follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// From here on.
    pub since: Time,
    /// Longest stretch, in seconds, that no period need cover.
    pub gap: Time,
}

/// What a statement must be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The order.
    Order,
    /// A name such as `system:…`.
    Named(Subject),
    /// The artefact that is asked about.
    Artifact,
    /// What another requirement's statement names at this pointer.
    Joined {
        /// The other requirement.
        of: String,
        /// Where.
        pointer: String,
    },
}

/// Something a statement must say.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// A JSON pointer into the predicate.
    pub pointer: String,
    /// The comparison.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// Comparisons. A claim that is missing, or of another kind than the value, fails all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Equal,
    /// There, and not equal.
    Unequal,
    /// A number at most.
    AtMost,
    /// A number below.
    Below,
    /// A number at least.
    AtLeast,
    /// One of a list.
    In,
    /// A list of which every item is in the list; a list of nothing says nothing.
    Subset,
    /// The same hexadecimal digest, in whatever case.
    DigestEquals,
}

impl Operator {
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("=", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        ("<", Self::Below),
        (">=", Self::AtLeast),
        ("in", Self::In),
        ("subset", Self::Subset),
        ("digestEquals", Self::DigestEquals),
    ];

    /// As conditions write it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(sign, _)| sign)
    }
}

/// Equal as numbers where both are numbers: `1` is `1.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

impl Claim {
    /// Whether a statement says so.
    #[must_use]
    pub fn holds(&self, statement: &Statement) -> bool {
        let Some(said) = statement.claim(&self.pointer) else { return false };
        let numbers = said.as_f64().zip(self.value.as_f64());
        let listed =
            |item: &Value| self.value.as_array().is_some_and(|list| list.iter().any(|value| same(value, item)));
        match self.operator {
            Operator::Equal => same(said, &self.value),
            Operator::Unequal => !said.is_null() && !same(said, &self.value),
            Operator::AtMost => numbers.is_some_and(|(said, limit)| said <= limit),
            Operator::Below => numbers.is_some_and(|(said, limit)| said < limit),
            Operator::AtLeast => numbers.is_some_and(|(said, limit)| said >= limit),
            Operator::In => listed(said),
            Operator::Subset => said.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(listed)),
            Operator::DigestEquals => {
                said.as_str().zip(self.value.as_str()).is_some_and(|(said, value)| said.eq_ignore_ascii_case(value))
            }
        }
    }
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// At the first thing wrong with it: an unknown member or word, a requirement twice, a join that leads
    /// nowhere or to another join, too many or too deep.
    pub fn read(value: &Value) -> Result<Self, Fault> {
        let mut members = Members::new(value, "")?;
        let effect = match members.text("effect")? {
            "eligible-for-lift" => Effect::EligibleForLift,
            "automatic-pause" => Effect::AutomaticPause,
            "monitor-only" => Effect::MonitorOnly,
            _ => return Err(members.fault("effect", "`eligible-for-lift`, `automatic-pause` or `monitor-only`")),
        };
        let mut lapse = Members::new(members.needed("onLapse")?, "/onLapse")?;
        let reinstate_after = match lapse.text("act")? {
            "alert" => None,
            "reinstate" => Some(lapse.optional_span("grace")?.unwrap_or(0)),
            _ => return Err(lapse.fault("act", "`reinstate` or `alert`")),
        };
        lapse.finish()?;
        let condition = Self {
            order: String::from(members.name("order")?),
            id: String::from(members.name("condition")?),
            effect,
            reinstate_after,
            authority: String::from(members.name("authority")?),
            need: read_need(members.needed("need")?, "/need", 0)?,
        };
        members.finish()?;
        condition.check()?;
        Ok(condition)
    }

    fn check(&self) -> Result<(), Fault> {
        let requirements = self.requirements();
        if requirements.len() > REQUIREMENTS_MAX {
            return Err(Fault::new("/need", format!("more than {REQUIREMENTS_MAX} requirements")));
        }
        for (number, requirement) in requirements.iter().enumerate() {
            let name = &requirement.name;
            if requirements.iter().skip(number + 1).any(|other| other.name == *name) {
                return Err(Fault::new("/need", format!("two requirements called `{name}`")));
            }
            let About::Joined { of, .. } = &requirement.subject else { continue };
            let root = requirements.iter().find(|other| other.name == *of);
            if root.is_none_or(|root| matches!(root.subject, About::Joined { .. })) {
                let why = format!("`{name}` joins `{of}`, which is no requirement with a subject of its own");
                return Err(Fault::new("/need", why));
            }
        }
        Ok(())
    }

    /// The subject under which the order is spoken of.
    #[must_use]
    pub fn order_subject(&self) -> Subject {
        Subject::named(&format!("order:{}", self.order))
    }

    /// The requirements, in order.
    #[must_use]
    pub fn requirements(&self) -> Vec<&Requirement> {
        let mut found = Vec::new();
        self.need.collect(&mut found);
        found
    }

    /// Whether an answer depends on the artefact that is asked about.
    #[must_use]
    pub fn needs_artifact(&self) -> bool {
        self.requirements().iter().any(|requirement| requirement.subject == About::Artifact)
    }

    /// Names in the condition that the trust document does not have.
    #[must_use]
    pub fn strangers(&self, trust: &Trust) -> Vec<String> {
        let requirements = self.requirements();
        let named = requirements.iter().flat_map(|r| std::iter::once(&r.by).chain(&r.veto));
        let unknown: BTreeSet<&String> = named.chain([&self.authority]).filter(|name| !trust.knows(name)).collect();
        unknown.into_iter().cloned().collect()
    }
}

impl Need {
    fn collect<'n>(&'n self, found: &mut Vec<&'n Requirement>) {
        match self {
            Self::AtLeast(_, needs) => needs.iter().for_each(|need| need.collect(found)),
            Self::Requirement(requirement) => found.push(requirement),
        }
    }
}

fn read_need(value: &Value, at: &str, depth: usize) -> Result<Need, Fault> {
    if depth > DEPTH_MAX {
        return Err(Fault::new(at, format!("nested deeper than {DEPTH_MAX}")));
    }
    let mut members = Members::new(value, at)?;
    for name in ["all", "any", "of"] {
        if members.get(name).is_none() {
            continue;
        }
        let items = members.list(name)?.iter().enumerate();
        let needs = items.map(|(number, item)| read_need(item, &format!("{at}/{name}/{number}"), depth + 1));
        let needs = needs.collect::<Result<Vec<_>, _>>()?;
        let k = match name {
            "all" => needs.len(),
            "any" => 1,
            _ => usize::try_from(members.count("atLeast")?).unwrap_or(usize::MAX),
        };
        members.finish()?;
        if k == 0 || k > needs.len() {
            return Err(Fault::new(at, "a number between 1 and that of the items is needed"));
        }
        return Ok(Need::AtLeast(k, needs));
    }
    read_requirement(members).map(|requirement| Need::Requirement(Box::new(requirement)))
}

fn read_requirement(mut members: Members<'_>) -> Result<Requirement, Fault> {
    let name = String::from(members.name("req")?);
    let kind = members.text("type")?;
    let kind = Type::from_name(kind).ok_or_else(|| members.fault("type", format!("`{kind}` is not known")))?;
    let subject = match members.text("subject")? {
        "order" => About::Order,
        "artifact" => About::Artifact,
        "joined" => {
            let join = members.needed("join")?;
            let mut join = Members::new(join, &members.path("join"))?;
            let about = About::Joined { of: join.text("of")?.into(), pointer: join.text("claim")?.into() };
            join.finish()?;
            about
        }
        named if is_name(named) => About::Named(Subject::named(named)),
        _ => {
            let help = "`order`, `artifact`, `joined`, or a name like `order:…`, `system:…` or `entity:…`";
            return Err(members.fault("subject", help));
        }
    };
    let mut claims = Vec::new();
    for (number, item) in members.optional_list("claims")?.iter().enumerate() {
        let at = members.path(&format!("claims/{number}"));
        let bad = || Fault::new(&at, "`[\"/pointer\", OPERATOR, VALUE]` is needed");
        let Some([pointer, sign, value]) = item.as_array().map(Vec::as_slice) else { return Err(bad()) };
        let pointer = pointer.as_str().filter(|pointer| pointer.starts_with('/')).ok_or_else(bad)?;
        let operator = Operator::ALL.iter().find(|(known, _)| Some(*known) == sign.as_str()).ok_or_else(bad)?.1;
        claims.push(Claim { pointer: pointer.into(), operator, value: value.clone() });
    }
    let tiling = match members.get("period") {
        None => None,
        Some(period) => {
            let mut period = Members::new(period, &members.path("period"))?;
            let gap = period.optional_span("gap")?.ok_or_else(|| period.fault("gap", "is missing"))?;
            let since = period.time("since")?;
            period.finish()?;
            Some(Tiling { since, gap })
        }
    };
    let requirement = Requirement {
        name,
        kind,
        subject,
        claims,
        by: String::from(members.text("by")?),
        independent_of: members.texts("independentOf")?,
        max_age: members.optional_span("maxAge")?.unwrap_or(NEVER),
        tiling,
        veto: members.optional_text("veto")?.map(String::from),
    };
    members.finish()?;
    Ok(requirement)
}
