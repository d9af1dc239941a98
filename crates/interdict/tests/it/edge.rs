//! The edge gate in front of real proxies: from three territories, before, at and after the instant, with a stay dropped
//! in and taken back, and with Interdict killed.

use crate::lab::{ANONYMISER, CANADA, Got, Lab, NOWHERE, PUERTO_RICO, Proxy, US, now};
use crate::program::{Folder, Serving, run};

/// Far enough ahead that everything that is checked before is checked before.
const LEAD_SECONDS: i64 = 4;

/// Hosts that look like a refused one, or share something with it, and are nobody's the order names.
const OTHERS: [&str; 9] = [
    "notes.example",
    "notbrook.example",
    "brook.example.org",
    "brookexample",
    "creek.example",
    "partner.brook.example",
    "deep.partner.brook.example",
    "below.exact.example",
    "shared.example",
];

/// The same host however a client spells it.
const SPELLINGS: [&str; 6] = [
    "brook.example",
    "www.brook.example",
    "a.b.brook.example",
    "BROOK.Example",
    "brook.example.",
    "brook.example:8080",
];

#[track_caller]
fn is_told(lab: &Lab, from: &str, host: &str) {
    let got: Got = lab.get(from, host);
    assert_eq!(got.status, 451, "{host} to {from}: {got:?}\n{}", lab.logs());
    for field in ["link: <https://host.example/legal>; rel=\"blocked-by\"", "cache-control: private, no-store"] {
        assert!(got.head.contains(field), "{field} in {got:?}");
    }
    assert!(got.body.contains("zz:1"), "the paragraph is cited: {got:?}");
}

/// What must hold while the order is in force, whoever decides.
fn refuses_what_is_listed_and_nothing_else(lab: &Lab) {
    for spelling in SPELLINGS {
        is_told(lab, US, spelling);
    }
    is_told(lab, PUERTO_RICO, "brook.example");
    is_told(lab, US, "exact.example");
    for from in [CANADA, ANONYMISER, NOWHERE] {
        assert_eq!(lab.get(from, "brook.example").status, 200, "{from}");
    }
    for host in OTHERS {
        assert_eq!(lab.get(US, host).status, 200, "{host}\n{}", lab.logs());
    }
}

