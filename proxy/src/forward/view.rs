//! A request's fields as the policy crate reads them.

use mizan_policy::route::Fields;
use pingora_http::RequestHeader;

pub(super) struct View<'a>(pub(super) &'a RequestHeader);

impl Fields for View<'_> {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.headers.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// All fields, in order, with repeats.
pub(super) fn fields(headers: &http::HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// The value of a cookie (RFC 6265, 4.2.1).
pub(super) fn cookie<'a>(request: &'a RequestHeader, wanted: &str) -> Option<&'a [u8]> {
    request.headers.get_all(http::header::COOKIE).iter().find_map(|field| {
        field.as_bytes().split(|byte| *byte == b';').find_map(|pair| {
            let pair = pair.trim_ascii_start();
            let value = pair.strip_prefix(wanted.as_bytes())?.strip_prefix(b"=")?;
            Some(value.trim_ascii_end())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut request = RequestHeader::build("GET", b"/", None).expect("a plain request");
        request.append_header("cookie", "xsid=1; sid=2").expect("a valid field");
        request.append_header("cookie", "other=3").expect("a valid field");
        assert_eq!(cookie(&request, "sid"), Some(&b"2"[..]));
        assert_eq!(cookie(&request, "other"), Some(&b"3"[..]));
        assert_eq!(cookie(&request, "si"), None);
    }
}
