//! OSCAL assessments: what they come to, what in them counts for nothing, and files that another reader refuses too.

use crate::foreign::python;
use crate::world::{World, condition, key, principal, sign, small_trust, t};
use attest::Standing;
use attest::oscal::Assessment;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const SIGNED: &str = "2026-03-20T00:00:00Z";

fn uuid(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn finding(number: u32, control: &str, state: &str, observation: u32) -> Value {
    json!({
        "uuid": uuid(100 + number), "title": control, "description": "what was found",
        "target": { "type": "objective-id", "target-id": control, "status": { "state": state } },
        "related-observations": [{ "observation-uuid": uuid(observation) }]
    })
}

/// Three controls, two observations, one risk that is open until the end of May.
fn assessment() -> Value {
    json!({ "assessment-results": {
        "uuid": uuid(1),
        "metadata": { "title": "Assessment", "last-modified": "2026-03-15T12:00:00Z", "version": "1", "oscal-version": "1.1.3" },
        "import-ap": { "href": "plan.json" },
        "results": [{
            "uuid": uuid(2), "title": "March", "description": "all of it",
            "start": "2026-03-01T00:00:00Z", "end": "2026-03-15T00:00:00Z",
            "reviewed-controls": { "control-selections": [{ "include-all": {} }] },
            "observations": [
                { "uuid": uuid(10), "description": "tested", "methods": ["TEST"],
                  "collected": "2026-03-02T00:00:00Z", "expires": "2026-09-01T00:00:00Z" },
                { "uuid": uuid(11), "description": "asked", "methods": ["INTERVIEW"], "collected": "2026-03-10T00:00:00Z" }
            ],
            "risks": [{ "uuid": uuid(20), "title": "patches", "description": "late", "statement": "patches are late",
                "status": "open", "deadline": "2026-05-31T00:00:00Z" }],
            "findings": [
                finding(0, "ac-2.a", "satisfied", 10), finding(1, "ac-3.a", "satisfied", 11),
                finding(2, "si-2.a", "satisfied", 11)
            ]
        }]
    }})
}

fn read(value: &Value) -> Assessment {
    Assessment::read(value.to_string().as_bytes()).unwrap()
}

fn required(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn made(value: &Value, names: &[&str], at: &str) -> Value {
    read(value).statement("s", "nist-800-53", &required(names), t(at)).unwrap()
}

#[test]
fn an_assessment_comes_to_one_answer_until_something_in_it_ends() {
    let whole = assessment();
    let all = ["ac-2.a", "ac-3.a", "si-2.a"];
    let statement = made(&whole, &all, SIGNED);
    let said = &statement["predicate"];
    assert_eq!((&said["satisfied"], &said["controls"], &said["unsatisfied"]), (&json!(true), &json!(3), &json!([])));
    assert_eq!(
        (&said["periodStart"], &said["periodEnd"]),
        (&json!("2026-03-02T00:00:00Z"), &json!("2026-03-10T00:00:00Z"))
    );
    assert_eq!(said["notAfter"], json!("2026-05-31T00:00:00Z"), "the deadline comes before the observation expires");
    // A deadline that has passed, or an observation that has expired.
    let late = made(&whole, &all, "2026-06-01T00:00:00Z");
    assert_eq!(
        (&late["predicate"]["satisfied"], &late["predicate"]["overdueRisks"]),
        (&json!(false), &json!([uuid(20)]))
    );
    let mut closed = whole.clone();
    closed["assessment-results"]["results"][0]["risks"][0]["status"] = json!("closed");
    let closed_at = |at| made(&closed, &all, at)["predicate"]["satisfied"].clone();
    assert_eq!((closed_at("2026-08-31T23:59:59Z"), closed_at("2026-09-01T00:00:00Z")), (json!(true), json!(false)));
    // What was found once does not get younger because something else was looked at again.
    let mut stale = whole.clone();
    stale["assessment-results"]["results"][0]["observations"][0].as_object_mut().unwrap().remove("expires");
    let stale = &made(&stale, &all, SIGNED)["predicate"];
    assert_eq!(
        (&stale["periodStart"], &stale["periodEnd"]),
        (&json!("2026-03-01T23:59:59Z"), &json!("2026-03-02T00:00:00Z"))
    );
    let twelve = "2026-03-09T00:00:00Z";
    assert!(read(&whole).statement("s", "f", &BTreeSet::new(), t(twelve)).is_err(), "observed after it was signed");
}

#[test]
fn what_is_missing_contradictory_repeated_or_unobserved_is_not_satisfied() {
    let whole = assessment();
    let unsatisfied = |value: &Value, names: &[&str]| {
        let said = made(value, names, SIGNED)["predicate"].clone();
        assert_eq!(said["satisfied"], json!(said["unsatisfied"] == json!([])));
        said["unsatisfied"].clone()
    };
    assert_eq!(unsatisfied(&whole, &["ac-2.a", "sc-7.a"]), json!(["sc-7.a"]), "nothing was found about it");
    let findings = "/assessment-results/results/0/findings";
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut value = whole.clone();
        change(value.pointer_mut(findings).unwrap().as_array_mut().unwrap());
        unsatisfied(&value, &[])
    };
    assert_eq!(changed(&|list| list[1]["target"]["status"]["state"] = json!("not-satisfied")), json!(["ac-3.a"]));
    assert_eq!(changed(&|list| list.push(finding(9, "ac-2.a", "satisfied", 10))), json!(["ac-2.a"]), "said twice");
    assert_eq!(changed(&|list| list.push(finding(9, "si-2.a", "not-satisfied", 10))), json!(["si-2.a"]));
    assert_eq!(
        changed(&|list| drop(list[0].as_object_mut().unwrap().remove("related-observations"))),
        json!(["ac-2.a"])
    );
    // The same, in two results.
    let mut two = whole.clone();
    let results = two["assessment-results"]["results"].as_array_mut().unwrap();
    results.push(results[0].clone());
    assert_eq!(unsatisfied(&two, &[]), json!(["ac-2.a", "ac-3.a", "si-2.a"]));
}

#[test]
fn a_signed_statement_says_what_the_file_comes_to_or_where_it_differs() {
    let whole = assessment();
    let names = required(&["ac-2.a"]);
    let signed = made(&whole, &["ac-2.a"], SIGNED);
    let payload = |value: &Value| value.to_string().into_bytes();
    assert_eq!(read(&whole).differences(&payload(&signed), &names).unwrap(), Vec::<String>::new());
    let mut other = whole.clone();
    other["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = json!("not-satisfied");
    let told = read(&other).differences(&payload(&signed), &names).unwrap();
    assert_eq!(told, ["document", "satisfied", "unsatisfied", "unsatisfiedCount"]);
    for (name, value) in [("notAfter", json!("2027-01-01T00:00:00Z")), ("satisfied", json!(false)), ("more", json!(1))]
    {
        let mut forged = signed.clone();
        forged["predicate"][name] = value;
        assert_eq!(read(&whole).differences(&payload(&forged), &names).unwrap(), [name]);
    }
    assert_eq!(read(&whole).differences(&payload(&signed), &required(&[])).unwrap(), ["required"]);
}

#[test]
fn a_condition_rests_on_the_assessment_until_its_deadline() {
    let mut trust = small_trust();
    trust["principals"].as_array_mut().unwrap().push(principal("assessor", "third"));
    trust["accept"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "by": "assessor", "type": "oscal-assessment", "subject": "system:*" }));
    let mut world = World::new(trust);
    world.push(SIGNED, sign(&made(&assessment(), &["ac-2.a", "ac-3.a"], SIGNED), &["assessor"]));
    let condition = condition(json!({ "req": "controls", "type": "oscal-assessment", "subject": "system:s",
        "claims": [["/framework", "=", "nist-800-53"], ["/satisfied", "=", true]], "by": "assessor", "maxAge": "P60D" }));
    let history = world.history();
    let met = |at: &str| Standing::new(&condition, &history.at(t(at)), None).answer(t(at)).met;
    assert!(met(SIGNED) && met("2026-05-08T23:59:59Z"));
    // Sixty days after the last observation, before the deadline of the risk.
    assert!(!met("2026-05-09T00:00:00Z"));
    assert!(key("assessor").key().spki().len() > 40);
}

