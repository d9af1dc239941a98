//! Variants of a store's index as the programs of its world meet them: published and verified by fdroidserver, read by
//! fdroidcl, from several territories, before, at and after the instant.

use crate::program::Folder;
use crate::repository::{
    Answer, CA, MAKERS, NOWHERE, Nginx, PR, US, ask, get, has, package_file, published, relay, run,
};
use crate::store::{Gated, client, fdroidcl, gate_with, law, now, status, written};
use serde_json::Value;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

const LISTED: &str = "/fdroid/repo/com.example.brook_101.apk";

/// A copy of the published repository that may be published anew, with the keys beside it.
fn copied() -> Folder {
    let folder = Folder::new();
    let from = published().folder.display().to_string();
    let to = folder.path().display().to_string();
    run(
        folder.path(),
        "cp",
        &["-a", &format!("{from}/fdroid"), &format!("{from}/own.jks"), &format!("{from}/listed.jks"), &to],
    );
    // A publisher would list it as an app of its own.
    std::fs::remove_file(folder.path().join("fdroid/repo/notes.tar")).expect("gone");
    folder
}

/// What is on record beside the repository.
fn recorded(repository: &Folder) -> Vec<Value> {
    let text = std::fs::read_to_string(repository.path().join("decisions.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The gate with the example's settings and a keystore, with records beside the repository.
fn gate(law: Folder, repository: &Folder, url: &str, key: &str) -> Gated {
    let keystore = format!("\"{}\"", repository.path().join(key).display());
    let password = repository.write("password", "secret\n");
    let folder = format!("folder = \"{}\"", repository.path().join("variants").display());
    let records = repository.path().join("decisions.ndjson").display().to_string();
    let records = format!("[records]\nfile = \"{records}\"\n\n[territory]");
    gate_with(
        "variants.toml",
        law,
        url,
        &[
            ("\"keystore.jks\"", &keystore),
            ("\"repokey\"", "\"k\""),
            ("password_env = \"FDROID_KEY_STORE_PASS\"", &format!("password_file = \"{password}\"")),
            ("folder = \"variants\"", &folder),
            ("[territory]", &records),
        ],
    )
}

fn json(from: Ipv4Addr, port: u16, name: &str) -> Value {
    let answer = get(from, port, &format!("/fdroid/repo/{name}"));
    assert_eq!(answer.status, 200, "{name}");
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn apps(index: &Value) -> Vec<String> {
    let mut apps: Vec<String> = index["packages"].as_object().expect("packages").keys().cloned().collect();
    apps.sort();
    apps
}

/// Asks until an answer is as expected; generous, since signers are programs that start slowly.
fn until<T: PartialEq + std::fmt::Debug>(expected: &T, mut ask: impl FnMut() -> T) {
    let mut last = ask();
    for _ in 0..1_200 {
        if last == *expected {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
        last = ask();
    }
    panic!("it never came to {expected:?}: {last:?}");
}

const ALL: [&str; 4] = ["com.example.brook", "com.example.brooks", "org.example.notes", "org.example.stream"];
const REST: [&str; 2] = ["com.example.brooks", "org.example.notes"];

/// What a place sees, once and in every form of the index.
fn sees(from: Ipv4Addr, port: u16, expected: &[&str]) -> u64 {
    let v2 = get(from, port, "/fdroid/repo/index-v2.json");
    let index: Value = serde_json::from_slice(&v2.body).expect("JSON");
    assert_eq!(apps(&index), expected, "{from}");
    let entry = json(from, port, "entry.json");
    assert_eq!(
        (&entry["diffs"], entry["index"]["numPackages"].as_u64()),
        (&Value::Object(serde_json::Map::default()), Some(expected.len() as u64))
    );
    assert_eq!(
        (entry["index"]["size"].as_u64(), &entry["timestamp"]),
        (Some(v2.body.len() as u64), &index["repo"]["timestamp"])
    );
    let v1 = json(from, port, "index-v1.json");
    assert_eq!(
        (apps(&v1), &v1["repo"]["timestamp"]),
        (expected.iter().map(|app| (*app).to_owned()).collect(), &entry["timestamp"])
    );
    let mut named: Vec<&str> =
        v1["apps"].as_array().expect("apps").iter().filter_map(|app| app["packageName"].as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, expected);
    let xml = get(from, port, "/fdroid/repo/index.xml").text();
    let mut named: Vec<&str> =
        xml.split("<application id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    named.sort_unstable();
    assert_eq!(named, expected);
    entry["timestamp"].as_u64().expect("a date")
}

/// The reference implementation reads and verifies an index, pinned to the repository's own certificate.
fn verified(from: Ipv4Addr, port: u16) -> Vec<String> {
    let home = Folder::new();
    let url = format!("http://127.0.0.1:{}/fdroid/repo?fingerprint={}", relay(from, port), published().fingerprint);
    ["download_repo_index_v1", "download_repo_index_v2"].map(|read| {
        let program = format!(
            "from fdroidserver import common, index\ncommon.config = {{'jarsigner': '/usr/bin/jarsigner', 'apksigner': '/usr/bin/apksigner'}}\nindex.config = common.config\ndata, _ = index.{read}('{url}')\nprint(' '.join(sorted(data['packages'])))"
        );
        let said = run(home.path(), "/usr/bin/python3", &["-c", &program]);
        said.lines().rfind(|line| line.contains("org.example")).unwrap_or_default().to_owned()
    }).to_vec()
}

#[test]
fn each_territory_gets_an_index_of_what_it_may_have() {
    if !has(MAKERS) || !has(&["fdroidcl", "jarsigner"]) {
        return;
    }
    let repository = copied();
    let nginx = Nginx::start(repository.path());
    let own: Value = json(NOWHERE, nginx.port, "entry.json");
    let mut gated = gate(law(|order| order), &repository, &nginx.url(), "own.jks");
    gated.serving.hears("variants  2 of the index");
    let port = gated.port;
    let dates = [(US, &REST[..]), (PR, &REST), (CA, &ALL), (NOWHERE, &ALL)].map(|(from, apps)| sees(from, port, apps));
    assert!(dates.iter().all(|date| *date == dates[0]), "one date for all: {dates:?}");
    assert!(dates[0] > own["timestamp"].as_u64().expect("a date"), "whoever has the repository's own index comes over");
    // Nothing is added, and nothing but the date is other.
    let (mut here, mut all) = (json(US, port, "index-v2.json"), json(NOWHERE, nginx.port, "index-v2.json"));
    for index in [&mut here, &mut all] {
        index["repo"]["timestamp"] = Value::Null;
    }
    for app in ["com.example.brook", "org.example.stream"] {
        all["packages"].as_object_mut().expect("packages").shift_remove(app);
    }
    assert_eq!(here, all);
    // Tags tell variants apart, and shared caches keep none.
    let tag = |from| get(from, port, "/fdroid/repo/index-v2.json").header("etag");
    let held =
        |from, tag: &str| ask(from, port, "GET", "/fdroid/repo/index-v2.json", &format!("if-none-match: {tag}\r\n"));
    assert_eq!((held(US, &tag(US)).status, held(CA, &tag(US)).status), (304, 200));
    let head: Answer = ask(US, port, "HEAD", "/fdroid/repo/entry.jar", "");
    assert_eq!((head.status, head.body.len(), head.header("cache-control").as_str()), (200, 0, "private, no-cache"));
    assert_eq!((status(US, port, LISTED), status(CA, port, LISTED)), (451, 200));
    is_on_record(&repository, port);
    for (from, apps) in [(US, &REST[..]), (CA, &ALL)] {
        assert_eq!(verified(from, port), [apps.join(" "), apps.join(" ")], "{from}");
    }
    for (from, refused) in [(US, true), (CA, false), (NOWHERE, false)] {
        let (home, port) = client(from, port);
        let (done, said) = fdroidcl(&home, port, &["download", "com.example.brook"]);
        assert_eq!((done, said.contains("could not find app")), (!refused, refused), "{from}: {said}");
        let (done, said) = fdroidcl(&home, port, &["download", "org.example.notes"]);
        assert!(done, "{from}: {said}");
    }
}

/// What an index leaves out and what it shows of listed apps is on record, an app once, and nobody's address is.
fn is_on_record(repository: &Folder, port: u16) {
    let (before, lines) = (format!("before-{port}"), format!("x-request-id: shown-{port}\r\n"));
    for (from, lines) in [(US, lines.as_str()), (CA, &lines), (NOWHERE, &format!("x-request-id: {before}\r\n"))] {
        assert_eq!(ask(from, port, "GET", "/fdroid/repo/index-v2.json", lines).status, 200);
    }
    let is_last = |events: &[Value]| events.iter().any(|event| event["data"]["request"] == before.as_str());
    until(&true, || is_last(&recorded(repository)));
    let asked = format!("shown-{port}");
    let found: Vec<String> = recorded(repository)
        .iter()
        .filter(|event| event["data"]["request"] == asked.as_str())
        .map(|event| {
            let word = |name: &str| event["data"][name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", event["source"], word("app"), word("place"), word("outcome"))
        })
        .collect();
    assert_eq!(found, ["\"/gates/store/index\" brook US refuse", "\"/gates/store/index\" brook CA permit"]);
    let written = std::fs::read_to_string(repository.path().join("decisions.ndjson")).expect("records");
    assert!(!written.contains("127.1.0.1") && !written.contains("127.2.0.1"), "no address is on record");
}

#[test]
fn an_index_follows_the_hour_a_stay_and_its_publisher() {
    if !has(MAKERS) || !has(&["jarsigner"]) {
        return;
    }
    let repository = copied();
    let nginx = Nginx::start(repository.path());
    // Far enough ahead that a busy machine has signed for the hour before it comes.
    let begins = now() + 60;
    let law = law(|order| order.replace("from 2020-02-01T00:00", &format!("from {}", written(begins))));
    let corpus = law.path().to_owned();
    let mut gated = gate(law, &repository, &nginx.url(), "own.jks");
    gated.serving.hears("variants  1 of the index");
    let port = gated.port;
    let seen = || apps(&json(US, port, "index-v2.json"));
    let list = |apps: &[&str]| apps.iter().map(|app| (*app).to_owned()).collect::<Vec<_>>();
    let before = json(US, port, "entry.json")["timestamp"].as_u64().expect("a date");
    let (early, hour) = (seen(), now());
    assert!(hour >= begins || early == list(&ALL), "not before the instant");
    let ready = gated.serving.hears("variants  ready for");
    until(&list(&REST), seen);
    assert!(now() >= begins);
    let during = sees(US, port, &REST);
    gated.serving.hears("variants  ready for a change");
    assert_eq!((during, during > before), (sees(CA, port, &ALL), true));
    assert!(ready.ends_with(&format!("dated {during}")), "signed before the hour: {ready}");
    // A court stays it: the app comes back by itself, to those who had the other index too.
    let stay = "instrument stay {\n  title \"A stay\"; jurisdiction US; rank court; authority \"A court\"; zone UTC\n  issued 2020-02-02; public 2020-02-02\n  evidence seen; source \"https://example.org/stay\"\n  suspend pi from 2020-02-02T00:00 { target example-order }\n}\n";
    std::fs::write(corpus.join("stay.new"), stay).expect("written");
    std::fs::rename(corpus.join("stay.new"), corpus.join("orders/stay.order")).expect("in place");
    // What was signed ahead for that is shown at once, to those who had the other index too: it is dated later.
    gated.serving.hears("variants  the law has changed");
    let opened = sees(US, port, &ALL);
    assert_eq!((opened, sees(CA, port, &ALL)), (during + 1, during + 1));
    assert_eq!(verified(US, port), [ALL.join(" "), ALL.join(" ")]);
    gated.serving.hears("variants  1 of the index");
    let stayed = sees(US, port, &ALL);
    assert!(stayed > opened);
    gated.serving.hears("variants  ready for a change");
    std::fs::remove_file(corpus.join("orders/stay.order")).expect("gone");
    gated.serving.hears("variants  the law has changed");
    assert_eq!((sees(US, port, &ALL), status(US, port, LISTED)), (stayed + 1, 451), "listed, and refused at once");
    gated.serving.hears("variants  2 of the index");
    let again = sees(US, port, &REST);
    assert!(again > stayed + 1);
    // An edit that changes nothing that anybody sees is no publication.
    gated.serving.hears("variants  ready for a change");
    let order = corpus.join("orders/example.order");
    let edited = std::fs::read_to_string(&order).expect("the order").replace("cite \"No. 1\"", "cite \"No. 1a\"");
    std::fs::write(corpus.join("order.new"), edited).expect("written");
    std::fs::rename(corpus.join("order.new"), &order).expect("in place");
    gated.serving.hears("law in force: ");
    assert_eq!((sees(US, port, &REST), sees(CA, port, &ALL)), (again, again));
    // The publisher adds an app: everybody sees it, and nobody its differences from the index before.
    std::thread::sleep(Duration::from_millis(1_100));
    package_file(repository.path(), "org.example.tides", 1, "own");
    run(&repository.path().join("fdroid"), "fdroid", &["update", "--create-metadata"]);
    let own = json(NOWHERE, nginx.port, "entry.json");
    let diff = own["diffs"].as_object().and_then(|diffs| diffs.values().next()).and_then(|diff| diff["name"].as_str());
    let diff = format!("/fdroid/repo{}", diff.expect("the publisher made differences"));
    let grown = |apps: &[&'static str]| [apps, &["org.example.tides"]].concat();
    until(&list(&grown(&REST)), seen);
    let last = sees(US, port, &grown(&REST));
    assert_eq!(sees(CA, port, &grown(&ALL)), last);
    assert!(last > again && last > own["timestamp"].as_u64().expect("a date"));
    assert_eq!((status(US, nginx.port, &diff), status(US, port, &diff), status(CA, port, &diff)), (200, 404, 404));
    // The date outlives the process: the same is never dated otherwise, nor anything else the same.
    gated.serving.signal("KILL");
    drop(gated);
    let order = std::fs::read_to_string(corpus_order()).expect("the example");
    let mut gated = gate(crate::store::law(|_| order.clone()), &repository, &nginx.url(), "own.jks");
    gated.serving.hears("variants  2 of the index");
    assert_eq!(sees(US, gated.port, &grown(&REST)), last);
}

fn corpus_order() -> std::path::PathBuf {
    Path::new(crate::repository::EXAMPLE).join("law/orders/example.order")
}

#[test]
fn what_cannot_be_signed_is_served_as_it_is_and_packages_are_refused() {
    if !has(MAKERS) || !has(&["jarsigner"]) {
        return;
    }
    let repository = copied();
    let nginx = Nginx::start(repository.path());
    let untouched = |gated: &Gated| {
        for name in ["entry.jar", "index-v2.json", "index-v1.jar"] {
            let path = format!("/fdroid/repo/{name}");
            assert_eq!(get(US, gated.port, &path), get(US, nginx.port, &path));
        }
        assert_eq!((status(US, gated.port, LISTED), status(CA, gated.port, LISTED)), (451, 200));
    };
    // Somebody else's key.
    let mut gated = gate(law(|order| order), &repository, &nginx.url(), "listed.jks");
    let told = gated.serving.complains("no variants of the index");
    assert!(told.contains("entry.jar is not signed with this key"), "{told}");
    untouched(&gated);
    drop(gated);
    // A repository somebody put another entry into.
    let jar = repository.path().join("fdroid/repo/entry.jar");
    let kept = std::fs::read(&jar).expect("readable");
    run(
        repository.path(),
        "python3",
        &[
            "-c",
            "import zipfile; i=zipfile.ZipFile('fdroid/repo/entry.jar'); e=i.read('entry.json'); o=zipfile.ZipFile('new.jar','w'); o.writestr('entry.json',e); o.close()",
        ],
    );
    std::fs::rename(repository.path().join("new.jar"), &jar).expect("in place");
    let mut gated = gate(law(|order| order), &repository, &nginx.url(), "own.jks");
    let told = gated.serving.complains("no variants of the index");
    assert!(told.contains("jar is unsigned"), "{told}");
    untouched(&gated);
    drop(gated);
    std::fs::write(&jar, kept).expect("written");
    // A disk with no room for what is to be signed.
    let full = repository.path().join("variants");
    std::fs::remove_dir_all(&full).expect("gone");
    std::fs::create_dir_all(&full).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", full.join("entry.jar")).expect("a link");
    let mut gated = gate(law(|order| order), &repository, &nginx.url(), "own.jks");
    let told = gated.serving.complains("no variants of the index");
    assert!(told.contains("entry.jar") && told.contains("No space left on device"), "{told}");
    untouched(&gated);
}
