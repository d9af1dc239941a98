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

#[test]
fn a_short_way_leads_where_the_long_one_does() {
    let mut seed = 20_200_920_u64;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters = b"aZ9 .'`-,&?/\t0";
        let pick = |n: u32| char::from(letters[(seed >> (4 * n + 8) & 0xf) as usize % letters.len()]);
        let text: String = (0..(seed >> 4 & 0xf) as u32 % 14).map(pick).collect();
        assert_eq!(written(&text), (keys(&text).own, keys(&text).latin), "{text}");
        if is_plain(&text) {
            assert_eq!(plain(&text), forms(unescape(&text)).own, "{text}");
        }
    }
    for letter in '\0'..=char::MAX {
        if is_composed(letter) {
            assert!(std::iter::once(letter).nfkc().eq([letter]), "{letter:?}");
        }
        assert_eq!(is_counted(letter), letter.is_alphanumeric(), "{letter:?}");
        let joined = canonical_combining_class(letter) != 0 || matches!(letter, '\u{1160}'..='\u{11ff}');
        assert!(!joined || joins(letter), "{letter:?}");
        let byte = u8::try_from(letter as u32).ok().filter(|byte| *byte >= 0x80);
        assert!(byte.is_none_or(|byte| windows_1252(letter) == Some(byte)), "{letter:?}");
    }
    assert_eq!("€‚ƒˆ‰Œž™›".chars().filter_map(windows_1252).count(), 9);
}
