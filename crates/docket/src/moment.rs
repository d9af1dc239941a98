//! Instants: RFC 3339 at the edges, civil times with zones and readings in orders.

use crate::fault::Fault;
use crate::order::{Moment, Span};
use crate::syntax::Word;
use jiff::civil::{Date, DateTime, Time as ClockTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use law::Time;

/// Reads an RFC 3339 instant; seconds may be left out, the offset may not. Fractions are cut.
///
/// # Errors
/// A sentence naming what is wrong with it.
pub fn parse_rfc3339(text: &str) -> Result<Time, String> {
    let (civil, offset) = split_offset(text)?;
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(format!("`{text}` is no instant; write it as `2020-09-21T12:00-04:00`"));
    }
    let Some(offset) = offset else {
        return Err(format!("`{text}` has no offset; write `{text}Z` or `{text}-04:00`"));
    };
    if !civil.contains(['T', 't']) {
        return Err(format!("`{text}` has no time of day; write for example `2020-09-21T12:00-04:00`"));
    }
    let at = clock(civil)?;
    offset.to_timestamp(at).map(jiff::Timestamp::as_second).map_err(|error| format!("`{text}`: {error}"))
}

/// Writes an instant in UTC, whole seconds. The ends of time are written `-infinity` and `infinity`.
#[must_use]
pub fn format_rfc3339(at: Time) -> String {
    match at {
        law::time::ALWAYS => String::from("-infinity"),
        law::time::FOREVER => String::from("infinity"),
        _ => jiff::Timestamp::from_second(at).map_or_else(|_out_of_range| at.to_string(), |t| t.to_string()),
    }
}

/// Splits `2020-09-21T12:00-04:00` into its civil part and its offset.
fn split_offset(text: &str) -> Result<(&str, Option<Offset>), String> {
    if let Some(civil) = text.strip_suffix(['Z', 'z']) {
        return Ok((civil, Some(Offset::UTC)));
    }
    let Some(day_end) = text.find(['T', 't']) else { return Ok((text, None)) };
    let Some(sign) = text.get(day_end..).and_then(|time| time.rfind(['+', '-'])).map(|at| at + day_end) else {
        return Ok((text, None));
    };
    let (civil, offset) = text.split_at_checked(sign).unwrap_or((text, ""));
    parse_offset(offset).map(|offset| (civil, Some(offset)))
}

fn parse_offset(text: &str) -> Result<Offset, String> {
    let wrong = || format!("`{text}` is not an offset; write for example `-05:00`");
    let sign = match text.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        Some(_) | None => return Err(wrong()),
    };
    let (hours, minutes) = text.get(1..).and_then(|rest| rest.split_once(':')).ok_or_else(wrong)?;
    let (hours, minutes) = (digits(hours, 2).ok_or_else(wrong)?, digits(minutes, 2).ok_or_else(wrong)?);
    if hours > 23 || minutes > 59 {
        return Err(wrong());
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|error| format!("`{text}`: {error}"))
}

fn digits(text: &str, length: usize) -> Option<i32> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Reads a day.
fn day(text: &str) -> Result<Date, String> {
    let mut parts = text.splitn(3, '-');
    let mut part = |length| parts.next().and_then(|part| digits(part, length));
    let (Some(year), Some(month), Some(number)) = (part(4), part(2), part(2)) else {
        return Err(format!("`{text}` is not a date; write for example `2020-09-20`"));
    };
    let small = |n: i32| i8::try_from(n).unwrap_or(i8::MAX);
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    Date::new(year, small(month), small(number)).map_err(|_not_a_day| format!("the day `{text}` does not exist"))
}

/// Reads `2020-09-20T23:59[:SS[.fraction]]`, or a bare day as its first instant.
fn clock(text: &str) -> Result<DateTime, String> {
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return day(text).map(|date| date.to_datetime(ClockTime::midnight()));
    };
    let date = day(date)?;
    let wrong = || format!("`{time}` is not a time of day; write for example `23:59` or `23:59:00`");
    let whole = time.split('.').next().unwrap_or(time);
    if let Some((_, fraction)) = time.split_once('.')
        && (fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(wrong());
    }
    let mut parts = whole.split(':');
    let mut part = || parts.next().map(|part| digits(part, 2));
    let (hour, minute, second) = (part(), part(), part());
    let (Some(Some(hour)), Some(Some(minute)), second, None) = (hour, minute, second, parts.next()) else {
        return Err(wrong());
    };
    let second = match second {
        Some(Some(second)) => second,
        Some(None) => return Err(wrong()),
        None if whole.len() < time.len() => return Err(wrong()),
        None => 0,
    };
    let small = |n: i32| i8::try_from(n).unwrap_or(i8::MAX);
    ClockTime::new(small(hour), small(minute), small(second), 0)
        .map(|time| date.to_datetime(time))
        .map_err(|_no_such_time| format!("the time of day `{time}` does not exist"))
}

