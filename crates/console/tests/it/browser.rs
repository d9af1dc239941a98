//! The pages in a real browser: rendered, without a word on its console; and the receipt of a decision checked by it.

use crate::receipts::{CHANGED, WITHHELD, kept, sound};
use crate::served::{PAGES, get, shipped};
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

/// Tells the page around it what reaches beyond the right edge of the frame. What may be scrolled does so.
const CUT_OFF: &str = "<script>const beyond = [...document.querySelectorAll('header *, main *')].filter(one => \
    one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.picture') && (one.closest('.cards') || !one.closest('.scroll')));\
    parent.document.getElementById('cut-off').textContent =\
    innerWidth + ': ' + beyond.map(one => one.tagName + ' ' + one.textContent.slice(0, 40)).join('; ');</script></body>";

#[test]
fn a_small_screen_cuts_nothing_off() {
    let Some(browser) = chromium() else { return };
    let (_, _, css) = get(shipped(), "/console.css");
    let pages = [
        "/",
        "/timeline?app=tiktok",
        "/ask",
        "/orders",
        "/orders/us-pafaca",
        "/subjects",
        "/subjects/tiktok",
        "/decisions",
        "/decisions/5",
        "/conditions",
        "/conditions/us-doc-wechat-id/mitigation",
    ];
    for (n, path) in pages.into_iter().enumerate() {
        // The page in a frame as wide as a telephone, with a script that the policy of the console would not let run.
        let (_, _, page) = get(shipped(), path);
        let page = page.replace("<link rel=\"stylesheet\" href=\"/console.css\">", &format!("<style>{css}</style>"));
        let page = page.replace("</body>", CUT_OFF).replace('&', "&amp;").replace('"', "&quot;");
        let around = format!(
            "<!DOCTYPE html><p id=cut-off></p><iframe style=\"border:0\" width=375 height=800 srcdoc=\"{page}\"></iframe>"
        );
        let file = std::env::temp_dir().join(format!("console-small-{}-{n}.html", std::process::id()));
        std::fs::write(&file, around).expect("written");
        let (dom, _) = open(browser, &format!("file://{}", file.display()), &["--virtual-time-budget=20000"]);
        std::fs::remove_file(&file).expect("removed");
        let told = dom.split("id=\"cut-off\">").nth(1).and_then(|rest| rest.split("</p>").next());
        assert_eq!(told, Some("375: "), "{path}");
    }
}

/// The checks a page shows once its script has run: what each is about, and how it came out.
fn checked(browser: &Path, url: &str) -> (String, Vec<(String, String)>, String) {
    // A page is written out when it is quiet; time that is not real passes until then.
    let (dom, log) = open(browser, url, &["--virtual-time-budget=20000"]);
    assert_eq!(complaints(&log), Vec::<&str>::new(), "{url}");
    let verdict = dom.split("id=\"verdict\"").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap_or_default();
    let list = dom.split("id=\"checks\"").nth(1).and_then(|rest| rest.split("</ol>").next()).unwrap_or_default();
    let check = |item: &str| {
        let result = item.split("data-result=\"").nth(1)?.split('"').next()?;
        let name = item.split("<strong>").nth(1)?.split("</strong>").next()?;
        Some((name.to_owned(), result.to_owned()))
    };
    (verdict.to_owned(), list.split("<li ").filter_map(check).collect(), dom)
}

/// What is found of a sound receipt on an altered page, with `before` and `after` around the script of the console: the
/// verdict, and the checks.
fn altered(browser: &Path, alter: impl Fn(String) -> String, before: &str, after: &str) -> (String, String) {
    static ALTERED: AtomicU32 = AtomicU32::new(0);
    let script = get(shipped(), "/decision.js").2;
    let page = alter(get(shipped(), "/decisions/5").2).replace(
        "<script src=\"/decision.js\" defer=\"defer\"></script>",
        &format!("<script>{before}{script}{after}</script>"),
    );
    let name = format!("console-altered-{}-{}.html", std::process::id(), ALTERED.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, page).expect("written");
    let (dom, _) = open(browser, &format!("file://{}", file.display()), &["--virtual-time-budget=20000"]);
    std::fs::remove_file(&file).expect("removed");
    let part = |id: &str, end: &str| dom.split(id).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or_default();
    (part("id=\"verdict\"", "</p>").to_owned(), part("id=\"checks\"", "</ol>").to_owned())
}

#[test]
fn what_is_typed_over_what_was_checked_counts_for_what_it_is() {
    let Some(browser) = chromium() else { return };
    let typed = |value: &str| {
        let later = format!("setTimeout(() => {{ element('witnesses').value = {value}; check(); }}, 2000);");
        altered(browser, |page| page, "", &later)
    };
    let (verdict, checks) = typed("element('witnesses').value + '\\n' + element('witnesses').value");
    assert!(verdict.contains("data-result=\"pass\""), "{verdict}\n{checks}");
    assert!(checks.contains("2 of 2 named witnesses signed"), "one that is named twice is one: {checks}");
    let (verdict, checks) = typed("element('key').value");
    assert!(verdict.contains("data-result=\"pass\"") && checks.contains("0 of 1 named witnesses signed"), "{checks}");
    // A browser in which a check breaks off has not checked.
    let broken = "fieldHolds = () => { throw new Error('no memory'); }; check();";
    let (verdict, checks) = altered(browser, |page| page, "", &format!("setTimeout(() => {{ {broken} }}, 2000);"));
    assert!(verdict.contains("data-result=\"unchecked\"") && checks.contains("no memory"), "{verdict}\n{checks}");
    // The bytes of an entry are those of the one encoding it has.
    let longer = |page: String| page.replace("data-entry=\"860118", "data-entry=\"86180118");
    let (_, checks) = altered(browser, longer, "", "");
    assert!(!checks.contains("say what this page says"), "{checks}");
}

