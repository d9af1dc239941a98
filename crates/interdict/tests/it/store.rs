//! The store gate as its clients meet it: real packages, a real repository behind it, clients in several territories,
//! before, at and after the instant.

use crate::authority::vouched;
use crate::program::{Folder, Serving};
use crate::repository::{
    Answer, CA, EXAMPLE, HIDDEN, MAKERS, NOWHERE, Nginx, PR, US, ask, connect, free_port, get, has, published, relay,
    run,
};
use crate::scan::World;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The listed app, and the rest.
pub(crate) const LISTED: &str = "/fdroid/repo/com.example.brook_101.apk";
pub(crate) const LISTED_BEFORE: &str = "/fdroid/repo/com.example.brook_100.apk";
const DISGUISED: &str = "/fdroid/repo/org.example.stream_1.apk";
const LOOK_ALIKE: &str = "/fdroid/repo/com.example.brooks_1.apk";
const OTHER: &str = "/fdroid/repo/org.example.notes_2.apk";

/// The example's law, with the certificate the packages are really signed with.
pub(crate) fn law(order: impl Fn(String) -> String) -> Folder {
    let folder = Folder::new();
    let read = |name: &str| std::fs::read_to_string(format!("{EXAMPLE}/law/{name}")).expect("the example");
    let subjects = read("subjects/example.subject");
    let own = subjects.replace(&"0".repeat(64), &published().listed_certificate);
    assert_ne!(subjects, own);
    folder.write("subjects/example.subject", &own);
    folder.write("orders/example.order", &order(read("orders/example.order")));
    folder
}

pub(crate) struct Gated {
    pub(crate) serving: Serving,
    pub(crate) port: u16,
    pub(crate) law: Folder,
}

/// The gate with the example's settings, of which some are others.
pub(crate) fn gate(law: Folder, url: &str, others: &[(&str, &str)]) -> Gated {
    gate_with("interdict.toml", law, url, others)
}

/// The gate with settings of that name.
pub(crate) fn gate_with(name: &str, law: Folder, url: &str, others: &[(&str, &str)]) -> Gated {
    gate_in(&[], name, law, url, others)
}

fn gate_in(environment: &[(&str, &str)], name: &str, law: Folder, url: &str, others: &[(&str, &str)]) -> Gated {
    let mut settings = std::fs::read_to_string(format!("{EXAMPLE}/{name}")).expect("the example");
    let networks = format!("\"{EXAMPLE}/networks\"");
    for (set, other) in
        [("http://127.0.0.1:8080/fdroid/repo", url), ("127.0.0.1:8643", "127.0.0.1:0"), ("\"networks\"", &networks)]
            .iter()
            .chain(others)
    {
        assert!(settings.contains(set), "{set}");
        settings = settings.replace(set, other);
    }
    let path = law.write("interdict.toml", &settings);
    let corpus = law.path().display().to_string();
    let serving = Serving::start_in(environment, &["--corpus", &corpus], &["--settings", &path]);
    let line = serving.said.lines().find(|line| line.starts_with("store ")).expect("it says where").to_owned();
    let port = line.split("http://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next()).expect("a port");
    Gated { port: port.parse().expect("a number"), serving, law }
}

pub(crate) fn status(from: Ipv4Addr, port: u16, path: &str) -> u16 {
    get(from, port, path).status
}

#[test]
fn a_listed_app_is_refused_to_whom_the_order_reaches_and_to_nobody_else() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let mut gated = gate(law(|order| order), &nginx.url(), &[]);
    gated.serving.hears("6 packages of 4 apps");
    let port = gated.port;
    for (from, listed) in [(US, 451), (PR, 451), (CA, 200), (HIDDEN, 200), (NOWHERE, 200)] {
        for path in [
            LISTED,
            LISTED_BEFORE,
            DISGUISED,
            "/fdroid/repo//%63om.example.brook_101.apk",
            "/fdroid/./repo/com.example.brook_101.apk?x=1",
        ] {
            assert_eq!(status(from, port, path), listed, "{from} {path}");
        }
        for path in [
            LOOK_ALIKE,
            OTHER,
            "/fdroid/repo/index-v2.json",
            "/fdroid/repo/index-v1.jar",
            "/fdroid/repo/icons/icon.png",
        ] {
            assert_eq!(status(from, port, path), 200, "{from} {path}");
        }
    }
    let refused = get(US, port, LISTED);
    assert_eq!(refused.header("cache-control"), "private, no-store");
    assert_eq!(refused.header("interdict-order"), "example-order:1(a)");
    assert_eq!(refused.header("interdict-until"), "2099-01-01T00:00:00Z");
    let link = refused.header("link");
    assert!(link.contains(&format!("<http://127.0.0.1:{port}/>; rel=\"blocked-by\"")), "{link}");
    assert!(!link.contains("example.org/orders/1>; rel=\"blocked-by\""), "the authority does not block: {link}");
    for word in [
        "Example Store",
        "Brook",
        "Order concerning Brook",
        "1(a)",
        "distribute or maintain",
        "2099",
        "legal@store.example",
    ] {
        assert!(refused.text().contains(word), "{word}: {}", refused.text());
    }
    assert!(refused.text().contains("stays as it is"), "nothing is removed");
    let page = ask(US, port, "GET", LISTED, "accept: text/html,*/*\r\n");
    assert_eq!((page.status, page.header("content-type").as_str()), (451, "text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>Brook is not available here</h1>"), "{}", page.text());
    let machine = ask(US, port, "GET", LISTED, "accept: application/json\r\n");
    let machine: serde_json::Value = serde_json::from_slice(&machine.body).expect("JSON");
    assert_eq!(machine["grounds"][0]["provision"], "example-order:1(a)");
    assert_eq!(machine["until"], "2099-01-01T00:00:00Z");
    let head = ask(US, port, "HEAD", LISTED, "");
    assert_eq!((head.status, head.body.len()), (451, 0));
    let served = get(CA, port, LISTED);
    assert_eq!(served.header("cache-control"), "private, no-cache", "a shared cache must not serve it to others");
    assert_eq!(get(US, port, OTHER).header("cache-control"), "");
}

