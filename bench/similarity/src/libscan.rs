//! LibScan, written anew from the stages that its authors publish (USENIX Security 2023); none of its code is here.
//! First a filter by what classes declare, then methods by descriptor and the set of their opcodes, then the same for
//! what they call. Where the stages leave something open it is decided in its favour: see [`contains`].

use rustc_hash::FxHashMap;
use similarity::fingerprint::{hash, mix};
use similarity::platform;

/// Share of a class's instructions that must stand in matched methods.
const CLASS_MIN: f64 = 0.7;
/// The published threshold: share of a library's instructions in matched methods.
pub const LIBRARY_MIN: f64 = 0.85;
/// How far calls are followed.
const CHAIN_DEPTH: usize = 4;

type Opcodes = [u64; 4];

/// Whether one set lies in the other: a shrinker takes code out of a method, inlining puts some in.
fn contains(a: &Opcodes, b: &Opcodes) -> bool {
    let inside = |a: &Opcodes, b: &Opcodes| a.iter().zip(b).all(|(a, b)| a & !b == 0);
    inside(a, b) || inside(b, a)
}

struct Method {
    /// Static or not, and the types with the program's own erased.
    descriptor: u64,
    opcodes: Opcodes,
    count: u32,
    chain: Opcodes,
}

struct Class {
    /// What it declares, sorted.
    features: Vec<u64>,
    /// One bit for each feature, to turn most pairs away at once.
    bits: u64,
    methods: Vec<Method>,
    count: u32,
}

/// A library or an app.
pub struct Scanned {
    classes: Vec<Class>,
    count: u32,
}

impl Scanned {
    /// From a sound file.
    pub fn of(bytes: &[u8]) -> Self {
        let dex = Dex { bytes };
        let mut callees: FxHashMap<u32, (Opcodes, Vec<u32>)> = FxHashMap::default();
        let mut raw = Vec::new();
        for n in 0..dex.word(96) {
            let at = dex.word(100) as usize + n as usize * 32;
            let mut features = vec![mix(u64::from(dex.word(at + 4) & 0x600))];
            let mut methods = Vec::new();
            for (is_static, kind) in dex.fields_of(at) {
                features.push(mix(dex.erased(kind) ^ u64::from(is_static) ^ 0xf00));
            }
            for (index, is_static, code) in dex.methods_of(at) {
                let descriptor = mix(dex.prototype(index) ^ u64::from(is_static));
                features.push(descriptor);
                let (opcodes, count, calls) = dex.code(code);
                callees.insert(index, (opcodes, calls));
                methods.push((index, descriptor, opcodes, count));
            }
            features.sort_unstable();
            raw.push((features, methods));
        }
        let chain = |index: u32| {
            let (mut all, mut seen, mut level) = ([0; 4], vec![index], vec![index]);
            for _ in 0..=CHAIN_DEPTH {
                let mut next = Vec::new();
                for (opcodes, calls) in level.iter().filter_map(|index| callees.get(index)) {
                    all = std::array::from_fn(|n: usize| all[n] | opcodes[n]);
                    next.extend(calls.iter().copied().filter(|call| !seen.contains(call)));
                }
                next.sort_unstable();
                next.dedup();
                seen.extend(&next);
                level = next;
            }
            all
        };
        let classes: Vec<Class> = raw
            .into_iter()
            .map(|(features, methods)| Class {
                bits: features.iter().fold(0, |bits, feature| bits | 1 << (feature >> 58)),
                features,
                count: methods.iter().map(|method| method.3).sum(),
                methods: methods
                    .into_iter()
                    .filter(|method| method.3 > 0)
                    .map(|(index, descriptor, opcodes, count)| Method { descriptor, opcodes, count, chain: chain(index) })
                    .collect(),
            })
            .collect();
        let count = classes.iter().map(|class| class.count).sum();
        Self { classes, count }
    }

    /// Share of this library's instructions that stand in methods found in an app.
    pub fn share_in(&self, app: &Self) -> f64 {
        let mut found = 0;
        for known in self.classes.iter().filter(|class| class.count > 0) {
            let candidates = app.classes.iter().filter(|class| class.count > 0 && declares_no_more(class, known));
            found += candidates.map(|class| matched(known, class)).max().unwrap_or(0);
        }
        f64::from(found) / f64::from(self.count.max(1))
    }
}

/// Whether all that a class declares is declared by the known one: a shrinker only takes away.
fn declares_no_more(class: &Class, known: &Class) -> bool {
    if class.bits & !known.bits != 0 || class.features.len() > known.features.len() {
        return false;
    }
    let mut rest = known.features.iter();
    class.features.iter().all(|feature| rest.any(|other| other == feature))
}

