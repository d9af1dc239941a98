//! Which names each token stands in, and beside which others: two tokens of a name are found together without
//! walking through all names that have one of them, however common both are, the lighter names first.

use std::ops::Range;

/// Stands beside a token that is a whole name; tokens have lower numbers.
pub(super) const ALONE: u32 = (1 << 24) - 1;
/// Parts of one in which the weight of a name is noted, rounded down.
pub(super) const WEIGHTS: f32 = 8.0;

/// For each token, rows of a partner, what the name weighs, and the name, in that order.
#[derive(Debug, Default)]
pub(super) struct Postings {
    rows: Vec<u64>,
    ends: Vec<u32>,
}

impl Postings {
    /// The postings of names given as tokens, of which there are so many, and what they weigh.
    pub(super) fn new<'n>(tokens: usize, names: impl Iterator<Item = (&'n [u32], f32)> + Clone) -> Self {
        let mut ends = vec![0_u32; tokens];
        for (ids, _) in names.clone() {
            each_row(ids, &mut |token, _| {
                if let Some(count) = ends.get_mut(token as usize) {
                    *count += 1;
                }
            });
        }
        let mut sum = 0;
        for end in &mut ends {
            // Filled from the end, so that in the end it says where its rows begin.
            sum += *end;
            *end = sum;
        }
        let mut rows = vec![0_u64; sum as usize];
        for (name, (ids, weight)) in (0_u64..).zip(names) {
            let weight = (weight * WEIGHTS).min(255.0) as u64;
            each_row(ids, &mut |token, partner| {
                let Some(at) = ends.get_mut(token as usize) else { return };
                *at -= 1;
                if let Some(row) = rows.get_mut(*at as usize) {
                    *row = u64::from(partner) << 40 | weight << 32 | name;
                }
            });
        }
        ends.push(sum);
        let mut postings = Self { rows, ends };
        for token in 0..tokens {
            let part = postings.part(token);
            postings.rows.get_mut(part).unwrap_or_default().sort_unstable();
        }
        postings
    }

    fn part(&self, token: usize) -> Range<usize> {
        let end = |n: usize| self.ends.get(n).map_or(0, |end| *end as usize);
        end(token)..end(token + 1)
    }

    /// The rows of a token.
    pub(super) fn rows(&self, token: u32) -> &[u64] {
        self.rows.get(self.part(token as usize)).unwrap_or_default()
    }

    /// Names a token stands in, some more than once.
    pub(super) fn names(&self, token: u32) -> impl Iterator<Item = u32> {
        self.rows(token).iter().map(|row| name_of(*row))
    }

    /// Names in which a token stands beside another.
    pub(super) fn together(&self, token: u32, partner: u32) -> impl Iterator<Item = u32> {
        beside(self.rows(token), partner, u8::MAX).map(name_of)
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.len() * size_of::<u64>() + self.ends.len() * size_of::<u32>()
    }
}

/// Those rows that have a partner, of names that weigh no more.
pub(super) fn beside(rows: &[u64], partner: u32, weight: u8) -> impl Iterator<Item = u64> {
    let from = rows.partition_point(|row| partner_of(*row) < partner);
    let rest = rows.get(from..).unwrap_or_default();
    let fits = move |row: &&u64| partner_of(**row) == partner && weight_of(**row) <= weight;
    rest.iter().take_while(fits).copied()
}

pub(super) const fn weight_of(row: u64) -> u8 {
    (row >> 32 & 0xff) as u8
}

pub(super) const fn name_of(row: u64) -> u32 {
    (row & 0xffff_ffff) as u32
}

pub(super) const fn partner_of(row: u64) -> u32 {
    (row >> 40) as u32
}

/// A row for each token and each other of its name.
fn each_row(ids: &[u32], put: &mut dyn FnMut(u32, u32)) {
    if let [token] = ids {
        put(*token, ALONE);
    }
    for (n, token) in ids.iter().enumerate() {
        for (m, partner) in ids.iter().enumerate() {
            if n != m {
                put(*token, *partner);
            }
        }
    }
}
