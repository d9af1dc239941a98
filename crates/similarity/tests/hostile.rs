//! Hostile input: whatever the bytes, reading ends, within its budgets, without a panic, and is not taken for clean.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod sound;

#[cfg(test)]
mod tests {
    use crate::archives::{gzip, tar, tar_of, zip};
    use crate::sound::is_sound;
    use similarity::artefact::{Artefact, Budgets, Language, Unclear, WORK_FREE};
    use similarity::background::Background;
    use similarity::index::{Index, Reference};
    use similarity::matching;
    use similarity::work::{Stop, Work};
    use std::cell::Cell;

    fn open(name: &str, bytes: &[u8], budgets: &Budgets) -> Artefact {
        Artefact::open(name, bytes, budgets, &mut |_, _| {})
    }

    fn noise(bytes: u64) -> Vec<u8> {
        (1..=bytes).map(|n| similarity::fingerprint::mix(n) as u8).collect()
    }

    /// A header with empty tables: the least file that is sound.
    fn empty_dex(version: &[u8; 3]) -> Vec<u8> {
        let size = if version == b"041" { 0x78_u32 } else { 0x70 };
        let mut dex = [b"dex\n", &version[..], b"\0"].concat();
        dex.resize(size as usize, 0);
        dex[32..36].copy_from_slice(&size.to_le_bytes());
        dex[36..40].copy_from_slice(&size.to_le_bytes());
        dex[40..44].copy_from_slice(&0x1234_5678_u32.to_le_bytes());
        dex
    }

    /// A sound file: `classes` times the same class named `name`, with `methods` times the same method of `units`
    /// units of instructions.
    fn dex_of(classes: u32, methods: u32, units: u32, name: &str) -> Vec<u8> {
        dex_at(b"035", 0, (classes, methods, units), name)
    }

    /// The same that begins so far into its container.
    fn dex_at(version: &[u8; 3], base: u32, (classes, methods, units): (u32, u32, u32), name: &str) -> Vec<u8> {
        let mut dex = empty_dex(version);
        let table = |dex: &mut Vec<u8>, at: usize, count: u32, content: &[u8]| {
            let offset = base + dex.len() as u32;
            dex[at..at + 4].copy_from_slice(&count.to_le_bytes());
            dex[at + 4..at + 8].copy_from_slice(&offset.to_le_bytes());
            dex.extend(content);
        };
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        // Behind the tables, whose sizes are known: three strings, the code, the members of the class.
        let strings = base + dex.len() as u32 + 12 + 8 + 12 + 8 + 32 * classes;
        let long = name.len() as u32 + 3;
        let code = strings + long + 3 + 5;
        let data = code + 16 + 2 * units;
        table(&mut dex, 56, 3, &words(&[strings, strings + long, strings + long + 3]));
        table(&mut dex, 64, 2, &words(&[0, 1]));
        table(&mut dex, 72, 1, &words(&[1, 1, 0]));
        table(&mut dex, 88, 1, &[0, 0, 0, 0, 2, 0, 0, 0]);
        table(&mut dex, 96, classes, &words(&[0, 1, 0, 0, 0, 0, data, 0]).repeat(classes as usize));
        dex.extend([&[0x80 | (name.len() & 0x7f) as u8, (name.len() >> 7) as u8], name.as_bytes(), b"\0"].concat());
        dex.extend(b"\x01V\0\x03pay\0");
        dex.extend(words(&[1, 0, 0, units]));
        // `add-int`, over and over: two units each.
        dex.extend([0x90, 0, 0, 0].repeat(units as usize / 2));
        let uleb = |n: u32| [0x80 | (n & 0x7f) as u8, 0x80 | ((n >> 7) & 0x7f) as u8, (n >> 14) as u8];
        dex.extend([&[0, 0][..], &uleb(methods), &[0]].concat());
        dex.extend([&[0, 1][..], &uleb(code)].concat().repeat(methods as usize));
        let size = dex.len() as u32;
        dex[32..36].copy_from_slice(&size.to_le_bytes());
        if base > 0 {
            dex[0x74..0x78].copy_from_slice(&base.to_le_bytes());
        }
        dex
    }

