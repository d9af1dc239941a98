//! A program as the matcher sees it: classes, functions, fingerprints, calls. Knows no file format.

use rustc_hash::FxHashMap;
use std::fmt;

/// A stretch of one of a program's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First item.
    pub start: u32,
    /// Behind the last.
    pub end: u32,
}

impl Span {
    /// From here to the present end of a table.
    #[must_use]
    pub fn since(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// How many items.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// As a range for `get`.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A function or method with code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its class: index into [`Program::classes`].
    pub class: u32,
    /// Its name in the program's text.
    pub name: Span,
    /// Tokens of its code.
    pub tokens: u32,
    /// Hash of class, name and descriptor as the program's own calls name it.
    pub symbol: u64,
    /// Hash of parameters and result with the program's own types erased.
    pub shape: u64,
    /// Hash of the whole body, however short.
    pub body: u64,
    /// Its fingerprints, sorted.
    pub fingerprints: Span,
    /// The symbols it calls in the program's own code, in order.
    pub calls: Span,
}

/// A class, or the file or section that functions without classes stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name in the program's text.
    pub name: Span,
}

/// Everything taken from one artefact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// In the order of the artefact.
    pub classes: Vec<Class>,
    /// In the order of the artefact.
    pub functions: Vec<Function>,
    /// The fingerprints of all functions, one after the other.
    pub fingerprints: Vec<u64>,
    /// The calls of all functions, one after the other.
    pub calls: Vec<u64>,
    /// All names, one after the other.
    pub text: String,
    /// Bytes of code files that were read.
    pub code_bytes: u64,
    /// Functions whose code could not be read.
    pub damaged: u32,
}

impl Program {
    /// The text of a span.
    #[must_use]
    pub fn words(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Keeps a name.
    pub fn keep(&mut self, name: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(name);
        Span::since(start, self.text.len())
    }

    /// The fingerprints of a function.
    #[must_use]
    pub fn fingerprints_of(&self, function: &Function) -> &[u64] {
        self.fingerprints.get(function.fingerprints.range()).unwrap_or(&[])
    }

    /// The calls of a function.
    #[must_use]
    pub fn calls_of(&self, function: &Function) -> &[u64] {
        self.calls.get(function.calls.range()).unwrap_or(&[])
    }

    /// The name of the class a function stands in.
    #[must_use]
    pub fn class_name(&self, function: &Function) -> &str {
        self.classes.get(function.class as usize).map_or("", |class| self.words(class.name))
    }

    /// A function for people: `com.example.Shop.pay`.
    #[must_use]
    pub fn full_name(&self, function: &Function) -> String {
        let class = self.class_name(function);
        let name = self.words(function.name);
        if class.is_empty() { name.to_owned() } else { format!("{class}.{name}") }
    }

    /// Which function each symbol names.
    #[must_use]
    pub fn symbols(&self) -> FxHashMap<u64, u32> {
        let numbered = self.functions.iter().zip(0_u32..);
        numbered.map(|(function, n)| (function.symbol, n)).collect()
    }

    /// Takes in what another file of the same artefact holds.
    pub fn append(&mut self, other: &Self) {
        let (text, classes) = (self.text.len(), self.classes.len());
        let (fingerprints, calls) = (self.fingerprints.len(), self.calls.len());
        let moved = |span: Span, by: usize| Span::since(span.start as usize + by, span.end as usize + by);
        self.text.push_str(&other.text);
        self.classes.extend(other.classes.iter().map(|class| Class { name: moved(class.name, text) }));
        self.functions.extend(other.functions.iter().map(|function| Function {
            class: function.class.saturating_add(u32::try_from(classes).unwrap_or(u32::MAX)),
            name: moved(function.name, text),
            fingerprints: moved(function.fingerprints, fingerprints),
            calls: moved(function.calls, calls),
            ..*function
        }));
        self.fingerprints.extend_from_slice(&other.fingerprints);
        self.calls.extend_from_slice(&other.calls);
        self.code_bytes += other.code_bytes;
        self.damaged += other.damaged;
    }

    /// What of it stands in classes of these names.
    #[must_use]
    pub fn of_classes(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let mut kept = Self { code_bytes: self.code_bytes, damaged: self.damaged, ..Self::default() };
        let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
        for function in &self.functions {
            let class = self.class_name(function);
            if !is_wanted(class) {
                continue;
            }
            let number = *numbers.entry(function.class).or_insert_with(|| {
                let class = Class { name: kept.keep(class) };
                kept.classes.push(class);
                u32::try_from(kept.classes.len() - 1).unwrap_or(u32::MAX)
            });
            let (fingerprints, calls) = (kept.fingerprints.len(), kept.calls.len());
            kept.fingerprints.extend_from_slice(self.fingerprints_of(function));
            kept.calls.extend_from_slice(self.calls_of(function));
            let name = kept.keep(self.words(function.name));
            kept.functions.push(Function {
                class: number,
                name,
                fingerprints: Span::since(fingerprints, kept.fingerprints.len()),
                calls: Span::since(calls, kept.calls.len()),
                ..*function
            });
        }
        kept
    }

    /// Every fingerprint of the program once, sorted.
    #[must_use]
    pub fn distinct_fingerprints(&self) -> Vec<u64> {
        let mut all = self.fingerprints.clone();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Why a file cannot be read as what it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Damage {
    /// It does not begin as such files do.
    NotOne,
    /// A version this reader does not know.
    Version,
    /// Something lies outside the file, or ends too early.
    Truncated,
    /// More work than its size can honestly ask for.
    Budget,
    /// Contradicts its format.
    Malformed,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOne => "not a file of this kind",
            Self::Version => "a version of the format that is not known",
            Self::Truncated => "cut short: something lies outside the file",
            Self::Budget => "asks for more work than its size can honestly need",
            Self::Malformed => "contradicts its own format",
        })
    }
}

impl std::error::Error for Damage {}
