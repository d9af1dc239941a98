//! Sets of instants, as the windows that make them up.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z.
pub type Time = i64;
/// Before every instant.
pub const ALWAYS: Time = i64::MIN;
/// After every instant.
pub const NEVER: Time = i64::MAX;

/// A half-open stretch `[from, until)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first instant inside.
    pub from: Time,
    /// The first instant after.
    pub until: Time,
}

impl Window {
    /// Whether `at` lies inside.
    #[must_use]
    pub const fn contains(self, at: Time) -> bool {
        self.from <= at && at < self.until
    }

    /// What both contain; empty if they do not meet.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    /// Whether no instant lies inside.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.from >= self.until
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", crate::json::format_time(self.from), crate::json::format_time(self.until))
    }
}

/// A set of instants: sorted windows that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timeline {
    windows: Vec<Window>,
}

impl FromIterator<Window> for Timeline {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut windows: Vec<Window> = windows.into_iter().filter(|window| !window.is_empty()).collect();
        windows.sort_unstable();
        let mut joined: Vec<Window> = Vec::with_capacity(windows.len());
        for window in windows {
            match joined.last_mut() {
                Some(last) if window.from <= last.until => last.until = last.until.max(window.until),
                Some(_) | None => joined.push(window),
            }
        }
        Self { windows: joined }
    }
}

impl Timeline {
    /// Every instant.
    #[must_use]
    pub fn always() -> Self {
        Self { windows: vec![Window { from: ALWAYS, until: NEVER }] }
    }

    /// No instant.
    #[must_use]
    pub const fn never() -> Self {
        Self { windows: Vec::new() }
    }

    /// The windows, in order.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window that contains `at`.
    #[must_use]
    pub fn window_at(&self, at: Time) -> Option<Window> {
        let after = self.windows.partition_point(|window| window.from <= at);
        let window = after.checked_sub(1).and_then(|last| self.windows.get(last));
        window.copied().filter(|window| window.contains(at))
    }

    /// Whether `at` is in the set.
    #[must_use]
    pub fn contains(&self, at: Time) -> bool {
        self.window_at(at).is_some()
    }

    /// The next instant after `at` at which membership changes.
    #[must_use]
    pub fn change_after(&self, at: Time) -> Option<Time> {
        let edge = self.window_at(at).map(|window| window.until).or_else(|| {
            let after = self.windows.partition_point(|window| window.from <= at);
            self.windows.get(after).map(|window| window.from)
        });
        edge.filter(|&edge| edge != NEVER)
    }

    /// Instants that are in at least `k` of the sets. None of zero sets is zero, so `k = 0` is always.
    #[must_use]
    pub fn at_least<'a>(k: usize, sets: impl IntoIterator<Item = &'a Self>) -> Self {
        if k == 0 {
            return Self::always();
        }
        let mut edges: Vec<(Time, bool)> = Vec::new();
        for window in sets.into_iter().flat_map(|set| &set.windows) {
            edges.extend([(window.from, true), (window.until, false)]);
        }
        // Where one ends as another begins, the beginning counts first: the sets touch without a gap.
        edges.sort_unstable_by_key(|&(at, begins)| (at, !begins));
        let (mut inside, mut since) = (0_usize, None);
        let mut windows = Vec::new();
        for (at, begins) in edges {
            inside = if begins { inside + 1 } else { inside.saturating_sub(1) };
            match since {
                None if inside >= k => since = Some(at),
                Some(from) if inside < k => {
                    windows.push(Window { from, until: at });
                    since = None;
                }
                None | Some(_) => {}
            }
        }
        windows.into_iter().collect()
    }

    /// Instants in any of the sets.
    #[must_use]
    pub fn any<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::at_least(1, sets)
    }

    /// Instants in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::at_least(2, [self, other])
    }

    /// Instants in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.and(&other.complement())
    }

    /// Instants not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut from = ALWAYS;
        let mut windows = Vec::with_capacity(self.windows.len() + 1);
        for window in &self.windows {
            windows.push(Window { from, until: window.from });
            from = window.until;
        }
        windows.push(Window { from, until: NEVER });
        windows.into_iter().collect()
    }

    /// The set with every window ending `grace` seconds later.
    #[must_use]
    pub fn lengthened(&self, grace: Time) -> Self {
        let longer = |window: &Window| Window { until: window.until.saturating_add(grace), ..*window };
        self.windows.iter().map(longer).collect()
    }
}
