//! A past period judged again: real orders, made-up requests.

use crate::program::{Folder, run};
use serde_json::Value;

/// Requests around the Sunday on which the WeChat list was to begin and was stayed, and around January 2025.
const LOG: &str = r#"8.8.8.8 - - [21/Sep/2020:12:00:00 -0400] "GET /fdroid/repo/com.tencent.mm_1800.apk HTTP/1.1" 200 10
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 200 10 "-" "F-Droid"
8.8.8.8 - - [19/Jan/2025:13:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 206 10 "-" "F-Droid"
24.48.0.1 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 200 10
127.0.0.1 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 200 10
8.8.8.8 - - [10/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 200 10
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 451 10
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "HEAD /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1" 200 10
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/com.zhiliaoapp.musicallyx_100.apk HTTP/1.1" 200 10
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/org.example.notes_1.apk HTTP/1.1" 200 10
{"remote_addr":"8.8.8.8","time_iso8601":"2025-01-19T12:00:00-05:00","request":"GET /fdroid/repo/com.zhiliaoapp.musically_100.apk HTTP/1.1","status":200}
8.8.8.8 - - [19/Jan/2025:12:00:00 -0500] "GET /fdroid/repo/index-v2.json HTTP/1.1" 200 10
nothing
"#;

fn parsed(known: &str) -> Value {
    let ran = run(&["replay", "store", "-", "--json", "--known-at", known], LOG.as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn a_log_says_what_would_have_been_refused_to_whom_and_why() {
    let report = parsed("then");
    for (member, expected) in [
        ("lines", 13),
        ("unreadable", 1),
        ("refused", 3),
        ("referred", 1),
        ("permitted", 3),
        ("untouched", 2),
        ("refused_already", 1),
        ("others", 2),
    ] {
        assert_eq!(report[member], expected, "{member}: {report:#}");
    }
    let refused = &report["parts"][0];
    assert_eq!((refused["app"].as_str(), refused["place"].as_str()), (Some("tiktok"), Some("US")));
    assert_eq!(refused["provisions"][0], "us-pafaca:2(a)(1)(A)");
    assert_eq!(refused["days"]["2025-01-19"], 3);
    let parts = report["parts"].as_array().expect("parts");
    let place = |code: &str| parts.iter().find(|part| part["place"] == code && part["app"] == "tiktok");
    assert_eq!(place("CA").expect("abroad")["verdict"], "permit");
    assert_eq!(place("not known (placeless)").expect("nowhere")["verdict"], "refer");

    // What later law says of the same days is another question, with another answer.
    let today = parsed("now");
    assert_ne!(today["parts"], report["parts"]);
    let before = parsed("2020-01-01T00:00:00Z");
    assert_eq!((before["refused"].as_u64(), before["permitted"].as_u64()), (Some(0), Some(7)), "{before:#}");
}

#[test]
fn the_table_and_the_page_say_the_same() {
    let folder = Folder::new();
    let log = folder.write("access.log", LOG);
    let page = folder.path().join("report.html").display().to_string();
    let ran = run(&["replay", "store", &log, "--html", &page], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("3  would have been refused") && ran.out.contains("us-pafaca:2(a)(1)(A)"), "{}", ran.out);
    let page = std::fs::read_to_string(page).expect("written");
    assert!(page.contains("<svg") && page.contains("us-pafaca:2(a)(1)(A)") && !page.contains("8.8.8.8"), "{page}");
    let rects = page.matches("<rect").count();
    assert!(rects >= 4, "{rects} bars");
}

#[test]
fn what_is_no_log_is_refused() {
    let ran = run(&["replay", "store", "-"], b"not\na log\n");
    assert!(ran.code == 2 && ran.err.contains("none of its 2 lines"), "{}", ran.err);
    let ran = run(&["replay", "store", "/nonexistent.log"], b"");
    assert!(ran.code == 2 && ran.err.contains("/nonexistent.log"), "{}", ran.err);
    let ran = run(&["replay", "store", "-", "--known-at", "yesterday"], LOG.as_bytes());
    assert!(ran.code == 2 && ran.err.contains("`then` or `now`"), "{}", ran.err);
}
