//! The matrix: every library under every transformation, looked for among all references.

use crate::mapping::{Mapping, Place, Types};
use crate::world::{self, Half, Made};
use rustc_hash::{FxHashMap, FxHashSet};
use similarity::background::Background;
use similarity::fingerprint::{hash, mix};
use similarity::index::{Index, Reference};
use similarity::matching::{self, Evidence, Via};
use similarity::program::{Function, Program};
use similarity::verdict::{self, Verdict};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// A pair is an inclusion when, by the mapping file alone, at least this many of the target's methods of
/// [`RECALL_TOKENS_MIN`] tokens and more stand in what was made, or half of all it has if that is less. A shrinker that keeps an interface or two has not
/// included the library, and nothing that reads code could tell.
const INCLUSION_METHODS_MIN: usize = 5;
/// Methods of fewer tokens are not asked for.
const RECALL_TOKENS_MIN: u32 = 20;

/// Rows where nothing is renamed, so that nothing is written down.
const NAMES_KEPT: [&str; 3] = ["dx", "d8old", "ecj"];

#[derive(Default)]
struct Row {
    pairs: Vec<(f32, f32, u32, String)>,
    hosts: Vec<(f32, f32, u32, String)>,
    claimed: [usize; 2],
    right: [usize; 2],
    /// Methods that the mapping file says are there; those found; those found by themselves.
    wanted: usize,
    recalled: usize,
    direct: usize,
    /// Those of which there still are as many tokens where they stand, and those of them found.
    whole: usize,
    whole_recalled: usize,
    /// Claims about methods that are long enough to be asked for, and those of them that are right.
    long_claimed: usize,
    long_right: usize,
    verdicts: [usize; 3],
    empty: usize,
}

pub fn run(folder: &Path) {
    let start = Instant::now();
    let index = Index::new(world::references(folder), &Background::default());
    println!("{} references, {} functions, {} postings, {:.1?}", index.references().len(), index.functions(), index.postings(), start.elapsed());
    let mut rows: BTreeMap<(Half, String), Row> = BTreeMap::new();
    let mut unrelated: Vec<(f32, f32, u32, String)> = Vec::new();
    let mut none = 0;
    let mut judged: [Vec<(f32, bool, String)>; 3] = Default::default();
    let shared = world::shared();
    let mut features = Vec::new();
    let (mut read, mut matched, mut bytes) = (0.0, 0.0, 0_u64);
    for made in world::made(folder) {
        let Ok(raw) = std::fs::read(&made.path) else { continue };
        let t = Instant::now();
        let program = world::program(&raw);
        read += t.elapsed().as_secs_f64();
        bytes += raw.len() as u64;
        let t = Instant::now();
        let found = matching::find(&index, &program);
        matched += t.elapsed().as_secs_f64();
        let reference = |name: &str| index.references().iter().find(|r| r.lineage == name).map(|r| &r.program);
        let inside = |name: &str| reference(name).is_some_and(|known| is_included(known, &program, &made, folder));
        let (is_inclusion, is_host_included) = (inside(&made.target), made.host.as_deref().is_some_and(inside));
        let of_half = Half::of(&made.target);
        let row = rows.entry((of_half, made.row.clone())).or_default();
        let of = |name: &str| {
            let evidence = found.iter().find(|e| index.references()[e.reference].lineage == name);
            let (d, c, f) = evidence.map_or((0.0, 0.0, 0), |e| (e.distinct, e.containment, e.functions));
            (d, c, f, format!("{} in {}", name, made.path.file_name().expect("a name").to_string_lossy()))
        };
        if is_inclusion {
            row.pairs.push(of(&made.target));
        } else {
            row.empty += 1;
        }
        if let Some(host) = made.host.as_ref().filter(|_| is_host_included) {
            row.hosts.push(of(host));
        }
        for evidence in &found {
            let name = &index.references()[evidence.reference].lineage;
            let judgement = verdict::judge(&index, evidence);
            let related = |a: &str| shared.iter().any(|(x, y)| (x == a && y == name) || (y == a && x == name));
            let own = *name == made.target || Some(name) == made.host.as_ref();
            if !own && (related(&made.target) || made.host.as_deref().is_some_and(related)) {
                continue;
            }
            // Less than an inclusion, yet true: neither for nor against.
            if (*name == made.target && !is_inclusion) || (Some(name) == made.host.as_ref() && !is_host_included) {
                continue;
            }
            let file = made.path.file_name().expect("a name").to_string_lossy();
            features.push(feature(of_half, own, evidence, judgement.probability, name, &file, program.functions.len()));
            let half = &mut judged[of_half as usize];
            half.push((judgement.probability, own, format!("{name} in {}", made.path.file_name().expect("a name").to_string_lossy())));
            if *name == made.target && is_inclusion {
                row.verdicts[place(judgement.verdict)] += 1;
            }
        }
        none += index.references().len() - found.len();
        for evidence in &found {
            let name = &index.references()[evidence.reference].lineage;
            if *name != made.target && Some(name) != made.host.as_ref() {
                unrelated.push(of(name));
            } else if *name == made.target {
                methods(&index, evidence, &program, &made, folder, row);
            }
        }
    }
    std::fs::write(folder.join("features.tsv"), features.join("\n")).expect("writable");
    report(&rows);
    summary(&rows);
    reliability(&judged);
    unrelated.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("unrelated pairs: {} without anything, {} with something; heaviest:", none, unrelated.len());
    for (distinct, containment, functions, name) in unrelated.iter().take(25) {
        println!("  {distinct:7.1} {containment:.4} {functions:4} {name}");
    }
    println!("read {:.0} MB/s, matched {:.0} MB/s", bytes as f64 / 1e6 / read, bytes as f64 / 1e6 / matched);
}

