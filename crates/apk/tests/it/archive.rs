//! Every known trick, and what is made of it.

use crate::builder::{File, Zip, deflated, end_record, signing_block, stored, zip};
use apk::oddity::Kind;
use apk::{Archive, Budgets, Fault};

fn two() -> Zip {
    zip([deflated("AndroidManifest.xml", &b"manifest ".repeat(50)), stored("classes.dex", b"dex")])
}

/// Opens the archive with the first file changed, and lists what is odd about it.
fn oddities(change: impl FnOnce(&mut File)) -> Vec<Kind> {
    let mut zip = two();
    change(&mut zip.files[0]);
    kinds(&zip.build())
}

fn kinds(bytes: &[u8]) -> Vec<Kind> {
    let archive = Archive::open(bytes, &Budgets::default()).unwrap();
    archive.oddities().iter().map(|oddity| oddity.kind).collect()
}

fn fault(change: impl FnOnce(&mut Zip)) -> Fault {
    let mut zip = two();
    change(&mut zip);
    Archive::open(&zip.build(), &Budgets::default()).unwrap_err()
}

#[test]
fn well_made_archives_have_nothing_odd() {
    let bytes = two().build();
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    assert_eq!(archive.oddities(), []);
    assert_eq!(archive.gaps(), []);
    let content = archive.read_named("AndroidManifest.xml").unwrap();
    assert!(content.crc_matches);
    assert_eq!(content.bytes, b"manifest ".repeat(50));
    assert_eq!(archive.dex().count(), 1);
    assert_eq!(archive.read_named("x").unwrap_err(), Fault::Absent(String::from("x")));
    for signed in [true, false] {
        assert_eq!(
            oddities(|file| {
                (file.descriptor, file.flags, file.local_flags) = (Some(signed), 8, 8);
            }),
            []
        );
    }
}

#[test]
fn what_android_reads_past_is_reported() {
    let zip64 = [1, 0, 0, 0].to_vec();
    assert_eq!(oddities(|f| f.local_method = 0), [Kind::LocalMethodDiffers]);
    assert_eq!(oddities(|f| f.local_flags = 0x800), [Kind::LocalFlagsDiffer]);
    assert_eq!(oddities(|f| (f.flags, f.local_flags) = (1, 1)), [Kind::EncryptedFlag]);
    assert_eq!(oddities(|f| f.flags = 1), [Kind::LocalFlagsDiffer, Kind::EncryptedFlag]);
    assert_eq!(oddities(|f| f.central_extra = zip64), [Kind::Zip64Extra]);
    assert_eq!(oddities(|f| f.central_extra = vec![0; 3]), [Kind::ExtraMalformed]);
    assert_eq!(oddities(|f| f.gap = vec![7; 3]), [Kind::Prefix]);
    assert_eq!(oddities(|f| f.local_flags = 8), [Kind::LocalFlagsDiffer, Kind::DescriptorWrong]);
    let mut zip = two();
    zip.files[1].gap = b"hidden".to_vec();
    assert_eq!(kinds(&zip.build()), [Kind::HiddenBytes]);
    zip.files[1].gap = vec![0; 6];
    assert_eq!(kinds(&zip.build()), []);
    zip.files[1].name = b"../x".to_vec();
    zip.files[1].local_name = b"../x".to_vec();
    assert_eq!(kinds(&zip.build()), [Kind::UnsafeName]);
    let with = |change: fn(&mut Zip)| {
        let mut zip = two();
        change(&mut zip);
        kinds(&zip.build())
    };
    assert_eq!(with(|zip| zip.comment = b"hi".to_vec()), [Kind::Comment]);
    assert_eq!(with(|zip| zip.before_end = b"x".to_vec()), [Kind::GapBeforeEnd]);
    assert_eq!(with(|zip| zip.before_end = end_record(0, 0, 0, 0, 0)), [Kind::GapBeforeEnd]);
    assert_eq!(with(|zip| zip.directory_tail = b"x".to_vec()), [Kind::DirectoryTail]);
    assert_eq!(with(|zip| zip.entries = Some(1)), [Kind::HiddenBytes, Kind::DirectoryTail]);
    assert_eq!(with(|zip| zip.entries_here = Some(1)), [Kind::SeveralDisks]);
    assert_eq!(with(|zip| zip.signing = signing_block(&[])), []);
    let broken = |zip: &mut Zip| {
        zip.signing = signing_block(&[]);
        zip.signing[0] ^= 1;
    };
    assert_eq!(with(broken), [Kind::HiddenBytes, Kind::SigningBlockMalformed]);
}

#[test]
fn an_unknown_method_is_read_as_stored() {
    let mut zip = two();
    (zip.files[1].method, zip.files[1].local_method) = (99, 99);
    let bytes = zip.build();
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    assert_eq!(archive.oddities()[0].kind, Kind::UnknownMethod);
    assert_eq!(archive.read_named("classes.dex").unwrap().bytes, b"dex".as_slice());
}

