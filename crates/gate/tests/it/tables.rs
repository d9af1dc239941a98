//! Random law, asked of the gate and looked up in the tables made from it: between the making of the tables and the next
//! change they say of, both refuse the same hosts to the same places, and afterwards the tables refuse nothing that the
//! gate would serve.

use docket::Docket;
use docket::docket::Source;
use docket::finding::{Posture, Verdict};
use docket::inquiry::Facts;
use docket::moment::format_rfc3339;
use docket::vocabulary::{Act, Role};
use gate::edge::{Answer, Asked, Edge, Gate};
use gate::http::Clock;
use gate::live::Live;
use gate::maps::lookup::Lookup;
use gate::maps::{Table, render};
use gate::metrics::Metrics;
use gate::recorder::Recorder;
use gate::refusal::Blocker;
use gate::shadow::{Mode, OnRefer, Stance};
use gate::territory::{Countries, Hops, Locator, Networks};
use law::Time;
use law::time::FOREVER;
use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;

/// Worlds tried in one run, unless `TABLE_WORLDS` says otherwise.
const WORLDS: u64 = 300;
const DAY: Time = 86_400;
/// Tables write instants in ten digits.
const TABLES_END: Time = 9_999_999_999;
/// When the tables are made: 1 January 2021.
const NOW: Time = 1_609_459_200;

const NETWORKS: &str = "10.1.0.0/16 US\n10.2.0.0/16 PR\n10.3.0.0/16 IN\n10.4.0.0/16 DE\n10.5.0.0/16 anonymiser\n";
/// One address in each network, and one in none.
const CLIENTS: [&str; 6] = ["10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1", "10.9.0.1"];
const HOSTS: [&str; 12] = [
    "brook.example",
    "www.brook.example",
    "a.b.brook.example",
    "partner.brook.example",
    "x.partner.brook.example",
    "exact.example",
    "below.exact.example",
    "shared.example",
    "moved.example",
    "tv.example",
    "notbrook.example",
    "creek.example",
];

thread_local! {
    static CLOCK: Cell<Time> = const { Cell::new(NOW) };
}

/// A seeded source of chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length")
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.index(of.len())).copied().expect("not empty")
    }

    /// An instant within eight days of now, on the hour.
    fn instant(&mut self) -> Time {
        NOW + (Time::try_from(self.below(16 * 24)).expect("small") - 8 * 24) * 3_600
    }

    fn window(&mut self) -> String {
        let (a, b) = (self.instant(), self.instant());
        let (from, until) = (a.min(b), a.max(b) + 3_600);
        match self.below(4) {
            0 => format!("from {}", format_rfc3339(from)),
            _ => format!("from {} until {}", format_rfc3339(from), format_rfc3339(until)),
        }
    }

    fn facets(&mut self) -> String {
        let app = self.one(&["app brook", "app creek", "app brook creek", "app any", "apps-of stream"]);
        let act = self.one(&["act host.provide", "act cdn.provide", "act host.provide cdn.provide"]);
        let place = self.one(&[
            "users-in US",
            "users-in US",
            "users-in IN",
            "users-in US IN",
            "users-in any",
            "users-in US ; not-in PR",
        ]);
        let more = self.one(&[
            "",
            "",
            "",
            " ; when form mobile",
            " ; unless contracted direct",
            " ; role hosting-provider",
            " ; open \"a term\"",
        ]);
        format!("{app} ; {act} ; actor business ; {place}{more}")
    }
}

fn subjects() -> String {
    let day = |days: Time| format_rfc3339(NOW + days * DAY);
    format!(
        r#"company stream {{ name "Stream" ; evidence seen ; source "https://example.org/" }}
app brook {{ name "Brook" ; operator stream ; domain brook.example ; domain exact.example exact ; domain shared.example shared
  domain moved.example until {} ; domain tv.example {{ form tv }} ; evidence seen ; source "https://example.org/" }}
app creek {{ name "Creek" ; domain creek.example ; domain partner.brook.example
  evidence seen ; source "https://example.org/" }}
"#,
        day(1),
    )
}

fn orders(chance: &mut Chance) -> String {
    let mut text = String::new();
    let mut targets = Vec::new();
    for n in 0..1 + chance.below(3) {
        let rank = chance.one(&["agency", "executive-order", "statute"]);
        text.push_str(&format!(
            "instrument o{n} {{\n  title \"An order\" ; jurisdiction US ; rank {rank} ; authority \"Somebody\" ; zone UTC\n  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source \"https://example.org/\"\n"
        ));
        for m in 0..1 + chance.below(3) {
            let kind = if m == 0 { "prohibit" } else { chance.one(&["prohibit", "prohibit", "except", "authorize"]) };
            let (window, facets) = (chance.window(), chance.facets());
            text.push_str(&format!("  {kind} p{m} {window} {{ {facets} }}\n"));
            targets.push(format!("o{n} p{m}"));
        }
        text.push_str("}\n");
    }
    for n in 0..chance.below(3) {
        let operator = chance.one(&["suspend", "suspend", "unenforced", "extend", "revoke"]);
        let window = match operator {
            "revoke" => format!("from {}", format_rfc3339(chance.instant())),
            _ => chance.window(),
        };
        let target = targets.get(chance.index(targets.len())).expect("one at least").clone();
        let slice = chance.one(&["", "", " ; users-in PR", " ; users-in US", " ; act host.provide"]);
        let slice = if operator == "revoke" { "" } else { slice };
        text.push_str(&format!(
            "instrument c{n} {{\n  title \"A ruling\" ; jurisdiction US ; rank court ; authority \"A court\" ; zone UTC\n  issued 2020-01-02 ; public 2020-01-02 ; evidence seen ; source \"https://example.org/\"\n  {operator} s {window} {{ target {target}{slice} ; reach nationwide ; binds government }}\n}}\n"
        ));
    }
    text
}

