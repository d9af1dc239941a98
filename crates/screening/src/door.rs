//! The door bytes come in through: it keeps their positions, mends what is no UTF-8 byte for byte, and
//! refuses to let one piece of markup grow without bound.

use std::io::{self, BufRead, Read};

/// Read at a time: large enough to make calls few, small enough to stay in a core's cache.
const CHUNK_BYTES: usize = 64 * 1024;

/// The most bytes one tag or stretch of text may take. ISO 20022 texts end at 140 or 9,000 characters; this
/// is for supplementary data.
pub const PIECE_BYTES_MAX: u64 = 64 * 1024;

/// Stands for a byte that is no text in the encoding the file has: one for one, so that positions stay.
pub const NO_TEXT: char = '\u{1a}';

const BOM: &[u8] = b"\xef\xbb\xbf";

/// How bytes above 127 are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1 and Windows-1252: letters lose their accents here, which screening drops anyhow.
    Latin1,
}

/// Bytes on their way to the parser.
#[derive(Debug)]
pub struct Door<R> {
    inner: R,
    chunk: Vec<u8>,
    /// What has been handed on of the chunk, and what of it may be.
    at: usize,
    sound: usize,
    /// Bytes handed on, the byte order mark among them.
    passed: u64,
    /// Where the piece under way began.
    piece: u64,
    started: bool,
    ended: bool,
    limited: bool,
    encoding: Encoding,
}

impl<R: Read> Door<R> {
    /// A door to `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            chunk: Vec::with_capacity(CHUNK_BYTES),
            at: 0,
            sound: 0,
            passed: 0,
            piece: 0,
            started: false,
            ended: false,
            limited: true,
            encoding: Encoding::Utf8,
        }
    }

    /// Says that a new piece begins here.
    pub fn piece_begins(&mut self) {
        self.piece = self.passed;
    }

    /// How many bytes have gone through.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Reads to the end without looking.
    ///
    /// # Errors
    /// The source fails.
    pub fn drain(&mut self) -> io::Result<u64> {
        self.limited = false;
        loop {
            let waiting = self.fill_buf()?.len();
            if waiting == 0 {
                return Ok(self.passed);
            }
            self.consume(waiting);
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.chunk.drain(..self.at.min(self.chunk.len()));
        self.at = 0;
        self.sound = 0;
        while self.sound == 0 && !self.ended {
            let held = self.chunk.len();
            self.chunk.resize(CHUNK_BYTES.max(held + 16), 0);
            let room = self.chunk.get_mut(held..).unwrap_or_default();
            let read = match self.inner.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => {
                    self.chunk.truncate(held);
                    return Err(error);
                }
                Ok(0) => {
                    self.ended = true;
                    0
                }
                Ok(read) => read,
            };
            self.chunk.truncate(held + read);
            if !self.started && (self.chunk.len() >= BOM.len() || self.ended) {
                self.start();
            }
            if self.started {
                self.sound = self.mend();
            }
        }
        Ok(())
    }

    fn start(&mut self) {
        self.started = true;
        if self.chunk.starts_with(BOM) {
            self.chunk.drain(..BOM.len());
            self.passed += BOM.len() as u64;
            self.piece = self.passed;
        }
        let head: String = self.chunk.iter().take(120).map(|b| char::from(b.to_ascii_lowercase())).collect();
        let declared = head.split_once("?>").map_or("", |(declaration, _)| declaration);
        if declared.starts_with("<?xml")
            && ["iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252"]
                .iter()
                .any(|name| declared.contains(name))
        {
            self.encoding = Encoding::Latin1;
        }
    }

    /// Makes the chunk text; how much of it is whole characters.
    fn mend(&mut self) -> usize {
        if self.encoding == Encoding::Latin1 {
            for byte in self.chunk.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = latin1_letter(*byte);
            }
            return self.chunk.len();
        }
        let mut from = 0;
        loop {
            let Err(error) = std::str::from_utf8(self.chunk.get(from..).unwrap_or_default()) else {
                return self.chunk.len();
            };
            let wrong = from + error.valid_up_to();
            let length = match error.error_len() {
                Some(length) => length,
                // The rest of the character may be in the next chunk.
                None if !self.ended => return wrong,
                None => self.chunk.len() - wrong,
            };
            for byte in self.chunk.iter_mut().skip(wrong).take(length) {
                *byte = NO_TEXT as u8;
            }
            from = wrong + length;
        }
    }
}

impl<R: Read> Read for Door<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let waiting = self.fill_buf()?;
        let count = waiting.len().min(into.len());
        for (to, from) in into.iter_mut().zip(waiting) {
            *to = *from;
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Door<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.limited && self.passed - self.piece > PIECE_BYTES_MAX {
            let message = format!("one tag or text of more than {PIECE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if self.at >= self.sound {
            self.fill()?;
        }
        // Handed on in slices, so that the limit is met soon after it is passed.
        Ok(self.chunk.get(self.at..self.sound).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        self.passed += count as u64;
    }
}

/// The ASCII letter nearest to a Latin-1 byte; what has none is no text.
fn latin1_letter(byte: u8) -> u8 {
    match byte {
        0xa0 => b' ',
        0xc0..=0xc6 => b'A',
        0xc7 => b'C',
        0xc8..=0xcb => b'E',
        0xcc..=0xcf => b'I',
        0xd0 => b'D',
        0xd1 => b'N',
        0xd2..=0xd6 | 0xd8 => b'O',
        0xd9..=0xdc => b'U',
        0xdd => b'Y',
        0xdf => b's',
        0xe0..=0xe6 => b'a',
        0xe7 => b'c',
        0xe8..=0xeb => b'e',
        0xec..=0xef => b'i',
        0xf1 => b'n',
        0xf0 | 0xf2..=0xf6 | 0xf8 => b'o',
        0xf9..=0xfc => b'u',
        0xfd | 0xff => b'y',
        0xa1..=0xbf => b'.',
        0x80..=0x9f => b'.',
        0xd7 => b'x',
        0xde | 0xfe => b't',
        0xf7 => b'.',
        0x00..=0x7f => byte,
    }
}
