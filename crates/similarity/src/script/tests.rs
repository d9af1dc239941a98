//! What scripts look like once they are minified, and what must not be taken for a script.

use crate::program::{Damage, Program};
use crate::work::Work;

const PLAIN: &str = r#"
// A shop.
"use strict";
const LIMIT = 1000, shop = { name: "corner shop", "open": true };
function pay(customer, amount) {
    if (amount > LIMIT) { throw new Error("more than is allowed here"); }
    const parts = customer.address.split(/[,;\/]/).map(part => part.trim().toLowerCase())
    window.localStorage.setItem(`paid by ${customer.name} on`, JSON.stringify({ parts, amount, rate: amount * 0.5 }));
    return customer["account"].debit(amount).then((receipt) => { console.log("receipt is printed", receipt.id); return receipt; });
}
class Till { async close(day) { for (const sale of this.sales) { await sale.settle(day % 7); } } }
"#;
const MINIFIED: &str = r#"const a=1e3,b={name:"corner shop",open:!0};function c(d,e){if(e>a)throw new Error("more than is allowed here");const f=d.address.split(/[,;\/]/).map((g=>g.trim().toLowerCase()));return window.localStorage.setItem(`paid by ${d.name} on`,JSON.stringify({parts:f,amount:e,rate:.5*e})),d.account.debit(e).then((h=>(console.log("receipt is \x70rinted",h.id),h)))}class i{async close(j){for(const k of this.sales)await k.settle(j%7)}}"#;

fn read(path: &str, bytes: &[u8]) -> Result<Program, Damage> {
    super::extract(path, bytes, &Work::endless())
}

fn extract(path: &str, bytes: &[u8]) -> Program {
    read(path, bytes).expect("sound")
}

fn names(program: &Program) -> Vec<&str> {
    program.functions.iter().map(|function| program.words(function.name)).collect()
}

#[test]
fn functions_are_told_apart() {
    let program = extract("shop.js", PLAIN.as_bytes());
    assert_eq!(names(&program), ["(anonymous)", "(anonymous)", "pay", "close", "(top)"]);
}

#[test]
fn minified_code_is_the_same_code() {
    let (plain, minified) = (extract("a.js", PLAIN.as_bytes()), extract("b.js", MINIFIED.as_bytes()));
    let (wanted, has) = (plain.distinct_fingerprints(), minified.distinct_fingerprints());
    let found = wanted.iter().filter(|f| has.contains(f)).count();
    assert!(found * 10 >= wanted.len() * 8, "{found} of {} fingerprints, {:?}", wanted.len(), names(&minified));
}

#[test]
fn hostile_text_is_read_to_its_end() {
    let deep = |times| [b"(".repeat(times), b"=>{".repeat(times), b"a=>".repeat(times)].concat();
    assert!(extract("deep.js", &deep(20_000)).functions.len() <= 600);
    assert_eq!(read("deep.js", &deep(100_000)), Err(Damage::Budget));
    let pieces: [&[u8]; 16] =
        [b"`", b"${", b"}", b"{", b"/", b"\\", b"\"", b"'", b"=>", b"(", b")", b"\n", b"\xff", b"0x", b"?.", b"a"];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = Vec::new();
        for _ in 0..24 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend_from_slice(pieces[(state >> 60) as usize]);
        }
        let _ = extract("x.js", &text);
    }
}

/// Each of these slashes could begin a pattern, and none does: looking for the end of each would take hours.
#[test]
fn patterns_that_never_end_are_looked_for_a_few_times_a_line() {
    for piece in [&b"/["[..], b"/\\/", b"/[/]", b"=/(", b"/*/[", b"`${/["] {
        let text = [piece.repeat(1_000_000), b"\nshop.pay(/[,;]+/)".to_vec()].concat();
        // Brackets that never end are over another budget.
        assert!(
            read("x.js", &text).is_ok_and(|program| program.functions.len() <= 600)
                || piece.contains(&b'[')
                || piece.contains(&b'('),
            "{piece:?}"
        );
    }
    let program = extract("x.js", b"a = /[\nshop.split(/[,;]+/)\n");
    let other = extract("x.js", b"a = 1 / [\nshop.split(/[,;]+/)\n");
    assert_eq!(program.distinct_fingerprints(), other.distinct_fingerprints(), "the next line is read as ever");
}

/// What a minifier does to constants.
#[test]
fn constants_are_the_same_however_they_are_put_together() {
    let pairs = [
        ("f('one and ' + 'the other', x.size)", r#"f("one and the other",x.size)"#),
        ("f(x.size + ' and ' + 'the other')", r#"f(x.size+" and the other")"#),
        (r"f('\ud83c\udfe8 caf\xe9 \u{1F3E8} hotel', x.size)", "f('🏨 café 🏨 hotel',x.size)"),
        ("if (x.kind === 'an open account') x.close()", r#""an open account"===x.kind&&x.close()"#),
        ("x.wait(y.days * 86400)", "x.wait(86400*y.days)"),
        ("x.wait(typeof y.days === 'undefined')", "x.wait(void 0===y.days)"),
        ("x.wait(Infinity, y.days)", "x.wait(1/0,y.days)"),
    ];
    for (plain, minified) in pairs {
        let (one, two) = (extract("a.js", plain.as_bytes()), extract("a.js", minified.as_bytes()));
        assert_eq!(one.distinct_fingerprints(), two.distinct_fingerprints(), "{plain} and {minified}");
        assert!(!one.functions.is_empty(), "{plain}");
    }
    let (one, two) = (extract("a.js", b"f('one' + x, 'two')"), extract("a.js", b"f('onetwo', x)"));
    assert_ne!(one.functions, two.functions, "only what stands side by side is one");
}

#[test]
fn hidden_code_is_named() {
    let obfuscated: String = (0..60).map(|n| format!("_0x{:04x}('0x{n:x}');", n * 977 % 65_536)).collect();
    assert_eq!(super::hidden(obfuscated.as_bytes()), Some("javascript-obfuscator"));
    assert!(super::hidden(b"eval(function(p,a,c,k,e,d){return p}('0',1,1,''.split('|')))").is_some());
    assert_eq!(super::hidden(PLAIN.as_bytes()), None);
}