#[test]
fn another_name_or_path_is_still_the_listed_app() {
    if !has(MAKERS) {
        return;
    }
    let made = published();
    let folder = Folder::new();
    let repo = made.folder.join("fdroid/repo");
    let beside = |name: &str, from: &str| {
        std::fs::create_dir_all(folder.path().join("fdroid/files")).expect("a folder");
        std::fs::copy(repo.join(from), folder.path().join("fdroid/files").join(name)).expect("copied");
    };
    let listed = "com.example.brook_101.apk";
    for name in ["harmless.apk", "picture.png", "no-extension", "notes.APK"] {
        beside(name, listed);
    }
    beside("other.png", "org.example.notes_1.apk");
    run(
        &folder.path().join("fdroid/files"),
        "python3",
        &[
            "-c",
            &format!(
                "import zipfile; z=zipfile.ZipFile('bundle.xapk','w'); z.write('{}','base.apk'); z.writestr('manifest.json','{{}}'); z.close()\n\
         b=open('harmless.apk','rb').read()\n\
         open('two-ends.apk','wb').write(b+b[b.rfind(b'PK\\x05\\x06'):])\n\
         open('cut.apk','wb').write(b[:-30])\n\
         open('prefixed.apk','wb').write(b'dex\\n'+b)",
                repo.join(listed).display()
            ),
        ],
    );
    let nginx = Nginx::start(folder.path());
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    let file = |name: &str| format!("/fdroid/files/{name}");
    for name in [
        "harmless.apk",
        "picture.png",
        "no-extension",
        "notes.APK",
        "bundle.xapk",
        "two-ends.apk",
        "cut.apk",
        "prefixed.apk",
    ] {
        // A part of it first, so that no whole answer has shown what it is.
        assert_eq!(ask(US, gated.port, "GET", &file(name), "range: bytes=1000-\r\n").status, 451, "{name}");
        assert_eq!(ask(US, gated.port, "GET", &file(name), "accept-encoding: gzip\r\n").status, 451, "{name}");
        assert_eq!(status(US, gated.port, &file(name)), 451, "{name}");
        assert_eq!(status(CA, gated.port, &file(name)), 200, "{name}");
    }
    assert_eq!(status(US, gated.port, &file("other.png")), 200);
    // Another file in its place is another app, at once.
    beside("harmless.apk", "org.example.notes_1.apk");
    assert_eq!(status(US, gated.port, &file("harmless.apk")), 200);
    beside("other.png", listed);
    assert_eq!(status(US, gated.port, &file("other.png")), 451);
}

/// The same request to the repository itself and through the gate.
fn both(from: Ipv4Addr, gate: u16, repository: u16, method: &str, path: &str, lines: &str) -> (Answer, Answer) {
    let normal = |mut answer: Answer| {
        // nginx draws a boundary for each answer of several ranges.
        answer.headers.retain(|(name, value)| name != "content-type" || !value.contains("boundary"));
        if answer.status == 206 && answer.body.starts_with(b"\r\n--") {
            let digits = |line: &str| line.trim_start_matches("--").chars().all(|c| c.is_ascii_digit() || c == '-');
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            answer.body = text.lines().filter(|line| !digits(line)).collect::<Vec<_>>().join("\n").into_bytes();
        }
        answer
    };
    (normal(ask(from, repository, method, path, lines)), normal(ask(from, gate, method, path, lines)))
}

