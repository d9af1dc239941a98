//! What scripts look like once they are minified, and what must not be taken for a script.

use super::extract;
use crate::program::Program;

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
    let deep = [b"(".repeat(100_000), b"=>{".repeat(100_000), b"a=>".repeat(100_000)].concat();
    assert!(extract("deep.js", &deep).functions.len() <= 600);
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

#[test]
fn hidden_code_is_named() {
    let obfuscated: String = (0..60).map(|n| format!("_0x{:04x}('0x{n:x}');", n * 977 % 65_536)).collect();
    assert_eq!(super::hidden(obfuscated.as_bytes()), Some("javascript-obfuscator"));
    assert!(super::hidden(b"eval(function(p,a,c,k,e,d){return p}('0',1,1,''.split('|')))").is_some());
    assert_eq!(super::hidden(PLAIN.as_bytes()), None);
}
