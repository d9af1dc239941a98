//! Instants, half-open periods, and edges the law states so loosely that they have several readings.

/// Seconds since 1970-01-01T00:00:00Z. The extremes stand for "since always" and "for ever".
pub type Time = i64;

/// Before every instant: a period from here has always run.
pub const ALWAYS: Time = i64::MIN;
/// After every instant: a period until here never ends.
pub const FOREVER: Time = i64::MAX;

/// A half-open stretch of time `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// The first instant inside.
    pub from: Time,
    /// The first instant after.
    pub until: Time,
}

impl Period {
    /// All of time.
    pub const ALL: Self = Self { from: ALWAYS, until: FOREVER };

    /// The period that begins at `from` and never ends.
    #[must_use]
    pub const fn since(from: Time) -> Self {
        Self { from, until: FOREVER }
    }

    /// Whether `at` lies inside.
    #[must_use]
    pub const fn contains(self, at: Time) -> bool {
        self.from <= at && at < self.until
    }
}

/// Names one reading question ("which hour of 20 September?"); equal ids are settled together.
pub type ReadingId = u16;

/// The boundary of an extent: exact, or somewhere in `[earliest, latest)` because the words allow both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// On no reading does the edge lie before this instant.
    pub earliest: Time,
    /// On every reading the edge has passed at this instant.
    pub latest: Time,
    /// Which question of reading this is; without meaning when the edge is exact.
    pub reading: ReadingId,
}

impl Edge {
    /// An edge with one reading.
    #[must_use]
    pub const fn at(instant: Time) -> Self {
        Self { earliest: instant, latest: instant, reading: 0 }
    }

    /// Whether the words leave only one instant.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        self.earliest == self.latest
    }

    /// Whether the edge has passed at `at`; `None` while its readings disagree.
    #[must_use]
    pub const fn passed(self, at: Time) -> Option<bool> {
        if at >= self.latest {
            Some(true)
        } else if at < self.earliest {
            Some(false)
        } else {
            None
        }
    }
}

/// A stretch of valid time whose edges may have several readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Extent {
    /// Where it begins (inclusive).
    pub from: Edge,
    /// Where it ends (exclusive).
    pub until: Edge,
}

impl Extent {
    /// All of time.
    pub const ALL: Self = Self { from: Edge::at(ALWAYS), until: Edge::at(FOREVER) };

    /// An extent with exact edges.
    #[must_use]
    pub const fn exact(period: Period) -> Self {
        Self { from: Edge::at(period.from), until: Edge::at(period.until) }
    }
}