#[test]
fn everything_else_passes_byte_for_byte() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let mut gated = gate(law(|order| order), &nginx.url(), &[]);
    gated.serving.hears("6 packages of 4 apps");
    let mut paths = Vec::new();
    walk(&published().folder.join("fdroid/repo"), "/fdroid/repo", &mut paths);
    assert!(paths.len() > 15, "{paths:?}");
    let refused = |path: &str| [LISTED, LISTED_BEFORE, DISGUISED].contains(&path);
    paths.extend(
        ["/fdroid/repo/nothing.apk", "/fdroid/repo/", "/", "/fdroid/repo/index-v2.json?x=%20y"].map(String::from),
    );
    for path in paths.iter().filter(|path| !refused(path)) {
        for (method, lines) in [("GET", ""), ("HEAD", ""), ("GET", "accept-encoding: gzip\r\n")] {
            let (plain, through) = both(US, gated.port, nginx.port, method, path, lines);
            assert_eq!(through, plain, "{method} {path}");
        }
    }
    for path in [OTHER, "/fdroid/repo/notes.tar", "/fdroid/repo/index-v2.json"] {
        let tag = get(US, nginx.port, path).header("etag");
        let date = get(US, nginx.port, path).header("last-modified");
        assert!(!tag.is_empty() && !date.is_empty());
        for lines in [
            String::from("range: bytes=0-99\r\n"),
            String::from("range: bytes=100-\r\n"),
            String::from("range: bytes=-50\r\n"),
            String::from("range: bytes=0-9,20-29\r\n"),
            String::from("range: bytes=99999999-\r\n"),
            String::from("range: lines=1-2\r\n"),
            format!("if-none-match: {tag}\r\n"),
            format!("if-modified-since: {date}\r\n"),
            String::from("if-match: \"other\"\r\n"),
            format!("if-range: {tag}\r\nrange: bytes=5-9\r\n"),
            String::from("if-range: \"other\"\r\nrange: bytes=5-9\r\n"),
        ] {
            let (plain, through) = both(US, gated.port, nginx.port, "GET", path, &lines);
            assert_eq!(through, plain, "{path} {lines}");
        }
    }
    // Abroad, the listed app too, but for what keeps it out of shared caches.
    for lines in ["", "range: bytes=100-\r\n"] {
        let (mut plain, through) = both(CA, gated.port, nginx.port, "GET", LISTED, lines);
        plain.headers.push((String::from("cache-control"), String::from("private, no-cache")));
        plain.headers.sort();
        assert_eq!(through, plain);
    }
    // A redirect to the repository's own address leads back to the gate.
    assert_eq!(get(US, gated.port, "/fdroid/repo").header("location"), "/fdroid/repo/");
    assert_eq!(ask(US, gated.port, "POST", "/fdroid/repo/", "content-length: 0\r\n").status, 405);
}

fn walk(folder: &Path, name: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = format!("{name}/{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() { walk(&path, &name, paths) } else { paths.push(name) }
    }
}

#[expect(clippy::disallowed_methods, reason = "what the program does is compared with the machine's own clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// An instant as orders write it.
pub(crate) fn written(seconds: u64) -> String {
    let text = run(Path::new("/"), "date", &["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%S"]);
    text.trim().to_owned()
}

