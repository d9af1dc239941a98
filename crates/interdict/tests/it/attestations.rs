//! Conditions of orders: evidence that people sign reaches the law, to the second, and leaves it when it lapses.

use crate::program::{Folder, Serving, run};
use attest::dsse::Signer;
use attest::statement::{Type, compose, named_subject};
use attest::{Envelope, json::parse_time};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use tlog::note::{Kind, Note, SigningKey};
use tlog::tile::{Level, Tile};
use tlog::{Checkpoint, Hash, bundle, tile, tree};
use wire::entry::{ActOf, Change, Entry, Of};

const APK: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SOURCE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// The Ed25519 key of a name, in PKCS #8: the same on every run.
pub(crate) fn pkcs8(name: &str) -> Vec<u8> {
    let mut seed = [b'.'; 32];
    for (place, byte) in seed.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    [&head[..], &seed].concat()
}

pub(crate) fn key(name: &str) -> Signer {
    Signer::from_pkcs8(&pkcs8(name)).unwrap()
}

/// Everybody of both conditions, each of an organisation of its own.
pub(crate) fn trust() -> Value {
    let names = [
        "oracle-ttp",
        "auditor",
        "monitor",
        "inspector",
        "rebuilder-1",
        "rebuilder-2",
        "treasury",
        "doj",
        "commerce",
        "counsel",
        "registrar",
        "jv",
        "white-house",
    ];
    let principals: Vec<Value> = names
        .iter()
        .map(|name| json!({ "id": name, "org": format!("org-{name}"), "keys": [{ "spki": key(name).key().spki() }] }))
        .collect();
    let group = |name: &str, members: &[&str]| json!({ "name": name, "need": "all", "members": members });
    let groups = [
        group("custodian-and-auditor", &["oracle-ttp", "auditor"]),
        group("operator-and-monitor", &["oracle-ttp", "monitor"]),
        group("accredited-auditors", &["auditor"]),
        group("reviewers", &["oracle-ttp", "inspector"]),
        group("rebuilders", &["rebuilder-1", "rebuilder-2"]),
        group("treasury-and-justice", &["treasury", "doj"]),
        group("cfius-monitors", &["monitor"]),
        group("agencies", &["treasury", "doj", "commerce"]),
        group("secretary-of-commerce", &["commerce"]),
        group("president", &["white-house"]),
        group("counsel-and-registrar", &["counsel", "registrar"]),
        group("venture-and-security-partner", &["jv", "oracle-ttp"]),
        group("security-partner", &["oracle-ttp"]),
        group("justice", &["doj"]),
        group("everybody", &names),
        group("override", &["counsel", "registrar"]),
    ];
    let accept: Vec<Value> =
        Type::ALL.iter().map(|kind| json!({ "by": "everybody", "type": kind.name(), "subject": "*" })).collect();
    json!({ "version": 1, "principals": principals, "groups": groups, "accept": accept })
}

/// What somebody signed, as a line of the folder.
struct Log(String, u64);

impl Log {
    fn say(&mut self, at: &str, by: &[&str], kind: Type, about: &str, mut claims: Value) {
        claims["timeCreated"] = json!(at);
        let subject = match about.strip_prefix("artifact:") {
            Some(digest) => json!({ "digest": { "sha256": digest } }),
            None => named_subject(about),
        };
        let mut envelope = Envelope::unsigned(serde_json::to_vec(&compose(kind, &[subject], &claims)).unwrap());
        by.iter().for_each(|name| key(name).sign(&mut envelope));
        let line = json!({ "index": self.1, "time": at, "envelope": envelope.to_value() });
        writeln!(self.0, "{line}").unwrap();
        self.1 += 1;
    }
}

/// The safeguards of 2020 as if they had been carried out and the Secretary had lifted the list: entries 0 to 8.
fn mitigation(log: &mut Log) {
    let (at, system) = ("2020-10-08T00:00:00Z", "system:tiktok-us");
    let us = json!({ "custodian": "oracle", "regions": ["US"], "unapprovedEgress": 0 });
    log.say(at, &["oracle-ttp", "auditor"], Type::DataResidencyAudit, system, us);
    let operated = json!({ "operator": "oracle", "parentAdminAccounts": 0 });
    log.say(at, &["oracle-ttp", "monitor"], Type::OperationsControl, system, operated);
    let period = |from: &str, until: &str| json!({ "unapproved": 0, "opinion": "unqualified", "periodStart": from, "periodEnd": until });
    log.say(at, &["oracle-ttp"], Type::AccessLog, system, period("2020-10-01T00:00:00Z", at));
    log.say(at, &["auditor"], Type::AuditReport, system, period("2020-10-01T00:00:00Z", at));
    let reviewed = json!({ "coverage": { "lines": 1.0 }, "openCritical": 0 });
    log.say(at, &["oracle-ttp", "inspector"], Type::SourceReview, &format!("artifact:{SOURCE}"), reviewed);
    let built = json!({ "level": "L1", "result": "reproduced", "sourceDigest": SOURCE });
    log.say(at, &["rebuilder-1", "rebuilder-2"], Type::BuildReproduced, &format!("artifact:{APK}"), built);
    log.say(at, &["treasury", "doj"], Type::GovernmentOversight, "order:us-doc-tiktok-id-v2", json!({}));
    let lift = json!({ "act": "lift", "from": "2020-10-12T04:00:00Z", "condition": "mitigation-2020" });
    log.say("2020-10-10T16:00:00Z", &["commerce"], Type::Act, "order:us-doc-tiktok-id-v2", lift);
    let next = "2020-10-18T00:00:00Z";
    log.say(next, &["oracle-ttp"], Type::AccessLog, system, period(at, next));
}

