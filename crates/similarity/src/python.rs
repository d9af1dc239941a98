//! Python source, to the names of members, strings, numbers and operations, function by function. Names of variables
//! and the length of blanks are gone; blanks count only for where a function ends.

use crate::listing::{Listing, Word};
use crate::program::{Damage, Program};
use crate::work::Work;

/// Operations and the platform's names that a renaming leaves alone.
const WORDS: [&[u8]; 26] = [
    b"assert",
    b"async",
    b"await",
    b"break",
    b"continue",
    b"del",
    b"except",
    b"finally",
    b"for",
    b"global",
    b"in",
    b"is",
    b"lambda",
    b"not",
    b"or",
    b"raise",
    b"try",
    b"while",
    b"with",
    b"yield",
    b"isinstance",
    b"len",
    b"open",
    b"range",
    b"super",
    b"getattr",
];

/// How a file hides its code, if it does.
pub(crate) fn hidden(bytes: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 3] = [
        (b"__pyarmor__(__name__", "PyArmor"),
        (b"exec(marshal.loads(", "a loader of marshalled code"),
        (b"exec(zlib.decompress(", "a loader of packed code"),
    ];
    let held = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    marks.iter().find(|(mark, _)| held(mark)).map(|(_, packer)| *packer)
}

/// The functions of a file. Text that is no Python gives what can be made of it.
///
/// # Errors
/// If there is no time for it ([`Damage::Budget`]).
pub(crate) fn extract(path: &str, bytes: &[u8], work: &Work<'_>) -> Result<Program, Damage> {
    let mut reader = Reader {
        rest: bytes,
        listing: Listing::new(path, bytes.len()),
        functions: Vec::new(),
        brackets: 0,
        line: Line { indent: 0, is_first: true },
        previous: b"",
    };
    while !reader.rest.is_empty() {
        let before = reader.rest.len();
        reader.step();
        work.spend((before - reader.rest.len()) as u64)?;
    }
    Ok(reader.listing.finish())
}

struct Line {
    indent: usize,
    /// Whether nothing of it has been read yet.
    is_first: bool,
}

