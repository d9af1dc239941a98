//! ISO 20022 credit transfers, read as a stream: pain.001, pacs.008 and pacs.009 with its cover, of any
//! version, under any prefix, in any envelope.
//!
//! Every byte of the input comes out in exactly one [`Part`]. A fault ends reading: what was closed before
//! it stands, everything from there to the end is one unread part, and nothing is guessed of it.

mod path;

pub(crate) use path::Node;
pub use path::{Class, Frame, Kind, PATHS_MAX, Paths};

use crate::door::{Door, NO_TEXT};
use crate::parts::{Fault, Part, Parts, Seam};
use crate::payment::{Field, Payment, Says};
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::io::Read;
use std::ops::Range;

/// Elements open at once. The schemas go to 14, envelopes add a few.
pub const DEPTH_MAX: usize = 64;
/// The longest element name; the longest in the schemas has 22 characters.
pub const NAME_BYTES_MAX: usize = 256;
/// The longest list of attributes: namespace declarations.
pub const ATTRIBUTES_BYTES_MAX: usize = 4 * 1024;
/// Text of one transaction or header. Remittance information of pacs.008 may reach about 10 kB a piece.
pub const PAYMENT_BYTES_MAX: usize = 1024 * 1024;
/// Fields of one transaction or header.
pub const PAYMENT_FIELDS_MAX: usize = 8 * 1024;

/// Reads one file.
#[derive(Debug)]
pub struct Reader<R> {
    xml: quick_xml::Reader<Door<R>>,
    buffer: Vec<u8>,
    /// Bytes before the first one the parser counts: a byte order mark.
    base: Option<u64>,
    paths: Paths,
    open: Vec<u16>,
    pending: String,
    pending_bytes: Option<Range<u64>>,
    pending_plain: bool,
    currency: String,
    kind: Option<Kind>,
    version: String,
    name_space: String,
    header: Payment,
    batch: Payment,
    payment: Payment,
    in_batch: bool,
    /// Where the last batch to begin began, and the last to end ended.
    batch_begins: u64,
    batch_ends: u64,
    in_payment: bool,
    root_closed: bool,
    /// The message the headers belong to has ended.
    stale: bool,
    /// The outermost document under way.
    document: Option<Document>,
    /// Whether one of a kind that is not read has been told.
    told: bool,
    seam: Seam,
    batches: u64,
    messages: u64,
}

