//! An entry of `sites`.

use super::{HSTS, REDIRECT_TO_HTTPS, SITE_TLS, Section, Shape, optional, required};

pub(crate) static SITE: Section = Section {
    name: "a site",
    keys: &[
        required(
            "hosts",
            Shape::OneOrSome(&Shape::Text),
            "Names without port: api.example.com, *.example.com, or * for what no other site has.",
        ),
        optional(
            "tls",
            Shape::Either(&Shape::Choice(&["acme"]), &Shape::Section(&SITE_TLS)),
            "The certificate of the hosts: acme (the proxy gets it by itself), or files. Default: none.",
        ),
        optional(
            "redirect_to_https",
            Shape::Either(
                &Shape::Boolean,
                &Shape::Either(&Shape::Choice(&["308", "301"]), &Shape::Section(&REDIRECT_TO_HTTPS)),
            ),
            "What comes over plain HTTP is sent to TLS: true (308), a status, or a mapping. Default: false.",
        ),
        optional(
            "hsts",
            Shape::Either(&Shape::Boolean, &Shape::Section(&HSTS)),
            "Strict-Transport-Security on every answer over TLS. Default: false.",
        ),
        required("routes", Shape::Some(&Shape::Section(&ROUTE)), "What happens to a request, by path."),
    ],
};

pub(crate) static ROUTE: Section = Section {
    name: "a route",
    keys: &[
        required(
            "path",
            Shape::Text,
            "\"= /x\" exact; /x and below; /x* any beginning; \"^~ /x\" before patterns; \"~ regex\"; \"~* regex\" \
             in any case; \"*.js,*.css\" endings.",
        ),
        optional(
            "methods",
            Shape::OneOrSome(&Shape::Text),
            "The route is there for these alone. Default: all.",
        ),
        optional(
            "headers",
            Shape::Named(&Shape::OrBoolean(&Shape::Text)),
            "Conditions: a value, \"~ regex\", true (there at all) or false (not there).",
        ),
        optional("service", Shape::Text, "The service the request goes to."),
        optional("respond", Shape::Section(&RESPOND), "A fixed answer instead of a service."),
        optional("rewrite", Shape::Section(&REWRITE), "What becomes of the path. Default: kept."),
        optional("host", Shape::Text, "Sent instead of the client's Host. Default: kept."),
        optional(
            "upgrade",
            Shape::Either(&Shape::List(&Shape::Text), &Shape::Text),
            "Protocols a client may switch to; [] for none. Default: [websocket].",
        ),
        optional("merge_slashes", Shape::Boolean, "Match as if slashes in a row were one. Default: false."),
        optional(
            "forward_reduced_path",
            Shape::Boolean,
            "Send the path upstream with . and .. and escapes resolved. Default: false, as sent.",
        ),
    ],
};

pub(crate) static RESPOND: Section = Section {
    name: "`respond`",
    keys: &[
        required("status", Shape::Integer(200, 599), "The status code."),
        optional("body", Shape::Text, "Default: empty."),
        optional(
            "headers",
            Shape::Named(&Shape::Text),
            "Fields of the answer. Content-Type is text/plain; charset=utf-8 unless given.",
        ),
    ],
};

pub(crate) static REWRITE: Section = Section {
    name: "`rewrite`",
    keys: &[
        optional("strip_prefix", Shape::Text, "This much of the matched prefix goes."),
        optional("replace_prefix", Shape::Text, "The matched prefix becomes this."),
    ],
};
