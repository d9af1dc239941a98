//! What a repository's index says of its files: which path is a package of which app, by whom signed.
//!
//! It is evidence, not truth: a file under another path, or with another content than the index says, is found out by
//! what the file itself is. So the index's own signature is left for clients to check.

use super::upstream::{Fetched, Upstream};
use foldhash::HashMap;
use serde::Deserialize;
use std::sync::Arc;

/// The largest public index has some 40 MB.
pub const INDEX_BYTES_MAX: usize = 512 << 20;

/// What the index says of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The package name.
    pub package: Arc<str>,
    /// Digests of signing certificates, in hex.
    pub signers: Vec<String>,
    /// Digest of the file, in hex.
    pub sha256: Option<String>,
}

/// The packages of a repository, by path.
#[derive(Debug, Default)]
pub struct Index {
    files: HashMap<String, Listed>,
    apps: usize,
    format: &'static str,
    validator: Option<String>,
}

impl Index {
    /// What it says of a path, as [`canonical`] spells it.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<&Listed> {
        self.files.get(path)
    }

    /// What it says of every path, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Listed)> {
        self.files.iter().map(|(path, listed)| (path.as_str(), listed))
    }

    /// Packages of all versions.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Apps.
    #[must_use]
    pub const fn apps(&self) -> usize {
        self.apps
    }

    /// The file it was read from.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        self.format
    }

    /// Reads an index of the second version, whose file names are relative to `base`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_v2(bytes: &[u8], base: &str) -> Result<Self, String> {
        let read: V2 = serde_json::from_slice(bytes).map_err(|error| format!("index-v2.json: {error}"))?;
        let mut index = Self { apps: read.packages.len(), format: "index-v2.json", ..Self::default() };
        for (package, app) in read.packages {
            let package: Arc<str> = package.into();
            for version in app.versions.into_values().flatten() {
                let signers = version.manifest.and_then(|m| m.signer).map(|s| s.sha256).unwrap_or_default();
                let listed = Listed { package: Arc::clone(&package), signers, sha256: version.file.sha256 };
                index.files.insert(canonical(&format!("{base}/{}", version.file.name)), listed);
            }
        }
        Ok(index)
    }

    /// Reads an index of the first version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_v1(bytes: &[u8], base: &str) -> Result<Self, String> {
        let read: V1 = serde_json::from_slice(bytes).map_err(|error| format!("index-v1.json: {error}"))?;
        let mut index = Self { apps: read.packages.len(), format: "index-v1.json", ..Self::default() };
        for (package, versions) in read.packages {
            let package: Arc<str> = package.into();
            for version in versions {
                let listed = Listed {
                    package: Arc::clone(&package),
                    signers: version.signer.into_iter().collect(),
                    sha256: version.hash.filter(|hash| hash.len() == 64),
                };
                index.files.insert(canonical(&format!("{base}/{}", version.apk_name)), listed);
            }
        }
        Ok(index)
    }
}

#[derive(Deserialize)]
struct V2 {
    packages: HashMap<String, AppV2>,
}

#[derive(Deserialize)]
struct AppV2 {
    #[serde(default)]
    versions: HashMap<String, Option<VersionV2>>,
}

#[derive(Deserialize)]
struct VersionV2 {
    file: FileV2,
    manifest: Option<ManifestV2>,
}

#[derive(Deserialize)]
struct FileV2 {
    name: String,
    sha256: Option<String>,
}

#[derive(Deserialize)]
struct ManifestV2 {
    signer: Option<SignerV2>,
}

#[derive(Deserialize)]
struct SignerV2 {
    #[serde(default)]
    sha256: Vec<String>,
}

