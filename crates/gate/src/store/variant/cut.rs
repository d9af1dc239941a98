//! An index without some of its files, dated as one publication: the second version, the first, and the XML before them.
//!
//! It only takes away. An app goes with the last of its files; requests to install or to uninstall it go with it.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

/// What is left out, and when the publication is dated.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// Files by their names in the index, without a slash before them.
    pub files: &'a BTreeSet<String>,
    /// Milliseconds since 1970.
    pub timestamp: u64,
}

fn object<'v>(value: &'v mut Value, name: &str) -> Result<&'v mut Map<String, Value>, String> {
    value.get_mut(name).and_then(Value::as_object_mut).ok_or_else(|| format!("no object `{name}`"))
}

impl Cut<'_> {
    fn is_out(&self, name: &str) -> bool {
        self.files.contains(name.trim_start_matches('/'))
    }

    /// The second version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn v2(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut index: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        object(&mut index, "repo")?.insert(String::from("timestamp"), json!(self.timestamp));
        object(&mut index, "packages")?.retain(|_, app| {
            let Some(versions) = app.get_mut("versions").and_then(Value::as_object_mut) else { return true };
            let before = versions.len();
            versions.retain(|_, version| {
                version.pointer("/file/name").and_then(Value::as_str).is_none_or(|name| !self.is_out(name))
            });
            before == 0 || !versions.is_empty()
        });
        serde_json::to_vec(&index).map_err(|error| error.to_string())
    }

    /// The entry that leads to an index of the second version: no differences, since those would be laid over another
    /// territory's variant.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn entry(&self, bytes: &[u8], index: &[u8]) -> Result<Vec<u8>, String> {
        let mut entry: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let apps = serde_json::from_slice::<Value>(index).map_err(|error| error.to_string())?;
        let apps = apps.get("packages").and_then(Value::as_object).map_or(0, Map::len);
        let file = object(&mut entry, "index")?;
        file.insert(String::from("sha256"), json!(hex(&Sha256::digest(index))));
        file.insert(String::from("size"), json!(index.len()));
        file.insert(String::from("numPackages"), json!(apps));
        let whole = entry.as_object_mut().ok_or("no object")?;
        whole.insert(String::from("timestamp"), json!(self.timestamp));
        whole.insert(String::from("diffs"), json!({}));
        serde_json::to_vec(&entry).map_err(|error| error.to_string())
    }

    /// The first version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn v1(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut index: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        object(&mut index, "repo")?.insert(String::from("timestamp"), json!(self.timestamp));
        let mut gone = BTreeSet::new();
        object(&mut index, "packages")?.retain(|package, versions| {
            let Some(versions) = versions.as_array_mut() else { return true };
            let before = versions.len();
            versions
                .retain(|version| version.get("apkName").and_then(Value::as_str).is_none_or(|name| !self.is_out(name)));
            let stays = before == 0 || !versions.is_empty();
            if !stays {
                gone.insert(package.clone());
            }
            stays
        });
        if let Some(apps) = index.get_mut("apps").and_then(Value::as_array_mut) {
            apps.retain(|app| app.get("packageName").and_then(Value::as_str).is_none_or(|name| !gone.contains(name)));
        }
        if let Some(requests) = index.get_mut("requests").and_then(Value::as_object_mut) {
            for asked in requests.values_mut().filter_map(Value::as_array_mut) {
                asked.retain(|name| name.as_str().is_none_or(|name| !gone.contains(name)));
            }
        }
        serde_json::to_vec(&index).map_err(|error| error.to_string())
    }

    /// The XML.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn xml(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut seen = Seen::default();
        let mut reader = Reader::from_str(text);
        loop {
            let from = position(&reader);
            let event = reader.read_event().map_err(|error| format!("at byte {from}: {error}"))?;
            let here = from..position(&reader);
            match event {
                Event::Start(tag) => seen.start(&tag, here)?,
                Event::Empty(tag) => {
                    seen.start(&tag, here.clone())?;
                    seen.end(self, here.end);
                }
                Event::End(_) => seen.end(self, here.end),
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    if seen.path.last().is_some_and(|open| open == "apkname") {
                        seen.name.push_str(text.get(here).unwrap_or_default());
                    }
                }
                Event::DocType(_) => return Err(String::from("a document type declaration, which is refused")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let asked = seen.asked.into_iter().filter(|(package, _)| seen.gone.contains(package)).map(|(_, range)| range);
        let mut edits: Vec<(Range<usize>, String)> =
            seen.out.into_iter().chain(asked).map(|r| (r, String::new())).collect();
        if let Some(date) = seen.date {
            edits.push((date, (self.timestamp / 1_000).to_string()));
        }
        edits.sort_unstable_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut cut = String::with_capacity(text.len());
        let mut at = 0;
        for (range, other) in edits {
            // A file within an app that goes whole has gone with it.
            if range.start >= at {
                cut.push_str(text.get(at..range.start).unwrap_or_default());
                cut.push_str(&other);
                at = range.end;
            }
        }
        cut.push_str(text.get(at..).unwrap_or_default());
        Ok(cut.into_bytes())
    }
}

