//! Are the quotations in the documents? The words of each `text` looked for in the text of its instrument.

use crate::docket::Source;
use crate::fault::Fault;
use crate::order::{Corpus, Span};

/// Quotations that are not in the document they are said to be from. A document is a file named after its instrument
/// (`us-eo-13942.txt`, in any folder); instruments without one are passed over. White space, and which kind of quotation
/// mark is used, do not matter; `…` stands for words left out.
#[must_use]
pub fn misquoted(corpus: &Corpus, documents: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for instrument in &corpus.instruments {
        let named = |document: &&Source| stem(&document.path) == instrument.id;
        let Some(document) = documents.iter().find(named) else { continue };
        let whole = plain(&document.text);
        for statement in &instrument.statements {
            let Some(text) = &statement.text else { continue };
            let mut rest = whole.as_str();
            for part in text.split(['…', '[', ']']).flat_map(|part| part.split("...")).map(plain) {
                let Some(at) = rest.find(&part) else {
                    faults.push(absent(&instrument.id, &statement.id, &part, &document.path, &statement.id_span));
                    break;
                };
                rest = rest.get(at + part.len()..).unwrap_or("");
            }
        }
    }
    faults
}

fn absent(instrument: &str, statement: &str, words: &str, path: &str, span: &Span) -> Fault {
    let message = format!("{instrument}:{statement} quotes words that are not in {path}, or not there in this order");
    Fault::error(message, span, "misquoted").help(format!("looked for: {words}"))
}

/// The file name without folders and without what follows its last dot.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The words with one space between them and one kind of quotation mark.
fn plain(text: &str) -> String {
    let straight = |c: char| match c {
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' => '\'',
        other => other,
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(straight).collect()
}

#[cfg(test)]
mod tests {
    use super::misquoted;
    use crate::docket::Source;

    #[test]
    fn quoted_words_must_stand_in_the_document_in_their_order() {
        let told = |quoted: &str, document: &str| {
            let order = format!(
                "instrument zz {{\n title \"T\" ; jurisdiction US ; rank agency ; zone UTC ; issued 2020-01-01 ; public 2020-01-01 ; evidence seen\n reserve 7 {{ text \"\"\"{quoted}\"\"\" }}\n}}\n"
            );
            let read = crate::elaborate::read(&[Source { path: String::from("a.order"), text: order }], None);
            assert!(read.is_sound(), "{:?}", read.faults);
            let file = Source {
                path: document.to_owned(),
                text: String::from("Any “other\n  transaction”, as may\tbe identified."),
            };
            misquoted(&read.corpus, &[file]).len()
        };
        assert_eq!(told("any", "docs/zz.txt"), 1, "letters count");
        assert_eq!(told("other transaction\", as may", "docs/zz.txt"), 0, "white space and marks do not");
        assert_eq!(told("Any … identified", "docs/zz.txt"), 0, "words may be left out");
        assert_eq!(told("identified … Any", "docs/zz.txt"), 1, "order counts");
        assert_eq!(told("something else", "zz.txt"), 1);
        assert_eq!(told("something else", "yy.txt"), 0, "another document says nothing of this one");
    }
}
