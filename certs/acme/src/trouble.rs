//! Why an attempt failed, in words that a person can act on.

use crate::client::{ClientError, NOT_ACME};
use crate::store::StoreError;
use instant_acme::{Error, Problem};
use std::collections::BTreeMap;

const ACME: &str = "urn:ietf:params:acme:error:";

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Trouble {
    pub(crate) text: String,
    /// What is wrong with single names, where that is all that is wrong.
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) kind: Kind,
    /// The authority does not issue for the names, whatever is answered.
    pub(crate) refused: bool,
    /// Unix seconds: not before, says the authority.
    pub(crate) retry_after: Option<i64>,
}

/// What an authority says is passed on up to this length: it may quote who answered at a port.
const LONGEST: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The authority does not know the account, or not any more.
    NoAccount,
    /// It will not have this account: only a person can mend that.
    AccountRefused,
    /// A name could not be proved.
    Unproved,
    /// The `replaces` of the order was not to its liking.
    Replaces,
    BadNonce,
    /// Too much was asked of it.
    Limited,
    /// Nobody could be asked, or the authority has trouble of its own: what was begun may go on later.
    Unreachable,
    /// Nothing was asked of the authority.
    Store,
    Other,
}

impl Kind {
    /// Whether an order is none the worse for it, and can be gone on with later.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Unreachable | Self::Limited | Self::Store | Self::BadNonce)
    }
}

impl Trouble {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            names: BTreeMap::new(),
            kind: Kind::Other,
            refused: false,
            retry_after: None,
        }
    }

    pub(crate) fn unproved(names: BTreeMap<String, String>) -> Self {
        let text = names.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("; ");
        Self { text, names, kind: Kind::Unproved, refused: false, retry_after: None }
    }

    pub(crate) fn of(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, ..Self::new(text) }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::of(Kind::Store, error.to_string())
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::of(Kind::Unreachable, error.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => of_problem(&problem),
            Error::Other(error) if error.is::<ClientError>() => {
                Self::of(Kind::Unreachable, error.to_string())
            }
            Error::Other(error) if error.to_string().starts_with("replaces field mismatch") => {
                Self::of(Kind::Replaces, error.to_string())
            }
            Error::Other(error) => Self::new(error.to_string()),
            Error::Json(error) => Self::new(format!("the authority's answer is not what ACME says: {error}")),
            Error::Timeout(_) => Self::new("the authority did not decide in time"),
            error => Self::new(error.to_string()),
        }
    }
}

