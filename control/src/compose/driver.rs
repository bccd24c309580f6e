//! Compose, by what 1.29 and 2 have in common.

mod check;
mod find;
mod lock;
mod run;
mod verify;

use self::find::{Found, Generation};
use self::run::Call;
use super::{Container, ContainerState, DockerError, Engine, printable};
use mizan_config::deploy::model::Compose;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the image variables are to be, of all tracks: every call interpolates the whole file.
pub(crate) type Images = BTreeMap<String, String>;

const UP_LIMIT: Duration = Duration::from_secs(5 * 60);
const PULL_LIMIT: Duration = Duration::from_secs(30 * 60);
const CONFIG_LIMIT: Duration = Duration::from_secs(60);

/// Another deploy of the project may be at its `up`, and one may wait before this one.
const LOCK_LIMIT: Duration = Duration::from_secs(2 * UP_LIMIT.as_secs());

/// One project.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    /// With absolute paths.
    compose: Compose,
    engine: Engine,
    /// `[docker, compose]` or `[docker-compose]`, and its version.
    found: Found,
    /// `docker compose 2.26.1`.
    version: String,
    /// Held while Compose runs: two first `up`s of one project at once make two networks.
    lock: PathBuf,
}

impl Driver {
    /// Finds which Compose it is. Refuses a project whose containers the other one made. `locks`: a folder.
    pub(crate) async fn open(compose: &Compose, engine: Engine, locks: &Path) -> Result<Self, DockerError> {
        let compose = absolute(compose)?;
        let containers = engine.containers(&compose.project, None).await?;
        let made = find::made_by(&compose.project, &containers)?;
        let found = find::find(&compose, made.as_ref(), run::version).await?;
        Ok(Self {
            version: format!("{} {}", found.command.join(" "), found.version.text),
            lock: lock::file(locks, &compose.project),
            compose,
            engine,
            found,
        })
    }

