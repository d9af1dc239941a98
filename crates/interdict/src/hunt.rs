//! `similarity hunt`: which of many apps contain what is looked for? Keeps a sketch of each app, asks the sketches,
//! and reads again only the apps that may contain it. A sketch never decides; what is told was matched in full.

use crate::commands::{Done, print};
use crate::hunt_sets::{App, Set, Sets};
use crate::{clock, scan, scan_references};
use clap::Args;
use serde_json::json;
use similarity::artefact::{Artefact, Budgets, Unclear, WORK_FREE};
use similarity::matching;
use similarity::sketch;
use similarity::table::Entry;
use similarity::verdict::{self, Judgement, Verdict};
use similarity::work::Work;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, time};

/// Files sketched before what was learned is written down: what a broken run loses.
const BATCH_FILES: usize = 512;
/// Files named that could not be looked into; `--json` names all.
const UNCLEAR_SHOWN: usize = 20;

/// Options of `similarity hunt`.
#[derive(Debug, Args)]
#[command(
    after_help = "The first hunt reads every app; later ones read only apps that are new or changed, and those that may contain something. What was interrupted goes on where it was.\n\nExit code: 0 nothing found, 1 an app contains something, 2 could not run, 3 something for a person to look at, or an app that cannot be cleared. `interdict scan` says what the law thinks of an app.\n\nExample:\n  interdict similarity hunt /srv/apps --sketches /var/lib/interdict/sketches --subject wechat"
)]
pub(crate) struct Hunt {
    /// Folders of apps
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The folder that keeps the sketches
    #[arg(long, value_name = "DIR")]
    sketches: PathBuf,
    /// Look only for code of this subject
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Look for the references in this folder too (see `similarity add`)
    #[arg(long, value_name = "DIR")]
    references: Option<PathBuf>,
    /// Look only for the references in `--references`, not for the shipped ones
    #[arg(long, requires = "references")]
    only_references: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What a hunt cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    sketched: usize,
    sketching_ns: u64,
    sketched_bytes: u64,
    asking_ns: u64,
    read_again: usize,
    matching_ns: u64,
}

/// Code found in an app.
struct Catch {
    path: PathBuf,
    subject: String,
    reference: String,
    judgement: Judgement,
    containment: f32,
    functions: u32,
}

/// Runs the command.
pub(crate) fn run(options: &Hunt) -> Done {
    let library = scan_references::load(options.references.as_deref(), !options.only_references)?;
    let is_wanted = |lineage: &str| options.subject.as_deref().is_none_or(|subject| subject == lineage);
    if !library.references().any(|reference| is_wanted(&reference.lineage)) {
        return Err(String::from(
            "there is no reference to look for; `interdict similarity list` shows the shipped ones",
        ));
    }
    let mut cost = Cost::default();
    let files = files(&options.paths)?;
    let mut sets = Sets::open(&options.sketches)?;
    let missing: Vec<&App> = {
        let known = sets.newest(&files);
        files.values().filter(|file| !known.contains_key(&file.path)).collect()
    };
    add(&mut sets, &missing, &mut cost)?;
    let known = sets.newest(&files);
    let start = clock::nanos();
    let (suspects, small) = ask(&library, sets.all(), &known, &is_wanted)?;
    cost.asking_ns = clock::nanos() - start;
    let start = clock::nanos();
    cost.read_again = suspects.len();
    let caught = each(&suspects, |path| confirm(path, &library, &is_wanted));
    let mut catches = Vec::new();
    let mut stopped: Vec<(PathBuf, String)> = Vec::new();
    for (found, path) in caught?.into_iter().zip(&suspects) {
        let (found, why) = found?;
        catches.extend(found);
        stopped.extend(why.map(|why| (path.clone(), why)));
    }
    cost.matching_ns = clock::nanos() - start;
    let mut unclear: Vec<(&Path, &str)> = known
        .iter()
        .filter_map(|(path, (set, n))| {
            let app = sets.all().get(*set)?.apps.get(*n)?;
            Some((path.as_path(), app.unclear.as_deref()?))
        })
        .collect();
    for (path, why) in &stopped {
        if !unclear.iter().any(|(known, _)| known == path) {
            unclear.push((path, why));
        }
    }
    let text = if options.json {
        as_json(&catches, &unclear, &small, known.len(), cost)?
    } else {
        as_text(&catches, &unclear, &small, known.len(), cost)
    };
    print(&text)?;
    let contains = |catch: &Catch| catch.judgement.verdict == Verdict::Contains;
    Ok(if catches.iter().any(contains) {
        1
    } else if catches.is_empty() && unclear.is_empty() && small.is_empty() {
        0
    } else {
        3
    })
}

