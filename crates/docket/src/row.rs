//! Decides a row of words: the answer to the inquiry they are, without building it.

use crate::docket::{ALL_THAT_IS_KNOWN, Docket};
use crate::facets::Facets;
use crate::inquiry::{Inquiry, Problem, Words, stated};
use crate::place::Place;
use crate::vocabulary::{Act, ActorKind, Fact, FactKind, ResourceKind, Role, government};
use law::Decision;
use smallvec::SmallVec;

/// A decision, or `None` where the resource is no known subject: permitted, with nothing to ground it.
type Answer = Option<Decision>;

impl Docket {
    /// The decision on a question in words. It allocates nothing unless an identifier must be respelled, a
    /// fact has more than four places, or something is wrong.
    ///
    /// # Errors
    /// As [`Inquiry::read`] and [`Docket::decide`].
    pub fn decide_words(&self, words: &Words<'_>) -> Result<Answer, Problem> {
        match self.swift(words) {
            Some(answer) => Ok(answer),
            // What is wrong is found where it is worded.
            None => self.decide(&Inquiry::read(words)?),
        }
    }

    fn swift(&self, words: &Words<'_>) -> Option<Answer> {
        let act = Act::from_word(words.act)?;
        let kind = ResourceKind::from_word(words.resource)?;
        let actor = ActorKind::from_word(words.actor)?;
        let role = words.role.map(|role| Role::from_word(role).ok_or(())).transpose().ok()?;
        words.government.map(government).transpose().ok()?;
        let place = words.place.map(Place::parse).transpose().ok()?;
        let attribution = self.registry.resolve(kind, words.resource_id).ok()?;
        let found = attribution.subject_at(words.valid_at);
        let facets = &self.lowered.facets;
        let mut case = facets.begin(found.map_or(0, |(subject, _)| subject.number), act, place, actor);
        if let Some((_, identifier)) = found {
            self.state_form(&mut case, kind, identifier);
        }
        if !is_sound(facets, &mut case, words.facts) {
            return None;
        }
        if found.is_none() {
            return Some(None);
        }
        self.state_actor(&mut case, words.actor_id, role, words.government);
        Some(Some(self.image().decide(&case, words.valid_at, words.known_at.unwrap_or(ALL_THAT_IS_KNOWN))))
    }
}

/// States facts; whether each is one, with a value it takes, once.
fn is_sound(facets: &Facets, case: &mut law::Case, facts: &[(&str, &str)]) -> bool {
    let mut seen = 0_u32;
    for (name, value) in facts {
        let Some(fact) = Fact::from_word(name) else { return false };
        let stated = if fact.kind() == FactKind::Places {
            stated(fact, &value.split(',').collect::<SmallVec<[&str; 4]>>())
        } else {
            stated(fact, &[value])
        };
        let (Ok(stated), true) = (stated, seen >> fact as u32 & 1 == 0) else { return false };
        seen |= 1 << fact as u32;
        facets.state_fact(case, fact, &stated);
    }
    true
}
