//! An artefact, opened: everything in it that is code, what it calls itself, and what could not be looked into.
//! What cannot be read is said; it is never taken for harmless.

use crate::class;
use crate::container::{self, Opening};
use crate::dex::{self, Dex};
use crate::packing;
use crate::program::{Damage, Program};
use crate::work::Work;
use crate::{native, python, script};
use rustc_hash::FxHashSet;
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes held in memory for one artefact, all that is unpacked counted.
pub const TOTAL_BYTES_MAX: u64 = 2 << 30;
/// Archives within archives.
pub const DEPTH_MAX: usize = 8;
/// Files within one artefact, at all depths.
pub const FILES_MAX: usize = 200_000;
/// Bytes of source text of one language: three times the largest bundle that was ever seen in an app.
pub const SOURCE_BYTES_MAX: u64 = 256 << 20;
/// Units of [`Work`] for each byte that is opened. Opening took no library of bench/similarity 25; comparing it with
/// all others took at most 83 more, and can take some 400 where every fingerprint has as many postings as are counted.
/// With [`WORK_FREE`] it bounds the time that a file can take by its size.
pub const WORK_PER_BYTE: u64 = 1_024;
/// Units whatever the size.
pub const WORK_FREE: u64 = 1 << 30;
/// Reasons listed of one artefact; more of them say nothing new.
pub const UNCLEAR_MAX: usize = 64;

/// Named where code is hidden and nothing says by what.
const UNKNOWN_PACKER: &str = "(of no known name: no processor runs such bytes)";

/// How much one artefact may ask for. Fields are public so that tests reach them with small files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// See [`TOTAL_BYTES_MAX`].
    pub total_bytes_max: u64,
    /// See [`DEPTH_MAX`].
    pub depth_max: usize,
    /// See [`FILES_MAX`].
    pub files_max: usize,
    /// See [`SOURCE_BYTES_MAX`].
    pub source_bytes_max: u64,
    /// See [`WORK_PER_BYTE`].
    pub work_per_byte: u64,
    /// See [`WORK_FREE`].
    pub work_free: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            total_bytes_max: TOTAL_BYTES_MAX,
            depth_max: DEPTH_MAX,
            files_max: FILES_MAX,
            source_bytes_max: SOURCE_BYTES_MAX,
            work_per_byte: WORK_PER_BYTE,
            work_free: WORK_FREE,
        }
    }
}

/// Kinds of code that are compared among themselves only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Dalvik and Java.
    Bytecode,
    /// JavaScript.
    Script,
    /// Python.
    Python,
    /// Machine code for 64-bit ARM.
    Arm64,
    /// For 32-bit ARM.
    Arm,
    /// For x86 in 64 bits.
    X64,
    /// For x86 in 32 bits.
    X86,
}

impl Language {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Bytecode, Self::Script, Self::Python, Self::Arm64, Self::Arm, Self::X64, Self::X86];

    /// Whether it is machine code.
    #[must_use]
    pub const fn is_native(self) -> bool {
        match self {
            Self::Bytecode | Self::Script | Self::Python => false,
            Self::Arm64 | Self::Arm | Self::X64 | Self::X86 => true,
        }
    }

    /// In the words of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bytecode => "bytecode",
            Self::Script => "script",
            Self::Python => "python",
            Self::Arm64 => "arm64",
            Self::Arm => "arm",
            Self::X64 => "x86-64",
            Self::X86 => "x86",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.word() == word)
    }
}

/// Why an artefact cannot be cleared even if nothing was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// A file is not what its format requires.
    Damaged {
        /// Which.
        path: String,
        /// How.
        why: String,
    },
    /// A budget is used up.
    Budget {
        /// Where.
        path: String,
        /// Which.
        what: &'static str,
    },
    /// Marked as encrypted.
    Encrypted {
        /// Which file.
        path: String,
    },
    /// A packer's mark.
    Packed {
        /// Which file bears it.
        path: String,
        /// Whose it is.
        packer: &'static str,
    },
    /// The manifest names classes that are nowhere in the code.
    MissingClasses {
        /// How many are missing.
        missing: usize,
        /// Of how many.
        named: usize,
        /// One of them.
        example: String,
    },
    /// Code is loaded at run time and there is something unreadable it may be loaded from.
    DynamicCode {
        /// The unreadable file.
        path: String,
    },
    /// Code in a form that is not read.
    NotRead {
        /// Which file.
        path: String,
        /// What it is.
        what: &'static str,
    },
}

