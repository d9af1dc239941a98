//! Functions of source text as they are read: one may stand within another, and each keeps what is its own. Knows
//! no language.

use crate::fingerprint::{Gatherer, hash, mix};
use crate::program::{Class, Function, Program, Span};

/// A name longer than this is cut.
const NAME_BYTES_MAX: usize = 200;
/// Functions within functions; deeper ones count as part of the one around them.
const NESTED_MAX: usize = 512;
/// A shorter string is everyday text: it counts in its place only, never by itself.
const TEXT_BYTES_MIN: usize = 10;
/// A smaller number is everyday arithmetic.
const NUMBER_MIN: f64 = 255.0;

/// What a name is, so that `.name` and `"name"` are two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Member = 1,
    Global,
    Text,
    Keyword,
    Number,
}

#[derive(Debug, Default)]
struct Open {
    name: String,
    gatherer: Gatherer,
}

/// The functions of one file.
#[derive(Debug)]
pub(crate) struct Listing {
    program: Program,
    file: u64,
    open: Vec<Open>,
    spare: Vec<Open>,
    /// Functions that were nested too deeply to be told apart.
    swallowed: usize,
    /// Functions that ended.
    closed: u64,
}

impl Listing {
    pub(crate) fn new(path: &str, bytes: usize) -> Self {
        let mut program = Program { code_bytes: bytes as u64, ..Program::default() };
        let name = program.keep(path);
        program.classes.push(Class { name });
        let file = hash(path.as_bytes());
        let mut listing = Self { program, file, open: Vec::new(), spare: Vec::new(), swallowed: 0, closed: 0 };
        listing.begin("(top)");
        listing
    }

    /// A function begins.
    pub(crate) fn begin(&mut self, name: &str) {
        if self.open.len() >= NESTED_MAX {
            self.swallowed += 1;
            return;
        }
        let mut open = self.spare.pop().unwrap_or_default();
        open.gatherer.clear();
        open.name.clear();
        open.name.extend(name.chars().take(NAME_BYTES_MAX));
        self.open.push(open);
    }

    /// The innermost function ends.
    pub(crate) fn end(&mut self) {
        if self.swallowed > 0 {
            self.swallowed -= 1;
        } else if self.open.len() > 1 {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.pop() else { return };
        let start = self.program.fingerprints.len();
        // Calling `finish` sorts what it holds, so the body is asked first.
        let (body, tokens) = (open.gatherer.body(), open.gatherer.tokens());
        open.gatherer.finish(&mut self.program.fingerprints);
        let number = self.closed;
        self.closed += 1;
        if tokens == 0 {
            // Text can be nothing but empty functions: kept until the end, they would take twenty times its bytes.
            self.spare.push(open);
            return;
        }
        let name = self.program.keep(&open.name);
        let calls = self.program.calls.len();
        self.program.functions.push(Function {
            class: 0,
            name,
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            symbol: mix(self.file ^ mix(number)),
            shape: mix(tokens as u64),
            body,
            fingerprints: Span::since(start, self.program.fingerprints.len()),
            calls: Span::since(calls, calls),
        });
        self.spare.push(open);
    }

    fn top(&mut self) -> Option<&mut Gatherer> {
        self.open.last_mut().map(|open| &mut open.gatherer)
    }

    /// An operation.
    pub(crate) fn keyword(&mut self, word: &[u8]) {
        let token = mix(hash(word) ^ mix(Word::Keyword as u64));
        if let Some(gatherer) = self.top() {
            gatherer.token(token);
        }
    }

    /// A name that a renaming leaves alone.
    pub(crate) fn name(&mut self, kind: Word, word: &[u8]) {
        let token = mix(hash(word) ^ mix(kind as u64));
        if let Some(gatherer) = self.top() {
            gatherer.call(token);
        }
    }

    /// A string or a pattern.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.name(Word::Text, text);
        self.loose_text(text);
    }

    /// A string whose place among the others says nothing.
    pub(crate) fn loose_text(&mut self, text: &[u8]) {
        if text.len() >= TEXT_BYTES_MIN
            && let Some(gatherer) = self.top()
        {
            gatherer.text(hash(text));
        }
    }

    /// A number, and whether its place among the others says anything.
    pub(crate) fn number(&mut self, value: f64, in_place: bool) {
        let token = mix(value.to_bits() ^ mix(Word::Number as u64));
        if let Some(gatherer) = self.top() {
            if in_place {
                gatherer.token(token);
            }
            if value > NUMBER_MIN {
                gatherer.number(value.to_bits());
            }
        }
    }

    pub(crate) fn finish(mut self) -> Program {
        while !self.open.is_empty() {
            self.close();
        }
        self.program
    }
}
