//! The words an inquiry and an order may use: acts, actors, roles, governments, facts. No order adds one.

use crate::fault::nearest;
use crate::place::Place;

/// Declares an enum whose variants have one written name each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* #[doc = concat!("`", $word, "`")] $variant),+ }

        impl $name {
            /// Every word, in the order of the vocabulary.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as written.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The meaning of `word`, if it is in the vocabulary.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What is done.
    Act {
        AppDistribute = "app.distribute", AppUpdate = "app.update", HostProvide = "host.provide",
        CdnProvide = "cdn.provide", TransitProvide = "transit.provide", PeeringProvide = "peering.provide",
        PaymentProcess = "payment.process", CodeUse = "code.use", AppUse = "app.use",
        MessageExchange = "message.exchange", DataStore = "data.store", DeviceInstall = "device.install",
        NetworkAccess = "network.access", AdsProvide = "ads.provide", AppResell = "app.resell",
        AssetsOwn = "assets.own", WagesPay = "wages.pay", ContractNew = "contract.new",
    }
}

words! {
    /// What kind of person acts.
    ActorKind { Business = "business", Consumer = "consumer", Government = "government", Contractor = "contractor" }
}

words! {
    /// In what role.
    Role {
        AppStore = "app-store", PaymentProvider = "payment-provider", HostingProvider = "hosting-provider",
        Cdn = "cdn", NetworkOperator = "network-operator", Developer = "developer", Employer = "employer",
        User = "user", Agency = "agency", Advertiser = "advertiser", Reseller = "reseller", Owner = "owner",
    }
}

words! {
    /// By what kind of identifier a thing is named.
    ResourceKind {
        App = "app", AndroidPackage = "android-package", IosBundle = "ios-bundle", AppStoreId = "app-store-id",
        Domain = "domain", Asn = "asn", Wallet = "wallet", Company = "company", CertSha256 = "cert-sha256",
        Purl = "purl", CodeSha256 = "code-sha256",
    }
}

words! {
    /// What else an order may ask.
    Fact {
        Purpose = "purpose", IntendedOutside = "intended_outside", DevelopedIn = "developed_in",
        AccessibleIn = "accessible_in", Contracted = "contracted", ForFee = "for_fee", Form = "form",
        Device = "device", Network = "network", Operator = "operator", PayerPlace = "payer_place",
        PayeePlace = "payee_place", TribalLand = "tribal_land", ViaVpn = "via_vpn",
        ExceptionApproved = "exception_approved",
    }
}

/// What values a fact takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`; in orders `yes` or `no`.
    Bool,
    /// One place.
    Place,
    /// One place, or `none`.
    PlaceOrNone,
    /// Several places.
    Places,
    /// An operator that the subject files declare.
    Operator,
}

impl Fact {
    /// What values it takes.
    #[must_use]
    pub const fn kind(self) -> FactKind {
        match self {
            Self::Purpose => FactKind::Choice(&[
                "wages",
                "user-exchange",
                "law-enforcement",
                "security-research",
                "national-security",
                "compliance-with-order",
                "general",
            ]),
            Self::Contracted => FactKind::Choice(&["direct", "arranged", "best-effort"]),
            Self::Form => FactKind::Choice(&["mobile", "desktop", "web", "tv"]),
            Self::Device => FactKind::Choice(&["government-owned", "government-use", "contract-use", "personal"]),
            Self::Network => FactKind::Choice(&["government", "public"]),
            Self::IntendedOutside => FactKind::PlaceOrNone,
            Self::DevelopedIn | Self::AccessibleIn => FactKind::Places,
            Self::PayerPlace | Self::PayeePlace => FactKind::Place,
            Self::Operator => FactKind::Operator,
            Self::ForFee | Self::TribalLand | Self::ViaVpn | Self::ExceptionApproved => FactKind::Bool,
        }
    }
}

/// The branches of the federal government of the United States.
pub const BRANCHES: &[&str] = &[
    "US-federal-executive",
    "US-federal-judicial",
    "US-federal-legislative",
    "US-federal-legislative-house",
    "US-federal-legislative-senate",
];

/// Whether `text` names a government.
///
/// # Errors
/// A sentence saying what a government looks like.
pub fn government(text: &str) -> Result<(), String> {
    let place = text.strip_suffix("-local").unwrap_or(text);
    if BRANCHES.contains(&text) || Place::parse(place).is_ok() {
        return Ok(());
    }
    let near =
        nearest(text, BRANCHES.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(format!("unknown government `{text}`{near}"))
}
