//! How much may be done about one artefact. Work is counted in units that are the same on every machine, so that
//! what a file asks for is refused everywhere or nowhere; beside it the caller may watch a clock.

use crate::program::Damage;
use std::cell::Cell;

/// Units between two looks at the clock: a tenth of a second at most.
const UNITS_BETWEEN_LOOKS: u64 = 1 << 22;

/// Why work ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// More units were asked for than there are.
    Units,
    /// The clock said so.
    Clock,
}

impl Stop {
    /// What was exceeded, in the words of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Units => "WORK_PER_BYTE",
            Self::Clock => "the time that was set for it",
        }
    }
}

/// What may still be done. One unit is a byte looked at, or what takes about as long: some nanoseconds.
pub struct Work<'a> {
    left: Cell<u64>,
    /// Units left at the next look at the clock.
    look: Cell<u64>,
    is_late: &'a dyn Fn() -> bool,
    stopped: Cell<Option<Stop>>,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("left", &self.left).field("stopped", &self.stopped).finish_non_exhaustive()
    }
}

impl<'a> Work<'a> {
    /// So many units, and a clock that is asked now and then whether it is too late.
    #[must_use]
    pub fn new(units: u64, is_late: &'a dyn Fn() -> bool) -> Self {
        Self { left: Cell::new(units), look: Cell::new(units), is_late, stopped: Cell::new(None) }
    }

    /// Without an end: for what is the caller's own.
    #[must_use]
    pub fn endless() -> Self {
        Self::new(u64::MAX, &|| false)
    }

    /// Allows for more.
    pub fn grant(&self, units: u64) {
        self.left.set(self.left.get().saturating_add(units));
        self.look.set(self.look.get().saturating_add(units));
    }

    /// Counts what is about to be done.
    ///
    /// # Errors
    /// If it must not be done any more, now and ever after.
    pub fn spend(&self, units: u64) -> Result<(), Damage> {
        if self.stopped.get().is_some() {
            return Err(Damage::Budget);
        }
        let Some(left) = self.left.get().checked_sub(units) else { return self.stop(Stop::Units) };
        self.left.set(left);
        if left <= self.look.get() {
            self.look.set(left.saturating_sub(UNITS_BETWEEN_LOOKS));
            if (self.is_late)() {
                return self.stop(Stop::Clock);
            }
        }
        Ok(())
    }

    fn stop(&self, why: Stop) -> Result<(), Damage> {
        self.stopped.set(Some(why));
        Err(Damage::Budget)
    }

    /// Why work ended, if it did before it was done.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stopped_stays_stopped() {
        let work = Work::new(10, &|| false);
        assert_eq!((work.spend(10), work.stopped()), (Ok(()), None));
        assert_eq!((work.spend(1), work.stopped()), (Err(Damage::Budget), Some(Stop::Units)));
        work.grant(100);
        assert_eq!(work.spend(1), Err(Damage::Budget));
    }

    #[test]
    fn the_clock_is_looked_at_now_and_then() {
        let looks = Cell::new(0);
        let is_late = || {
            looks.set(looks.get() + 1);
            looks.get() > 4
        };
        let work = Work::new(u64::MAX, &is_late);
        let mut units = 0_u64;
        while work.spend(1_000).is_ok() {
            units += 1_000;
        }
        assert_eq!(work.stopped(), Some(Stop::Clock));
        assert!((3 * UNITS_BETWEEN_LOOKS..5 * UNITS_BETWEEN_LOOKS).contains(&units), "{units}");
    }
}
