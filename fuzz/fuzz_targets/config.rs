//! mizan.yml: whatever a file says, reading it ends without a panic; and every problem is somewhere in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_config::Style;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variable = |name: &str| (name.len() % 2 == 0).then(|| "value: {\n- \"".to_owned());
    match mizan_config::examine("mizan.yml", text, &variable) {
        Ok(examined) => assert!(!examined.config.listen.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            assert!(problems.iter().all(|problem| problem.line <= lines));
            let _ = problems.render(Style::Plain);
        }
    }
});
