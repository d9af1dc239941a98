//! The store while its gate is away: nginx in front, with the example's configuration, refuses by the gate's last tables what
//! an order reaches, to its own end, and serves the rest.

use crate::program::Folder;
use crate::repository::{
    CA, EXAMPLE, HIDDEN, MAKERS, NOWHERE, Nginx, PR, US, ask, free_port, get, has, published, wait_for,
};
use crate::store::{Gated, gate, law, now, status, written};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LISTED: &str = "/fdroid/repo/com.example.brook_101.apk";
const DISGUISED: &str = "/fdroid/repo/org.example.stream_1.apk";
const LOOK_ALIKE: &str = "/fdroid/repo/com.example.brooks_1.apk";
const OTHER: &str = "/fdroid/repo/org.example.notes_2.apk";
const INDEX: &str = "/fdroid/repo/index-v2.json";

/// nginx in front of a gate that may go away.
struct Front {
    child: Child,
    port: u16,
}

impl Front {
    fn start(folder: &Path, gate: u16, repository: u16) -> Self {
        let port = free_port();
        let mut conf = std::fs::read_to_string(format!("{EXAMPLE}/front.nginx.conf")).expect("the example");
        for (set, own) in [("8643", gate), ("8080", repository), ("8880", port)] {
            let (set, own) = (format!("127.0.0.1:{set}"), format!("127.0.0.1:{own}"));
            assert!(conf.contains(&set));
            conf = conf.replace(&set, &own);
        }
        std::fs::write(folder.join("front.nginx.conf"), conf).expect("written");
        std::fs::create_dir_all(folder.join("tmp")).expect("a folder");
        let child = nginx(folder).stderr(Stdio::null()).spawn().expect("nginx starts");
        wait_for(port);
        Self { child, port }
    }
}

fn nginx(folder: &Path) -> Command {
    let mut nginx = Command::new(if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" });
    nginx.args(["-p", &folder.display().to_string(), "-c", "front.nginx.conf"]);
    nginx
}

impl Drop for Front {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()));
        self.child.wait().expect("it ends");
    }
}

