//! Packages too long to hold: sparse files of hundreds of megabytes and of some gigabytes behind the gate, at repositories
//! with and without ranges; and how often the repository is asked.

use crate::program::Folder;
use crate::repository::{CA, MAKERS, Nginx, US, ask, free_port, get, has, published, run};
use crate::store::{gate, law};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longer than what is read whole.
const LONG: u64 = 600 << 20;
/// Where the numbers of the plain format end.
const LONGER: u64 = 5 << 30;

/// Writes a package with a hole of zeros before its signing block, which takes no room on a disk. Where an offset needs
/// it, the archive ends as ZIP64 does.
fn grow(from: &Path, to: &Path, hole: u64) {
    let program = "import sys, struct\n\
        b = open(sys.argv[1], 'rb').read(); hole = int(sys.argv[3])\n\
        e = b.rfind(b'PK\\x05\\x06'); n, = struct.unpack_from('<H', b, e + 10); size, start = struct.unpack_from('<II', b, e + 12)\n\
        block = struct.unpack_from('<Q', b, start - 24)[0] + 8 if b[start - 16:start] == b'APK Sig Block 42' else 0\n\
        o = open(sys.argv[2], 'wb'); o.write(b[:start - block]); o.seek(hole, 1); o.write(b[start - block:start + size])\n\
        at = start + hole\n\
        if at > 0xfffffffe:\n\
        \x20   o.write(b'PK\\x06\\x06' + struct.pack('<QHHIIQQQQ', 44, 45, 45, 0, 0, n, n, size, at))\n\
        \x20   o.write(b'PK\\x06\\x07' + struct.pack('<IQI', 0, at + size, 1)); at = 0xffffffff\n\
        o.write(b'PK\\x05\\x06' + struct.pack('<HHHHIIH', 0, 0, n, n, size, at, 0)); o.close()\n";
    let (from, to) = (from.display().to_string(), to.display().to_string());
    run(Path::new("/"), "python3", &["-c", program, &from, &to, &hole.to_string()]);
}

/// Long packages below `fdroid/files`.
fn long() -> Folder {
    let (folder, repo) = (Folder::new(), published().folder.join("fdroid/repo"));
    let files = folder.path().join("fdroid/files");
    std::fs::create_dir_all(&files).expect("a folder");
    let (listed, other) = (repo.join("com.example.brook_101.apk"), repo.join("org.example.notes_1.apk"));
    grow(&listed, &files.join("renamed.apk"), LONG);
    grow(&repo.join("org.example.stream_1.apk"), &files.join("disguised"), LONG);
    grow(&listed, &files.join("zip64.apk"), LONGER);
    grow(&other, &files.join("notes.apk"), LONG);
    grow(&other, &files.join("notes64.apk"), LONGER);
    // One whose end is torn off, which no device installs, and which is one byte away from one that does.
    std::fs::copy(files.join("renamed.apk"), files.join("cut.apk")).expect("copied");
    let cut = std::fs::OpenOptions::new().write(true).open(files.join("cut.apk")).expect("a file");
    cut.set_len(cut.metadata().expect("a length").len() - 10).expect("cut");
    // A bundle that holds it beside a large part of a game.
    let program = "import sys, zipfile\n\
        z = zipfile.ZipFile('bundle.xapk', 'w'); z.write(sys.argv[1], 'base.apk'); z.close()\n";
    run(&files, "python3", &["-c", program, &listed.display().to_string()]);
    grow(&files.join("bundle.xapk"), &files.join("game.xapk"), LONG);
    folder
}

const LISTED: [&str; 5] = ["renamed.apk", "disguised", "zip64.apk", "cut.apk", "game.xapk"];
const OTHERS: [&str; 2] = ["notes.apk", "notes64.apk"];

/// The status of the whole file and of a part of it, without its bytes.
fn both(from: std::net::Ipv4Addr, port: u16, name: &str) -> (u16, u16) {
    let path = format!("/fdroid/files/{name}");
    (ask(from, port, "HEAD", &path, "").status, ask(from, port, "GET", &path, "range: bytes=100-199\r\n").status)
}