    /// `docker compose 2.26.1`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn project(&self) -> &str {
        &self.compose.project
    }

    /// Everything that stands before a verb: `docker compose -p app -f docker-compose.yml`. It means the same from any
    /// folder.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = self.found.command.clone();
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        option("-p", self.compose.project.clone());
        // `.env` and the paths in the files belong to this folder for both generations. It is said all the same: old
        // ones of the second look for `.env` in the folder that they are started in.
        option("--project-directory", self.folder().display().to_string());
        for file in &self.compose.files {
            option("-f", file.display().to_string());
        }
        if let Some(file) = &self.compose.env_file {
            option("--env-file", file.display().to_string());
        }
        words
    }

    /// The files are sound, and these services are in them, each with its `${variable}` as its image: they are asked with
    /// marks of our own in place of the variables.
    pub(crate) async fn check(&self, tracks: &[(&str, &str)], images: &Images) -> Result<(), DockerError> {
        let mut marked = images.clone();
        marked.extend(tracks.iter().map(|(_, variable)| ((*variable).to_owned(), check::mark(variable))));
        let mut verb = vec!["config"];
        if self.found.version.generation() == Generation::Two {
            // It looks at named services alone below, and `up` at all that have no inactive profile.
            self.call(&["config", "-q"], images, CONFIG_LIMIT).output().await?;
            // Not named, a service is left out where its profile is not active.
            verb.extend(tracks.iter().map(|(service, _)| *service));
        }
        let config = self.call(&verb, &marked, CONFIG_LIMIT).output().await?;
        for (service, variable) in tracks {
            check::has_mark(&config, service, variable).map_err(|why| {
                let files: Vec<_> =
                    self.compose.files.iter().map(|file| file.display().to_string()).collect();
                DockerError::Refused(format!("{} {why}", files.join(" with ")))
            })?;
        }
        Ok(())
    }

    /// Pulls a service's image, which is `${variable}`.
    pub(crate) async fn pull(
        &self,
        service: &str,
        variable: &str,
        images: &Images,
    ) -> Result<(), DockerError> {
        let image = image(images, variable)?;
        let mut verb = vec!["pull"];
        // What the file's `pull_policy` says is for `up`; the second generation would skip the pull, and say 0.
        verb.extend(
            self.found.version.knows_pull_policy().then_some(["--policy", "always"]).into_iter().flatten(),
        );
        verb.push(service);
        // Without the lock: it makes no network and no container, and may take long.
        self.call(&verb, images, PULL_LIMIT).output().await?;
        match self.engine.image(image).await? {
            Some(_) => Ok(()),
            None => Err(DockerError::Unverified(format!(
                "Compose says that it pulled {service}, but the image {} is not on this machine. Does the service have a \
                 `pull_policy`? Can it be pulled by hand, `docker pull {}`?",
                printable(image),
                printable(image)
            ))),
        }
    }

    /// `up -d --no-deps --scale S=N S`: on return so many containers run, with the image that `images` has for `variable`;
    /// what runs already is left alone with `keep`, else made anew where its image is another one. Nothing is built or
    /// pulled here. When this future is dropped, or mizanctl killed, Compose goes on to its end: see `settled`.
    pub(crate) async fn up(
        &self,
        service: &str,
        variable: &str,
        replicas: u32,
        keep: bool,
        images: &Images,
    ) -> Result<Vec<Container>, DockerError> {
        let image = image(images, variable)?;
        let lock = lock::take(&self.lock, LOCK_LIMIT).await?;
        let Some(wanted) = self.engine.image(image).await? else {
            return Err(DockerError::Refused(format!(
                "the image {} is not on this machine: pull or build it first",
                printable(image)
            )));
        };
        let mut before = self.engine.containers(self.project(), Some(service)).await?;
        if keep {
            before = self.without_stopped(before, &wanted.id).await?;
            refuse_fewer(&before, service, replicas)?;
        }
        let scale = format!("{service}={replicas}");
        let mut verb = vec!["up", "-d", "--no-deps", "--no-build"];
        verb.extend(keep.then_some("--no-recreate"));
        // The first generation does not pull what is here, and takes an option that it does not know for a success.
        verb.extend(
            self.found.version.knows_pull_never().then_some(["--pull", "never"]).into_iter().flatten(),
        );
        verb.extend(["--scale", &scale, service]);
        self.call(&verb, images, UP_LIMIT).holding(&lock)?.output().await?;
        let goal = verify::Goal { service, image, image_id: &wanted.id, replicas, keep, before: &before };
        verify::reached(&self.engine, self.project(), &goal).await
    }

    /// Waits until no `up` of this project runs, not even one that was interrupted, or that a mizanctl began which is gone by
    /// now: before containers are counted, stopped or removed that it may still be making.
    pub(crate) async fn settled(&self) -> Result<(), DockerError> {
        lock::take(&self.lock, LOCK_LIMIT).await.map(drop)
    }

    /// Both generations count stopped containers, too, and would start them again with the image that they have.
    async fn without_stopped(
        &self,
        containers: Vec<Container>,
        wanted: &str,
    ) -> Result<Vec<Container>, DockerError> {
        let mut kept = Vec::new();
        for container in containers {
            let stopped = match container.state {
                ContainerState::Created | ContainerState::Exited | ContainerState::Gone => true,
                ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => false,
            };
            if stopped && container.image_id != wanted {
                self.engine.remove(&container.id).await?;
            } else {
                kept.push(container);
            }
        }
        Ok(kept)
    }

    fn call(&self, verb: &[&str], images: &Images, limit: Duration) -> Call {
        let mut words = self.words();
        words.extend(verb.iter().map(ToString::to_string));
        Call::new(words, self.folder(), limit).of_project(&self.compose.project, self.engine.socket(), images)
    }

    /// Where the user runs Compose.
    fn folder(&self) -> &Path {
        self.compose.files[0].parent().expect("an absolute path of a file has a folder")
    }
}

fn image<'a>(images: &'a Images, variable: &str) -> Result<&'a str, DockerError> {
    images.get(variable).map(String::as_str).filter(|image| !image.is_empty()).ok_or_else(|| {
        DockerError::Refused(format!("it is not known which image {variable} is to be for this deploy"))
    })
}

/// Compose would stop the surplus at once, all together, with requests under way.
fn refuse_fewer(before: &[Container], service: &str, replicas: u32) -> Result<(), DockerError> {
    if before.len() <= replicas as usize {
        return Ok(());
    }
    Err(DockerError::Refused(format!(
        "{service} has {} containers already, and {replicas} are wanted without touching one of them: Compose would stop \
         {} without a drain",
        before.len(),
        before.len() - replicas as usize
    )))
}

/// The caller's folder means nothing to Compose, which runs in the files' one.
fn absolute(compose: &Compose) -> Result<Compose, DockerError> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map_err(|error| DockerError::Refused(format!("{}: {error}", path.display())))
    };
    let files: Vec<PathBuf> = compose.files.iter().map(absolute).collect::<Result<_, _>>()?;
    if files.is_empty() {
        return Err(DockerError::Refused("deploy.yml names no Compose file in `compose.files`".to_owned()));
    }
    if let Some(missing) = files.iter().chain(&compose.env_file).find(|file| !file.is_file()) {
        return Err(DockerError::Refused(format!(
            "there is no file {}: look at `compose` in deploy.yml",
            missing.display()
        )));
    }
    let env_file = compose.env_file.as_ref().map(absolute).transpose()?;
    Ok(Compose { files, env_file, ..compose.clone() })
}

#[cfg(test)]
mod tests;
