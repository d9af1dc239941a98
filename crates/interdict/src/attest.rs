//! `interdict attest`: sign statements, check them, take them up, and say what holds, what is missing and what a
//! revocation touches.

use crate::attest_folder::{self, Attestations, Statements};
use crate::attest_impact::{Impact, impact};
use crate::attest_log::{Adopted, Desk};
use crate::commands::{Done, Loading, print, tell};
use crate::{attest_said, clock, whole_file};
use attest::condition::{About, Operator, Requirement};
use attest::dsse::Signer;
use attest::oscal::Assessment;
use attest::statement::Subject;
use attest::timeline::{NEVER, Time, Timeline};
use attest::{Answer, Condition, Envelope, Standing, Trust, act, door, json as strict};
use clap::{Args, Subcommand};
use docket::moment::parse_rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a statement looks like, for whoever has never written one.
const SIGN_HELP: &str = concat!(
    "A statement about a name (`order:…`, `system:…`, `entity:…`), which carries the SHA-256 of itself, or about a file or \
     source tree by its digest (`{ \"digest\": { \"sha256\": … } }`, `gitTree`, `gitCommit`):\n\n",
    include_str!("attest_statement.json"),
    "\nWhat it has to say, the requirement tells (`interdict attest status --json`, `takes`). Besides, any may say `notBefore` and \
     `notAfter`, and a report on a time that is over `periodStart` and `periodEnd`.\n\
     An act (about one order) has `act` (lift, pause, delay, stay, forbear, revoke, reinstate), `from`, `until` if it ends, \
     `condition` if it rests on one, and for people `instrument`, `reason` and `comment`: nothing else. A revocation has `targets`, each a \
     `sha256` of a statement, or `principal`, `type`, `from` and `until`; an adverse-finding may name `requirements`; a resolution \
     names the `finding` by its digest. `interdict attest verify` tells digests."
);

/// How a trust document says whose word counts.
const ADD_HELP: &str = concat!(
    "It counts if the trust document accepts it from who signed it, and an act if enough of the condition's authority signed it. The \
     trust document of a folder is its `trust.json`:\n\n",
    include_str!("attest_trust.json"),
    "\n`spki` is what `interdict attest key` prints; a key may have `notBefore`, `notAfter` and `revokedSince`. `need` is `all`, `any` or a \
     number, of principals or, with `distinct`, of organisations. A `superior` may take back what a principal said. The next version is \
     a statement of type `trust` with the document as `trust`, signed by the `root` of both. A revocation needs no `accept`.\n\n\
     Exit code: 0 taken up, 2 it would count for nothing, or could not be written."
);

