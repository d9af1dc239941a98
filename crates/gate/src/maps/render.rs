//! A table in the words of each proxy. Same table, same bytes.

mod caddy;

pub use caddy::caddy;

use super::{Entry, Table, Window};
use docket::place::Place;
use law::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The place of those whose place is not known.
const UNKNOWN: &str = "-";

/// An instant after every end that ten digits of seconds can name, for a refusal without an end (in 2286).
const NEVER: Time = 9_999_999_999;

/// Files by name and text.
pub type Files = Vec<(&'static str, String)>;

/// Networks and their places, one a line: HAProxy's `map_ip`, nginx's `geo` with a semicolon, our own lists.
fn places(networks: &[(String, Place)], end: &str) -> String {
    let mut text = String::with_capacity(networks.len() * 24);
    for (network, place) in networks {
        line(&mut text, format_args!("{network} {place}{end}"));
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).unwrap_or_default();
    text.push('\n');
}

fn code(place: Option<Place>) -> String {
    place.map_or_else(|| String::from(UNKNOWN), |place| place.code().to_owned())
}

/// Seconds that a proxy compares with its clock: what began long ago began at zero.
fn bounds(window: &Window) -> (Time, Time) {
    (window.from.clamp(0, NEVER), window.until.clamp(0, NEVER))
}

/// HAProxy: `hosts.map` for `map_end`, whose first match counts, and `places.map` for `map_ip`.
///
/// A key is what `|.HOST/PLACE` ends with: `.tiktok.com/US` is the name and all below it, `|.tiktok.com/US` the name
/// alone. The value is `FROM;UNTIL;PARAGRAPH`; one that ends at 0 takes a name out of a wider one.
#[must_use]
pub fn haproxy(table: &Table, networks: &[(String, Place)]) -> Files {
    vec![("hosts.map", hosts(table)), ("places.map", places(networks, ""))]
}

/// The lines of `hosts.map`.
#[must_use]
pub fn hosts(table: &Table) -> String {
    let mut text = String::new();
    for entry in &table.entries {
        let anchor = if entry.exact { "|" } else { "" };
        let (from, until) = entry.refused.as_ref().map_or((0, 0), bounds);
        let order = entry.refused.as_ref().map_or("", |window| &window.order);
        let place = code(entry.place);
        line(&mut text, format_args!("{anchor}.{}/{place} {from};{until};{order}", entry.domain));
    }
    text
}

/// Squid: `hosts.map` and `places.map` for the helper, and `known.squid`, the domains of everybody known, so that nobody
/// else waits for the helper. The law can change without that list, and Squid need not be disturbed for it.
#[must_use]
pub fn squid(table: &Table, networks: &[(String, Place)]) -> Files {
    let known = table.concerned();
    let dotted = known.iter().map(|(domain, exact)| format!("{}{domain}", if *exact { "" } else { "." }));
    // Squid takes a name below another in the list for a mistake, and an empty list, too; nobody has this name.
    let nobody = known.is_empty().then(|| String::from("nobody-is-known.invalid"));
    let known: BTreeSet<String> = dotted.chain(nobody).collect();
    let mut text = String::new();
    for domain in known {
        line(&mut text, format_args!("{domain}"));
    }
    vec![("hosts.map", hosts(table)), ("places.map", places(networks, "")), ("known.squid", text)]
}

/// The windows of a table, each with a name, in order.
fn windows(table: &Table) -> BTreeMap<&Window, String> {
    let distinct: BTreeSet<&Window> = table.entries.iter().filter_map(|entry| entry.refused.as_ref()).collect();
    distinct.into_iter().zip(1..).map(|(window, n): (&Window, u32)| (window, format!("w{n}"))).collect()
}

/// The entries of each place; places with the same ones share them.
fn groups(table: &Table) -> Vec<(Vec<String>, Vec<&Entry>)> {
    let mut by_place: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
    for entry in &table.entries {
        by_place.entry(code(entry.place)).or_default().push(entry);
    }
    let mut groups: Vec<(Vec<String>, Vec<&Entry>)> = Vec::new();
    let same = |a: &[&Entry], b: &[&Entry]| {
        let bare = |entry: &Entry| (entry.domain.clone(), entry.exact, entry.refused.clone());
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bare(a) == bare(b))
    };
    for (place, entries) in by_place {
        match groups.iter_mut().find(|(_, known)| same(known, &entries)) {
            Some((places, _)) => places.push(place),
            None => groups.push((vec![place], entries)),
        }
    }
    groups
}

