//! `scan`: does an artefact contain code of a subject, and what does the law say of that? Walks folders, opens
//! what is there on all cores, and answers for each file. What it could not look into it says.

use crate::cli::PostureArgs;
use crate::commands::{Done, Loading, print};
use crate::scan_law::{self, Law, Ruling};
use crate::{clock, question, scan_compare, scan_page, scan_references, scan_report, scan_sbom, scan_waiver};
use clap::Args;
use docket::Docket;
use docket::finding::Verdict as LegalVerdict;
use docket::vocabulary::ResourceKind;
use similarity::artefact::{Artefact, Budgets, Code, Language, TOTAL_BYTES_MAX, WORK_FREE};
use similarity::matching::{self, Evidence};
use similarity::naming;
use similarity::verdict::{self, Judgement, Verdict};
use similarity::work::Work;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

/// Files below the paths that are named; beyond it somebody pointed at the wrong folder.
const FILES_MAX: usize = 1_000_000;
/// Larger files are not read into memory: nothing of them could be opened.
pub(crate) const FILE_BYTES_MAX: u64 = TOTAL_BYTES_MAX;
/// Seconds for one file: hundreds of megabytes of code take less than one of its minutes.
const TIME_SECONDS: u64 = 600;

/// Options of `scan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 clear or permitted, 1 contains what the law forbids, 2 could not run, 3 refer: the law leaves it open, or a file cannot be cleared.\n\nA waiver file is a JSON array: [{\"path\": \"lib/x.aar\", \"subject\": \"wechat\", \"until\": \"2027-01-01T00:00:00Z\", \"reason\": \"…\"}].\n\nExamples:\n  interdict scan app/build/outputs --place US\n  interdict scan app.apk --at 2020-09-21T12:00-04:00 --known-at 2020-09-18T12:00-04:00 --place US --sarif"
)]
pub(crate) struct Scan {
    /// Files and folders; archives within are opened, an SBOM (CycloneDX, SPDX) is read by its package URLs
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Write JSON
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) json: bool,
    /// Write SARIF 2.1.0
    #[arg(long)]
    pub(crate) sarif: bool,
    /// Write a page for people to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Look for the references in this folder too (see `interdict similarity`)
    #[arg(long, value_name = "DIR")]
    pub(crate) references: Option<PathBuf>,
    /// Look only for the references in `--references`, not for the shipped ones
    #[arg(long, requires = "references")]
    pub(crate) only_references: bool,
    /// Leave out what this file waives, with a reason and until a day
    #[arg(long, value_name = "FILE")]
    pub(crate) waivers: Option<PathBuf>,
    /// Where the app has effect (ISO 3166); absent is not known
    #[arg(long)]
    pub(crate) place: Option<String>,
    /// When (`2020-09-21T12:00-04:00`); absent is now
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<String>,
    /// As known when; absent counts all that is known
    #[arg(long, value_name = "INSTANT")]
    pub(crate) known_at: Option<String>,
    /// Fail on listed code whatever the law says of it: a policy, not a duty
    #[arg(long)]
    pub(crate) fail_on_evidence: bool,
    /// Seconds for each file; one that takes longer is not cleared, and the others go on
    #[arg(long, value_name = "SECONDS", default_value_t = TIME_SECONDS)]
    pub(crate) time_limit: u64,
    /// Threads; absent is one for each core
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) posture: PostureArgs,
}

/// How something was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    Package,
    Bundle,
    Certificate,
    Hash,
    Purl,
    /// What its classes are called. Whoever wraps the code may call his own so: it is a hint, and no more.
    Classes,
    Code,
}

impl Basis {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Package => "package name",
            Self::Bundle => "bundle id",
            Self::Certificate => "signing certificate",
            Self::Hash => "file hash",
            Self::Purl => "package URL",
            Self::Classes => "class names",
            Self::Code => "code",
        }
    }
}

/// A function of a reference and where it was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundFunction {
    pub(crate) reference: String,
    pub(crate) program: String,
    pub(crate) similarity: f32,
    pub(crate) distinct: f32,
    pub(crate) common: f32,
    pub(crate) via: &'static str,
    pub(crate) reasons: Vec<(&'static str, usize)>,
}

/// What the code says.
#[derive(Clone, Debug)]
pub(crate) struct FoundCode {
    pub(crate) judgement: Judgement,
    pub(crate) language: &'static str,
    pub(crate) reference: String,
    pub(crate) source: String,
    pub(crate) distinct: f32,
    pub(crate) common: f32,
    pub(crate) containment: f32,
    pub(crate) functions: u32,
    pub(crate) classes: u32,
    pub(crate) pairs: Vec<FoundFunction>,
}

