//! `mizanctl init`: the files for a first deploy.

use crate::console::{self, Console};
use crate::exit::Failure;
use crate::init::{COMPOSE_FILE, Proposal, Wanted, propose};
use crate::view::{Page, Style};
use clap::Args;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// In Compose's own order.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Write deploy.yml, mizan.yml and two tracks of a service, from your Docker Compose file
///
/// Changes nothing of the Compose file, nor of any other file that is there. docker-compose.mizan.yml has the service twice,
/// as SERVICE-blue and SERVICE-green, without what two containers cannot share: ports of the host, container_name, aliases.
/// mizan.yml is the proxy's configuration, with these two tracks; where you have one, mizan.SERVICE.yml is written, to copy
/// from. deploy.yml says how a new version is rolled out.
///
/// It tells what was left out, what to look at, and what to do next; with --json, as an object that also has the files'
/// texts. Neither Docker nor a running mizan is needed.
#[derive(Debug, Args)]
pub(super) struct InitVerb {
    /// The service of the Compose file to be rolled out; not needed where only one can be meant
    service: Option<String>,
    /// The Compose file [default: compose.yaml, compose.yml, docker-compose.yml or docker-compose.yaml]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The port that the service listens on [default: from its healthcheck, ports, expose or PORT]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The path that says whether it is healthy [default: from its healthcheck, else /health]
    #[arg(long, value_name = "PATH", value_parser = path)]
    health: Option<String>,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print the files instead of writing them
    #[arg(long)]
    print: bool,
}

impl InitVerb {
    pub(super) fn run(self, console: Console) -> Result<(), Failure> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => found(Path::new("."), &NAMES).ok_or_else(|| {
                Failure::Failed(format!(
                    "there is no {} here: name the Compose file with --file",
                    NAMES.join(", ")
                ))
            })?,
        };
        let text = fs::read_to_string(&file)
            .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
        let wanted = self.wanted(&file);
        let proposal = propose(&text, &wanted).map_err(Failure::Failed)?;
        let files = files(&proposal, &self.out);
        if !self.print {
            let mode = fs::metadata(&file).map_or(0o644, |data| data.permissions().mode() & 0o666);
            write(&self.out, &files, mode).map_err(Failure::Failed)?;
        }
        if console.json {
            return console.show(&proposal, |_, _| String::new());
        }
        if self.print {
            let texts: Vec<_> =
                files.iter().map(|(name, text)| format!("# ---- {name} ----\n{text}")).collect();
            console::print(&texts.join("\n"))?;
            let remarks = proposal.remarks.iter().map(|remark| Style::Plain.paint(remark, false));
            remarks.for_each(|remark| eprintln!("mizanctl: {remark}"));
            return Ok(());
        }
        console.show(&proposal, |width, colour| told(&proposal, &wanted, &self.out, &files, width, colour))
    }

    fn wanted(&self, file: &Path) -> Wanted {
        let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        // With --file Compose is told, too, and then reads no other.
        let overriding = if self.file.is_none() { found(folder, &OVERRIDES) } else { None };
        Wanted {
            service: self.service.clone(),
            port: self.port,
            health: self.health.clone(),
            file: from(&self.out, file),
            overriding: overriding.map(|file| from(&self.out, &file)),
            project: fs::read_to_string(folder.join(".env")).ok().and_then(|env| project(&env)),
        }
    }
}

