//! Mapping files of ProGuard and R8: which method became which. Inlined methods are truth too: their code stands
//! in the method that the line ends with.

use rustc_hash::{FxHashMap, FxHashSet};
use std::path::Path;

type Member = (String, String);

/// What became of each class and method.
#[derive(Default)]
pub struct Mapping {
    pub classes: FxHashMap<String, String>,
    pub methods: FxHashMap<Member, FxHashSet<Member>>,
}

impl Mapping {
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut mapping = Self::default();
        let (mut old, mut new) = (String::new(), String::new());
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let Some((left, right)) = line.split_once(" -> ") else { continue };
            if !line.starts_with(' ') {
                old = left.to_owned();
                new = right.trim_end_matches(':').to_owned();
                mapping.classes.insert(old.clone(), new.clone());
                continue;
            }
            let Some((before, _)) = left.split_once('(') else { continue };
            let Some((_, name)) = before.rsplit_once(' ') else { continue };
            let member = name.rsplit_once('.').map_or_else(|| (old.clone(), name.to_owned()), |(c, m)| (c.to_owned(), m.to_owned()));
            mapping.methods.entry(member).or_default().insert((new.clone(), right.trim().to_owned()));
        }
        Some(mapping)
    }

    /// Whether a method of the original became (or stands in) a method of what was made.
    pub fn agrees(&self, class: &str, method: &str, new_class: &str, new_method: &str) -> bool {
        let listed = self.methods.get(&(class.to_owned(), method.to_owned()));
        listed.is_some_and(|set| set.contains(&(new_class.to_owned(), new_method.to_owned())))
            || (method == new_method && self.classes.get(class).map_or(class, String::as_str) == new_class)
    }
}
