//! Archives that tests wrap code in; knows the least that makes one sound.

use std::io::Write;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("finished")
}

/// The least zip archive: its entries are stored.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut local, mut central) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = local.len() as u32;
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let size = (content.len() as u32).to_le_bytes();
        let mut about = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        about.extend(sum.sum().to_le_bytes());
        about.extend([size, size].concat());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        local.extend([b"PK\x03\x04", &about[..], name.as_bytes(), content].concat());
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
    let mut out = Vec::new();
    for (name, content) in files {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..262].copy_from_slice(b"ustar");
        out.extend([&header, *content].concat());
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1_024, 0);
    out
}
