//! Mapping files of ProGuard and R8: which method became which, told by class, name and types, for methods share their
//! names. Inlined methods are truth too: their code stands in the method that the line ends with.

use rustc_hash::{FxHashMap, FxHashSet};
use similarity::fingerprint::{hash, mix};
use similarity::program::{Function, Program};
use std::path::Path;

type Member = (String, String);

/// What became of each class and method.
#[derive(Default)]
pub struct Mapping {
    classes: FxHashMap<String, String>,
    /// By the symbol of the original.
    methods: FxHashMap<u64, FxHashSet<Member>>,
    /// Methods that an optimiser gave other types, by class and name: ProGuard writes those down, and a mark behind the
    /// name.
    retyped: FxHashMap<Member, FxHashSet<Member>>,
    /// ProGuard lists every method there is; R8 those that it renamed.
    lists_all: bool,
}

impl Mapping {
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut mapping = Self { lists_all: !text.starts_with("# compiler: R8"), ..Self::default() };
        let (mut old, mut new) = (String::new(), String::new());
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let Some((left, right)) = line.split_once(" -> ") else { continue };
            if !line.starts_with(' ') {
                old = left.to_owned();
                new = right.trim_end_matches(':').to_owned();
                mapping.classes.insert(old.clone(), new.clone());
                continue;
            }
            let Some((before, after)) = left.split_once('(') else { continue };
            let (Some((kind, name)), Some((parameters, _))) = (before.rsplit_once(' '), after.split_once(')')) else { continue };
            let kind = kind.trim().rsplit(':').next().unwrap_or(kind);
            let (class, method) = name.rsplit_once('.').unwrap_or((&old, name));
            let place = (new.clone(), right.trim().to_owned());
            if mapping.lists_all && (method == "<init>" || is_marked(method)) {
                let name = if method == "<init>" { method } else { method.rsplit_once('$').map_or(method, |(name, _)| name) };
                mapping.retyped.entry((class.to_owned(), name.to_owned())).or_default().insert(place.clone());
            }
            mapping.methods.entry(symbol(class, method, kind, parameters)).or_default().insert(place);
        }
        Some(mapping)
    }

    /// Whether it tells where a method is, or that it is gone: ProGuard writes neither down of one that it inlined.
    pub fn tells(&self, known: &Program, function: &Function) -> bool {
        !self.lists_all || self.listed(known, function).is_some()
    }

    fn listed(&self, known: &Program, function: &Function) -> Option<&FxHashSet<Member>> {
        let named = || (known.class_name(function).to_owned(), known.words(function.name).to_owned());
        self.methods.get(&function.symbol).or_else(|| self.retyped.get(&named()))
    }

    /// Where the code of a method of the original stands. One that R8 does not list has kept its name and types, if it
    /// is there.
    pub fn places(&self, known: &Program, function: &Function) -> Vec<Place> {
        if let Some(set) = self.listed(known, function) {
            return set.iter().map(|(class, name)| Place { class: class.clone(), name: name.clone(), types: Types::Any }).collect();
        }
        let class = self.classes.get(known.class_name(function)).filter(|_| !self.lists_all);
        let place = |class: &String| Place { class: class.clone(), name: known.words(function.name).to_owned(), types: Types::These(function.shape) };
        class.map(place).into_iter().collect()
    }
}

/// Where code stands in what was made.
#[derive(Debug)]
pub struct Place {
    pub class: String,
    pub name: String,
    pub types: Types,
}

/// Which types a method has where it stands, by its shape.
#[derive(Debug)]
pub enum Types {
    /// Those that whoever renamed it gave it.
    Any,
    These(u64),
    /// A shrinker took parameters from it, so that they are those of no method of the original.
    NoneOf(Vec<u64>),
}

impl Types {
    pub fn fit(&self, function: &Function) -> bool {
        match self {
            Self::Any => true,
            Self::These(shape) => *shape == function.shape,
            Self::NoneOf(shapes) => !shapes.contains(&function.shape),
        }
    }
}

impl Place {
    pub fn is(&self, program: &Program, function: &Function) -> bool {
        self.name == program.words(function.name)
            && self.class == program.class_name(function)
            && self.types.fit(function)
    }
}

/// Whether ProGuard's mark for other types stands behind a name: eight hexadecimal digits.
fn is_marked(name: &str) -> bool {
    name.rsplit_once('$').is_some_and(|(_, mark)| mark.len() == 8 && mark.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The symbol of a method as the reader of Dalvik code makes it, from Java's way of writing it.
fn symbol(class: &str, name: &str, result: &str, parameters: &str) -> u64 {
    let mut symbol = mix(hash(descriptor(class).as_bytes()) ^ hash(name.as_bytes()).rotate_left(17));
    for kind in std::iter::once(result).chain(parameters.split(',').filter(|kind| !kind.is_empty())) {
        symbol = mix(symbol ^ hash(descriptor(kind.trim()).as_bytes()));
    }
    symbol
}

fn descriptor(java: &str) -> String {
    let base = java.trim_end_matches("[]");
    let dimensions = (java.len() - base.len()) / 2;
    let inner = match base {
        "void" => "V".to_owned(),
        "boolean" => "Z".to_owned(),
        "byte" => "B".to_owned(),
        "short" => "S".to_owned(),
        "char" => "C".to_owned(),
        "int" => "I".to_owned(),
        "long" => "J".to_owned(),
        "float" => "F".to_owned(),
        "double" => "D".to_owned(),
        class => format!("L{};", class.replace('.', "/")),
    };
    "[".repeat(dimensions) + &inner
}
