//! How an entry is spelled: one way in bytes, another in JSON, for whatever it is made of. What entries there are it
//! does not know.

use crate::cbor::{Reader, Writer};
use docket::moment::format_rfc3339;
use law::Time;
use serde_json::Value;

/// The format of entries; another number is another format.
pub(super) const VERSION: u64 = 1;

/// The longest text in an entry: a path, a reason in a sentence or two, a checkpoint with the signatures of some dozens.
pub const TEXT_BYTES_MAX: usize = 8192;

/// The longest list in an entry: those who signed one document, or what it is about.
pub const LIST_MAX: usize = 64;

/// What an entry is made of: each has one spelling in bytes, and one in JSON.
pub(super) trait Part: Sized {
    fn write(&self, out: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Option<Self>;
    fn json(&self) -> Value;
}

impl Part for String {
    fn write(&self, out: &mut Writer) {
        out.text(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.text().filter(|text| text.len() <= TEXT_BYTES_MAX).map(str::to_owned)
    }
    fn json(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Part for u64 {
    fn write(&self, out: &mut Writer) {
        out.unsigned(*self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.unsigned()
    }
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

/// An instant; no other number of an entry has a sign.
impl Part for Time {
    fn write(&self, out: &mut Writer) {
        out.integer(*self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.integer()
    }
    fn json(&self) -> Value {
        Value::from(format_rfc3339(*self))
    }
}

impl Part for bool {
    fn write(&self, out: &mut Writer) {
        out.unsigned(u64::from(*self));
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match from.unsigned()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

impl Part for [u8; 32] {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.bytes()?.try_into().ok()
    }
    fn json(&self) -> Value {
        Value::from(hex(self))
    }
}

impl<T: Part> Part for Option<T> {
    fn write(&self, out: &mut Writer) {
        match self {
            Some(part) => part.write(out),
            None => out.null(),
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        if from.null() { Some(None) } else { T::read(from).map(Some) }
    }
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Part::json)
    }
}

impl Part for Vec<String> {
    fn write(&self, out: &mut Writer) {
        out.texts(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.array().filter(|len| *len <= LIST_MAX)?;
        (0..len).map(|_| String::read(from)).collect()
    }
    fn json(&self) -> Value {
        Value::from(self.clone())
    }
}

/// The entries: number, word, and the parts after version, number and instant.
macro_rules! entries {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $word:literal {
        $($(#[$what:meta])* $part:ident: $type:ty,)*
    })*) => {
        /// An entry of either log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Entry {$(
            $(#[$doc])*
            $variant {
                /// When.
                at: Time,
                $($(#[$what])* $part: $type,)*
            },
        )*}

        impl Entry {
            /// The bytes that are logged.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                let mut out = Writer::default();
                match self {$(
                    Self::$variant { at, $($part,)* } => {
                        head(&mut out, parts(&[$(stringify!($part),)*]), $number, *at);
                        $($part.write(&mut out);)*
                    }
                )*}
                out.into_bytes()
            }

            pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
                let len = from.array()?;
                (from.unsigned()? == VERSION).then_some(())?;
                let (kind, at) = (from.unsigned()?, from.integer()?);
                $(
                    if kind == $number && len == parts(&[$(stringify!($part),)*]) {
                        return Some(Self::$variant { at, $($part: Part::read(from)?,)* });
                    }
                )*
                None
            }

            /// As JSON, for people and programs that read and do not verify.
            #[must_use]
            pub fn to_json(&self) -> Value {
                match self {$(
                    Self::$variant { at, $($part,)* } => {
                        json!({ "kind": $word, "at": at.json(), $((stringify!($part)): $part.json(),)* })
                    }
                )*}
            }

            /// When it was written.
            #[must_use]
            pub const fn at(&self) -> Time {
                match self { $(Self::$variant { at, .. } => *at,)* }
            }

            /// The same, written at another instant.
            #[must_use]
            pub fn at_instant(mut self, instant: Time) -> Self {
                match &mut self { $(Self::$variant { at, .. } => *at = instant,)* }
                self
            }
        }
    };
}

pub(super) use entries;

/// How many parts an entry has: version, number and instant before its own.
pub(super) const fn parts(own: &[&str]) -> usize {
    3 + own.len()
}

pub(super) fn head(out: &mut Writer, parts: usize, kind: u64, at: Time) {
    out.array(parts);
    out.unsigned(VERSION);
    out.unsigned(kind);
    out.integer(at);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
