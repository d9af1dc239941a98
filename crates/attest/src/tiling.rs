//! When reports on periods, put one behind the other, reach without a gap.
//!
//! Reports come, are taken back and end by themselves; after each such change only the few sums above it are made anew.

use crate::condition::Tiling;
use crate::timeline::{NEVER, Time, Timeline, Window};

/// One principal's word in one statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// When it counts.
    pub(crate) window: Window,
    /// What it reports on.
    pub(crate) period: Option<(Time, Time)>,
}

/// When the periods told so far reach, without a gap, from the stated beginning to not too long ago.
///
/// A gap is never bridged by later periods: what was covered ages out, and the rest counts once somebody
/// fills the gap. So a further report can only help.
pub(crate) fn tiled(words: &[Word], tiling: Tiling, max_age: Time) -> Timeline {
    let mut told: Vec<(Time, Time, Window)> =
        words.iter().filter_map(|word| word.period.map(|(start, end)| (start, end, word.window))).collect();
    told.sort_unstable();
    let mut edges: Vec<(Time, usize, bool)> = Vec::with_capacity(told.len() * 2);
    for (number, (_, _, window)) in told.iter().enumerate().filter(|(_, (_, _, window))| !window.is_empty()) {
        edges.extend([(window.from, number, true), (window.until, number, false)]);
    }
    edges.sort_unstable();
    let mut chain = Chain::new(told.len());
    let mut windows = Vec::with_capacity(edges.len());
    let mut edges = edges.into_iter().peekable();
    while let Some((at, number, stands)) = edges.next() {
        let period = told.get(number).map(|&(start, end, _)| (start.saturating_sub(tiling.gap), end));
        chain.set(number, period.filter(|_| stands));
        let next = edges.peek().map_or(NEVER, |&(next, _, _)| next);
        if next > at {
            let reach = chain.reach(tiling.since);
            let until = if reach > tiling.since { next.min(reach.saturating_add(max_age)) } else { at };
            windows.push(Window { from: at, until });
        }
    }
    windows.into_iter().collect()
}

/// What some periods that follow on each other need, and give.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// How far the periods before these have to reach, so that there is no gap in front of any of these.
    needs: Time,
    /// How far these reach.
    gives: Time,
}

impl Link {
    const NONE: Self = Self { needs: Time::MIN, gives: Time::MIN };

    /// These and those behind them: what these give, those need from nobody else.
    fn then(self, later: Self) -> Self {
        let rest = if later.needs > self.gives { later.needs } else { Time::MIN };
        Self { needs: self.needs.max(rest), gives: self.gives.max(later.gives) }
    }
}

/// Periods by their start, each standing or not, as the leaves of a tree of sums.
struct Chain {
    leaves: usize,
    links: Vec<Link>,
}

impl Chain {
    fn new(periods: usize) -> Self {
        let leaves = periods.next_power_of_two();
        Self { leaves, links: vec![Link::NONE; leaves * 2] }
    }

    fn link(&self, at: usize) -> Link {
        self.links.get(at).copied().unwrap_or(Link::NONE)
    }

    /// Puts a period in its place, as what it needs to be reached and its end, or takes it out.
    fn set(&mut self, number: usize, period: Option<(Time, Time)>) {
        let mut at = self.leaves + number;
        let mut link = period.map_or(Link::NONE, |(needs, gives)| Link { needs, gives });
        loop {
            if let Some(slot) = self.links.get_mut(at) {
                *slot = link;
            }
            at /= 2;
            if at == 0 {
                return;
            }
            link = self.link(at * 2).then(self.link(at * 2 + 1));
        }
    }

    /// How far the standing periods reach from a beginning until the first gap.
    fn reach(&self, since: Time) -> Time {
        let (mut at, mut reach) = (1, since);
        if self.link(at).needs <= reach {
            return reach.max(self.link(at).gives);
        }
        // The first gap lies below here: in the earlier half, or behind all of it.
        while at < self.leaves {
            let earlier = self.link(at * 2);
            at *= 2;
            if earlier.needs <= reach {
                reach = reach.max(earlier.gives);
                at += 1;
            }
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The same by going through every period at every instant at which one comes or goes.
    fn plain(words: &[Word], tiling: Tiling, max_age: Time) -> Timeline {
        let mut told: Vec<_> =
            words.iter().filter_map(|word| word.period.map(|period| (period, word.window))).collect();
        told.sort_unstable();
        let edges: BTreeSet<Time> = told.iter().flat_map(|(_, window)| [window.from, window.until]).collect();
        let edges: Vec<Time> = edges.into_iter().collect();
        let windows = edges.iter().enumerate().map(|(number, &from)| {
            let next = edges.get(number + 1).copied().unwrap_or(NEVER);
            let mut reach = tiling.since;
            for &((start, end), window) in &told {
                if window.contains(from) && start <= reach.saturating_add(tiling.gap) {
                    reach = reach.max(end);
                }
            }
            Window { from, until: if reach > tiling.since { next.min(reach.saturating_add(max_age)) } else { from } }
        });
        windows.collect()
    }

    #[test]
    fn sums_say_what_going_through_every_period_says() {
        let mut seed = 1_u64;
        let mut below = |end: Time| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Time::try_from(seed >> 33).unwrap() % end
        };
        let (mut reached, mut lapsed) = (0, 0);
        for round in 0..4_000 {
            let words: Vec<Word> = (0..below(24))
                .map(|_| {
                    let (start, from) = (below(60) - 5, below(60));
                    let until = if below(3) == 0 { NEVER } else { from + below(30) };
                    let period = (below(10) > 0).then(|| (start, start + 1 + below(12)));
                    Word { window: Window { from, until }, period }
                })
                .collect();
            let tiling = Tiling { since: below(8), gap: below(4) };
            let max_age = if below(4) == 0 { NEVER } else { below(40) };
            let expected = plain(&words, tiling, max_age);
            reached += usize::from(!expected.windows().is_empty());
            lapsed += usize::from(expected.windows().len() > 1);
            assert_eq!(tiled(&words, tiling, max_age), expected, "round {round}: {words:?} {tiling:?} {max_age}");
        }
        assert!(reached > 1_000 && lapsed > 200, "{reached} {lapsed}");
    }
}
