//! What is odd about a package, and what Android does with it.
//!
//! Three grades. A [`crate::Fault`] from [`crate::Archive::open`] means that Android refuses the whole
//! file. An oddity that [`Kind::unreadable`] means that Android refuses the entry when it is read, and so do we. Every
//! other oddity is something Android reads past: the content is what Android sees, and a reader with
//! other rules may see something else. Well-made packages have none.

use std::fmt;

/// One thing that is odd, and about which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// What.
    pub kind: Kind,
    /// The entry it is about, as an index into [`crate::Archive::entries`]; `None` = the archive.
    pub entry: Option<u32>,
}

/// What can be odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The local header lies outside the entries or has no signature.
    LocalHeaderMissing,
    /// The local header has another name than the central directory.
    LocalNameDiffers,
    /// Local sizes or checksum differ from the central directory, and no data descriptor excuses it.
    LocalSizesDiffer,
    /// The content would reach into the central directory.
    DataOutOfRange,
    /// Sizes or offset say that the real ones are in a ZIP64 field, which no package reader follows.
    Zip64Sizes,
    /// The local header has another compression method; the central one is used.
    LocalMethodDiffers,
    /// The local header has other flags; the central ones are used.
    LocalFlagsDiffer,
    /// Marked as encrypted, which Android ignores and many analysers obey.
    EncryptedFlag,
    /// A compression method other than stored and deflated, which Android reads as stored.
    UnknownMethod,
    /// Stored, but with two different sizes; the uncompressed one is used.
    StoredSizesDiffer,
    /// A data descriptor is announced, and none with the right numbers follows the content.
    DescriptorWrong,
    /// The entry shares bytes with another or with the signing block.
    Overlap,
    /// A name that would leave the directory it is unpacked in.
    UnsafeName,
    /// An extra field whose lengths do not add up.
    ExtraMalformed,
    /// A ZIP64 extra field although no size needs it; ignored.
    Zip64Extra,
    /// Bytes before the first entry: perhaps a second file, read by who looks at the start.
    Prefix,
    /// Bytes other than zeros between entries, seen by no reader of the directory.
    HiddenBytes,
    /// Bytes between the central directory and the end record.
    GapBeforeEnd,
    /// Bytes of the central directory after its last entry.
    DirectoryTail,
    /// The end record speaks of several disks, or counts its entries twice with different results.
    SeveralDisks,
    /// The archive has a comment.
    Comment,
    /// The signing block has its magic, and sizes that contradict each other.
    SigningBlockMalformed,
}

impl Kind {
    /// True if Android refuses to read the entry, and so do we.
    #[must_use]
    pub const fn unreadable(self) -> bool {
        match self {
            Self::LocalHeaderMissing
            | Self::LocalNameDiffers
            | Self::LocalSizesDiffer
            | Self::DataOutOfRange
            | Self::Zip64Sizes => true,
            Self::LocalMethodDiffers
            | Self::LocalFlagsDiffer
            | Self::EncryptedFlag
            | Self::UnknownMethod
            | Self::StoredSizesDiffer
            | Self::DescriptorWrong
            | Self::Overlap
            | Self::UnsafeName
            | Self::ExtraMalformed
            | Self::Zip64Extra
            | Self::Prefix
            | Self::HiddenBytes
            | Self::GapBeforeEnd
            | Self::DirectoryTail
            | Self::SeveralDisks
            | Self::Comment
            | Self::SigningBlockMalformed => false,
        }
    }

    /// True if ordinary tools leave it in packages that mean no harm: a comment, an alignment field
    /// shorter than a field header, flags that a signer rewrote in the directory only.
    #[must_use]
    pub const fn innocent(self) -> bool {
        matches!(self, Self::Comment | Self::ExtraMalformed | Self::LocalFlagsDiffer)
    }

    /// The oddity as a short phrase.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::LocalHeaderMissing => "no local header where the directory points",
            Self::LocalNameDiffers => "local header has another name",
            Self::LocalSizesDiffer => "local header has other sizes or another checksum",
            Self::DataOutOfRange => "content reaches past the entries",
            Self::Zip64Sizes => "ZIP64 sizes",
            Self::LocalMethodDiffers => "local header has another compression method",
            Self::LocalFlagsDiffer => "local header has other flags",
            Self::EncryptedFlag => "marked as encrypted, which Android ignores",
            Self::UnknownMethod => "unknown compression method, which Android reads as stored",
            Self::StoredSizesDiffer => "stored with two different sizes",
            Self::DescriptorWrong => "data descriptor missing or wrong",
            Self::Overlap => "shares bytes with another entry",
            Self::UnsafeName => "name leaves its directory",
            Self::ExtraMalformed => "extra field does not add up",
            Self::Zip64Extra => "needless ZIP64 extra field",
            Self::Prefix => "bytes before the first entry",
            Self::HiddenBytes => "bytes hidden between entries",
            Self::GapBeforeEnd => "bytes between directory and end record",
            Self::DirectoryTail => "bytes after the last directory entry",
            Self::SeveralDisks => "end record speaks of several disks",
            Self::Comment => "archive comment",
            Self::SigningBlockMalformed => "signing block with contradicting sizes",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase())
    }
}
