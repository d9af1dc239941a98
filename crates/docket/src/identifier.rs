//! Identifiers made comparable: one exact spelling for each way people write the same thing.

use crate::vocabulary::ResourceKind;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// An identifier longer than this is no identifier.
pub const IDENTIFIER_BYTES_MAX: usize = 1024;
/// RFC 1035 § 2.3.4, without the final dot.
const DOMAIN_BYTES_MAX: usize = 253;
/// RFC 1035 § 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
/// App Store ids have ten digits today.
const APP_STORE_DIGITS_MAX: usize = 12;

/// The one spelling under which an identifier is kept and looked up.
///
/// # Errors
/// A sentence naming what is wrong with it.
pub fn canonical(kind: ResourceKind, written: &str) -> Result<Cow<'_, str>, String> {
    if written.len() > IDENTIFIER_BYTES_MAX {
        return Err(format!("longer than {IDENTIFIER_BYTES_MAX} bytes"));
    }
    if is_canonical(kind, written) { Ok(Cow::Borrowed(written)) } else { respelled(kind, written).map(Cow::Owned) }
}

/// Whether `written` is plainly the canonical spelling already, as most are. `false` is not yet a no.
fn is_canonical(kind: ResourceKind, written: &str) -> bool {
    let bytes = written.as_bytes();
    match kind {
        ResourceKind::App => {
            !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        }
        ResourceKind::AndroidPackage => are_labels(bytes, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
        ResourceKind::IosBundle => {
            are_labels(bytes, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        }
        // Two hyphens may begin Punycode, which has rules of its own.
        ResourceKind::Domain => {
            bytes.len() <= DOMAIN_BYTES_MAX
                && !written.contains("--")
                && are_labels(bytes, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        }
        ResourceKind::AppStoreId => {
            (1..=APP_STORE_DIGITS_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit)
        }
        ResourceKind::CertSha256 | ResourceKind::CodeSha256 => {
            bytes.len() == 64 && bytes.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
        }
        ResourceKind::Wallet | ResourceKind::Company => {
            are_words(bytes, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
        }
        ResourceKind::Asn => match bytes {
            [b'A', b'S', b'1'..=b'9', rest @ ..] => rest.len() < 9 && rest.iter().all(u8::is_ascii_digit),
            _ => false,
        },
        ResourceKind::Purl => {
            let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b'/');
            written.strip_prefix("pkg:").is_some_and(|rest| {
                let slashed = rest.split_once('/').is_some_and(|(kind, path)| !kind.is_empty() && !path.is_empty());
                slashed && !rest.ends_with('/') && rest.as_bytes().iter().all(plain)
            })
        }
    }
}

/// At least two labels of 1 to 63 such bytes, with dots between.
fn are_labels(bytes: &[u8], of: impl Fn(u8) -> bool) -> bool {
    let (mut labels, mut label) = (1, 0);
    for byte in bytes {
        if *byte == b'.' && label > 0 {
            (labels, label) = (labels + 1, 0);
        } else if of(*byte) && label < LABEL_BYTES_MAX {
            label += 1;
        } else {
            return false;
        }
    }
    labels > 1 && label > 0
}

/// Words of such bytes with one space between.
fn are_words(bytes: &[u8], of: impl Fn(u8) -> bool) -> bool {
    let mut word = 0;
    for byte in bytes {
        match byte {
            b' ' if word > 0 => word = 0,
            byte if of(*byte) => word += 1,
            _ => return false,
        }
    }
    word > 0
}

/// The canonical spelling of what may be written in any way.
fn respelled(kind: ResourceKind, written: &str) -> Result<String, String> {
    let folded: String = written.trim().nfkc().filter(|c| !is_invisible(*c)).collect();
    let folded = folded.trim();
    if folded.is_empty() {
        return Err(String::from("empty"));
    }
    match kind {
        ResourceKind::App => slug(folded),
        ResourceKind::AndroidPackage => dotted(folded, "an Android package name").map(str::to_owned),
        ResourceKind::IosBundle => dotted(folded, "a bundle identifier").map(str::to_lowercase),
        ResourceKind::AppStoreId => app_store(folded),
        ResourceKind::Domain => domain(folded),
        ResourceKind::Asn => asn(folded),
        ResourceKind::Wallet | ResourceKind::Company => name(folded),
        ResourceKind::CertSha256 | ResourceKind::CodeSha256 => sha256(folded),
        ResourceKind::Purl => purl(folded),
    }
}

/// Zero-width and directional characters that make equal names look different to a machine only.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

fn slug(text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    let plain = lower.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain { Ok(lower) } else { Err(String::from("an app id is lower-case letters, digits and hyphens")) }
}

fn dotted<'t>(text: &'t str, what: &str) -> Result<&'t str, String> {
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if text.contains('.') && text.split('.').all(label) { Ok(text) } else { Err(format!("not {what}")) }
}

fn app_store(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("id").unwrap_or(text);
    let plain =
        !digits.is_empty() && digits.len() <= APP_STORE_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { Ok(digits.to_owned()) } else { Err(String::from("an App Store id is digits")) }
}

/// A host name in lower-case ASCII, without port, final dot, scheme or path.
fn domain(text: &str) -> Result<String, String> {
    let host = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or(rest),
        None => text,
    };
    if host.contains(['/', '@', ' ']) {
        return Err(String::from("not a host name: write it without path or user"));
    }
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return Err(String::from("not a host name and port")),
        None => host,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let ascii = match idna::domain_to_ascii_strict(host) {
        Ok(ascii) => ascii,
        // Underscore labels exist in DNS though not in host names.
        Err(_) if host.is_ascii() => host.to_ascii_lowercase(),
        Err(_) => return Err(String::from("not a domain name")),
    };
    let label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let named = ascii.contains('.') && ascii.len() <= DOMAIN_BYTES_MAX && ascii.split('.').all(label);
    if named { Ok(ascii) } else { Err(String::from("not a domain name")) }
}

