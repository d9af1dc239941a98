//! Identifiers of parties, accounts and wallets, with their check digits.

use super::*;
use crate::payment::Whom;

fn payment(says: Says, role: Role, text: &str) -> Payment {
    let mut payment = Payment::default();
    payment.push(Field { says, whom: Whom::Creditor, role, path: 0, text: 0..0, bytes: 0..0, plain: true }, text);
    payment
}

fn known(holder: u32) -> Known {
    Known { holder, source: String::from("test"), freezes: false }
}

#[test]
fn identifiers_are_met_in_the_fields_that_hold_them() {
    let mut identifiers = Identifiers::default();
    identifiers.add_bic("TNPYCNBS", known(1));
    identifiers.add_number("CN12 3456-7890", known(2));
    identifiers.add_link("wxp://", known(3));
    identifiers.add_link("tenpay.com", known(4));
    identifiers.add_descriptor("WEIXIN", known(5));
    let met = |says, role, text: &str| {
        let payment = payment(says, role, text);
        let mut met = Vec::new();
        identifiers.scan(&payment, &mut met);
        met.first().map(|met| (met.known.holder, text[met.text.clone()].to_owned()))
    };
    let holder = |says, role, text: &str| met(says, role, text).map(|(holder, _)| holder);
    assert_eq!(holder(Says::Bic, Role::Agent, "TNPYCNBSXXX"), Some(1));
    assert_eq!(holder(Says::Bic, Role::Agent, "DEUTDEFF"), None);
    assert_eq!(holder(Says::AccountId, Role::Account, "cn1234567890"), Some(2));
    assert_eq!(met(Says::ProxyId, Role::Account, "pay wxp://f2f0"), Some((3, String::from("wxp://f2f0"))));
    assert_eq!(
        met(Says::Text, Role::Mention, "at https://www.tenpay.com/x"),
        Some((4, String::from("https://www.tenpay.com")))
    );
    assert_eq!(holder(Says::Text, Role::Mention, "https://nottenpay.com"), None);
    assert_eq!(holder(Says::Name, Role::CardAcceptor, "Weixin*MEITUAN SHENZHEN"), Some(5));
    assert_eq!(holder(Says::Name, Role::Party, "Weixin*MEITUAN SHENZHEN"), None);
}
