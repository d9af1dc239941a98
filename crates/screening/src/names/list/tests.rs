//! Names found as people write them; a search finds what scoring every name would.

use super::*;

fn list() -> List {
    let mut builder = Builder::default();
    for (party, (name, kind)) in (0..).zip([
        ("PUTIN, Vladimir Vladimirovich", Kind::Person),
        ("LAVROV, Sergey Viktorovich", Kind::Person),
        ("AL-TIKRITI, Barzan Ibrahim Hasan", Kind::Person),
        ("ROSNEFT OIL COMPANY", Kind::Company),
        ("Bank Melli Iran", Kind::Company),
        ("USMANOV, Alisher", Kind::Person),
    ]) {
        builder.add(name, Entry { party, kind });
    }
    builder.finish()
}

fn best(list: &List, query: &str, kind: Kind) -> Option<(usize, f32)> {
    let matches = list.search(&Name::new(query, kind), crate::names::NOTE, &mut Scratch::default());
    matches.first().map(|found| (found.entry, found.alignment.score))
}

#[test]
fn listed_names_are_found_as_people_write_them() {
    let list = list();
    for (query, kind, entry) in [
        ("Vladimir Putin", Kind::Person, 0),
        ("Wladimir Putin", Kind::Person, 0),
        ("Владимир Путин", Kind::Person, 0),
        ("Sergei Lavrov", Kind::Person, 1),
        ("Barzan Ibrahim Hasan al-Tikriti", Kind::Person, 2),
        ("Rosneft", Kind::Company, 3),
        ("Bank Meli Iran", Kind::Company, 4),
        ("AlisherUsmanov", Kind::Person, 5),
    ] {
        assert_eq!(best(&list, query, kind).map(|(entry, _)| entry), Some(entry), "{query}");
    }
    assert_eq!(best(&list, "PUTIN, Vladimir Vladimirovich", Kind::Person), Some((0, 1.0)));
    assert_eq!(list.text(5), "USMANOV, Alisher");
}

#[test]
fn other_names_are_not() {
    let list = list();
    for query in ["John Smith", "Vladimir Petrov", "Hasan Petrov", "", "x", "Maria Putinova Garcia Lopez"] {
        assert_eq!(best(&list, query, Kind::Person), None, "{query}");
    }
}

#[test]
fn an_empty_list_finds_nothing() {
    let list = Builder::default().finish();
    assert!(list.is_empty() && list.entry(0).is_none());
    assert_eq!(best(&list, "John Smith", Kind::Person), None);
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    fn slip(&mut self, word: &str) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        for _ in 0..self.below(4) {
            let at = self.below(letters.len());
            match self.below(4) {
                0 if letters.len() > 1 => drop(letters.remove(at)),
                1 => letters.insert(at, ['a', 'e', 'k', 's'][self.below(4)]),
                2 if at + 1 < letters.len() => letters.swap(at, at + 1),
                _ if at < letters.len() => letters[at] = ['c', 'i', 'v', 't', 'u'][self.below(5)],
                _ => {}
            }
        }
        letters.into_iter().collect()
    }

    fn name(&mut self, words: &[&str]) -> String {
        let mut parts: Vec<String> = Vec::new();
        for _ in 0..=self.below(4) {
            let word = self.pick(words).to_owned();
            let word = match self.below(8) {
                0 | 1 => self.slip(&word),
                2 => word.chars().take(1).collect(),
                3 => word + self.pick(words),
                _ => word,
            };
            parts.push(word);
        }
        parts.join(" ")
    }
}

const WORDS: &[&str] = &[
    "vladimir",
    "sergei",
    "ali",
    "al",
    "bin",
    "abd",
    "allah",
    "abdullah",
    "muhammad",
    "hassan",
    "husayn",
    "li",
    "lii",
    "putin",
    "lavrov",
    "konstantinopolsky",
    "johannesburg",
    "smith",
    "smyth",
    "john",
    "ivan",
    "mary",
    "kim",
    "jong",
    "un",
    "bank",
    "oil",
    "trading",
    "company",
    "llc",
    "ooo",
    "group",
    "national",
    "iran",
    "melli",
    "aba",
    "nba",
    "2",
    "two",
    "internationalisation",
    "christopher",
    "chris",
    "bob",
    "robert",
    "garcia",
    "de",
    "la",
    "cruz",
    "ben",
    "benjamin",
    "x",
    "우진",
    "정은",
    "金正恩",
    "حسين",
    "علي",
    "زيد",
    "آل",
    "中国银行",
];

