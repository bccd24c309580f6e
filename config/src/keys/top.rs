//! The file as a whole, and its small sections.

use super::{CERTIFICATES, SERVICE, SITE, Section, Shape, TLS, optional, required};

pub(crate) static TOP: Section = Section {
    name: "mizan.yml",
    keys: &[
        required("listen", Shape::Section(&LISTEN), "The sockets that clients reach."),
        optional("tls", Shape::Section(&TLS), "What all TLS listeners share."),
        optional(
            "certificates",
            Shape::Section(&CERTIFICATES),
            "Certificates that the proxy gets by itself.",
        ),
        optional(
            "admin",
            Shape::Section(&ADMIN),
            "The Unix socket that steers a running proxy. Default: none.",
        ),
        optional(
            "state",
            Shape::Text,
            "Folder (absolute path) for what must survive a restart. Default: none.",
        ),
        optional("resolver", Shape::Section(&RESOLVER), "How names of endpoints become addresses."),
        optional(
            "trusted_proxies",
            Shape::List(&Shape::Text),
            "CIDRs of peers whose X-Forwarded-* fields are believed. Default: nobody.",
        ),
        optional(
            "forwarded",
            Shape::Boolean,
            "Also send the Forwarded field (RFC 7239) upstream. Default: false.",
        ),
        optional("limits", Shape::Section(&LIMITS), "What bounds a client."),
        optional("drain", Shape::Section(&DRAIN), "How the process ends."),
        optional("probes", Shape::Section(&PROBES), "Paths answered by the proxy itself, on every listener."),
        optional("services", Shape::Named(&Shape::Section(&SERVICE)), "Where requests go, by name."),
        required("sites", Shape::Some(&Shape::Section(&SITE)), "Which requests go to which service."),
        optional(
            "unknown_host",
            Shape::Choice(&["421", "close"]),
            "The answer to a host that no site has: 421 (Misdirected Request) or close. Default: 421.",
        ),
    ],
};

pub(crate) static LISTEN: Section = Section {
    name: "`listen`",
    keys: &[
        optional(
            "http",
            Shape::OneOrSome(&Shape::Text),
            "Plain HTTP: \":80\" (every address), \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\"; one or a list. \
             This or `https` must be there.",
        ),
        optional("https", Shape::OneOrSome(&Shape::Text), "HTTP over TLS, in the forms of `http`."),
    ],
};

pub(crate) static ADMIN: Section = Section {
    name: "`admin`",
    keys: &[
        required("socket", Shape::Text, "Absolute path of the Unix socket, made with mode 0660."),
        optional(
            "owner",
            Shape::Text,
            "User, name or number, the socket is given to. Default: whom mizan runs as.",
        ),
        optional(
            "group",
            Shape::Text,
            "Group, name or number, the socket is given to. Default: that of the process.",
        ),
    ],
};

pub(crate) static RESOLVER: Section = Section {
    name: "`resolver`",
    keys: &[
        optional(
            "servers",
            Shape::OneOrSome(&Shape::Text),
            "DNS servers: an address, with a port unless it is 53. Default: those of /etc/resolv.conf.",
        ),
        optional("ipv6", Shape::Boolean, "Also ask for AAAA. Default: false."),
        optional(
            "interval",
            Shape::Duration,
            "Between two lookups of a name. Default: the answer's TTL, 1s to 5s.",
        ),
        optional("timeout", Shape::Duration, "Of one query. Default: 1s."),
        optional(
            "obsolete_hold",
            Shape::Duration,
            "How long an address that left the answer stays in rotation. Default: 0s.",
        ),
        optional(
            "max_stale",
            Shape::Duration,
            "The last good answer is dropped after so long without a new one. Default: never.",
        ),
    ],
};

/// The largest count a key takes that has no bound of its own.
const MANY: u64 = 10_000_000;

pub(crate) static LIMITS: Section = Section {
    name: "`limits`",
    keys: &[
        optional(
            "connections",
            Shape::Integer(1, MANY),
            "Open client connections of the process. Default: 10000.",
        ),
        optional("head_size", Shape::Size, "Request line and fields together; beyond it 431. Default: 32k."),
        optional(
            "head_fields",
            Shape::Integer(1, 10_000),
            "Number of request fields; beyond it 431. Default: 100.",
        ),
        optional("target_size", Shape::Size, "The request target; beyond it 414. Default: 8k."),
        optional(
            "head_timeout",
            Shape::Duration,
            "From a head's first byte to its last, then 408. Default: 10s.",
        ),
        optional("handshake_timeout", Shape::Duration, "Of a TLS handshake. Default: 10s."),
        optional(
            "streams",
            Shape::Integer(1, 100_000),
            "Requests under way on one HTTP/2 connection. Default: 128.",
        ),
        optional("idle_timeout", Shape::Duration, "Of a connection between requests. Default: 75s."),
        optional("body_grace", Shape::Duration, "Time a client may spend below body_rate. Default: 10s."),
        optional(
            "body_rate",
            Shape::Size,
            "Bytes per second a client must send or read after the grace; 0 turns it off. Default: 256.",
        ),
        optional(
            "answer_head_size",
            Shape::Size,
            "Fields of an upstream's answer; beyond it 502. Default: 64k.",
        ),
    ],
};

pub(crate) static DRAIN: Section = Section {
    name: "`drain`",
    keys: &[
        optional("timeout", Shape::Duration, "How long requests under way may take to end. Default: 30s."),
        optional("idle_grace", Shape::Duration, "How long idle connections stay open. Default: 2s."),
    ],
};

pub(crate) static PROBES: Section = Section {
    name: "`probes`",
    keys: &[
        optional(
            "health",
            Shape::OrFalse(&Shape::Text),
            "Path: 200 while serving, 503 while draining. Default: /lb-health. false: none.",
        ),
        optional(
            "ready",
            Shape::OrFalse(&Shape::Text),
            "Path: 200 once every service was looked up. Default: /lb-ready. false: none.",
        ),
    ],
};
