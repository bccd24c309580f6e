//! The rules again, word for word and slowly, and servers that read paths as they like: to compare with.

use regex::bytes::RegexBuilder;

use super::*;

/// The route for a text, by the words of docs/routing.md.
pub(super) fn choose(routes: &[RouteSpec], text: &[u8], method: &str) -> Option<usize> {
    let there = |index: &usize| {
        let methods = &routes[*index].methods;
        methods.is_empty()
            || methods.iter().any(|known| known == method || (known == "GET" && method == "HEAD"))
    };
    let present: Vec<usize> = (0..routes.len()).filter(there).collect();
    let read = |index: usize| if routes[index].merge_slashes { merge(text) } else { text.to_vec() };

    let is_exact = |index: &usize| match &routes[*index].path {
        PathSpec::Exact(path) => path.as_bytes() == read(*index),
        _ => false,
    };
    // A text that merges to what it is not: the route that wants it as it is comes first.
    let exact: Vec<usize> = present.iter().copied().filter(is_exact).collect();
    let as_it_is = |index: &usize| read(*index) == text;
    if let Some(found) = exact.iter().copied().find(as_it_is).or(exact.first().copied()) {
        return Some(found);
    }

    let mut longest: Option<usize> = None;
    for &index in &present {
        if prefix_rank(&routes[index], &read(index))
            > longest.and_then(|at| prefix_rank(&routes[at], &read(at)))
        {
            longest = Some(index);
        }
    }
    let keeps_out =
        |index: usize| matches!(routes[index].path, PathSpec::Prefix { before_patterns: true, .. });
    if longest.is_some_and(keeps_out) {
        return longest;
    }
    present.into_iter().find(|&index| is_pattern_of(&routes[index], &read(index))).or(longest)
}

/// Length, then whole segment; `None` where it is no prefix of the text.
fn prefix_rank(route: &RouteSpec, text: &[u8]) -> Option<(usize, bool)> {
    let PathSpec::Prefix { prefix, whole_segment, .. } = &route.path else { return None };
    let rest = text.strip_prefix(prefix.as_bytes())?;
    let fits = !whole_segment || rest.is_empty() || rest[0] == b'/' || prefix.ends_with('/');
    fits.then_some((prefix.len(), *whole_segment))
}

fn is_pattern_of(route: &RouteSpec, text: &[u8]) -> bool {
    match &route.path {
        PathSpec::Regex { pattern, ignore_case } => {
            RegexBuilder::new(pattern).case_insensitive(*ignore_case).build().unwrap().is_match(text)
        }
        PathSpec::Suffixes(suffixes) => {
            let last = text.rsplit(|&byte| byte == b'/').next().unwrap().to_ascii_lowercase();
            suffixes.iter().any(|suffix| last.ends_with(suffix.to_ascii_lowercase().as_bytes()))
        }
        _ => false,
    }
}

/// What some server does to a path.
pub(super) type Habit = fn(&[u8]) -> Vec<u8>;

pub(super) const HABITS: [Habit; 6] = [decode, turn, cut_query, cut_parameters, merge, resolve];

fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits
            .filter(|two| *first == b'%' && two.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .map(|two| u8::from_str_radix(two, 16).unwrap());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    out
}

fn turn(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn cut_query(text: &[u8]) -> Vec<u8> {
    text.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap().to_vec()
}

fn cut_parameters(text: &[u8]) -> Vec<u8> {
    let segments = text.split(|byte| *byte == b'/');
    let cut: Vec<&[u8]> =
        segments.map(|segment| segment.split(|byte| *byte == b';').next().unwrap()).collect();
    cut.join(&b'/')
}

fn merge(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    while let Some(at) = text.windows(2).position(|pair| pair == b"//") {
        text.remove(at);
    }
    text
}

/// Stays at the root where there is nothing to leave.
fn resolve(text: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = text[1..].split(|byte| *byte == b'/').collect();
    for (index, segment) in segments.iter().enumerate() {
        let dots = matches!(*segment, b"." | b"..");
        if *segment == b".." {
            kept.pop();
        }
        if !dots {
            kept.push(segment);
        } else if index + 1 == segments.len() {
            kept.push(b"");
        }
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}
