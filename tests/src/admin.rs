//! Services with tracks, for the tests of the admin API.

use crate::upstream::Upstream;
use mizan_api::{SplitChange, Weights};

/// `{"blue": 90, "green": 10}` from `[("blue", 90), ("green", 10)]`.
pub fn weights(of: &[(&str, u32)]) -> Weights {
    of.iter().map(|(track, weight)| ((*track).to_owned(), *weight)).collect()
}

/// A commit of these weights, based on nothing.
pub fn commit(of: &[(&str, u32)]) -> SplitChange {
    SplitChange { weights: weights(of), ..SplitChange::default() }
}

/// mizan.yml with one service `shop` of the tracks blue (all of the split) and green, and one site `*`. `service` and
/// `top` are further lines of the service and of the file.
pub fn blue_green(blue: &[&Upstream], green: &[&Upstream], service: &str, top: &str) -> String {
    let list = |upstreams: &[&Upstream]| -> String {
        let addresses: Vec<String> = upstreams.iter().map(|u| format!("\"{}\"", u.addr())).collect();
        format!("[{}]", addresses.join(", "))
    };
    let mut text = format!(
        "{}\nservices:\n  shop:\n    tracks: {{ blue: {}, green: {} }}\n    split: {{ blue: 100 }}\n",
        crate::mizan::unindented(top),
        list(blue),
        list(green)
    );
    for line in crate::mizan::unindented(service).lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("sites:\n  - hosts: [\"*\"]\n    routes:\n      - { path: /, service: shop }\n");
    text
}
