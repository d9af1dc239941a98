//! Whose keys they are, who may say what, and how many it takes.
//!
//! What counts is principals, never signatures or key ids: a key belongs to one principal, a principal
//! sits once in a group, and a group may count organisations instead. A document in which one key has
//! two owners does not load.

use crate::Fault;
use crate::dsse::Key;
use crate::json::Members;
use crate::statement::Type;
use crate::timeline::{NEVER, Time, Timeline, Window};
use foldhash::HashMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Parties to one order, with room for every auditor and rebuilder there is.
pub const PRINCIPALS_MAX: usize = 1_024;
/// Named groups.
pub const GROUPS_MAX: usize = 1_024;
/// Groups within groups.
pub const DEPTH_MAX: usize = 8;

/// Somebody who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name in this document.
    pub id: String,
    /// The organisation it belongs to.
    pub org: String,
    /// What it is, for people.
    pub role: String,
    /// The group that may revoke what it said.
    pub superior: Option<String>,
    /// Its keys.
    pub keys: Vec<Held>,
}

/// A key and when it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The key.
    pub key: Key,
    /// A statement counts if it was taken up within this window; revocation of the key ends it.
    pub window: Window,
}

/// How many of a group's members it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// Every one.
    All,
    /// This many.
    Some(usize),
}

/// A named group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many of the members.
    pub quorum: Quorum,
    /// Principals and groups.
    pub members: Vec<String>,
    /// Count organisations, not members.
    pub distinct_orgs: bool,
}

/// That a party may make statements of a type about some subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// A principal, or everybody in a group.
    pub by: String,
    /// The type of statement.
    pub kind: Type,
    /// The subject; a `*` at the end stands for anything.
    pub subject: String,
}

/// A trust document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Counts up.
    pub version: u64,
    /// After this nothing new is permitted under it.
    pub expires: Option<Time>,
    principals: BTreeMap<String, Principal>,
    groups: BTreeMap<String, Group>,
    accepted: Vec<Accepted>,
    /// Every key once, and by its id who holds it and when it may be used.
    keys: Vec<Key>,
    holders: HashMap<String, (String, Window)>,
}

/// Whether two names are those of one organisation, however they are spaced or joined and in whatever case.
pub(crate) fn is_same_org(a: &str, b: &str) -> bool {
    spelled(a).eq(spelled(b))
}

fn spelled(name: &str) -> impl Iterator<Item = char> {
    let counts = |c: &char| !c.is_whitespace() && !matches!(c, '\u{200c}' | '\u{200d}');
    name.chars().filter(counts).flat_map(char::to_lowercase)
}

impl Trust {
    /// Reads a trust document.
    ///
    /// # Errors
    /// At the first thing wrong with it: an unknown member, a key with two owners or names, a group that
    /// contains itself, someone twice, or more than it has.
    pub fn read(value: &Value) -> Result<Self, Fault> {
        let mut members = Members::new(value, "")?;
        let mut trust =
            Self { version: members.count("version")?, expires: members.optional_time("expires")?, ..Self::default() };
        let (principals, groups) = (members.list("principals")?, members.optional_list("groups")?);
        if principals.len() > PRINCIPALS_MAX || groups.len() > GROUPS_MAX {
            return Err(Fault::new("", format!("more than {PRINCIPALS_MAX} principals or {GROUPS_MAX} groups")));
        }
        for (number, item) in principals.iter().enumerate() {
            trust.add_principal(item, &format!("/principals/{number}"))?;
        }
        for (number, item) in groups.iter().enumerate() {
            trust.add_group(item, &format!("/groups/{number}"))?;
        }
        for (number, (name, group)) in trust.groups.iter().enumerate() {
            trust.check_group(name, group).map_err(|why| Fault::new(format!("/groups/{number}"), why))?;
        }
        for (number, item) in members.optional_list("accept")?.iter().enumerate() {
            let at = format!("/accept/{number}");
            let mut item = Members::new(item, &at)?;
            let by = String::from(item.text("by")?);
            if !trust.knows(&by) {
                return Err(item.fault("by", format!("nobody is called `{by}`")));
            }
            let kind =
                Type::from_name(item.text("type")?).ok_or_else(|| item.fault("type", "is not a type we know"))?;
            let subject = String::from(item.text("subject")?);
            item.finish()?;
            trust.accepted.push(Accepted { by, kind, subject });
        }
        for principal in trust.principals.values() {
            if let Some(superior) = principal.superior.as_ref().filter(|name| !trust.knows(name)) {
                return Err(Fault::new("/principals", format!("`{}`: nobody is called `{superior}`", principal.id)));
            }
        }
        members.finish()?;
        Ok(trust)
    }