/// nginx: `places.geo` for a `geo` block, and `hosts.conf`, maps that end in `$interdict_order`: the paragraph that
/// refuses the request, or nothing; and `$interdict_known`: whether the host is somebody's whom law may speak of.
#[must_use]
pub fn nginx(table: &Table, networks: &[(String, Place)]) -> Files {
    let mut text = String::new();
    let named = |entry: &Entry| format!("{}{}", if entry.exact { "" } else { "." }, entry.domain);
    nginx_order(&mut text, table, "$host $interdict_hosts", "    hostnames;\n", named);
    text.push_str("map $host $interdict_known {\n    hostnames;\n    default \"\";\n");
    for (domain, exact) in table.concerned() {
        line(&mut text, format_args!("    {}{domain} 1;", if exact { "" } else { "." }));
    }
    text.push_str("}\n");
    vec![("hosts.conf", text), ("places.geo", places(networks, ";"))]
}

/// nginx in front of a store: the same of paths, in `packages.conf`. `$interdict_package` is `known` for a path that
/// this table knows and `unknown` for another that is called like a package.
#[must_use]
pub fn nginx_store(table: &Table, networks: &[(String, Place)]) -> Files {
    let mut text = String::new();
    // nginx takes paths that differ in case alone for one path said twice, unless they are patterns.
    let mut spelled: BTreeMap<String, usize> = BTreeMap::new();
    for (path, _) in &table.known {
        *spelled.entry(path.to_ascii_lowercase()).or_default() += 1;
    }
    let key = |path: &str| match spelled.get(&path.to_ascii_lowercase()) {
        Some(2..) => quoted(&format!("~^{}$", escaped(path))),
        Some(_) | None => quoted(path),
    };
    nginx_order(&mut text, table, "$uri $interdict_packages", "", |entry| key(&entry.domain));
    text.push_str("map $uri $interdict_package {\n    default \"\";\n");
    for (path, _) in &table.known {
        line(&mut text, format_args!("    {} known;", key(path)));
    }
    // Of patterns the first that matches counts.
    text.push_str("    \"~*[.](apk|apks|apkm|xapk|aab)$\" unknown;\n}\n");
    vec![("packages.conf", text), ("places.geo", places(networks, ";"))]
}

/// A path as a word of nginx's, which it would otherwise end at a space or a semicolon.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A pattern that matches a path and nothing else.
fn escaped(path: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_' | '-') || !letter.is_ascii();
    let letter = |letter: char| if plain(letter) { letter.to_string() } else { format!("\\x{:02x}", letter as u32) };
    path.chars().map(letter).collect()
}

/// The maps that end in `$interdict_order`, over what names an entry.
fn nginx_order(text: &mut String, table: &Table, over: &str, how: &str, named: impl Fn(&Entry) -> String) {
    let (groups, windows) = (groups(table), windows(table));
    let (_, prefix) = over.split_once(' ').unwrap_or(("", over));
    for (n, (_, entries)) in groups.iter().enumerate() {
        line(text, format_args!("map {over}_{n} {{\n{how}    default \"\";"));
        for entry in entries {
            let window = entry.refused.as_ref().and_then(|window| windows.get(window)).map_or("", String::as_str);
            line(text, format_args!("    {} \"{window}\";", named(entry)));
        }
        text.push_str("}\n");
    }
    text.push_str("map $interdict_place $interdict_window {\n    default \"\";\n");
    for (n, (places, _)) in groups.iter().enumerate() {
        for place in places {
            line(text, format_args!("    {place} {prefix}_{n};"));
        }
    }
    text.push_str("}\nmap \"$interdict_window $msec\" $interdict_order {\n    default \"\";\n");
    for (window, name) in &windows {
        let (from, until) = bounds(window);
        for digits in ten_digits(from, until) {
            line(text, format_args!("    \"~^{name} {digits}[.]\" \"{}\";", window.order));
        }
    }
    text.push_str("}\n");
}

/// Patterns that together match exactly the ten-digit numbers in `from..until`: proxies that compare no numbers
/// compare text.
fn ten_digits(from: Time, until: Time) -> Vec<String> {
    let mut patterns = Vec::new();
    let mut at = from;
    while at < until {
        // The widest block of a power of ten that begins here and ends in time.
        let mut zeros = 0;
        let mut size: Time = 1;
        while zeros < 10 && at % (size * 10) == 0 && at + size * 10 <= until {
            (zeros, size) = (zeros + 1, size * 10);
        }
        let blocks = ((until - at) / size).min(10 - (at / size) % 10);
        let prefix = format!("{:010}", at).get(..10 - zeros).unwrap_or("").to_owned();
        let rest = if zeros == 0 { String::new() } else { format!("[0-9]{{{zeros}}}") };
        let first = (at / size) % 10;
        match prefix.get(..prefix.len().saturating_sub(1)) {
            Some(head) if blocks > 1 => patterns.push(format!("{head}[{first}-{}]{rest}", first + blocks - 1)),
            Some(_) | None => patterns.push(format!("{prefix}{rest}")),
        }
        at += blocks.max(1) * size;
    }
    patterns
}

