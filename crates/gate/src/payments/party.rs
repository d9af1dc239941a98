//! What the parties are, and whether a payment may be wages.

use screening::{Payment, Role, Says, Whom};

/// Categories and purposes that mean wages, salaries and benefits (ISO 20022 external code sets).
const WAGES: [&str; 5] = ["SALA", "BONU", "PAYR", "PENS", "SSBE"];

/// Words that only companies end their names with.
const COMPANY_WORDS: [&str; 40] = [
    "ltd",
    "limited",
    "llc",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "gmbh",
    "ag",
    "kg",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "plc",
    "pte",
    "pty",
    "oy",
    "ab",
    "as",
    "lp",
    "llp",
    "kk",
    "ooo",
    "oao",
    "bank",
    "group",
    "holdings",
    "university",
    "foundation",
    "ministry",
    "department",
    "services",
    "technologies",
    "gbr",
];

/// The same in scripts without spaces.
const COMPANY_PARTS: [&str; 7] = ["公司", "集团", "株式会社", "有限", "주식회사", "银行", "大学"];

/// What a party is, as far as the message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Being {
    /// A company or other organisation.
    Organisation,
    /// A private person.
    Person,
    /// Not said.
    #[default]
    Unsaid,
}

impl Being {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Person => "person",
            Self::Unsaid => "not said",
        }
    }
}

/// What `whom` is.
#[must_use]
pub fn being(sources: &[&Payment], whom: Whom) -> Being {
    let has = |says| sources.iter().any(|source| source.first(whom, says).is_some());
    let named = sources.iter().find_map(|source| source.first(whom, Says::Name)).unwrap_or("");
    // A merchant that takes cards is in business.
    let merchant = || {
        let mut fields = sources.iter().flat_map(|source| source.fields.iter());
        fields.any(|field| field.whom == whom && field.role == Role::CardAcceptor)
    };
    let organisation =
        merchant() || has(Says::OrganisationId) || has(Says::Lei) || has(Says::Bic) || is_company_name(named);
    match (organisation, has(Says::PrivateId)) {
        (true, false) => Being::Organisation,
        (false, true) => Being::Person,
        // Neither, or a message that says both.
        (false, false) | (true, true) => Being::Unsaid,
    }
}

/// Whether a name says that it is a company's.
#[must_use]
pub fn is_company_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| COMPANY_WORDS.contains(&word)) || COMPANY_PARTS.iter().any(|part| name.contains(part))
}

/// What the message claims of its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Wages: the codes say so and the parties agree.
    Wages,
    /// A code says wages; another code, or the parties, do not agree.
    WagesDisagree,
    /// Nothing is said, and it may be wages.
    MayBeWages,
    /// Something other than wages.
    Other,
}

/// What the purpose is: `provider_is_party` where the app itself pays or is paid.
#[must_use]
pub fn purpose(sources: &[&Payment], payer: Being, payee: Being, provider_is_party: bool) -> Purpose {
    let codes = sources
        .iter()
        .flat_map(|source| source.fields.iter().filter(|f| f.says == Says::Purpose).map(|f| source.text_of(f).trim()));
    let (wages, others): (Vec<&str>, Vec<&str>) = codes.partition(|code| WAGES.contains(code));
    let possible = payer != Being::Person && payee != Being::Organisation && !provider_is_party;
    let agreed = possible && (payer == Being::Organisation || payee == Being::Person);
    match (wages.is_empty(), others.is_empty()) {
        (false, true) if agreed => Purpose::Wages,
        (false, _) => Purpose::WagesDisagree,
        (true, false) => Purpose::Other,
        (true, true) if possible => Purpose::MayBeWages,
        (true, true) => Purpose::Other,
    }
}
