//! Text made comparable, and the way back to its bytes.

use super::*;

fn own(text: &str) -> String {
    keys(text).own.letters
}

fn latin(text: &str) -> String {
    keys(text).latin.map(|key| key.letters).unwrap_or_default()
}

#[test]
fn what_looks_alike_compares_alike() {
    for text in [
        "WeChat Pay",
        "WECHAT PAY",
        "ＷｅＣｈａｔ　Ｐａｙ",
        "We\u{200b}Chat Pay",
        "WеСhаt Pay",
        "W e C h a t  P a y",
        "WéChât Páy",
        "WECHAT&amp;PAY",
        "We\u{ad}Chat\u{202e} Pay",
        "W.e.Chat-Pay",
        "𝐖𝐞𝐂𝐡𝐚𝐭 𝐏𝐚𝐲",
        "WeChat Pa\u{301}y",
    ] {
        assert_eq!(own(text), "wechatpay", "{text:?}");
    }
}

#[test]
fn confusables_are_folded_before_anything_is_transliterated() {
    assert_eq!(own("WеСhаt"), "wechat");
    // Letters that are all Cyrillic are Cyrillic.
    assert_eq!((own("ВиЧат Пэй").as_str(), latin("ВиЧат Пэй").as_str()), ("вичатпэй", "vichatpey"));
}

#[test]
fn han_variants_and_pinyin() {
    assert_eq!(own("財付通"), "财付通");
    assert_eq!(latin("支付寶"), "zhifubao");
    assert_eq!(own("㈱テンペイ"), own("(株)てんぺい"));
}

#[test]
fn letters_decoded_wrongly_are_repaired_and_both_forms_kept() {
    let keys = keys("å¾®ä¿¡æ”¯ä»˜");
    assert_eq!(keys.repaired.expect("repaired").own.letters, "微信支付");
    assert_eq!(super::keys("é").repaired, None);
    assert_eq!(super::keys("Müller straße").own.letters, "mullerstrasse");
}

#[test]
fn what_is_lost_is_not_clear() {
    for text in ["????", "?? ?? ??", "\u{fffd}\u{fffd}\u{fffd}", "\u{1a}\u{1a}\u{1a} a"] {
        assert!(keys(text).unreadable, "{text:?}");
    }
    for text in ["what?", "a?b?c? really", "", "why?? because I say so"] {
        assert!(!keys(text).unreadable, "{text:?}");
    }
}

#[test]
fn what_matched_can_be_pointed_at() {
    let text = "x WeСhаt\u{200b} Pay 微信";
    let keys = keys(text);
    let at = keys.own.letters.find("wechatpay").expect("there");
    assert_eq!(&text[keys.own.source(at..at + 9)], "WeСhаt\u{200b} Pay");
    let latin = keys.latin.expect("latin");
    let at = latin.letters.find("weixin").expect("there");
    assert_eq!(&text[latin.source(at..at + 6)], "微信");
}

#[test]
fn words_begin_where_they_are_seen_to() {
    let words = |text: &str| {
        let key = keys(text).own;
        key.words().map(|word| key.letters[word].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(words("Alipay.com Co. Ltd"), ["alipaycom", "co", "ltd"]);
    assert_eq!(words("O'Neil A.B.C."), ["oneil", "abc"]);
}
