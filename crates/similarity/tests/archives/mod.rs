//! Archives that tests wrap code in; knows the least that makes one sound.

use std::io::Write;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("finished")
}

/// The least zip archive: its entries are stored, those of a mebibyte and more deflated.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut local, mut central) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = local.len() as u32;
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let is_deflated = content.len() >= 1 << 20;
        let kept = if is_deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(content).expect("written");
            encoder.finish().expect("finished")
        } else {
            content.to_vec()
        };
        let mut about = vec![10, 0, 0, 0, if is_deflated { 8 } else { 0 }, 0, 0, 0, 0x21, 0];
        about.extend(sum.sum().to_le_bytes());
        about.extend([kept.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        local.extend([b"PK\x03\x04", &about[..], name.as_bytes(), &kept].concat());
        central.extend([b"PK\x01\x02\x0a\0", &about[..], &[0; 10]].concat());
        central.extend([&offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    end.extend([(files.len() as u16).to_le_bytes(); 2].concat());
    end.extend([central.len() as u32, local.len() as u32].map(u32::to_le_bytes).concat());
    end.extend([0, 0]);
    [local, central, end].concat()
}

/// A tar archive of plain files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    tar_of(b"ustar", &files.iter().map(|(name, content)| (b'0', *name, *content)).collect::<Vec<_>>())
}

/// A tar archive with that mark, of entries with their kinds.
pub(crate) fn tar_of(mark: &[u8], entries: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, name, content) in entries {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = *kind;
        header[257..257 + mark.len()].copy_from_slice(mark);
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend([&header, *content].concat());
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1_024, 0);
    out
}
