//! Laws every answer obeys: order, the future's silence, more law, more facts, windows.

use super::world::{self, Chance, Size};
use crate::case::Case;
use crate::compile::compile;
use crate::law::{Law, Modality, Node, Target};
use crate::{Decision, Image, Statuses};
use proptest::prelude::*;

fn world(seed: u64) -> (Chance, Law, Image) {
    let mut c = Chance::new(seed);
    let size =
        Size { instruments: 1 + c.below(4), provisions: 1 + c.below(7), effects: c.below(7), attestations: c.below(3) };
    let law = world::law(&mut c, &size);
    let image = compile(&law, [0; 32]).unwrap();
    (c, law, image)
}

fn ask(c: &mut Chance, law: &Law) -> (Case, i64, i64) {
    (world::case(c, law), world::instant(c), world::instant(c))
}

fn statuses(image: &Image, (case, valid_at, known_at): &(Case, i64, i64)) -> Statuses {
    image.decide(case, *valid_at, *known_at).statuses
}

/// The same law with all its records told backwards: documents, provisions, effects and attestations.
fn reversed(law: &Law) -> Law {
    let mut other = law.clone();
    let renumber = |n: &mut u32, of: usize| *n = of as u32 - 1 - *n;
    let (documents, provisions, effects) = (law.instruments.len(), law.provisions.len(), law.effects.len());
    other.instruments.reverse();
    other.provisions.reverse();
    other.effects.reverse();
    other.attestations.reverse();
    for provision in &mut other.provisions {
        renumber(&mut provision.instrument, documents);
        let named = provision.overrides.iter_mut().chain(&mut provision.subject_to);
        named.for_each(|p| renumber(p, provisions));
    }
    for node in other.instruments.iter_mut().flat_map(|i| &mut i.under) {
        match node {
            Node::Provision(p) => renumber(p, provisions),
            Node::Instrument(i) => renumber(i, documents),
        }
    }
    for effect in &mut other.effects {
        renumber(&mut effect.instrument, documents);
        match &mut effect.target {
            Target::Provision(p) => renumber(p, provisions),
            Target::Instrument(i) => renumber(i, documents),
            Target::Effect(e) => renumber(e, effects),
        }
    }
    other.attestations.iter_mut().for_each(|attested| renumber(&mut attested.instrument, documents));
    other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_of_records_does_not_matter(seed in any::<u64>()) {
        let (mut c, law, image) = world(seed);
        let other = compile(&reversed(&law), [0; 32]).unwrap();
        for _ in 0..20 {
            let question = ask(&mut c, &law);
            prop_assert_eq!(statuses(&image, &question), statuses(&other, &question));
        }
    }

    #[test]
    fn what_becomes_known_later_changes_no_earlier_answer(seed in any::<u64>()) {
        let (mut c, law, image) = world(seed);
        let horizon = world::instant(&mut c);
        let mut less = law.clone();
        for known in less.provisions.iter_mut().map(|p| &mut p.known)
            .chain(less.effects.iter_mut().map(|e| &mut e.known))
            .chain(less.attestations.iter_mut().map(|a| &mut a.known))
            .chain(less.instruments.iter_mut().map(|i| &mut i.known))
        {
            if known.from > horizon {
                known.until = known.from;
            }
        }
        let less = compile(&less, [0; 32]).unwrap();
        for _ in 0..20 {
            let (case, valid_at, known_at) = ask(&mut c, &law);
            let question = (case, valid_at, known_at.min(horizon));
            prop_assert_eq!(statuses(&image, &question), statuses(&less, &question));
        }
    }

    #[test]
    fn another_prohibition_never_frees_another_permission_never_forbids(seed in any::<u64>()) {
        let (mut c, law, image) = world(seed);
        let more = world::law(&mut c, &Size { instruments: 1, provisions: 1, effects: 0, attestations: 0 });
        let mut added = more.provisions[0].clone();
        prop_assume!(matches!(added.modality, Modality::Prohibit | Modality::Permit));
        added.instrument = 0;
        // A new provision that yields to old ones is still more law; one that prevails over them too.
        added.overrides = vec![c.below(law.provisions.len()) as u32];
        let forbids = added.modality == Modality::Prohibit;
        // Doubts of the added words would make a set, which is what this law is not about.
        for extent in &mut added.force {
            extent.from.latest = extent.from.earliest;
            extent.until.earliest = extent.until.latest;
        }
        let mut fuller = law.clone();
        fuller.provisions.push(added);
        let fuller = compile(&fuller, [0; 32]).unwrap();
        for _ in 0..20 {
            let question = ask(&mut c, &law);
            let (before, after) = (statuses(&image, &question), statuses(&fuller, &question));
            let free = |set: Statuses| set.iter().any(|s| !s.is_unlawful());
            if forbids {
                prop_assert!(free(before) || !free(after), "{before:?} became {after:?}");
            } else {
                prop_assert!(before.may_be_unlawful() || !after.may_be_unlawful(), "{before:?} became {after:?}");
            }
        }
    }

    #[test]
    fn stating_more_leaves_less_possible(seed in any::<u64>()) {
        let (mut c, law, image) = world(seed);
        for _ in 0..20 {
            let (case, valid_at, known_at) = ask(&mut c, &law);
            let facet = [0, 2, 3][c.below(3)];
            let values = law.facets[usize::from(facet)].values;
            let vague = case.clone().with(facet, law.facets[usize::from(facet)].unknown());
            let stated = case.with(facet, c.below(usize::from(values)) as u8);
            let (less, more) = (statuses(&image, &(vague, valid_at, known_at)), statuses(&image, &(stated, valid_at, known_at)));
            prop_assert_eq!(less.union(more), less, "{:?} is not within {:?}", more, less);
        }
    }

    #[test]
    fn an_answer_holds_through_its_window_and_not_beyond(seed in any::<u64>()) {
        let (mut c, law, image) = world(seed);
        for _ in 0..20 {
            let (case, valid_at, known_at) = ask(&mut c, &law);
            let at = |v: i64| { let d: Decision = image.decide(&case, v, known_at); (d.outcome, d.from, d.until) };
            let (outcome, from, until) = at(valid_at);
            prop_assert!(from <= valid_at && valid_at < until);
            prop_assert_eq!(at(from), (outcome, from, until));
            prop_assert_eq!(at(until - 1), (outcome, from, until));
            prop_assert!(until == i64::MAX || at(until).0 != outcome);
            prop_assert!(from == i64::MIN || at(from - 1).0 != outcome);
            let timeline: Vec<Decision> = image.timeline(&case, known_at).collect();
            prop_assert_eq!(timeline[0].from, i64::MIN);
            prop_assert_eq!(timeline.last().map(|d| d.until), Some(i64::MAX));
            prop_assert!(timeline.windows(2).all(|pair| pair[0].until == pair[1].from));
        }
    }
}
