//! A mapping with known keys, taken apart by its table.

use super::{Context, Text};
use crate::expand;
use crate::keys::{Need, Section, Shape};
use crate::tree::{Kind, Node};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

/// The fields of one mapping. Unknown and missing keys are already told.
pub(crate) struct Fields<'n> {
    section: &'static Section,
    entries: &'n [(Node, Node)],
    /// Keys that are not there but were probably meant by unknown ones.
    meant: Vec<&'static str>,
    /// What to mark when it is about the mapping as a whole.
    pub(crate) span: Range<usize>,
}

/// What a key says that may be `true`, `false` or a mapping.
pub(crate) enum Switch {
    Off,
    /// With every default.
    On,
    Map,
}

impl Context<'_> {
    /// `span`: the key or item the mapping belongs to.
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n Node,
        section: &'static Section,
        span: &Range<usize>,
    ) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            let keys = names(section);
            match node.kind {
                Kind::Null => self.problem(span, format!("{} has nothing in it", section.name)),
                _ => self.problem(
                    &node.span,
                    format!("{} must be a mapping, not {}", section.name, node.described()),
                ),
            }
            .hint(format!("its keys are {keys}"));
            return None;
        };
        let meant = entries.iter().filter_map(|(key, _)| self.known(key, section)).collect();
        let fields = Fields { section, entries, meant, span: span.clone() };
        for key in section.keys.iter().filter(|key| key.need == Need::Required) {
            if fields.is_missing(key.name) {
                self.problem(span, format!("{} needs `{}`", section.name, key.name)).hint(key.help);
            }
        }
        Some(fields)
    }

    /// What an unknown key was probably meant to be.
    fn known(&mut self, key: &Node, section: &'static Section) -> Option<&'static str> {
        let (Kind::Text(name) | Kind::Number(name)) = &key.kind else {
            self.problem(
                &key.span,
                format!("a key of {} must be a name, not {}", section.name, key.described()),
            );
            return None;
        };
        if section.key(name).is_some() {
            return None;
        }
        let dialect = self.dialect();
        let elsewhere = (dialect.also_called)(name).iter().copied().find(|name| section.key(name).is_some());
        // What is known to stand elsewhere is no slip of what stands here.
        let advice = (dialect.not_yet)(name).filter(|_| elsewhere.is_none());
        let nearest = match advice {
            Some(_) => None,
            None => elsewhere.or_else(|| self.suggest(name, section.keys.iter().map(|key| key.name))),
        };
        let message = format!("{} has no key {}", section.name, super::scalar::show(name));
        let hint = match (nearest, advice) {
            (Some(nearest), _) => format!("did you mean `{nearest}`?"),
            (None, Some(advice)) => advice.to_owned(),
            (None, None) => format!("its keys are {}", names(section)),
        };
        self.problem(&key.span, message).hint(hint);
        nearest
    }

    /// The names and values of a mapping whose keys a person chooses.
    pub(crate) fn named<'n>(&mut self, key: &str, node: &'n Node) -> Vec<(Text, &'n Node)> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong::<()>(key, "a mapping", node);
            return Vec::new();
        };
        entries.iter().filter_map(|(name, value)| Some((self.name(key, name)?, value))).collect()
    }

    /// A key is taken as it is: variables stand in values only.
    fn name(&mut self, key: &str, node: &Node) -> Option<Text> {
        match &node.kind {
            Kind::Text(name) | Kind::Number(name) => Some(Text::plain(name, &node.span)),
            _ => {
                self.problem(&node.span, format!("a name in `{key}` must be text, not {}", node.described()));
                None
            }
        }
    }

    /// One, or a list that is not empty.
    pub(crate) fn one_or_some<'n>(&mut self, key: &str, node: &'n Node) -> &'n [Node] {
        match &node.kind {
            Kind::List(_) => self.some(key, node),
            _ => std::slice::from_ref(node),
        }
    }

    /// A list that is not empty.
    pub(crate) fn some<'n>(&mut self, key: &str, node: &'n Node) -> &'n [Node] {
        let items = self.list(key, node);
        if items.is_empty() && matches!(node.kind, Kind::List(_)) {
            self.problem(&node.span, format!("`{key}` is empty")).hint("give it one entry at least");
        }
        items
    }

    pub(crate) fn list<'n>(&mut self, key: &str, node: &'n Node) -> &'n [Node] {
        if let Kind::List(items) = &node.kind {
            return items;
        }
        self.wrong::<()>(key, "a list", node);
        &[]
    }
}

