//! Who runs this: for journals, locks and those who are told.

/// `ali@host`. Behind sudo, whoever called it.
pub(crate) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("SUDO_USER").or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    let user = user.unwrap_or_else(|| {
        let uid = rustix::process::getuid().as_raw();
        name_of(uid).unwrap_or_else(|| format!("uid {uid}"))
    });
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{host}")
}

/// As /etc/passwd has it: a job of CI or cron has no USER.
fn name_of(uid: u32) -> Option<String> {
    let (users, uid) = (std::fs::read_to_string("/etc/passwd").ok()?, uid.to_string());
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.filter(|fields| fields.get(2) == Some(&uid.as_str())).map(|fields| fields[0].to_owned()).next()
}