/// What was found, for whoever fits the verdict.
fn feature(half: Half, own: bool, found: &Evidence, probability: f32, name: &str, file: &str, among: usize) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{probability}\t{name}\t{file}\t{among}", half.word(), u8::from(own), found.distinct, found.functions, found.classes,
        found.links, found.containment
    )
}

/// Large programs that are put together of many libraries: how many of them for either half,
const LARGE: u64 = 8;
/// and the rows whose files are put into them.
const LARGE_ROWS: [&str; 5] = ["r8f1", "r8f3", "r8f10", "r8f30", "hostile30"];

/// Every library looked for in every other, and in large programs put together of many others: whatever is found is
/// false, but for known sharing. Then the same with a transformed file in each, which is to be found.
pub fn whole(folder: &Path) {
    let index = Index::new(world::references(folder), &Background::default());
    let mut looking = Looking { index: &index, shared: world::shared(), features: Vec::new() };
    let mut sum = [0_usize; 3];
    for one in index.references() {
        let claims = looking.falsely(&one.program, &[&one.lineage], Half::of(&one.lineage), &one.lineage);
        (0..3).for_each(|n| sum[n] += claims[n]);
    }
    let all = index.references().len() * (index.references().len() - 1) - 2 * looking.shared.len();
    println!("{all} pairs: {} claimed, {} unsure, {} of the rest with evidence", sum[0], sum[1], sum[2]);
    let made: Vec<Made> = world::made(folder).into_iter().filter(|made| LARGE_ROWS.contains(&made.row.as_str())).collect();
    for (half, words) in [(Half::Calibration, "calibration"), (Half::Fresh, "test and fresh")] {
        let of_half = |name: &str| (Half::of(name) == Half::Calibration) == (half == Half::Calibration);
        let mut rows: BTreeMap<(Half, String), [usize; 3]> = BTreeMap::new();
        let (mut sum, mut asked, mut megabytes) = ([0_usize; 3], 0, Vec::new());
        let all = index.references().iter().filter(|r| of_half(&r.lineage)).count();
        for n in 0..LARGE {
            let parts: Vec<&Reference> = index.references().iter().filter(|r| of_half(&r.lineage) && is_part(&r.lineage, n)).collect();
            let names: Vec<&str> = parts.iter().map(|part| part.lineage.as_str()).collect();
            let mut program = Program::default();
            parts.iter().for_each(|part| program.append(&part.program));
            megabytes.push(program.code_bytes / 1_000_000);
            asked += all - parts.len();
            let claims = looking.falsely(&program, &names, half, &format!("large {n}"));
            (0..3).for_each(|n| sum[n] += claims[n]);
            for made in made.iter().filter(|made| of_half(&made.target) && home(&made.target) == n) {
                if let Some(found) = looking.truly(&program, &names, made, folder, n) {
                    rows.entry((Half::of(&made.target), made.row.clone())).or_default()[found] += 1;
                }
            }
        }
        megabytes.sort_unstable();
        println!(
            "{LARGE} programs of {} to {} MB of {words}: of {asked} others {} claimed, {} unsure, {} of the rest with evidence",
            megabytes[0], megabytes[megabytes.len() - 1], sum[0], sum[1], sum[2]
        );
        for ((half, row), [contains, unsure, not]) in rows {
            println!("  {} {row} in them: contains {contains}, unsure {unsure}, not {not}", half.word());
        }
    }
    std::fs::write(folder.join("features.whole.tsv"), looking.features.join("\n")).expect("writable");
}