fn of_problem(problem: &Problem) -> Trouble {
    let kind = kind_of(problem);
    let refused = problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:rejectedIdentifier");
    let names: BTreeMap<String, String> = problem
        .subproblems
        .iter()
        .filter_map(|sub| {
            let name = sub.identifier.as_ref()?.authorized(false).to_string();
            let detail = sub.detail.clone().unwrap_or_default();
            Some((name, in_words(sub.r#type.as_deref(), &detail)))
        })
        .collect();
    if names.is_empty() {
        return Trouble { names, kind, refused, ..Trouble::new(words(problem)) };
    }
    Trouble { kind, refused, ..Trouble::unproved(names) }
}

/// The names that an authority speaks of in a text.
pub(crate) fn mentioned(text: &str, names: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    let of_name = |character: char| character.is_ascii_alphanumeric() || "-.*_".contains(character);
    let words: Vec<&str> =
        text.split(|character| !of_name(character)).map(|word| word.trim_end_matches('.')).collect();
    names.iter().filter(|name| words.contains(&name.as_str())).cloned().collect()
}

fn kind_of(problem: &Problem) -> Kind {
    let word = problem.r#type.as_deref().and_then(|kind| kind.strip_prefix(ACME)).unwrap_or_default();
    let detail = problem.detail.as_deref().unwrap_or_default().to_lowercase();
    match word {
        "accountDoesNotExist" => Kind::NoAccount,
        "unauthorized" if detail.contains("deactivated") => Kind::AccountRefused,
        "externalAccountRequired" | "invalidContact" | "unsupportedContact" => Kind::AccountRefused,
        "alreadyReplaced" => Kind::Replaces,
        _ if detail.contains("replaces") => Kind::Replaces,
        "badNonce" => Kind::BadNonce,
        "rateLimited" => Kind::Limited,
        "serverInternal" => Kind::Unreachable,
        "rejectedIdentifier" => Kind::Unproved,
        _ if problem.r#type.as_deref() == Some(NOT_ACME) => Kind::Unreachable,
        _ => Kind::Other,
    }
}

/// What a problem document says.
pub(crate) fn words(problem: &Problem) -> String {
    let detail = problem.detail.clone().unwrap_or_default();
    in_words(problem.r#type.as_deref(), &detail)
}

/// One line of bounded length, for logs and terminals.
fn clean(text: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    let mut clean: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        clean.push('…');
    }
    clean
}

fn in_words(kind: Option<&str>, detail: &str) -> String {
    let (kind, detail) = (clean(kind.unwrap_or_default()), clean(detail));
    let (kind, detail) = (kind.as_str(), detail.as_str());
    if kind == NOT_ACME {
        return detail.to_owned();
    }
    let word = kind.strip_prefix(ACME).unwrap_or(kind);
    let meaning = match word {
        "dns" => "the authority cannot resolve the name",
        "connection" => "the authority cannot connect",
        "unauthorized" => "the authority got another answer than ours",
        "tls" => "the authority cannot speak TLS with what answers",
        "caa" => "a CAA record forbids this authority to issue",
        "rateLimited" => "the authority's rate limit is reached",
        "rejectedIdentifier" => "the authority does not issue for this name",
        "externalAccountRequired" => "the authority wants `external_account`",
        "accountDoesNotExist" => "the authority does not know the account",
        "invalidContact" | "unsupportedContact" => "the authority does not take `email`",
        "serverInternal" => "the authority has trouble of its own",
        "orderNotReady" => "the order is not ready",
        "badCSR" => "the authority does not take the request",
        "" => "the authority refused",
        other => return format!("the authority refused ({other}): {detail}"),
    };
    if detail.is_empty() { meaning.to_owned() } else { format!("{meaning}: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(json: &str) -> Trouble {
        let problem: Problem = serde_json::from_str(json).expect("a problem");
        Trouble::from(Error::Api(problem))
    }

    #[test]
    fn a_problem_is_told_in_words() {
        let limited =
            trouble(r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many new orders"}"#);
        assert_eq!(limited.text, "the authority's rate limit is reached: too many new orders");
        let strange = trouble(r#"{"type":"urn:ietf:params:acme:error:userActionRequired","detail":"agree"}"#);
        assert_eq!(strange.text, "the authority refused (userActionRequired): agree");
        assert_eq!(trouble("{}").text, "the authority refused");
    }

    #[test]
    fn what_is_wrong_with_one_name_is_told_of_that_name() {
        let both = trouble(
            r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"some","subproblems":[
               {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"blocked",
                "identifier":{"type":"dns","value":"b.example.com"}}]}"#,
        );
        assert_eq!(both.kind, Kind::Unproved);
        assert_eq!(both.names["b.example.com"], "the authority does not issue for this name: blocked");
        assert_eq!(both.text, "b.example.com: the authority does not issue for this name: blocked");
    }

    #[test]
    fn what_is_passed_on_is_one_line_of_bounded_length() {
        let detail = format!("a\\nb\\u001b[31m{}", "x".repeat(1000));
        let told =
            trouble(&format!(r#"{{"type":"urn:ietf:params:acme:error:connection","detail":"{detail}"}}"#));
        assert!(told.text.starts_with("the authority cannot connect: a b [31mxxx"), "{}", told.text);
        assert!(told.text.chars().count() < 350 && !told.text.chars().any(char::is_control));
    }

    #[test]
    fn names_are_found_in_texts_whole_or_not_at_all() {
        let names = ["b.test".to_owned(), "a.b.test".to_owned(), "*.c.test".to_owned()];
        assert_eq!(mentioned("forbidden by policy: \"a.b.test\"", &names), ["a.b.test"]);
        assert_eq!(mentioned("Cannot issue for B.test.", &names), ["b.test"]);
        assert_eq!(mentioned("for *.c.test, and c.test", &names), ["*.c.test"]);
        assert_eq!(mentioned("nobody", &names), [""; 0]);
    }

    #[test]
    fn what_only_a_person_can_mend_is_known() {
        let gone = trouble(r#"{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}"#);
        assert_eq!(gone.kind, Kind::NoAccount);
        let refused = trouble(
            r#"{"type":"urn:ietf:params:acme:error:unauthorized","detail":"Account is deactivated"}"#,
        );
        assert_eq!(refused.kind, Kind::AccountRefused);
        let replaced = trouble(r#"{"type":"urn:ietf:params:acme:error:alreadyReplaced"}"#);
        assert_eq!(replaced.kind, Kind::Replaces);
    }
}
