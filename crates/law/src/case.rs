//! One activity in law's numbers: the app, the act and, for each facet, what is stated of it.

use crate::law::{ActId, AppId, FACETS_MAX, Facet, FacetId, Value};

/// What is stated of one facet, as a byte that indexes compiled tables directly.
///
/// Below [`Facet::values`]: that value. Then one state per region. Then [`Facet::absent`] and
/// [`Facet::unknown`].
pub type State = u8;

impl Facet {
    /// The state "region `index` and no finer".
    #[must_use]
    pub const fn region(&self, index: u8) -> State {
        self.values + index
    }

    /// Nobody stated it. A prohibition that turns on it is not known to reach; an exception that
    /// turns on it is not claimed.
    #[must_use]
    pub fn absent(&self) -> State {
        self.values + u8::try_from(self.regions.len()).unwrap_or(u8::MAX - self.values - 1)
    }

    /// Expressly not known, for prohibitions and exceptions alike.
    #[must_use]
    pub fn unknown(&self) -> State {
        self.absent() + 1
    }

    /// How many states there are.
    #[must_use]
    pub fn states(&self) -> usize {
        if self.stated { usize::from(self.absent()) } else { usize::from(self.unknown()) + 1 }
    }

    /// The value that only exceptions and relief read, when nobody stated the facet.
    #[must_use]
    pub const fn unclaimed(&self) -> Value {
        self.values
    }
}

/// A question without its two times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The app.
    pub app: AppId,
    /// The act.
    pub act: ActId,
    /// One state per facet of the law; the rest is ignored.
    pub states: [State; FACETS_MAX],
}

impl Case {
    /// A case of which nothing but app and act is stated.
    #[must_use]
    pub fn unstated(facets: &[Facet], app: AppId, act: ActId) -> Self {
        let mut states = [0; FACETS_MAX];
        for (state, facet) in states.iter_mut().zip(facets) {
            *state = facet.absent();
        }
        Self { app, act, states }
    }

    /// The same case with one facet stated.
    #[must_use]
    pub fn with(mut self, facet: FacetId, state: State) -> Self {
        self.set(facet, state);
        self
    }

    /// States one facet.
    pub fn set(&mut self, facet: FacetId, state: State) {
        if let Some(slot) = self.states.get_mut(usize::from(facet)) {
            *slot = state;
        }
    }

    /// What is stated of `facet`.
    #[must_use]
    pub fn state(&self, facet: FacetId) -> State {
        self.states.get(usize::from(facet)).copied().unwrap_or(0)
    }
}
