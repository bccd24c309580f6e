//! The longest prefix of a path that some route names, in logarithmic time.
//!
//! Prefixes are sorted by bytes, each with a link to the longest other prefix it begins with. Whatever is a prefix of a
//! path is then the entry just before the path in that order, or is reached from it by links.

/// A route under a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PrefixRoute {
    pub(super) route: u32,
    pub(super) whole_segment: bool,
}

/// A route that was found, and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Longest {
    pub(super) found: PrefixRoute,
    pub(super) length: usize,
}

#[derive(Debug, Default)]
pub(super) struct Prefixes {
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    prefix: Box<[u8]>,
    parent: Option<u32>,
    /// In the order in which they are asked.
    routes: Vec<PrefixRoute>,
}

impl Prefixes {
    /// From prefixes in file order.
    pub(super) fn build(mut prefixes: Vec<(Box<[u8]>, PrefixRoute)>) -> Self {
        // Of two with one prefix, `/api` is asked before `/api*`: it asks for more. Else file order.
        prefixes.sort_by(|(a, x), (b, y)| a.cmp(b).then(y.whole_segment.cmp(&x.whole_segment)));
        let mut entries: Vec<Entry> = Vec::new();
        for (prefix, route) in prefixes {
            match entries.last_mut() {
                Some(last) if last.prefix == prefix => last.routes.push(route),
                _ => {
                    let parent = ancestor(&entries, entries.len().checked_sub(1), &prefix);
                    entries.push(Entry { prefix, parent, routes: vec![route] });
                }
            }
        }
        Self { entries: entries.into() }
    }

    /// The first route with the longest prefix among those that `accept` takes.
    pub(super) fn longest(&self, path: &[u8], accept: impl Fn(u32) -> bool) -> Option<Longest> {
        let after = self.entries.partition_point(|entry| &*entry.prefix <= path);
        let mut next = after.checked_sub(1);
        while let Some(at) = next {
            let entry = &self.entries[at];
            if path.starts_with(&entry.prefix) {
                let ends = ends_segment(path, entry.prefix.len());
                let fits = |found: &&PrefixRoute| (ends || !found.whole_segment) && accept(found.route);
                if let Some(found) = entry.routes.iter().find(fits) {
                    return Some(Longest { found: *found, length: entry.prefix.len() });
                }
            }
            next = entry.parent.map(|parent| parent as usize);
        }
        None
    }
}

/// The longest entry that `prefix` begins with, from `at` up.
fn ancestor(entries: &[Entry], mut at: Option<usize>, prefix: &[u8]) -> Option<u32> {
    while let Some(index) = at {
        if prefix.starts_with(&entries[index].prefix) {
            return Some(index as u32);
        }
        at = entries[index].parent.map(|parent| parent as usize);
    }
    None
}

/// Whether a segment of `path` ends at `length`.
fn ends_segment(path: &[u8], length: usize) -> bool {
    length == path.len() || path[length] == b'/' || (length > 0 && path[length - 1] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(prefixes: &[&str], path: &str) -> Option<u32> {
        let prefixes = prefixes
            .iter()
            .enumerate()
            .map(|(route, prefix)| {
                let text = prefix.trim_end_matches('*');
                let whole_segment = text.len() == prefix.len();
                (text.as_bytes().into(), PrefixRoute { route: route as u32, whole_segment })
            })
            .collect();
        Prefixes::build(prefixes).longest(path.as_bytes(), |_| true).map(|longest| longest.found.route)
    }

    #[test]
    fn a_prefix_is_whole_segments_unless_it_ends_in_a_star() {
        for (path, route) in [
            ("/api", Some(0)),
            ("/api/", Some(0)),
            ("/api/x", Some(0)),
            ("/apix", None),
            ("/img", Some(1)),
            ("/imgx", Some(1)),
            ("/im", None),
            ("/dir/x", Some(2)),
            ("/dir/", Some(2)),
            ("/dir", None),
        ] {
            assert_eq!(longest(&["/api", "/img*", "/dir/"], path), route, "{path}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_wherever_it_stands() {
        let prefixes = ["/", "/a/b/c", "/a", "/a/b*", "/a-b", "/a/"];
        for (path, route) in [
            ("/", 0),
            ("/b", 0),
            ("/a", 2),
            ("/a/x", 5),
            ("/a/b", 3),
            ("/a/bx", 3),
            ("/a/b/c/d", 1),
            ("/a/b/cx", 3),
            ("/a-b/x", 4),
            ("/a-bx", 0),
        ] {
            assert_eq!(longest(&prefixes, path), Some(route), "{path}");
        }
    }

    #[test]
    fn of_one_prefix_the_whole_segment_is_asked_first_and_then_file_order() {
        assert_eq!(longest(&["/api*", "/api", "/api"], "/api/x"), Some(1));
        assert_eq!(longest(&["/api*", "/api", "/api"], "/apix"), Some(0));
    }
}