/// Whether a library is in a large program: one in two, three or four is.
fn is_part(library: &str, large: u64) -> bool {
    mix(hash(library.as_bytes()) ^ (large << 32)).is_multiple_of(2 + large % 3)
}

/// The large program that a library's transformed files are put into: one that does not hold it.
fn home(library: &str) -> u64 {
    let first = hash(library.as_bytes()) % LARGE;
    (0..LARGE).map(|n| (first + n) % LARGE).find(|n| !is_part(library, *n)).unwrap_or(0)
}

/// What is looked for in whole libraries and large programs.
struct Looking<'a> {
    index: &'a Index,
    shared: Vec<(String, String)>,
    features: Vec<String>,
}

impl Looking<'_> {
    fn is_related(&self, a: &str, b: &str) -> bool {
        a == b || self.shared.iter().any(|(x, y)| (x == a && y == b) || (y == a && x == b))
    }

    /// What is claimed, unsure, and found a little of, where nothing is.
    fn falsely(&mut self, program: &Program, parts: &[&str], half: Half, file: &str) -> [usize; 3] {
        let mut claims = [0_usize; 3];
        for evidence in &matching::find(self.index, program) {
            let name = &self.index.references()[evidence.reference].lineage;
            // A large program of one half is asked for libraries of that half only.
            if parts.iter().any(|part| self.is_related(part, name)) || (parts.len() > 1 && (Half::of(name) == Half::Calibration) != (half == Half::Calibration)) {
                continue;
            }
            let judgement = verdict::judge(self.index, evidence);
            claims[place(judgement.verdict)] += 1;
            if place(judgement.verdict) < 2 {
                println!("  {:.2} {name} in {file}, {} functions, {:.3} contained", judgement.probability, evidence.functions, evidence.containment);
            }
            self.features.push(feature(half.max(Half::of(name)), false, evidence, judgement.probability, name, file, program.functions.len()));
        }
        claims
    }

    /// What is said of a file's library when the file stands in a large program; nothing where it is no inclusion.
    fn truly(&mut self, large: &Program, parts: &[&str], made: &Made, folder: &Path, n: u64) -> Option<usize> {
        let own = world::read(&made.path);
        let known = &self.index.references().iter().find(|r| r.lineage == made.target)?.program;
        // Code that another part holds as well would be found without the file.
        if parts.iter().any(|part| self.is_related(part, &made.target)) || !is_included(known, &own, made, folder) {
            return None;
        }
        let mut program = large.clone();
        program.append(&own);
        let found = matching::find(self.index, &program);
        let Some(evidence) = found.iter().find(|e| self.index.references()[e.reference].lineage == made.target) else { return Some(2) };
        let judgement = verdict::judge(self.index, evidence);
        let file = format!("{} in large {n}", made.path.file_name().expect("a name").to_string_lossy());
        self.features.push(feature(Half::of(&made.target), true, evidence, judgement.probability, &made.target, &file, program.functions.len()));
        Some(place(judgement.verdict))
    }
}

const fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Contains => 0,
        Verdict::Unsure => 1,
        Verdict::DoesNotContain { .. } => 2,
    }
}

/// The functions of a program by class and name.
type Present<'a> = FxHashMap<(&'a str, &'a str), Vec<&'a Function>>;

