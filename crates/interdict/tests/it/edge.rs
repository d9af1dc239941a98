//! The edge gate in front of real proxies: from three territories, before, at and after the instant, with a stay dropped
//! in and taken back, and with Interdict killed.

use crate::lab::{ANONYMISER, CANADA, Got, Lab, NOWHERE, PUERTO_RICO, Proxy, US, now};

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

fn is_told(lab: &Lab, got: &Got) {
    assert_eq!(got.status, 451, "{got:?}\n{}", lab.logs());
    for field in ["link: <https://host.example/legal>; rel=\"blocked-by\"", "cache-control: private, no-store"] {
        assert!(got.head.contains(field), "{field} in {got:?}");
    }
    assert!(got.body.contains("zz:1"), "the paragraph is cited: {got:?}");
}

/// What must hold while the order is in force, whoever decides.
fn refuses_what_is_listed_and_nothing_else(lab: &Lab) {
    for spelling in SPELLINGS {
        is_told(lab, &lab.get(US, spelling));
    }
    is_told(lab, &lab.get(PUERTO_RICO, "brook.example"));
    is_told(lab, &lab.get(US, "exact.example"));
    for from in [CANADA, ANONYMISER, NOWHERE] {
        assert_eq!(lab.get(from, "brook.example").status, 200, "{from}");
    }
    for host in OTHERS {
        assert_eq!(lab.get(US, host).status, 200, "{host}\n{}", lab.logs());
    }
}

fn follows(proxy: Proxy) {
    let Some(program) = proxy.program() else { return };
    let mut lab = Lab::new(proxy);
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
    lab.until("the order begins", || refused(&lab));
    let begun = now() - from;
    refuses_what_is_listed_and_nothing_else(&lab);

    lab.stay(true);
    let lifted = lab.until("the stay opens the gate", || !refused(&lab));
    assert_eq!(lab.statuses("brook.example"), [200; 5]);
    // The end is published with the return of the order, since the first was set before anything was waited for.
    let until = now() + 12;
    lab.order(from, until);
    lab.stay(false);
    let enforced = lab.until("the gate is shut again", || refused(&lab));
    std::thread::sleep(std::time::Duration::from_millis(1_500));

    lab.kill();
    refuses_what_is_listed_and_nothing_else(&lab);
    lab.until("the order ends by the proxy's own clock", || !refused(&lab));
    assert!(now() >= until, "not before its end");
    assert_eq!(lab.statuses("brook.example"), [200; 5]);
    println!("{proxy:?}: begun after {begun} s, lifted after {lifted:?}, enforced again after {enforced:?}");
}

#[test]
fn nginx_follows_the_law_and_its_end() {
    follows(Proxy::Nginx);
}

#[test]
fn caddy_follows_the_law_and_its_end() {
    follows(Proxy::Caddy);
}

#[test]
fn envoy_follows_the_law_and_its_end() {
    follows(Proxy::Envoy);
}

#[test]
fn haproxy_follows_the_law_and_its_end() {
    follows(Proxy::Haproxy);
}

#[test]
fn squid_follows_the_law_and_its_end() {
    follows(Proxy::Squid);
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
