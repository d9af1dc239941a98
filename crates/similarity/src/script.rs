//! JavaScript, down to what a minifier must leave: the names of members and of the platform, strings, patterns,
//! numbers and arithmetic, in the order of the text, function by function. What it may change is gone: the names of
//! variables, blanks, braces, the form of conditions and loops.

mod lexer;

use crate::listing::{Listing, Word};
use crate::program::{Damage, Program};
use crate::work::Work;
use lexer::{Kind, Lexer, Token};
pub(crate) use lexer::{number, unescape};
use std::borrow::Cow;

/// Free names that every engine knows. A minifier cannot rename them. `NaN` and `Infinity` it writes as divisions.
const GLOBALS: [&[u8]; 40] = [
    b"Array",
    b"ArrayBuffer",
    b"Blob",
    b"Buffer",
    b"Date",
    b"Error",
    b"Float32Array",
    b"FormData",
    b"Function",
    b"JSON",
    b"Map",
    b"Math",
    b"Number",
    b"Object",
    b"Promise",
    b"Proxy",
    b"RangeError",
    b"Reflect",
    b"RegExp",
    b"Set",
    b"String",
    b"Symbol",
    b"TypeError",
    b"URL",
    b"Uint8Array",
    b"WeakMap",
    b"XMLHttpRequest",
    b"arguments",
    b"clearTimeout",
    b"console",
    b"document",
    b"fetch",
    b"globalThis",
    b"isNaN",
    b"navigator",
    b"parseInt",
    b"process",
    b"self",
    b"setTimeout",
    b"window",
];
/// Words before which a parenthesis is no parameter list.
const CONTROL: [&[u8]; 8] = [b"if", b"for", b"while", b"switch", b"with", b"catch", b"await", b"return"];
/// Operations that no minifier rewrites or moves. `throw`, `switch` and `for` are none: what stood before them is drawn
/// into them.
const OPERATIONS: [&[u8]; 5] = [b"new", b"instanceof", b"delete", b"await", b"yield"];
/// Operations whose sides a minifier may swap when one is a constant.
const SWAPPED: [&[u8]; 8] = [b"==", b"===", b"!=", b"!==", b"*", b"&", b"|", b"^"];
/// Brackets and arrow functions within each other; no compiler's output comes near.
const NESTED_MAX: usize = 1 << 16;
/// Marks of programs that hide what they do: identifiers made by an obfuscator, and how many are no accident.
const HIDDEN_NAMES_MIN: usize = 50;

/// The bit of a global name.
fn global(name: &[u8]) -> Option<u64> {
    GLOBALS.iter().position(|global| *global == name).map(|n| 1 << n)
}

/// How a script hides its code, if it does.
pub(crate) fn hidden(bytes: &[u8]) -> Option<&'static str> {
    if bytes.windows(24).any(|window| window == b"eval(function(p,a,c,k,e,") {
        return Some("packer (`eval(function(p,a,c,k,e,…`)");
    }
    let made = bytes.windows(7).filter(|window| {
        window.starts_with(b"_0x") && window.get(3..).is_some_and(|rest| rest.iter().all(u8::is_ascii_hexdigit))
    });
    (made.take(HIDDEN_NAMES_MIN).count() == HIDDEN_NAMES_MIN).then_some("javascript-obfuscator")
}

/// The functions of a script. Text that is no JavaScript gives what can be made of it.
///
/// # Errors
/// If brackets are nested deeper than any program's ([`Damage::Budget`]).
pub(crate) fn extract(path: &str, bytes: &[u8], work: &Work<'_>) -> Result<Program, Damage> {
    let mut reader = Reader {
        lexer: Lexer::new(bytes),
        listing: Listing::new(path, bytes.len()),
        open: Vec::new(),
        closed: Closed::default(),
        bound: 0,
        before: [Token::NONE; 3],
        sum: Vec::new(),
        is_loose: false,
    };
    reader.run(work)?;
    Ok(reader.listing.finish())
}

/// What a bracket opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Parenthesis,
    Bracket,
    Block,
    Object,
    Class,
    Function,
    /// An arrow function without braces: ends where its expression ends.
    Arrow,
}

#[derive(Clone, Copy, Debug)]
struct Opened<'a> {
    inside: Inside,
    /// The three tokens before it.
    before: [Token<'a>; 3],
    /// Global names in it that may be parameters, as bits.
    names: u64,
    /// What was bound around it.
    bound: u64,
}