struct Reader<'a> {
    rest: &'a [u8],
    listing: Listing,
    /// How far each open function's `def` is indented.
    functions: Vec<usize>,
    brackets: usize,
    line: Line,
    previous: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn step(&mut self) {
        let Some(first) = self.rest.first().copied() else { return };
        match first {
            b'\n' => {
                self.take(1);
                if self.brackets == 0 {
                    self.line = Line { indent: 0, is_first: true };
                }
            }
            b' ' | b'\t' | b'\r' | 0x0c => {
                self.line.indent += usize::from(self.line.is_first);
                self.take(1);
            }
            b'\\' => {
                self.take(2);
            }
            b'#' => {
                let end = self.rest.iter().position(|byte| *byte == b'\n');
                self.take(end.unwrap_or(self.rest.len()));
            }
            _ => {
                if self.line.is_first {
                    self.starts_line();
                }
                self.token(first);
            }
        }
    }

    fn starts_line(&mut self) {
        let was = std::mem::replace(&mut self.line.is_first, false);
        while was && self.functions.last().is_some_and(|indent| *indent >= self.line.indent) {
            self.functions.pop();
            self.listing.end();
        }
        self.previous = b"";
    }

    fn token(&mut self, first: u8) {
        let statement = self.previous.is_empty();
        match first {
            b'"' | b'\'' => self.string(0, statement),
            b'0'..=b'9' => {
                let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
                let end = self.rest.iter().position(|byte| !goes_on(byte));
                let text = self.take(end.unwrap_or(self.rest.len()));
                let value = crate::script::number(text);
                if value != 0.0 && value != 1.0 {
                    self.listing.number(value, true);
                }
                self.previous = text;
            }
            _ if is_name(first) => {
                let end = self.rest.iter().position(|byte| !is_name(*byte) && !byte.is_ascii_digit());
                let end = end.unwrap_or(self.rest.len());
                let quoted = matches!(self.rest.get(end), Some(b'"' | b'\''));
                let prefix =
                    self.rest.get(..end).is_some_and(|p| p.len() <= 2 && p.iter().all(|b| b"rRbBuUfFtT".contains(b)));
                if quoted && prefix {
                    return self.string(end, statement);
                }
                let word = self.take(end);
                self.word(word);
            }
            _ => {
                let text = self.take(1);
                match first {
                    b'(' | b'[' | b'{' => self.brackets += 1,
                    b')' | b']' | b'}' => self.brackets = self.brackets.saturating_sub(1),
                    b'%' | b'*' | b'/' | b'|' | b'&' | b'^' | b'@' => self.listing.keyword(text),
                    _ => {}
                }
                self.previous = text;
            }
        }
    }

    fn word(&mut self, word: &'a [u8]) {
        if self.previous == b"def" {
            self.listing.begin(&String::from_utf8_lossy(word));
            self.functions.push(self.line.indent);
        } else if matches!(self.previous, b"." | b"import" | b"from") {
            self.listing.name(Word::Member, word);
        } else if WORDS.contains(&word) {
            self.listing.keyword(word);
        } else if self.brackets > 0 && self.is_keyword_argument() {
            self.listing.name(Word::Member, word);
        }
        self.previous = word;
    }

    /// `f(name=…)`: the name is the callee's, and stays.
    fn is_keyword_argument(&self) -> bool {
        matches!(self.previous, b"(" | b",") && matches!(self.rest, [b'=', after, ..] if *after != b'=')
    }

    /// A string; one that is a statement by itself is a comment.
    fn string(&mut self, prefix: usize, statement: bool) {
        self.take(prefix);
        let quote = self.rest.first().copied().unwrap_or(b'"');
        let long = self.rest.get(..3) == Some(&[quote; 3]);
        let marks = if long { 3 } else { 1 };
        self.take(marks);
        let body = self.rest;
        let mut escaped = false;
        let mut end = body.len();
        for (n, byte) in body.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                escaped = true;
            } else if (long && body.get(n..n + 3) == Some(&[quote; 3])) || (!long && (*byte == quote || *byte == b'\n'))
            {
                end = n;
                break;
            }
        }
        // A line that ends within a short string still ends.
        let closes = if body.get(end) == Some(&b'\n') { 0 } else { marks };
        self.take(end + closes);
        if !statement {
            self.listing.text(&crate::script::unescape(body.get(..end).unwrap_or(&[])));
        }
        self.previous = b"\"";
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extract(path: &str, bytes: &[u8]) -> Program {
        super::extract(path, bytes, &Work::endless()).expect("there is time")
    }

    const PLAIN: &str = "import os\n\ndef pay(customer, amount):\n    \"\"\"Pays.\"\"\"\n    if amount > 1000:\n        raise ValueError('more than is allowed')\n    def log(line):\n        os.makedirs(customer.folder, exist_ok=True)\n        with open(customer.path, 'a') as out: out.write(line)\n    log('paid %s' % customer.name)\n    return customer.account.debit(amount, currency='EUR')\n\nclass Till:\n    def close(self, day): return [sale.settle(day % 7) for sale in self.sales]\n";

    #[test]
    fn functions_end_where_their_indentation_ends() {
        let program = extract("shop.py", PLAIN.as_bytes());
        let names: Vec<&str> = program.functions.iter().map(|f| program.words(f.name)).collect();
        assert_eq!(names, ["log", "pay", "close", "(top)"]);
    }

    #[test]
    fn names_of_variables_comments_and_blanks_do_not_count() {
        let other = PLAIN
            .replace("customer", "c9")
            .replace("amount", "xx")
            .replace("line", "q")
            .replace("    ", "\t")
            .replace("Pays.", "Was about money.")
            .replace("'", "\"");
        let (one, two) = (extract("a.py", PLAIN.as_bytes()), extract("b.py", other.as_bytes()));
        assert_eq!(one.distinct_fingerprints(), two.distinct_fingerprints());
        assert!(one.fingerprints.len() > 20);
    }

    #[test]
    fn hostile_text_is_read_to_its_end() {
        let deep: String = (0..2_000).map(|n| format!("{}def f():\n", " ".repeat(n % 700))).collect();
        assert!(extract("x.py", deep.as_bytes()).functions.len() <= 2_001);
        let pieces: [&[u8]; 16] = [
            b"\"\"\"", b"'", b"\\", b"\n", b"  ", b"def ", b"f", b"(", b")", b"#", b"\xff", b"0x", b".", b"r", b"\"",
            b"=",
        ];
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut text = Vec::new();
            for _ in 0..24 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.extend_from_slice(pieces[(state >> 60) as usize]);
            }
            let _ = extract("x.py", &text);
        }
    }

    #[test]
    fn hidden_code_is_named() {
        assert_eq!(hidden(b"__pyarmor__(__name__, __file__, b'')"), Some("PyArmor"));
        assert_eq!(hidden(PLAIN.as_bytes()), None);
    }
}
