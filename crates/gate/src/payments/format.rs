//! In which format payments are written: as somebody says, or as the first bytes show.

use super::table::{Form, ISO_8583, Mapping, Rows};
use screening::parts::Parts;
use std::io::{Cursor, Read};

/// Bytes looked at to tell a format: blanks before them are seldom more.
const HEAD_BYTES: u64 = 64;

/// A format that is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Whichever of ISO 20022, MT103 and NACHA the first bytes show.
    #[default]
    Auto,
    /// pain.001, pacs.008, pacs.009.
    Iso20022,
    /// MT103.
    Mt103,
    /// NACHA files.
    Nacha,
    /// Comma-separated columns, by a mapping.
    Csv,
    /// JSON objects, one a line or in a list, by a mapping.
    Json,
    /// Fields of ISO 8583 as JSON objects, one a line or in a list.
    Iso8583,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Auto, Self::Iso20022, Self::Mt103, Self::Nacha, Self::Csv, Self::Json, Self::Iso8583];

    /// The word that asks for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Iso20022 => "iso20022",
            Self::Mt103 => "mt103",
            Self::Nacha => "nacha",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Iso8583 => "iso8583",
        }
    }

    /// The format asked for by a word.
    ///
    /// # Errors
    /// None has it.
    pub fn named(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.word() == word);
        found.ok_or_else(|| format!("`{word}` is none of {}", Self::ALL.map(Self::word).join(", ")))
    }

    /// A reader for it. `mapping` is asked for where columns or members must be told apart.
    ///
    /// # Errors
    /// The source cannot be read, or there is no mapping.
    pub fn reader<'s>(
        self,
        mut source: Box<dyn Read + Send + 's>,
        mapping: impl FnOnce() -> Result<Mapping, String>,
    ) -> Result<Box<dyn Parts + Send + 's>, String> {
        Ok(match self {
            Self::Auto => {
                let mut head = Vec::new();
                let read = source.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
                read.map_err(|error| format!("cannot read: {error}"))?;
                let text = head.trim_ascii_start();
                let (mt, nacha) = (text.starts_with(b"{1:"), text.starts_with(b"101 "));
                let whole = Cursor::new(head).chain(source);
                if mt {
                    Box::new(screening::mt103::Reader::new(whole))
                } else if nacha {
                    Box::new(screening::nacha::Reader::new(whole))
                } else {
                    Box::new(screening::iso20022::Reader::new(whole))
                }
            }
            Self::Iso20022 => Box::new(screening::iso20022::Reader::new(source)),
            Self::Mt103 => Box::new(screening::mt103::Reader::new(source)),
            Self::Nacha => Box::new(screening::nacha::Reader::new(source)),
            Self::Csv => Box::new(Rows::new(source, Form::Csv, mapping()?)),
            Self::Json => Box::new(Rows::new(source, Form::Json, mapping()?)),
            Self::Iso8583 => Box::new(Rows::new(source, Form::Json, Mapping::read(ISO_8583)?)),
        })
    }
}
