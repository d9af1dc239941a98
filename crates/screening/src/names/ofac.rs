//! What the public Sanctions List Search of the United States Treasury would say: whole strings and single
//! words by Jaro-Winkler, words also by Soundex, the higher counts (OFAC FAQ 249).

use super::sound::soundex;
use crate::text;

/// Its score, in whole percent, as the site shows it.
#[must_use]
pub fn score(asked: &str, listed: &str) -> u8 {
    let (asked, listed) = (spelled(asked), spelled(listed));
    let whole = jaro_winkler(&asked.join(" "), &listed.join(" "));
    let best = |word: &String| {
        let near = listed.iter().filter(|other| other.chars().next() == word.chars().next()).map(|other| {
            let sounds = if soundex(word) == soundex(other) { 0.9 } else { 0.0 };
            jaro_winkler(word, other).max(sounds)
        });
        near.fold(0.0, f64::max)
    };
    let parts = if asked.is_empty() { 0.0 } else { asked.iter().map(best).sum::<f64>() / asked.len() as f64 };
    (whole.max(parts) * 100.0).round().clamp(0.0, 100.0) as u8
}

fn spelled(name: &str) -> Vec<String> {
    let keys = text::keys(name);
    let key = keys.latin.as_ref().unwrap_or(&keys.own);
    key.words().filter_map(|word| key.letters.get(word)).map(str::to_owned).collect()
}

/// Jaro-Winkler, with the bonus for a common beginning given at any similarity, as the site does.
#[must_use]
pub fn jaro_winkler(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let jaro = jaro(&a, &b);
    let common = a.iter().zip(&b).take(4).take_while(|(x, y)| x == y).count();
    jaro + common as f64 * 0.1 * (1.0 - jaro)
}

fn jaro(a: &[char], b: &[char]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 1.0 } else { 0.0 };
    }
    let reach = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; b.len()];
    let mut met_a = Vec::new();
    for (n, x) in a.iter().enumerate() {
        let from = n.saturating_sub(reach);
        let found =
            (from..(n + reach + 1).min(b.len())).find(|m| b.get(*m) == Some(x) && taken.get(*m) == Some(&false));
        if let Some(slot) = found.and_then(|m| taken.get_mut(m)) {
            *slot = true;
            met_a.push(*x);
        }
    }
    if met_a.is_empty() {
        return 0.0;
    }
    let met_b = b.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(y, _)| *y);
    let turned = met_a.iter().zip(met_b).filter(|(x, y)| *x != y).count() as f64 / 2.0;
    let met = met_a.len() as f64;
    (met / a.len() as f64 + met / b.len() as f64 + (met - turned) / met) / 3.0
}

#[cfg(test)]
mod tests {
    use super::{jaro_winkler, score};

    #[test]
    fn jaro_winkler_is_the_published_one() {
        for (a, b, expected) in [("martha", "marhta", 0.961), ("dixon", "dicksonx", 0.813), ("dwayne", "duane", 0.84)] {
            assert!((jaro_winkler(a, b) - expected).abs() < 0.001, "{a} {b} {}", jaro_winkler(a, b));
        }
    }

    #[test]
    fn the_same_name_is_a_hundred() {
        assert_eq!(score("Nicolas Maduro", "MADURO, Nicolas"), 100);
        assert_eq!(score("", "x"), 0);
    }
}
