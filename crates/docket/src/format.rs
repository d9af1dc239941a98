//! One layout for order files: two spaces a level, comments and blank lines kept, words untouched.

use crate::fault::Fault;
use crate::syntax;

/// The canonical layout of a file.
///
/// # Errors
/// The faults of a file that does not parse: nothing is laid out then.
pub fn format(file: usize, text: &str) -> Result<String, Vec<Fault>> {
    let (_, faults) = syntax::parse(file, text);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut layout = Layout::default();
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some((piece, tail)) = next(rest) {
        layout.take(piece);
        rest = tail;
    }
    Ok(layout.finish())
}

/// A piece of a file, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    Word(&'t str),
    Comment(&'t str),
    Open,
    Close,
    Semicolon,
    Newline,
}

fn next(text: &str) -> Option<(Piece<'_>, &str)> {
    let text = text.trim_start_matches(|c: char| (c.is_whitespace() && c != '\n') || c == '\u{feff}');
    let first = text.chars().next()?;
    let split = |at: usize| text.split_at_checked(at).unwrap_or((text, ""));
    let one = |piece| Some((piece, split(1).1));
    match first {
        '\n' => one(Piece::Newline),
        ';' => one(Piece::Semicolon),
        '{' => one(Piece::Open),
        '}' => one(Piece::Close),
        '#' => {
            let (comment, rest) = split(text.find('\n').unwrap_or(text.len()));
            Some((Piece::Comment(comment.trim_end()), rest))
        }
        '"' if text.starts_with("\"\"\"") => {
            let end = text.get(3..).and_then(|body| body.find("\"\"\"")).map_or(text.len(), |at| at + 6);
            let (word, rest) = split(end);
            Some((Piece::Word(word), rest))
        }
        '"' => {
            let (word, rest) = split(string_end(text));
            Some((Piece::Word(word), rest))
        }
        _ => {
            let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"' | '#');
            let (word, rest) = split(text.find(ends).unwrap_or(text.len()));
            Some((Piece::Word(word), rest))
        }
    }
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            '\n' => return at,
            _ => {}
        }
    }
    text.len()
}

#[derive(Default)]
struct Layout {
    out: String,
    line: String,
    comment: String,
    depth: usize,
    blank: usize,
    /// Blocks written on the line they opened on.
    inline: usize,
}

impl Layout {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Word(word) => {
                let glued = self.line.is_empty() || self.line.ends_with(' ');
                if !glued {
                    self.line.push(' ');
                }
                self.line.push_str(word);
            }
            Piece::Comment(comment) => {
                self.comment = comment.to_owned();
            }
            Piece::Semicolon => self.semicolon(),
            Piece::Open => {
                if !self.line.is_empty() {
                    self.line.push(' ');
                }
                self.line.push('{');
                self.inline += 1;
            }
            Piece::Close if self.inline > 0 => {
                let line = self.line.trim_end().trim_end_matches(';').trim_end().to_owned();
                self.line = line;
                self.line.push_str(" }");
                self.inline -= 1;
            }
            Piece::Close => {
                self.end_line();
                self.depth = self.depth.saturating_sub(1);
                self.line.push('}');
            }
            Piece::Newline => {
                if self.line.is_empty() && self.comment.is_empty() {
                    self.blank += 1;
                } else {
                    self.end_line();
                }
            }
        }
    }

    fn semicolon(&mut self) {
        let idle = self.line.trim_end();
        if !(idle.is_empty() || idle.ends_with(';') || idle.ends_with('{')) {
            self.line = format!("{idle};");
        }
    }

    fn end_line(&mut self) {
        let code = self.line.trim_end().trim_end_matches(';').trim_end();
        if !(code.is_empty() && self.comment.is_empty()) {
            let gap = if code.is_empty() || self.comment.is_empty() { "" } else { "  " };
            if self.blank > 0 && !self.out.is_empty() && !self.out.ends_with("{\n") && !code.starts_with('}') {
                self.out.push('\n');
            }
            self.out.push_str(&"  ".repeat(self.depth));
            self.out.push_str(code);
            self.out.push_str(gap);
            self.out.push_str(&self.comment);
            self.out.push('\n');
            self.blank = 0;
        }
        self.line.clear();
        self.comment.clear();
        self.depth += self.inline;
        self.inline = 0;
    }

    fn finish(mut self) -> String {
        self.end_line();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::format;
    use crate::syntax::{Statement, parse};

    fn shape(statements: &[Statement]) -> Vec<(Vec<String>, Vec<String>)> {
        let flat = |s: &Statement| {
            let words = s.words.iter().map(|w| w.text.clone()).collect();
            (words, shape(&s.block).into_iter().map(|inner| format!("{inner:?}")).collect())
        };
        statements.iter().map(flat).collect()
    }

    #[test]
    fn keeps_comments_and_meaning_and_settles() {
        let messy = "# head\n\n\n  instrument   a {\ntitle \"x ; { \\\" }\"   ; evidence seen;\n   # inside\n prohibit 1 from 2020-01-01 { act app.use;when form mobile }  # why\n\n\n text \"\"\"two\n   lines { \"\"\"\n}\n\n\ncase \"b\" { expect permitted }";
        let once = format(0, messy).unwrap();
        assert_eq!(format(0, &once).unwrap(), once, "not idempotent");
        assert_eq!(shape(&parse(0, messy).0), shape(&parse(0, &once).0), "meaning changed:\n{once}");
        for comment in ["# head", "# inside", "# why"] {
            assert!(once.contains(comment), "lost {comment}");
        }
        assert!(!once.contains("\n\n\n"));
    }

    #[test]
    fn any_text_that_parses_keeps_its_meaning() {
        let alphabet = ["a", "b ", "{", "}", ";", "\n", " ", "#c", "\"s\"", "\"\"\"q\nr\"\"\"", "2020-01-01"];
        let mut seed = 7_u64;
        let mut sound = 0;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(alphabet[(seed >> 33) as usize % alphabet.len()]);
            }
            let Ok(once) = format(0, &text) else { continue };
            sound += 1;
            assert_eq!(shape(&parse(0, &text).0), shape(&parse(0, &once).0), "{text:?}\n{once:?}");
            assert_eq!(format(0, &once).unwrap(), once, "{text:?}");
        }
        assert!(sound > 1_000, "only {sound} random texts parsed");
    }
}
