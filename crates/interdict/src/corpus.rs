//! Where orders and subjects come from: the ones shipped in the binary, or files the user names.

use docket::docket::Source;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The corpus the binary was built with: path and text.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// The same, compiled when the binary was built.
const SHIPPED_IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/corpus.image"));

/// No more files than this are read below one folder: the shipped corpus has about a hundred.
const FILES_MAX: usize = 20_000;

/// The shipped orders and subjects.
pub(crate) fn shipped() -> Vec<Source> {
    let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
    SHIPPED.iter().map(source).collect()
}

/// The compiled law of the shipped orders; a binary that cannot read its own compiles them again.
pub(crate) fn shipped_image() -> Option<law::Image> {
    law::Image::from_bytes(SHIPPED_IMAGE).ok()
}

/// The files below the given paths. Paths are kept as found below the folder they were asked for, so that
/// the same files give the same edition wherever they lie.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Unreadable> {
    let mut sources = Vec::new();
    for path in paths {
        let meta = fs::metadata(path).map_err(|error| Unreadable { path: path.clone(), error })?;
        if meta.is_dir() {
            collect(path, path, &mut sources)?;
        } else {
            sources.push(Source { path: path.display().to_string(), text: text(path)? });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// The texts of documents that lie in a folder.
pub(crate) fn documents(folder: &Path) -> Result<Vec<Source>, Unreadable> {
    let fail = |error| Unreadable { path: folder.to_owned(), error };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|kind| kind == "txt") {
            found.push(Source { path: path.display().to_string(), text: text(&path)? });
        }
    }
    Ok(found)
}

/// A file that could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<(), Unreadable> {
    let fail = |error| Unreadable { path: folder.to_owned(), error };
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let known = path.extension().is_some_and(|e| ["order", "cases", "subject"].iter().any(|known| e == *known));
        if path.is_dir() {
            collect(root, &path, sources)?;
        } else if known {
            if sources.len() >= FILES_MAX {
                let message = format!("more than {FILES_MAX} order and subject files below one folder");
                return Err(Unreadable { path: root.to_owned(), error: io::Error::other(message) });
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.push(Source { path: name, text: text(&path)? });
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Unreadable> {
    fs::read_to_string(path).map_err(|error| Unreadable { path: path.to_owned(), error })
}
