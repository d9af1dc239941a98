//! Each command: reads what it is given, asks, prints, and says how it ended.

use crate::attest_folder::Statements;
use crate::cli::{Cli, Format, Question};
use crate::corpus::{self, Unreadable};
use crate::law_note::Voucher;
use crate::log_home::Home;
use crate::log_rulings::Rules;
use crate::{clock, question, show, whole_file};
use clap::CommandFactory;
use docket::Docket;
use docket::docket::Source;
use docket::fault::{Fault, report};
use docket::finding::status_word;
use docket::inquiry::Inquiry;
use docket::moment::format_rfc3339;
use docket::vocabulary::ResourceKind;
use gate::live::Rulings;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// How a command ended: an exit code, or a message for exit code 2.
pub(crate) type Done = Result<u8, String>;

/// Where law comes from.
#[derive(Clone)]
pub(crate) struct Loading {
    pub(crate) corpus: Option<PathBuf>,
    pub(crate) image: Option<PathBuf>,
    /// Whose note the folder must have.
    pub(crate) voucher: Option<Voucher>,
    /// The statements that meet conditions.
    pub(crate) attestations: Option<Statements>,
}

impl Loading {
    /// What people decided about decisions of the log that the statements are in, if its keeper asks.
    pub(crate) fn rulings(&self) -> Result<Arc<Rulings>, String> {
        let Some(Statements::Log(log)) = &self.attestations else { return Ok(Arc::default()) };
        let Some(folder) = &log.home else { return Ok(Arc::default()) };
        let home = Home::open(folder, None).map_err(|problem| problem.message)?;
        Rules::of(folder).rulings(&home)
    }

    pub(crate) fn sources(&self) -> Result<Vec<Source>, String> {
        let mut sources = match &self.corpus {
            None => corpus::shipped(),
            Some(folder) => corpus::read(std::slice::from_ref(folder)).map_err(unreadable)?,
        };
        if let Some(voucher) = &self.voucher {
            let folder = self.corpus.as_deref();
            let folder = folder.ok_or("a key for law is given and no law: say which with --corpus DIR")?;
            voucher.check(folder, &sources)?;
        }
        if let Some(statements) = &self.attestations {
            let attested = statements.orders(&sources)?;
            sources.extend(attested);
        }
        Ok(sources)
    }

    pub(crate) fn docket(&self) -> Result<Docket, String> {
        let image = match &self.image {
            None => corpus::shipped_image(),
            Some(_) if self.voucher.is_some() => {
                return Err(String::from(
                    "--image: no note vouches for an image; leave it out, and law is compiled anew",
                ));
            }
            Some(path) => {
                let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                let image = law::Image::from_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
                Some(image)
            }
        };
        load(self.sources()?, image)
    }
}

pub(crate) fn load(sources: Vec<Source>, image: Option<law::Image>) -> Result<Docket, String> {
    Docket::load_with(sources.clone(), image).map_err(|faults| faulty(&faults, &sources))
}

/// A report of faults, coloured where a person reads it who has not asked for none (<https://no-color.org>).
pub(crate) fn faulty(faults: &[Fault], sources: &[Source]) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|asked| !asked.is_empty());
    report(faults, sources, !plain && io::stderr().is_terminal())
}

pub(crate) fn unreadable(Unreadable { path, error }: Unreadable) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Writes to standard output; a reader who has gone away is no error.
pub(crate) fn print(text: &str) -> Done {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(format!("cannot write: {error}")),
    }
}

pub(crate) fn print_json(value: &Value) -> Done {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    print(&format!("{text}\n"))
}

/// Tells the same to a program or to a person.
pub(crate) fn tell(as_json: bool, facts: &Value, words: &str) -> Done {
    if as_json { print_json(facts) } else { print(words) }
}

fn open(file: &Path) -> Result<Box<dyn Read>, String> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file_handle = fs::File::open(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(Box::new(file_handle))
}

