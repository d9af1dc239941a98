//! Which names are looked at. One word in common is seldom enough: which must be met together follows from their
//! weights, and a name is opened if it has two of them and weighs no more than they can carry.

use super::postings::{self, Mark, Row};
use super::reach::{self, Besides, Left, Reach, Sides, Tokens, each};
use super::scratch::{Neighbour, Scratch};
use super::{List, ROUNDING};
use crate::names::name::{self, Kind};

/// Tokens of a query of which a name of a kind meets one, and beside each those of which it meets another.
struct Plan {
    kind: Kind,
    openers: Tokens,
    /// Those that may be enough by themselves, and stand beside each of the others in names that have more.
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
                *sides = Sides { none_of, sought: partners.unwrap_or_else(|| reach.firm() & !(none_of | 1 << n)) };
            }
            if partners.is_none() {
                plan.enough |= 1 << n;
            }
            none_of |= 1 << n;
        }
        Some(plan)
    }

    /// Of a name that was opened by some tokens: those it would have been opened by too, did it meet them.
    fn not_met(&self, met: Tokens) -> Tokens {
        let looked_up = each(met & self.openers).filter_map(|n| self.sides.get(n));
        looked_up.fold(!met, |all, sides| all & (sides.sought | sides.none_of))
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

/// Names of both kinds that have two tokens and may reach the threshold, and what they are met by besides the opener.
type Fits = [Option<(reach::Fits, usize)>; 2];

/// Common tokens that may stand together in names, each two with the place of what names may have them, and by how
/// alike they are.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pairs: Vec<(u32, u32, usize)>,
    fits: Vec<(Fits, [Met; 2])>,
}

/// What is left for names of both kinds that meet two tokens, and which of them is not the opener.
type Pair = [Option<(Left, usize)>; 2];

/// What is looked for in a list, and how much of it is enough.
struct Sought<'r, 'q> {
    reach: &'r Reach<'q>,
    plans: [Plan; 2],
    least: f32,
}

impl Sought<'_, '_> {
    fn pair(&self, n: usize, m: usize) -> Pair {
        self.plans.each_ref().map(|plan| {
            let (sides, partner) = plan.beside(n, m)?;
            Some((self.reach.left(plan.kind, 1 << n | 1 << m, sides), partner))
        })
    }

    /// Names that meet two tokens of the query by these and may reach the threshold.
    #[inline]
    fn fits(&self, pair: &Pair, by: [(usize, &Neighbour); 2]) -> Fits {
        let [person, company] = pair;
        [(Kind::Person, person), (Kind::Company, company)].map(|(kind, pair)| {
            let (left, partner) = pair.as_ref()?;
            let mut fits = self.reach.fits(kind, &by, left, self.least)?;
            if self.reach.is_light(*partner) {
                // With others, a name is opened by them.
                fits.with_others = fits.alone;
            }
            Some((fits, *partner))
        })
    }
}

impl Sought<'_, '_> {
    /// Whether a name can reach the threshold, from what it was opened by.
    fn may_reach(&self, name: &[Opened]) -> bool {
        let Some(Opened { mark, .. }) = name.first() else { return false };
        let mut best = [0_u8; name::TOKENS_MAX];
        let (mut met, mut partners): (Tokens, Tokens) = (0, 0);
        for opened in name {
            partners |= opened.partner;
            for Met { n, squared } in opened.by {
                met |= 1 << n;
                if let Some(best) = best.get_mut(usize::from(n)) {
                    *best = squared.max(*best);
                }
            }
        }
        if partners.count_ones() < 2 {
            return false;
        }
        let [person, company] = &self.plans;
        let plan = if mark.kind() == Kind::Company { company } else { person };
        self.reach.most(*mark, &best, plan.not_met(met)) + ROUNDING >= self.least
    }
}

const KINDS: [Kind; 2] = [Kind::Person, Kind::Company];

/// A name that meets two tokens of a query, and the tokens it must meet one of besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    name: u32,
    partner: Tokens,
    mark: Mark,
    by: [Met; 2],
}

/// A token of a query, and how alike it and one of a name are, squared: in 255 parts, rounded up.
#[derive(Clone, Copy, Debug)]
struct Met {
    n: u8,
    squared: u8,
}

impl Met {
    fn new((n, by): (usize, &Neighbour)) -> Self {
        let squared = (by.similarity * by.similarity * 255.0).ceil() as u8;
        Self { n: u8::try_from(n).unwrap_or(u8::MAX), squared }
    }
}

/// In place of a partner: the two tokens are enough.
const ENOUGH: Tokens = Tokens::MAX;

