//! The guides in `docs/`: each command in them works as it is written, one after the other, and what it prints is what the guide
//! says.

use crate::log_service::until;
use crate::program::{Folder, Serving};
use std::path::Path;
use std::process::Command;

/// Where a service listens by itself, as guides write it.
const ADDRESS: &str = "127.0.0.1:8642";

/// A guide that is being followed, in a folder of its own.
struct Reader {
    folder: Folder,
    serving: Option<Serving>,
}

impl Reader {
    /// Types a block of commands into a shell, and returns what it said.
    fn type_in(&mut self, script: &str) -> String {
        if let Some(served) = script.trim_start().strip_prefix("interdict serve ") {
            let words = served.split('#').next().unwrap_or_default().split_whitespace();
            let home = self.folder.path().join("ledger").display().to_string();
            let words: Vec<&str> = words.map(|word| if word == "ledger" { home.as_str() } else { word }).collect();
            self.serving = Some(Serving::start_with(&[], &words));
            return String::new();
        }
        let address = self.serving.as_ref().map_or(ADDRESS, |serving| serving.address.as_str());
        let binary = Path::new(env!("CARGO_BIN_EXE_interdict")).parent().expect("its folder").display().to_string();
        let path = format!("PATH={binary}:$PATH\nset -e\n{}", script.replace(ADDRESS, address));
        let ran = Command::new("sh").arg("-c").arg(path).current_dir(self.folder.path()).output().expect("a shell");
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{script}\nsays:\n{said}");
        if let Some(serving) = self.serving.as_ref().filter(|_| said.contains("log-index: 0")) {
            until("it is published", || serving.get("/log/dec/receipt/0").0 == 200);
        }
        said
    }
}

/// Follows a guide: a block without a language says what the block of commands before it prints, in this order, with what differs
/// from run to run left out (`…`).
fn follow(name: &str) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let guide = std::fs::read_to_string(guide).expect("a guide");
    let mut reader = Reader { folder: Folder::new(), serving: None };
    let (mut said, mut blocks, mut compared) = (String::new(), 0, 0);
    for block in guide.split("\n```").skip(1).step_by(2) {
        if let Some(script) = block.strip_prefix("sh\n") {
            said = reader.type_in(script);
            blocks += 1;
            continue;
        }
        let mut rest = said.as_str();
        for part in block.lines().flat_map(|line| line.split('…')).map(str::trim).filter(|part| !part.is_empty()) {
            let at = rest.find(part);
            let at = at.unwrap_or_else(|| panic!("{name}: `{part}` is not said, or not there, in:\n{said}"));
            rest = rest.get(at + part.len()..).unwrap_or_default();
            compared += 1;
        }
    }
    assert!(blocks >= 5 && compared >= 10, "{name}: {blocks} blocks, {compared} lines");
    if let Some(serving) = reader.serving {
        assert_eq!(serving.stop(), Some(0));
    }
}

#[test]
fn the_guide_to_the_log_can_be_followed_as_it_stands() {
    follow("log.md");
}

#[test]
fn the_guide_to_attestations_can_be_followed_as_it_stands() {
    follow("attestations.md");
}
