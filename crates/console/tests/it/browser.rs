//! The pages in a real browser: rendered, without script, without a word on its console.

use crate::served::{PAGES, shipped};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The browser, if this machine has one. Where `CI` is set its absence is a failure.
fn chromium() -> Option<&'static Path> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no chromium on this machine");
        eprintln!("skipped: no chromium on this machine");
    }
    found
}

/// A profile of its own, removed afterwards.
struct Profile(PathBuf);

impl Drop for Profile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}

fn open(browser: &Path, url: &str, options: &[&str]) -> (String, String) {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    let name = format!("console-browser-{}-{}", std::process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
    let profile = Profile(std::env::temp_dir().join(name));
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--log-level=0", "--timeout=20000"])
        .arg(format!("--user-data-dir={}", profile.0.display()))
        .args(options)
        .args(["--dump-dom", url])
        .output()
        .expect("the browser starts");
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("CONSOLE") || line.contains("Content Security Policy")).collect()
}

#[test]
fn every_page_renders_in_silence() {
    let Some(browser) = chromium() else { return };
    for (path, words) in PAGES {
        let (dom, log) = open(browser, &format!("http://{}{path}", shipped()), &[]);
        for word in *words {
            // In the document as the browser writes it, quotation marks in text are bare.
            let word = word.replace("&quot;", "\"");
            assert!(dom.contains(&word), "{path} shows {word:?}");
        }
        assert_eq!(complaints(&log), Vec::<&str>::new(), "{path}");
    }
}

#[test]
fn the_policy_is_enforced_and_its_breach_is_heard() {
    let Some(browser) = chromium() else { return };
    // The test above is worth something only if a complaint would be seen.
    let page = "data:text/html,<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><p style=color:red>x</p>";
    let (_, log) = open(browser, page, &[]);
    assert!(!complaints(&log).is_empty(), "{log}");
}

#[test]
fn small_and_dark_screens_show_the_same_words() {
    let Some(browser) = chromium() else { return };
    for options in
        [["--window-size=390,800", ""], ["--window-size=1280,900", "--blink-settings=preferredColorScheme=0"]]
    {
        let options: Vec<&str> = options.into_iter().filter(|option| !option.is_empty()).collect();
        let (dom, log) = open(browser, &format!("http://{}/timeline", shipped()), &options);
        assert!(dom.contains("<svg") && dom.contains("The same as a table"));
        assert_eq!(complaints(&log), Vec::<&str>::new());
    }
}
