//! What is wrong in a file: where, why, and what to do about it. Rendered for people by miette.

use crate::docket::Source;
use crate::order::Span;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};
use std::fmt;

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
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    let mut sorted: Vec<&Fault> = faults.iter().collect();
    sorted.sort_by_key(|fault| (std::cmp::Reverse(fault.grade), fault.span.file, fault.span.bytes.start));
    let mut text = String::new();
    for fault in sorted {
        let source = sources.get(fault.span.file);
        let shown = Shown { fault, source: source.map(|source| NamedSource::new(&source.path, source.text.clone())) };
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&fault.message);
        }
        text.push('\n');
    }
    text
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

struct Shown<'f> {
    fault: &'f Fault,
    source: Option<NamedSource<String>>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(match self.fault.grade {
            Grade::Error => Severity::Error,
            Grade::Warning => Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.fault.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label =
            LabeledSpan::new(Some(self.fault.label.clone()), self.fault.span.bytes.start, self.fault.span.bytes.len());
        Some(Box::new(std::iter::once(label)))
    }
}