#[test]
fn it_begins_and_ends_at_the_instant_and_a_stay_opens_it_within_a_second() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let (from, until) = (now() + 5, now() + 9);
    let law = law(|order| {
        order
            .replace("from 2020-02-01T00:00", &format!("from {}", written(from)))
            .replace("until 2099-01-01T00:00", &format!("until {}", written(until)))
    });
    let corpus = law.path().to_owned();
    let gated = gate(law, &nginx.url(), &[]);
    let mut seen: BTreeMap<u64, Vec<u16>> = BTreeMap::new();
    while now() < until + 2 {
        let before = now();
        let answer = status(US, gated.port, LISTED);
        if now() == before {
            seen.entry(before).or_default().push(answer);
        }
        assert_eq!(status(CA, gated.port, LISTED), 200);
        assert_eq!(status(US, gated.port, OTHER), 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    for (second, answers) in &seen {
        let expected = if (from..until).contains(second) { 451 } else { 200 };
        assert!(answers.iter().all(|answer| *answer == expected), "{second} of {from} to {until}: {seen:?}");
    }
    let inside = seen.range(from..until).count();
    assert!(inside >= 2 && seen.range(..from).count() >= 1 && seen.range(until..).count() >= 1, "{seen:?}");

    // In force again, then a court stays it, then lifts the stay.
    let order = std::fs::read_to_string(format!("{EXAMPLE}/law/orders/example.order")).expect("the example");
    let put = |name: &str, text: Option<&str>| {
        let path = corpus.join("orders").join(name);
        match text {
            Some(text) => {
                std::fs::write(path.with_extension("new"), text).expect("written");
                std::fs::rename(path.with_extension("new"), path).expect("in place");
            }
            None => std::fs::remove_file(path).expect("gone"),
        }
    };
    let follows = |expected: u16| {
        for _ in 0..100 {
            if status(US, gated.port, LISTED) == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never answered {expected}");
    };
    put("example.order", Some(&order));
    follows(451);
    put(
        "stay.order",
        Some(
            "instrument stay {\n  title \"A stay\"; jurisdiction US; rank court; authority \"A court\"; zone UTC\n  issued 2020-02-02; public 2020-02-02\n  evidence seen; source \"https://example.org/stay\"\n  suspend pi from 2020-02-02T00:00 { target example-order }\n}\n",
        ),
    );
    follows(200);
    put("stay.order", None);
    follows(451);
}

/// fdroidcl in a home of its own, reaching the published name of the repository through a port.
pub(crate) fn fdroidcl(home: &Folder, port: u16, words: &[&str]) -> (bool, String) {
    let mut command = Command::new("fdroidcl");
    command.args(words).env("HOME", home.path()).env("http_proxy", format!("http://127.0.0.1:{port}"));
    let ran = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), said)
}

/// Somebody's `fdroidcl` that reads the repository behind `gate`, from the address `from`: its home, and its way out.
pub(crate) fn client(from: Ipv4Addr, gate: u16) -> (Folder, u16) {
    let (home, port) = (Folder::new(), relay(from, gate));
    for words in [
        &["repo", "add", "example", "http://store.example/fdroid/repo"][..],
        &["repo", "remove", "f-droid"],
        &["repo", "remove", "f-droid-archive"],
        &["update"],
    ] {
        let (done, said) = fdroidcl(&home, port, words);
        assert!(done, "{words:?}: {said}");
    }
    (home, port)
}

#[test]
fn the_real_client_is_refused_the_listed_app_alone() {
    if !has(MAKERS) || !has(&["fdroidcl"]) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    for (from, refused) in [(US, true), (PR, true), (CA, false)] {
        let (home, port) = client(from, gated.port);
        let fetch = |app: &str| fdroidcl(&home, port, &["download", app]);
        // A new copy, an older version, and the update of one.
        for app in ["com.example.brook", "com.example.brook:100", "com.example.brook:101"] {
            let (done, said) = fetch(app);
            assert_eq!(done, !refused, "{from} {app}: {said}");
            assert_eq!(said.contains("451"), refused, "{said}");
        }
        for app in ["org.example.notes", "org.example.notes:1", "com.example.brooks"] {
            let (done, said) = fetch(app);
            assert!(done, "{from} {app}: {said}");
        }
    }
}

#[test]
fn the_reference_verifier_accepts_the_index_as_signed() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    let home = Folder::new();
    let url = format!("http://127.0.0.1:{}/fdroid/repo", relay(US, gated.port));
    for version in ["download_repo_index_v1", "download_repo_index_v2"] {
        let said = run(
            home.path(),
            "/usr/bin/python3",
            &[
                "-c",
                &format!(
                    "from fdroidserver import common, index\ncommon.config = {{'jarsigner': '/usr/bin/jarsigner', 'apksigner': '/usr/bin/apksigner'}}\nindex.config = common.config\n\
             data, _ = index.{version}('{url}?fingerprint={}')\nprint(sorted(data['packages']))",
                    published().fingerprint
                ),
            ],
        );
        assert!(said.contains("'com.example.brook', 'com.example.brooks', 'org.example.notes'"), "{said}");
    }
}

#[test]
fn a_dead_repository_opens_and_closes_nothing() {
    if !has(MAKERS) {
        return;
    }
    let port = free_port();
    let nginx = Nginx::at(&published().folder, port);
    let mut gated = gate(law(|order| order), &nginx.url(), &[]);
    gated.serving.hears("6 packages of 4 apps");
    assert_eq!(status(US, gated.port, OTHER), 200);
    drop(nginx);
    assert_eq!(status(US, gated.port, LISTED), 451, "by what the index had said");
    let gone = get(US, gated.port, OTHER);
    assert_eq!(gone.status, 502);
    assert!(gone.text().contains("repository behind this gate cannot be reached"), "{}", gone.text());
    assert!(!gone.header("retry-after").is_empty());
    assert_eq!(gone.header("cache-control"), "no-store");
    assert_eq!(status(CA, gated.port, LISTED), 502);
    let _nginx = Nginx::at(&published().folder, port);
    assert_eq!(status(US, gated.port, OTHER), 200);
    assert_eq!(status(US, gated.port, LISTED), 451);
    assert_eq!(gated.serving.stop(), Some(0));
}

