//! The settings file of `interdict serve`: read once, whole, and refused with its place where it is wrong.
//!
//! Each part of the service has a section of its own; a section that is absent leaves that part out.

use crate::attest_folder::Statements;
use crate::canary::Canary;
use crate::cli::Choice;
use crate::commands::Loading;
use crate::law_note::Voucher;
use crate::log_home::Home;
use crate::territory::Consulted;
use docket::fault::did_you_mean;
use docket::finding::{Posture, Verdict};
use docket::vocabulary::{Act, Role};
use gate::recorder::{OnFull, QUEUE_RECORDS_MAX};
use gate::refusal::Blocker;
use gate::shadow::{Mode, OnRefer, Stance};
use gate::territory::{Hops, Locator, Prefix};
use gate::typed::Artefact;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// A longer file is not settings: the largest sensible one names a few hundred things.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that can be set. Paths are relative to the folder of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where to listen; the command line goes before.
    pub(crate) listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach.
    pub(crate) listen_publicly: bool,
    /// The folder or log whose signed statements meet conditions; the command line goes before.
    pub(crate) attestations: Option<PathBuf>,
    /// Whose log it is: its public key, or a file with that or with a policy.
    pub(crate) attestations_key: Option<String>,
    /// Whose note the folder of law must have: their public key, or a file with that; the command line goes before.
    pub(crate) corpus_key: Option<PathBuf>,
    /// Where decisions are recorded; nowhere if absent.
    pub(crate) records: Option<Records>,
    /// The log that decisions are recorded in; none if absent and not asked for on the command line.
    pub(crate) log: crate::recording::LogSection,
    /// What is consulted about where addresses are.
    pub(crate) territory: Territory,
    /// The gate that proxies ask.
    pub(crate) edge: Option<Edge>,
    /// The proxies that are given tables of what the edge gate refuses.
    pub(crate) maps: Vec<Maps>,
    /// The gates that are asked for what they must never refuse.
    pub(crate) canary: Vec<Canary>,
    /// What the payment gate has beside the law; nothing if absent.
    pub(crate) payments: Option<crate::pay_keep::Section>,
    /// The gate in front of an app repository.
    pub(crate) store: Option<crate::store::Section>,
    /// The folder the file lies in.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// `[records]`: where decisions are recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    /// The file that CloudEvents are appended to, one a line.
    pub(crate) file: PathBuf,
    /// How many may wait to be written.
    #[serde(default = "queue_records_max")]
    pub(crate) queue_records_max: NonZeroUsize,
    /// What gates do when a decision cannot be recorded.
    #[serde(default)]
    pub(crate) on_full: OnFullChoice,
}

const fn queue_records_max() -> NonZeroUsize {
    match NonZeroUsize::new(QUEUE_RECORDS_MAX) {
        Some(max) => max,
        None => NonZeroUsize::MIN,
    }
}

/// `on_full`: what gates do when a decision cannot be recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFullChoice {
    /// Give no answer.
    Refuse,
    /// Hold the answer back until there is room, for some seconds; give none then.
    Wait,
    /// Answer, and count what is missing.
    #[default]
    AnswerUnrecorded,
}

impl OnFullChoice {
    /// In the recorder's words.
    pub(crate) const fn chosen(self) -> OnFull {
        match self {
            Self::Refuse => OnFull::Refuse,
            Self::Wait => OnFull::Wait,
            Self::AnswerUnrecorded => OnFull::AnswerUnrecorded,
        }
    }
}

/// `[territory]`: what is consulted about where addresses are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Territory {
    /// A table of delegations instead of the shipped one.
    countries: Option<PathBuf>,
    /// Files in the MaxMind DB format.
    geo: Vec<PathBuf>,
    /// The operator's own list of networks.
    networks: Option<PathBuf>,
}

