//! `/v1/config`, `/v1/check`, `/v1/reload`.

use crate::admin::call::{Call, Reply};
use crate::lifecycle::{Candidate, ReloadError};
use crate::snapshot::BuildError;
use mizan_api::{CheckReply, FileProblem, Problem, ProblemKind, ReloadReply};
use mizan_config::Problems;

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    let config = call.admin.runtime.snapshot().config.clone();
    Ok(Reply::json(&mizan_config::render(&config)))
}

pub(in crate::admin) fn check(call: &Call) -> Result<Reply, Problem> {
    let (problems, warnings) = match call.admin.changer.examine() {
        Ok(Candidate { warnings, .. }) => (Vec::new(), told(&warnings)),
        Err(ReloadError::Build(error)) => {
            let file = call.admin.changer.file().map(|file| file.display().to_string());
            (vec![build_problem(&file.unwrap_or_default(), &error)], Vec::new())
        }
        Err(ReloadError::Problems(problems)) => (told(&problems), Vec::new()),
        Err(error) => return Err(no_file(&error)),
    };
    Ok(Reply::json(&CheckReply { good: problems.is_empty(), problems, warnings }))
}

pub(in crate::admin) fn reload(call: &Call) -> Result<Reply, Problem> {
    let error = match call.admin.changer.reload() {
        Ok((generation, warnings)) => {
            return Ok(Reply::json(&ReloadReply { generation, warnings: told(&warnings) }));
        }
        Err(error) => error,
    };
    let problems = match &error {
        ReloadError::NoFile => return Err(no_file(&error)),
        ReloadError::Problems(problems) => told(problems),
        ReloadError::Build(_) | ReloadError::Bind(_) | ReloadError::Certificates(_) => Vec::new(),
    };
    let detail = match problems.len() {
        0 => error.to_string(),
        1 => "mizan.yml has a problem; the last configuration is in force".to_owned(),
        many => format!("mizan.yml has {many} problems; the last configuration is in force"),
    };
    Err(Problem { problems, ..Problem::new(ProblemKind::ConfigRefused, detail) })
}

fn no_file(error: &ReloadError) -> Problem {
    Problem::new(ProblemKind::NotFound, error.to_string())
}

fn build_problem(file: &str, error: &BuildError) -> FileProblem {
    let line = match error {
        BuildError::Route { line, .. } => *line as u64,
        BuildError::Router(_) | BuildError::Resolver(_) | BuildError::Ground(_) => 0,
    };
    FileProblem { file: file.to_owned(), line, column: 0, message: error.to_string(), hint: None }
}

fn told(problems: &Problems) -> Vec<FileProblem> {
    let told = |problem: &mizan_config::Problem| FileProblem {
        file: problems.file().to_owned(),
        line: problem.line as u64,
        column: problem.column as u64,
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    };
    problems.iter().map(told).collect()
}
