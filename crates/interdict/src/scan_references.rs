//! Reference code: the fingerprints that are shipped, and folders of one's own, one immutable file for each
//! artefact. `similarity add`, `remove`, `list`, `export` and `common` keep them.

use crate::commands::{Done, Loading, print, print_json, tell};
use crate::scan::FILE_BYTES_MAX;
use crate::whole_file;
use clap::Subcommand;
use serde_json::{Value, json};
use similarity::artefact::{Artefact, Budgets, Language};
use similarity::background::Background;
use similarity::index::{Index, Reference};
use similarity::segment::Segment;
use std::fs;
use std::path::{Path, PathBuf};

/// Ending of a reference file.
const ENDING: &str = "idf";
/// Names of the backgrounds in a folder of references: of machine code, and of all else.
const COMMON: &str = "common.bloom";
const COMMON_NATIVE: &str = "common-native.bloom";
/// References in one folder.
const REFERENCES_MAX: usize = 100_000;
/// A reference file is no larger.
const REFERENCE_BYTES_MAX: u64 = 1 << 30;

/// Fingerprints made from code that package registries carry; `fingerprints/make` makes them.
const SHIPPED: &[(&str, &[u8])] = &[
    ("wechat-sdk-6.8.34", include_bytes!("../../../fingerprints/wechat-sdk-6.8.34.idf")),
    ("wechat-sdk-6.8.0", include_bytes!("../../../fingerprints/wechat-sdk-6.8.0.idf")),
    ("wechat-sdk-2018", include_bytes!("../../../fingerprints/wechat-sdk-2018.idf")),
    ("wechat-sdk-2016", include_bytes!("../../../fingerprints/wechat-sdk-2016.idf")),
    ("mmkv-1.2.13", include_bytes!("../../../fingerprints/mmkv-1.2.13.idf")),
    ("tinker-lib-1.9.14", include_bytes!("../../../fingerprints/tinker-lib-1.9.14.idf")),
    ("tinker-loader-1.9.14", include_bytes!("../../../fingerprints/tinker-loader-1.9.14.idf")),
    ("weixin-js-sdk-1.6.5-script", include_bytes!("../../../fingerprints/weixin-js-sdk-1.6.5-script.idf")),
    ("bytehook-1.0.9", include_bytes!("../../../fingerprints/bytehook-1.0.9.idf")),
    ("alipay-ios-2018-arm64", include_bytes!("../../../fingerprints/alipay-ios-2018-arm64.idf")),
    ("bytehook-1.0.9-arm", include_bytes!("../../../fingerprints/bytehook-1.0.9-arm.idf")),
    ("bytehook-1.0.9-arm64", include_bytes!("../../../fingerprints/bytehook-1.0.9-arm64.idf")),
    ("bytehook-1.0.9-x86-64", include_bytes!("../../../fingerprints/bytehook-1.0.9-x86-64.idf")),
    ("mmkv-1.2.13-arm", include_bytes!("../../../fingerprints/mmkv-1.2.13-arm.idf")),
    ("mmkv-1.2.13-arm64", include_bytes!("../../../fingerprints/mmkv-1.2.13-arm64.idf")),
    ("mmkv-1.2.13-x86-64", include_bytes!("../../../fingerprints/mmkv-1.2.13-x86-64.idf")),
    ("mmkv-1.3.1-arm", include_bytes!("../../../fingerprints/mmkv-1.3.1-arm.idf")),
    ("mmkv-1.3.1-arm64", include_bytes!("../../../fingerprints/mmkv-1.3.1-arm64.idf")),
    ("mmkv-1.3.9-arm", include_bytes!("../../../fingerprints/mmkv-1.3.9-arm.idf")),
    ("mmkv-1.3.9-arm64", include_bytes!("../../../fingerprints/mmkv-1.3.9-arm64.idf")),
    ("qq-ios-2018-arm64", include_bytes!("../../../fingerprints/qq-ios-2018-arm64.idf")),
    ("wechat-ios-1.8.0-arm", include_bytes!("../../../fingerprints/wechat-ios-1.8.0-arm.idf")),
    ("wechat-ios-1.8.0-arm64", include_bytes!("../../../fingerprints/wechat-ios-1.8.0-arm64.idf")),
    ("wechat-ios-2019-arm", include_bytes!("../../../fingerprints/wechat-ios-2019-arm.idf")),
    ("wechat-ios-2019-arm64", include_bytes!("../../../fingerprints/wechat-ios-2019-arm64.idf")),
];
const SHIPPED_COMMON: &[u8] = include_bytes!("../../../fingerprints/common.bloom");
const SHIPPED_COMMON_NATIVE: &[u8] = include_bytes!("../../../fingerprints/common-native.bloom");

