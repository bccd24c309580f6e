//! Checks a file: `cargo run -p mizan-config --example check mizan.yml`.

use mizan_config::{Style, examine};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: check FILE");
        return ExitCode::FAILURE;
    };
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    match examine(&path, &text, &|name| std::env::var(name).ok()) {
        Ok(examined) => {
            print!("{}", examined.warnings.render_warnings(Style::Plain));
            println!("{path}: sound");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprint!("{problems}");
            for line in problems.lines() {
                eprintln!("{line}");
            }
            ExitCode::FAILURE
        }
    }
}