/// `[edge]`: the gate that proxies ask about hosts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Edge {
    /// Where proxies ask; without it, where everything else is asked.
    pub(crate) listen: Option<SocketAddr>,
    /// What serving a host amounts to.
    #[serde(deserialize_with = "words")]
    acts: Vec<Act>,
    /// Who serves.
    #[serde(deserialize_with = "word")]
    role: Role,
    /// What is known of the service, as `fact = "value"`.
    facts: BTreeMap<String, String>,
    /// Whose word about client addresses is taken.
    trusted_proxies: Vec<Network>,
    /// A URI that identifies whoever runs this gate.
    blocked_by: Option<String>,
    /// Where this service's pages can be read from outside.
    orders: Option<String>,
    /// How verdicts are treated.
    stance: StanceChoice,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            listen: None,
            acts: vec![Act::HostProvide],
            role: Role::HostingProvider,
            facts: BTreeMap::new(),
            trusted_proxies: Vec::new(),
            blocked_by: None,
            orders: None,
            stance: StanceChoice::default(),
        }
    }
}

/// `[[maps]]`: a proxy that is given tables of what the edge gate refuses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maps {
    /// Which proxy.
    #[serde(rename = "for")]
    pub(crate) proxy: Proxy,
    /// Where its tables are written.
    pub(crate) folder: PathBuf,
    /// The administration socket of HAProxy, through which tables change without a reload.
    pub(crate) socket: Option<PathBuf>,
    /// The command that makes the proxy read its tables again.
    #[serde(default)]
    pub(crate) reload: Vec<String>,
}

/// Proxies whose tables are known how to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proxy {
    Haproxy,
    Nginx,
    Caddy,
    Envoy,
    Squid,
}

impl Proxy {
    /// Its name in metrics and reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
            Self::Squid => "squid",
        }
    }
}

/// A network, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Network(pub(crate) Prefix);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse().map(Self)
    }
}

/// A word of a vocabulary.
trait Known: Sized + 'static {
    const WHAT: &'static str;
    fn known(word: &str) -> Option<Self>;
    fn all() -> Vec<&'static str>;
}

impl Known for Act {
    const WHAT: &'static str = "act";

    fn known(word: &str) -> Option<Self> {
        Self::from_word(word)
    }

    fn all() -> Vec<&'static str> {
        Self::ALL.iter().map(|act| act.word()).collect()
    }
}

impl Known for Role {
    const WHAT: &'static str = "role";

    fn known(word: &str) -> Option<Self> {
        Self::from_word(word)
    }

    fn all() -> Vec<&'static str> {
        Self::ALL.iter().map(|role| role.word()).collect()
    }
}

fn meaning<T: Known, E: Error>(word: &str) -> Result<T, E> {
    T::known(word).ok_or_else(|| {
        let near = did_you_mean(word, T::all());
        E::custom(format!("unknown {} `{word}`; {near}", T::WHAT))
    })
}

fn word<'de, T: Known, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    meaning(&String::deserialize(from)?)
}

fn words<'de, T: Known, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    if words.is_empty() {
        return Err(D::Error::custom("name at least one"));
    }
    words.iter().map(|word| meaning(word)).collect()
}

impl Edge {
    /// In the gate's words.
    ///
    /// # Errors
    /// A fact or a value that is none.
    pub(crate) fn chosen(&self) -> Result<gate::edge::Edge, String> {
        let stated = self.facts.iter().map(|(fact, value)| (fact.as_str(), value.as_str()));
        if let Some(other) = self.acts.iter().find(|act| !Artefact::Edge.acts().contains(act)) {
            let allowed: Vec<String> = Artefact::Edge.acts().iter().map(|act| format!("`{}`", act.word())).collect();
            let allowed = allowed.join(" or ");
            return Err(format!("[edge] acts: serving a host is {allowed}; `{}` is no act of an edge", other.word()));
        }
        let facts = docket::inquiry::facts(stated).map_err(|problem| format!("[edge] facts: {}", problem.message))?;
        Ok(gate::edge::Edge {
            name: String::from("edge"),
            acts: self.acts.clone(),
            role: self.role,
            facts: facts.into_iter().map(|(fact, stated)| (fact, stated.into_owned())).collect(),
            stance: self.stance.chosen(),
            hops: Hops::new(self.trusted_proxies.iter().map(|network| network.0).collect()),
            blocker: Blocker { uri: self.blocked_by.clone(), orders: self.orders.clone() },
        })
    }
}