fn asn(text: &str) -> Result<String, String> {
    let digits = text.trim_start_matches(['A', 'a']).trim_start_matches(['S', 's', 'N', 'n']).trim();
    match digits.parse::<u32>() {
        Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(format!("AS{number}")),
        Ok(_) | Err(_) => Err(String::from("an autonomous system is `AS` and a number")),
    }
}

/// A name in any script: case folded, punctuation and white space reduced to single spaces.
fn name(text: &str) -> Result<String, String> {
    let mut folded = String::with_capacity(text.len());
    for c in text.to_lowercase().nfkd().filter(|c| !is_combining(*c)) {
        if c.is_alphanumeric() {
            folded.push(c);
        } else if matches!(c, '.' | '\'' | '’') {
            // `Ltd.` is `Ltd`, `Musical.ly` is `Musically`.
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    let folded = folded.trim();
    if folded.is_empty() { Err(String::from("a name has letters")) } else { Ok(folded.to_owned()) }
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn sha256(text: &str) -> Result<String, String> {
    let hex: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
    let hex = hex.strip_prefix("sha256").map(str::to_owned).unwrap_or(hex);
    let plain = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if plain { Ok(hex) } else { Err(String::from("a SHA-256 is 64 hexadecimal digits")) }
}

/// A package URL without version, qualifiers and subpath: every version is the same package.
fn purl(text: &str) -> Result<String, String> {
    // The scheme is in any case, and slashes behind it say nothing.
    let scheme = text.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("pkg"));
    let (_, rest) = scheme.ok_or_else(|| String::from("a package URL begins with `pkg:`"))?;
    let rest = rest.split(['?', '#']).next().unwrap_or(rest).trim_matches('/');
    let cut = match rest.rfind('@') {
        Some(at) if rest.get(at..).is_some_and(|tail| !tail.contains('/')) => rest.get(..at).unwrap_or(rest),
        Some(_) | None => rest,
    };
    match cut.split_once('/') {
        Some((kind, path)) if !kind.is_empty() && !path.is_empty() => {
            Ok(format!("pkg:{}/{}", kind.to_ascii_lowercase(), percent_decoded(path)))
        }
        Some(_) | None => Err(String::from("a package URL is `pkg:type/namespace/name`")),
    }
}

/// The text with what is written as `%40` as what it stands for; anything else that follows a percent sign stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        let escaped = (*first == b'%').then(|| digit(0).zip(digit(1))).flatten();
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or(&[]);
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_no_text| text.to_owned())
}

/// The canonical spelling of a name in plain ASCII, in `buffer`; `None` where that is not enough.
pub(crate) fn ascii_name<'b>(text: &str, buffer: &'b mut [u8; 64]) -> Option<&'b str> {
    let mut len = 0;
    if !text.is_ascii() || text.len() > buffer.len() {
        return None;
    }
    for byte in text.bytes() {
        let folded = match byte {
            b'.' | b'\'' => continue,
            byte if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
            _ if len == 0 || buffer.get(len - 1) == Some(&b' ') => continue,
            _ => b' ',
        };
        *buffer.get_mut(len)? = folded;
        len += 1;
    }
    std::str::from_utf8(buffer.get(..len)?).ok().map(str::trim_end)
}

