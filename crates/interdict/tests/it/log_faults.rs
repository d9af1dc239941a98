//! The log under a kernel that fails: each call on its files fails once or is the last, the disk is full, files stop growing
//! in the middle of a write, the clock goes back. Whoever was told an index finds the entry there, once, in order.

use crate::log_service::{Log, ask, until};
use crate::program::run;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Lines of each run: enough for every kind of call, few enough that a run is short.
const LINES: u64 = 5;

/// Places of each kind of call that are tried with each fault, unless `FAULTS` says otherwise.
const PLACES_MAX: usize = 3;

/// Faults between which the log is looked at, and how far it has come is said.
const FAULTS_BETWEEN: usize = 20;

/// The calls by which a log changes a disk, and those by which it reads back what it has written.
const CALLS: [&str; 12] = [
    "openat",
    "pwrite64",
    "fdatasync",
    "fsync",
    "syncfs",
    "rename",
    "unlink",
    "rmdir",
    "mkdir",
    "read",
    "pread64",
    "getdents64",
];

/// Lines that are durable and not published: their files are so many that the whole file system is synced at once.
const BACKLOG: u64 = 6_500;

/// What the kernel does instead.
const FAULTS: [&str; 3] = ["error=EIO", "error=ENOSPC", "signal=KILL"];

pub(crate) fn there(path: &str, package: &str) -> bool {
    let there = Path::new(path).exists();
    assert!(there || std::env::var_os("CI").is_none(), "{package} is not installed");
    if !there {
        eprintln!("skipped: {package} is not installed; ./test installs it");
    }
    there
}

/// Which of all faults a run tries.
#[derive(Clone, Copy)]
pub(crate) enum Tried {
    Few,
    /// One part of so many: those of all parts together are all.
    Part(usize, usize),
}

impl Tried {
    /// `FAULTS=all` for all, `FAULTS=3/8` for the third of eight parts, which may run at other times.
    #[expect(clippy::disallowed_methods, reason = "how much is tried is a setting of the run")]
    pub(crate) fn chosen() -> Self {
        match std::env::var("FAULTS").as_deref() {
            Err(_) => Self::Few,
            Ok("all") => Self::Part(1, 1),
            Ok(part) => {
                let numbers = part.split_once('/').and_then(|(part, of)| part.parse().ok().zip(of.parse().ok()));
                let (part, of) = numbers.expect("FAULTS is `all`, or a part as in 3/8");
                assert!((1..=of).contains(&part), "FAULTS={part}/{of}: there is no such part");
                Self::Part(part, of)
            }
        }
    }

    pub(crate) fn is_few(self) -> bool {
        matches!(self, Self::Few)
    }

    /// Whether the fault at this position of all is tried; `few` is whether it is one of the few.
    pub(crate) fn has(self, position: usize, few: bool) -> bool {
        match self {
            Self::Few => few,
            Self::Part(part, of) => position % of == part - 1,
        }
    }
}

/// What the writer was told: the index of each line.
#[derive(Default)]
struct Journal {
    told: BTreeMap<u64, String>,
    runs: u64,
    /// Whether each run starts a signer, which then is what calls fail in too.
    starts_signer: bool,
}

impl Journal {
    /// Appends some lines with this command in front of the binary; how it ended.
    fn append(&mut self, log: &Log, before: &[&str]) -> Output {
        self.append_so_many(LINES, log, before)
    }

    fn append_so_many(&mut self, count: u64, log: &Log, before: &[&str]) -> Output {
        let lines: Vec<String> = (0..count).map(|line| format!("run {} line {line}", self.runs)).collect();
        self.runs += 1;
        let input = log.folder.write("lines", &format!("{}\n", lines.join("\n")));
        let words = [before, &[env!("CARGO_BIN_EXE_interdict"), "log", "append"]].concat();
        let (program, words) = words.split_first().expect("a program");
        // A run that hangs is one that was killed: what it told counts all the same.
        let signer = [String::from("--signer"), log.path("socket")];
        let output = Command::new("timeout")
            .args(["--signal=KILL", "60", program])
            .args(words)
            .arg(log.path("log"))
            .args(signer.iter().filter(|_| !self.starts_signer))
            .stdin(fs::File::open(input).expect("readable"))
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        for (index, line) in told.lines().zip(lines) {
            let index = index.parse().expect("an index");
            let before = self.told.insert(index, line.clone());
            assert_eq!(before, None, "{line}: index {index} was told twice");
        }
        output
    }