/// The first of these that is there.
fn found(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

/// The path as a file in `out` is to have it: relative where `out` is this folder or the file's, so that the folder can
/// move.
fn from(out: &Path, file: &Path) -> String {
    let same =
        |a: &Path, b: &Path| a.canonicalize().ok().zip(b.canonicalize().ok()).is_some_and(|(a, b)| a == b);
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let name = file.file_name().map(PathBuf::from);
    let path = match name {
        Some(name) if same(out, folder) => name,
        _ if same(out, Path::new(".")) => file.strip_prefix("./").unwrap_or(file).to_owned(),
        _ => file.canonicalize().unwrap_or_else(|_| file.to_owned()),
    };
    path.to_string_lossy().into_owned()
}

/// COMPOSE_PROJECT_NAME of a `.env`.
fn project(env: &str) -> Option<String> {
    let value =
        env.lines().filter_map(|line| line.trim().strip_prefix("COMPOSE_PROJECT_NAME=")).next_back()?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Names and texts of what is to be written.
fn files<'a>(proposal: &'a Proposal, out: &Path) -> Vec<(String, &'a str)> {
    let mizan = if is_there(&out.join("mizan.yml")) {
        (format!("mizan.{}.yml", proposal.service), proposal.mizan_section.as_str())
    } else {
        ("mizan.yml".to_owned(), proposal.mizan.as_str())
    };
    vec![("deploy.yml".to_owned(), &proposal.deploy), (COMPOSE_FILE.to_owned(), &proposal.compose), mizan]
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// All, or none. What is there is never overwritten.
fn write(out: &Path, files: &[(String, &str)], mode: u32) -> Result<(), String> {
    let there: Vec<_> = files.iter().map(|(name, _)| out.join(name)).filter(|path| is_there(path)).collect();
    if !there.is_empty() {
        let names: Vec<_> = there.iter().map(|path| shown(path)).collect();
        let (are, them) = if let [_] = names[..] { ("is", "it") } else { ("are", "them") };
        return Err(format!(
            "{} {are} there already, and nothing was written; move {them} away, or look with --print at what would be written",
            names.join(" and ")
        ));
    }
    let mut created = Vec::new();
    let result = fs::create_dir_all(out).map_err(|error| (out.to_owned(), error)).and_then(|()| {
        files.iter().try_for_each(|(name, text)| create(out.join(name), text, mode, &mut created))
    });
    result.map_err(|(path, error)| {
        for path in &created {
            let _ = fs::remove_file(path);
        }
        format!("{}: {error}; nothing was written", shown(&path))
    })
}

/// `created` has the file from the moment it is there.
fn create(
    path: PathBuf,
    text: &str,
    mode: u32,
    created: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, io::Error)> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
    let written = opened.and_then(|mut file| {
        created.push(path.clone());
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| (path, error))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn told(
    proposal: &Proposal,
    wanted: &Wanted,
    out: &Path,
    files: &[(String, &str)],
    width: usize,
    colour: bool,
) -> String {
    let mut page = Page::new(width, colour);
    let service = &proposal.service;
    for (name, _) in files {
        page.flow(0, vec![(Style::Good, "wrote".into()), (Style::Bold, shown(&out.join(name)))]);
    }
    if !proposal.remarks.is_empty() {
        page.blank();
        page.words(0, Style::Bold, "To look at:");
        for remark in &proposal.remarks {
            page.flow(2, vec![(Style::Warn, "-".into()), (Style::Plain, remark.clone())]);
        }
    }
    page.blank();
    let here = if out == Path::new(".") { "Next:".to_owned() } else { format!("Next, in {}:", shown(out)) };
    page.words(0, Style::Bold, &here);
    let mizan = &files[files.len() - 1].0;
    let first = if mizan == "mizan.yml" {
        "read it; it listens on port 80, which nothing else may have"
    } else {
        "mizan.yml is yours: copy the service into it, and a route"
    };
    let read: Vec<_> = [Some(wanted.file.as_str()), wanted.overriding.as_deref(), Some(COMPOSE_FILE)]
        .into_iter()
        .flatten()
        .collect();
    let compose = format!(
        "docker compose {}",
        read.iter().map(|file| format!("-f {file}")).collect::<Vec<_>>().join(" ")
    );
    let steps = [
        (format!("$EDITOR {mizan}"), first.to_owned()),
        ("mizan check mizan.yml".to_owned(), "then start mizan, in a container on the same network".to_owned()),
        (format!("mizanctl deploy {service} --image IMAGE --dry-run"), "what a deploy would do".to_owned()),
        (format!("mizanctl deploy {service} --image IMAGE"), "the first version, beside the service that runs".to_owned()),
        (
            format!("{compose} rm -sf {service}"),
            format!(
                "when users reach the tracks: the service that ran before goes, and with it the name `{service}`, by which \
                 other containers may call it (they call mizan now). A bare `docker compose up -d` would bring it back: \
                 give it `profiles: [before-mizan]` in {}",
                wanted.file
            ),
        ),
        (
            format!("echo COMPOSE_FILE={} >> .env", read.join(":")),
            "so that plain `docker compose` knows the tracks, and `--remove-orphans` leaves them. Not with docker-compose \
             1.29 while users are there: for a second file it makes every container anew at the next `up`, once"
                .to_owned(),
        ),
    ];
    for (command, why) in steps {
        page.words(2, Style::Bold, &command);
        page.words(6, Style::Dim, &why);
    }
    page.into_text()
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("a path begins with /: /health".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = "services:\n  api:\n    image: acme/api\n    ports: ['80:3000']\n";

    fn verb(folder: &Path) -> InitVerb {
        let file = Some(folder.join("compose.yml"));
        InitVerb { service: None, file, port: None, health: None, out: folder.to_owned(), print: false }
    }

    fn run(verb: InitVerb) -> Result<(), String> {
        let console = Console { json: false, live: false, colour: false };
        verb.run(console).map_err(|failure| match failure {
            Failure::Failed(text) => text,
            other => panic!("{other:?}"),
        })
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("compose.yml"), COMPOSE).unwrap();
        folder
    }

    fn listed(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_files_are_written_beside_and_the_compose_file_stays() {
        let folder = folder();
        let path = folder.path();
        fs::set_permissions(path.join("compose.yml"), PermissionsExt::from_mode(0o600)).unwrap();
        run(verb(path)).unwrap();
        assert_eq!(listed(path), ["compose.yml", "deploy.yml", COMPOSE_FILE, "mizan.yml"]);
        assert_eq!(fs::read_to_string(path.join("compose.yml")).unwrap(), COMPOSE);
        let mode = fs::metadata(path.join(COMPOSE_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the tracks have the secrets that the Compose file has");
    }

    #[test]
    fn a_file_that_is_there_is_never_overwritten_and_then_nothing_is_written() {
        for name in ["deploy.yml", COMPOSE_FILE] {
            let folder = folder();
            let path = folder.path();
            fs::write(path.join(name), "mine").unwrap();
            let error = run(verb(path)).unwrap_err();
            assert!(error.contains(name) && error.contains("nothing was written"), "{error}");
            assert_eq!(listed(path).len(), 2);
            assert_eq!(fs::read_to_string(path.join(name)).unwrap(), "mine");
        }
    }

    #[test]
    fn a_link_to_nowhere_is_there() {
        let folder = folder();
        std::os::unix::fs::symlink("nowhere", folder.path().join("deploy.yml")).unwrap();
        assert!(run(verb(folder.path())).unwrap_err().contains("deploy.yml"));
        assert_eq!(listed(folder.path()), ["compose.yml", "deploy.yml"]);
    }

    #[test]
    fn beside_a_mizan_yml_the_service_is_written_to_copy_from() {
        let folder = folder();
        let path = folder.path();
        fs::write(path.join("mizan.yml"), "mine").unwrap();
        run(verb(path)).unwrap();
        assert_eq!(fs::read_to_string(path.join("mizan.yml")).unwrap(), "mine");
        let section = fs::read_to_string(path.join("mizan.api.yml")).unwrap();
        assert!(section.starts_with("# For mizan.yml: this goes under its `services:`."), "{section}");
        assert!(!section.contains("listen:"));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = folder();
        let path = folder.path();
        // A folder of that name is no file to make, and it is seen only when it is its turn.
        let files = [("a".to_owned(), "1"), ("b/c".to_owned(), "2")];
        let error = write(path, &files, 0o644).unwrap_err();
        assert!(error.contains("b/c") && error.contains("nothing was written"), "{error}");
        assert_eq!(listed(path), ["compose.yml"]);
    }

    #[test]
    fn printing_writes_nothing() {
        let folder = folder();
        run(InitVerb { print: true, ..verb(folder.path()) }).unwrap();
        assert_eq!(listed(folder.path()), ["compose.yml"]);
    }

    #[test]
    fn deploy_yml_finds_the_compose_file_from_its_own_folder() {
        let folder = folder();
        let path = folder.path();
        let out = path.join("deploy");
        run(InitVerb { out: out.clone(), ..verb(path) }).unwrap();
        let file = path.canonicalize().unwrap().join("compose.yml").display().to_string();
        assert!(
            fs::read_to_string(out.join("deploy.yml"))
                .unwrap()
                .contains(&format!("[{file}, {COMPOSE_FILE}]"))
        );
        assert_eq!(from(path, &path.join("compose.yml")), "compose.yml");
        assert_eq!(from(Path::new("."), Path::new("./infra/c.yml")), "infra/c.yml");
    }

    #[test]
    fn a_project_named_in_env_is_the_project() {
        let folder = folder();
        let path = folder.path();
        fs::write(path.join(".env"), "A=1\nCOMPOSE_PROJECT_NAME=\"shop\"\n").unwrap();
        run(verb(path)).unwrap();
        assert!(fs::read_to_string(path.join("deploy.yml")).unwrap().contains("      project: shop\n"));
        assert_eq!(project("#COMPOSE_PROJECT_NAME=x\nCOMPOSE_PROJECT_NAME=\n"), None);
    }

    #[test]
    fn the_next_commands_are_told() {
        let wanted = Wanted { file: "compose.yml".into(), ..Wanted::default() };
        let proposal = propose(COMPOSE, &wanted).unwrap();
        let files = files(&proposal, Path::new("/nowhere"));
        let text = told(&proposal, &wanted, Path::new("."), &files, 200, false);
        for line in [
            "wrote  deploy.yml",
            "  -  no `restart`",
            "  mizan check mizan.yml",
            "  mizanctl deploy api --image IMAGE --dry-run",
            "  docker compose -f compose.yml -f docker-compose.mizan.yml rm -sf api",
        ] {
            assert!(text.lines().any(|one| one.starts_with(line)), "{line}\n{text}");
        }
    }
}
