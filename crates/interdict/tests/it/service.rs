//! The service on a real socket: AuthZEN, bad requests, law reloaded under load, and an orderly end.

use crate::log_service::until;
use crate::program::{Folder, Serving};
use serde_json::{Value, json};
use std::time::Duration;

fn question(app: &str, at: &str) -> Value {
    json!({
        "subject": { "type": "business", "id": "a-store", "properties": { "role": "app-store" } },
        "action": { "name": "app.distribute" },
        "resource": { "type": "app", "id": app },
        "context": { "valid_at": at, "place": "US", "facts": { "form": "mobile" } },
    })
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn questions_are_answered_as_authzen_says() {
    let serving = Serving::start(&[]);
    let (status, head, body) =
        serving.post("/access/v1/evaluation", question("wechat", "2020-09-21T12:00:00-04:00").to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("x-request-id: r-7") && head.contains("application/json"), "{head}");
    let answer = parsed(&body);
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["status"], "stayed");
    assert_eq!(answer["context"]["until"], "2021-06-09T14:23:36Z");
    let edition = answer["context"]["law"]["edition"].as_str().expect("an edition").to_owned();

    let (_, _, body) = serving.get("/.well-known/authzen-configuration");
    let base = format!("http://{}", serving.address);
    assert_eq!(parsed(&body)["access_evaluation_endpoint"], format!("{base}/access/v1/evaluation"));
    assert_eq!(parsed(&body)["access_evaluations_endpoint"], format!("{base}/access/v1/evaluations"));
    let (_, _, body) = serving.get("/openapi.json");
    assert_eq!(parsed(&body)["openapi"].as_str().map(|v| v.starts_with("3.1")), Some(true));
    let (status, _, body) = serving.get("/healthz");
    assert_eq!((status, parsed(&body)["edition"].as_str()), (200, Some(edition.as_str())));
    let (_, _, body) = serving.get("/metrics");
    assert!(body.contains("# TYPE") && body.contains("permit"), "{body}");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn batches_take_defaults_and_stop_as_asked() {
    let serving = Serving::start(&[]);
    let base = question("wechat", "2025-01-19T12:00:00-05:00");
    let batch = |semantic: &str| {
        let apps = ["wechat", "tiktok", "wechat"];
        let list: Vec<Value> = apps.iter().map(|app| json!({ "resource": { "type": "app", "id": app } })).collect();
        let mut body = base.clone();
        body["context"]["known_at"] = json!("2025-01-19T12:00:00-05:00");
        body["evaluations"] = json!(list);
        if !semantic.is_empty() {
            body["options"] = json!({ "evaluations_semantic": semantic });
        }
        let (status, _, body) = serving.post("/access/v1/evaluations", body.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        let answers = parsed(&body)["evaluations"].as_array().expect("a list").clone();
        answers.iter().map(|answer| answer["decision"].as_bool().expect("a decision")).collect::<Vec<bool>>()
    };
    assert_eq!(batch(""), [true, false, true]);
    assert_eq!(batch("execute_all"), [true, false, true]);
    assert_eq!(batch("deny_on_first_deny"), [true, false]);
    assert_eq!(batch("permit_on_first_permit"), [true]);
    let (status, _, body) = serving.post("/access/v1/evaluations", base.to_string().as_bytes());
    assert_eq!((status, parsed(&body)["decision"].as_bool()), (200, Some(true)), "a batch of none is one question");
    let mut wrong = base.clone();
    wrong["evaluations"] = json!([{}, { "action": { "name": "app.sell" } }, {}]);
    let decided = |semantic: &str| {
        let mut body = wrong.clone();
        body["options"] = json!({ "evaluations_semantic": semantic });
        let (status, _, body) = serving.post("/access/v1/evaluations", body.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        parsed(&body)["evaluations"].as_array().expect("a list").clone()
    };
    // What is wrong with one question is said in its place, is a denial, and keeps the others from nothing.
    let all = decided("execute_all");
    assert_eq!(all.iter().map(|answer| &answer["decision"]).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(all[1]["context"]["error"]["at"], "action.name");
    assert_eq!(all[1]["context"]["error"]["status"], 400);
    assert!(all[1]["context"]["status"].is_null(), "no status of law: {}", all[1]);
    assert_eq!(decided("deny_on_first_deny").len(), 2);
    for whole in [json!({ "evaluations": 7 }), json!({ "evaluations": [{}], "surprise": 1 })] {
        let (status, _, body) = serving.post("/access/v1/evaluations", whole.to_string().as_bytes());
        assert_eq!(status, 400, "{body}");
    }
}

#[test]
fn bad_requests_are_refused_with_their_place() {
    let serving = Serving::start(&[]);
    let sound = question("wechat", "2020-09-21T12:00:00-04:00").to_string();
    let long = format!("{{\"pad\":\"{}\"}}", "x".repeat(9 << 20));
    for (body, status, told) in [
        (sound.replace("09-21", "09-31"), 400, "context.valid_at"),
        (sound.replace("app.distribute", "app.eat"), 400, "action.name"),
        (sound.replace("\"US\"", "\"Narnia\""), 400, "context.place"),
        (sound.replace("wechat", "we chat"), 400, "resource.id"),
        ("{".repeat(5_000_000), 400, "error"),
        (String::new(), 400, "error"),
        (String::from("[]"), 400, "error"),
        (long, 413, ""),
    ] {
        let (got, _, answer) = serving.post("/access/v1/evaluation", body.as_bytes());
        assert_eq!(got, status, "{told}: {}", answer.chars().take(300).collect::<String>());
        assert!(answer.contains(told), "{answer}");
        assert!(answer.len() < 2_000, "an error is no copy of the input");
    }
    let (status, _, _) = serving.exchange(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n",
        b"{}",
    );
    assert_eq!(status, 415);
    let (status, ..) = serving.get("/access/v1/evaluation");
    assert_eq!(status, 405);
    // After all that it still answers.
    let (status, ..) = serving.post("/access/v1/evaluation", sound.as_bytes());
    assert_eq!(status, 200);
}

/// An app that the law may speak of.
pub(crate) const SUBJECTS: &str = r#"app brook { name "Brook" ; domain brook.example ; evidence seen ; source "https://example.org/" }
"#;

/// An order against that app.
pub(crate) fn order(until: &str) -> String {
    format!(
        r#"instrument zz {{
  title "An order" ; jurisdiction US ; rank agency ; authority "An agency" ; zone UTC
  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source "https://example.org/"
  prohibit 1 from 2020-02-01T00:00 until {until} {{ app brook ; act app.distribute ; actor business ; users-in US }}
}}
"#
    )
}

#[test]
fn edited_orders_take_effect_and_faulty_ones_do_not() {
    let folder = Folder::new();
    folder.write("subjects/all.subject", SUBJECTS);
    folder.write("orders/zz.order", &order("2030-01-01T00:00"));
    let mut serving = Serving::start(&["--corpus", &folder.path().display().to_string()]);
    let asked = question("brook", "2025-01-01T00:00:00Z").to_string();
    let answer = |serving: &Serving| {
        let (status, _, body) = serving.post("/access/v1/evaluation", asked.as_bytes());
        assert_eq!(status, 200, "{body}");
        let answer = parsed(&body);
        (answer["context"]["status"].clone(), answer["context"]["law"]["edition"].clone())
    };
    let (status, first) = answer(&serving);
    assert_eq!(status, "prohibited");

    folder.write("orders/zz.order", &order("2022-01-01T00:00"));
    serving.hears("law in force");
    let (status, second) = answer(&serving);
    assert_eq!(status, "permitted");
    assert_ne!(first, second, "each answer names the law it used");

    folder.write("orders/zz.order", &order("2022-02-30T00:00"));
    let refused = || parsed(&serving.get("/healthz").2)["refused_edit"].as_str().map(str::to_owned);
    let mut told = refused();
    for _ in 0..100 {
        if told.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        told = refused();
    }
    assert!(told.as_deref().is_some_and(|report| report.contains("2022-02-30")), "{told:?}");
    assert_eq!(answer(&serving), (json!("permitted"), second.clone()), "the old law stays");

    folder.write("orders/zz.order", &order("2022-01-01T00:00"));
    serving.signal("HUP");
    serving.hears("law in force");
    assert_eq!(answer(&serving), (json!("permitted"), second), "the same files are the same edition");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn law_takes_effect_where_nobody_reads_any_more_what_the_service_says() {
    let folder = Folder::new();
    folder.write("subjects/all.subject", SUBJECTS);
    folder.write("orders/zz.order", &order("2030-01-01T00:00"));
    let mut serving = Serving::start(&["--corpus", &folder.path().display().to_string()]);
    serving.stop_reading();
    let asked = question("brook", "2025-01-01T00:00:00Z").to_string();
    let becomes = |status: &str| {
        until(status, || {
            let (_, _, body) = serving.post("/access/v1/evaluation", asked.as_bytes());
            parsed(&body)["context"]["status"] == status
        });
    };
    becomes("prohibited");
    // What is said of each of these goes nowhere: an edit, a faulty one, another.
    folder.write("orders/zz.order", &order("2022-01-01T00:00"));
    becomes("permitted");
    folder.write("orders/zz.order", &order("2022-02-30T00:00"));
    until("the fault is told", || parsed(&serving.get("/healthz").2)["refused_edit"].is_string());
    folder.write("orders/zz.order", &order("2031-01-01T00:00"));
    becomes("prohibited");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn what_has_begun_is_finished_before_it_ends() {
    use std::io::{Read as _, Write as _};
    let serving = Serving::start(&[]);
    let body = question("wechat", "2020-09-21T12:00:00-04:00").to_string();
    let mut stream = std::net::TcpStream::connect(&serving.address).expect("it listens");
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let (start, rest) = body.as_bytes().split_at(body.len() / 2);
    stream.write_all(start).expect("sent");
    std::thread::sleep(Duration::from_millis(200));
    serving.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    stream.write_all(rest).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("stayed"), "{answer}");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn decisions_are_on_record_as_cloudevents() {
    let folder = Folder::new();
    let settings = folder.write("interdict.toml", "[records]\nfile = \"decisions.ndjson\"\n");
    let file = folder.path().join("decisions.ndjson");
    std::fs::write(&file, "{\"whole\":true}\n{\"torn\":").expect("written");
    let serving = Serving::start_with(&[], &["--settings", &settings]);
    let asked = question("wechat", "2020-09-21T12:00:00-04:00");
    let mut batch = asked.clone();
    batch["evaluations"] = json!([{}, { "resource": { "type": "app", "id": "notes" } }]);
    assert_eq!(serving.post("/access/v1/evaluation", asked.to_string().as_bytes()).0, 200);
    assert_eq!(serving.post("/access/v1/evaluations", batch.to_string().as_bytes()).0, 200);
    let (_, _, metrics) = serving.get("/metrics");
    let counted = "interdict_decisions_total{gate=\"api\",outcome=\"permit\",order=\"us-doc-wechat-id\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
    assert_eq!(serving.stop(), Some(0));

    let text = std::fs::read_to_string(&file).expect("a file");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], json!({ "whole": true }));
    let mut ids: Vec<&str> = lines[1..].iter().filter_map(|line| line["id"].as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{text}");
    for line in &lines[1..] {
        assert_eq!(line["specversion"], "1.0");
        assert_eq!(line["source"], "/gates/api");
        assert_eq!(line["data"]["request"], "r-7");
    }
    assert_eq!(lines[1]["subject"], "us-doc-wechat-id");
    assert_eq!(lines[1]["data"]["status"], "stayed");
    assert_eq!(lines[3]["data"]["app"], Value::Null);
    assert!(
        !text.contains("127.0.0.1") && !text.contains("notes"),
        "no address, and nothing of what nobody knows: {text}"
    );
}

#[test]
fn a_full_disk_fails_the_way_somebody_chose() {
    for (chosen, status) in [("refuse", 503), ("answer-unrecorded", 200)] {
        let folder = Folder::new();
        let text = format!("[records]\nfile = \"/dev/full\"\nqueue_records_max = 2\non_full = \"{chosen}\"\n");
        let settings = folder.write("interdict.toml", &text);
        let serving = Serving::start_with(&[], &["--settings", &settings]);
        let asked = question("wechat", "2020-09-21T12:00:00-04:00").to_string();
        let mut last = 0;
        for _ in 0..50 {
            last = serving.post("/access/v1/evaluation", asked.as_bytes()).0;
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(last, status, "{chosen}");
        let (_, _, metrics) = serving.get("/metrics");
        let missing = metrics.lines().find_map(|line| line.strip_prefix("interdict_unrecorded_total "));
        assert!(missing.is_some_and(|missing| missing != "0"), "{metrics}");
        assert_eq!(serving.stop(), Some(0), "it ends all the same");
    }
}