/// The text of a file, or of standard input.
pub(crate) fn text(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    open(file)?.read_to_string(&mut text).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(text)
}

pub(crate) fn decide(loading: &Loading, file: Option<&Path>, question: &Question, as_json: bool) -> Done {
    let (docket, rulings) = (loading.docket()?, loading.rulings()?);
    let posture = question::posture(question.posture);
    let now = clock::now();
    let mut verdicts = Vec::new();
    let mut answer = |inquiry: &Inquiry<'_>| -> Result<(), String> {
        let mut finding = docket.find(inquiry, posture).map_err(|problem| problem.to_string())?;
        gate::live::overrule(&rulings, None, inquiry, &mut finding, &[]);
        verdicts.push(finding.verdict);
        let text = if as_json {
            format!("{}\n", wire::finding::to_json(&finding, inquiry.known_at.unwrap_or(now)))
        } else {
            show::finding(&finding)
        };
        print(&text).map(|_| ())
    };
    match file {
        None if question.act.is_none()
            && question.app.is_none()
            && question.resource.is_none()
            && !io::stdin().is_terminal() =>
        {
            inquiries(Path::new("-"), now, &mut answer)?;
        }
        None => answer(&question::inquiry(question, docket.registry(), now)?)?,
        Some(file) => inquiries(file, now, &mut answer)?,
    }
    Ok(show::exit_code(&verdicts))
}