/// The domain and the domains above it, nearest first, down to two labels.
pub fn domain_and_above(domain: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(domain);
    std::iter::from_fn(move || {
        let current = rest?;
        rest = current.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::{ascii_name, canonical, domain_and_above, is_canonical, respelled};
    use crate::vocabulary::ResourceKind as Kind;

    #[test]
    fn one_spelling_for_each_way_of_writing() {
        let cases = [
            (Kind::Domain, "TikTok.com", "tiktok.com"),
            (Kind::Domain, "tiktok.com.", "tiktok.com"),
            (Kind::Domain, "www.tiktok.com:443", "www.tiktok.com"),
            (Kind::Domain, "https://www.tiktok.com/@user?x=1", "www.tiktok.com"),
            (Kind::Domain, "ｔｉｋｔｏｋ．ｃｏｍ", "tiktok.com"),
            (Kind::Domain, "bücher.example", "xn--bcher-kva.example"),
            (Kind::Domain, "XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            (Kind::AndroidPackage, " com.tencent.mm ", "com.tencent.mm"),
            (Kind::AndroidPackage, "ｃｏｍ.tencent.mm", "com.tencent.mm"),
            (Kind::AndroidPackage, "com.ten\u{200b}cent.mm", "com.tencent.mm"),
            (Kind::IosBundle, "com.Tencent.Xin", "com.tencent.xin"),
            (Kind::AppStoreId, "id414478124", "414478124"),
            (Kind::Asn, "as 396986", "AS396986"),
            (Kind::Asn, "396986", "AS396986"),
            (Kind::Asn, "ASN132203", "AS132203"),
            (Kind::Company, "Tencent Holdings, Ltd.", "tencent holdings ltd"),
            (Kind::Company, "  TENCENT   holdings ltd ", "tencent holdings ltd"),
            (Kind::Company, "Zìjié Tiàodòng", "zijie tiaodong"),
            (Kind::Wallet, "微信支付", "微信支付"),
            (Kind::CertSha256, &"AB:".repeat(32), &"ab".repeat(32)),
            (Kind::Purl, "pkg:maven/com.example/thing@1.2?type=aar", "pkg:maven/com.example/thing"),
            (Kind::Purl, "pkg:npm/%40scope/name@2", "pkg:npm/@scope/name"),
            (Kind::Purl, "PKG://Maven/com.example/thing%2dx@1#src", "pkg:maven/com.example/thing-x"),
            (Kind::Purl, "pkg:generic/100%/x", "pkg:generic/100%/x"),
            (Kind::App, "WeChat", "wechat"),
        ];
        for (kind, written, expected) in cases {
            assert_eq!(canonical(kind, written).as_deref(), Ok(expected), "{written}");
            assert_eq!(canonical(kind, expected).as_deref(), Ok(expected), "{expected} is its own spelling");
        }
    }

    #[test]
    fn the_short_way_finds_what_the_long_way_finds() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let letters = [
            "a", "b", "z", "0", "9", "A", "-", "_", ".", " ", "x", "n", "id", "ａ", "ß", "\u{200b}", "com", ".com",
            "AS", "1", "pkg:", "/", "xn--", "npm", "é",
        ];
        let mut short = 0;
        for _ in 0..200_000 {
            let kind = Kind::ALL[random(Kind::ALL.len())];
            let written: String = (0..1 + random(9)).map(|_| letters[random(letters.len())]).collect();
            if is_canonical(kind, &written) {
                short += 1;
                assert_eq!(respelled(kind, &written).as_deref(), Ok(written.as_str()), "{kind:?}");
            }
        }
        assert!(short > 1_000, "{short} were plain");
    }

    #[test]
    fn plain_names_are_folded_without_allocation_as_any_name_is() {
        let letters = ["a", "Z", "9", " ", "-", ".", "'", "&", "Ltd.", ",", "\t"];
        let mut seed = 7_usize;
        for _ in 0..50_000 {
            let mut random = |below: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) % below
            };
            let written: String = (0..1 + random(9)).map(|_| letters[random(letters.len())]).collect();
            let mut buffer = [0; 64];
            let folded = ascii_name(&written, &mut buffer).unwrap_or_default();
            assert_eq!(canonical(Kind::Company, &written).unwrap_or_default(), folded, "{written:?}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        let cases = [
            (Kind::Domain, "localhost"),
            (Kind::Domain, "a..b"),
            (Kind::Domain, "user@tiktok.com"),
            (Kind::Domain, "tiktok.com/path"),
            (Kind::AndroidPackage, "wechat"),
            (Kind::AndroidPackage, "com..mm"),
            (Kind::AppStoreId, "abc"),
            (Kind::Asn, "AS"),
            (Kind::Asn, "AS0"),
            (Kind::CertSha256, "abcd"),
            (Kind::Purl, "maven/x/y"),
            (Kind::App, "we chat"),
            (Kind::Company, "  ...  "),
            (Kind::Company, ""),
        ];
        for (kind, written) in cases {
            assert!(canonical(kind, written).is_err(), "{written}");
        }
        assert!(canonical(Kind::Company, &"x".repeat(5000)).is_err());
    }

    #[test]
    fn domains_are_cut_at_labels() {
        let above: Vec<_> = domain_and_above("a.b.tiktok.com").collect();
        assert_eq!(above, ["a.b.tiktok.com", "b.tiktok.com", "tiktok.com"]);
    }
}
