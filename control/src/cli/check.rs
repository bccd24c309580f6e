//! `mizanctl check`: whether a reload would go well.

use crate::console::{Console, print};
use crate::exit::Failure;
use crate::view;
use clap::Args;
use mizan_api::{CheckReply, Client};
use mizan_config::deploy;
use std::path::{Path, PathBuf};

/// Have the running mizan read its mizan.yml anew, without putting it in force; or look at a deploy.yml
#[derive(Debug, Args)]
pub(super) struct CheckVerb {
    /// A deploy.yml, which no mizan is needed for
    #[arg(value_name = "DEPLOY.YML")]
    file: Option<PathBuf>,
}

impl CheckVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        if let Some(file) = &self.file {
            return deploy_file(file);
        }
        let reply = client.check().await?;
        console.show(&reply, |_, _| text(&reply))?;
        if reply.good { Ok(()) } else { Err(Failure::Told) }
    }
}

fn deploy_file(file: &Path) -> Result<(), Failure> {
    let examined = deploy::examine_file(file).map_err(|problems| Failure::Problems(problems.to_string()))?;
    let (environments, services) = (examined.file.environments.len(), examined.file.services.len());
    print(&format!(
        "{}{}: good ({environments} environments, {services} services)\n",
        examined.warnings.render_warnings(mizan_config::Style::Plain),
        file.display()
    ))
}

/// One problem a line, as compilers have it, for editors to jump to.
fn text(reply: &CheckReply) -> String {
    let problems = reply.problems.iter().map(view::file_problem);
    let warnings = reply.warnings.iter().map(|warning| format!("{} [warning]", view::file_problem(warning)));
    let verdict =
        if reply.good { "good: a reload would put it in force" } else { "a reload would refuse it" };
    let lines = problems.chain(warnings).chain([verdict.to_owned()]);
    lines.map(|line| view::Style::Plain.paint(&line, false) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_api::FileProblem;

    #[test]
    fn a_problem_says_where_it_is_and_what_to_do() {
        let problem = |line, hint: Option<&str>| FileProblem {
            file: "mizan.yml".to_owned(),
            line,
            column: 5,
            message: "no such key".to_owned(),
            hint: hint.map(str::to_owned),
        };
        let problems = vec![problem(3, Some("did you mean `split`?"))];
        let text = text(&CheckReply { good: false, problems, warnings: vec![problem(0, None)] });
        assert_eq!(
            text,
            "mizan.yml:3:5: no such key (did you mean `split`?)\nmizan.yml: no such key [warning]\na reload would refuse it\n"
        );
    }
}
