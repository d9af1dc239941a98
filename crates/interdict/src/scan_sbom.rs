//! Package URLs in a software bill of materials: CycloneDX 1.x, SPDX 2.3 and SPDX 3.0, all as JSON. Other forms of
//! theirs are known and refused, so that none is taken for a file of no interest.

use serde_json::Value;

/// A bill of materials is text; a larger file is something else.
const SBOM_BYTES_MAX: usize = 256 << 20;
/// Components within components.
const DEPTH_MAX: usize = 32;

/// Bytes from the beginning within which a bill in another form says what it is.
const HEAD_BYTES: usize = 4_096;

/// The package URLs that a file lists; `None` if it is no bill of materials, an error if it is one that is not known.
pub(crate) fn purls(bytes: &[u8]) -> Option<Result<Vec<String>, String>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let head = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *head != b'{' {
        return other_form(bytes).map(Err);
    }
    let read = if bytes.len() > SBOM_BYTES_MAX {
        Err(format!("larger than {SBOM_BYTES_MAX} bytes"))
    } else {
        serde_json::from_slice::<Value>(bytes).map_err(|error| error.to_string())
    };
    let document = match read {
        Ok(document) => document,
        Err(why) => {
            return says_so(bytes).then(|| Err(format!("it is a bill of materials that cannot be read: {why}")));
        }
    };
    let mut found = Vec::new();
    if document.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") {
        let version = document.get("specVersion").and_then(Value::as_str).unwrap_or("");
        if !version.starts_with("1.") {
            return Some(Err(format!("CycloneDX {version} is not known; write 1.6 or 1.7")));
        }
        let main = document.get("metadata").and_then(|metadata| metadata.get("component"));
        let all = cyclonedx(document.get("components"), 0, &mut found);
        if all.and_then(|()| cyclonedx(main, 0, &mut found)).is_none() {
            return Some(Err(format!("its components are nested more than {DEPTH_MAX} deep")));
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
    } else if document.get("@context").is_some_and(|context| context.to_string().contains("spdx.org/rdf/3.")) {
        spdx_graph(&document, &mut found);
    } else {
        return None;
    }
    Some(Ok(found))
}

/// Whether what cannot be read as JSON calls itself a bill of materials all the same.
fn says_so(bytes: &[u8]) -> bool {
    let marks = [&b"\"CycloneDX\""[..], b"\"spdxVersion\"", b"spdx.org/rdf/3."];
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    marks.iter().any(|mark| head.windows(mark.len()).any(|window| window == *mark))
}

/// What a bill in a form that is not read says of itself.
fn other_form(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD_BYTES).unwrap_or(bytes));
    let head = head.trim_start_matches('\u{feff}').trim_start();
    if head.starts_with('<') && head.contains("cyclonedx.org/schema/bom") {
        Some(String::from("CycloneDX as XML is not read; write it as JSON"))
    } else if head.starts_with("SPDXVersion:") || (head.starts_with('<') && head.contains("spdx.org/rdf/terms")) {
        Some(String::from("SPDX is read as JSON only; write it so"))
    } else {
        None
    }
}

/// SPDX 3.0: packages are elements of one graph.
fn spdx_graph(document: &Value, found: &mut Vec<String>) {
    for element in document.get("@graph").and_then(Value::as_array).into_iter().flatten() {
        found.extend(element.get("software_packageUrl").and_then(Value::as_str).map(str::to_owned));
        let identifiers = element.get("externalIdentifier").and_then(Value::as_array).into_iter().flatten();
        let purls =
            identifiers.filter(|id| id.get("externalIdentifierType").and_then(Value::as_str) == Some("packageUrl"));
        found.extend(purls.filter_map(|id| id.get("identifier").and_then(Value::as_str).map(str::to_owned)));
    }
}

/// A component or a list of them, with what each is put together of.
fn cyclonedx(holder: Option<&Value>, depth: usize, found: &mut Vec<String>) -> Option<()> {
    let Some(holder) = holder else { return Some(()) };
    if depth > DEPTH_MAX {
        return None;
    }
    for component in holder.as_array().map_or(std::slice::from_ref(holder), Vec::as_slice) {
        found.extend(component.get("purl").and_then(Value::as_str).map(str::to_owned));
        cyclonedx(component.get("components"), depth + 1, found)?;
    }
    Some(())
}
