//! `listen`: the sockets that clients reach.

use super::fields::Fields;
use super::{Context, DraftListen, Placed};
use crate::keys::LISTEN;
use crate::model::{ListenProtocol, Listener};

pub(super) fn decode(top: &Fields<'_>, context: &mut Context<'_>) -> DraftListen {
    let Some(fields) = top.section(context, "listen", &LISTEN) else { return DraftListen::default() };
    let mut listen = DraftListen {
        listeners: Vec::new(),
        http_missing: fields.is_missing("http"),
        https_missing: fields.is_missing("https"),
    };
    if fields.get("http").is_none() && fields.get("https").is_none() {
        // A slip of one of the two is told already.
        if listen.http_missing && listen.https_missing {
            context
                .problem(&fields.span, "`listen` needs `http` or `https`")
                .hint("say where clients connect, as in `http: \":80\"`");
        }
        // Nobody knows what was meant: nothing is called missing.
        return DraftListen::default();
    }
    for (key, protocol) in [("http", ListenProtocol::Http), ("https", ListenProtocol::Https)] {
        let Some(node) = fields.get(key) else { continue };
        for node in context.one_or_some(key, node) {
            let Some(text) = context.text(key, node) else { continue };
            if let Some(address) = context.listener(&text) {
                listen.listeners.push(Placed { value: Listener { address, protocol }, text });
            }
        }
    }
    listen
}
