//! Whom on the operator's lists those who take part may be, and what that comes to. A name is never certain, since
//! others bear it; a code is nobody else's.

use super::Outcome;
use super::judge::{Aligned, Evidence, Judged, restrain};
use super::known::{LISTED, Lists};
use super::party;
use screening::brand::{Grade, RAIL_WIDTHS, Sense};
use screening::iso20022::Paths;
use screening::names::list::{Match, Scratch};
use screening::names::name::{Kind, Name, Token};
use screening::names::{HOLD, NOTE};
use screening::{Field, Payment, Says};
use std::ops::Range;

/// What is left of a word at the edge of a field must have so many letters to say which it was.
const CUT_LETTERS_MIN: usize = 3;
/// How alike two names must be without their last word for that to be looked at.
const WITHOUT_LAST_MIN: f32 = 0.6;
/// Names looked at that one cut short may be.
const BEGUN_MAX: usize = 16;

/// Of each field the likeliest.
pub(super) fn evidence(lists: &Lists, payment: &Payment, paths: &Paths, scratch: &mut Scratch) -> Vec<Evidence> {
    let named = payment.fields.iter().filter(|field| field.says == Says::Name && field.role.takes_part());
    named.filter_map(|field| named_as(lists, payment, paths, field, scratch)).collect()
}

fn named_as(lists: &Lists, payment: &Payment, paths: &Paths, field: &Field, scratch: &mut Scratch) -> Option<Evidence> {
    let text = payment.text_of(field);
    let kind = if party::is_company_name(text) { Kind::Company } else { Kind::Person };
    let whole = Name::new(text, kind);
    let likeliest = lists.names.search(&whole, NOTE, scratch).into_iter().next();
    let is_held = likeliest.as_ref().is_some_and(|found| found.alignment.score >= HOLD);
    let begun = if is_held { None } else { begun(lists, text, kind, scratch) };
    let (found, name, held_as) = match (begun, likeliest) {
        (Some((found, name)), _) => (found, name, Grade::Cut),
        (None, found) => (found?, whole, Grade::Near),
    };
    let place = lists.names.entry(found.entry)?.party;
    let on_list = lists.parties.get(place as usize)?;
    let alias = lists.names.text(found.entry);
    let of_alias = lists.names.tokens(found.entry);
    let own: Vec<&Token> = name.tokens.iter().collect();
    let left = |tokens: &[&Token], left: &[usize]| {
        left.iter().filter_map(|n| tokens.get(*n)).map(|token| token.text.clone()).collect()
    };
    let pairs = found.alignment.pairs.iter().map(|pair| Aligned {
        text: words(&own, &pair.a),
        alias: words(&of_alias, &pair.b),
        similarity_permille: (pair.similarity * 1_000.0).round() as u16,
    });
    Some(Evidence {
        subject: on_list.name.clone(),
        number: LISTED.saturating_add(place),
        alias: alias.to_owned(),
        source: format!(
            "{}, alike by {:.3}; OFAC's public search would say {}",
            on_list.source,
            found.alignment.score,
            screening::names::ofac::score(text, alias)
        ),
        grade: if found.alignment.score >= HOLD { held_as } else { Grade::Weak },
        sense: Sense::Company,
        role: field.role,
        whom: field.whom,
        moves_money: false,
        identifier: false,
        freezes: false,
        path: paths.words(field.path),
        text: text.to_owned(),
        matched: 0..text.len(),
        letters: words(&own, &(0..own.len())),
        aligned: pairs.collect(),
        unmatched: left(&own, &found.alignment.left_a),
        alias_unmatched: left(&of_alias, &found.alignment.left_b),
        bytes: field.bytes.clone(),
        exact_bytes: field.plain,
    })
}

fn words(tokens: &[&Token], range: &Range<usize>) -> String {
    let words: Vec<&str> = tokens.get(range.clone()).unwrap_or_default().iter().map(|t| t.text.as_str()).collect();
    words.join(" ")
}

/// Whom a name may be whose last word was cut off by the width of a rail, with that word whole.
fn begun(lists: &Lists, text: &str, kind: Kind, scratch: &mut Scratch) -> Option<(Match, Name)> {
    if !RAIL_WIDTHS.contains(&text.chars().count()) {
        return None;
    }
    let (rest, cut) = text.rsplit_once(' ')?;
    let cut = screening::text::keys(cut).own.letters;
    if cut.chars().count() < CUT_LETTERS_MIN {
        return None;
    }
    let without = lists.names.search(&Name::new(rest, kind), WITHOUT_LAST_MIN, scratch);
    let mut whole: Vec<(Match, Name)> = Vec::new();
    for found in without.iter().take(BEGUN_MAX) {
        let longer = |token: &&&Token| token.text.len() > cut.len() && token.text.starts_with(&cut);
        let tokens = lists.names.tokens(found.entry);
        let Some(word) = tokens.iter().find(longer) else { continue };
        let name = Name::new(&format!("{rest} {}", word.text), kind);
        let again = lists.names.search(&name, NOTE, scratch).into_iter().find(|again| again.entry == found.entry);
        whole.extend(again.map(|again| (again, name)));
    }
    whole.into_iter().max_by(|(a, _), (b, _)| a.alignment.score.total_cmp(&b.alignment.score))
}

/// What having met somebody on a list comes to.
pub(super) fn weigh(judged: &mut Judged, number: u32) {
    let own: Vec<Evidence> = judged.evidence.iter().filter(|evidence| evidence.number == number).cloned().collect();
    for evidence in own {
        let told = format!("{} ({}) in {}", evidence.subject, evidence.alias, evidence.path);
        if evidence.role.takes_part() && evidence.freezes {
            restrain(
                judged,
                Outcome::Block,
                format!("{told}: the holder's property is frozen, and the code is nobody else's"),
            );
        } else if evidence.role.takes_part() && evidence.grade == Grade::Weak {
            judged.reasons.push(format!("{told}: too little alike to hold a payment, {}", evidence.source));
        } else if evidence.role.takes_part() {
            restrain(judged, Outcome::Review, format!("{told}: on a list ({})", evidence.source));
        } else {
            judged.reasons.push(format!("{told}: named, not taking part"));
        }
    }
}