    /// Every line that was told is at its index, no line is there twice, and the log is sound.
    fn check(&mut self, log: &Log) {
        let last = self.append(log, &[]);
        assert!(last.status.success(), "after faults: {}", String::from_utf8_lossy(&last.stderr));
        let cat = run(&["log", "cat", &log.path("log/dec"), "--count", "1000000", "--key", &log.key("dec")], b"");
        let mut entries: Vec<String> = Vec::new();
        for line in cat.out.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let digits = value.get("hex").and_then(|hex| hex.as_str()).expect("an entry").as_bytes().to_vec();
            let bytes = digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("text"), 16));
            entries.push(String::from_utf8(bytes.collect::<Result<_, _>>().expect("hex")).expect("text"));
        }
        for (index, line) in &self.told {
            assert_eq!(entries.get(usize::try_from(*index).expect("small")), Some(line), "index {index}");
        }
        let once: BTreeSet<&String> = entries.iter().collect();
        assert_eq!(once.len(), entries.len(), "each line once");
        log.fsck_one("dec");
    }
}

/// How many calls of each kind each thread makes before it is one on a file below a folder: the places to fail at.
fn places(log: &Log, journal: &mut Journal, folder: &str) -> BTreeMap<&'static str, BTreeSet<usize>> {
    let trace = log.path("trace");
    let watched = format!("trace={}", CALLS.join(","));
    let done = journal.append(log, &["strace", "-f", "-qq", "-y", "-o", &trace, "-e", &watched]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (mut made, mut places) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
    let folder = log.path(folder);
    for line in fs::read_to_string(&trace).expect("a trace").lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some(name) = CALLS.iter().find(|name| call.trim_start().starts_with(&format!("{name}("))) else { continue };
        let nth: &mut usize = made.entry((thread.to_owned(), *name)).or_default();
        *nth += 1;
        if line.contains(&folder) {
            places.entry(*name).or_default().insert(*nth);
        }
    }
    places
}

#[test]
fn every_call_on_the_disk_may_fail_and_what_was_told_is_there() {
    if !there("/usr/bin/strace", "strace") {
        return;
    }
    let log = Log::new();
    let calls = ["openat", "pwrite64", "fdatasync", "fsync", "rename", "unlink", "mkdir"];
    let reads = ["read", "pread64", "getdents64"];
    let few = |_: &str, nth: usize, of: usize, _: &str| nth.is_multiple_of(of.div_ceil(PLACES_MAX));
    fail_everywhere(&log, Journal::default(), ("log/dec", &[&calls[..], &reads].concat()), few);
}

#[test]
fn every_call_of_a_signer_on_its_disk_may_fail_and_one_history_is_signed() {
    if !there("/usr/bin/strace", "strace") {
        return;
    }
    let mut log = Log::new();
    log.end_signer();
    let journal = Journal { starts_signer: true, ..Journal::default() };
    let calls = ["openat", "pwrite64", "fdatasync", "fsync", "rename", "read"];
    // A signer that fails is asked again for some seconds, and started again.
    let few = |call: &str, nth: usize, _: usize, fault: &str| {
        nth == 0 && matches!(call, "fdatasync" | "rename") && fault != "error=ENOSPC"
    };
    fail_everywhere(&log, journal, ("log/signer", &calls), few);
}

/// Each of these calls on a file below a folder fails once, or is the last; of a call, its how manieth place of how many,
/// and the fault, `few` says whether it is one of the few.
fn fail_everywhere(
    log: &Log,
    mut journal: Journal,
    (folder, calls): (&str, &[&str]),
    few: impl Fn(&str, usize, usize, &str) -> bool,
) {
    // The first run makes the first segment; the second is like all others.
    assert!(journal.append(log, &[]).status.success());
    let places = places(log, &mut journal, folder);
    for call in calls {
        assert!(places.contains_key(call), "no {call} on a file of {folder}: {places:?}");
    }
    let faults = faults(&places, few);
    let mut silent = 0;
    for (done, (call, inject)) in faults.iter().enumerate() {
        silent += u32::from(fail(log, &mut journal, call, inject));
        if (done + 1) % FAULTS_BETWEEN == 0 || done + 1 == faults.len() {
            journal.check(log);
            println!("{} of {} faults, {} lines told, all there", done + 1, faults.len(), journal.told.len());
        }
    }
    println!("{} faults in {} runs; {silent} of the faults needed no word", faults.len(), journal.runs);
}