    /// Format 041: one file, several headers, offsets from its beginning.
    #[test]
    fn every_executable_of_a_container_is_read() {
        let first = dex_at(b"041", 0, (1, 3, 40), "Lshop/Till;");
        let second = dex_at(b"041", first.len() as u32, (1, 2, 40), "Lshop/Book;");
        let read = open("classes.dex", &[&first[..], &second].concat(), &Budgets::default());
        let program = read.program(Language::Bytecode).expect("code");
        let names: Vec<&str> = program.classes.iter().map(|class| program.words(class.name)).collect();
        assert_eq!((&read.unclear[..], program.functions.len(), names), (&[][..], 5, vec!["shop.Till", "shop.Book"]));
    }

    #[test]
    fn every_known_version_of_dalvik_code_is_read_and_no_other() {
        for version in [b"035", b"036", b"037", b"038", b"039", b"040", b"041"] {
            let read = open("a.dex", &empty_dex(version), &Budgets::default());
            assert_eq!(read.unclear, [], "{version:?}");
        }
        for version in [b"034", b"042", b"xyz"] {
            let read = open("a.dex", &empty_dex(version), &Budgets::default());
            assert!(matches!(read.unclear[..], [Unclear::Damaged { .. }]), "{version:?}: {:?}", read.unclear);
        }
    }

    #[test]
    fn tables_outside_the_file_are_damage() {
        for at in [56, 64, 72, 80, 88, 96] {
            for count in [1, 0x7fff_ffff, u32::MAX] {
                let mut dex = empty_dex(b"035");
                dex[at..at + 4].copy_from_slice(&count.to_le_bytes());
                dex[at + 4..at + 8].copy_from_slice(&0x70_u32.to_le_bytes());
                assert_ne!(open("a.dex", &dex, &Budgets::default()).unclear, [], "table at {at}, {count} entries");
            }
        }
    }