/// Opens a name of a row, if it may reach the threshold.
fn open(row: Row, fits: &Fits, by: [Met; 2], opened: &mut Vec<Opened>) {
    let mark = row.mark();
    let [person, company] = fits;
    let fit = match mark.kind() {
        Kind::Person => person,
        Kind::Company => company,
    };
    if let Some((fits, partner)) = fit
        && fits.with_others.has(mark)
    {
        let partner = if fits.alone.has(mark) { ENOUGH } else { 1 << partner };
        opened.push(Opened { name: row.name(), partner, mark, by });
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
        let mut beside = std::mem::take(&mut scratch.beside);
        for plan in &sought.plans {
            self.open_alone(plan, &sought, scratch, &mut opened);
        }
        let looked_up = sought.plans.iter().fold(0, |all, plan| all | plan.sought());
        for n in each(looked_up) {
            self.open_by_rare(n, &sought, scratch, &mut opened);
            for m in each(looked_up).filter(|m| *m > n) {
                self.open_by_common((n, m), &sought, scratch, (&mut beside, &mut opened));
            }
        }
        opened.sort_unstable_by_key(|opened| opened.name);
        let same = |a: &Opened, b: &Opened| a.name == b.name;
        let hopeful = opened.chunk_by(same).filter(|name| sought.may_reach(name));
        scratch.hopeful.extend(hopeful.filter_map(|name| name.first()).map(|opened| opened.name));
        (scratch.opened, scratch.beside) = (opened, beside);
        true
    }

    /// Names that one word may be enough for.
    fn open_alone(&self, plan: &Plan, sought: &Sought<'_, '_>, scratch: &Scratch, opened: &mut Vec<Opened>) {
        for n in each(plan.enough) {
            let left = sought.reach.left(plan.kind, 1 << n, plan.sides.get(n).copied().unwrap_or_default());
            let (common, rare) = scratch.neighbours(n);
            for own in common.iter().chain(rare) {
                let fits = sought.reach.fits(plan.kind, &[(n, own)], &left, sought.least);
                let fit = fits.map(|fits| fits.alone);
                let Some((fit, heaviest)) = fit.and_then(|fit| Some((fit, fit.heaviest()?))) else { continue };
                let names = self.postings.lighter(own.id, plan.kind, heaviest).filter(|(_, mark)| fit.has(*mark));
                let by = [Met::new((n, own)); 2];
                opened.extend(names.map(|(name, mark)| Opened { name, partner: ENOUGH, mark, by }));
            }
        }
    }

    /// Names in which a rare word stands beside a commoner one: all its rows are read.
    fn open_by_rare(&self, n: usize, sought: &Sought<'_, '_>, scratch: &Scratch, opened: &mut Vec<Opened>) {
        let (_, rare) = scratch.neighbours(n);
        self.postings.fetch_rows(rare.iter().map(|own| own.id));
        for own in rare {
            for row in self.postings.rows(own.id).iter().filter(|row| scratch.is_met(row.partner())) {
                scratch.each_met(row.partner(), |m, other| {
                    if m != n {
                        let by = [(n, own), (m, other)];
                        open(*row, &sought.fits(&sought.pair(n, m), by), by.map(Met::new), opened);
                    }
                });
            }
        }
    }

    /// Names in which two common words stand together.
    fn open_by_common(
        &self,
        (n, m): (usize, usize),
        sought: &Sought<'_, '_>,
        scratch: &Scratch,
        (beside, opened): (&mut Beside, &mut Vec<Opened>),
    ) {
        let pair = sought.pair(n, m);
        if pair.iter().all(Option::is_none) {
            return;
        }
        beside.pairs.clear();
        beside.fits.clear();
        for own in scratch.by_worth(n) {
            for others in scratch.by_worth(m) {
                let (Some(one), Some(other)) = (own.first(), others.first()) else { continue };
                let by = [(n, one), (m, other)];
                let fits = sought.fits(&pair, by);
                if fits.iter().any(Option::is_some) {
                    let place = beside.fits.len();
                    let tokens = own.iter().flat_map(|one| others.iter().map(move |other| (one.id, other.id, place)));
                    beside.pairs.extend(tokens);
                    beside.fits.push((fits, by.map(Met::new)));
                }
            }
        }
        self.postings.retain_together(&mut beside.pairs, |(a, b, _)| (*a, *b));
        for (a, b, place) in &beside.pairs {
            let (rows, Some((fits, by))) = (self.postings.together(*a, *b), beside.fits.get(*place)) else { continue };
            for (kind, fit) in KINDS.into_iter().zip(fits).filter(|_| !rows.is_empty()) {
                let heaviest = fit.and_then(|(fits, _)| fits.with_others.heaviest());
                let Some(heaviest) = heaviest else { continue };
                let rows = postings::lighter(rows, kind, heaviest);
                rows.iter().for_each(|row| open(*row, fits, *by, opened));
            }
        }
    }
}
