//! Whether a package is what somebody built anew from its source: the comparison, its report, and the statement that a
//! rebuilder signs.

use crate::clock;
use crate::commands::{Done, print};
use crate::whole_file;
use apk::compare::{Comparison, Difference, NORMALISER, Side, compare};
use apk::signing::is_v1_file;
use apk::verified::{Unverified, verified};
use apk::{Archive, Budgets, Scheme};
use attest::statement::{Type, compose};
use clap::{Args, Subcommand};
use docket::moment::format_rfc3339;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Differences told one by one; a table of ten thousand helps nobody.
const TOLD_MAX: usize = 50;
/// No store takes a larger package.
const PACKAGE_BYTES_MAX: u64 = 4 << 30;

/// What to do with packages.
#[derive(Debug, Subcommand)]
pub(crate) enum ApkCommand {
    /// Say whether two packages are the same apart from their signatures
    #[command(
        after_help = "Levels: L0 identical outside the signing block; L1 identical without the files of the first signature \
                      scheme; L2 the same content in another order, compression or alignment; L3 the same code (.dex, .so). \
                      L0 and L1 are a reproduced build.\n\
                      The second and third signature scheme of the package that is distributed are verified: one whose signature does \
                      not hold is compared with nothing. The first scheme is not; `apksigner verify` does that.\n\
                      Exit code: 0 reproduced, 1 not, 2 a file cannot be read."
    )]
    Compare(Compare),
}

/// Options of `apk compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The package that is distributed
    first: PathBuf,
    /// The package that was built anew
    second: PathBuf,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Write the statement for `interdict attest sign`, whatever came out
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Digest of the source that was built, for the statement: of the tree or commit in git, or SHA-256
    #[arg(long, value_name = "HEX", requires = "statement", value_parser = source_digest)]
    source_digest: Option<String>,
    /// File that says how it was built, for the statement: its digest is told
    #[arg(long, value_name = "FILE", requires = "statement")]
    recipe: Option<PathBuf>,
    /// File that lists the environment it was built in, for the statement: its digest is told
    #[arg(long, value_name = "FILE", requires = "statement")]
    environment: Option<PathBuf>,
}

