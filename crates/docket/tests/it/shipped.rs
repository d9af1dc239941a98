//! The orders and subjects of this repository, read once.

use docket::Docket;
use docket::docket::Source;
use std::path::Path;
use std::sync::LazyLock;

/// The docket of the shipped orders.
pub(crate) static DOCKET: LazyLock<Docket> = LazyLock::new(|| {
    let sources = sources();
    Docket::load(sources.clone()).unwrap_or_else(|faults| panic!("{}", docket::fault::report(&faults, &sources, false)))
});

/// The files it is read from, in a stable order.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Vec::new();
    let mut waiting = vec![root.join("orders"), root.join("subjects")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("text");
                let path = path.strip_prefix(&root).expect("below the root").display().to_string();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}
