//! What a file is made of, whatever its format: frames, payments, and what could not be read. Every byte is in
//! exactly one part.

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

/// Reads a file part by part.
pub trait Parts {
    /// The next part; `None` once every byte is in one.
    fn next_part(&mut self) -> Option<Part>;
    /// The transaction that was the last part.
    fn payment(&self) -> &Payment;
    /// The header of the batch it stands in.
    fn batch(&self) -> &Payment;
    /// The headers of the message it stands in.
    fn header(&self) -> &Payment;
    /// How many batches have begun; another number is another batch.
    fn batches(&self) -> u64;
    /// How many messages have begun.
    fn messages(&self) -> u64;
    /// The message's identifier (`pacs.008.001.08`), or what the format is called.
    fn message(&self) -> &str;
    /// The paths of its fields.
    fn paths(&self) -> &Paths;
}

/// The longest line or record of a format of lines.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Lines with their places. A line longer than [`RECORD_BYTES_MAX`] comes out in pieces, none of them whole.
#[derive(Debug)]
pub struct Lines<R> {
    inner: R,
    held: Vec<u8>,
    at: usize,
    /// The byte after the last line.
    pub passed: u64,
    ended: bool,
    /// The reason reading failed, which ends it.
    pub failed: Option<String>,
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
        Self { inner, held: Vec::new(), at: 0, passed: 0, ended: false, failed: None }
    }

    /// The next line.
    pub fn next_line(&mut self) -> Option<Line> {
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
