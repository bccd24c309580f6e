//! What TLS to endpoints needs.

use crate::support::*;
use mizan_certs::{Gravity, load_upstream};
use mizan_config::model::{Place, UpstreamTls};

fn plain() -> UpstreamTls {
    UpstreamTls { verify: true, ca: None, server_name: None, client: None, place: Place(3..6) }
}

#[test]
fn without_files_the_systems_roots_are_meant() {
    let (tls, faults) = load_upstream(&plain());
    let tls = tls.expect("usable");
    assert!(faults.is_empty() && tls.ca.is_none() && tls.client.is_none());
}

#[test]
fn every_setting_and_content_counts_in_the_fingerprint() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let [one, two] = ["one", "two"].map(|name| Some(folder.pair_of(name, &root, &["client"])));
    let ca = Some(folder.write("ca.pem", root.0.pem()));
    let variants = [
        plain(),
        UpstreamTls { verify: false, ..plain() },
        UpstreamTls { server_name: Some(String::new()), ..plain() },
        UpstreamTls { server_name: Some("a".into()), ..plain() },
        UpstreamTls { ca, ..plain() },
        UpstreamTls { client: one, ..plain() },
        UpstreamTls { client: two, ..plain() },
    ];
    let fingerprint = |tls: &UpstreamTls| {
        let (tls, faults) = load_upstream(tls);
        assert_eq!(faults, []);
        tls.expect("usable").fingerprint
    };
    for (at, one) in variants.iter().enumerate() {
        assert_eq!(fingerprint(one), fingerprint(one));
        for other in &variants[..at] {
            assert_ne!(fingerprint(one), fingerprint(other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_told_where_it_stands_and_no_secret_is_printed() {
    let folder = Folder::new();
    let root = Authority::root("Root");
    let mut client = folder.pair_of("client", &root, &["client"]);
    let sound = UpstreamTls { client: Some(client.clone()), ..plain() };
    let (tls, _) = load_upstream(&sound);
    let tls = tls.expect("usable");
    assert_eq!(format!("{tls:?}"), "ClientTls { authorities: None, client: Some(\"***\"), .. }");
    assert_eq!(tls.stamps.files().count(), 2);
    client.key = folder.write("other.key", key().serialize_pem());
    let ca = Some(folder.write("ca.pem", "hello"));
    let (tls, faults) = load_upstream(&UpstreamTls { ca, client: Some(client), ..plain() });
    assert!(tls.is_none());
    let told: Vec<_> = faults.iter().map(|fault| (fault.gravity, fault.place.0.clone())).collect();
    assert_eq!(told, [(Gravity::Unusable, 3..6), (Gravity::Unusable, 17..23)]);
}
