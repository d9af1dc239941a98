//! Gates are typed by the act an order forbids: what refuses one act is not made for an order that forbids another.
//!
//! A statute with a marketplace limb and a hosting limb yields a store gate and an edge table; a name server's zone or a
//! route filter made from it would block what nobody ordered blocked, so none is made.

use docket::Docket;
use docket::order::{Kind, Statement};
use docket::vocabulary::Act;
use std::collections::BTreeSet;

/// What can be made to enforce an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Artefact {
    /// An app store's answers.
    Store,
    /// The tables of a hosting provider's or a delivery network's edge.
    Edge,
    /// Answers of a control plane that provisions hosting, delivery, transit and peering.
    Provisioning,
    /// A response policy zone of name servers.
    NameServer,
    /// Filters and shutdowns between networks.
    Interconnect,
    /// Refusals in payment messages.
    Payments,
    /// Policies of managed devices.
    Fleet,
    /// A check of what a build contains.
    Build,
}

impl Artefact {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Store,
        Self::Edge,
        Self::Provisioning,
        Self::NameServer,
        Self::Interconnect,
        Self::Payments,
        Self::Fleet,
        Self::Build,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Edge => "edge",
            Self::Provisioning => "provisioning",
            Self::NameServer => "name-server",
            Self::Interconnect => "interconnect",
            Self::Payments => "payments",
            Self::Fleet => "fleet",
            Self::Build => "build",
        }
    }

    /// The acts it refuses: an order that forbids none of them does not reach it.
    #[must_use]
    pub const fn acts(self) -> &'static [Act] {
        match self {
            Self::Store => &[Act::AppDistribute, Act::AppUpdate],
            Self::Edge => &[Act::HostProvide, Act::CdnProvide],
            Self::Provisioning => &[Act::HostProvide, Act::CdnProvide, Act::TransitProvide, Act::PeeringProvide],
            Self::NameServer => &[Act::NetworkAccess],
            Self::Interconnect => &[Act::TransitProvide, Act::PeeringProvide],
            Self::Payments => &[Act::PaymentProcess, Act::WagesPay],
            Self::Fleet => &[Act::AppUse, Act::DeviceInstall],
            Self::Build => &[Act::CodeUse],
        }
    }
}

impl Artefact {
    /// What escapes it of what an order forbids: to be said beside its reach, and no reason for a wider rule.
    #[must_use]
    pub const fn does_not_see(self) -> Option<&'static str> {
        match self {
            Self::Store => Some("copies at other mirrors"),
            Self::Edge => Some(
                "names that TLS hides from it (Encrypted Client Hello, where it passes connections on), nor copies that \
                 delivery networks of others serve",
            ),
            Self::NameServer => Some("questions put to other resolvers"),
            Self::Build => Some("code that is loaded only when a program runs"),
            Self::Provisioning | Self::Interconnect | Self::Payments | Self::Fleet => None,
        }
    }
}

/// How an order stands to an artefact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The artefact.
    pub artefact: Artefact,
    /// Citations of the provisions that forbid what it refuses; empty where none does.
    pub provisions: Vec<String>,
}

/// What may be made for an order, and what may not.
///
/// # Errors
/// There is no such order, or it forbids nothing.
pub fn reach(docket: &Docket, order: &str) -> Result<(Vec<Reach>, BTreeSet<Act>), String> {
    let corpus = docket.corpus();
    let instrument = corpus.instruments.iter().find(|instrument| instrument.id == order);
    let instrument = instrument.ok_or_else(|| format!("no instrument `{order}`; `interdict orders` lists them"))?;
    let prohibits = |statement: &&Statement| matches!(statement.kind, Kind::Prohibit(_));
    let prohibitions: Vec<&Statement> = instrument.statements.iter().filter(prohibits).collect();
    if prohibitions.is_empty() {
        return Err(format!("`{order}` prohibits nothing by itself, so nothing is made to enforce it"));
    }
    let acts = |statement: &Statement| statement.scopes.iter().flat_map(|scope| scope.acts.clone()).collect::<Vec<_>>();
    let forbidden: BTreeSet<Act> = prohibitions.iter().flat_map(|statement| acts(statement)).collect();
    let of = |artefact: Artefact| {
        let forbids = |statement: &&&Statement| acts(statement).iter().any(|act| artefact.acts().contains(act));
        let cited = prohibitions.iter().filter(forbids).map(|statement| format!("{order}:{}", statement.id));
        Reach { artefact, provisions: cited.collect() }
    };
    Ok((Artefact::ALL.map(of).to_vec(), forbidden))
}

/// Why an artefact is not made for an order.
#[must_use]
pub fn refused(order: &str, artefact: Artefact, forbidden: &BTreeSet<Act>) -> String {
    let words = |acts: &mut dyn Iterator<Item = Act>| {
        acts.map(|act| format!("`{}`", act.word())).collect::<Vec<_>>().join(", ")
    };
    let would = words(&mut artefact.acts().iter().copied());
    let does = words(&mut forbidden.iter().copied());
    format!("`{order}` does not reach the {} gate: that refuses {would}, and the order forbids {does}", artefact.word())
}
