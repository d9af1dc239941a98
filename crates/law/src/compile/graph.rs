//! Decision diagrams over facet states, shared wherever they are equal.

use crate::law::FacetId;
use foldhash::{HashMap, HashMapExt as _};
use std::hash::Hash;
use std::rc::Rc;

/// A diagram: an answer, or a node of the [`Graph`] it was made in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Root {
    Leaf(u32),
    Node(u32),
}

/// A test of one facet: its state selects a branch.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) facet: FacetId,
    /// State to branch.
    pub(super) map: Rc<[u8]>,
    pub(super) branches: Vec<Root>,
}

/// Values interned: equal ones get one number.
pub(super) struct Pool<T> {
    pub(super) items: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { items: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    pub(super) fn number(&mut self, item: T) -> u32 {
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let number = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.numbers.insert(item.clone(), number);
        self.items.push(item);
        number
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number as usize)
    }
}

/// The nodes of many diagrams.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: Pool<Node>,
}

impl Graph {
    /// The diagram that continues, for each state of `facet`, with the diagram given for it.
    pub(super) fn test(&mut self, facet: FacetId, by_state: &[Root]) -> Root {
        let mut branches: Vec<Root> = Vec::new();
        let mut map = Vec::with_capacity(by_state.len());
        for root in by_state {
            let branch = branches.iter().position(|b| b == root).unwrap_or_else(|| {
                branches.push(*root);
                branches.len() - 1
            });
            map.push(u8::try_from(branch).unwrap_or(u8::MAX));
        }
        match branches.as_slice() {
            [only] => *only,
            _ => Root::Node(self.nodes.number(Node { facet, map: map.into(), branches })),
        }
    }

    pub(super) fn node(&self, root: Root) -> Option<&Node> {
        match root {
            Root::Leaf(_) => None,
            Root::Node(n) => self.nodes.get(n),
        }
    }

    /// Where `state` of `facet` leads from `root`, if `root` tests that facet; else `root`.
    pub(super) fn step(&self, root: Root, facet: FacetId, state: usize) -> Root {
        match self.node(root) {
            Some(node) if node.facet == facet => {
                let branch = node.map.get(state).copied().unwrap_or(0);
                node.branches.get(usize::from(branch)).copied().unwrap_or(root)
            }
            Some(_) | None => root,
        }
    }
}