fn present(program: &Program) -> Present<'_> {
    let mut present = Present::default();
    for function in &program.functions {
        present.entry((program.class_name(function), program.words(function.name))).or_default().push(function);
    }
    present
}

/// What is known about one library in one made file.
struct Truth<'a> {
    mapping: Mapping,
    keeps_names: bool,
    is_compiled_anew: bool,
    known: &'a Program,
    present: Present<'a>,
}

impl<'a> Truth<'a> {
    fn of(made: &Made, folder: &Path, known: &'a Program, program: &'a Program) -> Option<Self> {
        Some(Self { mapping: mapping_of(made, folder)?, keeps_names: keeps_names(made), is_compiled_anew: made.row == "ecj", known, present: present(program) })
    }

    /// Whether anything is written down about a method.
    fn tells(&self, function: &Function) -> bool {
        // Each compiler has names of its own for what it makes itself, and counts nameless classes as it likes.
        let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let is_nameless = || self.known.class_name(function).split('$').skip(1).any(is_number);
        if self.is_compiled_anew && (self.known.words(function.name).contains('$') || is_nameless()) {
            return false;
        }
        self.keeps_names || self.mapping.tells(self.known, function)
    }

    /// Where a method of the original stands in what was made, by the mapping file.
    fn places(&self, function: &Function) -> Vec<Place> {
        // Nothing renames there, and nothing is written down.
        if self.keeps_names {
            let (class, name) = (self.known.class_name(function).to_owned(), self.known.words(function.name).to_owned());
            return vec![Place { class, name, types: Types::These(function.shape) }];
        }
        let mut places = self.mapping.places(self.known, function);
        // R8 does not write down that it took parameters from a constructor, which keeps its name.
        if self.known.words(function.name) == "<init>" && self.survives(&places).is_none() {
            for place in places.iter_mut().filter(|place| matches!(place.types, Types::These(_))) {
                let all = self.known.functions.iter().filter(|f| f.class == function.class && self.known.words(f.name) == "<init>");
                place.types = Types::NoneOf(all.map(|f| f.shape).collect());
            }
        }
        places
    }

    /// Tokens of the longest function that stands in one of these places; nothing if none does.
    fn survives(&self, places: &[Place]) -> Option<u32> {
        let at = |place: &Place| {
            let named = self.present.get(&(place.class.as_str(), place.name.as_str()))?;
            named.iter().filter(|f| place.types.fit(f)).map(|f| f.tokens).max()
        };
        places.iter().filter_map(at).max()
    }
}

fn keeps_names(made: &Made) -> bool {
    NAMES_KEPT.contains(&made.row.as_str())
}

fn mapping_of(made: &Made, folder: &Path) -> Option<Mapping> {
    let map = folder.join("maps").join(made.path.file_name().expect("a name")).with_extension("map");
    if keeps_names(made) { Some(Mapping::default()) } else { Mapping::read(&map) }
}

/// Whether enough of a library's methods that are long enough to be recognised are there.
fn is_included(known: &Program, program: &Program, made: &Made, folder: &Path) -> bool {
    let Some(truth) = Truth::of(made, folder, known, program) else { return false };
    let long = || known.functions.iter().filter(|f| f.tokens >= RECALL_TOKENS_MIN);
    let there = long().filter(|f| truth.survives(&truth.places(f)).is_some()).count();
    there > 0 && there >= INCLUSION_METHODS_MIN.min(long().count().div_ceil(2))
}

