//! The question as JSON: strict, with the path of whatever is wrong. Unknown members are errors.

use docket::fault::did_you_mean;
use docket::inquiry::{self, Actor, Facts, Inquiry, Problem, Resource, Stated};
use docket::moment::parse_rfc3339;
use docket::place::Place;
use docket::vocabulary::{Fact, FactKind};
use law::Time;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A body longer than this is refused: the longest sensible batch is far shorter.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Strings of an inquiry are identifiers and words; longer ones are refused.
pub const STRING_BYTES_MAX: usize = 1024;
/// A fact names no more places than there are countries and states.
pub const PLACES_MAX: usize = 512;

/// What is wrong with a question, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The JSON path (`context.valid_at`), or empty for the whole.
    pub at: String,
    /// What is wrong there and what to write instead.
    pub message: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.at, self.message) }
    }
}

impl std::error::Error for Malformed {}

impl From<Problem> for Malformed {
    fn from(Problem { member, message }: Problem) -> Self {
        Self { at: member, message }
    }
}

/// The members of an inquiry, each possibly absent: a batch fills them from its defaults.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Members<'a> {
    #[serde(borrow, default)]
    pub(crate) subject: Option<RawSubject<'a>>,
    #[serde(borrow, default)]
    pub(crate) action: Option<RawAction<'a>>,
    #[serde(borrow, default)]
    pub(crate) resource: Option<RawResource<'a>>,
    #[serde(borrow, default)]
    pub(crate) context: Option<RawContext<'a>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSubject<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    properties: RawProperties<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProperties<'a> {
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    government: Option<Cow<'a, str>>,
}

/// AuthZEN allows properties here; the inquiry has none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, rename = "properties")]
    _properties: Nothing,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawResource<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default, rename = "properties")]
    _properties: Nothing,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawContext<'a> {
    #[serde(borrow, default)]
    valid_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    known_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    place: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    facts: RawFacts<'a>,
}

#[derive(Clone, Debug, Default)]
struct RawFacts<'a>(Vec<(Cow<'a, str>, RawValue<'a>)>);

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum RawValue<'a> {
    Null(()),
    Bool(bool),
    Word(#[serde(borrow)] Cow<'a, str>),
    Words(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for RawFacts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Facts;
        impl<'de> Visitor<'de> for Facts {
            type Value = RawFacts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of facts")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut facts: Vec<(Cow<'de, str>, RawValue<'de>)> = Vec::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if facts.iter().any(|(known, _)| *known == key) {
                        return Err(M::Error::custom(format!("`{key}` is stated twice")));
                    }
                    let value = map.next_value().map_err(|error| {
                        M::Error::custom(format!(
                            "`{key}`: write null, true, false, a string or an array of strings ({error})"
                        ))
                    })?;
                    facts.push((key, value));
                }
                Ok(RawFacts(facts))
            }
        }
        deserializer.deserialize_map(Facts)
    }
}

/// Reads one inquiry. `now` is when the act happens if the inquiry does not say.
///
/// # Errors
/// The first thing wrong, with its path.
pub fn parse(json: &[u8], now: Time) -> Result<Inquiry<'_>, Malformed> {
    resolve(read(json)?, now)
}

/// Deserializes with the path of the first error.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Malformed> {
    if json.len() > BODY_BYTES_MAX {
        return Err(Malformed { at: String::new(), message: format!("longer than {BODY_BYTES_MAX} bytes") });
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let at = error.path().to_string();
        Malformed { at: if at == "." { String::new() } else { at }, message: error.into_inner().to_string() }
    })?;
    reader.end().map_err(|error| Malformed { at: String::new(), message: error.to_string() })?;
    Ok(value)
}

/// Gives members their meaning. `at` is the path they stand at.
pub(crate) fn resolve(members: Members<'_>, now: Time) -> Result<Inquiry<'_>, Malformed> {
    inquiry(members, now).map_err(Malformed::from)
}

fn inquiry(members: Members<'_>, now: Time) -> Result<Inquiry<'_>, Problem> {
    let missing = |member: &str| Problem::of(member, "is missing");
    let subject = members.subject.ok_or_else(|| missing("subject"))?;
    let action = members.action.ok_or_else(|| missing("action"))?;
    let resource = members.resource.ok_or_else(|| missing("resource"))?;
    let context = members.context.unwrap_or_default();
    for (member, text) in [("subject.id", &subject.id), ("resource.id", &resource.id)] {
        if text.len() > STRING_BYTES_MAX {
            return Err(Problem::of(member, format!("longer than {STRING_BYTES_MAX} bytes")));
        }
    }
    let instant = |member: &str, text: Option<Cow<'_, str>>| {
        text.as_deref().map(parse_rfc3339).transpose().map_err(|message| Problem::of(member, message))
    };
    let RawProperties { role, government } = subject.properties;
    let place = context.place.as_deref().map(Place::parse).transpose();
    Ok(Inquiry {
        actor: Actor::read(&subject.kind, subject.id, role.as_deref(), government)?,
        act: inquiry::act(&action.name)?,
        resource: Resource { kind: inquiry::resource_kind(&resource.kind)?, id: resource.id },
        valid_at: instant("context.valid_at", context.valid_at)?.unwrap_or(now),
        known_at: instant("context.known_at", context.known_at)?,
        place: place.map_err(|message| Problem::of("context.place", message))?,
        facts: facts(context.facts)?,
    })
}

fn facts(raw: RawFacts<'_>) -> Result<Facts<'_>, Problem> {
    let mut facts = Facts::new();
    for (name, value) in raw.0 {
        let fact = inquiry::fact(&name)?;
        let wrong = |message: String| Problem::of(format!("context.facts.{name}"), message);
        facts.push((fact, stated(fact, value).map_err(wrong)?));
    }
    Ok(facts)
}

fn stated(fact: Fact, value: RawValue<'_>) -> Result<Stated<'_>, String> {
    let kind = fact.kind();
    match (kind, value) {
        (_, RawValue::Null(())) => Ok(Stated::Unknown),
        (FactKind::Bool, RawValue::Bool(yes)) => Ok(Stated::Bool(yes)),
        (FactKind::Choice(words), RawValue::Word(word)) => {
            if words.contains(&word.as_ref()) {
                Ok(Stated::Word(word))
            } else {
                let shown: String = word.chars().take(60).collect();
                Err(format!("cannot be `{shown}`; {}", did_you_mean(&word, words.iter().copied())))
            }
        }
        (FactKind::Operator, RawValue::Word(word)) if word.len() <= STRING_BYTES_MAX => Ok(Stated::Word(word)),
        (FactKind::PlaceOrNone, RawValue::Word(word)) if word == "none" => Ok(Stated::NoPlace),
        (FactKind::Place | FactKind::PlaceOrNone, RawValue::Word(word)) => Place::parse(&word).map(Stated::Place),
        (FactKind::Places, RawValue::Words(words)) if words.len() <= PLACES_MAX => {
            words.iter().map(|word| Place::parse(word)).collect::<Result<_, _>>().map(Stated::Places)
        }
        _ => Err(match kind {
            FactKind::Bool => String::from("write true, false or null"),
            FactKind::Choice(words) => format!("write null or one of: {}", words.join(", ")),
            FactKind::Places => String::from("write null or an array of place codes"),
            FactKind::Place => String::from("write null or a place code"),
            FactKind::PlaceOrNone => String::from("write null, a place code or \"none\""),
            FactKind::Operator => String::from("write null or the id of a company"),
        }),
    }
}