    #[test]
    fn each_budget_is_reached_and_named() {
        let small = Budgets { total_bytes_max: 10_000, depth_max: 2, files_max: 3, ..Budgets::default() };
        let what = |artefact: &Artefact| budgets_met(artefact).first().copied();
        assert_eq!(what(&open("bomb.gz", &gzip(&vec![0; 1 << 20]), &small)), Some("TOTAL_BYTES_MAX"));
        let nested = gzip(&gzip(&gzip(&gzip(b"deep"))));
        assert_eq!(what(&open("deep.gz", &nested, &small)), Some("DEPTH_MAX"));
        let mut many = b"!<arch>\n".to_vec();
        for n in 0..5 {
            many.extend(format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", format!("f{n}/"), 0, 0, 0, 644, 2).bytes());
            many.extend(b"xy");
        }
        assert_eq!(what(&open("many.a", &many, &small)), Some("FILES_MAX"));
        let little = Budgets { source_bytes_max: 1_000, ..Budgets::default() };
        for name in ["a.js", "a.py"] {
            let line = "shop.pay(amount, 'the customer')\n";
            assert_eq!(what(&open(name, line.repeat(20).as_bytes(), &little)), None, "{name}");
            let read = open(name, line.repeat(60).as_bytes(), &little);
            assert_eq!(what(&read), Some("SOURCE_BYTES_MAX"), "{name}");
            assert!(!read.has_code(), "{name} is not read in part");
        }
    }

    #[test]
    fn dalvik_files_that_repeat_themselves_are_not_cleared() {
        let read = open("a.dex", &dex_of(1, 3, 40, "Lshop/Till;"), &Budgets::default());
        assert_eq!((read.unclear.as_slice(), read.code[0].program.functions.len()), (&[][..], 3));
        let container = |parts: u32| {
            let part = |n: u32| {
                let mut part = empty_dex(b"041");
                part[0x74..0x78].copy_from_slice(&(n * 0x78).to_le_bytes());
                part
            };
            (0..parts).flat_map(part).collect::<Vec<u8>>()
        };
        assert_eq!(open("a.dex", &container(1_024), &Budgets::default()).unclear, []);
        let asking = [
            ("executables in a container", container(1_025)),
            ("methods with the same code", dex_of(1, 400, 4_000, "Lshop/Till;")),
            ("classes with the same long name", dex_of(400, 0, 0, &"n".repeat(10_000))),
        ];
        for (what, bytes) in asking {
            let unclear = open("a.dex", &bytes, &Budgets::default()).unclear;
            assert!(unclear.iter().any(|why| why.to_string().contains("asks for more work")), "{what}: {unclear:?}");
        }
        let shared = open("a.dex", &dex_of(400, 400, 2, "Lshop/Till;"), &Budgets::default());
        assert!(matches!(shared.unclear[..], [Unclear::Damaged { .. }]), "classes with the same list of methods");
    }

    /// A class file with one method whose code is `units` times a call of a method with a name of `long` bytes.
    fn class_of(units: usize, long: usize) -> Vec<u8> {
        let text = |text: &str| [&[1][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat();
        let pool = [
            text("shop/Till"),
            text("pay"),
            text("()V"),
            text("Code"),
            text(&"n".repeat(long)),
            vec![7, 0, 1],
            vec![12, 0, 5, 0, 3],
            vec![10, 0, 6, 0, 7],
        ];
        let code = [0xb8, 0, 8].repeat(units);
        let inside = [&[0, 1, 0, 1][..], &(code.len() as u32).to_be_bytes(), &code, &[0; 4]].concat();
        let method = [&[0, 9, 0, 2, 0, 3, 0, 1, 0, 4][..], &(inside.len() as u32).to_be_bytes(), &inside].concat();
        [
            &b"\xca\xfe\xba\xbe\0\0\0\x34\0\x09"[..],
            &pool.concat(),
            &[0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1],
            &method,
            &[0, 0],
        ]
        .concat()
    }

    fn budgets_met(artefact: &Artefact) -> Vec<&'static str> {
        let budget = |why: &Unclear| match why {
            Unclear::Budget { what, .. } => Some(*what),
            Unclear::Damaged { .. }
            | Unclear::Encrypted { .. }
            | Unclear::Packed { .. }
            | Unclear::MissingClasses { .. }
            | Unclear::DynamicCode { .. }
            | Unclear::NotRead { .. } => None,
        };
        artefact.unclear.iter().filter_map(budget).collect()
    }

    /// For each kind of input: within its work it is read, and with less of it, or when the clock says so, not cleared.
    #[test]
    fn what_needs_more_work_or_time_than_it_may_is_not_cleared() {
        let script = b"shop.pay(amount, 'the customer', function () { return till.close(7) })\n".repeat(400);
        let python = b"def f(a):\n    return shop.pay(a, 'the customer')\n".repeat(400);
        let dex = dex_of(1, 3, 4_000, "Lshop/Till;");
        let class = class_of(4_000, 20);
        let package = zip(&[("classes.dex", &dex), ("assets/a.js", &script)]);
        let kinds: [(&str, &[u8]); 6] = [
            ("a.js", &script),
            ("a.py", &python),
            ("a.dex", &dex),
            ("A.class", &class),
            ("a.apk", &package),
            ("a.jar.gz", &gzip(&zip(&[("A.class", &class)]))),
        ];
        for (name, bytes) in kinds {
            assert_eq!(open(name, bytes, &Budgets::default()).unclear, [], "{name}");
            let little = Budgets { work_free: 0, work_per_byte: 1, ..Budgets::default() };
            assert_eq!(budgets_met(&open(name, bytes, &little)), ["WORK_PER_BYTE"], "{name}");
            let work = Work::new(WORK_FREE, &|| true);
            let late = Artefact::open_within(name, bytes, &Budgets::default(), &work, &mut |_, _| {});
            assert_eq!(budgets_met(&late), ["the time that was set for it"], "{name}");
            assert!(!late.has_code(), "{name}");
        }
    }

    #[test]
    fn what_stands_for_code_that_lies_elsewhere_is_not_cleared() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        for (name, is_cleared) in [("libs/pay.aar", false), ("libs/pay.so", false), ("art/shop.png", true)] {
            assert_eq!(open(name, pointer, &Budgets::default()).unclear.is_empty(), is_cleared, "{name}");
        }
    }

    /// One entry can be most of a file: time is watched while it inflates, not when it has.
    #[test]
    fn time_is_watched_within_one_entry() {
        let zeros = vec![0; 15 << 20];
        for (name, bytes) in [("a.zip", zip(&[("a.bin", &zeros)])), ("a.gz", gzip(&zeros))] {
            let looks = Cell::new(0);
            let is_late = || {
                looks.set(looks.get() + 1);
                looks.get() > 1
            };
            let work = Work::new(WORK_FREE, &is_late);
            let late = Artefact::open_within(name, &bytes, &Budgets::default(), &work, &mut |_, _| {});
            assert_eq!(
                (work.stopped(), late.files),
                (Some(Stop::Clock), 1),
                "{name}: the entry itself was never opened"
            );
            assert_eq!(budgets_met(&late), ["the time that was set for it"], "{name}");
            assert_eq!(open(name, &bytes, &Budgets::default()).unclear, [], "{name}");
        }
    }

    /// Readers on a desk know methods that Android has not; what is kept so is not looked into.
    #[test]
    fn what_is_compressed_in_another_way_is_not_cleared() {
        let text = vec![b'a'; 2 << 20];
        let mut bytes = zip(&[("shop.txt", &text), ("last.txt", b"text")]);
        assert_eq!(open("a.zip", &bytes, &Budgets::default()).unclear, []);
        let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").expect("a directory");
        (bytes[8], bytes[central + 10]) = (14, 14);
        let unclear = open("a.zip", &bytes, &Budgets::default()).unclear;
        assert!(matches!(&unclear[..], [Unclear::NotRead { path, .. }, ..] if path == "a.zip!shop.txt"), "{unclear:?}");
    }

    /// A bomb beside other files is named, and hides none of them.
    #[test]
    fn an_entry_that_inflates_too_far_hides_no_other() {
        let (bomb, code) = (vec![0; 17 << 20], dex_of(1, 3, 40, "Lshop/Till;"));
        let read = open("shop.apk", &zip(&[("a.bin", &bomb), ("classes.dex", &code)]), &Budgets::default());
        assert_eq!((budgets_met(&read), read.has_code()), (vec!["RATIO_MAX"], true));
    }

    /// That a file is a script only its name tells; tar archives have several ways to keep a long one.
    #[test]
    fn long_names_in_tar_archives_are_read() {
        let script = b"function pay(a) { return shop.pay(a, 'the customer', till.close(7)) }\n".repeat(8);
        let long = format!("package/{}shop.js", "deep/".repeat(30));
        let (cut, link) = (&long[..99], format!("{long}\0"));
        let record = format!("{} path={long}\n", long.len() + 10);
        assert_eq!(record.len(), long.len() + 10);
        let plain: (u8, &str, &[u8]) = (b'0', cut, &script);
        for (how, bytes) in [
            ("GNU", tar_of(b"ustar  ", &[(b'L', "././@LongLink", link.as_bytes()), plain])),
            ("POSIX", tar_of(b"ustar", &[(b'x', "PaxHeaders/shop.js", record.as_bytes()), plain])),
            ("no mark", tar_of(b"", &[(0, "shop.js", &script)])),
        ] {
            let read = open("a", &bytes, &Budgets::default());
            assert_eq!((&read.unclear[..], read.program(Language::Script).is_some()), (&[][..], true), "{how}");
        }
        let sparse = open("a.tar", &tar_of(b"ustar  ", &[(b'S', "shop.js", &script)]), &Budgets::default());
        assert!(matches!(&sparse.unclear[..], [Unclear::NotRead { path, .. }] if path == "a.tar!shop.js"));
    }

    /// Names that are read again and again are what makes a small file much work.
    #[test]
    fn long_names_are_not_read_a_million_times() {
        // Each of these instructions of three bytes reads sixty thousand.
        let files: Vec<Vec<u8>> = (0..4).map(|_| class_of(20_000, 60_000)).collect();
        let files: Vec<(&str, &[u8])> =
            ["A.class", "B.class", "C.class", "D.class"].into_iter().zip(files.iter().map(|f| &f[..])).collect();
        let budgets = Budgets { work_free: 0, ..Budgets::default() };
        assert_eq!(budgets_met(&open("long.jar", &zip(&files), &budgets)), ["WORK_PER_BYTE"]);
        let sound = Budgets { work_free: 0, ..Budgets::default() };
        assert_eq!(open("short.jar", &zip(&[("A.class", &class_of(20_000, 60))]), &sound).unclear, []);
        // A name that Java cannot have: its end would be looked for once for each method.
        let unclear = open("a.dex", &dex_of(1, 3, 0, &"n".repeat(70_000)), &Budgets::default()).unclear;
        assert!(matches!(unclear[..], [Unclear::Damaged { .. }]), "{unclear:?}");
    }

    /// One function that holds everything of a reference is a candidate for each of its functions.
    #[test]
    fn comparing_ends_where_work_does() {
        let source = |n: u64| -> String {
            let call = |k: u64| {
                format!("  shop.pay{}(amount.of{}, 'customer {} of {n}');\n", n * 31 + k, k * 7 + n, k * n + 9)
            };
            format!("function f{n}() {{\n{}}}\n", (0..12).map(call).collect::<String>())
        };
        let known: String = (0..300).map(source).collect();
        let body: String = known.lines().filter(|line| line.starts_with(' ')).collect();
        let read = |name: &str, text: &str| {
            let artefact = open(name, text.as_bytes(), &Budgets::default());
            artefact.code.into_iter().next().expect("code").program
        };
        let (known, giant) = (read("known.js", &known), read("giant.js", &format!("function all() {{ {body} }}")));
        let reference = Reference { lineage: String::from("shop"), program: known.clone(), ..Reference::default() };
        let index = Index::new(vec![reference], &Background::default()).of(Language::Script);
        for (program, least) in [(&known, 300), (&giant, 1)] {
            let endless = matching::find(&index, program);
            assert!(endless.first().is_some_and(|evidence| evidence.functions >= least), "{endless:?}");
            let enough = Work::new(1 << 30, &|| false);
            assert_eq!(matching::find_within(&index, program, &enough), endless);
            assert_eq!(enough.stopped(), None);
            let little = Work::new(200_000, &|| false);
            assert!(matching::find_within(&index, program, &little).len() <= 1);
            assert_eq!(little.stopped(), Some(Stop::Units), "what one giant function is compared with is counted");
        }
    }

    #[test]
    fn no_more_reasons_are_listed_than_say_something_new() {
        let names: Vec<String> = (0..100).map(|n| format!("{n}.dex")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"dex\n035\0"[..])).collect();
        let read = open("many.zip", &zip(&files), &Budgets::default());
        assert_eq!(read.unclear.len(), similarity::artefact::UNCLEAR_MAX);
    }

