//! Chinese telegraphic code: Han letters as groups of four digits, which is how they travel through messages that
//! carry Latin letters only.
//!
//! The table has a hundred codes on a line, from 0000 on, a wide space where there is none. The codes are those of the
//! Unicode Character Database (Unihan, `kMainlandTelegraph`; where that has none, `kTaiwanTelegraph`).

use std::sync::LazyLock;

const TABLE: &str = include_str!("telegraph.txt");

static LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| {
    TABLE.lines().flat_map(str::chars).map(|letter| if letter == '\u{3000}' { ' ' } else { letter }).collect()
});

/// Groups in a row that are taken for letters: a single one is a number of something.
const GROUPS_MIN: usize = 2;

/// A text with its telegraphic code written out, if it has any.
#[must_use]
pub fn han(text: &str) -> Option<String> {
    if !may_have_groups(text) {
        return None;
    }
    let mut out = String::new();
    let mut is_any = false;
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let mut rest = words.as_slice();
    while let Some(first) = rest.first() {
        let letters: Vec<char> = rest.iter().map_while(|word| letter(word)).collect();
        if letters.len() >= GROUPS_MIN {
            is_any = true;
            out.extend(&letters);
            rest = rest.get(letters.len()..).unwrap_or_default();
        } else {
            out.push_str(first);
            rest = rest.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            out.push(' ');
        }
    }
    is_any.then_some(out)
}

/// Whether a space stands between digits, which it does in few texts. Without an early way out, so that it is done many
/// bytes at a time.
fn may_have_groups(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (next, after) = (bytes.get(1..).unwrap_or_default(), bytes.get(2..).unwrap_or_default());
    let triples = bytes.iter().zip(next).zip(after);
    triples.fold(false, |found, ((a, b), c)| {
        found | (a.is_ascii_digit() & (*b == b' ') & (c.is_ascii_digit() | (*c == b' ')))
    })
}

/// The letter of one group.
fn letter(group: &str) -> Option<char> {
    if group.len() != 4 || !group.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    LETTERS.get(group.parse::<usize>().ok()?).copied().filter(|letter| *letter != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_in_a_row_are_letters() {
        assert_eq!(han("1792 0207 2388 0102").as_deref(), Some("微信支付"));
        assert_eq!(han("1792  0207").as_deref(), Some("微信"));
        assert_eq!(han("TO 1728 0251  SHENZHEN").as_deref(), Some("TO 张伟 SHENZHEN"));
        for none in ["INVOICE 2020", "2020 CARS", "1792 020", "179202072388", "", " ", "9999 9999", "１７９２ ０２０７"]
        {
            assert_eq!(han(none), None, "{none}");
        }
    }

    #[test]
    fn every_code_has_its_place() {
        assert_eq!(LETTERS.len(), 9_800);
        assert_eq!(LETTERS.iter().filter(|letter| **letter != ' ').count(), 9_334);
        assert!(TABLE.lines().all(|line| line.chars().count() == 100));
    }
}