impl Unclear {
    /// Whether somebody made code unreadable, and not only we cannot read it.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        match self {
            Self::Encrypted { .. } | Self::Packed { .. } | Self::MissingClasses { .. } | Self::DynamicCode { .. } => {
                true
            }
            Self::Damaged { .. } | Self::Budget { .. } | Self::NotRead { .. } => false,
        }
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { path, why } => write!(f, "`{path}` cannot be read: {why}"),
            Self::Budget { path, what } => write!(f, "`{path}` exceeds {what}"),
            Self::Encrypted { path } => write!(f, "`{path}` is encrypted"),
            Self::Packed { path, packer } => {
                write!(f, "`{path}` is the mark of the packer {packer}: the code is hidden")
            }
            Self::MissingClasses { missing, named, example } => {
                write!(
                    f,
                    "{missing} of {named} components of the manifest are nowhere in the code (`{example}`): it is hidden"
                )
            }
            Self::DynamicCode { path } => write!(f, "code is loaded at run time, and `{path}` may hold it unreadably"),
            Self::NotRead { path, what } => write!(f, "`{path}` is {what}, which is not read"),
        }
    }
}

/// What an artefact calls itself: evidence of the weakest kind, and the quickest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Android application ids.
    pub packages: Vec<String>,
    /// iOS bundle ids.
    pub bundles: Vec<String>,
    /// SHA-256 of signing certificates, hexadecimal, as far as a signature is there; it is not verified here.
    pub certificates: Vec<String>,
}

/// Code of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Which kind.
    pub language: Language,
    /// All of it together.
    pub program: Program,
}

/// An artefact, opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artefact {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// The same of the archives and the files of code inside, single classes not counted.
    pub digests: Vec<String>,
    /// How large it is.
    pub bytes: u64,
    /// Files in it, at all depths, itself included.
    pub files: usize,
    /// Its code, one entry for each kind there is.
    pub code: Vec<Code>,
    /// What it calls itself.
    pub names: Names,
    /// What linkers wrote into its machine code to name the very build, hexadecimal.
    pub builds: Vec<String>,
    /// Why it cannot be cleared.
    pub unclear: Vec<Unclear>,
    /// Files of machine code for processors that are not read. They are not compared, and a verdict does not cover
    /// them.
    pub uncompared: usize,
}

impl Artefact {
    /// Opens an artefact. `name` is for messages and for files that only their name tells apart. `sink` is told
    /// every string that became a fingerprint.
    #[must_use]
    pub fn open(name: &str, bytes: &[u8], budgets: &Budgets, sink: &mut dyn FnMut(u64, &[u8])) -> Self {
        Self::open_within(name, bytes, budgets, &Work::new(budgets.work_free, &|| false), sink)
    }

    /// The same, with the caller's count of work: a clock may watch it, and what is left may be spent on comparing.
    #[must_use]
    pub fn open_within(
        name: &str,
        bytes: &[u8],
        budgets: &Budgets,
        work: &Work<'_>,
        sink: &mut dyn FnMut(u64, &[u8]),
    ) -> Self {
        let mut opening = Opening::new(*budgets, work);
        container::open(&mut opening, name, bytes, 0);
        let mut artefact = Self {
            sha256: hex(&Sha256::digest(bytes)),
            bytes: bytes.len() as u64,
            digests: std::mem::take(&mut opening.digests),
            files: opening.files,
            names: std::mem::take(&mut opening.names),
            unclear: std::mem::take(&mut opening.unclear),
            code: Vec::new(),
            builds: Vec::new(),
            uncompared: 0,
        };
        artefact.bytecode(&opening, sink);
        artefact.sources(&opening, budgets);
        artefact.machine_code(&opening);
        packing::judge(&mut artefact, &opening);
        artefact.unclear.truncate(UNCLEAR_MAX);
        artefact.stopped(name, work);
        artefact
    }

    /// Says so if work ended before it was done: what was found is there, what was not found may be there too.
    pub fn stopped(&mut self, name: &str, work: &Work<'_>) {
        let Some(stop) = work.stopped() else { return };
        let why = Unclear::Budget { path: name.to_owned(), what: stop.word() };
        if self.unclear.first() != Some(&why) {
            self.unclear.insert(0, why);
            self.unclear.truncate(UNCLEAR_MAX);
        }
    }

    /// The code of one kind.
    #[must_use]
    pub fn program(&self, language: Language) -> Option<&Program> {
        self.code.iter().find(|code| code.language == language).map(|code| &code.program)
    }

    /// Whether there is any code in it.
    #[must_use]
    pub fn has_code(&self) -> bool {
        !self.code.is_empty()
    }

