//! Checkpoints (C2SP tlog-checkpoint): the text in which a log states its size and root.

use crate::hash::Hash;
use crate::note::NAME_BYTES_MAX;
use std::fmt;

/// The largest tree: what a JavaScript number holds exactly, since pages show and check it.
pub const SIZE_MAX: u64 = (1 << 53) - 1;

/// The state of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, which is also the name of its key.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// A text that states no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not an origin, a size and a root on a line each")
    }
}

impl std::error::Error for Malformed {}

/// A number in decimal digits without leading zeros, at most [`SIZE_MAX`].
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| plain && *number <= SIZE_MAX)
}

impl Checkpoint {
    /// Reads the text of a checkpoint. Lines after the third are allowed and say nothing, as specified.
    ///
    /// # Errors
    /// When it states no tree.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = text.strip_suffix('\n').ok_or(Malformed)?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty() && origin.len() <= NAME_BYTES_MAX);
        let size = lines.next().and_then(decimal).ok_or(Malformed)?;
        let root = lines.next().and_then(Hash::from_base64).ok_or(Malformed)?;
        if lines.any(str::is_empty) {
            return Err(Malformed);
        }
        Ok(Self { origin: origin.ok_or(Malformed)?.to_owned(), size, root })
    }
}

/// The text to sign.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for size in [0, 1, SIZE_MAX] {
            let checkpoint = Checkpoint { origin: "log.example/1".to_owned(), size, root: Hash::leaf(b"") };
            assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint.clone()));
            assert_eq!(Checkpoint::parse(&format!("{checkpoint}extension\n")), Ok(checkpoint));
        }
    }

    #[test]
    fn numbers_have_one_spelling_and_a_bound() {
        let root = Hash::leaf(b"");
        for text in ["", "01", "00", "+1", "-1", "1 ", "9007199254740992", "18446744073709551616", "1e3"] {
            assert_eq!(Checkpoint::parse(&format!("o\n{text}\n{root}\n")), Err(Malformed), "{text}");
        }
        for text in
            [format!("\n1\n{root}\n"), format!("o\n1\n{root}"), format!("o\n1\n{root}\n\n"), "o\n1\n".to_owned()]
        {
            assert_eq!(Checkpoint::parse(&text), Err(Malformed), "{text}");
        }
    }
}