fn methods(index: &Index, evidence: &Evidence, program: &Program, made: &Made, folder: &Path, row: &mut Row) {
    let known = &index.references()[evidence.reference].program;
    let Some(truth) = Truth::of(made, folder, known, program) else { return };
    let mut found = FxHashSet::default();
    let mut direct = FxHashSet::default();
    for pair in &evidence.pairs {
        let (ours, theirs) = (&known.functions[pair.reference as usize], &program.functions[pair.program as usize]);
        if !truth.tells(ours) {
            continue;
        }
        let kind = usize::from(pair.via != Via::Fingerprints);
        let is_long = ours.tokens >= RECALL_TOKENS_MIN;
        row.claimed[kind] += 1;
        row.long_claimed += usize::from(is_long);
        if truth.places(ours).iter().any(|place| place.is(program, theirs)) {
            row.right[kind] += 1;
            row.long_right += usize::from(is_long);
            found.insert(pair.reference);
            if kind == 0 {
                direct.insert(pair.reference);
            }
        }
    }
    for (n, function) in known.functions.iter().enumerate().filter(|(_, f)| f.tokens >= RECALL_TOKENS_MIN && truth.tells(f)) {
        let places = truth.places(function);
        if let Some(tokens) = truth.survives(&places) {
            let is_whole = tokens >= RECALL_TOKENS_MIN;
            row.whole += usize::from(is_whole);
            row.whole_recalled += usize::from(is_whole && found.contains(&(n as u32)));
            row.wanted += 1;
            row.recalled += usize::from(found.contains(&(n as u32)));
            row.direct += usize::from(direct.contains(&(n as u32)));
        }
    }
}

fn report(rows: &BTreeMap<(Half, String), Row>) {
    println!("{:<18} {:>8} {:>8} {:>9} {:>9} {:>9} {:>17} {:>17}  recall (direct)", "row", "≥50", "hosts", "least", "median", "contains", "direct precision", "others precision");
    for ((half, name), row) in rows {
        let mut weights: Vec<f32> = row.pairs.iter().map(|p| p.0).collect();
        weights.sort_by(f32::total_cmp);
        let mut shares: Vec<f32> = row.pairs.iter().map(|p| p.1).collect();
        shares.sort_by(f32::total_cmp);
        let n = weights.len();
        let hit = weights.iter().filter(|w| **w >= 50.0).count();
        let hosts = row.hosts.iter().filter(|h| h.0 >= 50.0).count();
        let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
        println!(
            "{:<18} {:>4}/{:<3} {:>4}/{:<3} {:>9.0} {:>9.0} {:>9.3} {:>8.3} of {:<6} {:>8.3} of {:<6} {:.3} ({:.3}) of {}",
            format!("{} {name}", half.word()), hit, n, hosts, row.hosts.len(), weights.first().unwrap_or(&0.0), weights.get(n / 2).unwrap_or(&0.0), shares.get(n / 2).unwrap_or(&0.0),
            ratio(row.right[0], row.claimed[0]), row.claimed[0], ratio(row.right[1], row.claimed[1]), row.claimed[1],
            ratio(row.recalled, row.wanted), ratio(row.direct, row.wanted), row.wanted,
        );
        println!("      whole ones {:.3} of {}; all claims from {RECALL_TOKENS_MIN} tokens: precision {:.3} of {}", ratio(row.whole_recalled, row.whole), row.whole, ratio(row.long_right, row.long_claimed), row.long_claimed);
        println!("      contains {}, unsure {}, not {}; {} where too little was kept", row.verdicts[0], row.verdicts[1], n - row.verdicts[0] - row.verdicts[1], row.empty);
        for (weight, share, functions, what) in row.pairs.iter().chain(&row.hosts).filter(|p| p.0 < 50.0) {
            println!("      missed {what}: {weight:.0} {share:.3} {functions}");
        }
    }
}

/// Method by method under full R8, all shares of what was kept together.
fn summary(rows: &BTreeMap<(Half, String), Row>) {
    for half in Half::ALL {
        let of = |get: &dyn Fn(&Row) -> usize| rows.iter().filter(|((h, row), _)| *h == half && row.starts_with("r8f")).map(|(_, row)| get(row)).sum::<usize>() as f64;
        println!(
            "{} R8 full: recall {:.3} of {}, whole ones {:.3} of {}; precision direct {:.3}, others {:.3}, all from {RECALL_TOKENS_MIN} tokens {:.3}",
            half.word(), of(&|r| r.recalled) / of(&|r| r.wanted), of(&|r| r.wanted), of(&|r| r.whole_recalled) / of(&|r| r.whole), of(&|r| r.whole),
            of(&|r| r.right[0]) / of(&|r| r.claimed[0]), of(&|r| r.right[1]) / of(&|r| r.claimed[1]), of(&|r| r.long_right) / of(&|r| r.long_claimed)
        );
    }
}