#[test]
fn entries_that_android_cannot_read_are_unreadable_and_leave_the_others() {
    type Change = fn(&mut File);
    let changes: [(Change, Kind); 6] = [
        (|f| f.local_name = b"AndroidManifest.xmk".to_vec(), Kind::LocalNameDiffers),
        (|f| f.local_size = Some(1), Kind::LocalSizesDiffer),
        (|f| f.compressed_size = Some(1 << 20), Kind::DataOutOfRange),
        (|f| f.offset = Some(1), Kind::LocalHeaderMissing),
        (|f| f.offset = Some(0x7fff_ffff), Kind::LocalHeaderMissing),
        (|f| f.size = u32::MAX, Kind::Zip64Sizes),
    ];
    for (change, kind) in changes {
        let mut zip = two();
        change(&mut zip.files[0]);
        let bytes = zip.build();
        let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
        assert!(archive.oddities().iter().any(|oddity| oddity.kind == kind), "{kind:?}: {:?}", archive.oddities());
        let name = String::from("AndroidManifest.xml");
        assert_eq!(archive.read_named(&name).unwrap_err(), Fault::Unreadable(name, kind));
        assert!(kind.unreadable());
        assert_eq!(archive.read_named("classes.dex").unwrap().bytes, b"dex".as_slice());
    }
}

#[test]
fn entries_that_share_bytes_overlap() {
    let mut zip = two();
    zip.files[1].offset = Some(0);
    let bytes = zip.build();
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    let overlapping = archive.oddities().iter().filter(|oddity| oddity.kind == Kind::Overlap).count();
    assert_eq!(overlapping, 2);
}

#[test]
fn what_android_refuses_is_a_fault() {
    assert_eq!(Archive::open(b"", &Budgets::default()).unwrap_err(), Fault::NoEnd);
    assert_eq!(Archive::open(&[0; 1 << 17], &Budgets::default()).unwrap_err(), Fault::NoEnd);
    assert_eq!(fault(|zip| zip.after = b"x".to_vec()), Fault::EndUnclear);
    assert_eq!(fault(|zip| zip.comment = end_record(1, 1, 1, 1, 3)), Fault::EndUnclear);
    // Both records reach the end of the file: the last is Android's, the first that of who searches forward.
    assert_eq!(fault(|zip| zip.comment = end_record(0, 0, 0, 0, 0)), Fault::EndUnclear);
    assert_eq!(fault(|zip| zip.before_end = [b"PK\x06\x07".as_slice(), &[0; 16]].concat()), Fault::Zip64);
    assert_eq!(fault(|zip| zip.directory_offset = Some(u32::MAX)), Fault::Zip64);
    assert_eq!(fault(|zip| zip.directory_offset = Some(1 << 20)), Fault::DirectoryMissing);
    assert_eq!(fault(|zip| zip.directory_offset = Some(0)), Fault::DirectoryBroken { entry: 0 });
    assert_eq!(fault(|zip| zip.entries = Some(3)), Fault::DirectoryBroken { entry: 2 });
    assert_eq!(fault(|zip| zip.entries = Some(9)), Fault::DirectoryBroken { entry: 2 });
    assert_eq!(fault(|zip| zip.files.clear()), Fault::Empty);
    for name in [&b""[..], b"\xff", b"a\0b"] {
        assert_eq!(fault(|zip| zip.files[1].name = name.to_vec()), Fault::NameMalformed { entry: 1 });
    }
    let twice = |zip: &mut Zip| zip.files.push(stored("classes.dex", b"other"));
    assert_eq!(fault(twice), Fault::DuplicateName(String::from("classes.dex")));
}

#[test]
fn content_that_is_not_what_it_is_said_to_be() {
    for size in [449, 451] {
        let mut zip = two();
        zip.files[0].size = size;
        let bytes = zip.build();
        let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
        let name = String::from("AndroidManifest.xml");
        assert_eq!(archive.read_named(&name).unwrap_err(), Fault::Inflate(name), "size {size}");
    }
    let mut zip = two();
    zip.files[0].crc32 ^= 1;
    let bytes = zip.build();
    let archive = Archive::open(&bytes, &Budgets::default()).unwrap();
    assert!(!archive.read_named("AndroidManifest.xml").unwrap().crc_matches);
}

#[test]
fn each_budget_is_reached() {
    let budget = |fault: Fault| match fault {
        Fault::Budget { budget, .. } => budget,
        other => panic!("{other}"),
    };
    let bytes = two().build();
    let tight = Budgets { entries_max: 1, ..Budgets::default() };
    assert_eq!(budget(Archive::open(&bytes, &tight).unwrap_err()), "entries_max");
    let tight = Budgets { entry_bytes_max: 449, ..Budgets::default() };
    let archive = Archive::open(&bytes, &tight).unwrap();
    assert_eq!(budget(archive.read_named("AndroidManifest.xml").unwrap_err()), "entry_bytes_max");
    let tight = Budgets { total_bytes_max: 900, ..Budgets::default() };
    let archive = Archive::open(&bytes, &tight).unwrap();
    for _ in 0..2 {
        archive.read_named("AndroidManifest.xml").unwrap();
    }
    assert_eq!(budget(archive.read_named("AndroidManifest.xml").unwrap_err()), "total_bytes_max");
    let bomb = zip([deflated("bomb", &vec![0; 17 << 20])]).build();
    let archive = Archive::open(&bomb, &Budgets::default()).unwrap();
    assert_eq!(budget(archive.read_named("bomb").unwrap_err()), "ratio_max");
    let wide = Budgets { ratio_max: 2_000, ..Budgets::default() };
    assert_eq!(Archive::open(&bomb, &wide).unwrap().read_named("bomb").unwrap().bytes.len(), 17 << 20);
}