/// The divestiture as if it had been determined when its agreements were executed.
fn divestiture(log: &mut Log) {
    let (at, entity, system) = ("2025-12-18T17:00:00Z", "entity:tiktok-usds-jv", "system:tiktok-us");
    let owned = json!({ "adversaryStakePct": 19.9, "usPersonMajority": true });
    log.say(at, &["counsel", "registrar"], Type::Ownership, entity, owned);
    let governed = json!({ "adversaryDirectors": 1, "directors": 7, "adversaryOnSecurityCommittee": false });
    log.say(at, &["counsel", "registrar"], Type::GovernanceControl, entity, governed);
    let apart = json!({ "recommenderCooperation": false, "dataSharingAgreement": false });
    log.say(at, &["jv", "oracle-ttp"], Type::OperationalRelationship, entity, apart);
    let us = json!({ "custodian": "oracle", "regions": ["US"], "unapprovedEgress": 0 });
    log.say(at, &["oracle-ttp", "auditor"], Type::DataResidencyAudit, system, us);
    let model = json!({ "trainingDataRegions": ["US"], "owner": "tiktok-usds-jv" });
    log.say(at, &["oracle-ttp"], Type::ModelRetrained, system, model);
    let watched = json!({ "openCritical": 0, "scope": ["software-updates", "algorithms", "data-flows"] });
    log.say(at, &["oracle-ttp"], Type::SourceReview, system, watched);
    let certified = json!({ "framework": "nist-800-53", "satisfied": true });
    log.say(at, &["auditor"], Type::OscalAssessment, system, certified);
    let lift = json!({ "act": "lift", "from": "2025-12-20T05:00:00Z", "condition": "qualified-divestiture" });
    log.say("2025-12-19T12:00:00Z", &["white-house"], Type::Act, "order:us-pafaca", lift);
}

fn folder(entries: &str) -> Folder {
    let folder = Folder::new();
    folder.write("trust.json", &trust().to_string());
    folder.write("artifacts", &format!("{APK}  # what the stores have\n"));
    if !entries.is_empty() {
        folder.write("entries.ndjson", entries);
    }
    folder
}

fn inquiry(act: &str, at: &str, known_at: Option<&str>) -> Value {
    json!({ "subject": { "type": "business", "id": "store" }, "action": { "name": act },
        "resource": { "type": "android-package", "id": "com.zhiliaoapp.musically" },
        "context": { "valid_at": at, "known_at": known_at, "place": "US" } })
}