/// Instructions of the known class in matched methods, or none if too little of the other class is matched.
fn matched(known: &Class, class: &Class) -> u32 {
    let mut taken = vec![false; known.methods.len()];
    let (mut ours, mut theirs) = (0, 0);
    for method in &class.methods {
        let fits = |(n, other): &(usize, &Method)| {
            !taken[*n]
                && other.descriptor == method.descriptor
                && contains(&other.opcodes, &method.opcodes)
                && contains(&other.chain, &method.chain)
        };
        // Of several that fit, the one of like length.
        let best = known.methods.iter().enumerate().filter(fits).min_by_key(|(_, other)| other.count.abs_diff(method.count));
        if let Some((n, other)) = best {
            taken[n] = true;
            ours += other.count;
            theirs += method.count;
        }
    }
    if f64::from(theirs) >= CLASS_MIN * f64::from(class.count) { ours } else { 0 }
}

/// As much of the format as the stages need, read from files that tools made.
struct Dex<'a> {
    bytes: &'a [u8],
}

impl<'a> Dex<'a> {
    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four"))
    }

    fn half(&self, at: usize) -> u32 {
        u32::from(u16::from_le_bytes(self.bytes[at..at + 2].try_into().expect("two")))
    }

    fn uleb(&self, at: &mut usize) -> u32 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[*at];
            *at += 1;
            value |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn descriptor(&self, kind: u32) -> &'a [u8] {
        let mut at = self.word(self.word(60) as usize + 4 * self.word(self.word(68) as usize + 4 * kind as usize) as usize) as usize;
        self.uleb(&mut at);
        let rest = &self.bytes[at..];
        &rest[..rest.iter().position(|byte| *byte == 0).expect("an end")]
    }

    /// A type, the program's own ones all alike.
    fn erased(&self, kind: u32) -> u64 {
        let descriptor = self.descriptor(kind);
        let base = descriptor.iter().position(|byte| *byte != b'[').unwrap_or(0);
        if platform::is_platform(&descriptor[base..]) { hash(descriptor) } else { base as u64 }
    }

    fn prototype(&self, method: u32) -> u64 {
        let proto = self.half(self.word(92) as usize + 8 * method as usize + 2) as usize;
        let at = self.word(76) as usize + 12 * proto;
        let list = self.word(at + 8) as usize;
        let count = if list == 0 { 0 } else { self.word(list) as usize };
        let parameters = (0..count).map(|n| self.erased(self.half(list + 4 + 2 * n)));
        parameters.fold(mix(self.erased(self.word(at + 4))), |all, kind| mix(all ^ kind))
    }

    /// Behind the counts of a class's members, and the counts.
    fn members(&self, class: usize) -> Option<(usize, [u32; 4])> {
        let mut at = self.word(class + 24) as usize;
        (at != 0).then(|| {
            let counts = std::array::from_fn(|_| self.uleb(&mut at));
            (at, counts)
        })
    }

    fn fields_of(&self, class: usize) -> Vec<(bool, u32)> {
        let Some((mut at, counts)) = self.members(class) else { return Vec::new() };
        let mut fields = Vec::new();
        for (k, count) in counts[..2].iter().enumerate() {
            let mut index = 0;
            for _ in 0..*count {
                index += self.uleb(&mut at);
                self.uleb(&mut at);
                fields.push((k == 0, self.half(self.word(84) as usize + 8 * index as usize + 2)));
            }
        }
        fields
    }

    fn methods_of(&self, class: usize) -> Vec<(u32, bool, u32)> {
        let Some((mut at, counts)) = self.members(class) else { return Vec::new() };
        for _ in 0..2 * (counts[0] + counts[1]) {
            self.uleb(&mut at);
        }
        let mut methods = Vec::new();
        for count in &counts[2..] {
            let mut index = 0;
            for _ in 0..*count {
                index += self.uleb(&mut at);
                let flags = self.uleb(&mut at);
                methods.push((index, flags & 8 != 0, self.uleb(&mut at)));
            }
        }
        methods
    }

    /// Opcodes as a set, how many there are, and the methods that are called.
    fn code(&self, code: u32) -> (Opcodes, u32, Vec<u32>) {
        let (mut opcodes, mut count, mut calls) = ([0; 4], 0, Vec::new());
        if code == 0 {
            return (opcodes, count, calls);
        }
        let start = code as usize + 16;
        let end = start + 2 * self.word(code as usize + 12) as usize;
        let mut at = start;
        while at < end {
            let opcode = self.bytes[at];
            let units = match (opcode, self.bytes[at + 1]) {
                (0, 1) => 4 + 2 * self.half(at + 2) as usize,
                (0, 2) => 2 + 4 * self.half(at + 2) as usize,
                (0, 3) => 4 + (self.half(at + 2) as usize * self.word(at + 4) as usize).div_ceil(2),
                _ => usize::from(similarity::dex::units(opcode)),
            };
            if opcode != 0 {
                opcodes[usize::from(opcode >> 6)] |= 1 << (opcode & 63);
                count += 1;
            }
            if matches!(opcode, 0x6e..=0x72 | 0x74..=0x78) {
                calls.push(self.half(at + 2));
            }
            at += 2 * units;
        }
        (opcodes, count, calls)
    }
}