/// Reviews name the source in lower case: another spelling would be another source.
fn source_digest(text: &str) -> Result<String, String> {
    if [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(String::from("40 or 64 hexadecimal digits are needed"))
}

pub(crate) fn run(command: &ApkCommand) -> Done {
    match command {
        ApkCommand::Compare(options) => run_compare(options),
    }
}

fn run_compare(options: &Compare) -> Done {
    let [first, second] = [read(&options.first)?, read(&options.second)?];
    let [ours, theirs] = [open(&options.first, &first)?, open(&options.second, &second)?];
    let signed = signed(&ours).map_err(|why| format!("{}: {why}", options.first.display()))?;
    let found = compare(&ours, &theirs).map_err(|fault| format!("cannot compare: {}", plain(fault)))?;
    let told = json!({
        "level": found.level.map(apk::compare::Level::name),
        "reproduced": found.level.is_some_and(apk::compare::Level::is_reproduced),
        "first": { "file": options.first.display().to_string(), "sha256": digest(&first), "signed": signed },
        "second": { "file": options.second.display().to_string(), "sha256": digest(&second) },
        "differences": found.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "left_out": { "first": left_out(&ours), "second": left_out(&theirs) },
        "normaliser": NORMALISER,
    });
    if first == second {
        eprintln!("note: both are the very same file, signature and all; that is no package built anew");
    }
    if let Some(path) = &options.statement {
        let text = format!("{:#}\n", statement(options, &told, &found)?);
        whole_file::write(path, text.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if options.json {
        print(&format!("{told:#}\n"))?
    } else {
        let mut text = report(&found, [left_out(&ours), left_out(&theirs)]) + &signers(&told);
        if let Some(path) = &options.statement {
            writeln!(text, "  statement: {}, for `interdict attest sign`", path.display()).unwrap_or_default();
        }
        print(&text)?
    };
    Ok(u8::from(!found.level.is_some_and(apk::compare::Level::is_reproduced)))
}

/// Who signed the package that is distributed, scheme by scheme. Not verified is what only the first scheme signed.
///
/// # Errors
/// A signature does not hold: Android would not install it.
fn signed(archive: &Archive<'_>) -> Result<Vec<Value>, String> {
    let told = |scheme: Scheme, certificate: &[u8; 32], content: Option<&[u8]>| json!({ "scheme": scheme.name(), "verified": content.is_some(), "certificate": hex(certificate), "content": content.map(hex) });
    match verified(archive) {
        Ok(signers) => {
            Ok(signers.iter().map(|one| told(one.scheme, &one.certificate_sha256, Some(&one.content))).collect())
        }
        // Not broken: of a kind that only others can check.
        Err(why @ (Unverified::Unsigned | Unverified::Algorithm)) => {
            eprintln!("note: {why}; `apksigner verify` says more");
            let signers = apk::signing::signers(archive).map_err(|fault| fault.to_string())?;
            Ok(signers.iter().map(|one| told(one.scheme, &one.certificate_sha256, None)).collect())
        }
        Err(why) => Err(format!("{why}; Android would not install it")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(cannot)?.len();
    if bytes > PACKAGE_BYTES_MAX {
        return Err(format!("{} has {bytes} bytes; a package has {PACKAGE_BYTES_MAX} at most", path.display()));
    }
    std::fs::read(path).map_err(cannot)
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<Archive<'a>, String> {
    Archive::open(bytes, &Budgets::default())
        .map_err(|fault| format!("{}: {}; Android would not install it", path.display(), plain(fault)))
}

/// A text as one line that moves no cursor: a package names its files, and must not write lines of a report.
fn plain(text: impl ToString) -> String {
    text.to_string().escape_debug().to_string()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a rebuilder says: that it could be reproduced, or that it could not. Both are worth a signature.
fn statement(options: &Compare, told: &Value, found: &Comparison) -> Result<Value, String> {
    let file = |path: &Option<PathBuf>| path.as_deref().map(read).transpose().map(|bytes| bytes.map(|b| digest(&b)));
    let is_reproduced = found.level.is_some_and(apk::compare::Level::is_reproduced);
    let name = options.first.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    // A name with a colon would be read as the name of a system.
    let subject = json!({ "name": name.replace(':', "_"), "digest": { "sha256": told.pointer("/first/sha256") } });
    let mut predicate = json!({
        "timeCreated": format_rfc3339(clock::now()),
        "result": if is_reproduced { "reproduced" } else { "different" },
        "level": told.get("level"),
        "rebuilt": { "sha256": told.pointer("/second/sha256") },
        "normaliser": NORMALISER,
        "signed": told.pointer("/first/signed"),
        "leftOut": told.get("left_out"),
    });
    let more = [
        ("sourceDigest", options.source_digest.clone()),
        ("recipe", file(&options.recipe)?),
        ("environment", file(&options.environment)?),
    ];
    if let Some(members) = predicate.as_object_mut() {
        members.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))));
    }
    Ok(compose(Type::BuildReproduced, &[subject], &predicate))
}

/// The files that are taken for signatures of the first scheme by their names, whatever is in them.
fn left_out<'a>(archive: &Archive<'a>) -> Vec<&'a str> {
    archive.entries().iter().map(|entry| entry.name).filter(|name| is_v1_file(name)).collect()
}

/// Who signed the package that is distributed, in words.
fn signers(told: &Value) -> String {
    let signed = told.pointer("/first/signed").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if signed.is_empty() {
        return String::from("  the first is signed by nobody\n");
    }
    let line = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let how = if one.get("verified") == Some(&Value::Bool(true)) { "verified" } else { "not verified" };
        format!("  the first is signed ({}, {how}) by the certificate {}\n", text("scheme"), text("certificate"))
    };
    signed.iter().map(line).collect()
}

fn report(found: &Comparison, left_out: [Vec<&str>; 2]) -> String {
    let mut text = match found.level {
        Some(apk::compare::Level::L0) => String::from("reproduced: identical outside the signing block (L0)\n"),
        Some(apk::compare::Level::L1) => {
            String::from("reproduced: identical without the files of the signature (L1)\n")
        }
        Some(apk::compare::Level::L2) => String::from("not reproduced: the same content, kept otherwise (L2)\n"),
        Some(apk::compare::Level::L3) => String::from("not reproduced: the same code, other files differ (L3)\n"),
        None if found.differences.iter().any(|d| matches!(d, Difference::Ambiguous(..))) => {
            String::from("not reproduced: what can be read in two ways is compared with nothing\n")
        }
        None => String::from("not reproduced: the code differs\n"),
    };
    for (side, names) in [Side::First, Side::Second].iter().zip(left_out) {
        if found.level == Some(apk::compare::Level::L1) && !names.is_empty() {
            let more = if names.len() > TOLD_MAX { " and more" } else { "" };
            let names: Vec<String> = names.iter().take(TOLD_MAX).map(plain).collect();
            writeln!(text, "  left out of {side}: {}{more}", names.join(", ")).unwrap_or_default();
        }
    }
    for difference in found.differences.iter().take(TOLD_MAX) {
        writeln!(text, "  {}", plain(difference)).unwrap_or_default();
    }
    if let Some(more) = found.differences.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        writeln!(text, "  and {more} more").unwrap_or_default();
    }
    text
}