/// What `similarity` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an artefact to look for: its fingerprints and names are kept, never its code
    Add {
        /// The artefact
        file: PathBuf,
        /// Whose code it is, as in `interdict subjects`
        #[arg(long, value_name = "ID")]
        subject: String,
        /// Which artefact and version, for people; absent is the file's name
        #[arg(long)]
        label: Option<String>,
        /// Where it came from
        #[arg(long, default_value = "")]
        source: String,
        /// Keep only what stands in named classes: the C libraries that an SDK for iOS carries are others' code
        #[arg(long)]
        only_classes: bool,
        /// The folder of references
        #[arg(long, value_name = "DIR")]
        store: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
    /// Remove the references of a label or of a SHA-256
    Remove {
        /// Label or SHA-256
        what: String,
        /// The folder of references
        #[arg(long, value_name = "DIR")]
        store: PathBuf,
        /// Say in JSON what was removed
        #[arg(long)]
        json: bool,
    },
    /// List references: the shipped ones, or a folder's
    List {
        /// The folder of references; absent lists the shipped ones
        #[arg(long, value_name = "DIR")]
        store: Option<PathBuf>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the table of fingerprints, sorted, for other engines: as CSV, or as a Parquet file
    Export {
        /// The folder of references; absent exports the shipped ones
        #[arg(long, value_name = "DIR")]
        store: Option<PathBuf>,
        /// Write Parquet to this file instead of CSV to standard output
        #[arg(long, value_name = "FILE")]
        parquet: Option<PathBuf>,
        /// Say in JSON what was written to that file
        #[arg(long, requires = "parquet")]
        json: bool,
    },
    /// Make the background of common code from artefacts that anybody uses: `common.bloom`, and of machine code
    /// `common-native.bloom`
    Common {
        /// Artefacts
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Keep only what this many of the artefacts hold: libraries that all were linked with
        #[arg(long, value_name = "N", default_value_t = 1)]
        at_least: u32,
        /// The folder of references
        #[arg(long, value_name = "DIR")]
        store: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
    /// Which of many apps contain the code that is looked for? Sketches them once, asks the sketches at once
    Hunt(crate::hunt::Hunt),
}

/// All references, one index for each kind of code.
pub(crate) struct Library {
    indexes: Vec<(Language, Index)>,
}

impl Library {
    pub(crate) fn index(&self, language: Language) -> Option<&Index> {
        self.indexes.iter().find(|(known, _)| *known == language).map(|(_, index)| index)
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().map(|(_, index)| index)
    }

    pub(crate) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.indexes.iter().flat_map(|(_, index)| index.references())
    }
}

/// Loads the shipped references, those of a folder, or both.
pub(crate) fn load(folder: Option<&Path>, shipped: bool) -> Result<Library, String> {
    let mut segments = if shipped { shipped_segments()? } else { Vec::new() };
    if let Some(folder) = folder {
        segments.extend(folder_segments(folder)?.into_iter().map(|(_, segment)| segment));
    }
    let background = background_of(folder, shipped, COMMON, SHIPPED_COMMON)?;
    let native_background = background_of(folder, shipped, COMMON_NATIVE, SHIPPED_COMMON_NATIVE)?;
    let mut indexes = Vec::new();
    for language in Language::ALL {
        let (of_this, rest) = segments.into_iter().partition(|segment: &Segment| segment.language == language);
        segments = rest;
        let references: Vec<Reference> = of_this.into_iter().map(|segment| segment.reference).collect();
        if !references.is_empty() {
            let background = if language.is_native() { &native_background } else { &background };
            indexes.push((language, Index::new(references, background).of(language)));
        }
    }
    Ok(Library { indexes })
}

/// A folder's background if it has one, else the shipped one if that is asked for.
fn background_of(folder: Option<&Path>, shipped: bool, name: &str, bytes: &[u8]) -> Result<Background, String> {
    match folder.map(|folder| folder.join(name)).filter(|own| own.exists()) {
        Some(own) => {
            let bytes = fs::read(&own).map_err(|error| format!("cannot read {}: {error}", own.display()))?;
            Ok(Background::from_bytes(&bytes))
        }
        None => Ok(if shipped { Background::from_bytes(bytes) } else { Background::default() }),
    }
}

/// The shipped background of common code of a kind.
pub(crate) fn shipped_background(language: Language) -> Background {
    Background::from_bytes(if language.is_native() { SHIPPED_COMMON_NATIVE } else { SHIPPED_COMMON })
}

fn shipped_segments() -> Result<Vec<Segment>, String> {
    let read =
        |(name, bytes): &(&str, &[u8])| Segment::from_bytes(bytes).map_err(|why| format!("shipped {name}: {why}"));
    SHIPPED.iter().map(read).collect()
}

fn folder_segments(folder: &Path) -> Result<Vec<(PathBuf, Segment)>, String> {
    let told = |path: &Path, why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| told(folder, &error))? {
        let path = entry.map_err(|error| told(folder, &error))?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            paths.push(path);
        }
    }
    if paths.len() > REFERENCES_MAX {
        return Err(format!("{}: more than {REFERENCES_MAX} references", folder.display()));
    }
    paths.sort();
    let read = |path: PathBuf| {
        let size = fs::metadata(&path).map_err(|error| told(&path, &error))?.len();
        if size > REFERENCE_BYTES_MAX {
            return Err(told(&path, &format_args!("larger than {REFERENCE_BYTES_MAX} bytes")));
        }
        let bytes = fs::read(&path).map_err(|error| told(&path, &error))?;
        let segment = Segment::from_bytes(&bytes).map_err(|why| told(&path, &why))?;
        Ok((path, segment))
    };
    paths.into_iter().map(read).collect()
}