#[derive(Deserialize)]
struct V1 {
    packages: HashMap<String, Vec<VersionV1>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionV1 {
    apk_name: String,
    hash: Option<String>,
    signer: Option<String>,
}

/// Fetches the index unless it is the one already known: the second version, or the first where there is no second.
///
/// # Errors
/// The repository cannot be reached, or its index cannot be read.
pub async fn fetch(upstream: &Upstream, known: &Index) -> Result<Option<Index>, String> {
    let base = upstream.repository();
    let since = |format: &str| known.validator.as_deref().filter(|_| known.format == format);
    let path = format!("{base}/index-v2.json");
    let fetched = upstream.fetch(&path, since("index-v2.json"), INDEX_BYTES_MAX).await?;
    let (mut index, validator) = match fetched {
        Fetched::Unchanged => return Ok(None),
        Fetched::Body(bytes, validator) => (Index::read_v2(&bytes, base)?, validator),
        Fetched::Missing => {
            let path = format!("{base}/index-v1.jar");
            match upstream.fetch(&path, since("index-v1.json"), INDEX_BYTES_MAX).await? {
                Fetched::Unchanged => return Ok(None),
                Fetched::Missing => return Err(format!("no index-v2.json and no index-v1.jar below {base}/")),
                Fetched::Body(bytes, validator) => {
                    (Index::read_v1(&unpack(&bytes, "index-v1.json")?, base)?, validator)
                }
            }
        }
    };
    index.validator = validator;
    Ok(Some(index))
}

/// A file inside a signed archive.
pub(super) fn unpack(jar: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let fault = |fault: apk::Fault| format!("{name} in its archive: {fault}");
    // JSON of repeated words deflates further than anything in a package does.
    let budgets = apk::Budgets { entry_bytes_max: INDEX_BYTES_MAX as u64, ratio_max: 1_032, ..apk::Budgets::default() };
    let archive = apk::Archive::open(jar, &budgets).map_err(fault)?;
    Ok(archive.read_named(name).map_err(fault)?.bytes.into_owned())
}

/// One spelling of a path: percent signs decoded, empty and dot segments resolved, no query.
///
/// A server may spell paths otherwise; what it then serves is still recognised by its content.
#[must_use]
pub fn canonical(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
        let pair = (*byte == b'%').then(|| hex(after.first()).zip(hex(after.get(1)))).flatten();
        let (value, next) = match pair {
            Some((high, low)) => ((high << 4 | low) as u8, after.get(2..).unwrap_or_default()),
            None => (*byte, after),
        };
        decoded.push(value);
        rest = next;
    }
    let decoded = String::from_utf8_lossy(&decoded);
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Index, canonical};

    #[test]
    fn a_path_has_one_spelling() {
        for (written, expected) in [
            ("/repo/a_1.apk", "/repo/a_1.apk"),
            ("/repo//a_1.apk", "/repo/a_1.apk"),
            ("/repo/./x/../a_1.apk?x=1", "/repo/a_1.apk"),
            ("/repo/%61_1.ap%6B", "/repo/a_1.apk"),
            ("/repo/%2e%2E/repo/a_1.apk", "/repo/a_1.apk"),
            ("/../../a", "/a"),
            ("/a%", "/a%"),
            ("/a%4", "/a%4"),
            ("/%ff", "/\u{fffd}"),
            ("", "/"),
        ] {
            assert_eq!(canonical(written), expected, "{written}");
        }
    }

    #[test]
    fn both_versions_say_which_file_is_whose() {
        let v2 = br#"{"repo":{},"packages":{"org.x":{"metadata":{},"versions":{"aa":{"added":1,
            "file":{"name":"/org.x_1.apk","sha256":"aa","size":3},"manifest":{"signer":{"sha256":["bb"]}}},
            "gone":null}},"org.y":{}}}"#;
        let index = Index::read_v2(v2, "/fdroid/repo").unwrap();
        assert_eq!((index.apps(), index.files()), (2, 1));
        let listed = index.of("/fdroid/repo/org.x_1.apk").unwrap();
        assert_eq!((&*listed.package, &listed.signers[..]), ("org.x", &[String::from("bb")][..]));
        let v1 = br#"{"packages":{"org.x":[{"apkName":"org.x_1.apk","hash":"cc","signer":"bb"}]}}"#;
        let index = Index::read_v1(v1, "").unwrap();
        assert_eq!(index.of("/org.x_1.apk").map(|listed| listed.sha256.clone()), Some(None), "a short hash is none");
        for bad in [&b""[..], b"[]", b"{\"packages\":[]}", b"{\"packages\":{\"a\":{\"versions\":{\"b\":{}}}}}"] {
            assert!(Index::read_v2(bad, "").is_err());
        }
    }
}