#[test]
fn with_a_full_disk_records_are_missed_as_somebody_chose_and_no_other_app_is_held_up() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    for (chosen, listed) in [("answer-unrecorded", 451), ("refuse", 503)] {
        let records =
            format!("[records]\nfile = \"/dev/full\"\nqueue_records_max = 2\non_full = \"{chosen}\"\n\n[territory]");
        let mut gated = gate(law(|order| order), &nginx.url(), &[("[territory]", &records)]);
        gated.serving.hears("6 packages of 4 apps");
        // The writer finds out, and from then on every record is missed.
        let settled = (0..1_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            status(US, gated.port, LISTED) == listed && missed(&gated.serving)
        });
        assert!(settled, "{chosen}");
        for _ in 0..20 {
            assert_eq!(status(US, gated.port, LISTED), listed, "{chosen}: never served where it is forbidden");
            assert_eq!(status(CA, gated.port, LISTED), if listed == 451 { 200 } else { 503 }, "{chosen}");
            assert_eq!((status(US, gated.port, OTHER), status(CA, gated.port, OTHER)), (200, 200), "{chosen}");
        }
        assert_eq!(gated.serving.stop(), Some(0), "it ends all the same");
    }
}

/// Whether any record has been missed.
fn missed(serving: &Serving) -> bool {
    let (_, _, metrics) = serving.get("/metrics");
    let count = metrics.lines().find_map(|line| line.strip_prefix("interdict_unrecorded_total "));
    count.is_some_and(|count| count != "0")
}

#[test]
fn a_repository_over_tls_is_read_if_an_authority_vouches_for_it() {
    if !has(MAKERS) || !has(&["openssl"]) {
        return;
    }
    let (keys, strangers, others) = (vouched("IP:127.0.0.1"), vouched("IP:127.0.0.1"), vouched("DNS:other.example"));
    let trusting = |keys: &Folder, trusted: &Folder| {
        let nginx = Nginx::tls(&published().folder, keys.path());
        let url = nginx.url().replace("http:", "https:");
        let authority = trusted.path().join("ca.pem").display().to_string();
        (gate_in(&[("SSL_CERT_FILE", &authority)], "interdict.toml", law(|order| order), &url, &[]), nginx)
    };
    let (mut gated, nginx) = trusting(&keys, &keys);
    gated.serving.hears("6 packages of 4 apps");
    for (path, us, ca) in [(LISTED, 451, 200), (DISGUISED, 451, 200), (OTHER, 200, 200)] {
        assert_eq!((status(US, gated.port, path), status(CA, gated.port, path)), (us, ca), "{path}");
    }
    let package = std::fs::read(published().folder.join(OTHER.trim_start_matches('/'))).expect("the package");
    assert!(get(US, gated.port, OTHER).body == package, "byte for byte");
    assert_eq!(get(US, gated.port, "/fdroid/repo").header("location"), "/fdroid/repo/", "not around the gate");
    drop((gated, nginx));
    for (keys, trusted, told) in
        [(&keys, &strangers, "invalid peer certificate"), (&others, &others, "not valid for name")]
    {
        let (gated, _nginx) = trusting(keys, trusted);
        let answer = get(US, gated.port, OTHER);
        assert_eq!(answer.status, 502, "{told}");
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[test]
fn a_gate_that_never_saw_the_index_still_knows_packages_by_themselves() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    // Below this folder there is no index.
    let gated = gate(law(|order| order), &format!("http://127.0.0.1:{}/fdroid", nginx.port), &[]);
    assert_eq!((status(US, gated.port, LISTED), status(CA, gated.port, LISTED)), (451, 200));
    assert_eq!((status(US, gated.port, DISGUISED), status(US, gated.port, OTHER)), (451, 200));
}

#[test]
fn only_named_proxies_say_where_a_client_is() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    let hop = Ipv4Addr::new(127, 9, 0, 1);
    let through = |from, lines: &str| ask(from, gated.port, "GET", LISTED, lines).status;
    for (from, lines, expected) in [
        (US, "x-forwarded-for: 127.2.0.1\r\n", 451),
        (US, "x-forwarded-for: 127.2.0.1\r\nx-real-ip: 127.2.0.1\r\nforwarded: for=127.2.0.1\r\n", 451),
        (CA, "x-forwarded-for: 127.1.0.1\r\n", 200),
        (hop, "x-forwarded-for: 127.1.0.1\r\n", 451),
        (hop, "x-forwarded-for: 127.2.0.1\r\n", 200),
        (hop, "x-forwarded-for: 127.2.0.1, 127.1.0.1\r\n", 451),
        (hop, "x-forwarded-for: 127.1.0.1, 127.2.0.1, 127.9.0.7\r\n", 200),
        (hop, "x-forwarded-for: 127.2.0.1\r\nx-forwarded-for: 127.1.0.1\r\n", 451),
        (hop, "", 200),
        (hop, "x-forwarded-for: \u{1F4A9}\r\n", 200),
    ] {
        assert_eq!(through(from, lines), expected, "{from} {lines}");
    }
}

