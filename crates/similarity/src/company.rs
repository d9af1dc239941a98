//! The company a function keeps: what it calls, what calls it, the class it stands in. Worked out once for a
//! program, since every reference it is compared with asks the same.

use crate::program::Program;

/// Lists for each of many numbers, one after the other.
#[derive(Clone, Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From pairs of number and item; the lists come out sorted, each item once.
    fn new(count: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_u32; count + 1];
        for (number, _) in pairs {
            if let Some(slot) = starts.get_mut(*number as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        let mut items = vec![0_u32; sum as usize];
        for (number, item) in pairs {
            let Some(at) = next.get_mut(*number as usize) else { continue };
            if let Some(slot) = items.get_mut(*at as usize) {
                *slot = *item;
                *at += 1;
            }
        }
        Self { starts, items }.tidy()
    }

    /// Each list sorted, each item of it once.
    fn tidy(mut self) -> Self {
        let (mut kept, mut from) = (0, 0);
        for end in self.starts.iter_mut().skip(1) {
            let list = from..*end as usize;
            if let Some(list) = self.items.get_mut(list.clone()).filter(|list| !list.is_sorted()) {
                list.sort_unstable();
            }
            let mut last = None;
            for n in list {
                let Some(item) = self.items.get(n).copied() else { break };
                if last != Some(item) {
                    last = Some(item);
                    if let Some(slot) = self.items.get_mut(kept) {
                        *slot = item;
                    }
                    kept += 1;
                }
            }
            from = std::mem::replace(end, u32::try_from(kept).unwrap_or(u32::MAX)) as usize;
        }
        self.items.truncate(kept);
        self
    }

    fn of(&self, number: u32) -> &[u32] {
        let at = |n: usize| self.starts.get(n).map(|start| *start as usize);
        let (Some(start), Some(end)) = (at(number as usize), at(number as usize + 1)) else { return &[] };
        self.items.get(start..end).unwrap_or(&[])
    }
}

/// Who goes with whom in one program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Company {
    callees: Lists,
    callers: Lists,
    members: Lists,
}

impl Company {
    pub(crate) fn new(program: &Program) -> Self {
        let symbols = program.symbols();
        let mut calls = Vec::with_capacity(program.calls.len());
        let mut members = Vec::with_capacity(program.functions.len());
        for (function, n) in program.functions.iter().zip(0_u32..) {
            members.push((function.class, n));
            let called = program.calls_of(function).iter().filter_map(|symbol| symbols.get(symbol));
            calls.extend(called.map(|callee| (n, *callee)));
        }
        let back: Vec<(u32, u32)> = calls.iter().map(|(caller, callee)| (*callee, *caller)).collect();
        let count = program.functions.len();
        Self {
            callees: Lists::new(count, &calls),
            callers: Lists::new(count, &back),
            members: Lists::new(program.classes.len(), &members),
        }
    }

    /// The functions of the program that one calls, each once, in order of number.
    pub(crate) fn callees(&self, function: u32) -> &[u32] {
        self.callees.of(function)
    }

    /// The functions that call it.
    pub(crate) fn callers(&self, function: u32) -> &[u32] {
        self.callers.of(function)
    }

    /// The functions of a class.
    pub(crate) fn members(&self, class: u32) -> &[u32] {
        self.members.of(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Class, Function, Span};

    #[test]
    fn calls_are_known_from_both_ends() {
        let mut program = Program::default();
        let name = Span::default();
        program.classes = vec![Class { name }; 2];
        program.calls = vec![12, 11, 12, 99];
        let function = |class, symbol, start, end| Function {
            class,
            name,
            tokens: 1,
            symbol,
            shape: 0,
            body: 0,
            fingerprints: Span::default(),
            calls: Span { start, end },
        };
        program.functions = vec![function(0, 10, 0, 4), function(1, 11, 0, 1), function(0, 12, 4, 4)];
        let company = Company::new(&program);
        assert_eq!(company.callees(0), [1, 2], "each once; what is not there is left out");
        assert_eq!(company.callers(2), [0, 1]);
        assert_eq!(company.members(0), [0, 2]);
        assert_eq!(company.members(7), [0_u32; 0]);
    }
}
