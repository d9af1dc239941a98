//! The manifest of an app bundle: the same document as a package's, as protocol-buffer messages (`aapt.pb.XmlNode`).

use crate::archive::Fault;
use crate::manifest::Manifest;

/// Where the manifest of a module stands.
pub const MANIFEST: &str = "base/manifest/AndroidManifest.xml";
/// Elements within elements; the deepest that Android knows is six.
const DEPTH_MAX: usize = 32;
/// Elements of one manifest: ten times the largest that was ever seen.
const ELEMENTS_MAX: usize = 100_000;

/// A field of a message: its number and, if it is one, its bytes.
type Field<'a> = (u64, &'a [u8]);

/// The fields of a message that are messages or strings; the others are passed over.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = Option<Field<'_>>> {
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let Some(field) = field(&mut rest) else {
                rest = &[];
                return Some(None);
            };
            if let Some(field) = field {
                return Some(Some(field));
            }
        }
        None
    })
}

/// One field; nothing inside for a number.
fn field<'a>(rest: &mut &'a [u8]) -> Option<Option<Field<'a>>> {
    let key = number(rest)?;
    let length = match key & 7 {
        0 => {
            number(rest)?;
            return Some(None);
        }
        1 => 8,
        2 => usize::try_from(number(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((key & 7 == 2).then_some((key >> 3, content)))
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads the manifest of a bundle: the application id, the permissions and the components.
///
/// # Errors
/// [`Fault::Format`] if it is no such message, too deep or too long, or has no package name.
pub fn manifest(bytes: &[u8]) -> Result<Manifest, Fault> {
    let format = |why| Fault::Format { what: MANIFEST, why };
    let mut reader = Reader { manifest: Manifest::default(), elements: 0 };
    reader.node(bytes, &mut Vec::new()).ok_or(format("no XML as a protocol buffer, or too deep or too long"))?;
    let Reader { mut manifest, .. } = reader;
    if manifest.package.is_empty() {
        return Err(format("no package name"));
    }
    let package = manifest.package.clone();
    for name in &mut manifest.components {
        match name.find('.') {
            Some(0) => name.insert_str(0, &package),
            Some(_) => {}
            None => *name = format!("{package}.{name}"),
        }
    }
    Ok(manifest)
}

struct Reader {
    manifest: Manifest,
    elements: usize,
}

impl Reader {
    fn node(&mut self, bytes: &[u8], path: &mut Vec<String>) -> Option<()> {
        for field in fields(bytes) {
            let (number, content) = field?;
            if number == 1 {
                self.element(content, path)?;
            }
        }
        Some(())
    }

    fn element(&mut self, bytes: &[u8], path: &mut Vec<String>) -> Option<()> {
        self.elements += 1;
        if path.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return None;
        }
        let mut children = Vec::new();
        let (mut name, mut attributes) = (String::new(), Vec::new());
        for field in fields(bytes) {
            match field? {
                (3, text) => name = String::from_utf8(text.to_vec()).ok()?,
                (4, attribute) => attributes.push(self::attribute(attribute)?),
                (5, child) => children.push(child),
                _ => {}
            }
        }
        let value = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        match (path.as_slice(), name.as_str()) {
            ([], "manifest") => {
                self.manifest.package = value("package").unwrap_or_default();
                self.manifest.version_name = value("versionName");
                self.manifest.split = value("split");
            }
            ([_], "uses-permission") => self.manifest.permissions.extend(value("name")),
            ([_], "application") => self.manifest.components.extend(value("name")),
            ([_, application], "activity" | "service" | "receiver" | "provider") if application == "application" => {
                self.manifest.components.extend(value("name"));
            }
            _ => {}
        }
        path.push(name);
        for child in children {
            self.node(child, path)?;
        }
        path.pop();
        Some(())
    }
}

/// The name and the text of an attribute.
fn attribute(bytes: &[u8]) -> Option<(String, String)> {
    let (mut name, mut value) = (String::new(), String::new());
    for field in fields(bytes) {
        match field? {
            (2, text) => name = String::from_utf8(text.to_vec()).ok()?,
            (3, text) => value = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = content.len();
        while length > 0x7f {
            out.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        out.push(length as u8);
        [out, content.to_vec()].concat()
    }

    fn element(name: &str, attributes: &[(&str, &str)], children: &[Vec<u8>]) -> Vec<u8> {
        let mut body = message(3, name.as_bytes());
        for (name, value) in attributes {
            body.extend(message(
                4,
                &[message(2, name.as_bytes()), message(3, value.as_bytes()), vec![0x28, 7]].concat(),
            ));
        }
        children.iter().for_each(|child| body.extend(message(5, child)));
        message(1, &body)
    }

    fn shop() -> Vec<u8> {
        let activity = element("activity", &[("name", ".Main")], &[]);
        let service = element("service", &[("name", "org.example.Push")], &[]);
        let application = element("application", &[("name", "App")], &[activity, service]);
        let permission = element("uses-permission", &[("name", "android.permission.CAMERA")], &[]);
        element("manifest", &[("package", "com.example.shop"), ("versionName", "2.1")], &[permission, application])
    }

    #[test]
    fn a_bundle_says_what_a_package_says() {
        let manifest = manifest(&shop()).expect("sound");
        assert_eq!(manifest.package, "com.example.shop");
        assert_eq!(manifest.version_name.as_deref(), Some("2.1"));
        assert_eq!(manifest.permissions, ["android.permission.CAMERA"]);
        assert_eq!(manifest.components, ["com.example.shop.App", "com.example.shop.Main", "org.example.Push"]);
    }

    #[test]
    fn depth_and_damage_are_faults_and_nothing_panics() {
        let mut deep = element("a", &[], &[]);
        for _ in 0..=DEPTH_MAX {
            deep = element("a", &[], &[deep]);
        }
        assert!(manifest(&deep).is_err());
        let many = element("manifest", &[("package", "a.b")], &vec![element("a", &[], &[]); ELEMENTS_MAX]);
        assert!(manifest(&many).is_err());
        let good = shop();
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = (state >> 13) as u8;
            if let Ok(manifest) = manifest(&bytes) {
                assert!(!manifest.package.is_empty());
            }
        }
    }
}
