//! What may no longer change: a record once released is corrected by a new one, so that old answers stay explained.

use crate::docket::Source;
use crate::fault::Fault;
use crate::syntax::{Statement, parse};
use std::collections::BTreeMap;

/// What may be added to a released instrument: when our record of it was withdrawn, other ids, remarks.
const OPEN: &[&str] = &["retracted", "alias", "note"];

/// Instruments of the released files that are gone or say something else now.
#[must_use]
pub fn edited(released: &[Source], now: &[Source]) -> Vec<Fault> {
    let old = instruments(released);
    let new = instruments(now);
    let mut faults = Vec::new();
    for (id, then) in &old {
        let Some(current) = new.get(id) else {
            let message = format!("{id} was released and is gone");
            let fault = Fault::error(message, &crate::order::Span::default(), "released records stay");
            faults.push(fault.help("put it back, with `retracted` and the instant the record was withdrawn"));
            continue;
        };
        let fixed =
            |instrument: &Statement| instrument.block.iter().filter(|s| !is_open(s)).cloned().collect::<Vec<_>>();
        for statement in fixed(current).iter().filter(|s| !then.block.iter().any(|t| same(s, t))) {
            let was = then.block.iter().any(|t| named_alike(t, statement));
            let what = if was { "says something else than" } else { "is not in" };
            let message = format!("`{}` of {id} {what} the released record", name(statement));
            let fault = Fault::error(message, &statement.span, "edited");
            faults.push(fault.help("retract the released instrument and write the correction as a new one"));
        }
        for statement in fixed(then).iter().filter(|s| !current.block.iter().any(|c| named_alike(c, s))) {
            let span = current.words.get(1).map_or_else(|| current.span.clone(), |word| word.span.clone());
            let message = format!("`{}` of {id} was released and is gone", name(statement));
            faults.push(Fault::error(message, &span, "edited"));
        }
    }
    faults
}

/// Keyword and id of a statement.
fn name(statement: &Statement) -> String {
    statement.words.iter().take(2).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// Whether both are the statement of one name, whatever they say. Titles and the like have no name but the keyword.
fn named_alike(one: &Statement, other: &Statement) -> bool {
    name(one) == name(other) || (one.block.is_empty() && one.keyword() == other.keyword())
}

fn is_open(statement: &Statement) -> bool {
    OPEN.contains(&statement.keyword())
}

/// Every instrument by its id; files that cannot be read are somebody else's to report.
fn instruments(sources: &[Source]) -> BTreeMap<String, Statement> {
    let mut found = BTreeMap::new();
    for (n, source) in sources.iter().enumerate().filter(|(_, source)| source.path.ends_with(".order")) {
        for statement in parse(n, &source.text).0 {
            if let ("instrument", Some(id)) = (statement.keyword(), statement.words.get(1)) {
                found.insert(id.text.clone(), statement);
            }
        }
    }
    found
}

/// Whether two statements say the same, wherever they stand.
fn same(one: &Statement, other: &Statement) -> bool {
    let words = |s: &Statement| s.words.iter().map(|w| w.text.clone()).collect::<Vec<_>>();
    words(one) == words(other)
        && one.block.len() == other.block.len()
        && one.block.iter().zip(&other.block).all(|(a, b)| same(a, b))
}

#[cfg(test)]
mod tests {
    use super::edited;
    use crate::docket::Source;

    fn file(text: &str) -> Vec<Source> {
        vec![Source { path: String::from("zz.order"), text: text.to_owned() }]
    }

    #[test]
    fn released_records_are_corrected_and_not_edited() {
        let released = "instrument zz {\n title \"T\"\n prohibit 1 from 2020-01-01 { app x }\n}\n";
        let told =
            |now: &str| edited(&file(released), &file(now)).into_iter().map(|fault| fault.message).collect::<Vec<_>>();
        assert_eq!(told(released), Vec::<String>::new());
        assert_eq!(told(&released.replace("title", "# why\n  title")), Vec::<String>::new(), "layout and comments");
        assert_eq!(told(&released.replace("title \"T\"", "title \"T\" ; retracted 2021-01-01")), Vec::<String>::new());
        assert_eq!(
            told(&released.replace("2020-01-01", "2020-01-02")),
            ["`prohibit 1` of zz says something else than the released record"]
        );
        assert_eq!(
            told(&released.replace("app x }", "app x }\n prohibit 2 { app y }")),
            ["`prohibit 2` of zz is not in the released record"]
        );
        assert_eq!(
            told(&released.replace(" prohibit 1 from 2020-01-01 { app x }", "")),
            ["`prohibit 1` of zz was released and is gone"]
        );
        assert_eq!(told(""), ["zz was released and is gone"]);
    }
}
