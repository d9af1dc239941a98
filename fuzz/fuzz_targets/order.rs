//! Any text as an order file: read, laid out, reported; never a panic. `cargo +nightly fuzz run order orders/us`
#![no_main]

use docket::Docket;
use docket::docket::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(laid_out) = docket::format::format(0, text) {
        assert_eq!(docket::format::format(0, &laid_out).as_deref(), Ok(laid_out.as_str()));
    }
    let sources = vec![
        Source { path: String::from("a.order"), text: text.to_owned() },
        Source { path: String::from("a.subject"), text: String::from("app wechat { name \"WeChat\" ; evidence seen ; source \"x\" }\n") },
    ];
    if let Err(faults) = Docket::load(sources.clone()) {
        assert!(!docket::fault::report(&faults, &sources, false).is_empty());
    }
});