/// A subject recognised in a file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) subject: String,
    pub(crate) basis: Basis,
    /// The identifier, or the reference.
    pub(crate) what: String,
    pub(crate) code: Option<FoundCode>,
    pub(crate) rulings: Vec<Ruling>,
    pub(crate) waived: Option<String>,
}

impl Found {
    pub(crate) fn is_sure(&self) -> bool {
        self.basis != Basis::Classes
            && self.code.as_ref().is_none_or(|code| code.judgement.verdict == Verdict::Contains)
    }
}

/// What was found in one file.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) found: Vec<Found>,
    pub(crate) unclear: Vec<String>,
    /// Reason of the waiver that covers what is unclear.
    pub(crate) unclear_waived: Option<String>,
    /// Of each lineage not found: how much of its distinct code could be there unseen.
    pub(crate) bounds: BTreeMap<String, f32>,
    /// Files of code inside that were compared with nothing.
    pub(crate) uncompared: usize,
    /// What linkers wrote into its machine code to name the very build.
    pub(crate) builds: Vec<String>,
    /// Whether there was any code, or names.
    pub(crate) looked: bool,
}

/// Runs the command.
pub(crate) fn scan(loading: &Loading, options: &Scan) -> Done {
    let docket = loading.docket()?;
    let now = clock::now();
    let law = Law::read(options, now)?;
    let library = scan_references::load(options.references.as_deref(), !options.only_references)?;
    let waivers = options.waivers.as_deref().map(|path| scan_waiver::read(path, law.valid_at)).transpose()?;
    let files = walk(&options.paths)?;
    let posture = question::posture(options.posture);
    let progress = io::stderr().is_terminal();
    let results: Mutex<Vec<(usize, Result<Scanned, String>)>> = Mutex::new(Vec::with_capacity(files.len()));
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or(cores).clamp(1, files.len().max(1));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = files.get(n) else { break };
                    let scanned = one(path, options.time_limit, &docket, &library, &law, posture);
                    if let Ok(mut results) = results.lock() {
                        results.push((n, scanned));
                        if progress {
                            eprint!("\r{} files", bar(results.len(), files.len()));
                        }
                    }
                }
            });
        }
    });
    if progress {
        eprintln!();
    }
    let mut results = results.into_inner().map_err(|_poisoned| String::from("a thread failed"))?;
    if results.len() != files.len() {
        return Err(String::from("a thread failed before its files were read; nothing is cleared"));
    }
    results.sort_by_key(|(n, _)| *n);
    let mut scanned = Vec::with_capacity(results.len());
    for (_, result) in results {
        scanned.push(result?);
    }
    if let Some(waivers) = &waivers {
        scanned.iter_mut().for_each(|file| waivers.apply(file));
    }
    if let Some(path) = &options.html {
        scan_compare::write(path, &scan_page::scan(&scanned))?;
    }
    let text = if options.json {
        scan_report::json(&scanned, &library)
    } else if options.sarif {
        scan_report::sarif(&scanned)
    } else {
        scan_report::table(&scanned, &library, waivers.as_ref())
    };
    print(&text)?;
    Ok(exit_code(&scanned, options.fail_on_evidence))
}

/// How far it is, as a line of a terminal shows it.
pub(crate) fn bar(done: usize, all: usize) -> String {
    const CELLS: usize = 30;
    let full = done.saturating_mul(CELLS).checked_div(all).unwrap_or(CELLS).min(CELLS);
    format!("[{}{}] {done} of {all}", "#".repeat(full), ".".repeat(CELLS - full))
}

/// 1 forbidden, 3 open, 0 neither.
fn exit_code(scanned: &[Scanned], on_evidence: bool) -> u8 {
    let found = || scanned.iter().flat_map(|file| &file.found).filter(|found| found.waived.is_none());
    let legal = |verdict| found().any(|f| f.is_sure() && f.rulings.iter().any(|ruling| ruling.verdict == verdict));
    let unclear = scanned.iter().any(|file| !file.unclear.is_empty() && file.unclear_waived.is_none());
    // What may be there needs nobody's look where the law permits it to be there.
    let matters = |f: &Found| on_evidence || f.rulings.iter().any(|ruling| ruling.verdict != LegalVerdict::Permit);
    if legal(LegalVerdict::Forbid) || (on_evidence && found().any(Found::is_sure)) {
        1
    } else if legal(LegalVerdict::Refer) || unclear || found().any(|f| !f.is_sure() && matters(f)) {
        3
    } else {
        0
    }
}

