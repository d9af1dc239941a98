//! Messages of category 1 read field by field, and what is damaged in them.

use super::*;

const ONE: &str = "{1:F01CHASUS33AXXX0000000000}{2:I103BKCHCNBJXXXXN}{3:{121:eb6305c9-1f7f-49de-aed0-16487c27b42d}}{4:\r\n:20:REF1\r\n:23B:CRED\r\n:32A:200925USD12,50\r\n:50K:/123\r\nACME SUPPLIES LLC\r\nNEW YORK\r\n:52A:CHASUS33\r\n:59F:/6222\r\n1/WECHAT PAY\r\n3/CN/SHENZHEN\r\n:70:INVOICE 7\r\n:71A:SHA\r\n:72:/ACC/VIA TENPAY\r\n-}\r\n";

fn parts(text: &[u8]) -> Vec<Part> {
    let mut reader = Reader::new(text);
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(part) = reader.next_part() {
        assert_eq!(part.bytes().start, at, "{part:?}");
        at = part.bytes().end;
        parts.push(part);
    }
    assert_eq!(at, text.len() as u64);
    parts
}

#[test]
fn fields_have_their_roles() {
    let mut reader = Reader::new(ONE.as_bytes());
    assert!(matches!(reader.next_part(), Some(Part::Payment(_))));
    let payment = reader.payment();
    assert_eq!(payment.first(Whom::Debtor, Says::Name), Some("ACME SUPPLIES LLC"));
    assert_eq!(payment.first(Whom::Creditor, Says::Name), Some("WECHAT PAY"));
    assert_eq!(payment.first(Whom::Creditor, Says::Country), Some("CN"));
    assert_eq!(payment.any(Says::ValueDate), Some("2020-09-25"));
    assert_eq!(payment.all(Whom::DebtorAgent, Says::Bic).collect::<Vec<_>>(), ["CHASUS33"], "field 52");
    assert_eq!(payment.all(Whom::CreditorAgent, Says::Bic).collect::<Vec<_>>(), ["BKCHCNBJ"], "the receiver");
    assert_eq!(payment.all(Whom::Intermediary, Says::Bic).collect::<Vec<_>>(), ["CHASUS33"]);
    assert_eq!(payment.any(Says::Amount), Some("12.50 USD"));
    assert_eq!(payment.any(Says::Uetr), Some("eb6305c9-1f7f-49de-aed0-16487c27b42d"));
    for field in payment.fields.iter().filter(|field| field.says == Says::Name || field.says == Says::Instruction) {
        let (from, to) = (field.bytes.start as usize, field.bytes.end as usize);
        assert_eq!(&ONE[from..to], payment.text_of(field));
    }
}

#[test]
fn who_sends_is_the_payers_bank_unless_another_is_named() {
    let text = ONE.replace(":52A:CHASUS33\r\n", "");
    let mut reader = Reader::new(text.as_bytes());
    assert!(matches!(reader.next_part(), Some(Part::Payment(_))));
    let payment = reader.payment();
    assert_eq!(payment.all(Whom::DebtorAgent, Says::Bic).collect::<Vec<_>>(), ["CHASUS33"]);
    assert_eq!(payment.all(Whom::Intermediary, Says::Bic).count(), 0);
}

#[test]
fn cut_anywhere_no_byte_is_lost() {
    let two = [ONE, ONE].concat();
    for cut in 0..two.len() {
        parts(&two.as_bytes()[..cut]);
    }
    let whole = parts(two.as_bytes());
    assert_eq!(whole.iter().filter(|part| matches!(part, Part::Payment(_))).count(), 2);
    for text in ["hello", "{1:F01}{2:I202BKCHCNBJXXXXN}{4:\n-}", "\n\n"] {
        assert!(matches!(parts(text.as_bytes())[0], Part::Unread(..)), "{text}");
    }
}

/// Gives some bytes, then fails.
struct Failing<'b>(&'b [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::Error::other("the disk went away"));
        }
        self.0.read(into)
    }
}

#[test]
fn what_could_not_be_read_is_not_taken_for_the_end() {
    for text in [ONE.to_owned(), ONE.to_owned() + ONE, String::new(), String::from("\n")] {
        let mut reader = Reader::new(Failing(text.as_bytes()));
        let mut last = None;
        while let Some(part) = reader.next_part() {
            last = Some(part);
        }
        let Some(Part::Unread(_, fault)) = last else { panic!("{last:?}") };
        assert!(fault.why.contains("the disk went away"), "{}", fault.why);
    }
}

#[test]
fn names_in_telegraphic_code_are_read_in_han_letters_too() {
    let text = ONE.replace("1/WECHAT PAY", "1/1792 0207 2388 0102");
    let mut reader = Reader::new(text.as_bytes());
    assert!(matches!(reader.next_part(), Some(Part::Payment(_))));
    let payment = reader.payment();
    let names: Vec<&str> = payment.all(Whom::Creditor, Says::Name).collect();
    assert_eq!(names, ["1792 0207 2388 0102", "微信支付"]);
    let field = payment.fields.iter().find(|field| payment.text_of(field) == "微信支付").expect("read");
    assert!(!field.plain);
    assert_eq!(&text[field.bytes.start as usize..field.bytes.end as usize], "1792 0207 2388 0102");
}
