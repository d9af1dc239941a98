//! Variants of a repository's index, for a store that owns the key it is signed with: whom an order reaches gets an index
//! without what it may not offer them.
//!
//! A publication is every variant at once, with one date: a client that crosses a border keeps the newest index it has
//! seen, whoever it was made for. It holds no differences, which would be laid over another territory's variant. Its date
//! is one that the repository itself never used, so that the repository's own differences are laid over none of these.
//!
//! Variants are made when the law or the index changes, never for a request. A request for an index is answered with the
//! variant that leaves out exactly what is refused to its user at this moment; where there is none, with the repository's
//! own index. Packages are refused either way.
//!
//! Signing takes seconds, and a court that stays an order gives no notice. So beside the variants there is the index with
//! nothing left out, signed ahead and dated one later: when the law changes what anybody may see, everybody is shown all
//! of it at once, those included who hold a variant, until the new variants are signed and dated later still.
//!
//! [`cut`] takes files out of an index, [`jar`] packs one to be signed, [`originals`] reads what the repository publishes.

pub mod cut;
pub mod jar;
pub mod originals;

use super::Store;
use super::index::Index;
use super::judge::{Clue, Judgement};
use super::proxy::Heard;
use crate::territory::{Evidence, Source};
use axum::body::{Body, Bytes};
use axum::response::Response;
use cut::{Cut, hex};
use docket::Docket;
use docket::place::Place;
use docket::subject::Attribution;
use foldhash::HashMap;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use law::Time;
use originals::Originals;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::record::Outcome;

/// Variants made at once. Orders divide the world into few parts; each part costs three signatures and an index of memory.
pub const VARIANTS_MAX: usize = 16;

/// Seconds a plan holds at most: what belongs to nobody today may be somebody's later, without a finding that says when.
const PLAN_TIME_MAX: Time = 600;

/// What records call a decision about what an index shows.
const INDEX: &str = "/index";

/// Files that a user is refused, by their names in the index.
pub type Hidden = BTreeSet<String>;

/// How a file is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// As today.
    Modern,
    /// SHA-1, which is all that clients of the old formats read.
    Legacy,
}

/// A file of a variant.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// The signed archive it lies in, under a name of its own.
    pub jar: Option<(&'static str, Strength)>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What each user may not see, at an instant under a law.
#[derive(Clone, Debug)]
pub struct Plan {
    originals: Arc<Originals>,
    docket: Arc<Docket>,
    spoken: Vec<String>,
    /// The variants there must be.
    pub hidden: Vec<Hidden>,
    /// Parts of the world that no variant is made for, since there are too many.
    pub beyond: usize,
    /// When it may be otherwise.
    until: Time,
}

/// One variant, signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it leaves out.
    pub hidden: Hidden,
    /// Its files, with their names.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Every variant, signed.
#[derive(Debug)]
pub struct Publication {
    plan: Plan,
    variants: Arc<Variants>,
    /// The index with nothing left out, once it is signed.
    whole: Option<Arc<Files>>,
    /// Whether everybody is shown that one.
    is_opened: bool,
}

type Files = HashMap<&'static str, File>;
type Variants = HashMap<Hidden, Files>;

#[derive(Debug)]
struct File {
    bytes: Bytes,
    etag: HeaderValue,
    kind: HeaderValue,
}

/// A publication's date, and what it is of. The millisecond after it is taken, too: by the index with nothing left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Digest of what was published.
    pub key: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
}

impl Dated {
    /// The date of the index with nothing left out.
    #[must_use]
    pub const fn whole(&self) -> u64 {
        self.timestamp + 1
    }

    /// What is to be remembered before that one is shown: then nothing else may have either date, whatever it is of.
    #[must_use]
    pub fn opened(&self) -> Self {
        Self { key: String::from("opened"), timestamp: self.timestamp }
    }
}

impl Plan {
    /// The repository's archives, to be verified before anything made of them is signed.
    pub fn archives(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.originals.archives()
    }

    /// The date to publish it with: the last one's, if that was the same; else a later one than any client has seen.
    #[must_use]
    pub fn dated(&self, last: Option<&Dated>) -> Dated {
        let mut digest = Sha256::new();
        digest.update(self.originals.digest());
        for hidden in &self.hidden {
            digest.update([0]);
            hidden.iter().for_each(|name| digest.update(format!("{name}\n")));
        }
        let key = hex(&digest.finalize());
        match last {
            Some(last) if last.key == key => last.clone(),
            Some(last) => Dated { key, timestamp: self.originals.timestamp().max(last.whole()) + 1 },
            None => Dated { key, timestamp: self.originals.timestamp() + 1 },
        }
    }

    /// When it may be otherwise, by the law and the index it is made of.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }

    /// Whether it was made of this index and this law.
    #[must_use]
    pub fn is_of(&self, originals: &Arc<Originals>, docket: &Arc<Docket>) -> bool {
        Arc::ptr_eq(&self.originals, originals) && Arc::ptr_eq(&self.docket, docket)
    }

