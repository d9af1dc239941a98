//! The corpus as Akoma Ntoso 3.0, one way: documents, their paragraphs, when these have force, and what they do to one
//! another. Who is bound and with which facts has no place there.

use super::{cited, escape, kind};
use docket::Docket;
use docket::moment::format_rfc3339;
use docket::order::{Instrument, Kind, Moment, Rank, Reference, Statement, Verb};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The names of what the documents refer to: who says all this, and what Akoma Ntoso has no word for.
const REFERENCES: &str = "<references source=\"#interdict\">\
<TLCOrganization eId=\"interdict\" href=\"/akn/ontology/organization/interdict\" showAs=\"Interdict\"/>\
<TLCConcept eId=\"force\" href=\"/akn/ontology/concept/force\" showAs=\"force\"/>\
<TLCConcept eId=\"stay\" href=\"/akn/ontology/concept/stay\" showAs=\"stay\"/>\
<TLCConcept eId=\"non-enforcement\" href=\"/akn/ontology/concept/non-enforcement\" showAs=\"non-enforcement\"/>\
</references>";

/// The corpus as one collection of documents.
#[must_use]
pub fn akoma_ntoso(docket: &Docket) -> String {
    let instruments = &docket.corpus().instruments;
    let effects: BTreeSet<String> = instruments
        .iter()
        .flat_map(|document| document.statements.iter().map(move |statement| (document, statement)))
        .filter(|(_, statement)| matches!(statement.kind, Kind::Effect(_)))
        .map(|(document, statement)| format!("{}:{}", document.id, statement.id))
        .collect();
    // Nothing here knows the present: the collection is as old as the newest document in it.
    let newest = instruments.iter().max_by_key(|document| document.public.earliest);
    let issued = newest.map_or_else(|| String::from("1970-01-01"), |document| day(&document.public));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<akomaNtoso xmlns=\"http://docs.oasis-open.org/legaldocml/ns/akn/3.0\">\n\
         <documentCollection name=\"orders\">\n<meta>{}{REFERENCES}</meta>\n<collectionBody>\n",
        identification("/akn/un/collection/orders", "un", &issued)
    );
    for instrument in instruments {
        writeln!(xml, "<component eId=\"{}\">{}</component>", escape(&instrument.id), document(instrument, &effects))
            .unwrap_or_default();
    }
    xml.push_str("</collectionBody>\n</documentCollection>\n</akomaNtoso>\n");
    xml
}

/// Work, expression and manifestation, all of one address: there is one language and no second edition.
fn identification(address: &str, country: &str, date: &str) -> String {
    let core = |address: &str| {
        format!(
            "<FRBRthis value=\"{0}/!main\"/><FRBRuri value=\"{0}\"/><FRBRdate date=\"{date}\" name=\"issued\"/><FRBRauthor href=\"#interdict\"/>",
            escape(address)
        )
    };
    format!(
        "<identification source=\"#interdict\"><FRBRWork>{}<FRBRcountry value=\"{country}\"/></FRBRWork>\
         <FRBRExpression>{}<FRBRlanguage language=\"eng\"/></FRBRExpression>\
         <FRBRManifestation>{}</FRBRManifestation></identification>",
        core(address),
        core(&format!("{address}/eng")),
        core(&format!("{address}/eng.xml"))
    )
}

