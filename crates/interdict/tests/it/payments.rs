//! `interdict pay screen` on the cases of `corpora/payments`, and on the sample messages beside the repository.

use crate::program::{Folder, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A line of a case file with what holds for it.
struct Case {
    at: String,
    known: String,
    day: String,
    fields: Vec<(String, String)>,
    outcome: String,
    subject: String,
    role: String,
    note: String,
}

fn cases(name: &str) -> Vec<Case> {
    let path = root().join("corpora/payments").join(name);
    let text = std::fs::read_to_string(&path).expect("the case file");
    let (mut context, mut cases) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if cells[0] == "@" {
            context = cells;
            continue;
        }
        let [_, known, day, payer, payee, code] = context.as_slice() else { panic!("{name}: a context first") };
        let [what, outcome, subject, role, note] = cells.as_slice() else { panic!("{name}:{number}: five cells") };
        let mut fields = vec![
            (String::from("Dbtr/Nm"), String::from("Acme Supplies LLC")),
            (String::from("Cdtr/Nm"), String::from("Orchard Foods LLC")),
            (String::from("Dbtr/PstlAdr/Ctry"), payer.clone()),
            (String::from("Cdtr/PstlAdr/Ctry"), payee.clone()),
            (String::from("Purp/Cd"), code.clone()),
        ];
        for pair in what.split("; ") {
            let (path, text) = pair.split_once('=').expect("field=text");
            match fields.iter_mut().find(|(known, _)| known == path) {
                Some((_, known)) => text.clone_into(known),
                None => fields.push((path.to_owned(), text.to_owned())),
            }
        }
        fields.retain(|(_, text)| text != "-");
        cases.push(Case {
            at: format!("{name}:{number}"),
            known: known.clone(),
            day: day.clone(),
            fields,
            outcome: outcome.clone(),
            subject: subject.clone(),
            role: role.clone(),
            note: note.clone(),
        });
    }
    cases
}

/// Elements from paths; those that begin alike stand in one element.
#[derive(Default)]
struct Element {
    children: Vec<(String, Element)>,
    text: String,
}

impl Element {
    fn set(&mut self, path: &str, text: &str) {
        let Some((first, rest)) = path.split_once('/') else {
            self.children.push((path.to_owned(), Self { text: text.to_owned(), ..Self::default() }));
            return;
        };
        let known = self.children.iter().position(|(name, _)| name == first);
        let at = known.unwrap_or_else(|| {
            self.children.push((first.to_owned(), Self::default()));
            self.children.len() - 1
        });
        self.children[at].1.set(rest, text);
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.text.replace('&', "&amp;").replace('<', "&lt;"));
        for (name, child) in &self.children {
            write!(out, "<{name}>").expect("written");
            child.write(out);
            write!(out, "</{name}>").expect("written");
        }
    }
}

fn message(cases: &[&Case]) -> String {
    let mut xml = String::from(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>CASES</MsgId><CreDtTm>2020-09-25T10:00:00Z</CreDtTm></GrpHdr>",
    );
    for (n, case) in cases.iter().enumerate() {
        let mut transaction = Element::default();
        transaction.set("PmtId/TxId", &format!("T{n}"));
        if case.day != "-" {
            transaction.set("IntrBkSttlmDt", &case.day);
        }
        for (path, text) in &case.fields {
            transaction.set(path, text);
        }
        xml.push_str("<CdtTrfTxInf>");
        transaction.write(&mut xml);
        xml.push_str("</CdtTrfTxInf>\n");
    }
    xml.push_str("</FIToFICstmrCdtTrf></Document>");
    xml
}

