//! JavaScript, down to what a minifier must leave: the names of members and of the platform, strings, patterns,
//! numbers and arithmetic, in the order of the text, function by function. What it may change is gone: the names of
//! variables, blanks, braces, the form of conditions and loops.

mod lexer;

use crate::listing::{Listing, Word};
use crate::program::Program;
use lexer::{Kind, Lexer, Token};
pub(crate) use lexer::{number, unescape};

/// Free names that every engine knows. A minifier cannot rename them.
const GLOBALS: [&[u8]; 42] = [
    b"Array",
    b"ArrayBuffer",
    b"Blob",
    b"Buffer",
    b"Date",
    b"Error",
    b"Float32Array",
    b"FormData",
    b"Function",
    b"Infinity",
    b"JSON",
    b"Map",
    b"Math",
    b"NaN",
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
/// Operations that no minifier rewrites.
const OPERATIONS: [&[u8]; 7] = [b"new", b"throw", b"instanceof", b"delete", b"switch", b"await", b"yield"];
/// Marks of programs that hide what they do: identifiers made by an obfuscator, and how many are no accident.
const HIDDEN_NAMES_MIN: usize = 50;

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
pub fn extract(path: &str, bytes: &[u8]) -> Program {
    let mut reader = Reader {
        lexer: Lexer::new(bytes),
        listing: Listing::new(path, bytes.len()),
        open: Vec::new(),
        closed: Closed::default(),
        before: [Token::NONE; 3],
    };
    reader.run();
    reader.listing.finish()
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
}

/// The parenthesis closed last: it may have been a parameter list.
#[derive(Clone, Copy, Debug, Default)]
struct Closed<'a> {
    before: [Token<'a>; 3],
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    listing: Listing,
    open: Vec<Opened<'a>>,
    closed: Closed<'a>,
    /// The last tokens, the latest first.
    before: [Token<'a>; 3],
}

impl<'a> Reader<'a> {
    fn run(&mut self) {
        let mut token = self.lexer.next();
        while token.kind != Kind::End {
            let next = self.lexer.next();
            self.arrows(&token, next);
            self.token(token, next);
            let [one, two, _] = self.before;
            self.before = [token, one, two];
            token = next;
        }
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
            self.open.pop();
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
                    self.listing.number(value);
                }
            }
            Kind::Punct => self.punct(token, next),
            Kind::End => {}
        }
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
            self.listing.name(Word::Member, token.text);
        } else if OPERATIONS.contains(&token.text) {
            self.listing.keyword(token.text);
        } else if matches!(token.text, b"for" | b"while") {
            self.listing.keyword(b"for");
        } else if GLOBALS.contains(&token.text) {
            self.listing.name(Word::Global, token.text);
        }
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
            self.listing.text(&text);
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
            }
            b"*" | b"%" | b"<<" | b">>" | b">>>" | b"&" | b"|" | b"^" | b"**" => self.listing.keyword(token.text),
            b"*=" | b"%=" | b"<<=" | b">>=" | b">>>=" | b"&=" | b"|=" | b"^=" | b"**=" => {
                self.listing.keyword(token.text.strip_suffix(b"=").unwrap_or(token.text));
            }
            _ => {}
        }
    }

    fn push(&mut self, inside: Inside) {
        self.open.push(Opened { inside, before: self.before });
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
    }

    fn close(&mut self) {
        let Some(opened) = self.open.pop() else { return };
        match opened.inside {
            Inside::Function | Inside::Arrow => self.listing.end(),
            Inside::Parenthesis => self.closed = Closed { before: opened.before },
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