fn document(instrument: &Instrument, effects: &BTreeSet<String>) -> String {
    let country = instrument.jurisdiction.country().to_lowercase();
    let day = day(&instrument.issued);
    let address = format!("/akn/{country}/act/{}/{day}/{}", instrument.rank.word(), instrument.id);
    let meta = format!(
        "<meta>{}{}{}{}{}</meta>",
        identification(&address, &country, &day),
        lifecycle(instrument),
        analysis(instrument, effects),
        periods(instrument),
        notes(instrument)
    );
    let title = escape(&instrument.title);
    let body: String = instrument.statements.iter().map(|statement| paragraph(instrument, statement)).collect();
    let empty = || {
        let name = self::name(&instrument.id, "none");
        format!("<hcontainer eId=\"{name}\" name=\"none\"><content><p>{title}</p></content></hcontainer>")
    };
    let body = if body.is_empty() { empty() } else { body };
    let name = instrument.rank.word();
    match instrument.rank {
        Rank::Court => format!(
            "<judgment name=\"{name}\">{meta}<header><p>{title}</p></header><judgmentBody><decision>{body}</decision></judgmentBody></judgment>"
        ),
        Rank::Record => format!(
            "<doc name=\"{name}\">{meta}<preface><p><docTitle>{title}</docTitle></p></preface><mainBody>{body}</mainBody></doc>"
        ),
        Rank::Guidance | Rank::Agency | Rank::ExecutiveOrder | Rank::Statute | Rank::Constitution => format!(
            "<act name=\"{name}\">{meta}<preface><p><docTitle>{title}</docTitle></p></preface><body>{body}</body></act>"
        ),
    }
}

/// A name that is unique in the collection.
fn name(instrument: &str, statement: &str) -> String {
    escape(&format!("{instrument}__{statement}"))
}

fn paragraph(instrument: &Instrument, statement: &Statement) -> String {
    let name = name(&instrument.id, &statement.id);
    let words = statement.text.as_ref().map(|text| format!("<p>{}</p>", escape(text))).unwrap_or_default();
    format!(
        "\n<paragraph eId=\"{name}\" period=\"#{name}__force\"><num>{}</num><heading>{}</heading><content>{words}</content></paragraph>",
        escape(&statement.id),
        kind(&statement.kind)
    )
}

/// When the document was made, and when its paragraphs begin and end.
fn lifecycle(instrument: &Instrument) -> String {
    let event = |name: &str, moment: &Moment, kind: &str| {
        format!("<eventRef eId=\"{name}\" date=\"{}\" source=\"#interdict\"{kind}/>", date(moment))
    };
    let mut events = event(&name(&instrument.id, "issued"), &instrument.issued, " type=\"generation\"");
    for statement in &instrument.statements {
        let name = name(&instrument.id, &statement.id);
        let edges = [("from", &statement.from), ("until", &statement.until)];
        for (edge, moment) in edges.into_iter().filter_map(|(edge, moment)| Some((edge, moment.as_ref()?))) {
            events.push_str(&event(&format!("{name}__{edge}"), moment, ""));
        }
    }
    format!("<lifecycle source=\"#interdict\">{events}</lifecycle>")
}

fn periods(instrument: &Instrument) -> String {
    let group = |statement: &Statement| {
        let name = name(&instrument.id, &statement.id);
        let start = match statement.from {
            Some(_) => format!("{name}__from"),
            None => self::name(&instrument.id, "issued"),
        };
        let end = statement.until.as_ref().map(|_| format!(" end=\"#{name}__until\"")).unwrap_or_default();
        format!(
            "<temporalGroup eId=\"{name}__force\"><timeInterval start=\"#{start}\"{end} refersTo=\"#force\"/></temporalGroup>"
        )
    };
    let groups: String = instrument.statements.iter().map(group).collect();
    match groups.as_str() {
        "" => String::new(),
        groups => format!("<temporalData source=\"#interdict\">{groups}</temporalData>"),
    }
}

