//! A `dns` command of the kind that people write themselves: it tells challtestsrv, and keeps a diary.

use super::challtestsrv::Challtestsrv;
use crate::authority::put;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An executable script in a folder.
#[derive(Debug)]
pub struct Hook {
    diary: PathBuf,
}

impl Hook {
    /// `dns-hook` in `folder`.
    pub fn write(folder: &Path, dns: &Challtestsrv) -> Self {
        let (diary, management) = (folder.join("dns-hook.log"), dns.management());
        let script = format!(
            "#!/bin/sh\nset -eu\necho \"$*\" >> '{}'\n\
             case \"$1\" in\n\
             present) body=\"{{\\\"host\\\": \\\"${{2%.}}.\\\", \\\"value\\\": \\\"$3\\\"}}\"; path=set-txt ;;\n\
             cleanup) body=\"{{\\\"host\\\": \\\"${{2%.}}.\\\"}}\"; path=clear-txt ;;\n\
             *) echo \"what is $1?\" >&2; exit 2 ;;\n\
             esac\n\
             exec curl -sSf -d \"$body\" '{management}/'$path\n",
            diary.display()
        );
        let path = folder.join("dns-hook");
        put(&path, &script);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it was written");
        Self { diary }
    }

    /// The words of each call, in one line.
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.diary).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
