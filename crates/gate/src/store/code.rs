//! Code of listed apps inside a package that says nothing of them: what whoever knows code found, or could not look
//! into, for a person to look at.
//!
//! A store is forbidden an app, and code of it in another package may be that app renamed, or a library that any app
//! uses. Which it is, nobody's fingerprint tells: such a package is never refused as the app, it is held.

use std::fmt;
use std::sync::Arc;

/// Code of somebody's that was found in a package, or that may be there unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Whose it is: the id of a subject.
    pub subject: String,
    /// What was found and how sure it is, or why that cannot be told, for people.
    pub what: String,
    /// Whether it was found; otherwise the package could not be cleared of it.
    pub is_found: bool,
}

/// Whoever knows code: what it finds in the bytes of a package, and what it cannot clear it of.
type Find = dyn Fn(&[u8]) -> Vec<Coded> + Send + Sync;

/// Looks for the code of listed apps.
#[derive(Clone)]
pub struct Search(Arc<Find>);

impl Search {
    /// A search by whoever knows code.
    pub fn new(find: impl Fn(&[u8]) -> Vec<Coded> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// Whose code is in a package.
    #[must_use]
    pub fn find(&self, package: &[u8]) -> Vec<Coded> {
        (self.0)(package)
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Search")
    }
}
