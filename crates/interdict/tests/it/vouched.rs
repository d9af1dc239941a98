//! An agent that applies only law somebody vouches for: tables follow what is signed, and nothing that was put into the
//! folder besides, taken out of it, or put back.

use crate::program::{Folder, run};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ORDER: &str = r#"instrument zz {
  title "An order" ; jurisdiction US ; rank agency ; authority "An agency" ; zone UTC
  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source "https://example.org/"
  prohibit 1 from 2020-01-01 { app brook ; act host.provide ; actor business ; users-in US }
}
"#;
const SUBJECT: &str = r#"app brook { name "Brook" ; domain brook.example ; domain rivulet.example
  evidence seen ; source "https://example.org/" }
"#;

struct Desk {
    folder: Folder,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("law/orders/zz.order", ORDER);
        folder.write("law/subjects/brook.subject", SUBJECT);
        let settings =
            "[edge]\nblocked_by = \"https://host.example/\"\n\n[[maps]]\nfor = \"squid\"\nfolder = \"tables\"\n";
        folder.write("interdict.toml", settings);
        let key = Self::new_key(&folder, "law.key");
        Self { folder, key }
    }

    fn new_key(folder: &Folder, file: &str) -> String {
        let path = folder.path().join(file).display().to_string();
        let made = run(&["log", "key", "law.example/orders", "--output", &path], b"");
        assert_eq!(made.code, 0, "{}", made.err);
        made.out.trim().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn law(&self) -> String {
        self.path("law").display().to_string()
    }

    /// Vouches for what is there; what was told of that.
    fn vouch(&self, key: &str) -> serde_json::Value {
        let ran =
            run(&["--corpus", &self.law(), "vouch", "--json", "--key", &self.path(key).display().to_string()], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()
    }

    fn words(&self) -> Vec<String> {
        let settings = self.path("interdict.toml").display().to_string();
        ["--corpus", &self.law(), "--corpus-key", &self.key, "agent", "--settings", &settings]
            .map(str::to_owned)
            .to_vec()
    }

    /// What the agent says when it writes the tables once.
    fn written(&self) -> (i32, String) {
        let words = self.words();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--write");
        let ran = run(&words, b"");
        (ran.code, ran.err)
    }

    fn table(&self) -> String {
        std::fs::read_to_string(self.path("tables/hosts.map")).unwrap_or_default()
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(path.with_extension("new"), text).expect("written");
        std::fs::rename(path.with_extension("new"), path).expect("in place");
    }
}

#[test]
fn nothing_is_applied_that_nobody_vouches_for() {
    let desk = Desk::new();
    let (code, told) = desk.written();
    assert_eq!((code, desk.table().as_str()), (2, ""), "{told}");
    assert!(told.contains("law.note: No such file") && told.contains("`law.example/orders` vouches for"), "{told}");
    let told = desk.vouch("law.key");
    assert_eq!((&told["file"], &told["key"]), (&format!("{}/law.note", desk.law()).into(), &desk.key.as_str().into()));
    assert!(told["files"].as_u64() > Some(0) && told["edition"].is_string() && told["at"].is_string(), "{told}");
    assert_eq!(desk.written(), (0, String::new()));
    assert!(desk.table().contains("brook.example/US"), "{}", desk.table());
    let kept = desk.table();
    let note = std::fs::read_to_string(desk.path("law/law.note")).expect("the note");
    for (file, text, told) in [
        (
            "law/orders/zz.order",
            ORDER.replace("users-in US", "users-in any"),
            "are not those that `law.example/orders` vouched",
        ),
        ("law/orders/more.order", ORDER.replace("zz", "yy"), "are not those that `law.example/orders` vouched"),
        (
            "law/law.note",
            note.replace("\n17", "\n18"),
            "a signature in the name of `law.example/orders` is not of that key",
        ),
        ("law/law.note", note.replace("interdict law", "interdict low"), "is not of that key"),
        ("law/law.note", String::from("nonsense"), "no blank line"),
    ] {
        let before = std::fs::read_to_string(desk.path(file)).ok();
        desk.put(file, &text);
        let (code, said) = desk.written();
        assert_eq!((code, desk.table() == kept), (2, true), "{file}: {said}");
        assert!(said.contains(told), "{file}: {said}");
        match before {
            Some(before) => desk.put(file, &before),
            None => std::fs::remove_file(desk.path(file)).expect("gone"),
        }
    }
    assert_eq!(desk.written(), (0, String::new()));
    // A file less is another law, too.
    std::fs::remove_file(desk.path("law/orders/zz.order")).expect("gone");
    assert_eq!((desk.written().0, desk.table() == kept), (2, true));
    desk.put("law/orders/zz.order", ORDER);
    // The same name, and another key.
    Desk::new_key(&desk.folder, "stranger.key");
    desk.vouch("stranger.key");
    let (code, told) = desk.written();
    assert!(code == 2 && told.contains("it is not signed by `law.example/orders`"), "{told}");
}

/// An agent that runs, and what it complains of.
struct Agent(Child, BufReader<std::process::ChildStderr>);

impl Agent {
    fn complains(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.1.read_line(&mut line).expect("readable") > 0, "it ended without complaining of {words}");
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not in time: {what}");
}

#[test]
fn a_running_agent_follows_what_is_signed_and_takes_no_older_law() {
    let desk = Desk::new();
    desk.vouch("law.key");
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(desk.words())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let complaints = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut agent = Agent(child, complaints);
    until("the first tables", || desk.table().contains("brook.example/US"));
    let (kept, old) = (desk.table(), std::fs::read(desk.path("law/law.note")).expect("the note"));
    // Somebody takes a name off the list.
    let shorter = SUBJECT.replace("domain brook.example ; ", "");
    desk.put("law/subjects/brook.subject", &shorter);
    agent.complains("are not those that `law.example/orders` vouched for");
    assert_eq!(desk.table(), kept);
    // The instants of notes are whole seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    desk.vouch("law.key");
    until("what is signed is applied", || !desk.table().contains(".brook.example/US"));
    assert!(desk.table().contains("rivulet.example/US"), "{}", desk.table());
    // Both the old files and the old note: everything is signed, and the law in force is newer.
    let kept = desk.table();
    desk.put("law/subjects/brook.subject", SUBJECT);
    std::fs::write(desk.path("law/law.note"), old).expect("written");
    agent.complains("before the law in force");
    assert_eq!(desk.table(), kept);
    assert!(Path::new(&desk.path("tables/places.map")).exists());
}
