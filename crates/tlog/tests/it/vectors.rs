//! Roots and proofs that golang.org/x/mod computed.

use serde::Deserialize;
use std::collections::BTreeMap;
use tlog::Hash;
use tlog::tree::{self, Span};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vectors {
    roots: BTreeMap<u64, String>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inclusion {
    size: u64,
    index: u64,
    leaf: String,
    proof: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consistency {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

fn hash(text: &str) -> Hash {
    Hash::from_base64(text).unwrap()
}

fn hashes(texts: &[String]) -> Vec<Hash> {
    texts.iter().map(|text| hash(text)).collect()
}

#[test]
fn roots_and_proofs_are_those_of_the_go_implementation() {
    let Some(path) = crate::shared("rfc6962_vectors_xmod.json") else { return };
    let vectors: Vectors = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let largest = *vectors.roots.keys().max().unwrap();
    let leaves: Vec<Hash> = (0..largest).map(|index| Hash::leaf(format!("entry-{index}").as_bytes())).collect();
    let mut frontier = tree::Frontier::default();
    let mut roots = BTreeMap::new();
    for leaf in &leaves {
        frontier.push(*leaf);
        if vectors.roots.contains_key(&frontier.size()) {
            roots.insert(frontier.size(), frontier.root());
        }
    }
    for (size, root) in &vectors.roots {
        assert_eq!(roots[size], hash(root), "root at {size}");
    }
    let ours = |spans: Vec<Span>| -> Vec<Hash> {
        spans.iter().map(|span| tree::root(&leaves[span.start as usize..span.end as usize])).collect()
    };
    for vector in &vectors.inclusion {
        let (leaf, proof) = (hash(&vector.leaf), hashes(&vector.proof));
        assert_eq!(leaf, leaves[vector.index as usize]);
        assert_eq!(ours(tree::inclusion_spans(vector.size, vector.index)), proof);
        tree::verify_inclusion(leaf, vector.index, vector.size, &proof, roots[&vector.size]).unwrap();
    }
    for vector in &vectors.consistency {
        let proof = hashes(&vector.proof);
        assert_eq!(ours(tree::consistency_spans(vector.old, vector.new)), proof);
        // An older tree is not always one whose root is given: its own leaves make it.
        let made = || tree::root(&leaves[..vector.old as usize]);
        let old = (vector.old, roots.get(&vector.old).copied().unwrap_or_else(made));
        let new = (vector.new, roots[&vector.new]);
        tree::verify_consistency(old, new, &proof).unwrap();
    }
    assert_eq!((vectors.roots.len(), vectors.inclusion.len(), vectors.consistency.len()), (19, 94, 122));
}
