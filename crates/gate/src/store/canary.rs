//! Packages that must never be refused: those of apps that are nobody's whom law speaks of, and of listed apps where no
//! order reaches. A gate that refuses one of them blocks the innocent.

use super::Store;
use super::judge::Clue;
use crate::territory::Evidence;
use docket::Docket;
use docket::place::Place;
use std::collections::BTreeSet;
use wire::record::Outcome;

/// One round asks for no more packages than this of either kind from each place: a probe is a request that somebody serves,
/// and a package that is asked for the first time is fetched and looked into.
pub const PACKAGES_MAX: usize = 10;

impl Store {
    /// The paths to ask for from a place, sorted: of listed apps that are served there, and of others those first whose
    /// names begin most as a listed one's does.
    #[must_use]
    pub fn canaries(&self, docket: &Docket, place: Option<Place>) -> Vec<String> {
        let now = (self.clock.now)();
        let evidence = Evidence::of_address(place.ok_or(crate::territory::Doubt::Unlisted));
        let is_refused = |clues: &mut dyn Iterator<Item = Clue<'_>>| {
            let judged = self.judge(docket, clues, &evidence, now);
            judged.map(|judged| self.chosen.stance.outcome(judged.finding.verdict) == Outcome::Refuse)
        };
        let index = self.index.load();
        let (mut listed, mut exempt, mut others) = (BTreeSet::new(), Vec::new(), Vec::new());
        // What would have to be spelled otherwise in a request is not asked for.
        let is_plain = |path: &str| path.bytes().all(|byte| byte.is_ascii_graphic() && !b"%?#".contains(&byte));
        for (path, told) in index.iter().filter(|(path, _)| is_plain(path)) {
            // A package may be another than the index says, and then is rightly refused.
            let found = self.identities.last(path);
            if found.is_some_and(|found| is_refused(&mut Clue::found(&found)) == Some(true)) {
                continue;
            }
            match is_refused(&mut Clue::listed(told)) {
                Some(is_refused) => {
                    listed.insert(&*told.package);
                    exempt.extend((!is_refused).then(|| path.to_owned()));
                }
                None => others.push((path, &*told.package)),
            }
        }
        let alike = |package: &str| {
            let common = |known: &&str| known.bytes().zip(package.bytes()).take_while(|(a, b)| a == b).count();
            std::cmp::Reverse(listed.iter().map(common).max().unwrap_or(0))
        };
        others.sort_by_key(|(path, package)| (alike(package), *path));
        exempt.sort_unstable();
        exempt.truncate(PACKAGES_MAX);
        exempt.extend(others.into_iter().take(PACKAGES_MAX).map(|(path, _)| path.to_owned()));
        exempt.sort_unstable();
        exempt
    }
}
