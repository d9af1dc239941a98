//! Hostile input: whatever the bytes, reading ends, within its budgets, without a panic, and is not taken for clean.

#[cfg(test)]
mod tests {
    use similarity::artefact::{Artefact, Budgets, Unclear};

    fn open(name: &str, bytes: &[u8], budgets: &Budgets) -> Artefact {
        Artefact::open(name, bytes, budgets, &mut |_, _| {})
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("finished")
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
        let what = |artefact: &Artefact| {
            artefact.unclear.iter().find_map(|why| match why {
                Unclear::Budget { what, .. } => Some(*what),
                Unclear::Damaged { .. }
                | Unclear::Encrypted { .. }
                | Unclear::Packed { .. }
                | Unclear::MissingClasses { .. }
                | Unclear::DynamicCode { .. }
                | Unclear::NotRead { .. } => None,
            })
        };
        assert_eq!(what(&open("bomb.gz", &gzip(&vec![0; 1 << 20]), &small)), Some("TOTAL_BYTES_MAX"));
        let nested = gzip(&gzip(&gzip(&gzip(b"deep"))));
        assert_eq!(what(&open("deep.gz", &nested, &small)), Some("DEPTH_MAX"));
        let mut many = b"!<arch>\n".to_vec();
        for n in 0..5 {
            many.extend(format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", format!("f{n}/"), 0, 0, 0, 644, 2).bytes());
            many.extend(b"xy");
        }
        assert_eq!(what(&open("many.a", &many, &small)), Some("FILES_MAX"));
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
