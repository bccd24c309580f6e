//! Everything that can be asked: the table that routes calls, and that the OpenAPI document is made of.

use super::call::{Call, Reply};
use super::resources::{
    certificates, config, deploys, drain, events, metrics, services, split, stats, status,
};
use crate::history::MOST;
use http::Method;
use mizan_api::{
    Certificate, Certificates, CheckReply, Deploy, Deploys, Diagnosis, DrainChange, DrainStatus, Event,
    LeaseRenewal, Mark, Problem, ProblemKind, ReloadReply, RenewRequest, ResolveReply, ServiceStats,
    ServiceStatus, Services, SplitChange, SplitStatus, Status,
};
use schemars::{Schema, SchemaGenerator};
use std::pin::Pin;

pub(super) struct Operation {
    pub(super) method: Method,
    /// With `{name}` where a parameter stands.
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    pub(super) body: Option<SchemaOf>,
    pub(super) answer: Answer,
    /// Beyond those that any call may be answered with.
    pub(super) problems: &'static [ProblemKind],
    pub(super) run: Run,
}

/// Of the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: ParameterKind,
}

pub(super) enum ParameterKind {
    /// From, to.
    Integer(u64, u64),
    Name,
}

pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

pub(super) enum Answer {
    Json(SchemaOf),
    /// Server-sent events with this JSON as their data.
    Events(SchemaOf),
    /// Plain text.
    Text,
    /// JSON of any form.
    Any,
}

type Outcome = Result<Reply, Problem>;

