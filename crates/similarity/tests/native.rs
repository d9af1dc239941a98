//! Machine code: what a compiler made here, and what the world's compilers made of real libraries. A library is
//! found in its next version and in a program it was linked into; what is packed or for another processor is not
//! cleared; whatever the bytes, reading ends without a panic.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod sound;

#[cfg(test)]
mod tests {
    use crate::archives::{gzip, tar, zip};
    use crate::sound::is_sound;
    use similarity::artefact::{Artefact, Budgets, Language, Unclear};
    use similarity::background::Background;
    use similarity::index::{Index, Reference};
    use similarity::matching::{self, Evidence};
    use similarity::program::Program;
    use similarity::verdict::{self, Verdict};
    use std::fmt::Write;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    fn open(name: &str, bytes: &[u8]) -> Artefact {
        Artefact::open(name, bytes, &Budgets::default(), &mut |_, _| {})
    }

    fn reference(lineage: &str, program: &Program) -> Reference {
        Reference { lineage: lineage.to_owned(), program: program.clone(), ..Reference::default() }
    }

    /// How much of `known` the program holds, and whether it is claimed.
    fn held(known: &Program, program: &Program) -> (f32, bool) {
        let index = Index::new(vec![reference("known", known)], &Background::default()).of(Language::X64);
        let found: Option<Evidence> = matching::find(&index, program).into_iter().next();
        found.map_or((0.0, false), |e| (e.containment, verdict::judge(&index, &e).verdict == Verdict::Contains))
    }

    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self, below: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % below
        }
    }

    /// Source of a library: functions that compute, call each other and the platform, and say things. `prefix` is
    /// all that a renaming changes.
    fn source(prefix: &str, seed: u64) -> String {
        // Two libraries do different things: the second half of what can be done is left to even seeds.
        let kinds = if seed.is_multiple_of(2) { 6 } else { 0 };
        let mut numbers = Numbers(seed);
        let mut text = String::from("#include <stdio.h>\n#include <string.h>\n#include <stdlib.h>\n");
        for n in 0..40 {
            let mut body = String::new();
            for k in 0..4 + numbers.next(4) {
                let value = 5_000 + numbers.next(1 << 24);
                match kinds + numbers.next(6) {
                    0 => {
                        writeln!(body, "  if (strstr(s, \"token {value}\")) a += strlen(s) * {};", 3 + numbers.next(50))
                    }
                    1 => writeln!(body, "  for (int i = 0; i < a % 9; i++) a = (a << {}) ^ s[i];", 1 + numbers.next(6)),
                    2 => writeln!(
                        body,
                        "  if (a > {value}) {{ puts(\"state {value}\"); a -= b / {}; }}",
                        3 + numbers.next(9)
                    ),
                    3 => writeln!(body, "  a = a * {value} + b % {};", 11 + numbers.next(90)),
                    4 => writeln!(
                        body,
                        "  {{ char *m = malloc(a & 4095); if (!m) return {k}; memset(m, b, a & 4095); free(m); }}"
                    ),
                    6 => writeln!(
                        body,
                        "  {{ char t[64]; snprintf(t, sizeof t, \"%u of {value}\", b); a ^= atoi(t + 1); }}"
                    ),
                    7 => writeln!(
                        body,
                        "  switch (b & 7) {{ case 1: a += {value}; break; case 5: b ^= a; break; default: a--; }}"
                    ),
                    8 => writeln!(body, "  while (b > {value}) {{ b >>= {}; a |= b; }}", 1 + numbers.next(5)),
                    9 => writeln!(body, "  if (memcmp(s, \"key {value}\", 4) == 0) a = ~a; else b = -b;"),
                    10 => writeln!(
                        body,
                        "  {{ unsigned long long w = a; w = w * {value}ULL; a = w >> 32; b += (unsigned)w; }}"
                    ),
                    kind if n > 0 && kind < 11 => {
                        let callee = numbers.next(n);
                        writeln!(body, "  b ^= {prefix}{callee}(a + {}, b, s);", numbers.next(300))
                    }
                    _ => writeln!(body, "  a ^= b + {value};"),
                }
                .expect("a string takes all");
            }
            writeln!(
                text,
                "__attribute__((noinline)) unsigned {prefix}{n}(unsigned a, unsigned b, const char *s) {{\n{body}  return a + b;\n}}"
            )
            .expect("a string takes all");
        }
        text
    }

    /// Compiles C and gives what came of it, without names.
    fn compile(name: &str, source: &str, options: &[&str]) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (text, out) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.o")));
        std::fs::write(&text, source).expect("written");
        let told = Command::new("cc").args(options).arg(&text).arg("-o").arg(&out).output().expect("a C compiler");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        std::fs::read(&out).expect("read")
    }

    const SHARED: [&str; 5] = ["-O2", "-fPIC", "-shared", "-s", "-Wl,--build-id"];

    fn native(artefact: &Artefact) -> &Program {
        let code = artefact.code.iter().find(|code| code.language.is_native());
        &code.unwrap_or_else(|| panic!("no machine code: {:?}", artefact.unclear)).program
    }

    #[test]
    fn what_was_linked_into_a_program_under_another_name_is_found_there() {
        let library = open("lib.so", &compile("library", &source("pay_", 1), &SHARED));
        let both = format!("{}\n{}", source("zq", 1), source("own_", 4).replace("#include", "//"));
        let program = open("app.so", &compile("program", &both, &SHARED));
        let other = open("other.so", &compile("other", &source("pay_", 2), &SHARED));
        assert_eq!((&library.unclear, &program.unclear), (&Vec::new(), &Vec::new()));
        assert_eq!(library.builds.len(), 1, "the linker's mark of the build");
        assert!(native(&library).functions.len() >= 40, "{} functions", native(&library).functions.len());
        let (share, claimed) = held(native(&library), native(&program));
        assert!(claimed && share > 0.9, "{share}");
        let (share, claimed) = held(native(&library), native(&other));
        assert!(!claimed && share < 0.05, "{share} of another library, same names");
    }

    #[test]
    fn an_object_file_is_read_by_its_relocations() {
        let library = open("lib.so", &compile("linked", &source("pay_", 1), &SHARED));
        let object = open("lib.o", &compile("object", &source("pay_", 1), &["-O2", "-fPIC", "-c"]));
        assert_eq!(object.unclear, []);
        let (share, claimed) = held(native(&object), native(&library));
        assert!(claimed && share > 0.7, "{share}");
    }

    #[test]
    fn code_that_no_processor_runs_is_not_cleared() {
        let good = compile("packed", &source("pay_", 1), &SHARED);
        let word = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().expect("eight bytes")) as usize;
        let mut packed = good.clone();
        let mut numbers = Numbers(7);
        // A segment of noise, as long as packed code is.
        let noise: Vec<u8> = (0..64 << 10).map(|_| numbers.next(256) as u8).collect();
        for n in 0..usize::from(good[56]) {
            let at = word(32) + n * 56;
            if good[at] == 1 && good[at + 4] & 1 == 1 {
                packed[at + 8..at + 16].copy_from_slice(&(good.len() as u64).to_le_bytes());
                packed[at + 32..at + 40].copy_from_slice(&(noise.len() as u64).to_le_bytes());
            }
        }
        packed.extend(&noise);
        let read = open("packed.so", &packed);
        assert!(read.unclear.iter().any(|why| matches!(why, Unclear::Packed { .. })), "{:?}", read.unclear);
        let mut foreign = good.clone();
        foreign[18] = 8;
        let read = open("mips.so", &foreign);
        assert!(matches!(read.unclear[..], [Unclear::NotRead { .. }]), "{:?}", read.unclear);
        assert_eq!(read.uncompared, 1);
        let read = open("cut.so", &good[..good.len() / 2]);
        assert!(matches!(read.unclear[..], [Unclear::Damaged { .. }]), "{:?}", read.unclear);
    }

    #[test]
    fn segments_that_multiply_a_file_are_over_budget() {
        let mut bytes = compile("budget", &source("pay_", 1), &SHARED);
        let table = bytes.len();
        bytes.extend(vec![0; 65_000 * 56]);
        let size = bytes.len() as u64;
        for n in 0..65_000 {
            let at = table + n * 56;
            bytes[at] = 1;
            bytes[at + 4] = 5;
            bytes[at + 16..at + 24].copy_from_slice(&(n as u64 * size).to_le_bytes());
            bytes[at + 32..at + 40].copy_from_slice(&size.to_le_bytes());
        }
        bytes[32..40].copy_from_slice(&(table as u64).to_le_bytes());
        bytes[56..58].copy_from_slice(&65_000_u16.to_le_bytes());
        let read = open("many.so", &bytes);
        let [Unclear::Damaged { why, .. }] = &read.unclear[..] else { panic!("{:?}", read.unclear) };
        assert!(why.contains("more work"), "{why}");
    }

    /// An app as a store encrypts it for one customer.
    #[test]
    fn an_app_encrypted_for_a_customer_is_not_cleared() {
        let mut app = vec![0; 32 + 24];
        for (at, number) in
            [(0, 0xfeed_facf_u32), (4, 0x0100_000c), (12, 2), (16, 1), (20, 24), (32, 0x2c), (36, 24), (48, 1)]
        {
            app[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        assert!(
            matches!(open("app", &app).unclear[..], [Unclear::Encrypted { .. }]),
            "{:?}",
            open("app", &app).unclear
        );
        app[48] = 0;
        assert_eq!(open("app", &app).unclear, []);
    }

    /// A wheel of the Python registry, kept between runs; nothing where there is no way to have it.
    fn wheel(package: &str, version: &str, platform: &str) -> Option<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder: PathBuf = root.join("target/wheels").join(format!("{package}-{version}-{platform}"));
        let kept = || {
            let mut files = std::fs::read_dir(&folder).ok()?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
            files.find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        };
        if kept().is_none() {
            let fetched = Command::new(root.join("target/tools/bin/pip"))
                .args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
                .args(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", platform])
                .arg("--dest")
                .arg(&folder)
                .arg(format!("{package}=={version}"))
                .output();
            if !fetched.as_ref().is_ok_and(|told| told.status.success()) {
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no {package} {version}: {fetched:?}");
                println!("skipped: {package} {version} for {platform} cannot be fetched here");
                return None;
            }
        }
        std::fs::read(kept().expect("fetched")).ok()
    }

    /// Real libraries as three compilers made them: the next version holds most of one, another library next to
    /// nothing.
    #[test]
    fn neighbouring_versions_of_real_libraries_are_told_from_other_libraries() {
        let platforms = [
            ("macosx_11_0_arm64", Language::Arm64),
            ("macosx_10_9_x86_64", Language::X64),
            ("manylinux2014_aarch64", Language::Arm64),
            ("manylinux2014_x86_64", Language::X64),
            ("manylinux2014_i686", Language::X86),
        ];
        for (platform, language) in platforms {
            let read = |package: &str, version: &str| {
                let artefact = open("library.whl", &wheel(package, version, platform)?);
                assert_eq!(artefact.unclear, [], "{package} {version} for {platform}");
                Some(artefact.program(language).expect("its processor's code").clone())
            };
            let (Some(one), Some(two)) = (read("lz4", "4.3.2"), read("lz4", "4.3.3")) else { return };
            let Some(other) = read("xxhash", "3.5.0") else { return };
            let (next, unrelated) = (held(&one, &two), held(&one, &other));
            println!("{platform}: next version {next:?}, another library {unrelated:?}");
            assert!(next.0 >= 0.7 && next.1, "{platform}: {next:?}");
            assert!(unrelated.0 <= 0.05 && !unrelated.1, "{platform}: {unrelated:?}");
        }
    }

    #[test]
    fn objective_c_tells_its_classes_and_methods() {
        let (Some(one), Some(two)) = (
            wheel("pyobjc-core", "10.1", "macosx_10_9_universal2"),
            wheel("pyobjc-core", "10.2", "macosx_10_9_universal2"),
        ) else {
            return;
        };
        let (one, two) = (open("one.whl", &one), open("two.whl", &two));
        for language in [Language::Arm64, Language::X64] {
            let (one, two) = (one.program(language).expect("a slice"), two.program(language).expect("a slice"));
            let class = one.functions.iter().find(|f| one.full_name(f) == "OC_PythonObject.(interface)");
            let fingerprints = one.fingerprints_of(class.expect("the class of the bridge")).to_vec();
            for method in ["pyObject", "methodSignatureForSelector:", "doesNotRecognizeSelector:"] {
                let known = similarity::fingerprint::of_text(similarity::fingerprint::hash(method.as_bytes()));
                assert!(fingerprints.contains(&known), "{method} in {language:?}");
            }
            let method = one.functions.iter().find(|f| one.full_name(f) == "OC_PythonObject.forwardInvocation:");
            assert!(method.expect("its code has its name").tokens > 20);
            let (share, claimed) = held(one, two);
            println!("{language:?}: next version {share}");
            assert!(claimed && share >= 0.7, "{share}");
        }
    }

    fn put(bytes: &mut [u8], at: usize, number: u64, width: usize) {
        bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    }

    /// The least ELF library for x86-64: segments (kind, offset, size), each at the address of its offset, then `body`.
    fn library(segments: &[(u32, u64, u64)], body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56 * segments.len()];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        for (at, number, width) in
            [(16, 3, 2), (18, 62, 2), (32, 64, 8), (54, 56, 2), (56, segments.len() as u64, 2), (58, 64, 2)]
        {
            put(&mut bytes, at, number, width);
        }
        for (n, (kind, offset, size)) in segments.iter().enumerate() {
            let at = 64 + 56 * n;
            put(&mut bytes, at, u64::from(*kind), 4);
            put(&mut bytes, at + 4, 5, 4);
            [(8, *offset), (16, *offset), (32, *size)].iter().for_each(|(k, v)| put(&mut bytes, at + k, *v, 8));
        }
        [&bytes, body].concat()
    }

    /// An ELF object file whose sections all lie over the same bytes: kind, flags, link, info.
    fn object(sections: &[(u32, u64, u32, u32)], content: &[u8]) -> Vec<u8> {
        let mut bytes = [&[0; 64], content].concat();
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let table = bytes.len();
        for (at, number, width) in
            [(16, 1, 2), (18, 62, 2), (40, table as u64, 8), (58, 64, 2), (60, sections.len() as u64, 2)]
        {
            put(&mut bytes, at, number, width);
        }
        for (kind, flags, link, info) in sections {
            let mut header = [0; 64];
            for (at, number, width) in [
                (4, u64::from(*kind), 4),
                (8, *flags, 8),
                (24, 64, 8),
                (32, content.len() as u64, 8),
                (40, u64::from(*link), 4),
                (44, u64::from(*info), 4),
            ] {
                put(&mut header, at, number, width);
            }
            bytes.extend(header);
        }
        bytes
    }

    /// A section of a Mach-O file: name, content, kind and flags, first entry in the indirect table, size of a stub.
    type MachSection<'a> = (&'a str, &'a [u8], u32, u32, u32);

    /// A Mach-O library for 64-bit ARM: sections one behind the other, at the address of their place in the file, then
    /// symbols (name, value), which are the indirect table too.
    fn macho(sections: &[MachSection<'_>], symbols: &[(&str, u64)], indirect: &[u32]) -> Vec<u8> {
        let head = 32 + 72 + 80 * sections.len() + 24 + 80;
        let mut bytes = vec![0; head];
        let mut next = head;
        for (at, number) in [
            (0, 0xfeed_facf_u64),
            (4, 0x0100_000c),
            (12, 6),
            (16, 3),
            (20, head as u64 - 32),
            (32, 0x19),
            (36, 72 + 80 * sections.len() as u64),
            (32 + 64, sections.len() as u64),
        ] {
            put(&mut bytes, at, number, 4);
        }
        bytes[40..46].copy_from_slice(b"__TEXT");
        for (n, (name, content, flags, first, stub)) in sections.iter().enumerate() {
            let at = 32 + 72 + 80 * n;
            bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
            for (k, number, width) in [
                (32, next as u64, 8),
                (40, content.len() as u64, 8),
                (48, next as u64, 4),
                (64, u64::from(*flags), 4),
                (68, u64::from(*first), 4),
                (72, u64::from(*stub), 4),
            ] {
                put(&mut bytes, at + k, number, width);
            }
            next += content.len();
        }
        sections.iter().for_each(|(_, content, ..)| bytes.extend(*content));
        let names: String = symbols.iter().map(|(name, _)| format!("{name}\0")).collect();
        let (table, words) = (bytes.len(), bytes.len() + 16 * symbols.len());
        let mut place = 0;
        for (name, value) in symbols {
            let kind = if *value == 0 { 1 } else { 0x0f };
            let mut entry = [0; 16];
            [(0, place as u64, 4), (4, kind, 1), (8, *value, 8)]
                .iter()
                .for_each(|(at, n, w)| put(&mut entry, *at, *n, *w));
            bytes.extend(entry);
            place += name.len() + 1;
        }
        indirect.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        let text = bytes.len();
        bytes.extend(names.bytes());
        let at = 32 + 72 + 80 * sections.len();
        for (k, number) in [
            (0, 2_u64),
            (4, 24),
            (8, table as u64),
            (12, symbols.len() as u64),
            (16, text as u64),
            (20, names.len() as u64),
            (24, 0xb),
            (28, 80),
            (24 + 56, words as u64),
            (24 + 60, indirect.len() as u64),
        ] {
            put(&mut bytes, at + k, number, 4);
        }
        bytes
    }

    /// A shop in Objective-C: one class with two methods, and the code of both.
    fn shop() -> Vec<u8> {
        let head = 32 + 72 + 80 * 5 + 24 + 80;
        // `add x0, x0, #n; mul x0, x0, x1; bl` over and over, told apart by their numbers.
        let code: Vec<u8> = (0..48_u32)
            .flat_map(|n| {
                [0x9100_0000 | (n * 5) << 10, 0x9b01_7c00, 0xeb01_001f, 0x54ff_ffe1][n as usize % 4].to_le_bytes()
            })
            .collect();
        let names = b"Till\0closeTheTill\0payTheCustomer:\0the corner shop is open now\0\0\0".to_vec();
        assert_eq!(names.len() % 8, 0, "pointers are aligned");
        let at = |n: usize| (head + n) as u64;
        let (text, strings, methods) = (0, code.len(), code.len() + names.len() + 8);
        // The class: its own class, two links, a cache, and what it is made of; then that, and the list of methods.
        let (class, made) = (methods + 8 + 2 * 24, methods + 8 + 2 * 24 + 40);
        let long = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let mut data = [24_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat();
        data.extend(long(&[at(strings + 5), 0, at(text), at(strings + 18), 0, at(text + 96)]));
        data.extend(long(&[0, 0, 0, 0, at(made)]));
        data.extend(long(&[0, 0, 0, at(strings), at(methods), 0, 0, 0]));
        assert_eq!(class + 40, made);
        macho(
            &[
                ("__text", &code, 0x8000_0400, 0, 0),
                ("__cstring", &names, 2, 0, 0),
                ("__objc_classlist", &at(class).to_le_bytes(), 0, 0, 0),
                ("__objc_const", &data, 0, 0, 0),
                ("__bss", &[], 1, 0, 0),
            ],
            &[("_open_shop", at(0)), ("_objc_msgSend", 0)],
            &[1],
        )
    }

    fn damage(name: &str, bytes: &[u8]) -> String {
        let read = open(name, bytes);
        let [Unclear::Damaged { why, .. }] = &read.unclear[..] else { panic!("{name}: {:?}", read.unclear) };
        why.clone()
    }

    /// A Mach-O library for x86 in 64 bits that is nothing but `functions` times one instruction, each listed.
    fn listed(functions: usize) -> Vec<u8> {
        let head = 32 + 72 + 80 + 16;
        let mut bytes = vec![0; head];
        let (at, size) = (head as u64, 4 * functions as u64);
        for (place, number, width) in [
            (0, 0xfeed_facf, 4),
            (4, 0x0100_0007, 4),
            (12, 6, 4),
            (16, 2, 4),
            (32, 0x19, 4),
            (36, 72 + 80, 4),
            (32 + 64, 1, 4),
            (104 + 32, at, 8),
            (104 + 40, size, 8),
            (104 + 48, at, 4),
            (104 + 64, 0x8000_0400, 4),
            (184, 0x26, 4),
            (188, 16, 4),
            (192, at + size, 4),
            (196, functions as u64 + 1, 4),
        ] {
            put(&mut bytes, place, number, width);
        }
        bytes[40..46].copy_from_slice(b"__TEXT");
        bytes[104..110].copy_from_slice(b"__text");
        bytes.resize(head + 4 * functions, 0x90);
        // The way from the beginning to the first function takes two bytes, to each other one.
        bytes.extend([0x80 | (head & 0x7f) as u8, (head >> 7) as u8]);
        bytes.resize(bytes.len() + functions - 1, 4);
        bytes
    }

    #[test]
    fn more_functions_or_commands_than_any_file_has_are_over_budget() {
        assert_eq!(open("few", &listed(1_000)).unclear, []);
        assert!(damage("many", &listed((1 << 21) + 1)).contains("asks for more work"));
        let mut commands = listed(1_000);
        put(&mut commands, 16, (1 << 16) + 1, 4);
        commands.extend([[0, 0, 0, 0], [8, 0, 0, 0]].concat().repeat(1 << 17));
        assert!(damage("commands", &commands).contains("asks for more work"));
    }

    /// Tables that many headers point at are read once each: what a file of this size can hold of them is soon used up.
    #[test]
    fn tables_that_are_pointed_at_again_and_again_are_over_budget() {
        // Symbols of functions, two kilobytes of them.
        let mut symbols = vec![0; 24 * 90];
        for n in 0..90 {
            put(&mut symbols, 24 * n + 4, 2, 1);
            put(&mut symbols, 24 * n + 6, 1, 2);
        }
        let again = |kind, flags, times| vec![(kind, flags, 0, 1); times];
        let relocated = [vec![(2, 0, 0, 0), (1, 6, 0, 0)], again(4, 0, 1_000)].concat();
        for (n, sections) in [relocated, again(1, 2, 1_000)].iter().enumerate() {
            assert!(damage("many.o", &object(sections, &symbols)).contains("more work"), "sections {n}");
        }
        let mut linked = object(&again(2, 0, 1_000), &symbols);
        put(&mut linked, 16, 3, 2);
        assert!(damage("many.so", &linked).contains("more work"));
        let mut same_place = object(&[(2, 0, 0, 1)], &symbols);
        put(&mut same_place, 58, 0, 2);
        put(&mut same_place, 60, 60_000, 2);
        assert!(damage("same.o", &same_place).contains("more work"));

        // A sorted table of a thousand functions, and as many segments that are it.
        let frame = [&[1, 0x1b, 3, 0x3b, 0, 0, 0, 0][..], &1_000_u32.to_le_bytes(), &[7; 8_000]].concat();
        let at = |segments: u64| 64 + 56 * segments;
        let frames = [&[(1, at(501), 8_012)], &vec![(0x6474_e550, at(501), 8_012); 500][..]].concat();
        assert!(damage("frames.so", &library(&frames, &frame)).contains("more work"));
        let notes = vec![(4, at(501), 8_012); 500];
        assert!(
            damage("notes.so", &library(&[&[(1, at(501), 8_012)], &notes[..]].concat(), &[0; 8_100]))
                .contains("more work")
        );

        // Stubs: each section takes the whole indirect table anew.
        let stubs = vec![0; 4 * 4_000];
        let section = ("__stubs", &stubs[..4_000], 8, 0, 1);
        let many = macho(&vec![section; 60], &[("_objc_msgSend", 0)], &vec![0; 4_000]);
        assert!(damage("stubs.dylib", &many).contains("more work"));
        let lists = vec![("__objc_selrefs", &stubs[..], 0, 0, 0); 20];
        assert_eq!(open("lists.dylib", &macho(&lists, &[], &[])).unclear, [], "each list is there");
    }

    #[test]
    fn a_small_sample_of_each_container_is_read() {
        let shop = shop();
        let fat = |slice: &[u8]| {
            let mut fat = b"\xca\xfe\xba\xbe\0\0\0\x01\x01\0\0\x0c\0\0\0\0".to_vec();
            fat.extend([28_u32, slice.len() as u32, 0].map(u32::to_be_bytes).concat());
            [&fat, slice].concat()
        };
        let ar = |member: &[u8]| {
            let head = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "shop.o/", 0, 0, 0, 644, member.len());
            [b"!<arch>\n", head.as_bytes(), member].concat()
        };
        for (name, bytes) in [
            ("shop.dylib", shop.clone()),
            ("shop", fat(&shop)),
            ("libshop.a", ar(&shop)),
            ("libshop-fat.a", fat(&ar(&shop))),
            ("shop.ipa", zip(&[("Payload/Shop.app/Frameworks/Shop.framework/Shop", &fat(&shop))])),
            ("shop-pod.tar.gz", gzip(&tar(&[("Shop.framework/Shop", &ar(&shop))]))),
        ] {
            let read = open(name, &bytes);
            assert_eq!(read.unclear, [], "{name}");
            let program = read.program(Language::Arm64).unwrap_or_else(|| panic!("no code in {name}"));
            let names: Vec<String> = program.functions.iter().map(|f| program.full_name(f)).collect();
            for wanted in ["Till.closeTheTill", "Till.payTheCustomer:", "Till.(interface)"] {
                assert!(names.iter().any(|name| name == wanted), "{name}: {wanted} in {names:?}");
            }
        }
        for (name, good) in [("shop", fat(&shop)), ("libshop.a", ar(&shop))] {
            every_turn(name, &good, 9);
        }
    }

    /// Each byte turned, each cut made: what is read is sound, and a file that ends too early is not cleared unless all
    /// of its code is there.
    fn every_turn(name: &str, good: &[u8], least: usize) {
        let whole = open(name, good);
        let functions =
            |artefact: &Artefact| artefact.code.iter().map(|code| code.program.functions.len()).sum::<usize>();
        assert!(functions(&whole) > 0, "{name}");
        for cut in least..good.len() {
            let read = open(name, &good[..cut]);
            assert!(is_sound(&read), "{name} cut at {cut}");
            assert!(
                !read.unclear.is_empty() || functions(&read) >= functions(&whole),
                "{name} cut at {cut} is cleared"
            );
        }
        for at in 0..good.len() {
            for value in [0, 0xff, 0x7f, good[at] ^ 1, good[at] ^ 0x80] {
                let mut turned = good.to_vec();
                turned[at] = value;
                assert!(is_sound(&open(name, &turned)), "{name}: {value} at {at}");
            }
        }
    }

    #[test]
    fn every_byte_turned_and_every_cut_leaves_something_sound() {
        let small = "int pay(int a, int b) { return a * 77777 + b / 3; }\nint close(int a) { return pay(a, 4242) ^ pay(2, a); }\n";
        let flat =
            ["-O1", "-fPIC", "-shared", "-s", "-nostdlib", "-Wl,-z,noseparate-code,--hash-style=gnu,--build-id=none"];
        every_turn("small.so", &compile("small", small, &flat), 20);
        every_turn("small.o", &compile("small-object", small, &["-O1", "-c"]), 20);
        every_turn("shop.dylib", &shop(), 16);
    }

    /// Turns bytes of sound files and reads what comes of it.
    fn turn(good: &[u8], seed: u64, times: usize) {
        let mut numbers = Numbers(seed);
        for _ in 0..times {
            let mut bytes = good.to_vec();
            for _ in 0..=numbers.next(6) {
                // Half of them in the headers, where most can be broken.
                let below = if numbers.next(2) == 0 { bytes.len().min(2_048) } else { bytes.len() };
                let at = numbers.next(below as u64) as usize;
                let long = numbers.next(2) == 0;
                let value = numbers.next(1 << 32) as u32;
                match bytes.get_mut(at..at + 4).filter(|_| long) {
                    Some(four) => four.copy_from_slice(&value.to_le_bytes()),
                    None => bytes[at] = value as u8,
                }
            }
            if numbers.next(4) == 0 {
                let cut = numbers.next(bytes.len() as u64) as usize;
                bytes.truncate(cut);
            }
            open("turned", &bytes);
        }
    }

    #[test]
    fn turned_bytes_never_panic() {
        let small = source("pay_", 1);
        turn(&compile("turned", &small, &SHARED), 1, 400);
        turn(&compile("turned-object", &small, &["-O1", "-c"]), 2, 400);
        // Real Mach-O files, taken out of their wheel.
        for (package, version, platform) in [
            ("xxhash", "3.5.0", "macosx_11_0_arm64"),
            ("xxhash", "3.5.0", "manylinux2014_aarch64"),
            ("xxhash", "3.5.0", "manylinux2014_i686"),
        ] {
            let Some(wheel) = wheel(package, version, platform) else { return };
            turn(&library_of(&wheel), 3, 300);
        }
        if let Some(wheel) = wheel("pyobjc-core", "10.1", "macosx_10_9_universal2") {
            turn(&library_of(&wheel), 4, 60);
        }
    }

    /// The largest library in a wheel.
    fn library_of(wheel: &[u8]) -> Vec<u8> {
        let archive = apk::archive::Archive::open(wheel, &apk::Budgets::default()).expect("a zip archive");
        let libraries = archive.entries().iter().filter(|entry| entry.name.ends_with(".so"));
        let contents = libraries.map(|entry| archive.read(entry).expect("sound").bytes.into_owned());
        contents.max_by_key(Vec::len).expect("a library")
    }
}
