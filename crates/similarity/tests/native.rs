//! Machine code: what a compiler made here, and what the world's compilers made of real libraries. A library is
//! found in its next version and in a program it was linked into; what is packed or for another processor is not
//! cleared; whatever the bytes, reading ends without a panic.

#[cfg(test)]
mod tests {
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
