//! The router: built once a snapshot, asked once a request.

use super::conditions::Fields;
use super::fault::{BuildError, PathFault};
use super::hosts::Hosts;
use super::paths::{Asked, By, Choice, Paths};
use super::readings::{as_sent, is_plain, other_readings, reduce};
use super::spec::SiteSpec;
use super::spelling::spelled_length;
use super::steps::merge_slashes;

/// Finds the route of a request.
#[derive(Debug)]
pub struct Router {
    hosts: Hosts,
    sites: Box<[Paths]>,
}

/// What routing looks at.
#[derive(Debug)]
pub struct RouteRequest<'a, H: ?Sized> {
    /// Checked, in lower case, without a port or a trailing dot. `None`: the request named none.
    pub host: Option<&'a str>,
    /// As sent: visible ASCII that begins with `/`, without a query; or `*` for `OPTIONS *`.
    pub path: &'a str,
    pub method: &'a str,
    pub headers: &'a H,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Route(RouteMatch),
    /// 404: the host is ours, the path is not. `OPTIONS *` ends here too, for the edge to answer.
    NoRoute {
        site: usize,
    },
    /// 421: no site has the host.
    UnknownHost,
    /// 400.
    Refused(PathFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMatch {
    /// Position in what the router was built from.
    pub site: usize,
    /// Position in the routes of its site.
    pub route: usize,
    /// Bytes of the path, as sent, that the route named: its prefix, or all for an exact path; 0 for a pattern.
    pub matched: usize,
}

impl Router {
    pub fn build(sites: &[SiteSpec]) -> Result<Self, BuildError> {
        let hosts = Hosts::build(sites)?;
        let paths = |(site, spec)| {
            Paths::build(spec).map_err(|(route, fault)| BuildError::Rule { site, route, fault })
        };
        let sites = sites.iter().enumerate().map(paths).collect::<Result<_, _>>()?;
        Ok(Self { hosts, sites })
    }

    /// Takes no memory where the path is plain: without `%`, `\`, `;`, `//` and `/.`.
    pub fn find<H: Fields + ?Sized>(&self, request: &RouteRequest<'_, H>) -> Outcome {
        let Some(site) = self.hosts.find(request.host) else {
            return Outcome::UnknownHost;
        };
        let paths = &self.sites[site as usize];
        let site = site as usize;
        if request.path == "*" {
            return Outcome::NoRoute { site };
        }
        let asked = Asked { method: request.method, headers: request.headers };
        let choice = if request.path.starts_with('/') && is_plain(request.path.as_bytes()) {
            Ok(paths.choose(request.path.as_bytes(), &asked))
        } else {
            choose_in_every_reading(paths, request.path, &asked)
        };
        match choice {
            Ok(Some(Choice { route, by })) => {
                let matched = match by {
                    By::Whole => request.path.len(),
                    By::Pattern => 0,
                    By::Prefix(length) => length,
                };
                Outcome::Route(RouteMatch { site, route: route as usize, matched })
            }
            Ok(None) => Outcome::NoRoute { site },
            Err(fault) => Outcome::Refused(fault),
        }
    }
}

/// The route that all readings of the path lead to; the length of a prefix is in bytes as sent.
fn choose_in_every_reading<H: Fields + ?Sized>(
    paths: &Paths,
    path: &str,
    asked: &Asked<'_, H>,
) -> Result<Option<Choice>, PathFault> {
    reduce(path)?;
    let sent = as_sent(path)?;
    let others = other_readings(&sent)?;
    let choice = paths.choose(&sent, asked);
    let route = choice.map(|choice| choice.route);
    if others.iter().any(|reading| paths.choose(reading, asked).map(|choice| choice.route) != route) {
        return Err(PathFault::Disguised);
    }
    let Some(Choice { route, by: By::Prefix(length) }) = choice else { return Ok(choice) };
    if std::iter::once(&*sent).chain(others.iter().map(Vec::as_slice)).any(|text| leaves(text, length)) {
        return Err(PathFault::LeavesRoute);
    }
    let prefix = &merge_slashes(&sent)[..length];
    let length = spelled_length(path.as_bytes(), prefix).unwrap_or_default();
    Ok(Some(Choice { route, by: By::Prefix(length) }))
}

/// Whether dot segments lead out of the prefix, which has this length and no slashes in a row.
///
/// They come back into it, else the text would not be the route's. But what is sent upstream may have another prefix.
fn leaves(text: &[u8], prefix: usize) -> bool {
    let text = merge_slashes(text);
    let ends_in_slash = text[prefix - 1] == b'/';
    let rest = &text[prefix - usize::from(ends_in_slash)..];
    let mut depth = 0_usize;
    // What comes before the first slash belongs to the last segment of the prefix.
    for segment in rest.split(|&byte| byte == b'/').skip(1) {
        match segment {
            b"." => {}
            b".." if depth == 0 => return true,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}