    fn add_principal(&mut self, item: &Value, at: &str) -> Result<(), Fault> {
        let mut item = Members::new(item, at)?;
        let id = String::from(item.name("id")?);
        let mut keys = Vec::new();
        for (number, held) in item.list("keys")?.iter().enumerate() {
            let mut held = Members::new(held, &format!("{at}/keys/{number}"))?;
            let key = Key::from_text(held.text("spki")?).map_err(|why| held.fault("spki", why))?;
            let from = held.optional_time("notBefore")?.unwrap_or(Time::MIN);
            let until = held.optional_time("notAfter")?.unwrap_or(NEVER);
            let revoked = held.optional_time("revokedSince")?.unwrap_or(NEVER);
            if until <= from {
                return Err(held.fault("notAfter", "is not after `notBefore`, so the key could never be used"));
            }
            held.finish_with(&["comment"])?;
            let window = Window { from, until: until.min(revoked) };
            if let Some((owner, _)) = self.holders.insert(String::from(key.id()), (id.clone(), window)) {
                return Err(Fault::new(at, format!("one of its keys is already listed for `{owner}`")));
            }
            self.keys.push(key.clone());
            keys.push(Held { key, window });
        }
        let principal = Principal {
            id: id.clone(),
            org: String::from(item.name("org")?),
            role: String::from(item.optional_text("role")?.unwrap_or_default()),
            superior: item.optional_text("superior")?.map(String::from),
            keys,
        };
        item.finish()?;
        // Who counts organisations would count one twice.
        let spelt = |other: &&Principal| other.org != principal.org && is_same_org(&other.org, &principal.org);
        if let Some(other) = self.principals.values().find(spelt) {
            let why = format!("`{}` and `{}` are one organisation in two spellings", other.org, principal.org);
            return Err(Fault::new(format!("{at}/org"), why));
        }
        if self.principals.insert(id.clone(), principal).is_some() {
            return Err(Fault::new(at, format!("`{id}` is listed twice")));
        }
        Ok(())
    }

    fn add_group(&mut self, item: &Value, at: &str) -> Result<(), Fault> {
        let mut item = Members::new(item, at)?;
        let name = String::from(item.name("name")?);
        let members = item.texts("members")?;
        let need = item.needed("need")?;
        let quorum = match (need.as_str(), need.as_u64().and_then(|k| usize::try_from(k).ok())) {
            (Some("all"), _) => Quorum::All,
            (Some("any"), _) => Quorum::Some(1),
            (_, Some(k)) if k >= 1 && k <= members.len() => Quorum::Some(k),
            _ => return Err(item.fault("need", "`all`, `any`, or a number between 1 and that of the members")),
        };
        let distinct_orgs = match item.optional_text("distinct")? {
            None | Some("principal") => false,
            Some("org") => true,
            Some(_) => return Err(item.fault("distinct", "`principal` or `org`")),
        };
        item.finish()?;
        if members.is_empty() {
            return Err(Fault::new(at, "a group of nobody"));
        }
        if self.principals.contains_key(&name) || self.groups.contains_key(&name) {
            return Err(Fault::new(at, format!("`{name}` is somebody already")));
        }
        self.groups.insert(name, Group { quorum, members, distinct_orgs });
        Ok(())
    }

    /// Each name once, no circles; organisations are counted among principals only.
    fn check_group(&self, name: &str, group: &Group) -> Result<(), String> {
        let mut leaves = BTreeSet::new();
        self.walk(name, 0, &mut leaves)?;
        if group.distinct_orgs && group.members.iter().any(|member| !self.principals.contains_key(member)) {
            return Err(format!("`{name}` counts organisations, so its members have to be principals"));
        }
        if group.distinct_orgs {
            let orgs: BTreeSet<_> =
                group.members.iter().filter_map(|member| Some(&self.principals.get(member)?.org)).collect();
            let needed = match group.quorum {
                Quorum::All => group.members.len(),
                Quorum::Some(k) => k,
            };
            if orgs.len() < needed {
                return Err(format!("`{name}` needs {needed} organisations and has {}", orgs.len()));
            }
        }
        Ok(())
    }

