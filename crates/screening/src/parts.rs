//! What a file is made of, whatever its format: frames, payments, and what could not be read. Every byte is in
//! exactly one part.

mod objects;

use crate::iso20022::Paths;
use crate::payment::Payment;
use std::io::{self, Read};
use std::ops::Range;

/// A stretch of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Headers, white space, closing tags.
    Frame(Range<u64>),
    /// A transaction; [`Parts::payment`] has its fields.
    Payment(Range<u64>),
    /// What could not be read.
    Unread(Range<u64>, Fault),
}

impl Part {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Range<u64> {
        match self {
            Self::Frame(bytes) | Self::Payment(bytes) | Self::Unread(bytes, _) => bytes.clone(),
        }
    }
}

/// Why reading ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At which byte.
    pub at: u64,
    /// What is wrong there.
    pub why: String,
}

/// Where the part under way begins. Parts are made here alone, each from where the one before ended to wherever it is
/// said to end, so that no byte is in two of them or in none.
#[derive(Debug, Default)]
pub struct Seam {
    from: u64,
    is_last: bool,
}

impl Seam {
    /// Where the part under way begins.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// Whether no part comes any more.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Says that no part comes after the next.
    pub const fn end(&mut self) {
        self.is_last = true;
    }

    fn to(&mut self, to: u64) -> Range<u64> {
        let from = self.from;
        self.from = to.max(from);
        from..self.from
    }

    /// A frame up to here, if there is anything.
    pub fn frame(&mut self, to: u64) -> Option<Part> {
        (to > self.from).then(|| Part::Frame(self.to(to)))
    }

    /// A transaction up to here.
    pub fn payment(&mut self, to: u64) -> Part {
        Part::Payment(self.to(to))
    }

    /// Up to here what cannot be read, and why.
    pub fn unread(&mut self, to: u64, at: u64, why: impl Into<String>) -> Part {
        Part::Unread(self.to(to), Fault { at, why: why.into() })
    }
}

/// What a format without headers has of them.
pub(crate) static NONE: Payment =
    Payment { text: String::new(), fields: Vec::new(), undecodable: false, signed: false };

/// Reads a file part by part.
pub trait Parts {
    /// The next part; `None` once every byte is in one.
    fn next_part(&mut self) -> Option<Part>;
    /// The transaction that was the last part.
    fn payment(&self) -> &Payment;
    /// Takes the transaction that was the last part, and leaves an empty one to be filled instead.
    fn exchange(&mut self, payment: &mut Payment);
    /// The header of the batch it stands in.
    fn batch(&self) -> &Payment {
        &NONE
    }
    /// The headers of the message it stands in.
    fn header(&self) -> &Payment {
        &NONE
    }
    /// How many batches have begun; another number is another batch.
    fn batches(&self) -> u64 {
        0
    }
    /// How many messages have begun.
    fn messages(&self) -> u64 {
        1
    }
    /// The message's identifier (`pacs.008.001.08`), or what the format is called.
    fn message(&self) -> &str;
    /// The paths of its fields.
    fn paths(&self) -> &Paths;
}

/// The longest line or record of a format of lines.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Lines with their places, and the parts they make up. A line longer than [`RECORD_BYTES_MAX`] comes out in pieces,
/// none of them whole.
#[derive(Debug)]
pub struct Lines<R> {
    inner: R,
    held: Vec<u8>,
    at: usize,
    /// The byte after the last line read.
    passed: u64,
    ended: bool,
    /// The reason reading failed, which ends it.
    failed: Option<String>,
    /// A line that was taken back.
    ahead: Option<Line>,
    /// What may come next in a list of objects.
    expected: objects::Expected,
    /// Where the part under way begins.
    pub seam: Seam,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its bytes, the line end among them.
    pub bytes: Range<u64>,
    /// Its text, without the line end; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// Whether bytes were replaced.
    pub undecodable: bool,
    /// Whether it is all of a line.
    pub whole: bool,
}

impl<R: Read> Lines<R> {
    /// Reads lines from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            held: Vec::new(),
            at: 0,
            passed: 0,
            ended: false,
            failed: None,
            ahead: None,
            expected: objects::Expected::default(),
            seam: Seam::default(),
        }
    }

    /// Takes a line back: it comes again next.
    pub fn take_back(&mut self, line: Line) {
        self.ahead = Some(line);
    }

    /// Everything from the part under way on, unread, since something at a byte is wrong.
    pub fn unread(&mut self, at: u64, why: impl Into<String>) -> Part {
        while self.next_line().is_some() {}
        let mut why = why.into();
        if let Some(failed) = &self.failed {
            why = format!("{why}; then reading failed: {failed}");
        }
        self.seam.end();
        self.seam.unread(self.passed, at, why)
    }

    /// The last part, once there is no line any more: a frame, unless reading failed or `missing` says what should have
    /// come.
    pub fn rest(&mut self, missing: Option<&str>) -> Option<Part> {
        self.seam.end();
        let why = match (&self.failed, missing) {
            (Some(failed), _) => format!("reading failed: {failed}"),
            (None, Some(missing)) if self.passed > 0 => missing.to_owned(),
            (None, _) => return self.seam.frame(self.passed),
        };
        Some(self.seam.unread(self.passed, self.passed, why))
    }

    /// The next line.
    pub fn next_line(&mut self) -> Option<Line> {
        if self.ahead.is_some() {
            return self.ahead.take();
        }
        loop {
            let rest = self.held.get(self.at..).unwrap_or_default();
            let end = rest.iter().take(RECORD_BYTES_MAX).position(|b| *b == b'\n').map(|n| n + 1);
            let length = match end {
                Some(length) => length,
                None if rest.len() >= RECORD_BYTES_MAX => RECORD_BYTES_MAX,
                None if self.ended && rest.is_empty() => return None,
                None if self.ended => rest.len(),
                None => {
                    self.fill();
                    continue;
                }
            };
            let bytes = rest.get(..length).unwrap_or_default();
            let decoded = String::from_utf8_lossy(bytes);
            let undecodable = matches!(decoded, std::borrow::Cow::Owned(_));
            let text = decoded.trim_end_matches(['\n', '\r']).to_owned();
            let from = self.passed;
            self.passed += length as u64;
            self.at += length;
            let whole = end.is_some() || self.ended;
            return Some(Line { bytes: from..self.passed, text, undecodable, whole });
        }
    }

    fn fill(&mut self) {
        self.held.drain(..self.at.min(self.held.len()));
        self.at = 0;
        let before = self.held.len();
        self.held.resize(before + RECORD_BYTES_MAX, 0);
        let read = match self.inner.read(self.held.get_mut(before..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.held.truncate(before);
                return;
            }
            Err(error) => {
                self.failed = Some(error.to_string());
                0
            }
        };
        self.ended = read == 0;
        self.held.truncate(before + read);
    }
}