/// Runs the command.
pub(crate) fn run(loading: &Loading, command: &Command) -> Done {
    match command {
        Command::Add { file, subject, label, source, only_classes, store, json } => {
            let about = About { subject, label: label.as_deref(), source, only_classes: *only_classes };
            add(loading, file, &about, store, *json)
        }
        Command::Remove { what, store, json } => remove(what, store, *json),
        Command::List { store, json } => list(store.as_deref(), *json),
        Command::Export { store, parquet, json } => export(store.as_deref(), parquet.as_deref(), *json),
        Command::Common { paths, at_least, store, json } => common(paths, *at_least, store, *json),
        Command::Hunt(options) => crate::hunt::run(options),
    }
}

fn open(path: &Path) -> Result<Artefact, String> {
    let told = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    if fs::metadata(path).map_err(told)?.len() > FILE_BYTES_MAX {
        return Err(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
    }
    let bytes = fs::read(path).map_err(told)?;
    // Where it lies on this machine is nobody's business: names of what is in it go into the reference.
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Artefact::open(&name, &bytes, &Budgets::default(), &mut |_, _| {}))
}

/// Puts these bytes into a file, whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    whole_file::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// What is said of an artefact that is added.
struct About<'a> {
    subject: &'a str,
    label: Option<&'a str>,
    source: &'a str,
    only_classes: bool,
}

fn add(loading: &Loading, file: &Path, about: &About<'_>, store: &Path, as_json: bool) -> Done {
    let subject = about.subject;
    if loading.docket()?.registry().get(subject).is_none() {
        return Err(format!("--subject: no subject `{subject}`; `interdict subjects` lists them"));
    }
    let artefact = open(file)?;
    if !artefact.has_code() {
        return Err(format!("{}: no code that can be read in it", file.display()));
    }
    fs::create_dir_all(store).map_err(|error| format!("cannot write {}: {error}", store.display()))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let label = about.label.unwrap_or(&name);
    let (mut text, mut written) = (String::new(), Vec::new());
    for code in &artefact.code {
        // Functions without a class stand in their file, whose name leads through archives.
        let is_class = |class: &str| !class.contains('!') && class != name;
        let program = if about.only_classes { code.program.of_classes(is_class) } else { code.program.clone() };
        let (functions, fingerprints) = (program.functions.len(), program.fingerprints.len());
        if functions == 0 {
            continue;
        }
        let reference = Reference {
            lineage: subject.to_owned(),
            label: label.to_owned(),
            source: about.source.to_owned(),
            sha256: artefact.sha256.clone(),
            program,
        };
        let segment = Segment { language: code.language, reference };
        let short = artefact.sha256.get(..16).unwrap_or(&artefact.sha256);
        let path = store.join(format!("{short}-{}.{ENDING}", code.language.word()));
        write(&path, &segment.to_bytes())?;
        text.push_str(&format!("{}: {functions} functions, {fingerprints} fingerprints\n", path.display()));
        written.push(json!({
            "file": path.display().to_string(), "kind": code.language.word(), "functions": functions,
            "fingerprints": fingerprints,
        }));
    }
    artefact.unclear.iter().for_each(|why| text.push_str(&format!("note: {why}\n")));
    let notes: Vec<String> = artefact.unclear.iter().map(ToString::to_string).collect();
    let facts = json!({
        "subject": subject, "label": label, "sha256": artefact.sha256, "written": written, "notes": notes,
    });
    tell(as_json, &facts, &text)
}

fn remove(what: &str, store: &Path, as_json: bool) -> Done {
    let mut removed = Vec::new();
    for (path, segment) in folder_segments(store)? {
        if segment.reference.label == what || segment.reference.sha256 == what {
            fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
            removed.push(path.display().to_string());
        }
    }
    if removed.is_empty() {
        return Err(format!("no reference `{what}` in {}", store.display()));
    }
    let words: String = removed.iter().map(|path| format!("removed {path}\n")).collect();
    tell(as_json, &json!({ "removed": removed }), &words)
}

