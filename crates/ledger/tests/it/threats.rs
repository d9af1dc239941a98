//! The page on what can happen to a log names tests that there are.

use std::path::Path;

#[test]
fn every_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/log-threats.md")).unwrap();
    let mut named = 0;
    for name in page.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.split('`').skip(1).step_by(2)) {
        let (krate, test) = name.split_once(": ").unwrap_or_else(|| panic!("{name} is no `crate: module::test`"));
        let (module, test) = test.split_once("::").unwrap();
        let source = root.join(format!("crates/{krate}/tests/it/{module}.rs"));
        let text = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        assert!(text.contains(&format!("fn {test}(")), "{name} is not there");
        named += 1;
    }
    assert!(named > 30, "{named}");
}