/// The parenthesis closed last: it may have been a parameter list.
#[derive(Clone, Copy, Debug, Default)]
struct Closed<'a> {
    before: [Token<'a>; 3],
    names: u64,
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    listing: Listing,
    open: Vec<Opened<'a>>,
    closed: Closed<'a>,
    /// Global names that the functions around bind anew, as bits: a minifier renames those.
    bound: u64,
    /// The last tokens, the latest first.
    before: [Token<'a>; 3],
    /// Strings that are added up: a minifier makes one of them.
    sum: Vec<u8>,
    /// Whether their place says nothing.
    is_loose: bool,
}

impl<'a> Reader<'a> {
    fn run(&mut self, work: &Work<'_>) -> Result<(), Damage> {
        let mut token = self.lexer.next();
        while token.kind != Kind::End {
            work.spend(token.text.len() as u64 + 1)?;
            let next = self.lexer.next();
            if token.kind != Kind::Text && token.text != b"+" {
                self.summed();
            }
            self.arrows(&token, next);
            self.token(token, next);
            let [one, two, _] = self.before;
            self.before = [token, one, two];
            token = next;
            if self.open.len() > NESTED_MAX {
                return Err(Damage::Budget);
            }
        }
        self.summed();
        Ok(())
    }

    /// What strings that were added up come to.
    fn summed(&mut self) {
        match (self.sum.is_empty(), std::mem::take(&mut self.is_loose)) {
            (true, _) => return,
            (false, true) => self.listing.loose_text(&self.sum),
            (false, false) => self.listing.text(&self.sum),
        }
        self.sum.clear();
    }

    fn previous(&self) -> Token<'a> {
        let [one, _, _] = self.before;
        one
    }

    fn inside(&self) -> Option<Inside> {
        self.open.last().map(|opened| opened.inside)
    }

    /// Ends arrow functions whose expression ends before this token.
    fn arrows(&mut self, token: &Token<'a>, next: Token<'a>) {
        while self.inside() == Some(Inside::Arrow) {
            let ends = match token.kind {
                Kind::Punct => matches!(token.text, b"," | b";" | b")" | b"]" | b"}"),
                Kind::Name => {
                    token.line_before
                        && self.previous().ends_expression()
                        && !matches!(token.text, b"in" | b"instanceof" | b"of")
                        && next.kind != Kind::End
                }
                Kind::Text | Kind::Number | Kind::Regex | Kind::End => false,
            };
            if !ends {
                return;
            }
            if let Some(opened) = self.open.pop() {
                self.bound = opened.bound;
            }
            self.listing.end();
        }
    }

    fn token(&mut self, token: Token<'a>, next: Token<'a>) {
        match token.kind {
            Kind::Name => self.name(token, next),
            Kind::Text => self.text(token, next),
            Kind::Regex => self.listing.text(token.text),
            Kind::Number => {
                let value = lexer::number(token.text);
                // `true` and `false` are written `!0` and `!1`.
                if value != 0.0 && value != 1.0 {
                    self.listing.number(value, !self.is_swapped(next));
                }
            }
            Kind::Punct => self.punct(token, next),
            Kind::End => {}
        }
    }

    /// Whether a constant here may as well stand on the other side, before or behind what it is compared with.
    fn is_swapped(&self, next: Token<'a>) -> bool {
        let swaps = |token: Token<'_>| token.kind == Kind::Punct && SWAPPED.contains(&token.text);
        swaps(self.previous()) || swaps(next)
    }

    fn is_key(&self, next: Token<'a>) -> bool {
        let starts =
            matches!(self.previous().text, b"{" | b"," | b"}" | b";" | b"get" | b"set" | b"async" | b"*" | b"static");
        match self.inside() {
            Some(Inside::Object) => starts && matches!(next.text, b":" | b"(" | b"," | b"}"),
            Some(Inside::Class) => starts && matches!(next.text, b"(" | b"=" | b";"),
            Some(Inside::Parenthesis | Inside::Bracket | Inside::Block | Inside::Function | Inside::Arrow) | None => {
                false
            }
        }
    }

    fn name(&mut self, token: Token<'a>, next: Token<'a>) {
        if matches!(self.previous().text, b"." | b"?.") || self.is_key(next) {
            // An escaped letter may stand in a name too.
            let name = if token.text.contains(&b'\\') {
                Cow::Owned(lexer::unescape(token.text))
            } else {
                Cow::Borrowed(token.text)
            };
            self.listing.name(Word::Member, &name);
        } else if OPERATIONS.contains(&token.text) {
            self.listing.keyword(token.text);
        } else if let Some(bit) = global(token.text) {
            self.global(token, next, bit);
        }
    }

    /// A name of the platform, unless the program gives it to something of its own.
    fn global(&mut self, token: Token<'a>, next: Token<'a>, bit: u64) {
        let previous = self.previous();
        if next.text == b"=" || matches!(previous.text, b"var" | b"let" | b"const" | b"function" | b"class") {
            self.bound |= bit;
        }
        let mut is_parameter = next.text == b"=>";
        if matches!(previous.text, b"(" | b"," | b"...")
            && matches!(next.text, b"," | b")" | b"=")
            && let Some(opened) = self.open.last_mut().filter(|opened| opened.inside == Inside::Parenthesis)
        {
            opened.names |= bit;
            let [one, two, _] = opened.before;
            is_parameter |= one.text == b"function" || two.text == b"function";
        }
        if self.bound & bit == 0 && !is_parameter {
            self.listing.name(Word::Global, token.text);
        }
    }

    /// Global names that are parameters of the function that begins here.
    fn parameters(&self) -> u64 {
        let last = self.previous();
        if last.text == b")" { self.closed.names } else { global(last.text).unwrap_or(0) }
    }

    fn text(&mut self, token: Token<'a>, next: Token<'a>) {
        let text = lexer::unescape(token.text);
        let word = lexer::is_identifier(&text);
        let index = self.previous().text == b"[" && next.text == b"]" && {
            let [_, two, _] = self.before;
            two.ends_expression()
        };
        if word && (index || (next.text == b":" && self.is_key(next))) {
            self.listing.name(Word::Member, &text);
        } else if text != b"use strict" {
            if self.previous().text != b"+" {
                self.summed();
            }
            self.sum.extend_from_slice(&text);
            // `typeof x === "undefined"` becomes `typeof x > "u"`.
            let order = |token: Token<'_>| token.kind == Kind::Punct && matches!(token.text, b"<" | b">");
            self.is_loose |= self.is_swapped(next) || order(self.previous()) || order(next);
        }
    }

    fn punct(&mut self, token: Token<'a>, next: Token<'a>) {
        match token.text {
            b"(" => self.push(Inside::Parenthesis),
            b"[" => self.push(Inside::Bracket),
            b"{" => self.brace(),
            b")" | b"]" | b"}" => self.close(),
            b"=>" if next.text != b"{" => {
                let name = self.binding();
                self.listing.begin(&name);
                self.push(Inside::Arrow);
                self.bound |= self.parameters();
            }
            // Of two numbers only the product is left.
            _ if self.previous().kind == Kind::Number && next.kind == Kind::Number => {}
            b"*" | b"%" | b"<<" | b">>" | b">>>" | b"&" | b"|" | b"^" | b"**" => self.listing.keyword(token.text),
            b"*=" | b"%=" | b"<<=" | b">>=" | b">>>=" | b"&=" | b"|=" | b"^=" | b"**=" => {
                self.listing.keyword(token.text.strip_suffix(b"=").unwrap_or(token.text));
            }
            _ => {}
        }
    }

    fn push(&mut self, inside: Inside) {
        self.open.push(Opened { inside, before: self.before, names: 0, bound: self.bound });
    }

    fn brace(&mut self) {
        let [one, two, three] = self.before;
        let inside = if one.text == b"=>" {
            Inside::Function
        } else if one.text == b")" {
            let [head, _, _] = self.closed.before;
            if CONTROL.contains(&head.text) { Inside::Block } else { Inside::Function }
        } else if [one, two, three].iter().any(|token| token.text == b"class" && token.kind == Kind::Name)
            || (two.text == b"extends" || three.text == b"extends")
        {
            Inside::Class
        } else if matches!(
            one.text,
            b"=" | b"(" | b"," | b":" | b"[" | b"?" | b"return" | b"||" | b"&&" | b"??" | b"..."
        ) || matches!(
            one.text,
            b"const" | b"let" | b"var" | b"new" | b"typeof" | b"!" | b"import" | b"export"
        ) {
            Inside::Object
        } else {
            Inside::Block
        };
        if inside == Inside::Function {
            let name = self.binding();
            self.listing.begin(&name);
        }
        self.push(inside);
        if inside == Inside::Function {
            self.bound |= match (one.text, two.text) {
                (b"=>", b")") => self.closed.names,
                (b"=>", _) => global(two.text).unwrap_or(0),
                _ => self.closed.names,
            };
        }
    }

    fn close(&mut self) {
        let Some(opened) = self.open.pop() else { return };
        match opened.inside {
            Inside::Function | Inside::Arrow => {
                self.bound = opened.bound;
                self.listing.end();
            }
            Inside::Parenthesis => self.closed = Closed { before: opened.before, names: opened.names },
            Inside::Bracket | Inside::Block | Inside::Object | Inside::Class => {}
        }
    }

    /// What a function is called, or what it is assigned to: for people.
    fn binding(&self) -> String {
        let [one, two, three] = self.before;
        let head = if one.text == b")" || (one.text == b"=>" && two.text == b")") {
            self.closed.before
        } else if one.text == b"=>" {
            // `name = x => …`
            [three, Token::NONE, Token::NONE]
        } else {
            [two, three, Token::NONE]
        };
        let [first, second, third] = head;
        let named = |token: Token<'_>| token.kind == Kind::Name && token.text != b"function";
        let chosen = match (first.text, second.text) {
            (b"function" | b"async" | b"=" | b":", b"=" | b":") => third,
            (b"=" | b":", _) => second,
            (b"function", _) => second,
            _ => first,
        };
        let name = if named(chosen) { chosen.text } else { b"(anonymous)" };
        String::from_utf8_lossy(name).into_owned()
    }
}

#[cfg(test)]
mod tests;