fn follows(lab: impl Fn(Proxy) -> Lab, proxy: Proxy) {
    let Some(program) = proxy.program() else { return };
    let mut lab = lab(proxy);
    lab.order(now() - 1_000, now() - 500);
    lab.write_tables();
    lab.interdict();
    lab.proxy(&program);
    assert_eq!(lab.statuses("brook.example"), [200; 5], "an order that is over refuses nobody");

    // Published ahead of its day: nobody is refused before.
    let from = now() + LEAD_SECONDS;
    lab.order(from, from + 60);
    while now() < from - 1 {
        assert_eq!(lab.get(US, "brook.example").status, 200, "before the instant");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let refused = |lab: &Lab| lab.get(US, "brook.example").status == 451;
    lab.settles("the order begins", || refused(&lab));
    let begun = now() - from;
    refuses_what_is_listed_and_nothing_else(&lab);

    lab.stay(true);
    let lifted = lab.settles("the stay opens the gate", || !refused(&lab));
    assert_eq!(lab.statuses("brook.example"), [200; 5]);
    // The end is published with the return of the order, since the first was set before anything was waited for.
    let until = now() + 20;
    lab.order(from, until);
    lab.stay(false);
    let enforced = lab.settles("the gate is shut again", || refused(&lab));
    // Proxies that ask are shut at once; their tables follow, which Envoy reads whenever it sees the file.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let (_, metrics) = lab.ask("/metrics");
    assert!(metrics.contains("interdict_canary_refused_total{gate=\"edge\"} 0\n"), "{metrics}");

    lab.kill();
    refuses_what_is_listed_and_nothing_else(&lab);
    lab.settles("the order ends by the proxy's own clock", || !refused(&lab));
    assert!(now() >= until, "not before its end");
    assert_eq!(lab.statuses("brook.example"), [200; 5]);
    println!("{proxy:?}: begun after {begun} s, lifted after {lifted:?}, enforced again after {enforced:?}");
}

#[test]
fn nginx_follows_the_law_and_its_end() {
    follows(Lab::new, Proxy::Nginx);
}

#[test]
fn caddy_follows_the_law_and_its_end() {
    follows(Lab::new, Proxy::Caddy);
}

#[test]
fn envoy_follows_the_law_and_its_end() {
    follows(Lab::new, Proxy::Envoy);
}

#[test]
fn haproxy_follows_the_law_and_its_end() {
    follows(Lab::new, Proxy::Haproxy);
}

#[test]
fn squid_follows_the_law_and_its_end() {
    follows(Lab::new, Proxy::Squid);
}

#[test]
fn nginx_caddy_and_envoy_follow_the_law_by_tables_alone() {
    follows(Lab::by_tables, Proxy::Nginx);
    follows(Lab::by_tables, Proxy::Caddy);
    follows(Lab::by_tables, Proxy::Envoy);
}

#[test]
fn what_concerns_nobody_waits_for_nobody() {
    for proxy in [Proxy::Nginx, Proxy::Caddy, Proxy::Envoy, Proxy::Haproxy, Proxy::Squid] {
        let Some(program) = proxy.program() else { continue };
        let mut lab = Lab::new(proxy);
        lab.order(now() - 1_000, now() + 1_000);
        lab.write_tables();
        lab.interdict();
        lab.proxy(&program);
        is_told(&lab, US, "brook.example");
        lab.freeze();
        for host in ["notes.example", "notbrook.example", "brook.example.org", "brookexample", "below.exact.example"] {
            assert_eq!(lab.statuses(host), [200; 5], "{proxy:?}: {host}");
        }
    }
}

#[test]
fn nobody_says_of_himself_where_he_is_or_what_he_asks_for() {
    let asking = [Proxy::Nginx, Proxy::Caddy, Proxy::Envoy, Proxy::Haproxy, Proxy::Squid].map(|proxy| (proxy, false));
    for (proxy, by_tables) in
        asking.into_iter().chain([Proxy::Nginx, Proxy::Caddy, Proxy::Envoy].map(|proxy| (proxy, true)))
    {
        let Some(program) = proxy.program() else { continue };
        let mut lab = if by_tables { Lab::by_tables(proxy) } else { Lab::new(proxy) };
        lab.order(now() - 1_000, now() + 1_000);
        lab.write_tables();
        lab.interdict();
        lab.proxy(&program);
        let forged = |place: &str, host: &str| {
            let fields = ["x-forwarded-for", "x-real-ip", "true-client-ip", "x-envoy-external-address"];
            let mut lines: String = fields.map(|field| format!("{field}: {place}\r\n")).concat();
            lines.push_str(&format!(
                "forwarded: for={place};host={host}\r\nx-forwarded-host: {host}\r\nx-host: {host}\r\n"
            ));
            lines + "x-envoy-auth-failure-mode-allowed: true\r\nx-request-id: \"\u{e9}{{}}\r\n"
        };
        for is_killed in [false, true] {
            if is_killed {
                lab.kill();
            }
            for (from, host, place, other, expected) in [
                (US, "brook.example", CANADA, "notes.example", 451),
                (PUERTO_RICO, "brook.example", NOWHERE, "", 451),
                (CANADA, "brook.example", US, "brook.example", 200),
                (US, "notes.example", US, "brook.example", 200),
            ] {
                let got = lab.get_with(from, host, &forged(place, other));
                let what = format!("{proxy:?}, killed {is_killed}: {host} from {from} as {other} from {place}");
                assert_eq!(got.status, expected, "{what}: {got:?}\n{}", lab.logs());
            }
        }
    }
}

#[test]
fn a_gate_that_only_watches_records_and_refuses_nothing() {
    let Some(program) = Proxy::Nginx.program() else { return };
    let mut lab = Lab::new(Proxy::Nginx);
    lab.mode("shadow");
    lab.order(now() - 100, now() + 1_000);
    lab.write_tables();
    lab.interdict();
    lab.proxy(&program);
    assert_eq!(lab.statuses("brook.example"), [200; 5]);
    let recorded = lab.folder.path().join("decisions.ndjson");
    let lines = || std::fs::read_to_string(&recorded).unwrap_or_default();
    lab.until("everything is on record", || lines().lines().count() == 5);
    let events: Vec<serde_json::Value> =
        lines().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |member: &str| events.iter().map(|event| event["data"][member].to_string()).collect::<Vec<_>>();
    assert_eq!(told("outcome"), ["\"shadow\"", "\"shadow\"", "\"permit\"", "\"refer\"", "\"refer\""]);
    assert_eq!(told("place"), ["\"US\"", "\"US\"", "\"CA\"", "null", "null"]);
    assert!(events.iter().all(|event| event["source"] == "/gates/edge" && event["data"]["app"] == "brook"));
    for address in [US, PUERTO_RICO, CANADA, ANONYMISER, NOWHERE] {
        assert!(!lines().contains(address), "no address is on record");
    }
    let (_, metrics) = lab.ask("/metrics");
    let counted = "interdict_decisions_total{gate=\"edge\",outcome=\"shadow\",order=\"zz\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
    lab.kill();
    assert_eq!(lab.statuses("brook.example"), [200; 5], "the tables of a gate that watches are empty");
}

#[test]
fn an_order_yields_nothing_for_a_gate_it_does_not_reach() {
    let ran = run(&["reach", "us-pafaca", "--json"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let reached: Vec<&str> = told["gates"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|gate| gate["reached"] == true)
        .filter_map(|gate| gate["gate"].as_str())
        .collect();
    assert_eq!(reached, ["store", "edge", "provisioning"], "two limbs and no more");
    let blind = told["gates"][1]["does_not_see"].as_str().unwrap_or_default();
    assert!(blind.contains("Encrypted Client Hello"), "what a gate cannot see is said, not made up for: {blind}");
    for gate in ["name-server", "interconnect", "payments", "fleet", "build"] {
        let ran = run(&["reach", "us-pafaca", "--gate", gate], b"");
        assert_eq!(ran.code, 1, "{gate}");
        assert!(ran.out.contains("the order forbids `app.distribute`, `app.update`, `host.provide`"), "{}", ran.out);
    }
    for (order, gate) in
        [("us-doc-wechat-id", "interconnect"), ("us-doc-wechat-id", "build"), ("us-doc-wechat-id", "payments")]
    {
        assert_eq!(run(&["reach", order, "--gate", gate], b"").code, 0, "{order} reaches {gate}");
    }
    assert!(run(&["reach", "ndcal-uswua-pi"], b"").err.contains("prohibits nothing"));
    let folder = Folder::new();
    let out = folder.path().join("tables").display().to_string();
    let ran = run(&["reach", "us-va-eo24", "--tables", "haproxy", "--output", &out], b"");
    assert_ne!(ran.code, 0);
    assert!(!folder.path().join("tables").exists(), "nothing is made: {}{}", ran.out, ran.err);
}

#[test]
fn an_inventory_is_told_apart_row_by_row() {
    let folder = Folder::new();
    let csv = "hostname,customer,place\nwww.tiktok.com,,US\nnottiktok.com,Notes Ltd,US\nakamaized.net,Akamai,US\nwechat.com,,US\nwww.tiktok.com,,CA\n";
    let file = folder.write("inventory.csv", csv);
    let ran =
        run(&["inventory", &file, "--at", "2025-01-19T12:00:00-05:00", "--not-enforced", "forbid", "--json"], b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let rows = |list: &str| {
        told[list].as_array().expect("a list").iter().filter_map(|row| row["row"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(rows("reached"), [1]);
    assert_eq!(told["reached"][0]["provisions"][0], "us-pafaca:2(a)(1)(B)");
    assert_eq!(rows("not_reached"), [2, 3, 4, 5]);
    let same = r#"[{"Domain": "www.tiktok.com", "Place": "US"}, {"domain": null, "asn": 64500}]"#;
    let ran = run(&["inventory", "-", "--at", "2025-01-19T12:00:00-05:00"], same.as_bytes());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("row 1 domain www.tiktok.com: refer host.provide"), "{}", ran.out);
    for (text, told) in [
        ("a,b\n1,2\n", "no column names anything"),
        ("domain,b\n1\n", "line"),
        ("[{", "EOF"),
        ("domain,place\nx.org,Narnia\n", "row 1"),
    ] {
        let ran = run(&["inventory", "-"], text.as_bytes());
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

/// Hosts that public lists of one app carry along, and names that resemble it.
const CARRIED_ALONG: [&str; 10] = [
    "akamaized.net",
    "img.akamaized.net",
    "bytedance.map.fastly.net",
    "map.fastly.net",
    "x.myqcloud.com",
    "appsflyersdk.com",
    "notes.appsflyersdk.com",
    "nottiktok.com",
    "tiktok.com.example",
    "wechat.com",
];

#[test]
fn the_shipped_law_reaches_nothing_that_lists_carry_along_and_ends_when_it_has_ended() {
    let folder = Folder::new();
    let rows: String = CARRIED_ALONG.map(|host| format!("{host},US\n")).concat();
    let file = folder.write("inventory.csv", &format!("hostname,place\nwww.tiktok.com,US\n{rows}"));
    for (at, expected) in [("2025-01-19T12:00:00-05:00", &[1_u64][..]), ("2026-11-29T12:00:00Z", &[])] {
        let ran = run(&["inventory", &file, "--at", at, "--not-enforced", "forbid", "--json"], b"");
        let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let reached: Vec<u64> =
            told["reached"].as_array().expect("a list").iter().filter_map(|row| row["row"].as_u64()).collect();
        assert_eq!(reached, expected, "{at}: {}", ran.out);
    }
    // Whoever bought the app, a government's own devices and networks are another law's.
    for act in ["network.access", "app.use"] {
        let asked = ["decide", "--act", act, "--app", "tiktok", "--place", "US-VA", "--actor", "government"];
        let ran = run(&[&asked[..], &["--at", "2026-11-29T12:00:00Z"]].concat(), b"");
        assert!([1, 3].contains(&ran.code), "{act}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_control_plane_asks_whether_a_customer_may_be_provisioned() {
    let serving = Serving::start(&[]);
    let asked = |act: &str, kind: &str, id: &str, at: &str, facts: serde_json::Value| {
        let question = serde_json::json!({
            "subject": { "type": "business", "id": "a-host", "properties": { "role": "hosting-provider" } },
            "action": { "name": act }, "resource": { "type": kind, "id": id },
            "context": { "valid_at": at, "known_at": at, "place": "US", "facts": facts },
        });
        let (status, _, body) = serving.post("/access/v1/evaluation", question.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        answer["context"]["status"].as_str().expect("a status").to_owned()
    };
    let none = serde_json::json!({});
    let day = "2025-01-19T12:00:00-05:00";
    assert_eq!(asked("host.provide", "domain", "tiktok.com", day, none.clone()), "prohibited");
    assert_eq!(
        asked("cdn.provide", "domain", "tiktok.com", day, none.clone()),
        "permitted",
        "the statute has no such limb"
    );
    assert_eq!(
        asked("peering.provide", "asn", "AS396986", day, serde_json::json!({ "contracted": "direct" })),
        "permitted"
    );
    assert_eq!(asked("host.provide", "domain", "nottiktok.com", day, none), "permitted");
}

#[test]
fn canaries_raise_an_alarm_where_a_gate_refuses_too_much() {
    let Some(program) = Proxy::Nginx.program() else { return };
    let mut lab = Lab::new(Proxy::Nginx);
    let port = lab.careless();
    lab.set(&format!(
        "[[canary]]\ngate = \"careless\"\ntarget = \"127.0.0.1:{port}\"\nfrom = [\"{CANADA}\"]\nevery_seconds = 1\n"
    ));
    lab.order(now() - 100, now() + 1_000);
    lab.write_tables();
    lab.interdict();
    lab.proxy(&program);
    lab.hears("ALARM: careless refuses what no order reaches: brook-example.example from CA, brook.example from CA");
    let asked = |gate: &str| {
        let (_, metrics) = lab.ask("/metrics");
        let of = |name: &str| {
            let line = format!("interdict_canary_{name}{{gate=\"{gate}\"}} ");
            metrics.lines().find_map(|found| found.strip_prefix(&line)).and_then(|n| n.parse::<u64>().ok())
        };
        (of("alarm"), of("probes_total").unwrap_or(0) > 0, of("refused_total").unwrap_or(0) > 0)
    };
    lab.until("both have been probed", || asked("edge").1 && asked("careless").1);
    assert_eq!(asked("careless"), (Some(1), true, true));
    assert_eq!(asked("edge"), (Some(0), true, false), "0 canaries refused");
}
