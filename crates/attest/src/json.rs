//! JSON without second meanings: no duplicate members, nothing after the end, bounded size and depth.
//!
//! Two parsers that keep different duplicates would read two statements under one signature.

use crate::Fault;
use crate::timeline::Time;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// A statement about software is some kilobytes; an assessment of a large system is signed by its digest.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Deeper than any predicate in use, shallower than any stack.
pub const DEPTH_MAX: usize = 32;

/// Reads a document of at most [`DOCUMENT_BYTES_MAX`].
///
/// # Errors
/// If it is not JSON, has a member twice, is too large or too deep, or anything but white space follows it.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    parse_within(bytes, DOCUMENT_BYTES_MAX)
}

/// Reads a document of at most `max` bytes.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(bytes: &[u8], max: usize) -> Result<Value, Fault> {
    if bytes.len() > max {
        return Err(Fault::new("", format!("longer than {max} bytes")));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|error| Fault::new("", error.to_string()))?;
    reader.end().map_err(|error| Fault::new("", error.to_string()))?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(deeper)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = access.next_key::<Key>()? {
            let value = access.next_value_seed(deeper)?;
            if members.contains_key(&key.0) {
                return Err(A::Error::custom(format!("member `{}` twice", key.0)));
            }
            members.insert(key.0, value);
        }
        Ok(Value::Object(members))
    }
}

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// The members of an object, taken out by name, so that what nobody asked for can be refused.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    at: String,
    map: &'a Map<String, Value>,
    taken: BTreeSet<&'static str>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(value: &'a Value, at: &str) -> Result<Self, Fault> {
        let map = value.as_object().ok_or_else(|| Fault::new(at, "an object is needed"))?;
        Ok(Self { at: String::from(at), map, taken: BTreeSet::new() })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    pub(crate) fn fault(&self, name: &str, why: impl Into<String>) -> Fault {
        Fault::new(self.path(name), why)
    }

    /// The member, if it is there and not null.
    pub(crate) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.taken.insert(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn needed(&mut self, name: &'static str) -> Result<&'a Value, Fault> {
        self.get(name).ok_or_else(|| self.fault(name, "is missing"))
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<&'a str, Fault> {
        self.needed(name)?.as_str().ok_or_else(|| self.fault(name, "text is needed"))
    }

    /// A text that is shown to people, and that other documents quote.
    pub(crate) fn name(&mut self, name: &'static str) -> Result<&'a str, Fault> {
        let text = self.text(name)?;
        if is_plain(text) { Ok(text) } else { Err(self.fault(name, PLAIN)) }
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        let value = self.get(name);
        value.map(|value| value.as_str().ok_or_else(|| self.fault(name, "text is needed"))).transpose()
    }

    pub(crate) fn count(&mut self, name: &'static str) -> Result<u64, Fault> {
        self.needed(name)?.as_u64().ok_or_else(|| self.fault(name, "a whole number is needed"))
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Result<&'a [Value], Fault> {
        let value = self.needed(name)?.as_array();
        value.map(Vec::as_slice).ok_or_else(|| self.fault(name, "a list is needed"))
    }

    /// A list that may be left out.
    pub(crate) fn optional_list(&mut self, name: &'static str) -> Result<&'a [Value], Fault> {
        if self.get(name).is_none() { Ok(&[]) } else { self.list(name) }
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, Fault> {
        let items = self.optional_list(name)?.iter();
        items.map(|item| item.as_str().map(String::from).ok_or_else(|| self.fault(name, "texts are needed"))).collect()
    }

    pub(crate) fn optional_time(&mut self, name: &'static str) -> Result<Option<Time>, Fault> {
        let text = self.optional_text(name)?;
        text.map(|text| {
            parse_time(text).ok_or_else(|| self.fault(name, "an instant like `2020-09-18T12:00:00Z` is needed"))
        })
        .transpose()
    }

    /// The same, where a stretch begins or ends: readers that cut a fraction off and readers that round up would differ
    /// by a second.
    pub(crate) fn optional_second(&mut self, name: &'static str) -> Result<Option<Time>, Fault> {
        let time = self.optional_time(name)?;
        match self.optional_text(name)? {
            Some(text) if text.contains('.') => Err(self.fault(name, "whole seconds are needed")),
            Some(_) | None => Ok(time),
        }
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Result<Time, Fault> {
        self.optional_time(name)?.ok_or_else(|| self.fault(name, "is missing"))
    }

    /// A length of time in days, hours, minutes and seconds, as seconds; a day is 24 hours.
    pub(crate) fn optional_span(&mut self, name: &'static str) -> Result<Option<Time>, Fault> {
        let text = self.optional_text(name)?;
        text.map(|text| parse_span(text).ok_or_else(|| self.fault(name, "a length like `P92D` or `PT24H` is needed")))
            .transpose()
    }

    /// A member that is null, if there is one: there, and not said.
    pub(crate) fn null(&self) -> Option<&'a String> {
        self.map.iter().find(|(_, value)| value.is_null()).map(|(name, _)| name)
    }

    /// Refuses what nobody asked for: a misspelt limit must not be no limit.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        self.finish_with(&[])
    }

    /// The same, with members that are there for people.
    pub(crate) fn finish_with(self, ignored: &[&str]) -> Result<(), Fault> {
        let known = |key: &&String| !self.taken.contains(key.as_str()) && !ignored.contains(&key.as_str());
        let unknown = self.map.keys().find(known);
        unknown.map_or(Ok(()), |key| Err(self.fault(key, "is not known here")))
    }
}

/// What is asked of a name.
pub(crate) const PLAIN: &str = "a name in one line is needed, without quotation marks, backslashes or characters that nobody sees or that turn the writing";

/// Whether a text can stand on a line and between quotation marks, and reads there as what it is.
pub(crate) fn is_plain(text: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Two joiners (U+200C, U+200D) are part of how some languages are written.
    let is_unseen =
        |c: char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    let misleads = |c: char| c.is_control() || matches!(c, '"' | '\\') || turns(c) || is_unseen(c);
    !text.is_empty() && !text.chars().any(misleads)
}

/// What lies at a JSON pointer (RFC 6901). As `Value::pointer`, which makes two texts for every step: statements are
/// asked for claims by the ten thousand.
pub(crate) fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.contains('~') {
        return value.pointer(pointer);
    }
    let Some(steps) = pointer.strip_prefix('/') else { return pointer.is_empty().then_some(value) };
    steps.split('/').try_fold(value, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => {
            let is_index = step == "0" || !step.starts_with(['0', '+']);
            items.get(step.parse::<usize>().ok().filter(|_| is_index)?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// An RFC 3339 instant; a fraction of a second is cut off. What is only like one, as other standards write it, is none:
/// not every reader reads that, or reads the same.
#[must_use]
pub fn parse_time(text: &str) -> Option<Time> {
    if !is_rfc3339(text) {
        return None;
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

fn is_rfc3339(text: &str) -> bool {
    let like = |text: &str, shape: &str| {
        let same = |(byte, shape): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
        text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(same)
    };
    let Some((civil, rest)) = text.split_at_checked(19) else { return false };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => match fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()) {
            none if none.len() == fraction.len() => return false,
            offset => offset,
        },
    };
    // A leap second is another second to everybody.
    like(civil, "0000-00-00T00:00:00")
        && !civil.ends_with(":60")
        && (offset == "Z" || like(offset, "+00:00") || like(offset, "-00:00"))
}

/// An instant as RFC 3339 in UTC.
#[must_use]
pub fn format_time(at: Time) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_beyond| String::from("never"), |time| time.to_string())
}

fn parse_span(text: &str) -> Option<Time> {
    let span: jiff::Span = text.parse().ok()?;
    if span.is_negative() || span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let hours = days.checked_mul(24)?.checked_add(i64::from(span.get_hours()))?;
    let minutes = hours.checked_mul(60)?.checked_add(span.get_minutes())?;
    minutes.checked_mul(60)?.checked_add(span.get_seconds())
}