/// Status and verdict at each question, one a line.
fn answers(attestations: Option<&Path>, questions: &[(String, Value)]) -> Vec<String> {
    let lines: String = questions.iter().map(|(_, inquiry)| format!("{inquiry}\n")).collect();
    let path = attestations.map(|path| path.display().to_string());
    let mut words = vec!["decide", "-", "--json", "--stayed", "forbid"];
    if let Some(path) = &path {
        words.extend(["--attestations", path]);
    }
    let ran = run(&words, lines.as_bytes());
    assert_ne!(ran.code, 2, "{}", ran.err);
    let told = ran.out.lines().zip(questions).map(|(line, (title, _))| {
        let answer: Value = serde_json::from_str(line).unwrap();
        let context = &answer["context"];
        let possible: Vec<&str> = context["possible"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        format!("{title}: {} ({})", possible.join(" or "), context["verdict"].as_str().unwrap())
    });
    told.collect()
}

/// Every instant at which the two lists, the Act, what courts and Presidents did about them, what was known of that, or what
/// is attested here begins or ends: worked out from the documents by hand, not by the code that answers. Days and civil
/// times are New York's, four hours behind UTC in summer and five in winter.
const BOUNDARIES: [&str; 57] = [
    "2020-08-06T04:00:00Z", // EO 13942
    "2020-09-18T12:45:00Z", // its first list is inspected, 8:45
    "2020-09-19T04:00:00Z", // the second replaces it, as will be known
    "2020-09-20T00:00:00Z", // the delay is announced, 8 p.m. on the 19th
    "2020-09-20T04:00:00Z", // stores, by the first list: a day without an hour begins
    "2020-09-21T04:00:00Z", // and ends
    "2020-09-22T12:45:00Z", // the second list is inspected, 8:45
    "2020-09-26T04:00:00Z", // E.D. Pa. denies relief
    "2020-09-28T00:00:00Z", // D.D.C. suspends the first paragraph, 8 p.m. on the 27th
    "2020-09-28T03:59:00Z", // 11:59 p.m. by the clock on the wall
    "2020-09-28T04:59:00Z", // 11:59 p.m. \"eastern standard time\"
    "2020-10-02T04:00:00Z", // Commerce acknowledges that
    "2020-10-08T00:00:00Z", // attested: all that the offer of 2020 takes
    "2020-10-10T16:00:00Z", // attested: the Secretary signs a lift
    "2020-10-12T04:00:00Z", // from when it lifts
    "2020-10-18T00:00:00Z", // attested: the next ten days of access
    "2020-10-21T00:00:00Z", // without them, three days of grace after the 18th
    "2020-10-28T00:00:00Z", // with them, ten days after the 18th
    "2020-10-30T04:00:00Z", // E.D. Pa. suspends all of the list
    "2020-10-31T00:00:00Z", // three days of grace after the 28th
    "2020-11-12T05:00:00Z", // hosts, by the first list: a day without an hour begins
    "2020-11-13T04:59:00Z", // hosts, by the second: 11:59 p.m. on the 12th
    "2020-11-13T05:00:00Z", // the day without an hour ends
    "2020-12-07T05:00:00Z", // D.D.C. suspends all of the list
    "2021-06-09T14:23:36Z", // EO 14034 is posted and revokes, 10:23:36
    "2021-06-16T04:00:00Z", // from when Commerce rescinds
    "2021-06-21T12:45:00Z", // as is known then, 8:45
    "2024-04-24T04:00:00Z", // the Act
    "2024-07-24T04:00:00Z", // a memorandum delegates
    "2024-12-06T05:00:00Z", // D.C. Cir.
    "2025-01-17T05:00:00Z", // the Supreme Court, and a statement
    "2025-01-19T05:00:00Z", // 270 days, by the clock of New York
    "2025-01-19T10:00:00Z", // and of Honolulu
    "2025-01-21T01:10:27Z", // EO 14166 is posted, 20:10:27 on the 20th
    "2025-04-04T04:00:00Z", // from when EO 14258 extends
    "2025-04-04T12:29:34Z", // as is known then, 8:29:34
    "2025-04-05T04:00:00Z", // the last day of EO 14166, or the first without it, begins
    "2025-04-06T04:00:00Z", // and ends
    "2025-06-19T04:00:00Z", // the same of EO 14258; from when EO 14310 extends
    "2025-06-19T15:51:03Z", // as is known then, 11:51:03
    "2025-06-20T04:00:00Z",
    "2025-09-16T04:00:00Z", // from when EO 14350 extends
    "2025-09-16T18:15:13Z", // as is known then, 14:15:13
    "2025-09-17T04:00:00Z", // the last day of EO 14310
    "2025-09-18T04:00:00Z",
    "2025-09-25T04:00:00Z", // from when EO 14352 extends
    "2025-09-25T21:28:32Z", // as is known then, 17:28:32
    "2025-12-16T05:00:00Z", // the last day of EO 14350
    "2025-12-17T05:00:00Z",
    "2025-12-18T17:00:00Z", // attested: all that a qualified divestiture takes
    "2025-12-19T12:00:00Z", // attested: the President signs a lift
    "2025-12-20T05:00:00Z", // from when it lifts
    "2026-01-18T17:00:00Z", // the two of its reports that age fastest are 31 days old, of which nothing follows
    "2026-01-22T05:00:00Z", // the closing
    "2026-01-23T05:00:00Z", // the last day of EO 14352
    "2026-01-24T05:00:00Z",
    "2026-03-20T17:00:00Z", // and its others 92 days, of which nothing follows
];

/// What stores and hosts were to do, as was known at each second, from each of these instants to the next: by hand, too.
const AS_KNOWN_THEN: [(&str, &[(&str, &str)]); 2] = [
    (
        "app.distribute",
        &[
            ("2020-08-06T04:00:00Z", "permitted (permit)"),
            ("2020-09-28T03:59:00Z", "permitted or stayed (refer)"),
            ("2020-09-28T04:59:00Z", "stayed (forbid)"),
            ("2020-10-12T04:00:00Z", "permitted (permit)"),
            ("2020-10-31T00:00:00Z", "stayed (forbid)"),
            ("2021-06-09T14:23:36Z", "permitted (permit)"),
            ("2025-01-19T05:00:00Z", "permitted or prohibited (refer)"),
            ("2025-01-19T10:00:00Z", "prohibited (forbid)"),
            ("2025-01-21T01:10:27Z", "not_enforced (refer)"),
            ("2025-06-19T04:00:00Z", "not_enforced or prohibited (refer)"),
            ("2025-06-19T15:51:03Z", "not_enforced (refer)"),
            ("2025-12-20T05:00:00Z", "excepted (permit)"),
            ("2026-06-01T00:00:00Z", "excepted (permit)"),
        ],
    ),
    (
        "host.provide",
        &[
            ("2020-08-06T04:00:00Z", "permitted (permit)"),
            ("2020-11-13T04:59:00Z", "stayed (forbid)"),
            ("2021-06-09T14:23:36Z", "permitted (permit)"),
            ("2025-01-19T05:00:00Z", "permitted or prohibited (refer)"),
            ("2025-01-19T10:00:00Z", "prohibited (forbid)"),
            ("2025-01-21T01:10:27Z", "not_enforced (refer)"),
            ("2025-06-19T04:00:00Z", "not_enforced or prohibited (refer)"),
            ("2025-06-19T15:51:03Z", "not_enforced (refer)"),
            ("2025-12-20T05:00:00Z", "excepted (permit)"),
            ("2026-06-01T00:00:00Z", "excepted (permit)"),
        ],
    ),
];

/// One second before each boundary, at it, and one second after it: as is known now, and as was known then.
fn at_every_boundary(act: &str) -> Vec<(String, Value)> {
    let mut questions = Vec::new();
    for edge in BOUNDARIES {
        let edge = parse_time(edge).unwrap();
        for at in [edge - 1, edge, edge + 1] {
            let at = attest::json::format_time(at);
            questions.push((format!("{act} {at}"), inquiry(act, &at, None)));
            questions.push((format!("{act} {at} as known then"), inquiry(act, &at, Some(&at))));
        }
    }
    questions
}

#[test]
fn no_answer_changes_at_any_other_instant_and_each_is_what_the_documents_say() {
    let (_, folder, _) = both_conditions();
    let attestations = folder.path().display().to_string();
    for (act, stretches) in AS_KNOWN_THEN {
        let (mut questions, mut expected) = (Vec::new(), Vec::new());
        for pair in stretches.windows(2) {
            let [(from, status), (until, _)] = pair else { unreachable!() };
            let (from, until) = (parse_time(from).unwrap(), parse_time(until).unwrap());
            for at in [from, from + 1, until - 1] {
                let at = attest::json::format_time(at);
                questions.push((at.clone(), inquiry(act, &at, Some(&at))));
                expected.push(format!("{at}: {status}"));
            }
        }
        assert_eq!(answers(Some(folder.path()), &questions), expected, "{act}");
        let words = ["timeline", "--act", act, "--app", "com.zhiliaoapp.musically", "--place", "US", "--json"];
        let ran = run(&[&words[..], &["--attestations", &attestations]].concat(), b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let told: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        let edges: Vec<&str> = told.iter().filter_map(|stretch| stretch["from"].as_str()).collect();
        let ours = |edge: &&&str| ("2020-08-06T00:00:00Z".."2026-06-01T00:00:00Z").contains(*edge);
        let other: Vec<&&str> = edges.iter().filter(ours).filter(|edge| !BOUNDARIES.contains(edge)).collect();
        assert!(other.is_empty() && edges.len() > 8, "{act}: {other:?} of {edges:?}");
    }
}

/// Compares with the file beside this one; `UPDATE_EXPECT=1` writes it anew.
fn expect(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{name}");
}

/// The statements on the offer of 2020 and on the divestiture, and questions at every boundary of both.
fn both_conditions() -> (Log, Folder, Vec<(String, Value)>) {
    let mut log = Log(String::new(), 0);
    mitigation(&mut log);
    divestiture(&mut log);
    let folder = folder(&log.0);
    let mut questions = Vec::new();
    for act in ["app.distribute", "host.provide"] {
        questions.extend(at_every_boundary(act));
    }
    (log, folder, questions)
}

#[test]
fn the_offer_and_the_divestiture_reach_the_law_at_every_boundary() {
    let (_, folder, mut questions) = both_conditions();
    for known_at in ["2020-10-10T15:59:59Z", "2020-10-10T16:00:00Z", "2020-10-17T23:59:59Z", "2020-10-18T00:00:00Z"] {
        for at in ["2020-10-12T04:00:00Z", "2020-10-25T00:00:00Z"] {
            let title = format!("app.distribute {at} as known {known_at}");
            questions.push((title, inquiry("app.distribute", at, Some(known_at))));
        }
    }
    assert!(questions.len() > 600, "{}", questions.len());
    let (with, without) = (answers(Some(folder.path()), &questions), answers(None, &questions));
    let text = with.iter().zip(&without).fold(String::new(), |mut text, (with, without)| {
        let (_, otherwise) = without.rsplit_once(": ").unwrap();
        let changed = if with == without { String::new() } else { format!("   without attestations: {otherwise}") };
        writeln!(text, "{with}{changed}").unwrap();
        text
    });
    for (title, said) in [
        ("app.distribute 2020-10-12T03:59:59Z", "stayed (forbid)"),
        ("app.distribute 2020-10-12T04:00:00Z", "permitted (permit)"),
        ("app.distribute 2020-10-30T23:59:59Z", "permitted (permit)"),
        ("app.distribute 2020-10-31T00:00:00Z", "stayed (forbid)"),
    ] {
        assert!(with.contains(&format!("{title}: {said}")), "{title}: {text}");
    }
    expect("attested.expected", &text);
}

/// The same statements as the entries of a gov log, its public folder. What counts only once it is witnessed was
/// witnessed `late` seconds after it was logged.
fn gov(folder: &Folder, lines: &str, late: i64) -> String {
    let public = folder.path().join(format!("public-{late}"));
    let blob = |bytes: &[u8]| {
        let Hash(digest) = Hash::of(bytes);
        let name = attest::dsse::hex(&digest);
        let path = public.join("blob/sha256").join(&name[..2]);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(name), bytes).unwrap();
        (digest, bytes.len() as u64)
    };
    let start = parse_time("2020-08-01T00:00:00Z").unwrap();
    let (sha256, bytes) = blob(trust().to_string().as_bytes());
    let policy = Entry::TrustPolicy { at: start, of: Of::Principals, version: 1, sha256, bytes, signed: None };
    let (sha256, bytes) = blob(format!("{APK}\n").as_bytes());
    let path = String::from("attest/artifacts");
    let mut entries = vec![policy, Entry::Document { at: start, path, change: Change::Issue, sha256, bytes }];
    let mut waits: Option<i64> = None;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = parse_time(line["time"].as_str().unwrap()).unwrap();
        if let Some(since) = waits.take_if(|since| *since + late <= at) {
            entries.push(Entry::Witnessed { at: since + late, size: entries.len() as u64, witnesses: 2 });
        }
        let envelope = line["envelope"].to_string();
        let (sha256, bytes) = blob(envelope.as_bytes());
        let said = Envelope::parse(envelope.as_bytes()).unwrap();
        let is_act = attest::Statement::parse(&said.payload).unwrap().kind == Type::Act;
        let (by, order) = (Vec::new(), String::from("x"));
        entries.push(if is_act {
            waits = Some(at);
            Entry::Act { at, order, act: ActOf::Lift, from: at, until: None, by, sha256, bytes }
        } else {
            Entry::Attestation { at, says: String::from("x"), about: Vec::new(), by, sha256, bytes }
        });
    }
    if let Some(since) = waits {
        entries.push(Entry::Witnessed { at: since + late, size: entries.len() as u64, witnesses: 2 });
    }
    publish(&public, &entries);
    public.display().to_string()
}