/// What to do with attestations.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "--attestations names a folder, a log of this machine (the folder that `interdict log new` made), or the address of \
                  somebody else's gov log (`https://ledger.example/log/gov`, with --attestations-key).\n\nA folder holds `trust.json` (whose word counts, as JSON), `entries.ndjson` (what was \
                  taken up, and when), and if need be `conditions/*.json` and `artifacts` (SHA-256 of what is distributed). A log \
                  has the same as entries that anybody can check; a lift, a revocation of an order and a new trust document count there once a quorum of \
                  witnesses has signed.\nWith either, `decide`, `serve` and all others count conditions as met when they are.\n\n\
                  interdict attest sign statement.json --key auditor.key --output signed.json\n\
                  interdict --attestations DIR attest add signed.json\n\
                  interdict --attestations DIR attest status qualified-divestiture\n\
                  interdict --attestations LOG attest adopt DIR\n\
                  interdict --attestations LOG attest add signed.json\n\
                  interdict --attestations https://ledger.example/log/gov --attestations-key ledger.example/gov/1+… attest status"
)]
pub(crate) enum AttestCommand {
    /// Print the public half of a key, as trust documents write it (`spki`)
    Key {
        /// A key made by `interdict log key`, or PKCS #8 (PEM or DER) as OpenSSL makes it: Ed25519 or P-256
        key: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign an in-toto statement, or add a signature to a signed one
    #[command(after_help = SIGN_HELP)]
    Sign {
        /// The statement, or an envelope (DSSE)
        statement: PathBuf,
        /// The private key: made by `interdict log key`, or PKCS #8
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to write the envelope; standard output otherwise
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Say in JSON what was written to that file
        #[arg(long, requires = "output")]
        json: bool,
    },
    /// Say what an OSCAL assessment comes to, as the statement that an assessor signs, or compare one that was signed
    #[command(
        after_help = "What the file does not say, says twice or says differently in two places is not satisfied. The statement \
                      names the file by its digest and lapses when an observation expires or the deadline of an open risk \
                      passes.\n\nExit code: 0 written, or the same; 1 the signed statement says something else; 2 something is \
                      wrong with the file.\n\n\
                      interdict attest oscal results.json --system app-us --framework nist-800-53 > statement.json"
    )]
    Oscal(Oscal),
    /// Say who signed, and whether they may say that
    #[command(
        after_help = "Exit code: 0 of each of its subjects somebody signed who may say so, 2 malformed, 3 of one nobody did."
    )]
    Verify {
        /// The envelope
        envelope: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a signed statement up: it counts from this instant
    #[command(after_help = ADD_HELP)]
    Add {
        /// The envelope
        envelope: PathBuf,
        /// The socket of the signer of a log; without it, one is started if it is needed
        #[arg(long, value_name = "PATH")]
        signer: Option<PathBuf>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Put the trust document, conditions, artefacts and statements of a folder into a log; what is there already is not repeated
    #[command(after_help = "Exit code: 0 the log has them, 2 one is wrong, or the log has another trust document.")]
    Adopt {
        /// The folder, with `trust.json` and if need be `conditions/*.json`, `artifacts` and `entries.ndjson`, of which those count
        /// that were made within the last week
        folder: PathBuf,
        /// The socket of the signer of the log; without it, one is started if it is needed
        #[arg(long, value_name = "PATH")]
        signer: Option<PathBuf>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Say of conditions what holds, what is missing, until when, and who could lift
    #[command(after_help = "Exit code: 0 every condition is met, 1 one is not, 2 something is wrong with the files.")]
    Status(Status),
    /// Say which recorded decisions rested on a statement, or on those that a revocation takes back, or would have come out
    /// otherwise without it
    #[command(after_help = "Exit code: 0 none would have come out otherwise, 1 some would, 2 something is wrong.")]
    Impact(Impact),
}

/// Options of `attest oscal`.
#[derive(Debug, Args)]
pub(crate) struct Oscal {
    /// The assessment results, or a plan of action and milestones (OSCAL 1.1 or 1.2, JSON)
    results: PathBuf,
    /// Which system was assessed, as conditions name it after `system:`
    #[arg(long, required_unless_present = "against")]
    system: Option<String>,
    /// By which framework, as conditions ask for it
    #[arg(long, required_unless_present = "against")]
    framework: Option<String>,
    /// Controls of which each must be satisfied, one target a line; absent is those that something was found about
    #[arg(long, value_name = "FILE")]
    required: Option<PathBuf>,
    /// Compare with what was signed (an envelope) instead
    #[arg(long, value_name = "ENVELOPE", conflicts_with_all = ["system", "framework"])]
    against: Option<PathBuf>,
    /// Write JSON: what differs; the statement is JSON anyway
    #[arg(long)]
    json: bool,
}

/// Options of `attest status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// A condition; without one, all
    condition: Option<String>,
    /// At which instant; absent is now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// As known when; absent counts all that was taken up
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<String>,
    /// About which artefact (SHA-256), where the condition turns on one
    #[arg(long, value_name = "SHA256")]
    artifact: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(loading: &Loading, command: &AttestCommand) -> Done {
    let statements = || {
        let named = loading.attestations.as_ref();
        named.ok_or_else(|| {
            String::from("name the folder or log of attestations: `interdict --attestations DIR attest …`")
        })
    };
    match command {
        AttestCommand::Key { key, json } => {
            let spki = signer(key)?.key().spki();
            tell(*json, &json!({ "spki": spki }), &format!("{spki}\n"))
        }
        AttestCommand::Sign { statement, key, output, json } => sign(statement, key, output.as_deref(), *json),
        AttestCommand::Oscal(options) => oscal(options),
        AttestCommand::Verify { envelope, json } => match statements()? {
            Statements::Folder(folder) => verify(&attest_folder::trust(folder)?, envelope, *json),
            Statements::Log(log) => verify(log.attestations()?.history.now().trust(), envelope, *json),
        },
        AttestCommand::Add { envelope, signer, json } => add(statements()?, envelope, signer.as_deref(), *json),
        AttestCommand::Adopt { folder, signer, json } => match statements()? {
            Statements::Folder(_) => Err(String::from("--attestations names a folder; name the log to add to")),
            Statements::Log(log) => {
                let done = Desk::open(log, signer.as_deref())?.adopt(folder)?;
                let text: String = done.iter().map(|adopted| format!("{adopted}\n")).collect();
                let facts = json!({ "adopted": done.iter().map(Adopted::to_json).collect::<Vec<_>>() });
                tell(*json, &facts, if text.is_empty() { "the log has all of it\n" } else { &text })
            }
        },
        AttestCommand::Status(options) => status(&*statements()?.read()?, options),
        AttestCommand::Impact(options) => impact(&*statements()?.read()?, options),
    }
}

fn add(statements: &Statements, path: &Path, signer: Option<&Path>, as_json: bool) -> Done {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let (index, waits) = match statements {
        Statements::Folder(folder) => (attest_folder::take_up(folder, &read_envelope(path)?).map_err(wrong)?, false),
        Statements::Log(log) => {
            let bytes = read(path)?;
            is_signed(&bytes).map_err(wrong)?;
            Desk::open(log, signer)?.take_up(&bytes).map_err(wrong)?
        }
    };
    if waits && !as_json {
        eprintln!("it counts once the log says that a quorum of witnesses has signed it");
    }
    tell(as_json, &json!({ "entry": index, "awaits_witnesses": waits }), &format!("{index}\n"))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn read_envelope(path: &Path) -> Result<Envelope, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let bytes = read(path)?;
    is_signed(&bytes).map_err(|why| wrong(&why))?;
    Envelope::parse(&bytes).map_err(|fault| wrong(&fault))
}

/// That these are not the bytes of a statement that is yet to be signed, which is what people hand in first.
fn is_signed(bytes: &[u8]) -> Result<(), String> {
    let value = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    if value.get("predicateType").is_some() && value.get("payloadType").is_none() {
        return Err(String::from("nobody has signed this statement; `interdict attest sign` does"));
    }
    Ok(())
}

fn signer(path: &Path) -> Result<Signer, String> {
    let bytes = read(path)?;
    let note = std::str::from_utf8(&bytes).ok().filter(|text| text.starts_with("PRIVATE+KEY+"));
    let signer = match note {
        // The tools of logs check the id of a key against its name.
        Some(text) => match tlog::note::SigningKey::parse(text.trim()) {
            Ok(_sound) => Signer::from_note(text),
            Err(error) => Err(error.to_string()),
        },
        None => Signer::from_pkcs8(&bytes),
    };
    signer.map_err(|why| format!("{}: {why}", path.display()))
}

fn sign(path: &Path, key: &Path, output: Option<&Path>, as_json: bool) -> Done {
    let bytes = read(path)?;
    let wrong = |fault: attest::Fault| format!("{}: {fault}", path.display());
    let value = strict::parse_within(&bytes, strict::DOCUMENT_BYTES_MAX * 2).map_err(wrong)?;
    let mut envelope = match value.get("payloadType") {
        Some(_) => Envelope::from_value(&value).map_err(wrong)?,
        None => Envelope::unsigned(bytes),
    };
    // Nobody should sign what no reader will understand, or what readers will take for something else.
    let said = door::read(&envelope).map_err(wrong)?;
    let signer = signer(key)?;
    if !envelope.signed_by(&[signer.key()]).is_empty() {
        return Err(format!("{}: this key has signed it already", path.display()));
    }
    signer.sign(&mut envelope);
    let text = format!("{}\n", envelope.to_value());
    let Some(path) = output else { return print(&text) };
    whole_file::write(path, text.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let facts = json!({
        "file": path.display().to_string(), "type": said.kind.name(), "spki": signer.key().spki(),
        "digest": attest::dsse::hex(&envelope.statement_digest()),
    });
    tell(as_json, &facts, "")
}

fn oscal(options: &Oscal) -> Done {
    let wrong = |path: &Path, fault: &attest::Fault| format!("{}: {fault}", path.display());
    let found = Assessment::read(&read(&options.results)?).map_err(|fault| wrong(&options.results, &fault))?;
    let required = match &options.required {
        None => BTreeSet::new(),
        Some(path) => {
            let text = String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect()
        }
    };
    if let Some(path) = &options.against {
        let envelope = read_envelope(path)?;
        let differences = found.differences(&envelope.payload, &required).map_err(|fault| wrong(path, &fault))?;
        let words = match differences.as_slice() {
            [] => String::from("the same as the assessment comes to\n"),
            other => format!("differs from what the assessment comes to: {}\n", other.join(", ")),
        };
        tell(options.json, &json!({ "same": differences.is_empty(), "differences": differences }), &words)?;
        return Ok(u8::from(!differences.is_empty()));
    }
    let (system, framework) = (options.system.as_deref(), options.framework.as_deref());
    let statement = found.statement(system.unwrap_or_default(), framework.unwrap_or_default(), &required, clock::now());
    print(&format!("{}\n", statement.map_err(|fault| wrong(&options.results, &fault))?))
}

fn verify(trust: &Trust, path: &Path, as_json: bool) -> Done {
    let envelope = read_envelope(path)?;
    let said = door::read(&envelope).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let keys: Vec<_> = envelope.signed_by(trust.keys()).into_iter().cloned().collect();
    let signers = trust.holders(&keys, clock::now());
    let may = |signer: &str, subject: &Subject| trust.accepts(signer, said.kind, subject.text());
    let trusted: Vec<&str> =
        signers.iter().copied().filter(|signer| said.subjects.iter().any(|subject| may(signer, subject))).collect();
    // A statement counts for each of its subjects by itself.
    let unheard = said.subjects.iter().filter(|subject| !trusted.iter().any(|signer| may(signer, subject)));
    let unheard: Vec<&str> = unheard.map(Subject::text).collect();
    let digest = attest::dsse::hex(&envelope.statement_digest());
    let subjects: Vec<&str> = said.subjects.iter().map(Subject::text).collect();
    let text = if as_json {
        let value = json!({ "type": said.kind.name(), "subjects": subjects, "digest": digest, "made": strict::format_time(said.created),
            "signed_by": signers, "may_say_it": trusted, "unheard": unheard });
        format!("{value}\n")
    } else {
        let list =
            |names: &[&str]| if names.is_empty() { String::from("nobody who is known") } else { names.join(", ") };
        let signers: Vec<&str> = signers.iter().copied().collect();
        let mut text = format!(
            "{} about {}\n  digest {digest}\n  signed by {}\n  who may say so: {}\n",
            said.kind.name(),
            subjects.join(", "),
            list(&signers),
            list(&trusted)
        );
        for subject in unheard.iter().filter(|_| !trusted.is_empty()) {
            writeln!(text, "  nobody of them may say so about {subject}").unwrap_or_default();
        }
        text
    };
    print(&text)?;
    Ok(if unheard.is_empty() { 0 } else { 3 })
}

pub(crate) fn instant(option: &str, text: Option<&String>) -> Result<Option<Time>, String> {
    text.map(|text| parse_rfc3339(text).map_err(|why| format!("--{option}: {why}"))).transpose()
}

fn status(folder: &Attestations, options: &Status) -> Done {
    let at = instant("at", options.at.as_ref())?.unwrap_or_else(clock::now);
    let known_at = instant("known-at", options.known_at.as_ref())?;
    let artifact = options.artifact.as_deref().map(sha256).transpose()?;
    let wanted = |condition: &Condition| options.condition.as_ref().is_none_or(|id| condition.id == *id);
    let conditions = folder.conditions.iter().enumerate().filter(|(_, condition)| wanted(condition));
    let numbers: Vec<usize> = conditions.map(|(number, _)| number).collect();
    if numbers.is_empty() {
        let ids = folder.conditions.iter().map(|condition| condition.id.as_str());
        let asked = options.condition.as_deref().unwrap_or_default();
        return Err(format!("no condition `{asked}`; {}", docket::fault::did_you_mean(asked, ids)));
    }
    let told: Vec<Value> =
        numbers.iter().map(|&number| told(folder, number, at, known_at, artifact.as_deref())).collect();
    let met = told.iter().all(|value| value["met"] == json!(true));
    let text = if options.json {
        told.iter().fold(String::new(), |text, value| text + &format!("{value}\n"))
    } else {
        told.iter().map(shown).collect()
    };
    print(&text)?;
    Ok(u8::from(!met))
}

fn time_value(at: Option<Time>) -> Value {
    at.filter(|&at| at != NEVER).map_or(Value::Null, |at| json!(strict::format_time(at)))
}

/// How a condition stands at an instant, on all that was said, or as known earlier.
fn stands(
    folder: &Attestations,
    number: usize,
    condition: &Condition,
    at: Time,
    known_at: Option<Time>,
    artifact: Option<&str>,
) -> Arc<Answer> {
    match (known_at, folder.weighed.standing(folder, number, artifact)) {
        (None, Some(found)) => found.answer(at),
        (known_at, _) => {
            let view = folder.history.at(known_at.unwrap_or(NEVER - 1));
            Arc::new(Standing::new(condition, &view, artifact).answer(at))
        }
    }
}

/// When law counts it as met: for all that is distributed, whatever was asked about.
fn in_law(folder: &Attestations, number: usize, condition: &Condition, known_at: Option<Time>) -> Arc<Timeline> {
    match known_at {
        None => folder.weighed.in_law(folder, number),
        Some(known_at) => Arc::new(act::met_for_each(condition, &folder.history.at(known_at), &folder.artifacts)),
    }
}

/// What it is asked about: what was named, or of all that is distributed what is first in the way of its being met for each.
fn asked_about<'a>(
    folder: &'a Attestations,
    number: usize,
    condition: &Condition,
    at: Time,
    known_at: Option<Time>,
    artifact: Option<&'a str>,
) -> Option<&'a str> {
    if artifact.is_some() || !condition.needs_artifact() {
        return artifact;
    }
    let ends = |artifact: &&String| {
        let answer = stands(folder, number, condition, at, known_at, Some(artifact));
        (answer.met, answer.holds_until.unwrap_or(NEVER))
    };
    folder.artifacts.iter().min_by_key(ends).map(String::as_str)
}

/// A value as people write it.
fn plainly(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a requirement asks for, in a line.
fn asks(requirement: &Requirement) -> String {
    let about = match &requirement.subject {
        About::Order => String::from("the order"),
        About::Artifact => String::from("what is distributed"),
        About::Named(subject) => subject.text().to_owned(),
        About::Joined { of, pointer } => format!("what `{of}` names ({pointer})"),
    };
    let mut text = format!("{} about {about}", requirement.kind.name());
    let mut more = |words: String| text.push_str(&format!("; {words}"));
    for claim in &requirement.claims {
        let verb = match claim.operator {
            Operator::Equal | Operator::DigestEquals => "is",
            Operator::Unequal => "is there and is not",
            Operator::In => "is one of",
            Operator::Subset => "are all of",
            Operator::AtMost | Operator::Below | Operator::AtLeast => claim.operator.sign(),
        };
        let list = |list: &Vec<Value>| list.iter().map(plainly).collect::<Vec<_>>().join(", ");
        let value = claim.value.as_array().map_or_else(|| plainly(&claim.value), list);
        more(format!("{} {verb} {value}", claim.pointer.trim_start_matches('/')));
    }
    if let Some(tiling) = requirement.tiling {
        let gaps = match tiling.gap {
            0 => String::from("without a gap"),
            gap => format!("with no gap longer than {}", length(gap)),
        };
        more(format!("for all of the time since {}, {gaps}", strict::format_time(tiling.since)));
    }
    if requirement.max_age != NEVER {
        more(format!("not older than {}", length(requirement.max_age)));
    }
    if !requirement.independent_of.is_empty() {
        more(format!("by nobody of {}", requirement.independent_of.join(", ")));
    }
    if let Some(veto) = &requirement.veto {
        more(format!("unless {veto} objects"));
    }
    text
}

/// The condition of a number as it stands: what holds, what is missing, until when, who could lift.
pub(crate) fn told(
    folder: &Attestations,
    number: usize,
    at: Time,
    known_at: Option<Time>,
    artifact: Option<&str>,
) -> Value {
    let Some(condition) = folder.conditions.get(number) else { return Value::Null };
    let view = folder.history.at(known_at.unwrap_or(NEVER - 1));
    let law = in_law(folder, number, condition, known_at);
    let about = asked_about(folder, number, condition, at, known_at, artifact);
    let answer = stands(folder, number, condition, at, known_at, about);
    let who = |name: &str| json!({ "name": name, "members": view.trust().everybody(name) });
    let requirements = condition.requirements();
    let missing: Vec<Value> = answer
        .missing
        .iter()
        .map(|(name, why)| {
            let by = requirements.iter().find(|requirement| requirement.name == *name);
            json!({ "requirement": name, "why": why, "by": by.map(|requirement| who(&requirement.by)) })
        })
        .collect();
    let takes = requirements.iter().map(
        |requirement| json!({ "requirement": requirement.name, "asks": asks(requirement), "by": who(&requirement.by) }),
    );
    let takes: Vec<Value> = takes.collect();
    let lapse: Vec<Value> = answer
        .would_lapse
        .iter()
        .map(|(name, until)| json!({ "requirement": name, "until": strict::format_time(*until) }))
        .collect();
    let missed: BTreeSet<&str> = answer.missing.iter().map(|(name, _)| name.as_str()).collect();
    let holds: Vec<&str> = requirements
        .iter()
        .map(|requirement| requirement.name.as_str())
        .filter(|name| !missed.contains(name))
        .collect();
    let acts: Vec<Value> = act::acts(condition, &view)
        .iter()
        .map(|act| {
            json!({ "entry": act.record.index, "act": act.verb.word(), "from": strict::format_time(act.from),
                "until": time_value(Some(act.until)), "conditional": act.conditional })
        })
        .collect();
    json!({
        "condition": condition.id, "order": condition.order, "at": strict::format_time(at),
        "met": answer.met, "until": time_value(answer.holds_until), "needs_artifact": condition.needs_artifact(),
        "artifact": about, "takes": takes, "holds": holds, "missing": missing, "would_lapse": lapse, "evidence": answer.evidence,
        "authority": who(&condition.authority), "unknown_names": condition.strangers(view.trust()), "acts": acts,
        "counts_in_law": law.contains(at), "counts_until": time_value(law.change_after(at)), "on_lapse": on_lapse(condition),
        "said": attest_said::said(folder, condition, &view, known_at, &answer.evidence),
    })
}

/// What a lapse does to a lift that rests on the condition.
fn on_lapse(condition: &Condition) -> String {
    match condition.reinstate_after {
        None => String::from("a lapse alarms and ends no lift; only the authority does"),
        Some(0) => String::from("a lapse ends a lift at once"),
        Some(grace) => format!("a lapse ends a lift after {}", length(grace)),
    }
}

/// A length of time as people say it.
fn length(seconds: Time) -> String {
    match (seconds % 86_400, seconds % 3_600) {
        (0, _) if seconds > 86_400 => format!("{} days", seconds / 86_400),
        (_, 0) => format!("{} hours", seconds / 3_600),
        _ => format!("{seconds} seconds"),
    }
}

/// The same for people.
fn shown(told: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        items.map(word).collect::<Vec<_>>().join(", ")
    };
    let who = |value: &Value| match value["members"].as_array().map(Vec::len) {
        None | Some(0) => format!("{}, whom the trust document does not know", word(&value["name"])),
        Some(_) if list(&value["members"]) == word(&value["name"]) => word(&value["name"]),
        Some(_) => format!("{} ({})", word(&value["name"]), list(&value["members"])),
    };
    let until = |value: &Value| value.as_str().map_or(String::new(), |at| format!(" until {at}"));
    let met = |yes: &Value| if *yes == json!(true) { "met" } else { "not met" };
    let mut text = format!(
        "{} of {}: {} at {}{}\n",
        word(&told["condition"]),
        word(&told["order"]),
        met(&told["met"]),
        word(&told["at"]),
        until(&told["until"])
    );
    let mut line = |words: String| writeln!(text, "  {words}").unwrap_or_default();
    if told["artifact"].is_string() {
        line(format!("about: {}", word(&told["artifact"])));
    }
    if told["holds"].as_array().is_some_and(|holds| !holds.is_empty()) {
        line(format!("holds: {}", list(&told["holds"])));
    }
    for item in told["missing"].as_array().into_iter().flatten() {
        line(format!("missing: {}: {}; it takes {}", word(&item["requirement"]), word(&item["why"]), who(&item["by"])));
    }
    for item in told["would_lapse"].as_array().into_iter().flatten() {
        line(format!("{} lapses {}", word(&item["requirement"]), word(&item["until"])));
    }
    for act in told["acts"].as_array().into_iter().flatten() {
        line(format!(
            "act: {} from {}{} (entry {})",
            word(&act["act"]),
            word(&act["from"]),
            until(&act["until"]),
            act["entry"]
        ));
    }
    if told["unknown_names"].as_array().is_some_and(|names| !names.is_empty()) {
        line(format!("the trust document does not say who this is: {}", list(&told["unknown_names"])));
    }
    line(format!("who could lift: {}", who(&told["authority"])));
    line(format!("in law it counts as {}{}", met(&told["counts_in_law"]), until(&told["counts_until"])));
    match (&told["met"], &told["counts_in_law"]) {
        (Value::Bool(false), Value::Bool(true)) => line(word(&told["on_lapse"])),
        (Value::Bool(true), Value::Bool(false)) => {
            line(String::from("being met lifts nothing by itself: it takes the act of who could lift"));
        }
        _same => {}
    }
    for said in told["said"].as_array().into_iter().flatten().filter(|said| said["rests"] == json!(true)) {
        line(format!(
            "rests on entry {}: {} about {}, signed by {}, taken up {}",
            said["entry"],
            word(&said["type"]),
            list(&said["about"]),
            list(&said["signed_by"]),
            word(&said["taken_up"])
        ));
    }
    text
}

fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("--artifact: `{text}` is no SHA-256; the 64 hexadecimal digits are needed that `sha256sum` prints"))
}
