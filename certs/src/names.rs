//! Distinguished names in text (RFC 4514), in visible ASCII alone.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// `CN=api,O=Example\, Inc.`: the most particular part first, as RFC 4514 has it (2.1).
///
/// Everything but visible ASCII and single spaces is escaped (`\C3\A9`), so that the text can stand in a header field and
/// holds no second meaning there. A value that is no text is `#` and its DER in hexadecimal digits.
pub(crate) fn rfc4514(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// What to call somebody: the common name, or the whole name where there is none.
pub(crate) fn short(name: &X509Name<'_>) -> String {
    let common_name = name.iter_common_name().next().and_then(|attribute| text(attribute.attr_value()));
    common_name.map_or_else(|| rfc4514(name), |name| escaped(&name))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    match (short_type(&oid), text(value)) {
        (Some(name), Some(text)) => format!("{name}={}", escaped(&text)),
        // RFC 4514, 2.4: a type without a short name has its value in DER.
        (name, _) => format!("{}=#{}", name.unwrap_or(&oid), der(value)),
    }
}

/// RFC 4514's table (3), and what OpenSSL writes for others that are in use.
fn short_type(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            String::from_utf8(value.data.to_vec()).ok()
        }
        // Latin 1 in practice.
        Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = value.data.chunks(2).map(|pair| pair.try_into().map(u16::from_be_bytes));
            String::from_utf16(&units.collect::<Result<Vec<_>, _>>().ok()?).ok()
        }
        _ => None,
    }
}

fn der(value: &Any<'_>) -> String {
    use x509_parser::asn1_rs::ToDer;
    value.to_der_vec().map(|der| crate::digest::hex(&der)).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut escaped = String::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().copied().enumerate() {
        let next_to_an_edge = at == 0 || at + 1 == bytes.len();
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => {
                escaped.push('\\');
                escaped.push(char::from(byte));
            }
            b'#' if at == 0 => escaped.push_str("\\#"),
            b' ' if !next_to_an_edge && bytes[at - 1] != b' ' => escaped.push(' '),
            byte if byte.is_ascii_graphic() => escaped.push(char::from(byte)),
            byte => {
                escaped.push('\\');
                escaped.push_str(&crate::digest::hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_or_is_not_visible_is_escaped() {
        for (plain, expected) in [
            ("Example, Inc.", "Example\\, Inc."),
            ("#1", "\\#1"),
            (" x ", "\\20x\\20"),
            ("a  b", "a \\20b"),
            ("Zoë", "Zo\\C3\\AB"),
            ("a\r\nX-Admin: 1", "a\\0D\\0AX-Admin: 1"),
            ("a\\b+c\"<;>", "a\\\\b\\+c\\\"\\<\\;\\>"),
            (" ", "\\20"),
            ("", ""),
        ] {
            assert_eq!(escaped(plain), expected);
        }
    }
}