/// Writes a log of less than a bundle of entries.
fn publish(public: &Path, entries: &[Entry]) {
    let key = SigningKey::from_seed("log.example/gov/1", Kind::Text, &[7; 32]).unwrap();
    let (mut bytes, mut leaves) = (Vec::new(), Vec::new());
    for entry in entries {
        assert!(bundle::push(&mut bytes, &entry.to_bytes()));
        leaves.push(Hash::leaf(&entry.to_bytes()));
    }
    let size = leaves.len() as u64;
    for (level, bytes) in [(Level::Entries, bytes), (Level::Hashes(0), tile::encode(&leaves))] {
        let path = public.join(Tile::in_tree(level, 0, size).unwrap().to_string());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let origin = key.public().name().to_owned();
    let text = Checkpoint { origin, size, root: tree::root(&leaves) }.to_string();
    let note = Note { signatures: vec![key.sign(&text, 0)], text };
    std::fs::write(public.join("checkpoint"), note.to_string()).unwrap();
    std::fs::write(public.join("vkey"), format!("{}\n", key.public())).unwrap();
}

#[test]
fn a_gov_log_reaches_the_law_at_the_same_boundaries_and_a_lift_only_once_it_is_witnessed() {
    let (log, folder, mut questions) = both_conditions();
    // Logged 2020-10-10T16:00:00Z. Known from the folder at once, from the log when it says that it was witnessed.
    for known_at in ["2020-10-10T15:59:59Z", "2020-10-10T16:00:00Z", "2020-10-10T16:01:29Z", "2020-10-10T16:01:30Z"] {
        let at = "2020-10-12T04:00:00Z";
        questions.push((format!("as known {known_at}"), inquiry("app.distribute", at, Some(known_at))));
    }
    let told = answers(Some(folder.path()), &questions);
    assert!(told.len() > 600, "{}", told.len());
    let at_once = gov(&folder, &log.0, 0);
    assert_eq!(answers(Some(Path::new(&at_once)), &questions), told, "witnessed in the same second");
    let late = gov(&folder, &log.0, 90);
    let late = answers(Some(Path::new(&late)), &questions);
    let differing: Vec<(&String, &String)> = told.iter().zip(&late).filter(|(one, other)| one != other).collect();
    let expected = [
        ("as known 2020-10-10T16:00:00Z: permitted (permit)", "as known 2020-10-10T16:00:00Z: stayed (forbid)"),
        ("as known 2020-10-10T16:01:29Z: permitted (permit)", "as known 2020-10-10T16:01:29Z: stayed (forbid)"),
    ];
    let differing: Vec<(&str, &str)> = differing.iter().map(|(one, other)| (one.as_str(), other.as_str())).collect();
    assert_eq!(differing, expected, "ninety seconds are all that differs");

    // One byte of what was signed is another: nothing of it is believed.
    let public = gov(&folder, &log.0, 1);
    let bundle = Path::new(&public).join("tile/entries/000.p");
    let bundle = std::fs::read_dir(bundle).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let refused = run(&["--attestations", &public, "attest", "status"], b"");
    assert!(refused.code == 2 && refused.err.contains("not the one signed"), "{}", refused.err);
}

/// A folder with a condition of the operator's own: an audit pauses the list by itself.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    attestations: String,
    pub(crate) now: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = folder("");
        folder.write(
            "conditions/audited.json",
            &json!({ "order": "us-doc-tiktok-id-v2", "condition": "mitigation-2020", "effect": "automatic-pause",
                "onLapse": { "act": "alert" }, "authority": "secretary-of-commerce",
                "need": { "req": "audit", "type": "audit-report", "subject": "system:x", "by": "auditor", "maxAge": "P10D" } })
            .to_string(),
        );
        let attestations = folder.path().display().to_string();
        Self { folder, attestations, now: attest::json::format_time(crate::lab::now()) }
    }

    fn attest(&self, words: &[&str]) -> crate::program::Ran {
        run(&[&["--attestations", self.attestations.as_str(), "attest"][..], words].concat(), b"")
    }

    /// A statement made now, signed by each of these in turn with the command.
    pub(crate) fn say(&self, kind: Type, about: &str, mut claims: Value, by: &[&str]) -> String {
        claims["timeCreated"] = json!(self.now);
        let file = self.folder.write("statement.json", &compose(kind, &[named_subject(about)], &claims).to_string());
        signed(&self.folder, &file, kind.name(), by)
    }
}

