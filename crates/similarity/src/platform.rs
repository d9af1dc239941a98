//! Names that no obfuscator can change: what belongs to the Java and Android platforms.

/// Packages of the platform, as the beginnings of type descriptors.
const PACKAGES: [&[u8]; 9] = [
    b"Ljava/",
    b"Landroid/",
    b"Ljavax/",
    b"Lorg/json/",
    b"Ldalvik/",
    b"Lorg/w3c/dom/",
    b"Lorg/xml/sax/",
    b"Lsun/",
    b"Lcom/android/internal/",
];

/// Packages under those names that apps carry along in their own code.
const CARRIED: [&[u8]; 3] = [b"Landroid/support/", b"Landroid/arch/", b"Ljavax/inject/"];

/// Whether a type descriptor without its array marks names a type of the platform or a primitive.
/// A program that defines such a type itself makes it its own: the caller knows.
#[must_use]
pub fn is_platform(descriptor: &[u8]) -> bool {
    descriptor.len() == 1
        || (PACKAGES.iter().any(|package| descriptor.starts_with(package))
            && !CARRIED.iter().any(|package| descriptor.starts_with(package)))
}

/// Calls that compilers insert or leave out as they like, so that they say nothing about who wrote the code:
/// string concatenation and null checks.
#[must_use]
pub fn is_noise(class: &[u8], name: &[u8]) -> bool {
    match class {
        b"Ljava/lang/StringBuilder;" | b"Ljava/lang/StringBuffer;" | b"Ljava/lang/AbstractStringBuilder;" => {
            matches!(name, b"append" | b"toString" | b"<init>")
        }
        b"Ljava/util/Objects;" => name == b"requireNonNull",
        b"Ljava/lang/Object;" => matches!(name, b"getClass" | b"<init>"),
        _ => false,
    }
}

/// Types whose creation is as much noise as the calls above.
#[must_use]
pub fn is_noise_type(descriptor: &[u8]) -> bool {
    matches!(descriptor, b"Ljava/lang/StringBuilder;" | b"Ljava/lang/StringBuffer;")
}

/// The words of a descriptor for people: `Lcom/example/Shop;` is `com.example.Shop`.
#[must_use]
pub fn readable(descriptor: &str) -> String {
    let inner = descriptor.strip_prefix('L').and_then(|rest| rest.strip_suffix(';')).unwrap_or(descriptor);
    inner.replace('/', ".")
}
