//! Puts the shipped orders and subjects into the binary, as text and as compiled law: a fault in them
//! fails the build with its diagnostics.

use docket::Docket;
use docket::docket::Source;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..").canonicalize()?;
    let mut files = Vec::new();
    for folder in ["orders", "subjects"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    let mut sources = Vec::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        sources.push(Source { path: name.clone(), text: fs::read_to_string(&file)? });
        list.push_str(&format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string()));
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let docket = Docket::load(sources.clone())
        .map_err(|faults| io::Error::other(docket::fault::report(&faults, &sources, false)))?;
    fs::write(out.join("corpus.image"), docket.image().to_bytes())?;
    fs::write(out.join("corpus.rs"), list)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| ["order", "cases", "subject"].iter().any(|known| e == *known)) {
            files.push(path);
        }
    }
    Ok(())
}