/// A statement in a file, signed by each of these in turn with the command.
pub(crate) fn signed(folder: &Folder, statement: &str, kind: &str, by: &[&str]) -> String {
    let mut file = statement.to_owned();
    for name in by {
        let der = folder.path().join("key.der");
        std::fs::write(&der, pkcs8(name)).unwrap();
        let signed = folder.path().join(format!("signed-{kind}-{name}.json")).display().to_string();
        let ran = run(&["attest", "sign", &file, "--key", &der.display().to_string(), "-o", &signed], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        file = signed;
    }
    file
}

/// The digest of a signed statement, as revocations name it.
pub(crate) fn digest_of(path: &str) -> String {
    attest::dsse::hex(&Envelope::parse(&std::fs::read(path).unwrap()).unwrap().statement_digest())
}

#[test]
fn what_is_signed_and_taken_up_is_told() {
    let desk = Desk::new();
    let ran = desk.attest(&["status", "mitigation-2020", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["missing"][0]["requirement"], "audit");
    assert_eq!(told["authority"]["members"], json!(["commerce"]));

    // A key made for a log prints a public half, and nobody trusts it.
    let secret = desk.folder.path().join("log.key").display().to_string();
    assert_eq!(run(&["log", "key", "stranger.example", "-o", &secret], b"").code, 0);
    let key = desk.attest(&["key", &secret]).out;
    assert_eq!(key.trim().len(), 60, "base64 of 44 bytes");
    assert_eq!(desk.attest(&["key", &secret, "--json"]).json(), json!({ "spki": key.trim() }));
    let statement = desk.say(Type::AuditReport, "system:x", json!({}), &[]);
    for words in [["add", &statement], ["verify", &statement]] {
        let unsigned = desk.attest(&words);
        assert!(unsigned.code == 2 && unsigned.err.contains("nobody has signed this statement"), "{}", unsigned.err);
    }
    let undated = desk.attest(&["status", "--at", "yesterday"]);
    assert!(undated.err.contains("`yesterday` is no instant; write it as `2020-"), "{}", undated.err);
    let by_stranger = desk.folder.path().join("stranger.json").display().to_string();
    let told = desk.attest(&["sign", &statement, "--key", &secret, "-o", &by_stranger, "--json"]).json();
    let digest = digest_of(&by_stranger);
    assert_eq!(told, json!({ "file": by_stranger, "type": "audit-report", "spki": key.trim(), "digest": digest }));
    assert_eq!(desk.attest(&["verify", &by_stranger]).code, 3);
    let refused = desk.attest(&["add", &by_stranger]);
    assert!(refused.code == 2 && refused.err.contains("count for nothing"), "{}", refused.err);

    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["verify", &signed]).code, 0);
    let added = desk.attest(&["add", &signed, "--json"]);
    assert_eq!(added.json(), json!({ "entry": 0, "awaits_witnesses": false }), "{}", added.err);
    let ran = desk.attest(&["status", "mitigation-2020"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("who could lift: secretary-of-commerce (commerce)"), "{}", ran.out);
    assert!(ran.out.contains("in law it counts as met until"), "{}", ran.out);
    let rests = "rests on entry 0: audit-report about system:x, signed by auditor, taken up 2";
    assert!(ran.out.contains(rests), "{}", ran.out);
    let said = &desk.attest(&["status", "mitigation-2020", "--json"]).json()["said"][0];
    assert_eq!((&said["sha256"], &said["rests"]), (&json!(digest_of(&signed)), &json!(true)), "{said}");
}

#[test]
fn what_the_authority_does_itself_is_law_from_its_date_to_its_end_and_reinstatement_ends_it() {
    let order = "order:us-pafaca";
    let told = |acts: &[(&str, Value)]| -> Vec<String> {
        let mut log = Log(String::new(), 0);
        for (at, act) in acts {
            log.say(at, &["white-house"], Type::Act, order, act.clone());
        }
        let folder = folder(&log.0);
        // Between the 270th day and the posting of the first order not to enforce, as was known then.
        let at = ["2025-01-19T11:59:59Z", "2025-01-19T12:00:00Z", "2025-01-19T23:59:59Z", "2025-01-20T00:00:00Z"];
        let questions = at.map(|at| (String::from(&at[8..]), inquiry("app.distribute", at, Some(at))));
        answers(Some(folder.path()), &questions)
    };
    let signed = "2025-01-18T00:00:00Z";
    let act = |verb: &str| json!({ "act": verb, "from": "2025-01-19T12:00:00Z", "until": "2025-01-20T00:00:00Z" });
    let answer = |inside: &str, after: &str| {
        [
            String::from("19T11:59:59Z: prohibited (forbid)"),
            format!("19T12:00:00Z: {inside}"),
            format!("19T23:59:59Z: {inside}"),
            format!("20T00:00:00Z: {after}"),
        ]
    };
    let over = "prohibited (forbid)";
    assert_eq!(told(&[(signed, act("delay"))]), answer("permitted (permit)", over));
    assert_eq!(told(&[(signed, act("stay"))]), answer("stayed (forbid)", over));
    assert_eq!(told(&[(signed, act("forbear"))]), answer("not_enforced (refer)", over));
    let mut for_good = act("revoke");
    for_good.as_object_mut().unwrap().remove("until");
    assert_eq!(told(&[(signed, for_good)]), answer("permitted (permit)", "permitted (permit)"));
    let back = json!({ "act": "reinstate", "from": "2025-01-20T00:00:00Z" });
    let mut open = act("stay");
    open.as_object_mut().unwrap().remove("until");
    assert_eq!(told(&[(signed, open), ("2025-01-19T13:00:00Z", back)]), answer("stayed (forbid)", over));
    // Put off until nobody knows when, or while a condition holds: that is no such act.
    let mut endless = act("delay");
    endless.as_object_mut().unwrap().remove("until");
    assert_eq!(told(&[(signed, endless)]), answer(over, over));
    let mut conditional = act("stay");
    conditional["condition"] = json!("qualified-divestiture");
    assert_eq!(told(&[(signed, conditional)]), answer(over, over));
}

#[test]
fn a_condition_on_artefacts_is_told_of_what_is_distributed() {
    let mut log = Log(String::new(), 0);
    mitigation(&mut log);
    let folder = folder(&log.0);
    let status = |more: &[&str]| {
        let path = folder.path().display().to_string();
        let words = ["--attestations", &path, "attest", "status", "mitigation-2020", "--at", "2020-10-12T04:00:00Z"];
        run(&[&words[..], more].concat(), b"")
    };
    let met = status(&[]);
    assert!(met.code == 0 && met.out.contains(&format!("about: {APK}")), "{}{}", met.out, met.err);
    assert!(met.out.contains("in law it counts as met until 2020-10-31T00:00:00Z"), "{}", met.out);
    let told = status(&["--json"]).json();
    assert_eq!((&told["artifact"], &told["until"]), (&json!(APK), &json!("2020-10-28T00:00:00Z")));
    let asks = "build-reproduced about what is distributed; level is one of L0, L1; result is reproduced; not older than 365 \
                days";
    assert_eq!(told["takes"][5]["asks"], asks);
    let asks = "access-log about system:tiktok-us; unapproved is 0; for all of the time since 2020-10-01T00:00:00Z, with no gap \
                longer than 24 hours; not older than 10 days";
    assert_eq!(told["takes"][2]["asks"], asks);
    // One more that nobody has built: the one in the way is told of, and why.
    let other = "c".repeat(64);
    folder.write("artifacts", &format!("{APK}\n{other}\n"));
    let unmet = status(&[]);
    assert!(unmet.code == 1 && unmet.out.contains(&format!("about: {other}")), "{}", unmet.out);
    assert!(
        unmet.out.contains("code-reviewed: it is about what `code-reproduced` names, and nothing is"),
        "{}",
        unmet.out
    );
    let one = status(&["--artifact", APK]);
    assert!(one.code == 0 && one.out.contains("in law it counts as not met"), "one of two: {}", one.out);
    folder.write("artifacts", "");
    let nothing = status(&[]);
    assert!(nothing.code == 1 && nothing.out.contains("nobody has said what that is"), "{}", nothing.out);
    // One builder of two, and a month of access of which nothing is said.
    folder.write("artifacts", APK);
    let kept = |line: &&str| !line.contains("\"index\":5,") && !line.contains("\"index\":2,");
    folder.write("entries.ndjson", &log.0.lines().filter(kept).map(|line| format!("{line}\n")).collect::<String>());
    let mut log = Log(std::fs::read_to_string(folder.path().join("entries.ndjson")).unwrap(), 9);
    let built = json!({ "level": "L1", "result": "reproduced", "sourceDigest": SOURCE });
    let about = format!("artifact:{APK}");
    log.say("2020-10-18T00:00:01Z", &["rebuilder-1"], Type::BuildReproduced, &about, built);
    folder.write("entries.ndjson", &log.0);
    let path = folder.path().display().to_string();
    let words = ["--attestations", &path, "attest", "status", "mitigation-2020", "--at", "2020-10-19T00:00:00Z"];
    let unmet = run(&words, b"");
    assert!(unmet.out.contains("code-reproduced: somebody has said so (entry 9), and more have to"), "{}", unmet.out);
    assert!(
        unmet.out.contains("foreign-access-logged: there are reports (entry 8), and they leave a gap"),
        "{}",
        unmet.out
    );
}

#[test]
fn what_the_help_shows_can_be_signed_and_trusted_as_it_stands() {
    let desk = Desk::new();
    let help = desk.attest(&["sign", "--help"]).out;
    let shown = help.split_once("{\n  \"_type\"").and_then(|(_, rest)| rest.split_once("\n}\n")).unwrap().0;
    let shown = desk.folder.write("shown.json", &format!("{{\n  \"_type\"{shown}\n}}\n"));
    let der = desk.folder.path().join("key.der");
    std::fs::write(&der, pkcs8("auditor")).unwrap();
    assert_eq!(desk.attest(&["sign", &shown, "--key", &der.display().to_string()]).code, 0);
    let help = desk.attest(&["add", "--help"]).out;
    let shown = help.split_once("{\n  \"version\"").and_then(|(_, rest)| rest.split_once("\n}\n")).unwrap().0;
    let shown: Value = serde_json::from_str(&format!("{{\n  \"version\"{shown}\n}}")).unwrap();
    let trust = attest::Trust::read(&shown).unwrap();
    assert!(trust.accepts("one", Type::AuditReport, "system:x") && trust.knows("root"));
}

#[test]
fn what_would_count_for_nothing_is_refused_and_it_is_said_why() {
    let desk = Desk::new();
    let order = "order:us-doc-tiktok-id-v2";
    let refused = |file: &str, why: &str| {
        let ran = desk.attest(&["add", file]);
        assert!(ran.code == 2 && ran.err.contains(why), "{why}: {} {}", ran.code, ran.err);
    };
    // Signed by somebody, and not by enough or by those whom it takes.
    let lift = json!({ "act": "lift", "from": desk.now });
    refused(
        &desk.say(Type::Act, order, lift.clone(), &["jv"]),
        "it takes `secretary-of-commerce` on one statement; jv",
    );
    refused(
        &desk.say(Type::Act, "order:us-pafaca", json!({ "act": "lift", "from": desk.now }), &["jv"]),
        "`president`",
    );
    refused(&desk.say(Type::Act, "order:us-eo-13942", lift, &["commerce"]), "the order of no condition");
    let audit = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["add", &audit]).code, 0);
    refused(&audit, "as entry 0");
    let taken = |by: &str| {
        let targets = json!({ "targets": [{ "sha256": digest_of(&audit) }] });
        desk.say(Type::Revocation, order, targets, &[by])
    };
    refused(&taken("jv"), "takes nothing back");
    let before = json!({ "notAfter": "2020-10-01T00:00:00Z" });
    refused(&desk.say(Type::AuditReport, "system:x", before, &["monitor"]), "it held until 2020-10-01T00:00:00Z");
    let mut trust = trust();
    trust["accept"][10]["subject"] = json!("system:y");
    assert_eq!(trust["accept"][10]["type"], "audit-report");
    desk.folder.write("trust.json", &trust.to_string());
    refused(
        &desk.say(Type::AuditReport, "system:x", json!({}), &["monitor"]),
        "monitor may not say `audit-report` about",
    );

    // What cannot be taken at its word nobody signs, and nobody who is asked vouches for.
    let statement = desk.say(Type::Act, order, json!({ "act": "lift", "from": desk.now, "untill": desk.now }), &[]);
    let der = desk.folder.path().join("key.der");
    std::fs::write(&der, pkcs8("commerce")).unwrap();
    let ran = desk.attest(&["sign", &statement, "--key", &der.display().to_string()]);
    assert!(ran.code == 2 && ran.err.contains("`/predicate/untill`"), "{}", ran.err);
    let mut envelope = Envelope::parse(&std::fs::read(&audit).unwrap()).unwrap();
    envelope.payload_type = String::from("text/plain");
    envelope.signatures.clear();
    key("auditor").sign(&mut envelope);
    let ran = desk.attest(&["verify", &desk.folder.write("plain.json", &envelope.to_value().to_string())]);
    assert!(ran.code == 2 && ran.err.contains("`/payloadType`"), "{}{}", ran.out, ran.err);

    // Of two subjects one is somebody else's to speak of.
    let two = compose(
        Type::AuditReport,
        &[named_subject("system:y"), named_subject("system:x")],
        &json!({ "timeCreated": desk.now }),
    );
    let two = signed(&desk.folder, &desk.folder.write("two.json", &two.to_string()), "two", &["auditor"]);
    let ran = desk.attest(&["verify", &two]);
    assert!(ran.code == 3 && ran.out.contains("nobody of them may say so about system:x"), "{}{}", ran.out, ran.err);
    assert_eq!(desk.attest(&["verify", &two, "--json"]).json()["unheard"], json!(["system:x"]));

    let ran = desk.attest(&["status", "mitigation-2020", "--artifact", "abc"]);
    assert!(ran.code == 2 && ran.err.contains("`abc` is no SHA-256"), "{}", ran.err);
    let early = json!({ "targets": [{ "sha256": "0".repeat(64) }] });
    let early = desk.say(Type::Revocation, order, early, &["auditor"]);
    assert_eq!(desk.attest(&["add", &early]).out, "1\n", "what it takes back may be yet to come");
    let journal = desk.folder.write("none.ndjson", "");
    let ran = desk.attest(&["impact", "1", "--decisions", &journal]);
    assert!(ran.code == 2 && ran.err.contains("takes nothing back"), "{}{}", ran.out, ran.err);
    let mut without = self::trust();
    without["groups"].as_array_mut().unwrap().retain(|group| group["name"] != "justice");
    desk.folder.write("trust.json", &without.to_string());
    let ran = desk.attest(&["status", "qualified-divestiture"]);
    assert!(ran.out.contains("the trust document does not say who this is: justice"), "{}", ran.out);
    assert!(ran.out.contains("`justice` may object"), "{}", ran.out);
}