#[test]
fn the_sync_of_a_whole_file_system_may_fail_and_what_was_told_is_there() {
    if !there("/usr/bin/strace", "strace") {
        return;
    }
    let mut log = Log::new();
    let mut journal = Journal::default();
    let wal = log.path("log/dec/wal");
    let begun = || {
        let names = fs::read_dir(&wal).into_iter().flatten().map(|name| name.expect("readable").file_name());
        names.into_iter().any(|name| name.to_string_lossy().ends_with(".seg"))
    };
    let signer = log.signer_id();
    let backlog = std::thread::scope(|scope| {
        let appending = scope.spawn(|| journal.append_so_many(BACKLOG, &log, &[]));
        // From here on nothing can be signed.
        until("it has begun", begun);
        let killed = Command::new("kill").args(["-9", &signer]).status().expect("kill runs");
        assert!(killed.success());
        appending.join().expect("it ends")
    });
    log.end_signer();
    assert_eq!(backlog.status.code(), Some(6), "{}", String::from_utf8_lossy(&backlog.stderr));
    log.start_signer();
    let syncs = FAULTS.map(|fault| ("syncfs", format!("inject=syncfs:{fault}:when=1+")));
    // When all of it is published, the folders of partial files go.
    let removed = [("rmdir", String::from("inject=rmdir:signal=KILL:when=1+"))];
    for (call, inject) in syncs.into_iter().chain(removed) {
        assert!(!fail(&log, &mut journal, call, &inject), "{inject}: it is said");
        let trace = fs::read_to_string(log.path("trace")).expect("a trace");
        assert!(trace.contains("(INJECTED)") || trace.contains("SIGKILL"), "{inject}: {trace}");
    }
    journal.check(&log);
    assert!(log.size() > BACKLOG, "{}", log.size());
}

/// Each kind of call, at the places where it is to fail, with each fault.
fn faults(
    places: &BTreeMap<&'static str, BTreeSet<usize>>,
    few: impl Fn(&str, usize, usize, &str) -> bool,
) -> Vec<(&'static str, String)> {
    let tried = Tried::chosen();
    let (mut faults, mut position) = (Vec::new(), 0);
    for (call, places) in places {
        for (nth, place) in places.iter().enumerate() {
            for fault in FAULTS {
                if tried.has(position, few(call, nth, places.len(), fault)) {
                    faults.push((*call, format!("inject={call}:{fault}:when={place}")));
                }
                position += 1;
            }
        }
    }
    faults
}

/// Appends under one fault. Whether it struck and the command ended well all the same.
fn fail(log: &Log, journal: &mut Journal, call: &str, inject: &str) -> bool {
    let (watched, trace) = (format!("trace={call}"), log.path("trace"));
    let output = journal.append(log, &["strace", "-f", "-qq", "-o", &trace, "-e", &watched, "-e", inject]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("panicked"), "{inject}: {told}");
    let struck = fs::read_to_string(&trace).expect("a trace");
    (struck.contains("(INJECTED)") || struck.contains("SIGKILL")) && output.status.success()
}

#[test]
fn a_file_that_stops_growing_in_the_middle_of_a_write_costs_nothing_that_was_told() {
    let log = Log::new();
    let mut journal = Journal::default();
    assert!(journal.append(&log, &[]).status.success());
    let mut refused = 0;
    // In blocks of 512 bytes; the signal that a file is too long is ignored, so the write is short, and the next fails.
    for blocks in 1..14 {
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let output = journal.append(&log, &["sh", "-c", &limited, "sh"]);
        refused += u32::from(!output.status.success());
        journal.check(&log);
    }
    assert!(refused > 0, "no file reached its limit");
}