/// A repository that sends less than it announced and is gone, every time.
fn breaking_off() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 4_096];
            let _asked = client.read(&mut head).is_ok();
            let part = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(100));
            let _sent = client.write_all(part.as_bytes()).is_ok();
        }
    });
    port
}

#[test]
fn a_repository_that_breaks_off_is_never_taken_for_a_whole_file() {
    let url = format!("http://127.0.0.1:{}/fdroid/repo", breaking_off());
    let law = Folder::new();
    for name in ["subjects/example.subject", "orders/example.order"] {
        law.write(name, &std::fs::read_to_string(format!("{EXAMPLE}/law/{name}")).expect("the example"));
    }
    let gated = gate(law, &url, &[]);
    // A package cannot be judged by a part of it.
    let answer = get(US, gated.port, LISTED);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("cannot be reached"), "{}", answer.text());
    // Of anything else the client gets what there was, and sees that it is not all.
    let mut stream = connect(US, gated.port);
    let head = "GET /fdroid/repo/notes.tar HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    let _cut = stream.read_to_end(&mut bytes).is_ok();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(text.contains("content-length: 5000") && bytes.len() < 1_000, "{text}");
    // And the gate goes on.
    assert_eq!(get(US, gated.port, LISTED).status, 502);
    assert_eq!(gated.serving.stop(), Some(0));
}

#[test]
fn other_evidence_comes_from_named_proxies_and_must_agree() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let rules = "place = \"storefront address sim\"";
    let two = "place = \"address\"\nplaces = { example-order = \"storefront address least 2\" }";
    let [any, own] = [rules, two]
        .map(|rule| gate(law(|order| order), &nginx.url(), &[("\nplace = \"address\"", &format!("\n{rule}"))]));
    let hop = Ipv4Addr::new(127, 9, 0, 1);
    let (us, ca) = ("x-forwarded-for: 127.1.0.1\r\n", "x-forwarded-for: 127.2.0.1\r\n");
    let hidden = "x-forwarded-for: 127.4.0.1\r\n";
    // By which rule of the two it is refused.
    for (from, address, lines, expected) in [
        (hop, us, "", [451, 200]),
        (hop, us, "x-storefront: US\r\n", [451, 451]),
        (hop, us, "x-storefront: CA\r\n", [200, 200]),
        (hop, ca, "x-storefront: US\r\n", [200, 200]),
        (hop, us, "x-sim-country: ca\r\n", [200, 200]),
        (hop, hidden, "x-sim-country: us\r\n", [451, 200]),
        (hop, hidden, "x-sim-country: PR\r\nx-storefront: US\r\n", [451, 200]),
        (hop, hidden, "x-storefront: US\r\nx-storefront: US\r\n", [200, 200]),
        (hop, hidden, "x-storefront: nowhere\r\n", [200, 200]),
        // Nobody else is believed, whatever they write.
        (US, "", "x-storefront: CA\r\n", [451, 200]),
        (US, "", "x-storefront: US\r\n", [451, 200]),
        (CA, "", "x-storefront: US\r\nx-sim-country: US\r\n", [200, 200]),
    ] {
        let answers = [&any, &own].map(|one| ask(from, one.port, "GET", LISTED, &format!("{address}{lines}")).status);
        assert_eq!(answers, expected, "{from} {address} {lines}");
    }
}

/// A server that refuses everything, as a careless gate does.
fn careless() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 4_096];
            let _asked = client.read(&mut head).is_ok();
            let _told = client.write_all(b"HTTP/1.1 451 No\r\ncontent-length: 0\r\n\r\n").is_ok();
        }
    });
    port
}

