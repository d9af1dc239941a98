//! Any bytes as an AuthZEN request: answered or refused with a place, never a panic.
#![no_main]

use docket::Docket;
use docket::docket::Source;
use docket::finding::Posture;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DOCKET: LazyLock<Docket> = LazyLock::new(|| {
    let order = "instrument zz { title \"T\" ; jurisdiction US ; rank agency ; authority \"A\" ; zone UTC ; issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source \"x\" ; prohibit 1 from 2020-02-01 { app wechat ; act app.distribute ; actor business ; users-in US ; when form mobile } }\n";
    let subject = "app wechat { name \"WeChat\" ; android com.tencent.mm ; domain wechat.com ; evidence seen ; source \"x\" }\n";
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    Docket::load(vec![file("a.order", order), file("a.subject", subject)]).unwrap_or_else(|faults| panic!("{faults:?}"))
});

fuzz_target!(|body: &[u8]| {
    for refused in [
        wire::evaluation::one(&DOCKET, body, Posture::default(), 1_600_000_000, |_, _| {}).err(),
        wire::evaluation::many(&DOCKET, body, Posture::default(), 1_600_000_000, |_| {}).err(),
    ] {
        if let Some(malformed) = refused {
            assert!(!malformed.message.is_empty() && malformed.message.len() < 4_000);
        }
    }
});