/// A document is in memory, so its length fits.
fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// What has been seen of a document so far.
#[derive(Default)]
struct Seen {
    path: Vec<String>,
    app: (usize, String),
    file: usize,
    name: String,
    kept: usize,
    lost: usize,
    out: Vec<Range<usize>>,
    gone: BTreeSet<String>,
    asked: Vec<(String, Range<usize>)>,
    date: Option<Range<usize>>,
}

impl Seen {
    fn start(&mut self, tag: &BytesStart<'_>, here: Range<usize>) -> Result<(), String> {
        let name = AsRef::<str>::as_ref(&tag.name()).to_owned();
        let attribute = |name: &str| {
            let found = tag.try_get_attribute(name).map_err(|error| error.to_string())?;
            Ok::<_, String>(found.map(|found| found.value.into_owned()).unwrap_or_default())
        };
        match (self.path.len(), name.as_str()) {
            (1, "repo") => {
                const BEFORE: &str = " timestamp=\"";
                let words: &str = tag;
                let found = words.find(BEFORE).map(|at| at + BEFORE.len());
                self.date = found.and_then(|from| {
                    let len = words.get(from..)?.find('"')?;
                    // After the `<`.
                    let from = here.start + 1 + from;
                    Some(from..from + len)
                });
            }
            (1, "application") => {
                (self.app, self.kept, self.lost) = ((here.start, attribute("id")?), 0, 0);
            }
            (1, "install" | "uninstall") => self.asked.push((attribute("packageName")?, here)),
            (2, "package") => self.file = here.start,
            (3, "apkname") => self.name.clear(),
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn end(&mut self, cut: &Cut<'_>, end: usize) {
        let Some(name) = self.path.pop() else { return };
        match (self.path.len(), name.as_str()) {
            (2, "package") if cut.is_out(self.name.trim()) => {
                self.out.push(self.file..end);
                self.lost += 1;
            }
            (2, "package") => self.kept += 1,
            (1, "application") if self.lost > 0 && self.kept == 0 => {
                self.out.push(self.app.0..end);
                self.gone.insert(std::mem::take(&mut self.app.1));
            }
            (1, "install" | "uninstall") => {
                if let Some((_, range)) = self.asked.last_mut() {
                    range.end = end;
                }
            }
            _ => {}
        }
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::Cut;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn files(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_app_goes_with_its_last_file_and_nothing_else_changes() {
        let version = |name: &str| json!({"added": 1, "file": {"name": name, "sha256": "00", "size": 1}});
        let index = json!({"repo": {"name": {"en-US": "R"}, "timestamp": 5, "x": 1}, "packages": {
            "b": {"metadata": {"a": 1}, "versions": {"1": version("/b_1.apk"), "2": version("/b_2.apk")}},
            "a": {"metadata": {}, "versions": {"1": version("/a_1.apk"), "2": version("/a_2.apk")}},
            "empty": {"metadata": {}, "versions": {}}}, "more": [1]});
        let bytes = index.to_string();
        let out = files(&["b_1.apk", "b_2.apk", "a_2.apk", "none.apk"]);
        let cut = Cut { files: &out, timestamp: 9 };
        let mut expected = index;
        expected["repo"]["timestamp"] = json!(9);
        expected["packages"].as_object_mut().unwrap().shift_remove("b");
        expected["packages"]["a"]["versions"].as_object_mut().unwrap().shift_remove("2");
        let made = cut.v2(bytes.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(made.clone()).unwrap(), expected.to_string(), "order included");
        let entry = json!({"timestamp": 5, "version": 20002, "index": {"name": "/index-v2.json", "sha256": "0", "size": 1,
            "numPackages": 3}, "diffs": {"4": {"name": "/diff/4.json"}}});
        let entry: Value = serde_json::from_slice(&cut.entry(entry.to_string().as_bytes(), &made).unwrap()).unwrap();
        assert_eq!((&entry["timestamp"], &entry["diffs"]), (&json!(9), &json!({})));
        assert_eq!((&entry["index"]["size"], &entry["index"]["numPackages"]), (&json!(made.len()), &json!(2)));
        for bad in ["", "[]", "{}", "{\"repo\":{}}", "{\"repo\":1,\"packages\":{}}"] {
            assert!(cut.v2(bad.as_bytes()).is_err() && cut.v1(bad.as_bytes()).is_err(), "{bad}");
            assert!(cut.entry(bad.as_bytes(), &made).is_err(), "{bad}");
        }
    }

    #[test]
    fn requests_go_with_the_app_they_name() {
        let index = json!({"repo": {"timestamp": 5}, "requests": {"install": ["b", "a"], "uninstall": ["b"]},
            "apps": [{"packageName": "b"}, {"packageName": "a"}],
            "packages": {"b": [{"apkName": "b_1.apk"}], "a": [{"apkName": "a_1.apk"}, {"apkName": "a_2.apk"}]}});
        let out = files(&["b_1.apk", "a_2.apk"]);
        let made = Cut { files: &out, timestamp: 9 }.v1(index.to_string().as_bytes()).unwrap();
        let expected = json!({"repo": {"timestamp": 9}, "requests": {"install": ["a"], "uninstall": []},
            "apps": [{"packageName": "a"}], "packages": {"a": [{"apkName": "a_1.apk"}]}});
        assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), expected);
    }

    #[test]
    fn the_xml_is_cut_where_the_rest_of_it_stays_byte_for_byte() {
        let app = |id: &str, files: &[&str]| {
            let files: String = files
                .iter()
                .map(|f| format!("<package><version>1</version><apkname>{f}</apkname></package>"))
                .collect();
            format!("<application id=\"{id}\"><id>{id}</id><desc>&lt;b&gt; é</desc>{files}</application>")
        };
        let whole = |date: u64, apps: &str, asked: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><fdroid><repo name=\"R\" timestamp=\"{date}\" url=\"u\"><description>d</description></repo>{asked}{apps}</fdroid>"
            )
        };
        let asked = "<install packageName=\"a\"/><uninstall packageName=\"b\"/>";
        let text = whole(5, &(app("b", &["b_1.apk"]) + &app("a", &["a_1.apk", "a_2.apk"])), asked);
        let out = files(&["b_1.apk", "a_2.apk"]);
        let made = Cut { files: &out, timestamp: 9_999 }.xml(text.as_bytes()).unwrap();
        let expected = whole(9, &app("a", &["a_1.apk"]), "<install packageName=\"a\"/>");
        assert_eq!(String::from_utf8(made).unwrap(), expected);
        let none = Cut { files: &BTreeSet::new(), timestamp: 5_000 }.xml(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(none).unwrap(), text);
        for bad in ["<a><b></a>", "<!DOCTYPE x><a/>", "<a"] {
            assert!(Cut { files: &out, timestamp: 1 }.xml(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