impl<'n> Fields<'n> {
    /// The value of a key. The table must have it, else the schema would not.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Whether it is worth a problem of its own that a key is not there.
    pub(crate) fn is_missing(&self, name: &str) -> bool {
        self.get(name).is_none() && !self.meant.contains(&name)
    }

    /// The place of a key.
    pub(crate) fn span_of(&self, name: &str) -> Range<usize> {
        self.entry(name).map_or_else(|| self.span.clone(), |(key, _)| key.span.clone())
    }

    fn entry(&self, name: &str) -> Option<&'n (Node, Node)> {
        debug_assert!(
            self.section.key(name).is_some(),
            "{name} is not in the table of {}",
            self.section.name
        );
        self.entries.iter().find(|(key, _)| matches!(&key.kind, Kind::Text(text) if text == name))
    }

    pub(crate) fn section(
        &self,
        context: &mut Context<'_>,
        name: &str,
        section: &'static Section,
    ) -> Option<Fields<'n>> {
        context.fields(self.get(name)?, section, &self.span_of(name))
    }

    pub(crate) fn text(&self, context: &mut Context<'_>, name: &str) -> Option<Text> {
        context.text(name, self.get(name)?)
    }

    pub(crate) fn switch(&self, context: &mut Context<'_>, name: &str) -> Option<Switch> {
        let node = self.get(name)?;
        let on = match &node.kind {
            Kind::Map(_) => return Some(Switch::Map),
            Kind::Bool(on) => *on,
            Kind::Text(written) if expand::has_variable(written) => context.boolean(name, node)?,
            _ => return context.wrong(name, "true, false or a mapping", node),
        };
        Some(if on { Switch::On } else { Switch::Off })
    }

    pub(crate) fn boolean(&self, context: &mut Context<'_>, name: &str, default: bool) -> bool {
        self.get(name).and_then(|node| context.boolean(name, node)).unwrap_or(default)
    }

    /// The range is the table's.
    pub(crate) fn integer(&self, context: &mut Context<'_>, name: &str, default: u64) -> u64 {
        self.optional_integer(context, name).unwrap_or(default)
    }

    pub(crate) fn optional_integer(&self, context: &mut Context<'_>, name: &str) -> Option<u64> {
        context.integer(name, self.get(name)?, self.range(name))
    }

    pub(crate) fn percent(&self, context: &mut Context<'_>, name: &str, default: u64) -> u64 {
        self.optional_percent(context, name).unwrap_or(default)
    }

    pub(crate) fn optional_percent(&self, context: &mut Context<'_>, name: &str) -> Option<u64> {
        context.percent(name, self.get(name)?, self.range(name))
    }

    pub(crate) fn size(
        &self,
        context: &mut Context<'_>,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        self.get(name).and_then(|node| context.size(name, node, range)).unwrap_or(default)
    }

    pub(crate) fn duration(
        &self,
        context: &mut Context<'_>,
        name: &str,
        default: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Duration {
        self.optional_duration(context, name, range).unwrap_or(default)
    }

    pub(crate) fn optional_duration(
        &self,
        context: &mut Context<'_>,
        name: &str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        context.duration(name, self.get(name)?, range)
    }

    fn range(&self, name: &str) -> RangeInclusive<u64> {
        if let Some(Shape::Integer(from, to) | Shape::Percent(from, to)) =
            self.section.key(name).map(|key| &key.shape)
        {
            return *from..=*to;
        }
        debug_assert!(false, "{name} has no range in the table of {}", self.section.name);
        0..=u64::MAX
    }
}

fn names(section: &Section) -> String {
    section.keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")
}