#[test]
fn a_folder_takes_up_no_more_than_it_can_read_again() {
    let desk = Desk::new();
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    let envelope = Envelope::parse(&std::fs::read(&signed).unwrap()).unwrap().to_value();
    // So many that nobody signed: they count for nothing, and are read all the same.
    let mut empty = envelope.clone();
    empty["payload"] = json!("e30=");
    let line = |index: u32| json!({ "index": index, "time": desk.now, "envelope": empty }).to_string() + "\n";
    desk.folder.write("entries.ndjson", &(0..10_000).map(line).collect::<String>());
    let ran = desk.attest(&["add", &signed]);
    assert!(ran.code == 2 && ran.err.contains("is full (10000 entries"), "{}", ran.err);
    assert_eq!(desk.attest(&["status", "mitigation-2020"]).code, 1, "it can still be read");
}

#[test]
fn an_oscal_assessment_becomes_a_statement_and_is_compared_with_what_was_signed() {
    let folder = Folder::new();
    let write = |name: &str, text: &str| folder.write(name, text);
    let results = json!({ "assessment-results": {
        "uuid": "a", "metadata": { "oscal-version": "1.1.3" },
        "results": [{ "start": "2026-01-01T00:00:00Z",
            "observations": [{ "uuid": "o", "collected": "2026-01-02T00:00:00Z" }],
            "findings": [{ "target": { "type": "objective-id", "target-id": "ac-2.a", "status": { "state": "satisfied" } },
                "related-observations": [{ "observation-uuid": "o" }] }] }]
    }});
    let file = write("results.json", &results.to_string());
    let required = write("required", "ac-2.a\n");
    let made = run(&["attest", "oscal", &file, "--system", "app", "--framework", "f", "--required", &required], b"");
    assert_eq!(made.code, 0, "{}", made.err);
    let said: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&said["predicate"]["satisfied"], &said["subject"][0]["name"]), (&json!(true), &json!("system:app")));
    let statement = write("statement.json", &made.out);
    let secret = folder.path().join("key").display().to_string();
    let signed = folder.path().join("signed.json").display().to_string();
    assert_eq!(run(&["log", "key", "assessor.example", "-o", &secret], b"").code, 0);
    assert_eq!(run(&["attest", "sign", &statement, "--key", &secret, "-o", &signed], b"").code, 0);
    let against = ["--required", &required, "--against", &signed];
    let compared = |file: &str| run(&[&["attest", "oscal", file], &against[..]].concat(), b"");
    let in_json = |file: &str| run(&[&["attest", "oscal", file, "--json"], &against[..]].concat(), b"");
    let same = compared(&file);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert_eq!(in_json(&file).json(), json!({ "same": true, "differences": [] }));
    let other = write("other.json", &results.to_string().replace("\"satisfied\"", "\"not-satisfied\""));
    let differs = compared(&other);
    assert_eq!(differs.code, 1, "{}{}", differs.out, differs.err);
    assert_eq!(
        differs.out,
        "differs from what the assessment comes to: document, satisfied, unsatisfied, unsatisfiedCount\n"
    );
    let differs = in_json(&other);
    assert_eq!((differs.code, &differs.json()["differences"][0]), (1, &json!("document")), "{}", differs.out);
    let broken = write("broken.json", &results.to_string().replace("2026-01-02T00:00:00Z", "lately"));
    let refused = compared(&broken);
    assert!(
        refused.code == 2 && refused.err.contains("/assessment-results/results/0/observations/0/collected"),
        "{}",
        refused.err
    );
}

