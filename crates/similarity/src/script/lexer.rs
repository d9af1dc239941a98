//! Tokens of JavaScript. A division is told from a pattern by what stands before it; where that errs, the line ends
//! the error. Nothing recurses, nothing fails: every byte belongs to some token or to none.

/// Digits that a number may reasonably have.
const NUMBER_BYTES_MAX: usize = 64;
/// Slashes of one line that no pattern begins with though one could; from then on they divide, or each of a million
/// would be looked for to the end of the line.
const ENDLESS_MAX: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    /// A string, or a piece of a template; the text is what stands between the quotes.
    Text,
    Number,
    Regex,
    Punct,
    #[default]
    End,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a [u8],
    /// Whether a line ends before it.
    pub(crate) line_before: bool,
}

impl Token<'_> {
    pub(crate) const NONE: Self = Self { kind: Kind::End, text: b"", line_before: false };

    /// Whether an expression may end with it.
    pub(crate) fn ends_expression(&self) -> bool {
        match self.kind {
            Kind::Text | Kind::Number | Kind::Regex => true,
            Kind::Name => !WORDS_BEFORE_EXPRESSION.contains(&self.text),
            Kind::Punct => matches!(self.text, b")" | b"]" | b"}" | b"++" | b"--"),
            Kind::End => false,
        }
    }
}

const WORDS_BEFORE_EXPRESSION: [&[u8]; 14] = [
    b"return",
    b"typeof",
    b"case",
    b"in",
    b"of",
    b"delete",
    b"void",
    b"throw",
    b"new",
    b"instanceof",
    b"do",
    b"else",
    b"yield",
    b"await",
];

/// Longest first.
const PUNCTS: [&[u8]; 35] = [
    b">>>=", b"...", b"===", b"!==", b"**=", b"<<=", b">>=", b">>>", b"&&=", b"||=", b"??=", b"=>", b"==", b"!=",
    b"<=", b">=", b"&&", b"||", b"??", b"?.", b"++", b"--", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=",
    b"<<", b">>", b"**", b"<!--", b"-->",
];

pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
    previous: Token<'a>,
    /// For each open brace, whether it is the `${` of a template.
    braces: Vec<bool>,
    /// For each open parenthesis, whether a condition stands in it, after which a pattern may follow.
    conditions: Vec<bool>,
    after_condition: bool,
    /// Patterns of this line that did not end in it.
    endless: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            previous: Token::NONE,
            braces: Vec::new(),
            conditions: Vec::new(),
            after_condition: false,
            endless: 0,
        }
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// The next token; after the last, [`Kind::End`] for ever.
    pub(crate) fn next(&mut self) -> Token<'a> {
        let line_before = self.skip();
        if line_before {
            self.endless = 0;
        }
        let token = self.read();
        self.previous = Token { line_before, ..token };
        self.previous
    }

    /// Passes blanks and comments over; tells whether a line ended.
    fn skip(&mut self) -> bool {
        let mut line = false;
        loop {
            match self.rest {
                [b'\n' | b'\r', ..] => {
                    line = true;
                    self.take(1);
                }
                [b' ' | b'\t' | 0x0b | 0x0c, ..] => {
                    self.take(1);
                }
                [0xef, 0xbb, 0xbf, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] => {
                    self.take(3);
                }
                [b'/', b'/', ..] | [b'#', b'!', ..] => {
                    let end = self.rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.take(end.unwrap_or(self.rest.len()));
                }
                [b'/', b'*', body @ ..] => {
                    let end = body.windows(2).position(|two| two == b"*/").map_or(self.rest.len(), |n| n + 4);
                    line |= self.take(end).contains(&b'\n');
                }
                _ => return line,
            }
        }
    }

    fn read(&mut self) -> Token<'a> {
        let token = |kind, text| Token { kind, text, line_before: false };
        let Some(first) = self.rest.first().copied() else { return Token::NONE };
        match first {
            b'"' | b'\'' => token(Kind::Text, self.quoted(first)),
            b'`' => {
                self.take(1);
                token(Kind::Text, self.template())
            }
            b'}' if self.braces.last() == Some(&true) => {
                self.braces.pop();
                self.take(1);
                token(Kind::Text, self.template())
            }
            b'0'..=b'9' => token(Kind::Number, self.digits()),
            b'.' if self.rest.get(1).is_some_and(u8::is_ascii_digit) => token(Kind::Number, self.digits()),
            b'/' if self.endless < ENDLESS_MAX && !self.divides() => match self.pattern() {
                Some(length) => token(Kind::Regex, self.take(length)),
                None => {
                    self.endless += 1;
                    token(Kind::Punct, self.take(1))
                }
            },
            byte if is_name(byte) || byte == b'#' => {
                let end = self.rest.iter().skip(1).position(|byte| !is_name(*byte) && !byte.is_ascii_digit());
                token(Kind::Name, self.take(end.map_or(self.rest.len(), |n| n + 1)))
            }
            _ => token(Kind::Punct, self.punct()),
        }
    }

    fn punct(&mut self) -> &'a [u8] {
        let known = PUNCTS.iter().find(|punct| self.rest.starts_with(punct));
        // `a?.5:b` is a condition.
        let known = known.filter(|p| **p != b"?." || !self.rest.get(2).is_some_and(u8::is_ascii_digit));
        let text = self.take(known.map_or(1, |punct| punct.len()));
        match text {
            b"{" => self.braces.push(false),
            b"}" => {
                self.braces.pop();
            }
            b"(" => self.conditions.push(matches!(self.previous.text, b"if" | b"for" | b"while" | b"with")),
            b")" => self.after_condition = self.conditions.pop().unwrap_or(false),
            _ => {}
        }
        text
    }

    /// Whether a slash after the last token divides.
    fn divides(&self) -> bool {
        match self.previous.text {
            b")" if self.previous.kind == Kind::Punct => !self.after_condition,
            // After a block a pattern may begin, after an object a division; minified code divides by neither.
            b"}" if self.previous.kind == Kind::Punct => false,
            _ => self.previous.ends_expression(),
        }
    }

    /// How long the pattern is that begins here, if it ends on this line.
    fn pattern(&self) -> Option<usize> {
        let (mut escaped, mut class) = (false, false);
        for (n, byte) in self.rest.iter().enumerate().skip(1) {
            match byte {
                b'\n' | b'\r' => return None,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    let flags = self.rest.iter().skip(n + 1).take_while(|byte| byte.is_ascii_lowercase()).count();
                    return Some(n + 1 + flags);
                }
                _ => {}
            }
        }
        None
    }

    fn quoted(&mut self, quote: u8) -> &'a [u8] {
        let mut escaped = false;
        let body = self.rest.get(1..).unwrap_or(&[]);
        let end = body.iter().position(|byte| {
            let ends = !escaped && (*byte == quote || *byte == b'\n');
            escaped = !escaped && *byte == b'\\';
            ends
        });
        let end = end.unwrap_or(body.len());
        self.take(end + 2);
        body.get(..end).unwrap_or(&[])
    }

    /// A piece of a template, up to its end or to `${`.
    fn template(&mut self) -> &'a [u8] {
        let mut escaped = false;
        let mut end = self.rest.len();
        let mut skipped = 0;
        for (n, byte) in self.rest.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                escaped = true;
            } else if *byte == b'`' {
                (end, skipped) = (n, 1);
                break;
            } else if *byte == b'$' && self.rest.get(n + 1) == Some(&b'{') {
                (end, skipped) = (n, 2);
                self.braces.push(true);
                break;
            }
        }
        let whole = self.take(end + skipped);
        whole.get(..end).unwrap_or(whole)
    }

    fn digits(&mut self) -> &'a [u8] {
        let mut last = b'0';
        let hex = matches!(self.rest, [b'0', b'x' | b'X', ..]);
        let end = self.rest.iter().position(|byte| {
            let goes_on = byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'_')
                || (matches!(byte, b'+' | b'-') && matches!(last, b'e' | b'E') && !hex);
            last = *byte;
            !goes_on
        });
        self.take(end.unwrap_or(self.rest.len()))
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' || byte == b'\\' || byte >= 0x80
}

