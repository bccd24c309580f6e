//! What a router is built from: the routing half of `sites` in mizan.yml, as plain values.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSpec {
    pub hosts: Vec<HostSpec>,
    pub routes: Vec<RouteSpec>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSpec {
    /// Lower-case, without a port or a trailing dot.
    Exact(String),
    /// `*.example.com`: one label or more before it. Holds `example.com`, in lower case.
    Wildcard(String),
    /// What no other site has, and requests without a host.
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    pub path: PathSpec,
    /// The route is there for these alone; `GET` stands for `HEAD` too. Empty: all.
    pub methods: Vec<String>,
    /// By name in lower case; every one must hold.
    pub headers: Vec<(String, HeaderTest)>,
    /// Match as if slashes in a row were one.
    pub merge_slashes: bool,
}

/// A path as a person writes it: decoded. Escapes are read only for bytes that no path can carry unescaped (`%20`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSpec {
    Exact(String),
    Prefix {
        prefix: String,
        /// `/api` is `/api` and `/api/...`, not `/apix`. Without meaning for a prefix that ends in `/`.
        whole_segment: bool,
        /// `^~`: where this is the longest prefix patterns are not asked.
        before_patterns: bool,
    },
    /// Unanchored, over bytes, in linear time.
    Regex {
        pattern: String,
        ignore_case: bool,
    },
    /// The last segment ends in one of these, in any case.
    Suffixes(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderTest {
    Present,
    Absent,
    /// The first value, byte for byte.
    Equals(String),
    /// Somewhere in the first value.
    Regex(String),
}

impl RouteSpec {
    /// A route for every request to `path`.
    pub fn new(path: PathSpec) -> Self {
        Self { path, methods: Vec::new(), headers: Vec::new(), merge_slashes: false }
    }
}

impl PathSpec {
    /// A prefix as `path: /api` means it: whole segments, after patterns.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self::Prefix { prefix: prefix.into(), whole_segment: true, before_patterns: false }
    }
}
