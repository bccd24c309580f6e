//! What a request must have besides host and path: a method, header fields.

use std::fmt;

use regex::bytes::Regex;

use super::fault::RuleFault;
use super::patterns::compile;
use super::spec::{HeaderTest, RouteSpec};

/// The header fields of a request, as far as conditions look at them.
pub trait Fields {
    /// The first value of the field `name`, which is in lower case.
    fn get(&self, name: &str) -> Option<&[u8]>;
}

/// No fields at all.
impl Fields for () {
    fn get(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

/// Names in lower case.
impl Fields for [(&str, &[u8])] {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }
}

pub(super) struct Conditions {
    methods: Vec<Box<str>>,
    headers: Vec<(Box<str>, Test)>,
}

enum Test {
    Present,
    Absent,
    Equals(Box<[u8]>),
    Regex(Regex),
}

impl Conditions {
    /// `None`: the route is there for every request.
    pub(super) fn build(route: &RouteSpec) -> Result<Option<Box<Self>>, RuleFault> {
        if route.methods.is_empty() && route.headers.is_empty() {
            return Ok(None);
        }
        let headers = route
            .headers
            .iter()
            .map(|(name, test)| Ok((name.as_str().into(), Test::build(test)?)))
            .collect::<Result<_, RuleFault>>()?;
        let methods = route.methods.iter().map(|method| method.as_str().into()).collect();
        Ok(Some(Box::new(Self { methods, headers })))
    }

    pub(super) fn hold<H: Fields + ?Sized>(&self, method: &str, headers: &H) -> bool {
        self.method_holds(method) && self.headers.iter().all(|(name, test)| test.holds(headers.get(name)))
    }

    /// A HEAD is a GET that wants no body (RFC 9110 9.3.2), so what is said of GET is said of it too.
    fn method_holds(&self, method: &str) -> bool {
        self.methods.is_empty()
            || self.methods.iter().any(|known| &**known == method)
            || (method == "HEAD" && self.methods.iter().any(|known| &**known == "GET"))
    }
}

impl Test {
    fn build(test: &HeaderTest) -> Result<Self, RuleFault> {
        Ok(match test {
            HeaderTest::Present => Self::Present,
            HeaderTest::Absent => Self::Absent,
            HeaderTest::Equals(value) => Self::Equals(value.as_bytes().into()),
            HeaderTest::Regex(pattern) => Self::Regex(compile(pattern, false)?),
        })
    }

    fn holds(&self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
            Self::Equals(wanted) => value == Some(wanted),
            Self::Regex(pattern) => value.is_some_and(|value| pattern.is_match(value)),
        }
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Conditions").field("methods", &self.methods).field("headers", &names).finish()
    }
}
