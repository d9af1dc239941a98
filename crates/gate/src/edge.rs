//! The edge gate: may this host be served to whoever asks, by a hosting provider or a network that delivers content?
//!
//! [`forward`](crate::forward) and [`envoy`](crate::envoy) ask it in the words of proxies. A host that belongs to no
//! known subject costs a look-up and leaves no record; whatever cannot be decided is served and counted.

use crate::http::Clock;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::recorder::{Recorder, Unrecorded};
use crate::refusal::{Blocker, Refusal};
use crate::shadow::Stance;
use crate::territory::{Hops, Locator};
use docket::inquiry::{Actor, Facts, Inquiry, Resource, Stated};
use docket::place::Place;
use docket::vocabulary::{Act, ActorKind, Fact, ResourceKind, Role};
use docket::{Docket, Finding};
use law::Time;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use wire::record::{Outcome, Record};

/// What somebody chose about the gate.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Its name in records and metrics.
    pub name: String,
    /// The acts that serving a host amounts to here: `host.provide`, `cdn.provide`.
    pub acts: Vec<Act>,
    /// Who serves.
    pub role: Role,
    /// What is known of the service: whether for a fee, whether contracted.
    pub facts: Facts<'static>,
    /// How verdicts are treated.
    pub stance: Stance,
    /// The proxies in front, whose word about client addresses is taken.
    pub hops: Hops,
    /// Who refuses.
    pub blocker: Blocker,
}

/// The gate at work.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What somebody chose.
    pub edge: Arc<Edge>,
    /// The law in force.
    pub live: Arc<Live>,
    /// Where addresses are.
    pub locator: Arc<Locator>,
    /// The clock.
    pub clock: Clock,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Where decisions are left.
    pub recorder: Recorder,
}

/// A request as a proxy tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The host that is asked for, in any spelling.
    pub host: &'r str,
    /// Who asks, if that is known.
    pub client: Option<IpAddr>,
    /// The id that the proxy gave the request.
    pub request: Option<&'r str>,
}

/// What is to become of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Serve it.
    Serve,
    /// Refuse it.
    Refuse(Box<Refusal>),
    /// Do not answer: the decision cannot be recorded, and the operator chose that nothing happens unrecorded.
    Unrecorded,
}

impl Edge {
    /// The question whether a host may be served in a place.
    #[must_use]
    pub fn inquiry<'h>(&self, act: Act, host: &'h str, place: Option<Place>, at: Time) -> Inquiry<'h> {
        let actor = Actor { kind: ActorKind::Business, id: Cow::Borrowed(""), role: Some(self.role), government: None };
        let resource = Resource { kind: ResourceKind::Domain, id: Cow::Borrowed(host) };
        // A list of facts that outlive everything is no list of facts that outlive the host, each fact is.
        let facts = self.facts.iter().map(|(fact, stated)| -> (Fact, Stated<'h>) { (*fact, stated.clone()) }).collect();
        Inquiry { actor, act, resource, valid_at: at, known_at: None, place, facts }
    }
}

impl Gate {
    /// Decides a request, counts it and leaves the record.
    #[must_use]
    pub fn decide(&self, asked: Asked<'_>) -> Answer {
        let start = (self.clock.nanos)();
        let now = (self.clock.now)();
        let docket = self.live.current();
        if !self.is_listed(&docket, asked.host, now) {
            self.metrics.decided(&self.edge.name, Outcome::Permit, None, self.since(start));
            return Answer::Serve;
        }
        let place = asked.client.and_then(|client| self.locator.locate(client).ok());
        let mut kept: Option<(Inquiry<'_>, Finding, Outcome)> = None;
        for act in &self.edge.acts {
            let inquiry = self.edge.inquiry(*act, asked.host, place, now);
            // The host has been resolved above, so the only thing that could be wrong with the question is not.
            let Ok(mut found) = docket.find(&inquiry, self.edge.stance.posture) else { continue };
            self.live.overrule(&inquiry, &mut found, &[]);
            let outcome = self.edge.stance.outcome(found.verdict);
            if kept.as_ref().is_none_or(|(_, _, graver)| gravity(outcome) > gravity(*graver)) {
                kept = Some((inquiry, found, outcome));
            }
        }
        let Some((inquiry, found, outcome)) = kept else {
            self.metrics.failed_open(&self.edge.name);
            return Answer::Serve;
        };
        let mut record = Record::of(&self.edge.name, now, outcome, &inquiry, &found);
        record.request = asked.request.map(str::to_owned);
        if asked.client.is_some() {
            record.evidence.push(String::from("address"));
        }
        self.metrics.decided(&self.edge.name, outcome, record.order(), self.since(start));
        if let Err(Unrecorded) = self.recorder.keep(|| record) {
            return Answer::Unrecorded;
        }
        match outcome {
            Outcome::Refuse => Answer::Refuse(Box::new(Refusal::of(&docket, &found, place))),
            Outcome::Permit | Outcome::Shadow | Outcome::Refer => Answer::Serve,
        }
    }

    /// Whether a host belongs to somebody known. One that is no name at all belongs to nobody.
    fn is_listed(&self, docket: &Docket, host: &str, now: Time) -> bool {
        let Some(act) = self.edge.acts.first() else { return false };
        docket.ask(&self.edge.inquiry(*act, host, None, now)).is_ok_and(|asked| asked.case.is_some())
    }

    fn since(&self, start: u64) -> u64 {
        (self.clock.nanos)().saturating_sub(start)
    }
}

/// Which of several acts a record is about: the one that weighs most.
const fn gravity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Permit => 0,
        Outcome::Refer => 1,
        Outcome::Shadow => 2,
        Outcome::Refuse => 3,
    }
}