fn edge(chance: &mut Chance) -> Edge {
    let pick = |chance: &mut Chance, of: [Verdict; 3]| of.get(chance.index(3)).copied().expect("three");
    let any = [Verdict::Permit, Verdict::Refer, Verdict::Forbid];
    let posture = Posture {
        not_enforced: pick(chance, any),
        stayed: pick(chance, [Verdict::Permit, Verdict::Permit, Verdict::Refer]),
        ..Posture::default()
    };
    let facts = match chance.below(3) {
        0 => docket::inquiry::facts([("contracted", "direct")]).expect("a fact"),
        _ => Facts::default(),
    };
    Edge {
        name: String::from("edge"),
        acts: if chance.below(2) == 0 { vec![Act::HostProvide] } else { vec![Act::HostProvide, Act::CdnProvide] },
        role: Role::HostingProvider,
        facts,
        stance: Stance {
            mode: if chance.below(20) == 0 { Mode::Shadow } else { Mode::Enforce },
            posture,
            on_refer: if chance.below(3) == 0 { OnRefer::Refuse } else { OnRefer::Permit },
        },
        hops: Hops::default(),
        blocker: Blocker::default(),
    }
}

/// Whether a proxy asks about a host.
fn is_concerned(table: &Table, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or("").trim_end_matches('.');
    let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    table.concerned().iter().any(|(domain, exact)| host == *domain || !exact && below(domain))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by a variable")]
fn tables_and_gate_refuse_the_same() {
    let worlds = std::env::var("TABLE_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(WORLDS);
    let (mut asked, mut refused, mut loaded, mut later) = (0_u64, 0_u64, 0_u64, 0_u64);
    for seed in 0..worlds {
        let mut chance = Chance(seed);
        let text = orders(&mut chance);
        let sources = [("subjects/all.subject", subjects()), ("orders/all.order", text.clone())]
            .map(|(path, text)| Source { path: path.to_owned(), text });
        let docket = match Docket::load(sources.into()) {
            Ok(docket) => docket,
            // An operator upon what it cannot act on is a fault in law, and none of ours.
            Err(faults) => {
                if worlds == 1 {
                    eprintln!("{faults:?}\n{text}");
                }
                continue;
            }
        };
        loaded += 1;
        let edge = edge(&mut chance);
        let table = Table::build(&docket, &edge, NOW).expect("a small world");
        let lookup = Lookup::read(&render::hosts(&table), NETWORKS).expect("our own tables");
        let networks = Networks::parse(NETWORKS).expect("networks");
        let gate = Gate {
            edge: Arc::new(edge),
            live: Arc::new(Live::new(docket)),
            locator: Arc::new(Locator::new(Countries::default(), Vec::new(), networks)),
            clock: Clock { now: || CLOCK.get(), nanos: || 0 },
            metrics: Arc::new(Metrics::default()),
            recorder: Recorder::none(),
        };
        let change = table.next_change(NOW);
        let mut instants = vec![NOW, NOW + 1, change.saturating_sub(1).clamp(NOW, TABLES_END - 1)];
        instants.extend((0..3).map(|_| chance.instant()).filter(|at| *at > NOW));
        if change < FOREVER {
            instants.push(change);
        }
        for at in instants {
            CLOCK.set(at);
            for host in HOSTS {
                for client in CLIENTS {
                    let client: IpAddr = client.parse().expect("an address");
                    let by_gate =
                        matches!(gate.decide(Asked { host, client: Some(client), request: None }), Answer::Refuse(_));
                    let by_table = lookup.refused(host, Some(client), at).is_some();
                    asked += 1;
                    refused += u64::from(by_gate);
                    assert!(!by_gate || is_concerned(&table, host), "world {seed}: nobody would be asked about {host}");
                    let what = || {
                        format!(
                            "world {seed}: {host} from {client} at {}\n{text}\n{}",
                            format_rfc3339(at),
                            render::hosts(&table)
                        )
                    };
                    if at < change || at == change && change == FOREVER {
                        assert_eq!(by_gate, by_table, "gate {by_gate}, table {by_table}, {}", what());
                    } else {
                        later += u64::from(by_gate && !by_table);
                        assert!(by_gate || !by_table, "the table refuses what the gate serves, {}", what());
                    }
                }
            }
        }
    }
    println!(
        "{loaded} of {worlds} worlds, {asked} questions, {refused} refused, {later} refusals later than the tables know"
    );
    assert!(loaded * 10 > worlds * 8, "{loaded} of {worlds} worlds are law");
    assert!(refused * 20 > asked, "{refused} of {asked} are refused: too few to learn from");
}