    /// The files of one variant, to be signed.
    ///
    /// # Errors
    /// The repository's index is not what it should be.
    pub fn parts(&self, hidden: &Hidden, timestamp: u64) -> Result<Vec<Part>, String> {
        self.originals.parts(&Cut { files: hidden, timestamp })
    }
}

impl Publication {
    /// Whether it was made of this index and this law.
    #[must_use]
    pub fn is_of(&self, originals: &Arc<Originals>, docket: &Arc<Docket>) -> bool {
        self.plan.is_of(originals, docket)
    }

    /// How many variants it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.variants.len()
    }

    /// What was signed.
    #[must_use]
    pub fn new(plan: Plan, signed: Vec<Signed>) -> Self {
        let variants = signed.into_iter().map(|one| (one.hidden, files(one.files)));
        Self { variants: Arc::new(variants.collect()), plan, whole: None, is_opened: false }
    }
}

fn files(signed: Vec<(&'static str, Vec<u8>)>) -> Files {
    signed.into_iter().map(|(name, bytes)| (name, File::new(name, bytes))).collect()
}

impl Store {
    /// Works out who may not see what, now. It asks for every place there is, so it takes some time.
    #[must_use]
    pub fn plan(&self, originals: Arc<Originals>, docket: Arc<Docket>, now: Time) -> Plan {
        let index = originals.index();
        let known = |clue: Clue<'_>| {
            docket.registry().resolve(clue.kind, &clue.id).is_ok_and(|found| !matches!(found, Attribution::Nobody))
        };
        let mut spoken: Vec<String> = index
            .iter()
            .filter(|(_, listed)| Clue::listed(listed).any(known))
            .map(|(path, _)| path.to_owned())
            .collect();
        spoken.sort_unstable();
        let mut until = now.saturating_add(PLAN_TIME_MAX);
        let mut hidden: BTreeSet<Hidden> = BTreeSet::new();
        for place in std::iter::once(None).chain(places().map(Some)) {
            let all =
                |place| Source::ALL.into_iter().fold(Evidence::default(), |seen, source| seen.with(source, Ok(place)));
            let evidence = place.map(all).unwrap_or_default();
            let (out, same_until) = self.hidden(&docket, (index, &spoken), &evidence, now, &mut |_judged| {});
            hidden.insert(out);
            until = until.min(same_until);
        }
        // What most may see first: the fewest files are left out.
        let mut hidden: Vec<Hidden> = hidden.into_iter().collect();
        hidden.sort_by_key(BTreeSet::len);
        let beyond = hidden.len().saturating_sub(VARIANTS_MAX);
        hidden.truncate(VARIANTS_MAX);
        Plan { originals, docket, spoken, hidden, beyond, until }
    }

    /// The files of the index that a user is refused, and until when that is so; `tell` is told of each judgement.
    fn hidden(
        &self,
        docket: &Docket,
        plan: (&Index, &[String]),
        evidence: &Evidence,
        now: Time,
        tell: &mut dyn FnMut(Judgement),
    ) -> (Hidden, Time) {
        let (index, spoken) = plan;
        let base = self.chosen.upstream.repository();
        let (mut hidden, mut until) = (Hidden::new(), law::time::FOREVER);
        for path in spoken {
            let Some(listed) = index.of(path) else { continue };
            let Some(judged) = self.judge(docket, Clue::listed(listed), evidence, now) else { continue };
            until = until.min(judged.finding.until);
            if self.chosen.stance.outcome(judged.finding.verdict) == Outcome::Refuse {
                let name = path.strip_prefix(base).unwrap_or(path);
                hidden.insert(name.trim_start_matches('/').to_owned());
            }
            tell(judged);
        }
        (hidden, until)
    }

    /// Until when what is in force is what there must be, of this index and under this law.
    #[must_use]
    pub fn published_until(&self, originals: &Arc<Originals>, docket: &Arc<Docket>) -> Option<Time> {
        let publication = self.publication.load();
        let plan = &publication.as_ref()?.plan;
        plan.is_of(originals, docket).then_some(plan.until)
    }

    /// Keeps the variants in force under a plan that asks for the same ones. Returns whether there were any.
    #[must_use]
    pub fn republish(&self, plan: &Plan) -> bool {
        let same = |publication: Arc<Publication>| Publication {
            plan: plan.clone(),
            variants: Arc::clone(&publication.variants),
            whole: publication.whole.clone(),
            is_opened: false,
        };
        self.change(|publication| !publication.is_opened, same)
    }

    /// Adds the index with nothing left out to the publication in force, if that is still of this plan.
    pub fn add_whole(&self, plan: &Plan, signed: Vec<(&'static str, Vec<u8>)>) {
        let whole = Some(Arc::new(files(signed)));
        let is_same = |publication: &Publication| plan.is_of(&publication.plan.originals, &publication.plan.docket);
        let added = |publication: Arc<Publication>| Publication {
            plan: publication.plan.clone(),
            variants: Arc::clone(&publication.variants),
            whole,
            is_opened: false,
        };
        self.change(|publication| is_same(publication) && !publication.is_opened, added);
    }

    /// Whether there is an index with nothing left out that could be shown at once.
    #[must_use]
    pub fn can_open(&self) -> bool {
        self.publication.load().as_ref().is_some_and(|one| one.whole.is_some() && !one.is_opened)
    }

    /// Whether the index with nothing left out is signed.
    #[must_use]
    pub fn has_whole(&self) -> bool {
        self.publication.load().as_ref().is_some_and(|one| one.whole.is_some())
    }

    /// Shows everybody the index with nothing left out, whatever the law is meanwhile.
    pub fn open(&self) {
        let opened = |publication: Arc<Publication>| Publication {
            plan: publication.plan.clone(),
            variants: Arc::clone(&publication.variants),
            whole: publication.whole.clone(),
            is_opened: true,
        };
        self.change(|publication| publication.whole.is_some(), opened);
    }

    /// Replaces the publication in force, which only its keeper does, if it is one `of` a kind. Returns whether it was.
    fn change(&self, of: impl Fn(&Publication) -> bool, to: impl FnOnce(Arc<Publication>) -> Publication) -> bool {
        let Some(publication) = self.publication.load_full().filter(|publication| of(publication)) else {
            return false;
        };
        self.publication.store(Some(Arc::new(to(publication))));
        true
    }

    /// Puts a publication in force, or none: then the repository's own index is served.
    pub fn publish(&self, publication: Option<Publication>) {
        self.publication.store(publication.map(Arc::new));
    }

    /// The answer to a request for an index, if it is one and there is a variant for this user.
    pub(crate) fn variant(&self, path: &str, evidence: &Evidence, headers: &HeaderMap) -> Option<Response> {
        let name = path.strip_prefix(self.chosen.upstream.repository())?.trim_start_matches('/');
        let publication = self.publication.load();
        let publication = publication.as_ref()?;
        let signature = name.strip_suffix(".asc").or_else(|| name.strip_suffix(".sig"));
        let is_managed = |name| originals::NAMES.contains(&name);
        if name.starts_with("diff/") || signature.is_some_and(is_managed) {
            // They belong to the repository's own index.
            return Some(super::proxy::plain(StatusCode::NOT_FOUND, "there is none for this index"));
        }
        if !is_managed(name) {
            return None;
        }
        if publication.is_opened {
            return publication.whole.as_ref()?.get(name).map(|file| file.answer(headers));
        }
        let (plan, docket, now) = (&publication.plan, self.live.current(), (self.clock.now)());
        let heard = Heard { evidence, headers, now, start: (self.clock.nanos)() };
        let listed = (plan.originals.index(), plan.spoken.as_slice());
        // One decision an app: its files share it.
        let mut judged: BTreeMap<Option<String>, Judgement> = BTreeMap::new();
        let (hidden, _) = self.hidden(&docket, listed, evidence, now, &mut |one| {
            let known = judged.entry(one.finding.subject.clone()).or_insert_with(|| one.clone());
            if one.finding.verdict > known.finding.verdict {
                *known = one;
            }
        });
        // Under law that has just changed: whoever is refused the same as before has the right one.
        if !Arc::ptr_eq(&docket, &plan.docket)
            && self.hidden(&plan.docket, listed, evidence, now, &mut |_judged| {}).0 != hidden
        {
            return None;
        }
        let file = publication.variants.get(&hidden)?.get(name)?;
        for one in judged.values() {
            let outcome = self.chosen.stance.outcome(one.finding.verdict);
            // An app is not hidden off the record: it is shown, and refused where that can be recorded.
            self.record(INDEX, one, outcome, &heard).ok()?;
        }
        Some(file.answer(headers))
    }
}

impl File {
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let etag = format!("\"{}\"", hex(&Sha256::digest(&bytes)));
        let kind = if name.ends_with(".jar") {
            "application/java-archive"
        } else if name.ends_with(".xml") {
            "text/xml"
        } else {
            "application/json"
        };
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), etag, kind: HeaderValue::from_static(kind) }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let held = headers.get(header::IF_NONE_MATCH).and_then(|held| held.to_str().ok()).unwrap_or("");
        let own = self.etag.to_str().unwrap_or("");
        let is_held =
            held.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == own || tag == "*");
        let mut response = Response::new(if is_held { Body::empty() } else { Body::from(self.bytes.clone()) });
        let set = response.headers_mut();
        set.insert(header::ETAG, self.etag.clone());
        // The next user of a shared cache may stand elsewhere.
        set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if is_held {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            set.insert(header::CONTENT_TYPE, self.kind.clone());
            set.insert(header::CONTENT_LENGTH, HeaderValue::from(self.bytes.len()));
        }
        response
    }
}

/// Every country, and the parts of the United States that have codes of countries.
fn places() -> impl Iterator<Item = Place> {
    let letters = || 'A'..='Z';
    letters().flat_map(move |first| letters().filter_map(move |second| Place::parse(&format!("{first}{second}")).ok()))
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn every_country_is_asked_for() {
        let codes: Vec<String> = places().map(|place| place.code().to_owned()).collect();
        assert!(codes.len() > 240, "{}", codes.len());
        for code in ["US", "US-PR", "CA", "GB", "CN"] {
            assert!(codes.iter().any(|known| known == code), "{code}");
        }
    }
}