#[test]
fn a_search_finds_what_scoring_every_name_would() {
    let mut chance = Chance(20_200_920);
    let mut builder = Builder::default();
    for party in 0..900 {
        let kind = if chance.below(2) == 0 { Kind::Person } else { Kind::Company };
        builder.add(&chance.name(WORDS), Entry { party, kind });
    }
    let list = builder.finish();
    let (mut scratch, mut found) = (Scratch::default(), 0);
    for _ in 0..700 {
        let kind = if chance.below(2) == 0 { Kind::Person } else { Kind::Company };
        let written = chance.name(WORDS);
        let query = Name::new(&written, kind);
        for least in [0.75, 0.85] {
            let (fast, slow) = (list.search(&query, least, &mut scratch), list.search_all(&query, least));
            let show = |matches: &[Match]| -> Vec<String> {
                matches.iter().map(|m| format!("{:.3} {}", m.alignment.score, list.text(m.entry))).collect()
            };
            assert!(fast == slow, "{written} {kind:?} {least}: {:?} {:?}", show(&fast), show(&slow));
            found += fast.len();
        }
    }
    assert!(found > 300, "{found}");
}

#[test]
fn a_search_for_scripts_without_vowels_does_too() {
    let list = list();
    for query in ["فلاديمير بوتين", "ولاديمير", "Владимир Путин", "弗拉基米尔"] {
        let query = Name::new(query, Kind::Person);
        assert_eq!(list.search(&query, 0.75, &mut Scratch::default()), list.search_all(&query, 0.75));
    }
}

/// A list in which some given and family names are common and others are not.
fn crowd() -> List {
    let mut builder = Builder::default();
    let given = ["Carlos", "Maria", "Jose", "Luis", "Ana", "Jorge", "Rosa", "Pedro"];
    let family = ["Lopez", "Garcia", "Gomez", "Vargas", "Ortiz", "Rivera", "Torres"];
    for n in 0..2_000_u32 {
        let pick = |words: &[&'static str], by: u32| words[(n / by) as usize % words.len()];
        let name = format!("{} ZU{n}RAN, {} {}", pick(&family, 1), pick(&given, 1), pick(&given, 8));
        builder.add(&name, Entry { party: n, kind: Kind::Person });
    }
    builder.add("OSTERBAUM GUTTMANN, Ferdinand Valentin", Entry { party: 9_000, kind: Kind::Person });
    builder.add("ZHANG, Jian", Entry { party: 9_001, kind: Kind::Person });
    builder.add("YUN, Ho-Jin", Entry { party: 9_002, kind: Kind::Person });
    builder.finish()
}

#[test]
fn what_many_share_tells_nobody_where_more_is_left_over() {
    let list = crowd();
    // Rare words are enough, though others are left out; common ones are not.
    assert_eq!(best(&list, "Ferdinand Osterbaum", Kind::Person).map(|(entry, _)| entry), Some(2_000));
    assert_eq!(best(&list, "Carlos Lopez", Kind::Person), None);
    // The whole name is enough, however common.
    assert_eq!(best(&list, list.text(17), Kind::Person), Some((17, 1.0)));
    let found = list.search(&Name::new("Carlos Lopez", Kind::Person), 0.6, &mut Scratch::default());
    assert!(found.iter().all(|found| found.alignment.factors.iter().any(|(why, _)| why.contains("common"))));
}

#[test]
fn half_a_name_in_syllables_is_another_name() {
    let list = crowd();
    assert_eq!(best(&list, "张健", Kind::Person).map(|(entry, _)| entry), Some(2_001));
    assert_eq!(best(&list, "张建超", Kind::Person), None);
}

#[test]
fn words_parted_at_another_letter_are_the_same() {
    let list = crowd();
    for query in ["Yun Hoj-in", "YUN HOJIN", "Yun Ho Jin", "Hoj In Yun"] {
        assert_eq!(best(&list, query, Kind::Person).map(|(entry, _)| entry), Some(2_002), "{query}");
    }
}