#[test]
fn a_browser_checks_a_receipt_and_says_what_it_checked() {
    let Some(browser) = chromium() else { return };
    let (verdict, checks, dom) = checked(browser, &format!("http://{}/decisions/5", shipped()));
    assert!(verdict.contains("this decision is in the log as shown"), "{verdict}\n{dom}");
    let passed = |name: &str| checks.contains(&(name.to_owned(), String::from("pass")));
    for name in ["The entry", "In the log", "The log's signature", "Witness a.example/witness", "Witnesses"] {
        assert!(passed(name), "{name}: {checks:?}");
    }
    assert!(passed("What was decided"), "{checks:?}");
    assert!(dom.contains("act, resource, actor, place, outcome, law, record: as they were committed to"), "{dom}");
    assert!(checks.iter().all(|(_, result)| result == "pass"), "{checks:?}");
    // A browser that knows no Ed25519 has checked no signature, and does not say that it has.
    let unknown = "crypto.subtle.importKey = () => Promise.reject(new Error('unknown'));";
    let (verdict, dom) = altered(browser, |page| page, unknown, "");
    assert!(verdict.contains("data-result=\"unchecked\"") && verdict.contains("Not checked"), "{verdict}\n{dom}");
    // Without what it was about, the receipt is checked all the same.
    let (_, withheld, _) = checked(browser, &format!("http://{}/decisions/{WITHHELD}", shipped()));
    assert_eq!(withheld.len(), checks.len() - 1, "{withheld:?}");
    assert!(withheld.iter().all(|(_, result)| result == "pass"), "{withheld:?}");
}

#[test]
fn a_browser_finds_what_was_changed_in_a_receipt_and_nothing_else() {
    let Some(browser) = chromium() else { return };
    for (number, what) in CHANGED {
        let (verdict, checks, dom) = checked(browser, &format!("http://{}/decisions/{number}", shipped()));
        assert!(verdict.contains("data-result=\"fail\"") && verdict.contains("NOT"), "{number}: {verdict}\n{dom}");
        let failed: Vec<&str> =
            checks.iter().filter(|(_, result)| result == "fail").map(|(name, _)| name.as_str()).collect();
        // Whoever changes the root changes what is signed; whoever changes the commitment, what fields lead to.
        match number {
            101 => assert!(failed.contains(what) && failed.contains(&"The log's signature"), "{number}: {failed:?}"),
            102 => assert!(failed.contains(what) && failed.contains(&"Field outcome"), "{number}: {failed:?}"),
            _ => assert_eq!(failed, [*what], "{number}"),
        }
        if *number == 104 {
            assert!(dom.contains("the checkpoint of <code>log.example/"), "what is to be typed is marked: {dom}");
        }
    }
}

#[test]
fn what_is_pasted_is_checked_against_the_commitment() {
    let Some(browser) = chromium() else { return };
    let (status, head, script) = get(shipped(), "/decision.js");
    assert!(status == 200 && head.contains("text/javascript"), "{head}");
    // A page of the test's own, with the script of the console and hands that paste.
    let shown = kept()["disclosure"].to_string();
    let told = |disclosure: &str| {
        let (value, entry) = (serde_json::Value::from(disclosure).to_string(), sound().entry);
        let page = format!(
            "<!DOCTYPE html><p id=verdict></p><ol id=checks></ol><textarea id=disclosure></textarea><p id=disclosed></p>\
             <div id=decision data-entry={entry}></div><script>{script}</script><script>\
             element('disclosure').value = {value}; disclose();</script>"
        );
        let folder = std::env::temp_dir().join(format!("console-paste-{}.html", std::process::id()));
        std::fs::write(&folder, page).expect("written");
        let (dom, _) = open(browser, &format!("file://{}", folder.display()), &["--virtual-time-budget=20000"]);
        std::fs::remove_file(&folder).expect("removed");
        let said = dom.split("id=\"disclosed\"").nth(1).and_then(|rest| rest.split("</p>").next());
        said.unwrap_or_default().to_owned()
    };
    let sound = told(&shown);
    assert!(sound.contains("data-result=\"pass\"") && sound.contains("outcome: {"), "{sound}");
    for (change, to) in [("permit", "forbid"), ("outcome", "act"), ("\"path\"", "\"paths\"")] {
        let other = told(&shown.replace(change, to));
        assert!(other.contains("data-result=\"fail\""), "{change}: {other}");
    }
}
