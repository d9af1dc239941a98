//! The part of CBOR that records are made of: integers, bytes, text, arrays and null, each in its shortest form
//! (RFC 8949 § 4.2.1). A reader that finds anything else finds nothing.

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const NULL: u8 = 0xf6;

/// Writes items one after the other.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let bytes = value.to_be_bytes();
        let (info, len) = match value {
            0..=23 => {
                self.bytes.push(major | bytes[7]);
                return;
            }
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.bytes.push(major | info);
        self.bytes.extend(bytes.iter().skip(8 - len));
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.head(UNSIGNED, value);
    }

    pub(crate) fn integer(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            // The negative number n is written as -1 - n, which is its complement.
            Err(_negative) => self.head(NEGATIVE, (!value).unsigned_abs()),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.array(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    pub(crate) fn array(&mut self, len: usize) {
        self.head(ARRAY, len as u64);
    }

    pub(crate) fn null(&mut self) {
        self.bytes.push(NULL);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads items one after the other; `None` is anything but the item asked for.
#[derive(Debug)]
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn head(&mut self) -> Option<(u8, u64)> {
        let first = *self.take(1)?.first()?;
        let info = first & 0x1f;
        let (len, least) = match info {
            0..=23 => return Some((first >> 5, u64::from(info))),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return None,
        };
        let value = self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        (value >= least).then_some((first >> 5, value))
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        self.head().and_then(|(major, value)| (major == UNSIGNED).then_some(value))
    }

    pub(crate) fn integer(&mut self) -> Option<i64> {
        let (major, value) = self.head()?;
        let value = i64::try_from(value).ok()?;
        match major {
            UNSIGNED => Some(value),
            NEGATIVE => Some(!value),
            _ => None,
        }
    }

    pub(crate) fn bytes(&mut self) -> Option<&'b [u8]> {
        let (major, len) = self.head()?;
        if major == BYTES { self.take(usize::try_from(len).ok()?) } else { None }
    }

    pub(crate) fn text(&mut self) -> Option<&'b str> {
        let (major, len) = self.head()?;
        let bytes = if major == TEXT { self.take(usize::try_from(len).ok()?)? } else { return None };
        std::str::from_utf8(bytes).ok()
    }

    pub(crate) fn array(&mut self) -> Option<usize> {
        let (major, len) = self.head()?;
        if major == ARRAY { usize::try_from(len).ok() } else { None }
    }

    /// Whether an array is next.
    pub(crate) fn is_at_array(&self) -> bool {
        self.rest.first().is_some_and(|first| first >> 5 == ARRAY)
    }

    /// Passes over a null, if one is next.
    pub(crate) fn null(&mut self) -> bool {
        let is_next = self.rest.first() == Some(&NULL);
        if is_next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};

    #[test]
    fn numbers_are_written_as_the_standard_writes_them() {
        // RFC 8949, appendix A.
        let cases: [(i64, &str); 12] = [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (255, "18ff"),
            (256, "190100"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (-1, "20"),
            (-100, "3863"),
            (-1000, "3903e7"),
            (i64::MAX, "1b7fffffffffffffff"),
            (i64::MIN, "3b7fffffffffffffff"),
        ];
        for (number, hex) in cases {
            let mut out = Writer::default();
            out.integer(number);
            let bytes = out.into_bytes();
            assert_eq!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), hex);
            assert_eq!(Reader::new(&bytes).integer(), Some(number));
        }
        for longer in [&[0x18, 0x17][..], &[0x19, 0, 0xff], &[0x1a, 0, 0, 0xff, 0xff], &[0x1c], &[0x3b, 0xff]] {
            assert_eq!(Reader::new(longer).integer(), None, "{longer:?}");
        }
    }
}
