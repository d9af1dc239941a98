//! What is wrong in a file: where, why, and what to do about it. Shown to people as compilers show it.

use crate::docket::Source;
use crate::order::Span;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity,
    SourceCode, SourceSpan, SpanContents,
};
use std::fmt;
use std::ops::Range;

/// A fault or warning in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, in the reader's words.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What the marked words are.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether it stops the order from being used.
    pub grade: Grade,
}

/// How much a fault matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Worth a look.
    Warning,
    /// The file cannot be used.
    Error,
}

impl Fault {
    /// An error at `span`.
    #[must_use]
    pub fn error(message: impl Into<String>, span: &Span, label: impl Into<String>) -> Self {
        let (message, label) = (message.into(), label.into());
        Self { message, span: span.clone(), label, help: None, grade: Grade::Error }
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(message: impl Into<String>, span: &Span, label: impl Into<String>) -> Self {
        Self { grade: Grade::Warning, ..Self::error(message, span, label) }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `file:line:column` of its first byte, counted from 1.
    #[must_use]
    pub fn place(&self, sources: &[Source]) -> String {
        let Some(source) = sources.get(self.span.file) else { return String::from("?") };
        let before = source.text.get(..self.span.bytes.start).unwrap_or(&source.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        format!("{}:{line}:{column}", source.path)
    }
}

/// Renders faults as a report, worst first, each with the lines it speaks of.
#[must_use]
pub fn report(faults: &[Fault], sources: &[Source], color: bool) -> String {
    let mut sorted: Vec<&Fault> = faults.iter().collect();
    sorted.sort_by_key(|fault| (std::cmp::Reverse(fault.grade), fault.span.file, fault.span.bytes.start));
    sorted.iter().map(|fault| fault.shown(sources.get(fault.span.file), color)).collect()
}

impl Fault {
    fn shown(&self, source: Option<&Source>, color: bool) -> String {
        let marked = source.map(|source| marked(&source.path, &source.text, &self.span.bytes, &self.label));
        draw(&Shown { message: &self.message, grade: self.grade, marked, help: self.help.as_deref() }, color)
    }
}

/// A fault that stops a file in another language from being read, as a report without colours.
#[must_use]
pub fn shown(message: &str, path: &str, text: &str, at: Option<Range<usize>>) -> String {
    let marked = at.map(|bytes| marked(path, text, &bytes, "here"));
    draw(&Shown { message, grade: Grade::Error, marked, help: None }, false)
}

fn marked<'t>(path: &'t str, text: &'t str, bytes: &Range<usize>, label: &'t str) -> Marked<'t> {
    let end = bytes.end.min(text.floor_char_boundary(bytes.start + NEAR)).max(bytes.start);
    Marked { page: Page { path, text }, bytes: bytes.start..end, label }
}

fn draw(shown: &Shown<'_>, color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(WIDTH);
    let mut drawn = String::new();
    match handler.render_report(&mut drawn, shown) {
        Ok(()) => format!("{}\n\n", drawn.trim_end()),
        // A place outside its file cannot be drawn; what is wrong is told all the same.
        Err(fmt::Error) => format!("{shown}\n\n"),
    }
}

/// Columns after which words go on in the next line.
const WIDTH: usize = 120;

/// Bytes of a line that are shown on each side of what is marked, and of what is marked itself.
const NEAR: usize = 200;

/// A fault beside the file it is in.
#[derive(Debug)]
struct Shown<'t> {
    message: &'t str,
    grade: Grade,
    marked: Option<Marked<'t>>,
    help: Option<&'t str>,
}

#[derive(Debug)]
struct Marked<'t> {
    page: Page<'t>,
    bytes: Range<usize>,
    label: &'t str,
}

/// A file by its name.
#[derive(Debug)]
struct Page<'t> {
    path: &'t str,
    text: &'t str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = match self.grade {
            Grade::Error => "error",
            Grade::Warning => "warning",
        };
        write!(f, "{grade}: {}", self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(match self.grade {
            Grade::Error => Severity::Error,
            Grade::Warning => Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.marked.as_ref().map(|marked| &marked.page as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let marked = self.marked.as_ref()?;
        let label = LabeledSpan::new_with_span(Some(marked.label.to_owned()), marked.bytes.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

impl Page<'_> {
    /// The lines that a place is in, of very long ones what is near it.
    fn lines(&self, span: &SourceSpan) -> SourceSpan {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let (first, last) = (start.saturating_sub(NEAR), self.text.len().min(end.saturating_add(NEAR)));
        let (first, last) = (self.text.ceil_char_boundary(first), self.text.floor_char_boundary(last));
        let from = self.text.get(first..start).and_then(|before| before.rfind('\n')).map_or(first, |at| first + at + 1);
        let until = self.text.get(end..last).and_then(|after| after.find('\n')).map_or(last, |at| end + at);
        SourceSpan::from(from..until)
    }
}

impl SourceCode for Page<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Asked for what surrounds a place, it gives the rest of the lines and no others.
        let lines = if before == 0 && after == 0 { *span } else { self.lines(span) };
        let read = self.text.read_span(&lines, 0, 0)?;
        let (at, line, column) = (*read.span(), read.line(), read.column());
        let named =
            MietteSpanContents::new_named(self.path.to_owned(), read.data(), at, line, column, read.line_count());
        Ok(Box::new(named))
    }
}

/// The word of the vocabulary that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.into_iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    near.filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, w)| w)
}

/// Advice naming the probable word, else the whole vocabulary.
#[must_use]
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, words.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", words.into_iter().collect::<Vec<_>>().join(", ")),
    }
}
