//! What the law says of a subject that was found in an artefact: of using its code, and of distributing it.

use crate::scan::Scan;
use docket::Docket;
use docket::finding::{Posture, Verdict, status_word};
use docket::inquiry::{self, Actor, Inquiry, Resource};
use docket::moment::parse_rfc3339;
use docket::place::Place;
use docket::vocabulary::ResourceKind;
use law::Time;

/// The acts that an artefact with somebody's code in it may amount to.
const ACTS: [&str; 2] = ["code.use", "app.distribute"];

/// When, as known when, and where.
#[derive(Clone, Debug)]
pub(crate) struct Law {
    pub(crate) valid_at: Time,
    known_at: Option<Time>,
    place: Option<Place>,
}

impl Law {
    pub(crate) fn read(options: &Scan, now: Time) -> Result<Self, String> {
        let instant = |option: &str, text: &Option<String>| {
            text.as_deref().map(parse_rfc3339).transpose().map_err(|message| format!("{option}: {message}"))
        };
        let place = options.place.as_deref().map(Place::parse).transpose();
        Ok(Self {
            valid_at: instant("--at", &options.at)?.unwrap_or(now),
            known_at: instant("--known-at", &options.known_at)?,
            place: place.map_err(|message| format!("--place: {message}"))?,
        })
    }
}

/// What the law says of one act.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    pub(crate) act: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) statuses: Vec<&'static str>,
    pub(crate) grounds: Vec<(String, String)>,
}

/// Asks of both acts. A subject that the corpus does not know is an error: nothing could be said of it.
pub(crate) fn rule(docket: &Docket, law: &Law, posture: Posture, subject: &str) -> Result<Vec<Ruling>, String> {
    let Some(known) = docket.registry().get(subject) else {
        return Err(format!("the references name `{subject}`, which is no subject; `interdict subjects` lists them"));
    };
    let kind = if known.is_company { ResourceKind::Company } else { ResourceKind::App };
    let ask = |act: &'static str| {
        let actor =
            Actor::read("business", String::new(), None, None::<String>).map_err(|problem| problem.to_string())?;
        let inquiry = Inquiry {
            actor,
            act: inquiry::act(act).map_err(|problem| problem.to_string())?,
            resource: Resource { kind, id: subject.to_owned().into() },
            valid_at: law.valid_at,
            known_at: law.known_at,
            place: law.place,
            facts: inquiry::Facts::new(),
        };
        let finding = docket.find(&inquiry, posture).map_err(|problem| problem.to_string())?;
        Ok(Ruling {
            act,
            verdict: finding.verdict,
            statuses: finding.possible.iter().map(status_word).collect(),
            grounds: finding.grounds.iter().map(|g| (g.provision.clone(), g.why.clone())).collect(),
        })
    };
    ACTS.into_iter().map(ask).collect()
}
