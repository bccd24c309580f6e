//! Users and groups by name, from /etc/passwd and /etc/group. In an image without them, numbers do.

use std::path::Path;

#[derive(Debug, thiserror::Error)]
#[error("`admin.{key}`: there is no {key} `{name}` in {file}; write its number instead, if it has one")]
pub(crate) struct OwnerError {
    key: &'static str,
    name: String,
    file: &'static str,
}

/// The number of `admin.owner`.
pub(super) fn user(name: &str) -> Result<u32, OwnerError> {
    number("owner", name, "/etc/passwd")
}

/// The number of `admin.group`.
pub(super) fn group(name: &str) -> Result<u32, OwnerError> {
    number("group", name, "/etc/group")
}

fn number(key: &'static str, name: &str, file: &'static str) -> Result<u32, OwnerError> {
    if let Ok(number) = name.parse() {
        // The last number means "nobody is named" to the system.
        return if number == u32::MAX {
            Err(OwnerError { key, name: name.to_owned(), file })
        } else {
            Ok(number)
        };
    }
    // A file that cannot be read has nobody in it.
    let text = std::fs::read_to_string(Path::new(file)).unwrap_or_default();
    find(&text, name).ok_or_else(|| OwnerError { key, name: name.to_owned(), file })
}

/// Both files have lines `name:password:number:...`.
fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_and_a_number_stands_for_itself() {
        let text = "root:x:0:0:root:/root:/bin/sh\nops:x:1001:1001::/home/ops:/bin/sh\nbroken\n";
        assert_eq!((find(text, "ops"), find(text, "op"), find(text, "broken")), (Some(1001), None, None));
        assert_eq!(user("4711").ok(), Some(4711));
        assert!(user("4294967295").is_err());
        let error = group("no-such-group-here").expect_err("nobody is called so").to_string();
        assert!(error.contains("admin.group") && error.contains("/etc/group"), "{error}");
    }
}