/// A plan against two risks, one of which is done with.
fn plan() -> Value {
    let risk = |number: u32, status: &str, deadline: &str| {
        json!({ "uuid": uuid(number), "title": "patches", "description": "late", "statement": "patches are late",
            "status": status, "deadline": deadline })
    };
    let item = |number: u32| {
        json!({ "uuid": uuid(100 + number), "title": "patch", "description": "all of it",
            "related-risks": [{ "risk-uuid": uuid(number) }] })
    };
    json!({ "plan-of-action-and-milestones": {
        "uuid": uuid(1),
        "metadata": { "title": "Plan", "last-modified": "2026-03-15T12:00:00Z", "version": "1", "oscal-version": "1.1.3" },
        "risks": [risk(20, "open", "2026-05-31T00:00:00Z"), risk(21, "closed", "2026-01-31T00:00:00Z")],
        "poam-items": [item(20), item(21)]
    }})
}

#[test]
fn a_plan_of_action_is_on_time_until_a_deadline_and_finds_nothing_satisfied() {
    let said = |value: &Value, at: &str| made(value, &[], at)["predicate"].clone();
    let now = said(&plan(), SIGNED);
    assert_eq!((&now["onTime"], &now["notAfter"]), (&json!(true), &json!("2026-05-31T00:00:00Z")));
    assert_eq!(now.get("satisfied"), None, "no plan meets what an assessment has to meet");
    assert_eq!(
        (&now["periodEnd"], &now["oscal"]["model"]),
        (&json!("2026-03-15T12:00:00Z"), &json!("plan-of-action-and-milestones"))
    );
    let late = said(&plan(), "2026-06-01T00:00:00Z");
    assert_eq!((&late["onTime"], &late["overdueRisks"]), (&json!(false), &json!([uuid(20)])));
    let signed = json!(made(&plan(), &[], SIGNED)).to_string();
    assert_eq!(read(&plan()).differences(signed.as_bytes(), &required(&[])).unwrap(), Vec::<String>::new());
    assert!(read(&plan()).statement("s", "f", &BTreeSet::new(), t("2026-03-15T00:00:00Z")).is_err(), "edited later");
    let mut dangling = plan();
    dangling["plan-of-action-and-milestones"]["poam-items"][0]["related-risks"][0]["risk-uuid"] = json!(uuid(9));
    let why = |value: &Value| Assessment::read(value.to_string().as_bytes()).unwrap_err().to_string();
    assert!(why(&dangling).contains("no such risk"));
    let mut empty = plan();
    empty["plan-of-action-and-milestones"]["poam-items"] = json!([]);
    assert!(why(&empty).contains("between 1"));
}

