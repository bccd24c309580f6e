//! `${NAME}`, `${NAME:-default}` and `$$` in a scalar, after the YAML is parsed: what the environment says can never
//! become structure.

/// Why a text cannot be expanded. Holds names, never values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Unset(String),
    /// `${` without its `}`.
    Open,
    /// Between the braces is no name.
    BadName,
}

/// `${NAME}` must be set; `${NAME:-default}` also stands in for a variable that is set to nothing, as in a shell. A
/// `$` before anything else but `$` and `{` stands for itself, so that a regex can end in it.
pub(crate) fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (inside, after) = after.split_once('}').ok_or(Failure::Open)?;
            expanded.push_str(&lookup(inside, env)?);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Whether a text takes something from the environment.
pub(crate) fn has_variable(text: &str) -> bool {
    text.replace("$$", "").contains("${")
}

fn lookup(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err(Failure::BadName);
    }
    match (env(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Failure::Unset(name.to_owned())),
    }
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("api".into()),
            "EMPTY" => Some(String::new()),
            "TRICKY" => Some("${HOST}".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_defaults_and_dollars_expand() {
        let cases = [
            ("plain", "plain"),
            ("${HOST}:3000", "api:3000"),
            ("${HOST}-${HOST}", "api-api"),
            ("${NONE:-web}", "web"),
            ("${NONE:-}", ""),
            ("${EMPTY}", ""),
            ("${EMPTY:-web}", "web"),
            ("$${HOST}", "${HOST}"),
            ("^/a$", "^/a$"),
            ("$5 and $$5", "$5 and $5"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, &env), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn a_value_is_not_expanded_again() {
        assert_eq!(expand("${TRICKY}", &env), Ok("${HOST}".into()));
    }

    #[test]
    fn what_cannot_be_expanded_says_why() {
        assert_eq!(expand("${NONE}", &env), Err(Failure::Unset("NONE".into())));
        assert_eq!(expand("${HOST", &env), Err(Failure::Open));
        assert_eq!(expand("x{2}${2}", &env), Err(Failure::BadName));
        assert_eq!(expand("${}", &env), Err(Failure::BadName));
    }

    proptest! {
        #[test]
        fn doubling_every_dollar_keeps_any_text(text in ".*") {
            prop_assert_eq!(expand(&text.replace('$', "$$"), &env), Ok(text));
        }
    }
}