#[test]
fn canaries_ask_a_store_for_packages_that_must_be_served() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let own = free_port();
    for (target, is_careless) in [(own, false), (careless(), true)] {
        let canary = format!(
            "[[canary]]\ngate = \"store\"\ntarget = \"127.0.0.1:{target}\"\nfrom = [\"{US}\", \"{CA}\"]\nevery_seconds = 1\n\n[territory]"
        );
        let listen = format!("127.0.0.1:{own}");
        let mut gated = gate(law(|order| order), &nginx.url(), &[("127.0.0.1:0", &listen), ("[territory]", &canary)]);
        gated.serving.hears("6 packages of 4 apps");
        let of = |name: &str| {
            let (_, _, metrics) = gated.serving.get("/metrics");
            let line = format!("interdict_canary_{name}{{gate=\"store\"}} ");
            metrics.lines().find_map(|found| found.strip_prefix(&line)).and_then(|n| n.parse::<u64>().ok())
        };
        // Three packages that are nobody's from either place, and three of the listed app from abroad.
        for _ in 0..600 {
            if of("probes_total") >= Some(9) && of("alarm").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(of("probes_total") >= Some(9));
        assert_eq!((of("alarm"), of("refused_total") > Some(0)), (Some(u64::from(is_careless)), is_careless));
        if is_careless {
            let told = gated.serving.complains("ALARM: store refuses what no order reaches");
            assert!(
                told.contains(&format!("{OTHER} from US")) && told.contains(&format!("{LISTED} from CA")),
                "{told}"
            );
            assert!(!told.contains(&format!("{LISTED} from US")), "{told}");
        }
    }
}

