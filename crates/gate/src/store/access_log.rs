//! Lines of access logs: the common and combined formats of web servers, and JSON, one object a line.

use law::Time;
use serde::Deserialize;
use std::borrow::Cow;
use std::net::IpAddr;

/// A longer line is no request's: servers refuse heads beyond some kilobytes.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// What a line says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The client, as written; not yet known to be an address.
    pub client: Cow<'a, [u8]>,
    /// When it was answered.
    pub at: Time,
    /// Whether it asked for content (`GET`).
    pub is_get: bool,
    /// The path, as written.
    pub path: Cow<'a, [u8]>,
    /// The status answered.
    pub status: u16,
}

impl Line<'_> {
    /// The client's address, where that is what is written.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        std::str::from_utf8(&self.client).ok()?.parse().ok()
    }
}

/// Reads a line of any of the formats.
#[must_use]
pub fn parse(line: &[u8]) -> Option<Line<'_>> {
    if line.first() == Some(&b'{') { json(line) } else { common(line) }
}

/// `CLIENT - USER [10/Oct/2000:13:55:36 -0700] "GET /path HTTP/1.1" 200 2326` and what may follow.
fn common(line: &[u8]) -> Option<Line<'_>> {
    let (client, rest) = cut(line, b' ')?;
    let (_, rest) = cut(rest, b'[')?;
    let (time, rest) = cut(rest, b']')?;
    let (_, rest) = cut(rest, b'"')?;
    let (method, rest) = cut(rest, b' ')?;
    // A quote in a path is written `\"` or `\x22`; a space cannot stand in one.
    let end = rest.iter().position(|byte| *byte == b' ' || *byte == b'"')?;
    let (path, rest) = rest.split_at_checked(end)?;
    let (_, rest) = cut(rest, b'"')?;
    let status = number(rest.get(1..4)?)?;
    let (client, path) = (Cow::Borrowed(client), Cow::Borrowed(path));
    Some(Line { client, at: clf_time(time)?, is_get: method == b"GET", path, status: u16::try_from(status).ok()? })
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// `10/Oct/2000:13:55:36 -0700`.
fn clf_time(text: &[u8]) -> Option<Time> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let [d1, d2, b'/', m1, m2, m3, b'/', year @ .., _, _, _, _, _, _, _, _, _, b' ', sign, z1, z2, z3, z4] = text
    else {
        return None;
    };
    let month = MONTHS.iter().position(|name| **name == [*m1, *m2, *m3])?;
    let [b':', h1, h2, b':', n1, n2, b':', s1, s2] = text.get(text.len() - 15..text.len() - 6)? else { return None };
    let two = |high: &u8, low: &u8| number(&[*high, *low]);
    let zone = two(z1, z2)? * 3_600 + two(z3, z4)? * 60;
    let zone = match sign {
        b'+' => zone,
        b'-' => -zone,
        _ => return None,
    };
    let (day, hour, minute, second) = (two(d1, d2)?, two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let month = i64::try_from(month).ok()? + 1;
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 || year.len() != 4 {
        return None;
    }
    Some(days(number(year)?, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - zone)
}

/// Days since 1970 of a date of the Gregorian calendar: years begin in March, so that the leap day comes last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The names under which servers write these in JSON: nginx's variables, Caddy's request record, and plain words.
#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, alias = "remote_addr", alias = "client", alias = "ip")]
    remote_ip: Option<Cow<'a, str>>,
    #[serde(alias = "time_iso8601", alias = "timestamp", alias = "ts", alias = "time_local", alias = "msec")]
    time: Option<Instant<'a>>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
    #[serde(borrow, alias = "request_method")]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "request_uri", alias = "path")]
    uri: Option<Cow<'a, str>>,
    status: Option<Number<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Instant<'a> {
    Seconds(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Number(u16),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Request<'a> {
    Line(#[serde(borrow)] Cow<'a, str>),
    Record {
        #[serde(borrow, alias = "client_ip")]
        remote_ip: Cow<'a, str>,
        #[serde(borrow)]
        method: Cow<'a, str>,
        #[serde(borrow)]
        uri: Cow<'a, str>,
    },
}

fn json(line: &[u8]) -> Option<Line<'_>> {
    let read: Json<'_> = serde_json::from_slice(line).ok()?;
    let bytes = |text: Cow<'_, str>| Cow::Owned(text.into_owned().into_bytes());
    let status = match read.status? {
        Number::Number(number) => number,
        Number::Text(text) => text.parse().ok()?,
    };
    let at = match read.time? {
        Instant::Seconds(seconds) => whole(seconds)?,
        Instant::Text(text) => match text.parse::<f64>() {
            Ok(seconds) => whole(seconds)?,
            Err(_no_number) => docket::moment::parse_rfc3339(&text).ok().or_else(|| clf_time(text.as_bytes()))?,
        },
    };
    let (client, method, path) = match read.request {
        Some(Request::Record { remote_ip, method, uri }) => (remote_ip, method, uri),
        Some(Request::Line(line)) => {
            let mut words = line.split(' ').map(|word| Cow::Owned(word.to_owned()));
            (read.remote_ip?, words.next()?, words.next()?)
        }
        None => (read.remote_ip?, read.method?, read.uri?),
    };
    Some(Line { client: bytes(client), at, is_get: method == "GET", path: bytes(path), status })
}

/// Seconds since 1970, without the fraction, where they are a time people live in.
fn whole(seconds: f64) -> Option<Time> {
    // Some write milliseconds.
    let seconds = if seconds > 1e11 { seconds / 1e3 } else { seconds };
    (0.0..1e11).contains(&seconds).then_some(seconds as Time)
}

#[cfg(test)]
mod tests {
    use super::{Line, clf_time, parse};

    fn shown(line: &str) -> String {
        parse(line.as_bytes()).map_or_else(
            || String::from("-"),
            |Line { client, at, is_get, path, status }| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                format!("{} {at} {is_get} {} {status}", text(&client), text(&path))
            },
        )
    }

    #[test]
    fn each_format_says_the_same() {
        let expected = "203.0.113.7 1600646136 true /repo/a_1.apk 200";
        for line in [
            r#"203.0.113.7 - - [20/Sep/2020:19:55:36 -0400] "GET /repo/a_1.apk HTTP/1.1" 200 2326"#,
            r#"203.0.113.7 - frank [20/Sep/2020:23:55:36 +0000] "GET /repo/a_1.apk HTTP/2.0" 200 2326 "-" "F-Droid 1.20""#,
            r#"{"remote_addr":"203.0.113.7","time_iso8601":"2020-09-20T23:55:36+00:00","request":"GET /repo/a_1.apk HTTP/1.1","status":"200"}"#,
            r#"{"remote_addr":"203.0.113.7","msec":"1600646136.123","request_method":"GET","request_uri":"/repo/a_1.apk","status":200}"#,
            r#"{"level":"info","ts":1600646136.5,"logger":"http.log.access","request":{"remote_ip":"203.0.113.7","remote_port":"1","proto":"HTTP/2.0","method":"GET","host":"x","uri":"/repo/a_1.apk","headers":{"A":["b"]}},"bytes_read":0,"status":200,"size":2326}"#,
            r#"{"ip":"203.0.113.7","timestamp":1600646136123,"method":"GET","path":"/repo/a_1.apk","status":200,"other":[1,{"a":null}]}"#,
            r#"{"client":"203.0.113.7","time_local":"20/Sep/2020:19:55:36 -0400","method":"GET","path":"/repo/a_1.apk","status":200}"#,
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
        assert_eq!(shown(r#"::1 - - [01/Jan/1970:00:00:01 +0000] "HEAD / HTTP/1.0" 404 -"#), "::1 1 false / 404");
    }

    #[test]
    fn what_is_no_line_is_none() {
        for line in [
            "",
            "-",
            "{",
            "{}",
            "null",
            "x [",
            r#"a - - [20/Sep/2020:19:55:36 -0400] "GET /" 2"#,
            r#"a - - [20/Sap/2020:19:55:36 -0400] "GET / HTTP/1.1" 200 1"#,
            r#"a - - [40/Sep/2020:19:55:36 -0400] "GET / HTTP/1.1" 200 1"#,
            r#"a - - [20/Sep/20200:19:55:36 -0400] "GET / HTTP/1.1" 200 1"#,
            r#"a - - [20/Sep/2020:19:55:36] "GET / HTTP/1.1" 200 1"#,
            r#"a - - [20/Sep/2020:19:55:36 -0400] "\x16\x03" 400 0"#,
            r#"{"ip":"a","timestamp":-1,"method":"GET","path":"/","status":200}"#,
            r#"{"ip":"a","timestamp":"never","method":"GET","path":"/","status":200}"#,
        ] {
            assert_eq!(shown(line), "-", "{line}");
        }
    }

    #[test]
    fn every_day_has_its_number() {
        let mut expected = 946_684_800;
        for (year, leap) in (2000..2105).map(|year| (year, (year % 4 == 0 && year % 100 != 0) || year % 400 == 0)) {
            for (month, days) in [
                ("Jan", 31),
                ("Feb", if leap { 29 } else { 28 }),
                ("Mar", 31),
                ("Apr", 30),
                ("May", 31),
                ("Jun", 30),
                ("Jul", 31),
                ("Aug", 31),
                ("Sep", 30),
                ("Oct", 31),
                ("Nov", 30),
                ("Dec", 31),
            ] {
                for day in 1..=days {
                    let text = format!("{day:02}/{month}/{year}:00:00:00 +0000");
                    assert_eq!(clf_time(text.as_bytes()), Some(expected), "{text}");
                    expected += 86_400;
                }
            }
        }
    }

    #[test]
    fn damaged_lines_never_panic() {
        let line = br#"203.0.113.7 - - [20/Sep/2020:19:55:36 -0400] "GET /repo/a_1.apk HTTP/1.1" 200 2326"#;
        let other =
            br#"{"remote_addr":"203.0.113.7","msec":"1600646136.123","request":"GET /x HTTP/1.1","status":200}"#;
        let mut seed = 5_u64;
        let mut read = 0;
        for n in 0..200_000 {
            let mut damaged = if n % 2 == 0 { line.to_vec() } else { other.to_vec() };
            for _ in 0..1 + n % 3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (seed >> 33) as usize % damaged.len().max(1);
                if damaged.is_empty() {
                    break;
                }
                match seed >> 20 & 3 {
                    0 => damaged[at] = (seed >> 24) as u8,
                    1 => _ = damaged.remove(at),
                    2 => damaged.insert(at, (seed >> 24) as u8),
                    _ => damaged.truncate(at.max(1)),
                }
            }
            read += u32::from(parse(&damaged).is_some());
        }
        assert!(read > 10_000, "{read}");
    }
}
