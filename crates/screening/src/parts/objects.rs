//! Objects of a JSON list with their places, however many lines each goes over and however many stand on one.

use super::{Line, Lines, RECORD_BYTES_MAX};
use std::io::Read;

/// UTF-8's mark of the order of bytes, which some programs put before everything.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What may come next between two objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expected {
    /// The list's own bracket.
    #[default]
    List,
    /// An object, or the end of an empty list.
    First,
    /// A comma, or the end.
    Comma,
    /// An object.
    Object,
    /// Nothing.
    Nothing,
}

impl<R: Read> Lines<R> {
    /// Whether what comes first is the bracket of a list. Nothing is taken.
    pub fn is_list(&mut self) -> bool {
        let mut n = 0;
        loop {
            match self.byte(n) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => n += 1,
                Some(byte) if MARK.contains(&byte) && n < MARK.len() => n += 1,
                found => return found == Some(b'['),
            }
        }
    }

    /// The next object of the list; nothing once it has ended.
    ///
    /// # Errors
    /// At which byte it is no list of objects any more, and why: where the next would begin, nobody knows then.
    pub fn next_object(&mut self) -> Option<Result<Line, (u64, &'static str)>> {
        loop {
            let at = self.passed;
            let Some(byte) = self.byte(0) else {
                let is_over = self.failed.is_some() || self.expected == Expected::Nothing;
                return (!is_over).then_some(Err((at, "a list that nothing closes")));
            };
            self.expected = match (byte, self.expected) {
                (b' ' | b'\t' | b'\r' | b'\n', expected) => expected,
                (byte, Expected::List) if at < MARK.len() as u64 && MARK.contains(&byte) => Expected::List,
                (b'[', Expected::List) => Expected::First,
                (b']', Expected::First | Expected::Comma) => Expected::Nothing,
                (b',', Expected::Comma) => Expected::Object,
                (b'{', Expected::First | Expected::Object) => {
                    self.expected = Expected::Comma;
                    return Some(self.object());
                }
                _ => return Some(Err((at, "neither an object nor what stands between two"))),
            };
            self.pass(1);
        }
    }

    /// The object that begins here.
    fn object(&mut self) -> Result<Line, (u64, &'static str)> {
        let from = self.passed;
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        for n in 0..RECORD_BYTES_MAX {
            let Some(byte) = self.byte(n) else { return Err((from, "an object that nothing closes")) };
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => depth += 1,
                b'}' | b']' if !quoted => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let bytes = self.held.get(self.at..=self.at + n).unwrap_or_default();
                let decoded = String::from_utf8_lossy(bytes);
                let undecodable = matches!(decoded, std::borrow::Cow::Owned(_));
                let text = decoded.into_owned();
                self.pass(n + 1);
                return Ok(Line { bytes: from..self.passed, text, undecodable, whole: true });
            }
        }
        Err((from, "an object longer than any is"))
    }

    /// A byte from here on, read if need be.
    fn byte(&mut self, n: usize) -> Option<u8> {
        while self.at + n >= self.held.len() && !self.ended {
            self.fill();
        }
        self.held.get(self.at + n).copied()
    }

    fn pass(&mut self, bytes: usize) {
        self.at += bytes;
        self.passed += bytes as u64;
    }
}