    pub(crate) fn note(&mut self, why: Unclear) {
        if self.unclear.len() < UNCLEAR_MAX {
            self.unclear.push(why);
        }
    }

    fn keep(&mut self, language: Language, program: Program) {
        if !program.functions.is_empty() {
            self.code.push(Code { language, program });
        }
    }

    /// Dalvik files of one archive belong together; so do class files.
    fn bytecode(&mut self, opening: &Opening<'_>, sink: &mut dyn FnMut(u64, &[u8])) {
        let mut program = Program::default();
        let mut dexes: Vec<Dex<'_>> = Vec::new();
        let mut classes: Vec<&[u8]> = Vec::new();
        for leaf in &opening.leaves {
            match leaf.kind {
                container::Kind::Dex => match Dex::parse(&leaf.bytes) {
                    Ok(parts) => dexes.extend(parts),
                    Err(damage) => self.damaged(&leaf.path, damage),
                },
                container::Kind::Class => classes.push(&leaf.bytes),
                container::Kind::Elf | container::Kind::MachO | container::Kind::Script | container::Kind::Python => {}
            }
        }
        if !dexes.is_empty() {
            match dex::extract_within(&dexes, opening.work, sink) {
                Ok(found) => program.append(&found),
                Err(damage) => self.damaged("classes.dex", damage),
            }
        }
        if !classes.is_empty() {
            program.append(&class::extract(&classes, opening.work, sink));
        }
        if program.damaged > 0 {
            let why = format!("the code of {} functions", program.damaged);
            self.note(Unclear::Damaged { path: String::from("bytecode"), why });
        }
        self.keep(Language::Bytecode, program);
    }

    /// Source text: each file by itself.
    fn sources(&mut self, opening: &Opening<'_>, budgets: &Budgets) {
        let (mut scripts, mut python) = (Program::default(), Program::default());
        for leaf in &opening.leaves {
            let is_script = match leaf.kind {
                container::Kind::Script => true,
                container::Kind::Python => false,
                container::Kind::Dex | container::Kind::Class | container::Kind::Elf | container::Kind::MachO => {
                    continue;
                }
            };
            let program = if is_script { &mut scripts } else { &mut python };
            // A byte of text never becomes more than a few fingerprints, so this bounds memory, and work with it.
            if program.code_bytes + leaf.bytes.len() as u64 > budgets.source_bytes_max {
                self.note(Unclear::Budget { path: leaf.path.clone(), what: "SOURCE_BYTES_MAX" });
                continue;
            }
            let read = if is_script { script::extract } else { python::extract };
            match read(&leaf.path, &leaf.bytes, opening.work) {
                Ok(found) => program.append(&found),
                Err(damage) => self.damaged(&leaf.path, damage),
            }
        }
        self.keep(Language::Script, scripts);
        self.keep(Language::Python, python);
    }

    /// Machine code: each file by itself, the files for one processor together.
    fn machine_code(&mut self, opening: &Opening<'_>) {
        let mut programs: Vec<(Language, Program)> = Vec::new();
        let mut builds: FxHashSet<String> = FxHashSet::default();
        for leaf in opening.leaves.iter().filter(|leaf| leaf.kind.is_native()) {
            let native = match native::extract(&leaf.path, &leaf.bytes, opening.work) {
                Ok(native) => native,
                Err(Damage::Version) => {
                    self.uncompared += 1;
                    let what = "machine code for a processor that is not known here";
                    self.note(Unclear::NotRead { path: leaf.path.clone(), what });
                    continue;
                }
                Err(damage) => {
                    self.damaged(&leaf.path, damage);
                    continue;
                }
            };
            if native.is_encrypted {
                self.note(Unclear::Encrypted { path: leaf.path.clone() });
            }
            if native.is_packed {
                self.note(Unclear::Packed { path: leaf.path.clone(), packer: UNKNOWN_PACKER });
            }
            if !native.build.is_empty() && builds.insert(native.build.clone()) {
                self.builds.push(native.build);
            }
            match programs.iter_mut().find(|(language, _)| *language == native.language) {
                Some((_, program)) => program.append(&native.program),
                None => programs.push((native.language, native.program)),
            }
        }
        programs.sort_by_key(|(language, _)| *language);
        for (language, program) in programs {
            self.keep(language, program);
        }
    }

    fn damaged(&mut self, path: &str, damage: Damage) {
        self.note(Unclear::Damaged { path: path.to_owned(), why: damage.to_string() });
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