/// Whether a text could stand behind a dot.
pub(crate) fn is_identifier(text: &[u8]) -> bool {
    text.first().is_some_and(|first| is_name(*first)) && text.iter().all(|b| is_name(*b) || b.is_ascii_digit())
}

/// The value of a number, however it is written: `1e3` is 1000.
pub(crate) fn number(text: &[u8]) -> f64 {
    let kept: Vec<u8> = text.iter().filter(|byte| **byte != b'_').take(NUMBER_BYTES_MAX).copied().collect();
    let text = std::str::from_utf8(&kept).unwrap_or("").trim_end_matches('n');
    let radix = |digits: &str, radix| {
        digits.chars().filter_map(|c| c.to_digit(radix)).fold(0.0, |n, d| n * f64::from(radix) + f64::from(d))
    };
    match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => radix(text.get(2..).unwrap_or(""), 16),
        Some("0b") => radix(text.get(2..).unwrap_or(""), 2),
        Some("0o") => radix(text.get(2..).unwrap_or(""), 8),
        Some(_) | None => text.parse().unwrap_or(0.0),
    }
}

/// What a string means: minifiers write the same one with other escapes.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((mark, after)) = rest.split_first() else { break };
        rest = after;
        let meant = match mark {
            b'n' => Some('\n'),
            b't' => Some('\t'),
            b'r' => Some('\r'),
            b'b' => Some('\u{8}'),
            b'f' => Some('\u{c}'),
            b'v' => Some('\u{b}'),
            b'0' => Some('\0'),
            b'x' => digits(&mut rest, 2).and_then(char::from_u32),
            b'u' => unicode(&mut rest),
            b'\n' => None,
            other => {
                out.push(*other);
                None
            }
        };
        if let Some(meant) = meant {
            out.extend(meant.encode_utf8(&mut [0; 4]).bytes());
        }
    }
    out
}

/// A number of so many hexadecimal digits.
fn digits(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    u32::from_str_radix(std::str::from_utf8(taken).ok()?, 16).ok()
}

/// What follows `\u`: four digits, any number of them in braces, or the two halves of one character.
fn unicode(rest: &mut &[u8]) -> Option<char> {
    if rest.first() == Some(&b'{') {
        let length = rest.iter().take(NUMBER_BYTES_MAX).position(|byte| *byte == b'}')?;
        let code = digits(&mut rest.get(1..)?, length.checked_sub(1)?);
        *rest = rest.get(length + 1..)?;
        return code.and_then(char::from_u32);
    }
    let first = digits(rest, 4)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let mut after = rest.strip_prefix(b"\\u")?;
    let second = digits(&mut after, 4).filter(|second| (0xdc00..0xe000).contains(second))?;
    *rest = after;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}
