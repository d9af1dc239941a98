//! Signs that code is hidden: packers, manifests that name what is not there, code loaded from what cannot be
//! read. Clearing a packed app is the worst mistake this crate could make.

use crate::artefact::{Artefact, Language, Unclear};
use crate::container::{Kind, Opening};
use crate::{python, script};
use rustc_hash::FxHashSet;

/// File names that packers leave in the apps they pack.
const PACKERS: [(&str, &str); 24] = [
    ("libjiagu.so", "360 Jiagu"),
    ("libjiagu_art.so", "360 Jiagu"),
    ("libjiagu_x86.so", "360 Jiagu"),
    ("libprotectClass.so", "360"),
    ("libshella", "Tencent Legu"),
    ("libshellx", "Tencent Legu"),
    ("libtup.so", "Tencent"),
    ("libtosprotection", "Tencent"),
    ("libsecexe.so", "Bangcle"),
    ("libsecmain.so", "Bangcle"),
    ("libSecShell.so", "Bangcle"),
    ("libDexHelper", "Bangcle"),
    ("libexec.so", "iJiami"),
    ("libexecmain.so", "iJiami"),
    ("ijiami.dat", "iJiami"),
    ("ijiami.ajm", "iJiami"),
    ("libbaiduprotect", "Baidu"),
    ("libmobisec.so", "Alibaba"),
    ("libnqshield.so", "NQ Shield"),
    ("libchaosvmp.so", "Nagain"),
    ("libddog.so", "Nagain"),
    ("libAPKProtect.so", "APKProtect"),
    ("libapssec.so", "Secidea"),
    ("libkwscmm.so", "Kiwisec"),
];

/// Runtimes whose programs lie in a form that is not read.
const RUNTIMES: [(&str, &str); 3] = [
    ("libapp.so", "a Dart program compiled ahead of time (Flutter)"),
    ("global-metadata.dat", "the description of a program compiled from C# (IL2CPP)"),
    ("libil2cpp.so", "a program compiled from C# (IL2CPP)"),
];

/// What loads code at run time.
const LOADERS: [&[u8]; 3] =
    [b"Ldalvik/system/DexClassLoader;", b"Ldalvik/system/InMemoryDexClassLoader;", b"Ldalvik/system/DexFile;"];

/// A manifest may name a few classes that another split or the platform brings.
const MISSING_SHARE_MIN: f64 = 0.5;
const MISSING_MIN: usize = 2;

/// Adds what speaks against clearing the artefact.
pub(crate) fn judge(artefact: &mut Artefact, opening: &Opening<'_>) {
    for path in &opening.paths {
        let name = path.rsplit(['/', '!']).next().unwrap_or(path);
        if let Some((_, packer)) = PACKERS.iter().find(|(mark, _)| name.starts_with(mark)) {
            artefact.note(Unclear::Packed { path: path.clone(), packer });
        }
        if let Some((_, what)) = RUNTIMES.iter().find(|(mark, _)| name == *mark) {
            artefact.note(Unclear::NotRead { path: path.clone(), what });
        }
    }
    missing_classes(artefact, opening);
    for leaf in &opening.leaves {
        match leaf.kind {
            Kind::Elf
                if find(&leaf.bytes, b"UPX!") && find(&leaf.bytes, b"$Info: This file is packed with the UPX") =>
            {
                artefact.note(Unclear::Packed { path: leaf.path.clone(), packer: "UPX" });
            }
            Kind::Script => {
                if let Some(packer) = script::hidden(&leaf.bytes) {
                    artefact.note(Unclear::Packed { path: leaf.path.clone(), packer });
                }
            }
            Kind::Python => {
                if let Some(packer) = python::hidden(&leaf.bytes) {
                    artefact.note(Unclear::Packed { path: leaf.path.clone(), packer });
                }
            }
            Kind::Dex | Kind::Class | Kind::Elf | Kind::MachO => {}
        }
    }
    let loads =
        opening.leaves.iter().any(|leaf| leaf.kind == Kind::Dex && LOADERS.iter().any(|l| find(&leaf.bytes, l)));
    if loads && let Some(path) = opening.opaque.first() {
        artefact.note(Unclear::DynamicCode { path: path.clone() });
    }
}

fn missing_classes(artefact: &mut Artefact, opening: &Opening<'_>) {
    // Splits bring code of their own; only one whole package can be held against its manifest.
    if opening.components.is_empty() || !opening.leaves.iter().any(|leaf| leaf.kind == Kind::Dex) {
        return;
    }
    let Some(program) = artefact.program(Language::Bytecode) else {
        let example = opening.components.first().cloned().unwrap_or_default();
        let all = opening.components.len();
        return artefact.note(Unclear::MissingClasses { missing: all, named: all, example });
    };
    let present: FxHashSet<&str> = program.classes.iter().map(|class| program.words(class.name)).collect();
    let mut missing = opening.components.iter().filter(|name| !present.contains(name.as_str()));
    let Some(example) = missing.next() else { return };
    let (missing, named) = (missing.count() + 1, opening.components.len());
    if missing >= MISSING_MIN.min(named) && missing as f64 >= MISSING_SHARE_MIN * named as f64 {
        artefact.note(Unclear::MissingClasses { missing, named, example: example.clone() });
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or(&[]);
        if rest.starts_with(wanted) {
            return true;
        }
        rest = rest.get(1..).unwrap_or(&[]);
    }
    false
}