#[test]
fn a_package_of_any_length_is_known_by_what_it_says() {
    if !has(MAKERS) {
        return;
    }
    let folder = long();
    let nginx = Nginx::start(folder.path());
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    for name in LISTED {
        assert_eq!(both(US, gated.port, name), (451, 451), "{name}");
        assert_eq!(both(CA, gated.port, name), (200, 206), "{name}");
    }
    for name in OTHERS {
        assert_eq!(both(US, gated.port, name), (200, 206), "{name}");
        let length = |port| ask(US, port, "HEAD", &format!("/fdroid/files/{name}"), "").header("content-length");
        assert_eq!(length(gated.port), length(nginx.port), "{name}");
    }
    let told = get(US, gated.port, "/fdroid/files/zip64.apk");
    assert_eq!((told.status, told.header("interdict-order").as_str()), (451, "example-order:1(a)"));
}

#[test]
fn a_repository_without_ranges_has_long_packages_fetched_to_disk() {
    if !has(MAKERS) {
        return;
    }
    let folder = long();
    let nginx = Nginx::without_ranges(folder.path());
    assert_eq!(ask(US, nginx.port, "GET", "/fdroid/files/bundle.xapk", "range: bytes=0-9\r\n").status, 200);
    let gated = gate(law(|order| order), &nginx.url(), &[]);
    let head = |from, name: &str| ask(from, gated.port, "HEAD", &format!("/fdroid/files/{name}"), "").status;
    for name in ["renamed.apk", "cut.apk"] {
        assert_eq!((head(US, name), head(CA, name)), (451, 200), "{name}");
    }
    assert_eq!(head(US, "notes.apk"), 200);
    drop(gated);
    // With no room for them nobody knows what they are: that is neither a refusal nor served.
    let nowhere = "place = \"address\"\nspool = \"/nowhere/at/all\"";
    let gated = gate(law(|order| order), &nginx.url(), &[("\nplace = \"address\"", &format!("\n{nowhere}"))]);
    for name in ["renamed.apk", "notes.apk"] {
        let told = get(US, gated.port, &format!("/fdroid/files/{name}"));
        assert_eq!(told.status, 503, "{name}");
        assert!(told.text().contains("/nowhere/at/all: No such file"), "{}", told.text());
        assert!(!told.header("retry-after").is_empty());
    }
    assert_eq!(get(US, gated.port, "/fdroid/files/bundle.xapk").status, 451, "what can be held is known as before");
}

/// A repository of one package, without validators; and how often it was asked for it.
fn counting(bytes: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let port = free_port();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let (asked, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(bytes));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (asked, bytes) = (Arc::clone(&asked), Arc::clone(&counted));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                while let Some(Ok(first)) = lines.next() {
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                    let is_package = first.starts_with("GET /fdroid/files/");
                    asked.fetch_add(usize::from(is_package), Ordering::Relaxed);
                    let (status, body) = if is_package { ("200 OK", &bytes[..]) } else { ("404 Not Found", &b""[..]) };
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                    if (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, count)
}

#[test]
fn what_is_judged_is_what_is_served_and_was_fetched_once() {
    if !has(MAKERS) {
        return;
    }
    let bytes = std::fs::read(published().folder.join("fdroid/repo/org.example.notes_2.apk")).expect("the package");
    let (port, asked) = counting(bytes.clone());
    let gated = gate(law(|order| order), &format!("http://127.0.0.1:{port}/fdroid/repo"), &[]);
    for n in 1..4 {
        let answer = get(US, gated.port, "/fdroid/files/notes.apk");
        assert_eq!((answer.status, answer.body == bytes), (200, true));
        assert_eq!(asked.load(Ordering::Relaxed), n, "the file may be another each time, and is looked into each time");
    }
}
