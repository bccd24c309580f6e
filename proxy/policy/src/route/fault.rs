//! Why a path is refused, and why a router cannot be built.

use std::fmt;

/// Why a path is refused with 400. `Display` is a stable name for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathFault {
    /// The ways to read the path lead to different routes.
    Disguised,
    /// Its dot segments leave the prefix of its route and come back.
    LeavesRoute,
    /// It can be read in so many ways that not all are tried.
    Ambiguous,
    /// Its dot segments lead above `/`.
    AboveRoot,
    /// A `%` without two hexadecimal digits after it.
    BadEscape,
    /// `%00`.
    NulByte,
    /// UTF-8 that takes more bytes than it needs: `%c0%ae` for a dot.
    OverlongUtf8,
    /// It does not begin with `/`.
    Relative,
}

impl PathFault {
    pub const ALL: [Self; 8] = [
        Self::Disguised,
        Self::LeavesRoute,
        Self::Ambiguous,
        Self::AboveRoot,
        Self::BadEscape,
        Self::NulByte,
        Self::OverlongUtf8,
        Self::Relative,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Disguised => "path-disguised",
            Self::LeavesRoute => "path-leaves-route",
            Self::Ambiguous => "path-ambiguous",
            Self::AboveRoot => "path-above-root",
            Self::BadEscape => "path-bad-escape",
            Self::NulByte => "path-nul-byte",
            Self::OverlongUtf8 => "path-overlong-utf8",
            Self::Relative => "path-relative",
        }
    }

    /// One sentence for a person who wonders why.
    pub fn explain(self) -> &'static str {
        match self {
            Self::Disguised => {
                "As it was sent the path belongs to one route and, decoded and with its dot segments, parameters and \
                 double slashes resolved, to another."
            }
            Self::LeavesRoute => {
                "The path has `..` segments that leave the prefix of its route and come back into it."
            }
            Self::Ambiguous => {
                "The path mixes escapes, parameters, dot segments and slashes so that it can be read in too many ways."
            }
            Self::AboveRoot => "The path has more `..` segments than there are segments to leave.",
            Self::BadEscape => "The path has a `%` that is not followed by two hexadecimal digits.",
            Self::NulByte => "The path has an escaped NUL byte.",
            Self::OverlongUtf8 => "The path spells a character in more UTF-8 bytes than it needs.",
            Self::Relative => "The path does not begin with a slash.",
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for PathFault {}

/// Why a router cannot be built. `site` and `route` are positions in what it was to be built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// Two sites have the host, or one has it twice.
    DuplicateHost {
        host: String,
        first: usize,
        second: usize,
    },
    Rule {
        site: usize,
        route: usize,
        fault: RuleFault,
    },
}

/// What is wrong with a route, in the words of its `path` or its `headers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleFault {
    /// No request could reach the path, since a request must match it in every reading.
    Unreachable { path: String, write: Option<String> },
    /// The path is at fault in itself.
    Path { path: String, fault: PathFault },
    /// No regular expression, or one that takes too much memory.
    Regex { pattern: String, why: String },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateHost { host, first, second } => {
                write!(f, "host `{host}` is in site {first} and in site {second}")
            }
            Self::Rule { site, route, fault } => write!(f, "site {site}, route {route}: {fault}"),
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { path, write: Some(write) } => {
                write!(f, "no request can reach `{path}`; write `{write}`")
            }
            Self::Unreachable { path, write: None } => write!(f, "no request can reach `{path}`"),
            Self::Path { path, fault } => write!(f, "`{path}`: {}", fault.explain()),
            Self::Regex { pattern, why } => write!(f, "`{pattern}`: {why}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl std::error::Error for RuleFault {}
