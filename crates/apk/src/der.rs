//! DER, as far as signatures of packages need it: tags, lengths and spans.

/// One value: its tag, its content, and the bytes it takes with both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// A run of values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next value. Lengths are definite and at most four bytes long; tags are one byte.
    pub(crate) fn next(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.bytes.split_first()?;
        let (&first, rest) = rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            let (digits, rest) = rest.split_at_checked(count)?;
            if count == 0 || count > 4 {
                return None;
            }
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.bytes.get(..self.bytes.len() - rest.len())?;
        self.bytes = rest;
        Some(Value { tag, content, whole })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Value<'a>> {
        self.next().filter(|value| value.tag == tag)
    }

    /// The next value if it has this tag; otherwise the reader stays.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Value<'a>> {
        (self.bytes.first() == Some(&tag)).then(|| self.next())?
    }
}

impl<'a> Value<'a> {
    pub(crate) const fn inside(&self) -> Reader<'a> {
        Reader::new(self.content)
    }
}