/// Envoy: discovery responses with a Lua filter each, which Envoy takes up when the file is moved into place.
/// `known.yaml` holds `interdict-known`, which tells the authorization filter after it, by metadata, whether the host is
/// somebody's whom law may speak of; `envoy.yaml` holds `interdict`, which decides where the authorization filter before
/// it let a request through undecided and, by `failure_mode_allow_header_add`, says so; and each request where
/// `interdict-known` is not among the filters, as nobody is asked there.
#[must_use]
pub fn envoy(table: &Table, networks: &[(String, Place)], headers: &[(String, String)]) -> Files {
    let mut lua = String::from("local hosts = {\n");
    for entry in &table.entries {
        let (from, until) = entry.refused.as_ref().map_or((0, 0), bounds);
        let order = entry.refused.as_ref().map_or("", |window| &window.order);
        let anchor = if entry.exact { "|" } else { "" };
        let place = code(entry.place);
        line(&mut lua, format_args!("[\"{anchor}{}/{place}\"]={{{from},{until},\"{order}\"}},", entry.domain));
    }
    // Text that is read when the filter starts: LuaJIT takes no more than 65,536 constants.
    lua.push_str("}\nlocal v4_text = [[\n");
    let mut v6: Vec<(u128, u128, Place)> = Vec::new();
    for (network, place) in networks {
        let Some((address, bits)) = network.split_once('/') else { continue };
        let Ok(bits) = bits.parse::<u32>() else { continue };
        if let Ok(address) = address.parse::<std::net::Ipv4Addr>() {
            let first = address.to_bits();
            let last = first | u32::MAX.checked_shr(bits).unwrap_or(0);
            line(&mut lua, format_args!("{first} {last} {place}"));
        } else if let Ok(address) = address.parse::<std::net::Ipv6Addr>() {
            let first = address.to_bits();
            v6.push((first, first | u128::MAX.checked_shr(bits).unwrap_or(0), *place));
        }
    }
    lua.push_str("]]\nlocal v6_text = [[\n");
    v6.sort_unstable();
    for (first, last, place) in v6 {
        line(&mut lua, format_args!("{first:032x} {last:032x} {place}"));
    }
    lua.push_str("]]\nlocal headers = {\n");
    for (name, value) in headers {
        line(&mut lua, format_args!("[\"{name}\"]=\"{}\",", value.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    lua.push_str("}\n");
    lua.push_str(ENVOY_LUA);
    let mut known = String::from("local known = {\n");
    for (domain, exact) in table.concerned() {
        line(&mut known, format_args!("[\"{}{domain}\"]=true,", if exact { "|" } else { "" }));
    }
    known.push_str("}\n");
    known.push_str(ENVOY_KNOWN_LUA);
    vec![
        ("envoy.yaml", lua_filter("interdict", &table.edition, &lua)),
        ("known.yaml", lua_filter("interdict-known", &table.edition, &known)),
    ]
}

/// A discovery response with one Lua filter.
fn lua_filter(name: &str, version: &str, lua: &str) -> String {
    let indented = lua.lines().map(|line| format!("            {line}\n")).collect::<String>();
    format!(
        "version_info: \"{version}\"\nresources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  \
         name: {name}\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua\n    \
         default_source_code:\n      inline_string: |\n{indented}"
    )
}

/// Says of each request whether its host is known.
const ENVOY_KNOWN_LUA: &str = r#"local function is_known(host)
  if known["|" .. host] then return true end
  while host do
    if known[host] then return true end
    host = host:match("^[^.]*%.(.+)$")
  end
  return false
end
function envoy_on_request(handle)
  local host = handle:headers():get(":authority") or ""
  if host == "" then host = handle:streamInfo():requestedServerName() or "" end
  host = host:lower():gsub(":%d+$", ""):gsub("%.$", "")
  handle:streamInfo():dynamicMetadata():set("interdict", "known", is_known(host))
end
"#;

/// Looks a request up in the tables above. Networks lie in order and apart, so a binary search finds the one.
const ENVOY_LUA: &str = r#"local v4, v6 = {}, {}
for first, last, place in v4_text:gmatch("(%S+) (%S+) (%S+)") do
  v4[#v4 + 1] = {tonumber(first), tonumber(last), place}
end
for first, last, place in v6_text:gmatch("(%S+) (%S+) (%S+)") do
  v6[#v6 + 1] = {first, last, place}
end
local function search(list, key)
  local low, high = 1, #list
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local range = list[middle]
    if key < range[1] then high = middle - 1 elseif key > range[2] then low = middle + 1 else return range[3] end
  end
  return "-"
end
local function place_of(address)
  local a, b, c, d = address:match("(%d+)%.(%d+)%.(%d+)%.(%d+)")
  if a then return search(v4, ((a * 256 + b) * 256 + c) * 256 + d) end
  address = address:match("^%[([^%]]*)%]") or address
  local function groups(text)
    local list = {}
    for group in text:gmatch("[^:]+") do list[#list + 1] = ("0000" .. group:lower()):sub(-4) end
    return list
  end
  local head, tail = address:match("^(.-)::(.*)$")
  local first, last = groups(head or address), groups(tail or "")
  while #first + #last < 8 do first[#first + 1] = "0000" end
  for _, group in ipairs(last) do first[#first + 1] = group end
  return search(v6, table.concat(first))
end
local function entry_of(host, place)
  local exact = hosts["|" .. host .. "/" .. place]
  if exact then return exact end
  while host do
    local entry = hosts[host .. "/" .. place]
    if entry then return entry end
    host = host:match("^[^.]*%.(.+)$")
  end
end
local listed = {}
for key in pairs(hosts) do listed[key:match("^|?(.*)/")] = true end
local function is_listed(host)
  while host do
    if listed[host] then return true end
    host = host:match("^[^.]*%.(.+)$")
  end
end
function envoy_on_request(handle)
  local undecided = "x-envoy-auth-failure-mode-allowed"
  local asked = handle:streamInfo():dynamicMetadata():get("interdict")
  if asked and not handle:headers():get(undecided) then return end
  handle:headers():remove(undecided)
  local host = (handle:headers():get(":authority") or ""):lower():gsub(":%d+$", ""):gsub("%.$", "")
  if not is_listed(host) then return end
  local entry = entry_of(host, place_of(handle:streamInfo():downstreamRemoteAddress()))
  local now = os.time()
  if entry and entry[1] <= now and now < entry[2] then
    local answer = {[":status"] = "451", ["interdict-order"] = entry[3]}
    for name, value in pairs(headers) do answer[name] = value end
    handle:respond(answer, "Unavailable for legal reasons: " .. entry[3] .. "\n")
  end
end
"#;

#[cfg(test)]
mod tests {
    use super::{Table, nginx_store, ten_digits};

    #[test]
    fn paths_that_differ_in_case_alone_are_told_apart() {
        let known = ["/r/a b.apk", "/r/A b.apk", "/r/c\"d.apk"].map(|path| (path.to_owned(), true));
        let table = Table { known: known.into(), ..Table::default() };
        let (_, text) = nginx_store(&table, &[]).remove(0);
        for line in [
            "    \"~^/r/a\\\\x20b\\\\x2eapk$\" known;",
            "    \"~^/r/A\\\\x20b\\\\x2eapk$\" known;",
            "    \"/r/c\\\"d.apk\" known;",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }

    #[test]
    fn numbers_are_compared_as_text() {
        let matches = |patterns: &[String], number: i64| {
            let text = format!("{number:010}");
            patterns.iter().filter(|pattern| matches_one(pattern, &text)).count()
        };
        for (from, until) in
            [(0, 1), (0, 9_999_999_999), (1_795_431_600, 1_795_431_601), (1_600_718_399, 1_795_431_605)]
        {
            let patterns = ten_digits(from, until);
            assert!(patterns.len() < 40, "{patterns:?}");
            let near = |edge: i64| (edge - 25..edge + 25).chain([edge - 10_000, edge + 10_000]);
            for number in near(from).chain(near(until)).filter(|n| (0..=9_999_999_999).contains(n)) {
                let inside = usize::from(from <= number && number < until);
                assert_eq!(matches(&patterns, number), inside, "{number} in {from}..{until}: {patterns:?}");
            }
        }
        assert!(ten_digits(5, 5).is_empty());
    }

    /// The little of regular expressions that the patterns use.
    fn matches_one(pattern: &str, text: &str) -> bool {
        let (head, rest) = match pattern.split_once("[0-9]{") {
            Some((head, rest)) => (head, rest.trim_end_matches('}').parse::<usize>().unwrap()),
            None => (pattern, 0),
        };
        let mut at = 0;
        let bytes = head.as_bytes();
        let mut text_at = 0;
        let digits = text.as_bytes();
        while at < bytes.len() {
            if bytes[at] == b'[' {
                if !(bytes[at + 1]..=bytes[at + 3]).contains(&digits[text_at]) {
                    return false;
                }
                at += 5;
            } else {
                if bytes[at] != digits[text_at] {
                    return false;
                }
                at += 1;
            }
            text_at += 1;
        }
        text_at + rest == text.len()
    }
}
