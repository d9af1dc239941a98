//! What a package says it is, in its `AndroidManifest.xml`.

use crate::archive::{Archive, Fault};
use crate::axml::{self, Element, Value};
use crate::resources::Resources;
use std::sync::Arc;

/// The file.
pub const MANIFEST: &str = "AndroidManifest.xml";
const TABLE: &str = "resources.arsc";

// Ids of the attributes in Android's own resources, which stay the same for ever.
const LABEL: u32 = 0x0101_0001;
const NAME: u32 = 0x0101_0003;
const SHARED_USER_ID: u32 = 0x0101_000b;
const DEBUGGABLE: u32 = 0x0101_000f;
const MIN_SDK: u32 = 0x0101_020c;
const VERSION_CODE: u32 = 0x0101_021b;
const VERSION_NAME: u32 = 0x0101_021c;
const TARGET_SDK: u32 = 0x0101_0270;
const VERSION_CODE_MAJOR: u32 = 0x0101_0576;

/// A manifest. Resource ids are resolved where the package itself has the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The application id, under which Android and stores know the app.
    pub package: String,
    /// The version as a number, its upper half (`versionCodeMajor`) included.
    pub version_code: Option<u64>,
    /// The version as people read it.
    pub version_name: Option<String>,
    /// The name of the split, if this is not a base package.
    pub split: Option<String>,
    /// What the launcher writes under the icon.
    pub label: Option<String>,
    /// The user id shared with other packages of one signer.
    pub shared_user_id: Option<String>,
    /// The oldest platform it installs on.
    pub min_sdk: Option<u32>,
    /// The platform it is made for.
    pub target_sdk: Option<u32>,
    /// Whether a debugger may attach.
    pub debuggable: bool,
    /// Permissions it asks for, in order.
    pub permissions: Vec<String>,
    /// Class names of its application, activities, services, receivers and providers, in full, in order.
    pub components: Vec<String>,
}

impl Manifest {
    /// Reads the manifest of a package.
    ///
    /// # Errors
    /// As [`Archive::read`] and [`Manifest::parse`].
    pub fn read(archive: &Archive<'_>) -> Result<Self, Fault> {
        let manifest = archive.read_named(MANIFEST)?;
        let table = archive.entry(TABLE).map(|entry| archive.read(entry)).transpose();
        // A manifest that needs no resource is complete without a readable table.
        let resources = table.as_ref().ok().and_then(Option::as_ref).map(|table| Resources::read(&table.bytes));
        Self::parse(&manifest.bytes, resources.and_then(Result::ok).as_ref())
    }

    /// Reads a manifest, and from `resources` what it refers to.
    ///
    /// # Errors
    /// [`Fault::Format`] if it is no binary XML, or no manifest, or has no package name.
    pub fn parse(bytes: &[u8], resources: Option<&Resources<'_>>) -> Result<Self, Fault> {
        let format = |why| Fault::Format { what: MANIFEST, why };
        let elements = axml::elements(bytes)?;
        let (root, rest) = elements.split_first().ok_or(format("no element"))?;
        if &*root.name != "manifest" {
            return Err(format("the first element is not `manifest`"));
        }
        let reader = Reader { resources };
        let package = reader.text(root.by_name("package")).ok_or(format("no package name"))?;
        let code = reader.integer(root.by_resource(VERSION_CODE));
        let major = reader.integer(root.by_resource(VERSION_CODE_MAJOR)).unwrap_or(0);
        let mut manifest = Self {
            version_code: code.map(|code| u64::from(major) << 32 | u64::from(code)),
            version_name: reader.text(root.by_resource(VERSION_NAME)),
            split: reader.text(root.by_name("split")),
            shared_user_id: reader.text(root.by_resource(SHARED_USER_ID)),
            package,
            ..Self::default()
        };
        let mut in_application = false;
        for element in rest {
            in_application = if element.depth == 1 { &*element.name == "application" } else { in_application };
            manifest.take(element, in_application, &reader);
        }
        Ok(manifest)
    }

    fn take(&mut self, element: &Element, in_application: bool, reader: &Reader<'_>) {
        let name = || reader.text(element.by_resource(NAME));
        match (element.depth, &*element.name) {
            (1, "uses-sdk") => {
                self.min_sdk = reader.integer(element.by_resource(MIN_SDK));
                self.target_sdk = reader.integer(element.by_resource(TARGET_SDK));
            }
            (1, "uses-permission" | "uses-permission-sdk-23") => self.permissions.extend(name()),
            (1, "application") => {
                self.label = reader.text(element.by_resource(LABEL));
                self.debuggable = element.by_resource(DEBUGGABLE) == Some(&Value::Boolean(true));
                self.components.extend(name().map(|name| self.in_full(name)));
            }
            (2, "activity" | "service" | "receiver" | "provider") if in_application => {
                self.components.extend(name().map(|name| self.in_full(name)));
            }
            _ => {}
        }
    }

    /// `.Main` and `Main` are short for a class of the package.
    fn in_full(&self, name: String) -> String {
        match name.find('.') {
            Some(0) => format!("{}{name}", self.package),
            Some(_) => name,
            None => format!("{}.{name}", self.package),
        }
    }
}

struct Reader<'a> {
    resources: Option<&'a Resources<'a>>,
}

impl Reader<'_> {
    fn text(&self, value: Option<&Value>) -> Option<String> {
        let text: Option<Arc<str>> = match value? {
            Value::Text(text) => Some(Arc::clone(text)),
            Value::Reference(id) => self.resources.and_then(|resources| resources.text(*id)),
            Value::Integer(number) => return Some(number.cast_signed().to_string()),
            Value::Boolean(_) | Value::Other(..) => None,
        };
        text.map(|text| String::from(&*text))
    }

    fn integer(&self, value: Option<&Value>) -> Option<u32> {
        match value? {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            Value::Reference(id) => match self.resources?.value(*id)? {
                Value::Integer(number) => Some(number),
                Value::Text(text) => text.parse().ok(),
                Value::Boolean(_) | Value::Reference(_) | Value::Other(..) => None,
            },
            Value::Boolean(_) | Value::Other(..) => None,
        }
    }
}