/// Where a member stands, and what is put there; nothing takes it out.
type Change = (&'static str, Option<Value>);

#[test]
fn files_that_are_no_assessment_are_refused_here_and_by_another_reader() {
    let result = "/assessment-results/results/0";
    let at = |path: &str| format!("{result}{path}");
    let changes: [(String, Change); 6] = [
        (at("/observations/0"), ("collected", None)),
        (at("/observations/0"), ("collected", Some(json!("yesterday")))),
        (at("/findings/0/target/status"), ("state", Some(json!("perhaps")))),
        (at("/findings/0/target"), ("type", Some(json!("control")))),
        (at("/findings/0"), ("target", None)),
        (at(""), ("start", None)),
    ];
    let mut files = vec![(assessment(), true)];
    for (place, (name, value)) in changes {
        let mut changed = assessment();
        let members = changed.pointer_mut(&place).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => drop(members.insert(name.to_owned(), value)),
            None => drop(members.remove(name)),
        }
        files.push((changed, false));
    }
    let without = |place: &str, name: &str| {
        let mut changed = plan();
        changed.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
        (changed, false)
    };
    let body = "/plan-of-action-and-milestones";
    files.extend([(plan(), true), without(body, "poam-items"), without(&format!("{body}/metadata"), "last-modified")]);
    for (file, sound) in &files {
        assert_eq!(Assessment::read(file.to_string().as_bytes()).is_ok(), *sound, "{file}");
    }
    // What only this reader asks: that everything a finding rests on is there, and nothing is said twice.
    let mut dangling = assessment();
    dangling["assessment-results"]["results"][0]["findings"][0]["related-observations"][0]["observation-uuid"] =
        json!(uuid(99));
    assert!(
        Assessment::read(dangling.to_string().as_bytes()).is_err_and(|fault| fault.why.contains("no such observation"))
    );
    let text = assessment().to_string();
    let twice = text.replacen("\"state\":\"satisfied\"", "\"state\":\"not-satisfied\",\"state\":\"satisfied\"", 1);
    assert!(Assessment::read(twice.as_bytes()).is_err_and(|fault| fault.why.contains("twice")));
    let old = text.replacen("1.1.3", "1.0.4", 1);
    assert!(Assessment::read(old.as_bytes()).is_err_and(|fault| fault.why.contains("1.0.4")));
    let long = vec![b' '; attest::oscal::FILE_BYTES_MAX + 1];
    assert!(Assessment::read(&long).is_err_and(|fault| fault.why.contains("longer")));
    let other = json!({ "catalog": {} }).to_string();
    assert!(Assessment::read(other.as_bytes()).is_err_and(|fault| fault.why.contains("assessment-results")));

    let Some(python) = python() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oscal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let paths = files.iter().enumerate().map(|(number, (file, _))| {
        let path = folder.join(format!("{number}.json"));
        std::fs::write(&path, file.to_string()).unwrap();
        path
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/oscal.py");
    let output = Command::new(python).arg(script).args(paths).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: Vec<bool> = told.lines().map(|line| line == "sound").collect();
    let ours: Vec<bool> = files.iter().map(|(_, sound)| *sound).collect();
    assert_eq!(theirs, ours, "{told}{}", String::from_utf8_lossy(&output.stderr));
}
