//! Brands found in text and in party-like fields, and what must not be found.

use super::*;
use crate::payment::{Role, Whom};

const WALLET: u16 = 1;
const APP: u16 = 2;
const ALI: u16 = 3;
const QQ: u16 = 4;
const SHAREIT: u16 = 5;

fn brands() -> Brands {
    let alias =
        |text: &str, subject, sense, weak| Alias { text: text.into(), subject, sense, weak, source: "test".into() };
    let aliases = vec![
        alias("WeChat Pay", WALLET, Sense::Wallet, false),
        alias("微信支付", WALLET, Sense::Wallet, false),
        alias("Tenpay", WALLET, Sense::Wallet, false),
        alias("WeChat", APP, Sense::App, false),
        alias("微信", APP, Sense::App, false),
        alias("Weixin", APP, Sense::App, true),
        alias("Alipay", ALI, Sense::Wallet, false),
        alias("Ant Group", ALI, Sense::Company, false),
        alias("QQ", QQ, Sense::App, false),
        alias("SHAREit", SHAREIT, Sense::App, false),
    ];
    Brands::new(aliases, &["小微信贷", "tempay"]).expect("few names")
}

fn found(role: Role, text: &str) -> Vec<(u16, Grade, String)> {
    let brands = brands();
    let mut payment = Payment::default();
    let field = Field { says: Says::Name, whom: Whom::Creditor, role, path: 0, text: 0..0, bytes: 0..0, plain: true };
    payment.push(field, text);
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    brands.scan(&payment, &mut scratch, &mut hits);
    hits.iter().map(|hit| (brands.aliases()[hit.alias].subject, hit.grade, text[hit.text.clone()].to_owned())).collect()
}

fn one(role: Role, text: &str) -> Option<(u16, Grade)> {
    let found = found(role, text);
    assert!(found.len() <= 1, "{text}: {found:?}");
    found.first().map(|(subject, grade, _)| (*subject, *grade))
}

#[test]
fn names_are_met_however_they_are_written() {
    for text in [
        "WeChat Pay",
        "WeChatPay HK Ltd",
        "We Chat Pay",
        "W e C h a t P a y",
        "WеСhаt Pay",
        "to 微信支付(深圳)",
        "WECHAT-PAY",
    ] {
        assert_eq!(one(Role::Party, text), Some((WALLET, Grade::Exact)), "{text}");
    }
    assert_eq!(one(Role::Mention, "refund wechat pay 12"), Some((WALLET, Grade::Exact)));
    assert_eq!(one(Role::Mention, "paid by Alipay20201005"), Some((ALI, Grade::Exact)));
    assert_eq!(one(Role::Party, "Alipay.com Co Ltd"), Some((ALI, Grade::Exact)));
    assert_eq!(one(Role::Party, "微信公众平台商户"), Some((APP, Grade::Exact)));
}

#[test]
fn one_slip_is_met_where_parties_are_named() {
    for text in ["WeChatt Pay", "Wechta Pay", "W3Chat Pay", "WeChat Pey", "Aliipay", "A1ipay", "Tenppay", "Alipya"] {
        let (_, grade) = one(Role::Party, text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(grade, Grade::Near, "{text}");
        assert_ne!(one(Role::Mention, text).map(|(_, grade)| grade), Some(Grade::Near), "{text}");
    }
}

#[test]
fn ordinary_words_are_left_alone() {
    for (role, text) in [
        (Role::Mention, "as we chat tomorrow"),
        (Role::Mention, "we chatted"),
        (Role::Mention, "please share it with"),
        (Role::Party, "Merchant Group Inc"),
        (Role::Party, "Significant Group LLC"),
        (Role::Party, "Tenpak Logistics"),
        (Role::Party, "Tempay Inc"),
        (Role::Party, "Teepay"),
        (Role::Party, "Allpay Limited"),
        (Role::Party, "Elipay"),
        (Role::Party, "Alipaya Jose"),
        (Role::Party, "WebChat Payments GmbH"),
        (Role::Party, "Snapchat"),
        (Role::Party, "小微信贷公司"),
        (Role::Party, "支付"),
        (Role::Party, "微"),
        (Role::Mention, "100 QQQ ETF"),
        (Role::Party, "Zhang Wei Ant"),
        (Role::Party, ""),
    ] {
        assert_eq!(one(role, text), None, "{text}");
    }
}

#[test]
fn short_names_and_given_names_are_weak() {
    assert_eq!(one(Role::Party, "QQ Motors"), Some((QQ, Grade::Weak)));
    assert_eq!(one(Role::Party, "Zhang Weixin"), Some((APP, Grade::Weak)));
}

#[test]
fn a_name_cut_at_the_width_of_a_rail_is_met() {
    assert_eq!("ACME PAID WECHAT".len(), 16);
    assert_eq!(one(Role::Party, "ACME CO  WECHATP"), Some((WALLET, Grade::Cut)));
    assert_eq!(one(Role::Party, "ACME CO WECHATP"), None);
}

#[test]
fn the_best_of_several_is_kept_and_pointed_at() {
    let found = found(Role::Mention, "wechat wallet top-up 微信支付");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].2, "微信支付");
}

#[test]
fn hits_are_bounded() {
    let text = "WeChat Pay Alipay ".repeat(HITS_MAX);
    assert!(found(Role::Party, &text).len() <= 2);
}

#[test]
fn words_of_moving_money_make_a_way_of_a_mention() {
    let verbs = ["top up", "via", "paid", "充值"];
    let speaks = |text: &str, name: &str| {
        let at = text.find(name).expect("there");
        speaks_of_moving_money(text, &(at..at + name.len()), &verbs)
    };
    assert!(speaks("top up WeChat wallet", "WeChat"));
    assert!(speaks("微信充值100", "微信"));
    assert!(speaks("paid by Alipay", "Alipay"));
    assert!(!speaks("contact me on WeChat ID lily88", "WeChat"));
    assert!(!speaks("unpaid? see WeChat", "WeChat"));
}
