//! Which names are looked at. One word in common is seldom enough: which must be met together follows from their
//! weights, and a name is opened if it has two of them and weighs no more than they can carry.

use super::List;
use super::postings::{self, Row};
use super::reach::{Besides, Reach, Sides, Tokens, Weights, each};
use super::scratch::{ENOUGH, Neighbour, Opened, Scratch};
use crate::names::name::{self, Kind};

/// Tokens of a query of which a name of a kind meets one, and beside each those of which it meets another.
struct Plan {
    kind: Kind,
    openers: Tokens,
    /// Those that may be enough by themselves.
    enough: Tokens,
    /// Of each opener, what it stands beside.
    sides: [Sides; name::TOKENS_MAX],
}

impl Plan {
    /// `None` if a name need meet no word at all.
    fn new(kind: Kind, reach: &Reach<'_>, rarest_first: &[usize], least: f32) -> Option<Self> {
        let openers = reach.needed(kind, rarest_first, Besides::default(), least)?;
        let mut plan = Self { kind, openers, enough: 0, sides: [Sides::default(); name::TOKENS_MAX] };
        let mut none_of: Tokens = 0;
        for n in rarest_first.iter().copied().filter(|n| openers >> n & 1 == 1) {
            let partners = reach.needed(kind, rarest_first, Besides { none_of, met: 1 << n }, least);
            if let Some(sides) = plan.sides.get_mut(n) {
                *sides = Sides { none_of, sought: partners.unwrap_or(0) };
            }
            if partners.is_none() {
                plan.enough |= 1 << n;
            }
            none_of |= 1 << n;
        }
        Some(plan)
    }

    /// What two tokens stand beside when they are looked up together, if they are, and which of them is not the opener.
    fn beside(&self, n: usize, m: usize) -> Option<(Sides, usize)> {
        let of = |n: usize, m: usize| {
            let sides = self.sides.get(n).filter(|sides| self.openers >> n & 1 == 1 && sides.sought >> m & 1 == 1)?;
            Some((*sides, m))
        };
        of(n, m).or_else(|| of(m, n))
    }

    /// All tokens that are looked up.
    fn sought(&self) -> Tokens {
        let partners = each(self.openers).filter_map(|n| self.sides.get(n)).fold(0, |all, sides| all | sides.sought);
        self.openers | partners
    }
}

/// How much names of both kinds may weigh that have two tokens, and what they are met by besides the opener.
type Fits = [Option<(Weights, usize)>; 2];

/// What is looked for in a list, and how much of it is enough.
struct Sought<'r, 'q> {
    reach: &'r Reach<'q>,
    plans: [Plan; 2],
    least: f32,
}

impl Sought<'_, '_> {
    /// How much a name may weigh that meets two tokens of the query by these.
    fn fits(&self, one: (usize, &Neighbour), two: (usize, &Neighbour)) -> Fits {
        self.plans.each_ref().map(|plan| {
            let (sides, partner) = plan.beside(one.0, two.0)?;
            Some((self.reach.heaviest(plan.kind, &[one, two], sides, self.least)?, partner))
        })
    }

    fn is_beside(&self, n: usize, m: usize) -> bool {
        self.plans.iter().any(|plan| plan.beside(n, m).is_some())
    }
}

const KINDS: [Kind; 2] = [Kind::Person, Kind::Company];

/// Opens a name of a row, if it weighs no more than it may.
fn open(row: Row, fits: &Fits, opened: &mut Vec<Opened>) {
    let weight = row.mark().weight();
    let [person, company] = fits;
    let fit = match row.mark().kind() {
        Kind::Person => person,
        Kind::Company => company,
    };
    if let Some((weights, partner)) = fit
        && weight <= weights.with_others
    {
        let met = if weight <= weights.alone { ENOUGH } else { 1 << partner };
        opened.push(Opened { name: row.name(), met });
    }
}

impl List {
    /// Opens every name that can reach a threshold by words it has in common with a query. `false` if that may be any.
    pub(super) fn open(&self, reach: &Reach<'_>, least: f32, scratch: &mut Scratch) -> bool {
        let order = scratch.rarest_first();
        let [person, company] = KINDS.map(|kind| Plan::new(kind, reach, &order, least));
        let (Some(person), Some(company)) = (person, company) else { return false };
        let sought = Sought { reach, plans: [person, company], least };
        let mut opened = std::mem::take(&mut scratch.opened);
        for plan in &sought.plans {
            self.open_alone(plan, &sought, scratch, &mut opened);
        }
        let looked_up = sought.plans.iter().fold(0, |all, plan| all | plan.sought());
        for n in each(looked_up) {
            self.open_by_rare(n, &sought, scratch, &mut opened);
            for m in each(looked_up).filter(|m| *m > n && sought.is_beside(n, *m)) {
                self.open_by_common(n, m, &sought, scratch, &mut opened);
            }
        }
        scratch.opened = opened;
        true
    }

    /// Names that one word may be enough for.
    fn open_alone(&self, plan: &Plan, sought: &Sought<'_, '_>, scratch: &Scratch, opened: &mut Vec<Opened>) {
        for n in each(plan.enough) {
            let sides = plan.sides.get(n).copied().unwrap_or_default();
            let (common, rare) = scratch.neighbours(n);
            for own in common.iter().chain(rare) {
                let weights = sought.reach.heaviest(plan.kind, &[(n, own)], sides, sought.least);
                let Some(Weights { with_others, .. }) = weights else { continue };
                let names = self.postings.lighter(own.id, plan.kind, with_others).iter();
                opened.extend(names.map(|name| Opened { name: *name, met: ENOUGH }));
            }
        }
    }

    /// Names in which a rare word stands beside a commoner one: all its rows are read.
    fn open_by_rare(&self, n: usize, sought: &Sought<'_, '_>, scratch: &Scratch, opened: &mut Vec<Opened>) {
        let (_, rare) = scratch.neighbours(n);
        for own in rare {
            for row in self.postings.rows(own.id).iter().filter(|row| scratch.is_met(row.partner())) {
                scratch.each_met(row.partner(), |m, other| {
                    if m != n {
                        open(*row, &sought.fits((n, own), (m, other)), opened);
                    }
                });
            }
        }
    }

    /// Names in which two common words stand together.
    fn open_by_common(&self, n: usize, m: usize, sought: &Sought<'_, '_>, scratch: &Scratch, opened: &mut Vec<Opened>) {
        let ((own, _), (others, _)) = (scratch.neighbours(n), scratch.neighbours(m));
        for own in own {
            for other in others {
                let rows = self.postings.together(own.id, other.id);
                if rows.is_empty() {
                    continue;
                }
                let fits = sought.fits((n, own), (m, other));
                for (kind, fit) in KINDS.into_iter().zip(&fits) {
                    let Some((weights, _)) = fit else { continue };
                    let rows = postings::lighter(rows, kind, weights.with_others);
                    rows.iter().for_each(|row| open(*row, &fits, opened));
                }
            }
        }
    }
}