/// What there is, by path.
fn files(paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, App>, String> {
    let mut files = BTreeMap::new();
    for path in scan::walk(paths)? {
        let told = |error: io::Error| format!("cannot read {}: {error}", path.display());
        let path = fs::canonicalize(&path).map_err(told)?;
        let about = fs::metadata(&path).map_err(told)?;
        let since = about.modified().map_err(told)?.duration_since(time::UNIX_EPOCH).unwrap_or_default();
        let modified = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let app = App { path: path.clone(), bytes: about.len(), modified, kept: 0, unclear: None };
        files.insert(path, app);
    }
    Ok(files)
}

/// Sketches what is missing, a batch at a time, each batch a set of its own.
fn add(sets: &mut Sets, missing: &[&App], cost: &mut Cost) -> Result<(), String> {
    let start = clock::nanos();
    for (batch, before) in missing.chunks(BATCH_FILES).zip((0..).step_by(BATCH_FILES)) {
        let mut apps = Vec::with_capacity(batch.len());
        let mut entries: Vec<Entry> = Vec::new();
        for (sketched, n) in each(batch, |file| one(file))?.into_iter().zip(0_u32..) {
            let (app, kept) = sketched?;
            apps.push(app);
            entries.extend(kept.into_iter().map(|fingerprint| (fingerprint, n)));
        }
        entries.sort_unstable();
        cost.sketched_bytes += sets.add(apps, entries)?;
        cost.sketched += batch.len();
        if io::stderr().is_terminal() {
            eprint!("\r{} apps sketched", scan::bar(before + batch.len(), missing.len()));
        }
    }
    if cost.sketched > 0 && io::stderr().is_terminal() {
        eprintln!();
    }
    cost.sketching_ns = clock::nanos() - start;
    sets.merge()
}

fn one(file: &App) -> Result<(App, Vec<u64>), String> {
    let artefact = open(&file.path, &Work::new(WORK_FREE, &|| false))?;
    let mut kept: Vec<u64> = artefact.code.iter().flat_map(|code| sketch::of(&code.program)).collect();
    kept.sort_unstable();
    kept.dedup();
    let unclear = artefact.unclear.first().map(ToString::to_string);
    Ok((App { kept: u32::try_from(kept.len()).unwrap_or(u32::MAX), unclear, ..file.clone() }, kept))
}

fn open(path: &Path, work: &Work<'_>) -> Result<Artefact, String> {
    let told = |error: io::Error| format!("cannot read {}: {error}", path.display());
    if fs::metadata(path).map_err(told)?.len() > scan::FILE_BYTES_MAX {
        let why = Unclear::Budget { path: path.display().to_string(), what: "TOTAL_BYTES_MAX" };
        return Ok(Artefact { unclear: vec![why], ..Artefact::default() });
    }
    let bytes = fs::read(path).map_err(told)?;
    Ok(Artefact::open_within(&path.display().to_string(), &bytes, &Budgets::default(), work, &mut |_, _| {}))
}

/// Which files share enough with a reference to be read again, and which references are too small to be asked for.
fn ask(
    library: &scan_references::Library,
    sets: &[Set],
    known: &BTreeMap<PathBuf, (usize, usize)>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<(Vec<PathBuf>, Vec<String>), String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut small = Vec::new();
    let mut suspects: Vec<Vec<bool>> = sets.iter().map(|set| vec![false; set.apps.len()]).collect();
    for index in library.indexes() {
        for (n, reference) in index.references().iter().enumerate().filter(|(_, r)| is_wanted(&r.lineage)) {
            let kept = sketch::of_distinct(index, n);
            if kept.len() < sketch::KEPT_MIN {
                small.push(reference.label.clone());
                continue;
            }
            for (set, suspects) in sets.iter().zip(&mut suspects) {
                let mut shared = vec![0_usize; set.apps.len()];
                let mut count = |_: u64, app: u32| {
                    if let Some(shared) = shared.get_mut(app as usize) {
                        *shared += 1;
                    }
                };
                set.table.find(&kept, threads, &mut count).map_err(|why| format!("a table of sketches: {why}"))?;
                for (shared, suspect) in shared.iter().zip(suspects) {
                    *suspect |= *shared >= sketch::shared_min(kept.len());
                }
            }
        }
    }
    let is_suspect =
        |(s, n): &(usize, usize)| suspects.get(*s).and_then(|set| set.get(*n)).is_some_and(|suspect| *suspect);
    let paths = known.iter().filter(|(_, place)| is_suspect(place)).map(|(path, _)| path.clone()).collect();
    Ok((paths, small))
}

/// Matches an app in full; of each subject the best reference is told, and why it cannot be cleared.
fn confirm(
    path: &Path,
    library: &scan_references::Library,
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<(Vec<Catch>, Option<String>), String> {
    let work = Work::new(WORK_FREE, &|| false);
    let mut artefact = open(path, &work)?;
    let mut catches: Vec<Catch> = Vec::new();
    for code in &artefact.code {
        let Some(index) = library.index(code.language) else { continue };
        for evidence in matching::find_within(index, &code.program, &work) {
            let Some(reference) = index.references().get(evidence.reference) else { continue };
            let judgement = verdict::judge(index, &evidence);
            let is_something = match judgement.verdict {
                Verdict::Contains | Verdict::Unsure => true,
                Verdict::DoesNotContain { .. } => false,
            };
            if !is_something
                || !is_wanted(&reference.lineage)
                || catches.iter().any(|catch| catch.subject == reference.lineage)
            {
                continue;
            }
            catches.push(Catch {
                path: path.to_owned(),
                subject: reference.lineage.clone(),
                reference: reference.label.clone(),
                judgement,
                containment: evidence.containment,
                functions: evidence.functions,
            });
        }
    }
    artefact.stopped(&path.display().to_string(), &work);
    Ok((catches, artefact.unclear.first().map(ToString::to_string)))
}

/// Does the same with each item on all cores; the results come in the items' order.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Result<Vec<R>, String> {
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((n, item)) = {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    items.get(n).map(|item| (n, item))
                } {
                    let done = work(item);
                    if let Ok(mut results) = results.lock() {
                        results.push((n, done));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().map_err(|_poisoned| String::from("a thread failed"))?;
    if results.len() != items.len() {
        return Err(String::from("a thread failed before its files were read; nothing is cleared"));
    }
    results.sort_by_key(|(n, _)| *n);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Contains => "contains",
        Verdict::Unsure => "unsure",
        Verdict::DoesNotContain { .. } => "does not contain",
    }
}

/// Milliseconds for each of `count`.
fn each_ms(nanos: u64, count: usize) -> f64 {
    nanos as f64 / 1e6 / count.max(1) as f64
}

fn as_text(catches: &[Catch], unclear: &[(&Path, &str)], small: &[String], apps: usize, cost: Cost) -> String {
    let mut text = String::new();
    for catch in catches {
        text.push_str(&format!(
            "{}: {} code of {} (probability {:.2}, {:.0} % of {}, {} functions)\n",
            catch.path.display(),
            word(catch.judgement.verdict),
            catch.subject,
            catch.judgement.probability,
            100.0 * catch.containment,
            catch.reference,
            catch.functions
        ));
    }
    for (path, why) in unclear.iter().take(UNCLEAR_SHOWN) {
        text.push_str(&format!("{}: cannot be cleared: {why}\n", path.display()));
    }
    if unclear.len() > UNCLEAR_SHOWN {
        text.push_str(&format!("{} more cannot be cleared\n", unclear.len() - UNCLEAR_SHOWN));
    }
    for label in small {
        text.push_str(&format!("note: {label} is too small to be found by sketches; `interdict scan` looks for it\n"));
    }
    text.push_str(&format!(
        "{apps} apps: {} sketched now ({:.1} ms and {} bytes each), asked in {:.1} ms ({:.4} ms each), {} read again ({:.1} ms each)\n",
        cost.sketched,
        each_ms(cost.sketching_ns, cost.sketched),
        cost.sketched_bytes / cost.sketched.max(1) as u64,
        each_ms(cost.asking_ns, 1),
        each_ms(cost.asking_ns, apps),
        cost.read_again,
        each_ms(cost.matching_ns, cost.read_again),
    ));
    text
}

fn as_json(
    catches: &[Catch],
    unclear: &[(&Path, &str)],
    small: &[String],
    apps: usize,
    cost: Cost,
) -> Result<String, String> {
    let catch = |catch: &Catch| {
        json!({ "path": catch.path, "subject": catch.subject, "reference": catch.reference,
                "verdict": word(catch.judgement.verdict), "probability": catch.judgement.probability,
                "contained": catch.containment, "functions": catch.functions })
    };
    let report = json!({
        "apps": apps,
        "found": catches.iter().map(catch).collect::<Vec<_>>(),
        "cannot_clear": unclear.iter().map(|(path, why)| json!({ "path": path, "why": why })).collect::<Vec<_>>(),
        "too_small": small,
        "cost": { "sketched": cost.sketched, "sketch_ms_each": each_ms(cost.sketching_ns, cost.sketched),
                  "sketch_bytes_each": cost.sketched_bytes / cost.sketched.max(1) as u64,
                  "asked_ms": each_ms(cost.asking_ns, 1), "read_again": cost.read_again,
                  "read_again_ms_each": each_ms(cost.matching_ns, cost.read_again) },
    });
    let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    Ok(format!("{text}\n"))
}