    fn walk<'t>(&'t self, name: &'t str, depth: usize, leaves: &mut BTreeSet<&'t str>) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("`{name}` contains itself, or lies deeper than {DEPTH_MAX} groups"));
        }
        if self.principals.contains_key(name) {
            return if leaves.insert(name) { Ok(()) } else { Err(format!("`{name}` sits in it twice")) };
        }
        let group = self.groups.get(name).ok_or_else(|| format!("nobody is called `{name}`"))?;
        group.members.iter().try_for_each(|member| self.walk(member, depth + 1, leaves))
    }

    /// Whether it knows nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }

    /// Whether there is a principal or group of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.principals.contains_key(name) || self.groups.contains_key(name)
    }

    /// The principal of this name.
    #[must_use]
    pub fn principal(&self, id: &str) -> Option<&Principal> {
        self.principals.get(id)
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Every key, once.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The principals, each once, whose keys these are and could be used when the log took the statement up.
    #[must_use]
    pub fn holders<'k>(&self, keys: impl IntoIterator<Item = &'k Key>, at: Time) -> BTreeSet<&str> {
        keys.into_iter().filter_map(|key| self.holder(key, at)).collect()
    }

    /// The principal whose key this is, if it could be used at the instant.
    pub(crate) fn holder(&self, key: &Key, at: Time) -> Option<&str> {
        self.holder_of(key.id()).filter(|(_, window)| window.contains(at)).map(|(holder, _)| holder)
    }

    /// The principal whose key this is, by its id, and when it may be used.
    pub(crate) fn holder_of(&self, key: &str) -> Option<(&str, Window)> {
        self.holders.get(key).map(|(holder, window)| (holder.as_str(), *window))
    }

    /// The principals of a group, of groups in it, or the one of this name.
    #[must_use]
    pub fn everybody(&self, name: &str) -> BTreeSet<&str> {
        let mut leaves = BTreeSet::new();
        if let Some((name, _)) = self.groups.get_key_value(name) {
            // The document loaded, so no member is missing or twice.
            let _checked = self.walk(name, 0, &mut leaves);
        } else if let Some((name, _)) = self.principals.get_key_value(name) {
            leaves.insert(name.as_str());
        }
        leaves
    }

    /// Whether this principal may make statements of this type about this subject.
    #[must_use]
    pub fn accepts(&self, principal: &str, kind: Type, subject: &str) -> bool {
        self.accepted_for(kind, subject).any(|by| self.everybody(by).contains(principal))
    }

    /// Everybody who may make statements of this type about this subject.
    pub(crate) fn everybody_for(&self, kind: Type, subject: &str) -> BTreeSet<&str> {
        self.accepted_for(kind, subject).flat_map(|by| self.everybody(by)).collect()
    }

    /// The principals and groups that may.
    fn accepted_for(&self, kind: Type, subject: &str) -> impl Iterator<Item = &str> {
        let fits = move |accepted: &&Accepted| {
            let open = accepted.subject.strip_suffix('*');
            accepted.kind == kind && open.map_or(accepted.subject == subject, |start| subject.starts_with(start))
        };
        self.accepted.iter().filter(fits).map(|accepted| accepted.by.as_str())
    }

    /// When a principal or group stands behind something, given when each principal does.
    pub fn support<'t>(&'t self, name: &str, of: &dyn Fn(&'t str) -> Timeline) -> Timeline {
        if let Some(principal) = self.principals.get(name) {
            return of(&principal.id);
        }
        let Some(group) = self.groups.get(name) else { return Timeline::never() };
        let mut seats: Vec<Timeline> = Vec::new();
        if group.distinct_orgs {
            let mut orgs: BTreeMap<&str, Vec<Timeline>> = BTreeMap::new();
            for principal in group.members.iter().filter_map(|member| self.principals.get(member)) {
                orgs.entry(&principal.org).or_default().push(of(&principal.id));
            }
            seats.extend(orgs.values().map(Timeline::any));
        } else {
            seats.extend(group.members.iter().map(|member| self.support(member, of)));
        }
        let needed = match group.quorum {
            Quorum::All => group.members.len(),
            Quorum::Some(k) => k,
        };
        Timeline::at_least(needed, &seats)
    }

    /// Whether these principals together are enough for this name.
    #[must_use]
    pub fn suffices(&self, name: &str, signers: &BTreeSet<&str>) -> bool {
        let of = |id: &str| if signers.contains(id) { Timeline::always() } else { Timeline::never() };
        !self.support(name, &of).windows().is_empty()
    }
}