/// How far the probabilities can be believed, on each half.
fn reliability(judged: &[Vec<(f32, bool, String)>; 3]) {
    for (half, name) in judged.iter().zip(Half::ALL.map(Half::word)) {
        let mut bins = [(0.0_f64, 0.0_f64, 0_usize); 10];
        for (p, truth, _) in half {
            let bin = &mut bins[((p * 10.0) as usize).min(9)];
            bin.0 += f64::from(*p);
            bin.1 += f64::from(u8::from(*truth));
            bin.2 += 1;
        }
        let error: f64 = bins.iter().map(|b| (b.0 - b.1).abs()).sum::<f64>() / half.len().max(1) as f64;
        let wrong = |least: f32| half.iter().filter(|(p, truth, _)| !truth && *p >= least).map(|(_, _, what)| what.clone()).collect::<Vec<_>>();
        println!("{name}: {} pairs with evidence, expected calibration error {error:.4}", half.len());
        println!("  falsely `contains`: {:?}", wrong(verdict::CONTAINS_MIN));
        println!("  falsely unsure or more: {}", wrong(verdict::UNSURE_MIN).len());
    }
}

/// Which methods of the calibration half are not found, and what is left of each where it stands: the share of its
/// fingerprints there, tokens on both sides, whether another method was found in that place.
pub fn misses(folder: &Path) {
    let index = Index::new(world::references(folder), &Background::default());
    for made in world::made(folder).into_iter().filter(|made| Half::of(&made.target) == Half::Calibration) {
        let program = world::read(&made.path);
        let found = matching::find(&index, &program);
        let Some(evidence) = found.iter().find(|e| index.references()[e.reference].lineage == made.target) else { continue };
        let known = &index.references()[evidence.reference].program;
        let Some(truth) = Truth::of(&made, folder, known, &program) else { continue };
        for pair in evidence.pairs.iter().filter(|pair| pair.via == Via::Fingerprints) {
            let (ours, theirs) = (&known.functions[pair.reference as usize], &program.functions[pair.program as usize]);
            let places = truth.places(ours);
            if truth.tells(ours) && !places.iter().any(|place| place.is(&program, theirs)) {
                println!(
                    "wrong\t{}\t{}\t{}→{}\t{}\tshape {}\t{:.2} {:.0}\tis in {places:?}",
                    made.path.file_name().expect("a name").to_string_lossy(), known.full_name(ours), ours.tokens, theirs.tokens,
                    program.full_name(theirs), ours.shape == theirs.shape, pair.similarity, pair.distinct
                );
            }
        }
        for (n, function) in known.functions.iter().enumerate().filter(|(_, f)| f.tokens >= RECALL_TOKENS_MIN) {
            let places = truth.places(function);
            let is_place = |f: &Function| places.iter().any(|place| place.is(&program, f));
            let claimed: Vec<_> = evidence.pairs.iter().filter(|pair| pair.reference == n as u32).collect();
            if truth.survives(&places).is_none() || claimed.iter().any(|pair| is_place(&program.functions[pair.program as usize])) {
                continue;
            }
            let own = known.fingerprints_of(function);
            let shared = |f: &Function| own.iter().filter(|one| program.fingerprints_of(f).binary_search(one).is_ok()).count();
            let all = program.functions.iter().enumerate().filter(|(_, f)| is_place(f));
            let Some((place, there)) = all.max_by_key(|(_, f)| shared(f)) else { continue };
            let taken: Vec<String> = evidence
                .pairs
                .iter()
                .filter(|pair| pair.program == place as u32)
                .map(|pair| format!("{} {:.2} {}", known.full_name(&known.functions[pair.reference as usize]), pair.similarity, pair.via.word()))
                .collect();
            let wrong: Vec<String> = claimed
                .iter()
                .map(|pair| format!("{} {:.2} {}", program.full_name(&program.functions[pair.program as usize]), pair.similarity, pair.via.word()))
                .collect();
            println!(
                "{}\t{}\t{}/{}\t{}→{}\t{}\t{}\ttaken by {taken:?}\tfound in {wrong:?}",
                made.path.file_name().expect("a name").to_string_lossy(), known.full_name(function), shared(there), own.len(),
                function.tokens, there.tokens, program.full_name(there), places.len()
            );
        }
    }
}
