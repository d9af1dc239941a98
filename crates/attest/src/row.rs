//! What conditions ask of every statement, side by side.
//!
//! A condition may have to look at ten thousand statements. Each is a tree of members and texts all over memory, and going
//! there costs more than any comparison. So what is asked of all of them lies here in rows: when they count, who signed
//! them, and what they say as far as that is a word, a number or a yes or no. The rest is looked up in the statement.

use crate::condition::{Claim, Operator};
use crate::history::Record;
use crate::timeline::Time;
use foldhash::HashMap;
use serde_json::Value;
use std::ops::Range;

/// Members of one statement that lie in its row; the others are looked up.
const LEAVES_MAX: usize = 64;

/// A statement, as far as it lies here.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its place in the log.
    pub(crate) index: u64,
    /// When the log took it up.
    pub(crate) time: Time,
    /// When it says it was made.
    pub(crate) created: Time,
    /// The period it reports on.
    pub(crate) period: Option<(Time, Time)>,
    /// Whether the trust document had expired when it was taken up.
    pub(crate) is_late: bool,
    /// Whether a revocation names it by its digest.
    pub(crate) is_named: bool,
    /// Whether nothing that it says lies elsewhere, and whether nothing does but what is in lists.
    is_whole: bool,
    is_cut: bool,
    /// When it says it begins and ceases to hold.
    holds: (Time, Time),
    signers: Range<u32>,
    leaves: Range<u32>,
}

impl Row {
    /// When a word in it counts that may age so far and is taken back at an instant.
    pub(crate) fn window(&self, max_age: Time, revoked: Time) -> crate::timeline::Window {
        let base = self.period.map_or(self.created, |(_, end)| end);
        crate::timeline::Window {
            from: self.holds.0.max(self.time),
            until: self.holds.1.min(base.saturating_add(max_age)).min(revoked),
        }
    }
}

/// What a statement says in one place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaf {
    Null,
    Bool(bool),
    Number(f64),
    Text(u32),
    /// More than that: it is in the statement.
    Deep,
}

/// All rows, and the words in them by number.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    leaves: Vec<(u32, Leaf)>,
    signers: Vec<u32>,
    pointers: Numbers,
    texts: Numbers,
    keys: Numbers,
}

#[derive(Debug, Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.0.get(text) {
            return *number;
        }
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(text.to_owned(), number);
        number
    }
}

/// A claim in the numbers of the rows.
pub(crate) struct Asked<'c> {
    pub(crate) claim: &'c Claim,
    /// Where, if any statement says anything there; and whether that is in no list.
    pointer: Option<u32>,
    is_member: bool,
    /// With what it is compared; nothing if that takes the statement itself.
    against: Option<Vec<Leaf>>,
}

impl Rows {
    /// Adds the row of a record.
    pub(crate) fn push(&mut self, record: &Record, is_named: bool) {
        let said = &record.statement;
        let (from, signed_from) = (end(&self.leaves), end(&self.signers));
        let lists = self.flatten(&mut String::new(), &said.predicate, from);
        let is_cut = (end(&self.leaves) - from) as usize >= LEAVES_MAX;
        for key in record.keys() {
            let number = self.keys.of(key.id());
            self.signers.push(number);
        }
        self.rows.push(Row {
            index: record.index,
            time: record.time,
            created: said.created,
            period: said.period,
            is_late: record.is_late,
            is_named,
            is_whole: !lists && !is_cut,
            is_cut,
            holds: (said.not_before, said.not_after),
            signers: signed_from..end(&self.signers),
            leaves: from..end(&self.leaves),
        });
    }

    /// Puts a value and what is in it into the row; whether there is a list in it.
    fn flatten(&mut self, at: &mut String, value: &Value, from: u32) -> bool {
        if (end(&self.leaves) - from) as usize >= LEAVES_MAX {
            return false;
        }
        let leaf = match value {
            Value::Null => Leaf::Null,
            Value::Bool(yes) => Leaf::Bool(*yes),
            Value::Number(number) => number.as_f64().map_or(Leaf::Deep, Leaf::Number),
            Value::String(text) => Leaf::Text(self.texts.of(text)),
            Value::Array(_) | Value::Object(_) => Leaf::Deep,
        };
        let pointer = self.pointers.of(at);
        self.leaves.push((pointer, leaf));
        let mut lists = value.is_array();
        for (name, member) in value.as_object().into_iter().flatten() {
            let before = at.len();
            at.push('/');
            at.push_str(&name.replace('~', "~0").replace('/', "~1"));
            lists |= self.flatten(at, member, from);
            at.truncate(before);
        }
        lists
    }