    /// Every form in which code of the first kinds is shipped: the same functions are there in each.
    #[test]
    fn whatever_code_is_wrapped_in_it_is_found() {
        let (dex, class) = (dex_of(1, 3, 40, "Lshop/Till;"), class_of(40, 20));
        let script = b"function pay(a) { return shop.pay(a, 'the customer', till.close(7)) }\n".repeat(8);
        let python = b"def pay(a):\n    return shop.pay(a, 'the customer', till.close(7))\n".repeat(8);
        let jar = zip(&[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), ("shop/Till.class", &class)]);
        let plist = b"<plist><dict><key>CFBundleIdentifier</key><string>com.example.shop</string></dict></plist>";
        let package = tar(&[("package/package.json", b"{}"), ("package/dist/shop.js", &script)]);
        let (one, two) = (zip(&[("lib/shop.jar", &jar)]), tar(&[("shop.jar", &jar)]));
        let kinds: [(&str, Vec<u8>, Language, usize); 15] = [
            ("classes.dex", dex.clone(), Language::Bytecode, 3),
            ("Till.class", class.clone(), Language::Bytecode, 1),
            ("shop.jar", jar.clone(), Language::Bytecode, 1),
            ("shop.aar", zip(&[("AndroidManifest.xml", b"<manifest/>"), ("classes.jar", &jar)]), Language::Bytecode, 1),
            ("shop.apk", zip(&[("classes.dex", &dex), ("classes2.dex", &dex)]), Language::Bytecode, 6),
            ("shop.aab", zip(&[("base/dex/classes.dex", &dex), ("more/dex/classes.dex", &dex)]), Language::Bytecode, 6),
            ("shop.js", script.clone(), Language::Script, 8),
            ("main.jsbundle", script.clone(), Language::Script, 8),
            ("shop-1.0.tgz", gzip(&package), Language::Script, 8),
            ("shop.apk", zip(&[("assets/index.android.bundle", &script)]), Language::Script, 8),
            (
                "shop.ipa",
                zip(&[("Payload/Shop.app/Info.plist", plist), ("Payload/Shop.app/main.jsbundle", &script)]),
                Language::Script,
                8,
            ),
            ("pay.py", python.clone(), Language::Python, 8),
            ("shop-1.0-py3-none-any.whl", zip(&[("shop/pay.py", &python)]), Language::Python, 8),
            ("deep.zip", zip(&[("a.zip", &zip(&[("b.zip", &one)]))]), Language::Bytecode, 1),
            ("deep.tar.gz", gzip(&two), Language::Bytecode, 1),
        ];
        for (name, bytes, language, functions) in kinds {
            let read = open(name, &bytes, &Budgets::default());
            let seen = read.program(language).map_or(0, |program| {
                program.functions.iter().filter(|function| program.words(function.name) == "pay").count()
            });
            assert_eq!((read.unclear.as_slice(), seen), (&[][..], functions), "{name}");
        }
    }

    /// Packages in parts, as stores hand them out.
    #[test]
    fn packages_within_xapk_and_apks_are_opened() {
        let code = dex_of(1, 3, 40, "Lshop/Till;");
        let base = zip(&[("classes.dex", &code)]);
        let split = zip(&[("classes2.dex", &code), ("res/x.bin", b"nothing")]);
        let about = br#"{"package_name":"com.example.shop"}"#;
        let xapk = zip(&[("manifest.json", about), ("com.example.shop.apk", &base), ("config.arm64_v8a.apk", &split)]);
        let apks = zip(&[("toc.pb", b"\x0a\x02ok"), ("splits/base-master.apk", &base), ("splits/base-en.apk", &split)]);
        for (name, bytes) in [("shop.xapk", &xapk), ("shop.apks", &apks), ("shop.apkm", &apks), ("no-name", &apks)] {
            let read = open(name, bytes, &Budgets::default());
            assert_eq!(read.unclear, [], "{name}");
            assert_eq!(read.code[0].program.functions.len(), 6, "{name}");
            let shallow = open(name, bytes, &Budgets { depth_max: 1, ..Budgets::default() });
            assert!(matches!(shallow.unclear[..], [Unclear::Budget { what: "DEPTH_MAX", .. }, ..]), "{name}");
        }
        let broken = zip(&[("base.apk", &base), ("split.apk", &split[..split.len() - 30])]);
        let read = open("shop.xapk", &broken, &Budgets::default());
        assert!(read.has_code(), "what can be read is read");
        assert!(matches!(&read.unclear[..], [Unclear::Damaged { path, .. }] if path == "shop.xapk!split.apk"));
        let expansion = zip(&[("base.apk", &base), ("Android/obb/main.1.obb", &zip(&[("secret.dex", &code)]))]);
        assert_eq!(open("shop.xapk", &expansion, &Budgets::default()).code[0].program.functions.len(), 6);
        let disordered = zip(&[("base.apk", &base), ("Android/obb/main.1.obb", &noise(64 << 10))]);
        assert!(open("shop.xapk", &disordered, &Budgets::default()).has_code());
    }

    /// Each byte turned, each cut made: what is read is sound, and a file with a table of contents that ends too
    /// early is not cleared.
    #[test]
    fn every_byte_turned_and_every_cut_leaves_something_sound() {
        let script = br#"function pay(c, a) { if (a > 1000) throw new Error("more than is allowed"); return `x${c.name}`; }
            class Till { async close(day) { for (const s of this.sales) await s.settle(day % 7, /[,;]+/g, 0x1f, "\u{41}"); } }
            const list = { shop: "the corner shop", "open": true, f: (x) => ({ x, y: x?.y ?? 4096 }) };"#;
        let python = br#"import os

def pay(customer, amount=0x10):
    """Pays."""
    if amount > 1000:
        raise ValueError(f"more than {amount!r}")
    def log(line):
        with open(customer.path, 'a') as out: out.write(line + rb'\x41'.decode())
    return [s.settle(day % 7, currency="EUR") for s in customer.sales]

class Till:
	def close(self): return lambda x: x ** 2
"#;
        let dex = dex_of(2, 3, 40, "Lshop/Till;");
        let package = zip(&[("classes.dex", &dex), ("a.txt", b"text")]);
        let samples: [(&str, &[u8], bool); 4] =
            [("a.js", script, false), ("a.py", python, false), ("a.dex", &dex, true), ("a.zip", &package, true)];
        for (name, good, has_contents) in samples {
            assert!(open(name, good, &Budgets::default()).has_code(), "{name}");
            for cut in 1..good.len() {
                let read = open(name, &good[..cut], &Budgets::default());
                assert!(is_sound(&read), "{name} cut at {cut}");
                assert!(!has_contents || cut < 8 || !read.unclear.is_empty(), "{name} cut at {cut} is cleared");
            }
            for at in 0..good.len() {
                for value in [0, 0xff, good[at] ^ 1, good[at] ^ 0x80, b'"', b'{', b'\n', b'\\'] {
                    let mut turned = good.to_vec();
                    turned[at] = value;
                    assert!(is_sound(&open(name, &turned, &Budgets::default())), "{name}: {value} at {at}");
                }
            }
        }
    }

    #[test]
    fn turned_bytes_never_panic() {
        let mut state = 1_u64;
        let mut next = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut tables = empty_dex(b"035");
        tables.resize(0x400, 1);
        for at in [56, 64, 72, 80, 88, 96] {
            tables[at] = 3;
            tables[at + 4] = 0x80;
        }
        let size = (tables.len() as u32).to_le_bytes();
        tables[32..36].copy_from_slice(&size);
        let class =
            [&b"\xca\xfe\xba\xbe\0\0\0\x34\0\x05\x01\0\x04Code\x07\0\x01\x01\0\x01A\x07\0\x03"[..], &[0; 40]].concat();
        let fat = [&b"\xca\xfe\xba\xbf\0\0\0\x02"[..], &[0xff; 80]].concat();
        let tar = {
            let mut tar = vec![0; 1_024];
            tar[..5].copy_from_slice(b"a.dex");
            tar[124..135].copy_from_slice(b"00000000400");
            tar[156] = b'0';
            tar[257..262].copy_from_slice(b"ustar");
            tar
        };
        for good in
            [tables, class, fat, tar, gzip(b"dex\n035\0"), b"PK\x05\x06".repeat(8), b"!<arch>\n#1/99999".to_vec()]
        {
            for _ in 0..3_000 {
                let mut bytes = good.clone();
                for _ in 0..=next(6) {
                    let at = next(bytes.len());
                    bytes[at] = next(256) as u8;
                }
                bytes.truncate(bytes.len() - next(4));
                open("x", &bytes, &Budgets::default());
            }
        }
    }
}