#[test]
fn hostile_and_slow_clients_hurt_nobody_else() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    let long = "a".repeat(9_000);
    for (raw, expected) in [
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), "HTTP/1.1 414"),
        (
            format!("GET {LISTED} HTTP/1.1\r\nhost: x\r\nconnection: close, host, range\r\nrange: bytes=5-\r\n\r\n"),
            "HTTP/1.1 451",
        ),
        (
            format!(
                "GET http://elsewhere.example{LISTED} HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n"
            ),
            "HTTP/1.1 451",
        ),
        (format!("GET {LISTED} HTTP/1.0\r\n\r\n"), "HTTP/1.0 451"),
        (format!("GET {LISTED}%00.png HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), "HTTP/1.1 4"),
        (
            format!(
                "GET {OTHER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"
            ),
            "HTTP/1.1 ",
        ),
        (String::from("GET  HTTP/1.1\r\n\r\n"), "HTTP/1.1 400"),
        (format!("GET {OTHER} HTTP/1.1\r\nhost: x\r\nx: \u{0}\r\n\r\n"), "HTTP/1.1 400"),
        (
            format!("GET {OTHER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(500)),
            "HTTP/1.1 431",
        ),
    ] {
        let mut stream = connect(US, gated.port);
        stream.write_all(raw.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        let _reset = stream.read_to_end(&mut bytes).is_ok();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.starts_with(expected),
            "{}: {}",
            raw.chars().take(90).collect::<String>(),
            text.chars().take(200).collect::<String>()
        );
    }
    // Some that never finish asking, and some that never read what they asked for.
    let idle: Vec<_> = (0..100)
        .map(|n| {
            let mut stream = connect(US, gated.port);
            let head = if n % 2 == 0 {
                "GET /fdroid/repo/notes.tar HTTP/1.1\r\nhost: x\r\n"
            } else {
                "GET /fdroid/repo/notes.tar HTTP/1.1\r\nhost: x\r\n\r\n"
            };
            stream.write_all(head.as_bytes()).expect("sent");
            stream
        })
        .collect();
    assert_eq!((status(US, gated.port, OTHER), status(US, gated.port, LISTED)), (200, 451));
    drop(idle);
}

#[test]
fn in_shadow_nothing_is_refused_and_everything_is_counted() {
    if !has(MAKERS) {
        return;
    }
    let nginx = Nginx::start(&published().folder);
    let gated = gate(law(|order| order), &nginx.url(), &[("mode = \"enforce\"", "mode = \"shadow\"")]);
    for path in [LISTED, DISGUISED, OTHER] {
        assert_eq!(status(US, gated.port, path), 200);
    }
    let (_, _, metrics) = gated.serving.get("/metrics");
    let forbidden = metrics.lines().find(|line| line.contains("outcome=\"shadow\"")).expect("counted");
    assert!(!forbidden.ends_with(" 0"), "{metrics}");
}

#[test]
fn listed_code_under_nobodys_name_is_held_and_never_taken_for_the_app() {
    if !has(MAKERS) {
        return;
    }
    let brook = law(|order| order);
    let world = World::under(&["--corpus", &brook.path().display().to_string()], "brook");
    let folder = &published().folder;
    for (name, from) in [("copy", world.renamed()), ("clean", world.clean())] {
        std::fs::copy(from, folder.join(format!("fdroid/repo/org.example.{name}_1.apk"))).expect("copied");
    }
    let (copy, clean) = ("/fdroid/repo/org.example.copy_1.apk", "/fdroid/repo/org.example.clean_1.apk");
    let nginx = Nginx::start(folder);
    let code = format!("code = \"{}\"", world.store);
    let records = world.store.clone() + "/../decisions.ndjson";
    let records = format!("[records]\nfile = \"{records}\"\n\n[territory]");
    let others = |on_refer: &'static str| {
        [("code = \"shipped\"", code.as_str()), ("on_refer = \"permit\"", on_refer), ("[territory]", records.as_str())]
    };

    let served = gate(law(|order| order), &nginx.url(), &others("on_refer = \"permit\""));
    assert_eq!([copy, clean, LISTED].map(|path| status(US, served.port, path)), [200, 200, 451]);
    assert_eq!(served.serving.stop(), Some(0));

    let held = gate(law(|order| order), &nginx.url(), &others("on_refer = \"refuse\""));
    assert_eq!([copy, clean, OTHER, LISTED].map(|path| status(US, held.port, path)), [451, 200, 200, 451]);
    assert_eq!([copy, clean].map(|path| status(CA, held.port, path)), [200, 200], "the order ends at the border");
    let told = ask(US, held.port, "GET", copy, "accept: application/json\r\n");
    let told: serde_json::Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(told["verdict"], "refer");
    assert!(told["held_for"].as_str().expect("why").starts_with("vendor sdk 1: "), "{told}");
    for accept in ["text/html", "text/plain"] {
        let page = ask(US, held.port, "GET", copy, &format!("accept: {accept}\r\n"));
        assert!(page.text().contains("code of Brook was found in it (vendor sdk 1"), "{}", page.text());
    }
    assert_eq!(held.serving.stop(), Some(0));
    let written = std::fs::read_to_string(format!("{}/../decisions.ndjson", world.store)).expect("records");
    let events: Vec<serde_json::Value> =
        written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let outcomes: Vec<&str> = events
        .iter()
        .filter(|event| event["data"]["found"].to_string().contains("vendor sdk 1"))
        .filter_map(|event| event["data"]["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["refer", "refuse", "permit", "refuse", "refuse", "refuse"], "{written}");
}

#[test]
fn what_cannot_be_cleared_is_served_unless_the_operator_has_it_held() {
    if !has(MAKERS) {
        return;
    }
    let brook = law(|order| order);
    let world = World::under(&["--corpus", &brook.path().display().to_string()], "brook");
    let folder = &published().folder;
    let packages = [
        ("packed", world.clean_with("lib/arm64-v8a/libjiagu.so")),
        ("dart", world.clean_with("lib/arm64-v8a/libapp.so")),
        ("readable", world.clean()),
    ];
    for (name, from) in &packages {
        std::fs::copy(from, folder.join(format!("fdroid/repo/org.example.{name}_1.apk"))).expect("copied");
    }
    let paths = packages.each_ref().map(|(name, _)| format!("/fdroid/repo/org.example.{name}_1.apk"));
    let nginx = Nginx::start(folder);
    let code = format!("code = \"{}\"", world.store);
    let chosen = "# uncleared = \"hold-hidden\"";
    for (uncleared, expected) in [
        (chosen, [200, 200, 200]),
        ("uncleared = \"hold-hidden\"", [451, 200, 200]),
        ("uncleared = \"hold\"", [451, 451, 200]),
    ] {
        let refused = [("code = \"shipped\"", code.as_str()), ("on_refer = \"permit\"", "on_refer = \"refuse\"")];
        let held = gate(law(|order| order), &nginx.url(), &[&refused[..], &[(chosen, uncleared)]].concat());
        assert_eq!(paths.each_ref().map(|path| status(US, held.port, path)), expected, "{uncleared}");
        assert_eq!(paths.each_ref().map(|path| status(CA, held.port, path)), [200; 3], "the order ends at the border");
        let [packed, ..] = &paths;
        if uncleared != chosen {
            let told = ask(US, held.port, "GET", packed, "accept: application/json\r\n");
            let told: serde_json::Value = serde_json::from_slice(&told.body).expect("JSON");
            assert_eq!(told["verdict"], "refer");
            assert!(told["held_for"].as_str().expect("why").contains("360 Jiagu"), "{told}");
            let page = ask(US, held.port, "GET", packed, "accept: text/plain\r\n");
            assert!(page.text().contains("whether code of Brook is in it cannot be told"), "{}", page.text());
        }
    }
}