/// What the document does to others.
fn analysis(instrument: &Instrument, effects: &BTreeSet<String>) -> String {
    let mut changes = String::new();
    for statement in &instrument.statements {
        let source = name(&instrument.id, &statement.id);
        let mut change = |element: &str, attributes: &str, aspect: &str, target: &Reference| {
            let target = match &target.statement {
                Some(statement) => name(&target.instrument, statement),
                None => escape(&target.instrument),
            };
            let period = match aspect {
                "" => String::new(),
                aspect => format!("<{aspect} period=\"#{source}__force\"/>"),
            };
            write!(changes, "<{element} {attributes}><source href=\"#{source}\"/><destination href=\"#{target}\"/>{period}</{element}>")
                .unwrap_or_default();
        };
        match &statement.kind {
            Kind::Effect(action) => {
                for target in &action.targets {
                    let acts_on_effect = effects.contains(&cited(target));
                    let (element, attributes, aspect) =
                        modification(instrument.rank, statement, action.verb, acts_on_effect);
                    change(element, attributes, aspect, target);
                }
            }
            Kind::Permit(edges) => {
                edges.overrides.iter().for_each(|target| change("scopeMod", "type=\"exceptionOfScope\"", "", target));
            }
            Kind::Prohibit(_)
            | Kind::Require(_)
            | Kind::Enable
            | Kind::Reserve
            | Kind::Denies(_)
            | Kind::Condition { .. }
            | Kind::Attest { .. } => {}
        }
    }
    match changes.as_str() {
        "" => String::new(),
        changes => {
            format!("<analysis source=\"#interdict\"><activeModifications>{changes}</activeModifications></analysis>")
        }
    }
}

/// The modification an effect goes by: element, attributes, and which of its periods is meant.
fn modification(
    rank: Rank,
    statement: &Statement,
    verb: Verb,
    acts_on_effect: bool,
) -> (&'static str, &'static str, &'static str) {
    match verb {
        Verb::Suspend => ("efficacyMod", "type=\"inapplication\" refersTo=\"#stay\"", "efficacy"),
        // In force and unlawful to break all the same; there is no word for it.
        Verb::Unenforced => ("efficacyMod", "type=\"inapplication\" refersTo=\"#non-enforcement\"", "efficacy"),
        Verb::Delay => ("efficacyMod", "type=\"postponementOfEfficacy\"", "efficacy"),
        Verb::Extend => ("efficacyMod", "type=\"prorogationOfEfficacy\"", "efficacy"),
        // A stay that is dissolved ends; it was not law that could be repealed.
        Verb::Revoke | Verb::Remove if acts_on_effect => ("efficacyMod", "type=\"endOfEfficacy\"", "efficacy"),
        Verb::Remove if rank == Rank::Court && statement.from.is_none() => {
            ("forceMod", "type=\"unconstitutionality\"", "force")
        }
        Verb::Revoke | Verb::Remove => ("forceMod", "type=\"endOfEnactment\"", "force"),
    }
}

/// What is disputed, and what was noted.
fn notes(instrument: &Instrument) -> String {
    let own = std::iter::once((escape(&instrument.id), &instrument.provenance));
    let all = own.chain(instrument.statements.iter().map(|s| (name(&instrument.id, &s.id), &s.provenance)));
    let mut notes = String::new();
    for (name, provenance) in all {
        let disputed = provenance.disputed.iter().map(|words| format!("disputed: {words}"));
        for (n, words) in disputed.chain(provenance.notes.iter().cloned()).enumerate() {
            write!(notes, "<note eId=\"{name}__note_{}\"><p>{}</p></note>", n + 1, escape(&words)).unwrap_or_default();
        }
    }
    match notes.as_str() {
        "" => String::new(),
        notes => format!("<notes source=\"#interdict\">{notes}</notes>"),
    }
}

/// An instant; where it is stated as a date only or has several readings, the date that is written.
fn date(moment: &Moment) -> String {
    if moment.earliest == moment.latest { format_rfc3339(moment.earliest) } else { day(moment) }
}

fn day(moment: &Moment) -> String {
    let written = moment
        .written
        .get(..10)
        .filter(|day| day.char_indices().all(|(n, c)| if n == 4 || n == 7 { c == '-' } else { c.is_ascii_digit() }));
    written.map_or_else(|| format_rfc3339(moment.earliest).chars().take(10).collect(), str::to_owned)
}