/// Reads one inquiry, an array, or JSON lines, and answers each in order.
fn inquiries(
    file: &Path,
    now: law::Time,
    answer: &mut dyn FnMut(&Inquiry<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = BufReader::new(open(file)?);
    let mut first = String::new();
    let limit = wire::inquiry::BODY_BYTES_MAX as u64 + 1;
    // The first line tells which of the three it is: a whole inquiry on it means JSON lines.
    let read = |reader: &mut BufReader<Box<dyn Read>>, line: &mut String| {
        line.clear();
        reader.take(limit).read_line(line).map_err(|error| format!("cannot read {}: {error}", file.display()))
    };
    let mut number = 0;
    while read(&mut reader, &mut first)? > 0 {
        number += 1;
        if first.trim().is_empty() {
            continue;
        }
        let whole = serde_json::from_str::<serde::de::IgnoredAny>(&first).is_ok();
        if whole && first.trim_start().starts_with('{') {
            let inquiry = wire::inquiry::parse(first.as_bytes(), now);
            answer(&inquiry.map_err(|malformed| format!("{}:{number}: {malformed}", file.display()))?)?;
            continue;
        }
        let mut rest = std::mem::take(&mut first);
        let taken = reader.by_ref().take(limit).read_to_string(&mut rest);
        taken.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        return document(&rest, file, now, answer);
    }
    if number == 0 { Err(format!("{}: nothing was asked", file.display())) } else { Ok(()) }
}

fn document(
    text: &str,
    file: &Path,
    now: law::Time,
    answer: &mut dyn FnMut(&Inquiry<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let name = file.display();
    if !text.trim_start().starts_with('[') {
        let inquiry = wire::inquiry::parse(text.as_bytes(), now).map_err(|malformed| format!("{name}: {malformed}"))?;
        return answer(&inquiry);
    }
    if text.len() > wire::inquiry::BODY_BYTES_MAX {
        return Err(format!("{name}: longer than {} bytes; write one inquiry a line", wire::inquiry::BODY_BYTES_MAX));
    }
    let list: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
    for (n, raw) in list.iter().enumerate() {
        let inquiry = wire::inquiry::parse(raw.get().as_bytes(), now);
        answer(&inquiry.map_err(|malformed| format!("{name}: [{n}].{malformed}"))?)?;
    }
    Ok(())
}

fn one(docket: &Docket, file: Option<&Path>, question: &Question) -> Result<Inquiry<'static>, String> {
    let now = clock::now();
    match file {
        None => question::inquiry(question, docket.registry(), now),
        Some(file) => {
            let mut text = String::new();
            let limit = wire::inquiry::BODY_BYTES_MAX as u64;
            let read = open(file)?.take(limit).read_to_string(&mut text);
            read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            let inquiry = wire::inquiry::parse(text.as_bytes(), now);
            Ok(inquiry.map_err(|malformed| format!("{}: {malformed}", file.display()))?.into_owned())
        }
    }
}

pub(crate) fn explain(loading: &Loading, file: Option<&Path>, question: &Question, as_json: bool) -> Done {
    let docket = loading.docket()?;
    let inquiry = one(&docket, file, question)?;
    let mut explanation =
        docket.explain(&inquiry, question::posture(question.posture)).map_err(|problem| problem.to_string())?;
    gate::live::overrule(&*loading.rulings()?, None, &inquiry, &mut explanation.finding, &[]);
    let code = show::exit_code(&[explanation.finding.verdict]);
    if !as_json {
        return print(&explanation.render()).map(|_| code);
    }
    let answer = wire::finding::to_json(&explanation.finding, inquiry.known_at.unwrap_or_else(clock::now));
    let finding: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    let links: Vec<Value> = explanation.links.iter().map(|link| json!({
        "citation": link.citation, "title": link.title, "cite": link.cite, "authority": link.authority, "text": link.text,
        "force": link.force, "known": link.known, "evidence": link.evidence, "sources": link.sources, "exceptions": link.exceptions,
    })).collect();
    print_json(&json!({
        "finding": finding, "chain": links, "counterfactuals": explanation.counterfactuals,
        "not_in_force": explanation.dormant, "near_misses": explanation.near_misses, "duties": explanation.duties,
    }))
    .map(|_| code)
}

pub(crate) fn timeline(loading: &Loading, question: &Question, as_json: bool, svg: bool) -> Done {
    let docket = loading.docket()?;
    let inquiry = question::inquiry(question, docket.registry(), clock::now())?;
    let stretches =
        docket.timeline(&inquiry, question::posture(question.posture)).map_err(|problem| problem.to_string())?;
    if svg {
        return print(&console::picture::timeline(&stretches));
    }
    if as_json {
        let list: Vec<Value> = stretches
            .iter()
            .map(|s| {
                json!({
                    "from": bound(s.from), "until": bound(s.until), "verdict": s.finding.verdict.word(),
                    "possible": s.finding.possible.iter().map(status_word).collect::<Vec<_>>(),
                    "grounds": docket::check::cited_by(&s.finding),
                })
            })
            .collect();
        return print_json(&Value::from(list));
    }
    let mut text = String::new();
    for stretch in &stretches {
        let statuses: Vec<&str> = stretch.finding.possible.iter().map(status_word).collect();
        let from = format_rfc3339(stretch.from);
        let cited = docket::check::cited_by(&stretch.finding).join(" ");
        text.push_str(&format!("{from:>22}  {:<26} {cited}\n", statuses.join(" or ")));
    }
    print(&text)
}

fn bound(at: law::Time) -> Value {
    if at == law::time::ALWAYS || at == law::time::FOREVER { Value::Null } else { Value::from(format_rfc3339(at)) }
}

pub(crate) fn subjects(loading: &Loading, identifier: Option<&str>, as_json: bool) -> Done {
    use docket::subject::Attribution;
    let docket = loading.docket()?;
    let registry = docket.registry();
    let Some(written) = identifier else {
        if as_json {
            return print_json(wire::export::json(&docket).get("subjects").unwrap_or(&Value::Null));
        }
        let line = |s: &docket::subject::Subject| {
            let kind = if s.is_company { "company" } else { "app" };
            format!("{:<24} {kind:<8} {} ({} identifiers)\n", s.id, s.name(), s.identifiers.len())
        };
        return print(&registry.subjects().iter().map(line).collect::<String>());
    };
    let kind = written.split_once(':').and_then(|(kind, id)| Some((ResourceKind::from_word(kind)?, id)));
    let (kind, id) = kind.unwrap_or_else(|| (registry.recognise(written), written));
    let told = match registry.resolve(kind, id)? {
        Attribution::Subject(subject, _) => {
            json!({ "type": kind.word(), "id": id, "subject": subject.id, "shared": false })
        }
        Attribution::Shared(holders) => {
            let ids: Vec<&str> = holders.iter().map(|(subject, _)| subject.id.as_str()).collect();
            json!({ "type": kind.word(), "id": id, "subject": null, "shared": true, "used_by": ids })
        }
        Attribution::Nobody => json!({ "type": kind.word(), "id": id, "subject": null, "shared": false }),
    };
    if as_json {
        return print_json(&told);
    }
    let users = || told.get("used_by").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let whose = match told.get("subject").and_then(Value::as_str) {
        Some(subject) => subject.to_owned(),
        None if told.get("shared") == Some(&Value::Bool(true)) => {
            format!("shared, identifies nobody on its own; used by {}", users().collect::<Vec<_>>().join(" and "))
        }
        None => String::from("no known subject"),
    };
    print(&format!("{} {id}: {whose}\n", kind.word()))
}

pub(crate) fn orders(loading: &Loading, id: Option<&str>, as_json: bool) -> Done {
    let docket = loading.docket()?;
    let exported = wire::export::json(&docket);
    let all = exported.get("instruments").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(id) = id else {
        if as_json {
            return print_json(&Value::from(all));
        }
        let line = |i: &docket::order::Instrument| format!("{:<28} {:<12} {}\n", i.id, i.issued.written, i.title);
        return print(&docket.corpus().instruments.iter().map(line).collect::<String>());
    };
    let Some(found) = all.iter().find(|i| i.get("id").and_then(Value::as_str) == Some(id)) else {
        let ids = docket.corpus().instruments.iter().map(|i| i.id.as_str());
        let near = docket::fault::nearest(id, ids).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(format!("no order `{id}`{near}"));
    };
    if as_json {
        return print_json(found);
    }
    let span = docket.corpus().instruments.iter().find(|i| i.id == id).map(|i| i.span.clone()).unwrap_or_default();
    let source = docket.sources().get(span.file).and_then(|s| s.text.get(span.bytes)).unwrap_or("");
    print(&format!("{source}\n"))
}

/// The files of a folder, or the shipped ones.
pub(crate) fn files(folder: &Path) -> Result<Vec<Source>, String> {
    if folder.as_os_str() == "shipped" {
        return Ok(corpus::shipped());
    }
    corpus::read(&[folder.to_owned()]).map_err(unreadable)
}

pub(crate) fn diff(old: &Path, new: &Path, as_json: bool) -> Done {
    let side = |path: &Path| {
        if path.as_os_str() == "shipped" {
            return load(corpus::shipped(), corpus::shipped_image());
        }
        load(files(path)?, None)
    };
    let (old, new) = (side(old)?, side(new)?);
    let boxes = docket::diff::diff(&old, &new);
    let code = u8::from(!boxes.is_empty());
    if as_json {
        let list: Vec<Value> = boxes.iter().map(|b| json!({
            "subject": b.subject, "act": b.act.word(), "where": b.conditions, "from": bound(b.valid.from), "until": bound(b.valid.until),
            "known_from": bound(b.known.from), "known_until": bound(b.known.until),
            "old": b.old.iter().map(status_word).collect::<Vec<_>>(), "new": b.new.iter().map(status_word).collect::<Vec<_>>(),
        })).collect();
        return print_json(&Value::from(list)).map(|_| code);
    }
    let text: String = boxes.iter().map(ToString::to_string).collect();
    print(&format!("{text}{} boxes of cases are answered differently\n", boxes.len())).map(|_| code)
}

pub(crate) fn fmt(paths: &[PathBuf], check: bool, as_json: bool) -> Done {
    let mut changed: Vec<String> = Vec::new();
    for path in paths {
        let base = if path.is_dir() { Some(path) } else { None };
        for source in &corpus::read(std::slice::from_ref(path)).map_err(unreadable)? {
            let laid_out = docket::format::format(0, &source.text)
                .map_err(|faults| faulty(&faults, std::slice::from_ref(source)))?;
            if laid_out == source.text {
                continue;
            }
            let file = base.map_or_else(|| path.clone(), |base| base.join(&source.path));
            if !check {
                whole_file::write(&file, laid_out.as_bytes())
                    .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            }
            changed.push(file.display().to_string());
        }
    }
    let code = u8::from(check && !changed.is_empty());
    if as_json {
        return print_json(&json!({ "written": !check, "changed": changed })).map(|_| code);
    }
    let told = |file: &String| format!("{file} would change\n");
    let text: String = if check { changed.iter().map(told).collect() } else { String::new() };
    print(&text).map(|_| code)
}

pub(crate) fn grammar(markdown: bool, as_json: bool) -> Done {
    match (markdown, as_json) {
        (true, _) => print(&docket::grammar::render_markdown()),
        (false, true) => print_json(&grammar_json()),
        (false, false) => print(&docket::grammar::render()),
    }
}

/// The statement table and the vocabulary, for editors.
fn grammar_json() -> Value {
    use docket::grammar::{GROUPS, RULES, vocabulary};
    let statements = GROUPS.iter().flat_map(|(context, place)| {
        let here = RULES.iter().filter(|rule| rule.contexts.contains(context));
        here.map(move |rule| json!({ "in": place, "keyword": rule.keyword, "arguments": rule.arguments, "meaning": rule.meaning }))
    });
    let words: serde_json::Map<String, Value> =
        vocabulary().into_iter().map(|(kind, words)| (kind, Value::from(words))).collect();
    json!({ "statements": statements.collect::<Vec<_>>(), "vocabulary": words })
}

pub(crate) fn weave(loading: &Loading, ids: &[String], output: Option<&Path>, as_json: bool) -> Done {
    let docket = loading.docket()?;
    let unknown = ids.iter().find(|id| !docket.corpus().instruments.iter().any(|i| i.id == **id));
    if let Some(id) = unknown {
        return Err(format!("no order `{id}`; `interdict orders` lists them"));
    }
    let page = if as_json {
        format!("{:#}\n", console::weave::json(&docket, ids))
    } else {
        console::weave::page(&docket, ids)
    };
    match output {
        None => print(&page),
        Some(path) => {
            let written = whole_file::write(path, page.as_bytes());
            written.map(|()| 0).map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
    }
}

pub(crate) fn export(loading: &Loading, format: Format) -> Done {
    let docket = loading.docket()?;
    match format {
        Format::Json => print_json(&wire::export::json(&docket)),
        Format::Akn => print(&wire::export::akoma_ntoso(&docket)),
        Format::Legalruleml => print(&wire::export::legal_rule_ml(&docket)),
        Format::Schema => print_json(
            &json!({ "inquiry": wire::schema::inquiry(), "finding": wire::schema::finding(), "corpus": wire::schema::corpus() }),
        ),
    }
}

pub(crate) fn compile(loading: &Loading, output: &Path, as_json: bool) -> Done {
    let docket = loading.docket()?;
    let bytes = docket.image().to_bytes();
    whole_file::write(output, &bytes).map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    if as_json {
        let file = output.display().to_string();
        return print_json(&json!({ "file": file, "bytes": bytes.len(), "edition": docket.edition() }));
    }
    print(&format!("{} bytes for edition {}\n", bytes.len(), docket.edition()))
}

pub(crate) fn completions(shell: clap_complete::Shell) -> Done {
    clap_complete::generate(shell, &mut Cli::command(), "interdict", &mut io::stdout());
    Ok(0)
}

pub(crate) fn man(folder: &Path) -> Done {
    let fail = |error: io::Error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(fail)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(fail)?;
    Ok(0)
}