/// What every gate's section may say about how it treats verdicts.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StanceChoice {
    /// `enforce` or `shadow`.
    mode: ModeChoice,
    /// What to do where the law is not enforced.
    not_enforced: Option<Choice>,
    /// What to do where a court has stayed the law.
    stayed: Option<Choice>,
    /// What to do where law and facts leave it open.
    on_refer: OnReferChoice,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeChoice {
    #[default]
    Enforce,
    Shadow,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnReferChoice {
    #[default]
    Permit,
    Refuse,
}

impl StanceChoice {
    /// In the gates' words.
    pub(crate) fn chosen(self) -> Stance {
        let default = Posture::default();
        let or = |choice: Option<Choice>, otherwise: Verdict| choice.map_or(otherwise, Choice::verdict);
        Stance {
            mode: match self.mode {
                ModeChoice::Enforce => Mode::Enforce,
                ModeChoice::Shadow => Mode::Shadow,
            },
            posture: Posture {
                not_enforced: or(self.not_enforced, default.not_enforced),
                stayed: or(self.stayed, default.stayed),
                ..default
            },
            on_refer: match self.on_refer {
                OnReferChoice::Permit => OnRefer::Permit,
                OnReferChoice::Refuse => OnRefer::Refuse,
            },
        }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// A report for people: what is wrong, where, and what to write.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |error: &dyn std::fmt::Display| format!("cannot read settings {}: {error}", path.display());
        let len = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
        if len > FILE_BYTES_MAX {
            return Err(cannot(&format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::parse(&text, &path.display().to_string()).map(|settings| Self { folder, ..settings })
    }

    /// Reads text; `name` is what reports call it.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| docket::fault::shown(error.message(), name, text, error.span()))
    }

    /// What is consulted about where addresses are.
    ///
    /// # Errors
    /// A file that cannot be read, or is not what it should be.
    pub(crate) fn locator(&self) -> Result<Locator, String> {
        let Territory { countries, geo, networks } = &self.territory;
        let path = |path: &PathBuf| self.path(path);
        let consulted = Consulted {
            countries: countries.as_ref().map(path),
            geo: geo.iter().map(path).collect(),
            networks: networks.as_ref().map(path),
        };
        consulted.locator()
    }

    /// Where law comes from, with what the file says of it. What a service records in a log of its own has statements,
    /// too, and they count unless others are named.
    ///
    /// # Errors
    /// A key that is none, or a folder that holds no log.
    pub(crate) fn loading(&self, typed: &Loading, log: Option<&Path>) -> Result<Loading, String> {
        let key = self.attestations_key.as_deref();
        let is_address = |name: &Path| name.to_str().is_some_and(|text| text.contains("://"));
        let path = |name: &Path| if is_address(name) { name.to_owned() } else { self.path(name) };
        let named = || self.attestations.as_deref().map(|name| Statements::named(&path(name), key));
        // Before anything is looked for in it: a folder without a log is no folder of statements either.
        if let Some(folder) = log {
            Home::open(folder, None).map_err(|problem| problem.message)?;
        }
        let own = || log.map(|folder| Statements::named(folder, None));
        let attestations = typed.attestations.clone().or_else(named).or_else(own);
        let voucher = match (&typed.voucher, &self.corpus_key) {
            (None, Some(name)) if name.to_str().is_some_and(|text| text.contains('+')) => Some(Voucher::named(name)?),
            (None, Some(name)) => Some(Voucher::named(&self.path(name))?),
            (voucher, _) => voucher.clone(),
        };
        Ok(Loading { attestations, voucher, ..typed.clone() })
    }

    /// A path of the file, from where the process stands.
    pub(crate) fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use docket::finding::Verdict;
    use gate::recorder::{OnFull, QUEUE_RECORDS_MAX};
    use wire::record::Outcome;

    #[test]
    fn an_empty_file_sets_nothing_and_a_short_one_has_defaults() {
        let nothing = Settings::parse("", "x.toml").unwrap();
        assert!(nothing.listen.is_none() && nothing.records.is_none() && !nothing.listen_publicly);
        let records = Settings::parse("[records]\nfile = \"d.ndjson\"", "x.toml").unwrap().records.unwrap();
        assert_eq!(records.queue_records_max.get(), QUEUE_RECORDS_MAX);
        assert_eq!(records.on_full.chosen(), OnFull::AnswerUnrecorded);
    }

    #[test]
    fn when_gates_answer_is_set_for_all_or_each() {
        let text = "[log]\nfolder = \"ledger\"\non_full = \"wait\"\ngates = { edge = \"queued\" }";
        assert!(Settings::parse(text, "x.toml").is_ok());
        for (text, told) in [
            ("[log]\nanswer = \"soon\"", "unknown variant `soon`"),
            ("[log]\ngates = { eddge = \"queued\" }", "unknown variant `eddge`"),
            ("[log]\nqueue_records_max = 0", "nonzero"),
        ] {
            let report = Settings::parse(text, "x.toml").unwrap_err();
            assert!(report.contains(told) && report.contains("x.toml:2:"), "{report}");
        }
    }

    #[test]
    fn the_edge_gate_is_set_whole() {
        let text = r#"
[edge]
acts = ["host.provide", "cdn.provide"]
role = "cdn"
facts = { contracted = "direct" }
trusted_proxies = ["10.0.0.0/8"]
blocked_by = "https://host.example/legal"
stance = { mode = "shadow", not_enforced = "forbid", on_refer = "refuse" }
"#;
        let edge = Settings::parse(text, "x.toml").unwrap().edge.unwrap().chosen().unwrap();
        assert_eq!((edge.acts.len(), edge.role.word(), edge.facts.len()), (2, "cdn", 1));
        assert_eq!(edge.stance.outcome(Verdict::Forbid), Outcome::Shadow);
        assert_eq!(edge.stance.posture.not_enforced, Verdict::Forbid);
        let wrong = Settings::parse("[edge]\nfacts = { for_fee = \"dear\" }", "x.toml").unwrap().edge.unwrap();
        assert!(wrong.chosen().unwrap_err().contains("for_fee"));
        let other = Settings::parse("[edge]\nacts = [\"network.access\"]", "x.toml").unwrap().edge.unwrap();
        assert!(other.chosen().unwrap_err().contains("no act of an edge"));
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        for (text, told, at) in [
            ("lisen = \"127.0.0.1:1\"", "unknown field `lisen`", "x.toml:1:1"),
            ("listen = \"here\"", "socket address", "x.toml:1:10"),
            ("[records]\nfile = \"d\"\non_full = \"hope\"", "unknown variant `hope`", "x.toml:3:11"),
            ("[records]\nfile = \"d\"\nqueue_records_max = 0", "nonzero", "x.toml:3:21"),
            ("[records]\n", "missing field `file`", "x.toml:1:1"),
            ("listen = ", "", "x.toml:1:"),
            ("[edge]\nacts = [\"host.provid\"]", "did you mean `host.provide`?", "x.toml:2:8"),
            ("[edge]\nacts = []", "at least one", "x.toml:2:8"),
            ("[edge]\nrole = \"shop\"", "unknown role `shop`", "x.toml:2:8"),
            ("[edge]\ntrusted_proxies = [\"10.0.0.0/33\"]", "10.0.0.0/33", "x.toml:2:19"),
            ("[edge.stance]\nmode = \"watch\"", "unknown variant `watch`", "x.toml:2:8"),
        ] {
            let report = Settings::parse(text, "x.toml").unwrap_err();
            assert!(report.contains(told) && report.contains(at), "{told} at {at}:\n{report}");
        }
    }
}