/// In a mount of its own, so that nothing else is full: makes a log, fills the disk, appends, makes room, appends. Once
/// what it says of the full disk is kept elsewhere, once on that disk.
const FULL: &str = r#"
set -u
mount -t tmpfs -o size=100m none "$1" || exit 77
interdict=$2 log="$1/log"
"$interdict" log new "$log" --name log.example/full >/dev/null
printf 'one\ntwo\n' | "$interdict" log append "$log" || exit 1
key=$(cat "$log/dec/public/vkey")
"$interdict" log prove "$log/dec" 0 --key "$key" -o "$1/proof" || exit 5
dd if=/dev/zero of="$1/ballast" bs=64k >/dev/null 2>&1
for proof in proof new; do
    "$interdict" log prove "$log/dec" 0 --key "$key" -o "$1/$proof" 2>&1
    echo "full, so no proof: $?"
done
"$interdict" log verify "$1/proof" "$1/proof.entry" --key "$key" || exit 6
ls -A "$1" | sed 's/^/there: /'
"$interdict" log key k.example -o "$1/key" 2>&1
echo "full, so no key: $?"
printf 'three\n' | "$interdict" log append "$log" 2>&1
echo "full: $?"
printf 'four\n' | "$interdict" log append "$log" 2>"$1/why"
echo "full, and so is the disk of what it says: $?"
rm "$1/ballast"
"$interdict" log key k.example -o "$1/key" >/dev/null || exit 4
printf 'five\n' | "$interdict" log append "$log" || exit 2
"$interdict" log fsck "$log/dec" --key "$(cat "$log/dec/public/vkey")" || exit 3
"$interdict" log cat "$log/dec" --key "$(cat "$log/dec/public/vkey")"
"#;

#[test]
fn a_full_disk_is_said_and_the_log_goes_on_once_there_is_room() {
    let folder = crate::program::Folder::new();
    let place = folder.path().join("disk");
    fs::create_dir_all(&place).expect("a folder");
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", FULL, "sh"])
        .arg(&place)
        .arg(env!("CARGO_BIN_EXE_interdict"))
        .output()
        .expect("unshare is part of every Debian");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || said.contains("unshare:") {
        // Not every machine lets its users mount; files that stop growing are tried on all.
        eprintln!("skipped: this machine mounts nothing: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
    // There is room in the segment, so the records are durable and their indexes told; what cannot be written is said.
    assert!(said.contains("not published yet") && said.contains("No space left on device"), "{said}");
    assert!(said.contains("full: 6\n3\nfull, and so is the disk of what it says: 6\n4\n"), "{said}");
    assert!(said.contains("full, so no key: 6\n"), "{said}");
    assert_eq!(said.matches("full, so no proof: 6\n").count(), 2, "{said}");
    let there: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("there: ")).collect();
    assert_eq!(there, ["ballast", "log", "proof", "proof.entry"], "whole, as it was, and nothing of another: {said}");
    assert!(said.contains("sound, 5 entries"), "{said}");
    let entries: Vec<&str> = said.lines().filter(|line| line.contains("\"hex\"")).collect();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (line, text) in entries.iter().zip(["one", "two", "three", "four", "five"]) {
        assert!(line.contains(&format!("\"{}\"", hex(text))), "{line} is not {text}");
    }
    assert_eq!(entries.len(), 5, "{said}");
}

#[test]
fn a_clock_that_jumps_is_said_and_loses_nothing() {
    if !there("/usr/bin/faketime", "faketime") {
        return;
    }
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .iter()
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"))
        .find(|path| Path::new(path).exists())
        .expect("the library of faketime");
    let log = Log::new();
    let clock = log.folder.write("clock", "+0");
    let mut binary = Command::new(env!("CARGO_BIN_EXE_interdict"));
    // Only the clock on the wall jumps.
    binary.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    binary.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").stdin(Stdio::null());
    let mut serving = log.serve_as(binary, &[], &[]);
    let mut next = 0;
    for step in ["+0", "+1h", "-1h", "+0", "-3600d", "+0"] {
        log.folder.write("clock", step);
        for number in 0..5 {
            let told = ask(&serving.address, &format!("{step}-{next}-{number}"));
            assert_eq!(told, Some(next), "{step}");
            next += 1;
        }
        // It publishes whatever the clock says.
        until("a checkpoint", || Path::new(&log.path("log/dec/public/checkpoint")).exists() && log.size() == next);
    }
    serving.complains("the clock went back by");
    assert_eq!(serving.stop(), Some(0));
    log.fsck();
    assert_eq!(log.size(), next);
}
