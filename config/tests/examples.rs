//! The files in examples/ load, without warnings.

use mizan_config::examine;
use std::path::PathBuf;

#[test]
fn every_example_loads_without_a_warning() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        match examine(path.to_str().unwrap(), &text, &|_| None) {
            Ok(examined) => assert!(examined.warnings.is_empty(), "{}", examined.warnings),
            Err(problems) => panic!("{problems}"),
        }
        seen += 1;
    }
    assert!(seen >= 4);
}