fn segments(store: Option<&Path>) -> Result<Vec<Segment>, String> {
    match store {
        None => shipped_segments(),
        Some(store) => Ok(folder_segments(store)?.into_iter().map(|(_, segment)| segment).collect()),
    }
}

fn list(store: Option<&Path>, as_json: bool) -> Done {
    let segments = segments(store)?;
    if as_json {
        let row = |s: &Segment| {
            let r = &s.reference;
            json!({ "subject": r.lineage, "label": r.label, "kind": s.language.word(), "source": r.source, "sha256": r.sha256,
                    "functions": r.program.functions.len(), "fingerprints": r.program.fingerprints.len() })
        };
        return print_json(&segments.iter().map(row).collect());
    }
    let line = |s: &Segment| {
        let r = &s.reference;
        format!(
            "{:<12} {:<9} {:>7} functions  {}  {}\n",
            r.lineage,
            s.language.word(),
            r.program.functions.len(),
            r.label,
            r.source
        )
    };
    print(&segments.iter().map(line).collect::<String>())
}

/// Columns of an exported table behind the fingerprint.
const COLUMNS: [&str; 4] = ["subject", "reference", "kind", "function"];

fn export(store: Option<&Path>, parquet: Option<&Path>, as_json: bool) -> Done {
    let segments = segments(store)?;
    let named = |segment: &Segment| -> Vec<String> {
        let program = &segment.reference.program;
        program.functions.iter().map(|function| program.full_name(function)).collect()
    };
    let names: Vec<Vec<String>> = segments.iter().map(named).collect();
    let mut rows: Vec<(u64, [&str; 4])> = Vec::new();
    for (segment, names) in segments.iter().zip(&names) {
        let (reference, program) = (&segment.reference, &segment.reference.program);
        for (function, name) in program.functions.iter().zip(names) {
            let texts = [reference.lineage.as_str(), reference.label.as_str(), segment.language.word(), name.as_str()];
            rows.extend(program.fingerprints_of(function).iter().map(|f| (*f, texts)));
        }
    }
    rows.sort_unstable();
    if let Some(path) = parquet {
        let mut bytes = Vec::new();
        similarity::parquet::write(("fingerprint", COLUMNS), &rows, &mut bytes)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        write(path, &bytes)?;
        let facts = json!({ "file": path.display().to_string(), "rows": rows.len(), "bytes": bytes.len() });
        let words = format!("{}: {} rows, {} bytes\n", path.display(), rows.len(), bytes.len());
        return tell(as_json, &facts, &words);
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = format!("fingerprint,{}\n", COLUMNS.join(","));
    for (fingerprint, texts) in rows {
        let cells: Vec<String> = texts.into_iter().map(quoted).collect();
        text.push_str(&format!("{fingerprint:016x},{}\n", cells.join(",")));
    }
    print(&text)
}

fn common(paths: &[PathBuf], at_least: u32, store: &Path, as_json: bool) -> Done {
    let (mut native, mut other) = (Vec::new(), Vec::new());
    for path in paths {
        let (mut here, mut else_here) = (Vec::new(), Vec::new());
        for code in open(path)?.code {
            let into = if code.language.is_native() { &mut here } else { &mut else_here };
            into.extend(code.program.distinct_fingerprints());
        }
        for (mut here, all) in [(here, &mut native), (else_here, &mut other)] {
            here.sort_unstable();
            here.dedup();
            all.extend(here);
        }
    }
    fs::create_dir_all(store).map_err(|error| format!("cannot write {}: {error}", store.display()))?;
    let (mut text, mut written): (String, Vec<Value>) = (String::new(), Vec::new());
    for (mut all, name) in [(other, COMMON), (native, COMMON_NATIVE)] {
        if all.is_empty() {
            continue;
        }
        all.sort_unstable();
        let held = |run: &[u64]| run.len() as u64 >= u64::from(at_least);
        let kept: Vec<u64> =
            all.chunk_by(|a, b| a == b).filter(|run| held(run)).filter_map(|run| run.first().copied()).collect();
        let path = store.join(name);
        let bytes = Background::new(&kept).to_bytes();
        write(&path, &bytes)?;
        text.push_str(&format!(
            "{}: {} fingerprints of {} artefacts, {} bytes\n",
            path.display(),
            kept.len(),
            paths.len(),
            bytes.len()
        ));
        written.push(json!({ "file": path.display().to_string(), "fingerprints": kept.len(), "bytes": bytes.len() }));
    }
    tell(as_json, &json!({ "artefacts": paths.len(), "written": written }), &text)
}
