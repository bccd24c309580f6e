//! Path and conditions to a route, within one site.

use std::borrow::Cow;

use super::conditions::{Conditions, Fields};
use super::fault::RuleFault;
use super::hash::Table;
use super::patterns::Pattern;
use super::prefixes::{Longest, PrefixRoute, Prefixes};
use super::rule_text::{GoesOn, rule_text};
use super::spec::{PathSpec, RouteSpec, SiteSpec};
use super::steps::merge_slashes;

/// The routes of a site.
#[derive(Debug)]
pub(super) struct Paths {
    /// By path; routes in file order.
    exact: Table<Box<[u8]>, Vec<u32>>,
    /// In file order.
    patterns: Box<[Pattern]>,
    prefixes: Prefixes,
    /// By route.
    rules: Box<[Rule]>,
    /// Whether a route has `merge_slashes`.
    merging: bool,
}

/// What is known of a route besides its path.
#[derive(Debug)]
struct Rule {
    conditions: Option<Box<Conditions>>,
    merge_slashes: bool,
    before_patterns: bool,
}

/// What conditions look at.
#[derive(Debug)]
pub(super) struct Asked<'a, H: ?Sized> {
    pub(super) method: &'a str,
    pub(super) headers: &'a H,
}

/// A route, and by what part of the path it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) route: u32,
    pub(super) by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Whole,
    Pattern,
    /// The first bytes of the text, so many.
    Prefix(usize),
}

impl Paths {
    /// Or the route that is at fault.
    pub(super) fn build(spec: &SiteSpec) -> Result<Self, (usize, RuleFault)> {
        let mut tables = Tables::default();
        let mut rules = Vec::with_capacity(spec.routes.len());
        for (index, route) in spec.routes.iter().enumerate() {
            tables.add(index as u32, &route.path).map_err(|fault| (index, fault))?;
            rules.push(Rule::build(route).map_err(|fault| (index, fault))?);
        }
        Ok(Self {
            exact: tables.exact,
            patterns: tables.patterns.into(),
            prefixes: Prefixes::build(tables.prefixes),
            merging: rules.iter().any(|rule| rule.merge_slashes),
            rules: rules.into(),
        })
    }

    /// The route for one reading of a path.
    pub(super) fn choose<H: Fields + ?Sized>(&self, text: &[u8], asked: &Asked<'_, H>) -> Option<Choice> {
        if self.merging
            && let Cow::Owned(merged) = merge_slashes(text)
        {
            return self.choose_in(&Slashes { kept: text, merged: &merged }, asked);
        }
        self.choose_in(&Slashes { kept: text, merged: text }, asked)
    }

    fn choose_in<H: Fields + ?Sized>(&self, text: &Slashes<'_>, asked: &Asked<'_, H>) -> Option<Choice> {
        if let Some(route) = self.whole(text, asked) {
            return Some(Choice { route, by: By::Whole });
        }
        let longest = self.longest(text, asked);
        if !longest.is_some_and(|longest| self.rules[longest.found.route as usize].before_patterns)
            && let Some(route) = self.pattern(text, asked)
        {
            return Some(Choice { route, by: By::Pattern });
        }
        longest.map(|longest| Choice { route: longest.found.route, by: By::Prefix(longest.length) })
    }

    fn whole<H: Fields + ?Sized>(&self, text: &Slashes<'_>, asked: &Asked<'_, H>) -> Option<u32> {
        if self.exact.is_empty() {
            return None;
        }
        let first = |path: &[u8]| {
            let routes = self.exact.get(path)?;
            routes.iter().copied().find(|&route| self.takes(route, path, text, asked))
        };
        first(text.kept).or_else(|| text.differ().then(|| first(text.merged)).flatten())
    }

    fn pattern<H: Fields + ?Sized>(&self, text: &Slashes<'_>, asked: &Asked<'_, H>) -> Option<u32> {
        let fits = |pattern: &&Pattern| {
            let rule = &self.rules[pattern.route as usize];
            rule.holds(asked) && pattern.matches(text.seen_by(rule))
        };
        self.patterns.iter().find(fits).map(|pattern| pattern.route)
    }

    fn longest<H: Fields + ?Sized>(&self, text: &Slashes<'_>, asked: &Asked<'_, H>) -> Option<Longest> {
        let longest = |path| self.prefixes.longest(path, |route| self.takes(route, path, text, asked));
        let kept = longest(text.kept);
        if !text.differ() {
            return kept;
        }
        // Of two with one length: as `Prefixes` orders them.
        let rank = |found: &Longest| (found.length, found.found.whole_segment, !found.found.route);
        kept.into_iter().chain(longest(text.merged)).max_by_key(rank)
    }

    /// Whether `path` is what the route looks at, and its conditions hold.
    fn takes<H: Fields + ?Sized>(
        &self,
        route: u32,
        path: &[u8],
        text: &Slashes<'_>,
        asked: &Asked<'_, H>,
    ) -> bool {
        let rule = &self.rules[route as usize];
        text.seen_by(rule).len() == path.len() && rule.holds(asked)
    }
}

/// A text as it is, for most routes, and with its slashes merged for those that ask for it. They differ in length or
/// not at all.
struct Slashes<'a> {
    kept: &'a [u8],
    merged: &'a [u8],
}

impl<'a> Slashes<'a> {
    fn differ(&self) -> bool {
        self.kept.len() != self.merged.len()
    }

    fn seen_by(&self, rule: &Rule) -> &'a [u8] {
        if rule.merge_slashes { self.merged } else { self.kept }
    }
}

/// The routes by kind of path, while they are read.
#[derive(Default)]
struct Tables {
    exact: Table<Box<[u8]>, Vec<u32>>,
    patterns: Vec<Pattern>,
    prefixes: Vec<(Box<[u8]>, PrefixRoute)>,
}

impl Tables {
    fn add(&mut self, route: u32, path: &PathSpec) -> Result<(), RuleFault> {
        match path {
            PathSpec::Exact(path) => {
                self.exact.entry(rule_text(path, GoesOn::WithSegments)?).or_default().push(route);
            }
            PathSpec::Prefix { prefix, whole_segment, .. } => {
                let goes_on = if *whole_segment { GoesOn::WithSegments } else { GoesOn::WithinSegment };
                let text = rule_text(prefix, goes_on)?;
                self.prefixes.push((text, PrefixRoute { route, whole_segment: *whole_segment }));
            }
            PathSpec::Regex { pattern, ignore_case } => {
                self.patterns.push(Pattern::regex(route, pattern, *ignore_case)?);
            }
            PathSpec::Suffixes(suffixes) => self.patterns.push(Pattern::suffixes(route, suffixes)),
        }
        Ok(())
    }
}

impl Rule {
    fn build(route: &RouteSpec) -> Result<Self, RuleFault> {
        Ok(Self {
            conditions: Conditions::build(route)?,
            merge_slashes: route.merge_slashes,
            before_patterns: matches!(route.path, PathSpec::Prefix { before_patterns: true, .. }),
        })
    }

    fn holds<H: Fields + ?Sized>(&self, asked: &Asked<'_, H>) -> bool {
        match &self.conditions {
            None => true,
            Some(conditions) => conditions.hold(asked.method, asked.headers),
        }
    }
}