/// A zone by its name in the time zone database, or a fixed offset.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn zone(name: &str) -> Result<TimeZone, (String, Option<String>)> {
    let place = match name {
        "EST" | "EDT" | "ET" => Some("America/New_York"),
        "CST" | "CDT" | "CT" => Some("America/Chicago"),
        "MST" | "MDT" | "MT" => Some("America/Denver"),
        "PST" | "PDT" | "PT" => Some("America/Los_Angeles"),
        "IST" => Some("Asia/Kolkata"),
        "BRT" => Some("America/Sao_Paulo"),
        _ => None,
    };
    if let Some(place) = place {
        let message = format!("`{name}` names an offset, not a place; on this date the wall clock may differ");
        return Err((message, Some(format!("zone {place}, and keep the phrase in `text`"))));
    }
    if name.starts_with(['+', '-']) {
        return parse_offset(name).map(TimeZone::fixed).map_err(|message| (message, None));
    }
    TimeZone::get(name).map_err(|_unknown| {
        let help = "a name of the time zone database, for example `America/New_York`";
        (format!("unknown time zone `{name}`"), Some(String::from(help)))
    })
}

/// An instant of an order with the qualifiers that follow it; returns how many words it took.
///
/// # Errors
/// A fault at the word that is wrong.
pub fn read(words: &[Word], zone_name: &str) -> Result<(Moment, usize), Box<Fault>> {
    let Some(first) = words.first() else {
        return Err(Box::new(Fault::error("an instant is missing", &Span::default(), "expected after this")));
    };
    let mut zone_word = None;
    let mut precision = None;
    let mut readings: Vec<&Word> = Vec::new();
    let mut taken = 1;
    while let (Some(keyword), Some(value)) = (words.get(taken), words.get(taken + 1)) {
        match keyword.text.as_str() {
            "zone" => zone_word = Some(value),
            "precision" => precision = Some(value),
            "reading" => readings.push(value),
            _ => break,
        }
        taken += 2;
    }
    let fault = |message: String, word: &Word| Box::new(Fault::error(message, &word.span, "here"));
    let (civil, offset) = split_offset(&first.text).map_err(|message| fault(message, first))?;
    let start = clock(civil).map_err(|message| fault(message, first))?;
    let mut zones: Vec<(TimeZone, &Word)> = Vec::new();
    if let Some(offset) = offset {
        zones.push((TimeZone::fixed(offset), first));
    }
    for word in readings {
        zones.push((named_zone(word)?, word));
    }
    if zones.is_empty() {
        let word = zone_word.unwrap_or(first);
        let name = zone_word.map_or(zone_name, |word| word.text.as_str());
        zones.push((zone(name).map_err(|(message, help)| with_help(fault(message, word), help))?, word));
    }
    let end = match precision {
        None => start,
        Some(word) => end_of(start, word, civil.contains(['T', 't']))?,
    };
    let mut earliest = Time::MAX;
    let mut latest = Time::MIN;
    for (zone, _) in &zones {
        let at = |civil: DateTime| instant(zone, civil).map_err(|message| fault(message, first));
        earliest = earliest.min(at(start)?);
        latest = latest.max(at(end)?);
    }
    let written = words.iter().take(taken).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let last = words.get(taken - 1).unwrap_or(first);
    let span = Span { file: first.span.file, bytes: first.span.bytes.start..last.span.bytes.end };
    Ok((Moment { earliest, latest, written, span }, taken))
}

fn with_help(fault: Box<Fault>, help: Option<String>) -> Box<Fault> {
    match help {
        Some(help) => Box::new(fault.help(help)),
        None => fault,
    }
}

fn named_zone(word: &Word) -> Result<TimeZone, Box<Fault>> {
    zone(&word.text).map_err(|(message, help)| with_help(Box::new(Fault::error(message, &word.span, "here")), help))
}

fn end_of(start: DateTime, precision: &Word, has_clock: bool) -> Result<DateTime, Box<Fault>> {
    let wrong = |message: &str| Box::new(Fault::error(message, &precision.span, "here"));
    let span = match (precision.text.as_str(), has_clock) {
        ("day", false) => jiff::Span::new().days(1),
        ("hour", true) => jiff::Span::new().hours(1),
        ("minute", true) => jiff::Span::new().minutes(1),
        ("day", true) => return Err(wrong("an instant with a clock time has no `precision day`")),
        ("hour" | "minute", false) => return Err(wrong("a date without a clock time has `precision day`")),
        _ => return Err(Box::new(wrong("unknown precision").help("known: day, hour, minute"))),
    };
    start.checked_add(span).map_err(|error| wrong(&error.to_string()))
}

fn instant(zone: &TimeZone, civil: DateTime) -> Result<Time, String> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {}
        AmbiguousOffset::Gap { before, after } => {
            return Err(format!(
                "`{civil}` does not exist on this wall clock: it was skipped; write it with `{before}` or `{after}`"
            ));
        }
        AmbiguousOffset::Fold { before, after } => {
            return Err(format!("`{civil}` happened twice on this wall clock; write it with `{before}` or `{after}`"));
        }
    }
    ambiguous.unambiguous().map(jiff::Timestamp::as_second).map_err(|error| error.to_string())
}
