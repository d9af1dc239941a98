//! Package URLs in a software bill of materials: CycloneDX 1.x and SPDX 2.3, both as JSON.

use serde_json::Value;

/// A bill of materials is text; a larger file is something else.
const SBOM_BYTES_MAX: usize = 256 << 20;
/// Components within components.
const DEPTH_MAX: usize = 32;

/// The package URLs that a file lists; `None` if it is no bill of materials, an error if it is one that is not known.
pub(crate) fn purls(bytes: &[u8]) -> Option<Result<Vec<String>, String>> {
    let head = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *head != b'{' || bytes.len() > SBOM_BYTES_MAX {
        return None;
    }
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let mut found = Vec::new();
    if document.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") {
        let version = document.get("specVersion").and_then(Value::as_str).unwrap_or("");
        if !version.starts_with("1.") {
            return Some(Err(format!("CycloneDX {version} is not known; write 1.6 or 1.7")));
        }
        cyclonedx(&document, 0, &mut found);
        if let Some(component) = document.pointer("/metadata/component") {
            found.extend(component.get("purl").and_then(Value::as_str).map(str::to_owned));
        }
    } else if let Some(version) = document.get("spdxVersion").and_then(Value::as_str) {
        if !version.starts_with("SPDX-2.") {
            return Some(Err(format!("{version} is not known; write SPDX-2.3")));
        }
        for package in document.get("packages").and_then(Value::as_array).into_iter().flatten() {
            let references = package.get("externalRefs").and_then(Value::as_array).into_iter().flatten();
            let purls = references.filter(|r| r.get("referenceType").and_then(Value::as_str) == Some("purl"));
            found.extend(purls.filter_map(|r| r.get("referenceLocator").and_then(Value::as_str).map(str::to_owned)));
        }
    } else {
        return None;
    }
    Some(Ok(found))
}

fn cyclonedx(holder: &Value, depth: usize, found: &mut Vec<String>) {
    if depth > DEPTH_MAX {
        return;
    }
    for component in holder.get("components").and_then(Value::as_array).into_iter().flatten() {
        found.extend(component.get("purl").and_then(Value::as_str).map(str::to_owned));
        cyclonedx(component, depth + 1, found);
    }
}