#[derive(Clone, Copy)]
pub(super) enum Run {
    /// At once.
    Now(fn(&Call) -> Outcome),
    /// It may wait for a disk, or for a lock that is held while a disk is waited for: never on a thread of the data plane.
    Blocking(fn(&Call) -> Outcome),
    Later(fn(Call) -> Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

/// What any call may be answered with.
pub(super) const ANY_CALL: &[ProblemKind] =
    &[ProblemKind::BadRequest, ProblemKind::TooLarge, ProblemKind::Internal];

const REVISION: Parameter = Parameter {
    name: "revision",
    about: "The revision that the change is based on; when it is not the split's any more, nothing changes (409).",
    kind: ParameterKind::Integer(0, u64::MAX),
};
const MARK: Parameter =
    Parameter { name: "mark", about: "Also what came since this mark.", kind: ParameterKind::Name };
const OLDER_THAN: Parameter = Parameter {
    name: "older_than",
    about: "What counts as an old request, in seconds. Default: 10.",
    kind: ParameterKind::Integer(1, 120),
};

const OF_SERVICE: Parameter =
    Parameter { name: "service", about: "Only those of this service.", kind: ParameterKind::Name };
const OF_ENVIRONMENT: Parameter =
    Parameter { name: "environment", about: "Only those of this environment.", kind: ParameterKind::Name };
const LIMIT: Parameter = Parameter {
    name: "limit",
    about: "So many at most. Default: all that are kept.",
    kind: ParameterKind::Integer(1, MOST as u64),
};

const SERVICE: ProblemKind = ProblemKind::NotFound;

/// The table, in the order of the document.
pub(super) static OPERATIONS: &[Operation] = &[
    get(
        "/v1/status",
        "status",
        "The whole proxy at a glance",
        Answer::Json(of::<Status>),
        &[],
        Run::Blocking(status::get),
    ),
    get(
        "/v1/services",
        "services",
        "All services with their endpoints",
        Answer::Json(of::<Services>),
        &[],
        Run::Blocking(services::all),
    ),
    get(
        "/v1/services/{service}",
        "service",
        "One service with its endpoints",
        Answer::Json(of::<ServiceStatus>),
        &[SERVICE],
        Run::Blocking(services::one),
    ),
    get(
        "/v1/services/{service}/split",
        "split",
        "Which share of the requests goes to which track",
        Answer::Json(of::<SplitStatus>),
        &[SERVICE],
        Run::Blocking(split::get),
    ),
    Operation {
        method: Method::PUT,
        path: "/v1/services/{service}/split",
        id: "set-split",
        summary: "Commit or lease a split; it is in force for the next request",
        query: &[],
        body: Some(of::<SplitChange>),
        answer: Answer::Json(of::<SplitStatus>),
        problems: &[
            SERVICE,
            ProblemKind::StaleRevision,
            ProblemKind::NoEndpoint,
            ProblemKind::NoState,
            ProblemKind::CannotWrite,
            ProblemKind::UnsupportedMediaType,
        ],
        run: Run::Blocking(split::put),
    },
    Operation {
        method: Method::DELETE,
        path: "/v1/services/{service}/split",
        id: "split-to-file",
        summary: "Forget what was committed: mizan.yml's split is in force again",
        query: &[REVISION],
        body: None,
        answer: Answer::Json(of::<SplitStatus>),
        problems: &[SERVICE, ProblemKind::StaleRevision, ProblemKind::CannotWrite],
        run: Run::Blocking(split::to_file),
    },
    Operation {
        method: Method::POST,
        path: "/v1/services/{service}/split/renew",
        id: "renew-lease",
        summary: "Let the lease hold for so long again, from now",
        query: &[],
        body: Some(of::<LeaseRenewal>),
        answer: Answer::Json(of::<SplitStatus>),
        problems: &[
            SERVICE,
            ProblemKind::StaleRevision,
            ProblemKind::NoLease,
            ProblemKind::UnsupportedMediaType,
        ],
        run: Run::Blocking(split::renew),
    },
    Operation {
        method: Method::DELETE,
        path: "/v1/services/{service}/split/lease",
        id: "release-lease",
        summary: "Give the lease back: the committed split is in force",
        query: &[REVISION],
        body: None,
        answer: Answer::Json(of::<SplitStatus>),
        problems: &[SERVICE, ProblemKind::StaleRevision, ProblemKind::NoLease],
        run: Run::Blocking(split::release),
    },
    Operation {
        method: Method::GET,
        path: "/v1/services/{service}/stats",
        id: "stats",
        summary: "What became of the requests, by track",
        query: &[MARK, OLDER_THAN],
        body: None,
        answer: Answer::Json(of::<ServiceStats>),
        problems: &[SERVICE],
        run: Run::Now(stats::get),
    },
    Operation {
        method: Method::PUT,
        path: "/v1/services/{service}/marks/{mark}",
        id: "set-mark",
        summary: "Set a point in time to count from; the oldest of 16 makes room",
        query: &[],
        body: None,
        answer: Answer::Json(of::<Mark>),
        problems: &[SERVICE],
        run: Run::Now(stats::set_mark),
    },
    Operation {
        method: Method::POST,
        path: "/v1/services/{service}/drain",
        id: "drain",
        summary: "Take an endpoint or a track out; what it has is finished",
        query: &[],
        body: Some(of::<DrainChange>),
        answer: Answer::Json(of::<DrainStatus>),
        problems: &[SERVICE, ProblemKind::NoEndpoint, ProblemKind::UnsupportedMediaType],
        run: Run::Blocking(drain::drain),
    },
    Operation {
        method: Method::POST,
        path: "/v1/services/{service}/undrain",
        id: "undrain",
        summary: "Put an endpoint or a track back",
        query: &[],
        body: Some(of::<DrainChange>),
        answer: Answer::Json(of::<DrainStatus>),
        problems: &[SERVICE, ProblemKind::UnsupportedMediaType],
        run: Run::Blocking(drain::undrain),
    },
    post(
        "/v1/services/{service}/resolve",
        "resolve-service",
        "Look a service's names up at once",
        of::<ResolveReply>,
        &[SERVICE],
        Run::Later(services::resolve_one),
    ),
    post(
        "/v1/resolve",
        "resolve",
        "Look all names up at once",
        of::<ResolveReply>,
        &[],
        Run::Later(services::resolve_all),
    ),
    get(
        "/v1/certificates",
        "certificates",
        "What each site with TLS shows, when it is renewed, and what is missing",
        Answer::Json(of::<Certificates>),
        &[],
        Run::Now(certificates::all),
    ),
    Operation {
        method: Method::POST,
        path: "/v1/certificates/{name}/renew",
        id: "renew-certificate",
        summary: "Order a certificate now for the names that this one belongs to",
        query: &[],
        body: Some(of::<RenewRequest>),
        answer: Answer::Json(of::<Certificate>),
        problems: &[ProblemKind::NotFound, ProblemKind::NotNow, ProblemKind::UnsupportedMediaType],
        run: Run::Now(certificates::renew),
    },
    post(
        "/v1/certificates/{name}/doctor",
        "diagnose-certificate",
        "Look at a name as its authority would: what stands between it and a certificate",
        of::<Diagnosis>,
        &[ProblemKind::NotFound],
        Run::Later(certificates::doctor),
    ),
    Operation {
        method: Method::GET,
        path: "/v1/deploys",
        id: "deploys",
        summary: "What the deploy controller did, the newest first",
        query: &[OF_SERVICE, OF_ENVIRONMENT, LIMIT],
        body: None,
        answer: Answer::Json(of::<Deploys>),
        problems: &[],
        run: Run::Now(deploys::all),
    },
    get(
        "/v1/deploys/{id}",
        "deploy",
        "One deploy, as its controller said it last",
        Answer::Json(of::<Deploy>),
        &[ProblemKind::NotFound],
        Run::Now(deploys::get),
    ),
    Operation {
        method: Method::PUT,
        path: "/v1/deploys/{id}",
        id: "report-deploy",
        summary: "Begin a deploy, say how far it is, or end it; an end does not change",
        query: &[],
        body: Some(of::<Deploy>),
        answer: Answer::Json(of::<Deploy>),
        problems: &[ProblemKind::DeployEnded, ProblemKind::UnsupportedMediaType],
        run: Run::Blocking(deploys::put),
    },
    get(
        "/v1/metrics",
        "metrics",
        "What was counted, in Prometheus' text format",
        Answer::Text,
        &[],
        Run::Now(metrics::get),
    ),
    get(
        "/v1/config",
        "config",
        "The configuration in force, in mizan.yml's own form with every default; secrets are masked",
        Answer::Any,
        &[],
        Run::Now(config::get),
    ),
    post(
        "/v1/check",
        "check",
        "Check the file that a reload would read",
        of::<CheckReply>,
        &[ProblemKind::NotFound],
        Run::Blocking(config::check),
    ),
    post(
        "/v1/reload",
        "reload",
        "Read the file again, and put it in force when it is good",
        of::<ReloadReply>,
        &[ProblemKind::NotFound, ProblemKind::ConfigRefused],
        Run::Blocking(config::reload),
    ),
    get(
        "/v1/events",
        "events",
        "What changes, as it changes; `Last-Event-ID` brings what was missed",
        Answer::Events(of::<Event>),
        &[ProblemKind::Busy],
        Run::Now(events::get),
    ),
    get("/v1/openapi.json", "openapi", "This document", Answer::Any, &[], Run::Now(super::openapi::get)),
];

const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: Answer,
    problems: &'static [ProblemKind],
    run: Run,
) -> Operation {
    let method = Method::GET;
    Operation { method, path, id, summary, query: &[], body: None, answer, problems, run }
}

const fn post(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: SchemaOf,
    problems: &'static [ProblemKind],
    run: Run,
) -> Operation {
    let answer = Answer::Json(answer);
    Operation { method: Method::POST, path, id, summary, query: &[], body: None, answer, problems, run }
}

fn of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

pub(super) enum Found {
    /// And what stands for the parameters of its path.
    Operation(&'static Operation, Vec<String>),
    /// The resource is there, the method is not; these are.
    OtherMethods(String),
    Nothing,
}

pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut methods = Vec::new();
    for operation in OPERATIONS {
        if let Some(parameters) = fits(operation.path, path) {
            if operation.method == *method {
                return Found::Operation(operation, parameters);
            }
            methods.push(operation.method.as_str());
        }
    }
    if methods.is_empty() { Found::Nothing } else { Found::OtherMethods(methods.join(", ")) }
}

/// What stands for the pattern's parameters; `None`: it does not fit.
fn fits(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut came) = (pattern.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), came.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(came)) if wanted.starts_with('{') && !came.is_empty() => {
                parameters.push(came.to_owned());
            }
            (Some(wanted), Some(came)) if wanted == came => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_finds_its_operation_and_its_parameters() {
        let Found::Operation(operation, path) = find(&Method::PUT, "/v1/services/shop/marks/before") else {
            panic!("it is in the table");
        };
        assert_eq!((operation.id, path), ("set-mark", vec!["shop".to_owned(), "before".to_owned()]));
        assert!(matches!(find(&Method::GET, "/v1/services//split"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/v1/status/"), Found::Nothing));
        let Found::OtherMethods(methods) = find(&Method::POST, "/v1/services/shop/split") else {
            panic!("the resource is there");
        };
        assert_eq!(methods, "GET, PUT, DELETE");
    }

    #[test]
    fn no_two_operations_share_an_id_or_a_place() {
        for (place, one) in OPERATIONS.iter().enumerate() {
            for other in &OPERATIONS[place + 1..] {
                assert_ne!(one.id, other.id);
                assert_ne!((&one.method, one.path), (&other.method, other.path));
            }
        }
    }
}