/// A `Document` element that is open.
#[derive(Debug)]
struct Document {
    begins: u64,
    /// How many elements were open around it.
    depth: usize,
    /// Whether a message this reads has begun in it.
    is_read: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        let mut xml = quick_xml::Reader::from_reader(Door::new(inner));
        let config = xml.config_mut();
        config.check_end_names = true;
        config.expand_empty_elements = true;
        Self {
            xml,
            buffer: Vec::new(),
            base: None,
            paths: Paths::default(),
            open: Vec::new(),
            pending: String::new(),
            pending_bytes: None,
            pending_plain: true,
            currency: String::new(),
            kind: None,
            version: String::new(),
            name_space: String::new(),
            header: Payment::default(),
            batch: Payment::default(),
            payment: Payment::default(),
            in_batch: false,
            batch_begins: 0,
            batch_ends: 0,
            in_payment: false,
            root_closed: false,
            stale: false,
            document: None,
            told: false,
            seam: Seam::default(),
            batches: 0,
            messages: 0,
        }
    }

    /// Where the last batch to begin began, and the last to end ended.
    #[must_use]
    pub fn batch_edges(&self) -> (u64, u64) {
        (self.batch_begins, self.batch_ends)
    }

    /// The kind of message.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Everything not yet in a part, as unread.
    fn unread(&mut self, fault: Fault) -> Part {
        self.seam.end();
        self.in_payment = false;
        let (end, why) = match self.xml.get_mut().drain() {
            Ok(end) => (end, fault.why),
            Err(error) => (self.xml.get_ref().passed(), format!("{}; then reading failed: {error}", fault.why)),
        };
        self.seam.unread(end, fault.at, why)
    }

    fn position(&self) -> u64 {
        self.base.unwrap_or(0) + self.xml.buffer_position()
    }

    /// Reads one event.
    fn step(&mut self) -> Result<Option<Part>, Fault> {
        if self.base.is_none() {
            let first = self.xml.get_mut();
            let read = std::io::BufRead::fill_buf(first).map(<[u8]>::len);
            let base = first.passed();
            self.base = Some(base);
            read.map_err(|error| Fault { at: base, why: error.to_string() })?;
        }
        self.xml.get_mut().piece_begins();
        let at = self.position();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let outcome = match self.xml.read_event_into(&mut buffer) {
            Ok(event) => {
                let end = self.base.unwrap_or(0) + event_end(&self.xml);
                self.event(&event, at..end)
            }
            Err(error) => Err(Fault { at: self.base.unwrap_or(0) + self.xml.error_position(), why: error.to_string() }),
        };
        self.buffer = buffer;
        outcome
    }

    fn event(&mut self, event: &Event<'_>, bytes: Range<u64>) -> Result<Option<Part>, Fault> {
        let at = bytes.start;
        match event {
            Event::Start(tag) => self.start(tag, bytes),
            Event::End(_) => self.end(bytes),
            Event::Text(text) => self.text(text, bytes, true),
            Event::CData(text) => self.text(text, bytes, false),
            Event::GeneralRef(reference) => {
                let letter = resolve(reference).map_err(|why| Fault { at, why })?;
                self.text(letter.encode_utf8(&mut [0; 4]), bytes, false)
            }
            Event::DocType(_) => Err(Fault { at, why: String::from("a document type declaration, which is refused") }),
            Event::Eof if !self.open.is_empty() => {
                Err(Fault { at, why: format!("the file ends within <{}>", self.open_name()) })
            }
            Event::Eof => {
                self.seam.end();
                if self.messages == 0 && !self.told && bytes.end > self.seam.from() {
                    return Ok(Some(self.nothing(at)));
                }
                Ok(self.seam.frame(bytes.end))
            }
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => Ok(None),
        }
    }

    /// A file without any message this reads is not thereby clear.
    fn nothing(&mut self, end: u64) -> Part {
        let why = format!("no pain.001, pacs.008 or pacs.009 in it: {} is not read", self.named());
        let at = self.seam.from();
        self.seam.unread(end, at, why)
    }

    /// A document of another kind, by itself: what it moves nobody has looked at.
    fn other(&mut self, document: &Document, end: u64) -> Part {
        (self.told, self.stale) = (true, true);
        let why = format!("{} is not read: only pain.001, pacs.008 and pacs.009 are", self.named());
        self.seam.unread(end, document.begins, why)
    }

    fn named(&self) -> &str {
        if self.name_space.is_empty() { "this" } else { &self.name_space }
    }

    fn in_message(&self, path: u16) -> bool {
        matches!(self.paths.class(path).frame, Frame::Message(_))
    }

    fn open_name(&self) -> String {
        let last = self.open.last().map(|path| self.paths.words(*path)).unwrap_or_default();
        last.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("the message").to_owned()
    }

    fn start(&mut self, tag: &BytesStart<'_>, bytes: Range<u64>) -> Result<Option<Part>, Fault> {
        let fault = |why: String| Fault { at: bytes.start, why };
        let name = tag.local_name();
        let name: &str = name.as_ref();
        if name.len() > NAME_BYTES_MAX {
            return Err(fault(format!("an element name of more than {NAME_BYTES_MAX} bytes")));
        }
        if tag.attributes_raw().len() > ATTRIBUTES_BYTES_MAX {
            return Err(fault(format!("attributes of more than {ATTRIBUTES_BYTES_MAX} bytes")));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(fault(format!("elements nested more than {DEPTH_MAX} deep")));
        }
        if self.open.is_empty() && self.root_closed {
            return Err(fault(String::from("more after the end of the document")));
        }
        self.flush(&bytes)?;
        let above = self.open.last().copied().unwrap_or(Paths::ROOT);
        let path = self.paths.child(above, name);
        self.open.push(path);
        let class = self.paths.class(path);
        if name == "Document" {
            self.document(tag);
            if self.document.is_none() {
                let depth = self.open.len() - 1;
                self.document = Some(Document { begins: bytes.start, depth, is_read: false });
            }
        }
        match class.frame {
            Frame::Message(kind) => {
                if let Some(document) = &mut self.document {
                    document.is_read = true;
                }
                self.refresh();
                self.kind = Some(kind);
                self.messages += 1;
            }
            Frame::Batch if self.in_payment || self.in_batch => {
                return Err(fault(String::from("a batch within another")));
            }
            Frame::Batch => {
                self.batch.clear();
                self.batches += 1;
                self.batch_begins = bytes.start;
                self.in_batch = true;
            }
            Frame::Payment if self.in_payment => return Err(fault(String::from("a transaction within another"))),
            Frame::Payment if self.kind.is_none() => {
                return Err(fault(String::from("a transaction outside any message this reads")));
            }
            Frame::Payment => {
                self.payment.clear();
                self.in_payment = true;
                return Ok(self.seam.frame(bytes.start));
            }
            Frame::Signature if self.in_payment => self.payment.signed = true,
            Frame::Signature => self.header.signed = true,
            Frame::Inside => {}
        }
        if class.says == Says::Amount {
            self.currency.clear();
            let attributes = tag.attributes_raw();
            let code = attributes.split_once("Ccy").and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
            self.currency.push_str(code.unwrap_or_default());
        }
        Ok(None)
    }

    fn document(&mut self, tag: &BytesStart<'_>) {
        let families = ["pain.", "pacs.", "camt.", "admi.", "setr.", "sese.", "seev."];
        let attributes = tag.attributes_raw();
        let found = families.iter().find_map(|family| attributes.find(family).and_then(|at| attributes.get(at..)));
        let named = found.unwrap_or_default().split(['"', '\'', ' ']).next().unwrap_or_default();
        named.clone_into(&mut self.name_space);
        named.clone_into(&mut self.version);
    }

    fn end(&mut self, bytes: Range<u64>) -> Result<Option<Part>, Fault> {
        self.flush(&bytes)?;
        let Some(path) = self.open.pop() else { return Ok(None) };
        self.root_closed = self.open.is_empty();
        if let Some(document) = self.document.take_if(|document| document.depth == self.open.len())
            && !document.is_read
        {
            return Ok(Some(self.other(&document, bytes.end)));
        }
        match self.paths.class(path).frame {
            Frame::Payment => {
                self.in_payment = false;
                return Ok(Some(self.seam.payment(bytes.end)));
            }
            Frame::Batch => {
                self.in_batch = false;
                self.batch_ends = bytes.end;
            }
            Frame::Message(_) => self.stale = true,
            Frame::Signature | Frame::Inside => {}
        }
        Ok(None)
    }

    fn text(&mut self, text: &str, bytes: Range<u64>, plain: bool) -> Result<Option<Part>, Fault> {
        let blank = self.pending.is_empty() && text.bytes().all(|b| b.is_ascii_whitespace());
        if blank {
            return Ok(None);
        }
        if self.open.is_empty() {
            return Err(Fault { at: bytes.start, why: String::from("text outside every element") });
        }
        if self.pending.len() + text.len() > PAYMENT_BYTES_MAX {
            return Err(Fault { at: bytes.start, why: format!("a text of more than {PAYMENT_BYTES_MAX} bytes") });
        }
        self.pending_plain = plain && self.pending_bytes.is_none();
        let from = self.pending_bytes.as_ref().map_or(bytes.start, |known| known.start);
        self.pending_bytes = Some(from..bytes.end);
        self.pending.push_str(text);
        Ok(None)
    }

    /// Forgets the headers of a message that has ended once another begins.
    fn refresh(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.header.clear();
            self.batch.clear();
            self.kind = None;
            self.version.clone_from(&self.name_space);
        }
    }

    /// Makes a field of the text read in the element now open.
    fn flush(&mut self, here: &Range<u64>) -> Result<(), Fault> {
        let Some(bytes) = self.pending_bytes.take() else { return Ok(()) };
        if self.document.as_ref().is_some_and(|document| !document.is_read) {
            self.pending.clear();
            return Ok(());
        }
        let path = self.open.last().copied().unwrap_or(Paths::ROOT);
        let class = self.paths.class(path);
        if !self.in_payment && !self.in_batch && !self.open.iter().any(|path| self.in_message(*path)) {
            self.refresh();
        }
        let into = if self.in_payment {
            &mut self.payment
        } else if self.in_batch {
            &mut self.batch
        } else {
            &mut self.header
        };
        let full = into.fields.len() >= PAYMENT_FIELDS_MAX || into.text.len() > PAYMENT_BYTES_MAX;
        if full || (self.pending.len() > 64 && self.pending.contains("CdtTrfTxInf")) {
            self.pending.clear();
            let why = if full { "too much in one transaction or header" } else { "a payment message inside a text" };
            return Err(Fault { at: here.start, why: why.to_owned() });
        }
        if self.pending.contains(NO_TEXT) {
            into.undecodable = true;
        }
        let mut plain = self.pending_plain;
        if class.says == Says::Amount && !self.currency.is_empty() {
            self.pending.push(' ');
            self.pending.push_str(&self.currency);
            plain = false;
        }
        let Class { says, whom, role, .. } = class;
        if says == Says::Code && self.version.is_empty() && self.pending.starts_with("pa") && !self.in_payment {
            self.version.push_str(self.pending.trim());
        }
        into.push(Field { says, whom, role, path, text: 0..0, bytes, plain }, &self.pending);
        self.pending.clear();
        Ok(())
    }
}