#[test]
fn a_revocation_names_the_decisions_it_touches_and_reaches_the_service() {
    let desk = Desk::new();
    let signed = desk.say(Type::AuditReport, "system:x", json!({}), &["auditor"]);
    assert_eq!(desk.attest(&["add", &signed]).code, 0);
    // Which decisions rested on it: the one made while it held, about what the order is about.
    let later = attest::json::format_time(crate::lab::now() + 86_400);
    let event = |id: &str, at: &str, by: &[&str]| {
        json!({ "id": id, "time": at, "data": { "app": "tiktok", "valid_at": at, "provisions": [], "by": by } })
            .to_string()
    };
    let events = [
        event("before", "2020-10-01T00:00:00Z", &[]),
        event("while", &later, &[]),
        event("other", &later, &["us-pafaca"]),
    ];
    let journal = desk.folder.write("d.ndjson", &format!("{}\n", events.join("\n")));
    let said: Vec<Value> = vec![json!({ "sha256": digest_of(&signed) })];
    let revocation = desk.say(Type::Revocation, "order:us-doc-tiktok-id-v2", json!({ "targets": said }), &["auditor"]);
    let ran = desk.attest(&["impact", "0", "--decisions", &journal, "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("\"while\"") && !ran.out.contains("\"before\"") && !ran.out.contains("\"other\""),
        "{}",
        ran.out
    );

    // The service, live: the condition of the operator's pauses the list, and a revocation ends that.
    let mut serving = Serving::start(&["--attestations", &desk.attestations]);
    let edition = |serving: &Serving| {
        let body = inquiry("app.distribute", "2020-10-01T00:00:00Z", None).to_string();
        let (status, _, body) = serving.post("/access/v1/evaluation", body.as_bytes());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["context"]["law"]["edition"].clone()
    };
    let page = |serving: &Serving, path: &str| {
        let (status, _, body) = serving.get(path);
        assert_eq!(status, 200, "{body}");
        body
    };
    assert!(page(&serving, "/conditions").contains("/conditions/us-doc-tiktok-id-v2/mitigation-2020"));
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">met</span>"), "{standing}");
    // From the order to what it rests on by links: the instrument, the condition, the statement, who signed it.
    assert!(
        page(&serving, "/orders/us-doc-tiktok-id-v2")
            .contains("/orders/attested-us-doc-tiktok-id-v2-mitigation-2020-0")
    );
    let made = page(&serving, "/orders/attested-us-doc-tiktok-id-v2-mitigation-2020-0");
    assert!(made.contains("/conditions/us-doc-tiktok-id-v2/mitigation-2020"), "{made}");
    assert!(standing.contains(&digest_of(&signed)) && standing.contains(">auditor</td>"), "{standing}");
    let before = edition(&serving);
    let added = desk.attest(&["add", &revocation]);
    assert_eq!(added.out, "1\n", "{}", added.err);
    serving.hears("law in force");
    assert_ne!(edition(&serving), before, "what counts as met is part of the law that answers");
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">not met</span>"), "{standing}");
    assert!(standing.contains("revocation about") && standing.contains("no requirement rests on it now"), "{standing}");
    assert_eq!(serving.stop(), Some(0));
    assert_eq!(desk.attest(&["status", "mitigation-2020"]).code, 1, "revoked");

    // Without statements, what it would take.
    let serving = Serving::start(&[]);
    assert!(page(&serving, "/conditions").contains("No attestations are supplied here"));
    let standing = page(&serving, "/conditions/us-doc-tiktok-id-v2/mitigation-2020");
    assert!(standing.contains(">not met</span>") && standing.contains("reviewers"), "{standing}");
    assert_eq!(serving.stop(), Some(0));

    std::fs::write(desk.folder.path().join("entries.ndjson"), "{\"index\":0").unwrap();
    let ran = desk.attest(&["status"]);
    assert!(ran.code == 2 && ran.err.contains("cut off"), "{}", ran.err);
}
