//! The few heads that are written anew before they go on.

use super::RequestHead;

/// `head` with its absolute target (`http://host/path`) as a path alone (RFC 9112 §3.2.2); `None` for a head that can
/// go on as it is. `parsed` is what [`super::check_request`] made of the same bytes.
///
/// Host agrees with the target already; a client of HTTP/1.0 that sent none gets one. Every other byte is kept.
pub fn normalise(head: &[u8], parsed: &RequestHead<'_>) -> Option<Vec<u8>> {
    if !parsed.absolute {
        return None;
    }
    let mut new = Vec::with_capacity(head.len() + 8);
    new.extend_from_slice(parsed.method.as_bytes());
    new.push(b' ');
    new.extend_from_slice(prefix(parsed).as_bytes());
    new.extend_from_slice(parsed.rest.as_bytes());
    // ` HTTP/1.x` and the end of its line, then the fields.
    let after = head.get(parsed.method.len() + 1 + parsed.target.len()..)?;
    let (version, fields) = after.split_at_checked(" HTTP/1.x\r\n".len())?;
    new.extend_from_slice(version);
    if let (false, Some(authority)) = (parsed.host_field, parsed.authority) {
        new.extend_from_slice(b"Host: ");
        new.extend_from_slice(authority.as_bytes());
        new.extend_from_slice(b"\r\n");
    }
    new.extend_from_slice(fields);
    Some(new)
}

/// What stands before the rest of an absolute target, so that it becomes a path: nothing, `/`, or `*` for OPTIONS of a
/// whole server (RFC 9112 §3.2.4).
fn prefix(parsed: &RequestHead<'_>) -> &'static str {
    match parsed.rest.as_bytes().first() {
        Some(b'/') => "",
        None if parsed.method == "OPTIONS" => "*",
        None | Some(_) => "/",
    }
}