/// Every file below the paths, in order. A path that does not exist is an error; so is a folder that cannot be read.
pub(crate) fn walk(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = left.pop() {
        let told = |error: io::Error| format!("cannot read {}: {error}", path.display());
        let named = paths.contains(&path);
        let about = if named { fs::metadata(&path) } else { fs::symlink_metadata(&path) }.map_err(told)?;
        if about.is_dir() {
            let mut inside = Vec::new();
            for entry in fs::read_dir(&path).map_err(told)? {
                inside.push(entry.map_err(told)?.path());
            }
            inside.sort();
            left.extend(inside.into_iter().rev());
        } else if about.is_file() {
            files.push(path);
            if files.len() > FILES_MAX {
                return Err(format!("more than {FILES_MAX} files: name a smaller folder"));
            }
        }
    }
    Ok(files)
}

fn one(
    path: &Path,
    seconds: u64,
    docket: &Docket,
    library: &scan_references::Library,
    law: &Law,
    posture: docket::finding::Posture,
) -> Result<Scanned, String> {
    let shown = path.display().to_string();
    let told = |error: io::Error| format!("cannot read {shown}: {error}");
    let file = fs::File::open(path).map_err(told)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(told)?;
    let mut scanned = Scanned {
        path: shown.clone(),
        sha256: String::new(),
        found: Vec::new(),
        unclear: Vec::new(),
        unclear_waived: None,
        bounds: BTreeMap::new(),
        uncompared: 0,
        builds: Vec::new(),
        looked: false,
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        scanned.unclear.push(format!("larger than {FILE_BYTES_MAX} bytes"));
        return Ok(scanned);
    }
    match scan_sbom::purls(&bytes) {
        None => {}
        Some(Ok(purls)) => {
            scanned.looked = true;
            purls.iter().for_each(|purl| named(&mut scanned, docket, ResourceKind::Purl, purl, Basis::Purl));
        }
        Some(Err(why)) => scanned.unclear.push(why),
    }
    let late = clock::nanos().saturating_add(seconds.saturating_mul(1_000_000_000));
    let is_late = || clock::nanos() >= late;
    let work = Work::new(WORK_FREE, &is_late);
    let mut artefact = Artefact::open_within(&shown, &bytes, &Budgets::default(), &work, &mut |_, _| {});
    scanned.sha256.clone_from(&artefact.sha256);
    scanned.looked |= artefact.has_code() || artefact.names != similarity::artefact::Names::default();
    scanned.uncompared = artefact.uncompared;
    scanned.builds.clone_from(&artefact.builds);
    calls_itself(&mut scanned, docket, &artefact);
    for code in &artefact.code {
        coded(&mut scanned, library, code, &work);
        called(&mut scanned, library, code);
    }
    artefact.stopped(&shown, &work);
    if work.stopped().is_some() {
        scanned.bounds.clear();
    }
    scanned.unclear.extend(artefact.unclear.iter().map(ToString::to_string));
    unanswered(&mut scanned, &artefact, library);
    for found in &mut scanned.found {
        found.rulings = scan_law::rule(docket, law, posture, &found.subject)?;
    }
    Ok(scanned)
}

/// Code of a kind of which there is no reference was compared with nothing, so it is neither found nor cleared.
fn unanswered(scanned: &mut Scanned, artefact: &Artefact, library: &scan_references::Library) {
    let alone = |code: &&Code| library.index(code.language).is_none();
    let Some(code) = artefact.code.iter().find(alone) else { return };
    scanned.uncompared += artefact.code.iter().filter(alone).map(|code| code.program.classes.len()).sum::<usize>();
    if !artefact.code.iter().all(|code| alone(&code)) {
        return;
    }
    // Python says nothing of an app; a script or a library may be all there is of one.
    scanned.looked = artefact.names != similarity::artefact::Names::default();
    if code.language == Language::Script || code.language.is_native() {
        scanned.unclear.push(format!("it is {} code, and there is no reference of that kind", code.language.word()));
    }
}

