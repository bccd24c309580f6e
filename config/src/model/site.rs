//! `sites`: which requests go to which service.

use super::{Hsts, RedirectToHttps, SiteTls};

/// One entry of `sites`.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// `hosts`: lower-cased, unique over all sites.
    pub hosts: Vec<HostPattern>,
    /// `tls`: the certificate of `hosts`; `None` when the file has none.
    pub tls: Option<SiteTls>,
    /// `redirect_to_https`; `None` where the file has none or says false.
    pub redirect_to_https: Option<RedirectToHttps>,
    /// `hsts`; `None` where the file has none or says false.
    pub hsts: Option<Hsts>,
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `api.example.com`, `127.0.0.1`, `[::1]`: without a port.
    Exact(String),
    /// `*.example.com`: one label or more before it. Holds `example.com`.
    Wildcard(String),
    /// `*`: what no other site has.
    Any,
}

/// One entry of `routes`.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub path: PathPattern,
    /// `methods`: the route is there for these alone. Empty: all.
    pub methods: Vec<String>,
    /// `headers`: every condition must hold, or the route is as if absent.
    pub headers: Vec<HeaderCondition>,
    pub action: Action,
    /// The line of mizan.yml the route begins at, for logs and explanations.
    pub line: usize,
}

/// `path`. Texts are decoded (`/my%20files` is `/my files`) and read the same in every way: no `//`, `;`, `\\`, dot
/// segments or escapes of visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// `"= /x"`.
    Exact(String),
    /// `"/api"`: `/api` and `/api/...`, not `/apix`. `"/api*"`: any path that begins so (`whole_segment: false`).
    /// `"^~ /x"`: as the prefix, and patterns are not asked when it is the longest.
    Prefix { prefix: String, whole_segment: bool, before_patterns: bool },
    /// `"~ ^/v[0-9]+/"`, `"~* \\.PHP$"`: source of a regex that is known to compile.
    Regex { pattern: String, ignore_case: bool },
    /// `"*.js,*.css"`: the last segment ends in one of these (with the dot), any case.
    Suffixes(Vec<String>),
}

/// One entry of a route's `headers`: `X-Beta: "1"`, `X-Beta: "~ ^(1|yes)$"`, `X-Beta: true` (there at all), `false`
/// (not there).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderCondition {
    /// Lower-cased.
    pub name: String,
    pub test: HeaderTest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderTest {
    Present,
    Absent,
    Equals(String),
    Regex(String),
}

/// What a route does: `service: NAME`, or `respond: {...}`. Exactly one.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Service(Forward),
    Respond(Respond),
}

/// `service` and the keys that shape what is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    pub service: String,
    /// `rewrite: { strip_prefix: /api }` or `{ replace_prefix: /v1 }` (only with a prefix path).
    pub rewrite: Rewrite,
    /// `host`: sent instead of the client's Host. Default: kept.
    pub host: Option<String>,
    /// `upgrade`: protocols a client may switch to, lower-cased. Default `[websocket]`.
    pub upgrade: Vec<String>,
    /// `merge_slashes`: match as if slashes in a row were one. Default false.
    pub merge_slashes: bool,
    /// `forward_reduced_path`: send the reduced reading of the path upstream, not the path as sent. Default false.
    pub forward_reduced_path: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Rewrite {
    #[default]
    Keep,
    /// The matched prefix goes; what is left begins with `/`.
    StripPrefix(String),
    /// The matched prefix (first) becomes the second.
    ReplacePrefix(String, String),
}

/// `respond: { status: 200, body: "ok\n", headers: {...} }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    pub body: String,
    /// In file order. Content-Type defaults to `text/plain; charset=utf-8`.
    pub headers: Vec<(String, String)>,
}
