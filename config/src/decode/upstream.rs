//! `protocol` and `tls` of a service: how its endpoints are spoken to.

use super::certificate;
use super::fields::{Fields, Switch};
use super::{Context, Text, host};
use crate::keys::UPSTREAM_TLS;
use crate::model::{EndpointAddress, Place, UpstreamProtocol, UpstreamTls};

pub(super) struct Upstream {
    pub(super) protocol: UpstreamProtocol,
    pub(super) tls: Option<UpstreamTls>,
    /// Certainly without TLS: a `tls` that could not be read leaves that open.
    is_plain: bool,
}

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Upstream {
    let (is_plain, tls) = match service.switch(context, "tls") {
        Some(Switch::Off) => (true, None),
        Some(Switch::On) => (false, Some(verified(service))),
        Some(Switch::Map) => (false, tls(service, context)),
        None => (service.is_missing("tls"), None),
    };
    let protocol = protocol(service, context).unwrap_or_default();
    if protocol == UpstreamProtocol::Auto && is_plain {
        context.problem(&service.span_of("protocol"), "`protocol: auto` without `tls`").hint(
            "an endpoint chooses its protocol within TLS (ALPN): add `tls: true`, or write http1 or h2",
        );
    }
    Upstream { protocol, tls, is_plain }
}

impl Upstream {
    /// Whether an endpoint can be what it is spoken to as.
    pub(super) fn suits(&self, address: &EndpointAddress, text: &Text, context: &mut Context<'_>) {
        let port = match address {
            EndpointAddress::Name { port, .. } => *port,
            EndpointAddress::Ip(address) => address.port(),
            EndpointAddress::Unix(_) => {
                if self.tls.as_ref().is_some_and(|tls| tls.verify && tls.server_name.is_none()) {
                    context
                        .problem(
                            &text.span,
                            format!("{} has no name that a certificate could prove", text.shown()),
                        )
                        .hint("say which name it has to be: `tls: { server_name: api.internal }`");
                }
                return;
            }
        };
        if port == 443 && self.is_plain {
            context
                .warning(&text.span, format!("{} is sent plain HTTP, on the port of HTTPS", text.shown()))
                .hint("add `tls: true` to the service");
        }
    }
}

fn protocol(service: &Fields<'_>, context: &mut Context<'_>) -> Option<UpstreamProtocol> {
    let text = service.text(context, "protocol")?;
    match text.value.as_str() {
        "http1" => Some(UpstreamProtocol::Http1),
        "h2" => Some(UpstreamProtocol::H2),
        "auto" => Some(UpstreamProtocol::Auto),
        other => {
            let hint = match other {
                "h2c" | "http2" | "grpc" => {
                    "did you mean `h2`? Without `tls` it is HTTP/2 with prior knowledge"
                }
                "http" | "http/1.1" | "http1.1" => "did you mean `http1`?",
                "https" => "https is HTTP over TLS: write `tls: true`",
                _ => "http1, h2 or auto",
            };
            context
                .problem(&text.span, format!("`protocol` must be http1, h2 or auto, not {}", text.shown()))
                .hint(hint);
            None
        }
    }
}

fn verified(service: &Fields<'_>) -> UpstreamTls {
    UpstreamTls {
        verify: true,
        ca: None,
        server_name: None,
        client: None,
        place: Place(service.span_of("tls")),
    }
}

fn tls(service: &Fields<'_>, context: &mut Context<'_>) -> Option<UpstreamTls> {
    let fields = service.section(context, "tls", &UPSTREAM_TLS)?;
    let verify = fields.boolean(context, "verify", true);
    let ca = certificate::file(&fields, "ca", context).map(|file| file.path);
    if !verify && fields.get("ca").is_some() {
        context
            .problem(&fields.span_of("ca"), "`ca` beside `verify: false`")
            .hint("nothing is held against it: remove `verify`, or remove `ca`");
    } else if !verify {
        context
            .warning(&fields.span_of("verify"), "whoever stands between can read and change what is sent")
            .hint("name the authority of the endpoints instead, as in `ca: internal-ca.pem`");
    }
    // A malformed name is a problem, but not a missing one.
    let server_name = fields.text(context, "server_name").map(|name| server_name(&name, context));
    let client = certificate::pair(&fields, context);
    Some(UpstreamTls { verify, ca, server_name, client, ..verified(service) })
}

fn server_name(name: &Text, context: &mut Context<'_>) -> String {
    host::subject(&name.value).unwrap_or_else(|| {
        context
            .problem(&name.span, format!("`server_name` must be a name or an address, not {}", name.shown()))
            .hint("as the endpoint's certificate has it, without a port: api.internal");
        String::new()
    })
}