/// Tier 0: what an artefact calls itself, and which file it is.
fn calls_itself(scanned: &mut Scanned, docket: &Docket, artefact: &Artefact) {
    for digest in std::iter::once(&artefact.sha256).chain(&artefact.digests) {
        named(scanned, docket, ResourceKind::CodeSha256, digest, Basis::Hash);
    }
    let names = [
        (ResourceKind::AndroidPackage, Basis::Package, &artefact.names.packages),
        (ResourceKind::IosBundle, Basis::Bundle, &artefact.names.bundles),
        (ResourceKind::CertSha256, Basis::Certificate, &artefact.names.certificates),
    ];
    for (kind, basis, ids) in names {
        ids.iter().for_each(|id| named(scanned, docket, kind, id, basis));
    }
}

fn named(scanned: &mut Scanned, docket: &Docket, kind: ResourceKind, id: &str, basis: Basis) {
    use docket::subject::Attribution;
    let Ok(Attribution::Subject(subject, _)) = docket.registry().resolve(kind, id) else { return };
    if scanned.found.iter().any(|found| found.subject == subject.id && found.basis == basis) {
        return;
    }
    scanned.found.push(Found {
        subject: subject.id.clone(),
        basis,
        what: id.to_owned(),
        code: None,
        rulings: Vec::new(),
        waived: None,
    });
}

/// Tiers 1 and 2: what its code says. Of each lineage the best reference is told.
fn coded(scanned: &mut Scanned, library: &scan_references::Library, code: &Code, work: &Work<'_>) {
    let Some(index) = library.index(code.language) else { return };
    for (number, reference) in index.references().iter().enumerate() {
        let bound = verdict::bound(index, number, 0.0);
        let known = scanned.bounds.entry(reference.lineage.clone()).or_insert(bound);
        *known = known.min(bound);
    }
    let mut told: Vec<&str> = Vec::new();
    for evidence in matching::find_within(index, &code.program, work) {
        let Some(reference) = index.references().get(evidence.reference) else { continue };
        let judgement = verdict::judge(index, &evidence);
        match judgement.verdict {
            Verdict::DoesNotContain { .. } => continue,
            Verdict::Contains | Verdict::Unsure => {}
        }
        if told.contains(&reference.lineage.as_str()) {
            continue;
        }
        told.push(&reference.lineage);
        scanned.bounds.remove(&reference.lineage);
        scanned.found.push(Found {
            subject: reference.lineage.clone(),
            basis: Basis::Code,
            what: reference.label.clone(),
            code: Some(FoundCode {
                judgement,
                language: code.language.word(),
                reference: reference.label.clone(),
                source: reference.source.clone(),
                distinct: evidence.distinct,
                common: evidence.common,
                containment: evidence.containment,
                functions: evidence.functions,
                classes: evidence.classes,
                pairs: functions(&reference.program, code, &evidence),
            }),
            rulings: Vec::new(),
            waived: None,
        });
    }
}

/// Tier 0: classes called as those of a reference are, whatever stands in them.
fn called(scanned: &mut Scanned, library: &scan_references::Library, code: &Code) {
    let Some(index) = library.index(code.language).filter(|_| code.language == Language::Bytecode) else { return };
    for namesake in naming::namesakes(index, &code.program) {
        let Some(reference) = index.references().get(namesake.reference) else { continue };
        if scanned.found.iter().any(|found| found.subject == reference.lineage && found.basis == Basis::Classes) {
            continue;
        }
        scanned.bounds.remove(&reference.lineage);
        scanned.found.push(Found {
            subject: reference.lineage.clone(),
            basis: Basis::Classes,
            what: format!("{} of {} of {}", namesake.shared, namesake.of, reference.label),
            code: None,
            rulings: Vec::new(),
            waived: None,
        });
    }
}

fn functions(known: &similarity::program::Program, code: &Code, evidence: &Evidence) -> Vec<FoundFunction> {
    let of = |pair: &matching::Pair| {
        let ours = known.functions.get(pair.reference as usize)?;
        let theirs = code.program.functions.get(pair.program as usize)?;
        let reasons = matching::reasons(known.fingerprints_of(ours), code.program.fingerprints_of(theirs));
        Some(FoundFunction {
            reference: known.full_name(ours),
            program: code.program.full_name(theirs),
            similarity: pair.similarity,
            distinct: pair.distinct,
            common: pair.common,
            via: pair.via.word(),
            reasons: reasons.into_iter().map(|(family, n)| (family.word(), n)).collect(),
        })
    };
    evidence.pairs.iter().filter_map(of).collect()
}