fn screen(known: &str, file: &str) -> (i32, Vec<Value>) {
    let what_if = root().join("examples/bank/as-if-wallets.order").display().to_string();
    let mut words = vec!["pay", "screen", "--json"];
    match known {
        "filed" => words.extend(["--known-at", "2020-09-19T10:00-04:00"]),
        "asif" => words.extend(["--what-if", &what_if]),
        "all" => {}
        other => panic!("unknown `{other}`"),
    }
    words.push(file);
    let ran = run(&words, b"");
    assert!(ran.err.is_empty(), "{}", ran.err);
    (ran.code, ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn check(name: &str) -> usize {
    let cases = cases(name);
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for known in ["filed", "all", "asif"] {
        let mine: Vec<&Case> = cases.iter().filter(|case| case.known == known).collect();
        if mine.is_empty() {
            continue;
        }
        let (_, answers) = screen(known, &folder.write(&format!("{known}.xml"), &message(&mine)));
        assert_eq!(answers.len(), mine.len() + 1, "one line a transaction and the accounts");
        for (case, answer) in mine.iter().zip(&answers) {
            let outcome = answer["outcome"].as_str().expect("an outcome");
            let empty = Vec::new();
            let evidence = answer["evidence"].as_array().unwrap_or(&empty);
            let met = match case.subject.as_str() {
                "-" => evidence.is_empty(),
                subject => evidence.iter().any(|e| e["subject"] == subject && e["role"] == case.role.as_str()),
            };
            let trap = case.note.starts_with("trap") && outcome == "reject";
            if outcome != case.outcome || !met || trap {
                let reasons = &answer["reasons"];
                wrong.push(format!(
                    "{} {:?}: {outcome}, expected {} ({}); {reasons}",
                    case.at, case.fields, case.outcome, case.note
                ));
            }
            if outcome == "reject" {
                let law = &answer["law"];
                let cited =
                    law.as_array().is_some_and(|law| law.iter().any(|law| law["grounds"][0]["provision"].is_string()));
                let dated = answer["value_date"]["day"].is_string();
                let placed = answer["payer"]["place"].is_string() || answer["payee"]["place"].is_string();
                assert!(
                    cited && dated && placed,
                    "{}: a rejection names paragraph, date, place and role: {answer}",
                    case.at
                );
            }
            assert_eq!(answer["as_if"], known == "asif");
        }
        let accounts = &answers.last().expect("accounts")["summary"];
        assert_eq!(accounts["in"], mine.len());
        assert_eq!(accounts["balance"], true);
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

#[test]
fn core_cases_come_out_as_labelled() {
    assert!(check("core.cases") >= 300);
}

#[test]
fn generated_cases_come_out_as_their_rules_say() {
    assert!(check("generated.cases") >= 1_200);
}

/// The folder of sample data beside the repository, where there is one.
fn data(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data/screening").join(name);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(option_env!("CI"), Some("true"), "{name} is not there");
    println!("skipped: no {name} beside the repository");
    None
}

#[test]
fn sample_messages_pass_with_their_books_balanced() {
    let Some(folder) = data("iso20022/cbprplus/y2025") else { return };
    let mut by_code: BTreeMap<i32, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (code, answers) = screen("all", &path.display().to_string());
        let accounts = &answers.last().expect("accounts")["summary"];
        assert_eq!(accounts["balance"], true, "{name}");
        let reads = ["pacs.008", "pacs.009", "pain.001"].iter().any(|kind| name.starts_with(kind));
        assert_eq!(code, if reads { 0 } else { 4 }, "{name}");
        *by_code.entry(code).or_default() += 1;
    }
    assert_eq!(by_code.keys().copied().collect::<Vec<_>>(), [0, 4]);
}

const PAIN: &str = "<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn><GrpHdr><MsgId>PM1</MsgId><CreDtTm>2020-09-24T10:00:00Z</CreDtTm><NbOfTxs>2</NbOfTxs><InitgPty><Nm>Acme LLC</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>B1</PmtInfId><ReqdExctnDt><Dt>2020-09-25</Dt></ReqdExctnDt><Dbtr><Nm>Acme LLC</Nm><PstlAdr><Ctry>US</Ctry></PstlAdr></Dbtr><CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId><Amt><InstdAmt Ccy='USD'>10</InstdAmt></Amt><Cdtr><Nm>WeChat Pay</Nm></Cdtr></CdtTrfTxInf><CdtTrfTxInf><PmtId><EndToEndId>E2 &amp; more</EndToEndId></PmtId><Amt><InstdAmt Ccy='USD'>10</InstdAmt></Amt><Cdtr><Nm>Bob</Nm></Cdtr></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>";

const FILED: &str = "2020-09-19T10:00-04:00";

#[test]
fn answers_are_valid_by_the_schemas() {
    let Some(schemas) = data("iso20022/xsd") else { return };
    if std::process::Command::new("xmllint").arg("--version").output().is_err() {
        assert_ne!(option_env!("CI"), Some("true"), "xmllint is not installed");
        println!("skipped: no xmllint");
        return;
    }
    let folder = Folder::new();
    let pacs = message(&cases("core.cases").iter().filter(|case| case.known == "filed").collect::<Vec<_>>());
    let mut checked = 0;
    for (name, text, schema) in [("pain", PAIN, "pain.002.001.10.xsd"), ("pacs", &pacs, "pacs.002.001.10.xsd")] {
        let file = folder.write(&format!("{name}.xml"), text);
        for rail in ["iso", "sct-inst", "fednow", "tch"] {
            let answers = folder.path().join(format!("{name}-{rail}"));
            let words = [
                "pay",
                "screen",
                "--known-at",
                FILED,
                "--answers",
                &answers.display().to_string(),
                "--rail",
                rail,
                &file,
            ];
            assert_eq!(run(&words, b"").code, 1);
            for answer in std::fs::read_dir(&answers).expect("answers") {
                let path = answer.expect("readable").path();
                let lint = std::process::Command::new("xmllint")
                    .args(["--noout", "--schema"])
                    .arg(schemas.join(schema))
                    .arg(&path)
                    .output();
                let lint = lint.expect("xmllint runs");
                assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stderr));
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 8);
}

#[test]
fn other_formats_come_to_the_same() {
    let folder = Folder::new();
    let mt = "{1:F01CHASUS33AXXX0000000000}{2:I103BKCHCNBJXXXXN}{4:\n:20:R\n:32A:200925USD12,50\n:50K:/1\nACME LLC\n:52A:CHASUS33\n:59:/2\nWECHAT PAY\n-}\n";
    let csv = "payee,amount,ccy,day,from\nWeChat Pay,12.50,USD,2020-09-25,US\n";
    let map = folder.write(
        "map",
        "payee = Cdtr/Nm\namount = IntrBkSttlmAmt\nccy = currency\nday = IntrBkSttlmDt\nfrom = Dbtr/PstlAdr/Ctry\n",
    );
    let json = "{\"payee\":\"WeChat Pay\",\"amount\":12.5,\"day\":\"2020-09-25\",\"from\":\"US\"}\n";
    let card =
        "{\"DE43\":\"WEIXIN*MEITUAN SHENZHEN CN\",\"DE15\":\"2020-09-25\",\"payer_country\":\"US\",\"DE4\":\"9.00\"}\n";
    let settings = folder.write("interdict.toml", "[payments.maps]\nrows = \"map\"\n");
    let serving = crate::program::Serving::start_with(&[], &["--settings", &settings]);
    for (format, text) in [("auto", mt), ("mt103", mt), ("csv", csv), ("json", json), ("iso8583", card)] {
        let (status, _, body) = serving
            .post(&format!("/payments/v1/screen?known_at={FILED}&format={format}&map=rows&rail=iso"), text.as_bytes());
        let lines = json_lines(&body);
        let [verdict, answer, accounts] = lines.as_slice() else { panic!("{format}: {body}") };
        assert_eq!((status, &verdict["outcome"]), (200, &Value::from("reject")), "{format}: {body}");
        let answer = answer["answer"]["xml"].as_str().expect("an answer");
        assert!(answer.contains("<TxSts>RJCT</TxSts>") && answer.contains("<Cd>RR04</Cd>"), "{answer}");
        assert_eq!(accounts["summary"]["in"], 1);
        let file = folder.write("payments", text);
        let ran = run(&["pay", "screen", "--known-at", FILED, "--json", "--format", format, "--map", &map, &file], b"");
        let first: Value = serde_json::from_str(ran.out.lines().next().expect("a line")).expect("JSON");
        assert_eq!((ran.code, &first["outcome"]), (1, &Value::from("reject")), "{format}: {} {}", ran.out, ran.err);
    }
    let ran = run(&["pay", "screen", "--format", "csv", &map], b"");
    assert!(ran.code == 2 && ran.err.contains("--map"), "{}", ran.err);
    for (query, why) in [("format=csv", "[payments.maps]"), ("format=pdf", "none of auto"), ("rail=x", "none of iso")] {
        let (status, _, body) = serving.post(&format!("/payments/v1/screen?{query}"), csv.as_bytes());
        assert!(status == 400 && body.contains(why), "{query}: {body}");
    }
    assert_eq!(serving.stop(), Some(0));
    let settings = folder.write("wrong.toml", "[payments]\nfrozen_under = \"an order\"\n");
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--settings", &settings], b"");
    assert!(refused.code == 2 && refused.err.contains("needs `lists`"), "{}", refused.err);
}

#[test]
fn the_page_speaks_in_words_of_what_there_is() {
    let folder = Folder::new();
    let map =
        folder.write("map", "payee = Cdtr/Nm\nday = IntrBkSttlmDt\namount = IntrBkSttlmAmt\ncurrency = currency\n");
    let page = |payee: &str, known: &[&str]| {
        let row = |amount: &str, currency: &str| format!("{payee},2020-09-25,{amount},{currency}\n");
        let rows = [row("12.30", "USD"), row("1.05", "USD"), row("100", "JPY")].concat();
        let file = folder.write("payments", &format!("payee,day,amount,currency\n{rows}"));
        let page = folder.path().join("page.html").display().to_string();
        run(&[&["pay", "screen", "--format", "csv", "--map", &map, "--html", &page], known, &[&file]].concat(), b"");
        std::fs::read_to_string(page).expect("a page")
    };
    let held = page("WeChat Pay", &["--known-at", FILED]);
    assert!(held.contains("<mark>WeChat Pay</mark>"), "{held}");
    assert!(held.contains("not known: ") && held.contains("where the payee is"), "{held}");
    assert!(!held.contains("payee_place") && !held.contains("Let through"), "{held}");
    let paragraph =
        "<code>us-doc-wechat-id:5</code></td><td class=\"n\">3</td><td class=\"n\">100.00 JPY 13.35 USD </td>";
    assert!(held.contains(paragraph), "{held}");
    let order = root().join("examples/bank/as-if-wallets.order").display().to_string();
    assert!(page("WeChat Pay", &["--what-if", &order]).contains("Nothing on this page may be acted on"));
    assert!(page("WeChat Pay", &[]).contains("Let through, with a reason"));
    assert!(!page("Orchard Foods LLC", &[]).contains("Let through"));
}

#[test]
fn who_is_on_a_list_is_held_and_blocked_only_where_an_order_freezes() {
    let folder = Folder::new();
    let list = folder.write(
        "sdn.csv",
        "906,\"EXAMPLE BANK LIMITED\",-0- ,\"CUBA\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"SWIFT/BIC EXMPGB2L; Website www.example.org.\"\n\
         907,\"OSTERBAUM, Ferdinand Maria\",\"individual\",\"X\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"DOB 1960.\"\n",
    );
    let payment = |id: &str, payee: &str, bank: &str| {
        format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId><TxId>{id}</TxId></PmtId><IntrBkSttlmAmt Ccy=\"USD\">1.00</IntrBkSttlmAmt><IntrBkSttlmDt>2024-05-06</IntrBkSttlmDt><Dbtr><Nm>Acme LLC</Nm></Dbtr><CdtrAgt><FinInstnId><BICFI>{bank}</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>{payee}</Nm></Cdtr></CdtTrfTxInf>"
        )
    };
    // Its last word cut off at the 22 characters a clearing house has room for.
    assert_eq!("Ferdinand Maria Osterb".len(), 22);
    let rows = [
        payment("code", "Orchard Foods LLC", "EXMPGB2LXXX"),
        payment("name", "Ferdinand Maria Osterbaum", "CHASUS33XXX"),
        payment("slip", "Ferdinant Maria Osterbaum", "CHASUS33XXX"),
        payment("other", "Ferdinand Huber", "CHASUS33XXX"),
        payment("cut", "Ferdinand Maria Osterb", "CHASUS33XXX"),
        payment("short", "Ferdinand Maria Oster", "CHASUS33XXX"),
    ];
    let file = folder.write(
        "lists.xml",
        &format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>L3</MsgId></GrpHdr>{}</FIToFICstmrCdtTrf></Document>",
            rows.concat()
        ),
    );
    let outcomes = |words: &[&str]| -> Vec<String> {
        let ran = run(&[&["pay", "screen", "--json"], words, &[&file]].concat(), b"");
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter_map(|line| line["outcome"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(outcomes(&[]), ["pass"; 6]);
    let by_list = ["review", "review", "review", "pass", "review", "pass"];
    assert_eq!(outcomes(&["--list", &list]), by_list);
    let told = json_lines(&run(&["pay", "screen", "--json", "--list", &list, &file], b"").out);
    let met = |n: usize| &told[n]["evidence"][0];
    let pair = |text: &str, similarity: u16| serde_json::json!({ "text": text, "alias": "ferdinand", "similarity_permille": similarity });
    assert!(met(1)["aligned"].as_array().expect("pairs").contains(&pair("ferdinand", 1_000)), "{}", met(1));
    let slip = pair("ferdinant", 961);
    assert!(met(2)["aligned"].as_array().expect("pairs").contains(&slip), "{}", met(2));
    assert_eq!((&met(1)["unmatched"], &met(1)["alias_unmatched"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(met(4)["grade"], "cut");
    // The service looks through the same lists.
    let settings = folder.write("interdict.toml", "[payments]\nlists = [\"sdn.csv\"]\n");
    let serving = crate::program::Serving::start_with(&[], &["--settings", &settings]);
    let (_, _, body) =
        serving.post("/payments/v1/screen", std::fs::read_to_string(&file).expect("the file").as_bytes());
    let asked: Vec<Value> = json_lines(&body).iter().filter_map(|line| line.get("outcome").cloned()).collect();
    assert_eq!(asked, by_list);
    assert_eq!(serving.stop(), Some(0));
    let answers = folder.path().join("frozen").display().to_string();
    let frozen = ["--list", &list, "--frozen-under", "31 CFR part 515", "--answers", &answers];
    assert_eq!(outcomes(&frozen), ["block", "review", "review", "pass", "review", "pass"]);
    let answer = std::fs::read_dir(&answers).expect("answers").next().expect("one").expect("readable").path();
    let answer = std::fs::read_to_string(answer).expect("read");
    assert!(answer.contains("<TxSts>BLCK</TxSts>") && answer.contains("<Cd>AM07</Cd>"), "{answer}");
    let ran = run(&["pay", "screen", "--list", &file, &file], b"");
    assert!(ran.code == 2 && ran.err.contains("no names in it"), "{}", ran.err);
    let packed = folder.write("sdn.csv.gz", "\u{1f}\u{8b}\u{8}\0OSTERBAUM, Ferdinand\nHUBER, Ferdinand\n");
    let ran = run(&["pay", "screen", "--list", &packed, &file], b"");
    assert!(ran.code == 2 && ran.err.contains("unpack it first"), "{}", ran.err);
    let ran = run(&["pay", "screen", "--frozen-under", "x", &file], b"");
    assert!(ran.code == 2 && ran.err.contains("--list"), "{}", ran.err);
}

#[test]
fn a_file_is_parted_byte_for_byte() {
    let folder = Folder::new();
    let file = folder.write("in.xml", PAIN);
    let (released, held) = (folder.path().join("released.xml"), folder.path().join("held.xml"));
    let words = [
        "pay",
        "split",
        "--known-at",
        FILED,
        "--released",
        &released.display().to_string(),
        "--held",
        &held.display().to_string(),
        &file,
    ];
    let ran = run(&[&words[..], &["--json"]].concat(), b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = ran.json();
    let part = |file: &PathBuf, id: &str| serde_json::json!({ "file": file, "transactions": 1, "message": { "was": "PM1", "is": id } });
    assert_eq!((&told["released"], &told["held"]), (&part(&released, "PM1-R"), &part(&held, "PM1-H")), "{told}");
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("written");
    assert!(read(&released).contains("E2 &amp; more") && !read(&released).contains("WeChat"));
    assert!(
        read(&held).contains("WeChat Pay")
            && read(&held).contains("<NbOfTxs>1</NbOfTxs>")
            && read(&held).contains("PM1-H")
    );
    // A message of one transaction, as all across borders are, is on one side as it came.
    for (payee, code) in [("WeChat Pay", 1), ("Orchard Foods LLC", 0)] {
        let text = cross_border(1, "pacs.008", payee, "US");
        let whole = folder.write("whole.xml", &text);
        let words: Vec<&str> = words.iter().map(|word| if *word == file { whole.as_str() } else { word }).collect();
        assert_eq!(run(&words, b"").code, code);
        let expected = if code == 0 { (text, String::new()) } else { (String::new(), text) };
        assert_eq!((read(&released), read(&held)), expected, "{payee}");
    }
    let signed = folder.write("signed.xml", &PAIN.replace("</GrpHdr>", "</GrpHdr><Sgntr/>"));
    let ran = run(&["pay", "split", "--released", "/dev/null", "--held", "/dev/null", &signed], b"");
    assert!(ran.code == 2 && ran.err.contains("signed"), "{}", ran.err);
}

#[test]
fn a_message_is_screened_while_it_is_sent() {
    let serving = crate::program::Serving::start(&[]);
    let pacs = message(&cases("core.cases").iter().filter(|case| case.known == "filed").collect::<Vec<_>>());
    let (status, _, body) = serving.post("/payments/v1/screen?known_at=2020-09-19T10:00:00-04:00", pacs.as_bytes());
    let lines: Vec<&str> = body.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(status, 200, "{body}");
    let last: Value = serde_json::from_str(lines.last().expect("accounts")).expect("JSON");
    assert_eq!(last["summary"]["balance"], true);
    assert_eq!(last["summary"]["in"], lines.len() - 1);
    assert!(last["summary"]["outcomes"]["reject"].as_u64() > Some(40));
    let (status, _, _) = serving.post("/payments/v1/screen?zone=Nowhere", b"");
    assert_eq!(status, 400);
    assert_eq!(serving.stop(), Some(0));
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Transactions as they were told, without what came before.
fn verdicts(lines: &[Value]) -> Vec<Value> {
    let told = lines.iter().filter(|line| line.get("outcome").is_some());
    told.map(|line| {
        let mut line = line.clone();
        let members = line.as_object_mut().expect("an object");
        members.remove("before");
        members.remove("file");
        line
    })
    .collect()
}

fn events(path: &str) -> Vec<Value> {
    json_lines(&std::fs::read_to_string(path).unwrap_or_default())
}

#[test]
fn what_comes_again_comes_to_the_same_and_is_recorded_once_by_command_and_service() {
    let folder = Folder::new();
    let cases = cases("core.cases");
    let filed: Vec<&Case> = cases.iter().filter(|case| case.known == "filed").collect();
    let text = message(&filed);
    let file = folder.write("in.xml", &text);
    let [records, replays] = ["records.ndjson", "screened"].map(|name| folder.path().join(name).display().to_string());
    let keep = ["pay", "screen", "--known-at", FILED, "--json", "--records", &records, "--replays", &replays];
    let screen = |file: &str| run(&[keep.as_slice(), &[file]].concat(), b"");
    let first = json_lines(&screen(&file).out);
    let recorded = events(&records);
    let asked = |lines: &[Value]| lines.iter().filter_map(|line| line["law"].as_array()).map(Vec::len).sum::<usize>();
    assert!(recorded.len() > 40);
    assert_eq!(recorded.len(), asked(&first));
    let ids: std::collections::BTreeSet<&str> = recorded.iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids.len(), recorded.len());
    assert!(recorded.iter().all(|event| event["source"] == "/gates/payments"));

    let second = json_lines(&screen(&file).out);
    assert_eq!(verdicts(&second), verdicts(&first));
    assert!(second.iter().filter(|line| line.get("outcome").is_some()).all(|line| line["before"]["again"] == true));
    assert_eq!(second.last().expect("accounts")["summary"]["before"]["again"], filed.len());
    assert_eq!(events(&records).len(), recorded.len());

    // The service knows what the command line screened, and the other way round.
    let known = format!("[payments]\nreplays = {replays:?}\nreplays_days = 7\n");
    for queue in ["[records]\nfile = \"service.ndjson\"\n", "[log]\nfolder = \"log\"\nanswer = \"queued\"\n"] {
        let home = folder.path().join("log").display().to_string();
        run(&["log", "new", &home, "--name", "log.example/payments"], b"");
        let settings = folder.write("queued.toml", &format!("{known}{queue}"));
        let refused = run(&["serve", "--listen", "127.0.0.1:0", "--settings", &settings], b"");
        assert!(refused.code == 2 && refused.err.contains("answer = \"durable\""), "{}{}", refused.code, refused.err);
    }
    let settings = folder.write("interdict.toml", &format!("{known}[log]\nfolder = \"log\"\n"));
    let serving = crate::program::Serving::start_with(&[], &["--settings", &settings]);
    let ask = |text: &str| {
        let (status, _, body) = serving.post("/payments/v1/screen?known_at=2020-09-19T10:00:00-04:00", text.as_bytes());
        assert_eq!(status, 200, "{body}");
        json_lines(&body)
    };
    let third = ask(&text);
    assert_eq!(verdicts(&third), verdicts(&first));
    assert_eq!(third.last().expect("accounts")["summary"]["before"]["again"], filed.len());
    let other = text.replace("<MsgId>CASES", "<MsgId>OTHER");
    assert_eq!(ask(&other).last().expect("accounts")["summary"]["before"]["again"], 0);
    assert_eq!(serving.stop(), Some(0));
    let key = std::fs::read_to_string(folder.path().join("log/dec/public/vkey")).expect("a key");
    let home = folder.path().join("log").display().to_string();
    let logged = || {
        let told = run(&["log", "cat", &format!("{home}/dec"), "--count", "100000", "--key", key.trim()], b"").out;
        told.matches("\"kind\":\"decision\"").count()
    };
    assert_eq!(logged(), recorded.len());
    let fourth = json_lines(&screen(&folder.write("other.xml", &other)).out);
    assert_eq!(fourth.last().expect("accounts")["summary"]["before"]["again"], filed.len());
    assert_eq!(events(&records).len(), recorded.len());

    // The command line records in the log and in a file at once, and what comes again in neither.
    let third = folder.write("third.xml", &text.replace("<MsgId>CASES", "<MsgId>THIRD"));
    let outcomes = |lines: &[Value]| lines.iter().filter_map(|line| line.get("outcome").cloned()).collect::<Vec<_>>();
    for _ in 0..2 {
        let ran = run(&[keep.as_slice(), &["--log", &home, &third]].concat(), b"");
        assert_eq!(outcomes(&json_lines(&ran.out)), outcomes(&first), "{}", ran.err);
        assert_eq!((events(&records).len(), logged()), (2 * recorded.len(), 2 * recorded.len()));
    }
    let checked = run(&["log", "fsck", &format!("{home}/dec"), "--key", key.trim()], b"");
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    // Nobody else may write to it meanwhile.
    let serving = crate::program::Serving::start_with(&[], &["--settings", &settings]);
    let ran = run(&["pay", "screen", "--log", &home, &third], b"");
    assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains("in use"), "{}{}{}", ran.code, ran.out, ran.err);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn the_same_ids_with_another_content_are_for_a_person() {
    let folder = Folder::new();
    let [records, replays] = ["records.ndjson", "screened"].map(|name| folder.path().join(name).display().to_string());
    let screen = |name: &str, text: &str| {
        let file = folder.write(name, text);
        run(&["pay", "screen", "--json", "--records", &records, "--replays", &replays, &file], b"")
    };
    assert_eq!(screen("first.xml", PAIN).code, 0);
    let ran = screen("second.xml", &PAIN.replace("<Nm>Bob", "<Nm>Mallory"));
    assert_eq!(ran.code, 3, "{}", ran.err);
    let lines = json_lines(&ran.out);
    let outcomes: Vec<&Value> = lines.iter().filter_map(|line| line.get("outcome")).collect();
    assert_eq!(outcomes, ["pass", "review"]);
    let reason = lines[1]["reasons"][0].as_str().expect("a reason");
    assert!(reason.contains("Cdtr/Nm now says “Mallory” (bytes ") && reason.contains("(pass)"), "{reason}");
    assert_eq!(lines[2]["summary"]["balance"], true);
    // A supposition is no decision to keep, and one run at a time writes the records.
    let file = folder.path().join("first.xml").display().to_string();
    let order = root().join("examples/bank/as-if-wallets.order").display().to_string();
    let ran = run(&["pay", "screen", "--replays", &replays, "--what-if", &order, &file], b"");
    assert!(ran.code == 2 && ran.err.contains("--what-if"), "{}", ran.err);
    // Nor one to send to anybody.
    let answers = folder.path().join("answers").display().to_string();
    let ran = run(&["pay", "screen", "--answers", &answers, "--what-if", &order, &file], b"");
    assert!(ran.code == 2 && ran.err.contains("--what-if"), "{}", ran.err);
    let parts = ["--released", "/dev/null", "--held", "/dev/null"];
    let ran = run(&[&["pay", "split", "--what-if", &order], &parts[..], &[&file]].concat(), b"");
    assert!(ran.code == 2 && ran.err.contains("--what-if"), "{}", ran.err);
    let ran = run(&["pay", "screen", "--replays", &records, &file], b"");
    assert!(ran.code == 2 && ran.err.contains("name another file"), "{}", ran.err);
    let ran = run(&["pay", "screen", "--replays", &replays, "--replays-max", "1", &file], b"");
    assert_eq!(ran.code, 0, "what is known needs no room: {}", ran.err);
    let more = folder.write("more.xml", &PAIN.replace("PM1", "PM2"));
    let ran = run(&["pay", "screen", "--json", "--replays", &replays, "--replays-max", "1", &more], b"");
    assert!(ran.code == 2 && ran.err.contains("keep fewer days") && ran.out.is_empty(), "{}{}", ran.out, ran.err);
}

#[test]
fn killed_at_any_moment_everything_told_is_known_again_and_recorded_once() {
    use std::io::BufRead as _;
    let folder = Folder::new();
    let [records, replays] = ["records.ndjson", "screened"].map(|name| folder.path().join(name).display().to_string());
    let transactions: String = (0..4_000)
        .map(|n| {
            let payee = if n % 3 == 0 { "WeChat Pay" } else { "Orchard Foods LLC" };
            format!(
                "<CdtTrfTxInf><PmtId><EndToEndId>E{n}</EndToEndId><TxId>T{n}</TxId></PmtId><IntrBkSttlmDt>2020-09-25</IntrBkSttlmDt>\
                 <Dbtr><Nm>Acme LLC</Nm><PstlAdr><Ctry>US</Ctry></PstlAdr></Dbtr><Cdtr><Nm>{payee}</Nm></Cdtr></CdtTrfTxInf>"
            )
        })
        .collect();
    let file = folder.write(
        "in.xml",
        &format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>K9</MsgId></GrpHdr>{transactions}</FIToFICstmrCdtTrf></Document>"
        ),
    );
    let words = ["pay", "screen", "--json", "--known-at", FILED, "--records", &records, "--replays", &replays, &file];
    let mut known = 0;
    for stop in [1, 100, 700, 2_000, 3_900] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(words)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut told = std::io::BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first: Vec<String> = told.by_ref().take(stop).map(|line| line.expect("readable")).collect();
        child.kill().expect("killed");
        child.wait().expect("gone");
        let first: Vec<Value> = first.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let again = first.iter().filter(|line| line["before"]["again"] == true).count();
        assert!(again >= known.min(stop), "everything told before is known: {again} of {known}");
        known = known.max(stop + told.map_while(Result::ok).filter(|line| line.ends_with('}')).count());
        let events = events(&records);
        let ids: std::collections::BTreeSet<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
        assert_eq!(ids.len(), events.len(), "none is there twice");
    }
    let ran = run(&words, b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines = json_lines(&ran.out);
    assert_eq!(lines.last().expect("accounts")["summary"]["in"], 4_000);
    let events = events(&records);
    assert_eq!(events.len(), 1_334);
    let ids: std::collections::BTreeSet<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids.len(), 1_334);
}

/// A message between banks as CBPR+ has it: one transaction in an envelope with a business header.
fn cross_border(number: usize, family: &str, payee: &str, place: &str) -> String {
    let (root, version) = match family {
        "pacs.008" => ("FIToFICstmrCdtTrf", "pacs.008.001.08"),
        _ => ("FICdtTrf", "pacs.009.001.08"),
    };
    let agent = |tag: &str, bic: &str| format!("<{tag}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{tag}>");
    let parties = format!(
        "<Dbtr><Nm>Acme LLC</Nm><PstlAdr><TwnNm>New York</TwnNm><Ctry>US</Ctry></PstlAdr></Dbtr>{}{}<Cdtr><Nm>{payee}</Nm><PstlAdr><TwnNm>Austin</TwnNm><Ctry>{place}</Ctry></PstlAdr></Cdtr>",
        agent("DbtrAgt", "CHASUS33XXX"),
        agent("CdtrAgt", "CITIUS33XXX")
    );
    let parties = match family {
        "pacs.008" => parties,
        _ => format!(
            "{}{}<UndrlygCstmrCdtTrf>{parties}</UndrlygCstmrCdtTrf>",
            agent("Dbtr", "CHASUS33XXX"),
            agent("Cdtr", "CITIUS33XXX")
        ),
    };
    let charges = if family == "pacs.008" { "<ChrgBr>SHAR</ChrgBr>" } else { "" };
    format!(
        "<Envelope><AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'><Fr><FIId><FinInstnId><BICFI>CHASUS33XXX</BICFI></FinInstnId></FIId></Fr><To><FIId><FinInstnId><BICFI>CITIUS33XXX</BICFI></FinInstnId></FIId></To><BizMsgIdr>M{number}</BizMsgIdr><MsgDefIdr>{version}</MsgDefIdr><CreDt>2020-09-24T10:00:00+00:00</CreDt></AppHdr>\
         <Document xmlns='urn:iso:std:iso:20022:tech:xsd:{version}'><{root}><GrpHdr><MsgId>M{number}</MsgId><CreDtTm>2020-09-24T10:00:00+00:00</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr><CdtTrfTxInf><PmtId><InstrId>I{number}</InstrId><EndToEndId>E{number}</EndToEndId><UETR>00000000-0000-4000-9a9f-{number:012}</UETR></PmtId><IntrBkSttlmAmt Ccy='USD'>10.00</IntrBkSttlmAmt><IntrBkSttlmDt>2020-09-25</IntrBkSttlmDt>{charges}{}{}{parties}</CdtTrfTxInf></{root}></Document></Envelope>",
        agent("InstgAgt", "CHASUS33XXX"),
        agent("InstdAgt", "CITIUS33XXX")
    )
}

/// Whether a checker of the usage rules finds nothing.
fn keeps_rules(checker: &Path, year: &str, path: &Path) -> Result<(), String> {
    let checked = std::process::Command::new(checker).args(["-y", year, "--format", "compact"]).arg(path).output();
    let checked = checked.expect("it runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    if checked.status.success() && said.contains("0 violations") { Ok(()) } else { Err(said) }
}

#[test]
fn parts_of_a_file_keep_the_usage_rules_and_the_schema() {
    let Some(checker) = crate::program::tool("cbpr-validate") else { return };
    let (Some(samples), Some(schemas)) = (data("iso20022/cbprplus"), data("iso20022/xsd")) else { return };
    let folder = Folder::new();
    for year in ["2025", "2026"] {
        let sample = samples.join(format!("y{year}/pain.001.min.xml"));
        let one = std::fs::read_to_string(sample).expect("a sample").replace("2026-01-01</Dt>", "2020-09-25</Dt>");
        let (before, rest) = one.split_once("<CdtTrfTxInf>").expect("a transaction");
        let (own, after) = rest.split_once("</CdtTrfTxInf>").expect("its end");
        let paid = |payee: &str, n: u32| {
            let named = own.replace("<Cdtr/>", &format!("<Cdtr><Nm>{payee}</Nm></Cdtr>"));
            let told = named.replace("<UETR>00000000", &format!("<UETR>0000000{n}"));
            assert!(told.contains(payee) && told.matches("1000.00").count() == 1, "{told}");
            format!("<CdtTrfTxInf>{told}</CdtTrfTxInf>")
        };
        let before = before.replace("<NbOfTxs>1</NbOfTxs>", "<NbOfTxs>3</NbOfTxs><CtrlSum>3000</CtrlSum>");
        let transactions = [paid("Tenpay", 1), paid("Orchard Foods LLC", 2), paid("Meadow LLC", 3)].concat();
        let file = folder.write("in.xml", &format!("{before}{transactions}{after}"));
        let parts = ["released.xml", "held.xml"].map(|name| folder.path().join(name));
        let [released, held] = parts.each_ref().map(|path| path.display().to_string());
        let words = ["pay", "split", "--known-at", FILED, "--released", &released, "--held", &held, &file];
        assert_eq!(run(&words, b"").code, 1);
        for (path, count) in parts.iter().zip([2, 1]) {
            keeps_rules(&checker, year, path).unwrap_or_else(|said| panic!("{}: {said}", path.display()));
            let text = std::fs::read_to_string(path).expect("a part");
            let totals = format!("<NbOfTxs>{count}</NbOfTxs><CtrlSum>{count}000</CtrlSum>");
            assert!(text.contains(&totals), "{text}");
            let start = text.find("<Document").expect("a document");
            let end = text.find("</Document>").expect("its end") + "</Document>".len();
            let document = folder.write("document.xml", &text[start..end]);
            let schema = schemas.join("pain.001.001.09.xsd");
            let words = ["--noout", "--schema", &schema.display().to_string(), &document];
            let Ok(lint) = std::process::Command::new("xmllint").args(words).output() else { continue };
            assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stderr));
        }
    }
}

#[test]
fn answers_across_borders_keep_the_usage_rules() {
    let Some(checker) = crate::program::tool("cbpr-validate") else { return };
    let folder = Folder::new();
    let mut answered = BTreeMap::new();
    let kinds = ["pacs.008", "pacs.009"];
    let payees = [("WeChat Pay", "US"), ("WeChat Pay", "CN"), ("Wechat Paay", "US"), ("Orchard Foods LLC", "US")];
    for (number, (family, (payee, place))) in
        kinds.iter().flat_map(|kind| payees.iter().map(move |payee| (kind, payee))).enumerate()
    {
        let file = folder.write("in.xml", &cross_border(number, family, payee, place));
        let answers = folder.path().join(format!("answers-{number}"));
        let to = answers.display().to_string();
        let ran =
            run(&["pay", "screen", "--json", "--known-at", FILED, "--rail", "cbpr+", "--answers", &to, &file], b"");
        let outcome = json_lines(&ran.out)[0]["outcome"].as_str().expect("an outcome").to_owned();
        let written: Vec<PathBuf> = match std::fs::read_dir(&answers) {
            Ok(entries) => entries.map(|entry| entry.expect("readable").path()).collect(),
            Err(_) => Vec::new(),
        };
        assert_eq!(written.len(), usize::from(outcome != "pass"), "{family} {payee} {place}: {outcome}");
        for path in written {
            for year in ["2025", "2026"] {
                keeps_rules(&checker, year, &path).unwrap_or_else(|said| panic!("{family} {payee}: {said}"));
            }
            *answered.entry(outcome.clone()).or_insert(0) += 1;
        }
    }
    assert!(answered.contains_key("reject") && answered.contains_key("review"), "{answered:?}");
    // The checker does find what breaks a rule.
    let Some(broken) = data("iso20022/cbprplus/violators2025") else { return };
    let found = std::fs::read_dir(broken).expect("readable").filter(|entry| {
        let path = entry.as_ref().expect("readable").path();
        let checked =
            std::process::Command::new(&checker).args(["-y", "2025", "--format", "compact"]).arg(&path).output();
        path.extension().is_some_and(|e| e == "xml") && !checked.expect("it runs").status.success()
    });
    assert!(found.count() > 5);
}
