//! The settings file of `interdict serve`: read once, whole, and refused with its place where it is wrong.
//!
//! Each part of the service has a section of its own; a section that is absent leaves that part out.

use crate::cli::Choice;
use docket::finding::{Posture, Verdict};
use gate::recorder::{OnFull, QUEUE_RECORDS_MAX};
use gate::shadow::{Mode, OnRefer, Stance};
use miette::{LabeledSpan, NamedSource, Report, miette};
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// A longer file is not settings: the largest sensible one names a few hundred things.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that can be set. Paths are relative to the folder of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where to listen; the command line goes before.
    pub(crate) listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach.
    pub(crate) listen_publicly: bool,
    /// Where decisions are recorded; nowhere if absent.
    pub(crate) records: Option<Records>,
    /// The folder the file lies in.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// `[records]`: where decisions are recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    /// The file that CloudEvents are appended to, one a line.
    pub(crate) file: PathBuf,
    /// How many may wait to be written.
    #[serde(default = "queue_records_max")]
    pub(crate) queue_records_max: NonZeroUsize,
    /// What gates do when a decision cannot be recorded.
    #[serde(default)]
    pub(crate) on_full: OnFullChoice,
}

const fn queue_records_max() -> NonZeroUsize {
    match NonZeroUsize::new(QUEUE_RECORDS_MAX) {
        Some(max) => max,
        None => NonZeroUsize::MIN,
    }
}

/// `on_full`: what gates do when a decision cannot be recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFullChoice {
    /// Give no answer.
    Refuse,
    /// Answer, and count what is missing.
    #[default]
    AnswerUnrecorded,
}

impl OnFullChoice {
    /// In the recorder's words.
    pub(crate) const fn chosen(self) -> OnFull {
        match self {
            Self::Refuse => OnFull::Refuse,
            Self::AnswerUnrecorded => OnFull::AnswerUnrecorded,
        }
    }
}

/// What every gate's section may say about how it treats verdicts.
#[allow(dead_code, reason = "for the sections of gates")]
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StanceChoice {
    /// `enforce` or `shadow`.
    mode: ModeChoice,
    /// What to do where the law is not enforced.
    not_enforced: Option<Choice>,
    /// What to do where a court has stayed the law.
    stayed: Option<Choice>,
    /// What to do where law and facts leave it open.
    on_refer: OnReferChoice,
}

#[allow(dead_code, reason = "for the sections of gates")]
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeChoice {
    #[default]
    Enforce,
    Shadow,
}

#[allow(dead_code, reason = "for the sections of gates")]
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnReferChoice {
    #[default]
    Permit,
    Refuse,
}

#[allow(dead_code, reason = "for the sections of gates")]
impl StanceChoice {
    /// In the gates' words.
    pub(crate) fn chosen(self) -> Stance {
        let default = Posture::default();
        let or = |choice: Option<Choice>, otherwise: Verdict| choice.map_or(otherwise, Choice::verdict);
        Stance {
            mode: match self.mode {
                ModeChoice::Enforce => Mode::Enforce,
                ModeChoice::Shadow => Mode::Shadow,
            },
            posture: Posture {
                not_enforced: or(self.not_enforced, default.not_enforced),
                stayed: or(self.stayed, default.stayed),
                ..default
            },
            on_refer: match self.on_refer {
                OnReferChoice::Permit => OnRefer::Permit,
                OnReferChoice::Refuse => OnRefer::Refuse,
            },
        }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// A report for people: what is wrong, where, and what to write.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |error: &dyn std::fmt::Display| format!("cannot read settings {}: {error}", path.display());
        let len = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
        if len > FILE_BYTES_MAX {
            return Err(cannot(&format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::parse(&text, &path.display().to_string()).map(|settings| Self { folder, ..settings })
    }

    /// Reads text; `name` is what reports call it.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let label = error.span().map(|span| LabeledSpan::at(span, "here"));
            let report: Report = miette!(labels = label.into_iter().collect::<Vec<_>>(), "{}", error.message());
            format!("{:?}", report.with_source_code(NamedSource::new(name, text.to_owned())))
        })
    }

    /// A path of the file, from where the process stands.
    pub(crate) fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use gate::recorder::{OnFull, QUEUE_RECORDS_MAX};

    #[test]
    fn an_empty_file_sets_nothing_and_a_short_one_has_defaults() {
        let nothing = Settings::parse("", "x.toml").unwrap();
        assert!(nothing.listen.is_none() && nothing.records.is_none() && !nothing.listen_publicly);
        let records = Settings::parse("[records]\nfile = \"d.ndjson\"", "x.toml").unwrap().records.unwrap();
        assert_eq!(records.queue_records_max.get(), QUEUE_RECORDS_MAX);
        assert_eq!(records.on_full.chosen(), OnFull::AnswerUnrecorded);
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        for (text, told, at) in [
            ("lisen = \"127.0.0.1:1\"", "unknown field `lisen`", "x.toml:1:1"),
            ("listen = \"here\"", "socket address", "x.toml:1:10"),
            ("[records]\nfile = \"d\"\non_full = \"wait\"", "unknown variant `wait`", "x.toml:3:11"),
            ("[records]\nfile = \"d\"\nqueue_records_max = 0", "nonzero", "x.toml:3:21"),
            ("[records]\n", "missing field `file`", "x.toml:1:1"),
            ("listen = ", "", "x.toml:1:"),
        ] {
            let report = Settings::parse(text, "x.toml").unwrap_err();
            assert!(report.contains(told) && report.contains(at), "{told} at {at}:\n{report}");
        }
    }
}