/// The example's gate with tables in `folder`, and nginx in front of it.
fn fronted(order: impl Fn(String) -> String, folder: &Path, repository: &Nginx) -> (Gated, Front) {
    let example = std::fs::read_to_string(format!("{EXAMPLE}/interdict.toml")).expect("the example");
    let (_, rest) = example.split_once("# [store.standby]").expect("it shows how");
    let (lines, _) = rest.split_once("\n\n").expect("it ends");
    let shown = format!("# [store.standby]{lines}");
    let own = shown.replace("# ", "").replace("\"standby\"", &format!("\"{}/standby\"", folder.display()));
    let program = nginx(folder).get_program().to_string_lossy().into_owned();
    let own = own.replace("\"nginx\"", &format!("\"{program}\""));
    let own = own.replace("\".\"", &format!("\"{}\"", folder.display()));
    let mut gated = gate(law(order), &repository.url(), &[(&shown, &own)]);
    gated.serving.hears("6 packages of 4 apps");
    for _ in 0..400 {
        if folder.join("standby/places.geo").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let front = Front::start(folder, gated.port, repository.port);
    (gated, front)
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..800 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("not within 20 s: {what}");
}

const FROM: [(Ipv4Addr, u16); 5] = [(US, 451), (PR, 451), (CA, 200), (HIDDEN, 200), (NOWHERE, 200)];

#[test]
fn a_store_whose_gate_is_killed_refuses_what_is_listed_and_serves_the_rest() {
    if !has(MAKERS) {
        return;
    }
    let (repository, folder) = (Nginx::start(&published().folder), Folder::new());
    let (gated, front) = fronted(|order| order, folder.path(), &repository);
    let mut gate = Some(gated);
    for is_away in [false, true] {
        if is_away {
            drop(gate.take());
        }
        for (from, listed) in FROM {
            for path in [LISTED, DISGUISED, "/fdroid/./repo//%63om.example.brook_101.apk?x=1"] {
                assert_eq!(status(from, front.port, path), listed, "away {is_away}: {from} {path}");
            }
            for path in [LOOK_ALIKE, OTHER, INDEX, "/fdroid/repo/icons/icon.png", "/fdroid/repo/notes.tar"] {
                let got = get(from, front.port, path);
                assert_eq!(got.status, 200, "away {is_away}: {from} {path}");
                assert_eq!(got.body, get(from, repository.port, path).body, "{path}");
            }
        }
        let forged = ask(US, front.port, "GET", LISTED, "x-forwarded-for: 127.2.0.1\r\nx-storefront: CA\r\n");
        assert_eq!(forged.status, 451, "away {is_away}: what a client says of itself is not believed");
        let refused = get(US, front.port, LISTED);
        assert_eq!(refused.header("interdict-order"), "example-order:1(a)");
        assert_eq!(refused.header("cache-control"), "private, no-store");
        assert!(refused.header("link").contains("rel=\"blocked-by\""));
        // What nobody knows is neither served nor refused.
        let unknown = get(CA, front.port, "/fdroid/repo/nothing.apk").status;
        assert_eq!(unknown, if is_away { 503 } else { 404 });
        let ranged = ask(US, front.port, "GET", OTHER, "range: bytes=10-19\r\n");
        assert_eq!((ranged.status, ranged.body.len()), (206, 10), "away {is_away}");
    }
}

#[test]
fn a_refusal_begins_and_ends_by_the_clock_of_the_proxy() {
    if !has(MAKERS) {
        return;
    }
    let (repository, folder) = (Nginx::start(&published().folder), Folder::new());
    let (begins, ends) = (now() + 12, now() + 16);
    let dated = |order: String| {
        order
            .replace("from 2020-02-01T00:00", &format!("from {}", written(begins)))
            .replace("until 2099-01-01T00:00", &format!("until {}", written(ends)))
    };
    let (gated, front) = fronted(dated, folder.path(), &repository);
    assert!(now() < begins - 1, "the machine is too slow for this test");
    drop(gated);
    let mut seen = Vec::new();
    while now() < ends + 2 {
        let before = now();
        let got = status(US, front.port, LISTED);
        if now() == before {
            seen.push((before, got));
        }
        assert_eq!(status(CA, front.port, LISTED), 200);
        std::thread::sleep(Duration::from_millis(100));
    }
    for (at, got) in &seen {
        let expected = if (begins..ends).contains(at) { 451 } else { 200 };
        assert_eq!(*got, expected, "at {at}, in force from {begins} until {ends}: {seen:?}");
    }
    assert!([begins - 1, begins, ends - 1, ends].iter().all(|at| seen.iter().any(|(seen, _)| seen == at)), "{seen:?}");
}

#[test]
fn the_tables_follow_the_law() {
    if !has(MAKERS) {
        return;
    }
    let (repository, folder) = (Nginx::start(&published().folder), Folder::new());
    let (gated, front) = fronted(|order| order, folder.path(), &repository);
    let tables = folder.path().join("standby/packages.conf");
    let refuses = || std::fs::read_to_string(&tables).is_ok_and(|text| text.contains("example-order:1(a)"));
    assert!(refuses());
    let stay = r#"
instrument example-stay {
  title "Stay"; cite "No. 2"; jurisdiction US; rank court; authority "A court"
  zone UTC; issued 2020-02-02; public 2020-02-02; evidence seen; source "https://example.org/stays/2"
  suspend 1 from 2020-02-02 { target example-order }
}
"#;
    gated.law.write("orders/stay.order", stay);
    until("the stay is in the tables", || !refuses());
    std::thread::sleep(Duration::from_millis(500));
    drop(gated);
    assert_eq!(status(US, front.port, LISTED), 200, "nothing refuses what a court has stayed");
}
