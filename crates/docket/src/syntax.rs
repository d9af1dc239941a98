//! The order language as statements of words, strings and blocks. Knows spans and nothing of law.

use crate::fault::Fault;
use crate::order::Span;
use std::ops::Range;

/// Blocks nest no deeper than this: real orders use three levels.
pub const DEPTH_MAX: usize = 16;
/// A file longer than this is refused: real orders are a few pages.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// No more faults than this are told of one file; the rest is usually the echo of the first.
pub const FAULTS_MAX: usize = 100;

/// A word, string or quotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says: escapes undone, white space of quotations folded.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Written as a string or quotation.
    pub quoted: bool,
}

/// A statement: words and perhaps a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its words; never empty.
    pub words: Vec<Word>,
    /// Its block; empty when it has none.
    pub block: Vec<Statement>,
    /// From its first word to the end of its block.
    pub span: Span,
}

impl Statement {
    /// The first word.
    #[must_use]
    pub fn keyword(&self) -> &str {
        self.words.first().map_or("", |word| word.text.as_str())
    }

    /// The words after the keyword.
    #[must_use]
    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// Reads a file. Always returns what could be read; faults name the rest.
#[must_use]
pub fn parse(file: usize, text: &str) -> (Vec<Statement>, Vec<Fault>) {
    let mut parser = Parser { file, text, at: 0, faults: Vec::new() };
    if text.len() > FILE_BYTES_MAX {
        let span = parser.span(0..text.len().min(1));
        let message = format!("file is longer than {} MiB", FILE_BYTES_MAX >> 20);
        return (Vec::new(), vec![Fault::error(message, &span, "this file")]);
    }
    let statements = parser.block(None, 0);
    (statements, parser.faults)
}

struct Parser<'t> {
    file: usize,
    text: &'t str,
    at: usize,
    faults: Vec<Fault>,
}

/// What one token is.
enum Token {
    Word(Word),
    End,
    Open(usize),
    Close(usize),
    Nothing,
}

impl Parser<'_> {
    fn span(&self, bytes: Range<usize>) -> Span {
        Span { file: self.file, bytes }
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Statements up to the closing brace, or to the end of the file. `opened` is where the block began.
    fn block(&mut self, opened: Option<usize>, depth: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        loop {
            let token = self.token();
            let done = match token {
                Token::Word(word) => {
                    words.push(word);
                    continue;
                }
                Token::Open(at) => {
                    self.open(at, depth, std::mem::take(&mut words), &mut statements);
                    continue;
                }
                Token::End => false,
                Token::Close(at) if opened.is_none() => {
                    let span = self.span(at..at + 1);
                    self.fault(Fault::error("`}` without `{`", &span, "nothing is open here"));
                    false
                }
                Token::Close(_) => true,
                Token::Nothing => {
                    if let Some(at) = opened {
                        let span = self.span(at..at + 1);
                        self.fault(Fault::error("block is never closed", &span, "opened here").help("add `}`"));
                    }
                    true
                }
            };
            self.finish(&mut words, &mut statements);
            if done {
                return statements;
            }
        }
    }

    fn open(&mut self, at: usize, depth: usize, words: Vec<Word>, statements: &mut Vec<Statement>) {
        if depth >= DEPTH_MAX {
            let span = self.span(at..at + 1);
            self.fault(Fault::error(format!("blocks nest deeper than {DEPTH_MAX}"), &span, "one too many"));
            self.skip_block();
            return;
        }
        let block = self.block(Some(at), depth + 1);
        match words.first() {
            Some(first) => {
                let span = self.span(first.span.bytes.start..self.at);
                statements.push(Statement { words, block, span });
            }
            None => {
                let span = self.span(at..at + 1);
                let fault = Fault::error("block without a keyword", &span, "expected a statement before `{`");
                self.fault(fault.help("for example `prohibit 1 { … }`"));
            }
        }
    }

    fn finish(&self, words: &mut Vec<Word>, statements: &mut Vec<Statement>) {
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let span = self.span(first.span.bytes.start..last.span.bytes.end);
            statements.push(Statement { words: std::mem::take(words), block: Vec::new(), span });
        }
    }

    /// Passes over a block that is too deep, without recursion.
    fn skip_block(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.token() {
                Token::Open(_) => depth += 1,
                Token::Close(_) => depth -= 1,
                Token::Nothing => return,
                Token::Word(_) | Token::End => {}
            }
        }
    }

    fn token(&mut self) -> Token {
        loop {
            let at = self.at;
            let Some(next) = self.rest().chars().next() else { return Token::Nothing };
            match next {
                '\n' | ';' => {
                    self.at += 1;
                    return Token::End;
                }
                '{' => {
                    self.at += 1;
                    return Token::Open(at);
                }
                '}' => {
                    self.at += 1;
                    return Token::Close(at);
                }
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '"' => return Token::Word(self.quoted(at)),
                white if white.is_whitespace() || white == '\u{feff}' => self.at += white.len_utf8(),
                _ => return Token::Word(self.bare(at)),
            }
        }
    }

    fn bare(&mut self, at: usize) -> Word {
        let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"' | '#');
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        self.at += length;
        let text = self.text.get(at..self.at).unwrap_or("").to_owned();
        Word { text, span: self.span(at..self.at), quoted: false }
    }

    fn quoted(&mut self, at: usize) -> Word {
        if self.rest().starts_with("\"\"\"") {
            return self.quotation(at);
        }
        let mut text = String::new();
        let mut closed = false;
        let mut escaped = false;
        let mut end = self.text.len();
        for (offset, c) in self.text.get(at + 1..).unwrap_or("").char_indices() {
            let here = at + 1 + offset;
            if escaped {
                escaped = false;
                text.push(c);
            } else if c == '\\' {
                escaped = true;
            } else if c == '"' {
                (closed, end) = (true, here + 1);
                break;
            } else if c == '\n' {
                end = here;
                break;
            } else {
                text.push(c);
            }
        }
        self.at = end;
        let span = self.span(at..end);
        if !closed {
            let fault = Fault::error("string is never closed on its line", &span, "add `\"`");
            self.fault(fault.help("for long quotations use `\"\"\"`"));
        }
        Word { text, span, quoted: true }
    }

    fn quotation(&mut self, at: usize) -> Word {
        let body = self.text.get(at + 3..).unwrap_or("");
        let (inner, end) = match body.find("\"\"\"") {
            Some(length) => (body.get(..length).unwrap_or(""), at + 3 + length + 3),
            None => (body, self.text.len()),
        };
        let text = inner.split_whitespace().collect::<Vec<_>>().join(" ");
        if !body.contains("\"\"\"") {
            let span = self.span(at..at + 3);
            self.fault(Fault::error("quotation is never closed", &span, "opened here").help("add `\"\"\"`"));
        }
        self.at = end;
        Word { text, span: self.span(at..end), quoted: true }
    }
}
