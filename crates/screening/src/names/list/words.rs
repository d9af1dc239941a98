//! The words of a list, each once, and which of them a word of a query may be.

use super::memory::{self, Line};
use super::near::{self, Gist, Letters, Near, Pairs};
use super::scratch::{Neighbour, Scratch};
use super::sum::{Filter, Sum};
use crate::names::name::{self, Class, Token};
use crate::names::score;
use foldhash::HashMap;

/// Bits by which it is told that a text is no word.
const FILTER_BITS: usize = 8;

impl Line for Token {
    fn first(&self) -> u8 {
        let first = |text: &str| text.bytes().next().unwrap_or(0);
        first(&self.text) ^ first(&self.sound)
    }
}

/// The vocabulary of a list, the commonest first.
#[derive(Debug, Default)]
pub(super) struct Words {
    tokens: Vec<Token>,
    /// What bounds need of each token.
    gists: Vec<Gist>,
    /// Tokens by what they are looked up by.
    near: Near,
    /// What is a word.
    spelled: Filter,
    /// What is one with others by custom.
    customs: Filter,
    /// Tokens by customary group.
    customary: HashMap<u16, Vec<u32>>,
}

impl Words {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        let mut pairs = Pairs::default();
        let mut spelled = Filter::for_keys(tokens.len(), FILTER_BITS);
        let mut customary: HashMap<u16, Vec<u32>> = HashMap::default();
        for (id, token) in (0..).zip(&tokens) {
            spelled.put(near::whole(&token.text));
            near::keys(token, &mut |key| pairs.put(key, id));
            match (token.class, token.text.chars().next()) {
                (Class::Initial, Some(letter)) => pairs.put(near::initial(letter), id),
                (Class::Form(class), _) => pairs.put(near::form(class), id),
                (Class::Initial | Class::Word | Class::Common | Class::Particle | Class::Number, _) => {}
            }
            for group in token.customs {
                customary.entry(*group).or_default().push(id);
            }
        }
        let mut customs = Filter::for_keys(name::customary().count(), FILTER_BITS);
        name::customary().for_each(|word| customs.put(near::whole(word)));
        let gists = tokens.iter().map(Gist::of).collect();
        Self { tokens, gists, near: pairs.finish(), spelled, customs, customary }
    }

    pub(super) const fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn token(&self, id: u32) -> Option<&Token> {
        self.tokens.get(id as usize)
    }

    pub(super) fn gist(&self, id: u32) -> Option<&Gist> {
        self.gists.get(id as usize)
    }

    /// Bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let word = |token: &Token| size_of::<Token>() + token.text.len() + token.sound.len();
        self.tokens.iter().map(word).sum::<usize>()
            + self.gists.len() * size_of::<Gist>()
            + self.near.bytes()
            + self.spelled.bytes()
            + self.customs.bytes()
            + self.customary.values().map(Vec::len).sum::<usize>() * size_of::<u32>()
    }

    /// Every token of the vocabulary that a token may be, but for those an initial stands for, which are too
    /// many to name.
    pub(super) fn neighbours(&self, token: &Token, abjad: bool, scratch: &mut Scratch) {
        let letters = Letters::of(token, abjad);
        let mut looks = std::mem::take(&mut scratch.looks);
        looks.keys.clear();
        near::keys(token, &mut |key| looks.keys.push(key));
        match (token.class, token.text.chars().next()) {
            (Class::Word | Class::Common | Class::Particle, Some(letter)) => looks.keys.push(near::initial(letter)),
            (Class::Form(class), _) => looks.keys.push(near::form(class)),
            (Class::Initial | Class::Word | Class::Common | Class::Particle | Class::Number, _) => {}
        }
        self.near.get_all(&looks.keys, &mut looks.parts, &mut looks.ids);
        looks.ids.extend(token.customs.iter().filter_map(|group| self.customary.get(group)).flatten());
        looks.ids.retain(|id| scratch.is_first_look(*id));
        scratch.forget_looks(&looks.ids);
        memory::fetch(&self.gists, looks.ids.iter().map(|id| *id as usize));
        looks.ids.retain(|id| self.gist(*id).is_some_and(|gist| letters.may_be_alike(gist, || self.token(*id))));
        memory::fetch(&self.tokens, looks.ids.iter().map(|id| *id as usize));
        for id in looks.ids.drain(..) {
            let Some((other, gist)) = self.token(id).zip(self.gist(id)) else { continue };
            if token.class == Class::Initial && other.text != token.text {
                continue;
            }
            if let Some((similarity, how)) = score::alike(token, other, abjad) {
                scratch.add(Neighbour { id, similarity, how, weight: gist.weight });
            }
        }
        scratch.looks = looks;
    }

    /// Whether a text may be a word: `false` is a no.
    pub(super) fn may_be(&self, text: Sum) -> bool {
        self.spelled.has(text.key())
    }

    /// Whether others may be one with a text by custom: `false` is a no.
    pub(super) fn may_be_custom(&self, text: Sum) -> bool {
        self.customs.has(text.key())
    }

    /// Tokens that are this text.
    pub(super) fn spelled<'l>(&'l self, text: &'l str) -> impl Iterator<Item = u32> + 'l {
        self.near.get(near::whole(text)).filter(move |id| self.token(*id).is_some_and(|token| token.text == text))
    }

    /// Tokens that are one by custom with a text.
    pub(super) fn customary(&self, text: &str) -> impl Iterator<Item = u32> {
        name::groups(text).iter().filter_map(|group| self.customary.get(group)).flatten().copied()
    }
}