impl<R: Read> Parts for Reader<R> {
    fn next_part(&mut self) -> Option<Part> {
        while !self.seam.is_last() {
            match self.step() {
                Ok(None) => {}
                Ok(Some(part)) => return Some(part),
                Err(fault) => return Some(self.unread(fault)),
            }
        }
        None
    }

    fn payment(&self) -> &Payment {
        &self.payment
    }

    fn exchange(&mut self, payment: &mut Payment) {
        std::mem::swap(&mut self.payment, payment);
    }

    fn batch(&self) -> &Payment {
        &self.batch
    }

    fn header(&self) -> &Payment {
        &self.header
    }

    fn batches(&self) -> u64 {
        self.batches
    }

    fn messages(&self) -> u64 {
        self.messages
    }

    fn message(&self) -> &str {
        if self.version.is_empty() { self.kind.map_or("", Kind::family) } else { &self.version }
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }
}

fn event_end<R: Read>(xml: &quick_xml::Reader<Door<R>>) -> u64 {
    xml.buffer_position()
}

/// Only the five entities of XML itself and numbers; a file's own entities could grow without end.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(letter) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(letter);
    }
    let name: &str = reference;
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(format!("an entity `&{};` of its own", other.chars().take(40).collect::<String>())),
    }
}

#[cfg(test)]
mod tests;