    /// A claim, for asking rows.
    pub(crate) fn asked<'c>(&self, claim: &'c Claim) -> Asked<'c> {
        let leaf = |value: &Value| match value {
            Value::Null => Some(Leaf::Null),
            Value::Bool(yes) => Some(Leaf::Bool(*yes)),
            Value::Number(number) => number.as_f64().map(Leaf::Number),
            // A word that no statement has ever said is like none of theirs.
            Value::String(text) => Some(Leaf::Text(self.texts.0.get(text).copied().unwrap_or(u32::MAX))),
            Value::Array(_) | Value::Object(_) => None,
        };
        let against = match claim.operator {
            Operator::Equal | Operator::Unequal | Operator::AtMost | Operator::Below | Operator::AtLeast => {
                leaf(&claim.value).map(|leaf| vec![leaf])
            }
            Operator::In => claim.value.as_array().and_then(|list| list.iter().map(leaf).collect()),
            Operator::Subset | Operator::DigestEquals => None,
        };
        let is_member = claim.pointer.matches('/').count() == 1;
        Asked { claim, pointer: self.pointers.0.get(&claim.pointer).copied(), is_member, against }
    }

    /// Whether the statement of a row says so.
    pub(crate) fn holds(&self, row: &Row, asked: &Asked<'_>, record: &Record) -> bool {
        let leaves = self.leaves.get(row.leaves.start as usize..row.leaves.end as usize).unwrap_or_default();
        let found = leaves.iter().find(|(pointer, _)| Some(*pointer) == asked.pointer);
        let (said, against) = match (found, &asked.against) {
            (None, _) if row.is_whole || asked.is_member && !row.is_cut => return false,
            (Some((_, said)), Some(against)) if *said != Leaf::Deep => (*said, against),
            _ => return asked.claim.holds(&record.statement),
        };
        let same = |value: &Leaf| match (value, said) {
            (Leaf::Number(a), Leaf::Number(b)) => a.total_cmp(&b).is_eq(),
            (value, said) => *value == said,
        };
        let numbers = |holds: fn(f64, f64) -> bool| match (said, against.as_slice()) {
            (Leaf::Number(said), [Leaf::Number(limit)]) => holds(said, *limit),
            _ => false,
        };
        match asked.claim.operator {
            Operator::Equal | Operator::In => against.iter().any(same),
            Operator::Unequal => said != Leaf::Null && !against.iter().any(same),
            Operator::AtMost => numbers(|said, limit| said <= limit),
            Operator::Below => numbers(|said, limit| said < limit),
            Operator::AtLeast => numbers(|said, limit| said >= limit),
            Operator::Subset | Operator::DigestEquals => asked.claim.holds(&record.statement),
        }
    }

    /// Who signed, as numbers of keys.
    pub(crate) fn signers(&self, row: &Row) -> &[u32] {
        self.signers.get(row.signers.start as usize..row.signers.end as usize).unwrap_or_default()
    }

    /// Something of every key that ever signed, by its number.
    pub(crate) fn by_key<T: Clone + Default>(&self, of: impl Fn(&str) -> T) -> Vec<T> {
        let mut all = vec![T::default(); self.keys.0.len()];
        for (id, number) in &self.keys.0 {
            if let Some(slot) = all.get_mut(*number as usize) {
                *slot = of(id);
            }
        }
        all
    }
}

fn end<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Statement, Subject, Type};
    use serde_json::json;

    #[test]
    fn rows_say_what_statements_say() {
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(1),
            json!(1.0),
            json!(-2.5),
            json!("a"),
            json!("A"),
            json!(""),
            json!(["a"]),
            json!(["a", 1, null]),
            json!([]),
            json!({}),
            json!({ "x": 1 }),
            json!({ "x": ["a"] }),
            json!(["zz"]),
        ];
        let pointers = ["/a", "/b", "/b/x", "/b/x/0", "/a/0", "/c~1d", "/none", ""];
        let (mut rows, mut records) = (Rows::default(), Vec::new());
        for a in &values {
            for b in &values {
                let predicate = json!({ "a": a, "b": b, "c/d": a });
                records.push(predicate);
            }
        }
        records.push(Value::Object(
            (0..LEAVES_MAX * 2).map(|n| (format!("n{n}"), json!(n))).chain([("a".into(), json!(1))]).collect(),
        ));
        let statement = |predicate: Value| Statement {
            kind: Type::AuditReport,
            subjects: vec![Subject::named("system:x")],
            predicate,
            created: 0,
            not_before: 0,
            not_after: 0,
            period: None,
        };
        let records: Vec<Record> =
            records.into_iter().map(|predicate| Record::unsigned(statement(predicate))).collect();
        records.iter().for_each(|record| rows.push(record, false));
        let (mut asked, mut held) = (0, 0);
        for (_, operator) in Operator::ALL {
            for pointer in pointers {
                for value in &values {
                    let claim = Claim { pointer: pointer.into(), operator, value: value.clone() };
                    let quick = rows.asked(&claim);
                    for (row, record) in rows.rows.iter().zip(&records) {
                        let expected = claim.holds(&record.statement);
                        assert_eq!(
                            rows.holds(row, &quick, record),
                            expected,
                            "{claim:?} of {}",
                            record.statement.predicate
                        );
                        asked += 1;
                        held += u32::from(expected);
                    }
                }
            }
        }
        assert!(asked > 200_000 && held > 10_000, "{asked} {held}");
    }
}
