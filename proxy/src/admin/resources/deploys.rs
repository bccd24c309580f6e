//! `/v1/deploys`: what the deploy controller reports.

use crate::admin::call::{Call, Reply, bad};
use crate::history::{HasEnded, MOST, name, sound};
use mizan_api::{DEPLOY_NAME_MOST, Deploy, Deploys, Problem, ProblemKind};

pub(in crate::admin) fn put(call: &Call) -> Result<Reply, Problem> {
    let deploy: Deploy = call.json()?;
    sound(&deploy).map_err(bad)?;
    if call.parameter(0) != deploy.id {
        return Err(bad(format!("the body is about the deploy `{}`, the path about another one", deploy.id)));
    }
    let kept = call.admin.history.report(deploy).map_err(|HasEnded(kept)| {
        let detail = format!(
            "the deploy `{}` has ended already: {}; an end does not change",
            kept.id,
            kept.status.as_str()
        );
        Problem::new(ProblemKind::DeployEnded, detail)
    })?;
    Ok(Reply::json(&kept))
}

pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    let kept = call.admin.history.get(call.parameter(0));
    kept.map(|deploy| Reply::json(&deploy)).ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            format!("there is no such deploy (any more): the last {MOST} are kept"),
        )
    })
}

pub(in crate::admin) fn all(call: &Call) -> Result<Reply, Problem> {
    let (service, environment) = (wanted(call, "service")?, wanted(call, "environment")?);
    let limit = call.query("limit")?.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(bad(format!("`limit` must be from 1 to {MOST}")));
    }
    let is = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
    let matching = |deploy: &Deploy| is(&service, &deploy.service) && is(&environment, &deploy.environment);
    Ok(Reply::json(&Deploys { deploys: call.admin.history.newest(matching, limit) }))
}

fn wanted(call: &Call, parameter: &str) -> Result<Option<String>, Problem> {
    let value: Option<String> = call.query(parameter)?;
    if let Some(value) = &value {
        name(parameter, value, DEPLOY_NAME_MOST).map_err(bad)?;
    }
    Ok(value)
}
