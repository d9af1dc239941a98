//! What is wrong in a file: where, why, and what to do about it. Shown to people as compilers show it.

use crate::docket::Source;
use crate::order::Span;
use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
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
        let level = match self.grade {
            Grade::Error => Level::ERROR,
            Grade::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(&self.message).elements(Option::<Snippet<'_, Annotation<'_>>>::None);
        if let Some(source) = source {
            group = group.element(snippet(&source.path, &source.text, &self.span.bytes, &self.label));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        format!("{}\n\n", renderer.render(&[group]))
    }
}

/// The lines of a file that hold `bytes`, which are marked.
fn snippet<'t>(path: &'t str, text: &'t str, bytes: &Range<usize>, label: &'t str) -> Snippet<'t, Annotation<'t>> {
    let marked = text.get(bytes.clone()).map(|_| AnnotationKind::Primary.span(bytes.clone()).label(label));
    Snippet::source(text).path(path).annotations(marked)
}

/// A fault that stops a file in another language from being read, as a report without colours.
#[must_use]
pub fn shown(message: &str, path: &str, text: &str, at: Option<Range<usize>>) -> String {
    let mut group = Level::ERROR.primary_title(message).elements(Option::<Snippet<'_, Annotation<'_>>>::None);
    if let Some(at) = at {
        group = group.element(snippet(path, text, &at, "here"));
    }
    Renderer::plain().render(&[group])
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
