//! An entry of `services`.

use super::{Section, Shape, UPSTREAM_TLS, optional, required};

/// The largest weight of an endpoint.
pub(crate) const MAX_ENDPOINT_WEIGHT: u64 = 1000;
/// The largest weight of a track.
pub(crate) const MAX_TRACK_WEIGHT: u64 = 10_000;

static ENDPOINTS_SHAPE: Shape = Shape::OneOrSome(&ENDPOINT_SHAPE);
static ENDPOINT_SHAPE: Shape = Shape::Either(&Shape::Text, &Shape::Section(&ENDPOINT));

pub(crate) static SERVICE: Section = Section {
    name: "a service",
    keys: &[
        optional(
            "endpoints",
            Shape::OneOrSome(&ENDPOINT_SHAPE),
            "host:port, ip:port or unix:/path; one or a list. A name is resolved again and again.",
        ),
        optional(
            "tracks",
            Shape::Named(&ENDPOINTS_SHAPE),
            "Versions of the service, each with its endpoints.",
        ),
        optional(
            "split",
            Shape::Named(&Shape::Integer(0, MAX_TRACK_WEIGHT)),
            "The weight of each track where it starts; a track that is not named has 0.",
        ),
        optional(
            "force",
            Shape::Section(&FORCE),
            "For testers: a header or cookie that names the track, also one of weight 0. Default: none.",
        ),
        optional(
            "sticky",
            Shape::Either(&Shape::Boolean, &Shape::Section(&STICKY)),
            "A signed cookie keeps a client on its track; needs `state`. Default: false.",
        ),
        optional(
            "balance",
            Shape::Either(
                &Shape::Choice(&["least_conn", "round_robin", "random_two"]),
                &Shape::Section(&BALANCE),
            ),
            "How an endpoint is chosen. Default: least_conn.",
        ),
        optional(
            "protocol",
            Shape::Choice(&["http1", "h2", "auto"]),
            "What the endpoints speak: HTTP/1.1, HTTP/2, or what they choose over TLS. Default: http1.",
        ),
        optional(
            "tls",
            Shape::Either(&Shape::Boolean, &Shape::Section(&UPSTREAM_TLS)),
            "TLS to the endpoints. Default: false.",
        ),
        optional(
            "keepalive",
            Shape::Integer(0, 100_000),
            "Idle upstream connections kept, of the whole service; 0 turns reuse off. Default: 64.",
        ),
        optional("timeouts", Shape::Section(&TIMEOUTS), "Of the connection to an endpoint."),
        optional("passive", Shape::Section(&PASSIVE), "Endpoints that fail requests rest for a while."),
        optional(
            "health",
            Shape::Section(&HEALTH),
            "A GET to every endpoint, on its own connection. Default: none.",
        ),
        optional("retries", Shape::Section(&RETRIES), "Of failed connects, and of idempotent requests."),
    ],
};

pub(crate) static ENDPOINT: Section = Section {
    name: "an endpoint",
    keys: &[
        required("address", Shape::Text, "host:port, ip:port or unix:/path."),
        optional(
            "weight",
            Shape::Integer(1, MAX_ENDPOINT_WEIGHT),
            "Its share among the endpoints. Default: 1.",
        ),
    ],
};

pub(crate) static FORCE: Section = Section {
    name: "`force`",
    keys: &[
        optional(
            "header",
            Shape::Text,
            "Field whose value is the name of a track, as in X-Track. Default: none.",
        ),
        optional("cookie", Shape::Text, "Cookie whose value is the name of a track. Default: none."),
        optional(
            "from",
            Shape::OneOrSome(&Shape::Text),
            "CIDRs or addresses of clients that may choose; one or a list. Default: everybody.",
        ),
    ],
};

pub(crate) static STICKY: Section = Section {
    name: "`sticky`",
    keys: &[
        optional("cookie", Shape::Text, "The cookie's name. Default: mizan."),
        optional(
            "max_age",
            Shape::Duration,
            "How long a client keeps the cookie, and with it its track: 1m to 400d. Default: 30d.",
        ),
    ],
};

pub(crate) static BALANCE: Section = Section {
    name: "`balance`",
    keys: &[required("hash", Shape::Section(&HASH), "The same key always goes to the same endpoint.")],
};

pub(crate) static HASH: Section = Section {
    name: "`hash`",
    keys: &[required("by", Shape::Text, "client_ip, \"header NAME\" or \"cookie NAME\".")],
};

pub(crate) static TIMEOUTS: Section = Section {
    name: "`timeouts`",
    keys: &[
        optional("connect", Shape::Duration, "Of a connect. Default: 2s."),
        optional(
            "first_try",
            Shape::Duration,
            "Of a connect while another endpoint could be tried instead. Default: 300ms, or `connect` if that is less.",
        ),
        optional("read", Shape::Duration, "Between two reads of an answer. Default: 60s."),
        optional("send", Shape::Duration, "Between two writes of a request. Default: 60s."),
    ],
};

pub(crate) static PASSIVE: Section = Section {
    name: "`passive`",
    keys: &[
        optional(
            "max_fails",
            Shape::Integer(0, 1000),
            "Failures that take an endpoint out; 0: never. Default: 3.",
        ),
        optional(
            "fail_timeout",
            Shape::Duration,
            "In which they are counted, and how long it rests. Default: 30s.",
        ),
    ],
};

pub(crate) static HEALTH: Section = Section {
    name: "`health`",
    keys: &[
        required("path", Shape::Text, "Begins with /."),
        optional("host", Shape::Text, "The Host field. Default: the endpoint's name or address."),
        optional(
            "headers",
            Shape::Named(&Shape::Secret),
            "Fields of the check's request. A value, or { file: PATH } of a secret file; never printed.",
        ),
        optional("interval", Shape::Duration, "Between two checks. Default: 10s."),
        optional("timeout", Shape::Duration, "Of a whole check. Default: 3s."),
        optional(
            "healthy",
            Shape::Integer(1, 100),
            "Successes in a row that bring an endpoint back. Default: 2.",
        ),
        optional("unhealthy", Shape::Integer(1, 100), "Failures in a row that take it out. Default: 3."),
        optional(
            "status",
            Shape::OneOrSome(&Shape::Text),
            "What counts as success: 200, 200-399, or a list of them. Default: 200-399.",
        ),
    ],
};

pub(crate) static RETRIES: Section = Section {
    name: "`retries`",
    keys: &[
        optional(
            "tries",
            Shape::Integer(1, 20),
            "Endpoints tried for one request, the first included; 1 turns retries off. Default: 3.",
        ),
        optional("budget", Shape::Percent(0, 100), "Retries as a share of requests. Default: 20%."),
        optional("min_per_second", Shape::Integer(0, 100_000), "Retries allowed in any case. Default: 10."),
    ],
};
